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

enum { CURSOR_OFF = 0x20, CURSOR_PERIOD_MS = 533, BLINK_PERIOD_MS = 1066 };
enum { FONT_CHARS = 256, FONT_ROWS = 32 };
/* Bits of a drawn cell's record besides character (7..0), attribute (15..8) and font. */
enum { CELL_CURSOR = 1 << 16, CELL_HIDDEN = 1 << 17, CELL_FONT_SHIFT = 18, CELL_VALID = 1u << 31 };

typedef struct TextMode {
    unsigned columns, rows, char_width, char_height;
    uint32_t start, pitch;   /* in cells */
    unsigned cursor;         /* its cell */
    unsigned split_row;      /* from here on the screen shows memory from 0 */
} TextMode;

static TextMode text_mode(const VGAState *s)
{
    TextMode m = {
        .columns = s->crtc[CRTC_H_DISPLAY] + 1,
        .char_width = s->seq[SEQ_CLOCK_MODE] & SEQ_CLOCK_8DOT ? 8 : 9,
        .char_height = (s->crtc[CRTC_MAX_SCAN] & 0x1f) + 1,
        .start = vga_start_address(s),
        .pitch = s->crtc[CRTC_OFFSET] * 2,
        .cursor = s->crtc[CRTC_CURSOR_HIGH] << 8 | s->crtc[CRTC_CURSOR_LOW],
    };
    unsigned lines = vga_v_display(s);

    if (s->crtc[CRTC_MAX_SCAN] & 0x80) {
        lines /= 2; /* each scan line is shown twice; drawn once */
    }
    m.rows = MAX(lines / m.char_height, 1);
    m.split_row = (vga_line_compare(s) + 1) / m.char_height;
    return m;
}

static uint32_t cell_address(const TextMode *m, unsigned row, unsigned column)
{
    return row >= m->split_row ? (row - m->split_row) * m->pitch + column
                               : m->start + row * m->pitch + column;
}

static const uint8_t *cell_bytes(const VGAState *s, uint32_t cell)
{
    return s->vram_ptr + (cell * 4 & (s->vram_size - 1) & ~3u);
}

/* Character map select: map A for attributes with bit 3 set, map B for the others. */
static unsigned font_of(const VGAState *s, uint8_t attr)
{
    uint8_t v = s->seq[SEQ_CHARACTER_MAP];
    unsigned a = (v >> 2 & 3) << 1 | (v >> 5 & 1), b = (v & 3) << 1 | (v >> 4 & 1);

    return attr & 0x08 ? a : b;
}

/* Maps 0 to 3 are 16 KiB apart, 4 to 7 lie between them; as numbered above, 8 KiB each. */
static const uint8_t *glyph(const VGAState *s, unsigned font, uint8_t c)
{
    return s->vram_ptr + (font * FONT_CHARS * FONT_ROWS + c * FONT_ROWS) * 4 + 2;
}

static bool phase(const VGAState *s, int period_ms)
{
    return clock_get_ns(s->clock) / (period_ms / 2 * NS_PER_MS) & 1;
}

/* All that decides how a cell looks, in one word. */
static uint32_t cell_record(const VGAState *s, const TextMode *m, uint32_t cell)
{
    const uint8_t *bytes = cell_bytes(s, cell);
    uint8_t attr = bytes[1];
    uint32_t record = CELL_VALID | bytes[0] | attr << 8 | font_of(s, attr) << CELL_FONT_SHIFT;

    if (cell == m->cursor && !(s->crtc[CRTC_CURSOR_START] & CURSOR_OFF) &&
        !phase(s, CURSOR_PERIOD_MS)) {
        record |= CELL_CURSOR;
    }
    if ((attr & 0x80) && (s->attr[ATTR_MODE] & ATTR_MODE_BLINK) && phase(s, BLINK_PERIOD_MS)) {
        record |= CELL_HIDDEN;
    }
    return record;
}

static bool cursor_line(const VGAState *s, unsigned line)
{
    unsigned start = s->crtc[CRTC_CURSOR_START] & 0x1f, end = s->crtc[CRTC_CURSOR_END] & 0x1f;
    return line >= start && line <= end;
}

/* Nine dots: the ninth repeats the eighth for line drawing characters. */
static unsigned glyph_row(const VGAState *s, const TextMode *m, uint32_t record, unsigned line)
{
    uint8_t c = record & 0xff;
    unsigned bits = line < FONT_ROWS ? glyph(s, record >> CELL_FONT_SHIFT & 7, c)[line * 4] : 0;

    if (record & CELL_HIDDEN) {
        bits = 0;
    }
    if ((record & CELL_CURSOR) && cursor_line(s, line)) {
        bits = 0x1ff;
    } else if (m->char_width == 9) {
        bool repeat = c >= 0xc0 && c <= 0xdf && (s->attr[ATTR_MODE] & ATTR_MODE_LINE_GRAPHICS);
        bits = bits << 1 | (repeat ? bits & 1 : 0);
    }
    return m->char_width == 9 ? bits : bits & 0xff;
}

static void draw_cell(VGAState *s, const TextMode *m, unsigned row, unsigned column,
                      uint32_t record)
{
    pixman_image_t *surface = console_surface(s->console);
    uint32_t *pixels = pixman_image_get_data(surface);
    int stride = pixman_image_get_stride(surface) / 4;
    uint8_t attr = record >> 8;
    bool blink = s->attr[ATTR_MODE] & ATTR_MODE_BLINK;
    uint32_t fg = s->draw.palette[s->draw.attr_colors[attr & 0x0f]];
    uint32_t bg = s->draw.palette[s->draw.attr_colors[attr >> 4 & (blink ? 7 : 15)]];

    pixels += row * m->char_height * stride + column * m->char_width;
    for (unsigned line = 0; line < m->char_height; line++, pixels += stride) {
        unsigned bits = glyph_row(s, m, record, line);
        for (unsigned x = 0; x < m->char_width; x++) {
            pixels[x] = bits >> (m->char_width - 1 - x) & 1 ? fg : bg;
        }
    }
}

/* A font being loaded changes glyphs without touching a cell. */
static bool fonts_changed(VGAState *s)
{
    const uint32_t size = 8 * FONT_CHARS * FONT_ROWS * 4;
    bool dirty = memory_region_get_dirty(&s->vram, 0, size, RAM_PAGE_CLEAN_VGA);
    uint32_t sum = 0;

    if (!dirty) {
        return false;
    }
    memory_region_reset_dirty(&s->vram, 0, size, RAM_PAGE_CLEAN_VGA);
    for (uint32_t i = 2; i < size; i += 4) {
        sum = sum * 31 + s->vram_ptr[i];
    }
    if (sum == s->draw.font_sum) {
        return false;
    }
    s->draw.font_sum = sum;
    return true;
}

static void draw_row(VGAState *s, const TextMode *m, unsigned row)
{
    int first = -1, last = -1;

    for (unsigned column = 0; column < m->columns; column++) {
        uint32_t record = cell_record(s, m, cell_address(m, row, column));
        uint32_t *drawn = &s->draw.cells[row * m->columns + column];
        if (*drawn != record) {
            *drawn = record;
            draw_cell(s, m, row, column, record);
            first = first < 0 ? (int)column : first;
            last = column;
        }
    }
    if (first >= 0) {
        console_update(s->console, first * m->char_width, row * m->char_height,
                       (last - first + 1) * m->char_width, m->char_height);
    }
}

void vga_draw_text(VGAState *s)
{
    TextMode m = text_mode(s);
    uint32_t key[8] = { 1, m.columns, m.rows, m.char_width, m.char_height, s->attr[ATTR_MODE],
                        s->crtc[CRTC_CURSOR_START] << 8 | s->crtc[CRTC_CURSOR_END] };
    size_t cells = m.columns * m.rows;
    bool redraw = vga_begin_mode(s, key, m.columns * m.char_width, m.rows * m.char_height);

    redraw |= fonts_changed(s);
    if (cells != s->draw.cell_count) {
        s->draw.cells = g_renew(uint32_t, s->draw.cells, cells);
        s->draw.cell_count = cells;
        redraw = true;
    }
    if (redraw) {
        memset(s->draw.cells, 0, cells * sizeof(uint32_t));
    }
    for (unsigned row = 0; row < m.rows; row++) {
        draw_row(s, &m, row);
    }
}

/* --- the text ----------------------------------------------------------------------- */

/* Code page 437, which the characters of the BIOS fonts are. */
static const char *const low_chars[32] = {
    " ", "☺", "☻", "♥", "♦", "♣", "♠", "•", "◘", "○", "◙", "♂", "♀", "♪", "♫", "☼",
    "►", "◄", "↕", "‼", "¶", "§", "▬", "↨", "↑", "↓", "→", "←", "∟", "↔", "▲", "▼",
};
static const char *const high_chars[128] = {
    "Ç", "ü", "é", "â", "ä", "à", "å", "ç", "ê", "ë", "è", "ï", "î", "ì", "Ä", "Å",
    "É", "æ", "Æ", "ô", "ö", "ò", "û", "ù", "ÿ", "Ö", "Ü", "¢", "£", "¥", "₧", "ƒ",
    "á", "í", "ó", "ú", "ñ", "Ñ", "ª", "º", "¿", "⌐", "¬", "½", "¼", "¡", "«", "»",
    "░", "▒", "▓", "│", "┤", "╡", "╢", "╖", "╕", "╣", "║", "╗", "╝", "╜", "╛", "┐",
    "└", "┴", "┬", "├", "─", "┼", "╞", "╟", "╚", "╔", "╩", "╦", "╠", "═", "╬", "╧",
    "╨", "╤", "╥", "╙", "╘", "╒", "╓", "╫", "╪", "┘", "┌", "█", "▄", "▌", "▐", "▀",
    "α", "ß", "Γ", "π", "Σ", "σ", "µ", "τ", "Φ", "Θ", "Ω", "δ", "∞", "φ", "ε", "∩",
    "≡", "±", "≥", "≤", "⌠", "⌡", "÷", "≈", "°", "∙", "·", "√", "ⁿ", "²", "■", " ",
};

static void append_char(GString *out, uint8_t c)
{
    if (c >= 0x80) {
        g_string_append(out, high_chars[c - 0x80]);
    } else if (c < 0x20) {
        g_string_append(out, low_chars[c]);
    } else if (c == 0x7f) {
        g_string_append(out, "⌂");
    } else {
        g_string_append_c(out, c);
    }
}

bool vga_screen_text(void *opaque, GString *out)
{
    VGAState *s = opaque;
    TextMode m = text_mode(s);

    if (vga_vbe_active(s) || (s->gc[GC_MISC] & GC_MISC_GRAPHICS)) {
        return false;
    }
    for (unsigned row = 0; row < m.rows; row++) {
        size_t end = out->len;
        for (unsigned column = 0; column < m.columns; column++) {
            uint8_t c = cell_bytes(s, cell_address(&m, row, column))[0];
            append_char(out, c);
            end = c != ' ' && c != 0 && c != 0xff ? out->len : end;
        }
        g_string_truncate(out, end);
        g_string_append_c(out, '\n');
    }
    return true;
}
