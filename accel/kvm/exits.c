/*
 * Why the guest's code was left: one handler for each KVM_EXIT_... reason.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <string.h>
#include "accel/failure.h"
#include "accel/kvm/kvm.h"
#include "hw/intc/apic.h"
#include "util/main-loop.h"
#include "util/trace.h"

TRACE_EVENT(kvm_exit, "cpu %d reason %u");
TRACE_EVENT(kvm_exit_io, "cpu %d port 0x%x size %u count %u write %d");
TRACE_EVENT(kvm_exit_mmio, "cpu %d address 0x%" PRIx64 " size %u write %d");

enum { GO_ON = -1 };

/* An exit may come while the lock is held: when an access is completed for the CPU's state. */
static bool take_lock(void)
{
    bool taken = !bql_locked();

    if (taken) {
        bql_lock();
    }
    return taken;
}

static void give_lock(bool taken)
{
    if (taken) {
        bql_unlock();
    }
}

/* --- accesses ----------------------------------------------------------------------------- */

static uint64_t load_bytes(const void *from, unsigned size)
{
    uint64_t val = 0;

    memcpy(&val, from, MIN(size, sizeof(val)));
    return val;
}

/* A string instruction brings several at once. */
static int exit_io(KvmVcpu *v)
{
    struct kvm_run *run = v->run;
    AddressSpace *as = v->cpu->parent.io_as;
    uint8_t *data = (uint8_t *)run + run->io.data_offset;
    bool write = run->io.direction == KVM_EXIT_IO_OUT;
    unsigned size = run->io.size;

    trace(kvm_exit_io, v->cpu->parent.cpu_index, run->io.port, size, run->io.count, write);
    v->completion_due = true;
    for (unsigned i = 0; i < run->io.count; i++, data += size) {
        if (write) {
            address_space_st(as, run->io.port, size, load_bytes(data, size));
        } else {
            uint64_t val = address_space_ld(as, run->io.port, size);
            memcpy(data, &val, size);
        }
        x86_trail_access(&v->cpu->trail.port, run->io.port, load_bytes(data, size), size, write);
    }
    return GO_ON;
}

static int exit_mmio(KvmVcpu *v)
{
    struct kvm_run *run = v->run;
    bool smm = run->flags & KVM_RUN_X86_SMM && v->cpu->smm_as;
    AddressSpace *as = smm ? v->cpu->smm_as : v->cpu->parent.as;
    MemTxAttrs attrs = { .smm = smm };
    uint64_t addr = run->mmio.phys_addr;
    unsigned len = MIN(run->mmio.len, sizeof(run->mmio.data));

    trace(kvm_exit_mmio, v->cpu->parent.cpu_index, addr, len, run->mmio.is_write);
    v->completion_due = true;
    if (run->mmio.is_write) {
        address_space_write(as, addr, attrs, run->mmio.data, len);
    } else {
        address_space_read(as, addr, attrs, run->mmio.data, len);
    }
    x86_trail_access(&v->cpu->trail.mmio, addr, load_bytes(run->mmio.data, len), len,
                     run->mmio.is_write);
    return GO_ON;
}

/* --- events ------------------------------------------------------------------------------- */

static int go_on(KvmVcpu *v)
{
    return GO_ON;
}

/* With our own local APIC a halted CPU sleeps here; the loop needs to know whether it takes
 * interrupts. */
static int exit_hlt(KvmVcpu *v)
{
    X86State *s = &v->cpu->state;

    s->eflags = (s->eflags & ~X86_EFLAGS_IF) | (v->run->if_flag ? X86_EFLAGS_IF : 0);
    v->cpu->parent.halted = true;
    return CPU_EXIT_HALTED;
}

/* split: the kernel's local APIC ended what our I/O APIC sent. */
static int exit_ioapic_eoi(KvmVcpu *v)
{
    bql_lock();
    apic_bus_eoi(apic_bus_of(v->kvm->machine), v->run->eoi.vector);
    bql_unlock();
    return GO_ON;
}

static int exit_debug(KvmVcpu *v)
{
    bool taken = take_lock();

    kvm_debug_exit(v);
    give_lock(taken);
    return GO_ON;
}

static int exit_shutdown(KvmVcpu *v)
{
    return CPU_EXIT_SHUTDOWN;
}

/* Hyper-V's pages are the kernel's affair; its calls that the kernel does not know are nobody's. */
static int exit_hyperv(KvmVcpu *v)
{
    const uint64_t invalid_hypercall_code = 2;

    if (v->run->hyperv.type == KVM_EXIT_HYPERV_HCALL) {
        v->run->hyperv.u.hcall.result = invalid_hypercall_code;
    }
    return GO_ON;
}

/* What a guest asks of Hyper-V's MSRs. */
static int exit_system_event(KvmVcpu *v)
{
    MachineState *machine = v->kvm->machine;

    bql_lock();
    switch (v->run->system_event.type) {
    case KVM_SYSTEM_EVENT_SHUTDOWN:
        machine_request_shutdown(machine, SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
        break;
    case KVM_SYSTEM_EVENT_RESET:
        machine_request_reset(machine, SHUTDOWN_CAUSE_GUEST_RESET);
        break;
    case KVM_SYSTEM_EVENT_CRASH:
        machine->events->panicked(machine);
        break;
    }
    bql_unlock();
    return GO_ON;
}

/* --- what cannot go on -------------------------------------------------------------------- */

static int give_up(KvmVcpu *v, const char *cause)
{
    bool taken = take_lock();

    kvm_state_needed(&v->cpu->parent);
    failure_report(v->kvm->machine, false, "CPU %d: %s", v->cpu->parent.cpu_index, cause);
    give_lock(taken);
    return CPU_EXIT_FAILED;
}

static int exit_fail_entry(KvmVcpu *v)
{
    g_autofree char *cause = g_strdup_printf(
        "the host's CPU refuses the guest's state (KVM_EXIT_FAIL_ENTRY, hardware reason 0x%" PRIx64 ")",
        (uint64_t)v->run->fail_entry.hardware_entry_failure_reason);

    return give_up(v, cause);
}

static const char *suberror_name(unsigned suberror)
{
    static const char *const names[] = {
        [KVM_INTERNAL_ERROR_EMULATION] = "KVM cannot emulate an instruction",
        [KVM_INTERNAL_ERROR_SIMUL_EX] = "two exceptions at once",
        [KVM_INTERNAL_ERROR_DELIVERY_EV] = "an exit while an event was delivered",
        [KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON] = "an exit that KVM does not know",
    };

    return suberror < G_N_ELEMENTS(names) && names[suberror] ? names[suberror] : "of an unknown kind";
}

/* The instruction that KVM could not emulate, as far as it tells. */
static void append_insn_bytes(const struct kvm_run *run, GString *text)
{
    const unsigned flag = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;

    if (run->internal.suberror != KVM_INTERNAL_ERROR_EMULATION || run->internal.ndata < 3 ||
        !(run->emulation_failure.flags & flag)) {
        return;
    }
    unsigned n = MIN(run->emulation_failure.insn_size, sizeof(run->emulation_failure.insn_bytes));
    g_string_append(text, ", instruction bytes:");
    for (unsigned i = 0; i < n; i++) {
        g_string_append_printf(text, " %02x", run->emulation_failure.insn_bytes[i]);
    }
}

static int exit_internal_error(KvmVcpu *v)
{
    const struct kvm_run *run = v->run;
    unsigned suberror = run->internal.suberror, n = MIN(run->internal.ndata, 16);
    g_autoptr(GString) text = g_string_new(NULL);

    g_string_append_printf(text, "KVM internal error %u (%s)", suberror, suberror_name(suberror));
    append_insn_bytes(run, text);
    for (unsigned i = 0; suberror != KVM_INTERNAL_ERROR_EMULATION && i < n; i++) {
        g_string_append_printf(text, "%s0x%" PRIx64, i ? " " : ", data ",
                               (uint64_t)run->internal.data[i]);
    }
    return give_up(v, text->str);
}

static int exit_unknown(KvmVcpu *v)
{
    g_autofree char *cause = g_strdup_printf("KVM left the guest for reason %u, which Doppel does not "
                                             "know", v->run->exit_reason);

    return give_up(v, cause);
}

/* --- the table ---------------------------------------------------------------------------- */

typedef int ExitFn(KvmVcpu *v);

static ExitFn *const handlers[] = {
    [KVM_EXIT_UNKNOWN] = exit_unknown,
    [KVM_EXIT_IO] = exit_io,
    [KVM_EXIT_MMIO] = exit_mmio,
    [KVM_EXIT_DEBUG] = exit_debug,
    [KVM_EXIT_HLT] = exit_hlt,
    [KVM_EXIT_IRQ_WINDOW_OPEN] = go_on,
    [KVM_EXIT_INTR] = go_on,
    [KVM_EXIT_SET_TPR] = go_on,
    [KVM_EXIT_SHUTDOWN] = exit_shutdown,
    [KVM_EXIT_FAIL_ENTRY] = exit_fail_entry,
    [KVM_EXIT_HYPERV] = exit_hyperv,
    [KVM_EXIT_SYSTEM_EVENT] = exit_system_event,
    [KVM_EXIT_IOAPIC_EOI] = exit_ioapic_eoi,
    [KVM_EXIT_INTERNAL_ERROR] = exit_internal_error,
};

int kvm_handle_exit(KvmVcpu *v)
{
    unsigned reason = v->run->exit_reason;

    trace(kvm_exit, v->cpu->parent.cpu_index, reason);
    if (kvm_ring_has_writes(v->kvm)) {
        bool taken = take_lock();
        kvm_drain_ring(v->kvm);
        give_lock(taken);
    }
    return reason < G_N_ELEMENTS(handlers) && handlers[reason] ? handlers[reason](v)
                                                               : exit_unknown(v);
}

int kvm_report_run_failure(KvmVcpu *v, int err)
{
    g_autofree char *cause = g_strdup_printf("KVM_RUN failed: %s", g_strerror(err));

    return give_up(v, cause);
}
