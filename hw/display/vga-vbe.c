/*
 * The Bochs display interface: modes up to 32 bits per pixel with a linear
 * frame buffer. See vga.h.
 *
 *     0x1ce  w  index    0x1cf, 0x1d0  w  data (either)
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "hw/display/vga.h"
#include "util/trace.h"

TRACE_EVENT(vga_vbe_read, "register %u value 0x%x");
TRACE_EVENT(vga_vbe_write, "register %u value 0x%x");

enum { VBE_ID_FIRST = 0xb0c0, VBE_ID_LAST = 0xb0c5 };
enum { VBE_MAX_XRES = 16000, VBE_MAX_YRES = 12000, VBE_MAX_BPP = 32 };

static uint32_t line_bytes(unsigned width, unsigned bpp)
{
    return bpp == 4 ? width / 2 : width * ((bpp + 7) / 8);
}

/* Bytes from one line of the virtual screen to the next. */
static uint32_t vbe_pitch(const VGAState *s)
{
    return line_bytes(s->vbe[VBE_VIRT_WIDTH], s->vbe[VBE_BPP]);
}

/* Makes the registers describe something that fits into memory. */
static void fix_registers(VGAState *s)
{
    uint16_t *r = s->vbe;
    uint32_t line, lines;

    switch (r[VBE_BPP]) {
    case 4: case 8: case 15: case 16: case 24: case 32:
        break;
    default:
        r[VBE_BPP] = 8;
    }
    r[VBE_XRES] = CLAMP(r[VBE_XRES] & ~7, 8, VBE_MAX_XRES);
    r[VBE_VIRT_WIDTH] = CLAMP(r[VBE_VIRT_WIDTH] & ~7, r[VBE_XRES], VBE_MAX_XRES);
    line = vbe_pitch(s);
    lines = MIN(s->vram_size / line, UINT16_MAX);
    r[VBE_YRES] = CLAMP(r[VBE_YRES], 1, MIN(VBE_MAX_YRES, lines));
    r[VBE_VIRT_HEIGHT] = lines;
    r[VBE_X_OFFSET] = MIN(r[VBE_X_OFFSET], r[VBE_VIRT_WIDTH] - r[VBE_XRES]);
    r[VBE_Y_OFFSET] = MIN(r[VBE_Y_OFFSET], lines - r[VBE_YRES]);
}

/* A guest finds the VGA registers as if it had set the mode through them. */
static void set_vga_registers(VGAState *s)
{
    unsigned lines = s->vbe[VBE_YRES] - 1;

    s->gc[GC_MISC] = (s->gc[GC_MISC] & ~0x0c) | 0x04 | GC_MISC_GRAPHICS;
    s->crtc[CRTC_MODE] |= 3;
    s->crtc[CRTC_OFFSET] = vbe_pitch(s) >> 3;
    s->crtc[CRTC_H_DISPLAY] = (s->vbe[VBE_XRES] >> 3) - 1;
    s->crtc[CRTC_V_DISPLAY] = lines;
    s->crtc[CRTC_OVERFLOW] = (s->crtc[CRTC_OVERFLOW] & ~0x42) | (lines >> 7 & 0x02) |
                             (lines >> 3 & 0x40);
    /* No split screen. */
    s->crtc[CRTC_LINE_COMPARE] = 0xff;
    s->crtc[CRTC_OVERFLOW] |= 0x10;
    s->crtc[CRTC_MAX_SCAN] |= 0x40;
    s->crtc[CRTC_MAX_SCAN] &= ~0x9f;
    s->gc[GC_MODE] = (s->gc[GC_MODE] & ~0x60) | (s->vbe[VBE_BPP] == 4 ? 0 : GC_MODE_SHIFT_256);
    s->seq[SEQ_CLOCK_MODE] &= ~SEQ_CLOCK_HALF;
    s->seq[SEQ_PLANE_WRITE] = 0x0f;
    if (s->vbe[VBE_BPP] == 4) {
        s->seq[SEQ_MEMORY_MODE] &= ~SEQ_MEMORY_CHAIN4;
    } else {
        s->seq[SEQ_MEMORY_MODE] |= SEQ_MEMORY_CHAIN4;
    }
}

static void clear_screen(VGAState *s)
{
    uint64_t size = MIN((uint64_t)s->vbe[VBE_YRES] * vbe_pitch(s), s->vram_size);

    memset(s->vram_ptr, 0, size);
    memory_region_set_dirty(&s->vram, 0, size);
}

static void write_enable(VGAState *s, uint16_t val)
{
    bool was_on = vga_vbe_active(s);

    s->vbe[VBE_ENABLE] = val;
    s->draw.redraw = true;
    if ((val & VBE_ENABLED) && !was_on) {
        s->vbe[VBE_VIRT_WIDTH] = s->vbe[VBE_XRES];
        s->vbe[VBE_X_OFFSET] = s->vbe[VBE_Y_OFFSET] = 0;
        s->vbe[VBE_BANK] = 0;
        fix_registers(s);
        set_vga_registers(s);
        if (!(val & VBE_NO_CLEAR)) {
            clear_screen(s);
        }
    } else if (!(val & VBE_ENABLED)) {
        s->vbe[VBE_BANK] = 0;
    }
    vga_update_window(s);
}

uint16_t vga_vbe_read(VGAState *s, unsigned index)
{
    uint16_t val = 0;

    if (index == VBE_VIDEO_MEMORY_64K) {
        val = s->vram_size >> 16;
    } else if (index < VBE_COUNT) {
        val = s->vbe[index];
    }
    if (s->vbe[VBE_ENABLE] & VBE_GETCAPS) {
        val = index == VBE_XRES ? VBE_MAX_XRES : index == VBE_YRES ? VBE_MAX_YRES
                                : index == VBE_BPP ? VBE_MAX_BPP : val;
    }
    trace(vga_vbe_read, index, val);
    return val;
}

static void write_geometry(VGAState *s, unsigned index, uint16_t val)
{
    s->vbe[index] = val;
    if (vga_vbe_active(s)) {
        fix_registers(s);
        set_vga_registers(s);
        vga_update_window(s);
    }
}

void vga_vbe_write(VGAState *s, unsigned index, uint16_t val)
{
    trace(vga_vbe_write, index, val);
    switch (index) {
    case VBE_ID:
        if (val >= VBE_ID_FIRST && val <= VBE_ID_LAST) {
            s->vbe[VBE_ID] = val;
        }
        break;
    case VBE_XRES: case VBE_YRES: case VBE_BPP: case VBE_VIRT_WIDTH: case VBE_X_OFFSET:
    case VBE_Y_OFFSET:
        write_geometry(s, index, val);
        break;
    case VBE_BANK:
        s->vbe[VBE_BANK] = val & ((s->vram_size >> 16) - 1);
        vga_update_window(s);
        break;
    case VBE_ENABLE:
        write_enable(s, val);
        break;
    }
}

static uint64_t vbe_port_read(void *opaque, hwaddr addr, unsigned size)
{
    VGAState *s = opaque;
    return addr == 0 ? s->vbe_index : vga_vbe_read(s, s->vbe_index);
}

static void vbe_port_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    VGAState *s = opaque;

    if (addr == 0) {
        s->vbe_index = val;
    } else {
        vga_vbe_write(s, s->vbe_index, val);
    }
}

const MemoryRegionOps vga_vbe_port_ops = {
    .read = vbe_port_read,
    .write = vbe_port_write,
    .valid = { .min_size = 2, .max_size = 2, .unaligned = true },
    .impl = { .min_size = 2, .max_size = 2, .unaligned = true },
};

/* --- the chip ---------------------------------------------------------------------------- */

static uint32_t vbe_bank(const VGAState *s, uint32_t offset)
{
    return vga_vbe_active(s) ? offset + ((uint32_t)s->vbe[VBE_BANK] << 16) : offset;
}

static VGAFormat vbe_format(unsigned bpp)
{
    switch (bpp) {
    case 4: return VGA_PLANAR;
    case 8: return VGA_INDEX8;
    case 15: return VGA_RGB15;
    case 16: return VGA_RGB16;
    case 24: return VGA_RGB24;
    default: return VGA_RGB32;
    }
}

static void vbe_screen(const VGAState *s, VGAScreen *screen)
{
    unsigned bpp = s->vbe[VBE_BPP];
    uint32_t x = s->vbe[VBE_X_OFFSET];

    if (!vga_vbe_active(s)) {
        return;
    }
    *screen = (VGAScreen){
        .format = vbe_format(bpp),
        .blank = screen->blank,
        .big_endian = s->big_endian,
        .width = s->vbe[VBE_XRES],
        .height = s->vbe[VBE_YRES],
        .pixel_dots = 1,
        .line_repeat = 1,
        .row_lines = 1,
        .pitch = vbe_pitch(s),
        .address_mask = s->vram_size - 1,
        .panning = bpp == 4 ? x & 7 : 0,
        .split = UINT32_MAX,
    };
    screen->start = s->vbe[VBE_Y_OFFSET] * screen->pitch +
                    (bpp == 4 ? x / 8 * 4 : line_bytes(x, bpp));
}

const VGAChip vga_bochs = {
    .bank = vbe_bank,
    .screen = vbe_screen,
};
