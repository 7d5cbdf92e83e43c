/*
 * The human monitor: one line of text in, text out.
 *
 * Commands are rows of const tables, one table per area of the machine; the
 * names, arguments and output formats are those of QEMU 7.2. What Doppel does
 * not have is refused by name.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MONITOR_HMP_H
#define MONITOR_HMP_H

#include <glib.h>
#include "accel/runstate.h"
#include "chardev/char.h"

typedef struct Hmp Hmp;         /* the state that lines share: hmp-int.h */
typedef struct HmpArgs HmpArgs; /* the arguments of one line: hmp-int.h */

typedef struct HmpCommand {
    const char *name;   /* "cont|c" with aliases; "info status" for a sub-command */
    /*
     * Arguments, separated by blanks, "NAME:KIND" each ("?" after it: may be left out):
     *   s  a word or "text in quotes"   F  a file name      B  a drive or node
     *   S  the rest of the line         b  on or off        D  a device id
     *   i  a 32-bit expression          l  a 64-bit one     /  a format such as /4xw
     * or "-n", a flag. NULL: none.
     */
    const char *args;
    const char *params; /* what help shows after the name; NULL: nothing */
    const char *help;
    /* An error is printed as "Error: ..."; other text goes through hmp_printf(). */
    void (*run)(Hmp *hmp, const HmpArgs *args, Error **errp);
    /* Adds what may stand as argument `index` (from 0) and begins with prefix. NULL: by KIND. */
    void (*complete)(Hmp *hmp, int index, const char *prefix, GPtrArray *out);
} HmpCommand;

/* Every command, in no order. Stops when fn returns false. */
void hmp_command_foreach(bool (*fn)(const HmpCommand *cmd, void *opaque), void *opaque);

/*
 * Executes one line and returns its text (never NULL; caller frees): what QMP's
 * human-monitor-command returns. cpu_index is the CPU for `info registers` and the
 * like; one that does not exist counts as 0. With the big lock, main thread.
 */
char *hmp_execute(RunState *rs, const char *line, int cpu_index);

/* A human monitor on a character device, with line editing, history and completion. */
typedef struct HmpSession HmpSession;
HmpSession *hmp_session_new(RunState *rs, Chardev *chr, Error **errp);
void hmp_session_free(HmpSession *session);

#endif
