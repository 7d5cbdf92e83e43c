/*
 * "ramfb": a display that shows a piece of guest RAM. The guest says where by
 * writing fw_cfg file etc/ramfb, all big-endian:
 *
 *     0  u64 address   8  u32 format (DRM fourcc)   12  u32 flags
 *    16  u32 width    20  u32 height                24  u32 bytes a line
 *
 * RAM has no dirty log for it: each refresh compares lines with what is shown.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "hw/core/machine.h"
#include "hw/display/vga-rom.h"
#include "hw/nvram/fw_cfg.h"
#include "ui/console.h"
#include "util/trace.h"

TRACE_EVENT(ramfb_config, "%ux%u, %u bytes a line, format 0x%08x at 0x%" PRIx64 ": %s");

#define TYPE_RAMFB "ramfb"
OBJECT_DECLARE_SIMPLE(RamFBState, RAMFB, TYPE_RAMFB)

enum { CONFIG_SIZE = 28, MAX_WIDTH = 16384, MAX_HEIGHT = 16384 };

#define FOURCC(a, b, c, d) ((uint32_t)(a) | (b) << 8 | (c) << 16 | (uint32_t)(d) << 24)

static const struct {
    uint32_t fourcc;
    pixman_format_code_t format;
} formats[] = {
    { FOURCC('X', 'R', '2', '4'), PIXMAN_x8r8g8b8 }, { FOURCC('A', 'R', '2', '4'), PIXMAN_x8r8g8b8 },
    { FOURCC('X', 'B', '2', '4'), PIXMAN_x8b8g8r8 }, { FOURCC('A', 'B', '2', '4'), PIXMAN_x8b8g8r8 },
    { FOURCC('R', 'G', '2', '4'), PIXMAN_r8g8b8 },   { FOURCC('B', 'G', '2', '4'), PIXMAN_b8g8r8 },
    { FOURCC('R', 'G', '1', '6'), PIXMAN_r5g6b5 },   { FOURCC('X', 'R', '1', '5'), PIXMAN_x1r5g5b5 },
};

struct RamFBState {
    DeviceState parent_obj;
    Console *console;
    uint8_t config[CONFIG_SIZE]; /* the file */
    /* What the file means; width 0: nothing is shown. */
    struct {
        uint64_t address;
        uint32_t width, height, stride;
        pixman_format_code_t format;
    } shown;
    bool redraw;
};

static uint32_t config_u32(const RamFBState *s, size_t at)
{
    uint32_t val;
    memcpy(&val, s->config + at, sizeof(val));
    return GUINT32_FROM_BE(val);
}

static const pixman_format_code_t *find_format(uint32_t fourcc)
{
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (formats[i].fourcc == fourcc) {
            return &formats[i].format;
        }
    }
    return NULL;
}

static bool is_ram(RamFBState *s, uint64_t address, uint64_t size)
{
    AddressSpace *as = &DEVICE(s)->machine->memory_as;
    uint64_t len = size;
    void *host = address_space_map(as, address, &len, false);

    if (host) {
        address_space_unmap(as, host, len, false);
    }
    return host && len == size;
}

/* Shows what the file says, or nothing if that cannot be. */
static void apply_config(RamFBState *s)
{
    uint64_t address = (uint64_t)config_u32(s, 0) << 32 | config_u32(s, 4);
    uint32_t fourcc = config_u32(s, 8), width = config_u32(s, 16), height = config_u32(s, 20);
    uint32_t stride = config_u32(s, 24);
    const pixman_format_code_t *format = find_format(fourcc);
    bool good = format && width && height && width <= MAX_WIDTH && height <= MAX_HEIGHT;

    if (good && !stride) {
        stride = width * PIXMAN_FORMAT_BPP(*format) / 8;
    }
    good = good && stride >= width * PIXMAN_FORMAT_BPP(*format) / 8 &&
           is_ram(s, address, (uint64_t)stride * height);
    trace(ramfb_config, width, height, stride, fourcc, address, good ? "shown" : "refused");
    memset(&s->shown, 0, sizeof(s->shown));
    if (good) {
        s->shown.address = address;
        s->shown.width = width;
        s->shown.height = height;
        s->shown.stride = stride;
        s->shown.format = *format;
    }
    s->redraw = true;
}

static void config_written(void *opaque, uint32_t start, uint32_t len)
{
    apply_config(opaque);
}

/* --- drawing ---------------------------------------------------------------------------- */

/* A line of guest memory as pixels; bytes is room for it, a multiple of 4. */
static void read_line(RamFBState *s, uint32_t y, uint32_t *bytes, size_t size, uint32_t *out)
{
    uint64_t address = s->shown.address + (uint64_t)y * s->shown.stride;
    pixman_image_t *from, *to;

    address_space_read(&DEVICE(s)->machine->memory_as, address, MEMTXATTRS_NONE, bytes,
                       s->shown.width * PIXMAN_FORMAT_BPP(s->shown.format) / 8);
    from = pixman_image_create_bits(s->shown.format, s->shown.width, 1, bytes, size);
    to = pixman_image_create_bits(PIXMAN_x8r8g8b8, s->shown.width, 1, out, s->shown.width * 4);
    pixman_image_composite(PIXMAN_OP_SRC, from, NULL, to, 0, 0, 0, 0, 0, 0, s->shown.width, 1);
    pixman_image_unref(from);
    pixman_image_unref(to);
}

static void refresh_lines(RamFBState *s)
{
    pixman_image_t *surface = console_surface(s->console);
    uint8_t *row = (uint8_t *)pixman_image_get_data(surface);
    size_t out_size = s->shown.width * 4;
    g_autofree uint32_t *bytes = g_malloc0(out_size), *out = g_malloc0(out_size);
    int first = -1;

    for (uint32_t y = 0; y < s->shown.height; y++, row += pixman_image_get_stride(surface)) {
        read_line(s, y, bytes, out_size, out);
        if (s->redraw || memcmp(row, out, out_size) != 0) {
            memcpy(row, out, out_size);
            first = first < 0 ? (int)y : first;
        } else if (first >= 0) {
            console_update(s->console, 0, first, s->shown.width, y - first);
            first = -1;
        }
    }
    if (first >= 0) {
        console_update(s->console, 0, first, s->shown.width, s->shown.height - first);
    }
}

static void blank(RamFBState *s)
{
    pixman_image_t *surface = console_surface(s->console);
    int height = pixman_image_get_height(surface);

    memset(pixman_image_get_data(surface), 0, (size_t)pixman_image_get_stride(surface) * height);
    console_update(s->console, 0, 0, pixman_image_get_width(surface), height);
}

static void ramfb_refresh(void *opaque)
{
    RamFBState *s = opaque;

    if (s->shown.width) {
        console_resize(s->console, s->shown.width, s->shown.height);
        refresh_lines(s);
    } else if (s->redraw) {
        blank(s);
    }
    s->redraw = false;
}

static void ramfb_invalidate(void *opaque)
{
    ((RamFBState *)opaque)->redraw = true;
}

static const ConsoleOps ramfb_console_ops = {
    .refresh = ramfb_refresh,
    .invalidate = ramfb_invalidate,
};

/* --- life --------------------------------------------------------------------------------- */

static bool ramfb_realize(DeviceState *dev, Error **errp)
{
    RamFBState *s = RAMFB(dev);
    FWCfgState *fw_cfg = fw_cfg_find(dev->machine);

    if (!fw_cfg) {
        error_setg(errp, "ramfb needs a machine with fw_cfg");
        return false;
    }
    if (!vga_rom_add(dev->machine, "vgabios-ramfb.bin", errp) ||
        !fw_cfg_add_file_callback(fw_cfg, "etc/ramfb", NULL, config_written, s, s->config,
                                  CONFIG_SIZE, false, errp)) {
        return false;
    }
    s->console = console_new(dev->machine->consoles, "ramfb", &ramfb_console_ops, s);
    return true;
}

static void ramfb_unrealize(DeviceState *dev)
{
    console_free(RAMFB(dev)->console);
}

static void ramfb_reset(DeviceState *dev)
{
    RamFBState *s = RAMFB(dev);

    memset(s->config, 0, CONFIG_SIZE);
    memset(&s->shown, 0, sizeof(s->shown));
    s->redraw = true;
}

static bool ramfb_post_load(void *opaque, Error **errp)
{
    apply_config(opaque);
    return true;
}

static const VMStateField ramfb_fields[] = {
    VMSTATE_UINT8_ARRAY(config, RamFBState, CONFIG_SIZE),
    VMSTATE_END
};

static const VMStateDescription vmstate_ramfb = {
    .name = TYPE_RAMFB, .version = 1, .fields = ramfb_fields, .post_load = ramfb_post_load,
};

static const DeviceInfo ramfb_info = {
    .name = TYPE_RAMFB,
    .instance_size = sizeof(RamFBState),
    .desc = "display that shows guest RAM, set up by firmware",
    .vmsd = &vmstate_ramfb,
    .realize = ramfb_realize,
    .unrealize = ramfb_unrealize,
    .reset = ramfb_reset,
};
DEVICE_TYPE(ramfb_info)
