/*
 * Log items (-d) and the log file (-D).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include "util/error.h"

/* name, bit, help: options, help text and masks come from this one list. */
#define LOG_ITEMS(X)                                                           \
    X(in_asm, LOG_IN_ASM, "guest code of each new block")                      \
    X(out_asm, LOG_OUT_ASM, "host code of each new block")                     \
    X(int, LOG_INT, "interrupts and exceptions in short form")                 \
    X(exec, LOG_EXEC, "each block that is entered")                            \
    X(cpu, LOG_CPU, "CPU registers before each block")                         \
    X(mmu, LOG_MMU, "page walks that fault")                                   \
    X(pcall, LOG_PCALL, "far calls, returns and task switches")                \
    X(cpu_reset, LOG_CPU_RESET, "CPU registers before each reset")             \
    X(unimp, LOG_UNIMP, "accesses to what is not implemented")                 \
    X(guest_errors, LOG_GUEST_ERROR, "what the guest did that hardware ignores or refuses") \
    X(trace, LOG_TRACE, "enabled trace events (always on when one is enabled)")

enum {
#define X(name, bit, help) bit##_INDEX,
    LOG_ITEMS(X)
#undef X
};
enum {
#define X(name, bit, help) bit = 1 << bit##_INDEX,
    LOG_ITEMS(X)
#undef X
};

extern uint32_t log_enabled; /* LOG_... bits; written at start-up and by the monitor */

static inline bool log_on(uint32_t mask)
{
    return __builtin_expect((log_enabled & mask) != 0, 0);
}

/* Prints if any item of mask is on. */
#define log_mask(mask, ...)                                                    \
    do {                                                                       \
        if (log_on(mask)) {                                                    \
            log_printf(__VA_ARGS__);                                           \
        }                                                                      \
    } while (0)

void log_printf(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
/* Parses "int,cpu_reset" ("help" is the caller's); returns false with errp set. */
bool log_set_items(const char *items, Error **errp);
/* Sends the log to a file instead of stderr; NULL: back to stderr. */
bool log_set_file(const char *path, Error **errp);
/* One line per item, for -d help. */
void log_help(GString *out);

#endif
