/*
 * Memory core: which region answers an address. Overlap rules, aliases, several address spaces.
 * Random trees are held against a model that resolves one address at a time.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "util/main-loop.h"
#include "util/module.h"
#include "util/rcu.h"
#include "tests/unit/memory_fixture.h"

/* --- overlap -------------------------------------------------------------- */

static void test_priorities(void)
{
    Fixture f;
    Recorder low, high, later;
    fixture_init(&f);
    init_tagged(&low, 1, 0x100);
    init_tagged(&high, 2, 0x10);
    init_tagged(&later, 3, 0x20);
    memory_region_add_subregion_overlap(&f.root, 0x1020, &high.mr, 5);
    memory_region_add_subregion(&f.root, 0x1000, &low.mr);
    memory_region_add_subregion(&f.root, 0x1080, &later.mr);

    g_assert_cmpint(load_result(&f.as, 0xfff, 1), ==, NOTHING);
    g_assert_cmphex(byte_at(&f, 0xfff), ==, 0xff);
    g_assert_cmphex(byte_at(&f, 0x1000), ==, 1);
    g_assert_cmphex(byte_at(&f, 0x101f), ==, 1);
    g_assert_cmphex(byte_at(&f, 0x1020), ==, 2);
    g_assert_cmphex(byte_at(&f, 0x102f), ==, 2);
    g_assert_cmphex(byte_at(&f, 0x1030), ==, 1);
    g_assert_cmphex(byte_at(&f, 0x1080), ==, 3); /* same priority: the last one wins */
    g_assert_cmphex(byte_at(&f, 0x10a0), ==, 1);
    g_assert_cmpint(load_result(&f.as, 0x1100, 1), ==, NOTHING);

    memory_region_set_enabled(&high.mr, false);
    g_assert_cmphex(byte_at(&f, 0x1020), ==, 1);
    memory_region_set_enabled(&high.mr, true);
    memory_region_set_address(&high.mr, 0x10f8);
    g_assert_cmphex(byte_at(&f, 0x1020), ==, 1);
    g_assert_cmphex(byte_at(&f, 0x1107), ==, 2);
    memory_region_set_size(&high.mr, 8);
    g_assert_cmpint(load_result(&f.as, 0x1100, 1), ==, NOTHING);
    memory_region_del_subregion(&f.root, &low.mr);
    g_assert_cmpint(load_result(&f.as, 0x1000, 1), ==, NOTHING);

    recorder_destroy(&low);
    recorder_destroy(&high);
    recorder_destroy(&later);
    fixture_destroy(&f);
}

static void test_containers_fall_through(void)
{
    Fixture f;
    MemoryRegion box;
    Recorder below, inside;
    fixture_init(&f);
    memory_region_init(&box, NULL, "box", 0x100);
    init_tagged(&below, 1, 0x1000);
    init_tagged(&inside, 2, 0x100);
    memory_region_add_subregion(&box, 0xf0, &inside.mr); /* sticks out: clipped */
    memory_region_add_subregion_overlap(&f.root, 0, &box, 1);
    memory_region_add_subregion(&f.root, 0, &below.mr);

    g_assert_cmphex(byte_at(&f, 0), ==, 1);
    g_assert_cmphex(byte_at(&f, 0xef), ==, 1);
    g_assert_cmphex(byte_at(&f, 0xf0), ==, 2);
    g_assert_cmphex(byte_at(&f, 0xff), ==, 2);
    g_assert_cmphex(byte_at(&f, 0x100), ==, 1);
    memory_region_set_enabled(&box, false);
    g_assert_cmphex(byte_at(&f, 0xf0), ==, 1);

    recorder_destroy(&inside);
    memory_region_destroy(&box);
    recorder_destroy(&below);
    fixture_destroy(&f);
}

static void test_aliases(void)
{
    Fixture f;
    MemoryRegion ram, part, of_part, readonly;
    fixture_init(&f);
    init_ram(&ram, 0x2000);
    uint8_t *host = memory_region_get_ram_ptr(&ram);
    for (unsigned i = 0; i < 0x2000; i++) {
        host[i] = i >> 4;
    }
    memory_region_init_alias(&part, NULL, "part", &ram, 0x800, 0x400);
    memory_region_init_alias(&of_part, NULL, "of-part", &part, 0x300, 0x1000);
    memory_region_init_alias(&readonly, NULL, "readonly", &ram, 0, 0x10);
    memory_region_set_readonly(&readonly, true);
    memory_region_add_subregion(&f.root, 0x4000, &part);
    memory_region_add_subregion(&f.root, 0x6000, &of_part);
    memory_region_add_subregion(&f.root, 0x8000, &readonly);

    g_assert_cmphex(byte_at(&f, 0x4000), ==, 0x80);
    g_assert_cmphex(byte_at(&f, 0x43ff), ==, 0xbf);
    g_assert_cmpint(load_result(&f.as, 0x4400, 1), ==, NOTHING);
    g_assert_cmphex(byte_at(&f, 0x6000), ==, 0xb0);
    g_assert_cmphex(byte_at(&f, 0x60ff), ==, 0xbf); /* part ends here, though of_part is larger */
    g_assert_cmpint(load_result(&f.as, 0x6100, 1), ==, NOTHING);

    address_space_st(&f.as, 0x8000, 4, 0x12345678);
    g_assert_cmphex(host[0], ==, 0);
    address_space_st(&f.as, 0x6000, 4, 0x12345678);
    g_assert_cmphex(host[0xb00], ==, 0x78);
    g_assert_cmphex(address_space_ld(&f.as, 0x4300, 4), ==, 0x12345678);

    memory_region_set_alias_offset(&part, 0);
    g_assert_cmphex(byte_at(&f, 0x4010), ==, 1);
    g_assert_cmphex(byte_at(&f, 0x6010), ==, 0x31);

    memory_region_destroy(&readonly);
    memory_region_destroy(&of_part);
    memory_region_destroy(&part);
    memory_region_destroy(&ram);
    fixture_destroy(&f);
}

static void test_whole_address_space(void)
{
    MemoryRegion root, ram;
    AddressSpace as;
    Recorder top;
    memory_region_init(&root, NULL, "root", UINT64_MAX);
    address_space_init(&as, &root, "all");
    init_ram(&ram, 0x1000);
    init_tagged(&top, 7, 0x10);
    memory_region_add_subregion(&root, 0x1000, &ram);
    memory_region_add_subregion(&root, UINT64_MAX - 0xf, &top.mr);
    g_assert_cmphex(address_space_ld(&as, UINT64_MAX, 1), ==, 7);
    g_assert_cmphex(address_space_ld(&as, UINT64_MAX - 3, 4), ==, 7);

    MemorySection section;
    rcu_reader_enter();
    address_space_lookup(&as, 0x800, &section);
    g_assert_null(section.mr);
    g_assert_cmphex(section.length, ==, 0x800);
    address_space_lookup(&as, 0x1234, &section);
    g_assert_true(section.mr == &ram && section.writable);
    g_assert_cmphex(section.offset, ==, 0x234);
    g_assert_cmphex(section.length, ==, 0xdcc);
    g_assert_true(section.host == (uint8_t *)memory_region_get_ram_ptr(&ram) + 0x234);
    address_space_lookup(&as, UINT64_MAX - 7, &section);
    g_assert_true(section.mr == &top.mr && !section.host && !section.writable);
    g_assert_cmphex(section.length, ==, 8);
    rcu_reader_leave();

    recorder_destroy(&top);
    memory_region_destroy(&ram);
    address_space_destroy(&as);
    memory_region_destroy(&root);
}

/* --- several address spaces ----------------------------------------------- */

static void test_two_address_spaces(void)
{
    Fixture f;
    MemoryRegion ram, gate, window;
    AddressSpace dma;
    fixture_init(&f);
    init_ram(&ram, 0x1000);
    memory_region_add_subregion(&f.root, 0, &ram);
    /* As a bus master sees memory: through a window that its command register opens. */
    memory_region_init(&gate, NULL, "gate", UINT64_MAX);
    memory_region_init_alias(&window, NULL, "window", &f.root, 0, UINT64_MAX);
    memory_region_add_subregion(&gate, 0, &window);
    memory_region_set_enabled(&window, false);
    address_space_init(&dma, &gate, "dma");

    address_space_st(&f.as, 0x10, 4, 0x12345678);
    g_assert_cmpint(load_result(&dma, 0x10, 4), ==, NOTHING);
    memory_region_set_enabled(&window, true);
    g_assert_cmphex(address_space_ld(&dma, 0x10, 4), ==, 0x12345678);
    g_assert_true(dma.view == f.as.view); /* rendered once */
    memory_region_set_readonly(&window, true);
    address_space_st(&dma, 0x10, 4, 0);
    g_assert_cmphex(address_space_ld(&f.as, 0x10, 4), ==, 0x12345678);

    address_space_destroy(&dma);
    memory_region_destroy(&window);
    memory_region_destroy(&gate);
    memory_region_destroy(&ram);
    fixture_destroy(&f);
}

/* --- random trees --------------------------------------------------------- */

enum { N_REGIONS = 14, SPACE = 0x120 };

typedef struct Tree {
    MemoryRegion regions[N_REGIONS]; /* i contains and aliases only what is before i */
    MemoryRegionOps ops;
    GRand *rand;
} Tree;

static void tree_build(Tree *t)
{
    for (int i = 0; i < N_REGIONS; i++) {
        MemoryRegion *mr = &t->regions[i];
        uint64_t size = g_rand_int_range(t->rand, 1, 0x100);
        int kind = i == N_REGIONS - 1 ? 0 : g_rand_int_range(t->rand, 0, 4);
        if (kind == 0) {
            memory_region_init(mr, NULL, "container", size);
        } else if (kind == 1 && i > 0) {
            memory_region_init_alias(mr, NULL, "alias",
                                     &t->regions[g_rand_int_range(t->rand, 0, i)],
                                     g_rand_int_range(t->rand, 0, 0x40), size);
            continue;
        } else {
            memory_region_init_io(mr, NULL, &t->ops, NULL, "io", size);
        }
        for (int j = 0; j < i; j++) {
            if (!t->regions[j].container && g_rand_int_range(t->rand, 0, 3) == 0) {
                memory_region_add_subregion_overlap(mr, g_rand_int_range(t->rand, 0, 0xc0),
                                                    &t->regions[j],
                                                    g_rand_int_range(t->rand, -1, 3));
            }
        }
    }
}

static void tree_mutate(Tree *t)
{
    MemoryRegion *mr = &t->regions[g_rand_int_range(t->rand, 0, N_REGIONS)];
    switch (g_rand_int_range(t->rand, 0, 5)) {
    case 0:
        memory_region_set_enabled(mr, !mr->enabled);
        break;
    case 1:
        memory_region_set_address(mr, g_rand_int_range(t->rand, 0, 0x100));
        break;
    case 2:
        memory_region_set_size(mr, g_rand_int_range(t->rand, 1, 0x100));
        break;
    case 3:
        if (mr->alias) {
            memory_region_set_alias_offset(mr, g_rand_int_range(t->rand, 0, 0x80));
        }
        break;
    default:
        if (mr->container) {
            MemoryRegion *container = mr->container;
            memory_region_del_subregion(container, mr);
            memory_region_add_subregion_overlap(container, mr->addr, mr,
                                                g_rand_int_range(t->rand, -1, 3));
        }
    }
}

static void tree_compare(Tree *t, AddressSpace *as, const Follower *follower)
{
    rcu_reader_enter();
    for (hwaddr addr = 0; addr < SPACE; addr++) {
        hwaddr offset = 0;
        MemoryRegion *expected = memory_model_resolve(as->root, addr, &offset);
        MemorySection s;
        address_space_lookup(as, addr, &s);
        g_assert_true(s.mr == expected);
        g_assert_cmphex(s.offset, ==, offset);

        const MemorySection *heard = NULL;
        for (guint i = 0; i < follower->sections->len; i++) {
            const MemorySection *at = &g_array_index(follower->sections, MemorySection, i);
            if (addr - at->address < at->length) {
                heard = at;
            }
        }
        g_assert_true((heard ? heard->mr : NULL) == expected);
        if (heard) {
            g_assert_cmphex(heard->offset + (addr - heard->address), ==, offset);
        }
    }
    rcu_reader_leave();
}

static void test_random_trees(void)
{
    Tree *t = g_new0(Tree, 1);
    t->rand = g_rand_new_with_seed(20240611);
    for (int round = 0; round < 150; round++) {
        AddressSpace as;
        Follower follower;
        tree_build(t);
        address_space_init(&as, &t->regions[N_REGIONS - 1], "random");
        follower_init(&follower, &as, false);
        tree_compare(t, &as, &follower);
        for (int i = 0; i < 20; i++) {
            memory_transaction_begin();
            for (int n = g_rand_int_range(t->rand, 1, 4); n; n--) {
                tree_mutate(t);
            }
            memory_transaction_commit();
            tree_compare(t, &as, &follower);
        }
        follower_destroy(&follower);
        address_space_destroy(&as);
        for (int i = N_REGIONS - 1; i >= 0; i--) {
            memory_region_destroy(&t->regions[i]);
        }
    }
    g_rand_free(t->rand);
    g_free(t);
}

/* --- life and text -------------------------------------------------------- */

static void test_owner(void)
{
    Fixture f;
    MemoryRegion *ram = g_new0(MemoryRegion, 1);
    Object *owner = object_new(TYPE_CONTAINER);
    fixture_init(&f);
    g_assert_true(memory_region_init_ram(ram, owner, "a/b", 0x1000, &error_fatal));
    g_assert_cmpstr(ram->parent_obj.name, ==, "a\\x2fb[0]");
    int before = owner->ref;
    memory_region_add_subregion(&f.root, 0, ram);
    g_assert_cmpint(owner->ref, >, before); /* the view keeps the owner */
    memory_region_del_subregion(&f.root, ram);
    rcu_barrier();
    main_loop_wait(false);
    g_assert_cmpint(owner->ref, ==, before);
    memory_region_destroy(ram);
    object_unref(owner);
    fixture_destroy(&f);
    g_free(ram);
}

static void test_print(void)
{
    MemoryRegion root, ram, alias;
    AddressSpace as;
    g_autoptr(GString) out = g_string_new(NULL);
    memory_region_init(&root, NULL, "system", UINT64_MAX);
    g_assert_true(memory_region_init_ram(&ram, NULL, "pc.ram", 0x8000000, &error_fatal));
    memory_region_init_alias(&alias, NULL, "ram-below-4g", &ram, 0, 0x8000000);
    address_space_init(&as, &root, "memory");
    memory_region_add_subregion(&root, 0, &alias);
    memory_print_tree(out, &as, true);
    /* As Debian's qemu-system-x86_64 prints such a tree. */
    g_assert_cmpstr(out->str, ==,
        "address-space: memory\n"
        "  0000000000000000-ffffffffffffffff (prio 0, i/o): system\n"
        "    0000000000000000-0000000007ffffff (prio 0, ram): alias ram-below-4g @pc.ram "
        "0000000000000000-0000000007ffffff\n\n"
        "memory-region: pc.ram\n"
        "  0000000000000000-0000000007ffffff (prio 0, ram): pc.ram\n\n");
    g_string_truncate(out, 0);
    memory_print_flat(out, &as);
    g_assert_nonnull(strstr(out->str,
        "  0000000000000000-0000000007ffffff (prio 0, ram): pc.ram\n"));
    memory_region_destroy(&alias);
    memory_region_destroy(&ram);
    address_space_destroy(&as);
    memory_region_destroy(&root);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    module_call_init(MODULE_QOM);
    g_test_add_func("/memory/priorities", test_priorities);
    g_test_add_func("/memory/containers", test_containers_fall_through);
    g_test_add_func("/memory/aliases", test_aliases);
    g_test_add_func("/memory/whole", test_whole_address_space);
    g_test_add_func("/memory/two-address-spaces", test_two_address_spaces);
    g_test_add_func("/memory/random-trees", test_random_trees);
    g_test_add_func("/memory/owner", test_owner);
    g_test_add_func("/memory/print", test_print);
    return g_test_run();
}
