/*
 * Compares the outcomes of one case; see compare.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/cpu/compare.h"
#include <inttypes.h>
#include <string.h>
#include "target/i386/disas.h"

typedef struct Comparison {
    const CpuCase *c;
    GString *why;
    uint32_t fields;
} Comparison;

static void check(Comparison *cmp, CaseField field, const char *name, uint64_t a, uint64_t b)
{
    if (a == b) {
        return;
    }
    cmp->fields |= 1u << field;
    if (cmp->why) {
        g_string_append_printf(cmp->why, "  %-7s host %016" PRIx64 " guest %016" PRIx64 "\n",
                               name, a, b);
    }
}

static void check_exception(Comparison *cmp, const CpuOutcome *a, const CpuOutcome *b)
{
    uint32_t error_mask = UINT32_MAX;

    check(cmp, FIELD_vector, "vector", a->vector, b->vector);
    if (a->vector < 0 || a->vector != b->vector) {
        return;
    }
    if (a->vector == X86_EXCP_PF) {
        check(cmp, FIELD_cr2, "cr2", a->cr2, b->cr2);
        /* Linux hides from user code what is mapped in the kernel's half. */
        if (a->cr2 >> 47) {
            error_mask = ~X86_PF_P;
        }
    }
    check(cmp, FIELD_error, "error", a->error & error_mask, b->error & error_mask);
}

static void check_integer(Comparison *cmp, const CpuRegs *a, const CpuRegs *b)
{
    static const char *const names[] = {
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
        "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
    };
    static const char *const segs[] = { "es", "cs", "ss", "ds", "fs", "gs" };
    const uint32_t flags = X86_EFLAGS_ARITH | X86_EFLAGS_DF | X86_EFLAGS_NT | X86_EFLAGS_AC |
                           X86_EFLAGS_ID;
    bool wide = cmp->c->mode == X86_MODE_64;
    uint64_t mask = wide ? UINT64_MAX : UINT32_MAX;

    check(cmp, FIELD_rip, "rip", a->rip, b->rip);
    for (unsigned i = 0; i < (wide ? 16 : 8); i++) {
        if (i == X86_RSP && a->seg[X86_CS] != SEL_CODE64) { /* interrupts push ESP or SP */
            mask = UINT32_MAX;
        }
        check(cmp, FIELD_gpr, names[i], a->gpr[i] & mask, b->gpr[i] & mask);
        mask = wide ? UINT64_MAX : UINT32_MAX;
    }
    check(cmp, FIELD_flags, "flags", a->eflags & flags, b->eflags & flags);
    for (unsigned i = 0; i < 6; i++) {
        /* Linux' return to the signal handler clears the RPL of null selectors. */
        check(cmp, FIELD_seg, segs[i], a->seg[i] < 4 ? 0 : a->seg[i],
              b->seg[i] < 4 ? 0 : b->seg[i]);
    }
    if (wide) {
        check(cmp, FIELD_base, "fs.base", a->fs_base, b->fs_base);
        check(cmp, FIELD_base, "gs.base", a->gs_base, b->gs_base);
    }
}

/* AMD's processors extend these addresses when they load them, those with 5-level paging from bit 56. */
static uint64_t canonical(uint64_t address)
{
    return (int64_t)(address << 16) >> 16;
}

static void check_fp(Comparison *cmp, const CpuRegs *a, const CpuRegs *b)
{
    char name[16];

    check(cmp, FIELD_fcw, "fcw", a->fcw, b->fcw);
    check(cmp, FIELD_fsw, "fsw", a->fsw, b->fsw);
    check(cmp, FIELD_ftw, "ftw", a->ftw, b->ftw);
    if (a->fsw & 0x80) { /* else AMD's XSAVE stores zeros (APM vol. 5, FXSAVE) */
        check(cmp, FIELD_fop, "fop", a->fop, b->fop);
        check(cmp, FIELD_fip, "fip", canonical(a->fip), canonical(b->fip));
        check(cmp, FIELD_fdp, "fdp", canonical(a->fdp), canonical(b->fdp));
    }
    check(cmp, FIELD_mxcsr, "mxcsr", a->mxcsr, b->mxcsr);
    for (unsigned i = 0; i < 8; i++) {
        g_snprintf(name, sizeof(name), "st%u", i);
        check(cmp, FIELD_st, name, a->st[i].mant, b->st[i].mant);
        check(cmp, FIELD_st, name, a->st[i].sign_exp, b->st[i].sign_exp);
    }
    for (unsigned i = 0; i < 64; i++) {
        g_snprintf(name, sizeof(name), "ymm%u.%u", i / 4, i % 4);
        check(cmp, FIELD_vec, name, a->ymm[i / 4][i % 4], b->ymm[i / 4][i % 4]);
    }
}

static void check_memory(Comparison *cmp, uint8_t *windows[2])
{
    char name[16];

    for (unsigned page = 0; page < WINDOW_SIZE / 4096; page++) {
        if (window_pages[page] != PAGE_RW ||
            memcmp(windows[0] + page * 4096, windows[1] + page * 4096, 4096) == 0) {
            continue;
        }
        for (unsigned at = page * 4096; at < (page + 1) * 4096u; at += 8) {
            uint64_t a, b;
            memcpy(&a, windows[0] + at, 8);
            memcpy(&b, windows[1] + at, 8);
            g_snprintf(name, sizeof(name), "[%x]", WINDOW_BASE + at);
            check(cmp, FIELD_memory, name, a, b);
        }
    }
}

uint32_t compare_outcomes(const CpuCase *c, const CpuOutcome *a, const CpuOutcome *b,
                          uint8_t *windows[2], GString *why)
{
    Comparison cmp = { c, why, 0 };

    check_exception(&cmp, a, b);
    check_integer(&cmp, &a->out, &b->out);
    check_fp(&cmp, &a->out, &b->out);
    check_memory(&cmp, windows);
    return cmp.fields;
}

void describe_case(const CpuCase *c, GString *out)
{
    const CpuRegs *in = &c->in;

    x86_disas(out, c->code, c->insn.len, c->mode, in->rip);
    g_string_append_printf(out, "  flags %08x mxcsr %04x fcw %04x fsw %04x ftw %02x ds %02x es %02x"
                           " ss %02x fs %02x gs %02x\n",
                           in->eflags, in->mxcsr, in->fcw, in->fsw, in->ftw, in->seg[X86_DS],
                           in->seg[X86_ES], in->seg[X86_SS], in->seg[X86_FS], in->seg[X86_GS]);
    g_string_append(out, "  gpr");
    for (unsigned i = 0; i < (c->mode == X86_MODE_64 ? 16 : 8); i++) {
        g_string_append_printf(out, " %" PRIx64, in->gpr[i]);
    }
    g_string_append_c(out, '\n');
    for (unsigned i = 0; i < X86_MAX_OPERANDS; i++) {
        const X86Operand *op = &c->insn.op[i];
        if (op->kind == X86_OP_XMM) {
            g_string_append_printf(out, "  ymm%u %016" PRIx64 " %016" PRIx64 " %016" PRIx64
                                   " %016" PRIx64 "\n", op->reg, in->ymm[op->reg][0],
                                   in->ymm[op->reg][1], in->ymm[op->reg][2], in->ymm[op->reg][3]);
        }
    }
    if (x86_insn_row(&c->insn)->legality & (X86_ROW_FP | X86_ROW_MMX)) {
        for (unsigned i = 0; i < 8; i++) {
            g_string_append_printf(out, "  st%u %04x %016" PRIx64 "\n", i, in->st[i].sign_exp,
                                   in->st[i].mant);
        }
    }
}

/* --- known-differences.txt: "mnemonic[,mnemonic...] | field[,field...] | reason" --- */

typedef struct KnownDifference {
    char **mnemonics;
    uint32_t fields;
} KnownDifference;

struct KnownDifferences {
    GArray *entries;
};

static bool parse_fields(const char *text, uint32_t *fields)
{
    static const char *const names[] = {
#define X(name) #name,
        CASE_FIELDS(X)
#undef X
    };
    g_auto(GStrv) words = g_strsplit(text, ",", -1);

    for (char **word = words; *word; word++) {
        unsigned i = 0;
        g_strstrip(*word);
        while (i < FIELD_COUNT && strcmp(*word, names[i]) != 0) {
            i++;
        }
        if (i == FIELD_COUNT) {
            return false;
        }
        *fields |= 1u << i;
    }
    return true;
}

static bool parse_line(const char *line, KnownDifference *d)
{
    g_auto(GStrv) column = g_strsplit(line, "|", 3);

    if (g_strv_length(column) != 3 || strlen(g_strstrip(column[2])) < 10) {
        return false;
    }
    d->fields = 0;
    d->mnemonics = g_strsplit(g_strstrip(column[0]), ",", -1);
    return parse_fields(column[1], &d->fields);
}

KnownDifferences *known_differences_load(const char *path)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    KnownDifferences *known;

    if (!g_file_get_contents(path, &text, NULL, NULL)) {
        return NULL;
    }
    known = g_new0(KnownDifferences, 1);
    known->entries = g_array_new(false, true, sizeof(KnownDifference));
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        KnownDifference d = { 0 };
        if (**line == 0 || **line == '#') {
            continue;
        }
        if (!parse_line(*line, &d)) {
            g_printerr("%s: cannot parse: %s\n", path, *line);
            known_differences_free(known);
            return NULL;
        }
        g_array_append_val(known->entries, d);
    }
    return known;
}

void known_differences_free(KnownDifferences *known)
{
    for (unsigned i = 0; i < known->entries->len; i++) {
        g_strfreev(g_array_index(known->entries, KnownDifference, i).mnemonics);
    }
    g_array_free(known->entries, true);
    g_free(known);
}

bool known_differences_cover(KnownDifferences *known, const char *mnemonic, uint32_t fields)
{
    for (unsigned i = 0; i < known->entries->len; i++) {
        const KnownDifference *d = &g_array_index(known->entries, KnownDifference, i);
        for (char **m = d->mnemonics; *m; m++) {
            if (g_pattern_match_simple(*m, mnemonic)) {
                fields &= ~d->fields;
            }
        }
    }
    return fields == 0;
}
