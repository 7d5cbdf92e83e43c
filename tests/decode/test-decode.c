/*
 * Decoder rules that an instruction table alone does not express: prefixes,
 * REX and VEX placement, lengths, limits. Expectations from SDM vol. 2 chapter 2
 * and APM vol. 3 chapter 1.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include <string.h>
#include "target/i386/decode/row.h"

typedef struct Bytes {
    uint8_t code[20];
    size_t len;
} Bytes;

static Bytes parse(const char *hex)
{
    Bytes b = { { 0 }, 0 };
    char *end;

    for (;;) {
        unsigned long v = strtoul(hex, &end, 16);
        if (end == hex) {
            return b;
        }
        b.code[b.len++] = v;
        hex = end;
    }
}

static X86DecodeResult decode(const char *hex, X86Mode mode, X86Insn *insn)
{
    Bytes b = parse(hex);

    return x86_decode(b.code, b.len, mode, X86_DECODE_HAS_LZCNT | X86_DECODE_HAS_BMI1, insn);
}

static X86Insn ok(const char *hex, X86Mode mode, int mnemonic)
{
    X86Insn insn;

    g_assert_cmpint(decode(hex, mode, &insn), ==, X86_DECODE_OK);
    g_assert_cmpstr(x86_mnemonic_names[insn.mnemonic], ==, x86_mnemonic_names[mnemonic]);
    g_assert_cmpuint(insn.mnemonic, ==, x86_insn_row(&insn)->mnemonic);
    g_assert_cmpuint(insn.len, ==, parse(hex).len);
    return insn;
}

static void fails(const char *hex, X86Mode mode, X86DecodeResult result)
{
    X86Insn insn;

    g_test_message("%s", hex);
    g_assert_cmpint(decode(hex, mode, &insn), ==, result);
}

static void assert_op(const X86Operand *op, X86OperandKind kind, unsigned reg, unsigned size)
{
    g_assert_cmpuint(op->kind, ==, kind);
    g_assert_cmpuint(op->reg, ==, reg);
    g_assert_cmpuint(op->size, ==, size);
}

static void test_operand_size(void)
{
    assert_op(&ok("89 c8", X86_MODE_16, X86_MN_MOV).op[0], X86_OP_GPR, X86_RAX, 2);
    assert_op(&ok("66 89 c8", X86_MODE_16, X86_MN_MOV).op[0], X86_OP_GPR, X86_RAX, 4);
    assert_op(&ok("89 c8", X86_MODE_32, X86_MN_MOV).op[0], X86_OP_GPR, X86_RAX, 4);
    assert_op(&ok("66 89 c8", X86_MODE_32, X86_MN_MOV).op[0], X86_OP_GPR, X86_RAX, 2);
    assert_op(&ok("89 c8", X86_MODE_64, X86_MN_MOV).op[0], X86_OP_GPR, X86_RAX, 4);
    assert_op(&ok("66 48 89 c8", X86_MODE_64, X86_MN_MOV).op[0], X86_OP_GPR, X86_RAX, 8);
    g_assert_cmpuint(ok("50", X86_MODE_64, X86_MN_PUSH).op_size, ==, 8);
    g_assert_cmpuint(ok("66 50", X86_MODE_64, X86_MN_PUSH).op_size, ==, 2);
    g_assert_cmpuint(ok("88 00", X86_MODE_64, X86_MN_MOV).op_size, ==, 1);
    g_assert_cmpuint(ok("aa", X86_MODE_64, X86_MN_STOS).op_size, ==, 1);
    g_assert_cmpuint(ok("48 ab", X86_MODE_64, X86_MN_STOS).op_size, ==, 8);
}

static void test_byte_registers(void)
{
    assert_op(&ok("88 e0", X86_MODE_64, X86_MN_MOV).op[1], X86_OP_GPRH, 0, 1);
    assert_op(&ok("40 88 e0", X86_MODE_64, X86_MN_MOV).op[1], X86_OP_GPR, X86_RSP, 1);
    assert_op(&ok("44 88 e0", X86_MODE_64, X86_MN_MOV).op[1], X86_OP_GPR, X86_R12, 1);
}

static void test_rex_position(void)
{
    /* A legacy prefix after REX cancels it. */
    assert_op(&ok("48 66 89 c0", X86_MODE_64, X86_MN_MOV).op[0], X86_OP_GPR, X86_RAX, 2);
    assert_op(&ok("49 48 89 c0", X86_MODE_64, X86_MN_MOV).op[0], X86_OP_GPR, X86_RAX, 8);
    ok("48", X86_MODE_32, X86_MN_DEC);
}

static void test_segments(void)
{
    g_assert_cmpuint(ok("8b 00", X86_MODE_32, X86_MN_MOV).seg, ==, X86_DS);
    g_assert_cmpuint(ok("8b 45 00", X86_MODE_32, X86_MN_MOV).seg, ==, X86_SS);
    g_assert_cmpuint(ok("8b 04 24", X86_MODE_32, X86_MN_MOV).seg, ==, X86_SS);
    g_assert_cmpuint(ok("8b 04 2f", X86_MODE_32, X86_MN_MOV).seg, ==, X86_DS);
    g_assert_cmpuint(ok("8b 02", X86_MODE_16, X86_MN_MOV).seg, ==, X86_SS);
    g_assert_cmpuint(ok("26 65 8b 00", X86_MODE_32, X86_MN_MOV).seg, ==, X86_GS);
    g_assert_cmpuint(ok("65 26 8b 00", X86_MODE_32, X86_MN_MOV).seg, ==, X86_ES);
    g_assert_cmpuint(ok("2e 8b 00", X86_MODE_64, X86_MN_MOV).seg, ==, X86_DS);
    g_assert_cmpuint(ok("64 3e 8b 00", X86_MODE_64, X86_MN_MOV).seg, ==, X86_FS);
    g_assert_cmpuint(ok("2e a4", X86_MODE_32, X86_MN_MOVS).seg, ==, X86_CS);
}

static void test_rep_prefixes(void)
{
    X86Insn insn = ok("f2 f3 a6", X86_MODE_32, X86_MN_CMPS);
    g_assert_cmpuint(insn.prefixes, ==, X86_PFX_REP);
    insn = ok("f3 f2 a6", X86_MODE_32, X86_MN_CMPS);
    g_assert_cmpuint(insn.prefixes, ==, X86_PFX_REPNE);
    ok("f3 66 0f 58 c0", X86_MODE_64, X86_MN_ADDSS);
    ok("f3 90", X86_MODE_64, X86_MN_PAUSE);
    ok("90", X86_MODE_64, X86_MN_NOP);
    ok("41 90", X86_MODE_64, X86_MN_XCHG);
}

static void test_feature_aliases(void)
{
    Bytes b = parse("f3 0f bd c0");
    X86Insn insn;

    x86_decode(b.code, b.len, X86_MODE_32, 0, &insn);
    g_assert_cmpuint(insn.mnemonic, ==, X86_MN_BSR);
    ok("f3 0f bd c0", X86_MODE_32, X86_MN_LZCNT);
    ok("f3 0f bc c0", X86_MODE_32, X86_MN_TZCNT);
}

static void test_memory(void)
{
    X86Insn insn = ok("8b 44 24 f0", X86_MODE_64, X86_MN_MOV);
    g_assert_cmpuint(insn.base, ==, X86_RSP);
    g_assert_cmpuint(insn.index, ==, X86_NO_REG);
    g_assert_cmpint(insn.disp, ==, -16);
    insn = ok("8b 05 00 00 00 80", X86_MODE_64, X86_MN_MOV);
    g_assert_true(insn.rip_relative);
    g_assert_cmpint(insn.disp, ==, INT32_MIN);
    insn = ok("8b 05 10 00 00 00", X86_MODE_32, X86_MN_MOV);
    g_assert_false(insn.rip_relative);
    g_assert_cmpuint(insn.base, ==, X86_NO_REG);
    insn = ok("8b 0e 34 12", X86_MODE_16, X86_MN_MOV);
    g_assert_cmpint(insn.disp, ==, 0x1234);
    insn = ok("48 a1 88 77 66 55 44 33 22 11", X86_MODE_64, X86_MN_MOV);
    g_assert_cmphex(insn.disp, ==, 0x1122334455667788);
    insn = ok("67 a1 44 33 22 11", X86_MODE_64, X86_MN_MOV);
    g_assert_cmpuint(insn.addr_size, ==, 4);
    insn = ok("c4 e2 f1 92 44 a5 04", X86_MODE_64, X86_MN_VGATHERDPD);
    g_assert_true(insn.vsib);
    g_assert_cmpuint(insn.index, ==, 4);
}

static void test_immediates(void)
{
    g_assert_cmphex(ok("48 c7 c0 ff ff ff ff", X86_MODE_64, X86_MN_MOV).imm, ==, UINT64_MAX);
    g_assert_cmphex(ok("83 c0 80", X86_MODE_32, X86_MN_ADD).imm, ==, -(uint64_t)128);
    g_assert_cmphex(ok("c0 e0 ff", X86_MODE_32, X86_MN_SHL).imm, ==, 0xff);
    g_assert_cmphex(ok("48 b8 88 77 66 55 44 33 22 11", X86_MODE_64, X86_MN_MOV).imm, ==,
                    0x1122334455667788);
    X86Insn insn = ok("c8 34 12 05", X86_MODE_32, X86_MN_ENTER);
    g_assert_cmphex(insn.imm, ==, 0x1234);
    g_assert_cmphex(insn.imm2, ==, 5);
    insn = ok("ea 78 56 34 12 bc 9a", X86_MODE_32, X86_MN_JMPF);
    g_assert_cmphex(insn.imm, ==, 0x12345678);
    g_assert_cmphex(insn.imm2, ==, 0x9abc);
    g_assert_cmphex(ok("66 e9 fe ff", X86_MODE_64, X86_MN_JMP).imm, ==, -(uint64_t)2);
}

static void test_lock(void)
{
    ok("f0 01 00", X86_MODE_64, X86_MN_ADD);
    fails("f0 01 c0", X86_MODE_64, X86_DECODE_UD);
    fails("f0 03 00", X86_MODE_64, X86_DECODE_UD);
    fails("f0 39 00", X86_MODE_64, X86_DECODE_UD);
    fails("f0 90", X86_MODE_64, X86_DECODE_UD);
    ok("f0 0f c7 08", X86_MODE_32, X86_MN_CMPXCHG8B);
    ok("f0 48 0f c7 08", X86_MODE_64, X86_MN_CMPXCHG16B);
}

static void test_vex(void)
{
    assert_op(&ok("c5 fc 58 c1", X86_MODE_64, X86_MN_VADDPS).op[0], X86_OP_XMM, 0, 32);
    assert_op(&ok("c4 41 30 58 c1", X86_MODE_64, X86_MN_VADDPS).op[1], X86_OP_XMM, 9, 16);
    fails("66 c5 fc 58 c1", X86_MODE_64, X86_DECODE_UD);
    fails("f3 c5 fc 58 c1", X86_MODE_64, X86_DECODE_UD);
    fails("f0 c5 fc 58 c1", X86_MODE_64, X86_DECODE_UD);
    fails("48 c5 fc 58 c1", X86_MODE_64, X86_DECODE_UD);
    fails("c5 f4 77", X86_MODE_64, X86_DECODE_UD); /* vvvv must be 1111 */
    ok("c5 00", X86_MODE_32, X86_MN_LDS);
    ok("c5 f8 77", X86_MODE_32, X86_MN_VZEROUPPER);
    fails("c4 e4 78 58 c0", X86_MODE_64, X86_DECODE_UD); /* map 4 */
}

static void test_gather_registers(void)
{
    ok("c4 e2 69 92 04 08", X86_MODE_64, X86_MN_VGATHERDPS);
    fails("c4 e2 79 92 04 08", X86_MODE_64, X86_DECODE_UD); /* mask = destination */
    fails("c4 e2 69 92 0c 08", X86_MODE_64, X86_DECODE_UD); /* index = destination */
    fails("c4 e2 71 92 04 08", X86_MODE_64, X86_DECODE_UD); /* index = mask */
    fails("c4 e2 69 92 00", X86_MODE_64, X86_DECODE_UD);    /* no SIB byte */
}

static void test_system_registers(void)
{
    assert_op(&ok("0f 20 00", X86_MODE_32, X86_MN_MOV_CR).op[0], X86_OP_GPR, X86_RAX, 4);
    ok("44 0f 20 c0", X86_MODE_64, X86_MN_MOV_CR);
    fails("0f 20 c8", X86_MODE_64, X86_DECODE_UD);
    fails("44 0f 21 c0", X86_MODE_64, X86_DECODE_UD);
    fails("8e c8", X86_MODE_32, X86_DECODE_UD);
    fails("8e f0", X86_MODE_32, X86_DECODE_UD);
    ok("8c c8", X86_MODE_32, X86_MN_MOV_SEG);
}

static void test_modes(void)
{
    ok("27", X86_MODE_32, X86_MN_DAA);
    fails("27", X86_MODE_64, X86_DECODE_UD);
    ok("63 c0", X86_MODE_64, X86_MN_MOVSXD);
    ok("63 c0", X86_MODE_32, X86_MN_ARPL);
    fails("0f 01 f8", X86_MODE_32, X86_DECODE_UD);
    fails("62 f1 7c 48 58 c0", X86_MODE_64, X86_DECODE_UD);
    ok("62 00", X86_MODE_32, X86_MN_BOUND);
}

static void test_length_limit(void)
{
    ok("66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", X86_MODE_64, X86_MN_NOP);
    fails("66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", X86_MODE_64, X86_DECODE_TOO_LONG);
    fails("66 66 66 66 66 66 66 66 66 66 66 66 81 05 00 00", X86_MODE_32, X86_DECODE_TOO_LONG);
    fails("66 66 66", X86_MODE_64, X86_DECODE_TRUNCATED);
    fails("0f", X86_MODE_64, X86_DECODE_TRUNCATED);
    fails("81 c0 00 00", X86_MODE_64, X86_DECODE_TRUNCATED);
    fails("", X86_MODE_64, X86_DECODE_TRUNCATED);
    fails("0f 04", X86_MODE_64, X86_DECODE_UD);
}

/* Every prefix of a valid instruction is truncated, never misread. */
static void test_truncation(void)
{
    static const char *const whole[] = {
        "f0 48 81 84 24 00 01 00 00 44 33 22 11", "c4 e3 79 22 84 24 00 01 00 00 07",
        "66 0f 3a 0f 05 00 00 00 00 05", "48 b8 88 77 66 55 44 33 22 11",
        "c8 34 12 05", "f2 0f 38 f1 44 24 10",
    };
    X86Insn insn;

    for (unsigned i = 0; i < G_N_ELEMENTS(whole); i++) {
        Bytes b = parse(whole[i]);
        for (size_t n = 0; n < b.len; n++) {
            g_assert_cmpint(x86_decode(b.code, n, X86_MODE_64, 0, &insn), ==,
                            X86_DECODE_TRUNCATED);
        }
        g_assert_cmpint(x86_decode(b.code, b.len, X86_MODE_64, 0, &insn), ==, X86_DECODE_OK);
    }
}

/* The three condition families stand in the order of the encoding. */
static void test_condition_order(void)
{
    static const struct { const char *first; int base; } families[] = {
        { "70", X86_MN_JO }, { "0f 40 c0", X86_MN_CMOVO }, { "0f 90 c0", X86_MN_SETO },
    };
    X86Insn insn;

    for (unsigned i = 0; i < G_N_ELEMENTS(families); i++) {
        Bytes b = parse(families[i].first);
        for (unsigned cond = 0; cond < 16; cond++) {
            g_assert_cmpint(x86_decode(b.code, 15, X86_MODE_64, 0, &insn), ==, X86_DECODE_OK);
            g_assert_cmpint(insn.mnemonic, ==, families[i].base + cond);
            b.code[b.code[0] == 0x0f]++;
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/decode/operand-size", test_operand_size);
    g_test_add_func("/decode/byte-registers", test_byte_registers);
    g_test_add_func("/decode/rex-position", test_rex_position);
    g_test_add_func("/decode/segments", test_segments);
    g_test_add_func("/decode/rep-prefixes", test_rep_prefixes);
    g_test_add_func("/decode/feature-aliases", test_feature_aliases);
    g_test_add_func("/decode/memory", test_memory);
    g_test_add_func("/decode/immediates", test_immediates);
    g_test_add_func("/decode/lock", test_lock);
    g_test_add_func("/decode/vex", test_vex);
    g_test_add_func("/decode/gather-registers", test_gather_registers);
    g_test_add_func("/decode/system-registers", test_system_registers);
    g_test_add_func("/decode/modes", test_modes);
    g_test_add_func("/decode/length-limit", test_length_limit);
    g_test_add_func("/decode/truncation", test_truncation);
    g_test_add_func("/decode/condition-order", test_condition_order);
    return g_test_run();
}
