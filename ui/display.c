/*
 * The front ends that are built in: see display.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ui/display.h"
#include "ui/front-ends.h"

typedef struct DisplayRow {
    const char *name;
    const DisplayType *type; /* NULL: this Doppel was built without it */
    const char *package;     /* what the build needs */
} DisplayRow;

#ifdef CONFIG_SDL
#define SDL_TYPE &display_sdl
#else
#define SDL_TYPE NULL
#endif
#ifdef CONFIG_VNC
#define VNC_TYPE &display_vnc
#else
#define VNC_TYPE NULL
#endif
#ifdef CONFIG_CURSES
#define CURSES_TYPE &display_curses
#else
#define CURSES_TYPE NULL
#endif

static const DisplayRow rows[] = {
    { "sdl", SDL_TYPE, "libsdl2-dev" },
    { "vnc", VNC_TYPE, "libvncserver-dev" },
    { "curses", CURSES_TYPE, "libncurses-dev" },
};

typedef struct FrontEnd {
    const DisplayType *type;
    void *front;
} FrontEnd;

struct Displays {
    const DisplayHost *host;
    GArray *front_ends; /* FrontEnd */
};

static const DisplayRow *find_row(const char *name, Error **errp)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (g_str_equal(rows[i].name, name)) {
            return &rows[i];
        }
    }
    error_setg(errp, "-display %s: there is no such display; write none, sdl, curses or vnc=:0",
               name);
    return NULL;
}

bool display_available(const char *name, Error **errp)
{
    const DisplayRow *row = find_row(name, errp);

    if (row && !row->type) {
        error_setg(errp, "-display %s: this Doppel was built without it; install %s and build it "
                   "again", name, row->package);
    }
    return row && row->type;
}

void display_help(GString *out)
{
    g_string_append(out, "none       no screen is shown\n");
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].type) {
            g_string_append_printf(out, "%-10s %s\n", rows[i].name, rows[i].type->help);
        }
    }
}

Displays *displays_new(const DisplayHost *host)
{
    Displays *displays = g_new0(Displays, 1);

    displays->host = host;
    displays->front_ends = g_array_new(FALSE, FALSE, sizeof(FrontEnd));
    return displays;
}

void displays_free(Displays *displays)
{
    if (!displays) {
        return;
    }
    for (guint i = displays->front_ends->len; i-- > 0;) {
        FrontEnd *fe = &g_array_index(displays->front_ends, FrontEnd, i);
        fe->type->stop(fe->front);
    }
    g_array_unref(displays->front_ends);
    g_free(displays);
}

bool displays_add(Displays *displays, const char *type, OptDict *opts, Error **errp)
{
    FrontEnd fe;

    if (!display_available(type, errp)) {
        return false;
    }
    fe.type = find_row(type, NULL)->type;
    fe.front = fe.type->start(displays->host, opts, errp);
    if (!fe.front) {
        return false;
    }
    g_array_append_val(displays->front_ends, fe);
    return optdict_check_all_used(opts, errp);
}

const char *displays_type(const Displays *displays)
{
    for (guint i = 0; i < displays->front_ends->len; i++) {
        const FrontEnd *fe = &g_array_index(displays->front_ends, FrontEnd, i);
        if (!fe->type->query) {
            return fe->type->name;
        }
    }
    return "none";
}

/* --- VNC servers -------------------------------------------------------------------- */

static const FrontEnd *find_vnc(const Displays *displays, unsigned index)
{
    for (guint i = 0; i < displays->front_ends->len; i++) {
        const FrontEnd *fe = &g_array_index(displays->front_ends, FrontEnd, i);
        if (fe->type->query && index-- == 0) {
            return fe;
        }
    }
    return NULL;
}

static const FrontEnd *need_vnc(const Displays *displays, Error **errp)
{
    const FrontEnd *fe = find_vnc(displays, 0);

    if (!fe) {
        error_setg(errp, "there is no VNC server; start with -vnc :0,password=on");
    }
    return fe;
}

json_object *displays_query_vnc(Displays *displays, unsigned index)
{
    const FrontEnd *fe = find_vnc(displays, index);
    return fe ? fe->type->query(fe->front) : NULL;
}

bool displays_set_vnc_password(Displays *displays, const char *password, Error **errp)
{
    const FrontEnd *fe = need_vnc(displays, errp);
    return fe && fe->type->set_password(fe->front, password, errp);
}

bool displays_expire_vnc_password(Displays *displays, int64_t time, Error **errp)
{
    const FrontEnd *fe = need_vnc(displays, errp);

    if (fe) {
        fe->type->expire_password(fe->front, time);
    }
    return fe != NULL;
}
