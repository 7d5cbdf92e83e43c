/*
 * "mux": several front ends share one back end.
 *
 * Output of all goes out as it comes; input goes to the front end that has
 * the focus. The escape key (Ctrl-A) and a letter are commands to the mux.
 * The front end that connected its handlers last gets the focus first.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "chardev/char-int.h"
#include "util/module.h"
#include "util/timer.h"

enum { MUX_MAX = 4, MUX_QUEUE = 64 };

typedef struct MuxChardev {
    Chardev parent;
    CharFrontend base;          /* the mux is the front end of the real back end */
    CharFrontend *fes[MUX_MAX];
    int focus;                  /* index; -1: nobody */
    bool escaped;               /* the escape key was pressed */
    bool timestamps, line_start;
    int64_t first_stamp;        /* ns; -1: none yet */
    struct {                    /* input that its front end does not take yet */
        uint8_t data[MUX_QUEUE];
        int len;
    } queue[MUX_MAX];
} MuxChardev;

static void mux_set_focus(MuxChardev *mux, int focus)
{
    if (mux->focus == focus) {
        return;
    }
    if (mux->focus >= 0) {
        fe_event(mux->fes[mux->focus], CHR_EVENT_MUX_OUT);
    }
    mux->focus = focus;
    if (focus >= 0) {
        fe_event(mux->fes[focus], CHR_EVENT_MUX_IN);
    }
}

static void mux_event(void *opaque, CharEvent event)
{
    MuxChardev *mux = opaque;

    if (event == CHR_EVENT_OPENED || event == CHR_EVENT_CLOSED) {
        mux->parent.be_open = event == CHR_EVENT_OPENED;
    }
    if (event == CHR_EVENT_BREAK) {
        if (mux->focus >= 0) {
            fe_event(mux->fes[mux->focus], event);
        }
        return;
    }
    for (int i = 0; i < MUX_MAX; i++) {
        fe_event(mux->fes[i], event);
    }
}

/* --- output ------------------------------------------------------------------------- */

static void mux_print(MuxChardev *mux, const char *text)
{
    chr_fe_write(&mux->base, (const uint8_t *)text, strlen(text));
}

static void print_timestamp(MuxChardev *mux)
{
    int64_t now = clock_get_ns(clock_real());
    g_autofree char *text = NULL;
    int64_t ms;

    if (mux->first_stamp < 0) {
        mux->first_stamp = now;
    }
    ms = (now - mux->first_stamp) / NS_PER_MS;
    text = g_strdup_printf("[%02d:%02d:%02d.%03d] ", (int)(ms / 3600000), (int)(ms / 60000 % 60),
                           (int)(ms / 1000 % 60), (int)(ms % 1000));
    mux_print(mux, text);
}

static void mux_write(Chardev *chr, const uint8_t *buf, int len)
{
    MuxChardev *mux = (MuxChardev *)chr;

    while (mux->timestamps && len > 0) {
        const uint8_t *newline = memchr(buf, '\n', len);
        int n = newline ? newline - buf + 1 : len;
        if (mux->line_start) {
            print_timestamp(mux);
        }
        chr_fe_write(&mux->base, buf, n);
        mux->line_start = newline != NULL;
        buf += n;
        len -= n;
    }
    chr_fe_write(&mux->base, buf, len);
}

/* --- commands ----------------------------------------------------------------------- */

static char *escape_name(uint8_t key)
{
    return key > 0 && key < 27 ? g_strdup_printf("C-%c", key - 1 + 'a')
                               : g_strdup_printf("code 0x%02x", key);
}

static void mux_help(MuxChardev *mux)
{
    static const char *const lines[][2] = {
        { "h", "print this help" },
        { "x", "exit emulator" },
        { "s", "save disk data back to file (if -snapshot)" },
        { "t", "toggle console timestamps" },
        { "b", "send break (magic sysrq)" },
        { "c", "switch between console and monitor" },
    };
    g_autofree char *esc = escape_name(mux->parent.reg->escape);
    GString *text = g_string_new("\n\r");

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_string_append_printf(text, "%s %-4s %s\n\r", esc, lines[i][0], lines[i][1]);
    }
    g_string_append_printf(text, "%s %-4s sends %s\n\r", esc, esc, esc);
    mux_print(mux, text->str);
    g_string_free(text, TRUE);
}

static void mux_next_focus(MuxChardev *mux)
{
    for (int i = 1; i <= MUX_MAX; i++) {
        int next = (mux->focus + i) % MUX_MAX;
        if (mux->fes[next]) {
            mux_set_focus(mux, next);
            return;
        }
    }
}

static void run_hook(const CharHook *hook)
{
    if (hook->fn) {
        hook->fn(hook->opaque);
    }
}

static void mux_drain(MuxChardev *mux, int index)
{
    CharFrontend *fe = mux->fes[index];
    int room;

    while (mux->queue[index].len && (room = fe_can_read(fe)) > 0) {
        int n = MIN(room, mux->queue[index].len);
        uint8_t part[MUX_QUEUE];

        memcpy(part, mux->queue[index].data, n);
        mux->queue[index].len -= n;
        memmove(mux->queue[index].data, mux->queue[index].data + n, mux->queue[index].len);
        fe->read(fe->opaque, part, n);
    }
}

/* The key after the escape key. Returns true if it is input after all. */
static bool mux_command(MuxChardev *mux, uint8_t key)
{
    ChardevRegistry *reg = mux->parent.reg;

    if (key == reg->escape) {
        return true;
    }
    switch (g_ascii_tolower(key)) {
    case '?':
    case 'h':
        mux_help(mux);
        break;
    case 'x':
        mux_print(mux, "doppel: Terminated\n\r");
        run_hook(&reg->quit);
        break;
    case 's':
        run_hook(&reg->save);
        break;
    case 'b':
        if (mux->focus >= 0) {
            mux_drain(mux, mux->focus); /* the break comes after what was typed before it */
        }
        mux_event(mux, CHR_EVENT_BREAK);
        break;
    case 'c':
        mux_next_focus(mux);
        break;
    case 't':
        mux->timestamps = !mux->timestamps;
        mux->first_stamp = -1;
        mux->line_start = false;
        break;
    }
    return false;
}

/* Returns true if key is input for the front end. */
static bool mux_filter(MuxChardev *mux, uint8_t key)
{
    if (mux->escaped) {
        mux->escaped = false;
        return mux_command(mux, key);
    }
    mux->escaped = key == mux->parent.reg->escape;
    return !mux->escaped;
}

/* --- input -------------------------------------------------------------------------- */

static int mux_can_read(void *opaque)
{
    MuxChardev *mux = opaque;

    /* With nobody listening, commands still work. */
    return mux->focus < 0 ? 1 : MUX_QUEUE - mux->queue[mux->focus].len;
}

static void mux_read(void *opaque, const uint8_t *buf, int len)
{
    MuxChardev *mux = opaque;

    for (int i = 0; i < len; i++) {
        if (mux_filter(mux, buf[i]) && mux->focus >= 0 &&
            mux->queue[mux->focus].len < MUX_QUEUE) {
            mux->queue[mux->focus].data[mux->queue[mux->focus].len++] = buf[i];
        }
    }
    for (int i = 0; i < MUX_MAX; i++) {
        mux_drain(mux, i);
    }
}

static void mux_update_read(Chardev *chr)
{
    MuxChardev *mux = (MuxChardev *)chr;

    for (int i = 0; i < MUX_MAX; i++) {
        mux_drain(mux, i);
    }
    chr_fe_accept_input(&mux->base);
}

/* --- front ends --------------------------------------------------------------------- */

static bool mux_attach(Chardev *chr, CharFrontend *fe, Error **errp)
{
    MuxChardev *mux = (MuxChardev *)chr;

    for (int i = 0; i < MUX_MAX; i++) {
        if (!mux->fes[i]) {
            mux->fes[i] = fe;
            mux->queue[i].len = 0;
            fe->mux_index = i;
            return true;
        }
    }
    error_setg(errp, "chardev '%s' is in use by %d devices already, the most for mux=on",
               chr->label, MUX_MAX);
    return false;
}

static void mux_detach(Chardev *chr, CharFrontend *fe)
{
    MuxChardev *mux = (MuxChardev *)chr;
    int index = fe->mux_index;

    mux->fes[index] = NULL;
    if (mux->focus == index) {
        mux->focus = -1;
        mux_next_focus(mux);
    }
}

static void mux_handlers_set(Chardev *chr, CharFrontend *fe)
{
    if (fe->read) {
        mux_set_focus((MuxChardev *)chr, fe->mux_index);
    }
}

static void mux_set_params(Chardev *chr, const CharSerialParams *params)
{
    chr_fe_set_serial_params(&((MuxChardev *)chr)->base, params);
}

static void mux_set_break(Chardev *chr, bool on)
{
    chr_fe_set_break(&((MuxChardev *)chr)->base, on);
}

static void mux_close(Chardev *chr)
{
    MuxChardev *mux = (MuxChardev *)chr;

    for (int i = 0; i < MUX_MAX; i++) {
        if (mux->fes[i]) {
            mux->fes[i]->chr = NULL;
        }
    }
    chr_fe_deinit(&mux->base);
}

static bool mux_open(Chardev *chr, OptDict *opts, Error **errp)
{
    MuxChardev *mux = (MuxChardev *)chr;
    const char *id = chardev_require(chr, opts, "chardev", errp);
    Chardev *base;

    if (!id) {
        return false;
    }
    base = chardev_find(chr->reg, id);
    if (!base) {
        error_setg(errp, "chardev %s: chardev=%s: there is no such chardev", chr->label, id);
        return false;
    }
    if (!chr_fe_init(&mux->base, base, errp)) {
        return false;
    }
    mux->focus = -1;
    chr_fe_set_handlers(&mux->base, mux_can_read, mux_read, mux_event, mux);
    return true;
}

static const ChardevInfo mux_info = {
    .name = "mux",
    .desc = "several front ends on one chardev (chardev=)",
    .size = sizeof(MuxChardev),
    .open = mux_open,
    .close = mux_close,
    .write = mux_write,
    .update_read = mux_update_read,
    .set_params = mux_set_params,
    .set_break = mux_set_break,
    .attach = mux_attach,
    .detach = mux_detach,
    .handlers_set = mux_handlers_set,
};
CHARDEV_TYPE(mux_info)
