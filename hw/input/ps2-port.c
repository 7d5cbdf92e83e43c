/*
 * The sending side of a PS/2 device: see ps2.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "hw/input/ps2.h"

bool ps2_port_has_data(const PS2Port *port)
{
    return port->reply_count || port->data_count;
}

static uint8_t shift_out(uint8_t *queue, uint8_t *count)
{
    uint8_t byte = queue[0];

    memmove(queue, queue + 1, --*count);
    return byte;
}

uint8_t ps2_port_take(PS2Port *port)
{
    if (port->reply_count) {
        port->last = shift_out(port->reply, &port->reply_count);
    } else if (port->data_count) {
        port->last = shift_out(port->data, &port->data_count);
    } else {
        return 0;
    }
    return port->last;
}

void ps2_port_reply(PS2Port *port, uint8_t byte)
{
    if (port->reply_count < PS2_REPLY_SIZE) {
        port->reply[port->reply_count++] = byte;
    }
    port->ready(port->opaque);
}

bool ps2_port_send(PS2Port *port, const uint8_t *buf, int len)
{
    if (len > PS2_QUEUE_SIZE - port->data_count) {
        return false;
    }
    memcpy(port->data + port->data_count, buf, len);
    port->data_count += len;
    port->ready(port->opaque);
    return true;
}

void ps2_port_reset(PS2Port *port)
{
    memset(port->data, 0, sizeof(port->data));
    memset(port->reply, 0, sizeof(port->reply));
    port->data_count = port->reply_count = port->last = 0;
}

static bool port_post_load(void *opaque, Error **errp)
{
    PS2Port *port = opaque;

    if (port->data_count > PS2_QUEUE_SIZE || port->reply_count > PS2_REPLY_SIZE) {
        error_setg(errp, "PS/2 queue: more bytes than it holds");
        return false;
    }
    return true;
}

static const VMStateField port_fields[] = {
    VMSTATE_UINT8_ARRAY(data, PS2Port, PS2_QUEUE_SIZE),
    VMSTATE_UINT8_ARRAY(reply, PS2Port, PS2_REPLY_SIZE),
    VMSTATE_UINT8(data_count, PS2Port),
    VMSTATE_UINT8(reply_count, PS2Port),
    VMSTATE_UINT8(last, PS2Port),
    VMSTATE_END
};

const VMStateDescription vmstate_ps2_port = {
    .name = "ps2-port", .version = 1, .fields = port_fields, .post_load = port_post_load,
};
