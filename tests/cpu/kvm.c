/*
 * Steps the suite's guest in the host's KVM; see kvm.h.
 *
 * The VM has the guest's memory and a page of OUT where the guest's IDT points to: a handler that is
 * reached ends the run there. Otherwise the single-step trap does.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/cpu/kvm.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "target/i386/kvm/kvm-cpu.h"

enum { TSS_ADDRESS = 0x10000000, MAX_EXITS = 10000 };

typedef struct KvmEngine {
    Guest *guest;
    int fd, vm, vcpu;
    struct kvm_run *run;
    X86CpuHost host;
    X86CpuModel model;
    KvmVcpuRegs how;
} KvmEngine;

static KvmEngine engine;

static bool add_memory(unsigned slot, uint64_t phys, void *ram, size_t size)
{
    struct kvm_userspace_memory_region region = {
        .slot = slot, .guest_phys_addr = phys, .memory_size = size,
        .userspace_addr = (uintptr_t)ram,
    };
    return ioctl(engine.vm, KVM_SET_USER_MEMORY_REGION, &region) >= 0;
}

static bool map_guest(Guest *g)
{
    GuestMemory m = guest_memory(g);
    uint8_t *handlers = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (handlers == MAP_FAILED) {
        return false;
    }
    for (unsigned i = 0; i < 4096; i += 16) {
        memcpy(handlers + i, (uint8_t[]){ 0xe6, 0x10, 0xeb, 0xfe }, 4); /* OUT 10h, AL; JMP $ */
    }
    return add_memory(0, WINDOW_BASE, guest_window(g), WINDOW_SIZE) &&
           add_memory(1, m.system_phys, m.system, m.system_size) &&
           add_memory(2, m.handlers_phys, handlers, 4096);
}

/* What the model lacks must not be switched on. */
static void fit_state(X86CPU *cpu)
{
    X86State *s = &cpu->state;
    bool xsave = x86_cpuid_bit(cpu, X86_FW_1_ECX, 26);

    if (!xsave) {
        s->cr4 &= ~(uint64_t)X86_CR4_OSXSAVE;
        s->xcr0 = 1;
    }
    if (!x86_cpuid_bit(cpu, X86_FW_7_EBX, 0)) {
        s->cr4 &= ~(uint64_t)X86_CR4_FSGSBASE;
    }
    if (!x86_cpuid_bit(cpu, X86_FW_7_ECX, 2)) {
        s->cr4 &= ~(uint64_t)X86_CR4_UMIP;
    }
    engine.how.xcrs = xsave;
    engine.how.avx = xsave && x86_cpuid_bit(cpu, X86_FW_1_ECX, 28);
}

/* The banks that the guest's CPU says it has. */
static bool set_mce(const X86CPU *cpu)
{
    uint64_t cap = 0;

    if (ioctl(engine.fd, KVM_X86_GET_MCE_CAP_SUPPORTED, &cap) < 0) {
        return false;
    }
    cap = (cap & cpu->state.mcg_cap & ~UINT64_C(0xff)) | (cpu->state.mcg_cap & 0xff);
    return ioctl(engine.vcpu, KVM_X86_SETUP_MCE, &cap) >= 0;
}

static bool set_model(X86CPU *cpu)
{
    KvmCpuOptions options = { 0 };

    if (!kvm_cpu_host(engine.fd, &options, &engine.host, NULL) ||
        !x86_cpu_model_parse("max", &engine.host, &engine.model, NULL)) {
        return false;
    }
    x86_cpu_set_model(cpu, &engine.model);
    return kvm_cpu_set_cpuid(engine.vcpu, cpu, NULL) && set_mce(cpu);
}

static bool open_device(const char **why)
{
    engine.fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (engine.fd < 0) {
        *why = errno == ENOENT ? "there is no /dev/kvm" : "no permission for /dev/kvm";
        return false;
    }
    return true;
}

bool kvm_engine_init(Guest *g, const char **why)
{
    X86CPU *cpu = guest_cpu(g);

    engine.guest = g;
    if (!open_device(why)) {
        return false;
    }
    *why = "the VM for the cases cannot be made";
    engine.vm = ioctl(engine.fd, KVM_CREATE_VM, 0);
    if (engine.vm < 0 || ioctl(engine.vm, KVM_SET_TSS_ADDR, (unsigned long)TSS_ADDRESS) < 0 ||
        !map_guest(g) || (engine.vcpu = ioctl(engine.vm, KVM_CREATE_VCPU, 0)) < 0) {
        return false;
    }
    int size = ioctl(engine.fd, KVM_GET_VCPU_MMAP_SIZE, 0);
    engine.run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, engine.vcpu, 0);
    if (engine.run == MAP_FAILED || !set_model(cpu)) {
        return false;
    }
    fit_state(cpu);
    engine.how.msrs = kvm_msrs_new(engine.vcpu, cpu);
    return true;
}

/* True when there is nothing more to run. */
static bool is_over(X86CPU *cpu, int result)
{
    if (result < 0) {
        return errno != EINTR && errno != EAGAIN;
    }
    switch (engine.run->exit_reason) {
    case KVM_EXIT_MMIO:
    case KVM_EXIT_INTR:
        return false;
    case KVM_EXIT_SHUTDOWN:
        cpu->state.triple_fault = 1;
        return true;
    default:
        return true;
    }
}

/* The handler's OUT is done or about to be. Paravirtual KVM gives the guest the trap of the step. */
static void leave_handler(X86State *s)
{
    s->rip &= ~UINT64_C(15);
    if (guest_exception(engine.guest) == X86_EXCP_DB) {
        guest_return(engine.guest);
    }
}

/* Finishes an OUT, so that nothing of this case is left for the next. */
static void finish_access(void)
{
    engine.run->immediate_exit = 1;
    ioctl(engine.vcpu, KVM_RUN, 0);
    engine.run->immediate_exit = 0;
}

void kvm_engine_step(X86CPU *cpu)
{
    struct kvm_guest_debug debug = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP };
    X86State *s = &cpu->state;
    uint32_t trap = s->eflags & X86_EFLAGS_TF;

    memset(s->host_events, 0, sizeof(s->host_events)); /* nothing is left from the last case */
    if (!kvm_regs_put(&engine.how, engine.vcpu, cpu, true, &error_fatal) ||
        ioctl(engine.vcpu, KVM_SET_GUEST_DEBUG, &debug) < 0) {
        g_error("KVM does not step: %s", g_strerror(errno));
    }
    for (unsigned n = 0; n < MAX_EXITS && !is_over(cpu, ioctl(engine.vcpu, KVM_RUN, 0)); n++) {
    }
    if (engine.run->exit_reason == KVM_EXIT_IO) {
        finish_access();
    }
    kvm_regs_get(&engine.how, engine.vcpu, cpu, &error_fatal);
    if (guest_exception(engine.guest) != OUTCOME_NONE) {
        leave_handler(s);
    } else if (engine.run->exit_reason != KVM_EXIT_DEBUG) {
        s->triple_fault = 1;
    }
    s->eflags = (s->eflags & ~X86_EFLAGS_TF) | trap;
    x86_update_hflags(s);
}

/* Paravirtual KVM has segments of its own, and lets an emulator run what is not plain. */
static bool is_paravirtual(void)
{
    return access("/sys/module/kvm_pvm", F_OK) == 0;
}

static bool is_emulated(unsigned mnemonic)
{
    static const uint16_t emulated[] = {
        X86_MN_MOV_SEG, X86_MN_LSS, X86_MN_LFS, X86_MN_LGS, X86_MN_RETF, X86_MN_IRET, X86_MN_CALLF,
        X86_MN_JMPF, X86_MN_INT, X86_MN_LAR, X86_MN_LSL, X86_MN_VERR, X86_MN_VERW, X86_MN_FXSAVE,
        X86_MN_FXSAVE64, X86_MN_FXRSTOR, X86_MN_FXRSTOR64,
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(emulated); i++) {
        if (mnemonic == emulated[i]) {
            return true;
        }
    }
    return false;
}

bool kvm_engine_fit(CpuCase *c)
{
    const X86Row *row = x86_insn_row(&c->insn);

    for (unsigned i = 0; i < 16 && !engine.how.avx; i++) {
        c->in.ymm[i][2] = c->in.ymm[i][3] = 0;
    }
    return !is_paravirtual() ||
           !((row->legality & X86_ROW_BRANCH && c->insn.prefixes & X86_PFX_OPSIZE) ||
             strstr(row->operands, "FS") || strstr(row->operands, "GS"));
}

bool kvm_engine_gave_up(const CpuOutcome *o)
{
    return (o->vector == X86_EXCP_UD || o->vector == X86_EXCP_SS) && is_paravirtual();
}

const char *kvm_engine_lacks(const X86CPU *cpu, unsigned row)
{
    unsigned mnemonic = x86_rows[row].mnemonic;

    if (mnemonic == X86_MN_PUSHF) {
        return "shows the trap flag of the single step";
    }
    if (mnemonic == X86_MN_INT3 || mnemonic == X86_MN_INT1) {
        return "is how KVM and debuggers stop";
    }
    if (is_paravirtual() && is_emulated(mnemonic)) {
        return "is left to the emulator by paravirtual KVM";
    }
    return x86_has_feature(cpu, x86_rows[row].feature) ? NULL : "this KVM's CPU does not have it";
}
