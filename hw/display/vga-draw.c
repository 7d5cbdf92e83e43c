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

bool vga_blink_phase(const VGAState *s, int period_ms)
{
    return clock_get_ns(s->clock) / (period_ms / 2 * NS_PER_MS) & 1;
}

int64_t vga_next_blink(const VGAState *s, int period_ms)
{
    int64_t phase = period_ms / 2 * NS_PER_MS;

    return phase - clock_get_ns(s->clock) % phase;
}

/* The DAC index of an attribute color (IBM reference, "Attribute Controller"). Blinking inverts
 * bit 3 in graphics modes. */
static uint8_t attr_color(const VGAState *s, unsigned i)
{
    const uint8_t blinks = ATTR_MODE_GRAPHICS | ATTR_MODE_BLINK;
    bool invert = (s->attr[ATTR_MODE] & blinks) == blinks && vga_blink_phase(s, VGA_BLINK_MS);
    uint8_t v = s->attr[(i & s->attr[ATTR_PLANE_ENABLE] & 0x0f) ^ (invert ? 8 : 0)];
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

/* p holds all bytes of the line; width is a multiple of 8. */
typedef void DrawLine(const VGAState *s, const uint8_t *p, uint32_t *out, int width);

static void draw_planar(const VGAState *s, const uint8_t *p, uint32_t *out, int width)
{
    for (int x = 0; x < width; x += 8, p += 4) {
        for (int bit = 7; bit >= 0; bit--) {
            unsigned i = (p[0] >> bit & 1) | (p[1] >> bit & 1) << 1 | (p[2] >> bit & 1) << 2 |
                         (p[3] >> bit & 1) << 3;
            *out++ = s->draw.palette[s->draw.attr_colors[i]];
        }
    }
}

/* Two bits a pixel: even bytes in planes 0 and 2, odd bytes in planes 1 and 3. */
static void draw_cga(const VGAState *s, const uint8_t *p, uint32_t *out, int width)
{
    for (int x = 0; x < width; x += 8, p += 4) {
        for (int i = 0; i < 8; i++) {
            int shift = 6 - i % 4 * 2;
            unsigned color = (p[i / 4] >> shift & 3) | (p[i / 4 + 2] >> shift & 3) << 2;
            *out++ = s->draw.palette[s->draw.attr_colors[color]];
        }
    }
}

static void draw_8(const VGAState *s, const uint8_t *p, uint32_t *out, int width)
{
    for (int x = 0; x < width; x++) {
        out[x] = s->draw.palette[p[x]];
    }
}

static uint32_t rgb(unsigned r, unsigned g, unsigned b)
{
    return r << 16 | g << 8 | b;
}

/* The highest value of five or six bits is full intensity. */
static unsigned spread5(unsigned v)
{
    return (v & 31) << 3 | (v & 31) >> 2;
}

static unsigned spread6(unsigned v)
{
    return (v & 63) << 2 | (v & 63) >> 4;
}

static uint32_t rgb15(unsigned v)
{
    return rgb(spread5(v >> 10), spread5(v >> 5), spread5(v));
}

static uint32_t rgb16(unsigned v)
{
    return rgb(spread5(v >> 11), spread6(v >> 5), spread5(v));
}

static void draw_15(const VGAState *s, const uint8_t *p, uint32_t *out, int width)
{
    for (int x = 0; x < width; x++) {
        out[x] = rgb15(p[x * 2] | p[x * 2 + 1] << 8);
    }
}

static void draw_15_big(const VGAState *s, const uint8_t *p, uint32_t *out, int width)
{
    for (int x = 0; x < width; x++) {
        out[x] = rgb15(p[x * 2] << 8 | p[x * 2 + 1]);
    }
}

static void draw_16(const VGAState *s, const uint8_t *p, uint32_t *out, int width)
{
    for (int x = 0; x < width; x++) {
        out[x] = rgb16(p[x * 2] | p[x * 2 + 1] << 8);
    }
}

static void draw_16_big(const VGAState *s, const uint8_t *p, uint32_t *out, int width)
{
    for (int x = 0; x < width; x++) {
        out[x] = rgb16(p[x * 2] << 8 | p[x * 2 + 1]);
    }
}

static void draw_24(const VGAState *s, const uint8_t *p, uint32_t *out, int width)
{
    for (int x = 0; x < width; x++) {
        out[x] = rgb(p[x * 3 + 2], p[x * 3 + 1], p[x * 3]);
    }
}

static void draw_24_big(const VGAState *s, const uint8_t *p, uint32_t *out, int width)
{
    for (int x = 0; x < width; x++) {
        out[x] = rgb(p[x * 3], p[x * 3 + 1], p[x * 3 + 2]);
    }
}

/* Two pixels at a time; their order is the host's own. */
static void draw_32(const VGAState *s, const uint8_t *p, uint32_t *out, int width)
{
    for (int x = 0; x < width; x += 2) {
        uint64_t two;
        memcpy(&two, p + x * 4, sizeof(two));
        two &= 0x00ffffff00ffffff;
        memcpy(&out[x], &two, sizeof(two));
    }
}

static void draw_32_big(const VGAState *s, const uint8_t *p, uint32_t *out, int width)
{
    for (int x = 0; x < width; x++) {
        out[x] = rgb(p[x * 4 + 1], p[x * 4 + 2], p[x * 4 + 3]);
    }
}

/* By format and byte order, and the bytes of eight pixels. */
static const struct {
    DrawLine *draw[2];
    uint32_t bytes;
} formats[] = {
    [VGA_PLANAR] = { { draw_planar, draw_planar }, 4 },
    [VGA_CGA4] = { { draw_cga, draw_cga }, 4 },
    [VGA_INDEX8] = { { draw_8, draw_8 }, 8 },
    [VGA_RGB15] = { { draw_15, draw_15_big }, 16 },
    [VGA_RGB16] = { { draw_16, draw_16_big }, 16 },
    [VGA_RGB24] = { { draw_24, draw_24_big }, 24 },
    [VGA_RGB32] = { { draw_32, draw_32_big }, 32 },
};

/* --- which lines ----------------------------------------------------------------------- */

/* Pixels of memory in a line, with those that panning skips, in whole characters. */
static int line_pixels(const VGAScreen *screen)
{
    int pixels = (screen->width + screen->pixel_dots - 1) / screen->pixel_dots;
    return (pixels + screen->panning + 7) & ~7u;
}

static uint32_t line_bytes(const VGAScreen *screen)
{
    return line_pixels(screen) / 8 * formats[screen->format].bytes;
}

/* The bytes that the screen shows: all memory, if addresses wrap. */
static void shown_range(const VGAScreen *screen, uint32_t *from, uint32_t *to)
{
    uint32_t bytes = line_bytes(screen);
    VGALine l;

    *from = UINT32_MAX;
    *to = 0;
    for (vga_line_first(&l, screen); l.y < screen->height; vga_line_next(&l, screen)) {
        uint32_t address = vga_line_address(&l, screen);
        if (address + bytes - 1 > screen->address_mask) {
            *from = 0;
            *to = screen->address_mask;
            return;
        }
        *from = MIN(*from, address);
        *to = MAX(*to, address + bytes - 1);
    }
}

/* Notes which pages of [from, to] were written since the last call. Pages are marked clean before
 * they are drawn, and no others are: a write in between is seen the next time. */
static void collect_dirty(VGAState *s, uint32_t from, uint32_t to)
{
    uint32_t last = to / GUEST_PAGE_SIZE, run = 0;

    memory_region_sync_dirty(&s->vram, from, (hwaddr)to - from + 1);
    for (uint32_t page = from / GUEST_PAGE_SIZE; page <= last; page++) {
        hwaddr at = (hwaddr)page * GUEST_PAGE_SIZE;
        bool dirty = memory_region_get_dirty(&s->vram, at, GUEST_PAGE_SIZE, RAM_PAGE_CLEAN_VGA);

        s->draw.dirty_pages[page] = dirty;
        run += dirty;
        if (run && (!dirty || page == last)) {
            hwaddr end = dirty ? at + GUEST_PAGE_SIZE : at;
            memory_region_reset_dirty(&s->vram, end - (hwaddr)run * GUEST_PAGE_SIZE,
                                      (hwaddr)run * GUEST_PAGE_SIZE, RAM_PAGE_CLEAN_VGA);
            run = 0;
        }
    }
}

static bool line_dirty(const VGAState *s, const VGAScreen *screen, uint32_t address)
{
    uint32_t end = address + line_bytes(screen);

    for (uint32_t at = address & ~(GUEST_PAGE_SIZE - 1u); at < end; at += GUEST_PAGE_SIZE) {
        if (s->draw.dirty_pages[(at & screen->address_mask) / GUEST_PAGE_SIZE]) {
            return true;
        }
    }
    return false;
}

static bool covers(const VGACursor *cursor, int y)
{
    return y >= cursor->y && y < cursor->y + cursor->height;
}

/* --- drawing ------------------------------------------------------------------------------ */

/* Makes every pixel dots wide, in place, from the line's end. */
static void widen(uint32_t *line, int pixels, int dots)
{
    for (int x = pixels - 1; x >= 0; x--) {
        for (int i = dots - 1; i >= 0; i--) {
            line[x * dots + i] = line[x];
        }
    }
}

static void draw_pixels(const VGAState *s, const VGAScreen *screen, uint32_t address, uint32_t *line)
{
    DrawLine *draw = formats[screen->format].draw[screen->big_endian ? 1 : 0];
    uint32_t bytes = line_bytes(screen), before_end = screen->address_mask + 1 - address;
    g_autofree uint8_t *joined = NULL;

    if (bytes <= before_end) {
        draw(s, s->vram_ptr + address, line, line_pixels(screen));
        return;
    }
    joined = g_malloc(bytes);
    memcpy(joined, s->vram_ptr + address, before_end);
    memcpy(joined + before_end, s->vram_ptr, bytes - before_end);
    draw(s, joined, line, line_pixels(screen));
}

/* The line's pixels, from draw.line on or a bit further. */
static uint32_t *draw_line(VGAState *s, const VGAScreen *screen, const VGALine *l)
{
    uint32_t *line = s->draw.line;

    draw_pixels(s, screen, vga_line_address(l, screen), line);
    line += l->panning;
    if (screen->pixel_dots > 1) {
        widen(line, line_pixels(screen) - l->panning, screen->pixel_dots);
    }
    if (covers(&s->draw.cursor, l->y)) {
        s->chip->draw_cursor(s, line, screen->width, l->y);
    }
    return line;
}

/* Lines that changed, one below the other, and the columns that did. */
typedef struct Changes {
    int left, right, top, bottom; /* bottom 0: none */
} Changes;

static void report(VGAState *s, Changes *c)
{
    if (c->bottom) {
        console_update(s->console, c->left, c->top, c->right - c->left, c->bottom - c->top);
        c->bottom = 0;
    }
}

/* Copies what differs, or all, to the surface. */
static void put_line(VGAState *s, Changes *c, const uint32_t *line, uint32_t *out, int y, bool all)
{
    int left = 0, right = s->draw.screen.width;

    if (!all && memcmp(line, out, right * sizeof(*line)) == 0) {
        report(s, c);
        return;
    }
    while (!all && line[left] == out[left]) {
        left++;
    }
    while (!all && line[right - 1] == out[right - 1]) {
        right--;
    }
    memcpy(out + left, line + left, (right - left) * sizeof(*line));
    *c = c->bottom ? (Changes){ MIN(c->left, left), MAX(c->right, right), c->top, y + 1 }
                   : (Changes){ left, right, y, y + 1 };
}

static void draw_graphics(VGAState *s, const VGAScreen *screen, bool redraw, VGACursor was)
{
    pixman_image_t *surface = console_surface(s->console);
    uint8_t *row = (uint8_t *)pixman_image_get_data(surface);
    int stride = pixman_image_get_stride(surface);
    bool moved = memcmp(&was, &s->draw.cursor, sizeof(was)) != 0;
    Changes changes = { 0 };
    VGALine l;

    for (vga_line_first(&l, screen); l.y < screen->height; vga_line_next(&l, screen)) {
        bool cursor = moved && (covers(&was, l.y) || covers(&s->draw.cursor, l.y));
        if (redraw || cursor || line_dirty(s, screen, vga_line_address(&l, screen))) {
            put_line(s, &changes, draw_line(s, screen, &l), (uint32_t *)(void *)row, l.y, redraw);
        } else {
            report(s, &changes);
        }
        row += stride;
    }
    report(s, &changes);
}

static void draw_blank(VGAState *s, bool redraw)
{
    pixman_image_t *surface = console_surface(s->console);
    int height = pixman_image_get_height(surface);

    if (redraw) {
        memset(pixman_image_get_data(surface), 0,
               (size_t)pixman_image_get_stride(surface) * height);
        console_update(s->console, 0, 0, pixman_image_get_width(surface), height);
    }
}

bool vga_begin_screen(VGAState *s, const VGAScreen *screen)
{
    bool changed = s->draw.redraw || memcmp(&s->draw.screen, screen, sizeof(*screen)) != 0;

    if (screen->width != s->draw.screen.width || !s->draw.line) {
        /* Panning and widening need some more. */
        s->draw.line = g_renew(uint32_t, s->draw.line, screen->width + 16 * 8);
    }
    s->draw.screen = *screen;
    s->draw.redraw = false;
    console_resize(s->console, screen->width, screen->height);
    return changed;
}

static void refresh_graphics(VGAState *s, const VGAScreen *screen)
{
    bool redraw = vga_begin_screen(s, screen);
    VGACursor was = s->draw.cursor;
    uint32_t from, to;

    memset(&s->draw.cursor, 0, sizeof(s->draw.cursor));
    if (s->chip->cursor) {
        s->chip->cursor(s, &s->draw.cursor);
    }
    shown_range(screen, &from, &to);
    collect_dirty(s, from, to);
    draw_graphics(s, screen, redraw, was);
}

static void vga_refresh(void *opaque)
{
    VGAState *s = opaque;
    VGAScreen screen;

    s->draw.redraw |= update_palette(s);
    vga_screen(s, &screen);
    if (screen.blank) {
        /* The surface keeps its size. */
        screen = (VGAScreen){ .blank = true,
                              .width = pixman_image_get_width(console_surface(s->console)),
                              .height = pixman_image_get_height(console_surface(s->console)) };
        draw_blank(s, vga_begin_screen(s, &screen));
    } else if (screen.format == VGA_TEXT) {
        vga_draw_text(s, &screen);
    } else {
        refresh_graphics(s, &screen);
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
    .cells = vga_screen_cells,
};
