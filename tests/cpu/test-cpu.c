/*
 * The CPU suite: every row of the instruction table, in every mode, against the
 * host CPU.
 *
 *   test-cpu [--cases N] [--salt N] [--row PATTERN] [--soak SECONDS] [--translate [--windows] | --kvm]
 *
 * A case is an instruction and a state, both random with a bias for edges; the
 * host executes it natively, the guest in an engine, and the complete state
 * after it must agree, exceptions included.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>
#include "target/i386/interp/interp.h"
#include "target/i386/translate/translate.h"
#include "target/i386/window.h"
#include "tests/cpu/compare.h"
#include "tests/cpu/generate.h"
#include "tests/cpu/guest.h"
#include "tests/cpu/kvm.h"
#include "tests/cpu/native.h"

/* One case in so many tells whether the row reads other flags than insns.tab says. */
enum { FLAG_CHECK_PERIOD = 8 };

static int cases = 300; /* of each row and mode */
static int salt = 1;
static int soak;        /* seconds */
static int only_mode;   /* 16, 32, 64; 0: all */
static char *only_row;  /* pattern of "mnemonic" or "mnemonic operands" */
static char *known_path;
static gboolean translate, windows, kvm;

/* Rows that the host cannot run on our behalf; test-cpu-system has them. */
static const struct {
    int mnemonic;
    const char *reason;
} not_on_host[] = {
    { X86_MN_SYSCALL, "enters the host's kernel" },
    { X86_MN_SYSENTER, "enters the host's kernel" },
    { X86_MN_VMMCALL, "enters the host's hypervisor" },
    { X86_MN_CPUID, "the guest has its own CPU model" },
    { X86_MN_RDTSC, "reads a clock" },
    { X86_MN_RDTSCP, "reads a clock" },
    { X86_MN_RDPID, "reads the host's CPU number" },
    { X86_MN_RDRAND, "is random" },
    { X86_MN_RDSEED, "is random" },
    { X86_MN_SGDT, "Linux emulates it under UMIP" },
    { X86_MN_SIDT, "Linux emulates it under UMIP" },
    { X86_MN_SMSW, "Linux emulates it under UMIP" },
    { X86_MN_SLDT, "Linux emulates it under UMIP" },
    { X86_MN_STR, "Linux emulates it under UMIP" },
    { X86_MN_SERIALIZE, "is newer than the hosts of the suite" },
};

typedef struct RowCount {
    unsigned run, completed, failed;
} RowCount;

typedef struct Suite {
    Guest *guest;
    CpuEngineFn *engine;
    KnownDifferences *known;
    RowCount *rows;
    uint8_t *windows[2];
    uint64_t total, known_hits, given_up;
    unsigned failures;
} Suite;

static const char *why_not_on_host(unsigned row)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(not_on_host); i++) {
        if (x86_rows[row].mnemonic == not_on_host[i].mnemonic) {
            return not_on_host[i].reason;
        }
    }
    return NULL;
}

static const char *why_not(const Suite *s, unsigned row)
{
    const char *why = why_not_on_host(row);

    return why || !kvm ? why : kvm_engine_lacks(guest_cpu(s->guest), row);
}

/* System calls by software interrupt are the host's, too. */
static bool is_host_interrupt(const CpuCase *c)
{
    return c->insn.mnemonic == X86_MN_INT && c->insn.imm == 0x80;
}

static void report(Suite *s, const CpuCase *c, const CpuOutcome *host, const CpuOutcome *guest)
{
    g_autoptr(GString) text = g_string_new(NULL);

    describe_case(c, text);
    compare_outcomes(c, host, guest, s->windows, text);
    g_test_message("row %u %s %s\n%s", c->insn.row, x86_insn_row(&c->insn)->name,
                   x86_insn_row(&c->insn)->operands, text->str);
}

/* The table's flags column against the host: no other flag may change. */
static bool row_tells_flags(Suite *s, const CpuCase *c, const CpuOutcome *host)
{
    const X86Row *row = x86_insn_row(&c->insn);
    uint32_t changed = (c->in.eflags ^ host->out.eflags) & X86_EFLAGS_ARITH;

    changed &= ~(row->flags_written | row->flags_undefined);
    if (host->vector != OUTCOME_NONE || changed == 0) {
        return true;
    }
    if (s->rows[c->insn.row].failed++ == 0) {
        g_test_message("row %u %s %s (%s) changes flags %x, which insns.tab does not say",
                       c->insn.row, row->name, row->operands, row->encoding, changed);
    }
    return false;
}

static void copy_window(uint8_t *to, const uint8_t *from)
{
    for (unsigned page = 0; page < WINDOW_SIZE / 4096; page++) {
        if (window_pages[page] == PAGE_RW) {
            memcpy(to + page * 4096, from + page * 4096, 4096);
        }
    }
}

/* A flag that the row does not read must not matter: runs the case on the host again with
 * one of them inverted. The guest's window still has the memory from before. */
static bool ignores_other_flags(Suite *s, const CpuCase *c, const CpuOutcome *host)
{
    static const uint32_t flags[] = { X86_EFLAGS_CF, X86_EFLAGS_PF, X86_EFLAGS_AF,
                                      X86_EFLAGS_ZF, X86_EFLAGS_SF, X86_EFLAGS_OF };
    static uint8_t after[WINDOW_SIZE];
    const X86Row *row = x86_insn_row(&c->insn);
    uint32_t flag = flags[s->total / FLAG_CHECK_PERIOD % G_N_ELEMENTS(flags)];
    uint8_t *windows[2] = { after, s->windows[0] };
    CpuCase other = *c;
    CpuOutcome again;
    uint32_t fields;

    if (row->flags_read & flag || host->vector != OUTCOME_NONE) {
        return true;
    }
    other.in.eflags ^= flag;
    copy_window(after, s->windows[0]);
    copy_window(s->windows[0], s->windows[1]);
    native_run(&other, &again);
    if (row->flags_undefined & flag || !(row->flags_written & flag)) {
        again.out.eflags = (again.out.eflags & ~flag) | (host->out.eflags & flag);
    }
    fields = compare_outcomes(c, host, &again, windows, NULL);
    copy_window(s->windows[0], after);
    if (fields && s->rows[c->insn.row].failed++ == 0) {
        g_test_message("row %u %s %s (%s) depends on flag %x, which insns.tab does not say",
                       c->insn.row, row->name, row->operands, row->encoding, flag);
    }
    return fields == 0;
}

static void run_case(Suite *s, const CpuCase *c)
{
    RowCount *count = &s->rows[c->insn.row];
    CpuOutcome host, guest;
    uint32_t fields;

    native_run(c, &host);
    if (host.vector == OUTCOME_HANG && c->insn.mnemonic == X86_MN_CALLF) {
        return; /* see without_code64() in generate.c */
    }
    if (s->total % FLAG_CHECK_PERIOD == 0) {
        s->failures += !ignores_other_flags(s, c, &host);
    }
    guest_run(s->guest, s->engine, c, &guest);
    if (kvm && host.vector != guest.vector && kvm_engine_gave_up(&guest)) {
        s->given_up++;
        copy_window(s->windows[1], s->windows[0]);
        return;
    }
    s->total++;
    count->run++;
    count->completed += host.vector == OUTCOME_NONE;
    s->failures += !row_tells_flags(s, c, &host);
    fields = compare_outcomes(c, &host, &guest, s->windows, NULL);
    if (fields == 0) {
        return;
    }
    if (known_differences_cover(s->known, x86_insn_row(&c->insn)->name, fields)) {
        s->known_hits++;
    } else {
        s->failures++;
        if (count->failed++ < (only_row ? 5 : 1)) {
            report(s, c, &host, &guest);
        }
    }
    copy_window(s->windows[1], s->windows[0]);
}

static bool is_selected(unsigned row)
{
    g_autofree char *full = g_strdup_printf("%s %s", x86_rows[row].name, x86_rows[row].operands);

    return !only_row || g_pattern_match_simple(only_row, x86_rows[row].name) ||
           g_pattern_match_simple(only_row, full);
}

static void run_row(Suite *s, unsigned row, X86Mode mode, unsigned round)
{
    Random r = { 0x9e3779b97f4a7c15ull * (salt + round) + row * 4 + mode + 1 };
    CpuCase c;

    if (why_not(s, row) || !is_selected(row)) {
        return;
    }
    for (int i = 0; i < cases; i++) {
        if (generate_case(&r, row, mode, s->windows, &c) && !is_host_interrupt(&c) &&
            (!kvm || kvm_engine_fit(&c))) {
            run_case(s, &c);
        }
    }
}

static void run_mode(Suite *s, X86Mode mode, unsigned round)
{
    for (unsigned row = 0; row < x86_row_count; row++) {
        run_row(s, row, mode, round);
    }
}

static void fill_windows(Suite *s)
{
    Random r = { 0x123456789abcdef };

    for (unsigned page = 0; page < WINDOW_SIZE / 4096; page++) {
        for (unsigned i = 0; i < 4096; i += 8) {
            uint64_t v = random64(&r) & random64(&r);
            if (window_pages[page] == PAGE_RW || window_pages[page] == PAGE_R) {
                memcpy(s->windows[0] + page * 4096 + i, &v, 8);
                memcpy(s->windows[1] + page * 4096 + i, &v, 8);
            }
        }
    }
}

static Suite suite;

static void test_mode(gconstpointer data)
{
    X86Mode mode = GPOINTER_TO_INT(data);
    unsigned before = suite.failures;
    uint64_t total = suite.total;
    gint64 end = g_get_monotonic_time() + soak * G_USEC_PER_SEC;
    unsigned round = 0;

    if (!native_has_mode(mode)) {
        g_test_skip("this host's kernel has no modify_ldt()");
        return;
    }
    do {
        run_mode(&suite, mode, round++ * 1000);
    } while (g_get_monotonic_time() < end);
    g_test_message("%" G_GUINT64_FORMAT " cases, %u differences", suite.total - total,
                   suite.failures - before);
    if (suite.failures != before) {
        g_test_fail();
    }
}

/* Which rows ran, and which only ended in an exception. */
static void test_coverage(void)
{
    g_autoptr(GString) faulted = g_string_new(NULL), elsewhere = g_string_new(NULL);
    g_autoptr(GString) missing = g_string_new(NULL);
    unsigned completed = 0;

    for (unsigned row = 0; row < x86_row_count; row++) {
        const RowCount *n = &suite.rows[row];
        const char *why = why_not(&suite, row);
        GString *list = why ? elsewhere : n->run == 0 ? missing : faulted;

        if (n->completed) {
            completed++;
        } else {
            g_string_append_printf(list, " %s", x86_rows[row].name);
        }
    }
    g_test_message("%" G_GUINT64_FORMAT " cases; %u of %u rows completed on the host",
                   suite.total, completed, x86_row_count);
    g_test_message("only with an exception:%s", faulted->str);
    g_test_message("not on the host:%s", elsewhere->str);
    g_test_message("unknown to the emulator of the host's KVM: %" G_GUINT64_FORMAT " cases",
                   suite.given_up);
    g_test_message("covered by known-differences.txt: %" G_GUINT64_FORMAT " cases",
                   suite.known_hits);
    if (windows) {
        g_autoptr(GString) info = g_string_new(NULL);

        x86_window_info(guest_cpu(suite.guest), info);
        g_test_message("%s", info->str);
        g_assert_null(strstr(info->str, "pages: 0 mapped"));
    }
    if (!only_row && !only_mode) {
        g_assert_cmpstr(missing->str, ==, "");
    }
}

static bool parse_options(int *argc, char ***argv)
{
    const GOptionEntry options[] = {
        { "cases", 0, 0, G_OPTION_ARG_INT, &cases, "Cases of each row and mode", "N" },
        { "salt", 0, 0, G_OPTION_ARG_INT, &salt, "Other random cases", "N" },
        { "soak", 0, 0, G_OPTION_ARG_INT, &soak, "Go on for this time in each mode", "SECONDS" },
        { "mode", 0, 0, G_OPTION_ARG_INT, &only_mode, "16, 32 or 64 only", "BITS" },
        { "row", 0, 0, G_OPTION_ARG_STRING, &only_row, "Rows whose mnemonic matches", "PATTERN" },
        { "translate", 0, 0, G_OPTION_ARG_NONE, &translate, "Test the translator", NULL },
        { "windows", 0, 0, G_OPTION_ARG_NONE, &windows, "Test it with windows", NULL },
        { "kvm", 0, 0, G_OPTION_ARG_NONE, &kvm, "Test the host's KVM", NULL },
        { "known", 0, 0, G_OPTION_ARG_FILENAME, &known_path, "List of known differences", "FILE" },
        { NULL },
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, argc, argv, &error)) {
        fprintf(stderr, "%s\n", error->message);
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    static const struct { int bits; X86Mode mode; const char *path; } modes[] = {
        { 64, X86_MODE_64, "/cpu/host/64" }, { 32, X86_MODE_32, "/cpu/host/32" },
        { 16, X86_MODE_16, "/cpu/host/16" },
    };
    const char *why;

    g_test_init(&argc, &argv, NULL);
    if (!parse_options(&argc, &argv)) {
        return 1;
    }
    if (!native_init(&why)) {
        printf("1..0 # SKIP %s\n", why);
        return 0;
    }
    suite.known = known_differences_load(known_path ? known_path : "known-differences.txt");
    if (!suite.known) {
        fprintf(stderr, "the list of known differences cannot be read (--known FILE)\n");
        return 1;
    }
    suite.guest = windows ? guest_new_windowed() : guest_new();
    if (kvm && !kvm_engine_init(suite.guest, &why)) {
        printf("1..0 # SKIP %s\n", why);
        return 0;
    }
    native_hide_low_memory();
    suite.engine = kvm ? kvm_engine_step : translate ? x86_translator_step : x86_interp_step;
    suite.rows = g_new0(RowCount, x86_row_count);
    suite.windows[0] = native_window();
    suite.windows[1] = guest_window(suite.guest);
    fill_windows(&suite);
    for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++) {
        if (!only_mode || only_mode == modes[i].bits) {
            g_test_add_data_func(modes[i].path, GINT_TO_POINTER(modes[i].mode), test_mode);
        }
    }
    g_test_add_func("/cpu/host/coverage", test_coverage);
    return g_test_run();
}
