/*
 * The gdb stub: its connection and the run state. See gdbstub.h.
 *
 * The machine stands whenever a packet is handled: any byte from gdb stops it, and only a
 * resuming packet lets it run again. When it stops while gdb waits, the run state's
 * listener sends the stop reply.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "gdbstub/internal.h"
#include <stdio.h>
#include <string.h>

/* Signals by gdb's numbers. */
enum { SIGNAL_INT = 2, SIGNAL_QUIT = 3, SIGNAL_TRAP = 5, SIGNAL_ABRT = 6 };

/* --- sending ------------------------------------------------------------------------------- */

void gdb_send(GdbStub *stub, const char *payload, size_t len)
{
    g_byte_array_set_size(stub->last, 0);
    gdb_packet_append(stub->last, payload, len);
    chr_fe_write(&stub->fe, stub->last->data, stub->last->len);
}

void gdb_send_text(GdbStub *stub, const char *text)
{
    gdb_send(stub, text, strlen(text));
}

/* --- CPUs as threads ------------------------------------------------------------------------- */

static CPUState *cpu_at(GdbStub *stub, guint i)
{
    return g_ptr_array_index(stub->machine->cpus, i);
}

CPUState *gdb_find_cpu(GdbStub *stub, GdbThreadId id)
{
    if (id.pid > 1) {
        return NULL;
    }
    if (id.tid <= 0) {
        return stub->cpu;
    }
    return id.tid <= stub->machine->cpus->len ? cpu_at(stub, id.tid - 1) : NULL;
}

void gdb_append_thread(GString *out, const CPUState *cpu)
{
    g_string_append_printf(out, "p01.%02x", cpu->cpu_index + 1);
}

/* --- stopping --------------------------------------------------------------------------------- */

static const char *watch_name(unsigned access)
{
    return access == CPU_WATCH_WRITE ? "watch" : access == CPU_WATCH_READ ? "rwatch" : "awatch";
}

static bool is_hardware(GdbStub *stub, uint64_t addr)
{
    for (guint i = 0; i < stub->points->len; i++) {
        const GdbPoint *p = &g_array_index(stub->points, GdbPoint, i);
        if (p->addr == addr && p->type < 2) {
            return p->type == 1;
        }
    }
    return false;
}

/* "swbreak" and "hwbreak" tell gdb that it finds its breakpoint at the program counter. It
 * would not where the code segment has a base, and would run on without a word. */
static void append_reason(GdbStub *stub, const CPUStop *stop)
{
    const CPURegisters *registers = CPU_GET_CLASS(stub->cpu)->registers;

    if (stop->kind == CPU_STOP_WATCHPOINT) {
        g_string_append_printf(stub->reply, "%s:%" PRIx64 ";", watch_name(stop->access),
                               stop->addr);
    } else if (stop->kind == CPU_STOP_BREAKPOINT && stub->tells_breakpoints &&
               registers->get_pc(stub->cpu) == stop->addr) {
        g_string_append(stub->reply, is_hardware(stub, stop->addr) ? "hwbreak:;" : "swbreak:;");
    }
}

void gdb_send_stop(GdbStub *stub, unsigned signal)
{
    CPUStop stop = stub->cpu->debug.stop;

    stub->cpu->debug.stop.kind = CPU_STOP_NONE;
    g_string_printf(stub->reply, "T%02xthread:", signal);
    gdb_append_thread(stub->reply, stub->cpu);
    g_string_append_c(stub->reply, ';');
    append_reason(stub, &stop);
    gdb_send(stub, stub->reply->str, stub->reply->len);
}

/* The first CPU that stopped for the debugger becomes the current one. */
static void select_stopped_cpu(GdbStub *stub)
{
    for (guint i = stub->machine->cpus->len; i-- > 0;) {
        if (cpu_at(stub, i)->debug.stop.kind != CPU_STOP_NONE) {
            stub->cpu = cpu_at(stub, i);
        }
    }
}

static unsigned signal_of_state(RunStateKind state)
{
    switch (state) {
    case RUN_STATE_DEBUG:
        return SIGNAL_TRAP;
    case RUN_STATE_SHUTDOWN:
        return SIGNAL_QUIT;
    case RUN_STATE_INTERNAL_ERROR:
    case RUN_STATE_GUEST_PANICKED:
        return SIGNAL_ABRT;
    default:
        return SIGNAL_INT;
    }
}

static void send_stop_of_state(void *opaque)
{
    GdbStub *stub = opaque;

    gdb_send_stop(stub, signal_of_state(runstate_get(stub->rs)));
}

static void run_event(void *opaque, RunEvent event, ShutdownCause cause)
{
    GdbStub *stub = opaque;

    if (event != RUN_EVENT_STOP || !stub->running) {
        return;
    }
    stub->running = false;
    for (guint i = 0; i < stub->machine->cpus->len; i++) {
        cpu_at(stub, i)->debug.held = false;
        cpu_set_step(cpu_at(stub, i), 0);
    }
    select_stopped_cpu(stub);
    if (runstate_get(stub->rs) == RUN_STATE_SHUTDOWN) {
        bh_schedule(stub->shutdown); /* unless the program ends: gdbstub_stop() says so */
    } else {
        send_stop_of_state(stub);
    }
}

/* --- resuming ------------------------------------------------------------------------------------ */

/* Two CPUs may have stopped at once, and gdb was told of one. The other one stops again. */
static void stop_again(CPUState *cpu)
{
    CPUDebug *d = &cpu->debug;

    if (d->stop.kind == CPU_STOP_BREAKPOINT) {
        d->passing = false;
    } else if (d->stop.kind == CPU_STOP_WATCHPOINT && d->active) {
        d->due = d->stop;
    }
    d->stop.kind = CPU_STOP_NONE;
}

void gdb_resume(GdbStub *stub, const char *actions)
{
    for (guint i = 0; i < stub->machine->cpus->len; i++) {
        CPUState *cpu = cpu_at(stub, i);

        stop_again(cpu);
        cpu->debug.held = !actions[i];
        cpu_set_step(cpu, actions[i] == 's' ? CPU_STEP_ONE | stub->step_flags : 0);
    }
    stub->running = true;
    vm_start(stub->rs);
}

void gdb_forget(GdbStub *stub)
{
    bool running = runstate_is_running(stub->rs);

    stub->running = false;
    if (running) {
        vm_stop(stub->rs, RUN_STATE_PAUSED);
    }
    gdb_remove_points(stub);
    for (guint i = 0; i < stub->machine->cpus->len; i++) {
        cpu_debug_clear(cpu_at(stub, i));
        cpu_at(stub, i)->debug.held = false;
    }
    gdb_reader_init(&stub->reader);
    stub->no_ack = stub->tells_breakpoints = stub->physical = false;
    stub->step_flags = CPU_STEP_NOIRQ;
    stub->cpu = cpu_at(stub, 0);
    if (running) {
        vm_start(stub->rs);
    }
}

/* --- receiving -------------------------------------------------------------------------------------- */

static void handle_packet(GdbStub *stub)
{
    g_string_truncate(stub->reply, 0);
    if (gdb_command(stub, stub->reader.data, stub->reader.len)) {
        gdb_send(stub, stub->reply->str, stub->reply->len);
    }
}

static void acknowledge(GdbStub *stub, const char *sign)
{
    if (!stub->no_ack) {
        chr_fe_write(&stub->fe, (const uint8_t *)sign, 1);
    }
}

static void receive_byte(GdbStub *stub, uint8_t byte)
{
    switch (gdb_reader_feed(&stub->reader, byte)) {
    case GDB_INPUT_PACKET:
        acknowledge(stub, "+");
        handle_packet(stub);
        break;
    case GDB_INPUT_BAD:
        acknowledge(stub, "-");
        break;
    case GDB_INPUT_NAK:
        if (!stub->no_ack) {
            chr_fe_write(&stub->fe, stub->last->data, stub->last->len);
        }
        break;
    default:
        break;
    }
}

static int can_read(void *opaque)
{
    return GDB_PACKET_SIZE;
}

static void read_bytes(void *opaque, const uint8_t *buf, int len)
{
    GdbStub *stub = opaque;

    for (int i = 0; i < len; i++) {
        if (runstate_is_running(stub->rs) && buf[i] != '+') {
            vm_stop(stub->rs, RUN_STATE_PAUSED);
        }
        receive_byte(stub, buf[i]);
    }
}

static void connection_event(void *opaque, CharEvent event)
{
    GdbStub *stub = opaque;

    if (event == CHR_EVENT_OPENED) {
        if (runstate_is_running(stub->rs)) {
            vm_stop(stub->rs, RUN_STATE_PAUSED);
        }
        gdb_forget(stub);
    } else if (event == CHR_EVENT_CLOSED) {
        gdb_forget(stub);
    }
}

/* --- life ---------------------------------------------------------------------------------------------- */

/* gdb connects when it likes: the server is there without it. */
static char *with_defaults(const char *device)
{
    return g_str_has_prefix(device, "tcp:")
               ? g_strconcat(device, ",server=on,wait=off,nodelay=on", NULL) : g_strdup(device);
}

static void free_stub(GdbStub *stub)
{
    ChardevRegistry *chardevs = stub->machine->chardevs;

    chr_fe_deinit(&stub->fe);
    bh_delete(stub->shutdown);
    if (stub->label) {
        chardev_remove(chardevs, stub->label, NULL);
    }
    g_byte_array_unref(stub->last);
    g_string_free(stub->reply, TRUE);
    g_array_unref(stub->points);
    g_free(stub->description);
    g_free(stub->label);
    g_free(stub);
}

static GdbStub *new_stub(RunState *rs)
{
    GdbStub *stub = g_new0(GdbStub, 1);

    stub->rs = rs;
    stub->machine = runstate_machine(rs);
    stub->last = g_byte_array_new();
    stub->reply = g_string_new(NULL);
    stub->shutdown = bh_new(send_stop_of_state, stub);
    stub->points = g_array_new(FALSE, FALSE, sizeof(GdbPoint));
    gdb_forget(stub);
    return stub;
}

static bool check_machine(MachineState *machine, Error **errp)
{
    CPUState *cpu = machine->cpus->len ? g_ptr_array_index(machine->cpus, 0) : NULL;

    if (!cpu || !CPU_GET_CLASS(cpu)->registers) {
        error_setg(errp, "this machine has no CPU to debug");
        return false;
    }
    return true;
}

bool gdbstub_start(RunState *rs, const char *device, Error **errp)
{
    MachineState *machine = runstate_machine(rs);
    g_autofree char *text = with_defaults(device);

    gdbstub_stop(rs);
    if (g_str_equal(device, "none")) {
        return true;
    }
    if (!check_machine(machine, errp)) {
        return false;
    }
    Chardev *chr = chardev_add_legacy(machine->chardevs, "gdb", text, errp);
    if (!chr) {
        return false;
    }
    GdbStub *stub = new_stub(rs);
    if (!g_str_has_prefix(device, "chardev:")) {
        stub->label = g_strdup(chardev_label(chr));
    }
    if (!chr_fe_init(&stub->fe, chr, errp)) {
        free_stub(stub);
        return false;
    }
    machine->debugger = stub;
    runstate_add_listener(rs, run_event, stub);
    chr_fe_set_handlers(&stub->fe, can_read, read_bytes, connection_event, stub);
    return true;
}

void gdbstub_stop(RunState *rs)
{
    MachineState *machine = runstate_machine(rs);
    GdbStub *stub = machine->debugger;

    if (!stub) {
        return;
    }
    machine->debugger = NULL;
    runstate_remove_listener(rs, run_event, stub);
    gdb_forget(stub);
    if (chr_fe_backend_connected(&stub->fe)) {
        g_autofree char *gone = g_strdup_printf("W%02x", runstate_exit_status(rs) & 0xff);
        gdb_send_text(stub, gone);
        chardev_flush(machine->chardevs);
    }
    free_stub(stub);
}
