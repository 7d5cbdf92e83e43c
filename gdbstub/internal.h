/*
 * The parts of the gdb stub: connection and run control (gdbstub.c), packets about
 * registers, memory and breakpoints (commands.c), queries (query.c).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef GDBSTUB_INTERNAL_H
#define GDBSTUB_INTERNAL_H

#include "gdbstub/gdbstub.h"
#include "gdbstub/packet.h"
#include "hw/core/cpu-debug.h"
#include "util/main-loop.h"

/* Error replies of the protocol: "E" and an errno. */
#define GDB_E_INVALID "E22"
#define GDB_E_FAULT "E14"

typedef struct GdbPoint {
    unsigned type;            /* 0, 1: breakpoint; 2 write, 3 read, 4 access watchpoint */
    uint64_t addr, len;
} GdbPoint;

typedef struct GdbStub {
    RunState *rs;
    MachineState *machine;
    CharFrontend fe;
    char *label;              /* of its chardev */
    GdbReader reader;
    GByteArray *last;         /* the last packet, to be sent again on a NAK */
    GString *reply;           /* payload under construction */
    bool no_ack;
    bool running;             /* gdb has let the machine run and waits for a stop reply */
    BH *shutdown;             /* the stop reply of a machine that shut down but stays */
    bool tells_breakpoints;   /* gdb understands "swbreak" and "hwbreak" in stop replies */
    bool physical;            /* addresses of m and M are physical */
    unsigned step_flags;      /* CPU_STEP_NOIRQ or 0 */
    CPUState *cpu;            /* of register and memory packets */
    unsigned listed;          /* threads that qfThreadInfo has named */
    GArray *points;           /* GdbPoint: what gdb has inserted */
    char *description;        /* target description */
} GdbStub;

/* --- gdbstub.c --- */
void gdb_send(GdbStub *stub, const char *payload, size_t len);
void gdb_send_text(GdbStub *stub, const char *text);
/* The CPU of a thread id, or NULL. 0 and -1 are the current one. */
CPUState *gdb_find_cpu(GdbStub *stub, GdbThreadId id);
/* Appends "p01.02". */
void gdb_append_thread(GString *out, const CPUState *cpu);
/* The reply that says why the machine stands. */
void gdb_send_stop(GdbStub *stub, unsigned signal);
/* What each CPU is to do: actions[cpu_index] is 'c', 's' or 0 (stay). Runs the machine. */
void gdb_resume(GdbStub *stub, const char *actions);
/* Breakpoints and all else that gdb has set go; the protocol starts afresh. A machine that runs
 * goes on. */
void gdb_forget(GdbStub *stub);

/* --- commands.c, query.c: fill stub->reply or send it themselves and return false --- */
bool gdb_command(GdbStub *stub, const char *payload, size_t len);
bool gdb_query(GdbStub *stub, GdbCursor *cur);
bool gdb_set(GdbStub *stub, GdbCursor *cur);
void gdb_remove_points(GdbStub *stub);

#endif
