/*
 * The short form of a back end, as -serial and -monitor take it, put into the
 * keys of -chardev. One table row per form.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "chardev/char-int.h"

/* Splits the part of the text after the prefix into keys of opts. */
typedef bool LegacySplit(OptDict *opts, const char *rest, Error **errp);

typedef struct LegacyForm {
    const char *prefix;
    bool whole;          /* nothing may follow */
    const char *backend;
    LegacySplit *split;  /* NULL: rest is the path, unless whole */
    const char *extra;   /* a key to set to "on", or NULL */
} LegacyForm;

/* ",key=value" settings after an address; a key alone means on. */
static void merge_tail(OptDict *opts, const char *tail)
{
    g_auto(GStrv) parts = g_strsplit(tail, ",", -1);

    for (int i = 0; parts[i]; i++) {
        char *eq = strchr(parts[i], '=');
        if (eq) {
            *eq = 0;
            optdict_set(opts, parts[i], eq + 1);
        } else if (g_str_equal(parts[i], "nowait")) {
            optdict_set(opts, "wait", "off");
        } else if (*parts[i]) {
            optdict_set(opts, parts[i], "on");
        }
    }
}

/* HOST:PORT; HOST may be empty or [v6 address]. Returns what follows, or NULL. */
static const char *split_host_port(OptDict *opts, const char *text, const char *ends,
                                   const char *host_key, const char *port_key, Error **errp)
{
    size_t len = strcspn(text, ends);
    g_autofree char *address = g_strndup(text, len);
    char *colon = strrchr(address, ':'), *host = address;

    if (!colon) {
        error_setg(errp, "'%s' has no port; write HOST:PORT", address);
        return NULL;
    }
    *colon = 0;
    if (*host == '[' && colon > host + 1 && colon[-1] == ']') {
        colon[-1] = 0;
        host++;
    }
    optdict_set(opts, host_key, host);
    optdict_set(opts, port_key, colon + 1);
    return text + len;
}

static bool split_tcp(OptDict *opts, const char *rest, Error **errp)
{
    const char *tail = split_host_port(opts, rest, ",", "host", "port", errp);
    if (tail) {
        merge_tail(opts, tail);
    }
    return tail != NULL;
}

static bool split_unix(OptDict *opts, const char *rest, Error **errp)
{
    size_t len = strcspn(rest, ",");
    g_autofree char *path = g_strndup(rest, len);

    optdict_set(opts, "path", path);
    merge_tail(opts, rest + len);
    return true;
}

/* HOST:PORT[@[LOCALHOST]:LOCALPORT] */
static bool split_udp(OptDict *opts, const char *rest, Error **errp)
{
    const char *tail = split_host_port(opts, rest, "@,", "host", "port", errp);

    if (tail && *tail == '@') {
        tail = split_host_port(opts, tail + 1, ",", "localaddr", "localport", errp);
    }
    if (tail) {
        merge_tail(opts, tail);
    }
    return tail != NULL;
}

/* "80Cx24C" characters or "640x480" pixels */
static bool split_vc(OptDict *opts, const char *rest, Error **errp)
{
    g_auto(GStrv) parts = g_strsplit(rest, "x", 2);
    bool chars = strchr(rest, 'C') != NULL;

    for (int i = 0; parts[i]; i++) {
        char *unit = strchr(parts[i], 'C');
        if (unit) {
            *unit = 0;
        }
        optdict_set(opts, chars ? (i ? "rows" : "cols") : (i ? "height" : "width"), parts[i]);
    }
    return true;
}

static const LegacyForm forms[] = {
    { .prefix = "stdio", .whole = true, .backend = "stdio" },
    { .prefix = "null", .whole = true, .backend = "null" },
    { .prefix = "pty", .whole = true, .backend = "pty" },
    { .prefix = "vc", .whole = true, .backend = "vc" },
    { .prefix = "vc:", .backend = "vc", .split = split_vc },
    { .prefix = "file:", .backend = "file" },
    { .prefix = "pipe:", .backend = "pipe" },
    { .prefix = "unix:", .backend = "socket", .split = split_unix },
    { .prefix = "tcp:", .backend = "socket", .split = split_tcp },
    { .prefix = "telnet:", .backend = "socket", .split = split_tcp, .extra = "telnet" },
    { .prefix = "udp:", .backend = "udp", .split = split_udp },
};

static const LegacyForm *find_form(const char *text)
{
    for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
        if (forms[i].whole ? g_str_equal(text, forms[i].prefix)
                           : g_str_has_prefix(text, forms[i].prefix)) {
            return &forms[i];
        }
    }
    return NULL;
}

static bool fill(OptDict *opts, const char *text, Error **errp)
{
    const LegacyForm *form;
    const char *rest;

    if (g_str_has_prefix(text, "/dev/")) {
        optdict_set(opts, "backend", "serial");
        optdict_set(opts, "path", text);
        return true;
    }
    form = find_form(text);
    if (!form) {
        error_setg(errp, "'%s' is no character device; stdio, null, pty, vc, none, file:PATH, "
                   "pipe:PATH, unix:PATH, tcp:HOST:PORT, telnet:HOST:PORT, udp:HOST:PORT, /dev/X, "
                   "chardev:ID and mon:... are", text);
        return false;
    }
    rest = text + strlen(form->prefix);
    optdict_set(opts, "backend", form->backend);
    if (form->extra) {
        optdict_set(opts, form->extra, "on");
    }
    if (form->split) {
        return form->split(opts, rest, errp);
    }
    if (!form->whole) {
        optdict_set(opts, "path", rest);
    }
    return true;
}

OptDict *chardev_parse_legacy(const char *text, Error **errp)
{
    g_autoptr(OptDict) opts = optdict_new("character device");

    if (g_str_has_prefix(text, "mon:")) {
        text += strlen("mon:");
        optdict_set(opts, "mux", "on");
        if (g_str_equal(text, "stdio")) {
            /* A monitor shares the terminal: Ctrl-C is for the guest, Ctrl-A X ends. */
            optdict_set(opts, "signal", "off");
        }
    }
    return fill(opts, text, errp) ? g_steal_pointer(&opts) : NULL;
}
