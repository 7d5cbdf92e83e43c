/*
 * Memory core: who is told what. Dirty pages, stores to code, listeners, eventfds; readers in other
 * threads while the tree changes.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "util/main-loop.h"
#include "util/module.h"
#include "util/rcu.h"
#include "tests/unit/memory_fixture.h"

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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    module_call_init(MODULE_QOM);
    g_test_add_func("/memory/dirty-log", test_dirty_log);
    g_test_add_func("/memory/code-listener", test_code_listener);
    g_test_add_func("/memory/listeners", test_listeners);
    g_test_add_func("/memory/ioeventfd", test_ioeventfd);
    g_test_add_func("/memory/threads", test_threads);
    return g_test_run();
}
