/*
 * Drawing VGA graphics modes into the console's surface. See vga.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "hw/display/vga.h"

/* --- colors ---------------------------------------------------------------------- */

static uint32_t dac_color(const VGAState *s, unsigned index)
{
    const uint8_t *rgb = &s->dac[(index & s->dac_mask) * 3];
    uint32_t color = 0;

    for (int i = 0; i < 3; i++) {
        /* Six bits spread over eight, so that 0x3f is white. */
        uint8_t v = rgb[i];
        if (!(s->vbe[VBE_ENABLE] & VBE_8BIT_DAC)) {
            v = (v & 0x3f) << 2 | (v & 0x3f) >> 4;
        }
        color = color << 8 | v;
    }
    return color;
}

/* The DAC index of an attribute color (IBM reference, "Attribute Controller"). */
static uint8_t attr_color(const VGAState *s, unsigned i)
{
    uint8_t v = s->attr[i & s->attr[ATTR_PLANE_ENABLE] & 0x0f];
    uint8_t select = s->attr[ATTR_COLOR_SELECT];

    if (s->attr[ATTR_MODE] & ATTR_MODE_PALETTE_45) {
        v = (v & 0x0f) | (select & 0x03) << 4;
    }
    return (v & 0x3f) | (select & 0x0c) << 4;
}

static bool update_palette(VGAState *s)
{
    bool changed = false;

    for (unsigned i = 0; i < 256; i++) {
        uint32_t color = dac_color(s, i);
        changed |= s->draw.palette[i] != color;
        s->draw.palette[i] = color;
    }
    for (unsigned i = 0; i < 16; i++) {
        uint8_t index = attr_color(s, i);
        changed |= s->draw.attr_colors[i] != index;
        s->draw.attr_colors[i] = index;
    }
    return changed;
}

/* --- lines: from video memory at a byte address to pixels ---------------------------- */

typedef void DrawLine(const VGAState *s, uint32_t addr, uint32_t *out, int width);

static const uint8_t *vram_at(const VGAState *s, uint32_t addr)
{
    return s->vram_ptr + (addr & (s->vram_size - 1));
}

static void draw_planar(const VGAState *s, uint32_t addr, uint32_t *out, int width)
{
    for (int x = 0; x < width; x += 8, addr += 4) {
        const uint8_t *p = vram_at(s, addr & ~3u);
        for (int bit = 7; bit >= 0; bit--) {
            unsigned i = (p[0] >> bit & 1) | (p[1] >> bit & 1) << 1 | (p[2] >> bit & 1) << 2 |
                         (p[3] >> bit & 1) << 3;
            *out++ = s->draw.palette[s->draw.attr_colors[i]];
        }
    }
}

/* Two bits a pixel: even bytes in planes 0 and 2, odd bytes in planes 1 and 3. */
static void draw_cga(const VGAState *s, uint32_t addr, uint32_t *out, int width)
{
    for (int x = 0; x < width; x += 8, addr += 4) {
        const uint8_t *p = vram_at(s, addr & ~3u);
        for (int i = 0; i < 8; i++) {
            int shift = 6 - i % 4 * 2;
            unsigned color = (p[i / 4] >> shift & 3) | (p[i / 4 + 2] >> shift & 3) << 2;
            *out++ = s->draw.palette[s->draw.attr_colors[color]];
        }
    }
}

static void draw_8(const VGAState *s, uint32_t addr, uint32_t *out, int width)
{
    for (int x = 0; x < width; x++) {
        out[x] = s->draw.palette[*vram_at(s, addr + x)];
    }
}

static uint32_t rgb(unsigned r, unsigned g, unsigned b)
{
    return r << 16 | g << 8 | b;
}

static unsigned spread5(unsigned v)
{
    return (v & 31) << 3 | (v & 31) >> 2;
}

static void draw_15(const VGAState *s, uint32_t addr, uint32_t *out, int width)
{
    for (int x = 0; x < width; x++, addr += 2) {
        unsigned v = *vram_at(s, addr) | *vram_at(s, addr + 1) << 8;
        out[x] = rgb(spread5(v >> 10), spread5(v >> 5), spread5(v));
    }
}

static void draw_16(const VGAState *s, uint32_t addr, uint32_t *out, int width)
{
    for (int x = 0; x < width; x++, addr += 2) {
        unsigned v = *vram_at(s, addr) | *vram_at(s, addr + 1) << 8, g = v >> 5 & 63;
        out[x] = rgb(spread5(v >> 11), g << 2 | g >> 4, spread5(v));
    }
}

static void draw_24(const VGAState *s, uint32_t addr, uint32_t *out, int width)
{
    for (int x = 0; x < width; x++, addr += 3) {
        out[x] = rgb(*vram_at(s, addr + 2), *vram_at(s, addr + 1), *vram_at(s, addr));
    }
}

static void draw_32(const VGAState *s, uint32_t addr, uint32_t *out, int width)
{
    for (int x = 0; x < width; x++, addr += 4) {
        out[x] = rgb(*vram_at(s, addr + 2), *vram_at(s, addr + 1), *vram_at(s, addr));
    }
}

/* --- modes -------------------------------------------------------------------------- */

typedef struct GraphicsMode {
    DrawLine *draw;
    int width, height;      /* of the surface */
    int pixel_width;        /* surface pixels per pixel of memory: 1 or 2 */
    unsigned line_repeat;   /* surface lines per line of memory */
    uint32_t start, pitch;  /* bytes */
    uint32_t line_bytes;    /* of one line shown */
    unsigned split;         /* surface line from which memory from 0 is shown */
    uint8_t address_bits;   /* CRTC mode bits 1, 0: 0 puts row scan counter bits into the address */
} GraphicsMode;

static DrawLine *vbe_draw_line(unsigned bpp)
{
    switch (bpp) {
    case 4: return draw_planar;
    case 8: return draw_8;
    case 15: return draw_15;
    case 16: return draw_16;
    case 24: return draw_24;
    default: return draw_32;
    }
}

static GraphicsMode vbe_mode(const VGAState *s)
{
    unsigned bpp = s->vbe[VBE_BPP], bytes = (bpp + 7) / 8;
    uint32_t x = s->vbe[VBE_X_OFFSET];
    GraphicsMode m = {
        .draw = vbe_draw_line(bpp),
        .width = s->vbe[VBE_XRES],
        .height = s->vbe[VBE_YRES],
        .pixel_width = 1,
        .line_repeat = 1,
        .pitch = vga_vbe_line_bytes(s),
        .split = UINT_MAX,
        .address_bits = 3,
    };

    m.line_bytes = bpp == 4 ? m.width / 2u : m.width * bytes;
    m.start = s->vbe[VBE_Y_OFFSET] * m.pitch + (bpp == 4 ? x / 8 * 4 : x * bytes);
    return m;
}

static GraphicsMode vga_mode(const VGAState *s)
{
    bool wide = s->seq[SEQ_CLOCK_MODE] & SEQ_CLOCK_HALF;
    unsigned lines = (s->crtc[CRTC_MAX_SCAN] & 0x1f) + 1;
    int cells = s->crtc[CRTC_H_DISPLAY] + 1;
    GraphicsMode m = {
        .draw = draw_planar,
        .height = vga_v_display(s),
        .pixel_width = wide ? 2 : 1,
        .pitch = s->crtc[CRTC_OFFSET] * 8,
        .start = vga_start_address(s) * 4,
        .line_bytes = cells * 4,
        .split = vga_line_compare(s) + 1,
        .address_bits = s->crtc[CRTC_MODE] & 3,
    };

    if (s->gc[GC_MODE] & GC_MODE_SHIFT_256) {
        m.draw = draw_8; /* a pixel is two dots wide */
        m.pixel_width = 2;
    } else if (s->gc[GC_MODE] & GC_MODE_SHIFT_CGA) {
        m.draw = draw_cga;
    }
    m.width = cells * 8 * (wide && m.draw != draw_8 ? 2 : 1);
    /* Address bits 13 and 14 come from the row counter in CGA and Hercules
     * modes: the rows of a character row lie in banks, and are not repeats. */
    if (m.address_bits != 3) {
        lines = 1;
    }
    m.line_repeat = lines * (s->crtc[CRTC_MAX_SCAN] & 0x80 ? 2 : 1);
    return m;
}

/* The address of a memory line, counted from the start or the split. */
static uint32_t line_address(const GraphicsMode *m, uint32_t start, unsigned line)
{
    unsigned row = line;
    uint32_t addr;

    switch (m->address_bits) {
    case 3:
        return start + line * m->pitch;
    case 0:
        row = line / 4;
        break;
    default:
        row = line / 2;
        break;
    }
    addr = start + row * m->pitch;
    if (!(m->address_bits & 1)) {
        addr = (addr & ~(UINT32_C(1) << 15)) | (line & 1) << 15;
    }
    if (!(m->address_bits & 2)) {
        addr = (addr & ~(UINT32_C(1) << 16)) | (line & 2) << 15;
    }
    return addr;
}

/* Notes which pages were written since the last call. */
static void collect_dirty(VGAState *s)
{
    for (uint32_t page = 0; page < s->vram_size / GUEST_PAGE_SIZE; page++) {
        hwaddr at = (hwaddr)page * GUEST_PAGE_SIZE;
        s->draw.dirty_pages[page] =
            memory_region_get_dirty(&s->vram, at, GUEST_PAGE_SIZE, RAM_PAGE_CLEAN_VGA);
        if (s->draw.dirty_pages[page]) {
            memory_region_reset_dirty(&s->vram, at, GUEST_PAGE_SIZE, RAM_PAGE_CLEAN_VGA);
        }
    }
}

static bool line_dirty(const VGAState *s, uint32_t addr, uint32_t bytes)
{
    uint32_t mask = s->vram_size - 1;

    for (uint32_t at = addr & ~(GUEST_PAGE_SIZE - 1u); at < addr + bytes; at += GUEST_PAGE_SIZE) {
        if (s->draw.dirty_pages[(at & mask) / GUEST_PAGE_SIZE]) {
            return true;
        }
    }
    return false;
}

/* Doubles the pixels of a line in place, from its end. */
static void widen(uint32_t *line, int pixels)
{
    for (int x = pixels - 1; x >= 0; x--) {
        line[x * 2] = line[x * 2 + 1] = line[x];
    }
}

static void draw_line(const VGAState *s, const GraphicsMode *m, uint32_t addr, uint32_t *out)
{
    int pixels = m->width / m->pixel_width;

    m->draw(s, addr, out, pixels);
    if (m->pixel_width == 2) {
        widen(out, pixels);
    }
}

static void draw_graphics(VGAState *s, const GraphicsMode *m, bool redraw)
{
    pixman_image_t *surface = console_surface(s->console);
    uint8_t *row = (uint8_t *)pixman_image_get_data(surface);
    int stride = pixman_image_get_stride(surface), first = -1;

    collect_dirty(s);
    for (int y = 0; y <= m->height; y++, row += stride) {
        bool after = (unsigned)y >= m->split;
        uint32_t addr = line_address(m, after ? 0 : m->start,
                                     (after ? y - m->split : (unsigned)y) / m->line_repeat);
        bool changed = y < m->height && (redraw || line_dirty(s, addr, m->line_bytes));
        if (changed) {
            draw_line(s, m, addr, (uint32_t *)(void *)row);
            first = first < 0 ? y : first;
        } else if (first >= 0) {
            console_update(s->console, 0, first, m->width, y - first);
            first = -1;
        }
    }
}

static void draw_blank(VGAState *s)
{
    pixman_image_t *surface = console_surface(s->console);
    int width = pixman_image_get_width(surface), height = pixman_image_get_height(surface);
    uint32_t key[8] = { 3 };

    if (vga_begin_mode(s, key, width, height)) {
        surface = console_surface(s->console);
        memset(pixman_image_get_data(surface), 0,
               (size_t)pixman_image_get_stride(surface) * height);
        console_update(s->console, 0, 0, width, height);
    }
}

bool vga_begin_mode(VGAState *s, const uint32_t key[8], int width, int height)
{
    bool changed = s->draw.redraw || memcmp(s->draw.mode_key, key, sizeof(s->draw.mode_key)) != 0;

    memcpy(s->draw.mode_key, key, sizeof(s->draw.mode_key));
    s->draw.redraw = false;
    console_resize(s->console, width, height);
    return changed;
}

static void refresh_graphics(VGAState *s)
{
    GraphicsMode m = vga_vbe_active(s) ? vbe_mode(s) : vga_mode(s);
    uint32_t key[8] = { 2, m.width, m.height, m.pixel_width << 8 | m.line_repeat, m.start,
                        m.pitch, m.split, m.address_bits | vga_vbe_active(s) << 8 |
                        (s->gc[GC_MODE] & 0x60) << 16 };

    draw_graphics(s, &m, vga_begin_mode(s, key, m.width, m.height));
}

static void vga_refresh(void *opaque)
{
    VGAState *s = opaque;

    s->draw.redraw |= update_palette(s);
    if (!(s->attr_index & ATTR_INDEX_VIDEO_ON) ||
        (s->seq[SEQ_CLOCK_MODE] & SEQ_CLOCK_SCREEN_OFF)) {
        draw_blank(s);
    } else if (vga_vbe_active(s) || (s->gc[GC_MISC] & GC_MISC_GRAPHICS)) {
        refresh_graphics(s);
    } else {
        vga_draw_text(s);
    }
}

static void vga_invalidate(void *opaque)
{
    ((VGAState *)opaque)->draw.redraw = true;
}

const ConsoleOps vga_console_ops = {
    .refresh = vga_refresh,
    .invalidate = vga_invalidate,
    .text = vga_screen_text,
};
