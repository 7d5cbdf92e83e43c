/*
 * The telnet protocol (RFC 854) as far as a console needs it: character mode,
 * commands filtered out, break. For chardev/ only.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef CHARDEV_TELNET_H
#define CHARDEV_TELNET_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum TelnetState {
    TELNET_DATA,
    TELNET_IAC,        /* after IAC */
    TELNET_OPTION,     /* after IAC WILL, WONT, DO or DONT */
    TELNET_SUB,        /* inside IAC SB ... */
    TELNET_SUB_IAC,
    TELNET_CR,         /* after CR: a NUL belongs to it */
} TelnetState;

typedef struct Telnet {
    TelnetState state;
} Telnet;

/* What a server says first: it echoes, no go-ahead, eight bits both ways. */
extern const uint8_t telnet_greeting[12];
/* Removes protocol from buf in place; returns the bytes left and sets *brk on a break. */
int telnet_filter(Telnet *t, uint8_t *buf, int len, bool *brk);
/* Doubles IAC bytes of output. */
void telnet_escape(GByteArray *out, const uint8_t *buf, int len);

#endif
