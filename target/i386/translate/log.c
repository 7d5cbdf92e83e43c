/*
 * -d in_asm and out_asm: each new block as text.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/log.h"
#include "target/i386/disas.h"
#include "target/i386/translate/jit.h"

static X86Mode guest_mode(const X86Tb *tb)
{
    return tb->key & X86_HF_CS64 ? X86_MODE_64 : X86_MODE_32;
}

static void append_host(GString *out, const uint8_t *start, const uint8_t *end)
{
    x86_disas(out, start, end - start, X86_MODE_64, (uintptr_t)start);
}

/* Guest instruction i, and what became of it. */
static void append_insn(GString *out, const X86Tb *tb, unsigned i)
{
    const X86TbInsn *insn = &tb->insns[i];

    g_string_append(out, "-- ");
    x86_disas(out, tb->bytes + insn->guest, insn[1].guest - insn->guest, guest_mode(tb),
              tb->rip + insn->guest);
    append_host(out, tb->body + insn->host, tb->body + insn[1].host);
}

static void append_code(GString *out, const X86Tb *tb, const uint8_t *cold_end)
{
    const uint8_t *exits = tb->body + tb->insns[tb->count].host;

    g_string_append(out, "-- entry\n");
    append_host(out, tb->body, tb->body + tb->insns[0].host);
    for (unsigned i = 0; i < tb->count; i++) {
        append_insn(out, tb, i);
    }
    if (exits < tb->end) {
        g_string_append(out, "-- exit\n");
        append_host(out, exits, tb->end);
    }
    g_string_append(out, "-- cold code\n");
    append_host(out, tb->cold, cold_end);
}

void jit_log_block(const X86Jit *jit, const X86Tb *tb)
{
    const uint8_t *cold_end = jit->code_rx + jit->code_size / 2 + jit->cold_used;
    g_autoptr(GString) out = NULL;

    if (!log_on(LOG_IN_ASM) && !log_on(LOG_OUT_ASM)) {
        return;
    }
    out = g_string_new(NULL);
    g_string_append_printf(out, "block at 0x%016" PRIx64 ": %u instructions, %u bytes of guest code, "
                           "%td of host code at %p, %td cold\n", tb->rip, tb->count, tb->len,
                           tb->end - tb->body, tb->body, cold_end - tb->cold);
    if (log_on(LOG_IN_ASM)) {
        x86_disas(out, tb->bytes, tb->len, guest_mode(tb), tb->rip);
    }
    if (log_on(LOG_OUT_ASM)) {
        append_code(out, tb, cold_end);
    }
    log_printf("%s", out->str);
}
