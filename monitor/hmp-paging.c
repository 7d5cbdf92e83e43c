/*
 * Human monitor: what the page tables map.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <inttypes.h>
#include "monitor/hmp-int.h"
#include "target/i386/mmu.h"
#include "target/i386/pages.h"

/* The bits of an entry as `info tlb` shows them. */
static const struct { uint8_t bit; char letter; } entry_bits[] = {
    { 63, 'X' }, { 8, 'G' }, { 7, 'P' }, { 6, 'D' }, { 5, 'A' },
    { 4, 'C' }, { 3, 'T' }, { 2, 'U' }, { 1, 'W' },
};

static void print_page(const X86Page *page, void *opaque)
{
    GString *out = opaque;
    /* Bit 7 of a 4 KiB page's entry is PAT, not PS. */
    uint64_t entry = page->size == 4096 ? page->entry & ~UINT64_C(0x80) : page->entry;

    g_string_append_printf(out, "%016" PRIx64 ": %016" PRIx64 " ", page->lin, page->phys);
    for (size_t i = 0; i < G_N_ELEMENTS(entry_bits); i++) {
        g_string_append_c(out, entry >> entry_bits[i].bit & 1 ? entry_bits[i].letter : '-');
    }
    g_string_append_c(out, '\n');
}

/* A run of pages with the same rights. */
typedef struct Run {
    GString *out;
    uint64_t start, end;
    bool user, writable, any;
} Run;

static void print_run(const Run *run)
{
    if (run->any) {
        g_string_append_printf(run->out, "%016" PRIx64 "-%016" PRIx64 " %016" PRIx64 " %cr%c\n",
                               run->start, run->end, run->end - run->start,
                               run->user ? 'u' : '-', run->writable ? 'w' : '-');
    }
}

static void extend_run(const X86Page *page, void *opaque)
{
    Run *run = opaque;

    if (!run->any || page->lin != run->end || page->user != run->user ||
        page->writable != run->writable) {
        print_run(run);
        *run = (Run){ run->out, page->lin, page->lin, page->user, page->writable, true };
    }
    run->end = page->lin + page->size;
}

static void note_end(GString *out, bool complete)
{
    if (!complete) {
        g_string_append(out, "(the tables map more than can be listed)\n");
    }
}

static void list_pages(CPUState *cpu, void *opaque)
{
    note_end(opaque, x86_pages_foreach(X86_CPU(cpu), print_page, opaque));
}

static void list_runs(CPUState *cpu, void *opaque)
{
    Run run = { .out = opaque };

    bool complete = x86_pages_foreach(X86_CPU(cpu), extend_run, &run);
    print_run(&run);
    note_end(opaque, complete);
}

static void list(Hmp *hmp, CPUWorkFn *fn, Error **errp)
{
    CPUState *cpu = hmp_need_cpu(hmp, errp);

    if (!cpu) {
        return;
    }
    if (X86_CPU(cpu)->state.cr0 & X86_CR0_PG) {
        cpu_run_on(cpu, fn, hmp->out);
    } else {
        hmp_printf(hmp, "PG disabled\n");
    }
}

static void run_tlb(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    list(hmp, list_pages, errp);
}

static void run_mem(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    list(hmp, list_runs, errp);
}

static void run_gva2gpa(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    CPUState *cpu = hmp_need_cpu(hmp, errp);
    uint64_t phys;

    if (!cpu) {
        return;
    }
    if (CPU_GET_CLASS(cpu)->translate_debug(cpu, (uint64_t)hmp_arg_int(args, "addr", 0), &phys)) {
        hmp_printf(hmp, "gpa: %#" PRIx64 "\n", phys);
    } else {
        hmp_printf(hmp, "Unmapped\n");
    }
}

const HmpCommand hmp_commands_paging[] = {
    { "info tlb", NULL, NULL, "show every page that the page tables map", run_tlb },
    { "info mem", NULL, NULL, "show the mapped ranges of linear addresses", run_mem },
    { "gva2gpa", "addr:l", "addr", "show the physical address of a linear address", run_gva2gpa },
    { NULL },
};
