/*
 * The SDL window's parts. For ui/sdl*.c only.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UI_SDL_H
#define UI_SDL_H

#include <SDL.h>
#include "ui/display.h"
#include "ui/keyboard.h"
#include "util/timer.h"

enum { SDL_SIZES_ASKED = 4 };

/* Held together with a letter they are a command to the window (grab-mod=). */
typedef enum SdlGrabMod { GRAB_CTRL_ALT, GRAB_SHIFT_CTRL_ALT, GRAB_RIGHT_CTRL } SdlGrabMod;

typedef struct SdlDisplay {
    DisplayListener listener;
    const DisplayHost *host;
    SDL_Window *window;
    SDL_Renderer *renderer;
    SDL_Texture *texture;       /* of the surface's size */
    SDL_Cursor *guest_cursor;   /* the device's; NULL: none */
    pixman_box32_t damage;      /* of the surface, not yet in the window */
    Keyboard kbd;
    Timer poll;
    guint connection;           /* watch of the desktop's; 0: none */
    SdlGrabMod grab_mod;
    bool show_cursor, window_close, no_frame;
    bool grabbed, full_screen, running;
    bool scaled;                /* the user chose the window's size */
    SDL_Point asked[SDL_SIZES_ASKED]; /* sizes that we gave the window last, in turn */
    unsigned next_asked;
} SdlDisplay;

/* sdl-input.c */
void sdl_handle_event(SdlDisplay *sdl, const SDL_Event *event);
void sdl_set_grab(SdlDisplay *sdl, bool grab);
/* The host's pointer is shown or hidden as the guest's kind of pointer needs. */
void sdl_update_pointer(SdlDisplay *sdl);

/* sdl.c */
void sdl_set_full_screen(SdlDisplay *sdl, bool on);
void sdl_switch_console(SdlDisplay *sdl, unsigned index);
/* The window becomes percent of the surface's size. */
void sdl_resize_window(SdlDisplay *sdl, int percent);
void sdl_update_title(SdlDisplay *sdl);
void sdl_redraw(SdlDisplay *sdl);

/* sdl-keys.c */
KeyCode sdl_key_code(SDL_Scancode scancode);
/* The X11 keysym of a key without a character, or with Ctrl or Alt held; 0 if there is none. */
uint32_t sdl_keysym(const SDL_Keysym *keysym);

#endif
