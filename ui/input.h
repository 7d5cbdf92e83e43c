/*
 * The input queue of a machine: keys and pointers go from the front ends
 * (windows, VNC, monitor commands) to the devices that handle them.
 *
 * A kind of event goes to one handler, the one registered or activated last of those
 * that take the kind; but a relative pointer that registers does not take the place of
 * an absolute one. A device registers its pointer when the guest's driver begins to use
 * it, not when it is plugged in: until then the user's mouse works as before. Front ends
 * that hold the host's pointer for relative movement ("grab") let go of it when they hear
 * that the guest takes absolute positions. With the big lock.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UI_INPUT_H
#define UI_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "ui/keycodes.h"
#include "util/error.h"
#include "util/timer.h"

typedef struct InputQueue InputQueue;
typedef struct InputBinding InputBinding;

typedef enum InputButton {
    INPUT_BUTTON_LEFT, INPUT_BUTTON_MIDDLE, INPUT_BUTTON_RIGHT, INPUT_BUTTON_WHEEL_UP,
    INPUT_BUTTON_WHEEL_DOWN, INPUT_BUTTON_SIDE, INPUT_BUTTON_EXTRA, INPUT_BUTTON_WHEEL_LEFT,
    INPUT_BUTTON_WHEEL_RIGHT, INPUT_BUTTON_COUNT
} InputButton;
typedef enum InputAxis { INPUT_AXIS_X, INPUT_AXIS_Y } InputAxis;

/* Kinds of events; a handler's mask is an OR of them. */
typedef enum InputKind {
    INPUT_KEY = 1 << 0,
    INPUT_BUTTON = 1 << 1,
    INPUT_REL = 1 << 2,
    INPUT_ABS = 1 << 3,
} InputKind;

enum { INPUT_ABS_MAX = 0x7fff }; /* absolute axes go from 0 to this */

typedef struct InputEvent {
    InputKind kind;
    union {
        struct { KeyCode code; bool down; } key;
        struct { InputButton button; bool down; } btn;
        struct { InputAxis axis; int value; } move; /* REL: right and down are positive */
    };
} InputEvent;

typedef struct InputHandler {
    const char *name; /* "QEMU PS/2 Mouse", as query-mice shows */
    unsigned mask;
    void (*event)(void *opaque, const InputEvent *event);
    /* All events of one moment were given. May be NULL. */
    void (*sync)(void *opaque);
    /* Whether a key would find room now; while it would not the queue holds keys back. NULL: always. */
    bool (*has_room)(void *opaque);
} InputHandler;

InputQueue *input_queue_new(Clock *clock);
void input_queue_free(InputQueue *queue);

/* For devices. A new handler is active (see above for pointers). */
InputBinding *input_handler_register(InputQueue *queue, const InputHandler *handler, void *opaque);
void input_handler_unregister(InputBinding *binding);
void input_handler_activate(InputBinding *binding);
/* A handler with has_room() may have room again: keys that were held back follow, one every few
 * milliseconds, because drivers that empty a keyboard before they begin give up on one that never ends. */
void input_handler_drained(InputBinding *binding);
/* Calls fn for each handler, the active ones first. */
void input_handler_foreach(InputQueue *queue,
                           void (*fn)(InputBinding *binding, const InputHandler *handler,
                                      int index, bool current, void *opaque),
                           void *opaque);

/* For front ends. A group of events ends with input_sync(). */
void input_send_key(InputQueue *queue, KeyCode code, bool down);
void input_send_button(InputQueue *queue, InputButton button, bool down);
void input_send_rel(InputQueue *queue, InputAxis axis, int delta);
/* value in [min, max] is scaled to [0, INPUT_ABS_MAX]. */
void input_send_abs(InputQueue *queue, InputAxis axis, int value, int min, int max);
void input_sync(InputQueue *queue);
/* True if the pointer device wants absolute positions. */
bool input_is_absolute(const InputQueue *queue);
/* Tells of each change of input_is_absolute(). Like all listeners it may be called on a vCPU's
 * thread, with the big lock: a front end notes it and acts on its own thread. */
typedef void InputAbsoluteFn(void *opaque, bool absolute);
void input_add_absolute_listener(InputQueue *queue, InputAbsoluteFn *fn, void *opaque);
void input_remove_absolute_listener(InputQueue *queue, InputAbsoluteFn *fn, void *opaque);
/*
 * send-key: presses the keys in turn, holds them for hold_ms of virtual time and
 * lets them go in reverse. Returns at once; further calls queue up behind.
 */
void input_press_keys(InputQueue *queue, const KeyCode *codes, size_t n, unsigned hold_ms);

/* Keyboard lights, from the device to whoever shows them. */
enum { INPUT_LED_SCROLL_LOCK = 1, INPUT_LED_NUM_LOCK = 2, INPUT_LED_CAPS_LOCK = 4 };
void input_set_leds(InputQueue *queue, unsigned leds);
unsigned input_leds(const InputQueue *queue);
typedef void InputLedFn(void *opaque, unsigned leds);
void input_add_led_listener(InputQueue *queue, InputLedFn *fn, void *opaque);
void input_remove_led_listener(InputQueue *queue, InputLedFn *fn, void *opaque);

/* "ret", "shift_r" and so on. */
const char *key_code_name(KeyCode code);
/* KEY_CODE_COUNT if there is no such key. */
KeyCode key_code_parse(const char *name);
/* "ctrl-alt-delete" or a number ("0x1c", a set 1 scan code) each; returns how many keys, 0 with
 * errp set. codes has room for max. */
size_t key_codes_parse(const char *text, KeyCode *codes, size_t max, Error **errp);
/* The key of a set 1 scan code; 0x80 marks those with an E0 prefix. */
KeyCode key_code_from_number(unsigned number);

#endif
