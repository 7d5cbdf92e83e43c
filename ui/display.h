/*
 * Front ends: what shows a machine's consoles to people and takes their input.
 *
 * A front end is a row of a table (display.c); it lives on the main thread and
 * works with consoles (console.h) and the input queue (input.h) only. A machine
 * may have several: a window and VNC servers.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UI_DISPLAY_H
#define UI_DISPLAY_H

#include "ui/console.h"
#include "ui/input.h"
#include "ui/keymap.h"
#include "util/json.h"
#include "util/option.h"

/* What front ends know of the machine. It outlives them. */
typedef struct DisplayHost {
    ConsoleList *consoles;
    InputQueue *input;
    const char *name;       /* -name; NULL: none */
    const Keymap *keymap;   /* -k */
    bool full_screen;       /* -full-screen */
    bool (*running)(void *opaque);
    void (*quit)(void *opaque); /* the user closed the window */
    /* A QMP event; takes over the reference to data. */
    void (*emit)(void *opaque, const char *name, json_object *data);
    void *opaque;
} DisplayHost;

typedef struct DisplayType {
    const char *name;       /* "sdl" */
    const char *help;
    /* The front end, or NULL with errp set. Takes the options that it knows. */
    void *(*start)(const DisplayHost *host, OptDict *opts, Error **errp);
    void (*stop)(void *front);
    /* VNC servers only. */
    json_object *(*query)(void *front);          /* a VncInfo2 of QMP */
    /* NULL: nobody gets in. */
    bool (*set_password)(void *front, const char *password, Error **errp);
    /* Seconds since 1970; INT64_MAX: never. */
    void (*expire_password)(void *front, int64_t time);
} DisplayType;

/* A machine's front ends. */
typedef struct Displays Displays;
Displays *displays_new(const DisplayHost *host);
void displays_free(Displays *displays);
/* Starts a front end by its type's name. Checks that all of opts were used. */
bool displays_add(Displays *displays, const char *type, OptDict *opts, Error **errp);
/* The type of the window or terminal: "none", "sdl", "curses". */
const char *displays_type(const Displays *displays);
/* VNC servers in order; NULL if there is no such number. */
json_object *displays_query_vnc(Displays *displays, unsigned index);
/* The first VNC server's; fails if there is none or it has no password=on. */
bool displays_set_vnc_password(Displays *displays, const char *password, Error **errp);
bool displays_expire_vnc_password(Displays *displays, int64_t time, Error **errp);

/* Whether -display NAME would work; false with errp set, saying why not. */
bool display_available(const char *name, Error **errp);
/* The types that are built in, a line each. */
void display_help(GString *out);

#endif
