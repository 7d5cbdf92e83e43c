/*
 * The gdb stub: packets about registers, memory, breakpoints and running.
 * GDB manual, appendix "Remote Protocol", Packets.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "gdbstub/internal.h"
#include <inttypes.h>
#include <string.h>

enum { MAX_REGISTER = 64 }; /* bytes */

static bool reply(GdbStub *stub, const char *text)
{
    g_string_assign(stub->reply, text);
    return true;
}

static bool reply_ok(GdbStub *stub, bool ok)
{
    return reply(stub, ok ? "OK" : GDB_E_INVALID);
}

static const CPURegisters *registers(GdbStub *stub)
{
    return CPU_GET_CLASS(stub->cpu)->registers;
}

/* --- registers --------------------------------------------------------------------------------- */

static void append_register(GdbStub *stub, unsigned n)
{
    uint8_t buf[MAX_REGISTER];

    registers(stub)->read(stub->cpu, n, buf);
    gdb_append_hex(stub->reply, buf, registers(stub)->size(n));
}

static bool read_registers(GdbStub *stub, GdbCursor *cur)
{
    for (unsigned n = 0; n < registers(stub)->count; n++) {
        append_register(stub, n);
    }
    return true;
}

/* Only what differs is written: a register that is not changed has no side effect. */
static bool take_register(GdbStub *stub, GdbCursor *cur, unsigned n)
{
    uint8_t old[MAX_REGISTER], new[MAX_REGISTER];
    unsigned size = registers(stub)->size(n);

    if (!gdb_take_bytes(cur, new, size)) {
        return false;
    }
    registers(stub)->read(stub->cpu, n, old);
    if (memcmp(old, new, size)) {
        registers(stub)->write(stub->cpu, n, new);
    }
    return true;
}

static bool write_registers(GdbStub *stub, GdbCursor *cur)
{
    unsigned n = 0;

    while (n < registers(stub)->count && take_register(stub, cur, n)) {
        n++;
    }
    return reply_ok(stub, n && cur->at == cur->end);
}

static bool read_register(GdbStub *stub, GdbCursor *cur)
{
    uint64_t n;

    if (!gdb_take_hex(cur, &n) || n >= registers(stub)->count) {
        return reply(stub, GDB_E_FAULT);
    }
    append_register(stub, n);
    return true;
}

static bool write_register(GdbStub *stub, GdbCursor *cur)
{
    uint64_t n;

    return reply_ok(stub, gdb_take_hex(cur, &n) && gdb_take_char(cur, '=') &&
                          n < registers(stub)->count && take_register(stub, cur, n));
}

/* --- memory ----------------------------------------------------------------------------------- */

static bool access_memory(GdbStub *stub, uint64_t addr, uint8_t *buf, uint64_t len, bool is_write)
{
    if (!stub->physical) {
        return cpu_memory_rw_debug(stub->cpu, addr, buf, len, is_write);
    }
    AddressSpace *as = stub->cpu->as;
    if (!is_write) {
        return address_space_read(as, addr, MEMTXATTRS_NONE, buf, len) == MEMTX_OK;
    }
    return address_space_write_rom(as, addr, buf, len) == MEMTX_OK ||
           address_space_write(as, addr, MEMTXATTRS_NONE, buf, len) == MEMTX_OK;
}

static bool take_range(GdbCursor *cur, uint64_t *addr, uint64_t *len)
{
    return gdb_take_hex(cur, addr) && gdb_take_char(cur, ',') && gdb_take_hex(cur, len) &&
           *len <= GDB_PACKET_SIZE;
}

static bool read_memory(GdbStub *stub, GdbCursor *cur)
{
    uint8_t buf[GDB_PACKET_SIZE / 2];
    uint64_t addr, len;

    if (!take_range(cur, &addr, &len) || len > sizeof(buf)) {
        return reply(stub, GDB_E_INVALID);
    }
    if (!access_memory(stub, addr, buf, len, false)) {
        return reply(stub, GDB_E_FAULT);
    }
    gdb_append_hex(stub->reply, buf, len);
    return true;
}

/* M has the bytes as hex digits, X as they are. */
static bool write_memory(GdbStub *stub, GdbCursor *cur, bool binary)
{
    uint8_t buf[GDB_PACKET_SIZE];
    uint64_t addr, len;

    if (!take_range(cur, &addr, &len) || !gdb_take_char(cur, ':')) {
        return reply(stub, GDB_E_INVALID);
    }
    if (!binary) {
        if (!gdb_take_bytes(cur, buf, len)) {
            return reply(stub, GDB_E_INVALID);
        }
    } else if ((size_t)(cur->end - cur->at) < len) {
        return reply(stub, GDB_E_INVALID);
    } else {
        memcpy(buf, cur->at, len);
    }
    return reply(stub, access_memory(stub, addr, buf, len, true) ? "OK" : GDB_E_FAULT);
}

static bool write_memory_hex(GdbStub *stub, GdbCursor *cur)
{
    return write_memory(stub, cur, false);
}

static bool write_memory_binary(GdbStub *stub, GdbCursor *cur)
{
    return write_memory(stub, cur, true);
}

/* --- breakpoints ---------------------------------------------------------------------------------- */

static unsigned watch_access(unsigned type)
{
    return type == 2 ? CPU_WATCH_WRITE : type == 3 ? CPU_WATCH_READ
                                                   : CPU_WATCH_READ | CPU_WATCH_WRITE;
}

static void set_point(CPUState *cpu, const GdbPoint *p)
{
    if (p->type < 2) {
        cpu_breakpoint_insert(cpu, p->addr, p->type == 1);
    } else {
        cpu_watchpoint_insert(cpu, p->addr, p->len, watch_access(p->type));
    }
}

static void unset_point(CPUState *cpu, const GdbPoint *p)
{
    if (p->type < 2) {
        cpu_breakpoint_remove(cpu, p->addr, p->type == 1);
    } else {
        cpu_watchpoint_remove(cpu, p->addr, p->len, watch_access(p->type));
    }
}

static void on_all_cpus(GdbStub *stub, void (*fn)(CPUState *cpu, const GdbPoint *p),
                        const GdbPoint *p)
{
    for (guint i = 0; i < stub->machine->cpus->len; i++) {
        fn(g_ptr_array_index(stub->machine->cpus, i), p);
    }
}

static int find_point(GdbStub *stub, const GdbPoint *p)
{
    for (guint i = 0; i < stub->points->len; i++) {
        const GdbPoint *q = &g_array_index(stub->points, GdbPoint, i);
        if (p->type == q->type && p->addr == q->addr && p->len == q->len) {
            return i;
        }
    }
    return -1;
}

void gdb_remove_points(GdbStub *stub)
{
    for (guint i = 0; i < stub->points->len; i++) {
        on_all_cpus(stub, unset_point, &g_array_index(stub->points, GdbPoint, i));
    }
    g_array_set_size(stub->points, 0);
}

/* TYPE,ADDR,KIND; conditions and commands are gdb's own affair, since qSupported does not
 * offer them. */
static bool take_point(GdbCursor *cur, GdbPoint *p)
{
    uint64_t type;

    if (!gdb_take_hex(cur, &type) || !gdb_take_char(cur, ',') || !gdb_take_hex(cur, &p->addr) ||
        !gdb_take_char(cur, ',') || !gdb_take_hex(cur, &p->len)) {
        return false;
    }
    p->type = type;
    return type < 2 || (type < 5 && p->len);
}

/* Inserting what is there changes nothing: gdb may repeat a packet. */
static bool insert_point(GdbStub *stub, GdbCursor *cur)
{
    GdbPoint p;

    if (!take_point(cur, &p)) {
        return reply(stub, GDB_E_INVALID);
    }
    if (p.type == 3 && stub->cpu->no_read_watchpoints) {
        return true; /* not known: gdb then sets an access watchpoint and passes writes over */
    }
    if (find_point(stub, &p) < 0) {
        on_all_cpus(stub, set_point, &p);
        if (!cpu_debug_fits(stub->cpu)) {
            on_all_cpus(stub, unset_point, &p);
            return reply(stub, GDB_E_INVALID);
        }
        g_array_append_val(stub->points, p);
    }
    return reply(stub, "OK");
}

static bool remove_point(GdbStub *stub, GdbCursor *cur)
{
    GdbPoint p;
    int i = take_point(cur, &p) ? find_point(stub, &p) : -1;

    if (i < 0) {
        return reply(stub, GDB_E_INVALID);
    }
    g_array_remove_index_fast(stub->points, i);
    on_all_cpus(stub, unset_point, &p);
    return reply(stub, "OK");
}

/* --- running ---------------------------------------------------------------------------------------- */

/* c, s: the current CPU does it, the others run. */
static bool run(GdbStub *stub, GdbCursor *cur, char action)
{
    unsigned count = stub->machine->cpus->len;
    g_autofree char *actions = g_malloc(count);
    uint64_t pc;

    if (gdb_take_hex(cur, &pc)) {
        registers(stub)->set_pc(stub->cpu, pc);
    }
    memset(actions, 'c', count);
    actions[stub->cpu->cpu_index] = action;
    gdb_resume(stub, actions);
    return false;
}

static bool run_on(GdbStub *stub, GdbCursor *cur)
{
    return run(stub, cur, 'c');
}

static bool run_step(GdbStub *stub, GdbCursor *cur)
{
    return run(stub, cur, 's');
}

/* C and S: the signal has no meaning for a machine. */
static void skip_signal(GdbCursor *cur)
{
    uint64_t signal;

    gdb_take_hex(cur, &signal);
    gdb_take_char(cur, ';');
}

static bool run_on_signal(GdbStub *stub, GdbCursor *cur)
{
    skip_signal(cur);
    return run(stub, cur, 'c');
}

static bool run_step_signal(GdbStub *stub, GdbCursor *cur)
{
    skip_signal(cur);
    return run(stub, cur, 's');
}

/* One ";ACTION[:THREAD]" of vCont: for the CPUs that no earlier action names. */
static bool take_action(GdbStub *stub, GdbCursor *cur, char *actions)
{
    GdbThreadId id = { .pid = -1, .tid = -1 };
    uint64_t signal;

    if (!gdb_take_char(cur, ';') || cur->at == cur->end) {
        return false;
    }
    char action = *cur->at++;
    if (!strchr("cCsS", action) || (g_ascii_isupper(action) && !gdb_take_hex(cur, &signal)) ||
        (gdb_take_char(cur, ':') && !gdb_take_thread(cur, &id)) || id.pid > 1) {
        return false;
    }
    for (guint i = 0; i < stub->machine->cpus->len; i++) {
        bool meant = id.tid == -1 || id.tid == i + 1 ||
                     (id.tid == 0 && stub->cpu->cpu_index == (int)i);
        if (meant && !actions[i]) {
            actions[i] = g_ascii_tolower(action);
        }
    }
    return true;
}

static bool continue_threads(GdbStub *stub, GdbCursor *cur)
{
    unsigned count = stub->machine->cpus->len;
    g_autofree char *actions = g_malloc0(count);

    do {
        if (!take_action(stub, cur, actions)) {
            return reply(stub, GDB_E_INVALID);
        }
    } while (cur->at < cur->end);
    for (unsigned i = 0; i < count; i++) {
        if (actions[i]) {
            gdb_resume(stub, actions);
            return false;
        }
    }
    return reply(stub, GDB_E_INVALID);
}

static bool say_why(GdbStub *stub, GdbCursor *cur)
{
    gdb_send_stop(stub, 5);
    return false;
}

static bool detach(GdbStub *stub, GdbCursor *cur)
{
    gdb_send_text(stub, "OK");
    gdb_forget(stub);
    vm_start(stub->rs);
    return false;
}

/* k has no reply; vKill has. */
static bool kill_machine(GdbStub *stub, GdbCursor *cur)
{
    runstate_quit(stub->rs, 0, SHUTDOWN_CAUSE_HOST_SIGNAL);
    return false;
}

/* --- threads -------------------------------------------------------------------------------------------- */

/* Hg and Hc. Which CPU a plain c or s means follows Hg, too: gdb uses vCont. */
static bool set_thread(GdbStub *stub, GdbCursor *cur)
{
    GdbThreadId id;
    bool general = gdb_take_char(cur, 'g');
    CPUState *cpu = (general || gdb_take_char(cur, 'c')) && gdb_take_thread(cur, &id)
                        ? gdb_find_cpu(stub, id) : NULL;

    if (cpu && general) {
        stub->cpu = cpu;
    }
    return reply_ok(stub, cpu != NULL);
}

static bool thread_alive(GdbStub *stub, GdbCursor *cur)
{
    GdbThreadId id;

    return reply_ok(stub, gdb_take_thread(cur, &id) && gdb_find_cpu(stub, id));
}

/* --- v packets ----------------------------------------------------------------------------------------- */

static bool verbose(GdbStub *stub, GdbCursor *cur)
{
    if (gdb_take(cur, "Cont?")) {
        return reply(stub, "vCont;c;C;s;S");
    }
    if (gdb_take(cur, "Cont")) {
        return continue_threads(stub, cur);
    }
    if (gdb_take(cur, "Attach;")) {
        return say_why(stub, cur);
    }
    if (gdb_take(cur, "Kill")) {
        kill_machine(stub, cur);
        return reply(stub, "OK");
    }
    return true; /* an empty reply: not known */
}

/* --- all packets --------------------------------------------------------------------------- */

typedef bool CommandFn(GdbStub *stub, GdbCursor *cur);

static CommandFn *const commands[128] = {
    ['?'] = say_why,
    ['c'] = run_on,
    ['C'] = run_on_signal,
    ['D'] = detach,
    ['g'] = read_registers,
    ['G'] = write_registers,
    ['H'] = set_thread,
    ['k'] = kill_machine,
    ['m'] = read_memory,
    ['M'] = write_memory_hex,
    ['p'] = read_register,
    ['P'] = write_register,
    ['q'] = gdb_query,
    ['Q'] = gdb_set,
    ['s'] = run_step,
    ['S'] = run_step_signal,
    ['T'] = thread_alive,
    ['v'] = verbose,
    ['X'] = write_memory_binary,
    ['z'] = remove_point,
    ['Z'] = insert_point,
};

bool gdb_command(GdbStub *stub, const char *payload, size_t len)
{
    GdbCursor cur = { payload, payload + len };
    unsigned char name = len ? *cur.at++ : 0;
    CommandFn *fn = name < G_N_ELEMENTS(commands) ? commands[name] : NULL;

    return fn ? fn(stub, &cur) : true;
}
