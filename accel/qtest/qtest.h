/*
 * The qtest server: a line protocol that drives ports, memory, interrupt
 * lines and (under -accel qtest) the virtual clock. docs/qtest.md has the
 * commands.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef ACCEL_QTEST_QTEST_H
#define ACCEL_QTEST_QTEST_H

#include "hw/core/machine.h"

typedef struct QTestServer QTestServer;

/* Serves clients on chr. log_path (NULL: none) gets every line with its time.
 * clock_commands: under -accel qtest only. */
QTestServer *qtest_server_new(MachineState *machine, Chardev *chr, const char *log_path,
                              bool clock_commands, Error **errp);
void qtest_server_free(QTestServer *server);

#endif
