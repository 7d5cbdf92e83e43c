/*
 * Branches, calls and returns, and the ways out of a block.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/translate/build.h"

/* --- direct exits -------------------------------------------------------------------- */

static X86TbExit *new_exit(JitBuild *b, uint64_t rip)
{
    X86TbExit *exit = &b->tb->exits[b->tb->exit_count++];

    exit->rip = b->mode64 ? rip : (uint32_t)rip;
    exit->key = b->tb->key & ~X86_KEY_CAREFUL;
    exit->same_page = ((exit->rip ^ b->tb->rip) & X86_PAGE_MASK) == 0;
    return exit;
}

/* branch is the exit's. */
static void set_branch(const JitBuild *b, X86TbExit *exit, const uint8_t *branch)
{
    exit->disp = branch - b->jit->code_rw;
}

/* Where the exit leads when it is not linked, from its branch. */
static void emit_link_stub(JitBuild *b, X86TbExit *exit)
{
    exit->unlinked = emit_here(&b->e) - b->jit->code_rx;
    jit_emit_placed(b, JIT_T1, (uintptr_t)exit, FIXUP_EXIT);
    emit_jmp(&b->e, exit->entry.saved ? b->jit->stubs.link : b->jit->stubs.link_host);
    emit_patch(jit_exit_branch(b->jit, exit), b->e.delta, jit_exit_unlinked(b->jit, exit));
}

/* Flags saved, or in the host's, with a recipe if there is one. */
static void hand_over(JitBuild *b, X86TbExit *exit)
{
    if (!exit->same_page) {
        jit_flags_save(b);
        exit->entry.saved = true;
        return;
    }
    exit->entry = (JitEntry){ .saved = b->flags & FLAGS_SAVED, .vec_known = b->vec_known,
                              .x87_known = b->x87_known, .anchor = b->handed_over };
    if (!exit->entry.saved) {
        jit_flags_need_host(b);
        exit->entry.host = true;
        if (b->flags & FLAGS_REPLAY) {
            exit->entry.recipe = b->recipe;
        }
    }
}

/* Has the block polled before it comes to the insn-th instruction? */
static bool has_polled(const JitBuild *b, unsigned insn)
{
    return b->polled <= insn && b->polled < b->count;
}

/* Leaves for C if the poll word says so; returns the branch. */
static uint8_t *emit_poll(JitBuild *b)
{
    jit_flags_keep(b);
    emit_cmp_mem_imm8(&b->e, 4, JIT_ABS(b->jit, poll), 0);
    jit_flags_clobber(b);
    return emit_jcc(&b->e, HOST_NZ, NULL);
}

static unsigned host_condition(const JitInsn *insn)
{
    return insn->x.mnemonic - X86_MN_JO;
}

/* The branch itself, with flags as b->flags says. */
static void finish_exit(JitBuild *b, X86TbExit *exit, bool poll)
{
    JitCold cold = { .kind = COLD_UNLINKED, .exit = exit };

    if (poll && exit->same_page) {
        cold.disp = emit_poll(b);
    }
    jit_add_cold(b, cold);
    hand_over(b, exit);
    set_branch(b, exit, emit_jmp(&b->e, NULL));
}

void jit_emit_unlinked(JitBuild *b, const JitCold *cold)
{
    X86TbExit *exit = cold->exit;

    if (cold->disp) {
        emit_patch_here(&b->e, cold->disp);
        b->flags = cold->flags;
        b->recipe = cold->recipe;
        if (!exit->entry.saved) {
            jit_flags_need_host(b);
        }
    }
    emit_link_stub(b, exit);
}

void jit_emit_exit(JitBuild *b, uint64_t rip, bool poll)
{
    finish_exit(b, new_exit(b, rip), poll);
}

void jit_emit_mode_exit(JitBuild *b, uint64_t rip, uint32_t key)
{
    X86TbExit *exit = new_exit(b, rip);

    exit->key = key;
    finish_exit(b, exit, false);
}

static bool is_backward(const JitBuild *b, const JitInsn *insn, uint64_t rip)
{
    return rip <= b->tb->rip + insn->guest;
}

static bool needs_poll(const JitBuild *b, const JitInsn *insn, uint64_t rip)
{
    return is_backward(b, insn, rip) && !has_polled(b, insn->index);
}

void jit_emit_cold_exit(JitBuild *b, const JitCold *cold)
{
    X86TbExit *exit = cold->exit;
    bool poll = needs_poll(b, &b->insns[cold->insn], exit->rip);

    b->flags = cold->flags;
    b->recipe = cold->recipe;
    b->vec_known = cold->vec_known;
    b->x87_known = cold->x87_known;
    b->handed_over = cold->handed_over;
    if (exit->same_page && !poll) {
        /* the conditional jump is the exit's branch */
        hand_over(b, exit);
        set_branch(b, exit, cold->disp);
        emit_link_stub(b, exit);
        return;
    }
    emit_patch_here(&b->e, cold->disp);
    finish_exit(b, exit, poll);
}

static uint64_t branch_target(const JitBuild *b, const JitInsn *insn)
{
    return jit_rip_after(b, insn) + insn->x.imm;
}

static void emit_jump(JitBuild *b, const JitInsn *insn)
{
    uint64_t target = branch_target(b, insn);

    jit_emit_exit(b, target, needs_poll(b, insn, target));
}

static bool is_loop(const JitBuild *b, const JitInsn *insn)
{
    uint64_t target = branch_target(b, insn);

    return is_backward(b, insn, target) && ((target ^ b->tb->rip) & X86_PAGE_MASK) == 0;
}

void jit_find_loops(JitBuild *b)
{
    unsigned i = 0;

    while (i < b->count && !(b->insns[i].x.op[0].kind == X86_OP_REL && is_loop(b, &b->insns[i]))) {
        i++;
    }
    b->first_loop = i;
    b->polled = b->count;
}

/* Is T1 the same after insn, which may be the first of its group, as before it? Else what follows would not
 * find its place if insn were interpreted. */
static bool leaves_place(const JitBuild *b, const JitInsn *insn)
{
    return !insn->group || b->anchor || b->place_group == insn->group;
}

/* Is a poll free in front of insn? It loses the host's flags: nobody misses them if insn sets all, and
 * emit_poll() need not save what they were if that is known otherwise. If the poll finds something insn is
 * interpreted, and must be nothing more than one instruction: what follows may rely on a place or on vector
 * state that insn, and not the interpreter, would leave. */
static bool is_poll_free(const JitBuild *b, const JitInsn *insn)
{
    return !(X86_EFLAGS_ARITH & ~insn->flags_killed) && !insn->flags_read && insn->emit == jit_emit_copy &&
           !insn->x87 && (!insn->vector || b->vec_known) && leaves_place(b, insn) &&
           (b->flags & (FLAGS_REPLAY | FLAGS_SAVED));
}

void jit_emit_early_poll(JitBuild *b, const JitInsn *insn)
{
    /* lockstep relies on polls at the branches */
    if (b->jit->lockstep || insn->index >= b->first_loop || has_polled(b, insn->index) ||
        !is_poll_free(b, insn)) {
        return;
    }
    b->polled = insn->index;
    jit_add_cold(b, (JitCold){ .kind = COLD_POLL, .disp = emit_poll(b), .insn = insn->index });
}

/* A loop's branch: taken most of the time, so that its exit stands here. Nothing needs to
 * be saved for it. */
static void emit_loop(JitBuild *b, const JitInsn *insn, uint64_t target)
{
    uint8_t *skip = emit_jcc(&b->e, host_condition(insn) ^ 1, NULL);
    JitFlags flags = b->flags;
    JitRecipe recipe = b->recipe;

    jit_emit_exit(b, target, true);
    emit_patch_here(&b->e, skip);
    b->flags = flags;
    b->recipe = recipe;
    jit_forget_place(b);
}

static void emit_conditional(JitBuild *b, const JitInsn *insn)
{
    uint64_t target = branch_target(b, insn);

    jit_flags_need_host(b);
    if (is_loop(b, insn) && !has_polled(b, insn->index) && b->flags != FLAGS_HOST) {
        emit_loop(b, insn, target);
        return;
    }
    uint8_t *disp = emit_jcc(&b->e, host_condition(insn), NULL);
    jit_add_cold(b, (JitCold){ .kind = COLD_EXIT, .disp = disp, .insn = insn->index,
                               .exit = new_exit(b, target) });
}

bool jit_is_own_loop(const JitBuild *b, const JitInsn *insn)
{
    return (insn->emit == emit_conditional || insn->emit == emit_jump) &&
           branch_target(b, insn) == b->tb->rip;
}

/* --- indirect exits --------------------------------------------------------------------- */

static HostMem jump_entry(const JitBuild *b, unsigned index, unsigned field)
{
    return (HostMem){ .base = HOST_NONE, .index = index, .scale = 3,
                      .disp = (uint32_t)(uintptr_t)b->mode->jumps + field };
}

/* index becomes the place of T0 in the jump cache, in halves of entries. */
static void emit_place(Emit *e, unsigned index)
{
    emit_op_reg(e, false, 0x69, index, JIT_T0); /* imul */
    emit32(e, JIT_JUMP_FACTOR);
    emit_shift_imm(e, false, HOST_SHR, index, 32 - JIT_JUMP_BITS - 1);
    emit_alu_imm(e, false, HOST_AND, index, -2);
}

/*
 * Looks the guest address in T0 up in the jump cache; index becomes the entry's. If it is in neither
 * of its places C looks for it and the branch begins again, by the interpreter if there is no such
 * block: it also finds targets that are not canonical. Flags are saved.
 */
static void emit_look_up(JitBuild *b, const JitInsn *insn, unsigned index)
{
    HostMem rip = jump_entry(b, index, offsetof(X86JumpEntry, rip));
    Emit *e = &b->e;

    emit_place(e, index);
    emit_op_mem(e, true, 0x3b, JIT_T0, rip);
    uint8_t *disp = emit_jcc(e, HOST_NZ, NULL);
    jit_add_cold(b, (JitCold){ .kind = COLD_INDIRECT, .disp = disp, .back = emit_here(e),
                               .insn = insn->index, .first = rip });
}

void jit_emit_indirect_miss(JitBuild *b, const JitCold *cold)
{
    Emit *e = &b->e;

    emit_patch_here(e, cold->disp);
    emit_place(e, cold->first.index);
    emit_alu_imm(e, false, HOST_XOR, cold->first.index, 2);
    emit_op_mem(e, true, 0x3b, JIT_T0, cold->first);
    emit_jcc(e, HOST_Z, cold->back);
    jit_emit_to_stub(b, cold->insn, b->jit->stubs.indirect);
}

/* Adds adjust to RSP and goes to the entry at index. */
static void emit_go(JitBuild *b, unsigned index, int adjust)
{
    if (adjust) {
        emit_lea(&b->e, b->mode64, JIT_RSP, host_mem(JIT_RSP, adjust));
    }
    emit_op_mem(&b->e, false, 0xff, 4, jump_entry(b, index, offsetof(X86JumpEntry, host)));
}

static unsigned pointer_size(const JitBuild *b)
{
    return b->mode64 ? 8 : 4;
}

/* T1 becomes the offset of the entry for the return address at [RSP]. Calls that have not returned yet
 * have others, most of them. */
static void emit_return_place(JitBuild *b)
{
    emit_mov(&b->e, false, JIT_T1, JIT_RSP);
    emit_alu_imm(&b->e, false, HOST_AND, JIT_T1, JIT_RETURN_MASK);
}

static HostMem return_entry(const JitBuild *b, unsigned field)
{
    return host_mem(JIT_T1, (uint32_t)(uintptr_t)b->mode->returns + field);
}

static int returned_bytes(const JitBuild *b, const JitInsn *insn)
{
    return pointer_size(b) + (insn->x.op[0].kind == X86_OP_IMM ? insn->x.imm : 0);
}

static void emit_return(JitBuild *b, const JitInsn *insn)
{
    unsigned size = pointer_size(b);
    Emit *e = &b->e;

    jit_flags_save(b);
    HostMem m = jit_mem_at(b, insn, JIT_RSP, 0, size, false);
    emit_load(e, size == 8, JIT_T0, m);
    emit_return_place(b);
    emit_op_mem(e, true, 0x3b, JIT_T0, return_entry(b, offsetof(X86JumpEntry, rip)));
    uint8_t *disp = emit_jcc(e, HOST_NZ, NULL);
    jit_add_cold(b, (JitCold){ .kind = COLD_RETURN, .disp = disp, .insn = insn->index });
    emit_lea(e, b->mode64, JIT_RSP, host_mem(JIT_RSP, returned_bytes(b, insn)));
    emit_op_mem(e, false, 0xff, 4, return_entry(b, offsetof(X86JumpEntry, host)));
}

void jit_emit_return_miss(JitBuild *b, const JitCold *cold)
{
    Emit *e = &b->e;

    emit_patch_here(e, cold->disp);
    for (unsigned neighbour = 0; neighbour < 2; neighbour++) {
        emit_place(e, JIT_T1);
        if (neighbour) {
            emit_alu_imm(e, false, HOST_XOR, JIT_T1, 2);
        }
        emit_op_mem(e, true, 0x3b, JIT_T0, jump_entry(b, JIT_T1, offsetof(X86JumpEntry, rip)));
        uint8_t *disp = emit_jcc(e, HOST_NZ, NULL);
        emit_go(b, JIT_T1, returned_bytes(b, &b->insns[cold->insn]));
        emit_patch_here(e, disp);
    }
    jit_emit_to_stub(b, cold->insn, b->jit->stubs.indirect);
}

/* The target of an indirect branch to T0. */
static void emit_target(JitBuild *b, const JitInsn *insn)
{
    const X86Operand *op = &insn->x.op[0];
    bool wide = b->mode64;

    if (op->kind == X86_OP_MEM) {
        emit_load(&b->e, wide, JIT_T0, jit_mem_operand(b, insn, op->size, false));
    } else if (jit_host_reg(op->reg) == HOST_NONE) {
        emit_load(&b->e, wide, JIT_T0, jit_reg_home(b->jit, op->reg));
    } else {
        emit_mov(&b->e, wide, JIT_T0, jit_host_reg(op->reg));
    }
}

static void emit_jump_indirect(JitBuild *b, const JitInsn *insn)
{
    jit_flags_save(b);
    emit_target(b, insn);
    emit_look_up(b, insn, JIT_T1);
    emit_go(b, JIT_T1, 0);
}

/* The check of the push of a return address. */
static HostMem return_slot(JitBuild *b, const JitInsn *insn)
{
    int size = pointer_size(b);

    return jit_mem_at(b, insn, JIT_RSP, -size, size, true);
}

static void emit_store_return(JitBuild *b, const JitInsn *insn, HostMem m)
{
    uint64_t ret = jit_rip_after(b, insn);

    if (!b->mode64 || (int64_t)ret == (int32_t)ret) {
        emit_store_imm(&b->e, b->mode64, m, ret);
        jit_note_placed(b, 4, FIXUP_RIP32);
    } else {
        jit_emit_placed(b, JIT_T0, ret, FIXUP_RIP64);
        emit_store(&b->e, true, JIT_T0, m);
    }
}

/* Pushes the return address, which return_slot() is for, and remembers where it leads. T2 stays. */
static void emit_push_return(JitBuild *b, const JitInsn *insn, HostMem slot)
{
    X86TbExit *exit = new_exit(b, jit_rip_after(b, insn));

    emit_store_return(b, insn, slot);
    emit_lea(&b->e, b->mode64, JIT_RSP, host_mem(JIT_RSP, -(int)pointer_size(b)));
    emit_return_place(b);
    emit_store_return(b, insn, return_entry(b, offsetof(X86JumpEntry, rip)));
    if (!b->mode64) {
        emit_store_imm(&b->e, false, return_entry(b, offsetof(X86JumpEntry, rip) + 4), 0);
    }
    exit->same_page = false; /* whoever returns may come from anywhere */
    exit->of_return = true;
    exit->entry.saved = true;
    jit_add_cold(b, (JitCold){ .kind = COLD_UNLINKED, .exit = exit });
    set_branch(b, exit, emit_lea_code(&b->e, JIT_T0, NULL));
    emit_store(&b->e, true, JIT_T0, return_entry(b, offsetof(X86JumpEntry, host)));
}

static void emit_call_direct(JitBuild *b, const JitInsn *insn)
{
    uint64_t target = branch_target(b, insn);

    jit_flags_save(b);
    emit_push_return(b, insn, return_slot(b, insn));
    jit_emit_exit(b, target, needs_poll(b, insn, target));
}

/* The target's look-up comes before the push: if it fails the interpreter begins anew, and may
 * read the target from where the push goes, or find that it is not canonical. */
static void emit_call_indirect(JitBuild *b, const JitInsn *insn)
{
    HostMem scratch = JIT_ABS(b->jit, resume);
    unsigned index = b->mode64 ? JIT_T2 : JIT_T1;

    jit_flags_save(b);
    emit_target(b, insn);
    emit_look_up(b, insn, index);
    if (!b->mode64) { /* the push needs all three */
        emit_store(&b->e, true, index, scratch);
    }
    emit_push_return(b, insn, return_slot(b, insn));
    if (!b->mode64) {
        emit_load(&b->e, true, index, scratch);
    }
    emit_go(b, index, 0);
}

/* --- choice ------------------------------------------------------------------------------ */

static bool choose(JitInsn *insn, JitEmitFn *emit, bool accesses, bool ends)
{
    insn->emit = emit;
    insn->accesses = accesses;
    insn->ends = ends;
    return true;
}

bool jit_choose_control(JitBuild *b, JitInsn *insn)
{
    const X86Insn *x = &insn->x;

    if (x->mnemonic >= X86_MN_JO && x->mnemonic <= X86_MN_JNLE) {
        insn->keeps_place = true;
        return x->op_size != 2 && choose(insn, emit_conditional, false, false);
    }
    if (x->op_size != pointer_size(b)) {
        return false; /* a 16-bit RIP */
    }
    switch (x->mnemonic) {
    case X86_MN_JMP:
        return x->op[0].kind == X86_OP_REL ? choose(insn, emit_jump, false, true)
                                           : choose(insn, emit_jump_indirect, true, true);
    case X86_MN_CALL:
        return choose(insn, x->op[0].kind == X86_OP_REL ? emit_call_direct : emit_call_indirect,
                      true, true);
    case X86_MN_RET:
        return choose(insn, emit_return, true, true);
    }
    return false;
}
