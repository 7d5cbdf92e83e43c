/*
 * PS/2 keyboard and mouse, without their controller.
 *
 * Manuals: IBM Personal System/2 Hardware Interface Technical Reference,
 * "Keyboard and Auxiliary Device Controller", "Keyboards"; the mouse's IntelliMouse
 * and Explorer extensions are Microsoft's.
 *
 * A device hands bytes to its controller through a PS2Port: answers to
 * commands first, then scan codes or movement. The port tells when it begins
 * to have bytes.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_INPUT_PS2_H
#define HW_INPUT_PS2_H

#include "hw/core/vmstate.h"
#include "ui/input.h"

enum { PS2_QUEUE_SIZE = 16, PS2_REPLY_SIZE = 8 };

/* Bytes that devices and controller say to each other. */
enum {
    PS2_ACK = 0xfa, PS2_RESEND = 0xfe, PS2_ERROR = 0xfc, PS2_BAT_OK = 0xaa, PS2_OVERRUN = 0x00,
};

typedef struct PS2Port {
    uint8_t data[PS2_QUEUE_SIZE], reply[PS2_REPLY_SIZE];
    uint8_t data_count, reply_count;
    uint8_t last;                   /* sent last, for the resend command */
    void (*ready)(void *opaque);    /* there is a byte to take */
    void *opaque;
} PS2Port;

extern const VMStateDescription vmstate_ps2_port;

bool ps2_port_has_data(const PS2Port *port);
/* The next byte; 0 if there is none. */
uint8_t ps2_port_take(PS2Port *port);
void ps2_port_reply(PS2Port *port, uint8_t byte);
/* All of buf or, if it does not fit, nothing and false. */
bool ps2_port_send(PS2Port *port, const uint8_t *buf, int len);
/* As if nothing had ever been sent. */
void ps2_port_reset(PS2Port *port);

/* Scan codes. */
enum { SCANCODE_E0 = 0x100 }; /* the code comes after an E0 byte */
/* The make code of a key in set 2 or 3 with SCANCODE_E0 where it has the prefix; 0: none. */
uint16_t scancode_set2(KeyCode code);
uint16_t scancode_set3(KeyCode code);
/* Set 2 to set 1, as the 8042 translates. */
extern const uint8_t scancode_translation[256];

typedef struct PS2Keyboard {
    PS2Port port;
    Clock *clock;
    InputQueue *input;
    InputBinding *binding;
    bool scanning;
    uint8_t scancode_set;      /* 1 to 3 */
    uint8_t pending_command;   /* waits for its parameter; 0: none */
    uint8_t rate;              /* typematic: F3's parameter */
    uint8_t leds;
    uint8_t key_type[256];     /* set 3 only: what each code sends */
    uint8_t modifiers;         /* held, for Print Screen and Pause */
    uint8_t held[(KEY_CODE_COUNT + 7) / 8];
    uint32_t repeat_key;       /* KeyCode that repeats; KEY_UNMAPPED: none */
    Timer repeat_timer;
} PS2Keyboard;

extern const VMStateDescription vmstate_ps2_keyboard;

void ps2_keyboard_init(PS2Keyboard *kbd, Clock *clock, InputQueue *input,
                       void (*ready)(void *opaque), void *opaque);
void ps2_keyboard_deinit(PS2Keyboard *kbd);
void ps2_keyboard_reset(PS2Keyboard *kbd);
/* A byte from the controller. */
void ps2_keyboard_write(PS2Keyboard *kbd, uint8_t byte);
/* The controller took bytes: there may be room for keys that wait. */
void ps2_keyboard_taken(PS2Keyboard *kbd);

typedef struct PS2Mouse {
    PS2Port port;
    Clock *clock;
    InputQueue *input;
    InputBinding *binding;
    uint8_t status;            /* E9's first byte: remote, enabled, 2:1 scaling, buttons */
    uint8_t resolution, sample_rate;
    bool wrap;
    uint8_t type;              /* device id: 0, 3 IntelliMouse, 4 Explorer */
    uint8_t knock;             /* progress of the sample rates that change the type */
    uint8_t pending_command;
    int32_t dx, dy, dz;        /* movement not yet reported; dy up is positive */
    uint8_t buttons, reported_buttons;
    bool nudged;               /* a report is due without news */
    Timer sample_timer;        /* pending while the next report must wait */
} PS2Mouse;

extern const VMStateDescription vmstate_ps2_mouse;

void ps2_mouse_init(PS2Mouse *mouse, Clock *clock, InputQueue *input,
                    void (*ready)(void *opaque), void *opaque);
void ps2_mouse_deinit(PS2Mouse *mouse);
void ps2_mouse_reset(PS2Mouse *mouse);
void ps2_mouse_write(PS2Mouse *mouse, uint8_t byte);
/* The controller took bytes: there may be room for a report that waits. */
void ps2_mouse_taken(PS2Mouse *mouse);
/* Makes a mouse that streams report although nothing moved. */
void ps2_mouse_nudge(PS2Mouse *mouse);

#endif
