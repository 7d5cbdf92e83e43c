/*
 * The line editor: see readline.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "monitor/readline.h"
#include <string.h>

#define CTRL(c) ((c) & 0x1f)

enum { KEY_ESC = 27, KEY_BACKSPACE = 127 };

typedef enum EscapeState { NO_ESCAPE, AFTER_ESC, IN_SEQUENCE } EscapeState;

struct Readline {
    char *prompt;
    const ReadlineOps *ops;
    void *opaque;
    GString *line;
    size_t cursor;         /* in line */
    size_t shown;          /* columns that the terminal shows of line, before the cursor */
    EscapeState escape;
    unsigned parameter;    /* of the sequence ESC [ parameter ~ */
    bool after_return;     /* a newline now belongs to the return before it */
    GPtrArray *history;    /* char * */
    guint recalled;        /* index in history; its length: the line is new */
    char *new_line;        /* what was typed before history was looked at */
};

Readline *readline_new(const char *prompt, const ReadlineOps *ops, void *opaque)
{
    Readline *rl = g_new0(Readline, 1);
    rl->prompt = g_strdup(prompt);
    rl->ops = ops;
    rl->opaque = opaque;
    rl->line = g_string_new(NULL);
    rl->history = g_ptr_array_new_with_free_func(g_free);
    return rl;
}

void readline_free(Readline *rl)
{
    g_free(rl->prompt);
    g_free(rl->new_line);
    g_string_free(rl->line, TRUE);
    g_ptr_array_unref(rl->history);
    g_free(rl);
}

const GPtrArray *readline_history(const Readline *rl)
{
    return rl->history;
}

/* --- the screen ------------------------------------------------------------- */

static void write_left(GString *out, size_t columns)
{
    if (columns) {
        g_string_append_printf(out, "\033[%zuD", columns);
    }
}

/* Draws the line again; the cursor stands rl->shown columns into it. */
static void redraw(Readline *rl)
{
    g_autoptr(GString) out = g_string_new(NULL);

    write_left(out, rl->shown);
    g_string_append_len(out, rl->line->str, (gssize)rl->line->len);
    g_string_append(out, "\033[K");
    write_left(out, rl->line->len - rl->cursor);
    rl->shown = rl->cursor;
    rl->ops->write(rl->opaque, out->str);
}

void readline_show(Readline *rl)
{
    rl->ops->write(rl->opaque, rl->prompt);
    rl->shown = 0;
    if (rl->line->len) {
        redraw(rl);
    }
}

void readline_restart(Readline *rl)
{
    g_string_truncate(rl->line, 0);
    rl->cursor = rl->shown = 0;
    rl->escape = NO_ESCAPE;
    rl->recalled = rl->history->len;
}

/* --- editing ------------------------------------------------------------------ */

static void insert(Readline *rl, const char *text)
{
    size_t len = strlen(text);

    if (rl->line->len + len > READLINE_MAX) {
        return;
    }
    g_string_insert(rl->line, (gssize)rl->cursor, text);
    rl->cursor += len;
    if (rl->cursor == rl->line->len) {
        rl->ops->write(rl->opaque, text);
        rl->shown = rl->cursor;
    } else {
        redraw(rl);
    }
}

static void move_to(Readline *rl, size_t cursor)
{
    rl->cursor = MIN(cursor, rl->line->len);
    redraw(rl);
}

static void erase(Readline *rl, size_t from, size_t to)
{
    to = MIN(to, rl->line->len);
    if (from < to) {
        g_string_erase(rl->line, (gssize)from, (gssize)(to - from));
    }
    move_to(rl, from);
}

static void move_left(Readline *rl)
{
    move_to(rl, rl->cursor ? rl->cursor - 1 : 0);
}

static void move_right(Readline *rl)
{
    move_to(rl, rl->cursor + 1);
}

static void move_home(Readline *rl)
{
    move_to(rl, 0);
}

static void move_end(Readline *rl)
{
    move_to(rl, rl->line->len);
}

static void delete_char(Readline *rl)
{
    erase(rl, rl->cursor, rl->cursor + 1);
}

static void backspace(Readline *rl)
{
    if (rl->cursor) {
        erase(rl, rl->cursor - 1, rl->cursor);
    }
}

static void kill_to_end(Readline *rl)
{
    erase(rl, rl->cursor, rl->line->len);
}

static void kill_to_start(Readline *rl)
{
    erase(rl, 0, rl->cursor);
}

static size_t last_word(const Readline *rl, size_t from)
{
    while (from && rl->line->str[from - 1] != ' ') {
        from--;
    }
    return from;
}

static void kill_word(Readline *rl)
{
    size_t from = rl->cursor;

    while (from && rl->line->str[from - 1] == ' ') {
        from--;
    }
    erase(rl, last_word(rl, from), rl->cursor);
}

/* --- history --------------------------------------------------------------------- */

/* A line that was entered before moves to the end. */
static void remember(Readline *rl)
{
    if (!rl->line->len) {
        return;
    }
    for (guint i = 0; i < rl->history->len; i++) {
        if (g_str_equal(g_ptr_array_index(rl->history, i), rl->line->str)) {
            g_ptr_array_remove_index(rl->history, i);
            break;
        }
    }
    if (rl->history->len == READLINE_HISTORY) {
        g_ptr_array_remove_index(rl->history, 0);
    }
    g_ptr_array_add(rl->history, g_strdup(rl->line->str));
}

static void recall(Readline *rl, guint index)
{
    if (rl->recalled == rl->history->len) {
        g_free(rl->new_line);
        rl->new_line = g_strdup(rl->line->str);
    }
    rl->recalled = index;
    g_string_assign(rl->line, index < rl->history->len ? g_ptr_array_index(rl->history, index)
                                                       : rl->new_line);
    move_end(rl);
}

static void older(Readline *rl)
{
    if (rl->recalled) {
        recall(rl, rl->recalled - 1);
    }
}

static void newer(Readline *rl)
{
    if (rl->recalled < rl->history->len) {
        recall(rl, rl->recalled + 1);
    }
}

static void clear_screen(Readline *rl)
{
    rl->ops->write(rl->opaque, "\033[2J\033[1;1H");
    readline_show(rl);
}

/* --- completion --------------------------------------------------------------------- */

/* How many first characters all the words share. */
static size_t common_prefix(GPtrArray *words)
{
    const char *first = g_ptr_array_index(words, 0);
    size_t len = strlen(first);

    for (guint i = 1; i < words->len; i++) {
        const char *word = g_ptr_array_index(words, i);
        size_t n = 0;
        while (n < len && first[n] == word[n]) {
            n++;
        }
        len = n;
    }
    return len;
}

static void list_words(Readline *rl, GPtrArray *words)
{
    enum { COLUMNS = 80 };
    size_t width = 0;

    for (guint i = 0; i < words->len; i++) {
        width = MAX(width, strlen(g_ptr_array_index(words, i)) + 2);
    }
    g_autoptr(GString) out = g_string_new("\n");
    size_t per_line = MAX(COLUMNS / width, 1);
    for (guint i = 0; i < words->len; i++) {
        bool last = (i + 1) % per_line == 0 || i + 1 == words->len;
        g_string_append_printf(out, "%-*s%s", last ? 0 : (int)width,
                               (char *)g_ptr_array_index(words, i), last ? "\n" : "");
    }
    rl->ops->write(rl->opaque, out->str);
    readline_show(rl);
}

static void complete(Readline *rl)
{
    g_autofree char *before = g_strndup(rl->line->str, rl->cursor);
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    size_t typed = rl->cursor - last_word(rl, rl->cursor);

    rl->ops->complete(rl->opaque, before, words);
    if (!words->len) {
        return;
    }
    const char *first = g_ptr_array_index(words, 0);
    size_t len = common_prefix(words);
    g_autofree char *rest = g_strndup(first + MIN(typed, len), len - MIN(typed, len));
    if (*rest) {
        insert(rl, rest);
    }
    if (words->len > 1) {
        list_words(rl, words);
    } else if (!g_str_has_suffix(first, "/")) {
        insert(rl, " ");
    }
}

/* --- keys ---------------------------------------------------------------------------- */

static void enter(Readline *rl)
{
    g_autofree char *line = NULL;

    rl->ops->write(rl->opaque, "\n");
    remember(rl);
    line = g_strdup(rl->line->str);
    readline_restart(rl);
    rl->ops->execute(rl->opaque, line);
}

typedef void KeyFn(Readline *rl);

static KeyFn *const control_keys[32] = {
    [CTRL('A')] = move_home, [CTRL('B')] = move_left, [CTRL('D')] = delete_char,
    [CTRL('E')] = move_end, [CTRL('F')] = move_right, [CTRL('H')] = backspace,
    [CTRL('I')] = complete, [CTRL('J')] = enter, [CTRL('K')] = kill_to_end,
    [CTRL('L')] = clear_screen, [CTRL('M')] = enter, [CTRL('N')] = newer, [CTRL('P')] = older,
    [CTRL('U')] = kill_to_start, [CTRL('W')] = kill_word,
};

/* ESC [ letter and ESC O letter. */
static KeyFn *letter_key(uint8_t key)
{
    switch (key) {
    case 'A': return older;
    case 'B': return newer;
    case 'C': return move_right;
    case 'D': return move_left;
    case 'H': return move_home;
    case 'F': return move_end;
    default: return NULL;
    }
}

/* ESC [ number ~ */
static KeyFn *numbered_key(unsigned number)
{
    switch (number) {
    case 1: case 7: return move_home;
    case 3: return delete_char;
    case 4: case 8: return move_end;
    default: return NULL;
    }
}

static void sequence_key(Readline *rl, uint8_t key)
{
    KeyFn *fn;

    if (g_ascii_isdigit(key)) {
        rl->parameter = rl->parameter % 100 * 10 + (key - '0');
        return;
    }
    rl->escape = NO_ESCAPE;
    fn = key == '~' ? numbered_key(rl->parameter) : letter_key(key);
    if (fn) {
        fn(rl);
    }
}

static void plain_key(Readline *rl, uint8_t key)
{
    bool newline_of_return = key == '\n' && rl->after_return;

    rl->after_return = key == '\r';
    if (newline_of_return) {
        return;
    }
    if (key == KEY_ESC) {
        rl->escape = AFTER_ESC;
    } else if (key == KEY_BACKSPACE) {
        backspace(rl);
    } else if (key >= ' ') {
        insert(rl, (char[]){ (char)key, 0 });
    } else if (control_keys[key]) {
        control_keys[key](rl);
    }
}

void readline_key(Readline *rl, uint8_t key)
{
    switch (rl->escape) {
    case NO_ESCAPE:
        plain_key(rl, key);
        break;
    case AFTER_ESC:
        rl->escape = key == '[' || key == 'O' ? IN_SEQUENCE : NO_ESCAPE;
        rl->parameter = 0;
        break;
    case IN_SEQUENCE:
        sequence_key(rl, key);
        break;
    }
}
