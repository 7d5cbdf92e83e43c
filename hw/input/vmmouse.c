/*
 * "vmmouse": an absolute pointer behind the VMware backdoor (VMware's vmmouse_defs.h and the Linux
 * driver psmouse/vmmouse). A queue of words that the guest's driver takes when its PS/2 mouse
 * reports:
 *
 *     command 39  data     in: EBX words, 1 to 6     out: EAX, EBX, ... the words
 *     command 40  status   out: EAX 31..16 ffff off or error, 0 on | 15..0 words in the queue
 *     command 41  control  in: EBX what to do
 *
 * An event is four words:
 *
 *     +0  16 X and Y are relative | 5 left | 4 right | 3 middle
 *     +1  X  0 left to ffff right, or signed movement
 *     +2  Y  0 top to ffff bottom, or signed movement, up is positive
 *     +3  wheel, signed, down is positive
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "hw/core/machine.h"
#include "hw/i386/vmport.h"
#include "hw/input/i8042.h"
#include "hw/isa/isa.h"
#include "util/log.h"
#include "util/trace.h"

TRACE_EVENT(vmmouse_control, "0x%x");
TRACE_EVENT(vmmouse_event, "buttons 0x%x x %d y %d z %d");
TRACE_EVENT(vmmouse_overrun, "%u words wait");

#define TYPE_VMMOUSE "vmmouse"
OBJECT_DECLARE_SIMPLE(VMMouseState, VMMOUSE, TYPE_VMMOUSE)

enum { CMD_DATA = 39, CMD_STATUS = 40, CMD_CONTROL = 41 };
enum {
    CONTROL_READ_ID = 0x45414552, CONTROL_DISABLE = 0xf5, CONTROL_RELATIVE = 0x4c455252,
    CONTROL_ABSOLUTE = 0x53424152,
};
enum { VERSION_ID = 0x3442554a, STATUS_ON = 0, STATUS_ERROR = 0xffff };
enum { EVENT_RELATIVE = 0x10000, BUTTON_LEFT = 0x20, BUTTON_RIGHT = 0x10, BUTTON_MIDDLE = 0x08 };
enum { EVENT_WORDS = 4, MAX_READ = 6, QUEUE_SIZE = 1024 };

struct VMMouseState {
    ISADevice parent_obj;
    DeviceState *vmport, *i8042;
    InputBinding *binding;       /* NULL while the guest's driver does not want events */
    uint32_t queue[QUEUE_SIZE];
    uint16_t count;              /* words in the queue */
    uint16_t status;
    bool listening;              /* the driver chose relative or absolute */
    bool absolute;
    uint32_t buttons;
    int32_t x, y, z;             /* position or movement not yet queued */
};

/* --- events from the queue of the machine ----------------------------------------------------- */

static void move(VMMouseState *s, InputAxis axis, int value)
{
    int32_t *at = axis == INPUT_AXIS_X ? &s->x : &s->y;

    if (s->absolute) {
        *at = value << 1 | value >> 14; /* fifteen bits over sixteen */
    } else {
        *at += axis == INPUT_AXIS_X ? value : -value;
    }
}

static void press(VMMouseState *s, InputButton button, bool down)
{
    static const uint8_t bits[INPUT_BUTTON_COUNT] = {
        [INPUT_BUTTON_LEFT] = BUTTON_LEFT, [INPUT_BUTTON_RIGHT] = BUTTON_RIGHT,
        [INPUT_BUTTON_MIDDLE] = BUTTON_MIDDLE,
    };

    if (down && button == INPUT_BUTTON_WHEEL_UP) {
        s->z--;
    } else if (down && button == INPUT_BUTTON_WHEEL_DOWN) {
        s->z++;
    }
    s->buttons = (s->buttons & ~bits[button]) | (down ? bits[button] : 0);
}

static void vmmouse_event(void *opaque, const InputEvent *event)
{
    VMMouseState *s = opaque;

    if (event->kind == INPUT_BUTTON && event->btn.button < INPUT_BUTTON_COUNT) {
        press(s, event->btn.button, event->btn.down);
    } else if (event->kind & (INPUT_REL | INPUT_ABS)) {
        move(s, event->move.axis, event->move.value);
    }
}

/* All that belongs together was given: it becomes one event for the guest. */
static void vmmouse_sync(void *opaque)
{
    VMMouseState *s = opaque;
    uint32_t *event = s->queue + s->count;

    if (s->count > QUEUE_SIZE - EVENT_WORDS) {
        trace(vmmouse_overrun, s->count);
    } else {
        trace(vmmouse_event, s->buttons, s->x, s->y, s->z);
        event[0] = s->buttons | (s->absolute ? 0 : EVENT_RELATIVE);
        event[1] = s->x;
        event[2] = s->y;
        event[3] = s->z;
        s->count += EVENT_WORDS;
        s->z = 0;
        if (!s->absolute) {
            s->x = s->y = 0;
        }
    }
    i8042_nudge_mouse(s->i8042);
}

static const InputHandler absolute_handler = {
    .name = "vmmouse", .mask = INPUT_BUTTON | INPUT_ABS,
    .event = vmmouse_event, .sync = vmmouse_sync,
};

static const InputHandler relative_handler = {
    .name = "vmmouse", .mask = INPUT_BUTTON | INPUT_REL,
    .event = vmmouse_event, .sync = vmmouse_sync,
};

static void leave_queue(VMMouseState *s)
{
    if (s->binding) {
        input_handler_unregister(s->binding);
        s->binding = NULL;
    }
}

static void join_queue(VMMouseState *s)
{
    leave_queue(s);
    s->binding = input_handler_register(DEVICE(s)->machine->input,
                                        s->absolute ? &absolute_handler : &relative_handler, s);
    input_handler_activate(s->binding);
}

/* --- commands of the guest -------------------------------------------------------------------- */

static void disable(VMMouseState *s)
{
    s->status = STATUS_ERROR;
    s->count = 0;
    s->listening = false;
    leave_queue(s);
}

static void listen(VMMouseState *s, bool absolute)
{
    if (s->status != STATUS_ON || (s->listening && s->absolute == absolute)) {
        return;
    }
    s->absolute = absolute;
    s->listening = true;
    s->x = s->y = s->z = 0;
    join_queue(s);
}

static void read_id(VMMouseState *s)
{
    if (s->count < QUEUE_SIZE) {
        s->queue[s->count++] = VERSION_ID;
    }
    s->status = STATUS_ON;
}

static void control_command(void *opaque, uint32_t regs[VMPORT_REGS])
{
    VMMouseState *s = opaque;

    trace(vmmouse_control, regs[VMPORT_EBX]);
    switch (regs[VMPORT_EBX]) {
    case CONTROL_READ_ID:
        read_id(s);
        break;
    case CONTROL_DISABLE:
        disable(s);
        break;
    case CONTROL_RELATIVE:
        listen(s, false);
        break;
    case CONTROL_ABSOLUTE:
        listen(s, true);
        break;
    default:
        log_mask(LOG_GUEST_ERROR, "vmmouse: unknown control command 0x%x\n", regs[VMPORT_EBX]);
        break;
    }
}

static void status_command(void *opaque, uint32_t regs[VMPORT_REGS])
{
    const VMMouseState *s = opaque;
    regs[VMPORT_EAX] = (uint32_t)s->status << 16 | s->count;
}

/* A driver that asks for what is not there has lost its place: it has to begin anew. */
static void data_command(void *opaque, uint32_t regs[VMPORT_REGS])
{
    VMMouseState *s = opaque;
    uint32_t words = regs[VMPORT_EBX];

    if (words == 0 || words > MAX_READ || words > s->count) {
        log_mask(LOG_GUEST_ERROR, "vmmouse: %u words wanted, %u there\n", words, s->count);
        disable(s);
        return;
    }
    memcpy(regs, s->queue, words * sizeof(*regs));
    s->count -= words;
    memmove(s->queue, s->queue + words, s->count * sizeof(*s->queue));
}

/* --- life ------------------------------------------------------------------------------------- */

static void vmmouse_reset(DeviceState *dev)
{
    VMMouseState *s = VMMOUSE(dev);

    disable(s);
    memset(s->queue, 0, sizeof(s->queue));
    s->absolute = false;
    s->buttons = 0;
    s->x = s->y = s->z = 0;
}

static bool vmmouse_realize(DeviceState *dev, Error **errp)
{
    VMMouseState *s = VMMOUSE(dev);

    if (!s->vmport || !s->i8042) {
        error_setg(errp, "vmmouse: its properties vmport and i8042 must be set");
        return false;
    }
    vmport_register(s->vmport, CMD_DATA, data_command, s);
    vmport_register(s->vmport, CMD_STATUS, status_command, s);
    vmport_register(s->vmport, CMD_CONTROL, control_command, s);
    return true;
}

static void vmmouse_unrealize(DeviceState *dev)
{
    VMMouseState *s = VMMOUSE(dev);

    for (unsigned command = CMD_DATA; command <= CMD_CONTROL; command++) {
        vmport_register(s->vmport, command, NULL, NULL);
    }
    leave_queue(s);
}

static bool vmmouse_post_load(void *opaque, Error **errp)
{
    VMMouseState *s = opaque;

    if (s->count > QUEUE_SIZE) {
        error_setg(errp, "vmmouse: %u words in a queue of %d", s->count, QUEUE_SIZE);
        return false;
    }
    leave_queue(s);
    if (s->listening) {
        join_queue(s);
    }
    return true;
}

static const VMStateField vmmouse_fields[] = {
    VMSTATE_UINT32_ARRAY(queue, VMMouseState, QUEUE_SIZE),
    VMSTATE_UINT16(count, VMMouseState),
    VMSTATE_UINT16(status, VMMouseState),
    VMSTATE_BOOL(listening, VMMouseState),
    VMSTATE_BOOL(absolute, VMMouseState),
    VMSTATE_UINT32(buttons, VMMouseState),
    VMSTATE_INT32(x, VMMouseState),
    VMSTATE_INT32(y, VMMouseState),
    VMSTATE_INT32(z, VMMouseState),
    VMSTATE_END
};

static const VMStateDescription vmstate_vmmouse = {
    .name = TYPE_VMMOUSE, .version = 1, .fields = vmmouse_fields, .post_load = vmmouse_post_load,
};

static const Property vmmouse_props[] = {
    PROP_LINK("vmport", VMMouseState, vmport, TYPE_VMPORT),
    PROP_LINK("i8042", VMMouseState, i8042, TYPE_I8042),
    PROP_END
};

static const DeviceInfo vmmouse_info = {
    .name = TYPE_VMMOUSE,
    .parent = TYPE_ISA_DEVICE,
    .instance_size = sizeof(VMMouseState),
    .desc = "VMware absolute pointer",
    .vmsd = &vmstate_vmmouse,
    .props = vmmouse_props,
    .internal = true,
    .realize = vmmouse_realize,
    .unrealize = vmmouse_unrealize,
    .reset = vmmouse_reset,
};
DEVICE_TYPE(vmmouse_info)
