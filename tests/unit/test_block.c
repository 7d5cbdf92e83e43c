/*
 * The block layer against plain pread() of the image file.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "block/block.h"
#include "tests/lib/tmp.h"
#include "util/iov.h"
#include "util/main-loop.h"

enum { MIB = 1 << 20 };

typedef struct Image {
    const char *dir;
    char *path;
    uint8_t *model; /* what the file should hold */
    size_t len;
} Image;

static void image_write_file(const Image *img)
{
    g_assert_true(g_file_set_contents(img->path, (const char *)img->model, img->len, NULL));
}

static void image_setup(Image *img, gconstpointer len)
{
    img->len = GPOINTER_TO_SIZE(len);
    img->dir = tmp_folder();
    img->path = g_build_filename(img->dir, "disk.img", NULL);
    img->model = g_malloc(img->len);
    for (size_t i = 0; i < img->len; i++) {
        img->model[i] = g_test_rand_int();
    }
    image_write_file(img);
}

static void image_teardown(Image *img, gconstpointer len)
{
    g_free(img->model);
    g_free(img->path);
}

static void assert_file_is_model(const Image *img)
{
    g_autofree char *text = NULL;
    gsize len;

    g_assert_true(g_file_get_contents(img->path, &text, &len, NULL));
    g_assert_cmpmem(text, len, img->model, img->len);
}

/* --- helpers over the interface ------------------------------------------- */

static G_GNUC_PRINTF(3, 4) bool add_drive(BlockRegistry *reg, Error **errp, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_autoptr(OptDict) opts = optdict_parse("-drive", text, NULL, errp);
    return opts && block_drive_add(reg, opts, errp);
}

static BlockBackend *open_drive(BlockRegistry *reg, const Image *img, const char *extra)
{
    Error *err = NULL;

    if (!add_drive(reg, &err, "if=none,id=d,file=%s,format=raw%s", img->path, extra)) {
        g_error("%s", error_text(err));
    }
    return block_backend_find(reg, "d");
}

static void assert_refused(const char *expected, const char *options, ...)
{
    va_list ap;
    va_start(ap, options);
    g_autofree char *text = g_strdup_vprintf(options, ap);
    va_end(ap);
    BlockRegistry *reg = block_registry_new();
    Error *err = NULL;

    g_assert_false(add_drive(reg, &err, "%s", text));
    if (!strstr(error_text(err), expected)) {
        g_error("'%s' does not say '%s'", error_text(err), expected);
    }
    g_assert_null(strchr(error_text(err), '\n'));
    error_free(err);
    block_registry_free(reg);
}

typedef struct Result {
    int calls, ret;
} Result;

static void on_done(void *opaque, int ret)
{
    Result *r = opaque;

    g_assert_true(bql_locked());
    r->calls++;
    r->ret = ret;
}

static int finish(Result *r)
{
    while (!r->calls) {
        main_loop_wait(true);
    }
    g_assert_cmpint(r->calls, ==, 1);
    return r->ret;
}

static int aio_read(BlockBackend *blk, int64_t offset, void *buf, size_t len)
{
    struct iovec iov = { buf, len };
    Result r = { 0 };

    blk_aio_preadv(blk, offset, &iov, 1, on_done, &r);
    g_assert_cmpint(r.calls, ==, 0); /* never from inside the call */
    return finish(&r);
}

static int aio_write(BlockBackend *blk, int64_t offset, const void *buf, size_t len)
{
    struct iovec iov = { (void *)buf, len };
    Result r = { 0 };

    blk_aio_pwritev(blk, offset, &iov, 1, on_done, &r);
    return finish(&r);
}

static int aio_flush(BlockBackend *blk)
{
    Result r = { 0 };

    blk_aio_flush(blk, on_done, &r);
    return finish(&r);
}

/* --- tests ---------------------------------------------------------------- */

/* Random reads and writes of any alignment; the file is the model after a flush. */
static void round_trip(Image *img, const char *extra)
{
    BlockRegistry *reg = block_registry_new();
    BlockBackend *blk = open_drive(reg, img, extra);
    uint8_t buf[70000];

    g_assert_cmpuint(blk_getlength(blk), ==, img->len);
    for (int i = 0; i < 200; i++) {
        size_t len = g_test_rand_int_range(0, sizeof(buf));
        size_t offset = g_test_rand_int_range(0, img->len - len);
        if (i % 4) { /* mostly whole sectors, as devices do */
            len &= ~511;
            offset &= ~511;
        }
        if (i & 1) {
            memset(buf, i, len);
            g_assert_cmpint(aio_write(blk, offset, buf, len), ==, 0);
            memcpy(img->model + offset, buf, len);
        } else {
            g_assert_cmpint(aio_read(blk, offset, buf, len), ==, 0);
            g_assert_cmpmem(buf, len, img->model + offset, len);
        }
    }
    g_assert_cmpint(aio_flush(blk), ==, 0);
    assert_file_is_model(img);
    block_registry_free(reg);
}

static void test_cache_modes(Image *img, gconstpointer len)
{
    round_trip(img, "");
    round_trip(img, ",cache=writeback");
    round_trip(img, ",cache=writethrough");
    round_trip(img, ",cache=unsafe");
    round_trip(img, ",cache.writeback=off,aio=threads");
}

static void test_direct(Image *img, gconstpointer len)
{
    int fd = open(img->path, O_RDWR | O_DIRECT);

    if (fd < 0) {
        g_test_skip("the file system has no O_DIRECT");
        return;
    }
    close(fd);
    round_trip(img, ",cache=none");
    round_trip(img, ",cache=directsync");
}

static void test_vectors(Image *img, gconstpointer len)
{
    BlockRegistry *reg = block_registry_new();
    BlockBackend *blk = open_drive(reg, img, "");
    uint8_t a[100], b[5000], c[1];
    struct iovec iov[] = { { a, sizeof(a) }, { b, 0 }, { b, sizeof(b) }, { c, 1 } };
    Result r = { 0 };

    blk_aio_preadv(blk, 777, iov, 4, on_done, &r);
    g_assert_cmpint(finish(&r), ==, 0);
    g_assert_cmpmem(a, sizeof(a), img->model + 777, sizeof(a));
    g_assert_cmpmem(b, sizeof(b), img->model + 877, sizeof(b));
    g_assert_cmpuint(c[0], ==, img->model[5877]);
    block_registry_free(reg);
}

static void test_out_of_range(Image *img, gconstpointer len)
{
    BlockRegistry *reg = block_registry_new();
    BlockBackend *blk = open_drive(reg, img, "");
    uint8_t buf[512] = { 0 };

    g_assert_cmpint(aio_read(blk, img->len, buf, 0), ==, 0);
    g_assert_cmpint(aio_read(blk, img->len - 511, buf, 512), ==, -EIO);
    g_assert_cmpint(aio_write(blk, img->len, buf, 1), ==, -EIO);
    g_assert_cmpint(aio_read(blk, -512, buf, 512), ==, -EIO);
    g_assert_cmpint(aio_read(blk, INT64_MAX, buf, 512), ==, -EIO);
    g_assert_cmpint(blk_pread(blk, img->len, buf, 1), ==, -EIO);
    g_assert_cmpint(blk_pwrite(blk, INT64_MAX - 3, buf, 512), ==, -EIO);
    assert_file_is_model(img);
    block_registry_free(reg);
}

/* A length that is no whole number of sectors: the rest reads as zeros. */
static void test_odd_length(Image *img, gconstpointer len)
{
    BlockRegistry *reg = block_registry_new();
    BlockBackend *blk = open_drive(reg, img, "");
    uint8_t buf[512], expected[512] = { 0 };
    size_t last = img->len / 512 * 512;

    g_assert_cmpuint(blk_getlength(blk), ==, last + 512);
    memcpy(expected, img->model + last, img->len - last);
    g_assert_cmpint(aio_read(blk, last, buf, 512), ==, 0);
    g_assert_cmpmem(buf, 512, expected, 512);
    block_registry_free(reg);
}

static void test_read_only(Image *img, gconstpointer len)
{
    g_assert_cmpint(g_chmod(img->path, 0444), ==, 0);
    BlockRegistry *reg = block_registry_new();
    BlockBackend *blk = open_drive(reg, img, ",readonly=on");
    uint8_t buf[512];

    g_assert_false(blk_is_writable(blk));
    g_assert_cmpint(aio_read(blk, 0, buf, 512), ==, 0);
    g_assert_cmpmem(buf, 512, img->model, 512);
    g_assert_cmpint(aio_write(blk, 0, buf, 512), ==, -EPERM);
    g_assert_cmpint(blk_pwrite(blk, 0, buf, 512), ==, -EPERM);
    Result r = { 0 };
    blk_aio_discard(blk, 0, 512, on_done, &r);
    g_assert_cmpint(finish(&r), ==, -EPERM);
    g_assert_cmpint(aio_flush(blk), ==, 0);
    block_registry_free(reg);
    assert_file_is_model(img);
}

/* What the guest sees follows a model of its own; the file stays as it was. */
static void test_snapshot(Image *img, gconstpointer len)
{
    BlockRegistry *reg = block_registry_new();
    BlockBackend *blk = open_drive(reg, img, ",snapshot=on");
    g_autofree uint8_t *seen = g_memdup2(img->model, img->len);
    uint8_t buf[40000];

    g_assert_true(blk_is_writable(blk));
    g_assert_cmpstr(blk_format(blk), ==, "raw");
    for (int i = 0; i < 300; i++) {
        size_t n = g_test_rand_int_range(1, i % 3 ? 600 : sizeof(buf));
        size_t offset = g_test_rand_int_range(0, img->len - n + 1);
        if (i & 1) {
            memset(buf, i, n);
            g_assert_cmpint(aio_write(blk, offset, buf, n), ==, 0);
            memcpy(seen + offset, buf, n);
        } else {
            g_assert_cmpint(aio_read(blk, offset, buf, n), ==, 0);
            g_assert_cmpmem(buf, n, seen + offset, n);
        }
    }
    g_autofree uint8_t *all = g_malloc(img->len);
    g_assert_cmpint(blk_pread(blk, 0, all, img->len), ==, 0);
    g_assert_cmpmem(all, img->len, seen, img->len);
    g_assert_cmpint(aio_flush(blk), ==, 0);
    block_registry_free(reg);
    assert_file_is_model(img);
}

enum { SLOTS = 16, ROUNDS = 60, SLOT_LEN = MIB / SLOTS };

typedef struct Slot {
    const Image *img;
    BlockBackend *blk;
    int index, rounds;
    uint8_t buf[SLOT_LEN];
    struct iovec iov;
} Slot;

/* Each slot writes inside its own part of the disk, always one request in flight. */
static void slot_next(void *opaque, int ret)
{
    Slot *slot = opaque;

    g_assert_cmpint(ret, ==, 0);
    if (slot->rounds-- == 0) {
        return;
    }
    size_t len = g_test_rand_int_range(1, 9000);
    size_t offset = slot->index * SLOT_LEN + g_test_rand_int_range(0, SLOT_LEN - len);
    memset(slot->buf, g_test_rand_int(), len);
    memcpy(slot->img->model + offset, slot->buf, len);
    slot->iov = (struct iovec){ slot->buf, len };
    blk_aio_pwritev(slot->blk, offset, &slot->iov, 1, slot_next, slot);
}

static void run_concurrent(Image *img, const char *extra, bool keeps)
{
    g_autofree uint8_t *before = g_memdup2(img->model, img->len);
    g_autofree uint8_t *seen = g_malloc(img->len);
    BlockRegistry *reg = block_registry_new();
    BlockBackend *blk = open_drive(reg, img, extra);
    g_autofree Slot *slots = g_new0(Slot, SLOTS);

    for (int i = 0; i < SLOTS; i++) {
        slots[i] = (Slot){ .img = img, .blk = blk, .index = i, .rounds = ROUNDS };
        slot_next(&slots[i], 0);
    }
    blk_drain(blk);
    for (int i = 0; i < SLOTS; i++) {
        g_assert_cmpint(slots[i].rounds, ==, -1);
    }
    g_assert_cmpint(blk_pread(blk, 0, seen, img->len), ==, 0);
    g_assert_cmpmem(seen, img->len, img->model, img->len);
    block_registry_free(reg);
    if (!keeps) {
        memcpy(img->model, before, img->len);
    }
    assert_file_is_model(img);
}

static void test_concurrent(Image *img, gconstpointer len)
{
    run_concurrent(img, "", true);
    run_concurrent(img, ",snapshot=on", false);
}

/* A cancelled request is not heard of again; drain waits for it all the same. */
static void test_cancel_drain(Image *img, gconstpointer len)
{
    BlockRegistry *reg = block_registry_new();
    Error *err = NULL;
    Result gone = { 0 }, kept = { 0 };
    uint8_t buf[512];
    struct iovec iov = { buf, sizeof(buf) };

    g_assert_true(add_drive(reg, &err, "if=none,id=n,driver=null-co,size=1M,latency-ns=20000000"));
    BlockBackend *blk = block_backend_find(reg, "n");
    BlockRequest *req = blk_aio_preadv(blk, 0, &iov, 1, on_done, &gone);
    blk_aio_preadv(blk, 512, &iov, 1, on_done, &kept);
    blk_aio_cancel(req);
    blk_drain(blk);
    g_assert_cmpint(gone.calls, ==, 0);
    g_assert_cmpint(kept.calls, ==, 1);
    g_assert_cmpint(kept.ret, ==, 0);
    g_assert_cmpuint(blk_stats(blk)->ops[BLOCK_OP_READ], >=, 1);
    block_registry_free(reg);
}

/* A second writer is refused while the first is open, a reader beside a snapshot is not. */
static void test_locking(Image *img, gconstpointer len)
{
    BlockRegistry *reg = block_registry_new();
    open_drive(reg, img, "");
    assert_refused("is in use by another", "if=none,id=e,file=%s,format=raw", img->path);
    assert_refused("is in use by another", "if=none,id=e,file=%s,format=raw,readonly=on",
                   img->path);
    block_registry_free(reg);

    reg = block_registry_new();
    open_drive(reg, img, ",snapshot=on");
    Error *err = NULL;
    g_assert_true(add_drive(reg, &err, "if=none,id=e,file=%s,format=raw,readonly=on", img->path));
    block_registry_free(reg);
}

/* Probing: raw is guessed, and then sector 0 may not become another format's header. */
static void test_probe(Image *img, gconstpointer len)
{
    BlockRegistry *reg = block_registry_new();
    Error *err = NULL;
    uint8_t sector[512] = "QFI\xfb\0\0\0\3";

    memset(img->model, 0, 512);
    image_write_file(img);
    g_assert_true(add_drive(reg, &err, "if=none,id=p,file=%s", img->path));
    BlockBackend *blk = block_backend_find(reg, "p");
    g_assert_cmpstr(blk_format(blk), ==, "raw");
    g_assert_cmpint(aio_write(blk, 0, sector, 512), ==, -EPERM);
    sector[0] = 'X';
    g_assert_cmpint(aio_write(blk, 0, sector, 512), ==, 0);
    block_registry_free(reg);

    memcpy(img->model, "KDMV", 4);
    image_write_file(img);
    assert_refused("format vmdk", "if=none,id=p,file=%s", img->path);
}

static void check_blockdev(const Image *img, const char *text)
{
    BlockRegistry *reg = block_registry_new();
    Error *err = NULL;
    g_autoptr(OptDict) opts = optdict_parse("-blockdev", text, NULL, &err);
    uint8_t buf[4096];

    g_assert_true(block_node_add(reg, opts, &err));
    BlockBackend *blk = block_backend_find(reg, "disk");
    g_assert_nonnull(blk);
    g_assert_true(block_backend_find(reg, "disk") == blk);
    g_assert_cmpuint(blk_getlength(blk), ==, 4096);
    g_assert_cmpint(aio_read(blk, 0, buf, 4096), ==, 0);
    g_assert_cmpmem(buf, 4096, img->model + 1024, 4096);
    block_registry_free(reg);
}

static void test_blockdev(Image *img, gconstpointer len)
{
    g_autofree char *keys = g_strdup_printf(
        "driver=raw,node-name=disk,file.driver=file,file.filename=%s,offset=1024,size=4096,"
        "read-only=on,cache.direct=off,cache.no-flush=on", img->path);
    g_autofree char *json = g_strdup_printf(
        "{\"driver\": \"raw\", \"node-name\": \"disk\", \"offset\": 1024, \"size\": 4096,"
        " \"read-only\": true, \"cache\": {\"direct\": false},"
        " \"file\": {\"driver\": \"file\", \"filename\": \"%s\"}}", img->path);

    check_blockdev(img, keys);
    check_blockdev(img, json);
}

/* A format node on top of a node defined before; the lower one is then taken. */
static void test_blockdev_reference(Image *img, gconstpointer len)
{
    BlockRegistry *reg = block_registry_new();
    Error *err = NULL;
    g_autofree char *text = g_strdup_printf("driver=file,node-name=f,filename=%s", img->path);
    g_autoptr(OptDict) file = optdict_parse("-blockdev", text, NULL, &err);
    g_autoptr(OptDict) raw = optdict_parse("-blockdev", "driver=raw,node-name=r,file=f", NULL,
                                           &err);
    g_autoptr(OptDict) again = optdict_parse("-blockdev", "driver=raw,node-name=s,file=f", NULL,
                                             &err);

    g_assert_true(block_node_add(reg, file, &err));
    g_assert_true(block_node_add(reg, raw, &err));
    g_assert_false(block_node_add(reg, again, &err));
    g_assert_nonnull(strstr(error_text(err), "already in use"));
    error_free(err);
    g_assert_null(block_backend_find(reg, "f"));
    g_assert_nonnull(block_backend_find(reg, "r"));
    block_registry_free(reg);
}

static void test_places(Image *img, gconstpointer len)
{
    BlockRegistry *reg = block_registry_new();
    Error *err = NULL;

    g_assert_true(add_drive(reg, &err, "driver=null-co,snapshot=on"));
    g_assert_true(add_drive(reg, &err, "media=cdrom,index=2"));
    g_assert_true(add_drive(reg, &err, "driver=null-co,serial=ABC"));
    g_assert_true(add_drive(reg, &err, "if=floppy"));
    g_assert_cmpstr(block_drive_get(reg, DRIVE_IF_IDE, 0, 0)->id, ==, "ide0-hd0");
    g_assert_cmpstr(block_drive_get(reg, DRIVE_IF_IDE, 0, 1)->serial, ==, "ABC");
    DriveInfo *cd = block_drive_get(reg, DRIVE_IF_IDE, 1, 0);
    g_assert_cmpstr(cd->id, ==, "ide1-cd0");
    g_assert_true(cd->is_cdrom);
    g_assert_false(blk_is_inserted(cd->blk));
    g_assert_null(block_drive_get(reg, DRIVE_IF_IDE, 1, 1));
    g_assert_false(block_check_orphans(reg, &err));
    g_assert_nonnull(strstr(error_text(err), "if=floppy,bus=0,unit=0"));
    error_free(err);
    g_assert_nonnull(block_drive_get(reg, DRIVE_IF_FLOPPY, 0, 0));
    err = NULL;
    g_assert_true(block_check_orphans(reg, &err));
    block_registry_free(reg);
}

static void test_messages(Image *img, gconstpointer len)
{
    assert_refused("there is no file '/nowhere/x'", "file=/nowhere/x,format=raw");
    assert_refused("is a directory", "file=%s,format=raw", img->dir);
    assert_refused("is a directory", "file=%s,format=raw,readonly=on", img->dir);
    assert_refused("neither a regular file", "file=/dev/null,format=raw");
    assert_refused("image format 'nosuch' is not known; use one of: ", "file=%s,format=nosuch",
                   img->path);
    assert_refused("cache='x' is not known", "file=%s,cache=x", img->path);
    assert_refused("aio=native is not supported; use aio=threads", "file=%s,aio=native",
                   img->path);
    assert_refused("unknown parameter 'bogus=1'", "file=%s,format=raw,bogus=1", img->path);
    assert_refused("if='sd' is not known", "file=%s,if=sd", img->path);
    assert_refused("media='tape'", "file=%s,media=tape", img->path);
    assert_refused("werror=stop is not supported", "file=%s,werror=stop", img->path);
    assert_refused("no protocol 'nbd'", "file=nbd:localhost:10809");
    assert_refused("needs a medium", "if=virtio");
    assert_refused("index= cannot be used with", "driver=null-co,index=1,bus=1");
    assert_refused("unit 2 does not exist", "driver=null-co,bus=0,unit=2");
    assert_refused("not a valid name", "driver=null-co,id=1abc");
    assert_refused("reach past the end", "file=%s,format=raw,offset=2M", img->path);
    g_assert_cmpint(truncate(img->path, 0), ==, 0);
    assert_refused("is empty (0 bytes)", "file=%s,format=raw", img->path);
    g_assert_cmpint(g_chmod(img->path, 0), ==, 0);
    if (geteuid() != 0) {
        assert_refused("Permission denied", "file=%s,format=raw", img->path);
    }
}

typedef struct Tray {
    GString *log;
} Tray;

static void on_change(void *dev, bool load)
{
    g_string_append(((Tray *)dev)->log, load ? "load " : "eject ");
}

static void test_medium_change(Image *img, gconstpointer len)
{
    static const BlockDevOps ops = { .change_media = on_change };
    BlockRegistry *reg = block_registry_new();
    Error *err = NULL;
    Tray tray = { g_string_new(NULL) };
    uint8_t buf[512];

    g_assert_true(add_drive(reg, &err, "if=none,id=cd,media=cdrom"));
    BlockBackend *blk = block_backend_find(reg, "cd");
    g_assert_true(blk_attach(blk, &tray, &ops, &err));
    g_assert_false(blk_attach(blk, &err, &ops, &err));
    error_free(err);
    err = NULL;
    g_assert_true(blk_is_removable(blk));
    g_assert_cmpint(aio_read(blk, 0, buf, 512), ==, -ENOMEDIUM);
    g_assert_false(blk_insert_file(blk, "/nowhere/y", "raw", true, &err));
    error_free(err);
    err = NULL;
    g_assert_true(blk_insert_file(blk, img->path, "raw", true, &err));
    g_assert_cmpint(aio_read(blk, 0, buf, 512), ==, 0);
    g_assert_cmpmem(buf, 512, img->model, 512);
    blk_eject(blk);
    blk_eject(blk);
    g_assert_cmpstr(tray.log->str, ==, "load eject ");
    blk_detach(blk, &tray);
    block_registry_free(reg);
    g_string_free(tray.log, TRUE);
}

static void test_discard(Image *img, gconstpointer len)
{
    BlockRegistry *reg = block_registry_new();
    BlockBackend *blk = open_drive(reg, img, ",discard=unmap");
    Result r = { 0 };
    struct stat st;

    blk_aio_discard(blk, 0, img->len, on_done, &r);
    g_assert_cmpint(finish(&r), ==, 0);
    g_assert_cmpint(stat(img->path, &st), ==, 0);
    g_assert_cmpint(st.st_size, ==, img->len);
    memset(img->model, 0, img->len);
    if (st.st_blocks == 0) { /* the file system punches holes */
        assert_file_is_model(img);
    }
    block_registry_free(reg);
}

/* --- reads from the page cache -------------------------------------------- */

typedef struct AtOnce {
    BlockBackend *blk;
    int64_t offset;
    size_t len;
    uint8_t *buf;
    Result r;
    bool done; /* when the lock had been released */
} AtOnce;

static gpointer read_with_lock(gpointer opaque)
{
    AtOnce *read = opaque;
    struct iovec iov[2] = { { read->buf, 512 }, { read->buf + 512, read->len - 512 } };

    bql_lock();
    blk_aio_preadv(read->blk, read->offset, iov, 2, on_done, &read->r);
    g_assert_cmpint(read->r.calls, ==, 0); /* never from inside the call */
    bql_unlock();
    read->done = read->r.calls;
    bql_lock();
    blk_drain(read->blk); /* the vector is this function's */
    bql_unlock();
    return NULL;
}

/* Reads on a thread that is not the main one, as a vCPU does, and compares; returns whether the
 * completion ran there. */
static bool read_at_once(BlockBackend *blk, const Image *img, int64_t offset, size_t len)
{
    g_autofree uint8_t *buf = g_malloc(len);
    AtOnce read = { blk, offset, len, buf, { 0 }, false };

    bql_unlock();
    g_thread_join(g_thread_new("vcpu", read_with_lock, &read));
    bql_lock();
    g_assert_cmpint(finish(&read.r), ==, 0);
    g_assert_cmpmem(buf, len, img->model + offset, len);
    return read.done;
}

/* A file that has just been written is in the page cache, but not all file systems say so. */
static bool can_tell(const Image *img)
{
    uint8_t byte;
    struct iovec iov = { &byte, 1 };
    int fd = open(img->path, O_RDONLY);
    ssize_t ret = preadv2(fd, &iov, 1, 0, RWF_NOWAIT);

    close(fd);
    if (ret != 1) {
        g_test_skip("the file system does not support RWF_NOWAIT");
    }
    return ret == 1;
}

static void test_cached(Image *img, gconstpointer len)
{
    BlockRegistry *reg = block_registry_new();
    BlockBackend *blk = open_drive(reg, img, "");

    if (can_tell(img)) {
        g_assert_true(read_at_once(blk, img, 512, 4096));
        g_assert_true(read_at_once(blk, img, img->len - 1024, 1024));
        g_assert_false(read_at_once(blk, img, 0, img->len)); /* too long with the big lock */
        g_assert_cmpuint(blk_stats(blk)->ops[BLOCK_OP_READ], ==, 3);
        memset(img->model + 1024, 0x5a, 512);
        g_assert_cmpint(aio_write(blk, 1024, img->model + 1024, 512), ==, 0);
        g_assert_true(read_at_once(blk, img, 512, 4096));
    }
    block_registry_free(reg);
}

/* Both sides of an overlay in one request. */
static void test_cached_snapshot(Image *img, gconstpointer len)
{
    BlockRegistry *reg = block_registry_new();
    BlockBackend *blk = open_drive(reg, img, ",snapshot=on");

    if (can_tell(img)) {
        memset(img->model + 8192, 0x5a, 4096);
        g_assert_cmpint(aio_write(blk, 8192, img->model + 8192, 4096), ==, 0);
        read_at_once(blk, img, 8192, 4096); /* who knows what TMPDIR is */
        g_assert_true(read_at_once(blk, img, 0, 4096));
        read_at_once(blk, img, 0, 65536);
    }
    block_registry_free(reg);
}

/* What the page cache has no part in goes to a worker. */
static void test_uncached(Image *img, gconstpointer len)
{
    BlockRegistry *reg = block_registry_new();
    BlockBackend *blk = open_drive(reg, img, ",cache=none");

    g_assert_false(read_at_once(blk, img, 512, 4096));
    block_registry_free(reg);
}

#define ADD(path, len, fn)                                                     \
    g_test_add(path, Image, GSIZE_TO_POINTER(len), image_setup, fn, image_teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR);
    main_loop_init();
    ADD("/block/cache-modes", MIB, test_cache_modes);
    ADD("/block/direct", MIB, test_direct);
    ADD("/block/vectors", MIB, test_vectors);
    ADD("/block/out-of-range", MIB, test_out_of_range);
    ADD("/block/odd-length", 100 * 512 + 77, test_odd_length);
    ADD("/block/read-only", MIB, test_read_only);
    ADD("/block/snapshot", MIB - 1024, test_snapshot);
    ADD("/block/concurrent", MIB, test_concurrent);
    ADD("/block/cancel-drain", 512, test_cancel_drain);
    ADD("/block/locking", MIB, test_locking);
    ADD("/block/probe", MIB, test_probe);
    ADD("/block/blockdev", MIB, test_blockdev);
    ADD("/block/blockdev-reference", MIB, test_blockdev_reference);
    ADD("/block/places", 512, test_places);
    ADD("/block/messages", MIB, test_messages);
    ADD("/block/medium-change", MIB, test_medium_change);
    ADD("/block/cached", MIB, test_cached);
    ADD("/block/cached-snapshot", MIB, test_cached_snapshot);
    ADD("/block/uncached", MIB, test_uncached);
    ADD("/block/discard", MIB, test_discard);
    return g_test_run();
}
