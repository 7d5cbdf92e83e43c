/*
 * vCPUs under KVM: life, kicking, and what happens before the guest's code is entered.
 *
 * Leaving the guest (kvm_kick) sets run->immediate_exit, which makes a KVM_RUN that is about to
 * begin return at once, and sends a signal if the thread is in KVM_RUN already. The signal's handler
 * does nothing; that it arrives is enough. A kick is never lost: the thread clears immediate_exit
 * before it looks at the requests, whoever kicks sets it after the request.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "accel/kvm/kvm.h"
#include "accel/vcpu.h"
#include "hw/core/cpu-debug.h"
#include "target/i386/apic-hooks.h"
#include "util/main-loop.h"
#include "util/trace.h"

TRACE_EVENT(kvm_state, "cpu %d from the kernel %d all %d");
TRACE_EVENT(kvm_inject, "cpu %d vector 0x%02x");

enum { SIG_IPI = SIGUSR1 };

/* --- kicking ------------------------------------------------------------------------------ */

static void ignore_signal(int sig)
{
}

static void kvm_kick(CPUState *cpu)
{
    KvmVcpu *v = kvm_vcpu(cpu);

    if (!v || cpu == current_cpu) {
        return; /* it looks at its requests before it enters the guest again */
    }
    __atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&v->in_guest, __ATOMIC_SEQ_CST)) {
        pthread_kill(v->thread, SIG_IPI);
    }
}

void kvm_inhibit(KvmState *kvm)
{
    GPtrArray *cpus = kvm->machine->cpus;

    __atomic_add_fetch(&kvm->inhibit, 1, __ATOMIC_SEQ_CST);
    for (guint i = 0; i < cpus->len; i++) {
        kvm_kick(g_ptr_array_index(cpus, i));
    }
    g_mutex_lock(&kvm->inhibit_lock);
    for (guint i = 0; i < cpus->len; i++) {
        KvmVcpu *v = kvm_vcpu(g_ptr_array_index(cpus, i));
        while (v && __atomic_load_n(&v->in_guest, __ATOMIC_SEQ_CST)) {
            g_cond_wait(&kvm->inhibit_cond, &kvm->inhibit_lock);
        }
    }
    g_mutex_unlock(&kvm->inhibit_lock);
}

void kvm_uninhibit(KvmState *kvm)
{
    g_mutex_lock(&kvm->inhibit_lock);
    __atomic_sub_fetch(&kvm->inhibit, 1, __ATOMIC_SEQ_CST);
    g_cond_broadcast(&kvm->inhibit_cond);
    g_mutex_unlock(&kvm->inhibit_lock);
}

static void leave_guest(KvmVcpu *v)
{
    KvmState *kvm = v->kvm;

    __atomic_store_n(&v->in_guest, 0, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&kvm->inhibit, __ATOMIC_SEQ_CST)) {
        g_mutex_lock(&kvm->inhibit_lock);
        g_cond_broadcast(&kvm->inhibit_cond);
        g_mutex_unlock(&kvm->inhibit_lock);
    }
}

static void enter_guest(KvmVcpu *v)
{
    KvmState *kvm = v->kvm;

    for (;;) {
        __atomic_store_n(&v->in_guest, 1, __ATOMIC_SEQ_CST);
        if (!__atomic_load_n(&kvm->inhibit, __ATOMIC_SEQ_CST)) {
            return;
        }
        leave_guest(v);
        g_mutex_lock(&kvm->inhibit_lock);
        while (__atomic_load_n(&kvm->inhibit, __ATOMIC_SEQ_CST)) {
            g_cond_wait(&kvm->inhibit_cond, &kvm->inhibit_lock);
        }
        g_mutex_unlock(&kvm->inhibit_lock);
    }
}

/* 0 or an errno. */
static int run(KvmVcpu *v)
{
    if (!v->regs.kernel_apic) {
        v->run->cr8 = v->cpu->hooks->tpr(v->cpu); /* the last exit may have changed it */
    }
    enter_guest(v);
    int err = ioctl(v->fd, KVM_RUN, 0) < 0 ? errno : 0;
    leave_guest(v);
    v->completion_due = false;
    v->irq_window_known = true;
    return err;
}

/* --- state -------------------------------------------------------------------------------- */

/* A failure here leaves a CPU whose state nobody knows. */
static void state_failed(KvmVcpu *v, Error *err)
{
    error_prepend(&err, "CPU %d: cannot move its state between KVM and here: ", v->cpu->parent.cpu_index);
    error_report_err(err);
    v->cpu->parent.stop = true;
    v->kvm->machine->events->cpu_failed(v->kvm->machine, &v->cpu->parent);
}

/* The registers are complete only when KVM has finished the access that it left the guest for; that
 * of many bytes may come in several exits. */
static void complete_access(KvmVcpu *v)
{
    while (v->completion_due) {
        __atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
        if (run(v) == 0 && kvm_handle_exit(v) == CPU_EXIT_FAILED) {
            v->kvm->machine->events->cpu_failed(v->kvm->machine, &v->cpu->parent);
        }
    }
    kvm_drain_ring(v->kvm);
}

/* False if the CPU cannot run. With the big lock, as the state may be the local APIC's too. */
static bool give_state(KvmVcpu *v)
{
    CPUState *cpu = &v->cpu->parent;
    bool all = cpu->state_replaced;
    Error *err = NULL;

    trace(kvm_state, cpu->cpu_index, 0, all);
    v->state_here = cpu->state_replaced = false;
    v->irq_window_known = false;
    if (!kvm_regs_put(&v->regs, v->fd, v->cpu, all, &err)) {
        state_failed(v, err);
        return false;
    }
    return true;
}

static void fetch_state(KvmVcpu *v)
{
    Error *err = NULL;

    trace(kvm_state, v->cpu->parent.cpu_index, 1, 0);
    v->state_here = true;
    if (!kvm_regs_get(&v->regs, v->fd, v->cpu, &err)) {
        state_failed(v, err);
    }
}

void kvm_state_needed(CPUState *cpu)
{
    KvmVcpu *v = kvm_vcpu(cpu);

    if (cpu->state_replaced) {
        v->state_here = true;
        return;
    }
    if (v->completion_due && v->state_here) {
        give_state(v); /* a device changed registers in the middle of its access */
    }
    complete_access(v);
    if (!v->state_here) {
        fetch_state(v);
    }
}

/* The registers as they are before the access is finished. */
static void registers_needed(CPUState *cpu)
{
    KvmVcpu *v = kvm_vcpu(cpu);

    if (!v->state_here) {
        fetch_state(v);
    }
}

/* --- events before entry ------------------------------------------------------------------ */

/* INIT and SIPI of our own local APICs change X86State. */
static void take_startup_events(KvmVcpu *v, uint32_t requests)
{
    CPUState *cpu = &v->cpu->parent;

    if (requests & (CPU_INTERRUPT_INIT | CPU_INTERRUPT_SIPI)) {
        kvm_state_needed(cpu);
    }
    if (requests & CPU_INTERRUPT_INIT) {
        cpu_reset_interrupt(cpu, CPU_INTERRUPT_INIT);
        x86_apic_init(v->cpu);
    }
    if (requests & CPU_INTERRUPT_SIPI) {
        cpu_reset_interrupt(cpu, CPU_INTERRUPT_SIPI);
        x86_apic_sipi(v->cpu);
    }
}

static void take_nmi_and_smi(KvmVcpu *v, uint32_t requests)
{
    CPUState *cpu = &v->cpu->parent;

    if (requests & CPU_INTERRUPT_NMI) {
        cpu_reset_interrupt(cpu, CPU_INTERRUPT_NMI);
        ioctl(v->fd, KVM_NMI);
    }
    if (requests & CPU_INTERRUPT_SMI) {
        cpu_reset_interrupt(cpu, CPU_INTERRUPT_SMI);
        if (kvm_cap(v->kvm, KVM_HAS_SMM)) {
            ioctl(v->fd, KVM_SMI);
        }
    }
}

/* With the local APIC in the kernel KVM_INTERRUPT puts the vector where no call finds it again: a
 * state that is saved or replaced before it is delivered would lose it, or leave it behind. As a half
 * delivered event it is part of the state. There can be one. */
static bool can_inject_beside_apic(KvmVcpu *v, struct kvm_vcpu_events *events)
{
    return ioctl(v->fd, KVM_GET_VCPU_EVENTS, events) >= 0 && !events->interrupt.injected &&
           !events->exception.injected && !events->exception.pending && !events->nmi.injected;
}

/* Such an event does not end HLT by itself. */
static void inject_beside_apic(KvmVcpu *v, struct kvm_vcpu_events *events, uint8_t vector)
{
    struct kvm_mp_state mp;

    events->flags &= ~(KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR);
    events->interrupt.injected = 1;
    events->interrupt.nr = vector;
    events->interrupt.soft = 0;
    ioctl(v->fd, KVM_SET_VCPU_EVENTS, events);
    if (ioctl(v->fd, KVM_GET_MP_STATE, &mp) >= 0 && mp.mp_state == KVM_MP_STATE_HALTED) {
        mp.mp_state = KVM_MP_STATE_RUNNABLE;
        ioctl(v->fd, KVM_SET_MP_STATE, &mp);
    }
}

static void inject(KvmVcpu *v)
{
    struct kvm_vcpu_events events;

    if (v->regs.kernel_apic && !can_inject_beside_apic(v, &events)) {
        return;
    }
    int vector = v->cpu->hooks->interrupt(v->cpu);
    struct kvm_interrupt irq = { .irq = (uint32_t)vector };
    if (vector < 0) {
        return;
    }
    trace(kvm_inject, v->cpu->parent.cpu_index, vector);
    if (v->regs.kernel_apic) {
        inject_beside_apic(v, &events, (uint8_t)vector);
    } else {
        ioctl(v->fd, KVM_INTERRUPT, &irq);
    }
    v->irq_window_known = false;
}

/* An interrupt of a controller of ours: now if the CPU takes one, else KVM tells when it does. */
static void take_interrupt(KvmVcpu *v)
{
    CPUState *cpu = &v->cpu->parent;
    struct kvm_run *kr = v->run;

    if (cpu->debug.step & CPU_STEP_NOIRQ) {
        kr->request_interrupt_window = 0;
        return;
    }
    if (cpu_interrupts(cpu) & CPU_INTERRUPT_HARD && v->irq_window_known &&
        kr->ready_for_interrupt_injection && kr->if_flag) {
        inject(v);
    }
    kr->request_interrupt_window = (cpu_interrupts(cpu) & CPU_INTERRUPT_HARD) != 0;
}

/* False if the CPU has nothing to run. */
static bool prepare_entry(KvmVcpu *v)
{
    CPUState *cpu = &v->cpu->parent;
    uint32_t requests = cpu_interrupts(cpu);

    /* The host's CPU has its own TLB, no address mask and no translated code. */
    cpu_reset_interrupt(cpu, CPU_INTERRUPT_TLB | CPU_INTERRUPT_A20 | CPU_INTERRUPT_CODE |
                             CPU_INTERRUPT_MCE | CPU_INTERRUPT_DEBUG);
    take_startup_events(v, requests);
    if (!v->regs.kernel_apic && (v->cpu->state.wait_for_sipi || cpu->halted)) {
        cpu->halted = true;
        return false;
    }
    bool given = v->state_here;
    if (given && !give_state(v)) {
        return false;
    }
    take_nmi_and_smi(v, requests);
    take_interrupt(v);
    if (given && v->regs.kernel_apic && requests & CPU_INTERRUPT_HARD) {
        /* A CPU that sleeps in the kernel would not say that it takes interrupts: ask first. */
        __atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    }
    return true;
}

/* What KVM tells after each exit of an APIC that it does not have itself. */
static void follow_apic(KvmVcpu *v)
{
    X86CPU *cpu = v->cpu;
    struct kvm_run *kr = v->run;

    if (v->regs.kernel_apic || (kr->cr8 == cpu->hooks->tpr(cpu) &&
                                kr->apic_base == cpu->hooks->apic_base(cpu))) {
        return;
    }
    bql_lock();
    cpu->hooks->set_tpr(cpu, (uint8_t)kr->cr8);
    cpu->hooks->set_apic_base(cpu, kr->apic_base);
    bql_unlock();
}

/* A stop is due: the debugger finds the state true. */
static int stop_for_debugger(CPUState *cpu)
{
    bql_lock();
    kvm_state_needed(cpu);
    int reason = cpu_debug_exit(cpu);
    bql_unlock();
    return reason;
}

static int kvm_exec(CPUState *cpu)
{
    KvmVcpu *v = kvm_vcpu(cpu);

    v->debug_due = cpu_debug_active(cpu) || v->debug_on;
    for (;;) {
        __atomic_store_n(&v->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
        if (cpu->debug.due.kind != CPU_STOP_NONE) {
            return stop_for_debugger(cpu);
        }
        uint32_t requests = cpu_interrupts(cpu);
        if (requests & CPU_INTERRUPT_EXIT) {
            return CPU_EXIT_INTERRUPT;
        }
        if (requests || v->state_here || v->run->request_interrupt_window) {
            bql_lock();
            bool ready = prepare_entry(v);
            bql_unlock();
            if (!ready) {
                return CPU_EXIT_HALTED;
            }
        }
        if (v->debug_due) {
            v->debug_due = false;
            kvm_debug_enter(v);
        }
        int err = run(v);
        follow_apic(v);
        int reason = !err ? kvm_handle_exit(v)
                   : err == EINTR || err == EAGAIN ? -1 : kvm_report_run_failure(v, err);
        if (reason >= 0) {
            return reason;
        }
    }
}

/* --- life --------------------------------------------------------------------------------- */

/* On the vCPU's thread: the signal must get through. */
static void enter_thread(CPUState *cpu)
{
    KvmVcpu *v = kvm_vcpu(cpu);
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIG_IPI);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    v->thread = pthread_self();
    cpu->kick = kvm_kick;
    cpu->registers_needed = registers_needed;
}

static bool kernel_sleeps(CPUState *cpu)
{
    return kvm_vcpu(cpu)->regs.kernel_apic;
}

static const VcpuOps vcpu_ops = {
    .name = "KVM", .enter = enter_thread, .exec = kvm_exec, .state_needed = kvm_state_needed,
    .sleeps_halted = kernel_sleeps,
};

static void describe_regs(KvmVcpu *v)
{
    KvmState *kvm = v->kvm;

    v->regs = (KvmVcpuRegs) {
        .sregs2 = kvm_cap(kvm, KVM_HAS_SREGS2), .xcrs = kvm_cap(kvm, KVM_HAS_XCRS),
        .exception_payload = kvm_cap(kvm, KVM_HAS_EXCEPTION_PAYLOAD),
        .triple_fault_event = kvm_cap(kvm, KVM_HAS_TRIPLE_FAULT_EVENT),
        .smm = kvm_cap(kvm, KVM_HAS_SMM),
        .avx = x86_xcr0_allowed(v->cpu) & 4 && x86_cpuid_bit(v->cpu, X86_FW_1_ECX, 26),
        .kernel_apic = kvm->irqchip != KVM_IRQCHIP_OFF, .wide_apic_ids = kvm->wide_apic_ids,
        .msrs = kvm->msrs,
    };
}

static bool open_vcpu(KvmVcpu *v, Error **errp)
{
    KvmState *kvm = v->kvm;
    int index = v->cpu->parent.cpu_index;

    v->fd = kvm_vm_ioctl_long(kvm, KVM_CREATE_VCPU, v->cpu->apic_id);
    if (v->fd < 0) {
        error_setg_errno(errp, -v->fd, "-accel kvm: cannot create CPU %d (of -smp %u; this KVM takes %d)",
                         index, kvm->machine->smp_cpus, kvm_cap(kvm, KVM_HAS_MAX_VCPUS));
        return false;
    }
    v->cpu->parent.debug_fits = kvm_debug_fits; /* a debugger may ask before the thread runs */
    v->cpu->parent.no_read_watchpoints = true;
    v->run = mmap(NULL, kvm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
    if (v->run == MAP_FAILED) {
        error_setg_errno(errp, errno, "-accel kvm: cannot map the shared area of CPU %d", index);
        return false;
    }
    if (!kvm->ring && kvm_cap(kvm, KVM_HAS_COALESCED_MMIO)) {
        kvm->ring = (void *)((uint8_t *)v->run + kvm_cap(kvm, KVM_HAS_COALESCED_MMIO) * GUEST_PAGE_SIZE);
    }
    return true;
}

/* The machine-check banks of our CPUs, with what of them the kernel knows. */
static bool set_up_mce(KvmVcpu *v, Error **errp)
{
    const uint64_t banks = 0xff;
    uint64_t cap = 0, own = v->cpu->state.mcg_cap;

    if (!own || !kvm_cap(v->kvm, KVM_HAS_MCE) ||
        ioctl(v->kvm->fd, KVM_X86_GET_MCE_CAP_SUPPORTED, &cap) < 0) {
        return true;
    }
    cap = (cap & own & ~banks) | MIN((uint64_t)kvm_cap(v->kvm, KVM_HAS_MCE), own & banks);
    if (ioctl(v->fd, KVM_X86_SETUP_MCE, &cap) < 0) {
        error_setg_errno(errp, errno, "-accel kvm: KVM_X86_SETUP_MCE");
        return false;
    }
    return true;
}

/* -cpu tsc-frequency=. */
static bool set_up_tsc(KvmVcpu *v, Error **errp)
{
    uint64_t hz = v->cpu->model->tsc_hz;
    int now = kvm_cap(v->kvm, KVM_HAS_TSC_KHZ) ? ioctl(v->fd, KVM_GET_TSC_KHZ, 0) : 0;

    if (!hz || (uint64_t)now == hz / 1000 || ioctl(v->fd, KVM_SET_TSC_KHZ, hz / 1000) >= 0) {
        return true;
    }
    error_setg(errp, "-cpu tsc-frequency=%" PRIu64 ": the host's CPU cannot scale its TSC; it has %d000 Hz",
               hz, now);
    return false;
}

/* What a guest reads there of how crashes can be told (TLFS, HV_CRASH_CTL_REG_CONTENTS). */
static void set_up_crash_control(KvmVcpu *v)
{
    const uint32_t msr_hv_crash_ctl = 0x40000105;
    const uint64_t crash_notify = UINT64_C(1) << 63;
    union {
        struct kvm_msrs head;
        uint8_t room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
    } msrs = { .head.nmsrs = 1 };

    msrs.head.entries[0] = (struct kvm_msr_entry) { .index = msr_hv_crash_ctl, .data = crash_notify };
    ioctl(v->fd, KVM_SET_MSRS, &msrs);
}

/* Enlightenments that have to be switched on. */
static bool set_up_hyperv(KvmVcpu *v, Error **errp)
{
    struct kvm_enable_cap cap = { .cap = KVM_CAP_HYPERV_SYNIC2 };

    if (x86_cpuid_bit(v->cpu, X86_FW_HYPERV, X86_HV_CRASH)) {
        set_up_crash_control(v);
    }
    if (x86_cpuid_bit(v->cpu, X86_FW_HYPERV, X86_HV_SYNIC) && ioctl(v->fd, KVM_ENABLE_CAP, &cap) < 0) {
        error_setg_errno(errp, errno, "-cpu hv-synic: the host's KVM cannot");
        return false;
    }
    return true;
}

bool kvm_vcpu_create(KvmState *kvm, CPUState *cpu, Error **errp)
{
    KvmVcpu *v = g_new0(KvmVcpu, 1);

    *v = (KvmVcpu) { .kvm = kvm, .cpu = X86_CPU(cpu) };
    cpu->accel_state = v;
    if (!open_vcpu(v, errp) || !kvm_cpu_set_cpuid(v->fd, v->cpu, errp) ||
        !set_up_mce(v, errp) || !set_up_hyperv(v, errp) || !set_up_tsc(v, errp)) {
        return false;
    }
    if (!kvm->msrs) {
        kvm->msrs = kvm_msrs_new(v->fd, v->cpu);
    }
    describe_regs(v);
    v->state_here = true;
    return true;
}

void kvm_vcpu_start(CPUState *cpu)
{
    struct sigaction action = { .sa_handler = ignore_signal };

    sigaction(SIG_IPI, &action, NULL);
    vcpu_start(cpu, &vcpu_ops);
}

void kvm_vcpu_stop(CPUState *cpu)
{
    KvmVcpu *v = kvm_vcpu(cpu);

    vcpu_stop(cpu);
    if (cpu->cpu_index == 0) {
        v->kvm->ring = NULL;
    }
    cpu->kick = NULL;
    cpu->accel_state = NULL;
    munmap(v->run, v->kvm->run_size);
    close(v->fd);
    g_free(v);
}
