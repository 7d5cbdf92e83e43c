/*
 * Makes the state of a case: registers from a pool of edge values and
 * addresses, a memory operand solved for a chosen address, branch targets that
 * end in an INT3.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/cpu/generate.h"
#include <string.h>
#include "tests/cpu/native.h"
#include "tests/cpu/values.h"

typedef struct Generator {
    Random *r;
    CpuCase *c;
    Encoding enc;
    uint8_t **windows;
} Generator;

static uint64_t segment_base(const CpuRegs *in, unsigned seg, X86Mode mode)
{
    uint16_t sel = in->seg[seg];

    if (seg >= X86_FS && sel < 4) {
        return seg == X86_FS ? in->fs_base : in->gs_base;
    }
    return mode != X86_MODE_64 && sel & 4 ? WINDOW_BASE : 0;
}

/* An address (as an offset in a segment with this base) of stack or data. */
static uint64_t pointer(Random *r, uint64_t base)
{
    unsigned offset = random_chance(r, 80) ? WINDOW_DATA + random_below(r, 0x4000)
                                           : WINDOW_STACK + random_below(r, 0x2000);
    return WINDOW_BASE + (offset & (random_chance(r, 60) ? ~31u : ~0u)) - base;
}

static void random_segments(Generator *g)
{
    static const uint16_t data[] = {
        LDT_SELECTOR(LDT_DATA16), LDT_SELECTOR(LDT_DATA32), LDT_SELECTOR(LDT_SMALL),
        LDT_SELECTOR(LDT_EXPAND_DOWN), LDT_SELECTOR(LDT_READ_ONLY), SEL_DATA,
        LDT_SELECTOR(LDT_CODE32), 0,
    };
    CpuRegs *in = &g->c->in;
    uint16_t normal = g->c->mode == X86_MODE_16 ? LDT_SELECTOR(LDT_DATA16) : SEL_DATA;

    in->seg[X86_CS] = g->c->mode == X86_MODE_64 ? SEL_CODE64
                    : g->c->mode == X86_MODE_32 ? SEL_CODE32 : LDT_SELECTOR(LDT_CODE16);
    in->seg[X86_SS] = normal;
    in->seg[X86_DS] = in->seg[X86_ES] = normal;
    in->seg[X86_FS] = in->seg[X86_GS] = g->c->mode == X86_MODE_64 ? 0 : normal;
    if (g->c->mode != X86_MODE_64) {
        if (random_chance(g->r, 15)) {
            in->seg[X86_DS] = data[random_below(g->r, G_N_ELEMENTS(data))];
        }
        if (random_chance(g->r, 10)) {
            in->seg[X86_ES] = data[random_below(g->r, G_N_ELEMENTS(data))];
        }
        if (random_chance(g->r, 8)) {
            in->seg[X86_SS] = data[random_below(g->r, 3)];
        }
        in->seg[X86_FS] = data[random_below(g->r, G_N_ELEMENTS(data))];
        in->seg[X86_GS] = data[random_below(g->r, G_N_ELEMENTS(data))];
    } else {
        in->fs_base = WINDOW_BASE + WINDOW_DATA;
        in->gs_base = WINDOW_BASE;
    }
}

static void random_gprs(Generator *g)
{
    CpuRegs *in = &g->c->in;
    uint64_t mask = g->c->mode == X86_MODE_64 ? UINT64_MAX : UINT32_MAX;

    for (unsigned i = 0; i < 16; i++) {
        in->gpr[i] = random_chance(g->r, 15) ? pointer(g->r, segment_base(in, X86_DS, g->c->mode))
                                             : value_integer(g->r);
        in->gpr[i] &= mask;
    }
    if (random_chance(g->r, 95)) {
        uint64_t offset = WINDOW_STACK + 0x800 + random_below(g->r, 0x1000);
        in->gpr[X86_RSP] = WINDOW_BASE + (offset & ~(random_chance(g->r, 80) ? 15ull : 0)) -
                           segment_base(in, X86_SS, g->c->mode);
    }
    if (g->c->mode != X86_MODE_64) {
        memset(in->gpr + 8, 0, sizeof(in->gpr) / 2);
    }
}

static void random_flags(Generator *g)
{
    static const uint8_t arith[] = { 0, 2, 4, 6, 7, 11 };
    uint32_t flags = 0x202;

    for (unsigned i = 0; i < sizeof(arith); i++) {
        flags |= random_below(g->r, 2) << arith[i];
    }
    if (random_chance(g->r, 12)) {
        flags |= X86_EFLAGS_DF;
    }
    if (random_chance(g->r, 4)) {
        flags |= X86_EFLAGS_AC;
    }
    g->c->in.eflags = flags;
}

static void random_vectors(Generator *g)
{
    CpuRegs *in = &g->c->in;

    for (unsigned i = 0; i < 16; i++) {
        value_vector(g->r, in->ymm[i]);
        value_vector(g->r, in->ymm[i] + 2);
    }
    /* Two equal operands are an edge of their own. */
    if (random_chance(g->r, 10)) {
        memcpy(in->ymm[random_below(g->r, 8)], in->ymm[random_below(g->r, 8)], 32);
    }
    in->mxcsr = 0x1f80;
    if (random_chance(g->r, 60)) {
        in->mxcsr = 0x1f80 | (random64(g->r) & (random_chance(g->r, 50) ? 0xe07f : 0x603f));
    }
    if (random_chance(g->r, 15)) {
        in->mxcsr = (in->mxcsr & ~0x1fbf) | (random64(g->r) & 0x1f80);
    }
}

/* The summary bit follows from flags and masks; B mirrors it. */
static void random_x87(Generator *g)
{
    CpuRegs *in = &g->c->in;

    in->fcw = 0x37f;
    if (random_chance(g->r, 70)) {
        in->fcw = 0x7f | (random64(g->r) & 0xf00);
    }
    in->fsw = random64(g->r) & 0x7f40;
    if (random_chance(g->r, 15)) {
        in->fcw = (in->fcw & ~0x3f) | (random64(g->r) & 0x3f);
        in->fsw |= random_chance(g->r, 20) ? random64(g->r) & 0x3f : 0;
    } else if (random_chance(g->r, 30)) {
        in->fsw |= random64(g->r) & 0x3f;
    }
    in->fsw &= ~0x8080;
    if (in->fsw & ~in->fcw & 0x3f) {
        in->fsw |= 0x8080;
    }
    in->ftw = random_chance(g->r, 60) ? 0xff : random64(g->r);
    for (unsigned i = 0; i < 8; i++) {
        in->st[i] = value_float80(g->r);
    }
    in->fop = 0;
    in->fip = in->fdp = 0;
}

/* Where the instruction lies: mostly mid-page, sometimes against the page's end. */
static void place_code(Generator *g)
{
    unsigned offset = WINDOW_CODE + 0x800 + random_below(g->r, 16);

    if (random_chance(g->r, 4)) {
        offset = WINDOW_CODE + 0x1000 - random_below(g->r, g->c->insn.len + 1);
        offset -= offset == WINDOW_CODE + 0x1000;
    }
    g->c->in.rip = (g->c->mode == X86_MODE_16 ? 0 : WINDOW_BASE) + offset;
}

static void put(Generator *g, unsigned offset, const void *data, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        unsigned at = (offset + i) & (WINDOW_SIZE - 1);
        if (window_pages[at >> 12] == PAGE_RW || window_pages[at >> 12] == PAGE_R) {
            g->windows[0][at] = g->windows[1][at] = ((const uint8_t *)data)[i];
        }
    }
}

static void put_values(Generator *g, uint64_t lin, unsigned size)
{
    unsigned offset = lin - WINDOW_BASE;
    uint8_t value[16];

    if (lin - WINDOW_BASE >= WINDOW_SIZE) {
        return;
    }
    if (size == 10) {
        X86Float80 f = value_float80(g->r);
        put(g, offset, &f, 10);
        return;
    }
    for (unsigned i = 0; i < size; i += 16) {
        if (size <= 8 && random_chance(g->r, 50)) {
            uint64_t v = value_integer(g->r);
            put(g, offset, &v, 8);
        } else {
            value_vector(g->r, value);
            put(g, offset + i, value, 16);
        }
    }
}

/* The linear address a memory operand shall have. */
static uint64_t choose_target(Generator *g, unsigned size)
{
    bool aligned = x86_rows[g->c->insn.row].legality & X86_ROW_ALIGNED;
    unsigned kind = random_below(g->r, 100);
    unsigned offset = WINDOW_DATA + 64 + random_below(g->r, 0x3000);

    if (kind < (aligned ? 85 : 55)) {
        return WINDOW_BASE + (offset & ~63u);
    }
    if (kind < 90) {
        return WINDOW_BASE + offset;
    }
    if (kind < 93) { /* across two pages */
        return WINDOW_BASE + WINDOW_DATA + 0x1000 - random_below(g->r, size + 1);
    }
    if (kind < 96) { /* across the end of what is mapped */
        return WINDOW_BASE + WINDOW_DATA_END - random_below(g->r, size + 1);
    }
    if (kind < 97) {
        return WINDOW_BASE + WINDOW_READ_ONLY + 64;
    }
    if (kind < 98) {
        return WINDOW_BASE + WINDOW_SIZE - random_below(g->r, size + 1);
    }
    return WINDOW_BASE + random_below(g->r, WINDOW_SIZE);
}

static unsigned memory_size(const X86Insn *insn)
{
    for (unsigned i = 0; i < X86_MAX_OPERANDS; i++) {
        if (insn->op[i].kind == X86_OP_MEM) {
            return insn->op[i].size ? insn->op[i].size : 64;
        }
    }
    return 0;
}

/* Sets base, index or displacement so that the operand's offset becomes ea.
 * Returns false if the encoding leaves no freedom. */
static bool solve_address(Generator *g, uint64_t ea)
{
    X86Insn *insn = &g->c->insn;
    uint64_t *gpr = g->c->in.gpr;
    uint64_t mask = insn->addr_size == 8 ? UINT64_MAX : (1ull << insn->addr_size * 8) - 1;

    if (insn->base == X86_NO_REG && (insn->index == X86_NO_REG || insn->vsib)) {
        uint64_t disp = insn->rip_relative ? ea - g->c->in.rip - insn->len : ea;
        if (!g->enc.disp_size) {
            return false;
        }
        memcpy(g->c->code + g->enc.disp_at, &disp, g->enc.disp_size);
        return true;
    }
    ea -= insn->disp;
    if (insn->base == X86_NO_REG) {
        gpr[insn->index] = (ea & mask) >> insn->scale;
        return true;
    }
    if (insn->index != X86_NO_REG && !insn->vsib) {
        if (insn->index == insn->base) {
            gpr[insn->base] = (ea & mask) / (1 + (1u << insn->scale));
            return true;
        }
        if (random_chance(g->r, 70)) {
            gpr[insn->index] = random_below(g->r, 256);
        }
        ea -= gpr[insn->index] << insn->scale;
    }
    gpr[insn->base] = insn->addr_size == 8 ? ea
                    : (gpr[insn->base] & ~mask) | (ea & mask);
    if (g->c->mode != X86_MODE_64) {
        gpr[insn->base] &= UINT32_MAX;
    }
    return true;
}

/* Small elements in the index register of a gather. */
static void small_indices(Generator *g)
{
    uint64_t *v = g->c->in.ymm[g->c->insn.index];
    bool wide = strstr(x86_mnemonic_names[g->c->insn.mnemonic], "gatherq") != NULL;

    for (unsigned i = 0; i < 4; i++) {
        uint32_t a = random_below(g->r, 0x300) - 0x80, b = random_below(g->r, 0x300) - 0x80;
        v[i] = wide ? (uint64_t)(int64_t)(int32_t)a : a | (uint64_t)b << 32;
    }
}

static void solve_memory(Generator *g)
{
    X86Insn *insn = &g->c->insn;
    unsigned size = memory_size(insn);
    uint64_t target;

    if (size == 0) {
        return;
    }
    target = choose_target(g, size);
    if (insn->vsib && random_chance(g->r, 90)) {
        small_indices(g);
    }
    put_values(g, target, size);
    if (random_chance(g->r, 98)) {
        solve_address(g, target - segment_base(&g->c->in, insn->seg, g->c->mode));
    }
}

/* Bit offsets in a register reach far: keep most of them near. */
static void near_bit_offset(Generator *g)
{
    const X86Insn *insn = &g->c->insn;
    uint64_t *gpr = g->c->in.gpr;

    if (insn->op[0].kind == X86_OP_MEM && insn->op[1].kind == X86_OP_GPR &&
        insn->op[1].reg != insn->base && insn->op[1].reg != insn->index &&
        random_chance(g->r, 80)) {
        gpr[insn->op[1].reg] = (int64_t)random_below(g->r, 0x4000) - 0x1000;
        if (g->c->mode != X86_MODE_64) {
            gpr[insn->op[1].reg] &= UINT32_MAX;
        }
    }
}

static void string_operands(Generator *g)
{
    CpuRegs *in = &g->c->in;
    X86Mode mode = g->c->mode;

    if (random_chance(g->r, 93)) {
        in->gpr[X86_RSI] = pointer(g->r, segment_base(in, g->c->insn.seg, mode));
    }
    if (random_chance(g->r, 93)) {
        in->gpr[X86_RDI] = pointer(g->r, segment_base(in, X86_ES, mode));
    }
    if (random_chance(g->r, 90)) {
        in->gpr[X86_RCX] = random_below(g->r, 40);
    }
    if (random_chance(g->r, 30)) { /* equal runs, so that CMPS and SCAS go on */
        uint8_t fill[64];
        uint64_t bases[2] = { segment_base(in, g->c->insn.seg, mode),
                              segment_base(in, X86_ES, mode) };
        memset(fill, in->gpr[X86_RAX], sizeof(fill));
        put(g, in->gpr[X86_RSI] + bases[0] - WINDOW_BASE, fill, sizeof(fill));
        put(g, in->gpr[X86_RDI] + bases[1] - WINDOW_BASE, fill, sizeof(fill));
    }
}

/* An offset in the code segment that holds INT3, or one that faults. */
static uint64_t branch_target(Generator *g)
{
    uint64_t base = g->c->mode == X86_MODE_16 ? 0 : WINDOW_BASE;

    return base + WINDOW_CODE +
           (random_chance(g->r, 90) ? 0x100 + random_below(g->r, 0x600) : 0x1000);
}

/*
 * A far call to 64-bit code uses RSP as 64-bit code would, without the base of
 * SS. If its push then faults, Zen 3 hangs.
 */
static uint16_t without_code64(const Generator *g, uint16_t selector)
{
    const CpuRegs *in = &g->c->in;
    bool valid = in->seg[X86_SS] == SEL_DATA &&
                 in->gpr[X86_RSP] - WINDOW_BASE - WINDOW_STACK - 64 < 0x1000;

    return g->c->mode != X86_MODE_64 && !valid && (selector & ~3) == (SEL_CODE64 & ~3)
         ? 0 : selector;
}

static void put_target(Generator *g, uint64_t lin, unsigned size, bool far)
{
    static const uint16_t selectors[] = {
        SEL_CODE64, SEL_CODE32, LDT_SELECTOR(LDT_CODE16), SEL_DATA, 0, LDT_SELECTOR(LDT_CODE32),
        LDT_SELECTOR(LDT_NOT_PRESENT), LDT_SELECTOR(LDT_EXECUTE_ONLY), 0x10, 0x3b, 0x1003,
    };
    uint64_t target = branch_target(g);
    uint16_t selector = random_chance(g->r, 50) ? g->c->in.seg[X86_CS]
                      : selectors[random_below(g->r, G_N_ELEMENTS(selectors))];

    selector = without_code64(g, selector);
    if (selector & 4 && g->c->mode != X86_MODE_16) {
        target -= WINDOW_BASE;
    } else if (!(selector & 4) && g->c->mode == X86_MODE_16) {
        target += WINDOW_BASE;
    }
    put(g, lin - WINDOW_BASE, &target, size);
    if (far) {
        put(g, lin - WINDOW_BASE + size, &selector, 2);
    }
}

static uint64_t stack_lin(const Generator *g)
{
    const CpuRegs *in = &g->c->in;
    uint64_t base = segment_base(in, X86_SS, g->c->mode);
    bool wide = g->c->mode == X86_MODE_64 || in->seg[X86_SS] == SEL_DATA ||
                in->seg[X86_SS] == LDT_SELECTOR(LDT_DATA32) ||
                in->seg[X86_SS] == LDT_SELECTOR(LDT_SMALL);

    return base + (wide ? in->gpr[X86_RSP] : in->gpr[X86_RSP] & 0xffff);
}

static uint64_t memory_lin(const Generator *g)
{
    const X86Insn *insn = &g->c->insn;
    const uint64_t *gpr = g->c->in.gpr;
    uint64_t ea = insn->disp;

    if (insn->rip_relative) {
        ea += g->c->in.rip + insn->len;
    }
    ea += insn->base != X86_NO_REG ? gpr[insn->base] : 0;
    ea += insn->index != X86_NO_REG ? gpr[insn->index] << insn->scale : 0;
    if (insn->addr_size < 8) {
        ea &= (1ull << insn->addr_size * 8) - 1;
    }
    return segment_base(&g->c->in, insn->seg, g->c->mode) + ea;
}

/* The far pointer and the frame of IRET and RETF: IP, CS, flags, SP, SS. */
static void put_return_frame(Generator *g)
{
    static const uint16_t stacks[] = { SEL_DATA, LDT_SELECTOR(LDT_DATA16), 0, 0x13, SEL_CODE32,
                                       LDT_SELECTOR(LDT_NOT_PRESENT) };
    unsigned size = g->c->insn.op_size;
    uint64_t lin = stack_lin(g);
    uint64_t flags = value_integer(g->r) & ~(uint64_t)(X86_EFLAGS_TF | X86_EFLAGS_VM);
    uint64_t sp = g->c->in.gpr[X86_RSP];
    uint16_t ss = random_chance(g->r, 60) ? g->c->in.seg[X86_SS]
                : stacks[random_below(g->r, G_N_ELEMENTS(stacks))];
    uint64_t zero = 0;

    put(g, lin - WINDOW_BASE + size, &zero, size);
    put_target(g, lin, size, true);
    put(g, lin - WINDOW_BASE + size * 2, &flags, size);
    put(g, lin - WINDOW_BASE + size * 3, &sp, size);
    put(g, lin - WINDOW_BASE + size * 4, &zero, size);
    put(g, lin - WINDOW_BASE + size * 4, &ss, 2);
}

static void solve_branch(Generator *g)
{
    X86Insn *insn = &g->c->insn;
    uint64_t *gpr = g->c->in.gpr;

    switch (insn->op[0].kind) {
    case X86_OP_REL: {
        unsigned size = insn->op_size == 2 ? 2 : 4;
        bool byte = x86_rows[insn->row].operands[1] == 'b';
        int64_t disp = branch_target(g) - g->c->in.rip - insn->len;
        if (byte) {
            size = 1;
            disp = random_chance(g->r, 50) ? (int)random_below(g->r, 128)
                                           : -16 - (int)random_below(g->r, 112); /* not itself */
        }
        memcpy(g->c->code + insn->len - size, &disp, size);
        return;
    }
    case X86_OP_FAR: {
        unsigned size = insn->op_size;
        uint64_t target = branch_target(g);
        uint16_t selector = g->c->in.seg[X86_CS];
        if (random_chance(g->r, 20)) {
            selector = value_integer(g->r);
        }
        selector = without_code64(g, selector);
        memcpy(g->c->code + insn->len - size - 2, &target, size);
        memcpy(g->c->code + insn->len - 2, &selector, 2);
        return;
    }
    case X86_OP_GPR:
        gpr[insn->op[0].reg] = branch_target(g);
        return;
    case X86_OP_MEM:
        put_target(g, memory_lin(g), insn->op_size,
                   insn->mnemonic == X86_MN_JMPF || insn->mnemonic == X86_MN_CALLF);
        return;
    default:
        put_target(g, stack_lin(g), insn->op_size, false);
    }
}

/* What single instructions need beyond the general case. */
static void solve_special(Generator *g)
{
    X86Insn *insn = &g->c->insn;
    CpuRegs *in = &g->c->in;
    uint64_t ds = segment_base(in, insn->seg, g->c->mode);

    switch (insn->mnemonic) {
    case X86_MN_BT: case X86_MN_BTS: case X86_MN_BTR: case X86_MN_BTC:
        near_bit_offset(g);
        break;
    case X86_MN_XLAT:
        in->gpr[X86_RBX] = pointer(g->r, ds);
        break;
    case X86_MN_MASKMOVQ: case X86_MN_MASKMOVDQU: case X86_MN_VMASKMOVDQU:
        in->gpr[X86_RDI] = pointer(g->r, ds);
        break;
    case X86_MN_ENTER: case X86_MN_LEAVE:
        in->gpr[X86_RBP] = pointer(g->r, segment_base(in, X86_SS, g->c->mode));
        break;
    case X86_MN_CLZERO:
        in->gpr[X86_RAX] = pointer(g->r, ds);
        break;
    case X86_MN_XSAVE: case X86_MN_XSAVE64: case X86_MN_XSAVEOPT: case X86_MN_XSAVEOPT64:
    case X86_MN_XSAVEC: case X86_MN_XSAVEC64: case X86_MN_XRSTOR: case X86_MN_XRSTOR64:
        in->gpr[X86_RAX] &= ~native_extra_components();
        break;
    case X86_MN_LOOP: case X86_MN_LOOPE: case X86_MN_LOOPNE: case X86_MN_JCXZ:
        in->gpr[X86_RCX] = random_chance(g->r, 40) ? random_below(g->r, 3) : in->gpr[X86_RCX];
        break;
    case X86_MN_RETF: case X86_MN_IRET:
        put_return_frame(g);
        break;
    case X86_MN_CMPXCHG: case X86_MN_CMPXCHG8B: case X86_MN_CMPXCHG16B:
        if (insn->op[0].kind == X86_OP_MEM && random_chance(g->r, 50)) { /* equal */
            uint64_t lin = memory_lin(g);
            put(g, lin - WINDOW_BASE, &in->gpr[X86_RAX], 8);
            if (insn->mnemonic != X86_MN_CMPXCHG) {
                put(g, lin - WINDOW_BASE + memory_size(insn) / 2, &in->gpr[X86_RDX], 8);
            }
        }
        break;
    }
}

static bool is_string(const X86Insn *insn)
{
    for (unsigned i = 0; i < 2; i++) {
        if (insn->op[i].kind == X86_OP_STR_SI || insn->op[i].kind == X86_OP_STR_DI) {
            return true;
        }
    }
    return false;
}

/* Patched bytes change immediates and displacements in *insn. */
static bool decode_again(CpuCase *c)
{
    unsigned row = c->insn.row;

    return x86_decode(c->code, 15, c->mode, X86_DECODE_HAS_BMI1 | X86_DECODE_HAS_LZCNT,
                      &c->insn) == X86_DECODE_OK && c->insn.row == row;
}

bool generate_case(Random *r, unsigned row, X86Mode mode, uint8_t *windows[2], CpuCase *c)
{
    Generator g = { .r = r, .c = c, .windows = windows };

    c->mode = mode;
    if (!encode_row(r, row, mode, c->code, &c->insn, &g.enc)) {
        return false;
    }
    memset(&c->in, 0, sizeof(c->in));
    random_segments(&g);
    random_gprs(&g);
    random_flags(&g);
    random_vectors(&g);
    random_x87(&g);
    place_code(&g);
    if (is_string(&c->insn)) {
        string_operands(&g);
    }
    solve_memory(&g);
    if (!decode_again(c)) {
        return false;
    }
    solve_special(&g);
    if (x86_rows[row].legality & X86_ROW_BRANCH &&
        (c->insn.op[0].kind == X86_OP_REL || random_chance(r, 90))) {
        solve_branch(&g);
    }
    return decode_again(c);
}
