/*
 * Registers and events to and from KVM.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include "hw/intc/apic.h"
#include "target/i386/kvm/kvm-cpu.h"
#include "target/i386/seg.h"

static bool call(int fd, unsigned long request, void *arg, const char *name, Error **errp)
{
    if (ioctl(fd, request, arg) < 0) {
        error_setg_errno(errp, errno, "%s", name);
        return false;
    }
    return true;
}
#define CALL(fd, request, arg, errp) call(fd, request, arg, #request, errp)

/* --- general registers -------------------------------------------------------------------- */

/* Pairs of fields in the order of KVM's structure. */
#define GENERAL_REGS(X)                                                                            \
    X(rax, X86_RAX) X(rbx, X86_RBX) X(rcx, X86_RCX) X(rdx, X86_RDX) X(rsi, X86_RSI)                \
    X(rdi, X86_RDI) X(rsp, X86_RSP) X(rbp, X86_RBP) X(r8, 8) X(r9, 9) X(r10, 10) X(r11, 11)        \
    X(r12, 12) X(r13, 13) X(r14, 14) X(r15, 15)

static bool get_general(int fd, X86State *s, Error **errp)
{
    struct kvm_regs regs;

    if (!CALL(fd, KVM_GET_REGS, &regs, errp)) {
        return false;
    }
#define X(name, n) s->regs[n] = regs.name;
    GENERAL_REGS(X)
#undef X
    s->rip = regs.rip;
    s->eflags = (uint32_t)regs.rflags;
    s->cc_lazy = 0;
    return true;
}

static bool put_general(int fd, const X86State *s, Error **errp)
{
    struct kvm_regs regs = { .rip = s->rip, .rflags = x86_get_eflags(s) };

#define X(name, n) regs.name = s->regs[n];
    GENERAL_REGS(X)
#undef X
    return CALL(fd, KVM_SET_REGS, &regs, errp);
}

/* --- segments and control registers ------------------------------------------------------- */

static X86Segment segment_from(const struct kvm_segment *k)
{
    return (X86Segment) {
        .selector = k->selector, .base = k->base, .limit = k->limit,
        .attr = (k->type & X86_DESC_TYPE) | (k->s ? X86_DESC_S : 0) |
                (k->dpl & 3) << X86_DESC_DPL_SHIFT | (k->present ? X86_DESC_P : 0) |
                (k->unusable ? X86_DESC_UNUSABLE : 0) | (k->avl ? X86_DESC_AVL : 0) |
                (k->l ? X86_DESC_L : 0) | (k->db ? X86_DESC_DB : 0) | (k->g ? X86_DESC_G : 0),
    };
}

static struct kvm_segment segment_to(const X86Segment *s)
{
    bool unusable = s->attr & X86_DESC_UNUSABLE;

    return (struct kvm_segment) {
        .selector = s->selector, .base = s->base, .limit = s->limit,
        .type = s->attr & X86_DESC_TYPE, .s = !!(s->attr & X86_DESC_S),
        .dpl = (s->attr & X86_DESC_DPL) >> X86_DESC_DPL_SHIFT,
        .present = s->attr & X86_DESC_P && !unusable, .unusable = unusable,
        .avl = !!(s->attr & X86_DESC_AVL), .l = !!(s->attr & X86_DESC_L),
        .db = !!(s->attr & X86_DESC_DB), .g = !!(s->attr & X86_DESC_G),
    };
}

#define SEGMENTS(X) \
    X(es, segs[X86_ES]) X(cs, segs[X86_CS]) X(ss, segs[X86_SS]) X(ds, segs[X86_DS]) \
    X(fs, segs[X86_FS]) X(gs, segs[X86_GS]) X(ldt, ldt) X(tr, tr)

/* Both begin alike; the second has the PDPTRs and no pending interrupt. */
typedef union SystemRegs {
    struct kvm_sregs one;
    struct kvm_sregs2 two;
} SystemRegs;

static bool get_system(const KvmVcpuRegs *how, int fd, X86CPU *cpu, Error **errp)
{
    X86State *s = &cpu->state;
    SystemRegs regs = { 0 };

    if (how->sregs2 ? !CALL(fd, KVM_GET_SREGS2, &regs.two, errp)
                    : !CALL(fd, KVM_GET_SREGS, &regs.one, errp)) {
        return false;
    }
#define X(name, to) s->to = segment_from(&regs.one.name);
    SEGMENTS(X)
#undef X
    s->gdt = (X86TableReg) { regs.one.gdt.base, regs.one.gdt.limit };
    s->idt = (X86TableReg) { regs.one.idt.base, regs.one.idt.limit };
    s->cr0 = regs.one.cr0;
    s->cr2 = regs.one.cr2;
    s->cr3 = regs.one.cr3;
    s->cr4 = regs.one.cr4;
    s->cr8 = regs.one.cr8;
    s->efer = regs.one.efer;
    if (how->sregs2 && regs.two.flags & KVM_SREGS2_FLAGS_PDPTRS_VALID) {
        memcpy(s->pdptr, regs.two.pdptrs, sizeof(s->pdptr));
    }
    if (how->kernel_apic) {
        cpu->apic->base = regs.one.apic_base;
    } else if (cpu->hooks && cpu->hooks->set_apic_base) {
        cpu->hooks->set_apic_base(cpu, regs.one.apic_base);
    }
    return true;
}

static bool is_pae(const X86State *s)
{
    return s->cr0 & X86_CR0_PG && s->cr4 & X86_CR4_PAE && !(s->efer & X86_EFER_LMA);
}

static bool put_system(const KvmVcpuRegs *how, int fd, X86CPU *cpu, Error **errp)
{
    const X86State *s = &cpu->state;
    bool hooked = cpu->hooks && cpu->hooks->apic_base;
    SystemRegs regs = { .one = {
        .gdt = { .base = s->gdt.base, .limit = s->gdt.limit },
        .idt = { .base = s->idt.base, .limit = s->idt.limit },
        .cr0 = s->cr0, .cr2 = s->cr2, .cr3 = s->cr3, .cr4 = s->cr4, .efer = s->efer,
        .cr8 = hooked ? cpu->hooks->tpr(cpu) : s->cr8,
        .apic_base = hooked ? cpu->hooks->apic_base(cpu) : 0,
    } };

#define X(name, from) regs.one.name = segment_to(&s->from);
    SEGMENTS(X)
#undef X
    if (!how->sregs2) {
        return CALL(fd, KVM_SET_SREGS, &regs.one, errp);
    }
    if (is_pae(s)) {
        regs.two.flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
        memcpy(regs.two.pdptrs, s->pdptr, sizeof(s->pdptr));
    }
    return CALL(fd, KVM_SET_SREGS2, &regs.two, errp);
}

/* --- x87, SSE, AVX ------------------------------------------------------------------------ */

/* The XSAVE area (SDM vol. 1, 13.4): legacy region, header, upper halves of the YMM registers. */
typedef struct XsaveArea {
    uint16_t fcw, fsw;
    uint8_t ftw, reserved0;
    uint16_t fop;
    uint64_t fip, fdp;
    uint32_t mxcsr, mxcsr_mask;
    struct { uint64_t mant; uint16_t sign_exp; uint8_t reserved[6]; } st[8]; /* ST(0) first */
    uint64_t xmm[16][2];
    uint8_t reserved1[96];
    uint64_t xstate_bv, xcomp_bv, reserved2[6];
    uint64_t ymm_high[16][2];
    uint8_t rest[4096 - 832];
} XsaveArea;
G_STATIC_ASSERT(sizeof(XsaveArea) == sizeof(struct kvm_xsave));

enum { XSTATE_X87 = 1, XSTATE_SSE = 2, XSTATE_AVX = 4 };

static unsigned physical_register(uint16_t fsw, unsigned st)
{
    return ((fsw >> 11) + st) & 7;
}

static bool get_fpu(const KvmVcpuRegs *how, int fd, X86State *s, Error **errp)
{
    g_autofree XsaveArea *area = g_new0(XsaveArea, 1);

    if (!CALL(fd, KVM_GET_XSAVE, area, errp)) {
        return false;
    }
    s->fpu.fcw = area->fcw;
    s->fpu.fsw = area->fsw;
    s->fpu.ftw = area->ftw;
    s->fpu.fop = area->fop;
    s->fpu.fip = area->fip;
    s->fpu.fdp = area->fdp;
    s->mxcsr = area->mxcsr;
    for (unsigned i = 0; i < 8; i++) {
        s->fpu.st[physical_register(area->fsw, i)] =
            (X86Float80) { area->st[i].mant, area->st[i].sign_exp };
    }
    for (unsigned i = 0; i < 16; i++) {
        bool high = how->avx && area->xstate_bv & XSTATE_AVX;
        s->xmm[i].u64[0] = area->xmm[i][0];
        s->xmm[i].u64[1] = area->xmm[i][1];
        s->xmm[i].u64[2] = high ? area->ymm_high[i][0] : 0;
        s->xmm[i].u64[3] = high ? area->ymm_high[i][1] : 0;
    }
    return true;
}

static bool put_fpu(const KvmVcpuRegs *how, int fd, const X86State *s, Error **errp)
{
    g_autofree XsaveArea *area = g_new0(XsaveArea, 1);

    area->fcw = s->fpu.fcw;
    area->fsw = s->fpu.fsw;
    area->ftw = s->fpu.ftw;
    area->fop = s->fpu.fop;
    area->fip = s->fpu.fip;
    area->fdp = s->fpu.fdp;
    area->mxcsr = s->mxcsr;
    area->xstate_bv = XSTATE_X87 | XSTATE_SSE | (how->avx ? XSTATE_AVX : 0);
    for (unsigned i = 0; i < 8; i++) {
        const X86Float80 *st = &s->fpu.st[physical_register(s->fpu.fsw, i)];
        area->st[i].mant = st->mant;
        area->st[i].sign_exp = st->sign_exp;
    }
    for (unsigned i = 0; i < 16; i++) {
        memcpy(area->xmm[i], &s->xmm[i].u64[0], sizeof(area->xmm[i]));
        memcpy(area->ymm_high[i], &s->xmm[i].u64[2], sizeof(area->ymm_high[i]));
    }
    return CALL(fd, KVM_SET_XSAVE, area, errp);
}

static bool get_xcrs(const KvmVcpuRegs *how, int fd, X86State *s, Error **errp)
{
    struct kvm_xcrs xcrs;

    if (!how->xcrs) {
        return true;
    }
    if (!CALL(fd, KVM_GET_XCRS, &xcrs, errp)) {
        return false;
    }
    s->xcr0 = xcrs.nr_xcrs ? xcrs.xcrs[0].value : 1;
    return true;
}

static bool put_xcrs(const KvmVcpuRegs *how, int fd, const X86State *s, Error **errp)
{
    struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs = { { .xcr = 0, .value = s->xcr0 } } };

    return !how->xcrs || CALL(fd, KVM_SET_XCRS, &xcrs, errp);
}

/* --- debug registers ---------------------------------------------------------------------- */

static bool get_debug(int fd, X86State *s, Error **errp)
{
    struct kvm_debugregs regs;

    if (!CALL(fd, KVM_GET_DEBUGREGS, &regs, errp)) {
        return false;
    }
    for (unsigned i = 0; i < 4; i++) {
        s->dr[i] = regs.db[i];
    }
    s->dr[6] = regs.dr6;
    s->dr[7] = regs.dr7;
    return true;
}

static bool put_debug(int fd, const X86State *s, Error **errp)
{
    struct kvm_debugregs regs = {
        .db = { s->dr[0], s->dr[1], s->dr[2], s->dr[3] }, .dr6 = s->dr[6], .dr7 = s->dr[7],
    };

    return CALL(fd, KVM_SET_DEBUGREGS, &regs, errp);
}

/* --- events ------------------------------------------------------------------------------- */

G_STATIC_ASSERT(sizeof(struct kvm_vcpu_events) <= sizeof(((X86State *)0)->host_events));

/* What X86State has a field for goes there; the rest (events half delivered) is kept as it is. */
static bool get_events(int fd, X86State *s, Error **errp)
{
    struct kvm_vcpu_events events = { 0 };

    if (!CALL(fd, KVM_GET_VCPU_EVENTS, &events, errp)) {
        return false;
    }
    memcpy(s->host_events, &events, sizeof(events));
    s->nmi_blocked = events.nmi.masked;
    s->int_shadow = (events.interrupt.shadow & KVM_X86_SHADOW_INT_STI ? X86_SHADOW_STI : 0) |
                    (events.interrupt.shadow & KVM_X86_SHADOW_INT_MOV_SS ? X86_SHADOW_MOV_SS : 0);
    s->in_smm = events.smi.smm;
    s->sipi_vector = (uint8_t)events.sipi_vector;
    return true;
}

static bool put_events(const KvmVcpuRegs *how, int fd, const X86State *s, bool all, Error **errp)
{
    struct kvm_vcpu_events events;

    memcpy(&events, s->host_events, sizeof(events));
    events.nmi.masked = s->nmi_blocked;
    events.interrupt.shadow = (s->int_shadow & X86_SHADOW_STI ? KVM_X86_SHADOW_INT_STI : 0) |
                              (s->int_shadow & X86_SHADOW_MOV_SS ? KVM_X86_SHADOW_INT_MOV_SS : 0);
    events.smi.smm = s->in_smm;
    events.sipi_vector = s->sipi_vector;
    events.flags = KVM_VCPUEVENT_VALID_SHADOW | (how->smm ? KVM_VCPUEVENT_VALID_SMM : 0) |
                   (how->exception_payload ? KVM_VCPUEVENT_VALID_PAYLOAD : 0) |
                   (how->triple_fault_event ? KVM_VCPUEVENT_VALID_TRIPLE_FAULT : 0) |
                   (all ? KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR : 0);
    return CALL(fd, KVM_SET_VCPU_EVENTS, &events, errp);
}

/* With the APIC in the kernel it starts and halts CPUs too. */
static bool get_mp_state(const KvmVcpuRegs *how, int fd, X86CPU *cpu, Error **errp)
{
    struct kvm_mp_state mp;

    if (!how->kernel_apic) {
        return true;
    }
    if (!CALL(fd, KVM_GET_MP_STATE, &mp, errp)) {
        return false;
    }
    cpu->state.wait_for_sipi = mp.mp_state == KVM_MP_STATE_UNINITIALIZED ||
                               mp.mp_state == KVM_MP_STATE_INIT_RECEIVED;
    cpu->parent.halted = cpu->state.wait_for_sipi || mp.mp_state == KVM_MP_STATE_HALTED;
    return true;
}

static bool put_mp_state(const KvmVcpuRegs *how, int fd, X86CPU *cpu, Error **errp)
{
    struct kvm_mp_state mp = {
        .mp_state = cpu->state.wait_for_sipi ? KVM_MP_STATE_INIT_RECEIVED
                  : cpu->parent.halted ? KVM_MP_STATE_HALTED : KVM_MP_STATE_RUNNABLE,
    };

    if (!how->kernel_apic) {
        return true;
    }
    cpu->parent.halted = false; /* the kernel's affair from here */
    return CALL(fd, KVM_SET_MP_STATE, &mp, errp);
}

/* --- all ---------------------------------------------------------------------------------- */

bool kvm_regs_get(const KvmVcpuRegs *how, int fd, X86CPU *cpu, Error **errp)
{
    X86State *s = &cpu->state;

    if (!get_system(how, fd, cpu, errp) || !get_general(fd, s, errp) ||
        !get_fpu(how, fd, s, errp) || !get_xcrs(how, fd, s, errp) || !get_debug(fd, s, errp) ||
        !kvm_msrs_get(how->msrs, fd, cpu, errp) || !get_mp_state(how, fd, cpu, errp) ||
        (how->kernel_apic && !kvm_lapic_get(fd, cpu, errp)) || !get_events(fd, s, errp)) {
        return false;
    }
    x86_update_hflags(s);
    return true;
}

/* The mode of the APIC before its registers, and these before its deadline; XCR0 before the registers
 * it enables; events last, as some of the others drop them. The kernel's APIC works on while the CPU
 * is paused: what is here of it is old unless it was replaced. */
bool kvm_regs_put(const KvmVcpuRegs *how, int fd, X86CPU *cpu, bool all, Error **errp)
{
    const X86State *s = &cpu->state;

    return put_system(how, fd, cpu, errp) &&
           (!all || !how->kernel_apic || kvm_lapic_put(fd, cpu, how->wide_apic_ids, errp)) &&
           put_general(fd, s, errp) &&
           put_xcrs(how, fd, s, errp) && put_fpu(how, fd, s, errp) &&
           kvm_msrs_put(how->msrs, fd, cpu, all, errp) && put_mp_state(how, fd, cpu, errp) &&
           put_events(how, fd, s, all, errp) && put_debug(fd, s, errp);
}
