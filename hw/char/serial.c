/*
 * The 16550A UART: see serial.h. Register names are the data sheet's.
 *
 * A character is sent the moment it is written: the transmitter is never seen
 * busy, so that a console does not hold up its guest at 11 KB/s. The divisor
 * still sets the character time-out, and the parameters of a host port.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/char/serial.h"
#include <string.h>
#include "util/trace.h"

TRACE_EVENT(serial_read, "register %u value 0x%02x");
TRACE_EVENT(serial_write, "register %u value 0x%02x");
TRACE_EVENT(serial_irq, "iir 0x%02x level %d");
TRACE_EVENT(serial_params, "%d baud parity %c data %d stop %d");
TRACE_EVENT(serial_overrun, "character 0x%02x lost");

/* Register addresses, A2..A0. */
enum {
    REG_RBR_THR = 0, /* DLL with DLAB */
    REG_IER = 1,     /* DLM with DLAB */
    REG_IIR_FCR = 2,
    REG_LCR = 3,
    REG_MCR = 4,
    REG_LSR = 5,
    REG_MSR = 6,
    REG_SCR = 7,
};

enum { IER_ERBFI = 1, IER_ETBEI = 2, IER_ELSI = 4, IER_EDSSI = 8, IER_MASK = 0x0f };

enum {
    IIR_MODEM_STATUS = 0x00,
    IIR_NONE = 0x01,
    IIR_THRE = 0x02,
    IIR_RECEIVED_DATA = 0x04,
    IIR_LINE_STATUS = 0x06,
    IIR_TIMEOUT = 0x0c,
    IIR_ID_MASK = 0x0f,
    IIR_FIFOS_ENABLED = 0xc0,
};

enum {
    FCR_ENABLE = 0x01, FCR_RESET_RX = 0x02, FCR_RESET_TX = 0x04, FCR_DMA = 0x08,
    FCR_TRIGGER_SHIFT = 6,
};

enum {
    LCR_WLS = 0x03, LCR_STB = 0x04, LCR_PEN = 0x08, LCR_EPS = 0x10, LCR_BREAK = 0x40,
    LCR_DLAB = 0x80,
};

enum {
    MCR_DTR = 0x01, MCR_RTS = 0x02, MCR_OUT1 = 0x04, MCR_OUT2 = 0x08, MCR_LOOP = 0x10,
    MCR_MASK = 0x1f,
};

enum {
    LSR_DR = 0x01, LSR_OE = 0x02, LSR_PE = 0x04, LSR_FE = 0x08, LSR_BI = 0x10, LSR_THRE = 0x20,
    LSR_TEMT = 0x40, LSR_FIFO_ERROR = 0x80,
    LSR_ERRORS = LSR_OE | LSR_PE | LSR_FE | LSR_BI,
};

enum {
    MSR_DCTS = 0x01, MSR_DDSR = 0x02, MSR_TERI = 0x04, MSR_DDCD = 0x08, MSR_DELTAS = 0x0f,
    MSR_CTS = 0x10, MSR_DSR = 0x20, MSR_RI = 0x40, MSR_DCD = 0x80,
    /* What a peer that is always ready drives. */
    MSR_READY = MSR_CTS | MSR_DSR | MSR_DCD,
};

static const uint8_t rx_trigger[4] = { 1, 4, 8, 14 };

static bool fifo_mode(const SerialState *s)
{
    return s->fcr & FCR_ENABLE;
}

static unsigned trigger_level(const SerialState *s)
{
    return fifo_mode(s) ? rx_trigger[s->fcr >> FCR_TRIGGER_SHIFT] : 1;
}

/* --- interrupts ----------------------------------------------------------------- */

/* The enabled condition of the highest priority (data sheet, table IV). */
static uint8_t pending_iir(const SerialState *s)
{
    if ((s->ier & IER_ELSI) && (s->lsr & LSR_ERRORS)) {
        return IIR_LINE_STATUS;
    }
    if ((s->ier & IER_ERBFI) && s->timeout_pending) {
        return IIR_TIMEOUT;
    }
    if ((s->ier & IER_ERBFI) && s->rx_count >= trigger_level(s)) {
        return IIR_RECEIVED_DATA;
    }
    if ((s->ier & IER_ETBEI) && s->thr_pending) {
        return IIR_THRE;
    }
    if ((s->ier & IER_EDSSI) && (s->msr & MSR_DELTAS)) {
        return IIR_MODEM_STATUS;
    }
    return IIR_NONE;
}

static void update_irq(SerialState *s)
{
    uint8_t id = pending_iir(s);

    s->iir = id | (fifo_mode(s) ? IIR_FIFOS_ENABLED : 0);
    trace(serial_irq, s->iir, id != IIR_NONE);
    irq_set(s->irq, id != IIR_NONE);
}

/* --- receiver ------------------------------------------------------------------- */

static int frame_bits(const SerialState *s)
{
    int data = 5 + (s->lcr & LCR_WLS);
    return 1 + data + !!(s->lcr & LCR_PEN) + (s->lcr & LCR_STB ? 2 : 1);
}

static int64_t character_ns(const SerialState *s)
{
    uint64_t divisor = s->divisor ? s->divisor : 0x10000; /* no clock: as slow as it gets */
    return muldiv64(frame_bits(s) * divisor, NS_PER_SECOND, s->baudbase);
}

/* Four character times without a character in or out (data sheet, 8.0 FIFO interrupt mode). */
static void restart_timeout(SerialState *s)
{
    s->timeout_pending = false;
    if (fifo_mode(s) && s->rx_count) {
        timer_mod(&s->timeout_timer, clock_get_ns(s->clock) + 4 * character_ns(s));
    } else {
        timer_del(&s->timeout_timer);
    }
}

static void timeout_expired(void *opaque)
{
    SerialState *s = opaque;

    s->timeout_pending = s->rx_count > 0;
    update_irq(s);
}

/* Errors of a character show when it gets to the top of the FIFO. */
static void reveal_top(SerialState *s)
{
    if (s->rx_count) {
        s->lsr |= LSR_DR | s->rx_error[0];
        s->rx_error[0] = 0;
    } else {
        s->lsr &= ~LSR_DR;
    }
}

static void receive(SerialState *s, uint8_t c, uint8_t error)
{
    unsigned size = fifo_mode(s) ? SERIAL_FIFO_SIZE : 1;

    if (error && fifo_mode(s)) {
        s->lsr |= LSR_FIFO_ERROR;
    }
    if (s->rx_count >= size) {
        trace(serial_overrun, fifo_mode(s) ? c : s->rx_data[0]);
        s->lsr |= LSR_OE;
        if (fifo_mode(s)) {
            return; /* the FIFO keeps its characters; the new one is lost */
        }
        s->rx_count = 0; /* the new one takes the place of the old */
    }
    s->rx_data[s->rx_count] = c;
    s->rx_error[s->rx_count] = error;
    s->rx_count++;
    reveal_top(s);
    if (!s->timeout_pending) {
        restart_timeout(s);
    }
}

static uint8_t read_rbr(SerialState *s)
{
    uint8_t c = s->rx_count ? s->rx_data[0] : 0;

    if (s->rx_count) {
        s->rx_count--;
        memmove(s->rx_data, s->rx_data + 1, s->rx_count);
        memmove(s->rx_error, s->rx_error + 1, s->rx_count);
        reveal_top(s);
    }
    restart_timeout(s);
    update_irq(s);
    chr_fe_accept_input(s->fe);
    return c;
}

static void reset_rx_fifo(SerialState *s)
{
    s->rx_count = 0;
    s->lsr &= ~(LSR_DR | LSR_FIFO_ERROR);
    restart_timeout(s);
}

/* Up to the trigger level, so that an interrupt comes with as many characters as the
 * guest asked for and not always with a full FIFO. */
static int serial_can_read(void *opaque)
{
    SerialState *s = opaque;
    unsigned level = trigger_level(s);

    if (s->mcr & MCR_LOOP) {
        return 0; /* SIN is disconnected; the peer waits */
    }
    if (!fifo_mode(s)) {
        return !s->rx_count;
    }
    return s->rx_count < level ? level - s->rx_count : s->rx_count < SERIAL_FIFO_SIZE;
}

static void serial_receive(void *opaque, const uint8_t *buf, int len)
{
    SerialState *s = opaque;

    for (int i = 0; i < len; i++) {
        receive(s, buf[i], 0);
    }
    update_irq(s);
}

static void serial_event(void *opaque, CharEvent event)
{
    SerialState *s = opaque;

    if (event == CHR_EVENT_BREAK && !(s->mcr & MCR_LOOP)) {
        receive(s, 0, LSR_BI);
        update_irq(s);
    }
}

/* --- transmitter ------------------------------------------------------------------ */

static void write_thr(SerialState *s, uint8_t c)
{
    s->thr_pending = false;
    s->lsr &= ~(LSR_THRE | LSR_TEMT);
    update_irq(s);
    if (s->mcr & MCR_LOOP) {
        receive(s, c, 0);
    } else {
        chr_fe_write(s->fe, &c, 1);
    }
    s->thr_pending = true;
    s->lsr |= LSR_THRE | LSR_TEMT;
    update_irq(s);
}

/* --- line and modem control -------------------------------------------------------- */

static void update_params(SerialState *s)
{
    CharSerialParams params = {
        .speed = s->divisor ? s->baudbase / s->divisor : 0,
        .parity = !(s->lcr & LCR_PEN) ? 'N' : s->lcr & LCR_EPS ? 'E' : 'O',
        .data_bits = 5 + (s->lcr & LCR_WLS),
        .stop_bits = s->lcr & LCR_STB ? 2 : 1,
    };

    if (params.speed) {
        trace(serial_params, params.speed, params.parity, params.data_bits, params.stop_bits);
        chr_fe_set_serial_params(s->fe, &params);
    }
}

static void write_lcr(SerialState *s, uint8_t val)
{
    uint8_t changed = s->lcr ^ val;

    s->lcr = val;
    if (changed & (LCR_WLS | LCR_STB | LCR_PEN | LCR_EPS)) {
        update_params(s);
    }
    if (changed & LCR_BREAK) {
        chr_fe_set_break(s->fe, val & LCR_BREAK);
    }
}

/* New levels of the four inputs; records what changed. TERI is the trailing edge of RI. */
static void set_modem_inputs(SerialState *s, uint8_t lines)
{
    uint8_t changed = (s->msr ^ lines) & (MSR_CTS | MSR_DSR | MSR_DCD);
    uint8_t deltas = changed >> 4;

    if ((s->msr & MSR_RI) && !(lines & MSR_RI)) {
        deltas |= MSR_TERI;
    }
    s->msr = lines | (s->msr & MSR_DELTAS) | deltas;
}

/* In loop-back the outputs are wired to the inputs. */
static uint8_t modem_inputs(const SerialState *s)
{
    if (!(s->mcr & MCR_LOOP)) {
        return MSR_READY;
    }
    return (s->mcr & MCR_RTS ? MSR_CTS : 0) | (s->mcr & MCR_DTR ? MSR_DSR : 0) |
           (s->mcr & MCR_OUT1 ? MSR_RI : 0) | (s->mcr & MCR_OUT2 ? MSR_DCD : 0);
}

static void write_mcr(SerialState *s, uint8_t val)
{
    bool loop_ended = (s->mcr & MCR_LOOP) && !(val & MCR_LOOP);

    s->mcr = val & MCR_MASK;
    set_modem_inputs(s, modem_inputs(s));
    update_irq(s);
    if (loop_ended) {
        chr_fe_accept_input(s->fe);
    }
}

static void write_fcr(SerialState *s, uint8_t val)
{
    bool mode_changed = (s->fcr ^ val) & FCR_ENABLE;

    if (mode_changed || (val & FCR_RESET_RX)) {
        reset_rx_fifo(s);
    }
    if (mode_changed || (val & FCR_RESET_TX)) {
        s->thr_pending = true;
    }
    /* The other bits are not programmed unless the FIFOs are enabled; resets are pulses. */
    s->fcr = val & FCR_ENABLE ? val & ~(FCR_RESET_RX | FCR_RESET_TX) : 0;
    restart_timeout(s);
    update_irq(s);
    chr_fe_accept_input(s->fe);
}

static void write_ier(SerialState *s, uint8_t val)
{
    uint8_t changed = s->ier ^ (val & IER_MASK);

    s->ier = val & IER_MASK;
    if (changed & IER_ETBEI) {
        /* Enabling it while THR is empty interrupts, even if IIR was read before. */
        s->thr_pending = s->ier & IER_ETBEI;
    }
    update_irq(s);
}

/* --- registers ---------------------------------------------------------------------- */

static uint8_t read_iir(SerialState *s)
{
    uint8_t iir = s->iir;

    if ((iir & IIR_ID_MASK) == IIR_THRE) {
        s->thr_pending = false;
        update_irq(s);
    }
    return iir;
}

static bool error_in_fifo(const SerialState *s)
{
    for (int i = 0; i < s->rx_count; i++) {
        if (s->rx_error[i]) {
            return true;
        }
    }
    return false;
}

static uint8_t read_lsr(SerialState *s)
{
    uint8_t lsr = s->lsr;

    s->lsr &= ~LSR_ERRORS;
    if (!error_in_fifo(s)) {
        s->lsr &= ~LSR_FIFO_ERROR;
    }
    update_irq(s);
    return lsr;
}

static uint8_t read_msr(SerialState *s)
{
    uint8_t msr = s->msr;

    s->msr &= ~MSR_DELTAS;
    update_irq(s);
    return msr;
}

static uint8_t read_register(SerialState *s, unsigned reg)
{
    bool dlab = s->lcr & LCR_DLAB;

    switch (reg) {
    case REG_RBR_THR:
        return dlab ? s->divisor & 0xff : read_rbr(s);
    case REG_IER:
        return dlab ? s->divisor >> 8 : s->ier;
    case REG_IIR_FCR:
        return read_iir(s);
    case REG_LCR:
        return s->lcr;
    case REG_MCR:
        return s->mcr;
    case REG_LSR:
        return read_lsr(s);
    case REG_MSR:
        return read_msr(s);
    default:
        return s->scr;
    }
}

static void write_divisor(SerialState *s, uint16_t divisor)
{
    s->divisor = divisor;
    update_params(s);
}

static void write_register(SerialState *s, unsigned reg, uint8_t val)
{
    bool dlab = s->lcr & LCR_DLAB;

    switch (reg) {
    case REG_RBR_THR:
        if (dlab) {
            write_divisor(s, (s->divisor & 0xff00) | val);
        } else {
            write_thr(s, val);
        }
        break;
    case REG_IER:
        if (dlab) {
            write_divisor(s, (s->divisor & 0xff) | val << 8);
        } else {
            write_ier(s, val);
        }
        break;
    case REG_IIR_FCR:
        write_fcr(s, val);
        break;
    case REG_LCR:
        write_lcr(s, val);
        break;
    case REG_MCR:
        write_mcr(s, val);
        break;
    case REG_SCR:
        s->scr = val;
        break;
    default: /* LSR is for factory tests, MSR's inputs cannot be written */
        break;
    }
}

static uint64_t serial_io_read(void *opaque, hwaddr addr, unsigned size)
{
    uint8_t val = read_register(opaque, addr);
    trace(serial_read, (unsigned)addr, val);
    return val;
}

static void serial_io_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    trace(serial_write, (unsigned)addr, (unsigned)val);
    write_register(opaque, addr, val);
}

static const MemoryRegionOps serial_io_ops = {
    .read = serial_io_read,
    .write = serial_io_write,
    .impl = { .min_size = 1, .max_size = 1 },
};

/* --- life ------------------------------------------------------------------------------ */

/* Table III of the data sheet; the divisor, which it leaves alone, is what a BIOS sets: 9600. */
void serial_reset(SerialState *s)
{
    s->divisor = 12;
    s->ier = s->fcr = s->mcr = s->scr = 0;
    s->lcr = 0;
    s->lsr = LSR_THRE | LSR_TEMT;
    s->msr = MSR_READY;
    s->thr_pending = false;
    s->iir = IIR_NONE;
    reset_rx_fifo(s);
    memset(s->rx_data, 0, sizeof(s->rx_data));
    memset(s->rx_error, 0, sizeof(s->rx_error));
}

void serial_reset_hold(SerialState *s)
{
    update_irq(s);
    update_params(s);
}

void serial_init(SerialState *s, DeviceState *owner, CharFrontend *fe, uint32_t baudbase)
{
    s->fe = fe;
    s->clock = qdev_clock(owner);
    s->baudbase = baudbase;
    timer_init(&s->timeout_timer, s->clock, timeout_expired, s);
    memory_region_init_io(&s->io, owner, &serial_io_ops, s, "serial", SERIAL_PORTS);
    serial_reset(s);
    chr_fe_set_handlers(fe, serial_can_read, serial_receive, serial_event, s);
}

void serial_deinit(SerialState *s)
{
    chr_fe_set_handlers(s->fe, NULL, NULL, NULL, NULL);
    timer_deinit(&s->timeout_timer);
    memory_region_destroy(&s->io);
}

static bool serial_post_load(void *opaque, Error **errp)
{
    SerialState *s = opaque;

    if (s->rx_count > SERIAL_FIFO_SIZE) {
        error_setg(errp, "serial: %u characters in a FIFO of %d", s->rx_count, SERIAL_FIFO_SIZE);
        return false;
    }
    update_irq(s);
    update_params(s);
    return true;
}

static const VMStateField serial_fields[] = {
    VMSTATE_UINT16(divisor, SerialState),
    VMSTATE_UINT8(ier, SerialState),
    VMSTATE_UINT8(iir, SerialState),
    VMSTATE_UINT8(fcr, SerialState),
    VMSTATE_UINT8(lcr, SerialState),
    VMSTATE_UINT8(mcr, SerialState),
    VMSTATE_UINT8(lsr, SerialState),
    VMSTATE_UINT8(msr, SerialState),
    VMSTATE_UINT8(scr, SerialState),
    VMSTATE_BOOL(thr_pending, SerialState),
    VMSTATE_BOOL(timeout_pending, SerialState),
    VMSTATE_UINT8_ARRAY(rx_data, SerialState, SERIAL_FIFO_SIZE),
    VMSTATE_UINT8_ARRAY(rx_error, SerialState, SERIAL_FIFO_SIZE),
    VMSTATE_UINT8(rx_count, SerialState),
    VMSTATE_TIMER(timeout_timer, SerialState),
    VMSTATE_END
};

const VMStateDescription vmstate_serial = {
    .name = "serial", .version = 1, .fields = serial_fields, .post_load = serial_post_load,
};
