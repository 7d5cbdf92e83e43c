/*
 * Memory core: overlap rules, transactions, access sizes, byte order, dirty
 * logging, listeners and readers in other threads. Random trees are held
 * against a model that resolves one address at a time.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "memory/memory.h"
#include "util/main-loop.h"
#include "util/module.h"
#include "util/rcu.h"

#define NOTHING MEMTX_DECODE_ERROR

/* --- a device that notes how it is accessed ------------------------------- */

typedef struct Recorder {
    MemoryRegion mr;
    MemoryRegionOps ops;
    GString *log;       /* "r4@0 w2@2=1234 " */
    uint8_t bytes[64];  /* reads give these, little-endian */
    uint8_t tag;        /* in place of bytes, if not 0 */
} Recorder;

static uint64_t recorder_read(void *opaque, hwaddr addr, unsigned size)
{
    Recorder *r = opaque;
    uint64_t val = 0;
    g_string_append_printf(r->log, "r%u@%" PRIx64 " ", size, addr);
    memcpy(&val, &r->bytes[addr % sizeof(r->bytes)], size);
    return r->tag ? r->tag : val;
}

static void recorder_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    Recorder *r = opaque;
    g_string_append_printf(r->log, "w%u@%" PRIx64 "=%" PRIx64 " ", size, addr, val);
}

static void recorder_init(Recorder *r, const char *name, uint64_t size)
{
    memset(r, 0, sizeof(*r));
    r->log = g_string_new(NULL);
    r->ops.read = recorder_read;
    r->ops.write = recorder_write;
    for (unsigned i = 0; i < sizeof(r->bytes); i++) {
        r->bytes[i] = 0x10 + i;
    }
    memory_region_init_io(&r->mr, NULL, &r->ops, r, name, size);
}

static void recorder_destroy(Recorder *r)
{
    memory_region_destroy(&r->mr);
    g_string_free(r->log, TRUE);
}

/* The log since the last call. */
#define assert_log(r, text)                                                    \
    do {                                                                       \
        g_assert_cmpstr((r)->log->str, ==, text);                              \
        g_string_truncate((r)->log, 0);                                        \
    } while (0)

/* --- an address space of 64 KiB with a root container --------------------- */

typedef struct Fixture {
    MemoryRegion root;
    AddressSpace as;
} Fixture;

static void fixture_init(Fixture *f)
{
    memory_region_init(&f->root, NULL, "root", 0x10000);
    address_space_init(&f->as, &f->root, "test");
}

static void fixture_destroy(Fixture *f)
{
    address_space_destroy(&f->as);
    memory_region_destroy(&f->root);
}

static uint8_t byte_at(Fixture *f, hwaddr addr)
{
    return address_space_ld(&f->as, addr, 1);
}

static MemTxResult load_result(AddressSpace *as, hwaddr addr, unsigned size)
{
    uint64_t val;
    return address_space_load(as, addr, size, MEMTXATTRS_NONE, &val);
}

static void init_tagged(Recorder *r, uint8_t tag, uint64_t size)
{
    recorder_init(r, "tagged", size);
    r->tag = tag;
}

static void init_ram(MemoryRegion *mr, uint64_t size)
{
    g_assert_true(memory_region_init_ram(mr, NULL, "ram", size, &error_fatal));
}

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

/* --- access sizes --------------------------------------------------------- */

static void test_sizes_split(void)
{
    Fixture f;
    Recorder r;
    fixture_init(&f);
    recorder_init(&r, "bytes", 0x10);
    r.ops.impl.max_size = 1;
    memory_region_add_subregion(&f.root, 0x70, &r.mr);
    g_assert_cmphex(address_space_ld(&f.as, 0x70, 4), ==, 0x13121110);
    assert_log(&r, "r1@0 r1@1 r1@2 r1@3 ");
    address_space_st(&f.as, 0x72, 2, 0xabcd);
    assert_log(&r, "w1@2=cd w1@3=ab ");
    /* Misaligned: the bus makes aligned pieces, each of which is split. */
    g_assert_cmphex(address_space_ld(&f.as, 0x71, 4), ==, 0x14131211);
    assert_log(&r, "r1@1 r1@2 r1@3 r1@4 ");
    recorder_destroy(&r);
    fixture_destroy(&f);
}

static void test_sizes_bus_pieces(void)
{
    Fixture f;
    Recorder r;
    fixture_init(&f);
    recorder_init(&r, "default", 0x10);
    memory_region_add_subregion(&f.root, 0x100, &r.mr);
    g_assert_cmphex(address_space_ld(&f.as, 0x101, 4), ==, 0x14131211);
    assert_log(&r, "r1@1 r2@2 r1@4 ");
    /* 8 bytes are two 4-byte cycles unless the region takes 8. */
    g_assert_cmphex(address_space_ld(&f.as, 0x100, 8), ==, 0x1716151413121110);
    assert_log(&r, "r4@0 r4@4 ");
    r.ops.valid.max_size = r.ops.impl.max_size = 8;
    g_assert_cmphex(address_space_ld(&f.as, 0x100, 8), ==, 0x1716151413121110);
    assert_log(&r, "r8@0 ");
    r.ops.valid.unaligned = r.ops.impl.unaligned = true;
    address_space_st(&f.as, 0x103, 4, 0x11223344);
    assert_log(&r, "w4@3=11223344 ");
    recorder_destroy(&r);
    fixture_destroy(&f);
}

static void test_sizes_widen(void)
{
    Fixture f;
    Recorder r;
    fixture_init(&f);
    recorder_init(&r, "dwords", 0x10);
    r.ops.impl.min_size = 4;
    memory_region_add_subregion(&f.root, 0, &r.mr);
    g_assert_cmphex(address_space_ld(&f.as, 6, 2), ==, 0x1716);
    assert_log(&r, "r4@4 ");
    address_space_st(&f.as, 5, 1, 0xee); /* the bytes beside it keep their value */
    assert_log(&r, "r4@4 w4@4=1716ee14 ");
    /* An access that valid lets through misaligned, for handlers that are not. */
    r.ops.valid.unaligned = true;
    g_assert_cmphex(address_space_ld(&f.as, 2, 4), ==, 0x15141312);
    assert_log(&r, "r4@0 r4@4 ");
    recorder_destroy(&r);
    fixture_destroy(&f);
}

static void test_sizes_refused(void)
{
    Fixture f;
    Recorder r;
    fixture_init(&f);
    recorder_init(&r, "words", 0x10);
    r.ops.valid.min_size = 2;
    r.ops.valid.max_size = 2;
    memory_region_add_subregion(&f.root, 0, &r.mr);
    g_assert_cmpint(load_result(&f.as, 0, 1), ==, MEMTX_ERROR);
    g_assert_cmphex(address_space_ld(&f.as, 0, 1), ==, 0xff);
    g_assert_cmpint(load_result(&f.as, 0, 4), ==, MEMTX_ERROR);
    g_assert_cmphex(address_space_ld(&f.as, 0, 4), ==, 0xffffffff);
    g_assert_cmpint(address_space_store(&f.as, 0, 4, MEMTXATTRS_NONE, 1), ==, MEMTX_ERROR);
    assert_log(&r, "");
    g_assert_cmpint(load_result(&f.as, 0, 2), ==, MEMTX_OK);
    assert_log(&r, "r2@0 ");
    recorder_destroy(&r);
    fixture_destroy(&f);
}

/* As with CONFIG_ADDRESS at 0xcf8 and the reset control register at 0xcf9 of a PC. */
static void test_overlaid_register(void)
{
    Fixture f;
    Recorder wide, byte;
    fixture_init(&f);
    recorder_init(&wide, "wide", 4);
    recorder_init(&byte, "byte", 1);
    wide.ops.valid.min_size = 4;
    memory_region_add_subregion(&f.root, 0xcf8, &wide.mr);
    memory_region_add_subregion_overlap(&f.root, 0xcf9, &byte.mr, 1);
    address_space_st(&f.as, 0xcf8, 4, 0x80001234);
    g_assert_cmphex(address_space_ld(&f.as, 0xcf8, 4), ==, 0x13121110);
    assert_log(&wide, "w4@0=80001234 r4@0 ");
    uint8_t bytes[4] = { 1, 2, 3, 4 };
    address_space_write(&f.as, 0xcf8, MEMTXATTRS_NONE, bytes, 4);
    assert_log(&wide, "w4@0=4030201 ");
    assert_log(&byte, "");
    address_space_st(&f.as, 0xcf9, 1, 6);
    assert_log(&byte, "w1@0=6 ");
    recorder_destroy(&wide);
    recorder_destroy(&byte);
    fixture_destroy(&f);
}

static void test_big_endian(void)
{
    Fixture f;
    Recorder r;
    fixture_init(&f);
    recorder_init(&r, "be", 0x10);
    r.ops.endianness = MEMORY_BIG_ENDIAN;
    memory_region_add_subregion(&f.root, 0, &r.mr);
    address_space_st(&f.as, 4, 4, 0x11223344);
    assert_log(&r, "w4@4=44332211 ");
    g_assert_cmphex(address_space_ld(&f.as, 0, 2), ==, 0x1011); /* the handler says 0x1110 */
    assert_log(&r, "r2@0 ");
    r.ops.impl.max_size = 2;
    address_space_st(&f.as, 0, 4, 0x11223344); /* bytes 44 33 22 11 in memory order */
    assert_log(&r, "w2@0=4433 w2@2=2211 ");
    recorder_destroy(&r);
    fixture_destroy(&f);
}

static void test_straddling(void)
{
    Fixture f;
    Recorder a, b;
    MemoryRegion ram;
    uint8_t buf[16];
    fixture_init(&f);
    recorder_init(&a, "a", 4);
    recorder_init(&b, "b", 4);
    init_ram(&ram, 0x1000);
    memory_region_add_subregion(&f.root, 0xffc, &a.mr);
    memory_region_add_subregion(&f.root, 0x1000, &ram);
    memory_region_add_subregion(&f.root, 0x2000, &b.mr);
    memcpy(memory_region_get_ram_ptr(&ram), "\xa0\xa1\xa2\xa3", 4);

    g_assert_cmphex(address_space_ld(&f.as, 0xffe, 4), ==, 0xa1a01312);
    assert_log(&a, "r2@2 ");
    address_space_st(&f.as, 0x1ffe, 4, 0x44332211);
    assert_log(&b, "w2@0=4433 ");
    g_assert_cmphex(address_space_ld(&f.as, 0x1ffe, 2), ==, 0x2211);
    g_assert_cmpint(load_result(&f.as, 0x2002, 4), ==, NOTHING);
    g_assert_cmphex(address_space_ld(&f.as, 0x2002, 4), ==, 0xffff1312);

    g_assert_cmpint(address_space_read(&f.as, 0xff8, MEMTXATTRS_NONE, buf, 12), ==, NOTHING);
    g_assert_cmpmem(buf, 12, "\xff\xff\xff\xff\x10\x11\x12\x13\xa0\xa1\xa2\xa3", 12);

    recorder_destroy(&a);
    recorder_destroy(&b);
    memory_region_destroy(&ram);
    fixture_destroy(&f);
}

/* A device whose write handler does DMA to where the guest says. */
typedef struct DMADevice {
    Object *owner;
    MemoryRegion regs, other;
    AddressSpace *as;
    MemTxResult result;
    unsigned entered;
} DMADevice;

static void dma_device_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    DMADevice *d = opaque;
    d->entered++;
    if (d->entered == 1) {
        d->result = address_space_store(d->as, val, 4, MEMTXATTRS_NONE, 1);
    }
}

static void test_reentrancy(void)
{
    static MemoryRegionOps ops = { .write = dma_device_write };
    Fixture f;
    DMADevice d = { .as = &f.as };
    Recorder bystander;
    fixture_init(&f);
    d.owner = object_new(TYPE_CONTAINER);
    memory_region_init_io(&d.regs, d.owner, &ops, &d, "regs", 0x10);
    memory_region_init_io(&d.other, d.owner, &ops, &d, "other", 0x10);
    recorder_init(&bystander, "bystander", 0x10);
    memory_region_add_subregion(&f.root, 0x100, &d.regs);
    memory_region_add_subregion(&f.root, 0x200, &d.other);
    memory_region_add_subregion(&f.root, 0x300, &bystander.mr);

    static const struct { hwaddr target; MemTxResult result; unsigned entered; } cases[] = {
        { 0x100, MEMTX_ERROR, 1 }, { 0x200, MEMTX_ERROR, 1 }, { 0x300, MEMTX_OK, 1 },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        d.entered = 0;
        address_space_st(&f.as, 0x100, 4, cases[i].target);
        g_assert_cmpint(d.result, ==, cases[i].result);
        g_assert_cmpint(d.entered, ==, cases[i].entered);
    }
    assert_log(&bystander, "w4@0=1 ");
    ops.reentrant = true;
    d.entered = 0;
    address_space_st(&f.as, 0x100, 4, 0x200);
    g_assert_cmpint(d.result, ==, MEMTX_OK);
    g_assert_cmpint(d.entered, ==, 2);

    memory_region_destroy(&d.regs);
    memory_region_destroy(&d.other);
    object_unref(d.owner);
    recorder_destroy(&bystander);
    fixture_destroy(&f);
}

/* --- ROM ------------------------------------------------------------------ */

static void test_rom(void)
{
    Fixture f;
    MemoryRegion rom;
    fixture_init(&f);
    g_assert_true(memory_region_init_rom(&rom, NULL, "rom", 0x1234, &error_fatal));
    memory_region_add_subregion(&f.root, 0x1000, &rom);
    g_assert_cmpint(address_space_write_rom(&f.as, 0x1000, "\x55\xaa", 2), ==, MEMTX_OK);
    address_space_st(&f.as, 0x1000, 2, 0);
    g_assert_cmphex(address_space_ld(&f.as, 0x1000, 2), ==, 0xaa55);
    g_assert_cmpint(load_result(&f.as, 0x1000 + 0x1234, 1), ==, NOTHING);
    uint64_t len = 16;
    g_assert_null(address_space_map(&f.as, 0x1000, &len, true));
    memory_region_destroy(&rom);
    fixture_destroy(&f);
}

static void test_rom_device(void)
{
    Fixture f;
    Recorder r;
    fixture_init(&f);
    recorder_init(&r, "unused", 0x10);
    memory_region_destroy(&r.mr);
    g_assert_true(memory_region_init_rom_device(&r.mr, NULL, &r.ops, &r, "flash", 0x1000,
                                                &error_fatal));
    memory_region_add_subregion(&f.root, 0, &r.mr);
    address_space_write_rom(&f.as, 0, "\x01\x02\x03\x04", 4);
    g_assert_cmphex(address_space_ld(&f.as, 0, 4), ==, 0x04030201);
    address_space_st(&f.as, 0, 1, 0x90); /* a command */
    assert_log(&r, "w1@0=90 ");
    memory_region_rom_device_set_romd(&r.mr, false);
    g_assert_cmphex(address_space_ld(&f.as, 0, 4), ==, 0x13121110);
    assert_log(&r, "r4@0 ");
    recorder_destroy(&r);
    fixture_destroy(&f);
}

static void test_ram_errors(void)
{
    MemoryRegion mr;
    Error *err = NULL;
    g_assert_false(memory_region_init_ram(&mr, NULL, "none", 0, &err));
    g_assert_nonnull(strstr(error_text(err), "'none'"));
    error_free(err);
    err = NULL;
    g_assert_false(memory_region_init_ram(&mr, NULL, "huge", UINT64_MAX, &err));
    g_assert_nonnull(err);
    error_free(err);
}

static void test_map(void)
{
    Fixture f;
    MemoryRegion ram;
    fixture_init(&f);
    init_ram(&ram, 0x2000);
    memory_region_add_subregion(&f.root, 0x1000, &ram);
    memory_region_set_log(&ram, true, RAM_PAGE_CLEAN_VGA);
    memory_region_reset_dirty(&ram, 0, 0x2000, RAM_PAGE_CLEAN_VGA);
    uint64_t len = 0x10000;
    uint8_t *p = address_space_map(&f.as, 0x2100, &len, true);
    g_assert_true(p == (uint8_t *)memory_region_get_ram_ptr(&ram) + 0x1100);
    g_assert_cmphex(len, ==, 0xf00);
    memset(p, 0x5a, 0x10);
    /* Its memory outlives the region until it is unmapped. */
    address_space_unmap(&f.as, p, 0x10, true);
    g_assert_false(memory_region_get_dirty(&ram, 0, 0x1000, RAM_PAGE_CLEAN_VGA));
    g_assert_true(memory_region_get_dirty(&ram, 0x1000, 0x1000, RAM_PAGE_CLEAN_VGA));
    p = address_space_map(&f.as, 0x2100, &len, false);
    memory_region_destroy(&ram);
    rcu_barrier();
    g_assert_cmphex(p[15], ==, 0x5a);
    g_assert_null(address_space_map(&f.as, 0x2100, &len, false));
    address_space_unmap(&f.as, p, len, false);
    fixture_destroy(&f);
}

/* --- page flags ----------------------------------------------------------- */

typedef struct LogReset {
    MemoryListener listener;
    uint64_t offset, len;
    unsigned count;
} LogReset;

static void log_reset(MemoryListener *listener, RAMBlock *block, uint64_t offset, uint64_t len)
{
    LogReset *l = (LogReset *)listener;
    l->offset = offset;
    l->len = len;
    l->count++;
}

static void test_dirty_log(void)
{
    const uint8_t vga = RAM_PAGE_CLEAN_VGA, migration = RAM_PAGE_CLEAN_MIGRATION;
    Fixture f;
    MemoryRegion ram;
    LogReset l = { .listener.log_reset = log_reset };
    fixture_init(&f);
    init_ram(&ram, 0x8000);
    memory_region_add_subregion(&f.root, 0, &ram);
    memory_listener_register(&l.listener, &f.as);

    /* Not logging: everything counts as dirty, and stays so. */
    memory_region_reset_dirty(&ram, 0, 0x8000, vga);
    g_assert_true(memory_region_get_dirty(&ram, 0, 1, vga));

    memory_region_set_log(&ram, true, vga);
    memory_region_set_log(&ram, true, migration);
    memory_region_reset_dirty(&ram, 0x1000, 0x3000, vga);
    g_assert_cmpint(l.count, ==, 1);
    g_assert_cmphex(l.offset, ==, 0x1000);
    g_assert_cmphex(l.len, ==, 0x3000);
    memory_region_reset_dirty(&ram, 0, 0x8000, migration);
    g_assert_false(memory_region_get_dirty(&ram, 0x1000, 0x3000, vga));
    g_assert_true(memory_region_get_dirty(&ram, 0xfff, 2, vga));

    address_space_st(&f.as, 0x1ffe, 4, 0); /* straddles two pages */
    g_assert_true(memory_region_get_dirty(&ram, 0x1000, 0x1000, vga));
    g_assert_true(memory_region_get_dirty(&ram, 0x2000, 0x1000, vga));
    g_assert_false(memory_region_get_dirty(&ram, 0x3000, 0x1000, vga));
    g_assert_true(memory_region_get_dirty(&ram, 0x2000, 0x1000, migration));
    memory_region_set_dirty(&ram, 0x3fff, 1);
    g_assert_true(memory_region_get_dirty(&ram, 0x3000, 0x1000, vga));

    memory_region_reset_dirty(&ram, 0, 0x8000, vga);
    memory_region_set_log(&ram, false, vga);
    g_assert_true(memory_region_get_dirty(&ram, 0x7000, 1, vga));
    g_assert_false(memory_region_get_dirty(&ram, 0x7000, 1, migration));

    memory_listener_unregister(&l.listener);
    memory_region_destroy(&ram);
    fixture_destroy(&f);
}

static void note_code_write(void *opaque, RAMBlock *block, uint64_t offset, uint64_t len)
{
    g_string_append_printf(opaque, "%" PRIx64 "+%" PRIx64 " ", offset, len);
}

static void test_code_listener(void)
{
    Fixture f;
    MemoryRegion ram;
    g_autofree uint8_t *buf = g_malloc0(0x5000);
    g_autoptr(GString) log = g_string_new(NULL);
    fixture_init(&f);
    init_ram(&ram, 0x8000);
    memory_region_add_subregion(&f.root, 0x1000, &ram);
    ram_code_listener_add(note_code_write, log);
    address_space_st(&f.as, 0x2010, 4, 0);
    g_assert_cmpstr(log->str, ==, "");
    ram_page_set_code(ram.block, 0x1000);
    ram_page_set_code(ram.block, 0x3abc);
    address_space_st(&f.as, 0x2010, 4, 0);
    address_space_write(&f.as, 0x1800, MEMTXATTRS_NONE, buf, 0x3000);
    g_assert_cmpstr(log->str, ==, "1010+4 1000+1000 3000+800 ");
    ram_page_set_code(ram.block, 0x1000);
    ram_page_clear_code(ram.block, 0x1000);
    g_string_truncate(log, 0);
    address_space_st(&f.as, 0x2010, 4, 0);
    g_assert_cmpstr(log->str, ==, "1010+4 ");
    ram_page_clear_code(ram.block, 0x1000);
    g_string_truncate(log, 0);
    address_space_st(&f.as, 0x2010, 4, 0);
    ram_code_listener_remove(note_code_write, log);
    address_space_st(&f.as, 0x4010, 4, 0);
    g_assert_cmpstr(log->str, ==, "");
    memory_region_destroy(&ram);
    fixture_destroy(&f);
}

/* --- listeners ------------------------------------------------------------ */

typedef struct Follower {
    MemoryListener listener;
    GArray *sections; /* MemorySection, as added and not deleted */
    GString *log;     /* events, if wanted */
    bool busy;
} Follower;

static void follower_begin(MemoryListener *listener)
{
    Follower *f = (Follower *)listener;
    g_assert_false(f->busy);
    f->busy = true;
}

static void follower_commit(MemoryListener *listener)
{
    Follower *f = (Follower *)listener;
    g_assert_true(f->busy);
    f->busy = false;
}

static void follower_add(MemoryListener *listener, const MemorySection *s)
{
    Follower *f = (Follower *)listener;
    g_assert_true(f->busy);
    for (guint i = 0; i < f->sections->len; i++) {
        const MemorySection *other = &g_array_index(f->sections, MemorySection, i);
        g_assert_true(s->address + s->length <= other->address ||
                      other->address + other->length <= s->address);
    }
    g_array_append_vals(f->sections, s, 1);
    if (f->log) {
        g_string_append_printf(f->log, "+%" PRIx64 " ", s->address);
    }
}

static void follower_del(MemoryListener *listener, const MemorySection *s)
{
    Follower *f = (Follower *)listener;
    guint i = 0;
    while (i < f->sections->len &&
           g_array_index(f->sections, MemorySection, i).address != s->address) {
        i++;
    }
    g_assert_cmpuint(i, <, f->sections->len); /* only what was added can go */
    const MemorySection *had = &g_array_index(f->sections, MemorySection, i);
    g_assert_true(had->mr == s->mr && had->length == s->length && had->offset == s->offset);
    g_array_remove_index(f->sections, i);
    if (f->log) {
        g_string_append_printf(f->log, "-%" PRIx64 " ", s->address);
    }
}

static void follower_eventfd_add(MemoryListener *listener, const MemorySection *s,
                                 bool match_data, uint64_t data, int fd)
{
    Follower *f = (Follower *)listener;
    g_string_append_printf(f->log, "+e%" PRIx64 " ", s->address);
}

static void follower_eventfd_del(MemoryListener *listener, const MemorySection *s,
                                 bool match_data, uint64_t data, int fd)
{
    Follower *f = (Follower *)listener;
    g_string_append_printf(f->log, "-e%" PRIx64 " ", s->address);
}

static void follower_init(Follower *f, AddressSpace *as, bool logging)
{
    *f = (Follower){
        .listener = { .begin = follower_begin, .commit = follower_commit,
                      .region_add = follower_add, .region_del = follower_del },
        .sections = g_array_new(FALSE, FALSE, sizeof(MemorySection)),
    };
    if (logging) {
        f->log = g_string_new(NULL);
        f->listener.eventfd_add = follower_eventfd_add;
        f->listener.eventfd_del = follower_eventfd_del;
    }
    memory_listener_register(&f->listener, as);
}

static void follower_destroy(Follower *f)
{
    memory_listener_unregister(&f->listener);
    g_assert_cmpuint(f->sections->len, ==, 0);
    g_array_unref(f->sections);
    if (f->log) {
        g_string_free(f->log, TRUE);
    }
}

static void test_listeners(void)
{
    Fixture f;
    Recorder a, b;
    Follower follower;
    fixture_init(&f);
    init_tagged(&a, 1, 0x100);
    init_tagged(&b, 2, 0x10);
    memory_region_add_subregion(&f.root, 0, &a.mr);
    follower_init(&follower, &f.as, true);
    assert_log(&follower, "+0 ");
    memory_region_add_subregion_overlap(&f.root, 0x80, &b.mr, 1);
    assert_log(&follower, "-0 +0 +80 +90 ");
    memory_region_set_enabled(&a.mr, true); /* no change, no call */
    assert_log(&follower, "");

    memory_transaction_begin();
    memory_transaction_begin();
    memory_region_set_enabled(&b.mr, false);
    g_assert_cmphex(byte_at(&f, 0x80), ==, 2); /* not yet */
    memory_region_set_address(&b.mr, 0x200);
    memory_transaction_commit();
    assert_log(&follower, "");
    memory_region_set_enabled(&b.mr, true);
    memory_transaction_commit();
    assert_log(&follower, "-0 -80 -90 +0 +200 ");

    memory_transaction_begin();
    memory_region_set_enabled(&b.mr, false);
    memory_region_set_enabled(&b.mr, true);
    memory_transaction_commit();
    assert_log(&follower, "");

    recorder_destroy(&a);
    recorder_destroy(&b);
    follower_destroy(&follower);
    fixture_destroy(&f);
}

static uint64_t eventfd_count(int fd)
{
    uint64_t count = 0;
    return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static void test_ioeventfd(void)
{
    Fixture f;
    Recorder r;
    Follower follower;
    MemoryRegion alias;
    int any = eventfd(0, EFD_NONBLOCK), five = eventfd(0, EFD_NONBLOCK);
    fixture_init(&f);
    recorder_init(&r, "doorbells", 0x10);
    memory_region_add_subregion(&f.root, 0x100, &r.mr);
    follower_init(&follower, &f.as, true);
    memory_region_add_eventfd(&r.mr, 0, 2, false, 0, any);
    memory_region_add_eventfd(&r.mr, 4, 4, true, 5, five);
    assert_log(&follower, "+100 +e100 +e104 ");

    address_space_st(&f.as, 0x100, 2, 77);
    address_space_st(&f.as, 0x104, 4, 5);
    address_space_st(&f.as, 0x104, 4, 5);
    assert_log(&r, "");
    g_assert_cmpuint(eventfd_count(any), ==, 1);
    g_assert_cmpuint(eventfd_count(five), ==, 2);
    address_space_st(&f.as, 0x100, 1, 1); /* another size */
    address_space_st(&f.as, 0x104, 4, 6); /* another value */
    assert_log(&r, "w1@0=1 w4@4=6 ");
    g_assert_cmpuint(eventfd_count(any) + eventfd_count(five), ==, 0);

    memory_region_init_alias(&alias, NULL, "alias", &r.mr, 4, 4);
    memory_region_add_subregion(&f.root, 0x200, &alias);
    assert_log(&follower, "+200 +e200 ");
    address_space_st(&f.as, 0x200, 4, 5);
    g_assert_cmpuint(eventfd_count(five), ==, 1);
    memory_region_del_eventfd(&r.mr, 4, 4, true, 5, five);
    assert_log(&follower, "-e104 -e200 ");
    address_space_st(&f.as, 0x104, 4, 5);
    assert_log(&r, "w4@4=5 ");

    memory_region_destroy(&alias);
    recorder_destroy(&r);
    follower_destroy(&follower);
    fixture_destroy(&f);
    close(any);
    close(five);
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

/* What answers an address, worked out for this address alone. */
static MemoryRegion *resolve(MemoryRegion *mr, int64_t offset, int64_t *found_at)
{
    if (!mr->enabled || offset < 0 || (uint64_t)offset >= mr->size) {
        return NULL;
    }
    if (mr->kind == MEMORY_ALIAS) {
        return resolve(mr->alias, offset + mr->alias_offset, found_at);
    }
    for (GList *at = mr->children; at; at = at->next) {
        MemoryRegion *child = at->data;
        MemoryRegion *found = resolve(child, offset - (int64_t)child->addr, found_at);
        if (found) {
            return found;
        }
    }
    *found_at = offset;
    return mr->kind == MEMORY_CONTAINER ? NULL : mr;
}

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
        int64_t offset = 0;
        MemoryRegion *expected = resolve(as->root, addr, &offset);
        MemorySection s;
        address_space_lookup(as, addr, &s);
        g_assert_true(s.mr == expected);
        g_assert_cmphex(s.offset, ==, expected ? (hwaddr)offset : 0);

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

/* --- other threads -------------------------------------------------------- */

typedef struct Readers {
    Fixture f;
    gint stop;
    gint reads; /* by all threads */
} Readers;

/* One of two RAMs is always there: 0x11... or 0x22..., never a mix, never nothing. */
static gpointer reader_thread(gpointer opaque)
{
    Readers *r = opaque;
    uint64_t bad = 0;
    while (!g_atomic_int_get(&r->stop)) {
        uint64_t val = address_space_ld(&r->f.as, 0x808, 8);
        bad += val != 0x1111111111111111 && val != 0x2222222222222222;
        bad += address_space_ld(&r->f.as, 0x2000, 1) != 0x33; /* I/O: takes the big lock */
        g_atomic_int_inc(&r->reads);
    }
    return GSIZE_TO_POINTER(bad);
}

static void test_threads(void)
{
    Readers r = { .stop = 0 };
    Recorder io;
    MemoryRegion ram[2];
    GThread *threads[2];
    fixture_init(&r.f);
    init_tagged(&io, 0x33, 0x10);
    memory_region_add_subregion(&r.f.root, 0x2000, &io.mr);
    for (int i = 0; i < 2; i++) {
        init_ram(&ram[i], 0x1000);
        memset(memory_region_get_ram_ptr(&ram[i]), i ? 0x22 : 0x11, 0x1000);
    }
    memory_region_add_subregion(&r.f.root, 0, &ram[0]);
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++) {
        threads[i] = g_thread_new("reader", reader_thread, &r);
    }
    /* Until both the tree has changed often and the readers have looked often. */
    for (int i = 0; i < 500 || g_atomic_int_get(&r.reads) < 2000; i++) {
        bql_lock();
        memory_transaction_begin();
        memory_region_del_subregion(&r.f.root, &ram[i & 1]);
        memory_region_add_subregion(&r.f.root, 0, &ram[~i & 1]);
        memory_transaction_commit();
        bql_unlock();
        g_thread_yield();
    }
    g_atomic_int_set(&r.stop, 1);
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++) {
        g_assert_cmpuint(GPOINTER_TO_SIZE(g_thread_join(threads[i])), ==, 0);
    }
    rcu_barrier();
    for (int i = 0; i < 2; i++) {
        memory_region_destroy(&ram[i]);
    }
    recorder_destroy(&io);
    fixture_destroy(&r.f);
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
    g_test_add_func("/memory/sizes/split", test_sizes_split);
    g_test_add_func("/memory/sizes/bus", test_sizes_bus_pieces);
    g_test_add_func("/memory/sizes/widen", test_sizes_widen);
    g_test_add_func("/memory/sizes/refused", test_sizes_refused);
    g_test_add_func("/memory/sizes/overlaid", test_overlaid_register);
    g_test_add_func("/memory/big-endian", test_big_endian);
    g_test_add_func("/memory/straddling", test_straddling);
    g_test_add_func("/memory/reentrancy", test_reentrancy);
    g_test_add_func("/memory/rom", test_rom);
    g_test_add_func("/memory/rom-device", test_rom_device);
    g_test_add_func("/memory/ram-errors", test_ram_errors);
    g_test_add_func("/memory/map", test_map);
    g_test_add_func("/memory/dirty-log", test_dirty_log);
    g_test_add_func("/memory/code-listener", test_code_listener);
    g_test_add_func("/memory/listeners", test_listeners);
    g_test_add_func("/memory/ioeventfd", test_ioeventfd);
    g_test_add_func("/memory/two-address-spaces", test_two_address_spaces);
    g_test_add_func("/memory/random-trees", test_random_trees);
    g_test_add_func("/memory/threads", test_threads);
    g_test_add_func("/memory/owner", test_owner);
    g_test_add_func("/memory/print", test_print);
    return g_test_run();
}
