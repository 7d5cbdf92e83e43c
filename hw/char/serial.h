/*
 * The 16550A UART: one serial port, without its bus.
 *
 * Data sheet: National Semiconductor PC16550D (June 1995). The owner embeds a
 * SerialState, maps its region and gives it an interrupt line.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CHAR_SERIAL_H
#define HW_CHAR_SERIAL_H

#include "chardev/char.h"
#include "hw/core/qdev.h"
#include "memory/memory.h"

enum { SERIAL_FIFO_SIZE = 16, SERIAL_PORTS = 8 };

typedef struct SerialState {
    MemoryRegion io;       /* SERIAL_PORTS bytes */
    IRQLine *irq;
    CharFrontend *fe;
    Clock *clock;
    uint32_t baudbase;     /* bits per second with divisor 1 */

    uint16_t divisor;      /* DLM:DLL */
    uint8_t ier, iir, fcr, lcr, mcr, lsr, msr, scr;
    bool thr_pending;      /* THRE interrupt not yet acknowledged */
    bool timeout_pending;  /* character timeout interrupt */
    /* Received characters, oldest first, each with its error bits of LSR. Without FIFO mode
     * only the first place is used. */
    uint8_t rx_data[SERIAL_FIFO_SIZE], rx_error[SERIAL_FIFO_SIZE];
    uint8_t rx_count;
    Timer timeout_timer;
} SerialState;

extern const VMStateDescription vmstate_serial;

/* owner: the device whose machine's clock is used. fe may be unconnected. */
void serial_init(SerialState *s, DeviceState *owner, CharFrontend *fe, uint32_t baudbase);
void serial_deinit(SerialState *s);
/* The enter and hold phases of reset. */
void serial_reset(SerialState *s);
void serial_reset_hold(SerialState *s);

#endif
