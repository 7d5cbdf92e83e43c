/*
 * Handlers of far transfers, software interrupts, system calls and segment
 * loads. The work is done in seg.c, far.c, iret.c, excp.c and syscall.c.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/interp.h"
#include "target/i386/interp/operand.h"
#include "target/i386/seg.h"
#include "target/i386/syscall.h"

/* A far pointer operand: ptr16:n in the instruction or m16:n in memory. */
static uint64_t far_pointer(X86CPU *cpu, const X86Insn *insn, unsigned i, uint16_t *sel)
{
    if (insn->op[i].kind == X86_OP_FAR) {
        *sel = insn->imm2;
        return insn->imm;
    }
    unsigned size = insn->op[i].size - 2;
    uint64_t lin = x86_mem_lin(cpu, insn, 0, size, X86_ACCESS_READ);
    uint64_t offset = x86_lin_read_n(cpu, lin, size);

    /* Two accesses: the second may wrap at the end of the address size. */
    *sel = x86_lin_read16(cpu, x86_mem_lin(cpu, insn, size, 2, X86_ACCESS_READ));
    return offset;
}

static void op_jmpf(X86CPU *cpu, const X86Insn *insn)
{
    uint16_t sel;
    uint64_t offset = far_pointer(cpu, insn, 0, &sel);

    x86_far_jmp(cpu, sel, offset, insn->op_size);
}

static void op_callf(X86CPU *cpu, const X86Insn *insn)
{
    uint16_t sel;
    uint64_t offset = far_pointer(cpu, insn, 0, &sel);

    x86_far_call(cpu, sel, offset, insn->op_size);
}

static void op_retf(X86CPU *cpu, const X86Insn *insn)
{
    x86_far_ret(cpu, insn->op_size, insn->op[0].kind == X86_OP_IMM ? insn->imm : 0);
}

static void op_iret(X86CPU *cpu, const X86Insn *insn)
{
    x86_iret(cpu, insn->op_size);
}

/* VME: the bitmap below the I/O map says whether INT n of a VM86 task goes to
 * the task's own real-mode vector table (SDM vol. 3, 20.3.3). */
static bool int_is_redirected(X86CPU *cpu, uint8_t vector)
{
    X86State *s = &cpu->state;

    if (!(s->cr4 & X86_CR4_VME) || s->tr.limit < 0x67) {
        return false;
    }
    uint32_t offset = x86_sys_read16(cpu, s->tr.base + 0x66) - 32u + vector / 8u;
    if (offset > s->tr.limit) {
        return false;
    }
    return !(x86_sys_read8(cpu, s->tr.base + offset) >> vector % 8 & 1);
}

/* INT n inside VM86 as the 8086 does it. With IOPL < 3 VIF stands for IF. */
static void int_vm86(X86CPU *cpu, uint8_t vector)
{
    X86State *s = &cpu->state;
    X86Stack st = x86_stack_current(s, 0);
    uint32_t eflags = x86_get_eflags(s), image = eflags;
    uint32_t entry = x86_lin_read32(cpu, vector * 4);
    bool iopl3 = s->hflags & X86_HF_IOPL_OK;

    if (!iopl3) {
        image = (eflags & ~X86_EFLAGS_IF) | X86_EFLAGS_IOPL |
                (eflags & X86_EFLAGS_VIF ? X86_EFLAGS_IF : 0);
    }
    x86_stack_push(cpu, &st, image, 2);
    x86_stack_push(cpu, &st, s->segs[X86_CS].selector, 2);
    x86_stack_push(cpu, &st, s->rip, 2);
    x86_stack_commit(s, &st);
    s->segs[X86_CS] = x86_segment_vm86(entry >> 16);
    s->rip = entry & 0xffff;
    x86_set_eflags(s, eflags & ~(X86_EFLAGS_TF | (iopl3 ? X86_EFLAGS_IF : X86_EFLAGS_VIF)));
}

static void op_int(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    uint8_t vector = insn->imm;

    if (s->hflags & X86_HF_VM86) {
        if (int_is_redirected(cpu, vector)) {
            int_vm86(cpu, vector);
            return;
        }
        if (!(s->hflags & X86_HF_IOPL_OK)) {
            x86_raise(cpu, X86_EXCP_GP, 0);
        }
    }
    x86_deliver_event(cpu, X86_EVENT_SOFT_INT, vector, false, 0);
}

static void op_int3(X86CPU *cpu, const X86Insn *insn)
{
    x86_deliver_event(cpu, X86_EVENT_SOFT_INT, X86_EXCP_BP, false, 0);
}

static void op_into(X86CPU *cpu, const X86Insn *insn)
{
    if (x86_get_eflags(&cpu->state) & X86_EFLAGS_OF) {
        x86_deliver_event(cpu, X86_EVENT_SOFT_INT, X86_EXCP_OF, false, 0);
    }
}

static void op_int1(X86CPU *cpu, const X86Insn *insn)
{
    x86_deliver_event(cpu, X86_EVENT_ICEBP, X86_EXCP_DB, false, 0);
}

static void op_bound(X86CPU *cpu, const X86Insn *insn)
{
    unsigned size = insn->op_size;
    int64_t index = x86_sext(x86_op_read(cpu, insn, 0), size);
    uint64_t lin = x86_mem_lin(cpu, insn, 0, size, X86_ACCESS_READ);
    int64_t lower = x86_sext(x86_lin_read_n(cpu, lin, size), size);
    int64_t upper;

    /* Two accesses, as with far pointers. */
    lin = x86_mem_lin(cpu, insn, size, size, X86_ACCESS_READ);
    upper = x86_sext(x86_lin_read_n(cpu, lin, size), size);

    if (index < lower || index > upper) {
        x86_raise(cpu, X86_EXCP_BR, 0);
    }
}

static void op_syscall(X86CPU *cpu, const X86Insn *insn)
{
    x86_syscall(cpu);
}

static void op_sysret(X86CPU *cpu, const X86Insn *insn)
{
    x86_sysret(cpu, insn->op_size);
}

static void op_sysenter(X86CPU *cpu, const X86Insn *insn)
{
    x86_sysenter(cpu);
}

static void op_sysexit(X86CPU *cpu, const X86Insn *insn)
{
    x86_sysexit(cpu, insn->op_size);
}

static void op_rsm(X86CPU *cpu, const X86Insn *insn)
{
    x86_smm_leave(cpu);
}

/* MOV Sreg, r/m and MOV r/m, Sreg: a store to memory is always 16 bits, to a
 * register it is zero-extended. */
static void op_mov_seg(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;

    if (insn->op[0].kind != X86_OP_SEG) {
        x86_op_write(cpu, insn, 0, s->segs[insn->op[1].reg].selector);
        return;
    }
    if (insn->op[0].reg == X86_CS) {
        x86_raise(cpu, X86_EXCP_UD, 0);
    }
    x86_load_seg(cpu, insn->op[0].reg, x86_op_read(cpu, insn, 1));
    if (insn->op[0].reg == X86_SS) {
        s->int_shadow = X86_SHADOW_MOV_SS;
    }
}

static void load_far_pointer(X86CPU *cpu, const X86Insn *insn, unsigned seg)
{
    uint16_t sel;
    uint64_t offset = far_pointer(cpu, insn, 1, &sel);

    x86_load_seg(cpu, seg, sel);
    x86_gpr_write(&cpu->state, insn->op[0].reg, insn->op_size, offset);
}

#define LOAD_FAR_POINTER(name, seg)                                            \
    static void op_##name(X86CPU *cpu, const X86Insn *insn)                    \
    {                                                                          \
        load_far_pointer(cpu, insn, seg);                                      \
    }
LOAD_FAR_POINTER(les, X86_ES)
LOAD_FAR_POINTER(lds, X86_DS)
LOAD_FAR_POINTER(lss, X86_SS)
LOAD_FAR_POINTER(lfs, X86_FS)
LOAD_FAR_POINTER(lgs, X86_GS)

const X86Handler x86_handlers_far[] = {
    { X86_MN_JMPF, op_jmpf },       { X86_MN_CALLF, op_callf },   { X86_MN_RETF, op_retf },
    { X86_MN_IRET, op_iret },       { X86_MN_INT, op_int },       { X86_MN_INT3, op_int3 },
    { X86_MN_INTO, op_into },       { X86_MN_INT1, op_int1 },     { X86_MN_BOUND, op_bound },
    { X86_MN_SYSCALL, op_syscall }, { X86_MN_SYSRET, op_sysret }, { X86_MN_SYSENTER, op_sysenter },
    { X86_MN_SYSEXIT, op_sysexit }, { X86_MN_RSM, op_rsm },       { X86_MN_MOV_SEG, op_mov_seg },
    { X86_MN_LES, op_les },         { X86_MN_LDS, op_lds },       { X86_MN_LSS, op_lss },
    { X86_MN_LFS, op_lfs },         { X86_MN_LGS, op_lgs },       { 0, NULL },
};
