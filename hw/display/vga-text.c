/*
 * VGA text modes: drawing, and the text itself for tests and terminals.
 * See vga.h.
 *
 * A cell is plane 0, the character, and plane 1, its attribute
 * (7 blink or background | 6..4 background | 3..0 foreground); plane 2 holds
 * the fonts, 32 bytes a character.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "hw/display/vga.h"
#include "ui/cp437.h"

enum { CURSOR_OFF = 0x20, CURSOR_LINE = 0x1f, CURSOR_PERIOD_MS = 533 };
enum { FONT_CHARS = 256, FONT_ROWS = 32, FONT_BYTES = FONT_CHARS * FONT_ROWS * 4 };
/* Bits of a drawn cell's record besides character (7..0), attribute (15..8) and font. */
enum { CELL_CURSOR = 1 << 16, CELL_HIDDEN = 1 << 17, CELL_FONT_SHIFT = 18, CELL_VALID = 1u << 31 };

/* Surface lines that show one row of characters, or a part of it. */
typedef struct Band {
    VGALine first;          /* the line it begins with */
    int lines;
} Band;

/* The band that begins with l, which is left at the next one. */
static Band next_band(const VGAScreen *screen, VGALine *l)
{
    Band band = { .first = *l };

    do {
        uint32_t line = l->line;
        vga_line_next(l, screen);
        band.lines++;
        if (l->line < line || (uint32_t)l->y == screen->split) {
            break; /* another row */
        }
        if (l->row != band.first.row) {
            break; /* rows of one line */
        }
    } while (l->y < screen->height);
    return band;
}

static const uint8_t *cell_bytes(const VGAState *s, const VGAScreen *screen, uint32_t row,
                                 unsigned column)
{
    return s->vram_ptr + ((row + column * 4) & screen->address_mask & ~3u);
}

/* Character map select: map A for attributes with bit 3 set, map B for the others. Maps 0 to 3
 * are 16 KiB apart, 4 to 7 lie between them; as numbered here, 8 KiB each. */
static unsigned font_of(const VGAState *s, uint8_t attr)
{
    uint8_t v = s->seq[SEQ_CHARACTER_MAP];
    unsigned a = (v >> 2 & 3) << 1 | (v >> 5 & 1), b = (v & 3) << 1 | (v >> 4 & 1);

    return attr & 0x08 ? a : b;
}

/* --- what a cell looks like ---------------------------------------------------------- */

/* All that decides how a cell looks, in one word. */
static uint32_t cell_record(const VGAState *s, const VGAScreen *screen, uint32_t row,
                            unsigned column)
{
    const uint8_t *bytes = cell_bytes(s, screen, row, column);
    uint8_t attr = bytes[1];
    uint32_t record = CELL_VALID | bytes[0] | attr << 8 | font_of(s, attr) << CELL_FONT_SHIFT;

    if (s->draw.text.cursor_shown && bytes == s->vram_ptr + s->draw.text.cursor) {
        record |= CELL_CURSOR;
    }
    if ((attr & 0x80) && (s->attr[ATTR_MODE] & ATTR_MODE_BLINK) && s->draw.text.blink) {
        record |= CELL_HIDDEN;
    }
    return record;
}

static bool cursor_line(const VGAState *s, unsigned line)
{
    return line >= (s->crtc[CRTC_CURSOR_START] & CURSOR_LINE) &&
           line <= (s->crtc[CRTC_CURSOR_END] & CURSOR_LINE);
}

/* Monochrome: attributes with foreground 1 and background 0 have a line. */
static bool underlined(const VGAState *s, uint8_t attr, unsigned line)
{
    return (s->attr[ATTR_MODE] & ATTR_MODE_MONO) && (attr & 0x77) == 0x01 &&
           line == (s->crtc[CRTC_UNDERLINE] & 0x1f);
}

/* The dots of a line, the first one highest. A ninth dot is background, but for line drawing
 * characters. */
static unsigned glyph_row(const VGAState *s, unsigned char_dots, uint32_t record, unsigned line)
{
    const uint8_t *font = s->vram_ptr + (record >> CELL_FONT_SHIFT & 7) * FONT_BYTES + 2;
    uint8_t c = record & 0xff, attr = record >> 8;
    unsigned bits = font[(c * FONT_ROWS + line) * 4];
    bool repeat = c >= 0xc0 && c <= 0xdf && (s->attr[ATTR_MODE] & ATTR_MODE_LINE_GRAPHICS);

    bits = bits << 1 | (repeat ? bits & 1 : 0);
    if (underlined(s, attr, line)) {
        bits = 0x1ff;
    }
    if (record & CELL_HIDDEN) {
        bits = 0;
    }
    if ((record & CELL_CURSOR) && cursor_line(s, line)) {
        bits = 0x1ff;
    }
    return char_dots == 9 ? bits : bits >> 1;
}

/* --- drawing -------------------------------------------------------------------------- */

/* Where a cell's first dot is; panning moves it to the left. */
static int cell_x(const VGAScreen *screen, const Band *band, unsigned column)
{
    return ((int)(column * screen->char_dots) - (int)band->first.panning) *
           (int)screen->pixel_dots;
}

static void draw_cell_line(const VGAScreen *screen, uint32_t *pixels, int x, unsigned bits,
                           const uint32_t colors[2])
{
    for (unsigned dot = 0; dot < screen->char_dots; dot++) {
        uint32_t color = colors[bits >> (screen->char_dots - 1 - dot) & 1];
        for (unsigned i = 0; i < screen->pixel_dots; i++, x++) {
            if (x >= 0 && x < screen->width) {
                pixels[x] = color;
            }
        }
    }
}

static void draw_cell(VGAState *s, const VGAScreen *screen, const Band *band, unsigned column,
                      uint32_t record)
{
    pixman_image_t *surface = console_surface(s->console);
    int stride = pixman_image_get_stride(surface) / 4;
    uint32_t *pixels = pixman_image_get_data(surface) + band->first.y * stride;
    uint8_t attr = record >> 8;
    unsigned background = attr >> 4 & (s->attr[ATTR_MODE] & ATTR_MODE_BLINK ? 7 : 15);
    uint32_t colors[2] = { s->draw.palette[s->draw.attr_colors[background]],
                           s->draw.palette[s->draw.attr_colors[attr & 0x0f]] };
    VGALine l = band->first;

    for (int i = 0; i < band->lines; i++, pixels += stride) {
        unsigned bits = glyph_row(s, screen->char_dots, record, l.line);
        draw_cell_line(screen, pixels, cell_x(screen, band, column), bits, colors);
        vga_line_next(&l, screen);
    }
}

/* cells: the records of what the band shows, with one cell more than columns for panning. */
static void draw_band(VGAState *s, const VGAScreen *screen, const Band *band, uint32_t *cells)
{
    int first = -1, last = 0;

    for (unsigned column = 0; column <= screen->columns; column++) {
        uint32_t record = cell_record(s, screen, band->first.row, column);
        if (cells[column] != record) {
            cells[column] = record;
            draw_cell(s, screen, band, column, record);
            first = first < 0 ? (int)column : first;
            last = column;
        }
    }
    if (first >= 0) {
        int x = cell_x(screen, band, first);
        console_update(s->console, x, band->first.y, cell_x(screen, band, last + 1) - x,
                       band->lines);
    }
}

/* A font being loaded changes glyphs without touching a cell. */
static bool fonts_changed(VGAState *s)
{
    uint32_t sum = 0;

    for (unsigned map = 0; map < 2; map++) {
        const uint8_t *font = s->vram_ptr + font_of(s, map ? 0x08 : 0) * FONT_BYTES;
        for (uint32_t i = 2; i < FONT_BYTES; i += 4) {
            sum = sum * 31 + font[i];
        }
    }
    if (sum == s->draw.font_sum) {
        return false;
    }
    s->draw.font_sum = sum;
    return true;
}

/* The cursor's place; the skew moves it to the right. */
static uint32_t cursor_address(const VGAState *s)
{
    unsigned cell = s->crtc[CRTC_CURSOR_HIGH] << 8 | s->crtc[CRTC_CURSOR_LOW];
    return (cell + (s->crtc[CRTC_CURSOR_END] >> 5 & 3)) * 4;
}

/* True if anything may look different: memory was written, or what else changes cells did. */
static bool something_changed(VGAState *s, const VGAScreen *screen)
{
    typeof(s->draw.text) now = {
        .start = screen->start,
        .cursor = cursor_address(s) & screen->address_mask,
        .cursor_shown = !(s->crtc[CRTC_CURSOR_START] & CURSOR_OFF) &&
                        !vga_blink_phase(s, CURSOR_PERIOD_MS),
        .blink = vga_blink_phase(s, VGA_BLINK_MS),
        .character_map = s->seq[SEQ_CHARACTER_MAP],
    };
    bool changed = memcmp(&now, &s->draw.text, sizeof(now)) != 0;

    s->draw.text = now;
    memory_region_sync_dirty(&s->vram, 0, VGA_PLANES_SIZE);
    if (memory_region_get_dirty(&s->vram, 0, VGA_PLANES_SIZE, RAM_PAGE_CLEAN_VGA)) {
        memory_region_reset_dirty(&s->vram, 0, VGA_PLANES_SIZE, RAM_PAGE_CLEAN_VGA);
        return true;
    }
    return changed;
}

/* As many cells as bands can have, all to be drawn. */
static void forget_cells(VGAState *s, const VGAScreen *screen)
{
    size_t cells = (size_t)(screen->columns + 1) * screen->height;

    if (cells != s->draw.cell_count) {
        s->draw.cells = g_renew(uint32_t, s->draw.cells, cells);
        s->draw.cell_count = cells;
    }
    memset(s->draw.cells, 0, cells * sizeof(uint32_t));
}

void vga_draw_text(VGAState *s, VGAScreen *screen)
{
    uint32_t start = screen->start, *cells;
    bool redraw, changed = something_changed(s, screen);
    VGALine l;

    if (!(s->crtc[CRTC_CURSOR_START] & CURSOR_OFF)) {
        console_expect_change(s->console, vga_next_blink(s, CURSOR_PERIOD_MS));
    }
    screen->text_look = s->attr[ATTR_MODE] << 24 | s->crtc[CRTC_CURSOR_START] << 16 |
                        s->crtc[CRTC_CURSOR_END] << 8 | s->crtc[CRTC_UNDERLINE];
    screen->start = 0; /* scrolling redraws what differs */
    redraw = vga_begin_screen(s, screen);
    screen->start = start;
    if (redraw | (changed && fonts_changed(s))) {
        forget_cells(s, screen);
    } else if (!changed) {
        return;
    }
    cells = s->draw.cells;
    for (vga_line_first(&l, screen); l.y < screen->height; cells += screen->columns + 1) {
        Band band = next_band(screen, &l);
        draw_band(s, screen, &band, cells);
    }
}

/* --- the text ----------------------------------------------------------------------- */

static void append_row(const VGAState *s, const VGAScreen *screen, uint32_t row, GString *out)
{
    size_t end = out->len;

    for (unsigned column = 0; column < screen->columns; column++) {
        uint8_t c = cell_bytes(s, screen, row, column)[0];
        g_string_append_unichar(out, cp437_to_unicode[c]);
        end = c != ' ' && c != 0 && c != 0xff ? out->len : end;
    }
    g_string_truncate(out, end);
    g_string_append_c(out, '\n');
}

bool vga_screen_text(void *opaque, GString *out)
{
    VGAState *s = opaque;
    VGAScreen screen;
    VGALine l;

    vga_screen(s, &screen);
    if (screen.format != VGA_TEXT) {
        return false;
    }
    vga_line_first(&l, &screen);
    while (l.y < screen.height) {
        append_row(s, &screen, next_band(&screen, &l).first.row, out);
    }
    return true;
}

/* Adds a row of cells to the screen. */
static void append_cells(const VGAState *s, const VGAScreen *screen, uint32_t row, GArray *cells,
                         TextScreen *out)
{
    uint8_t bg_bits = s->attr[ATTR_MODE] & ATTR_MODE_BLINK ? 0x07 : 0x0f;
    uint32_t cursor = cursor_address(s) & screen->address_mask;
    bool cursor_on = !(s->crtc[CRTC_CURSOR_START] & CURSOR_OFF);

    for (unsigned column = 0; column < screen->columns; column++) {
        const uint8_t *bytes = cell_bytes(s, screen, row, column);
        TextCell cell = { cp437_to_unicode[bytes[0]], bytes[1] & 0x0f, bytes[1] >> 4 & bg_bits };
        g_array_append_val(cells, cell);
        if (cursor_on && bytes == s->vram_ptr + cursor) {
            out->cursor_x = column;
            out->cursor_y = out->rows;
        }
    }
    out->rows++;
}

bool vga_screen_cells(void *opaque, TextScreen *out)
{
    VGAState *s = opaque;
    GArray *cells;
    VGAScreen screen;
    VGALine l;

    vga_screen(s, &screen);
    if (screen.format != VGA_TEXT) {
        return false;
    }
    cells = g_array_new(FALSE, FALSE, sizeof(TextCell));
    *out = (TextScreen){ .columns = screen.columns, .cursor_x = -1, .cursor_y = -1 };
    vga_line_first(&l, &screen);
    while (l.y < screen.height) {
        append_cells(s, &screen, next_band(&screen, &l).first.row, cells, out);
    }
    out->cells = (TextCell *)(void *)g_array_free(cells, FALSE);
    return true;
}
