/*
 * Whole machines for tests of their state: built from a command line, under qtest's clock,
 * several in one process.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_STATE_MACHINES_H
#define TESTS_STATE_MACHINES_H

#include "system/startup.h"

/* A machine with every device of the board, and those that -device adds; its drives are
 * files in a folder of its own. */
typedef struct TestMachine {
    MachineState *m;
    Startup *startup;
    const char *dir;
} TestMachine;

/* like: its drives begin as copies of that machine's; NULL: as fresh ones. */
TestMachine *test_machine_new(const TestMachine *like);
/* With further options, words between single spaces. */
TestMachine *test_machine_new_with(const char *options, const TestMachine *like);
void test_machine_free(TestMachine *t);

void out(TestMachine *t, uint16_t port, unsigned size, uint32_t val);
uint32_t in(TestMachine *t, uint16_t port, unsigned size);
void mem_write(TestMachine *t, uint64_t addr, unsigned size, uint64_t val);
uint64_t mem_read(TestMachine *t, uint64_t addr, unsigned size);
/* Moves the virtual clock on and lets everything that is due happen. */
void step_clock(TestMachine *t, int64_t ns);
/* Waits for all block requests, and what follows from them. */
void settle(TestMachine *t);

/* Sets every device to work: counters count, queues hold bytes, transfers are under way. */
void work_all(TestMachine *t);
/* One access or step of the clock, chosen by rng; returns what was read. */
uint64_t random_access(TestMachine *t, GRand *rng);

#endif
