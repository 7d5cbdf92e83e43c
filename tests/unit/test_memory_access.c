/*
 * Memory core: what becomes of an access. Sizes, byte order, pieces, re-entrance, ROM, direct
 * mappings.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "util/module.h"
#include "util/rcu.h"
#include "tests/unit/memory_fixture.h"

/* A recorder alone on the bus. */
static void start(Fixture *f, Recorder *r, hwaddr addr)
{
    fixture_init(f);
    recorder_init(r, "recorder", 0x10);
    memory_region_add_subregion(&f->root, addr, &r->mr);
}

static void stop(Fixture *f, Recorder *r)
{
    recorder_destroy(r);
    fixture_destroy(f);
}

/* --- access sizes --------------------------------------------------------- */

static void test_sizes_split(void)
{
    Fixture f;
    Recorder r;
    start(&f, &r, 0x70);
    r.ops.impl.max_size = 1;
    g_assert_cmphex(address_space_ld(&f.as, 0x70, 4), ==, 0x13121110);
    assert_log(&r, "r1@0 r1@1 r1@2 r1@3 ");
    address_space_st(&f.as, 0x72, 2, 0xabcd);
    assert_log(&r, "w1@2=cd w1@3=ab ");
    /* Misaligned: the bus makes aligned pieces, each of which is split. */
    g_assert_cmphex(address_space_ld(&f.as, 0x71, 4), ==, 0x14131211);
    assert_log(&r, "r1@1 r1@2 r1@3 r1@4 ");
    stop(&f, &r);
}

static void test_sizes_bus_pieces(void)
{
    Fixture f;
    Recorder r;
    start(&f, &r, 0x100);
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
    stop(&f, &r);
}

static void test_sizes_widen(void)
{
    Fixture f;
    Recorder r;
    start(&f, &r, 0);
    r.ops.impl.min_size = 4;
    g_assert_cmphex(address_space_ld(&f.as, 6, 2), ==, 0x1716);
    assert_log(&r, "r4@4 ");
    address_space_st(&f.as, 5, 1, 0xee); /* the bytes beside it keep their value */
    assert_log(&r, "r4@4 w4@4=1716ee14 ");
    /* An access that valid lets through misaligned, for handlers that are not. */
    r.ops.valid.unaligned = true;
    g_assert_cmphex(address_space_ld(&f.as, 2, 4), ==, 0x15141312);
    assert_log(&r, "r4@0 r4@4 ");
    stop(&f, &r);
}

static void test_sizes_refused(void)
{
    Fixture f;
    Recorder r;
    start(&f, &r, 0);
    r.ops.valid.min_size = 2;
    r.ops.valid.max_size = 2;
    g_assert_cmpint(load_result(&f.as, 0, 1), ==, MEMTX_ERROR);
    g_assert_cmphex(address_space_ld(&f.as, 0, 1), ==, 0xff);
    g_assert_cmpint(load_result(&f.as, 0, 4), ==, MEMTX_ERROR);
    g_assert_cmphex(address_space_ld(&f.as, 0, 4), ==, 0xffffffff);
    g_assert_cmpint(address_space_store(&f.as, 0, 4, MEMTXATTRS_NONE, 1), ==, MEMTX_ERROR);
    assert_log(&r, "");
    g_assert_cmpint(load_result(&f.as, 0, 2), ==, MEMTX_OK);
    assert_log(&r, "r2@0 ");
    stop(&f, &r);
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
    start(&f, &r, 0);
    r.ops.endianness = MEMORY_BIG_ENDIAN;
    address_space_st(&f.as, 4, 4, 0x11223344);
    assert_log(&r, "w4@4=44332211 ");
    g_assert_cmphex(address_space_ld(&f.as, 0, 2), ==, 0x1011); /* the handler says 0x1110 */
    assert_log(&r, "r2@0 ");
    r.ops.impl.max_size = 2;
    address_space_st(&f.as, 0, 4, 0x11223344); /* bytes 44 33 22 11 in memory order */
    assert_log(&r, "w2@0=4433 w2@2=2211 ");
    stop(&f, &r);
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

/* --- runs ----------------------------------------------------------------- */

static unsigned recorder_run(void *opaque, hwaddr addr, void *buf, unsigned size, unsigned count)
{
    Recorder *r = opaque;

    g_string_append_printf(r->log, "R%u*%u@%" PRIx64 " ", size, count, addr);
    if (r->bus) { /* as its own DMA would come back */
        g_assert_cmpuint(address_space_load_run(r->bus, 0x100, size, buf, 1), ==, 0);
    }
    memset(buf, 0x77, 3 * size);
    return 3;
}

/* Runs come to the device as they are, or not at all. */
static void test_runs(void)
{
    Fixture f;
    Recorder r;
    uint8_t buf[64] = { 0 };
    start(&f, &r, 0x100);
    g_assert_cmpuint(address_space_load_run(&f.as, 0x100, 2, buf, 9), ==, 0);
    r.ops.read_run = recorder_run;
    r.bus = &f.as;
    g_assert_cmpuint(address_space_load_run(&f.as, 0x100, 2, buf, 9), ==, 3);
    g_assert_cmpuint(address_space_load_run(&f.as, 0x10c, 4, buf, 9), ==, 3);
    assert_log(&r, "R2*9@0 R4*9@c ");
    g_assert_cmphex(buf[11], ==, 0x77);
    g_assert_cmphex(buf[12], ==, 0);

    g_assert_cmpuint(address_space_load_run(&f.as, 0x101, 2, buf, 9), ==, 0);
    g_assert_cmpuint(address_space_load_run(&f.as, 0x10f, 2, buf, 9), ==, 0);
    g_assert_cmpuint(address_space_load_run(&f.as, 0x110, 2, buf, 9), ==, 0); /* nobody */
    r.ops.impl.max_size = 2;
    g_assert_cmpuint(address_space_load_run(&f.as, 0x100, 4, buf, 9), ==, 0);
    r.ops.impl.max_size = 0;
    r.ops.valid.max_size = 2;
    g_assert_cmpuint(address_space_load_run(&f.as, 0x100, 4, buf, 9), ==, 0);
    r.ops.impl.min_size = 2;
    g_assert_cmpuint(address_space_load_run(&f.as, 0x100, 1, buf, 9), ==, 0);
    r.ops.endianness = MEMORY_BIG_ENDIAN;
    g_assert_cmpuint(address_space_load_run(&f.as, 0x100, 2, buf, 9), ==, 0);
    assert_log(&r, "");
    stop(&f, &r);
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
    stop(&f, &r);
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

static uint64_t address_space_used(void)
{
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents("/proc/self/statm", &text, NULL, NULL));
    return g_ascii_strtoull(text, NULL, 10) * getpagesize();
}

/* Makes mappings of single pages from start on until the host gives no more; false: it gives too many,
 * or a sanitizer is there, which needs some itself. */
static bool use_mappings_up(uint8_t *start, size_t pages)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return false;
#endif
    for (size_t i = 1; i < pages; i += 2) {
        if (mprotect(start + i * getpagesize(), getpagesize(), PROT_READ | PROT_WRITE) != 0) {
            return true;
        }
    }
    return false;
}

/* At each step where mapping a block may fail, nothing of what was mapped before is kept. */
static void test_no_mappings(gconstpointer in_files)
{
    enum { PAGES = 1 << 18 };
    const uint64_t size = UINT64_C(1) << 30;
    const size_t page = getpagesize();
    uint8_t *filler = mmap(NULL, PAGES * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned spare = 0;
    MemoryRegion mr;
    Error *err = NULL;

    if (use_mappings_up(filler, PAGES)) {
        uint64_t before = address_space_used();
        ram_blocks_in_files(in_files);
        while (!memory_region_init_ram(&mr, NULL, "ram", size, &err)) {
            g_assert_nonnull(strstr(error_text(err), "Cannot allocate memory"));
            error_free(err);
            err = NULL;
            g_assert_cmpuint(address_space_used(), <, before + size / 2);
            munmap(filler + spare++ * page, page);
        }
        ram_blocks_in_files(false);
        memory_region_destroy(&mr);
        g_assert_cmpuint(spare, >, 1);
    } else {
        g_test_skip("mappings cannot be used up here");
    }
    munmap(filler, PAGES * page);
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

/* --- large pages ------------------------------------------------------------ */

enum { LARGE = 2 << 20, SMALL = 4096 };

static unsigned resident(uint8_t *start)
{
    unsigned char pages[LARGE / SMALL];
    unsigned n = 0;

    g_assert_no_errno(mincore(start, LARGE, pages));
    for (unsigned i = 0; i < G_N_ELEMENTS(pages); i++) {
        n += pages[i] & 1;
    }
    return n;
}

/* Does the host make a large page of a file's when it is asked to? */
static bool host_gathers(void)
{
    int fd = memfd_create("probe", MFD_CLOEXEC);
    uint8_t *room = mmap(NULL, 2 * LARGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint8_t *start = room + (-(uintptr_t)room & (LARGE - 1));

    g_assert_no_errno(ftruncate(fd, LARGE));
    g_assert_true(mmap(start, LARGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == start);
    *start = 1;
    bool can = madvise(start, LARGE, 25 /* MADV_COLLAPSE */) == 0;
    munmap(room, 2 * LARGE);
    close(fd);
    return can;
}

static void test_gather(void)
{
    MemoryRegion ram;
    Error *err = NULL;
    unsigned full = host_gathers() ? LARGE / SMALL : 1;

    ram_blocks_in_files(true);
    g_assert_true(memory_region_init_ram(&ram, NULL, "ram", 3 * LARGE + SMALL, &err));
    ram_blocks_in_files(false);
    uint8_t *host = ram.block->host;
    g_assert_cmphex((uintptr_t)host & (LARGE - 1), ==, 0);
    host[LARGE + 3 * SMALL] = 0x5a;
    ram_block_gather(ram.block, LARGE + 2 * SMALL + 5);
    g_assert_cmpuint(resident(host + LARGE), ==, full == 1 ? 2 : full);
    g_assert_cmpuint(resident(host), ==, 0);
    g_assert_cmpuint(resident(host + 2 * LARGE), ==, 0);
    g_assert_cmphex(host[LARGE + 3 * SMALL], ==, 0x5a);
    g_assert_cmphex(host[LARGE + 2 * SMALL], ==, 0);
    ram_block_gather(ram.block, 3 * LARGE); /* not 2 MiB: stays as it is */
    memory_region_destroy(&ram);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    module_call_init(MODULE_QOM);
    g_test_add_func("/memory/sizes/split", test_sizes_split);
    g_test_add_func("/memory/sizes/bus", test_sizes_bus_pieces);
    g_test_add_func("/memory/sizes/widen", test_sizes_widen);
    g_test_add_func("/memory/sizes/refused", test_sizes_refused);
    g_test_add_func("/memory/sizes/overlaid", test_overlaid_register);
    g_test_add_func("/memory/big-endian", test_big_endian);
    g_test_add_func("/memory/straddling", test_straddling);
    g_test_add_func("/memory/reentrancy", test_reentrancy);
    g_test_add_func("/memory/runs", test_runs);
    g_test_add_func("/memory/rom", test_rom);
    g_test_add_func("/memory/rom-device", test_rom_device);
    g_test_add_func("/memory/ram-errors", test_ram_errors);
    g_test_add_data_func("/memory/no-mappings/private", NULL, test_no_mappings);
    g_test_add_data_func("/memory/no-mappings/files", "", test_no_mappings);
    g_test_add_func("/memory/map", test_map);
    g_test_add_func("/memory/gather", test_gather);
    return g_test_run();
}
