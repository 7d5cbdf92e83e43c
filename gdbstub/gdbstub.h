/*
 * The gdb stub: debugging the guest from gdb's "target remote". docs/gdb.md.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef GDBSTUB_GDBSTUB_H
#define GDBSTUB_GDBSTUB_H

#include "accel/runstate.h"
#include "chardev/char.h"

/*
 * Listens for gdb on a character device in the short form of -serial; "tcp:HOST:PORT" is a
 * server that waits for nobody. Ends a stub that the machine already has; "none" only does that.
 * With the big lock, on the main thread.
 */
bool gdbstub_start(RunState *rs, const char *device, Error **errp);
/* Takes the debugger's hands off the machine, tells gdb that the program has ended and closes
 * the connection. Nothing happens if there is no stub. */
void gdbstub_stop(RunState *rs);

#endif
