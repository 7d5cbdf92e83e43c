/*
 * qcow2 images against qemu-img: it makes them, we read and write them, and it
 * then checks their metadata and compares their contents with a model.
 * Skipped where qemu-img is not installed.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include "block/block-int.h"
#include "tests/lib/tmp.h"
#include "util/main-loop.h"

enum { SIZE = 8 << 20, MAX_IO = 300000 };

typedef struct Fixture {
    const char *dir;
    char *image, *raw;
    uint8_t *model;
} Fixture;

static void run(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
static void run(const char *fmt, ...)
{
    g_autofree char *err = NULL, *out = NULL;
    int status;
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *command = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_assert_true(g_spawn_command_line_sync(command, &out, &err, &status, NULL));
    if (status != 0) {
        g_error("%s: %s%s", command, out, err);
    }
}

static bool have_qemu_img(void)
{
    g_autofree char *path = g_find_program_in_path("qemu-img");
    if (!path) {
        g_test_skip("qemu-img is not installed");
    }
    return path != NULL;
}

static void setup(Fixture *f, gconstpointer data)
{
    f->dir = tmp_folder();
    f->image = g_build_filename(f->dir, "image.qcow2", NULL);
    f->raw = g_build_filename(f->dir, "model.raw", NULL);
    f->model = g_malloc0(SIZE);
}

static void teardown(Fixture *f, gconstpointer data)
{
    g_free(f->model);
    g_free(f->raw);
    g_free(f->image);
}

static void fill_model(Fixture *f)
{
    for (size_t i = 0; i < SIZE; i++) { /* compressible, with holes */
        f->model[i] = i >> 20 & 1 ? 0 : i / 4096 + (i & 15);
    }
}

static void save_model(Fixture *f)
{
    g_assert_true(g_file_set_contents(f->raw, (char *)f->model, SIZE, NULL));
}

static BlockBackend *open_image(BlockRegistry *reg, const Fixture *f, const char *extra)
{
    Error *err = NULL;
    g_autofree char *text = g_strdup_printf("if=none,id=d,file=%s%s", f->image, extra);
    g_autoptr(OptDict) opts = optdict_parse("-drive", text, NULL, &err);

    if (!block_drive_add(reg, opts, &err)) {
        g_error("%s", error_text(err));
    }
    BlockBackend *blk = block_backend_find(reg, "d");
    g_assert_cmpstr(blk_format(blk), ==, "qcow2");
    g_assert_cmpuint(blk_getlength(blk), ==, SIZE);
    return blk;
}

static void on_done(void *opaque, int ret)
{
    *(int *)opaque = ret;
}

/* As a device does it, so that what can be read without waiting is. */
static int aio_read(BlockBackend *blk, int64_t offset, void *buf, size_t len)
{
    struct iovec iov = { buf, len };
    int ret = 1;

    blk_aio_preadv(blk, offset, &iov, 1, on_done, &ret);
    while (ret == 1) {
        main_loop_wait(true);
    }
    return ret;
}

static void assert_contents(BlockBackend *blk, const Fixture *f)
{
    g_autofree uint8_t *all = g_malloc(SIZE);

    g_assert_cmpint(blk_pread(blk, 0, all, SIZE), ==, 0);
    g_assert_cmpmem(all, SIZE, f->model, SIZE);
}

static void random_io(BlockBackend *blk, Fixture *f, int n)
{
    g_autofree uint8_t *buf = g_malloc(MAX_IO);

    for (int i = 0; i < n; i++) {
        size_t len = g_test_rand_int_range(1, i % 8 ? 9000 : MAX_IO);
        size_t offset = g_test_rand_int_range(0, SIZE - len + 1);
        if (i & 1) {
            memset(buf, g_test_rand_int(), len);
            g_assert_cmpint(blk_pwrite(blk, offset, buf, len), ==, 0);
            memcpy(f->model + offset, buf, len);
        } else {
            g_assert_cmpint(aio_read(blk, offset, buf, len), ==, 0);
            g_assert_cmpmem(buf, len, f->model + offset, len);
        }
        if (i % 37 == 0) {
            g_assert_cmpint(blk_flush(blk), ==, 0);
        }
    }
}

/* Reads, writes, and lets qemu-img judge the result. */
static void exercise(Fixture *f)
{
    BlockRegistry *reg = block_registry_new();
    BlockBackend *blk = open_image(reg, f, "");

    assert_contents(blk, f);
    random_io(blk, f, 300);
    assert_contents(blk, f);
    block_registry_free(reg);
    run("qemu-img check -q -f qcow2 %s", f->image);
    save_model(f);
    run("qemu-img compare -q -f qcow2 -F raw %s %s", f->image, f->raw);
    reg = block_registry_new(); /* and once more from what is on disk */
    assert_contents(open_image(reg, f, ",readonly=on"), f);
    block_registry_free(reg);
}

static void test_empty(Fixture *f, gconstpointer options)
{
    if (have_qemu_img()) {
        run("qemu-img create -q -f qcow2 -o %s %s %d", (const char *)options, f->image, SIZE);
        exercise(f);
    }
}

static void test_filled(Fixture *f, gconstpointer options)
{
    if (have_qemu_img()) {
        fill_model(f);
        save_model(f);
        run("qemu-img convert -f raw -O qcow2 %s %s %s", (const char *)options, f->raw, f->image);
        exercise(f);
    }
}

/* A chain of two backing files: raw, shorter than the image, below qcow2. */
static void test_backing(Fixture *f, gconstpointer data)
{
    if (!have_qemu_img()) {
        return;
    }
    fill_model(f);
    memset(f->model + SIZE - 100000, 0, 100000);
    save_model(f);
    g_assert_cmpint(truncate(f->raw, SIZE - 100000), ==, 0);
    g_autofree char *base = g_build_filename(f->dir, "base.raw", NULL);
    g_assert_cmpint(g_rename(f->raw, base), ==, 0);
    run("qemu-img create -q -f qcow2 -b base.raw -F raw %s/middle.qcow2 %d", f->dir, SIZE);
    run("qemu-img create -q -f qcow2 -b middle.qcow2 -F qcow2 -o cluster_size=4096 %s %d",
        f->image, SIZE);
    exercise(f);
    g_autofree char *text = NULL;
    gsize len;
    g_assert_true(g_file_get_contents(base, &text, &len, NULL));
    g_assert_cmpuint(len, ==, SIZE - 100000);
    g_assert_cmpint(text[5000], ==, (char)(5000 / 4096 + (5000 & 15))); /* as it was */
}

/* What a snapshot holds stays as it was, whatever is written afterwards. */
static void test_internal_snapshot(Fixture *f, gconstpointer data)
{
    if (!have_qemu_img()) {
        return;
    }
    fill_model(f);
    save_model(f);
    g_autofree uint8_t *before = g_memdup2(f->model, SIZE);
    run("qemu-img convert -f raw -O qcow2 %s %s", f->raw, f->image);
    run("qemu-img snapshot -c one %s", f->image);
    exercise(f);
    run("qemu-img snapshot -a one %s", f->image);
    memcpy(f->model, before, SIZE);
    exercise(f);
    run("qemu-img snapshot -d one %s", f->image);
    exercise(f);
}

/* What was flushed survives if the process ends without another word. */
static void test_killed(Fixture *f, gconstpointer data)
{
    if (!have_qemu_img()) {
        return;
    }
    run("qemu-img create -q -f qcow2 %s %d", f->image, SIZE);
    BlockRegistry *reg = block_registry_new();
    BlockBackend *blk = open_image(reg, f, ",file.locking=off");
    g_autofree char *copy = g_build_filename(f->dir, "copy.qcow2", NULL);

    random_io(blk, f, 100);
    g_assert_cmpint(blk_flush(blk), ==, 0);
    save_model(f);
    random_io(blk, f, 100); /* overwrites some, which may or may not be there */
    run("cp %s %s", f->image, copy);
    block_registry_free(reg);
    g_autofree char *out = NULL;
    int status;
    g_autofree char *check = g_strdup_printf("qemu-img check -q -f qcow2 %s", copy);
    g_assert_true(g_spawn_command_line_sync(check, &out, NULL, &status, NULL));
    status = WEXITSTATUS(status);
    g_assert_true(status == 0 || status == 3); /* clean, or leaks only */
}

static void test_refused(Fixture *f, gconstpointer data)
{
    static const struct {
        off_t at;
        const char *bytes, *expected;
        size_t len;
    } damage[] = {
        { 20, "\0\0\0\40", "header is not valid", 4 },       /* cluster_bits 32 */
        { 32, "\0\0\0\1", "encrypted", 4 },
        { 36, "\0\0\0\0", "L1 table is not valid", 4 },
        { 40, "\0\0\0\0\0\0\2\1", "L1 table is not valid", 8 },
        { 48, "\0\0\0\0\0\0\0\7", "reference count table is not valid", 8 },
        { 72, "\0\0\0\0\0\0\0\4", "not supported", 8 },      /* external data file */
        { 72, "\0\0\0\0\0\0\0\2", "qemu-img check", 8 },     /* corrupt */
        { 4, "\0\0\0\4", "version 2 or 3", 4 },
    };

    for (size_t i = 0; have_qemu_img() && i < G_N_ELEMENTS(damage); i++) {
        run("qemu-img create -q -f qcow2 %s %d", f->image, SIZE);
        int fd = open(f->image, O_RDWR);
        g_assert_cmpint(pwrite(fd, damage[i].bytes, damage[i].len, damage[i].at), ==,
                        damage[i].len);
        close(fd);
        BlockRegistry *reg = block_registry_new();
        Error *err = NULL;
        g_autofree char *text = g_strdup_printf("if=none,id=d,format=qcow2,file=%s", f->image);
        g_autoptr(OptDict) opts = optdict_parse("-drive", text, NULL, &err);
        g_assert_false(block_drive_add(reg, opts, &err));
        if (!strstr(error_text(err), damage[i].expected)) {
            g_error("'%s' does not say '%s'", error_text(err), damage[i].expected);
        }
        error_free(err);
        block_registry_free(reg);
    }
}

/* Two images that are each other's backing file. */
static void test_circular_backing(Fixture *f, gconstpointer data)
{
    if (!have_qemu_img()) {
        return;
    }
    run("qemu-img create -q -u -f qcow2 -b other.qcow2 -F qcow2 %s %d", f->image, SIZE);
    run("qemu-img create -q -u -f qcow2 -b image.qcow2 -F qcow2 %s/other.qcow2 %d", f->dir, SIZE);
    BlockRegistry *reg = block_registry_new();
    Error *err = NULL;
    g_autofree char *text = g_strdup_printf("if=none,id=d,readonly=on,file=%s", f->image);
    g_autoptr(OptDict) opts = optdict_parse("-drive", text, NULL, &err);
    g_assert_false(block_drive_add(reg, opts, &err));
    g_assert_nonnull(strstr(error_text(err), "more than 64"));
    error_free(err);
    block_registry_free(reg);
}

enum { CLUSTER = 65536 };

/* What a read of a few sectors gives that may not wait; if 0, they are right. */
static int read_no_wait(BlockBackend *blk, const Fixture *f, int64_t offset)
{
    uint8_t buf[2048];
    struct iovec iov = { buf, sizeof(buf) };
    int ret = bdrv_preadv(blk_root(blk), offset, &iov, 1, BDRV_NO_WAIT);

    if (ret == 0) {
        g_assert_cmpmem(buf, sizeof(buf), f->model + offset, sizeof(buf));
    }
    return ret;
}

/* The tables first, then clusters that are compressed: none is read without waiting unless it is
 * in memory, which it is when it has been read and for as long as not many others have been. */
static void test_no_wait(Fixture *f, gconstpointer data)
{
    if (!have_qemu_img()) {
        return;
    }
    fill_model(f);
    save_model(f);
    run("qemu-img convert -c -f raw -O qcow2 %s %s", f->raw, f->image);
    BlockRegistry *reg = block_registry_new();
    BlockBackend *blk = open_image(reg, f, ",readonly=on");
    uint8_t sector[512];

    g_assert_cmpint(read_no_wait(blk, f, 1 << 20), ==, -EAGAIN);
    g_assert_cmpint(blk_pread(blk, 0, sector, sizeof(sector)), ==, 0);
    g_assert_cmpint(read_no_wait(blk, f, 1 << 20), ==, 0); /* there is nothing */
    g_assert_cmpint(read_no_wait(blk, f, CLUSTER - 2048), ==, 0);
    g_assert_cmpint(read_no_wait(blk, f, CLUSTER - 1024), ==, -EAGAIN); /* the next one, too */
    g_assert_cmpint(blk_pread(blk, CLUSTER, sector, sizeof(sector)), ==, 0);
    g_assert_cmpint(read_no_wait(blk, f, CLUSTER - 1024), ==, 0);
    for (int i = 2; i < 16; i++) {
        g_assert_cmpint(blk_pread(blk, i * CLUSTER, sector, sizeof(sector)), ==, 0);
    }
    g_assert_cmpint(read_no_wait(blk, f, CLUSTER - 2048), ==, -EAGAIN);
    g_assert_cmpint(read_no_wait(blk, f, 15 * CLUSTER + 4096), ==, 0);
    block_registry_free(reg);
}

#define ADD(path, data, fn) g_test_add(path, Fixture, data, setup, fn, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR);
    main_loop_init();
    ADD("/qcow2/empty", "cluster_size=65536", test_empty);
    ADD("/qcow2/v2", "compat=0.10", test_empty);
    ADD("/qcow2/small-clusters", "cluster_size=512", test_empty);
    ADD("/qcow2/large-clusters", "cluster_size=2M", test_empty);
    ADD("/qcow2/refcount-1", "refcount_bits=1", test_empty);
    ADD("/qcow2/refcount-64", "refcount_bits=64,cluster_size=512", test_empty);
    ADD("/qcow2/preallocated", "preallocation=metadata", test_empty);
    ADD("/qcow2/filled", "", test_filled);
    ADD("/qcow2/compressed", "-c", test_filled);
    ADD("/qcow2/backing", NULL, test_backing);
    ADD("/qcow2/internal-snapshot", NULL, test_internal_snapshot);
    ADD("/qcow2/no-wait", NULL, test_no_wait);
    ADD("/qcow2/killed", NULL, test_killed);
    ADD("/qcow2/refused", NULL, test_refused);
    ADD("/qcow2/circular-backing", NULL, test_circular_backing);
    return g_test_run();
}
