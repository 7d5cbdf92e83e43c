/*
 * Packets of the gdb remote protocol: see packet.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "gdbstub/packet.h"
#include <string.h>

/* --- in ---------------------------------------------------------------------------------- */

void gdb_reader_init(GdbReader *reader)
{
    *reader = (GdbReader){ .state = GDB_IDLE };
}

static void begin(GdbReader *r)
{
    r->state = GDB_PAYLOAD;
    r->sum = 0;
    r->len = 0;
    r->too_long = r->bad_digit = false;
}

static GdbInput feed_idle(GdbReader *r, uint8_t byte)
{
    switch (byte) {
    case '$':
        begin(r);
        return GDB_INPUT_NONE;
    case '+':
        return GDB_INPUT_ACK;
    case '-':
        return GDB_INPUT_NAK;
    case 3:
        return GDB_INPUT_INTERRUPT;
    default:
        return GDB_INPUT_NONE;
    }
}

static void store(GdbReader *r, uint8_t byte)
{
    if (r->len < GDB_PACKET_SIZE) {
        r->data[r->len++] = byte;
    } else {
        r->too_long = true;
    }
}

static void feed_payload(GdbReader *r, uint8_t byte)
{
    if (r->state == GDB_ESCAPE) {
        r->sum += byte;
        store(r, byte ^ 0x20);
        r->state = GDB_PAYLOAD;
    } else if (byte == '#') {
        r->state = GDB_SUM_HIGH;
    } else if (byte == '$') {
        begin(r); /* the rest of the last packet never came */
    } else {
        r->sum += byte;
        if (byte == '}') {
            r->state = GDB_ESCAPE;
        } else {
            store(r, byte);
        }
    }
}

static void feed_digit(GdbReader *r, uint8_t byte)
{
    int digit = g_ascii_xdigit_value(byte);

    r->bad_digit |= digit < 0;
    r->expected = r->expected << 4 | (digit & 15);
}

GdbInput gdb_reader_feed(GdbReader *r, uint8_t byte)
{
    switch (r->state) {
    case GDB_IDLE:
        return feed_idle(r, byte);
    case GDB_PAYLOAD:
    case GDB_ESCAPE:
        feed_payload(r, byte);
        return GDB_INPUT_NONE;
    case GDB_SUM_HIGH:
        feed_digit(r, byte);
        r->state = GDB_SUM_LOW;
        return GDB_INPUT_NONE;
    default:
        feed_digit(r, byte);
        r->state = GDB_IDLE;
        r->data[r->len] = 0;
        return r->bad_digit || r->too_long || r->sum != r->expected ? GDB_INPUT_BAD
                                                                    : GDB_INPUT_PACKET;
    }
}

/* --- out ----------------------------------------------------------------------------------- */

void gdb_packet_append(GByteArray *out, const char *payload, size_t len)
{
    uint8_t sum = 0;
    char tail[4];

    g_byte_array_append(out, (const uint8_t *)"$", 1);
    for (size_t i = 0; i < len; i++) {
        uint8_t c = payload[i];
        if (strchr("$#*}", c) && c) {
            g_byte_array_append(out, (const uint8_t *)"}", 1);
            sum += '}';
            c ^= 0x20;
        }
        g_byte_array_append(out, &c, 1);
        sum += c;
    }
    g_snprintf(tail, sizeof(tail), "#%02x", sum);
    g_byte_array_append(out, (const uint8_t *)tail, 3);
}

void gdb_append_hex(GString *out, const void *data, size_t len)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < len; i++) {
        g_string_append_printf(out, "%02x", bytes[i]);
    }
}

/* --- the parts of a payload ------------------------------------------------------------------ */

bool gdb_take_char(GdbCursor *cur, char c)
{
    if (cur->at < cur->end && *cur->at == c) {
        cur->at++;
        return true;
    }
    return false;
}

bool gdb_take(GdbCursor *cur, const char *text)
{
    size_t len = strlen(text);

    if ((size_t)(cur->end - cur->at) < len || memcmp(cur->at, text, len)) {
        return false;
    }
    cur->at += len;
    return true;
}

static int digit_at(const GdbCursor *cur)
{
    return cur->at < cur->end ? g_ascii_xdigit_value(*cur->at) : -1;
}

bool gdb_take_hex(GdbCursor *cur, uint64_t *val)
{
    unsigned n = 0;
    int digit;

    *val = 0;
    for (; (digit = digit_at(cur)) >= 0; cur->at++, n++) {
        if (n == 16) {
            return false;
        }
        *val = *val << 4 | digit;
    }
    return n > 0;
}

bool gdb_take_bytes(GdbCursor *cur, uint8_t *buf, size_t n)
{
    if ((size_t)(cur->end - cur->at) / 2 < n) {
        return false;
    }
    for (size_t i = 0; i < n; i++, cur->at += 2) {
        int high = g_ascii_xdigit_value(cur->at[0]), low = g_ascii_xdigit_value(cur->at[1]);
        if (high < 0 || low < 0) {
            return false;
        }
        buf[i] = high << 4 | low;
    }
    return true;
}

/* A number of an id: 31 bits, or -1. */
static bool take_id(GdbCursor *cur, int64_t *id)
{
    uint64_t val;

    if (gdb_take(cur, "-1")) {
        *id = -1;
        return true;
    }
    if (!gdb_take_hex(cur, &val) || val > INT32_MAX) {
        return false;
    }
    *id = val;
    return true;
}

bool gdb_take_thread(GdbCursor *cur, GdbThreadId *id)
{
    *id = (GdbThreadId){ .pid = 1, .tid = -1 };
    if (!gdb_take_char(cur, 'p')) {
        return take_id(cur, &id->tid);
    }
    return take_id(cur, &id->pid) && (!gdb_take_char(cur, '.') || take_id(cur, &id->tid));
}
