/*
 * Directed tests of the rows that the host cannot complete for us: privileged
 * instructions, port I/O, and those whose result is the guest's own. They run in
 * 64-bit mode at CPL 0; expectations are from the SDM and the APM.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include <string.h>
#include "target/i386/interp/interp.h"
#include "target/i386/msr.h"
#include "tests/cpu/guest.h"

enum { CODE = WINDOW_CODE + 0x100, DATA = WINDOW_BASE + WINDOW_DATA };
enum { NO_EXCEPTION = -1 };

typedef struct Machine {
    Guest *guest;
    X86CPU *cpu;
    X86State *s;
    uint8_t *data; /* the page at DATA */
} Machine;

typedef struct SystemTest {
    const char *code; /* hex */
    void (*prepare)(Machine *m);
    void (*check)(Machine *m);
    int vector; /* expected exception; NO_EXCEPTION */
    bool user;  /* at CPL 3 */
} SystemTest;

static uint64_t data64(const Machine *m, unsigned offset)
{
    uint64_t val;

    memcpy(&val, m->data + offset, 8);
    return val;
}

/* --- what a test prepares; RBX points at the data page ----------------------------- */

static void table_image(Machine *m)
{
    const uint16_t limit = 0x7f;
    const uint64_t base = 0xffff800000008000;

    memcpy(m->data, &limit, 2);
    memcpy(m->data + 2, &base, 8);
}

static void selector_ldt(Machine *m) { m->s->regs[X86_RAX] = 0x50; }
static void selector_null(Machine *m) { m->s->regs[X86_RAX] = 0; }
static void xcr0_value(Machine *m)
{
    m->s->regs[X86_RAX] = 3;
    m->s->regs[X86_RCX] = m->s->regs[X86_RDX] = 0;
}
static void msr_star(Machine *m)
{
    m->s->regs[X86_RCX] = 0xc0000081;
    m->s->regs[X86_RAX] = 0x89abcdef;
    m->s->regs[X86_RDX] = 0x01234567;
}
static void msr_star_set(Machine *m)
{
    m->s->regs[X86_RCX] = 0xc0000081;
    m->s->star = 0x1122334455667788;
}
static void task_switched(Machine *m) { m->s->cr0 |= X86_CR0_TS; }
static void gs_bases(Machine *m) { m->s->kernel_gs_base = 0x1234; }
static void aux_value(Machine *m) { m->s->tsc_aux = 0x55; }
static void sti_off(Machine *m) { x86_set_eflags(m->s, X86_EFLAGS_FIXED); }
static void port_80(Machine *m) { m->s->regs[X86_RDX] = 0x80; }
static void string_out(Machine *m) { m->s->regs[X86_RDX] = 0x80; m->s->regs[X86_RSI] = DATA; }
static void string_in(Machine *m)
{
    m->s->regs[X86_RDX] = 0x80;
    m->s->regs[X86_RDI] = DATA;
    m->s->regs[X86_RCX] = 2;
    memset(m->data, 0, 16);
}
static void invpcid_all(Machine *m) { m->s->regs[X86_RAX] = 2; memset(m->data, 0, 16); }
static void leaf_0(Machine *m) { m->s->regs[X86_RAX] = m->s->regs[X86_RCX] = 0; }
static void zero_rcx(Machine *m) { m->s->regs[X86_RCX] = 0; }
static void supervisor_xsave(Machine *m)
{
    m->s->regs[X86_RAX] = 7;
    m->s->regs[X86_RDX] = 0;
    memset(m->data, 0, 1024);
    m->data[0x20f] = 0x80; /* XCOMP_BV bit 63: compacted, as XRSTORS demands */
}
static void monitor_line(Machine *m)
{
    m->s->regs[X86_RAX] = DATA;
    m->s->regs[X86_RCX] = m->s->regs[X86_RDX] = 0;
}
static void syscall_msrs(Machine *m)
{
    m->s->star = 0x0023001000000000;
    m->s->lstar = 0xffff800000001000;
    m->s->fmask = X86_EFLAGS_IF;
    m->s->regs[X86_RCX] = WINDOW_BASE + WINDOW_CODE;
    m->s->regs[X86_R11] = 0x202;
}
static void sysenter_msrs(Machine *m)
{
    m->s->sysenter_cs = 0x10;
    m->s->sysenter_esp = 0xffff800000018000;
    m->s->sysenter_eip = 0xffff800000002000;
    m->s->regs[X86_RCX] = WINDOW_BASE + WINDOW_STACK;
    m->s->regs[X86_RDX] = WINDOW_BASE + WINDOW_CODE;
}

/* --- what it must find -------------------------------------------------------------- */

static void check_gdt(Machine *m)
{
    g_assert_cmphex(m->s->gdt.limit, ==, 0x7f);
    g_assert_cmphex(m->s->gdt.base, ==, 0xffff800000008000);
}
static void check_idt(Machine *m) { g_assert_cmphex(m->s->idt.limit, ==, 0x7f); }
static void check_sgdt(Machine *m)
{
    g_assert_cmphex(data64(m, 0) & 0xffff, ==, m->s->gdt.limit);
    g_assert_cmphex(data64(m, 2), ==, m->s->gdt.base);
}
static void check_sidt(Machine *m)
{
    g_assert_cmphex(data64(m, 0) & 0xffff, ==, m->s->idt.limit);
    g_assert_cmphex(data64(m, 2), ==, m->s->idt.base);
}
static void check_rax_50(Machine *m) { g_assert_cmphex(m->s->regs[X86_RAX], ==, 0x50); }
static void check_rax_40(Machine *m) { g_assert_cmphex(m->s->regs[X86_RAX], ==, 0x40); }
static void check_ldt(Machine *m) { g_assert_cmphex(m->s->ldt.selector, ==, 0x50); }
static void check_cr0(Machine *m) { g_assert_cmphex(m->s->regs[X86_RAX], ==, m->s->cr0); }
static void check_msw(Machine *m)
{
    g_assert_cmphex(m->s->regs[X86_RAX] & 0xffff, ==, m->s->cr0 & 0xffff);
}
static void check_ts_set(Machine *m) { g_assert_true(m->s->cr0 & X86_CR0_TS); }
static void check_ts_clear(Machine *m) { g_assert_false(m->s->cr0 & X86_CR0_TS); }
static void check_dr0(Machine *m) { g_assert_cmphex(m->s->dr[0], ==, DATA); }
static void check_rbx_dr6(Machine *m) { g_assert_cmphex(m->s->regs[X86_RAX], ==, m->s->dr[6]); }
static void check_xcr0(Machine *m) { g_assert_cmphex(m->s->xcr0, ==, 3); }
static void check_star(Machine *m) { g_assert_cmphex(m->s->star, ==, 0x0123456789abcdef); }
static void check_star_read(Machine *m)
{
    g_assert_cmphex(m->s->regs[X86_RAX], ==, 0x55667788);
    g_assert_cmphex(m->s->regs[X86_RDX], ==, 0x11223344);
}
static void check_swapgs(Machine *m)
{
    g_assert_cmphex(m->s->segs[X86_GS].base, ==, 0x1234);
    g_assert_cmphex(m->s->kernel_gs_base, ==, WINDOW_BASE);
}
static void check_aux_rcx(Machine *m) { g_assert_cmphex(m->s->regs[X86_RCX], ==, 0x55); }
static void check_aux_rax(Machine *m) { g_assert_cmphex(m->s->regs[X86_RAX], ==, 0x55); }
static void check_if_set(Machine *m)
{
    g_assert_true(m->s->eflags & X86_EFLAGS_IF);
    g_assert_true(m->s->int_shadow & X86_SHADOW_STI);
}
static void check_if_clear(Machine *m) { g_assert_false(m->s->eflags & X86_EFLAGS_IF); }
static void check_ac_set(Machine *m) { g_assert_true(m->s->eflags & X86_EFLAGS_AC); }
static void check_ac_clear(Machine *m) { g_assert_false(m->s->eflags & X86_EFLAGS_AC); }
static void check_al_ones(Machine *m) { g_assert_cmphex(m->s->regs[X86_RAX] & 0xff, ==, 0xff); }
static void check_eax_ones(Machine *m) { g_assert_cmphex(m->s->regs[X86_RAX], ==, 0xffffffff); }
/* INS has written size bytes. */
static void check_in(Machine *m, unsigned size)
{
    g_assert_cmphex(data64(m, 0), ==, UINT64_MAX >> (64 - size * 8));
    g_assert_cmphex(data64(m, 8), ==, 0);
    g_assert_cmphex(m->s->regs[X86_RDI], ==, DATA + size);
}
static void check_in_1(Machine *m) { check_in(m, 1); }
static void check_in_2(Machine *m) { check_in(m, 2); }
static void check_in_4(Machine *m) { check_in(m, 4); }
static void check_in_8(Machine *m) { check_in(m, 8); }
static void check_out_1(Machine *m) { g_assert_cmphex(m->s->regs[X86_RSI], ==, DATA + 1); }
static void check_out_2(Machine *m) { g_assert_cmphex(m->s->regs[X86_RSI], ==, DATA + 2); }
static void check_out_4(Machine *m) { g_assert_cmphex(m->s->regs[X86_RSI], ==, DATA + 4); }
static void check_halted(Machine *m)
{
    g_assert_true(m->cpu->parent.halted);
    m->cpu->parent.halted = false;
}
static void check_vendor(Machine *m) { g_assert_cmphex(m->s->regs[X86_RBX], !=, DATA); }
static void check_time(Machine *m)
{
    g_assert_cmphex(m->s->regs[X86_RAX] >> 32 | m->s->regs[X86_RDX] >> 32, ==, 0);
}
/* CF says whether there is a number; a register without one is 0. */
static void check_random(Machine *m)
{
    g_assert_true(x86_get_eflags(m->s) & X86_EFLAGS_CF || m->s->regs[X86_RAX] == 0);
}
static void check_syscall(Machine *m)
{
    g_assert_cmphex(m->s->rip, ==, 0xffff800000001000);
    g_assert_cmphex(m->s->regs[X86_RCX], ==, WINDOW_BASE + CODE + 2);
    g_assert_cmpuint(x86_cpl(m->s), ==, 0);
    g_assert_false(m->s->eflags & X86_EFLAGS_IF);
}
static void check_sysret(Machine *m)
{
    g_assert_cmphex(m->s->rip, ==, WINDOW_BASE + WINDOW_CODE);
    g_assert_cmphex(m->s->segs[X86_CS].selector, ==, 0x33);
    g_assert_cmpuint(x86_cpl(m->s), ==, 3);
}
static void check_xsaves(Machine *m)
{
    g_assert_cmphex(data64(m, 0x208) >> 63, ==, 1); /* XCOMP_BV: compacted */
}

/* --- the tests ------------------------------------------------------------------------ */

static const SystemTest tests[] = {
    { "0f 00 c0", NULL, check_rax_50, NO_EXCEPTION },             /* SLDT */
    { "0f 00 c8", NULL, check_rax_40, NO_EXCEPTION },             /* STR */
    { "0f 00 d0", selector_ldt, check_ldt, NO_EXCEPTION },        /* LLDT */
    { "0f 00 d8", selector_null, NULL, X86_EXCP_GP },             /* LTR: a null selector */
    { "0f 01 03", NULL, check_sgdt, NO_EXCEPTION },
    { "0f 01 0b", NULL, check_sidt, NO_EXCEPTION },
    { "0f 01 13", table_image, check_gdt, NO_EXCEPTION },         /* LGDT */
    { "0f 01 1b", table_image, check_idt, NO_EXCEPTION },         /* LIDT */
    { "0f 01 e0", NULL, check_msw, NO_EXCEPTION },                /* SMSW */
    { "0f 01 e0", NULL, NULL, X86_EXCP_GP, true },                /* SMSW under UMIP */
    { "0f 01 f3", NULL, check_ts_set, NO_EXCEPTION },             /* LMSW BX = ...0b */
    { "0f 01 3b", NULL, NULL, NO_EXCEPTION },                     /* INVLPG */
    { "0f 01 c8", monitor_line, NULL, NO_EXCEPTION },
    { "0f 01 c9", monitor_line, NULL, NO_EXCEPTION },             /* MWAIT */
    { "0f 01 ca", NULL, check_ac_clear, NO_EXCEPTION },
    { "0f 01 cb", NULL, check_ac_set, NO_EXCEPTION },
    { "0f 01 d0", zero_rcx, NULL, NO_EXCEPTION },                 /* XGETBV */
    { "0f 01 d1", xcr0_value, check_xcr0, NO_EXCEPTION },         /* XSETBV */
    { "0f 01 d8", NULL, NULL, X86_EXCP_UD },                      /* SVM: not offered */
    { "0f 01 d9", NULL, NULL, X86_EXCP_UD },
    { "0f 01 da", NULL, NULL, X86_EXCP_UD },
    { "0f 01 db", NULL, NULL, X86_EXCP_UD },
    { "0f 01 dc", NULL, NULL, X86_EXCP_UD },
    { "0f 01 dd", NULL, NULL, X86_EXCP_UD },
    { "0f 01 de", NULL, NULL, X86_EXCP_UD },
    { "0f 01 df", NULL, NULL, X86_EXCP_UD },
    { "0f 01 e8", NULL, NULL, NO_EXCEPTION },                     /* SERIALIZE */
    { "0f 01 ee", zero_rcx, NULL, X86_EXCP_UD },                  /* RDPKRU: CR4.PKE clear */
    { "0f 01 ef", zero_rcx, NULL, X86_EXCP_UD },
    { "0f 01 f8", gs_bases, check_swapgs, NO_EXCEPTION },
    { "0f 01 f9", aux_value, check_aux_rcx, NO_EXCEPTION },       /* RDTSCP */
    { "0f 05", syscall_msrs, check_syscall, NO_EXCEPTION, true },
    { "0f 06", task_switched, check_ts_clear, NO_EXCEPTION },
    { "48 0f 07", syscall_msrs, check_sysret, NO_EXCEPTION },     /* SYSRETQ */
    { "0f 08", NULL, NULL, NO_EXCEPTION },                        /* INVD */
    { "0f 09", NULL, NULL, NO_EXCEPTION },                        /* WBINVD */
    { "0f 0b", NULL, NULL, X86_EXCP_UD },
    { "0f b9", NULL, NULL, X86_EXCP_UD },
    { "0f ff", NULL, NULL, X86_EXCP_UD },
    { "0f 20 c0", NULL, check_cr0, NO_EXCEPTION },
    { "0f 21 f0", NULL, check_rbx_dr6, NO_EXCEPTION },
    { "0f 22 df", NULL, NULL, NO_EXCEPTION },                     /* MOV CR3, RDI */
    { "0f 23 c3", NULL, check_dr0, NO_EXCEPTION },                /* MOV DR0, RBX */
    { "0f 30", msr_star, check_star, NO_EXCEPTION },
    { "0f 31", NULL, check_time, NO_EXCEPTION },
    { "0f 32", msr_star_set, check_star_read, NO_EXCEPTION },
    { "0f 33", NULL, NULL, X86_EXCP_GP, true },                   /* RDPMC: CR4.PCE clear */
    { "0f 34", sysenter_msrs, NULL, X86_EXCP_UD, true },          /* AMD: not in long mode */
    { "48 0f 35", sysenter_msrs, NULL, X86_EXCP_UD },
    { "0f a2", leaf_0, check_vendor, NO_EXCEPTION },
    { "0f aa", NULL, NULL, X86_EXCP_UD },                         /* RSM outside SMM */
    { "0f c7 1b", supervisor_xsave, NULL, NO_EXCEPTION },         /* XRSTORS */
    { "0f c7 2b", supervisor_xsave, check_xsaves, NO_EXCEPTION },
    { "48 0f c7 1b", supervisor_xsave, NULL, NO_EXCEPTION },
    { "48 0f c7 2b", supervisor_xsave, check_xsaves, NO_EXCEPTION },
    { "0f c7 f0", NULL, check_random, NO_EXCEPTION },
    { "0f c7 f8", NULL, check_random, NO_EXCEPTION },
    { "f3 0f c7 f8", aux_value, check_aux_rax, NO_EXCEPTION },    /* RDPID */
    { "66 0f 38 82 03", invpcid_all, NULL, NO_EXCEPTION },
    { "6c", string_in, check_in_1, NO_EXCEPTION },
    { "6d", string_in, check_in_4, NO_EXCEPTION },
    { "66 6d", string_in, check_in_2, NO_EXCEPTION },
    { "48 6d", string_in, check_in_4, NO_EXCEPTION },             /* no ports of 64 bits */
    { "f3 48 6d", string_in, check_in_8, NO_EXCEPTION },          /* two of 32 bits */
    { "6e", string_out, check_out_1, NO_EXCEPTION },
    { "6f", string_out, check_out_4, NO_EXCEPTION },
    { "66 6f", string_out, check_out_2, NO_EXCEPTION },
    { "48 6f", string_out, check_out_4, NO_EXCEPTION },
    { "cc", NULL, NULL, X86_EXCP_BP },
    { "cd 21", NULL, NULL, 0x21 },
    { "e4 80", NULL, check_al_ones, NO_EXCEPTION },
    { "e5 80", NULL, check_eax_ones, NO_EXCEPTION },
    { "48 e5 80", NULL, check_eax_ones, NO_EXCEPTION },
    { "e6 80", NULL, NULL, NO_EXCEPTION },
    { "e7 80", NULL, NULL, NO_EXCEPTION },
    { "ec", port_80, check_al_ones, NO_EXCEPTION },
    { "ed", port_80, check_eax_ones, NO_EXCEPTION },
    { "ee", port_80, NULL, NO_EXCEPTION },
    { "ef", port_80, NULL, NO_EXCEPTION },
    { "f1", NULL, NULL, X86_EXCP_DB },
    { "f4", NULL, check_halted, NO_EXCEPTION },
    { "fa", NULL, check_if_clear, NO_EXCEPTION },
    { "fb", sti_off, check_if_set, NO_EXCEPTION },
};

static unsigned parse(const char *hex, uint8_t *code)
{
    g_auto(GStrv) bytes = g_strsplit(hex, " ", -1);
    unsigned n = 0;

    for (char **b = bytes; *b; b++) {
        code[n++] = strtoul(*b, NULL, 16);
    }
    return n;
}

static void start(Machine *m, const SystemTest *t)
{
    uint16_t data = t->user ? SEL_DATA : 0x18;
    CpuRegs regs = {
        .rip = WINDOW_BASE + CODE, .eflags = X86_EFLAGS_FIXED, .mxcsr = 0x1f80, .fcw = 0x37f,
        .seg = { data, t->user ? SEL_CODE64 : 0x10, data, data, 0, 0 }, .gs_base = WINDOW_BASE,
    };

    guest_reset(m->guest);
    m->data = guest_window(m->guest) + WINDOW_DATA;
    regs.gpr[X86_RSP] = WINDOW_BASE + WINDOW_STACK + 0x1000;
    regs.gpr[X86_RBX] = DATA | (strcmp(t->code, "0f 01 f3") == 0 ? 0xb : 0);
    regs.gpr[X86_RDI] = m->s->cr3;
    guest_load(m->guest, &regs);
}

static void test_one(gconstpointer data)
{
    const SystemTest *t = data;
    uint8_t code[16];
    unsigned len = parse(t->code, code);
    Machine m = { .guest = guest_new() };
    int vector = NO_EXCEPTION;

    m.cpu = guest_cpu(m.guest);
    m.s = &m.cpu->state;
    start(&m, t);
    if (t->prepare) {
        t->prepare(&m);
        x86_update_hflags(m.s);
    }
    guest_write_code(m.guest, CODE, code, len);
    x86_interp_step(m.cpu);
    vector = guest_exception(m.guest);
    g_assert_cmpint(vector, ==, t->vector);
    if (t->check) {
        t->check(&m);
    }
    guest_free(m.guest);
}

/* Every row that the host cannot complete has a test above. */
static bool needs_test(const X86Row *row)
{
    static const uint16_t others[] = {
        X86_MN_SLDT, X86_MN_STR, X86_MN_SGDT, X86_MN_SIDT, X86_MN_SMSW, X86_MN_VMMCALL,
        X86_MN_RDTSCP, X86_MN_SERIALIZE, X86_MN_SYSCALL, X86_MN_RDTSC, X86_MN_SYSENTER,
        X86_MN_CPUID, X86_MN_RDRAND, X86_MN_RDSEED, X86_MN_RDPID, X86_MN_RDPMC, X86_MN_RDPKRU,
        X86_MN_WRPKRU, X86_MN_RSM, X86_MN_INT3, X86_MN_INT, X86_MN_INT1, X86_MN_CLI, X86_MN_STI,
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(others); i++) {
        if (row->mnemonic == others[i]) {
            return true;
        }
    }
    return row->legality & (X86_ROW_CPL0 | X86_ROW_CPL0_UD | X86_ROW_IO | X86_ROW_UNDEF);
}

static void test_coverage(void)
{
    g_autofree bool *tested = g_new0(bool, x86_row_count);
    unsigned missing = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        uint8_t code[16];
        X86Insn insn;
        g_assert_cmpint(x86_decode(code, parse(tests[i].code, code), X86_MODE_64, 0, &insn), ==,
                        X86_DECODE_OK);
        tested[insn.row] = true;
    }
    for (unsigned row = 0; row < x86_row_count; row++) {
        if (needs_test(&x86_rows[row]) && !tested[row]) {
            g_test_message("no test: %s %s", x86_rows[row].name, x86_rows[row].operands);
            missing++;
        }
    }
    g_assert_cmpuint(missing, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strdup_printf("/cpu/system/%02u %s", i, tests[i].code);
        g_test_add_data_func(path, &tests[i], test_one);
    }
    g_test_add_func("/cpu/system/coverage", test_coverage);
    return g_test_run();
}
