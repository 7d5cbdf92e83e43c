/*
 * Handlers of control, debug, model-specific and extended control registers,
 * time, identification, TLB and cache control, HLT (SDM vol. 2).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <sys/random.h>
#include "target/i386/window.h"
#include "target/i386/cpuid.h"
#include "target/i386/crdr.h"
#include "target/i386/interp/interp.h"
#include "target/i386/interp/operand.h"
#include "target/i386/interp/xsave.h"
#include "target/i386/msr.h"
#include "target/i386/seg.h"
#include "target/i386/tlb-space.h"

static void raise_gp0(X86CPU *cpu)
{
    x86_raise(cpu, X86_EXCP_GP, 0);
}

/* EDX:EAX as one value, and back. */
static uint64_t read_edx_eax(const X86State *s)
{
    return (uint32_t)s->regs[X86_RAX] | s->regs[X86_RDX] << 32;
}

static void write_edx_eax(X86State *s, uint64_t val)
{
    s->regs[X86_RAX] = (uint32_t)val;
    s->regs[X86_RDX] = val >> 32;
}

static uint64_t read_cr(X86CPU *cpu, unsigned reg)
{
    X86State *s = &cpu->state;

    switch (reg) {
    case 0:
        return s->cr0;
    case 2:
        return s->cr2;
    case 3:
        return s->cr3;
    case 4:
        return s->cr4;
    case 8:
        return x86_read_cr8(cpu);
    default:
        x86_raise(cpu, X86_EXCP_UD, 0);
    }
}

static void write_cr(X86CPU *cpu, unsigned reg, uint64_t val)
{
    switch (reg) {
    case 0:
        x86_write_cr0(cpu, val);
        break;
    case 2:
        cpu->state.cr2 = val;
        break;
    case 3:
        x86_write_cr3(cpu, val);
        break;
    case 4:
        x86_write_cr4(cpu, val);
        break;
    case 8:
        x86_write_cr8(cpu, val);
        break;
    default:
        x86_raise(cpu, X86_EXCP_UD, 0);
    }
}

/* MOV CR and MOV DR take 64 bits in 64-bit mode and 32 outside it. */
static unsigned register_size(const X86State *s)
{
    return s->hflags & X86_HF_CS64 ? 8 : 4;
}

static void op_mov_cr(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    unsigned size = register_size(s);

    if (insn->op[0].kind == X86_OP_CR) {
        write_cr(cpu, insn->op[0].reg, x86_gpr_read(s, insn->op[1].reg, size));
    } else {
        x86_gpr_write(s, insn->op[0].reg, size, read_cr(cpu, insn->op[1].reg));
    }
}

/* DR4 and DR5 are DR6 and DR7 unless CR4.DE; DR7.GD traps every access. */
static unsigned resolve_dr(X86CPU *cpu, unsigned reg)
{
    X86State *s = &cpu->state;

    if (reg > 7 || ((reg == 4 || reg == 5) && s->cr4 & X86_CR4_DE)) {
        x86_raise(cpu, X86_EXCP_UD, 0);
    }
    if (s->dr[7] & X86_DR7_GD) {
        s->dr[6] |= X86_DR6_BD;
        x86_raise(cpu, X86_EXCP_DB, 0);
    }
    return reg == 4 || reg == 5 ? reg + 2 : reg;
}

static void op_mov_dr(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    unsigned size = register_size(s);
    bool store = insn->op[0].kind != X86_OP_DR;
    unsigned reg = resolve_dr(cpu, insn->op[store ? 1 : 0].reg);

    if (store) {
        x86_gpr_write(s, insn->op[0].reg, size, s->dr[reg]);
    } else {
        x86_write_dr(cpu, reg, x86_gpr_read(s, insn->op[1].reg, size));
    }
}

static void op_clts(X86CPU *cpu, const X86Insn *insn)
{
    cpu->state.cr0 &= ~(uint64_t)X86_CR0_TS;
    x86_update_hflags(&cpu->state);
}

/* INVLPG never faults on its address (SDM vol. 2). */
static void op_invlpg(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    uint64_t ea = x86_insn_ea(cpu, insn);
    bool based = !(s->hflags & X86_HF_CS64) || insn->seg == X86_FS || insn->seg == X86_GS;
    uint64_t lin = ea + (based ? s->segs[insn->seg].base : 0);

    x86_tlb_flush_page(cpu, s->hflags & X86_HF_CS64 ? lin : (uint32_t)lin);
}

enum { INVPCID_ADDRESS, INVPCID_CONTEXT, INVPCID_ALL, INVPCID_ALL_NONGLOBAL };

static void invalidate(X86CPU *cpu, unsigned type, unsigned pcid, uint64_t lin)
{
    X86State *s = &cpu->state;
    bool present = pcid == (s->cr4 & X86_CR4_PCIDE ? s->cr3 & 0xfff : 0);

    switch (type) {
    case INVPCID_ADDRESS:
        if (present) {
            x86_tlb_flush_page(cpu, lin);
        } else {
            x86_tlb_space_drop_page(cpu->tlb, pcid, lin);
            x86_window_flush_pcid(cpu, pcid);
        }
        break;
    case INVPCID_CONTEXT:
        if (present) {
            x86_tlb_flush_nonglobal(cpu);
        } else {
            x86_tlb_space_drop(cpu->tlb, pcid);
            x86_window_flush_pcid(cpu, pcid);
        }
        break;
    case INVPCID_ALL:
        x86_tlb_flush(cpu);
        break;
    case INVPCID_ALL_NONGLOBAL:
        x86_tlb_flush_nonglobal(cpu);
        x86_tlb_space_drop_all(cpu->tlb);
        x86_window_flush(cpu);
        break;
    }
}

static void op_invpcid(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    uint64_t type = x86_gpr_read(s, insn->op[0].reg, register_size(s));
    uint64_t desc[2]; /* PCID, linear address */

    x86_lin_read(cpu, x86_op_lin(cpu, insn, 1, 16, X86_ACCESS_READ), desc, 16);
    if (type > INVPCID_ALL_NONGLOBAL || (type <= INVPCID_CONTEXT && desc[0] >> 12)) {
        raise_gp0(cpu);
    }
    bool pcid_without_pcide = desc[0] && !(s->cr4 & X86_CR4_PCIDE);
    if ((type <= INVPCID_CONTEXT && pcid_without_pcide) ||
        (type == INVPCID_ADDRESS && !x86_canonical(s, desc[1]))) {
        raise_gp0(cpu);
    }
    invalidate(cpu, type, desc[0], desc[1]);
}

/* Caches are coherent and invisible: there is nothing to write back. */
static void op_no_cache(X86CPU *cpu, const X86Insn *insn)
{
}

static void op_rdmsr(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    uint64_t val = 0;

    if (!x86_msr_read(cpu, s->regs[X86_RCX], &val)) {
        raise_gp0(cpu);
    }
    write_edx_eax(s, val);
}

static void op_wrmsr(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;

    if (!x86_msr_write(cpu, s->regs[X86_RCX], read_edx_eax(s))) {
        raise_gp0(cpu);
    }
}

static void check_tsd(X86CPU *cpu)
{
    if (cpu->state.cr4 & X86_CR4_TSD && x86_cpl(&cpu->state) != 0) {
        raise_gp0(cpu);
    }
}

static void op_rdtsc(X86CPU *cpu, const X86Insn *insn)
{
    check_tsd(cpu);
    write_edx_eax(&cpu->state, x86_read_tsc(cpu));
}

static void op_rdtscp(X86CPU *cpu, const X86Insn *insn)
{
    op_rdtsc(cpu, insn);
    cpu->state.regs[X86_RCX] = (uint32_t)cpu->state.tsc_aux;
}

/* No performance counters: every index is out of range. */
static void op_rdpmc(X86CPU *cpu, const X86Insn *insn)
{
    raise_gp0(cpu);
}

static void op_rdpid(X86CPU *cpu, const X86Insn *insn)
{
    x86_gpr_write(&cpu->state, insn->op[0].reg, register_size(&cpu->state),
                  cpu->state.tsc_aux);
}

static void op_cpuid(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    uint32_t out[4];

    x86_cpuid(cpu, s->regs[X86_RAX], s->regs[X86_RCX], out);
    s->regs[X86_RAX] = out[0];
    s->regs[X86_RBX] = out[1];
    s->regs[X86_RCX] = out[2];
    s->regs[X86_RDX] = out[3];
}

static void check_osxsave(X86CPU *cpu)
{
    if (!(cpu->state.cr4 & X86_CR4_OSXSAVE)) {
        x86_raise(cpu, X86_EXCP_UD, 0);
    }
}

/* XCR0, and with XGETBV1 those of its components that are in use. */
static void op_xgetbv(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    uint32_t index = s->regs[X86_RCX];

    check_osxsave(cpu);
    if (index > 1 || (index == 1 && !x86_cpuid_bit(cpu, X86_FW_D_1_EAX, 2))) {
        raise_gp0(cpu);
    }
    write_edx_eax(s, index == 1 ? s->xcr0 & x86_xinuse(s) : s->xcr0);
}

/* XCR0: x87 always, AVX only with SSE. */
static void op_xsetbv(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    uint64_t val = read_edx_eax(s);

    check_osxsave(cpu);
    if ((uint32_t)s->regs[X86_RCX] != 0 || !(val & 1) || (val & 6) == 4 ||
        val & ~x86_xcr0_allowed(cpu)) {
        raise_gp0(cpu);
    }
    s->xcr0 = val;
    x86_update_hflags(s);
}

static void check_fsgsbase(X86CPU *cpu)
{
    if (!(cpu->state.cr4 & X86_CR4_FSGSBASE)) {
        x86_raise(cpu, X86_EXCP_UD, 0);
    }
}

static void read_base(X86CPU *cpu, const X86Insn *insn, unsigned seg)
{
    check_fsgsbase(cpu);
    x86_op_write(cpu, insn, 0, cpu->state.segs[seg].base);
}

static void write_base(X86CPU *cpu, const X86Insn *insn, unsigned seg)
{
    uint64_t val = x86_op_read(cpu, insn, 0);

    check_fsgsbase(cpu);
    if (!x86_canonical(&cpu->state, val)) {
        raise_gp0(cpu);
    }
    cpu->state.segs[seg].base = val;
}

static void op_rdfsbase(X86CPU *cpu, const X86Insn *insn)
{
    read_base(cpu, insn, X86_FS);
}

static void op_rdgsbase(X86CPU *cpu, const X86Insn *insn)
{
    read_base(cpu, insn, X86_GS);
}

static void op_wrfsbase(X86CPU *cpu, const X86Insn *insn)
{
    write_base(cpu, insn, X86_FS);
}

static void op_wrgsbase(X86CPU *cpu, const X86Insn *insn)
{
    write_base(cpu, insn, X86_GS);
}

static void op_swapgs(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    uint64_t base = s->segs[X86_GS].base;

    s->segs[X86_GS].base = s->kernel_gs_base;
    s->kernel_gs_base = base;
}

static void halt(X86CPU *cpu)
{
    cpu->parent.halted = true;
    x86_window_rest(cpu);
}

static void op_hlt(X86CPU *cpu, const X86Insn *insn)
{
    halt(cpu);
}

static void op_monitor(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    unsigned seg = insn->seg_override == X86_NO_REG ? X86_DS : insn->seg_override;
    uint64_t ea = x86_gpr_read(s, X86_RAX, insn->addr_size);

    if (s->regs[X86_RCX] != 0) {
        raise_gp0(cpu); /* no extensions */
    }
    uint64_t lin = x86_seg_linear(cpu, seg, ea, 1, X86_ACCESS_READ);
    x86_lin_probe(cpu, lin, 1, X86_ACCESS_READ);
}

/* Writes by other CPUs are not watched, so a CPU that may be woken by one must not
 * sleep: MWAIT may return at any time (SDM vol. 2). */
static void op_mwait(X86CPU *cpu, const X86Insn *insn)
{
    const X86CpuModel *model = cpu->model;

    if (cpu->state.regs[X86_RCX] > 1) {
        raise_gp0(cpu);
    }
    if (model && model->cores * model->threads == 1 && cpu->state.eflags & X86_EFLAGS_IF) {
        halt(cpu);
    }
}

/* RDRAND and RDSEED always have a number ready: CF is set. */
static void op_random(X86CPU *cpu, const X86Insn *insn)
{
    uint64_t val = 0;

    if (getrandom(&val, sizeof(val), 0) != sizeof(val)) {
        x86_set_arith_flags(&cpu->state, 0);
        x86_op_write(cpu, insn, 0, 0);
        return;
    }
    x86_set_arith_flags(&cpu->state, X86_EFLAGS_CF);
    x86_op_write(cpu, insn, 0, val);
}

/* CLZERO: zeroes the 64-byte line that rAX points into (APM vol. 3). */
static void op_clzero(X86CPU *cpu, const X86Insn *insn)
{
    static const uint8_t zeros[64];
    unsigned seg = insn->seg_override == X86_NO_REG ? X86_DS : insn->seg_override;
    uint64_t ea = x86_gpr_read(&cpu->state, X86_RAX, insn->addr_size) & ~63ull;

    x86_lin_write(cpu, x86_seg_linear(cpu, seg, ea, 64, X86_ACCESS_WRITE), zeros, 64);
}

static void op_serialize(X86CPU *cpu, const X86Insn *insn)
{
}

const X86Handler x86_handlers_sysreg[] = {
    { X86_MN_MOV_CR, op_mov_cr },     { X86_MN_MOV_DR, op_mov_dr },
    { X86_MN_CLTS, op_clts },         { X86_MN_INVLPG, op_invlpg },
    { X86_MN_INVPCID, op_invpcid },   { X86_MN_INVD, op_no_cache },
    { X86_MN_WBINVD, op_no_cache },   { X86_MN_RDMSR, op_rdmsr },
    { X86_MN_WRMSR, op_wrmsr },       { X86_MN_RDTSC, op_rdtsc },
    { X86_MN_RDTSCP, op_rdtscp },     { X86_MN_RDPMC, op_rdpmc },
    { X86_MN_RDPID, op_rdpid },       { X86_MN_CPUID, op_cpuid },
    { X86_MN_XGETBV, op_xgetbv },     { X86_MN_XSETBV, op_xsetbv },
    { X86_MN_RDFSBASE, op_rdfsbase }, { X86_MN_RDGSBASE, op_rdgsbase },
    { X86_MN_WRFSBASE, op_wrfsbase }, { X86_MN_WRGSBASE, op_wrgsbase },
    { X86_MN_SWAPGS, op_swapgs },     { X86_MN_HLT, op_hlt },
    { X86_MN_MONITOR, op_monitor },   { X86_MN_MWAIT, op_mwait },
    { X86_MN_RDRAND, op_random },     { X86_MN_RDSEED, op_random },
    { X86_MN_CLZERO, op_clzero },     { X86_MN_SERIALIZE, op_serialize },
    { 0, NULL },
};
