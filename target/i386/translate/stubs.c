/*
 * Code that all blocks share: in and out of translated code, and calls from it
 * into C.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/translate/jit.h"
#include "target/i386/translate/lockstep.h"

static const uint8_t callee_saved[] = {
    HOST_RBX, HOST_RBP, HOST_R12, HOST_R13, HOST_R14, HOST_R15,
};

static void emit_push_pop(Emit *e, unsigned opcode, unsigned reg)
{
    if (reg & 8) {
        emit8(e, 0x41);
    }
    emit8(e, opcode | (reg & 7));
}

static void emit_push(Emit *e, unsigned reg)
{
    emit_push_pop(e, 0x50, reg);
}

static void emit_pop(Emit *e, unsigned reg)
{
    emit_push_pop(e, 0x58, reg);
}

void jit_emit_save_flags(X86Jit *jit, Emit *e)
{
    emit_mov(e, true, JIT_T0, HOST_RAX);
    emit8(e, 0x9f); /* lahf */
    emit_op_reg(e, false, 0x0f90 | HOST_O, 0, HOST_RAX);
    emit_store(e, false, HOST_RAX, JIT_ABS(jit, flags));
    emit_mov(e, true, HOST_RAX, JIT_T0);
}

void jit_emit_restore_flags(X86Jit *jit, Emit *e)
{
    emit_mov(e, true, JIT_T0, HOST_RAX);
    emit_load(e, false, HOST_RAX, JIT_ABS(jit, flags));
    emit8(e, 0x04); /* add al, 127: OF if al is 1 */
    emit8(e, 0x7f);
    emit8(e, 0x9e); /* sahf */
    emit_mov(e, true, HOST_RAX, JIT_T0);
}

static void emit_regs(X86Jit *jit, Emit *e, void (*op)(Emit *, bool, unsigned, HostMem))
{
    for (unsigned reg = 0; reg < 16; reg++) {
        if (jit_host_reg(reg) != HOST_NONE) {
            op(e, true, jit_host_reg(reg), jit_reg_home(jit, reg));
        }
    }
}

/* A VEX instruction of map 0F without a mandatory prefix: reg, [base + disp], of 128 bits or of 256; its
 * second source, if it has one, is XMM0. */
static void emit_vex_0f(Emit *e, bool wide, unsigned opcode, unsigned reg, unsigned base, int32_t disp)
{
    emit8(e, 0xc4);
    emit8(e, (reg & 8 ? 0 : 0x80) | 0x40 | (base & 8 ? 0 : 0x20) | 1);
    emit8(e, wide ? 0x7c : 0x78);
    emit8(e, opcode);
    emit_mem(e, reg, host_mem(base, disp));
}

/* LDMXCSR (/2), STMXCSR (/3) */
static void emit_mxcsr(Emit *e, unsigned digit, HostMem m)
{
    emit_op_mem(e, false, 0x0fae, digit, m);
}

/* The opcode is that of VMOVUPS: 10 loads the vector registers, or their low halves, from [T0], 11 stores
 * them there. */
static void emit_vec_moves(Emit *e, bool wide, unsigned opcode)
{
    for (unsigned i = 0; i < 16; i++) {
        emit_vex_0f(e, wide, opcode, i, JIT_T0, i * sizeof(X86Vector));
    }
}

/* Z: the upper halves of the YMM registers at [T0] are all zero. XMM0 is lost. */
static void emit_test_upper_halves(Emit *e)
{
    static const uint8_t vptest_xmm0_xmm0[] = { 0xc4, 0xe2, 0x79, 0x17, 0xc0 };

    for (unsigned i = 0; i < 16; i++) {
        emit_vex_0f(e, false, i ? 0x56 /* VORPS */ : 0x10, 0, JIT_T0, i * sizeof(X86Vector) + 16);
    }
    emit_bytes(e, vptest_xmm0_xmm0, sizeof(vptest_xmm0_xmm0));
}

static HostMem mxcsr_at_t0(const X86Jit *jit)
{
    const X86State *s = &jit->cpu->state;

    return host_mem(JIT_T0, (intptr_t)&s->mxcsr - (intptr_t)s->xmm);
}

/*
 * Loads the vector registers; T0 is lost. Hosts know of registers whose upper half is zero, but not if it was
 * loaded: then every SSE instruction, which keeps the upper half, waits for the one that wrote the register
 * before. So what has no upper halves is loaded without them.
 */
static void emit_load_vec_registers(X86Jit *jit, Emit *e)
{
    emit_mov_imm(e, JIT_T0, (uintptr_t)jit->cpu->state.xmm);
    emit_test_upper_halves(e);
    uint8_t *wide = emit_jcc(e, HOST_NZ, NULL);
    emit_vec_moves(e, false, 0x10);
    uint8_t *done = emit_jmp(e, NULL);
    emit_patch_here(e, wide);
    emit_vec_moves(e, true, 0x10);
    emit_patch_here(e, done);
    emit_mxcsr(e, 2, mxcsr_at_t0(jit));
}

static void emit_save_vec(X86Jit *jit, Emit *e)
{
    emit_mov_imm(e, JIT_T0, (uintptr_t)jit->cpu->state.xmm);
    emit_vec_moves(e, true, 0x11);
    emit_mxcsr(e, 3, mxcsr_at_t0(jit));
    emit_mxcsr(e, 2, JIT_ABS(jit, host_mxcsr));
    emit8(e, 0xc5); /* vzeroupper */
    emit8(e, 0xf8);
    emit8(e, 0x77);
}

/* FNSAVE (/6 of DD) and FRSTOR (/4); FNSAVE leaves the x87 as a process starts with it. */
static void emit_x87_move(X86Jit *jit, Emit *e, unsigned digit)
{
    emit_op_mem(e, false, 0xdd, digit, JIT_ABS(jit, x87_image));
}

/* Saves what of the guest's vector and x87 state is in the host's registers. */
static void emit_save_live(X86Jit *jit, Emit *e)
{
    emit_cmp_mem_imm8(e, 4, JIT_ABS(jit, vec_live), 0);
    uint8_t *no_vec = emit_jcc(e, HOST_Z, NULL);
    emit_save_vec(jit, e);
    emit_patch_here(e, no_vec);
    emit_cmp_mem_imm8(e, 4, JIT_ABS(jit, x87_live), 0);
    uint8_t *no_x87 = emit_jcc(e, HOST_Z, NULL);
    emit_x87_move(jit, e, 6);
    emit_patch_here(e, no_x87);
}

/* The reverse; T0 is lost. */
static void emit_load_live(X86Jit *jit, Emit *e)
{
    emit_cmp_mem_imm8(e, 4, JIT_ABS(jit, vec_live), 0);
    uint8_t *no_vec = emit_jcc(e, HOST_Z, NULL);
    emit_load_vec_registers(jit, e);
    emit_patch_here(e, no_vec);
    emit_cmp_mem_imm8(e, 4, JIT_ABS(jit, x87_live), 0);
    uint8_t *no_x87 = emit_jcc(e, HOST_Z, NULL);
    emit_x87_move(jit, e, 4);
    emit_patch_here(e, no_x87);
}

/* RSP points to the context, or to the stack again. */
static void emit_to_context(X86Jit *jit, Emit *e)
{
    e->context = 0;
    emit_store(e, true, HOST_RSP, JIT_ABS(jit, stack));
    e->context = jit_context_rsp(jit);
    emit_mov_imm(e, HOST_RSP, e->context);
}

static void emit_to_stack(X86Jit *jit, Emit *e)
{
    emit_load(e, true, HOST_RSP, JIT_ABS(jit, stack));
}

static void emit_enter(X86Jit *jit, Emit *e)
{
    jit->stubs.enter = emit_here(e);
    for (unsigned i = 0; i < G_N_ELEMENTS(callee_saved); i++) {
        emit_push(e, callee_saved[i]);
    }
    emit_alu_imm(e, true, HOST_SUB, HOST_RSP, 8); /* alignment for calls */
    emit_to_context(jit, e);
    emit_store(e, true, HOST_RDI, JIT_ABS(jit, resume));
}

/* Flags and registers from the context, then on at ctx->resume. */
static void emit_resume(X86Jit *jit, Emit *e)
{
    jit_emit_restore_flags(jit, e);
    emit_regs(jit, e, emit_load);
    emit_load(e, true, JIT_T1, JIT_ABS(jit, place));
    emit_load(e, true, JIT_T2, JIT_ABS(jit, second_anchor));
    emit_op_mem(e, false, 0xff, 4, JIT_ABS(jit, resume));
}

static void emit_return(Emit *e)
{
    emit_op_mem(e, true, 0x8d, HOST_RSP, host_mem(HOST_RSP, 8));
    for (unsigned i = G_N_ELEMENTS(callee_saved); i-- > 0;) {
        emit_pop(e, callee_saved[i]);
    }
    emit8(e, 0xc3);
}

/* The end of all: the registers are stored. */
static const uint8_t *emit_leave(X86Jit *jit, Emit *e)
{
    const uint8_t *start = emit_here(e);

    emit_to_stack(jit, e);
    emit_return(e);
    return start;
}

/* Calls fn(ctx, T1, T0), by its address in T2 if it is 0, and goes on where it says, or leaves.
 * Flags are saved. */
static const uint8_t *emit_c_call(X86Jit *jit, Emit *e, uintptr_t fn, const uint8_t *stored)
{
    const uint8_t *start = emit_here(e);

    emit_regs(jit, e, emit_store);
    emit_mov(e, true, HOST_RDX, JIT_T0);
    emit_save_live(jit, e);
    emit_mov_imm(e, HOST_RDI, (uintptr_t)jit->ctx);
    emit_mov(e, true, HOST_RSI, JIT_T1);
    if (jit->lockstep) {
        emit_mov(e, true, HOST_RCX, JIT_T2);
        fn = jit_lockstep_call(fn);
    }
    if (fn) {
        emit_mov_imm(e, HOST_RAX, fn);
    }
    emit_to_stack(jit, e);
    emit_op_reg(e, false, 0xff, 2, fn ? HOST_RAX : JIT_T2);
    emit_mov_imm(e, HOST_RSP, e->context);
    emit_op_reg(e, true, 0x85, HOST_RAX, HOST_RAX);
    emit_jcc(e, HOST_Z, stored);
    emit_store(e, true, HOST_RAX, JIT_ABS(jit, resume));
    emit_load_live(jit, e); /* unless fn has let go of it */
    emit_resume(jit, e);
    return start;
}

/* The same with flags in the host's. */
static const uint8_t *emit_host_variant(X86Jit *jit, Emit *e, const uint8_t *saved)
{
    const uint8_t *start = emit_here(e);

    jit_emit_save_flags(jit, e);
    emit_jmp(e, saved);
    return start;
}

static const uint8_t *emit_miss_host(X86Jit *jit, Emit *e, const uint8_t *saved)
{
    const uint8_t *start = emit_here(e);

    jit_emit_save_flags(jit, e);
    emit_mov(e, true, JIT_T0, JIT_T2);
    emit_jmp(e, saved);
    return start;
}

static const uint8_t *emit_return_0(Emit *e, const uint8_t *miss)
{
    const uint8_t *start = emit_here(e);

    emit_mov_imm(e, JIT_T1, 0);
    emit_jmp(e, miss);
    return start;
}

static void emit_c_calls(X86Jit *jit, Emit *e, const uint8_t *stored)
{
    X86JitStubs *stubs = &jit->stubs;

    stubs->interpret = emit_c_call(jit, e, (uintptr_t)jit_interpret, stored);
    stubs->interpret_host = emit_host_variant(jit, e, stubs->interpret);
    stubs->call = emit_c_call(jit, e, 0, stored);
    stubs->miss_read = emit_c_call(jit, e, (uintptr_t)jit_miss_read, stored);
    stubs->miss_write = emit_c_call(jit, e, (uintptr_t)jit_miss_write, stored);
    stubs->miss_read_host = emit_miss_host(jit, e, stubs->miss_read);
    stubs->miss_write_host = emit_miss_host(jit, e, stubs->miss_write);
    stubs->indirect = emit_c_call(jit, e, (uintptr_t)jit_indirect, stored);
    stubs->link = emit_c_call(jit, e, (uintptr_t)jit_follow, stored);
    stubs->link_host = emit_host_variant(jit, e, stubs->link);
    stubs->miss = emit_c_call(jit, e, (uintptr_t)jit_miss, stored);
    stubs->return_0 = emit_return_0(e, stubs->miss);
    stubs->load_x87 = emit_c_call(jit, e, (uintptr_t)jit_load_x87, stored);
}

static void emit_load_vec(X86Jit *jit, Emit *e)
{
    jit->stubs.load_vec = emit_here(e);
    emit_load_vec_registers(jit, e);
    emit_store_imm(e, false, JIT_ABS(jit, vec_live), 1);
    emit8(e, 0xc3);
}

/* Is the span in the page of the stack's other site? Then T1 becomes its addend and the stub
 * returns with Z. T0 is on the host's stack. */
static void emit_other_stack_site(Emit *e, uint32_t other)
{
    emit_op_mem(e, true, 0x2b, JIT_T0, host_abs(other + offsetof(X86TlbSite, page)));
    emit_op_mem(e, true, 0x2b, JIT_T1, host_abs(other + offsetof(X86TlbSite, page)));
    emit_op_reg(e, true, 0x0b, JIT_T0, JIT_T1); /* or: below a power of two if both are */
    emit_shift_imm(e, true, HOST_SHR, JIT_T0, 12);
    uint8_t *elsewhere = emit_jcc(e, HOST_NZ, NULL);
    emit_load(e, true, JIT_T1, host_abs(other + offsetof(X86TlbSite, addend)));
    emit_pop(e, JIT_T0);
    emit8(e, 0xc3);
    emit_patch_here(e, elsewhere);
    emit_op_mem(e, true, 0x03, JIT_T1, host_abs(other + offsetof(X86TlbSite, page)));
    emit_pop(e, JIT_T0);
}

/* What the stack's site had becomes the other one's. */
static void emit_age_stack_site(Emit *e, uint32_t site, uint32_t other)
{
    static const uint8_t fields[] = { offsetof(X86TlbSite, page), offsetof(X86TlbSite, addend) };

    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
        emit_op_mem(e, false, 0xff, 6, host_abs(site + fields[i])); /* push */
        emit_op_mem(e, false, 0x8f, 0, host_abs(other + fields[i])); /* pop */
    }
}

static void emit_stack_lookup(X86Jit *jit, Emit *e, unsigned idx, bool write)
{
    X86Tlb *tlb = jit->cpu->tlb;
    uint32_t table = (uintptr_t)tlb->entry[idx];
    uint32_t site = (uintptr_t)&tlb->site[idx][write][X86_TLB_STACK_SITE];
    uint32_t other = (uintptr_t)&tlb->site[idx][write][X86_TLB_OTHER_STACK_SITE];
    unsigned tag = write ? offsetof(X86TlbEntry, write) : offsetof(X86TlbEntry, read);

    jit->stubs.stack[idx][write] = emit_here(e);
    emit_push(e, JIT_T0);
    emit_other_stack_site(e, other);
    emit_shift_imm(e, false, HOST_SHR, JIT_T0, JIT_TLB_SHIFT);
    emit_alu_imm(e, false, HOST_AND, JIT_T0, JIT_TLB_MASK);
    emit_alu_imm(e, true, HOST_AND, JIT_T1, -0x1000);
    emit_op_mem(e, true, 0x3b, JIT_T1, host_mem(JIT_T0, table + tag));
    uint8_t *missing = emit_jcc(e, HOST_NZ, NULL);
    emit_age_stack_site(e, site, other);
    emit_store(e, true, JIT_T1, host_abs(site + offsetof(X86TlbSite, page)));
    emit_load(e, true, JIT_T1, host_mem(JIT_T0, table + offsetof(X86TlbEntry, addend)));
    emit_store(e, true, JIT_T1, host_abs(site + offsetof(X86TlbSite, addend)));
    emit8(e, 0xc3);
    emit_patch_here(e, missing);
    emit_mov(e, true, JIT_T0, JIT_T1);
    emit8(e, 0xc3);
}

static void emit_stack_lookups(X86Jit *jit, Emit *e)
{
    for (unsigned idx = 0; idx < X86_TLB_COUNT; idx++) {
        emit_stack_lookup(jit, e, idx, false);
        emit_stack_lookup(jit, e, idx, true);
    }
}

void jit_emit_stubs(X86Jit *jit)
{
    Emit e, cold;

    jit->code_used = 0;
    jit_cache_begin(jit, &e, &cold);
    emit_enter(jit, &e);
    emit_resume(jit, &e);
    emit_c_calls(jit, &e, emit_leave(jit, &e));
    e.context -= sizeof(uint64_t); /* these are called: the way back is on the stack */
    emit_load_vec(jit, &e);
    emit_stack_lookups(jit, &e);
    jit_cache_end(jit, &e, &cold);
    jit->stubs_size = jit->code_used;
}
