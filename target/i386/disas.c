/*
 * Disassembly for logs and monitors, by Zydis where it is installed.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <inttypes.h>
#include "target/i386/disas.h"
#include "target/i386/decode/row.h"
#ifdef CONFIG_ZYDIS
#include <Zydis/Zydis.h>
#endif

#ifdef CONFIG_ZYDIS
static const ZydisMachineMode zydis_modes[] = {
    ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_MACHINE_MODE_LONG_64,
};

/* The text of the instruction of len bytes; false if Zydis sees another one. */
static bool zydis_text(GString *text, const uint8_t *code, unsigned len, X86Mode mode,
                       uint64_t rip, ZydisFormatterStyle style)
{
    static const ZydisStackWidth widths[] = {
        ZYDIS_STACK_WIDTH_16, ZYDIS_STACK_WIDTH_32, ZYDIS_STACK_WIDTH_64,
    };
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    ZydisDecodedInstruction insn;
    ZydisFormatter formatter;
    ZydisDecoder decoder;
    char buf[128];

    if (!ZYAN_SUCCESS(ZydisDecoderInit(&decoder, zydis_modes[mode], widths[mode])) ||
        !ZYAN_SUCCESS(ZydisFormatterInit(&formatter, style)) ||
        !ZYAN_SUCCESS(ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_HEX_UPPERCASE,
                                                style != ZYDIS_FORMATTER_STYLE_ATT)) ||
        !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code, len, &insn, operands)) ||
        insn.length != len ||
        !ZYAN_SUCCESS(ZydisFormatterFormatInstruction(&formatter, &insn, operands,
                                                      insn.operand_count_visible, buf,
                                                      sizeof(buf), rip, ZYAN_NULL))) {
        return false;
    }
    g_string_assign(text, buf);
    return true;
}
#endif

static unsigned disas_one(GString *text, const uint8_t *code, size_t len, X86Mode mode,
                          uint64_t rip, bool att)
{
    unsigned features = X86_DECODE_HAS_LZCNT | X86_DECODE_HAS_BMI1;
    X86Insn insn;

    if (x86_decode(code, len, mode, features, &insn) != X86_DECODE_OK) {
        g_string_assign(text, "(bad)");
        return 1;
    }
    g_string_assign(text, x86_insn_row(&insn)->name);
#ifdef CONFIG_ZYDIS
    /* Ours decides how long the instruction is. */
    zydis_text(text, code, insn.len, mode, rip,
               att ? ZYDIS_FORMATTER_STYLE_ATT : ZYDIS_FORMATTER_STYLE_INTEL);
#endif
    return insn.len;
}

void x86_disas(GString *out, const uint8_t *code, size_t len, X86Mode mode, uint64_t rip)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (size_t i = 0; i < len;) {
        unsigned n = disas_one(text, code + i, len - i, mode, rip + i, false);
        size_t column = out->len + 16 + 3 * 8;

        g_string_append_printf(out, "%012" PRIx64 ":  ", rip + i);
        for (unsigned j = 0; j < n; j++) {
            g_string_append_printf(out, "%02x ", code[i + j]);
        }
        while (out->len < column) {
            g_string_append_c(out, ' ');
        }
        g_string_append_printf(out, " %s\n", text->str);
        i += n;
    }
}

unsigned x86_disas_att(GString *out, const uint8_t *code, size_t len, X86Mode mode, uint64_t rip)
{
    g_autoptr(GString) text = g_string_new(NULL);
    unsigned n = disas_one(text, code, len, mode, rip, true);

    g_string_append(out, text->str);
    return n;
}
