/*
 * The PS/2 keyboard: see ps2.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "hw/input/ps2.h"
#include "util/trace.h"

TRACE_EVENT(ps2_kbd_write, "0x%02x");
TRACE_EVENT(ps2_kbd_key, "%s %s");
TRACE_EVENT(ps2_kbd_overrun, "%s lost");

enum {
    KBD_SET_LEDS = 0xed, KBD_ECHO = 0xee, KBD_SCANCODE_SET = 0xf0, KBD_READ_ID = 0xf2,
    KBD_SET_RATE = 0xf3, KBD_ENABLE = 0xf4, KBD_DEFAULT_DISABLE = 0xf5, KBD_SET_DEFAULT = 0xf6,
    KBD_ALL_TYPEMATIC = 0xf7, KBD_ALL_MAKE_BREAK = 0xf8, KBD_ALL_MAKE = 0xf9,
    KBD_ALL_TYPEMATIC_MAKE_BREAK = 0xfa, KBD_KEY_TYPEMATIC = 0xfb, KBD_KEY_MAKE_BREAK = 0xfc,
    KBD_KEY_MAKE = 0xfd, KBD_RESEND = 0xfe, KBD_RESET = 0xff,
};

enum { KBD_ID_1 = 0xab, KBD_ID_2 = 0x83 };
enum { KBD_DEFAULT_SET = 2, KBD_DEFAULT_RATE = 0x2b /* 10.9 per second after 500 ms */ };

/* key_type[]. */
enum { TYPE_REPEATS = 1, TYPE_BREAKS = 2 };

/* modifiers */
enum { MOD_SHIFT = 3, MOD_CTRL = 12, MOD_ALT = 48 }; /* left and right each */

static uint8_t modifier_bit(KeyCode code)
{
    switch (code) {
    case KEY_SHIFT: return 1;
    case KEY_SHIFT_R: return 2;
    case KEY_CTRL: return 4;
    case KEY_CTRL_R: return 8;
    case KEY_ALT: return 16;
    case KEY_ALT_R: return 32;
    default: return 0;
    }
}

/* --- scan codes ------------------------------------------------------------------------ */

/* A sequence in set 2; in set 1 the same bytes are translated as the controller would. */
enum { SEQUENCE_MAX = 8 }; /* Pause */

typedef struct Sequence {
    uint8_t bytes[SEQUENCE_MAX];
    int len;
} Sequence;

static void put(Sequence *seq, uint16_t code, bool down)
{
    if (code & SCANCODE_E0) {
        seq->bytes[seq->len++] = 0xe0;
    }
    if (!down) {
        seq->bytes[seq->len++] = 0xf0;
    }
    seq->bytes[seq->len++] = code & 0xff;
}

/* Print Screen pretends to be shifted keypad *; with Alt it is SysRq. */
static void put_print(const PS2Keyboard *kbd, Sequence *seq, bool down)
{
    if (kbd->modifiers & MOD_ALT) {
        put(seq, 0x84, down);
    } else if (kbd->modifiers & (MOD_SHIFT | MOD_CTRL)) {
        put(seq, SCANCODE_E0 | 0x7c, down);
    } else if (down) {
        put(seq, SCANCODE_E0 | 0x12, true);
        put(seq, SCANCODE_E0 | 0x7c, true);
    } else {
        put(seq, SCANCODE_E0 | 0x7c, false);
        put(seq, SCANCODE_E0 | 0x12, false);
    }
}

/* Pause sends its break code at once; with Ctrl it is Break. */
static void put_pause(const PS2Keyboard *kbd, Sequence *seq, bool down)
{
    static const uint8_t pause[] = { 0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77 };

    if (!down) {
        return;
    }
    if (kbd->modifiers & MOD_CTRL) {
        put(seq, SCANCODE_E0 | 0x7e, true);
        put(seq, SCANCODE_E0 | 0x7e, false);
    } else {
        memcpy(seq->bytes, pause, sizeof(pause));
        seq->len = sizeof(pause);
    }
}

static void put_set2(const PS2Keyboard *kbd, Sequence *seq, KeyCode code, bool down)
{
    if (code == KEY_PRINT) {
        put_print(kbd, seq, down);
    } else if (code == KEY_PAUSE) {
        put_pause(kbd, seq, down);
    } else if ((code == KEY_LANG1 || code == KEY_LANG2) && !down) {
        return; /* these two have no break code */
    } else if (scancode_set2(code)) {
        put(seq, scancode_set2(code), down);
    }
}

/* F0 becomes the top bit of what follows. */
static void translate_to_set1(Sequence *seq)
{
    uint8_t release = 0;
    int out = 0;

    for (int i = 0; i < seq->len; i++) {
        uint8_t byte = seq->bytes[i];
        if (byte == 0xf0) {
            release = 0x80;
        } else {
            seq->bytes[out++] = byte == 0xe0 || byte == 0xe1 ? byte
                                                             : scancode_translation[byte] | release;
            release = 0;
        }
    }
    seq->len = out;
}

static void put_set3(const PS2Keyboard *kbd, Sequence *seq, KeyCode code, bool down)
{
    uint16_t make = scancode_set3(code);

    if (make && (down || (kbd->key_type[make] & TYPE_BREAKS))) {
        put(seq, make, down);
    }
}

static void send_key(PS2Keyboard *kbd, KeyCode code, bool down)
{
    Sequence seq = { .len = 0 };
    uint8_t overrun = PS2_OVERRUN;

    if (kbd->scancode_set == 3) {
        put_set3(kbd, &seq, code, down);
    } else {
        put_set2(kbd, &seq, code, down);
        if (kbd->scancode_set == 1) {
            translate_to_set1(&seq);
            overrun = 0xff;
        }
    }
    /* The last place of the queue is for the overrun code. */
    if (seq.len && seq.len < PS2_QUEUE_SIZE - kbd->port.data_count) {
        ps2_port_send(&kbd->port, seq.bytes, seq.len);
    } else if (seq.len) {
        trace(ps2_kbd_overrun, key_code_name(code));
        if (kbd->port.data_count && kbd->port.data[kbd->port.data_count - 1] != overrun) {
            ps2_port_send(&kbd->port, &overrun, 1);
        }
    }
}

/* --- typematic ---------------------------------------------------------------------------- */

/* F3's parameter: bits 6..5 delay in 250 ms, period (8 + low 3) * 2^(bits 4..3) * 4.17 ms. */
static int64_t repeat_delay(const PS2Keyboard *kbd)
{
    return (1 + ((kbd->rate >> 5) & 3)) * 250 * NS_PER_MS;
}

static int64_t repeat_period(const PS2Keyboard *kbd)
{
    int units = (8 + (kbd->rate & 7)) << ((kbd->rate >> 3) & 3);
    return units * (NS_PER_SECOND / 240);
}

static bool key_repeats(const PS2Keyboard *kbd, KeyCode code)
{
    if (code == KEY_PAUSE || code == KEY_LANG1 || code == KEY_LANG2) {
        return false;
    }
    return kbd->scancode_set != 3 || (kbd->key_type[scancode_set3(code) & 0xff] & TYPE_REPEATS);
}

static void stop_repeating(PS2Keyboard *kbd)
{
    kbd->repeat_key = KEY_UNMAPPED;
    timer_del(&kbd->repeat_timer);
}

static void start_repeating(PS2Keyboard *kbd, KeyCode code)
{
    stop_repeating(kbd);
    if (key_repeats(kbd, code)) {
        kbd->repeat_key = code;
        timer_mod(&kbd->repeat_timer, clock_get_ns(kbd->clock) + repeat_delay(kbd));
    }
}

static void repeat_due(void *opaque)
{
    PS2Keyboard *kbd = opaque;

    /* A guest that does not read gets no queue full of repeats. */
    if (kbd->port.data_count == 0) {
        send_key(kbd, kbd->repeat_key, true);
    }
    timer_mod(&kbd->repeat_timer, clock_get_ns(kbd->clock) + repeat_period(kbd));
}

/* --- keys from the queue -------------------------------------------------------------------- */

static bool is_held(const PS2Keyboard *kbd, KeyCode code)
{
    return kbd->held[code / 8] & (1 << code % 8);
}

static void set_held(PS2Keyboard *kbd, KeyCode code, bool down)
{
    uint8_t bit = 1 << code % 8;

    kbd->held[code / 8] = (kbd->held[code / 8] & ~bit) | (down ? bit : 0);
    kbd->modifiers &= ~modifier_bit(code);
    kbd->modifiers |= down ? modifier_bit(code) : 0;
}

static void kbd_event(void *opaque, const InputEvent *event)
{
    PS2Keyboard *kbd = opaque;
    KeyCode code = event->key.code;
    bool down = event->key.down;

    /* The host's own key repeat is not ours. */
    if (code >= KEY_CODE_COUNT || (down && is_held(kbd, code))) {
        return;
    }
    trace(ps2_kbd_key, key_code_name(code), down ? "down" : "up");
    set_held(kbd, code, down);
    if (!kbd->scanning) {
        return;
    }
    send_key(kbd, code, down);
    if (down) {
        start_repeating(kbd, code);
    } else if (kbd->repeat_key == code) {
        stop_repeating(kbd);
    }
}

/* Room for the longest sequence, Pause, and the overrun code. */
static bool kbd_has_room(void *opaque)
{
    const PS2Keyboard *kbd = opaque;

    return !kbd->scanning || kbd->port.data_count + SEQUENCE_MAX < PS2_QUEUE_SIZE;
}

static const InputHandler kbd_handler = {
    .name = "QEMU PS/2 Keyboard", .mask = INPUT_KEY, .event = kbd_event,
    .has_room = kbd_has_room,
};

void ps2_keyboard_taken(PS2Keyboard *kbd)
{
    input_handler_drained(kbd->binding);
}

/* --- commands ------------------------------------------------------------------------------- */

/* Set 3 as it comes up: modifiers make and break, locks and function keys make only. */
static uint8_t default_key_type(KeyCode code)
{
    if (modifier_bit(code) || code == KEY_CAPS_LOCK) {
        return TYPE_BREAKS;
    }
    if ((code >= KEY_F1 && code <= KEY_F10) || code == KEY_F11 || code == KEY_F12 ||
        code == KEY_ESC || code == KEY_NUM_LOCK || code == KEY_SCROLL_LOCK || code == KEY_PAUSE ||
        code == KEY_PRINT || code == KEY_INSERT || code == KEY_HOME || code == KEY_END ||
        code == KEY_PGUP || code == KEY_PGDN) {
        return 0;
    }
    return TYPE_REPEATS;
}

static void set_defaults(PS2Keyboard *kbd)
{
    kbd->rate = KBD_DEFAULT_RATE;
    kbd->scancode_set = KBD_DEFAULT_SET;
    kbd->pending_command = 0;
    for (KeyCode code = 0; code < KEY_CODE_COUNT; code++) {
        kbd->key_type[scancode_set3(code) & 0xff] = default_key_type(code);
    }
    stop_repeating(kbd);
    kbd->port.data_count = 0;
}

static void set_leds(PS2Keyboard *kbd, uint8_t leds)
{
    kbd->leds = leds;
    input_set_leds(kbd->input, leds);
}

static void parameter_set(PS2Keyboard *kbd, uint8_t set)
{
    if (set > 3) {
        ps2_port_reply(&kbd->port, PS2_RESEND);
        return;
    }
    ps2_port_reply(&kbd->port, PS2_ACK);
    if (set == 0) {
        ps2_port_reply(&kbd->port, kbd->scancode_set);
    } else {
        kbd->scancode_set = set;
        kbd->port.data_count = 0;
    }
}

static uint8_t type_of_command(uint8_t command)
{
    switch (command) {
    case KBD_ALL_TYPEMATIC: case KBD_KEY_TYPEMATIC: return TYPE_REPEATS;
    case KBD_ALL_MAKE_BREAK: case KBD_KEY_MAKE_BREAK: return TYPE_BREAKS;
    case KBD_ALL_TYPEMATIC_MAKE_BREAK: return TYPE_REPEATS | TYPE_BREAKS;
    default: return 0;
    }
}

/* True if byte was the parameter of the command before it. */
static bool take_parameter(PS2Keyboard *kbd, uint8_t byte)
{
    uint8_t command = kbd->pending_command;

    /* A command in place of the parameter is a command. */
    if (!command || byte >= KBD_SET_LEDS) {
        kbd->pending_command = 0;
        return false;
    }
    switch (command) {
    case KBD_SCANCODE_SET:
        kbd->pending_command = 0;
        parameter_set(kbd, byte);
        return true;
    case KBD_SET_LEDS:
        kbd->pending_command = 0;
        set_leds(kbd, byte & 7);
        break;
    case KBD_SET_RATE:
        kbd->pending_command = 0;
        kbd->rate = byte & 0x7f;
        break;
    default: /* FB to FD: any number of keys, until another command */
        kbd->key_type[byte] = type_of_command(command);
        break;
    }
    ps2_port_reply(&kbd->port, PS2_ACK);
    return true;
}

static void reset_command(PS2Keyboard *kbd)
{
    ps2_keyboard_reset(kbd);
    ps2_port_reply(&kbd->port, PS2_ACK);
    ps2_port_reply(&kbd->port, PS2_BAT_OK);
}

void ps2_keyboard_write(PS2Keyboard *kbd, uint8_t byte)
{
    trace(ps2_kbd_write, byte);
    if (take_parameter(kbd, byte)) {
        return;
    }
    switch (byte) {
    case KBD_ECHO:
        ps2_port_reply(&kbd->port, KBD_ECHO);
        return;
    case KBD_RESEND:
        ps2_port_reply(&kbd->port, kbd->port.last);
        return;
    case KBD_RESET:
        reset_command(kbd);
        return;
    case KBD_SCANCODE_SET:
    case KBD_SET_LEDS:
    case KBD_SET_RATE:
    case KBD_KEY_TYPEMATIC:
    case KBD_KEY_MAKE_BREAK:
    case KBD_KEY_MAKE:
        kbd->pending_command = byte;
        break;
    case KBD_ENABLE:
        kbd->scanning = true;
        kbd->port.data_count = 0;
        break;
    case KBD_DEFAULT_DISABLE:
        set_defaults(kbd);
        kbd->scanning = false;
        break;
    case KBD_SET_DEFAULT:
        set_defaults(kbd);
        break;
    case KBD_ALL_TYPEMATIC:
    case KBD_ALL_MAKE_BREAK:
    case KBD_ALL_MAKE:
    case KBD_ALL_TYPEMATIC_MAKE_BREAK:
        memset(kbd->key_type, type_of_command(byte), sizeof(kbd->key_type));
        break;
    case KBD_READ_ID:
        ps2_port_reply(&kbd->port, PS2_ACK);
        ps2_port_reply(&kbd->port, KBD_ID_1);
        ps2_port_reply(&kbd->port, KBD_ID_2);
        return;
    default:
        ps2_port_reply(&kbd->port, PS2_RESEND);
        return;
    }
    ps2_port_reply(&kbd->port, PS2_ACK);
}

/* --- life --------------------------------------------------------------------------------- */

void ps2_keyboard_reset(PS2Keyboard *kbd)
{
    set_defaults(kbd);
    ps2_port_reset(&kbd->port);
    kbd->scanning = true;
    set_leds(kbd, 0);
}

void ps2_keyboard_init(PS2Keyboard *kbd, Clock *clock, InputQueue *input,
                       void (*ready)(void *opaque), void *opaque)
{
    kbd->port.ready = ready;
    kbd->port.opaque = opaque;
    kbd->clock = clock;
    kbd->input = input;
    timer_init(&kbd->repeat_timer, clock, repeat_due, kbd);
    ps2_keyboard_reset(kbd);
    kbd->binding = input_handler_register(input, &kbd_handler, kbd);
}

void ps2_keyboard_deinit(PS2Keyboard *kbd)
{
    input_handler_unregister(kbd->binding);
    timer_deinit(&kbd->repeat_timer);
}

static bool keyboard_post_load(void *opaque, Error **errp)
{
    PS2Keyboard *kbd = opaque;

    if (kbd->scancode_set < 1 || kbd->scancode_set > 3 || kbd->repeat_key >= KEY_CODE_COUNT) {
        error_setg(errp, "PS/2 keyboard: scan code set %u or repeated key %u does not exist",
                   kbd->scancode_set, kbd->repeat_key);
        return false;
    }
    input_set_leds(kbd->input, kbd->leds);
    return true;
}

static const VMStateField keyboard_fields[] = {
    VMSTATE_STRUCT(port, PS2Keyboard, vmstate_ps2_port, PS2Port),
    VMSTATE_BOOL(scanning, PS2Keyboard),
    VMSTATE_UINT8(scancode_set, PS2Keyboard),
    VMSTATE_UINT8(pending_command, PS2Keyboard),
    VMSTATE_UINT8(rate, PS2Keyboard),
    VMSTATE_UINT8(leds, PS2Keyboard),
    VMSTATE_UINT8_ARRAY(key_type, PS2Keyboard, 256),
    VMSTATE_UINT8(modifiers, PS2Keyboard),
    VMSTATE_UINT8_ARRAY(held, PS2Keyboard, (KEY_CODE_COUNT + 7) / 8),
    VMSTATE_UINT32(repeat_key, PS2Keyboard),
    VMSTATE_TIMER(repeat_timer, PS2Keyboard),
    VMSTATE_END
};

const VMStateDescription vmstate_ps2_keyboard = {
    .name = "ps2-kbd", .version = 1, .fields = keyboard_fields, .post_load = keyboard_post_load,
};
