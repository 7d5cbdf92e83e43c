/*
 * System instructions that kernels run all the time, without the interpreter: those that
 * change one bit of EFLAGS or a segment's base or read a register are emitted, those that
 * change the privilege call C functions (direct.c). All others are interpreted one by
 * one (runtime.c).
 *
 * X86State lies anywhere in memory, so its fields are reached by a register that holds
 * the address of X86State.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/machine.h"
#include "target/i386/translate/build.h"
#include "target/i386/translate/runtime.h"

/* A field of X86State, whose address is in reg. */
static HostMem field(unsigned reg, size_t offset)
{
    return host_mem(reg, offset);
}
#define FIELD(reg, name) field(reg, offsetof(X86State, name))

static void load_state_address(JitBuild *b, unsigned reg)
{
    emit_mov_imm(&b->e, reg, (uintptr_t)&b->cpu->state);
}

/* Guest register reg becomes T0. */
static void emit_to_register(JitBuild *b, unsigned reg)
{
    if (jit_host_reg(reg) == HOST_NONE) {
        emit_store(&b->e, true, JIT_T0, jit_reg_home(b->jit, reg));
    } else {
        emit_mov(&b->e, true, jit_host_reg(reg), JIT_T0);
    }
}

/* group 1 with a 32-bit memory operand and immediate */
static void emit_alu_mem_imm(JitBuild *b, unsigned op, HostMem m, uint32_t imm)
{
    emit_op_mem(&b->e, false, 0x81, op, m);
    emit32(&b->e, imm);
}

/* The interpreter does it if the last comparison was unequal. */
static void interpret_unless_zero(JitBuild *b, const JitInsn *insn)
{
    uint8_t *disp = emit_jcc(&b->e, HOST_NZ, NULL);

    jit_add_cold(b, (JitCold){ .kind = COLD_INTERPRET, .disp = disp, .insn = insn->index });
}

/* --- the interrupt flag ------------------------------------------------------------- */

static void emit_cli(JitBuild *b, const JitInsn *insn)
{
    jit_flags_save(b);
    load_state_address(b, JIT_T0);
    emit_alu_mem_imm(b, HOST_AND, FIELD(JIT_T0, eflags), ~X86_EFLAGS_IF);
    jit_flags_clobber(b);
}

static void emit_cld(JitBuild *b, const JitInsn *insn)
{
    jit_flags_save(b);
    load_state_address(b, JIT_T0);
    emit_alu_mem_imm(b, HOST_AND, FIELD(JIT_T0, eflags), ~X86_EFLAGS_DF);
    jit_flags_clobber(b);
}

static void emit_std(JitBuild *b, const JitInsn *insn)
{
    jit_flags_save(b);
    load_state_address(b, JIT_T0);
    emit_alu_mem_imm(b, HOST_OR, FIELD(JIT_T0, eflags), X86_EFLAGS_DF);
    jit_flags_clobber(b);
}

/*
 * With nothing to be interrupted by, STI is only the flag: what is asked of the CPU later
 * sets the word that is polled, and nothing polls before the next instruction has run. As
 * the block's last instruction it leaves its shadow to the exec loop.
 */
static void emit_sti(JitBuild *b, const JitInsn *insn)
{
    if (insn->index + 1u == b->count) {
        jit_emit_interpret(b, insn);
        return;
    }
    jit_flags_save(b);
    emit_mov_imm(&b->e, JIT_T0, (uintptr_t)&b->cpu->parent.interrupt_request);
    emit_cmp_mem_imm8(&b->e, 4, host_mem(JIT_T0, 0), 0);
    interpret_unless_zero(b, insn);
    load_state_address(b, JIT_T0);
    emit_alu_mem_imm(b, HOST_OR, FIELD(JIT_T0, eflags), X86_EFLAGS_IF);
    jit_flags_clobber(b);
}

/* --- PUSHF ---------------------------------------------------------------------------- */

/* Leaves the flags as PUSHF stores them in T0; T1 is lost. Flags must have been saved. */
static void emit_gather_flags(JitBuild *b)
{
    Emit *e = &b->e;
    HostMem low = JIT_ABS(b->jit, flags), high = low;

    high.disp++;
    emit_op_mem(e, false, 0x0fb6, JIT_T0, high); /* movzx */
    emit_alu_imm(e, false, HOST_AND, JIT_T0, X86_EFLAGS_ARITH & 0xff);
    emit_op_mem(e, false, 0x0fb6, JIT_T1, low);
    emit_alu_imm(e, false, HOST_AND, JIT_T1, 1);
    emit_shift_imm(e, false, HOST_SHL, JIT_T1, 11);
    emit_op_reg(e, false, 0x0b, JIT_T0, JIT_T1);
    load_state_address(b, JIT_T1);
    emit_load(e, false, JIT_T1, FIELD(JIT_T1, eflags));
    emit_alu_imm(e, false, HOST_AND, JIT_T1,
                 ~(X86_EFLAGS_ARITH | X86_EFLAGS_VM | X86_EFLAGS_RF));
    emit_op_reg(e, false, 0x0b, JIT_T0, JIT_T1);
}

static void emit_pushf(JitBuild *b, const JitInsn *insn)
{
    unsigned size = b->mode64 ? 8 : 4;
    HostMem scratch = JIT_ABS(b->jit, resume);

    jit_flags_save(b);
    emit_gather_flags(b);
    emit_store(&b->e, true, JIT_T0, scratch);
    HostMem m = jit_mem_at(b, insn, JIT_RSP, -(int)size, size, true);
    emit_load(&b->e, true, JIT_T0, scratch);
    emit_store(&b->e, size == 8, JIT_T0, m);
    emit_lea(&b->e, b->mode64, JIT_RSP, host_mem(JIT_RSP, -(int)size));
    jit_flags_clobber(b);
}

/* --- SMAP ----------------------------------------------------------------------------- */

/*
 * The mode changes to one that is known, so that the block's exit leads there directly.
 * T0 holds the address of X86State.
 */
static void emit_enter_mode(JitBuild *b, const JitInsn *insn, uint32_t key)
{
    Emit *e = &b->e;
    uint32_t hflags = (b->cpu->state.hflags & ~X86_HF_SMAP) | (key & X86_HF_SMAP);
    X86TlbIndex idx = key & X86_HF_SMAP ? X86_TLB_KERNEL_SMAP : X86_TLB_KERNEL;

    emit_store_imm(e, false, FIELD(JIT_T0, hflags), hflags);
    emit_mov_imm(e, JIT_T0, (uintptr_t)&b->cpu->interp->key);
    emit_store_imm(e, false, host_mem(JIT_T0, 0), key);
    emit_mov_imm(e, JIT_T0, (uintptr_t)&b->cpu->tlb_now);
    emit_store_imm(e, true, host_mem(JIT_T0, 0), (uintptr_t)b->cpu->tlb->entry[idx]);
    jit_emit_mode_exit(b, jit_rip_after(b, insn), key);
}

static void emit_stac(JitBuild *b, const JitInsn *insn)
{
    jit_flags_save(b);
    load_state_address(b, JIT_T0);
    emit_alu_mem_imm(b, HOST_OR, FIELD(JIT_T0, eflags), X86_EFLAGS_AC);
    jit_flags_clobber(b);
    emit_enter_mode(b, insn, b->tb->key & ~(X86_HF_SMAP | X86_KEY_CAREFUL));
}

static void emit_clac(JitBuild *b, const JitInsn *insn)
{
    jit_flags_save(b);
    load_state_address(b, JIT_T0);
    if (!(b->tb->key & X86_HF_SMAP)) {
        emit_load(&b->e, false, JIT_T1, FIELD(JIT_T0, cr4));
        emit_op_reg(&b->e, false, 0xf7, HOST_NOT, JIT_T1);
        emit_op_reg(&b->e, false, 0xf7, 0, JIT_T1); /* test: without CR4.SMAP the mode stays */
        emit32(&b->e, X86_CR4_SMAP);
        interpret_unless_zero(b, insn);
    }
    emit_alu_mem_imm(b, HOST_AND, FIELD(JIT_T0, eflags), ~X86_EFLAGS_AC);
    jit_flags_clobber(b);
    emit_enter_mode(b, insn, (b->tb->key & ~X86_KEY_CAREFUL) | X86_HF_SMAP);
}

/* --- segment bases --------------------------------------------------------------------- */

static void emit_swapgs(JitBuild *b, const JitInsn *insn)
{
    Emit *e = &b->e;
    HostMem base = FIELD(JIT_T0, segs[X86_GS].base), other = FIELD(JIT_T0, kernel_gs_base);

    load_state_address(b, JIT_T0);
    emit_load(e, true, JIT_T1, base);
    emit_load(e, true, JIT_T2, other);
    emit_store(e, true, JIT_T1, other);
    emit_store(e, true, JIT_T2, base);
    emit_store(e, true, JIT_T2, JIT_ABS(b->jit, seg_base[1]));
}

/* The FS or GS base to a 64-bit register, with CR4.FSGSBASE. */
static void emit_read_base(JitBuild *b, const JitInsn *insn)
{
    Emit *e = &b->e;
    unsigned i = insn->x.mnemonic == X86_MN_RDFSBASE ? 0 : 1;

    jit_flags_save(b);
    load_state_address(b, JIT_T0);
    emit_load(e, false, JIT_T1, FIELD(JIT_T0, cr4));
    emit_op_reg(e, false, 0xf7, HOST_NOT, JIT_T1);
    emit_op_reg(e, false, 0xf7, 0, JIT_T1); /* test */
    emit32(e, X86_CR4_FSGSBASE);
    interpret_unless_zero(b, insn);
    emit_load(e, true, JIT_T0, JIT_ABS(b->jit, seg_base[i]));
    emit_to_register(b, insn->x.op[0].reg);
    jit_flags_clobber(b);
}

/* --- registers ----------------------------------------------------------------------------- */

/* MOV from a control register that is no more than a field, or from a segment register. */
static void emit_read_control(JitBuild *b, const JitInsn *insn)
{
    static const uint16_t offsets[] = {
        [0] = offsetof(X86State, cr0), [2] = offsetof(X86State, cr2),
        [3] = offsetof(X86State, cr3), [4] = offsetof(X86State, cr4),
    };

    load_state_address(b, JIT_T0);
    emit_load(&b->e, b->mode64, JIT_T0, field(JIT_T0, offsets[insn->x.op[1].reg]));
    emit_to_register(b, insn->x.op[0].reg);
}

static void emit_read_selector(JitBuild *b, const JitInsn *insn)
{
    size_t offset = offsetof(X86State, segs) + insn->x.op[1].reg * sizeof(X86Segment) +
                    offsetof(X86Segment, selector);

    load_state_address(b, JIT_T0);
    emit_op_mem(&b->e, false, 0x0fb7, JIT_T0, field(JIT_T0, offset)); /* movzx */
    emit_to_register(b, insn->x.op[0].reg);
}

/* --- C functions ---------------------------------------------------------------------------- */

static void emit_rdtsc(JitBuild *b, const JitInsn *insn)
{
    jit_emit_call(b, insn, jit_rdtsc);
}

static void emit_rdtscp(JitBuild *b, const JitInsn *insn)
{
    jit_emit_call(b, insn, jit_rdtscp);
}

static void emit_syscall(JitBuild *b, const JitInsn *insn)
{
    jit_emit_call(b, insn, jit_syscall);
}

static void emit_sysret(JitBuild *b, const JitInsn *insn)
{
    jit_emit_call(b, insn, insn->x.op_size == 8 ? jit_sysret : jit_sysret32);
}

static void emit_iret(JitBuild *b, const JitInsn *insn)
{
    jit_emit_call(b, insn, jit_iret);
}

static void emit_write_base(JitBuild *b, const JitInsn *insn)
{
    jit_emit_call(b, insn, jit_write_base);
}

static void emit_pause(JitBuild *b, const JitInsn *insn)
{
    emit8(&b->e, 0xf3);
    emit8(&b->e, 0x90);
}

/* Where there are other CPUs to wait for. */
static void emit_long_pause(JitBuild *b, const JitInsn *insn)
{
    jit_emit_call(b, insn, jit_pause);
}

static void emit_nothing(JitBuild *b, const JitInsn *insn)
{
}

/* --- choice ------------------------------------------------------------------------------ */

typedef enum SystemKind {
    PLAIN,
    ACCESSES, /* may be interpreted after all, or fault */
    ENDS,     /* the same, and nothing of the block comes after it */
    CALLS,    /* a C function, which goes on after it */
    LEAVES,   /* a C function, which goes on elsewhere */
} SystemKind;

/* Beside what the row says, where the instruction is not left to the interpreter. */
typedef enum SystemNeed {
    ANYWHERE, IOPL, WORD_SIZE, IN_RING_0_64, IN_64, LONG_MODE, WIDE_64, OTHER_CPUS,
} SystemNeed;

typedef struct SystemInsn {
    uint16_t mnemonic;
    JitEmitFn *emit;
    SystemKind kind;
    SystemNeed need;
} SystemInsn;

static const SystemInsn system_insns[] = {
    { X86_MN_CLI, emit_cli, ACCESSES, IOPL },
    { X86_MN_STI, emit_sti, ACCESSES, IOPL },
    { X86_MN_CLD, emit_cld, ACCESSES, ANYWHERE },
    { X86_MN_STD, emit_std, ACCESSES, ANYWHERE },
    { X86_MN_PUSHF, emit_pushf, ACCESSES, WORD_SIZE },
    { X86_MN_SWAPGS, emit_swapgs, PLAIN, ANYWHERE },
    { X86_MN_STAC, emit_stac, ENDS, ANYWHERE },
    { X86_MN_CLAC, emit_clac, ENDS, ANYWHERE },
    { X86_MN_SERIALIZE, emit_nothing, PLAIN, ANYWHERE },
    { X86_MN_RDTSC, emit_rdtsc, CALLS, ANYWHERE },
    { X86_MN_RDTSCP, emit_rdtscp, CALLS, ANYWHERE },
    { X86_MN_RDFSBASE, emit_read_base, ACCESSES, WIDE_64 },
    { X86_MN_RDGSBASE, emit_read_base, ACCESSES, WIDE_64 },
    { X86_MN_WRFSBASE, emit_write_base, CALLS, WIDE_64 },
    { X86_MN_WRGSBASE, emit_write_base, CALLS, WIDE_64 },
    { X86_MN_SYSCALL, emit_syscall, LEAVES, LONG_MODE },
    { X86_MN_SYSRET, emit_sysret, LEAVES, IN_64 },
    { X86_MN_IRET, emit_iret, LEAVES, IN_RING_0_64 },
    { X86_MN_PAUSE, emit_long_pause, CALLS, OTHER_CPUS },
    { X86_MN_PAUSE, emit_pause, PLAIN, ANYWHERE },
};

static bool has_other_cpus(const X86CPU *cpu)
{
    const MachineState *machine = cpu->parent.parent.machine;

    return machine && machine->max_cpus > 1;
}

static bool is_met(const JitBuild *b, const JitInsn *insn, SystemNeed need)
{
    switch (need) {
    case IOPL:
        return b->tb->key & X86_HF_IOPL_OK;
    case WORD_SIZE:
        return insn->x.op_size == (b->mode64 ? 8 : 4);
    case IN_64:
        return b->mode64;
    case LONG_MODE:
        return b->tb->key & X86_HF_LMA;
    case WIDE_64:
        return b->mode64 && insn->x.op_size == 8;
    case IN_RING_0_64:
        return b->mode64 && insn->x.op_size == 8 && !(b->tb->key & X86_HF_CPL_MASK);
    case OTHER_CPUS:
        return has_other_cpus(b->cpu);
    default:
        return true;
    }
}

/* Reads of registers into a general register. */
static JitEmitFn *register_read(const X86Insn *x)
{
    const unsigned plain = 1 << 0 | 1 << 2 | 1 << 3 | 1 << 4;

    if (x->op[0].kind != X86_OP_GPR) {
        return NULL;
    }
    if (x->mnemonic == X86_MN_MOV_CR) {
        return x->op[1].reg < 8 && (plain >> x->op[1].reg & 1) ? emit_read_control : NULL;
    }
    return x->mnemonic == X86_MN_MOV_SEG && x->op_size != 2 && x->op[1].reg < X86_SEG_COUNT
               ? emit_read_selector : NULL;
}

bool jit_choose_system(JitBuild *b, JitInsn *insn)
{
    insn->emit = register_read(&insn->x);
    for (unsigned i = 0; !insn->emit && i < G_N_ELEMENTS(system_insns); i++) {
        const SystemInsn *row = &system_insns[i];

        if (row->mnemonic == insn->x.mnemonic && is_met(b, insn, row->need)) {
            insn->emit = row->emit;
            insn->accesses = row->kind == ACCESSES || row->kind == ENDS;
            insn->interpreted = row->kind >= CALLS;
            insn->ends = row->kind == ENDS || row->kind == LEAVES;
        }
    }
    return insn->emit;
}
