/*
 * Floating-point and vector state where one instruction depends on another: the
 * CPU suite compares single instructions with the host, here are pending
 * exceptions, pointers, MMX aliasing, XSAVE headers and the host's own state.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "target/i386/interp/xsave.h"
#include "tests/cpu/machine.h"

enum { CODE = 0x1000, OPERAND = 0x2000, IMAGE = 0x4000, HANDLERS = 0x700 };

/* A CPU in real mode at the code, x87, SSE and AVX enabled. Vector n halts at HANDLERS + n. */
static CpuMachine *machine_with(const char *code, unsigned len)
{
    CpuMachine *m = cpu_machine_new("max");
    X86State *s = &m->cpu->state;

    for (unsigned vector = 0; vector < 32; vector++) {
        m->ram[vector * 4] = (HANDLERS + vector) & 0xff;
        m->ram[vector * 4 + 1] = HANDLERS >> 8;
        m->ram[HANDLERS + vector] = 0xf4;
    }
    memcpy(m->ram + CODE, code, len);
    m->ram[CODE + len] = 0xf4;
    s->cr0 |= X86_CR0_NE;
    s->cr4 |= X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT | X86_CR4_OSXSAVE;
    s->xcr0 = 7;
    cpu_machine_start_real(m, CODE);
    return m;
}
#define MACHINE_WITH(code) machine_with(code, sizeof(code) - 1)

/* Runs to the halt: the vector that was raised, or -1 at the end of the code. */
static int run(CpuMachine *m)
{
    g_assert_cmpint(cpu_machine_run(m), ==, CPU_EXIT_HALTED);
    return m->cpu->state.rip < CODE ? (int)m->cpu->state.rip - 1 - HANDLERS : -1;
}

static uint16_t ram16(CpuMachine *m, unsigned addr)
{
    return m->ram[addr] | m->ram[addr + 1] << 8;
}

static void put_ram(CpuMachine *m, unsigned addr, uint64_t val, unsigned size)
{
    memcpy(m->ram + addr, &val, size);
}

#define DIVIDE_ONE_BY_ZERO                                                          \
    "\xdb\xe3"          /* 1000 fninit */                                           \
    "\xd9\x2e\x00\x20"  /* 1002 fldcw [0x2000] */                                   \
    "\xd9\xe8"          /* 1006 fld1 */                                             \
    "\xd9\xee"          /* 1008 fldz */                                             \
    "\xde\xf9"          /* 100a fdivp st1, st0 */

static void test_pending(void)
{
    CpuMachine *m = MACHINE_WITH(DIVIDE_ONE_BY_ZERO
                                 "\xdf\xe0"   /* 100c fnstsw ax: does not wait */
                                 "\x90\x9b"); /* 100e nop; fwait */
    X86State *s = &m->cpu->state;

    put_ram(m, OPERAND, 0x037b, 2);
    g_assert_cmpint(run(m), ==, X86_EXCP_MF);
    g_assert_cmphex(s->regs[X86_RAX] & 0xffff, ==, 0xb084);
    g_assert_cmphex(ram16(m, 0x7c00 - 6), ==, 0x100f);
    g_assert_cmphex(s->fpu.fip, ==, 0x100a);
    g_assert_cmphex(s->fpu.fop, ==, 0x6f9);
    cpu_machine_free(m);
}

static void note_ferr(void *opaque, int n, int level)
{
    *(int *)opaque = level;
}

/* CR0.NE = 0: FERR# and a frozen CPU instead of #MF; IGNNE# lets it go on (SDM vol. 1, 8.7.2). */
static void test_ferr(void)
{
    CpuMachine *m = MACHINE_WITH(DIVIDE_ONE_BY_ZERO
                                 "\xdf\xe0"          /* 100c fnstsw ax: does not wait */
                                 "\x90\xd9\xe8"      /* 100e nop; fld1 */
                                 "\xd9\xe8\xf4"      /* 1011 fld1; hlt */
                                 "\xdb\xe2\xd9\xe8"); /* 1014 fnclex; fld1 */
    X86State *s = &m->cpu->state;
    int ferr = 0;
    IRQLine *line = irq_new(note_ferr, &ferr, 0);

    m->cpu->ferr_line = line;
    s->cr0 &= ~X86_CR0_NE;
    put_ram(m, OPERAND, 0x037b, 2);
    g_assert_cmpint(cpu_machine_run(m), ==, CPU_EXIT_HALTED);
    g_assert_cmphex(s->rip, ==, 0x100f); /* before the instruction that waits */
    g_assert_cmphex(s->regs[X86_RAX] & 0xffff, ==, 0xb084);
    g_assert_cmpint(ferr, ==, 1);

    s->ignne = 1;
    m->cpu->parent.halted = false; /* as an interrupt would */
    g_assert_cmpint(cpu_machine_run(m), ==, CPU_EXIT_HALTED);
    g_assert_cmphex(s->rip, ==, 0x1014); /* both loads and the HLT */
    g_assert_cmpint(ferr, ==, 1);

    s->ignne = 0;
    m->cpu->parent.halted = false;
    g_assert_cmpint(run(m), ==, -1);
    g_assert_cmpint(ferr, ==, 0); /* FNCLEX */
    cpu_machine_free(m);
    irq_free(line);
}

/* The seven words of the 16-bit real-mode format; no instruction had a memory operand. */
static void test_environment(void)
{
    static const uint16_t want[7] = { 0x037f, 0x3804, 0xbfff, 0x100a, 0x06f9, 0, 0 };
    CpuMachine *m = MACHINE_WITH(DIVIDE_ONE_BY_ZERO
                                 "\xd9\x36\x00\x40"); /* fnstenv [0x4000] */

    put_ram(m, OPERAND, 0x037f, 2);
    g_assert_cmpint(run(m), ==, -1);
    for (unsigned i = 0; i < 7; i++) {
        g_assert_cmphex(ram16(m, IMAGE + i * 2), ==, want[i]);
    }
    cpu_machine_free(m);
}

/* FWAIT obeys TS only with MP; other x87 instructions always do. */
static void test_task_switched(void)
{
    static const struct { const char *code; uint32_t cr0; int vector; } cases[] = {
        { "\x9b\x90", X86_CR0_TS, -1 },
        { "\x9b\x90", X86_CR0_TS | X86_CR0_MP, X86_EXCP_NM },
        { "\xd9\xe8", X86_CR0_TS, X86_EXCP_NM },
        { "\xd9\xe8", X86_CR0_EM, X86_EXCP_NM },
        { "\x0f\x77", X86_CR0_EM, X86_EXCP_UD },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        CpuMachine *m = machine_with(cases[i].code, 2);

        m->cpu->state.cr0 = (m->cpu->state.cr0 & ~(X86_CR0_MP | X86_CR0_EM)) | cases[i].cr0;
        x86_update_hflags(&m->cpu->state);
        g_assert_cmpint(run(m), ==, cases[i].vector);
        cpu_machine_free(m);
    }
}

/* An unmasked SIMD exception: #XM or #UD by CR4, the flag set, the result not written. */
static void test_simd_exception(void)
{
    for (unsigned enabled = 0; enabled < 2; enabled++) {
        CpuMachine *m = MACHINE_WITH("\xf3\x0f\x5e\xc1"); /* divss xmm0, xmm1 */
        X86State *s = &m->cpu->state;

        s->cr4 &= enabled ? ~0ull : ~(uint64_t)X86_CR4_OSXMMEXCPT;
        s->mxcsr = 0x1d80;
        s->xmm[0].f32[0] = 1.0f;
        s->xmm[1].f32[0] = 0.0f;
        g_assert_cmpint(run(m), ==, enabled ? X86_EXCP_XM : X86_EXCP_UD);
        g_assert_cmphex(s->mxcsr, ==, 0x1d84);
        g_assert_cmphex(s->xmm[0].u32[0], ==, 0x3f800000);
        cpu_machine_free(m);
    }
}

static void test_mmx_aliasing(void)
{
    CpuMachine *m = MACHINE_WITH("\xdb\xe3\xd9\xf6" /* fninit; fdecstp */
                                 "\x0f\x6e\xd8");   /* movd mm3, eax */
    X86State *s = &m->cpu->state;

    s->regs[X86_RAX] = 0x89abcdef;
    g_assert_cmpint(run(m), ==, -1);
    g_assert_cmphex(s->fpu.st[3].mant, ==, 0x89abcdef);
    g_assert_cmphex(s->fpu.st[3].sign_exp, ==, 0xffff);
    g_assert_cmphex(s->fpu.ftw, ==, 0xff);
    g_assert_cmphex(s->fpu.fsw, ==, 0);
    cpu_machine_free(m);
}

static void test_xrstor_header(void)
{
    static const struct { unsigned offset; uint64_t val; int vector; } cases[] = {
        { 512, 2, -1 },
        { 512, 8, X86_EXCP_GP },             /* a component XCR0 lacks */
        { 520, 1, X86_EXCP_GP },             /* XCOMP_BV of the standard form */
        { 528, 1, X86_EXCP_GP },             /* reserved */
        { 520, 1ull << 63 | 2, -1 },
        { 520, 1ull << 63 | 8, X86_EXCP_GP },
        { 24, 1ull << 31, X86_EXCP_GP },     /* MXCSR */
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        CpuMachine *m = MACHINE_WITH("\x0f\xae\x2e\x00\x40"); /* xrstor [0x4000] */
        X86State *s = &m->cpu->state;

        s->regs[X86_RAX] = 7;
        put_ram(m, IMAGE + 24, 0x1f80, 4);
        put_ram(m, IMAGE + cases[i].offset, cases[i].val, 8);
        put_ram(m, IMAGE + 160, 0x123456789, 8);
        g_assert_cmpint(run(m), ==, cases[i].vector);
        g_assert_cmphex(s->xmm[0].u64[0], ==, i == 0 ? 0x123456789 : 0);
        cpu_machine_free(m);
    }
}

static void test_xsavec_in_use(void)
{
    CpuMachine *m = MACHINE_WITH("\xdb\xe3\x0f\xc7\x26\x00\x40"); /* fninit; xsavec [0x4000] */
    X86State *s = &m->cpu->state;
    uint64_t header[2];

    memset(s->xmm, 0, sizeof(s->xmm));
    memset(s->fpu.st, 0, sizeof(s->fpu.st));
    s->mxcsr = 0x1f80;
    s->xmm[5].u64[2] = 1;
    s->regs[X86_RAX] = 7;
    g_assert_cmpint(run(m), ==, -1);
    memcpy(header, m->ram + IMAGE + 512, sizeof(header));
    g_assert_cmphex(header[0], ==, X86_XSTATE_AVX);
    g_assert_cmphex(header[1], ==, 1ull << 63 | 7);
    g_assert_cmphex(x86_xinuse(s), ==, X86_XSTATE_AVX);
    cpu_machine_free(m);
}

/* Whatever the guest's control words are, the host's own stay. */
static void test_host_state(void)
{
    CpuMachine *m = MACHINE_WITH("\xdb\xe3\xd9\x2e\x00\x20" /* fninit; fldcw [0x2000] */
                                 "\xd9\xeb\xd9\xfa"         /* fldpi; fsqrt */
                                 "\x0f\x51\xc0\x0f\x77");   /* sqrtps xmm0, xmm0; emms */
    uint16_t fcw;
    uint32_t mxcsr;

    put_ram(m, OPERAND, 0x0c7f, 2);
    m->cpu->state.mxcsr = 0xffc0;
    m->cpu->state.xmm[0].f32[0] = 2.0f;
    g_assert_cmpint(run(m), ==, -1);
    g_assert_cmphex(m->cpu->state.mxcsr, ==, 0xffe0);
    asm volatile("fnstcw %0\n\tstmxcsr %1" : "=m"(fcw), "=m"(mxcsr));
    g_assert_cmphex(fcw, ==, 0x037f);
    g_assert_cmphex(mxcsr & ~0x3fu, ==, 0x1f80);
    cpu_machine_free(m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fpu/pending", test_pending);
    g_test_add_func("/fpu/ferr", test_ferr);
    g_test_add_func("/fpu/environment", test_environment);
    g_test_add_func("/fpu/task-switched", test_task_switched);
    g_test_add_func("/fpu/simd-exception", test_simd_exception);
    g_test_add_func("/fpu/mmx-aliasing", test_mmx_aliasing);
    g_test_add_func("/fpu/xrstor-header", test_xrstor_header);
    g_test_add_func("/fpu/xsavec-in-use", test_xsavec_in_use);
    g_test_add_func("/fpu/host-state", test_host_state);
    return g_test_run();
}
