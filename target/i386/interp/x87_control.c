/*
 * x87 control: initialisation, control and status words, environment and state
 * images, tags and TOP (SDM vol. 1, 8.1.8 to 8.1.10 and 8.3.11).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/x87.h"

static void op_FNINIT(X86CPU *cpu, const X86Insn *insn)
{
    x87_init(&cpu->state);
}

static void op_FNCLEX(X86CPU *cpu, const X86Insn *insn)
{
    cpu->state.fpu.fsw &= ~(X87_EXCEPTIONS | X87_SF);
    x87_update_es(&cpu->state);
}

static void op_FLDCW(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;

    s->fpu.fcw = (x86_op_read(cpu, insn, 0) & X87_CW_WRITABLE) | X87_CW_FIXED;
    x87_update_es(s);
}

static void op_FNSTCW(X86CPU *cpu, const X86Insn *insn)
{
    x86_op_write(cpu, insn, 0, cpu->state.fpu.fcw);
}

static void op_FNSTSW(X86CPU *cpu, const X86Insn *insn)
{
    x86_op_write(cpu, insn, 0, cpu->state.fpu.fsw);
}

/* Waits whatever CR0.EM says; CR0.MP decides whether CR0.TS matters. */
static void op_FWAIT(X86CPU *cpu, const X86Insn *insn)
{
    const uint32_t switched = X86_CR0_MP | X86_CR0_TS;

    if ((cpu->state.cr0 & switched) == switched) {
        x86_raise(cpu, X86_EXCP_NM, 0);
    }
    x87_check_pending(cpu);
}

/* FNENI, FNDISI and FNSETPM of older coprocessors. */
static void op_nothing(X86CPU *cpu, const X86Insn *insn)
{
}

static void op_FNOP(X86CPU *cpu, const X86Insn *insn)
{
    x87_save_pointers(cpu, insn);
}

static void move_top(X86CPU *cpu, const X86Insn *insn, int delta)
{
    X86State *s = &cpu->state;

    x87_set_top(s, x87_top(s) + delta);
    s->fpu.fsw &= ~X87_C1;
    x87_save_pointers(cpu, insn);
}

static void op_FINCSTP(X86CPU *cpu, const X86Insn *insn)
{
    move_top(cpu, insn, 1);
}

static void op_FDECSTP(X86CPU *cpu, const X86Insn *insn)
{
    move_top(cpu, insn, -1);
}

static void op_FFREE(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;

    x87_set_empty(s, insn->modrm & 7);
    s->fpu.fsw &= ~X87_C1;
    x87_save_pointers(cpu, insn);
}

/* Undocumented: FFREE, then a pop. */
static void op_FFREEP(X86CPU *cpu, const X86Insn *insn)
{
    op_FFREE(cpu, insn);
    x87_pop(&cpu->state);
}

/* The two-bit tag of physical register reg: valid, zero, special or empty. */
static unsigned full_tag(const X86Fpu *fpu, unsigned reg)
{
    const X86Float80 *st = &fpu->st[reg];
    unsigned exponent = st->sign_exp & 0x7fff;

    if (!(fpu->ftw >> reg & 1)) {
        return 3;
    }
    if (exponent == 0 && st->mant == 0) {
        return 1;
    }
    return exponent != 0 && exponent != 0x7fff && st->mant >> 63 ? 0 : 2;
}

uint16_t x87_full_tags(const X86Fpu *fpu)
{
    uint16_t tags = 0;

    for (unsigned i = 0; i < 8; i++) {
        tags |= full_tag(fpu, i) << i * 2;
    }
    return tags;
}

uint8_t x87_abridged_tags(uint16_t tags)
{
    uint8_t ftw = 0;

    for (unsigned i = 0; i < 8; i++) {
        ftw |= (tags >> i * 2 & 3) != 3 ? 1u << i : 0;
    }
    return ftw;
}

/*
 * The environment has seven fields of two or four bytes (op_size):
 *
 *   0 control word, 1 status word, 2 tag word
 *                     protected mode     real and virtual-8086 mode
 *   3                 FIP                FIP[15:0]
 *   4  16 bits        FCS                FIP[19:16] << 12 | FOP
 *      32 bits        FOP << 16 | FCS    FIP[31:16] << 12 | FOP
 *   5                 FDP                FDP[15:0]
 *   6                 FDS                FDP[31:16] << 12
 *
 * where real mode's pointers are linear addresses. Unused upper halves of the
 * 32-bit format are ones.
 */
enum { ENV_FIELDS = 7 };

static bool real_format(const X86State *s)
{
    return !(s->hflags & X86_HF_PE) || (s->hflags & X86_HF_VM86);
}

static unsigned env_field_size(const X86Insn *insn)
{
    return insn->op_size == 2 ? 2 : 4;
}

static void env_from_state(const X86State *s, bool wide, uint32_t *env)
{
    const X86Fpu *fpu = &s->fpu;
    uint32_t high = wide ? 0xffff0000 : 0;

    env[0] = fpu->fcw | high;
    env[1] = fpu->fsw | high;
    env[2] = x87_full_tags(fpu) | high;
    if (real_format(s)) {
        uint32_t ip = fpu->fip + fpu->fcs * 16u, dp = fpu->fdp + fpu->fds * 16u;

        env[3] = (ip & 0xffff) | high;
        env[4] = (ip >> 16 << 12) | fpu->fop;
        env[5] = (dp & 0xffff) | high;
        env[6] = dp >> 16 << 12;
    } else {
        env[3] = fpu->fip;
        env[4] = fpu->fcs | (wide ? (uint32_t)fpu->fop << 16 : 0);
        env[5] = fpu->fdp;
        env[6] = fpu->fds | high;
    }
}

static void env_to_state(X86State *s, bool wide, const uint32_t *env)
{
    X86Fpu *fpu = &s->fpu;

    fpu->fcw = (env[0] & X87_CW_WRITABLE) | X87_CW_FIXED;
    fpu->fsw = env[1];
    fpu->ftw = x87_abridged_tags(env[2]);
    if (real_format(s)) {
        fpu->fip = (env[3] & 0xffff) | (env[4] >> 12 & 0xffff) << 16;
        fpu->fdp = (env[5] & 0xffff) | (env[6] >> 12 & 0xffff) << 16;
        fpu->fcs = fpu->fds = 0;
        fpu->fop = env[4] & 0x7ff;
    } else {
        fpu->fip = env[3];
        fpu->fcs = env[4];
        fpu->fdp = env[5];
        fpu->fds = env[6];
        fpu->fop = wide ? env[4] >> 16 & 0x7ff : 0;
    }
    x87_update_es(s);
}

/* Environment and registers as one image; returns its length in bytes. */
static unsigned pack_env(const X86State *s, unsigned size, uint8_t *image)
{
    uint32_t env[ENV_FIELDS];

    env_from_state(s, size == 4, env);
    for (unsigned i = 0; i < ENV_FIELDS; i++) {
        memcpy(image + i * size, &env[i], size);
    }
    return ENV_FIELDS * size;
}

static void unpack_env(X86State *s, unsigned size, const uint8_t *image)
{
    uint32_t env[ENV_FIELDS] = { 0 };

    for (unsigned i = 0; i < ENV_FIELDS; i++) {
        memcpy(&env[i], image + i * size, size);
    }
    env_to_state(s, size == 4, env);
}

enum { REAL_SIZE = 10, STATE_MAX = ENV_FIELDS * 4 + 8 * REAL_SIZE };

static void read_image(X86CPU *cpu, const X86Insn *insn, uint8_t *image, unsigned len)
{
    uint64_t lin = x86_mem_lin(cpu, insn, 0, len, X86_ACCESS_READ);

    x86_check_alignment(cpu, lin, env_field_size(insn));
    x86_lin_read(cpu, lin, image, len);
}

static void write_image(X86CPU *cpu, const X86Insn *insn, const uint8_t *image, unsigned len)
{
    uint64_t lin = x86_mem_lin(cpu, insn, 0, len, X86_ACCESS_WRITE);

    x86_check_alignment(cpu, lin, env_field_size(insn));
    x86_lin_write(cpu, lin, image, len);
}

static void op_FNSTENV(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    uint8_t image[STATE_MAX];
    unsigned len = pack_env(s, env_field_size(insn), image);

    write_image(cpu, insn, image, len);
    s->fpu.fcw |= X87_EXCEPTIONS;
    x87_update_es(s);
}

static void op_FLDENV(X86CPU *cpu, const X86Insn *insn)
{
    unsigned size = env_field_size(insn), len = ENV_FIELDS * size;
    uint8_t image[STATE_MAX];

    read_image(cpu, insn, image, len);
    unpack_env(&cpu->state, size, image);
}

static void op_FNSAVE(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    uint8_t image[STATE_MAX];
    unsigned len = pack_env(s, env_field_size(insn), image);

    for (unsigned i = 0; i < 8; i++, len += REAL_SIZE) {
        const X86Float80 *st = &s->fpu.st[x87_phys(s, i)];

        memcpy(image + len, &st->mant, 8);
        memcpy(image + len + 8, &st->sign_exp, 2);
    }
    write_image(cpu, insn, image, len);
    x87_init(s);
}

static void op_FRSTOR(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    unsigned size = env_field_size(insn), len = ENV_FIELDS * size + 8 * REAL_SIZE;
    uint8_t image[STATE_MAX];
    const uint8_t *real = image + ENV_FIELDS * size;

    read_image(cpu, insn, image, len);
    unpack_env(s, size, image);
    for (unsigned i = 0; i < 8; i++, real += REAL_SIZE) {
        X86Float80 *st = &s->fpu.st[x87_phys(s, i)];

        memcpy(&st->mant, real, 8);
        memcpy(&st->sign_exp, real + 8, 2);
    }
}

const X86Handler x86_handlers_x87_control[] = {
    { X86_MN_FNINIT, op_FNINIT },
    { X86_MN_FNCLEX, op_FNCLEX },
    { X86_MN_FLDCW, op_FLDCW },
    { X86_MN_FNSTCW, op_FNSTCW },
    { X86_MN_FNSTSW, op_FNSTSW },
    { X86_MN_FWAIT, op_FWAIT },
    { X86_MN_FNENI, op_nothing },
    { X86_MN_FNDISI, op_nothing },
    { X86_MN_FNSETPM, op_nothing },
    { X86_MN_FNOP, op_FNOP },
    { X86_MN_FINCSTP, op_FINCSTP },
    { X86_MN_FDECSTP, op_FDECSTP },
    { X86_MN_FFREE, op_FFREE },
    { X86_MN_FFREEP, op_FFREEP },
    { X86_MN_FNSTENV, op_FNSTENV },
    { X86_MN_FLDENV, op_FLDENV },
    { X86_MN_FNSAVE, op_FNSAVE },
    { X86_MN_FRSTOR, op_FRSTOR },
    { 0, NULL },
};
