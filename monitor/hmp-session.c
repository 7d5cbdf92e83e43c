/*
 * The human monitor on a character device.
 *
 * Behind a mux (-serial mon:stdio) it says nothing until it gets the keyboard for
 * the first time. The greeting waits for the main loop, because at start-up another
 * front end may still come and take the keyboard.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "monitor/hmp-int.h"
#include "monitor/readline.h"
#include "util/main-loop.h"

/* Scripts that drive a monitor wait for this text. */
#define PROMPT "(qemu) "

struct HmpSession {
    Hmp hmp;
    CharFrontend fe;
    Readline *readline;
    BH *greeting;
    bool greeted, hidden;  /* hidden: another front end of the mux has the keyboard */
};

/* Lines end with CR LF: the other side may be a raw terminal. */
static void write_text(void *opaque, const char *text)
{
    HmpSession *session = opaque;
    g_autoptr(GString) out = g_string_new(NULL);

    for (const char *p = text; *p; p++) {
        if (*p == '\n') {
            g_string_append_c(out, '\r');
        }
        g_string_append_c(out, *p);
    }
    chr_fe_write(&session->fe, (const uint8_t *)out->str, (int)out->len);
}

static void execute(void *opaque, const char *line)
{
    HmpSession *session = opaque;

    session->hmp.history = readline_history(session->readline);
    hmp_run_line(&session->hmp, line);
    write_text(session, session->hmp.out->str);
    g_string_truncate(session->hmp.out, 0);
    readline_show(session->readline);
}

static void complete(void *opaque, const char *line, GPtrArray *out)
{
    hmp_complete(&((HmpSession *)opaque)->hmp, line, out);
}

static const ReadlineOps readline_ops = {
    .write = write_text,
    .execute = execute,
    .complete = complete,
};

static void greet(void *opaque)
{
    HmpSession *session = opaque;

    if (session->greeted || session->hidden) {
        return;
    }
    session->greeted = true;
    write_text(session, "Doppel " DOPPEL_VERSION " monitor - type 'help' for more information\n");
    readline_show(session->readline);
}

/* --- the character device ------------------------------------------------------- */

static int can_read(void *opaque)
{
    return 256;
}

static void receive(void *opaque, const uint8_t *buf, int len)
{
    HmpSession *session = opaque;

    greet(session);
    for (int i = 0; i < len; i++) {
        readline_key(session->readline, buf[i]);
    }
}

static void got_keyboard(HmpSession *session)
{
    session->hidden = false;
    if (session->greeted) {
        readline_show(session->readline);
    } else {
        bh_schedule(session->greeting);
    }
}

static void chr_event(void *opaque, CharEvent event)
{
    HmpSession *session = opaque;

    switch (event) {
    case CHR_EVENT_OPENED:
        session->greeted = false;
        readline_restart(session->readline);
        bh_schedule(session->greeting);
        break;
    case CHR_EVENT_MUX_IN:
        got_keyboard(session);
        break;
    case CHR_EVENT_MUX_OUT:
        session->hidden = true;
        if (session->greeted) {
            write_text(session, "\n");
        }
        break;
    case CHR_EVENT_CLOSED:
    case CHR_EVENT_BREAK:
        break;
    }
}

HmpSession *hmp_session_new(RunState *rs, Chardev *chr, Error **errp)
{
    HmpSession *session = g_new0(HmpSession, 1);

    if (!chr_fe_init(&session->fe, chr, errp)) {
        g_free(session);
        return NULL;
    }
    hmp_init(&session->hmp, rs);
    session->readline = readline_new(PROMPT, &readline_ops, session);
    session->greeting = bh_new(greet, session);
    chr_fe_set_handlers(&session->fe, can_read, receive, chr_event, session);
    return session;
}

void hmp_session_free(HmpSession *session)
{
    chr_fe_deinit(&session->fe);
    bh_delete(session->greeting);
    readline_free(session->readline);
    hmp_finish(&session->hmp);
    g_free(session);
}
