/*
 * Starting the front ends: see screens.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "system/screens.h"
#include <stdlib.h>
#include "ui/display.h"
#include "ui/text-console.h"

struct Screens {
    RunState *rs;
    DisplayHost host;
    Displays *displays;
    GPtrArray *text_consoles; /* TextConsole */
};

/* --- what front ends ask of the machine --------------------------------------------- */

static bool is_running(void *opaque)
{
    return runstate_is_running(((Screens *)opaque)->rs);
}

static void quit(void *opaque)
{
    runstate_quit(((Screens *)opaque)->rs, 0, SHUTDOWN_CAUSE_HOST_UI);
}

static void emit(void *opaque, const char *name, json_object *data)
{
    runstate_emit(((Screens *)opaque)->rs, name, data);
}

/* --- text consoles -------------------------------------------------------------------- */

typedef struct ConsoleSearch {
    Screens *screens;
    const uint8_t *font;
    bool monitors;
} ConsoleSearch;

static void add_text_console(Chardev *chr, void *opaque)
{
    ConsoleSearch *search = opaque;
    MachineState *machine = runstate_machine(search->screens->rs);
    bool is_monitor = g_str_has_prefix(chardev_label(chr), "compat_monitor");

    if (chardev_is_vc(chr) && is_monitor == search->monitors) {
        g_ptr_array_add(search->screens->text_consoles,
                        text_console_new(machine->consoles, chr, search->font));
    }
}

/* The monitor is the first, as users of Ctrl-Alt-2 expect. */
static void add_text_consoles(Screens *screens)
{
    MachineState *machine = runstate_machine(screens->rs);
    g_autofree char *path = machine_find_file(machine, "vgabios-stdvga.bin");
    g_autofree char *rom = NULL;
    gsize size = 0;
    ConsoleSearch search = { .screens = screens };

    if (path && g_file_get_contents(path, &rom, &size, NULL)) {
        search.font = font_in_vga_bios((const uint8_t *)rom, size);
    }
    if (!search.font) {
        warn_report("no VGA BIOS with a font was found (package seabios has one): the monitor and "
                    "serial lines have no text consoles");
        return;
    }
    for (int monitors = 1; monitors >= 0; monitors--) {
        search.monitors = monitors;
        chardev_foreach(machine->chardevs, add_text_console, &search);
    }
}

/* --- which front end ------------------------------------------------------------------- */

/* Without -display: a window if one can be opened; else says why there is none. */
static const char *default_type(const Config *config)
{
    Error *err = NULL;

    if (config->nographic || config->qtest || config->vncs->len) {
        return "none";
    }
    if (!display_available("sdl", &err)) {
        error_prepend(&err, "no screen is shown: ");
        warn_report_err(err);
        return "none";
    }
    if (!getenv("DISPLAY") && !getenv("WAYLAND_DISPLAY")) {
        warn_report("no screen is shown: $DISPLAY is not set, so there is no desktop for a window; "
                    "-nographic puts the serial port on this terminal, -display curses the text "
                    "screen, -vnc :0 serves VNC");
        return "none";
    }
    return "sdl";
}

static bool add_window(Screens *screens, Config *config, const char *type, Error **errp)
{
    g_autoptr(OptDict) none = optdict_new("-display");
    OptDict *opts = config->display ? config->display : none;

    return g_str_equal(type, "none") ? optdict_check_all_used(opts, errp)
                                     : displays_add(screens->displays, type, opts, errp);
}

static bool add_front_ends(Screens *screens, Config *config, const char *type, Error **errp)
{
    if (!add_window(screens, config, type, errp)) {
        return false;
    }
    for (guint i = 0; i < config->vncs->len; i++) {
        if (!displays_add(screens->displays, "vnc", config->vncs->pdata[i], errp)) {
            return false;
        }
    }
    return true;
}

Screens *screens_new(RunState *rs, Config *config, Error **errp)
{
    MachineState *machine = runstate_machine(rs);
    const Keymap *keymap = config->keymap ? keymap_find(config->keymap, errp) : keymap_default();
    const char *type = config->display ? optdict_get(config->display, "type") : NULL;

    if (!keymap) {
        return NULL;
    }
    type = type ? type : default_type(config);
    Screens *screens = g_new0(Screens, 1);
    screens->rs = rs;
    screens->host = (DisplayHost){
        .consoles = machine->consoles, .input = machine->input, .name = machine->name,
        .keymap = keymap, .full_screen = config->full_screen, .running = is_running,
        .quit = quit, .emit = emit, .opaque = screens,
    };
    screens->displays = machine->displays = displays_new(&screens->host);
    screens->text_consoles = g_ptr_array_new_with_free_func((GDestroyNotify)text_console_free);
    if (!g_str_equal(type, "none") || config->vncs->len) {
        add_text_consoles(screens);
    }
    if (!add_front_ends(screens, config, type, errp)) {
        screens_free(screens);
        return NULL;
    }
    return screens;
}

void screens_free(Screens *screens)
{
    if (!screens) {
        return;
    }
    runstate_machine(screens->rs)->displays = NULL;
    displays_free(screens->displays);
    g_ptr_array_unref(screens->text_consoles);
    g_free(screens);
}
