/*
 * x87 and MMX: their state in the host's FPU, and the instructions on control words
 * (SDM vol. 1, chapters 8 and 9, 10.2.3).
 *
 * x87 and MMX instructions are copied like others. A block that has one looks whether
 * the guest's x87 state is live, in the host's FPU; wherever translated code
 * is left FNSAVE puts live state in the context, from where it goes to X86State. All
 * exceptions are masked while it is live (X86_KEY_X87_EXCP): the host never has one pending.
 *
 * FIP, FCS and FOP follow from the X86TbInsn of the last x87 instruction; the data
 * pointer is that of the last one with a memory operand that was interpreted, which
 * every one with an unmasked exception is. Processors with FDP_EXCPTN_ONLY (SDM vol. 1, 8.1.8)
 * keep no more.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/vec.h"
#include "target/i386/interp/x87.h"
#include "target/i386/translate/build.h"
#include "target/i386/translate/runtime.h"

/* --- state --------------------------------------------------------------------------- */

/* What FNSAVE makes in 64-bit mode and, with 32-bit operand size, in protected mode. */
typedef struct __attribute__((packed)) X87Image {
    uint16_t fcw, reserved0, fsw, reserved1, tags, reserved2;
    uint32_t pointers[4];
    struct __attribute__((packed)) {
        uint64_t mant;
        uint16_t sign_exp;
    } st[8];
} X87Image;
G_STATIC_ASSERT(sizeof(X87Image) == sizeof(((X86JitContext *)0)->x87_image));

static void pack(X87Image *image, const X86State *s)
{
    const X86Fpu *fpu = &s->fpu;

    *image = (X87Image){ .fcw = fpu->fcw, .fsw = fpu->fsw };
    for (unsigned i = 0; i < 8; i++) {
        const X86Float80 *st = &fpu->st[x87_phys(s, i)];

        image->st[i].mant = st->mant;
        image->st[i].sign_exp = st->sign_exp;
        /* FRSTOR only asks whether a register is empty */
        image->tags |= fpu->ftw >> i & 1 ? 0 : 3 << i * 2;
    }
}

static void unpack(X86State *s, const X87Image *image)
{
    X86Fpu *fpu = &s->fpu;

    fpu->fcw = image->fcw;
    fpu->fsw = image->fsw;
    fpu->ftw = x87_abridged_tags(image->tags);
    for (unsigned i = 0; i < 8; i++) {
        X86Float80 *st = &fpu->st[x87_phys(s, i)];

        st->mant = image->st[i].mant;
        st->sign_exp = image->st[i].sign_exp;
    }
}

/* FIP, FCS and FOP of the x87 instruction that translated code ran last. */
static void save_pointers(X86CPU *cpu, const X86TbInsn *insn)
{
    x87_save_fip(cpu, jit_decoded(cpu, insn), x86_insn_tb(insn)->rip + insn->guest);
}

void jit_x87_from_context(X86JitContext *ctx, X86CPU *cpu)
{
    if (!ctx->x87_live) {
        return;
    }
    unpack(&cpu->state, (const X87Image *)ctx->x87_image);
    if (ctx->x87_last) {
        save_pointers(cpu, (const X86TbInsn *)(cpu->translator->arena + ctx->x87_last));
        ctx->x87_last = 0;
    }
}

void jit_x87_to_context(X86JitContext *ctx, const X86State *s)
{
    if (ctx->x87_live) {
        pack((X87Image *)ctx->x87_image, s);
    }
}

const uint8_t *jit_load_x87(X86JitContext *ctx, const X86TbInsn *insn)
{
    ctx->x87_live = 1;
    ctx->x87_last = 0;
    jit_x87_to_context(ctx, &ctx->cpu->state);
    return x86_insn_tb(insn)->body + insn->host;
}

/* --- the last instruction -------------------------------------------------------------- */

static uint32_t arena_offset(const X86Jit *jit, const X86TbInsn *insn)
{
    return (const uint8_t *)insn - jit->arena;
}

void jit_x87_note_last(X86JitContext *ctx, const X86TbInsn *insn)
{
    const X86TbInsn *first = insn - insn->index;

    while (insn > first) {
        insn--;
        if (insn->x87 == TB_X87_COPIED) {
            ctx->x87_last = arena_offset(ctx->cpu->translator, insn);
            return;
        }
        if (insn->x87 == TB_X87_INTERPRETED) {
            return; /* X86State knows */
        }
    }
}

void jit_x87_leave(X86JitContext *ctx, const X86TbInsn *insn)
{
    if (G_UNLIKELY(ctx->x87_live)) {
        jit_x87_note_last(ctx, insn);
        jit_x87_from_context(ctx, ctx->cpu);
    }
}

static bool is_conditional(const JitInsn *insn)
{
    return insn->x.mnemonic >= X86_MN_JO && insn->x.mnemonic <= X86_MN_JNLE;
}

/* Only the last one before a way out of the block counts: the interpreter, called from within the
 * block, finds it by jit_x87_note_last(). */
void jit_x87_emit_last(JitBuild *b, const JitInsn *insn)
{
    const X86TbInsn *note = &b->tb->insns[insn->index];

    if (!insn->x87_last) {
        return;
    }
    for (unsigned i = insn->index + 1; i < b->count && !is_conditional(&b->insns[i]); i++) {
        if (b->insns[i].x87_last) {
            return;
        }
    }
    emit_store_imm(&b->e, false, JIT_ABS(b->jit, x87_last), arena_offset(b->jit, note));
    jit_note_placed(b, 4, FIXUP_ARENA);
}

/* --- blocks ------------------------------------------------------------------------------ */

void jit_x87_mark(JitInsn *insn)
{
    uint32_t legality = x86_insn_row(&insn->x)->legality;
    bool fp = legality & X86_ROW_FP;

    insn->x87 = fp || (legality & X86_ROW_MMX);
    insn->x87_last = fp && !(legality & X86_ROW_FP_NOWAIT) && insn->x.mnemonic != X86_MN_FLDCW &&
                     insn->x.mnemonic != X86_MN_FWAIT;
}

void jit_x87_load(JitBuild *b, const JitInsn *insn)
{
    jit_flags_save(b);
    emit_cmp_mem_imm8(&b->e, 4, JIT_ABS(b->jit, x87_live), 0);
    uint8_t *disp = emit_jcc(&b->e, HOST_Z, NULL);
    jit_add_cold(b, (JitCold){ .kind = COLD_LOAD_X87, .disp = disp, .insn = insn->index });
    jit_flags_clobber(b);
    b->x87_known = true;
}

/* --- control words ------------------------------------------------------------------------ */

static HostMem control_operand(JitBuild *b, const JitInsn *insn, unsigned size, bool write)
{
    jit_emit_fp_state(b, insn);
    jit_flags_save(b);
    return jit_mem_operand(b, insn, size, write);
}

/* The interpreter runs insn unless the bits of T0 in mask are val. */
static void interpret_unless(JitBuild *b, const JitInsn *insn, int32_t mask, int32_t val)
{
    emit_alu_imm(&b->e, false, HOST_AND, JIT_T0, mask);
    emit_alu_imm(&b->e, false, HOST_CMP, JIT_T0, val);
    uint8_t *disp = emit_jcc(&b->e, HOST_NZ, NULL);
    jit_add_cold(b, (JitCold){ .kind = COLD_INTERPRET, .disp = disp, .insn = insn->index });
    jit_flags_clobber(b);
}

static void emit_fldcw(JitBuild *b, const JitInsn *insn)
{
    HostMem m = control_operand(b, insn, 2, false);

    emit_op_mem(&b->e, false, 0x0fb7, JIT_T0, m); /* movzx */
    interpret_unless(b, insn, X87_EXCEPTIONS, X87_EXCEPTIONS);
    emit_op_mem(&b->e, false, 0xd9, 5, m);
}

/* Bits that not every CPU has are the interpreter's. */
static void emit_ldmxcsr(JitBuild *b, const JitInsn *insn)
{
    HostMem m = control_operand(b, insn, 4, false);

    emit_load(&b->e, false, JIT_T0, m);
    interpret_unless(b, insn, X86_MXCSR_MASKS | 0xffff0000, X86_MXCSR_MASKS);
    emit_op_mem(&b->e, false, 0x0fae, 2, m);
}

static void emit_stmxcsr(JitBuild *b, const JitInsn *insn)
{
    emit_op_mem(&b->e, false, 0x0fae, 3, control_operand(b, insn, 4, true));
}

static void emit_nothing(JitBuild *b, const JitInsn *insn)
{
}

static bool choose(JitInsn *insn, JitEmitFn *emit, bool accesses)
{
    insn->emit = emit;
    insn->accesses = accesses;
    return true;
}

bool jit_choose_fp_control(JitBuild *b, JitInsn *insn)
{
    bool x87_masked = !(b->tb->key & X86_KEY_X87_EXCP);
    bool simd_masked = !(b->tb->key & X86_KEY_SIMD_EXCP);

    switch (insn->x.mnemonic) {
    case X86_MN_FWAIT: /* nothing is pending; X86_HF_FPU_OK: CR0.TS is clear */
        return x87_masked && (b->tb->key & X86_HF_FPU_OK) && choose(insn, emit_nothing, false);
    case X86_MN_FLDCW:
        return x87_masked && choose(insn, emit_fldcw, true);
    case X86_MN_LDMXCSR: case X86_MN_VLDMXCSR:
        insn->vector = simd_masked;
        return simd_masked && choose(insn, emit_ldmxcsr, true);
    case X86_MN_STMXCSR: case X86_MN_VSTMXCSR:
        insn->vector = simd_masked;
        return simd_masked && choose(insn, emit_stmxcsr, true);
    }
    return false;
}
