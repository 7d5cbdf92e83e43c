/*
 * The PS/2 mouse: see ps2.h.
 *
 * A report, 3 or 4 bytes:
 *
 *     +0  7 Y overflow | 6 X overflow | 5 Y sign | 4 X sign | 3 one | 2 middle | 1 right | 0 left
 *     +1  X movement
 *     +2  Y movement, up is positive
 *     +3  IntelliMouse: wheel; Explorer: 5 button 5 | 4 button 4 | 3..0 wheel
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include "hw/input/ps2.h"
#include "util/trace.h"

TRACE_EVENT(ps2_mouse_write, "0x%02x");
TRACE_EVENT(ps2_mouse_report, "buttons 0x%02x dx %d dy %d dz %d");

enum {
    MOUSE_SCALE_1_1 = 0xe6, MOUSE_SCALE_2_1 = 0xe7, MOUSE_SET_RESOLUTION = 0xe8,
    MOUSE_STATUS = 0xe9, MOUSE_STREAM = 0xea, MOUSE_READ_DATA = 0xeb, MOUSE_RESET_WRAP = 0xec,
    MOUSE_SET_WRAP = 0xee, MOUSE_REMOTE = 0xf0, MOUSE_READ_ID = 0xf2, MOUSE_SET_RATE = 0xf3,
    MOUSE_ENABLE = 0xf4, MOUSE_DISABLE = 0xf5, MOUSE_SET_DEFAULT = 0xf6, MOUSE_RESEND = 0xfe,
    MOUSE_RESET = 0xff,
};

enum { STATUS_REMOTE = 0x40, STATUS_ENABLED = 0x20, STATUS_SCALE_2_1 = 0x10 };
enum { TYPE_STANDARD = 0, TYPE_INTELLIMOUSE = 3, TYPE_EXPLORER = 4 };
/* Reports order the buttons left, right, middle; bits 3 and 4 are the side buttons. */
enum { BUTTON_LEFT = 1, BUTTON_RIGHT = 2, BUTTON_MIDDLE = 4, BUTTON_SIDE = 8, BUTTON_EXTRA = 16 };
enum { DEFAULT_RATE = 100, DEFAULT_RESOLUTION = 2 };
enum { MAX_PENDING = 1 << 20 }; /* counts */

/* --- reports ------------------------------------------------------------------------------ */

static bool has_news(const PS2Mouse *m)
{
    return m->dx || m->dy || m->dz || m->buttons != m->reported_buttons || m->nudged;
}

static int take_part(int32_t *total, int limit)
{
    int part = CLAMP(*total, -limit - 1, limit);
    *total -= part;
    return part;
}

/* 2:1 scaling, for stream mode only (table in the reference, "Scaling"). */
static int scale(const PS2Mouse *m, int value)
{
    static const int8_t table[] = { 0, 1, 1, 3, 6, 9 };
    int size = ABS(value), scaled;

    if (!(m->status & STATUS_SCALE_2_1)) {
        return value;
    }
    scaled = size < (int)G_N_ELEMENTS(table) ? table[size] : size * 2;
    return CLAMP(value < 0 ? -scaled : scaled, -256, 255);
}

static int fourth_byte(const PS2Mouse *m, int dz)
{
    if (m->type == TYPE_EXPLORER) {
        return (dz & 0x0f) | (m->buttons & (BUTTON_SIDE | BUTTON_EXTRA)) << 1;
    }
    return dz & 0xff;
}

/* Makes a report of what is new and returns its length. */
static int make_report(PS2Mouse *m, uint8_t *buf, bool scaled)
{
    int dx = take_part(&m->dx, 255), dy = take_part(&m->dy, 255);
    int dz = m->type == TYPE_STANDARD ? 0 : take_part(&m->dz, 7);

    if (scaled) {
        dx = scale(m, dx);
        dy = scale(m, dy);
    }
    if (m->type == TYPE_STANDARD) {
        m->dz = 0;
    }
    m->reported_buttons = m->buttons;
    m->nudged = false;
    trace(ps2_mouse_report, m->buttons, dx, dy, dz);
    buf[0] = 0x08 | (m->buttons & 7) | (dx < 0 ? 0x10 : 0) | (dy < 0 ? 0x20 : 0);
    buf[1] = dx;
    buf[2] = dy;
    buf[3] = fourth_byte(m, dz);
    return m->type == TYPE_STANDARD ? 3 : 4;
}

/* In stream mode, at most one report per sample period, and only when there is room. */
static void stream(PS2Mouse *m)
{
    uint8_t report[4];
    int size = m->type == TYPE_STANDARD ? 3 : 4;

    if ((m->status & STATUS_REMOTE) || !(m->status & STATUS_ENABLED) || m->wrap ||
        timer_pending(&m->sample_timer) || size > PS2_QUEUE_SIZE - m->port.data_count ||
        !has_news(m)) {
        return;
    }
    size = make_report(m, report, true);
    timer_mod(&m->sample_timer, clock_get_ns(m->clock) + NS_PER_SECOND / m->sample_rate);
    ps2_port_send(&m->port, report, size);
}

static void sample_due(void *opaque)
{
    stream(opaque);
}

void ps2_mouse_taken(PS2Mouse *m)
{
    stream(m);
}

void ps2_mouse_nudge(PS2Mouse *m)
{
    if (m->status & STATUS_ENABLED) {
        m->nudged = true;
        stream(m);
    }
}

/* --- movement from the queue ----------------------------------------------------------------- */

/* Movement counts while it may be reported: when streaming is enabled, or on demand. */
static bool counts(const PS2Mouse *m)
{
    return m->status & (STATUS_ENABLED | STATUS_REMOTE);
}

static void turn_wheel(PS2Mouse *m, InputButton button)
{
    m->dz += button == INPUT_BUTTON_WHEEL_DOWN ? 1 : button == INPUT_BUTTON_WHEEL_UP ? -1 : 0;
}

/* Nobody clicks faster than a mouse takes samples, but here events may come late and all at once:
 * what bit was is reported before it changes again. */
static void report_in_time(PS2Mouse *m, uint8_t bit)
{
    if ((m->buttons ^ m->reported_buttons) & bit) {
        timer_del(&m->sample_timer);
        stream(m);
    }
}

/* Buttons are seen at all times: the status command tells of them. */
static void mouse_button(PS2Mouse *m, InputButton button, bool down)
{
    static const uint8_t bits[INPUT_BUTTON_COUNT] = {
        [INPUT_BUTTON_LEFT] = BUTTON_LEFT, [INPUT_BUTTON_RIGHT] = BUTTON_RIGHT,
        [INPUT_BUTTON_MIDDLE] = BUTTON_MIDDLE, [INPUT_BUTTON_SIDE] = BUTTON_SIDE,
        [INPUT_BUTTON_EXTRA] = BUTTON_EXTRA,
    };

    if (down && counts(m)) {
        turn_wheel(m, button);
    }
    if (down != !!(m->buttons & bits[button])) {
        report_in_time(m, bits[button]);
    }
    m->buttons = (m->buttons & ~bits[button]) | (down ? bits[button] : 0);
}

/* A guest that does not read for long finds the end of the counter, as a mouse's overflows. */
static void add(int32_t *total, int value)
{
    *total = CLAMP((int64_t)*total + value, -MAX_PENDING, MAX_PENDING);
}

static void mouse_event(void *opaque, const InputEvent *event)
{
    PS2Mouse *m = opaque;

    if (event->kind == INPUT_BUTTON && event->btn.button < INPUT_BUTTON_COUNT) {
        mouse_button(m, event->btn.button, event->btn.down);
    } else if (event->kind == INPUT_REL && counts(m)) {
        if (event->move.axis == INPUT_AXIS_X) {
            add(&m->dx, event->move.value);
        } else {
            add(&m->dy, -event->move.value);
        }
    }
}

static void mouse_sync(void *opaque)
{
    stream(opaque);
}

static const InputHandler mouse_handler = {
    .name = "QEMU PS/2 Mouse", .mask = INPUT_BUTTON | INPUT_REL,
    .event = mouse_event, .sync = mouse_sync,
};

/* --- commands -------------------------------------------------------------------------------- */

static void forget_movement(PS2Mouse *m)
{
    m->dx = m->dy = m->dz = 0;
    m->nudged = false;
    m->reported_buttons = m->buttons;
    m->port.data_count = 0;
    timer_del(&m->sample_timer);
}

static void set_defaults(PS2Mouse *m)
{
    m->sample_rate = DEFAULT_RATE;
    m->resolution = DEFAULT_RESOLUTION;
    m->status = 0;
    forget_movement(m);
}

/* 200, 100, 80 makes an IntelliMouse of it; 200, 200, 80 an Explorer. */
static void knock(PS2Mouse *m, uint8_t rate)
{
    enum { NONE, R200, R200_100, R200_200 };
    uint8_t next = NONE;

    if (rate == 200) {
        next = m->knock == R200 ? R200_200 : R200;
    } else if (rate == 100 && m->knock == R200) {
        next = R200_100;
    } else if (rate == 80 && m->knock == R200_100) {
        m->type = TYPE_INTELLIMOUSE;
    } else if (rate == 80 && m->knock == R200_200) {
        m->type = TYPE_EXPLORER;
    }
    m->knock = next;
}

static void send_status(PS2Mouse *m)
{
    uint8_t buttons = (m->buttons & BUTTON_LEFT ? 4 : 0) | (m->buttons & BUTTON_MIDDLE ? 2 : 0) |
                      (m->buttons & BUTTON_RIGHT ? 1 : 0);

    ps2_port_reply(&m->port, m->status | buttons);
    ps2_port_reply(&m->port, m->resolution);
    ps2_port_reply(&m->port, m->sample_rate);
}

static void send_data(PS2Mouse *m)
{
    uint8_t report[4];
    int size = make_report(m, report, false);

    for (int i = 0; i < size; i++) {
        ps2_port_reply(&m->port, report[i]);
    }
}

static void take_parameter(PS2Mouse *m, uint8_t byte)
{
    if (m->pending_command == MOUSE_SET_RATE) {
        m->sample_rate = MAX(byte, 1);
        knock(m, byte);
    } else {
        m->resolution = byte & 3;
    }
    m->pending_command = 0;
    ps2_port_reply(&m->port, PS2_ACK);
}

static void set_mode(PS2Mouse *m, uint8_t clear, uint8_t set)
{
    m->status = (m->status & ~clear) | set;
}

/* Commands that change something and answer no more than ACK. False: not one of them. */
static bool setting_command(PS2Mouse *m, uint8_t byte)
{
    switch (byte) {
    case MOUSE_SCALE_1_1:
        set_mode(m, STATUS_SCALE_2_1, 0);
        break;
    case MOUSE_SCALE_2_1:
        set_mode(m, 0, STATUS_SCALE_2_1);
        break;
    case MOUSE_STREAM:
        set_mode(m, STATUS_REMOTE, 0);
        forget_movement(m);
        break;
    case MOUSE_REMOTE:
        set_mode(m, 0, STATUS_REMOTE);
        forget_movement(m);
        break;
    case MOUSE_SET_WRAP:
        m->wrap = true;
        break;
    case MOUSE_RESET_WRAP:
        m->wrap = false;
        break;
    case MOUSE_ENABLE:
        set_mode(m, 0, STATUS_ENABLED);
        forget_movement(m);
        break;
    case MOUSE_DISABLE:
        set_mode(m, STATUS_ENABLED, 0);
        forget_movement(m);
        break;
    case MOUSE_SET_DEFAULT:
        set_defaults(m);
        break;
    case MOUSE_SET_RATE:
    case MOUSE_SET_RESOLUTION:
        m->pending_command = byte;
        break;
    default:
        return false;
    }
    ps2_port_reply(&m->port, PS2_ACK);
    return true;
}

/* Commands with an answer of their own. False: not one of them. */
static bool asking_command(PS2Mouse *m, uint8_t byte)
{
    switch (byte) {
    case MOUSE_RESEND:
        ps2_port_reply(&m->port, m->port.last);
        return true;
    case MOUSE_RESET:
        ps2_mouse_reset(m);
        ps2_port_reply(&m->port, PS2_ACK);
        ps2_port_reply(&m->port, PS2_BAT_OK);
        ps2_port_reply(&m->port, m->type);
        return true;
    case MOUSE_READ_ID:
        ps2_port_reply(&m->port, PS2_ACK);
        ps2_port_reply(&m->port, m->type);
        return true;
    case MOUSE_STATUS:
        ps2_port_reply(&m->port, PS2_ACK);
        send_status(m);
        return true;
    case MOUSE_READ_DATA:
        ps2_port_reply(&m->port, PS2_ACK);
        send_data(m);
        return true;
    default:
        return false;
    }
}

void ps2_mouse_write(PS2Mouse *m, uint8_t byte)
{
    trace(ps2_mouse_write, byte);
    if (m->wrap && byte != MOUSE_RESET_WRAP && byte != MOUSE_RESET) {
        ps2_port_reply(&m->port, byte);
        return;
    }
    if (m->pending_command) {
        take_parameter(m, byte);
        return;
    }
    if (!setting_command(m, byte) && !asking_command(m, byte)) {
        ps2_port_reply(&m->port, PS2_RESEND);
    }
}

/* --- life --------------------------------------------------------------------------------- */

void ps2_mouse_reset(PS2Mouse *m)
{
    ps2_port_reset(&m->port);
    m->type = TYPE_STANDARD;
    m->knock = 0;
    m->wrap = false;
    m->pending_command = 0;
    m->buttons = 0;
    set_defaults(m);
}

void ps2_mouse_init(PS2Mouse *m, Clock *clock, InputQueue *input, void (*ready)(void *opaque),
                    void *opaque)
{
    m->port.ready = ready;
    m->port.opaque = opaque;
    m->clock = clock;
    m->input = input;
    timer_init(&m->sample_timer, clock, sample_due, m);
    ps2_mouse_reset(m);
    m->binding = input_handler_register(input, &mouse_handler, m);
}

void ps2_mouse_deinit(PS2Mouse *m)
{
    input_handler_unregister(m->binding);
    timer_deinit(&m->sample_timer);
}

static bool mouse_post_load(void *opaque, Error **errp)
{
    PS2Mouse *m = opaque;

    if (!m->sample_rate) {
        error_setg(errp, "PS/2 mouse: sample rate 0");
        return false;
    }
    return true;
}

static const VMStateField mouse_fields[] = {
    VMSTATE_STRUCT(port, PS2Mouse, vmstate_ps2_port, PS2Port),
    VMSTATE_UINT8(status, PS2Mouse),
    VMSTATE_UINT8(resolution, PS2Mouse),
    VMSTATE_UINT8(sample_rate, PS2Mouse),
    VMSTATE_BOOL(wrap, PS2Mouse),
    VMSTATE_UINT8(type, PS2Mouse),
    VMSTATE_UINT8(knock, PS2Mouse),
    VMSTATE_UINT8(pending_command, PS2Mouse),
    VMSTATE_INT32(dx, PS2Mouse),
    VMSTATE_INT32(dy, PS2Mouse),
    VMSTATE_INT32(dz, PS2Mouse),
    VMSTATE_UINT8(buttons, PS2Mouse),
    VMSTATE_UINT8(reported_buttons, PS2Mouse),
    VMSTATE_BOOL(nudged, PS2Mouse),
    VMSTATE_TIMER(sample_timer, PS2Mouse),
    VMSTATE_END
};

const VMStateDescription vmstate_ps2_mouse = {
    .name = "ps2-mouse", .version = 1, .fields = mouse_fields, .post_load = mouse_post_load,
};
