/*
 * Copying instructions (copy.h; SDM vol. 2, 2.1 to 2.3).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include "target/i386/translate/copy.h"

/* --- rows -------------------------------------------------------------------------- */

/* Instructions with effects or operands that their row does not tell. */
static const uint16_t not_copied[] = {
    X86_MN_PUSH, X86_MN_POP, X86_MN_PUSHF, X86_MN_POPF, X86_MN_PUSHA, X86_MN_POPA,
    X86_MN_ENTER, X86_MN_LEAVE, X86_MN_XLAT, X86_MN_CPUID, X86_MN_RDTSC, X86_MN_RDTSCP,
    X86_MN_RDPMC, X86_MN_XGETBV, X86_MN_CLD, X86_MN_STD, X86_MN_CLI, X86_MN_STI,
    X86_MN_MASKMOVDQU, X86_MN_VMASKMOVDQU, X86_MN_LAR, X86_MN_LSL, X86_MN_VERR, X86_MN_VERW,
    X86_MN_SLDT, X86_MN_STR, X86_MN_SMSW, X86_MN_RDFSBASE, X86_MN_RDGSBASE, X86_MN_WRFSBASE,
    X86_MN_WRGSBASE, X86_MN_FXSAVE, X86_MN_FXRSTOR, X86_MN_XSAVE, X86_MN_XRSTOR, X86_MN_XSAVEOPT,
    X86_MN_XSAVEC, X86_MN_XSAVES, X86_MN_XRSTORS, X86_MN_LDMXCSR, X86_MN_STMXCSR,
    X86_MN_VLDMXCSR, X86_MN_VSTMXCSR, X86_MN_RDPID, X86_MN_CLZERO, X86_MN_SERIALIZE,
    X86_MN_MONITOR, X86_MN_MWAIT, X86_MN_CLFLUSH, X86_MN_CLFLUSHOPT, X86_MN_CLWB,
    X86_MN_LEA, X86_MN_RDRAND, X86_MN_RDSEED, X86_MN_ARPL, X86_MN_BOUND,
    X86_MN_RDPKRU, X86_MN_WRPKRU, X86_MN_FWAIT, X86_MN_FLDCW, X86_MN_FLDENV, X86_MN_FNSTENV,
    X86_MN_FRSTOR, X86_MN_FNSAVE, X86_MN_FNINIT, X86_MN_FNENI, X86_MN_FNDISI, X86_MN_FNSETPM,
    X86_MN_MASKMOVQ, X86_MN_SGDT, X86_MN_SIDT, X86_MN_PAUSE,
};

enum {
    NOT_COPIED = X86_ROW_NO64 | X86_ROW_CPL0 | X86_ROW_BRANCH | X86_ROW_END |
                 X86_ROW_REP | X86_ROW_IO | X86_ROW_IOPL | X86_ROW_UNDEF |
                 X86_ROW_CPL0_UD,
};

static bool starts_with_any(const char *token, const char *letters)
{
    return token[0] && strchr(letters, token[0]);
}

/* One operand of the table's notation, e.g. "*Ev"; false if it rules copying out. */
static bool classify_operand(CopyRow *row, unsigned i, const char *token)
{
    static const char *const fixed[] = { "AL", "rAX", "eAX", "CL", "rDX", "XMM0", "1",
                                         "AX", "ST0", "STi" };

    token += *token == '*' || *token == '=';
    for (unsigned f = 0; f < G_N_ELEMENTS(fixed); f++) {
        if (g_str_equal(token, fixed[f])) {
            return true;
        }
    }
    if (!g_ascii_islower(token[1]) && token[1]) {
        return false; /* another register's own name */
    }
    row->general |= starts_with_any(token, "ERGB");
    row->reg_in_imm |= *token == 'L';
    switch (*token) {
    case 'E': case 'R': case 'M': case 'W': case 'U': case 'Q': case 'N':
        row->rm = i;
        return true;
    case 'G':
        row->reg = i;
        return true;
    case 'B':
        row->vvvv = i;
        return true;
    case 'Z':
        row->opcode = i;
        return true;
    default:
        return starts_with_any(token, "VHLIP");
    }
}

static CopyRow classify(const X86Row *row)
{
    CopyRow res = { .reg = COPY_NO_OPERAND, .rm = COPY_NO_OPERAND, .vvvv = COPY_NO_OPERAND,
                    .opcode = COPY_NO_OPERAND };
    g_auto(GStrv) tokens = g_strsplit(row->operands, ",", -1);

    res.copyable = !(row->legality & NOT_COPIED);
    for (unsigned i = 0; tokens[i]; i++) {
        if (!classify_operand(&res, i, tokens[i])) {
            res.copyable = false;
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(not_copied); i++) {
        if (row->mnemonic == not_copied[i]) {
            res.copyable = false;
        }
    }
    /* VEX.W widens their implicit RAX and RDX */
    res.general |= row->mnemonic == X86_MN_VPCMPESTRM || row->mnemonic == X86_MN_VPCMPESTRI;
    res.has_modrm = strchr(row->encoding, '/') || res.rm != COPY_NO_OPERAND;
    return res;
}

static gpointer make_rows(gpointer unused)
{
    CopyRow *rows = g_new(CopyRow, x86_row_count);

    for (unsigned i = 0; i < x86_row_count; i++) {
        rows[i] = classify(&x86_rows[i]);
    }
    return rows;
}

const CopyRow *copy_row(unsigned row)
{
    static GOnce once = G_ONCE_INIT;
    const CopyRow *rows = g_once(&once, make_rows, NULL);

    return &rows[row];
}

/* --- taking apart --------------------------------------------------------------------- */

/* Legacy prefixes and REX. Returns where the opcode or VEX begins. */
static const uint8_t *parse_prefixes(const uint8_t *p, bool mode64, CopyCode *code, unsigned *rex)
{
    for (;; p++) {
        switch (*p) {
        case 0x66:
            code->opsize = true;
            continue;
        case 0xf0:
            code->lock = true;
            continue;
        case 0xf2: case 0xf3:
            code->rep = *p;
            continue;
        case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65: case 0x67:
            continue;
        }
        if (!mode64 || (*p & 0xf0) != 0x40) {
            return p;
        }
        *rex = *p++;
        if (*p == 0x66 || *p == 0xf0 || (*p & 0xfe) == 0xf2 || (*p & 0xfc) == 0x64 ||
            (*p & 0xe7) == 0x26 || (*p & 0xf0) == 0x40) {
            *rex = 0; /* only a REX right before the opcode counts */
            p--;
            continue;
        }
        return p;
    }
}

/* Outside 64-bit mode there are eight registers, and their fourth bits are ignored. */
static const uint8_t *parse_vex(const uint8_t *p, bool mode64, CopyCode *code, unsigned *rex)
{
    bool three = *p == 0xc4;
    uint8_t first = p[1], last = p[three ? 2 : 1];

    code->vex = true;
    code->map = three ? first & 0x1f : 1;
    code->vex_l_pp = last & 7;
    code->vvvv = ~last >> 3 & (mode64 ? 15 : 7);
    code->rex_w = three && (last & 0x80);
    *rex = !mode64 ? 0 : (first & 0x80 ? 0 : 4) | (three ? ~first >> 5 & 3 : 0);
    return p + (three ? 3 : 2);
}

static const uint8_t *parse_map(const uint8_t *p, CopyCode *code)
{
    if (*p != 0x0f) {
        return p;
    }
    if (p[1] == 0x38 || p[1] == 0x3a) {
        code->map = p[1] == 0x38 ? 2 : 3;
        return p + 2;
    }
    code->map = 1;
    return p + 1;
}

/* The length of SIB and displacement after a ModRM in 32- or 64-bit addressing. */
static unsigned address_len(const uint8_t *modrm)
{
    unsigned mod = *modrm >> 6, rm = *modrm & 7, len = 0;

    if (mod == 3) {
        return 0;
    }
    if (rm == 4) {
        len = 1;
        rm = modrm[1] & 7;
    }
    return len + (mod == 1 ? 1 : mod == 2 || rm == 5 ? 4 : 0);
}

/* What other modes ignore: the width of general registers, registers above 7. */
static void drop_64bit_bits(const CopyRow *row, CopyCode *code)
{
    code->rex_w = code->rex_w && !row->general;
    if (row->reg_in_imm) {
        code->imm[0] &= 0x7f;
    }
}

void copy_parse(const X86Insn *insn, const uint8_t *bytes, bool mode64, CopyCode *code)
{
    unsigned rex = 0;

    *code = (CopyCode){ 0 };
    const uint8_t *p = parse_prefixes(bytes, mode64, code, &rex);
    if (insn->prefixes & X86_PFX_VEX) {
        p = parse_vex(p, mode64, code, &rex);
    } else {
        code->rex_w = rex & 8;
        code->force_rex = rex != 0;
        p = parse_map(p, code);
    }
    code->opcode = *p++;
    if (copy_row(insn->row)->has_modrm) {
        code->modrm = *p;
        code->reg = (*p >> 3 & 7) | (rex & 4) << 1;
        code->rm = (*p & 7) | (rex & 1) << 3;
        p += 1 + address_len(p);
    } else {
        code->rm = (code->opcode & 7) | (rex & 1) << 3;
    }
    code->imm_len = bytes + insn->len - p;
    memcpy(code->imm, p, MIN(code->imm_len, sizeof(code->imm)));
    if (code->vex && !mode64) {
        drop_64bit_bits(copy_row(insn->row), code);
    }
}

/* --- putting together ------------------------------------------------------------------- */

static void emit_vex(Emit *e, const CopyCode *code, unsigned rxb)
{
    emit8(e, 0xc4);
    emit8(e, (~rxb & 7) << 5 | code->map);
    emit8(e, (code->rex_w ? 0x80 : 0) | (~code->vvvv & 15) << 3 | code->vex_l_pp);
}

static void emit_legacy(Emit *e, const CopyCode *code, unsigned rxb)
{
    if (code->lock) {
        emit8(e, 0xf0);
    }
    if (code->opsize) {
        emit8(e, 0x66);
    }
    if (code->rep) {
        emit8(e, code->rep);
    }
    if (rxb || code->rex_w || code->force_rex) {
        emit8(e, 0x40 | (code->rex_w ? 8 : 0) | rxb);
    }
    if (code->map) {
        emit8(e, 0x0f);
    }
    if (code->map > 1) {
        emit8(e, code->map == 2 ? 0x38 : 0x3a);
    }
}

void copy_emit(Emit *e, const CopyCode *code, bool has_modrm, const HostMem *mem)
{
    unsigned rxb = (has_modrm && (code->reg & 8) ? 4 : 0) |
                   (mem ? emit_mem_rex(*mem) : code->rm & 8 ? 1 : 0);

    if (mem && mem->window) {
        emit8(e, 0x65);
    }
    if (code->vex) {
        emit_vex(e, code, rxb);
    } else {
        emit_legacy(e, code, rxb);
    }
    emit8(e, has_modrm ? code->opcode : (code->opcode & ~7) | (code->rm & 7));
    if (mem) {
        emit_mem(e, code->reg, *mem);
    } else if (has_modrm) {
        emit_modrm_reg(e, code->reg, code->rm);
    }
    emit_bytes(e, code->imm, code->imm_len);
}
