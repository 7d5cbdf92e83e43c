/*
 * Telnet: see telnet.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "chardev/telnet.h"

/* RFC 854 commands, RFC 856, 857 and 858 options. */
enum {
    IAC = 255, DONT = 254, DO = 253, WONT = 252, WILL = 251, SB = 250, BRK = 243, SE = 240,
    OPT_BINARY = 0, OPT_ECHO = 1, OPT_SUPPRESS_GO_AHEAD = 3,
};

const uint8_t telnet_greeting[12] = {
    IAC, WILL, OPT_ECHO,
    IAC, WILL, OPT_SUPPRESS_GO_AHEAD,
    IAC, WILL, OPT_BINARY,
    IAC, DO, OPT_BINARY,
};

static TelnetState after_iac(uint8_t c, bool *data, bool *brk)
{
    switch (c) {
    case IAC:
        *data = true; /* an escaped 255 */
        return TELNET_DATA;
    case BRK:
        *brk = true;
        return TELNET_DATA;
    case SB:
        return TELNET_SUB;
    case WILL: case WONT: case DO: case DONT:
        return TELNET_OPTION;
    default:
        return TELNET_DATA;
    }
}

/* The state after c; *data is set if c is a byte for the guest. */
static TelnetState step(TelnetState state, uint8_t c, bool *data, bool *brk)
{
    switch (state) {
    case TELNET_IAC:
        return after_iac(c, data, brk);
    case TELNET_OPTION:
        return TELNET_DATA;
    case TELNET_SUB:
        return c == IAC ? TELNET_SUB_IAC : TELNET_SUB;
    case TELNET_SUB_IAC:
        return c == SE ? TELNET_DATA : TELNET_SUB;
    case TELNET_CR:
        if (c == 0) {
            return TELNET_DATA;
        }
        /* fall through */
    case TELNET_DATA:
    default:
        *data = c != IAC;
        return c == IAC ? TELNET_IAC : c == '\r' ? TELNET_CR : TELNET_DATA;
    }
}

int telnet_filter(Telnet *t, uint8_t *buf, int len, bool *brk)
{
    int kept = 0;

    *brk = false;
    for (int i = 0; i < len; i++) {
        bool data = false;
        t->state = step(t->state, buf[i], &data, brk);
        if (data) {
            buf[kept++] = buf[i];
        }
    }
    return kept;
}

void telnet_escape(GByteArray *out, const uint8_t *buf, int len)
{
    for (int i = 0; i < len; i++) {
        g_byte_array_append(out, &buf[i], 1);
        if (buf[i] == IAC) {
            g_byte_array_append(out, &buf[i], 1);
        }
    }
}
