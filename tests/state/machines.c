/*
 * Whole machines for tests of their state: see machines.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/state/machines.h"
#include <glib/gstdio.h>
#include "tests/lib/tmp.h"
#include "util/main-loop.h"

/* --- building --------------------------------------------------------------------------- */

static const struct {
    const char *name;
    size_t size;
} images[] = { { "hda", 2 << 20 }, { "hdc", 1 << 20 }, { "fda", 1440 << 10 } };

static void make_image(const TestMachine *t, const TestMachine *like, const char *name, size_t size)
{
    g_autofree char *path = g_build_filename(t->dir, name, NULL);
    g_autofree char *data = NULL;
    gsize len = size;

    if (like) {
        g_autofree char *from = g_build_filename(like->dir, name, NULL);
        g_assert_true(g_file_get_contents(from, &data, &len, NULL));
    } else {
        data = g_malloc(size);
        for (size_t i = 0; i < size; i++) {
            data[i] = i * 7 + (i >> 9);
        }
    }
    g_assert_true(g_file_set_contents(path, data, len, NULL));
}

static void add_words(GPtrArray *argv, const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);

    for (char **w = words; *w; w++) {
        g_ptr_array_add(argv, g_strdup(*w));
    }
}

static Startup *build(const char *dir, const char *options)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(Config) config = config_new();
    g_autofree char *drives = g_strdup_printf(
        "-drive file=%s/hda,format=raw,if=ide,index=0 "
        "-drive file=%s/hdc,format=raw,if=ide,index=2,media=cdrom "
        "-drive file=%s/fda,format=raw,if=floppy", dir, dir, dir);
    bool done = false;

    add_words(argv, "doppel -M pc -m 4 -smp 2 -accel qtest -display none -nic none -no-shutdown "
              "-rtc base=2022-02-28T23:59:58 -serial vc -serial null -parallel null -monitor none "
              "-device ib700 -device isa-debugcon,chardev=dbg -chardev null,id=dbg");
    add_words(argv, drives);
    if (options) {
        add_words(argv, options);
    }
    g_ptr_array_add(argv, NULL);
    g_assert_true(config_parse(config, argv->len - 1, (char **)argv->pdata, &done, &error_fatal));
    Startup *startup = startup_build(config, &error_fatal);
    g_assert_nonnull(startup);
    return startup;
}

static void prepare_program(void)
{
    static bool done;

    if (!done) {
        done = true;
        for (ModuleKind kind = 0; kind < MODULE_COUNT; kind++) {
            module_call_init(kind);
        }
        main_loop_init();
    }
}

TestMachine *test_machine_new_with(const char *options, const TestMachine *like)
{
    TestMachine *t = g_new0(TestMachine, 1);

    prepare_program();
    t->dir = tmp_folder();
    for (size_t i = 0; i < G_N_ELEMENTS(images); i++) {
        make_image(t, like, images[i].name, images[i].size);
    }
    t->startup = build(t->dir, options);
    t->m = runstate_machine(startup_runstate(t->startup));
    runstate_start(startup_runstate(t->startup));
    return t;
}

TestMachine *test_machine_new(const TestMachine *like)
{
    return test_machine_new_with(NULL, like);
}

void test_machine_free(TestMachine *t)
{
    startup_free(t->startup);
    machine_destroy(t->m);
    for (size_t i = 0; i < G_N_ELEMENTS(images); i++) {
        g_autofree char *path = g_build_filename(t->dir, images[i].name, NULL);
        g_unlink(path);
    }
    g_free(t);
}

/* --- accesses ------------------------------------------------------------------------------- */

void out(TestMachine *t, uint16_t port, unsigned size, uint32_t val)
{
    address_space_st(&t->m->io_as, port, size, val);
}

uint32_t in(TestMachine *t, uint16_t port, unsigned size)
{
    return address_space_ld(&t->m->io_as, port, size);
}

void mem_write(TestMachine *t, uint64_t addr, unsigned size, uint64_t val)
{
    address_space_st(&t->m->memory_as, addr, size, val);
}

uint64_t mem_read(TestMachine *t, uint64_t addr, unsigned size)
{
    return address_space_ld(&t->m->memory_as, addr, size);
}

void step_clock(TestMachine *t, int64_t ns)
{
    clock_advance_to(t->m->clock, clock_get_ns(t->m->clock) + ns);
    settle(t);
}

static void drain(BlockBackend *blk, void *opaque)
{
    blk_drain(blk);
}

void settle(TestMachine *t)
{
    block_foreach(t->m->drives, drain, NULL);
    main_loop_wait(false);
}

/* --- random accesses ---------------------------------------------------------------------------- */

typedef struct Area {
    uint32_t start, size;
} Area;

/* Where devices are. Not: isa-debug-exit and the like, which end the program. */
static const Area ports[] = {
    { 0x00, 0x10 }, { 0x20, 2 }, { 0x40, 4 }, { 0x60, 5 }, { 0x70, 2 }, { 0x80, 0x10 },
    { 0x92, 1 }, { 0xa0, 2 }, { 0xb2, 2 }, { 0xc0, 0x20 }, { 0x170, 8 }, { 0x1ce, 4 }, { 0x1f0, 8 },
    { 0x2f8, 8 }, { 0x376, 1 }, { 0x378, 8 }, { 0x3b0, 0x30 }, { 0x3f0, 8 }, { 0x3f8, 8 },
    { 0x441, 3 }, { 0x4d0, 2 }, { 0x505, 1 }, { 0x510, 12 }, { 0x600, 0x40 }, { 0xafe0, 4 },
    { 0xc040, 16 }, { 0xcf8, 8 },
};

static const Area areas[] = {
    { 0, 0x1000 }, { 0xa0000, 0x20000 }, { 0xc0000, 0x40000 }, { 0xfd000000, 0x1000000 },
    { 0xfebf0000, 0x1000 }, { 0xfec00000, 0x40 }, { 0xfed00000, 0x400 }, { 0xfee00000, 0x400 },
};

static uint32_t choose(GRand *rng, const Area *list, size_t n)
{
    const Area *a = &list[g_rand_int_range(rng, 0, n)];

    return a->start + g_rand_int_range(rng, 0, a->size);
}

uint64_t random_access(TestMachine *t, GRand *rng)
{
    unsigned kind = g_rand_int_range(rng, 0, 100), size = 1u << (g_rand_int(rng) % 3);
    uint32_t port = choose(rng, ports, G_N_ELEMENTS(ports));
    uint32_t addr = choose(rng, areas, G_N_ELEMENTS(areas));
    uint32_t val = g_rand_int(rng), ns = g_rand_int_range(rng, 1, 3 * NS_PER_MS);
    uint64_t got = 0;

    if (kind < 35) {
        out(t, port, size, val);
    } else if (kind < 70) {
        got = in(t, port, size);
    } else if (kind < 80) {
        mem_write(t, addr, size, val);
    } else if (kind < 90) {
        got = mem_read(t, addr, size);
    } else {
        step_clock(t, ns);
        return 0;
    }
    settle(t);
    return got;
}
