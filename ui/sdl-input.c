/*
 * Keys, pointer and clipboard of the SDL window.
 *
 * A guest whose pointer is absolute follows the host's pointer. For one with a
 * mouse the window grabs the pointer, by a click or Ctrl-Alt-G; the title says
 * how to get it back.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ui/sdl.h"

static bool absolute(const SdlDisplay *sdl)
{
    return input_is_absolute(sdl->host->input);
}

/* --- grab ------------------------------------------------------------------------------ */

void sdl_update_pointer(SdlDisplay *sdl)
{
    bool text = console_is_text(sdl->listener.console);
    bool hide = sdl->grabbed && !sdl->show_cursor && !text;

    SDL_SetRelativeMouseMode(sdl->grabbed && !absolute(sdl) && !text);
    if (sdl->guest_cursor && !text) {
        SDL_SetCursor(sdl->guest_cursor);
        hide = sdl->grabbed && !absolute(sdl);
    } else {
        SDL_SetCursor(SDL_GetDefaultCursor());
    }
    SDL_ShowCursor(hide ? SDL_DISABLE : SDL_ENABLE);
}

void sdl_set_grab(SdlDisplay *sdl, bool grab)
{
    if (sdl->grabbed == grab) {
        return;
    }
    sdl->grabbed = grab;
    SDL_SetWindowGrab(sdl->window, grab);
    SDL_SetWindowKeyboardGrab(sdl->window, grab);
    sdl_update_pointer(sdl);
    sdl_update_title(sdl);
}

/* --- keys ------------------------------------------------------------------------------- */

static bool grab_mod_held(const SdlDisplay *sdl, unsigned mod)
{
    switch (sdl->grab_mod) {
    case GRAB_RIGHT_CTRL:
        return mod & KMOD_RCTRL;
    case GRAB_SHIFT_CTRL_ALT:
        return (mod & KMOD_LSHIFT) && (mod & KMOD_LCTRL) && (mod & KMOD_LALT);
    default:
        return (mod & KMOD_LCTRL) && (mod & KMOD_LALT) && !(mod & KMOD_SHIFT);
    }
}

static void paste_clipboard(SdlDisplay *sdl)
{
    char *text = SDL_GetClipboardText();

    keyboard_release_all(&sdl->kbd);
    keyboard_paste(&sdl->kbd, sdl->listener.console, text ? text : "");
    SDL_free(text);
}

/* A command to the window; false: it is the guest's key after all. */
static bool command_key(SdlDisplay *sdl, SDL_Scancode key)
{
    switch (key) {
    case SDL_SCANCODE_F:
        sdl_set_full_screen(sdl, !sdl->full_screen);
        return true;
    case SDL_SCANCODE_G:
        sdl_set_grab(sdl, !sdl->grabbed);
        return true;
    case SDL_SCANCODE_U:
        sdl_resize_window(sdl, 100);
        return true;
    case SDL_SCANCODE_KP_PLUS:
    case SDL_SCANCODE_EQUALS:
        sdl_resize_window(sdl, 125);
        return true;
    case SDL_SCANCODE_KP_MINUS:
    case SDL_SCANCODE_MINUS:
        sdl_resize_window(sdl, 80);
        return true;
    case SDL_SCANCODE_V:
        paste_clipboard(sdl);
        return true;
    case SDL_SCANCODE_1 ... SDL_SCANCODE_9:
        keyboard_release_all(&sdl->kbd);
        sdl_switch_console(sdl, key - SDL_SCANCODE_1);
        return true;
    default:
        return false;
    }
}

static void type_on_text_console(SdlDisplay *sdl, const SDL_Keysym *key)
{
    unsigned modifiers = (key->mod & KMOD_SHIFT ? CONSOLE_MOD_SHIFT : 0) |
                         (key->mod & KMOD_CTRL ? CONSOLE_MOD_CTRL : 0) |
                         (key->mod & KMOD_LALT ? CONSOLE_MOD_ALT : 0);
    uint32_t keysym = sdl_keysym(key);

    if (keysym) {
        console_key(sdl->listener.console, keysym, modifiers);
    }
}

static void handle_key(SdlDisplay *sdl, const SDL_KeyboardEvent *event)
{
    bool down = event->type == SDL_KEYDOWN, text = console_is_text(sdl->listener.console);

    if (down && grab_mod_held(sdl, event->keysym.mod) &&
        (event->repeat || command_key(sdl, event->keysym.scancode))) {
        return;
    }
    if (text && down) {
        type_on_text_console(sdl, &event->keysym);
    } else if (!text) {
        keyboard_key(&sdl->kbd, sdl_key_code(event->keysym.scancode), down);
    }
    console_wake(sdl->listener.console);
}

/* --- pointer ---------------------------------------------------------------------------- */

/* Positions come in pixels of the surface: the renderer's logical size is the surface's. */
static void handle_motion(SdlDisplay *sdl, const SDL_MouseMotionEvent *event)
{
    pixman_image_t *surface = console_surface(sdl->listener.console);
    InputQueue *input = sdl->host->input;

    if (absolute(sdl)) {
        input_send_abs(input, INPUT_AXIS_X, event->x, 0, pixman_image_get_width(surface) - 1);
        input_send_abs(input, INPUT_AXIS_Y, event->y, 0, pixman_image_get_height(surface) - 1);
    } else if (sdl->grabbed) {
        input_send_rel(input, INPUT_AXIS_X, event->xrel);
        input_send_rel(input, INPUT_AXIS_Y, event->yrel);
    }
    input_sync(input);
}

static void handle_button(SdlDisplay *sdl, const SDL_MouseButtonEvent *event)
{
    static const InputButton buttons[] = {
        [SDL_BUTTON_LEFT] = INPUT_BUTTON_LEFT, [SDL_BUTTON_MIDDLE] = INPUT_BUTTON_MIDDLE,
        [SDL_BUTTON_RIGHT] = INPUT_BUTTON_RIGHT, [SDL_BUTTON_X1] = INPUT_BUTTON_SIDE,
        [SDL_BUTTON_X2] = INPUT_BUTTON_EXTRA,
    };
    bool down = event->type == SDL_MOUSEBUTTONDOWN;

    if (!absolute(sdl) && !sdl->grabbed) {
        if (!down && event->button == SDL_BUTTON_LEFT) {
            sdl_set_grab(sdl, true);
        }
        return;
    }
    if (event->button >= SDL_BUTTON_LEFT && event->button < G_N_ELEMENTS(buttons)) {
        input_send_button(sdl->host->input, buttons[event->button], down);
        input_sync(sdl->host->input);
    }
}

static void click(InputQueue *input, InputButton button)
{
    input_send_button(input, button, true);
    input_sync(input);
    input_send_button(input, button, false);
    input_sync(input);
}

static void handle_wheel(SdlDisplay *sdl, const SDL_MouseWheelEvent *event)
{
    if (!absolute(sdl) && !sdl->grabbed) {
        return;
    }
    if (event->y) {
        click(sdl->host->input, event->y > 0 ? INPUT_BUTTON_WHEEL_UP : INPUT_BUTTON_WHEEL_DOWN);
    }
    if (event->x) {
        click(sdl->host->input, event->x > 0 ? INPUT_BUTTON_WHEEL_RIGHT : INPUT_BUTTON_WHEEL_LEFT);
    }
}

static void handle_pointer(SdlDisplay *sdl, const SDL_Event *event)
{
    if (console_is_text(sdl->listener.console)) {
        return;
    }
    switch (event->type) {
    case SDL_MOUSEMOTION:
        handle_motion(sdl, &event->motion);
        break;
    case SDL_MOUSEWHEEL:
        handle_wheel(sdl, &event->wheel);
        break;
    default:
        handle_button(sdl, &event->button);
        break;
    }
    console_wake(sdl->listener.console);
}

/* --- the window --------------------------------------------------------------------------- */

static void close_window(SdlDisplay *sdl)
{
    if (sdl->window_close) {
        sdl->host->quit(sdl->host->opaque);
    }
}

/* A window that the user made larger or smaller keeps its size when the guest changes modes. */
static bool was_asked(const SdlDisplay *sdl, int width, int height)
{
    for (int i = 0; i < SDL_SIZES_ASKED; i++) {
        if (sdl->asked[i].x == width && sdl->asked[i].y == height) {
            return true;
        }
    }
    return false;
}

/* A size that we did not ask for is the user's choice. */
static void note_size(SdlDisplay *sdl, int width, int height)
{
    if (!sdl->full_screen && !was_asked(sdl, width, height)) {
        sdl->scaled = true;
    }
}

static void handle_window(SdlDisplay *sdl, const SDL_WindowEvent *event)
{
    switch (event->event) {
    case SDL_WINDOWEVENT_EXPOSED:
    case SDL_WINDOWEVENT_SIZE_CHANGED:
        sdl_redraw(sdl);
        break;
    case SDL_WINDOWEVENT_RESIZED:
        note_size(sdl, event->data1, event->data2);
        break;
    case SDL_WINDOWEVENT_MINIMIZED:
    case SDL_WINDOWEVENT_HIDDEN:
        display_listener_set_hidden(&sdl->listener, true);
        break;
    case SDL_WINDOWEVENT_RESTORED:
    case SDL_WINDOWEVENT_SHOWN:
        display_listener_set_hidden(&sdl->listener, false);
        break;
    case SDL_WINDOWEVENT_FOCUS_LOST:
        keyboard_release_all(&sdl->kbd);
        if (!sdl->full_screen) {
            sdl_set_grab(sdl, false);
        }
        break;
    case SDL_WINDOWEVENT_CLOSE:
        close_window(sdl);
        break;
    }
}

void sdl_handle_event(SdlDisplay *sdl, const SDL_Event *event)
{
    switch (event->type) {
    case SDL_KEYDOWN:
    case SDL_KEYUP:
        handle_key(sdl, &event->key);
        break;
    case SDL_TEXTINPUT:
        if (console_is_text(sdl->listener.console) && !grab_mod_held(sdl, SDL_GetModState())) {
            keyboard_paste(&sdl->kbd, sdl->listener.console, event->text.text);
        }
        break;
    case SDL_MOUSEMOTION:
    case SDL_MOUSEBUTTONDOWN:
    case SDL_MOUSEBUTTONUP:
    case SDL_MOUSEWHEEL:
        handle_pointer(sdl, event);
        break;
    case SDL_WINDOWEVENT:
        handle_window(sdl, &event->window);
        break;
    case SDL_QUIT:
        close_window(sdl);
        break;
    }
}
