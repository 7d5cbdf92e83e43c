/*
 * Nodes: registration of drivers, opening with probing, and I/O through a
 * node's driver. See block-int.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "block/block-int.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include "util/iov.h"
#include "util/trace.h"

TRACE_EVENT(bdrv_open, "'%s' driver %s length %" PRId64 " read_only %d");
TRACE_EVENT(bdrv_close, "'%s' driver %s");

enum { PROBE_SIZE = 2048 };

/* Filled by constructors before main() and then only read. */
static GSList *drivers;

void bdrv_register(const BlockDriver *drv)
{
    drivers = g_slist_append(drivers, (void *)drv);
}

const BlockDriver *bdrv_find_driver(const char *name)
{
    for (GSList *l = drivers; l; l = l->next) {
        const BlockDriver *drv = l->data;
        if (g_str_equal(drv->name, name) && !drv->internal) {
            return drv;
        }
    }
    return NULL;
}

char *bdrv_driver_names(bool formats_only)
{
    GString *names = g_string_new(NULL);

    for (GSList *l = drivers; l; l = l->next) {
        const BlockDriver *drv = l->data;
        if (!drv->internal && !(formats_only && drv->is_protocol)) {
            g_string_append_printf(names, "%s%s", names->len ? ", " : "", drv->name);
        }
    }
    return g_string_free(names, FALSE);
}

/* --- probing -------------------------------------------------------------- */

const BlockDriver *bdrv_probe_format(const uint8_t *head, size_t len)
{
    const BlockDriver *best = NULL;
    int best_score = 0;

    for (GSList *l = drivers; l; l = l->next) {
        const BlockDriver *drv = l->data;
        int score = drv->probe ? drv->probe(head, len) : 0;
        if (score > best_score) {
            best_score = score;
            best = drv;
        }
    }
    return best;
}

typedef struct Magic {
    const char *format;
    unsigned offset;
    const char *bytes;
    unsigned len;
} Magic;

static const Magic magics[] = {
    { "qcow2", 0, "QFI\xfb\0\0\0\2", 8 },
    { "qcow2", 0, "QFI\xfb\0\0\0\3", 8 },
    { "qcow", 0, "QFI\xfb\0\0\0\1", 8 },
    { "qed", 0, "QED\0", 4 },
    { "vmdk", 0, "KDMV", 4 },
    { "vmdk", 0, "COWD", 4 },
    { "vmdk", 0, "# Disk DescriptorFile", 21 },
    { "vdi", 64, "\x7f\x10\xda\xbe", 4 },
    { "vhdx", 0, "vhdxfile", 8 },
    { "vpc", 0, "conectix", 8 },
    { "parallels", 0, "WithoutFreeSpace", 16 },
    { "parallels", 0, "WithouFreSpacExt", 16 },
    { "luks", 0, "LUKS\xba\xbe", 6 },
};

const char *bdrv_probe_foreign(const uint8_t *head, size_t len)
{
    for (size_t i = 0; i < G_N_ELEMENTS(magics); i++) {
        const Magic *m = &magics[i];
        if (m->offset + m->len <= len && !memcmp(head + m->offset, m->bytes, m->len)
            && !bdrv_find_driver(m->format)) {
            return m->format;
        }
    }
    return NULL;
}

static const BlockDriver *probe_node(BlockNode *file, const char *option, Error **errp)
{
    uint8_t head[PROBE_SIZE];
    size_t len = MIN((int64_t)sizeof(head), file->length);
    int ret = bdrv_pread(file, 0, head, len);

    if (ret < 0) {
        error_setg_errno(errp, -ret, "%s: cannot read '%s' to find its format", option,
                         file->filename);
        return NULL;
    }
    const char *foreign = bdrv_probe_foreign(head, len);
    if (foreign) {
        g_autofree char *names = bdrv_driver_names(true);
        error_setg(errp, "%s: '%s' is an image of format %s, which is not supported; convert it "
                   "to one of: %s (or say format=raw to use the bytes as they are)", option,
                   file->filename, foreign, names);
        return NULL;
    }
    return bdrv_probe_format(head, len);
}

/* --- options -------------------------------------------------------------- */

const char *bdrv_opt(const BlockOpen *open, const char *key)
{
    g_autofree char *full = g_strconcat(open->prefix, key, NULL);
    return optdict_get(open->opts, full);
}

bool bdrv_opt_bool(const BlockOpen *open, const char *key, bool *out, Error **errp)
{
    g_autofree char *full = g_strconcat(open->prefix, key, NULL);
    return optdict_get_bool(open->opts, full, out, errp);
}

bool bdrv_opt_size(const BlockOpen *open, const char *key, uint64_t *out, Error **errp)
{
    g_autofree char *full = g_strconcat(open->prefix, key, NULL);
    return optdict_get_size(open->opts, full, out, errp);
}

static bool discard_from_text(const BlockOpen *open, const char *text, bool *unmap, Error **errp)
{
    static const char *const yes[] = { "unmap", "on", NULL };
    static const char *const no[] = { "ignore", "off", NULL };

    if (!g_strv_contains(yes, text) && !g_strv_contains(no, text)) {
        error_setg(errp, "%s: %sdiscard='%s' is not known; use unmap or ignore",
                   optdict_option(open->opts), open->prefix, text);
        return false;
    }
    *unmap = g_strv_contains(yes, text);
    return true;
}

/* Options that every node takes. */
static bool common_options(const BlockOpen *open, BlockFlags *flags, Error **errp)
{
    const char *discard = bdrv_opt(open, "discard");
    bool auto_read_only;

    return bdrv_opt_bool(open, "read-only", &flags->read_only, errp)
        && bdrv_opt_bool(open, "cache.direct", &flags->direct, errp)
        && bdrv_opt_bool(open, "cache.no-flush", &flags->no_flush, errp)
        && bdrv_opt_bool(open, "auto-read-only", &auto_read_only, errp)
        && (!discard || discard_from_text(open, discard, &flags->unmap, errp));
}

/* --- opening -------------------------------------------------------------- */

BlockNode *bdrv_new(const BlockDriver *drv, const char *filename, BlockFlags flags)
{
    BlockNode *node = g_new0(BlockNode, 1);
    node->drv = drv;
    node->filename = g_strdup(filename ? filename : "");
    node->flags = flags;
    node->state = drv->state_size ? g_malloc0(drv->state_size) : NULL;
    node->ref = 1;
    return node;
}

BlockNode *bdrv_ref(BlockNode *node)
{
    g_atomic_int_inc(&node->ref);
    return node;
}

static void node_free(BlockNode *node)
{
    if (node->file && node->file->user == node) {
        node->file->user = NULL;
    }
    bdrv_unref(node->file);
    bdrv_unref(node->backing);
    g_free(node->state);
    g_free(node->name);
    g_free(node->filename);
    g_free(node);
}

void bdrv_unref(BlockNode *node)
{
    if (node && g_atomic_int_dec_and_test(&node->ref)) {
        trace(bdrv_close, node->filename, node->drv->name);
        if (node->drv->close) {
            node->drv->close(node);
        }
        node_free(node);
    }
}

/* The driver's own open; takes over the reference to file (may be NULL). */
static BlockNode *open_driver(const BlockDriver *drv, const BlockOpen *open, BlockNode *file,
                              bool probed, BlockFlags flags, Error **errp)
{
    BlockNode *node = bdrv_new(drv, file ? file->filename : open->filename, flags);

    node->name = block_registry_new_name(open->reg);
    node->file = file;
    node->probed = probed;
    if (file) {
        file->user = node;
    }
    if (!drv->open(node, open, errp)) {
        node_free(node);
        return NULL;
    }
    trace(bdrv_open, node->filename, drv->name, node->length, flags.read_only);
    return node;
}

static const BlockDriver *protocol_by_filename(const BlockOpen *open, const char **filename,
                                               Error **errp)
{
    const char *name = *filename;
    const char *colon = strchr(name, ':');
    struct stat st;

    if (g_str_has_prefix(name, "file:")) {
        *filename = name + strlen("file:");
    } else if (colon && !memchr(name, '/', colon - name) && stat(name, &st) < 0) {
        g_autofree char *proto = g_strndup(name, colon - name);
        const BlockDriver *drv = bdrv_find_driver(proto);
        if (!drv || !drv->is_protocol) {
            error_setg(errp, "%s: there is no protocol '%s' for '%s'; if that is a file's name, "
                       "write file:%s", optdict_option(open->opts), proto, name, name);
            return NULL;
        }
        return drv;
    }
    bool is_device = stat(*filename, &st) == 0 && S_ISBLK(st.st_mode);
    return bdrv_find_driver(is_device ? "host_device" : "file");
}

static const BlockDriver *driver_by_name(const BlockOpen *open, const char *name, Error **errp)
{
    const BlockDriver *drv = bdrv_find_driver(name);

    if (!drv) {
        g_autofree char *names = bdrv_driver_names(false);
        error_setg(errp, "%s: image format '%s' is not known; use one of: %s",
                   optdict_option(open->opts), name, names);
    }
    return drv;
}

static BlockNode *open_protocol(const BlockOpen *open, const BlockDriver *drv, BlockFlags flags,
                                Error **errp)
{
    BlockOpen mine = *open;

    if (!mine.filename) {
        mine.filename = bdrv_opt(open, "filename");
    }
    if (!drv) {
        if (!mine.filename) {
            error_setg(errp, "%s: no file is named; add %sfilename=",
                       optdict_option(open->opts), open->prefix);
            return NULL;
        }
        drv = protocol_by_filename(open, &mine.filename, errp);
    }
    return drv ? open_driver(drv, &mine, NULL, false, flags, errp) : NULL;
}

/* A node named by "file=NODE" of -blockdev, not used by anyone yet. */
static BlockNode *reference_child(const BlockOpen *open, const char *name, Error **errp)
{
    BlockNode *node = block_registry_find_node(open->reg, name);

    if (!node) {
        error_setg(errp, "%s: %sfile='%s' is not the name of a node; define it before with "
                   "node-name=%s, or give file.driver and file.filename",
                   optdict_option(open->opts), open->prefix, name, name);
        return NULL;
    }
    if (node->user) {
        error_setg(errp, "%s: node '%s' is already in use", optdict_option(open->opts), name);
        return NULL;
    }
    return bdrv_ref(node);
}

/* The node that holds a format's bytes. */
static BlockNode *open_child(const BlockOpen *open, BlockFlags flags, Error **errp)
{
    const char *reference = open->filename ? NULL : bdrv_opt(open, "file");

    if (reference) {
        return reference_child(open, reference, errp);
    }
    g_autofree char *prefix = g_strconcat(open->prefix, "file.", NULL);
    BlockOpen child = { open->reg, open->opts, prefix, open->filename, open->depth };
    const char *driver = bdrv_opt(&child, "driver");
    const BlockDriver *drv = NULL;

    if (driver && !(drv = driver_by_name(&child, driver, errp))) {
        return NULL;
    }
    if (!common_options(&child, &flags, errp)) {
        return NULL;
    }
    if (drv && !drv->is_protocol) {
        return bdrv_open(&child, driver, flags, errp);
    }
    return open_protocol(&child, drv, flags, errp);
}

static BlockNode *open_format(const BlockOpen *open, const BlockDriver *drv, BlockFlags flags,
                              Error **errp)
{
    BlockNode *file = open_child(open, flags, errp);
    bool probed = !drv;

    if (!file) {
        return NULL;
    }
    if (file->flags.read_only && !flags.read_only) {
        error_setg(errp, "%s: '%s' is open read-only; add read-only=on",
                   optdict_option(open->opts), file->filename);
        bdrv_unref(file);
        return NULL;
    }
    if (!drv) {
        drv = probe_node(file, optdict_option(open->opts), errp);
    }
    if (!drv) {
        bdrv_unref(file);
        return NULL;
    }
    return open_driver(drv, open, file, probed, flags, errp);
}

BlockNode *bdrv_open(const BlockOpen *open, const char *format, BlockFlags flags, Error **errp)
{
    const char *driver = bdrv_opt(open, "driver");
    const BlockDriver *drv = NULL;

    if (format && driver && !g_str_equal(format, driver)) {
        error_setg(errp, "%s: format=%s and driver=%s contradict each other; give one of them",
                   optdict_option(open->opts), format, driver);
        return NULL;
    }
    format = format ? format : driver;
    if (format && !(drv = driver_by_name(open, format, errp))) {
        return NULL;
    }
    if (!common_options(open, &flags, errp)) {
        return NULL;
    }
    if (flags.snapshot) {
        flags.read_only = true;
    }
    BlockNode *node = drv && drv->is_protocol ? open_protocol(open, drv, flags, errp)
                                              : open_format(open, drv, flags, errp);
    return node && flags.snapshot ? bdrv_open_overlay(node, errp) : node;
}

/* --- I/O ------------------------------------------------------------------ */

int bdrv_preadv(BlockNode *node, int64_t offset, const struct iovec *iov, int niov,
                BlockWait wait)
{
    return node->drv->preadv(node, offset, iov, niov, wait);
}

int bdrv_pwritev(BlockNode *node, int64_t offset, const struct iovec *iov, int niov)
{
    return node->flags.read_only ? -EPERM : node->drv->pwritev(node, offset, iov, niov);
}

int bdrv_pread(BlockNode *node, int64_t offset, void *buf, size_t len)
{
    struct iovec iov = { buf, len };
    return bdrv_preadv(node, offset, &iov, 1, BDRV_WAIT);
}

int bdrv_pwrite(BlockNode *node, int64_t offset, const void *buf, size_t len)
{
    struct iovec iov = { (void *)buf, len };
    return bdrv_pwritev(node, offset, &iov, 1);
}

int bdrv_flush(BlockNode *node)
{
    if (node->flags.read_only || node->flags.no_flush || !node->drv->flush) {
        return 0;
    }
    return node->drv->flush(node);
}

int bdrv_discard(BlockNode *node, int64_t offset, int64_t len)
{
    if (node->flags.read_only) {
        return -EPERM;
    }
    if (!node->flags.unmap || !node->drv->discard) {
        return 0;
    }
    return node->drv->discard(node, offset, len);
}

int bdrv_truncate(BlockNode *node, int64_t length)
{
    if (node->flags.read_only) {
        return -EPERM;
    }
    return node->drv->truncate ? node->drv->truncate(node, length) : -ENOTSUP;
}
