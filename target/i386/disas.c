/*
 * Disassembly for logs, by Zydis where it is installed.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <inttypes.h>
#include "target/i386/disas.h"
#include "target/i386/decode/row.h"
#ifdef CONFIG_ZYDIS
#include <Zydis/Zydis.h>
#endif

static unsigned disas_one(GString *text, const uint8_t *code, size_t len, X86Mode mode,
                          uint64_t rip)
{
    unsigned features = X86_DECODE_HAS_LZCNT | X86_DECODE_HAS_BMI1;
    X86Insn insn;

    if (x86_decode(code, len, mode, features, &insn) != X86_DECODE_OK) {
        g_string_assign(text, "(bad)");
        return 1;
    }
    g_string_assign(text, x86_insn_row(&insn)->name);
#ifdef CONFIG_ZYDIS
    static const ZydisMachineMode modes[] = {
        ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_MACHINE_MODE_LONG_64,
    };
    ZydisDisassembledInstruction zydis;

    /* Ours decides how long the instruction is. */
    if (ZYAN_SUCCESS(ZydisDisassembleIntel(modes[mode], rip, code, insn.len, &zydis)) &&
        zydis.info.length == insn.len) {
        g_string_assign(text, zydis.text);
    }
#endif
    return insn.len;
}

void x86_disas(GString *out, const uint8_t *code, size_t len, X86Mode mode, uint64_t rip)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (size_t i = 0; i < len;) {
        unsigned n = disas_one(text, code + i, len - i, mode, rip + i);
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
