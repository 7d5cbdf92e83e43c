/*
 * A block while it is translated: what tb.c, memop.c and control.c share.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_TRANSLATE_BUILD_H
#define TARGET_I386_TRANSLATE_BUILD_H

#include "target/i386/translate/copy.h"
#include "target/i386/translate/jit.h"

typedef struct JitBuild JitBuild;
typedef struct JitInsn JitInsn;
typedef struct JitGroup JitGroup;

enum { JIT_MAX_GROUPS = JIT_CONTEXT_ADDENDS };

/* Accesses that share a check: [from, to) from the value that their base had at first. */
struct JitGroup {
    int32_t from, to;
    bool write;
    unsigned count, number;
    unsigned last;  /* index of the last instruction with one of them */
};

/* Emits one instruction. */
typedef void JitEmitFn(JitBuild *b, const JitInsn *insn);

struct JitInsn {
    X86Insn x;
    const uint8_t *bytes;
    CopyRow row;
    CopyCode code;
    uint16_t flags_read, flags_killed, flags_touched; /* X86_F_... */
    uint16_t need_before, need_after; /* flags that someone will look at */
    uint16_t guest;  /* offset from the block's RIP */
    uint8_t index;
    /* from here on zero until it is known */
    JitEmitFn *emit;
    JitGroup *group;     /* of the access through a base register, or NULL */
    int32_t group_delta; /* how much the base has changed since the group's beginning */
    int32_t group_at;    /* where in the group the access begins */
    bool group_first;    /* makes the group's check */
    bool narrow_index;   /* the operand's index has 32 bits, extended */
    uint8_t at_anchor;   /* which of the loop's anchors its access is by: 1, 2; 0: none */
    bool keeps_place;    /* its code leaves T1 alone, but for its own access */
    bool covered;        /* by the check of another instruction */
    bool accesses;   /* memory, by checked host addresses */
    bool vector;     /* uses XMM or YMM registers */
    bool x87;        /* uses x87 or MMX state */
    bool x87_last;   /* leaves its address and opcode in it */
    bool interpreted;
    bool ends;       /* nothing of the block comes after it */
};

/* Code out of the way of the fast path. */
typedef struct JitCold {
    enum { COLD_INTERPRET, COLD_MISS_READ, COLD_MISS_WRITE, COLD_INDIRECT,
           COLD_LOAD_VEC, COLD_LOAD_X87, COLD_EXIT, COLD_UNLINKED, COLD_RETURN,
           COLD_SITE, COLD_STACK, COLD_FAULT, COLD_POLL } kind;
    uint8_t *disp;        /* the branch to it */
    const uint8_t *back;  /* LOAD_VEC, INDIRECT, SITE, STACK: where to go on */
    unsigned insn;        /* INTERPRET, MISS, INDIRECT, RETURN, LOAD_X87, SITE, STACK, POLL */
    HostMem first, last;  /* SITE, STACK: the first byte accessed and the last one; INDIRECT: first is the
                           * address in the jump cache's entry */
    X86TlbSite *site;
    bool write;
    X86TbExit *exit;      /* EXIT, UNLINKED */
    JitFlags flags;       /* where they are when it is taken */
    JitRecipe recipe;
    bool vec_known, x87_known;
    uint32_t handed_over;
} JitCold;

/* Something that depends on the block's place, see JitFixupKind. */
typedef struct JitPlaced {
    const uint8_t *at; /* writable mapping */
    JitFixupKind kind;
} JitPlaced;

enum { JIT_MAX_FIXUPS = 1024 };

enum { JIT_MAX_EXITS = JIT_MAX_INSNS + 1, JIT_MAX_COLD = JIT_MAX_INSNS * 6 + 8 };

struct JitBuild {
    X86Jit *jit;
    X86CPU *cpu;
    X86Tb *tb;
    X86JitMode *mode;
    Emit e;
    JitFlags flags;
    JitRecipe recipe;    /* while FLAGS_REPLAY */
    const JitInsn *recipe_from; /* the instruction of the block that it is of, or NULL */
    const JitInsn *kept_for;    /* the instruction whose operand was kept last, or NULL */
    bool mode64;
    bool window;         /* accesses go through the window */
    const JitGroup *place_group; /* whose place in the window T1 is; NULL: no group's */
    int32_t place_at;    /* where in the group */
    uint32_t anchor;     /* what T1 and T2 are in the loop (anchors.c); 0: they are free */
    unsigned anchors_used; /* so far, a bit each */
    uint32_t handed_over; /* by exits here: JitEntry.anchor */
    unsigned anchor_last; /* the loop's last instruction */
    bool vec_known;      /* vector state is live here */
    bool x87_known;      /* x87 state is */
    X86TlbEntry *table;  /* for the mode's privilege */
    uint8_t bytes[JIT_MAX_INSNS * X86_MAX_INSN_LEN]; /* of the guest's code */
    uint8_t *miss[3];    /* branches of the checked entry */
    unsigned count, cold_count, group_count, sites_left, placed_count;
    unsigned max_count;  /* of instructions */
    bool exact;          /* so many, even if it meets another block */
    unsigned first_loop; /* the first instruction that may branch backwards in the page; count: none does */
    unsigned polled;     /* the instruction polled before, for all that follow; count: none yet */
    bool fixed;          /* it depends on its place in a way that has no fixup */
    EmitBranches branches;
    JitGroup groups[JIT_MAX_GROUPS];
    JitInsn insns[JIT_MAX_INSNS];
    JitCold cold[JIT_MAX_COLD];
    JitPlaced placed[JIT_MAX_FIXUPS];
    uint8_t *branch_at[JIT_MAX_FIXUPS];
};

/* --- flags (flags.c) --- */

/* Has them in X86JitContext.flags, if anybody will want them. */
void jit_flags_save(JitBuild *b);
/* Before the host's are lost: has them anywhere else, be it by a recipe. */
void jit_flags_keep(JitBuild *b);
/* Has them in the host's flags; T0 may be lost. */
void jit_flags_need_host(JitBuild *b);
/* Before and after any instruction: what if it overwrites the recipe's registers? */
void jit_flags_before(JitBuild *b, const JitInsn *insn);
void jit_flags_after(JitBuild *b, const JitInsn *insn);
/* insn is about to be emitted as it is, with its first operand in the host register reg:
 * keeps that operand if its flags will be made again from it. */
void jit_flags_keep_operand(JitBuild *b, const JitInsn *insn, unsigned reg);
/* insn, just emitted, has set them. */
void jit_flags_set(JitBuild *b, const JitInsn *insn);
/* CMP or TEST with the memory operand m in a way that leaves a recipe; false: insn is
 * something else. */
bool jit_emit_memory_comparison(JitBuild *b, const JitInsn *insn, HostMem m);
/* The host's flags are about to be lost. */
static inline void jit_flags_clobber(JitBuild *b)
{
    b->flags &= ~FLAGS_HOST;
}

/* --- groups of accesses (groups.c) --- */

void jit_find_groups(JitBuild *b);
/* The general registers that insn may write, a bit each. */
uint32_t jit_written_regs(const JitInsn *insn);

/* A change of a 64-bit register, insn's first operand, by a constant. */
bool jit_constant_change(const X86Insn *x, int64_t *by);

/* --- anchors of loops (anchors.c) --- */

/* An address, of which some registers move in the loop. */
typedef struct JitAnchor {
    uint8_t base, index; /* guest registers; X86_NO_REG: no index */
    uint8_t scale;
    bool base_moves, index_moves;
} JitAnchor;

/* Not 0. */
static inline uint16_t jit_pack_anchor(JitAnchor a)
{
    unsigned index = a.index == X86_NO_REG ? 16 : a.index;

    return 1u << 15 | a.base << 9 | index << 4 | a.scale << 2 | a.base_moves << 1 | a.index_moves;
}
static inline JitAnchor jit_unpack_anchor(uint16_t a)
{
    unsigned index = a >> 4 & 31;

    return (JitAnchor){ .base = a >> 9 & 15, .index = index == 16 ? X86_NO_REG : index, .scale = a >> 2 & 3,
                        .base_moves = a >> 1 & 1, .index_moves = a & 1 };
}

/* A loop has one or two: that in T1 (number 1), that in T2 (2) or 0. */
static inline uint32_t jit_two_anchors(uint16_t first, uint16_t second)
{
    return first | (uint32_t)second << 16;
}
static inline uint16_t jit_anchor(uint32_t anchors, unsigned number)
{
    return number == 1 ? anchors : anchors >> 16;
}

/* After groups and loops have been found: has the block a loop with anchors? */
void jit_find_anchors(JitBuild *b);
/* Before the first instruction: T1, or T1 and T2, become the anchors, unless they are. T0 to T2 are lost, no
 * flags are. */
void jit_emit_anchors(JitBuild *b);
/* Before insn: the loop, if there was one, may have come to its end. */
void jit_anchors_before(JitBuild *b, const JitInsn *insn);
/* The operand of insn, whose access is by an anchor; T0 is lost, and T2 if it is none. */
HostMem jit_anchored_operand(JitBuild *b, const JitInsn *insn);

/* --- memory (memop.c) --- */

/*
 * Emits the check of an access to insn's memory operand. Returns the host's
 * operand; T1 and perhaps T2 are part of it, T0 is free. Flags must have been saved.
 */
HostMem jit_mem_operand(JitBuild *b, const JitInsn *insn, unsigned size, bool write);
/* The same for size bytes at [base + disp], base a host register, in the stack's
 * (or any flat) segment. */
HostMem jit_mem_at(JitBuild *b, const JitInsn *insn, unsigned base, int32_t disp, unsigned size,
                   bool write);
/* The same at [base] by way of the TLB, even where there is a window. */
HostMem jit_mem_checked(JitBuild *b, const JitInsn *insn, unsigned base, unsigned size, bool write);
/* T1 is another value from now on. */
static inline void jit_forget_place(JitBuild *b)
{
    b->place_group = NULL;
}
/* The same operand with reg as its only register. */
HostMem jit_one_register(JitBuild *b, HostMem m, unsigned reg);
/* The host register that holds guest register reg, loaded into scratch if need be. */
unsigned jit_in_register(JitBuild *b, unsigned reg, unsigned scratch);
/* The place of src in the window to dst; flags are not touched. */
void jit_emit_place(JitBuild *b, unsigned dst, unsigned src);
/* Loads the effective address (not the linear one) into dst; flags are not touched. T0 and
 * T2 are lost. */
void jit_emit_lea(JitBuild *b, const JitInsn *insn, unsigned dst, bool wide);

/* Looks [first, last + 1) up in the TLB, linear addresses through one base; T0 and T1 are lost:
 * they become the page and the addend. */
void jit_table_check(JitBuild *b, const JitInsn *insn, HostMem first, HostMem last, bool write);

/* --- accesses that remember their page (sites.c) --- */

/* May the block's accesses have sites? */
void jit_find_sites(JitBuild *b);
/* As jit_table_check(), but T0 is no page, by a site; false: none is left, nothing is emitted. */
bool jit_site_check(JitBuild *b, const JitInsn *insn, HostMem first, HostMem last, bool write);
/* The access was not in its site's page. */
void jit_emit_site_miss(JitBuild *b, const JitCold *cold);
void jit_emit_stack_miss(JitBuild *b, const JitCold *cold);

/* --- floating-point state (tb.c, x87.c) --- */

/* insn will access memory; its check may destroy the host's flags. */
void jit_flags_before_access(JitBuild *b, const JitInsn *insn);

/* Makes vector or x87 state live for insn if it uses it. */
void jit_emit_fp_state(JitBuild *b, const JitInsn *insn);
/* Sets what insn uses of x87 state. */
void jit_x87_mark(JitInsn *insn);
void jit_x87_load(JitBuild *b, const JitInsn *insn);
/* Notes at run time, if it matters, that insn was the last x87 instruction. */
void jit_x87_emit_last(JitBuild *b, const JitInsn *insn);
/* Sets insn->emit for what depends on a control word. */
bool jit_choose_fp_control(JitBuild *b, JitInsn *insn);

/* --- what depends on the block's place (clone.c) --- */

/* As emit_mov_imm(), of a constant that depends on it; FIXUP_RIP64 becomes FIXUP_RIP32 where the
 * constant has 32 bits. */
void jit_emit_placed(JitBuild *b, unsigned reg, uint64_t val, JitFixupKind kind);
/* What the last `back` bytes begin with does. */
void jit_note_placed(JitBuild *b, unsigned back, JitFixupKind kind);
/* The block is complete: makes b->tb->fixups of what was noted. */
void jit_keep_fixups(JitBuild *b, const Emit *hot_end, const Emit *cold_end);

/* --- the rest (control.c, special.c, system.c, tb.c) --- */

/* Emits the call of a C function that stands for insn; what comes next is its business. */
void jit_emit_call(JitBuild *b, const JitInsn *insn, JitCallFn *fn);
/* Emits the call of the interpreter for insn. */
void jit_emit_interpret(JitBuild *b, const JitInsn *insn);
/* An access that misses the TLB; its page is in T0. */
void jit_emit_miss(JitBuild *b, unsigned insn, bool write);
/* Goes to a stub that takes the X86TbInsn of the insn-th instruction in T1. */
void jit_emit_to_stub(JitBuild *b, unsigned insn, const uint8_t *stub);
void jit_emit_copy(JitBuild *b, const JitInsn *insn);
void jit_add_cold(JitBuild *b, JitCold cold);
/* Leaves the block for rip; poll: after a poll, if that is in the same page. */
void jit_emit_exit(JitBuild *b, uint64_t rip, bool poll);
/* The same after a change of mode, to rip in the same page. */
void jit_emit_mode_exit(JitBuild *b, uint64_t rip, uint32_t key);
/* Once the instructions are known: which is the first loop's branch? */
void jit_find_loops(JitBuild *b);
/* Is insn a jump back to the block's beginning? */
bool jit_is_own_loop(const JitBuild *b, const JitInsn *insn);
/* Before insn: polls for the loops' branches that follow, if that is free here. */
void jit_emit_early_poll(JitBuild *b, const JitInsn *insn);
/* The target of an indirect branch is not in its place in the jump cache. */
void jit_emit_indirect_miss(JitBuild *b, const JitCold *cold);
/* A return finds another address than the last call left at its place. */
void jit_emit_return_miss(JitBuild *b, const JitCold *cold);
void jit_emit_cold_exit(JitBuild *b, const JitCold *cold);
/* Where an exit goes that is not linked, or whose poll (cold->disp) found something. */
void jit_emit_unlinked(JitBuild *b, const JitCold *cold);
/* Sets insn->emit for branches and the instructions with a path of their own; false:
 * neither. */
bool jit_choose_control(JitBuild *b, JitInsn *insn);
bool jit_choose_special(JitBuild *b, JitInsn *insn);
bool jit_choose_system(JitBuild *b, JitInsn *insn);
bool jit_choose_string(JitBuild *b, JitInsn *insn);

static inline uint64_t jit_rip_after(const JitBuild *b, const JitInsn *insn)
{
    uint64_t rip = b->tb->rip + insn->guest + insn->x.len;

    return b->mode64 ? rip : (uint32_t)rip;
}

#endif
