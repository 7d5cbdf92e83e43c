/*
 * The terminal, by ncurses: see terminal.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#define NCURSES_NOMACROS 1
#include "ui/terminal.h"
#include <curses.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "ui/keysym.h"

enum { ESCAPE_WAIT_MS = 25, BRIGHT = 8 };

/* --- life ------------------------------------------------------------------------------ */

/* The VGA's attributes count blue, green, red from the lowest bit; terminals the other way
 * round. */
static short terminal_color(uint8_t color)
{
    return (color & 0x0a) | (color & 1) << 2 | (color >> 2 & 1);
}

static int colors_in_use(void)
{
    return COLORS >= 16 && COLOR_PAIRS > 256 ? 16 : 8;
}

static void init_colors(void)
{
    int n = colors_in_use();

    start_color();
    for (int bg = 0; bg < n; bg++) {
        for (int fg = 0; fg < n; fg++) {
            init_pair((short)(1 + bg * n + fg), terminal_color(fg), terminal_color(bg));
        }
    }
}

void terminal_close(void)
{
    if (stdscr && !isendwin()) {
        endwin();
    }
}

bool terminal_open(Error **errp)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        error_setg(errp, "-display curses: standard input and output are not a terminal; use "
                   "-nographic or -display none");
        return false;
    }
    setlocale(LC_CTYPE, "");
    set_escdelay(ESCAPE_WAIT_MS);
    if (!newterm(NULL, stdout, stdin)) {
        const char *type = getenv("TERM");
        error_setg(errp, "-display curses: the terminal '%s' is unknown; set $TERM to one that "
                   "terminfo has, as xterm", type ? type : "");
        return false;
    }
    atexit(terminal_close);
    raw();
    noecho();
    nonl();
    nodelay(stdscr, TRUE);
    keypad(stdscr, TRUE);
    if (has_colors()) {
        init_colors();
    }
    return true;
}

void terminal_resize(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col) {
        resizeterm(size.ws_row, size.ws_col);
    }
    clear();
}

/* --- output ------------------------------------------------------------------------------ */

static void put_cell(int y, int x, const TextCell *cell)
{
    int n = colors_in_use(), fg = cell->fg & (n - 1), bg = cell->bg & (n - 1);
    wchar_t text[2] = { cell->ch >= ' ' && cell->ch != 0x7f ? (wchar_t)cell->ch : L' ', 0 };
    attr_t attributes = n == 8 && (cell->fg & BRIGHT) ? A_BOLD : A_NORMAL;
    cchar_t out;

    if (setcchar(&out, text, attributes, has_colors() ? (short)(1 + bg * n + fg) : 0, NULL) != OK ||
        mvadd_wch(y, x, &out) == ERR) {
        mvaddch(y, x, ' '); /* not in this locale, or the last cell of the window */
    }
}

/* The first of `all` lines or columns to show of a window of `shown`, so that at is seen. */
static int first_shown(int all, int shown, int at)
{
    return all <= shown ? 0 : CLAMP(at - shown + 1, 0, all - shown);
}

void terminal_show(const TextScreen *screen)
{
    int top = first_shown(screen->rows, LINES, screen->cursor_y);
    int left = first_shown(screen->columns, COLS, screen->cursor_x);

    erase();
    for (int y = top; y < MIN(screen->rows, top + LINES); y++) {
        for (int x = left; x < MIN(screen->columns, left + COLS); x++) {
            put_cell(y - top, x - left, &screen->cells[y * screen->columns + x]);
        }
    }
    curs_set(screen->cursor_y >= 0);
    if (screen->cursor_y >= 0) {
        move(screen->cursor_y - top, screen->cursor_x - left);
    }
    refresh();
}

void terminal_say(const char *line)
{
    erase();
    mvaddnstr(LINES / 2, MAX((COLS - (int)strlen(line)) / 2, 0), line, COLS);
    curs_set(0);
    refresh();
}

/* --- input ------------------------------------------------------------------------------- */

static const struct {
    int key;
    uint32_t keysym;
} named_keys[] = {
    { KEY_UP, KEYSYM_UP }, { KEY_DOWN, KEYSYM_DOWN }, { KEY_LEFT, KEYSYM_LEFT },
    { KEY_RIGHT, KEYSYM_RIGHT }, { KEY_HOME, KEYSYM_HOME }, { KEY_END, KEYSYM_END },
    { KEY_PPAGE, KEYSYM_PAGE_UP }, { KEY_NPAGE, KEYSYM_PAGE_DOWN }, { KEY_IC, KEYSYM_INSERT },
    { KEY_DC, KEYSYM_DELETE }, { KEY_BACKSPACE, KEYSYM_BACKSPACE }, { KEY_ENTER, KEYSYM_RETURN },
    { KEY_BTAB, KEYSYM_ISO_LEFT_TAB },
};

/* 0: a key that keyboards of PCs do not have. */
static uint32_t named_keysym(int key)
{
    for (size_t i = 0; i < G_N_ELEMENTS(named_keys); i++) {
        if (named_keys[i].key == key) {
            return named_keys[i].keysym;
        }
    }
    return key >= KEY_F(1) && key <= KEY_F(12) ? (uint32_t)(KEYSYM_F1 + key - KEY_F(1)) : 0;
}

static uint32_t character_keysym(wint_t ch, unsigned *modifiers)
{
    switch (ch) {
    case '\t': return KEYSYM_TAB;
    case '\r': return KEYSYM_RETURN;
    case '\b': case 0x7f: return KEYSYM_BACKSPACE;
    case 0x1b: return KEYSYM_ESCAPE;
    }
    if (ch < ' ') {
        *modifiers |= CONSOLE_MOD_CTRL;
        return ch ? ch + (ch <= 26 ? 'a' - 1 : '@') : ' ';
    }
    return ch < 0x100 ? ch : KEYSYM_UNICODE + ch;
}

bool terminal_read_key(uint32_t *keysym, unsigned *modifiers)
{
    wint_t ch;
    int kind = get_wch(&ch);

    *modifiers = kind == KEY_CODE_YES && ch == KEY_BTAB ? CONSOLE_MOD_SHIFT : 0;
    if (kind == ERR) {
        return false;
    }
    *keysym = kind == KEY_CODE_YES ? named_keysym((int)ch) : character_keysym(ch, modifiers);
    return true;
}
