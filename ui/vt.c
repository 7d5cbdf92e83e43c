/*
 * The terminal: see vt.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ui/vt.h"
#include <string.h>

enum { HISTORY_LINES = 512, TAB_WIDTH = 8, PARAM_MAX = 9999 };
enum { DEFAULT_FG = 7, DEFAULT_BG = 0, BRIGHT = 8 };

/* --- lines ------------------------------------------------------------------------- */

static TextCell *screen_line(const Vt *vt, int y)
{
    return vt->cells + (size_t)((vt->top + y) % vt->lines) * vt->columns;
}

/* ANSI counts red, green, blue from the lowest bit; the VGA's attributes the other way round. */
static uint8_t vga_color(uint8_t ansi)
{
    return (ansi & 0x0a) | (ansi & 1) << 2 | (ansi >> 2 & 1);
}

static TextCell pen_cell(const Vt *vt, uint32_t ch)
{
    const VtPen *pen = &vt->pen;
    uint8_t fg = pen->fg | (pen->bold && pen->fg < BRIGHT ? BRIGHT : 0), bg = pen->bg;

    if (pen->reverse) {
        fg = pen->bg;
        bg = pen->fg;
    }
    return (TextCell){ pen->hidden ? ' ' : ch, vga_color(pen->hidden ? bg : fg), vga_color(bg) };
}

static void erase(Vt *vt, int y, int from, int to)
{
    TextCell *line = screen_line(vt, y), blank = pen_cell(vt, ' ');

    for (int x = MAX(from, 0); x < MIN(to, vt->columns); x++) {
        line[x] = blank;
    }
}

static void copy_line(Vt *vt, int to, int from)
{
    memcpy(screen_line(vt, to), screen_line(vt, from), vt->columns * sizeof(TextCell));
}

/* Lines top to bottom move up by n; blanks come in from below. */
static void scroll_up(Vt *vt, int top, int bottom, int n)
{
    n = MIN(n, bottom - top + 1);
    if (top == 0 && bottom == vt->rows - 1) {
        vt->top = (vt->top + n) % vt->lines; /* what leaves becomes history */
        vt->history = MIN(vt->history + n, vt->lines - vt->rows);
    } else {
        for (int y = top; y + n <= bottom; y++) {
            copy_line(vt, y, y + n);
        }
    }
    for (int y = bottom - n + 1; y <= bottom; y++) {
        erase(vt, y, 0, vt->columns);
    }
}

static void scroll_down(Vt *vt, int top, int bottom, int n)
{
    n = MIN(n, bottom - top + 1);
    for (int y = bottom; y - n >= top; y--) {
        copy_line(vt, y, y - n);
    }
    for (int y = top; y < top + n; y++) {
        erase(vt, y, 0, vt->columns);
    }
}

/* --- the cursor ---------------------------------------------------------------------- */

static void move_to(Vt *vt, int x, int y)
{
    vt->x = CLAMP(x, 0, vt->columns - 1);
    vt->y = CLAMP(y, 0, vt->rows - 1);
}

static void line_feed(Vt *vt)
{
    if (vt->y == vt->region_bottom) {
        scroll_up(vt, vt->region_top, vt->region_bottom, 1);
    } else {
        vt->y = MIN(vt->y + 1, vt->rows - 1);
    }
}

static void reverse_line_feed(Vt *vt)
{
    if (vt->y == vt->region_top) {
        scroll_down(vt, vt->region_top, vt->region_bottom, 1);
    } else {
        vt->y = MAX(vt->y - 1, 0);
    }
}

static void save_cursor(Vt *vt)
{
    vt->saved_x = vt->x;
    vt->saved_y = vt->y;
    vt->saved_pen = vt->pen;
}

static void restore_cursor(Vt *vt)
{
    move_to(vt, vt->saved_x, vt->saved_y);
    vt->pen = vt->saved_pen;
}

static void put_char(Vt *vt, uint32_t ch)
{
    if (vt->x >= vt->columns) {
        if (vt->no_wrap) {
            vt->x = vt->columns - 1;
        } else {
            vt->x = 0;
            line_feed(vt);
        }
    }
    screen_line(vt, vt->y)[vt->x++] = pen_cell(vt, ch);
}

static void control(Vt *vt, uint8_t c)
{
    switch (c) {
    case '\b':
        vt->x = MAX(MIN(vt->x, vt->columns - 1) - 1, 0);
        break;
    case '\t':
        vt->x = MIN((vt->x / TAB_WIDTH + 1) * TAB_WIDTH, vt->columns - 1);
        break;
    case '\n':
    case '\v':
    case '\f':
        line_feed(vt);
        break;
    case '\r':
        vt->x = 0;
        break;
    case 0x1b:
        vt->state = VT_ESCAPE;
        break;
    }
}

/* --- control sequences (ECMA-48, 8.3) -------------------------------------------------- */

static int param(const Vt *vt, int i, int fallback)
{
    return i < vt->param_count && vt->params[i] ? vt->params[i] : fallback;
}

static void erase_in_line(Vt *vt, int how)
{
    int x = MIN(vt->x, vt->columns - 1);
    erase(vt, vt->y, how == 0 ? x : 0, how == 1 ? x + 1 : vt->columns);
}

static void erase_in_display(Vt *vt, int how)
{
    erase_in_line(vt, how);
    for (int y = 0; y < vt->rows; y++) {
        if ((how != 1 && y > vt->y) || (how != 0 && y < vt->y)) {
            erase(vt, y, 0, vt->columns);
        }
    }
}

/* Positive n makes room at the cursor; negative n takes characters away. */
static void shift_line(Vt *vt, int n)
{
    TextCell *line = screen_line(vt, vt->y);
    int x = MIN(vt->x, vt->columns - 1), room = vt->columns - x, count = MIN(ABS(n), room);

    if (n > 0) {
        memmove(line + x + count, line + x, (room - count) * sizeof(TextCell));
        erase(vt, vt->y, x, x + count);
    } else {
        memmove(line + x, line + x + count, (room - count) * sizeof(TextCell));
        erase(vt, vt->y, vt->columns - count, vt->columns);
    }
}

static void set_graphics(Vt *vt, int code)
{
    VtPen *pen = &vt->pen;

    switch (code) {
    case 0: *pen = (VtPen){ DEFAULT_FG, DEFAULT_BG }; break;
    case 1: pen->bold = true; break;
    case 7: pen->reverse = true; break;
    case 8: pen->hidden = true; break;
    case 22: pen->bold = false; break;
    case 27: pen->reverse = false; break;
    case 28: pen->hidden = false; break;
    case 30 ... 37: pen->fg = code - 30; break;
    case 39: pen->fg = DEFAULT_FG; break;
    case 40 ... 47: pen->bg = code - 40; break;
    case 49: pen->bg = DEFAULT_BG; break;
    case 90 ... 97: pen->fg = code - 90 + BRIGHT; break;
    case 100 ... 107: pen->bg = code - 100 + BRIGHT; break;
    }
}

static void set_mode(Vt *vt, bool on)
{
    for (int i = 0; vt->private_mode && i < vt->param_count; i++) {
        switch (vt->params[i]) {
        case 1: vt->app_cursor_keys = on; break;
        case 7: vt->no_wrap = !on; break;
        case 25: vt->cursor_hidden = !on; break;
        }
    }
}

static void set_region(Vt *vt)
{
    int top = param(vt, 0, 1) - 1, bottom = MIN(param(vt, 1, vt->rows), vt->rows) - 1;

    if (top < bottom) {
        vt->region_top = top;
        vt->region_bottom = bottom;
        move_to(vt, 0, 0);
    }
}

static void report(Vt *vt, int what)
{
    g_autofree char *text = NULL;

    if (what == 5) {
        text = g_strdup("\033[0n"); /* no malfunction */
    } else if (what == 6) {
        text = g_strdup_printf("\033[%d;%dR", vt->y + 1, MIN(vt->x, vt->columns - 1) + 1);
    }
    if (text && vt->reply) {
        vt->reply(vt->opaque, text);
    }
}

static void insert_or_delete_lines(Vt *vt, bool insert)
{
    if (vt->y >= vt->region_top && vt->y <= vt->region_bottom) {
        (insert ? scroll_down : scroll_up)(vt, vt->y, vt->region_bottom, param(vt, 0, 1));
    }
}

static void control_sequence(Vt *vt, uint8_t c)
{
    int n = param(vt, 0, 1), x = MIN(vt->x, vt->columns - 1), y = vt->y;

    switch (c) {
    case '@': shift_line(vt, n); break;
    case 'A': move_to(vt, x, y - n); break;
    case 'B': case 'e': move_to(vt, x, y + n); break;
    case 'C': case 'a': move_to(vt, x + n, y); break;
    case 'D': move_to(vt, x - n, y); break;
    case 'E': move_to(vt, 0, y + n); break;
    case 'F': move_to(vt, 0, y - n); break;
    case 'G': case '`': move_to(vt, n - 1, y); break;
    case 'H': case 'f': move_to(vt, param(vt, 1, 1) - 1, n - 1); break;
    case 'J': erase_in_display(vt, param(vt, 0, 0)); break;
    case 'K': erase_in_line(vt, param(vt, 0, 0)); break;
    case 'L': insert_or_delete_lines(vt, true); break;
    case 'M': insert_or_delete_lines(vt, false); break;
    case 'P': shift_line(vt, -n); break;
    case 'S': scroll_up(vt, vt->region_top, vt->region_bottom, n); break;
    case 'T': scroll_down(vt, vt->region_top, vt->region_bottom, n); break;
    case 'X': erase(vt, y, x, x + n); break;
    case 'd': move_to(vt, x, n - 1); break;
    case 'h': set_mode(vt, true); break;
    case 'l': set_mode(vt, false); break;
    case 'm':
        for (int i = 0; i < MAX(vt->param_count, 1); i++) {
            set_graphics(vt, param(vt, i, 0));
        }
        break;
    case 'n': report(vt, n); break;
    case 'r': set_region(vt); break;
    case 's': save_cursor(vt); break;
    case 'u': restore_cursor(vt); break;
    }
}

static void csi_byte(Vt *vt, uint8_t c)
{
    if (c >= '0' && c <= '9') {
        int *p = &vt->params[MAX(vt->param_count, 1) - 1];
        vt->param_count = MAX(vt->param_count, 1);
        *p = MIN(*p * 10 + c - '0', PARAM_MAX);
    } else if (c == ';') {
        vt->param_count = MIN(MAX(vt->param_count, 1) + 1, VT_PARAMS_MAX);
    } else if (c == '?') {
        vt->private_mode = true;
    } else if (c >= 0x40) {
        vt->state = VT_TEXT;
        control_sequence(vt, c);
    }
}

static void reset(Vt *vt)
{
    vt->pen = vt->saved_pen = (VtPen){ DEFAULT_FG, DEFAULT_BG };
    vt->region_top = 0;
    vt->region_bottom = vt->rows - 1;
    vt->cursor_hidden = vt->no_wrap = vt->app_cursor_keys = false;
    vt->saved_x = vt->saved_y = 0;
    move_to(vt, 0, 0);
    erase_in_display(vt, 2);
}

static void escape_byte(Vt *vt, uint8_t c)
{
    vt->state = VT_TEXT;
    switch (c) {
    case '[':
        vt->state = VT_CSI;
        vt->private_mode = false;
        vt->param_count = 0;
        memset(vt->params, 0, sizeof(vt->params));
        break;
    case ']': case 'P': case '_': case '^': vt->state = VT_STRING; break;
    case '(': case ')': case '#': case '%': vt->state = VT_SKIP_ONE; break;
    case '7': save_cursor(vt); break;
    case '8': restore_cursor(vt); break;
    case 'D': line_feed(vt); break;
    case 'E': vt->x = 0; line_feed(vt); break;
    case 'M': reverse_line_feed(vt); break;
    case 'c': reset(vt); break;
    }
}

/* --- bytes ------------------------------------------------------------------------------ */

static void text_byte(Vt *vt, uint8_t c)
{
    if ((c & 0xc0) == 0x80 && vt->utf8_left) {
        vt->utf8_char = vt->utf8_char << 6 | (c & 0x3f);
        if (--vt->utf8_left == 0) {
            put_char(vt, vt->utf8_char);
        }
        return;
    }
    vt->utf8_left = 0;
    if (c < 0x80) {
        put_char(vt, c);
    } else if (c >= 0xc0 && c < 0xf8) {
        vt->utf8_left = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
        vt->utf8_char = c & (0x3f >> vt->utf8_left);
    } else {
        put_char(vt, c); /* not UTF-8: Latin-1 */
    }
}

static void byte(Vt *vt, uint8_t c)
{
    if (vt->state == VT_STRING) {
        if (c == '\a' || c == 0x1b) { /* BEL, or ESC \ */
            vt->state = c == '\a' ? VT_TEXT : VT_SKIP_ONE;
        }
    } else if (c < 0x20) {
        control(vt, c);
    } else if (c == 0x7f) {
        return;
    } else if (vt->state == VT_CSI) {
        csi_byte(vt, c);
    } else if (vt->state == VT_ESCAPE) {
        escape_byte(vt, c);
    } else if (vt->state == VT_SKIP_ONE) {
        vt->state = VT_TEXT;
    } else {
        text_byte(vt, c);
    }
}

void vt_write(Vt *vt, const uint8_t *buf, int len)
{
    vt->scrolled_back = 0;
    for (int i = 0; i < len; i++) {
        byte(vt, buf[i]);
    }
}

/* --- the view ----------------------------------------------------------------------------- */

const TextCell *vt_line(const Vt *vt, int row)
{
    return screen_line(vt, row - vt->scrolled_back + vt->lines);
}

void vt_scroll(Vt *vt, int lines)
{
    vt->scrolled_back = CLAMP(vt->scrolled_back - lines, 0, vt->history);
}

bool vt_cursor(const Vt *vt, int *x, int *y)
{
    *x = MIN(vt->x, vt->columns - 1);
    *y = vt->y + vt->scrolled_back;
    return !vt->cursor_hidden && *y < vt->rows;
}

void vt_init(Vt *vt, int columns, int rows)
{
    *vt = (Vt){ .columns = columns, .rows = rows, .lines = rows + HISTORY_LINES };
    vt->cells = g_new0(TextCell, (size_t)vt->lines * columns);
    reset(vt);
}

void vt_free(Vt *vt)
{
    g_free(vt->cells);
}
