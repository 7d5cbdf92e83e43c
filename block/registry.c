/*
 * A machine's drives and named nodes: -drive, -blockdev, and who took what.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "block/backend-int.h"
#include <string.h>

enum { MAX_WORKERS = 16 };

typedef struct Drive {
    DriveInfo info;
    bool taken;
} Drive;

struct BlockRegistry {
    GPtrArray *drives;     /* Drive */
    GPtrArray *backends;   /* BlockBackend, those of the drives included */
    GHashTable *nodes;     /* node-name -> BlockNode, one reference each */
    GThreadPool *pool;     /* made with the first request */
    unsigned next_node;    /* number of the next node without a name */
    BlockErrorFn *error_fn;
    void *error_opaque;
};

typedef struct InterfaceInfo {
    const char *name;
    int units;             /* drives on a bus; 0: no limit */
} InterfaceInfo;

static const InterfaceInfo interfaces[DRIVE_IF_COUNT] = {
    [DRIVE_IF_NONE] = { "none", 0 }, [DRIVE_IF_IDE] = { "ide", 2 },
    [DRIVE_IF_FLOPPY] = { "floppy", 0 }, [DRIVE_IF_VIRTIO] = { "virtio", 0 },
    [DRIVE_IF_PFLASH] = { "pflash", 0 }, [DRIVE_IF_SCSI] = { "scsi", 7 },
};

static void drive_free(void *opaque)
{
    Drive *drive = opaque;

    g_free(drive->info.id);
    g_free(drive->info.serial);
    g_free(drive);
}

BlockRegistry *block_registry_new(void)
{
    BlockRegistry *reg = g_new0(BlockRegistry, 1);

    module_call_init(MODULE_BLOCK);
    reg->drives = g_ptr_array_new_with_free_func(drive_free);
    reg->backends = g_ptr_array_new_with_free_func((GDestroyNotify)blk_free);
    reg->nodes = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
                                       (GDestroyNotify)bdrv_unref);
    return reg;
}

void block_registry_free(BlockRegistry *reg)
{
    g_ptr_array_unref(reg->drives);
    g_ptr_array_unref(reg->backends);
    g_hash_table_unref(reg->nodes);
    if (reg->pool) {
        g_thread_pool_free(reg->pool, FALSE, TRUE);
    }
    g_free(reg);
}

void block_registry_push(BlockRegistry *reg, BlockRequest *req)
{
    if (!reg->pool) {
        reg->pool = g_thread_pool_new(blk_run_on_worker, NULL, MAX_WORKERS, FALSE, NULL);
    }
    g_thread_pool_push(reg->pool, req, NULL);
}

BlockNode *block_registry_find_node(BlockRegistry *reg, const char *name)
{
    return g_hash_table_lookup(reg->nodes, name);
}

char *block_registry_new_name(BlockRegistry *reg)
{
    return g_strdup_printf("#block%03u", reg->next_node++);
}

GPtrArray *block_registry_roots(BlockRegistry *reg)
{
    GPtrArray *roots = g_ptr_array_new();
    GHashTableIter iter;
    void *node;

    for (guint i = 0; i < reg->backends->len; i++) {
        BlockBackend *blk = g_ptr_array_index(reg->backends, i);
        if (blk->root) {
            g_ptr_array_add(roots, blk->root);
        }
    }
    g_hash_table_iter_init(&iter, reg->nodes);
    while (g_hash_table_iter_next(&iter, NULL, &node)) {
        g_ptr_array_add(roots, node);
    }
    return roots;
}

void block_set_error_hook(BlockRegistry *reg, BlockErrorFn *fn, void *opaque)
{
    reg->error_fn = fn;
    reg->error_opaque = opaque;
}

void block_report_error(BlockBackend *blk, bool is_read, int error, bool ignored)
{
    if (blk->reg->error_fn) {
        blk->reg->error_fn(blk->reg->error_opaque, blk, is_read, error, ignored);
    }
}

/* The backend that was made for a node and that no device holds any more. */
static void drop_idle_backend(BlockRegistry *reg, BlockNode *node)
{
    BlockBackend *blk = NULL;

    for (guint i = 0; i < reg->backends->len && !blk; i++) {
        BlockBackend *each = g_ptr_array_index(reg->backends, i);
        blk = each->root == node && !*each->name && !each->dev ? each : NULL;
    }
    if (blk) {
        g_ptr_array_remove(reg->backends, blk);
    }
}

bool block_node_del(BlockRegistry *reg, const char *name, Error **errp)
{
    BlockNode *node = block_registry_find_node(reg, name);

    if (!node) {
        error_setg(errp, "Failed to find node with node-name='%s'", name);
        return false;
    }
    drop_idle_backend(reg, node);
    if (node->user) {
        error_setg(errp, "Node '%s' is busy: a device or another node uses it", name);
        return false;
    }
    g_hash_table_remove(reg->nodes, name);
    return true;
}

static BlockBackend *find_backend(BlockRegistry *reg, const char *name)
{
    for (guint i = 0; i < reg->backends->len; i++) {
        BlockBackend *blk = g_ptr_array_index(reg->backends, i);
        if (g_str_equal(blk->name, name)) {
            return blk;
        }
    }
    return NULL;
}

BlockBackend *block_backend_new_empty(BlockRegistry *reg)
{
    BlockBackend *blk = blk_new(reg, "");
    g_ptr_array_add(reg->backends, blk);
    return blk;
}

BlockBackend *block_backend_find(BlockRegistry *reg, const char *id)
{
    BlockNode *node = block_registry_find_node(reg, id);
    BlockBackend *blk = *id ? find_backend(reg, id) : NULL;

    if (blk || !node) {
        return blk;
    }
    for (guint i = 0; i < reg->backends->len; i++) {
        blk = g_ptr_array_index(reg->backends, i);
        if (blk->root == node) {
            return blk;
        }
    }
    if (node->user) {
        return NULL; /* a part of another node */
    }
    blk = block_backend_new_empty(reg);
    blk_set_root(blk, bdrv_ref(node));
    blk->flags = node->flags;
    return blk;
}

void block_foreach(BlockRegistry *reg, void (*fn)(BlockBackend *blk, void *opaque), void *opaque)
{
    for (guint i = 0; i < reg->backends->len; i++) {
        fn(g_ptr_array_index(reg->backends, i), opaque);
    }
}

DriveInfo *block_drive_get(BlockRegistry *reg, DriveInterface iface, int bus, int unit)
{
    for (guint i = 0; i < reg->drives->len; i++) {
        Drive *drive = g_ptr_array_index(reg->drives, i);
        DriveInfo *info = &drive->info;
        if (info->interface == iface && info->bus == bus && info->unit == unit) {
            drive->taken = true;
            return info;
        }
    }
    return NULL;
}

DriveInfo *block_drive_of(BlockRegistry *reg, const BlockBackend *blk)
{
    for (guint i = 0; i < reg->drives->len; i++) {
        Drive *drive = g_ptr_array_index(reg->drives, i);
        if (drive->info.blk == blk) {
            return &drive->info;
        }
    }
    return NULL;
}

void block_drive_del(BlockRegistry *reg, BlockBackend *blk)
{
    blk_eject(blk);
    if (blk->dev) {
        g_free(blk->name);
        blk->name = g_strdup("");
        return;
    }
    for (guint i = 0; i < reg->drives->len; i++) {
        if (((Drive *)g_ptr_array_index(reg->drives, i))->info.blk == blk) {
            g_ptr_array_remove_index(reg->drives, i);
            break;
        }
    }
    g_ptr_array_remove(reg->backends, blk);
}

bool block_check_orphans(BlockRegistry *reg, Error **errp)
{
    for (guint i = 0; i < reg->drives->len; i++) {
        Drive *drive = g_ptr_array_index(reg->drives, i);
        const DriveInfo *info = &drive->info;
        if (info->interface != DRIVE_IF_NONE && !drive->taken && !info->blk->dev) {
            error_setg(errp, "-drive %sif=%s,bus=%d,unit=%d: this machine has no such place; use "
                       "another if=, bus= or index=, or if=none with -device", info->is_cdrom
                       ? "media=cdrom," : "", interfaces[info->interface].name, info->bus,
                       info->unit);
            return false;
        }
    }
    return true;
}

/* --- options -------------------------------------------------------------- */

typedef struct CacheMode {
    const char *name;
    bool direct, no_flush, writethrough;
} CacheMode;

static const CacheMode cache_modes[] = {
    { "writeback" },
    { "none", .direct = true },
    { "off", .direct = true },
    { "writethrough", .writethrough = true },
    { "directsync", .direct = true, .writethrough = true },
    { "unsafe", .no_flush = true },
};

static bool parse_cache(OptDict *opts, BlockFlags *flags, Error **errp)
{
    const char *mode = optdict_get(opts, "cache");
    bool writeback = true;

    for (size_t i = 0; mode && i < G_N_ELEMENTS(cache_modes); i++) {
        const CacheMode *m = &cache_modes[i];
        if (g_str_equal(mode, m->name)) {
            flags->direct = m->direct;
            flags->no_flush = m->no_flush;
            flags->writethrough = m->writethrough;
            mode = NULL;
        }
    }
    if (mode) {
        error_setg(errp, "%s: cache='%s' is not known; use writeback, none, writethrough, "
                   "directsync or unsafe", optdict_option(opts), mode);
        return false;
    }
    if (!optdict_get_bool(opts, "cache.writeback", &writeback, errp)) {
        return false;
    }
    flags->writethrough = flags->writethrough || !writeback;
    return true;
}

/* Keys that are understood in one meaning only, which is the default. */
static bool check_fixed_keys(OptDict *opts, Error **errp)
{
    static const struct {
        const char *key, *only;
    } fixed[] = { { "aio", "threads" }, { "copy-on-read", "off" }, { "detect-zeroes", "off" } };

    for (size_t i = 0; i < G_N_ELEMENTS(fixed); i++) {
        const char *val = optdict_get(opts, fixed[i].key);
        if (val && !g_str_equal(val, fixed[i].only)) {
            error_setg(errp, "%s: %s=%s is not supported; use %s=%s", optdict_option(opts),
                       fixed[i].key, val, fixed[i].key, fixed[i].only);
            return false;
        }
    }
    return true;
}

static bool parse_on_error(OptDict *opts, const char *key, bool *ignore, Error **errp)
{
    const char *val = optdict_get(opts, key);

    if (!val || g_str_equal(val, "report") || g_str_equal(val, "ignore")) {
        *ignore = val && g_str_equal(val, "ignore");
        return true;
    }
    error_setg(errp, "%s: %s=%s is not supported; use report or ignore", optdict_option(opts),
               key, val);
    return false;
}

static bool parse_interface(OptDict *opts, DriveInterface *iface, Error **errp)
{
    const char *name = optdict_get(opts, "if");

    for (int i = 0; name && i < DRIVE_IF_COUNT; i++) {
        if (g_str_equal(name, interfaces[i].name)) {
            *iface = i;
            return true;
        }
    }
    if (name) {
        error_setg(errp, "%s: if='%s' is not known; use ide, floppy, virtio, pflash, scsi or none",
                   optdict_option(opts), name);
        return false;
    }
    *iface = DRIVE_IF_IDE;
    return true;
}

static bool place_taken(BlockRegistry *reg, const DriveInfo *info)
{
    for (guint i = 0; i < reg->drives->len; i++) {
        const DriveInfo *other = &((Drive *)g_ptr_array_index(reg->drives, i))->info;
        if (other->interface == info->interface && other->bus == info->bus
            && other->unit == info->unit) {
            return true;
        }
    }
    return false;
}

static void next_place(DriveInfo *info, int units)
{
    info->unit++;
    if (units && info->unit >= units) {
        info->unit = 0;
        info->bus++;
    }
}

/* index=, or bus= and unit=, or the first free place. */
static bool parse_place(BlockRegistry *reg, OptDict *opts, DriveInfo *info, Error **errp)
{
    const InterfaceInfo *iface = &interfaces[info->interface];
    uint64_t index = UINT64_MAX, bus = 0, unit = UINT64_MAX;
    const char *option = optdict_option(opts);

    if (!optdict_get_u64(opts, "index", &index, errp) || !optdict_get_u64(opts, "bus", &bus, errp)
        || !optdict_get_u64(opts, "unit", &unit, errp)) {
        return false;
    }
    if (index != UINT64_MAX) {
        if (bus || unit != UINT64_MAX) {
            error_setg(errp, "%s: index= cannot be used with bus= or unit=", option);
            return false;
        }
        bus = iface->units ? index / iface->units : 0;
        unit = iface->units ? index % iface->units : index;
    }
    bool fixed = unit != UINT64_MAX;
    if (bus > 255 || (fixed && unit > 255)
        || (fixed && iface->units && unit >= (uint64_t)iface->units)) {
        error_setg(errp, "%s: bus %" PRIu64 " unit %" PRIu64 " does not exist for if=%s", option,
                   bus, unit, iface->name);
        return false;
    }
    info->bus = bus;
    info->unit = fixed ? unit : 0;
    while (!fixed && place_taken(reg, info)) {
        next_place(info, iface->units);
    }
    if (place_taken(reg, info)) {
        error_setg(errp, "%s: if=%s bus %d unit %d is taken by another drive; give another index=",
                   option, iface->name, info->bus, info->unit);
        return false;
    }
    return true;
}

static bool id_is_wellformed(const char *id)
{
    if (!g_ascii_isalpha(*id)) {
        return false;
    }
    return strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")
        == strlen(id);
}

static bool check_new_name(BlockRegistry *reg, const char *option, const char *key, const char *id,
                           Error **errp)
{
    if (!id_is_wellformed(id)) {
        error_setg(errp, "%s: %s='%s' is not a valid name; begin with a letter, then letters, "
                   "digits, '-', '.' or '_'", option, key, id);
        return false;
    }
    if (find_backend(reg, id) || block_registry_find_node(reg, id)) {
        error_setg(errp, "%s: %s='%s' is already used by another drive or node", option, key, id);
        return false;
    }
    return true;
}

/* "ide0-hd1", "floppy0", "virtio2": the names that monitors and scripts expect. */
static char *default_id(const DriveInfo *info)
{
    const InterfaceInfo *iface = &interfaces[info->interface];
    bool wired = info->interface == DRIVE_IF_IDE || info->interface == DRIVE_IF_SCSI;
    const char *media = !wired ? "" : info->is_cdrom ? "-cd" : "-hd";

    return iface->units ? g_strdup_printf("%s%d%s%d", iface->name, info->bus, media, info->unit)
                        : g_strdup_printf("%s%s%d", iface->name, media, info->unit);
}

static bool parse_media(OptDict *opts, bool *is_cdrom, Error **errp)
{
    const char *media = optdict_get(opts, "media");

    *is_cdrom = media && g_str_equal(media, "cdrom");
    if (media && !*is_cdrom && !g_str_equal(media, "disk")) {
        error_setg(errp, "%s: media='%s' is not known; use disk or cdrom", optdict_option(opts),
                   media);
        return false;
    }
    return true;
}

static bool parse_drive_info(BlockRegistry *reg, OptDict *opts, DriveInfo *info, Error **errp)
{
    const char *id = optdict_get(opts, "id");

    if (!parse_interface(opts, &info->interface, errp)
        || !parse_media(opts, &info->is_cdrom, errp)
        || !parse_place(reg, opts, info, errp)) {
        return false;
    }
    info->serial = g_strdup(optdict_get(opts, "serial"));
    info->id = id ? g_strdup(id) : default_id(info);
    return check_new_name(reg, optdict_option(opts), "id", info->id, errp);
}

static bool has_prefix_key(OptDict *opts)
{
    return optdict_get(opts, "driver") || optdict_get(opts, "file.driver")
        || optdict_get(opts, "file.filename");
}

/* Opens what file=, driver= and so on name; *root stays NULL for an empty drive. */
static bool open_medium(BlockRegistry *reg, OptDict *opts, const DriveInfo *info, BlockFlags flags,
                        BlockNode **root, Error **errp)
{
    const char *option = optdict_option(opts);
    const char *file = optdict_get(opts, "file");
    const char *format = optdict_get(opts, "format");
    BlockOpen open = { reg, opts, "", file && *file ? file : NULL };
    bool removable = info->is_cdrom || info->interface == DRIVE_IF_FLOPPY
                  || info->interface == DRIVE_IF_NONE;

    if (!open.filename && !has_prefix_key(opts)) {
        if (!removable) {
            error_setg(errp, "%s: a drive with if=%s needs a medium; add file=IMAGE", option,
                       interfaces[info->interface].name);
        }
        return removable;
    }
    *root = bdrv_open(&open, format, flags, errp);
    if (*root && (*root)->length == 0) {
        error_setg(errp, "%s: '%s' is empty (0 bytes); give the image a size with truncate -s SIZE",
                   option, (*root)->filename);
        bdrv_unref(*root);
        *root = NULL;
    }
    return *root != NULL;
}

static bool configure_backend(OptDict *opts, const DriveInfo *info, BlockBackend *blk, Error **errp)
{
    BlockFlags *flags = &blk->flags;

    flags->read_only = info->is_cdrom;
    return parse_cache(opts, flags, errp)
        && check_fixed_keys(opts, errp)
        && optdict_get_bool(opts, "snapshot", &flags->snapshot, errp)
        && optdict_get_bool(opts, "readonly", &flags->read_only, errp)
        && optdict_get_bool(opts, "read-only", &flags->read_only, errp)
        && parse_on_error(opts, "rerror", &blk->ignore_read_errors, errp)
        && parse_on_error(opts, "werror", &blk->ignore_write_errors, errp);
}

static BlockBackend *drive_backend(BlockRegistry *reg, OptDict *opts, const DriveInfo *info,
                                   Error **errp)
{
    BlockBackend *blk = blk_new(reg, info->id);
    BlockNode *root = NULL;

    if (!configure_backend(opts, info, blk, errp)
        || !open_medium(reg, opts, info, blk->flags, &root, errp)
        || !optdict_check_all_used(opts, errp)) {
        bdrv_unref(root);
        blk_free(blk);
        return NULL;
    }
    blk->writethrough = blk->flags.writethrough;
    blk->read_only = blk->flags.read_only;
    blk_set_root(blk, root);
    return blk;
}

bool block_drive_add(BlockRegistry *reg, OptDict *opts, Error **errp)
{
    Drive *drive = g_new0(Drive, 1);

    if (parse_drive_info(reg, opts, &drive->info, errp)) {
        drive->info.blk = drive_backend(reg, opts, &drive->info, errp);
    }
    if (!drive->info.blk) {
        drive_free(drive);
        return false;
    }
    g_ptr_array_add(reg->backends, drive->info.blk);
    g_ptr_array_add(reg->drives, drive);
    return true;
}

bool block_node_add(BlockRegistry *reg, OptDict *opts, Error **errp)
{
    const char *option = optdict_option(opts);
    const char *name = optdict_get(opts, "node-name");
    BlockOpen open = { reg, opts, "", NULL };

    if (!name || !optdict_get(opts, "driver")) {
        error_setg(errp, "%s: %s= is missing", option, name ? "driver" : "node-name");
        return false;
    }
    if (!check_new_name(reg, option, "node-name", name, errp)) {
        return false;
    }
    BlockNode *node = bdrv_open(&open, NULL, (BlockFlags){ 0 }, errp);
    if (!node || !optdict_check_all_used(opts, errp)) {
        bdrv_unref(node);
        return false;
    }
    g_free(node->name);
    node->name = g_strdup(name);
    g_hash_table_insert(reg->nodes, node->name, node);
    return true;
}
