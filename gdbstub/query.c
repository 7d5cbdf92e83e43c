/*
 * The gdb stub: what gdb asks and sets by name (q and Q packets).
 * GDB manual, appendix "Remote Protocol", General Query Packets.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "gdbstub/internal.h"
#include <string.h>
#include "monitor/hmp.h"

/* Bits of qemu.sstep, as QEMU numbers them. */
enum { SSTEP_ENABLE = 1, SSTEP_NOIRQ = 2 };

typedef bool QueryFn(GdbStub *stub, GdbCursor *cur);

static bool reply(GdbStub *stub, const char *text)
{
    g_string_assign(stub->reply, text);
    return true;
}

static bool contains(const GdbCursor *cur, const char *text)
{
    return g_strstr_len(cur->at, cur->end - cur->at, text) != NULL;
}

static bool query_supported(GdbStub *stub, GdbCursor *cur)
{
    stub->tells_breakpoints = contains(cur, "swbreak+") && contains(cur, "hwbreak+");
    g_string_printf(stub->reply, "PacketSize=%x;qXfer:features:read+;vContSupported+;"
                    "multiprocess+;QStartNoAckMode+;swbreak+;hwbreak+", GDB_PACKET_SIZE);
    return true;
}

static bool query_current(GdbStub *stub, GdbCursor *cur)
{
    if (cur->at != cur->end) {
        return true; /* another query that begins with C */
    }
    g_string_assign(stub->reply, "QC");
    gdb_append_thread(stub->reply, stub->cpu);
    return true;
}

/* One thread for each reply. */
static bool query_next_thread(GdbStub *stub, GdbCursor *cur)
{
    if (stub->listed >= stub->machine->cpus->len) {
        return reply(stub, "l");
    }
    g_string_assign(stub->reply, "m");
    gdb_append_thread(stub->reply, g_ptr_array_index(stub->machine->cpus, stub->listed++));
    return true;
}

static bool query_first_thread(GdbStub *stub, GdbCursor *cur)
{
    stub->listed = 0;
    return query_next_thread(stub, cur);
}

static bool query_thread_info(GdbStub *stub, GdbCursor *cur)
{
    GdbThreadId id;
    CPUState *cpu = gdb_take_thread(cur, &id) ? gdb_find_cpu(stub, id) : NULL;

    if (!cpu) {
        return reply(stub, GDB_E_INVALID);
    }
    g_autofree char *text = g_strdup_printf("CPU#%d [%s]", cpu->cpu_index,
                                            cpu->halted ? "halted " : "running");
    gdb_append_hex(stub->reply, text, strlen(text));
    return true;
}

/* gdb did not start the machine: it detaches rather than kills at its end. */
static bool query_attached(GdbStub *stub, GdbCursor *cur)
{
    return reply(stub, "1");
}

/* The part [offset, offset + len) of the target description. */
static bool query_features(GdbStub *stub, GdbCursor *cur)
{
    uint64_t offset, len;

    if (!stub->description) {
        stub->description = CPU_GET_CLASS(stub->cpu)->registers->describe(stub->cpu);
    }
    size_t total = strlen(stub->description);
    if (!gdb_take(cur, "target.xml:") || !gdb_take_hex(cur, &offset) || !gdb_take_char(cur, ',') ||
        !gdb_take_hex(cur, &len) || offset > total) {
        return reply(stub, "E00");
    }
    /* Each byte may need two in the packet. */
    len = MIN(MIN(len, GDB_PACKET_SIZE / 2 - 1), total - offset);
    g_string_assign(stub->reply, offset + len < total ? "m" : "l");
    g_string_append_len(stub->reply, stub->description + offset, len);
    return true;
}

/* Text goes to gdb's console in packets of their own, before the reply. */
static void send_console(GdbStub *stub, const char *text)
{
    enum { CHUNK = GDB_PACKET_SIZE / 2 - 1 };

    for (size_t len = strlen(text), n; len; text += n, len -= n) {
        n = MIN(len, CHUNK);
        g_string_assign(stub->reply, "O");
        gdb_append_hex(stub->reply, text, n);
        gdb_send(stub, stub->reply->str, stub->reply->len);
    }
}

/* `monitor` in gdb: a line of the human monitor. */
static bool query_command(GdbStub *stub, GdbCursor *cur)
{
    size_t len = (cur->end - cur->at) / 2;
    g_autofree char *line = g_malloc0(len + 1);

    if (!gdb_take_bytes(cur, (uint8_t *)line, len) || cur->at != cur->end) {
        return reply(stub, GDB_E_INVALID);
    }
    MachineState *machine = stub->machine;
    g_autofree char *text = hmp_execute(stub->rs, line, stub->cpu->cpu_index);
    if (machine->debugger != stub) {
        return false; /* the line was "gdbserver none" or the like */
    }
    send_console(stub, text);
    return reply(stub, "OK");
}

static bool query_step_bits(GdbStub *stub, GdbCursor *cur)
{
    return reply(stub, "ENABLE=1,NOIRQ=2");
}

static bool query_step(GdbStub *stub, GdbCursor *cur)
{
    g_string_printf(stub->reply, "0x%x",
                    SSTEP_ENABLE | (stub->step_flags & CPU_STEP_NOIRQ ? SSTEP_NOIRQ : 0));
    return true;
}

static bool query_physical(GdbStub *stub, GdbCursor *cur)
{
    return reply(stub, stub->physical ? "1" : "0");
}

static bool set_step(GdbStub *stub, GdbCursor *cur)
{
    uint64_t bits;

    if (!gdb_take_hex(cur, &bits) || !(bits & SSTEP_ENABLE) ||
        bits & ~(uint64_t)(SSTEP_ENABLE | SSTEP_NOIRQ)) {
        return reply(stub, GDB_E_INVALID);
    }
    stub->step_flags = bits & SSTEP_NOIRQ ? CPU_STEP_NOIRQ : 0;
    return reply(stub, "OK");
}

static bool set_physical(GdbStub *stub, GdbCursor *cur)
{
    uint64_t on;

    if (!gdb_take_hex(cur, &on)) {
        return reply(stub, GDB_E_INVALID);
    }
    stub->physical = on != 0;
    return reply(stub, "OK");
}

/* The reply to this one is the last that gdb acknowledges. */
static bool set_no_ack(GdbStub *stub, GdbCursor *cur)
{
    gdb_send_text(stub, "OK");
    stub->no_ack = true;
    return false;
}

/* By the beginning of the payload after its first letter; of two that match, the first. */
typedef struct Query {
    const char *name;
    QueryFn *fn;
} Query;

static const Query queries[] = {
    { "Supported", query_supported },
    { "C", query_current },
    { "fThreadInfo", query_first_thread },
    { "sThreadInfo", query_next_thread },
    { "ThreadExtraInfo,", query_thread_info },
    { "Attached", query_attached },
    { "Xfer:features:read:", query_features },
    { "Rcmd,", query_command },
    { "qemu.sstepbits", query_step_bits },
    { "qemu.sstep", query_step },
    { "qemu.PhyMemMode", query_physical },
};

static const Query settings[] = {
    { "StartNoAckMode", set_no_ack },
    { "qemu.sstep=", set_step },
    { "qemu.PhyMemMode:", set_physical },
};

static bool dispatch(GdbStub *stub, GdbCursor *cur, const Query *table, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (gdb_take(cur, table[i].name)) {
            return table[i].fn(stub, cur);
        }
    }
    return true; /* an empty reply: not known */
}

bool gdb_query(GdbStub *stub, GdbCursor *cur)
{
    return dispatch(stub, cur, queries, G_N_ELEMENTS(queries));
}

bool gdb_set(GdbStub *stub, GdbCursor *cur)
{
    return dispatch(stub, cur, settings, G_N_ELEMENTS(settings));
}
