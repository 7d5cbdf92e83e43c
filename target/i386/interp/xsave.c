/*
 * Saving and restoring x87, SSE and AVX state: FXSAVE, XSAVE and their kin, and
 * LDMXCSR, STMXCSR (SDM vol. 1, 10.5 and chapter 13).
 *
 * The image, all parts of which are optional but the header:
 *
 *     0  FXSAVE image   0 x87 control, 24 MXCSR and its mask, 32 ST/MMX, 160 XMM
 *   512  header         XSTATE_BV, XCOMP_BV, 48 reserved bytes
 *   576  AVX            upper halves of YMM, in the standard and the compacted form
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/cpuid.h"
#include "target/i386/interp/xsave.h"
#include "target/i386/interp/vec.h"
#include "target/i386/interp/x87.h"

enum {
    FX_CONTROL_SIZE = 24, FX_MXCSR = 24, FX_ST = 32, FX_XMM = 160, FX_SIZE = 512,
    HEADER_XSTATE_BV = 0, HEADER_XCOMP_BV = 8, HEADER_RESERVED = 16, HEADER_SIZE = 64,
    AREA_SIZE = X86_XSAVE_EXTENDED + X86_XSAVE_AVX_SIZE,
};

#define XCOMP_COMPACTED (1ull << 63)

static unsigned vector_registers(const X86State *s)
{
    return s->hflags & X86_HF_CS64 ? 16 : 8;
}

/* The first 24 bytes of the image. wide: REX.W, 64-bit pointers without selectors. */
static void pack_control(const X86State *s, bool wide, uint8_t *image)
{
    const X86Fpu *fpu = &s->fpu;

    memset(image, 0, FX_CONTROL_SIZE);
    memcpy(image, &fpu->fcw, 2);
    memcpy(image + 2, &fpu->fsw, 2);
    image[4] = fpu->ftw;
    memcpy(image + 6, &fpu->fop, 2);
    memcpy(image + 8, &fpu->fip, wide ? 8 : 4);
    memcpy(image + 16, &fpu->fdp, wide ? 8 : 4);
    if (!wide) {
        memcpy(image + 12, &fpu->fcs, 2);
        memcpy(image + 20, &fpu->fds, 2);
    }
}

static void unpack_control(X86State *s, bool wide, const uint8_t *image)
{
    X86Fpu *fpu = &s->fpu;

    fpu->fip = fpu->fdp = 0;
    fpu->fcs = fpu->fds = 0;
    memcpy(&fpu->fcw, image, 2);
    memcpy(&fpu->fsw, image + 2, 2);
    fpu->ftw = image[4];
    memcpy(&fpu->fop, image + 6, 2);
    memcpy(&fpu->fip, image + 8, wide ? 8 : 4);
    memcpy(&fpu->fdp, image + 16, wide ? 8 : 4);
    if (wide) { /* canonical addresses: the upper bits are not kept */
        fpu->fip = x86_sext(fpu->fip, 6);
        fpu->fdp = x86_sext(fpu->fdp, 6);
    } else {
        memcpy(&fpu->fcs, image + 12, 2);
        memcpy(&fpu->fds, image + 20, 2);
    }
    fpu->fcw = (fpu->fcw & X87_CW_WRITABLE) | X87_CW_FIXED;
    fpu->fop &= 0x7ff;
    x87_update_es(s);
}

static void pack_st(const X86State *s, uint8_t *image)
{
    for (unsigned i = 0; i < 8; i++, image += 16) {
        const X86Float80 *st = &s->fpu.st[x87_phys(s, i)];

        memset(image, 0, 16);
        memcpy(image, &st->mant, 8);
        memcpy(image + 8, &st->sign_exp, 2);
    }
}

static void unpack_st(X86State *s, const uint8_t *image)
{
    for (unsigned i = 0; i < 8; i++, image += 16) {
        X86Float80 *st = &s->fpu.st[x87_phys(s, i)];

        memcpy(&st->mant, image, 8);
        memcpy(&st->sign_exp, image + 8, 2);
    }
}

uint32_t x86_mxcsr_mask(const X86CPU *cpu)
{
    enum { FW_80000001_ECX_MISALIGNSSE = 7 };

    return 0xffff | (x86_cpuid_bit(cpu, X86_FW_80000001_ECX, FW_80000001_ECX_MISALIGNSSE)
                     ? X86_MXCSR_MM : 0);
}

static void pack_mxcsr(const X86CPU *cpu, uint8_t *image)
{
    uint32_t mask = x86_mxcsr_mask(cpu);

    memcpy(image, &cpu->state.mxcsr, 4);
    memcpy(image + 4, &mask, 4);
}

/* Bytes offset..offset+16 of each vector register. */
static void pack_vectors(const X86State *s, unsigned offset, uint8_t *image)
{
    for (unsigned i = 0; i < vector_registers(s); i++) {
        memcpy(image + i * 16, s->xmm[i].u8 + offset, 16);
    }
}

static void unpack_vectors(X86State *s, unsigned offset, const uint8_t *image)
{
    for (unsigned i = 0; i < vector_registers(s); i++) {
        memcpy(s->xmm[i].u8 + offset, image + i * 16, 16);
    }
}

static void clear_vectors(X86State *s, unsigned offset)
{
    for (unsigned i = 0; i < vector_registers(s); i++) {
        memset(s->xmm[i].u8 + offset, 0, 16);
    }
}

/* #GP(0) for reserved bits. */
static uint32_t checked_mxcsr(X86CPU *cpu, const uint8_t *image)
{
    uint32_t mxcsr;

    memcpy(&mxcsr, image, 4);
    if (mxcsr & ~x86_mxcsr_mask(cpu)) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
    return mxcsr;
}

/* The memory operand's linear address; #AC or #GP(0) if it is not aligned. */
static uint64_t aligned_lin(X86CPU *cpu, const X86Insn *insn, unsigned size, unsigned alignment,
                            X86Access access)
{
    bool has_base = !(cpu->state.hflags & X86_HF_CS64) || insn->seg >= X86_FS;
    uint64_t lin = (has_base ? cpu->state.segs[insn->seg].base : 0) + x86_insn_ea(cpu, insn);

    /* Alignment goes before the segment's checks, except for #AC. */
    if (alignment != 16 && lin & (alignment - 1)) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
    lin = x86_mem_lin(cpu, insn, 0, size, access);
    if (alignment == 16) { /* FXSAVE, FXRSTOR */
        x86_check_alignment(cpu, lin, alignment);
    }
    if (lin & (alignment - 1)) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
    return lin;
}

static bool wide_pointers(const X86Insn *insn)
{
    return insn->prefixes & X86_PFX_REX_W;
}

/* Without CR4.OSFXSR, FXSAVE and FXRSTOR leave XMM and MXCSR out. */
static bool has_sse_state(const X86State *s)
{
    return s->cr4 & X86_CR4_OSFXSR;
}

/* EFER.FFXSR: FXSAVE and FXRSTOR in 64-bit ring 0 code leave XMM out, not MXCSR
 * (APM vol. 2, 11.4.4). */
static bool has_vectors(const X86State *s)
{
    bool fast = s->efer & X86_EFER_FFXSR && s->hflags & X86_HF_CS64 && x86_cpl(s) == 0;

    return has_sse_state(s) && !fast;
}

static void check_available(X86CPU *cpu)
{
    if (cpu->state.cr0 & (X86_CR0_EM | X86_CR0_TS)) {
        x86_raise(cpu, X86_EXCP_NM, 0);
    }
}

static void op_FXSAVE(X86CPU *cpu, const X86Insn *insn)
{
    const X86State *s = &cpu->state;
    unsigned vectors = vector_registers(s) * 16;
    uint8_t image[FX_SIZE];
    uint64_t lin;

    check_available(cpu);
    lin = aligned_lin(cpu, insn, FX_SIZE, 16, X86_ACCESS_WRITE);
    x86_lin_probe(cpu, lin, FX_SIZE, X86_ACCESS_WRITE);
    pack_control(s, wide_pointers(insn), image);
    pack_mxcsr(cpu, image + FX_MXCSR);
    pack_st(s, image + FX_ST);
    x86_lin_write(cpu, lin, image, FX_XMM);
    if (has_vectors(s)) {
        pack_vectors(s, 0, image + FX_XMM);
        x86_lin_write(cpu, lin + FX_XMM, image + FX_XMM, vectors);
    }
}

static void op_FXRSTOR(X86CPU *cpu, const X86Insn *insn)
{
    X86State *s = &cpu->state;
    uint8_t image[FX_SIZE];

    check_available(cpu);
    x86_lin_read(cpu, aligned_lin(cpu, insn, FX_SIZE, 16, X86_ACCESS_READ), image, FX_SIZE);
    if (has_sse_state(s)) {
        s->mxcsr = checked_mxcsr(cpu, image + FX_MXCSR);
    }
    if (has_vectors(s)) {
        unpack_vectors(s, 0, image + FX_XMM);
    }
    unpack_control(s, wide_pointers(insn), image);
    unpack_st(s, image + FX_ST);
}

static void op_LDMXCSR(X86CPU *cpu, const X86Insn *insn)
{
    uint32_t mxcsr = x86_op_read(cpu, insn, 0);

    cpu->state.mxcsr = checked_mxcsr(cpu, (const uint8_t *)&mxcsr);
}

static void op_STMXCSR(X86CPU *cpu, const X86Insn *insn)
{
    x86_op_write(cpu, insn, 0, cpu->state.mxcsr);
}

static bool x87_in_use(const X86State *s)
{
    const X86Fpu *fpu = &s->fpu;
    uint64_t registers = 0;

    for (unsigned i = 0; i < 8; i++) {
        registers |= fpu->st[i].mant | fpu->st[i].sign_exp;
    }
    return fpu->fcw != X87_CW_INIT || fpu->fsw || fpu->ftw || registers ||
           fpu->fop || fpu->fip || fpu->fdp || fpu->fcs || fpu->fds;
}

/* Whether bytes offset..offset+16 of any vector register are not zero. */
static bool vectors_in_use(const X86State *s, unsigned offset)
{
    uint64_t any = 0;

    for (unsigned i = 0; i < 16; i++) {
        any |= s->xmm[i].u64[offset / 8] | s->xmm[i].u64[offset / 8 + 1];
    }
    return any;
}

uint64_t x86_xinuse(const X86State *s)
{
    return (x87_in_use(s) ? X86_XSTATE_X87 : 0) |
           (vectors_in_use(s, 0) ? X86_XSTATE_SSE : 0) |
           (vectors_in_use(s, 16) ? X86_XSTATE_AVX : 0);
}

/* EDX:EAX, the requested components. */
static uint64_t instruction_mask(const X86State *s)
{
    return (uint32_t)s->regs[X86_RAX] | s->regs[X86_RDX] << 32;
}

static void check_enabled(X86CPU *cpu)
{
    if (!(cpu->state.cr4 & X86_CR4_OSXSAVE)) {
        x86_raise(cpu, X86_EXCP_UD, 0);
    }
    if (cpu->state.cr0 & X86_CR0_TS) {
        x86_raise(cpu, X86_EXCP_NM, 0);
    }
}

static unsigned area_size(uint64_t components)
{
    return components & X86_XSTATE_AVX ? AREA_SIZE : X86_XSAVE_EXTENDED;
}

/* Writes the parts of the image that components name; the header is the caller's. */
static void write_components(X86CPU *cpu, uint64_t lin, uint64_t components, bool mxcsr,
                             bool wide)
{
    const X86State *s = &cpu->state;
    unsigned vectors = vector_registers(s) * 16;
    uint8_t image[256];

    if (components & X86_XSTATE_X87) {
        pack_control(s, wide, image);
        x86_lin_write(cpu, lin, image, FX_CONTROL_SIZE);
        pack_st(s, image);
        x86_lin_write(cpu, lin + FX_ST, image, FX_XMM - FX_ST);
    }
    if (mxcsr) {
        pack_mxcsr(cpu, image);
        x86_lin_write(cpu, lin + FX_MXCSR, image, 8);
    }
    if (components & X86_XSTATE_SSE) {
        pack_vectors(s, 0, image);
        x86_lin_write(cpu, lin + FX_XMM, image, vectors);
    }
    if (components & X86_XSTATE_AVX) {
        pack_vectors(s, 16, image);
        x86_lin_write(cpu, lin + X86_XSAVE_EXTENDED, image, vectors);
    }
}

/* XSAVE writes all requested components, XSAVEOPT those in use. */
static void save_standard(X86CPU *cpu, const X86Insn *insn, bool only_in_use)
{
    const X86State *s = &cpu->state;
    uint64_t requested = instruction_mask(s) & s->xcr0, in_use = x86_xinuse(s), lin, old;
    bool mxcsr = requested & (X86_XSTATE_SSE | X86_XSTATE_AVX);

    check_enabled(cpu);
    lin = aligned_lin(cpu, insn, area_size(requested), 64, X86_ACCESS_WRITE);
    x86_lin_probe(cpu, lin, area_size(requested), X86_ACCESS_WRITE);
    old = x86_lin_read64(cpu, lin + X86_XSAVE_HEADER + HEADER_XSTATE_BV);
    write_components(cpu, lin, only_in_use ? requested & in_use : requested, mxcsr,
                     wide_pointers(insn));
    x86_lin_write64(cpu, lin + X86_XSAVE_HEADER + HEADER_XSTATE_BV,
                    (old & ~requested) | (requested & in_use));
}

/* XSAVEC and XSAVES write what is in use, and MXCSR makes SSE count as such. */
static void save_compacted(X86CPU *cpu, const X86Insn *insn, uint64_t enabled)
{
    const X86State *s = &cpu->state;
    uint64_t requested = instruction_mask(s) & enabled, lin;
    uint64_t in_use = x86_xinuse(s) | (s->mxcsr != X86_MXCSR_INIT ? X86_XSTATE_SSE : 0);
    uint64_t saved = requested & in_use;
    uint64_t header[2] = { saved, requested | XCOMP_COMPACTED };

    check_enabled(cpu);
    lin = aligned_lin(cpu, insn, area_size(requested), 64, X86_ACCESS_WRITE);
    x86_lin_probe(cpu, lin, area_size(requested), X86_ACCESS_WRITE);
    write_components(cpu, lin, saved, saved & X86_XSTATE_SSE, wide_pointers(insn));
    x86_lin_write(cpu, lin + X86_XSAVE_HEADER, header, sizeof(header));
}

static void op_XSAVE(X86CPU *cpu, const X86Insn *insn)
{
    save_standard(cpu, insn, false);
}

static void op_XSAVEOPT(X86CPU *cpu, const X86Insn *insn)
{
    save_standard(cpu, insn, true);
}

static void op_XSAVEC(X86CPU *cpu, const X86Insn *insn)
{
    save_compacted(cpu, insn, cpu->state.xcr0);
}

static void op_XSAVES(X86CPU *cpu, const X86Insn *insn)
{
    save_compacted(cpu, insn, cpu->state.xcr0 | cpu->state.xss);
}

typedef struct Header {
    uint64_t xstate_bv;
    uint64_t xcomp_bv;
    uint8_t reserved[HEADER_SIZE - HEADER_RESERVED];
} Header;

static bool all_zero(const uint8_t *bytes, unsigned len)
{
    for (unsigned i = 0; i < len; i++) {
        if (bytes[i]) {
            return false;
        }
    }
    return true;
}

/* The checks of SDM vol. 1, 13.8 and 13.12. */
static bool header_valid(const Header *h, uint64_t enabled, bool compacted_only)
{
    if (h->xcomp_bv & XCOMP_COMPACTED) {
        uint64_t present = h->xcomp_bv & ~XCOMP_COMPACTED;

        return !(present & ~enabled) && !(h->xstate_bv & ~present) &&
               all_zero(h->reserved, sizeof(h->reserved));
    }
    return !compacted_only && !(h->xstate_bv & ~enabled) && h->xcomp_bv == 0 &&
           all_zero(h->reserved, 8);
}

static void restore_x87(X86State *s, const uint8_t *image, bool present, bool wide)
{
    if (present) {
        unpack_control(s, wide, image);
        unpack_st(s, image + FX_ST);
    } else {
        x87_init(s);
        memset(s->fpu.st, 0, sizeof(s->fpu.st));
    }
}

static void restore_vectors(X86State *s, unsigned offset, const uint8_t *image, bool present)
{
    if (present) {
        unpack_vectors(s, offset, image);
    } else {
        clear_vectors(s, offset);
    }
}

/*
 * MXCSR: the standard form loads it with SSE or AVX whatever XSTATE_BV says; the
 * compacted form treats it as a part of SSE.
 */
static uint32_t restored_mxcsr(X86CPU *cpu, const uint8_t *image, const Header *h,
                               uint64_t requested)
{
    if (!(h->xcomp_bv & XCOMP_COMPACTED)) {
        return requested & (X86_XSTATE_SSE | X86_XSTATE_AVX)
             ? checked_mxcsr(cpu, image + FX_MXCSR) : cpu->state.mxcsr;
    }
    if (!(requested & X86_XSTATE_SSE)) {
        return cpu->state.mxcsr;
    }
    return h->xstate_bv & X86_XSTATE_SSE ? checked_mxcsr(cpu, image + FX_MXCSR) : X86_MXCSR_INIT;
}

static void restore(X86CPU *cpu, const X86Insn *insn, uint64_t enabled, bool compacted_only)
{
    X86State *s = &cpu->state;
    uint64_t requested = instruction_mask(s) & enabled, lin;
    uint8_t image[AREA_SIZE];
    unsigned size;
    Header h;

    check_enabled(cpu);
    lin = aligned_lin(cpu, insn, X86_XSAVE_EXTENDED, 64, X86_ACCESS_READ);
    x86_lin_read(cpu, lin + X86_XSAVE_HEADER, &h, sizeof(h));
    if (!header_valid(&h, enabled, compacted_only)) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
    size = area_size(requested & h.xstate_bv);
    x86_lin_read(cpu, x86_mem_lin(cpu, insn, 0, size, X86_ACCESS_READ), image, size);
    s->mxcsr = restored_mxcsr(cpu, image, &h, requested);
    if (requested & X86_XSTATE_X87) {
        restore_x87(s, image, h.xstate_bv & X86_XSTATE_X87, wide_pointers(insn));
    }
    if (requested & X86_XSTATE_SSE) {
        restore_vectors(s, 0, image + FX_XMM, h.xstate_bv & X86_XSTATE_SSE);
    }
    if (requested & X86_XSTATE_AVX) {
        restore_vectors(s, 16, image + X86_XSAVE_EXTENDED, h.xstate_bv & X86_XSTATE_AVX);
    }
}

static void op_XRSTOR(X86CPU *cpu, const X86Insn *insn)
{
    restore(cpu, insn, cpu->state.xcr0, false);
}

static void op_XRSTORS(X86CPU *cpu, const X86Insn *insn)
{
    restore(cpu, insn, cpu->state.xcr0 | cpu->state.xss, true);
}

/* The manual's name with REX.W ends in 64. */
#define ROW_64(name) { X86_MN_##name##64, op_##name },
#define ROW_BOTH(name) VEC_ROW(name) ROW_64(name)

const X86Handler x86_handlers_xsave[] = {
    ROW_BOTH(FXSAVE)
    ROW_BOTH(FXRSTOR)
    VEC_ROW_BOTH(LDMXCSR)
    VEC_ROW_BOTH(STMXCSR)
    ROW_BOTH(XSAVE)
    ROW_BOTH(XSAVEOPT)
    ROW_BOTH(XSAVEC)
    ROW_BOTH(XSAVES)
    ROW_BOTH(XRSTOR)
    ROW_BOTH(XRSTORS)
    { 0, NULL },
};
