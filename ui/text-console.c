/*
 * Text consoles: see text-console.h. vt.c is the terminal.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ui/text-console.h"
#include <string.h>
#include "ui/cp437.h"
#include "ui/keysym.h"
#include "ui/vt.h"

enum { DEFAULT_COLUMNS = 80, DEFAULT_ROWS = 24, INPUT_MAX = 4096 };

struct TextConsole {
    Console *con;
    Chardev *chr;
    Vt vt;
    uint8_t font[FONT_SIZE];
    TextCell *drawn;      /* what the surface shows; ch 0: nothing yet */
    GByteArray *input;    /* typed, and not yet taken by the front end */
};

/* The attribute colors of the VGA. */
static const uint32_t palette[16] = {
    0x000000, 0x0000aa, 0x00aa00, 0x00aaaa, 0xaa0000, 0xaa00aa, 0xaa5500, 0xaaaaaa,
    0x555555, 0x5555ff, 0x55ff55, 0x55ffff, 0xff5555, 0xff55ff, 0xffff55, 0xffffff,
};

const uint8_t *font_in_vga_bios(const uint8_t *rom, size_t size)
{
    /* Characters 0, a blank, and 1, a face. */
    static const uint8_t start[2 * FONT_HEIGHT] = {
        [16] = 0x00, 0x00, 0x7e, 0x81, 0xa5, 0x81, 0x81, 0xbd, 0x99, 0x81, 0x81, 0x7e,
    };
    const uint8_t *found = memmem(rom, size, start, sizeof(start));

    return found && (size_t)(rom + size - found) >= FONT_SIZE ? found : NULL;
}

/* --- drawing ------------------------------------------------------------------------ */

static TextCell cell_at(const TextConsole *tc, int x, int y)
{
    TextCell cell = vt_line(&tc->vt, y)[x];
    int cursor_x, cursor_y;

    cell.ch = cell.ch ? cell.ch : ' ';
    if (vt_cursor(&tc->vt, &cursor_x, &cursor_y) && x == cursor_x && y == cursor_y) {
        uint8_t fg = cell.fg;
        cell.fg = cell.bg;
        cell.bg = fg == cell.fg ? 7 : fg; /* a blank never written to has no colors */
    }
    return cell;
}

static void draw_cell(TextConsole *tc, int x, int y, const TextCell *cell)
{
    pixman_image_t *surface = console_surface(tc->con);
    int stride = pixman_image_get_stride(surface) / 4;
    uint32_t *out = pixman_image_get_data(surface) + y * FONT_HEIGHT * stride + x * FONT_WIDTH;
    const uint8_t *glyph = tc->font + cp437_from_unicode(cell->ch) * FONT_HEIGHT;

    for (int line = 0; line < FONT_HEIGHT; line++, out += stride) {
        for (int i = 0; i < FONT_WIDTH; i++) {
            out[i] = palette[glyph[line] >> (FONT_WIDTH - 1 - i) & 1 ? cell->fg : cell->bg];
        }
    }
}

static bool same_cell(const TextCell *a, const TextCell *b)
{
    return a->ch == b->ch && a->fg == b->fg && a->bg == b->bg;
}

static void draw_row(TextConsole *tc, int y)
{
    int first = -1, last = -1;

    for (int x = 0; x < tc->vt.columns; x++) {
        TextCell cell = cell_at(tc, x, y), *drawn = &tc->drawn[y * tc->vt.columns + x];
        if (!same_cell(&cell, drawn)) {
            *drawn = cell;
            draw_cell(tc, x, y, &cell);
            first = first < 0 ? x : first;
            last = x;
        }
    }
    if (first >= 0) {
        console_update(tc->con, first * FONT_WIDTH, y * FONT_HEIGHT,
                       (last - first + 1) * FONT_WIDTH, FONT_HEIGHT);
    }
}

static void refresh(void *opaque)
{
    TextConsole *tc = opaque;

    for (int y = 0; y < tc->vt.rows; y++) {
        draw_row(tc, y);
    }
}

static void invalidate(void *opaque)
{
    TextConsole *tc = opaque;
    memset(tc->drawn, 0, (size_t)tc->vt.columns * tc->vt.rows * sizeof(TextCell));
}

/* --- text ----------------------------------------------------------------------------- */

static bool text(void *opaque, GString *out)
{
    TextConsole *tc = opaque;

    for (int y = 0; y < tc->vt.rows; y++) {
        const TextCell *line = vt_line(&tc->vt, y);
        size_t end = out->len;
        for (int x = 0; x < tc->vt.columns; x++) {
            g_string_append_unichar(out, line[x].ch ? line[x].ch : ' ');
            end = line[x].ch && line[x].ch != ' ' ? out->len : end;
        }
        g_string_truncate(out, end);
        g_string_append_c(out, '\n');
    }
    return true;
}

static bool cells(void *opaque, TextScreen *out)
{
    TextConsole *tc = opaque;
    int columns = tc->vt.columns;

    *out = (TextScreen){ .columns = columns, .rows = tc->vt.rows };
    out->cells = g_new(TextCell, columns * out->rows);
    for (int y = 0; y < out->rows; y++) {
        memcpy(out->cells + y * columns, vt_line(&tc->vt, y), columns * sizeof(TextCell));
    }
    for (int i = 0; i < columns * out->rows; i++) {
        out->cells[i].ch = out->cells[i].ch ? out->cells[i].ch : ' ';
    }
    if (!vt_cursor(&tc->vt, &out->cursor_x, &out->cursor_y)) {
        out->cursor_x = out->cursor_y = -1;
    }
    return true;
}

/* --- keys ----------------------------------------------------------------------------- */

static void send_input(void *opaque)
{
    TextConsole *tc = opaque;
    int sent = chr_ringbuf_inject(tc->chr, tc->input->data, (int)tc->input->len);

    if (sent > 0) {
        g_byte_array_remove_range(tc->input, 0, sent);
    }
}

static void type_text(void *opaque, const char *bytes)
{
    TextConsole *tc = opaque;

    if (tc->input->len + strlen(bytes) <= INPUT_MAX) {
        g_byte_array_append(tc->input, (const uint8_t *)bytes, strlen(bytes));
    }
    send_input(tc);
}

static void type_char(TextConsole *tc, uint32_t keysym, unsigned modifiers)
{
    uint32_t ch = keysym > KEYSYM_UNICODE ? keysym - KEYSYM_UNICODE : keysym;
    char bytes[8] = { 0 };

    if ((modifiers & CONSOLE_MOD_CTRL) && ch >= '@' && ch < 0x80) {
        ch &= 0x1f;
    }
    if (modifiers & CONSOLE_MOD_ALT) {
        type_text(tc, "\033");
    }
    bytes[g_unichar_to_utf8(ch, bytes)] = 0;
    type_text(tc, bytes);
}

/* Shift and these keys move the view; true if keysym is one. */
static bool scroll_key(TextConsole *tc, uint32_t keysym)
{
    switch (keysym) {
    case KEYSYM_UP: vt_scroll(&tc->vt, -1); return true;
    case KEYSYM_DOWN: vt_scroll(&tc->vt, 1); return true;
    case KEYSYM_PAGE_UP: vt_scroll(&tc->vt, -tc->vt.rows / 2); return true;
    case KEYSYM_PAGE_DOWN: vt_scroll(&tc->vt, tc->vt.rows / 2); return true;
    default: return false;
    }
}

static const char *key_sequence(const TextConsole *tc, uint32_t keysym)
{
    bool app = tc->vt.app_cursor_keys;

    switch (keysym) {
    case KEYSYM_RETURN: case KEYSYM_KP_ENTER: return "\r";
    case KEYSYM_BACKSPACE: return "\177";
    case KEYSYM_TAB: return "\t";
    case KEYSYM_ESCAPE: return "\033";
    case KEYSYM_UP: return app ? "\033OA" : "\033[A";
    case KEYSYM_DOWN: return app ? "\033OB" : "\033[B";
    case KEYSYM_RIGHT: return app ? "\033OC" : "\033[C";
    case KEYSYM_LEFT: return app ? "\033OD" : "\033[D";
    case KEYSYM_HOME: return "\033[1~";
    case KEYSYM_INSERT: return "\033[2~";
    case KEYSYM_DELETE: return "\033[3~";
    case KEYSYM_END: return "\033[4~";
    case KEYSYM_PAGE_UP: return "\033[5~";
    case KEYSYM_PAGE_DOWN: return "\033[6~";
    default: return NULL;
    }
}

static void key(void *opaque, uint32_t keysym, unsigned modifiers)
{
    TextConsole *tc = opaque;
    const char *sequence = key_sequence(tc, keysym);

    if ((modifiers & (CONSOLE_MOD_SHIFT | CONSOLE_MOD_CTRL)) && scroll_key(tc, keysym)) {
        return;
    }
    if (sequence) {
        type_text(tc, sequence);
    } else if (keysym < 0x100 || (keysym > KEYSYM_UNICODE && keysym < KEYSYM_UNICODE + 0x110000)) {
        type_char(tc, keysym, modifiers);
    }
}

/* --- life ----------------------------------------------------------------------------- */

static void show_output(void *opaque, const uint8_t *buf, int len)
{
    vt_write(&((TextConsole *)opaque)->vt, buf, len);
}

static const CharView view = { show_output, send_input };
static const ConsoleOps ops = { refresh, invalidate, text, cells, key };

TextConsole *text_console_new(ConsoleList *list, Chardev *chr, const uint8_t *font)
{
    TextConsole *tc = g_new0(TextConsole, 1);
    int columns, rows;

    chr_vc_size(chr, &columns, &rows);
    vt_init(&tc->vt, columns ? columns : DEFAULT_COLUMNS, rows ? rows : DEFAULT_ROWS);
    tc->vt.reply = type_text;
    tc->vt.opaque = tc;
    memcpy(tc->font, font, FONT_SIZE);
    tc->drawn = g_new0(TextCell, tc->vt.columns * tc->vt.rows);
    tc->input = g_byte_array_new();
    tc->chr = chr;
    tc->con = console_new(list, chardev_label(chr), &ops, tc);
    console_resize(tc->con, tc->vt.columns * FONT_WIDTH, tc->vt.rows * FONT_HEIGHT);
    chr_vc_attach(chr, &view, tc);
    return tc;
}

void text_console_free(TextConsole *tc)
{
    chr_vc_detach(tc->chr);
    console_free(tc->con);
    g_byte_array_unref(tc->input);
    g_free(tc->drawn);
    vt_free(&tc->vt);
    g_free(tc);
}
