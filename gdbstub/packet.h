/*
 * Packets of the gdb remote protocol, without their meaning.
 *
 *     $ payload # checksum       two hex digits: sum of the payload's bytes, modulo 256
 *       }x in a payload stands for x ^ 0x20
 *     +  -                       acknowledgement, unless switched off
 *     0x03                       interrupt: stop the target
 *
 * GDB manual, appendix "Remote Protocol", Overview.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef GDBSTUB_PACKET_H
#define GDBSTUB_PACKET_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum { GDB_PACKET_SIZE = 4096 }; /* the largest payload, as qSupported tells gdb */

typedef enum GdbInput {
    GDB_INPUT_NONE,      /* needs more bytes */
    GDB_INPUT_PACKET,    /* data[0..len) is a payload; a NUL follows */
    GDB_INPUT_BAD,       /* wrong checksum, or too long */
    GDB_INPUT_ACK,
    GDB_INPUT_NAK,
    GDB_INPUT_INTERRUPT,
} GdbInput;

typedef struct GdbReader {
    enum { GDB_IDLE, GDB_PAYLOAD, GDB_ESCAPE, GDB_SUM_HIGH, GDB_SUM_LOW } state;
    uint8_t sum, expected;
    bool too_long, bad_digit;
    unsigned len;
    char data[GDB_PACKET_SIZE + 1];
} GdbReader;

void gdb_reader_init(GdbReader *reader);
/* Takes one byte; says what it completes. */
GdbInput gdb_reader_feed(GdbReader *reader, uint8_t byte);

/* Appends a whole packet with this payload to out. */
void gdb_packet_append(GByteArray *out, const char *payload, size_t len);

/* A place in a payload; the functions below move it over what they take. */
typedef struct GdbCursor {
    const char *at, *end;
} GdbCursor;

/* Takes c if it is next. */
bool gdb_take_char(GdbCursor *cur, char c);
/* Takes text if it is next. */
bool gdb_take(GdbCursor *cur, const char *text);
/* A hex number of 1 to 16 digits. */
bool gdb_take_hex(GdbCursor *cur, uint64_t *val);
/* n bytes as pairs of hex digits. */
bool gdb_take_bytes(GdbCursor *cur, uint8_t *buf, size_t n);

/*
 * A thread id (ibid., "Packets"): TID, pPID.TID or pPID, each a hex number, 0 for any or -1 for all.
 * pid is 1 if it is left out, tid is -1.
 */
typedef struct GdbThreadId {
    int64_t pid, tid;
} GdbThreadId;
bool gdb_take_thread(GdbCursor *cur, GdbThreadId *id);

void gdb_append_hex(GString *out, const void *data, size_t len);

#endif
