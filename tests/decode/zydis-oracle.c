/*
 * Compares our decoder with Zydis, instruction by instruction.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/decode/zydis-oracle.h"
#include "target/i386/decode/row.h"
#include <Zydis/Zydis.h>
#include <string.h>

struct ZydisOracle {
    ZydisDecoder decoder[3]; /* by X86Mode */
};

/* Names that differ by convention: ours (several spellings of Zydis each). */
static const struct {
    const char *ours;
    const char *zydis[4];
} synonyms[] = {
    { "movs", { "movsb", "movsw", "movsd", "movsq" } },
    { "cmps", { "cmpsb", "cmpsw", "cmpsd", "cmpsq" } },
    { "stos", { "stosb", "stosw", "stosd", "stosq" } },
    { "lods", { "lodsb", "lodsw", "lodsd", "lodsq" } },
    { "scas", { "scasb", "scasw", "scasd", "scasq" } },
    { "ins", { "insb", "insw", "insd" } },
    { "outs", { "outsb", "outsw", "outsd" } },
    { "pushf", { "pushf", "pushfd", "pushfq" } },
    { "popf", { "popf", "popfd", "popfq" } },
    { "pusha", { "pusha", "pushad" } },
    { "popa", { "popa", "popad" } },
    { "iret", { "iret", "iretd", "iretq" } },
    { "cbw", { "cbw", "cwde", "cdqe" } },
    { "cwd", { "cwd", "cdq", "cqo" } },
    { "jcxz", { "jcxz", "jecxz", "jrcxz" } },
    { "callf", { "call" } },
    { "jmpf", { "jmp" } },
    { "retf", { "ret" } },
    { "mov_cr", { "mov" } },
    { "mov_dr", { "mov" } },
    { "mov_seg", { "mov" } },
    { "fneni", { "feni8087_nop" } },
    { "fndisi", { "fdisi8087_nop" } },
    { "fnsetpm", { "fsetpm287_nop" } },
    { "fstp", { "fstp", "fstpnce" } },
};

static bool same_mnemonic(const X86Insn *insn, const char *zydis)
{
    const char *ours = x86_insn_row(insn)->name;

    for (unsigned i = 0; i < G_N_ELEMENTS(synonyms); i++) {
        for (unsigned j = 0; strcmp(ours, synonyms[i].ours) == 0 && j < 4; j++) {
            if (g_strcmp0(zydis, synonyms[i].zydis[j]) == 0) {
                return true;
            }
        }
    }
    return strcmp(ours, zydis) == 0;
}

static ZydisRegister gpr(unsigned reg, unsigned size)
{
    switch (size) {
    case 1:
        return ZydisRegisterEncode(ZYDIS_REGCLASS_GPR8, reg < 4 ? reg : reg + 4);
    case 2:
        return ZydisRegisterEncode(ZYDIS_REGCLASS_GPR16, reg);
    case 4:
        return ZydisRegisterEncode(ZYDIS_REGCLASS_GPR32, reg);
    default:
        return ZydisRegisterEncode(ZYDIS_REGCLASS_GPR64, reg);
    }
}

static ZydisRegister segment(unsigned reg)
{
    return ZydisRegisterEncode(ZYDIS_REGCLASS_SEGMENT, reg);
}

/* Our register operand in Zydis' terms. */
static ZydisRegister expected_register(const X86Operand *op, const ZydisDecodedOperand *z)
{
    switch (op->kind) {
    case X86_OP_GPR:
        return gpr(op->reg, op->size);
    case X86_OP_GPRH:
        return ZydisRegisterEncode(ZYDIS_REGCLASS_GPR8, op->reg + 4);
    case X86_OP_SEG:
        return segment(op->reg);
    case X86_OP_CR:
        return ZydisRegisterEncode(ZYDIS_REGCLASS_CONTROL, op->reg);
    case X86_OP_DR:
        return ZydisRegisterEncode(ZYDIS_REGCLASS_DEBUG, op->reg);
    case X86_OP_ST:
        return ZydisRegisterEncode(ZYDIS_REGCLASS_X87, op->reg);
    case X86_OP_MMX:
        return ZydisRegisterEncode(ZYDIS_REGCLASS_MMX, op->reg);
    case X86_OP_XMM:
        return ZydisRegisterEncode(op->size == 32 ? ZYDIS_REGCLASS_YMM : ZYDIS_REGCLASS_XMM,
                                   op->reg);
    default:
        return ZYDIS_REGISTER_NONE;
    }
}

static bool same_memory(const X86Insn *insn, const X86Operand *op, const ZydisDecodedOperand *z)
{
    ZydisRegister base = insn->base == X86_NO_REG ? ZYDIS_REGISTER_NONE
                                                  : gpr(insn->base, insn->addr_size);
    ZydisRegister index = ZYDIS_REGISTER_NONE;

    if (insn->index != X86_NO_REG) {
        index = gpr(insn->index, insn->addr_size);
    }
    if (insn->rip_relative) {
        base = insn->addr_size == 8 ? ZYDIS_REGISTER_RIP : ZYDIS_REGISTER_EIP;
    }
    if (insn->vsib) { /* the class, XMM or YMM, is the consumer's business */
        return z->mem.base == base && ZydisRegisterGetId(z->mem.index) == insn->index &&
               z->mem.scale == 1 << insn->scale && z->mem.disp.value == insn->disp;
    }
    if (op->size * 8 != z->size && op->size != 0) {
        return false;
    }
    return z->mem.base == base && z->mem.index == index &&
           (z->mem.type == ZYDIS_MEMOP_TYPE_AGEN || z->mem.segment == segment(insn->seg)) &&
           (index == ZYDIS_REGISTER_NONE || z->mem.scale == 1 << insn->scale) &&
           z->mem.disp.value == insn->disp;
}

static bool same_string_operand(const X86Insn *insn, const X86Operand *op,
                                const ZydisDecodedOperand *z)
{
    unsigned seg = op->kind == X86_OP_STR_SI ? insn->seg : X86_ES;

    return z->type == ZYDIS_OPERAND_TYPE_MEMORY && z->size == op->size * 8 &&
           z->mem.base == gpr(op->reg, insn->addr_size) && z->mem.segment == segment(seg);
}

static uint64_t truncated(uint64_t value, unsigned bits)
{
    return bits >= 64 ? value : value & ((1ull << bits) - 1);
}

static bool same_operand(const X86Insn *insn, const X86Operand *op, const ZydisDecodedOperand *z)
{
    switch (op->kind) {
    case X86_OP_MEM:
        return z->type == ZYDIS_OPERAND_TYPE_MEMORY && same_memory(insn, op, z);
    case X86_OP_STR_SI:
    case X86_OP_STR_DI:
        return same_string_operand(insn, op, z);
    case X86_OP_IMM:
        return z->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && !z->imm.is_relative &&
               truncated(z->imm.value.u, op->size * 8) == truncated(insn->imm, op->size * 8);
    case X86_OP_IMM2:
        return z->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && z->imm.value.u == insn->imm2;
    case X86_OP_REL:
        return z->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && z->imm.is_relative &&
               z->imm.value.u == insn->imm;
    case X86_OP_FAR:
        return z->type == ZYDIS_OPERAND_TYPE_POINTER && z->ptr.segment == insn->imm2 &&
               z->ptr.offset == insn->imm;
    default:
        return z->type == ZYDIS_OPERAND_TYPE_REGISTER &&
               z->reg.value == expected_register(op, z);
    }
}

static bool same_operands(const X86Insn *insn, const ZydisDecodedInstruction *z,
                          const ZydisDecodedOperand *zop, GString *why)
{
    unsigned j = 0;

    for (unsigned i = 0; i < X86_MAX_OPERANDS && insn->op[i].kind != X86_OP_NONE; i++, j++) {
        if (j < z->operand_count && same_operand(insn, &insn->op[i], &zop[j])) {
            continue;
        }
        if (insn->op[i].kind == X86_OP_ST && insn->op[i].reg == 0) { /* implicit there */
            j--;
        } else {
            g_string_append_printf(why, "operand %u differs", i);
            return false;
        }
    }
    if (j < z->operand_count_visible) {
        g_string_append_printf(why, "operand %u is missing", j);
        return false;
    }
    return true;
}

ZydisOracle *zydis_oracle_new(void)
{
    static const ZydisMachineMode modes[] = {
        ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_MACHINE_MODE_LONG_64,
    };
    static const ZydisStackWidth widths[] = {
        ZYDIS_STACK_WIDTH_16, ZYDIS_STACK_WIDTH_32, ZYDIS_STACK_WIDTH_64,
    };
    static const ZydisDecoderMode off[] = {
        ZYDIS_DECODER_MODE_KNC, ZYDIS_DECODER_MODE_MPX, ZYDIS_DECODER_MODE_WBNOINVD,
        ZYDIS_DECODER_MODE_CLDEMOTE,
    };
    ZydisOracle *oracle = g_new0(ZydisOracle, 1);

    for (unsigned i = 0; i < 3; i++) {
        ZydisDecoderInit(&oracle->decoder[i], modes[i], widths[i]);
        ZydisDecoderEnableMode(&oracle->decoder[i], ZYDIS_DECODER_MODE_AMD_BRANCHES, true);
        for (unsigned j = 0; j < G_N_ELEMENTS(off); j++) {
            ZydisDecoderEnableMode(&oracle->decoder[i], off[j], false);
        }
    }
    return oracle;
}

void zydis_oracle_free(ZydisOracle *oracle)
{
    g_free(oracle);
}

#include "tests/decode/zydis-differences.c.inc"

static const char *compare_valid(const X86Insn *insn, const ZydisDecodedInstruction *z,
                                 const ZydisDecodedOperand *zop, GString *why)
{
    if (!same_mnemonic(insn, ZydisMnemonicGetString(z->mnemonic))) {
        g_string_append(why, "mnemonic");
    } else if (insn->len != z->length) {
        g_string_append_printf(why, "length %u, not %u", z->length, insn->len);
    } else {
        same_operands(insn, z, zop, why);
    }
    return why->len ? why->str : NULL;
}

bool zydis_oracle_compare(ZydisOracle *oracle, const uint8_t *code, size_t len, X86Mode mode,
                          unsigned *length, GString *why)
{
    ZydisDecodedInstruction z;
    ZydisDecodedOperand zop[ZYDIS_MAX_OPERAND_COUNT];
    X86Insn insn;
    X86DecodeResult ours = x86_decode(code, len, mode,
                                      X86_DECODE_HAS_LZCNT | X86_DECODE_HAS_BMI1, &insn);
    bool theirs = ZYAN_SUCCESS(ZydisDecoderDecodeFull(&oracle->decoder[mode], code, len, &z, zop));

    g_string_truncate(why, 0);
    *length = ours == X86_DECODE_OK ? insn.len : theirs ? z.length : 1;
    if (ours == X86_DECODE_OK && theirs) {
        compare_valid(&insn, &z, zop, why);
    } else if (ours == X86_DECODE_OK) {
        g_string_append(why, "Zydis rejects it");
    } else if (theirs) {
        g_string_append_printf(why, "we reject it (%d)", ours);
    }
    if (why->len == 0) {
        return true;
    }
    if (is_known_difference(ours == X86_DECODE_OK ? &insn : NULL, theirs ? &z : NULL,
                            mode)) {
        return true;
    }
    g_string_append_printf(why, ": ours %s %s (%s), Zydis %s",
                           ours == X86_DECODE_OK ? x86_insn_row(&insn)->name : "-",
                           ours == X86_DECODE_OK ? x86_insn_row(&insn)->operands : "",
                           ours == X86_DECODE_OK ? x86_insn_row(&insn)->encoding : "",
                           theirs ? ZydisMnemonicGetString(z.mnemonic) : "-");
    return false;
}
