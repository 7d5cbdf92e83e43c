/*
 * "i8042": the keyboard and auxiliary device controller, with a keyboard and a
 * mouse on it. IBM Personal System/2 Hardware Interface Technical Reference,
 * "Keyboard and Auxiliary Device Controller".
 *
 *     0x60  r output buffer        w byte for the keyboard or a command's parameter
 *     0x64  r status               w command
 *
 * It answers at once: the input buffer is never full, a byte is in the output
 * buffer as soon as a device has one.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/input/i8042.h"
#include "hw/core/machine.h"
#include "hw/input/ps2.h"
#include "hw/isa/isa.h"
#include "util/log.h"
#include "util/trace.h"

TRACE_EVENT(i8042_read_data, "0x%02x");
TRACE_EVENT(i8042_read_status, "0x%02x");
TRACE_EVENT(i8042_write_data, "0x%02x");
TRACE_EVENT(i8042_write_command, "0x%02x");
TRACE_EVENT(i8042_output_port, "0x%02x");

OBJECT_DECLARE_SIMPLE(I8042State, I8042, TYPE_I8042)

enum { I8042_DATA = 0x60, I8042_COMMAND = 0x64 };
enum { I8042_KBD_IRQ = 1, I8042_AUX_IRQ = 12 };

/* Status. */
enum {
    STAT_OBF = 0x01,
    STAT_SYSTEM = 0x04,      /* self test passed */
    STAT_COMMAND = 0x08,     /* the last write was to 0x64 */
    STAT_UNLOCKED = 0x10,    /* keyboard lock is open */
    STAT_AUX = 0x20,         /* the byte in the output buffer is the mouse's */
};

/* Commands. */
enum {
    CMD_READ_RAM = 0x20, CMD_READ_RAM_END = 0x3f, CMD_WRITE_RAM = 0x60, CMD_WRITE_RAM_END = 0x7f,
    CMD_TEST_PASSWORD = 0xa4, CMD_DISABLE_AUX = 0xa7, CMD_ENABLE_AUX = 0xa8, CMD_TEST_AUX = 0xa9,
    CMD_SELF_TEST = 0xaa, CMD_TEST_KBD = 0xab, CMD_DISABLE_KBD = 0xad, CMD_ENABLE_KBD = 0xae,
    CMD_READ_INPUT_PORT = 0xc0, CMD_POLL_INPUT_LOW = 0xc1, CMD_POLL_INPUT_HIGH = 0xc2,
    CMD_READ_OUTPUT_PORT = 0xd0, CMD_WRITE_OUTPUT_PORT = 0xd1, CMD_WRITE_KBD_BUFFER = 0xd2,
    CMD_WRITE_AUX_BUFFER = 0xd3, CMD_WRITE_AUX = 0xd4, CMD_DISABLE_A20 = 0xdd,
    CMD_ENABLE_A20 = 0xdf, CMD_READ_TEST_INPUTS = 0xe0, CMD_PULSE = 0xf0,
};

/* Command byte, RAM location 0. */
enum {
    MODE_KBD_INT = 0x01, MODE_AUX_INT = 0x02, MODE_SYSTEM = 0x04, MODE_DISABLE_KBD = 0x10,
    MODE_DISABLE_AUX = 0x20, MODE_TRANSLATE = 0x40,
};

/* Output port. */
enum {
    OUT_RESET = 0x01,        /* low resets the system */
    OUT_A20 = 0x02, OUT_OBF = 0x10, OUT_AUX_OBF = 0x20,
    OUT_ONES = 0xcc,
};

enum { SELF_TEST_PASSED = 0x55, INTERFACE_OK = 0x00, NO_PASSWORD = 0xf1, INPUT_PORT = 0x80 };
enum { RAM_SIZE = 32 };

struct I8042State {
    ISADevice parent_obj;
    MemoryRegion data_io, command_io;
    IRQLine *irq_kbd, *irq_aux, *a20;
    PS2Keyboard kbd;
    PS2Mouse mouse;

    uint8_t ram[RAM_SIZE];      /* [0] is the command byte */
    uint8_t status;             /* all but OBF and AUX */
    uint8_t outport;            /* all but the OBF bits */
    uint8_t pending_command;    /* waits for its parameter; 0: none */
    bool obf, aux_obf;          /* a byte in the output buffer, and whether it is the mouse's */
    uint8_t output;
    /* An answer of the controller that waits for the buffer to be read. */
    bool answer_waits, answer_aux;
    uint8_t answer;
    bool release_prefix;        /* translation: F0 came, its code follows */
};

/* --- output buffer --------------------------------------------------------------------- */

static void update_irqs(I8042State *s)
{
    irq_set(s->irq_kbd, s->obf && !s->aux_obf && (s->ram[0] & MODE_KBD_INT));
    irq_set(s->irq_aux, s->obf && s->aux_obf && (s->ram[0] & MODE_AUX_INT));
}

static void fill_output(I8042State *s, uint8_t byte, bool aux)
{
    s->output = byte;
    s->obf = true;
    s->aux_obf = aux;
    update_irqs(s);
}

/* A byte of the keyboard as the system sees it. False if it is only a prefix. */
static bool translate(I8042State *s, uint8_t *byte)
{
    if (!(s->ram[0] & MODE_TRANSLATE)) {
        return true;
    }
    if (*byte == 0xf0) {
        s->release_prefix = true;
        return false;
    }
    *byte = scancode_translation[*byte] | (s->release_prefix ? 0x80 : 0);
    s->release_prefix = false;
    return true;
}

/* A byte of the controller's own. */
static void answer(I8042State *s, uint8_t byte, bool aux)
{
    if (!s->obf) {
        fill_output(s, byte, aux);
        return;
    }
    s->answer_waits = true;
    s->answer = byte;
    s->answer_aux = aux;
}

/* The next byte: an answer, or of a device that may send, the keyboard first. */
static void load_output(I8042State *s)
{
    if (!s->obf && s->answer_waits) {
        s->answer_waits = false;
        fill_output(s, s->answer, s->answer_aux);
    }
    while (!s->obf && !(s->ram[0] & MODE_DISABLE_KBD) && ps2_port_has_data(&s->kbd.port)) {
        uint8_t byte = ps2_port_take(&s->kbd.port);
        ps2_keyboard_taken(&s->kbd);
        if (translate(s, &byte)) {
            fill_output(s, byte, false);
        }
    }
    if (!s->obf && !(s->ram[0] & MODE_DISABLE_AUX) && ps2_port_has_data(&s->mouse.port)) {
        fill_output(s, ps2_port_take(&s->mouse.port), true);
        ps2_mouse_taken(&s->mouse);
    }
}

static void device_ready(void *opaque)
{
    load_output(opaque);
}

void i8042_nudge_mouse(DeviceState *i8042)
{
    ps2_mouse_nudge(&I8042(i8042)->mouse);
}

/* An empty buffer still shows its last byte. */
static uint64_t data_read(void *opaque, hwaddr addr, unsigned size)
{
    I8042State *s = opaque;
    uint8_t byte = s->output;

    if (s->obf) {
        s->obf = false;
        update_irqs(s);
        load_output(s);
    }
    trace(i8042_read_data, byte);
    return byte;
}

/* --- commands --------------------------------------------------------------------------- */

static void set_outport(I8042State *s, uint8_t val)
{
    trace(i8042_output_port, val);
    s->outport = val & ~(OUT_OBF | OUT_AUX_OBF);
    irq_set(s->a20, !!(val & OUT_A20));
    if (!(val & OUT_RESET)) {
        machine_request_reset(DEVICE(s)->machine, SHUTDOWN_CAUSE_GUEST_RESET);
    }
}

static uint8_t read_outport(const I8042State *s)
{
    return s->outport | (!s->obf ? 0 : s->aux_obf ? OUT_AUX_OBF : OUT_OBF);
}

static void set_mode(I8042State *s, uint8_t mode)
{
    s->ram[0] = mode;
    /* The system flag of the command byte shows in status. */
    s->status = (s->status & ~STAT_SYSTEM) | (mode & MODE_SYSTEM ? STAT_SYSTEM : 0);
    update_irqs(s);
    load_output(s);
}

/* Commands that answer with one byte. -1: not one of them. */
static int answer_of(I8042State *s, uint8_t command)
{
    switch (command) {
    case CMD_READ_RAM ... CMD_READ_RAM_END:
        return s->ram[command - CMD_READ_RAM];
    case CMD_TEST_PASSWORD:
        return NO_PASSWORD;
    case CMD_TEST_AUX:
    case CMD_TEST_KBD:
        return INTERFACE_OK;
    case CMD_SELF_TEST:
        s->status |= STAT_SYSTEM;
        s->ram[0] |= MODE_SYSTEM;
        return SELF_TEST_PASSED;
    case CMD_READ_INPUT_PORT:
        return INPUT_PORT;
    case CMD_READ_OUTPUT_PORT:
        return read_outport(s);
    case CMD_READ_TEST_INPUTS:
        return 0;
    default:
        return -1;
    }
}

/* Commands that take a parameter from 0x60. */
static bool takes_parameter(uint8_t command)
{
    return (command >= CMD_WRITE_RAM && command <= CMD_WRITE_RAM_END) ||
           (command >= CMD_WRITE_OUTPUT_PORT && command <= CMD_WRITE_AUX);
}

static void run_command(I8042State *s, uint8_t command)
{
    switch (command) {
    case CMD_DISABLE_AUX:
        set_mode(s, s->ram[0] | MODE_DISABLE_AUX);
        break;
    case CMD_ENABLE_AUX:
        set_mode(s, s->ram[0] & ~MODE_DISABLE_AUX);
        break;
    case CMD_DISABLE_KBD:
        set_mode(s, s->ram[0] | MODE_DISABLE_KBD);
        break;
    case CMD_ENABLE_KBD:
        set_mode(s, s->ram[0] & ~MODE_DISABLE_KBD);
        break;
    case CMD_DISABLE_A20:
        set_outport(s, s->outport & ~OUT_A20);
        break;
    case CMD_ENABLE_A20:
        set_outport(s, s->outport | OUT_A20);
        break;
    case CMD_POLL_INPUT_LOW:
    case CMD_POLL_INPUT_HIGH:
        break;
    case CMD_PULSE ... 0xff:
        /* Bits 3..0 that are 0 are pulsed low; the lowest is the reset line. */
        if (!(command & OUT_RESET)) {
            machine_request_reset(DEVICE(s)->machine, SHUTDOWN_CAUSE_GUEST_RESET);
        }
        break;
    default:
        log_mask(LOG_GUEST_ERROR, "i8042: unknown command 0x%02x\n", command);
        break;
    }
}

static void command_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    I8042State *s = opaque;
    uint8_t command = val;
    int byte;

    trace(i8042_write_command, command);
    s->status |= STAT_COMMAND;
    s->pending_command = 0;
    if (takes_parameter(command)) {
        s->pending_command = command;
        return;
    }
    byte = answer_of(s, command);
    if (byte >= 0) {
        answer(s, byte, false);
    } else {
        run_command(s, command);
    }
}

static uint64_t status_read(void *opaque, hwaddr addr, unsigned size)
{
    I8042State *s = opaque;
    uint8_t val = s->status | (s->obf ? STAT_OBF : 0) | (s->obf && s->aux_obf ? STAT_AUX : 0);

    trace(i8042_read_status, val);
    return val;
}

static void write_parameter(I8042State *s, uint8_t command, uint8_t byte)
{
    switch (command) {
    case CMD_WRITE_RAM:
        set_mode(s, byte);
        break;
    case CMD_WRITE_OUTPUT_PORT:
        set_outport(s, byte);
        break;
    case CMD_WRITE_KBD_BUFFER:
        answer(s, byte, false);
        break;
    case CMD_WRITE_AUX_BUFFER:
        answer(s, byte, true);
        break;
    case CMD_WRITE_AUX:
        s->ram[0] &= ~MODE_DISABLE_AUX;
        ps2_mouse_write(&s->mouse, byte);
        load_output(s);
        break;
    default:
        s->ram[command - CMD_WRITE_RAM] = byte;
        break;
    }
}

static void data_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    I8042State *s = opaque;
    uint8_t command = s->pending_command;

    trace(i8042_write_data, (unsigned)val);
    s->status &= ~STAT_COMMAND;
    s->pending_command = 0;
    if (command) {
        write_parameter(s, command, val);
        return;
    }
    /* Sending to the keyboard enables its interface. */
    s->ram[0] &= ~MODE_DISABLE_KBD;
    ps2_keyboard_write(&s->kbd, val);
    load_output(s);
}

static const MemoryRegionOps data_ops = {
    .read = data_read,
    .write = data_write,
    .valid = { .min_size = 1, .max_size = 1 },
    .impl = { .min_size = 1, .max_size = 1 },
};

static const MemoryRegionOps command_ops = {
    .read = status_read,
    .write = command_write,
    .valid = { .min_size = 1, .max_size = 1 },
    .impl = { .min_size = 1, .max_size = 1 },
};

/* --- life ------------------------------------------------------------------------------- */

static void i8042_reset(DeviceState *dev)
{
    I8042State *s = I8042(dev);

    for (int i = 0; i < RAM_SIZE; i++) {
        s->ram[i] = 0;
    }
    s->ram[0] = MODE_KBD_INT | MODE_AUX_INT;
    s->status = STAT_COMMAND | STAT_UNLOCKED;
    s->outport = OUT_RESET | OUT_A20 | OUT_ONES;
    s->pending_command = 0;
    s->obf = s->aux_obf = s->answer_waits = s->release_prefix = false;
    s->output = 0;
    ps2_keyboard_reset(&s->kbd);
    ps2_mouse_reset(&s->mouse);
}

static void i8042_reset_hold(DeviceState *dev)
{
    I8042State *s = I8042(dev);

    update_irqs(s);
    irq_set(s->a20, 1);
}

static void i8042_init(Object *obj)
{
    qdev_init_gpio_out_named(DEVICE(obj), &I8042(obj)->a20, "a20", 1);
}

static bool i8042_realize(DeviceState *dev, Error **errp)
{
    I8042State *s = I8042(dev);

    s->irq_kbd = isa_get_irq(dev, I8042_KBD_IRQ);
    s->irq_aux = isa_get_irq(dev, I8042_AUX_IRQ);
    ps2_keyboard_init(&s->kbd, qdev_clock(dev), dev->machine->input, device_ready, s);
    ps2_mouse_init(&s->mouse, qdev_clock(dev), dev->machine->input, device_ready, s);
    memory_region_init_io(&s->data_io, s, &data_ops, s, "i8042-data", 1);
    memory_region_init_io(&s->command_io, s, &command_ops, s, "i8042-cmd", 1);
    isa_register_ioport(dev, &s->data_io, I8042_DATA);
    isa_register_ioport(dev, &s->command_io, I8042_COMMAND);
    return true;
}

static void i8042_unrealize(DeviceState *dev)
{
    I8042State *s = I8042(dev);

    memory_region_destroy(&s->data_io);
    memory_region_destroy(&s->command_io);
    ps2_keyboard_deinit(&s->kbd);
    ps2_mouse_deinit(&s->mouse);
}

static const VMStateField i8042_fields[] = {
    VMSTATE_UINT8_ARRAY(ram, I8042State, RAM_SIZE),
    VMSTATE_UINT8(status, I8042State),
    VMSTATE_UINT8(outport, I8042State),
    VMSTATE_UINT8(pending_command, I8042State),
    VMSTATE_BOOL(obf, I8042State),
    VMSTATE_BOOL(aux_obf, I8042State),
    VMSTATE_UINT8(output, I8042State),
    VMSTATE_BOOL(answer_waits, I8042State),
    VMSTATE_BOOL(answer_aux, I8042State),
    VMSTATE_UINT8(answer, I8042State),
    VMSTATE_BOOL(release_prefix, I8042State),
    VMSTATE_STRUCT(kbd, I8042State, vmstate_ps2_keyboard, PS2Keyboard),
    VMSTATE_STRUCT(mouse, I8042State, vmstate_ps2_mouse, PS2Mouse),
    VMSTATE_END
};

static bool i8042_post_load(void *opaque, Error **errp)
{
    I8042State *s = opaque;

    if (s->pending_command && !takes_parameter(s->pending_command)) {
        error_setg(errp, "i8042: command 0x%02x takes no parameter", s->pending_command);
        return false;
    }
    update_irqs(s);
    return true;
}

static const VMStateDescription vmstate_i8042 = {
    .name = TYPE_I8042, .version = 1, .fields = i8042_fields, .post_load = i8042_post_load,
};

static const DeviceInfo i8042_info = {
    .name = TYPE_I8042,
    .parent = TYPE_ISA_DEVICE,
    .instance_size = sizeof(I8042State),
    .desc = "keyboard and mouse controller",
    .vmsd = &vmstate_i8042,
    .internal = true,
    .instance_init = i8042_init,
    .realize = i8042_realize,
    .unrealize = i8042_unrealize,
    .reset = i8042_reset,
    .reset_hold = i8042_reset_hold,
};
DEVICE_TYPE(i8042_info)
