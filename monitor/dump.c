/*
 * dump-guest-memory: guest memory and registers as an ELF core file (System V ABI, ELF-64
 * object file format; Linux' NT_PRSTATUS note), for gdb and crash.
 *
 *     ELF header | program headers | notes | memory, range by range
 *
 * Addresses of the segments are guest physical ones, p_vaddr included. The machine stands
 * still while the file is written, on a thread of its own if the client does not wait.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/user.h>
#include <unistd.h>
#include "monitor/dump.h"
#include "monitor/monitor.h"
#include "target/i386/cpu.h"
#include "target/i386/regs.h"
#include "util/main-loop.h"
#include "util/module.h"

typedef struct DumpRange {
    hwaddr address;      /* guest physical */
    const uint8_t *host;
    uint64_t length;
} DumpRange;

typedef struct Dump {
    RunState *rs;
    int fd;
    bool resume, detached;
    GArray *ranges;      /* of DumpRange, by address */
    GByteArray *notes;
    Error *err;          /* how the writing ended */
} Dump;

/* What query-dump tells; one dump at a time in a process. */
static struct {
    bool active;
    const char *status;
    uint64_t completed;  /* [atomic] bytes */
    uint64_t total;
} progress = { .status = "none" };

/* --- what to write --------------------------------------------------------------------- */

/* A listener that hears of every section of RAM once, when it is registered. */
typedef struct RangeListener {
    MemoryListener listener;
    GArray *ranges;
    uint64_t begin, end; /* what is wanted; the end is exclusive */
} RangeListener;

static void range_add(MemoryListener *listener, const MemorySection *section)
{
    RangeListener *l = (RangeListener *)listener;
    uint64_t start = MAX(section->address, l->begin);
    uint64_t end = MIN(section->address + section->length, l->end);
    DumpRange range = { start, section->host + (start - section->address), end - start };
    DumpRange *last = l->ranges->len ? &g_array_index(l->ranges, DumpRange, l->ranges->len - 1)
                                     : NULL;

    if (!section->host || start >= end) {
        return;
    }
    if (last && last->address + last->length == start && last->host + last->length == range.host) {
        last->length += range.length;
    } else {
        g_array_append_val(l->ranges, range);
    }
}

static GArray *collect_ranges(AddressSpace *as, uint64_t begin, uint64_t end)
{
    RangeListener l = { .listener.region_add = range_add, .begin = begin, .end = end,
                        .ranges = g_array_new(FALSE, FALSE, sizeof(DumpRange)) };

    memory_listener_register(&l.listener, as);
    memory_listener_unregister(&l.listener);
    return l.ranges;
}

static void fill_registers(const X86State *s, struct user_regs_struct *regs)
{
    *regs = (struct user_regs_struct){
        .rax = s->regs[X86_RAX], .rcx = s->regs[X86_RCX], .rdx = s->regs[X86_RDX],
        .rbx = s->regs[X86_RBX], .rsp = s->regs[X86_RSP], .rbp = s->regs[X86_RBP],
        .rsi = s->regs[X86_RSI], .rdi = s->regs[X86_RDI], .r8 = s->regs[8], .r9 = s->regs[9],
        .r10 = s->regs[10], .r11 = s->regs[11], .r12 = s->regs[12], .r13 = s->regs[13],
        .r14 = s->regs[14], .r15 = s->regs[15], .orig_rax = ~0ull, .rip = s->rip,
        .eflags = x86_get_eflags(s), .cs = s->segs[X86_CS].selector,
        .ss = s->segs[X86_SS].selector, .ds = s->segs[X86_DS].selector,
        .es = s->segs[X86_ES].selector, .fs = s->segs[X86_FS].selector,
        .gs = s->segs[X86_GS].selector, .fs_base = s->segs[X86_FS].base,
        .gs_base = s->segs[X86_GS].base,
    };
}

/* The CPU's registers as those of a thread. */
static void add_note(GByteArray *notes, CPUState *cpu)
{
    static const char name[8] = "CORE";
    Elf64_Nhdr header = { .n_namesz = sizeof("CORE"), .n_descsz = sizeof(struct elf_prstatus),
                          .n_type = NT_PRSTATUS };
    struct elf_prstatus status = { .pr_pid = cpu->cpu_index + 1 };
    struct user_regs_struct regs;

    fill_registers(&((X86CPU *)cpu)->state, &regs);
    memcpy(&status.pr_reg, &regs, sizeof(regs));
    g_byte_array_append(notes, (uint8_t *)&header, sizeof(header));
    g_byte_array_append(notes, (uint8_t *)name, sizeof(name));
    g_byte_array_append(notes, (uint8_t *)&status, sizeof(status));
}

/* --- writing --------------------------------------------------------------------------- */

static bool write_all(Dump *dump, const void *data, size_t len)
{
    const uint8_t *at = data;

    while (len) {
        ssize_t n = write(dump->fd, at, MIN(len, 1 << 20));
        if (n < 0 && errno != EINTR) {
            error_setg_errno(&dump->err, errno, "dump: failed to save memory");
            return false;
        }
        n = MAX(n, 0);
        at += n;
        len -= n;
        __atomic_fetch_add(&progress.completed, n, __ATOMIC_RELAXED);
    }
    return true;
}

static bool write_headers(Dump *dump)
{
    unsigned count = dump->ranges->len + 1;
    uint64_t offset = sizeof(Elf64_Ehdr) + count * sizeof(Elf64_Phdr);
    g_autoptr(GByteArray) out = g_byte_array_new();
    Elf64_Ehdr header = {
        .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
        .e_type = ET_CORE, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
        .e_phoff = sizeof(Elf64_Ehdr), .e_ehsize = sizeof(Elf64_Ehdr),
        .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = count,
    };
    Elf64_Phdr note = { .p_type = PT_NOTE, .p_offset = offset, .p_filesz = dump->notes->len,
                        .p_memsz = dump->notes->len };

    g_byte_array_append(out, (uint8_t *)&header, sizeof(header));
    g_byte_array_append(out, (uint8_t *)&note, sizeof(note));
    offset += dump->notes->len;
    for (guint i = 0; i < dump->ranges->len; i++) {
        const DumpRange *range = &g_array_index(dump->ranges, DumpRange, i);
        Elf64_Phdr load = { .p_type = PT_LOAD, .p_offset = offset, .p_vaddr = range->address,
                            .p_paddr = range->address, .p_filesz = range->length,
                            .p_memsz = range->length };
        g_byte_array_append(out, (uint8_t *)&load, sizeof(load));
        offset += range->length;
    }
    g_byte_array_append(out, dump->notes->data, dump->notes->len);
    return write_all(dump, out->data, out->len);
}

static void write_dump(Dump *dump)
{
    bool ok = write_headers(dump);

    for (guint i = 0; ok && i < dump->ranges->len; i++) {
        const DumpRange *range = &g_array_index(dump->ranges, DumpRange, i);
        ok = write_all(dump, range->host, range->length);
    }
    if (close(dump->fd) && ok) {
        error_setg_errno(&dump->err, errno, "dump: failed to save memory");
    }
}

/* --- progress -------------------------------------------------------------------------- */

static json_object *query_result(void)
{
    json_object *result = json_object_new_object();

    json_add_str(result, "status", progress.status);
    json_add_uint(result, "completed", __atomic_load_n(&progress.completed, __ATOMIC_RELAXED));
    json_add_uint(result, "total", progress.total);
    return result;
}

static json_object *qmp_query_dump(Monitor *mon, json_object *args, Error **errp)
{
    return query_result();
}

/* On the main thread, when all is written. Moves the error to errp. */
static void finish(Dump *dump, Error **errp)
{
    json_object *data = json_object_new_object();

    progress.status = dump->err ? "failed" : "completed";
    progress.active = false;
    json_object_object_add(data, "result", query_result());
    if (dump->err) {
        json_add_str(data, "error", error_text(dump->err));
    }
    if (dump->detached) {
        runstate_emit(dump->rs, "DUMP_COMPLETED", data);
    } else {
        json_object_put(data);
    }
    if (dump->resume) {
        vm_start(dump->rs);
    }
    error_propagate(errp, dump->err);
    g_array_unref(dump->ranges);
    g_byte_array_unref(dump->notes);
    g_free(dump);
}

static void finish_detached(void *opaque)
{
    finish(opaque, NULL);
}

static void *dump_thread(void *opaque)
{
    write_dump(opaque);
    bh_schedule_oneshot(finish_detached, opaque);
    return NULL;
}

/* --- the command ----------------------------------------------------------------------- */

static int open_target(Monitor *mon, const char *protocol, Error **errp)
{
    const char *path = protocol + strlen("file:");
    int fd;

    if (g_str_has_prefix(protocol, "fd:")) {
        return monitor_take_fd(mon, protocol + strlen("fd:"), errp);
    }
    if (!g_str_has_prefix(protocol, "file:")) {
        error_setg(errp, "Parameter 'protocol' expects file:PATH or fd:NAME");
        return -1;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        error_setg_errno(errp, errno, "Could not open '%s'", path);
    }
    return fd;
}

/* begin and length as [*begin, *end). */
static bool range_args(json_object *args, uint64_t *begin, uint64_t *end, Error **errp)
{
    bool has_begin = json_member(args, "begin"), has_length = json_member(args, "length");

    *begin = json_member_int(args, "begin", 0);
    *end = has_length ? *begin + json_member_int(args, "length", 0) : UINT64_MAX;
    if (json_member_bool(args, "paging", false)) {
        error_setg(errp, "dump-guest-memory: paging=true is not offered; with paging=false the "
                   "file has physical addresses");
    } else if (has_begin && !has_length) {
        error_setg(errp, "Parameter 'length' is missing");
    } else if (has_length && !has_begin) {
        error_setg(errp, "Parameter 'begin' is missing");
    } else {
        return true;
    }
    return false;
}

static Dump *prepare(Monitor *mon, int fd, uint64_t begin, uint64_t end)
{
    MachineState *machine = monitor_machine(mon);
    Dump *dump = g_new0(Dump, 1);

    dump->rs = monitor_runstate(mon);
    dump->fd = fd;
    dump->resume = runstate_is_running(dump->rs);
    if (dump->resume) {
        vm_stop(dump->rs, RUN_STATE_SAVE_VM);
    }
    dump->ranges = collect_ranges(&machine->memory_as, begin, end);
    dump->notes = g_byte_array_new();
    for (guint i = 0; i < machine->cpus->len; i++) {
        add_note(dump->notes, g_ptr_array_index(machine->cpus, i));
    }
    progress.active = true;
    progress.status = "active";
    progress.completed = 0;
    progress.total = sizeof(Elf64_Ehdr) + (dump->ranges->len + 1) * sizeof(Elf64_Phdr) +
                     dump->notes->len;
    for (guint i = 0; i < dump->ranges->len; i++) {
        progress.total += g_array_index(dump->ranges, DumpRange, i).length;
    }
    return dump;
}

bool dump_in_progress(void)
{
    return progress.active;
}

static json_object *qmp_dump_guest_memory(Monitor *mon, json_object *args, Error **errp)
{
    uint64_t begin, end;
    Dump *dump;
    int fd;

    if (progress.active) {
        error_setg(errp, "There is a dump in process, please wait.");
        return NULL;
    }
    if (!range_args(args, &begin, &end, errp)) {
        return NULL;
    }
    fd = open_target(mon, json_member_str(args, "protocol"), errp);
    if (fd < 0) {
        return NULL;
    }
    dump = prepare(mon, fd, begin, end);
    dump->detached = json_member_bool(args, "detach", false);
    if (dump->detached) {
        g_thread_unref(g_thread_new("dump", dump_thread, dump));
    } else {
        write_dump(dump);
        finish(dump, errp);
    }
    return NULL;
}

static json_object *qmp_query_capability(Monitor *mon, json_object *args, Error **errp)
{
    json_object *result = json_object_new_object(), *formats = json_object_new_array();

    json_object_array_add(formats, json_object_new_string("elf"));
    json_object_object_add(result, "formats", formats);
    return result;
}

static const QmpHandler dump_commands[] = {
    { "dump-guest-memory", qmp_dump_guest_memory },
    { "query-dump", qmp_query_dump },
    { "query-dump-guest-memory-capability", qmp_query_capability },
};
QMP_COMMANDS(dump_commands)
