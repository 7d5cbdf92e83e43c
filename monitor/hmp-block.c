/*
 * Human monitor: drives and character devices.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <inttypes.h>
#include <string.h>
#include "chardev/char.h"
#include "hw/core/machine.h"
#include "monitor/hmp-int.h"
#include "util/option.h"

/* --- info block, info blockstats ----------------------------------------------------- */

typedef struct BlockPrinter {
    Hmp *hmp;
    const char *only;  /* a drive's name; NULL: all */
    unsigned count;
    bool verbose;
} BlockPrinter;

/* A drive's name, or the path of the device that has it. */
static char *display_name(BlockBackend *blk)
{
    return *blk_name(blk) || !blk_dev(blk) ? g_strdup(blk_name(blk))
                                           : object_get_canonical_path(blk_dev(blk));
}

static void print_image(Hmp *hmp, const BlockNodeInfo *info)
{
    g_autofree char *length = hmp_size_text((uint64_t)info->length);
    g_autofree char *allocated = hmp_size_text((uint64_t)MAX(info->allocated, 0));

    hmp_printf(hmp, "\nImages:\nimage: %s\nfile format: %s\nvirtual size: %s (%" PRId64
               " bytes)\ndisk size: %s\n", info->filename, info->driver, length, info->length,
               info->allocated < 0 ? "unavailable" : allocated);
}

static void print_drive(Hmp *hmp, BlockBackend *blk, const char *name, bool verbose)
{
    bool inserted = blk_is_inserted(blk);
    BlockNodeInfo info;

    if (inserted) {
        bdrv_get_info(blk_root(blk), &info);
        hmp_printf(hmp, "%s (%s): %s (%s%s)\n", name, info.name, blk_filename(blk),
                   blk_format(blk), blk_is_writable(blk) ? "" : ", read-only");
    } else {
        hmp_printf(hmp, "%s: [not inserted]\n", name);
    }
    if (blk_dev(blk)) {
        g_autofree char *path = object_get_canonical_path(blk_dev(blk));
        hmp_printf(hmp, "    Attached to:      %s\n", path);
    }
    if (blk_is_removable(blk)) {
        hmp_printf(hmp, "    Removable device: %slocked, tray %s\n",
                   blk_dev_is_medium_locked(blk) ? "" : "not ",
                   blk_dev_is_tray_open(blk) ? "open" : "closed");
    }
    if (inserted) {
        hmp_printf(hmp, "    Cache mode:       %s\n",
                   blk_is_writethrough(blk) ? "writethrough" : "writeback");
    }
    if (inserted && verbose) {
        print_image(hmp, &info);
    }
}

static void visit_drive(BlockBackend *blk, void *opaque)
{
    BlockPrinter *bp = opaque;
    g_autofree char *name = display_name(blk);

    if (!*name || (bp->only && !g_str_equal(bp->only, name))) {
        return;
    }
    if (bp->count++) {
        hmp_printf(bp->hmp, "\n");
    }
    print_drive(bp->hmp, blk, name, bp->verbose);
}

static void print_node(BlockNode *node, void *opaque)
{
    BlockPrinter *bp = opaque;
    BlockNodeInfo info;

    bdrv_get_info(node, &info);
    if (bp->only && !g_str_equal(bp->only, info.name)) {
        return;
    }
    hmp_printf(bp->hmp, "%s%s: %s (%s%s)\n    Cache mode:       writeback%s%s\n",
               bp->count++ ? "\n" : "", info.name, info.filename, info.driver,
               info.read_only ? ", read-only" : "", info.direct ? ", direct" : "",
               info.no_flush ? ", ignore flushes" : "");
    if (bp->verbose) {
        print_image(bp->hmp, &info);
    }
}

static void run_info_block(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    BlockPrinter bp = { .hmp = hmp, .only = hmp_arg_str(args, "device"),
                        .verbose = hmp_arg_flag(args, 'v') };

    if (hmp_arg_flag(args, 'n')) {
        block_node_foreach(hmp->machine->drives, print_node, &bp);
    } else {
        block_foreach(hmp->machine->drives, visit_drive, &bp);
    }
    if (bp.only && !bp.count) {
        error_setg(errp, "Device '%s' not found", bp.only);
    }
}

/* Nobody measures times, as nobody does for query-blockstats. */
static void print_stats(BlockBackend *blk, void *opaque)
{
    const BlockStats *st = blk_stats(blk);
    g_autofree char *name = display_name(blk);

    if (*name) {
        hmp_printf(opaque, "%s: rd_bytes=%" PRIu64 " wr_bytes=%" PRIu64 " rd_operations=%" PRIu64
                   " wr_operations=%" PRIu64 " flush_operations=%" PRIu64 " wr_total_time_ns=0"
                   " rd_total_time_ns=0 flush_total_time_ns=0 rd_merged=0 wr_merged=0"
                   " idle_time_ns=0\n", name, st->bytes[BLOCK_OP_READ],
                   st->bytes[BLOCK_OP_WRITE], st->ops[BLOCK_OP_READ], st->ops[BLOCK_OP_WRITE],
                   st->ops[BLOCK_OP_FLUSH]);
    }
}

static void run_blockstats(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    block_foreach(hmp->machine->drives, print_stats, hmp);
}

/* --- eject, change -------------------------------------------------------------------- */

/* A drive whose medium may be taken out now. */
static BlockBackend *removable_drive(Hmp *hmp, const char *name, bool force, Error **errp)
{
    BlockBackend *blk = block_backend_find(hmp->machine->drives, name);

    if (!blk) {
        error_setg(errp, "Device '%s' not found", name);
    } else if (!blk_is_removable(blk)) {
        error_setg(errp, "Device '%s' is not removable", name);
    } else if (blk_dev_is_medium_locked(blk) && !blk_dev_is_tray_open(blk)) {
        blk_dev_eject_request(blk, force);
        if (force) {
            return blk;
        }
        error_setg(errp, "Device '%s' is locked and force was not specified, wait for tray to "
                   "open and try again", name);
    } else {
        return blk;
    }
    return NULL;
}

static void run_eject(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    BlockBackend *blk = removable_drive(hmp, hmp_arg_str(args, "device"), hmp_arg_flag(args, 'f'),
                                        errp);
    if (blk) {
        blk_eject(blk);
    }
}

/* retain: as the old medium; the others as they say. */
static bool read_only_mode(BlockBackend *blk, const char *mode, bool *read_only, Error **errp)
{
    *read_only = !blk_is_writable(blk);
    if (!mode || g_str_equal(mode, "retain")) {
        return true;
    }
    *read_only = g_str_equal(mode, "read-only");
    if (!*read_only && !g_str_equal(mode, "read-write")) {
        error_setg(errp, "Parameter 'read-only-mode' does not accept value '%s'", mode);
        return false;
    }
    return true;
}

/* change vnc password WORD */
static void change_vnc(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    const char *word = hmp_arg_str(args, "format");

    if (!g_str_equal(hmp_arg_str(args, "target"), "password") || !word) {
        error_setg(errp, "of VNC only the password can be changed: change vnc password WORD");
        return;
    }
    json_object_put(hmp_qmp(hmp, errp, "change-vnc-password", "password",
                            json_object_new_string(word), NULL));
}

static void run_change(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    const char *name = hmp_arg_str(args, "device");

    if (g_str_equal(name, "vnc")) {
        change_vnc(hmp, args, errp);
        return;
    }
    BlockBackend *blk = removable_drive(hmp, name, hmp_arg_flag(args, 'f'), errp);
    bool read_only;

    if (blk && read_only_mode(blk, hmp_arg_str(args, "read-only-mode"), &read_only, errp)) {
        blk_insert_file(blk, hmp_arg_str(args, "target"), hmp_arg_str(args, "format"), read_only,
                        errp);
    }
}

/* --- drive_add, drive_del ----------------------------------------------------------------- */

/* The bus and slot that come first are of an interface that takes no drive at run time. */
static void run_drive_add(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    g_autoptr(OptDict) dict = optdict_parse("drive_add", hmp_arg_str(args, "opts"), NULL, errp);
    const char *interface = dict ? optdict_get(dict, "if") : NULL;

    if (!dict) {
        return;
    }
    if (hmp_arg_flag(args, 'n')) {
        error_setg(errp, "drive_add -n is not implemented; use if=none,id=NAME without it");
        return;
    }
    if (!interface || !g_str_equal(interface, "none")) {
        hmp_printf(hmp, "Can't hot-add drive to type %s; use if=none and device_add\n",
                   interface ? interface : "ide");
        return;
    }
    if (block_drive_add(hmp->machine->drives, dict, errp)) {
        hmp_printf(hmp, "OK\n");
    }
}

static void run_drive_del(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    const char *id = hmp_arg_str(args, "id");
    BlockBackend *blk = block_backend_find(hmp->machine->drives, id);

    if (blk) {
        block_drive_del(hmp->machine->drives, blk);
    } else {
        hmp_printf(hmp, "Device '%s' not found\n", id);
    }
}

static void run_block_resize(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    uint64_t size;

    if (parse_size("size", hmp_arg_str(args, "size"), 1 << 20, &size, errp)) {
        json_object_put(hmp_qmp(hmp, errp, "block_resize", "device",
                                json_object_new_string(hmp_arg_str(args, "device")), "size",
                                json_object_new_int64((int64_t)size), NULL));
    }
}

static void commit_drive(BlockBackend *blk, void *opaque)
{
    Hmp *hmp = opaque;
    if (blk_is_inserted(blk)) {
        hmp_printf(hmp, "'commit' error for '%s': Operation not supported\n", blk_name(blk));
    }
}

static void run_commit(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    const char *name = hmp_arg_str(args, "device");

    if (g_str_equal(name, "all")) {
        block_foreach(hmp->machine->drives, commit_drive, hmp);
        return;
    }
    BlockBackend *blk = block_backend_find(hmp->machine->drives, name);
    if (blk) {
        commit_drive(blk, hmp);
    } else {
        hmp_printf(hmp, "Device '%s' not found\n", name);
    }
}

/* --- character devices -------------------------------------------------------------------- */

static void print_chardev(Chardev *chr, void *opaque)
{
    hmp_printf(opaque, "%s: filename=%s\n", chardev_label(chr), chardev_filename(chr));
}

static void run_info_chardev(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    chardev_foreach(hmp->machine->chardevs, print_chardev, hmp);
}

static void run_chardev_add(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    g_autoptr(OptDict) dict = optdict_parse("chardev-add", hmp_arg_str(args, "args"), "backend",
                                            errp);
    if (dict) {
        chardev_add(hmp->machine->chardevs, dict, errp);
    }
}

/* A chardev by id; an error if there is none. */
static Chardev *need_chardev(Hmp *hmp, const char *id, Error **errp)
{
    Chardev *chr = chardev_find(hmp->machine->chardevs, id);
    if (!chr) {
        error_setg(errp, "Chardev '%s' not found", id);
    }
    return chr;
}

static void run_chardev_remove(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    const char *id = hmp_arg_str(args, "id");
    if (need_chardev(hmp, id, errp)) {
        chardev_remove(hmp->machine->chardevs, id, errp);
    }
}

static void run_send_break(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    const char *id = hmp_arg_str(args, "id");
    json_object_put(hmp_qmp(hmp, errp, "chardev-send-break", "id", json_object_new_string(id),
                            NULL));
}

static void run_ringbuf_write(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    const char *data = hmp_arg_str(args, "data");
    Chardev *chr = need_chardev(hmp, hmp_arg_str(args, "device"), errp);

    if (chr && chr_ringbuf_inject(chr, (const uint8_t *)data, (int)strlen(data)) < 0) {
        error_setg(errp, "%s is not a ringbuf device", hmp_arg_str(args, "device"));
    }
}

/* Control characters and backslashes as \uXXXX, as QEMU shows them. */
static void print_bytes(Hmp *hmp, const uint8_t *data, int len)
{
    for (int i = 0; i < len; i++) {
        if (data[i] == '\\') {
            hmp_printf(hmp, "\\\\");
        } else if ((data[i] < ' ' && data[i] != '\n') || data[i] == 0x7f) {
            hmp_printf(hmp, "\\u%04X", data[i]);
        } else {
            g_string_append_c(hmp->out, (char)data[i]);
        }
    }
    hmp_printf(hmp, "\n");
}

static void run_ringbuf_read(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    enum { MAX_READ = 1 << 20 };
    int64_t size = hmp_arg_int(args, "size", 0);
    Chardev *chr = need_chardev(hmp, hmp_arg_str(args, "device"), errp);

    if (!chr) {
        return;
    }
    if (size <= 0) {
        error_setg(errp, "size must be greater than zero");
        return;
    }
    g_autofree uint8_t *data = g_malloc((gsize)MIN(size, MAX_READ));
    int len = chr_ringbuf_read(chr, data, (int)MIN(size, MAX_READ));
    if (len < 0) {
        error_setg(errp, "%s is not a ringbuf device", hmp_arg_str(args, "device"));
        return;
    }
    print_bytes(hmp, data, len);
}

static void offer_chardev(Chardev *chr, void *opaque)
{
    HmpOffer *offer = opaque;
    hmp_offer(offer->out, offer->prefix, chardev_label(chr));
}

static void complete_chardev(Hmp *hmp, int index, const char *prefix, GPtrArray *out)
{
    HmpOffer offer = { prefix, out };
    if (index == 0) {
        chardev_foreach(hmp->machine->chardevs, offer_chardev, &offer);
    }
}

const HmpCommand hmp_commands_block[] = {
    { "info block", "-n -v device:B?", "[-n] [-v] [device]", "show one drive or all (-n: nodes "
      "instead; -v: their images too)", run_info_block },
    { "info blockstats", NULL, NULL, "show what the drives have transferred", run_blockstats },
    { "eject", "-f device:B", "[-f] device", "take out a medium (-f: although the guest has "
      "locked it)", run_eject },
    { "change", "device:B -f target:F format:s? read-only-mode:s?",
      "device [-f] filename [format [read-only-mode]]", "change a medium (-f: although the guest "
      "has locked it)", run_change },
    { "drive_add", "-n pci_addr:s opts:S", "[-n] slot if=none,id=name[,file=file][,...]",
      "add a drive for device_add", run_drive_add },
    { "drive_del", "id:B", "device", "remove a drive; its device is left without a medium",
      run_drive_del },
    { "block_resize", "device:B size:s", "device size", "change the size of an image (MiB unless "
      "size has a suffix)", run_block_resize },
    { "commit", "device:B", "device|all", "write the changes of -snapshot back", run_commit },
    { "info chardev", NULL, NULL, "show the character devices", run_info_chardev },
    { "chardev-add", "args:S", "args", "add a character device, as -chardev does",
      run_chardev_add },
    { "chardev-remove", "id:s", "id", "remove a character device", run_chardev_remove,
      complete_chardev },
    { "chardev-send-break", "id:s", "id", "send a break to the front end of a character device",
      run_send_break, complete_chardev },
    { "ringbuf_write", "device:s data:S", "device data", "send data to the front end of a ring "
      "buffer", run_ringbuf_write, complete_chardev },
    { "ringbuf_read", "device:s size:i", "device size", "read from a ring buffer",
      run_ringbuf_read, complete_chardev },
    { NULL },
};
