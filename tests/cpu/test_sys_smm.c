/*
 * SMM entry and RSM, triple fault, INIT and SIPI, by the rules of APM vol. 2,
 * 10.2-10.3 and SDM vol. 3, 6.15 and table 10-1.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "target/i386/syscall.h"
#include "tests/cpu/machine.h"

static void put_code(CpuMachine *m, uint32_t addr, const char *code, unsigned len)
{
    memcpy(m->ram + addr, code, len);
}
#define PUT_CODE(m, addr, code) put_code(m, addr, code, sizeof(code) - 1)

static uint32_t ram32(CpuMachine *m, uint32_t addr)
{
    uint32_t val;

    memcpy(&val, m->ram + addr, 4);
    return val;
}

static void test_entry(void)
{
    CpuMachine *m = cpu_machine_new("max");
    X86State *s = &m->cpu->state;

    cpu_machine_start_real(m, 0x1234);
    s->regs[X86_RAX] = 0x1122334455667788;
    s->segs[X86_DS].selector = 0x4321;
    x86_smm_enter(m->cpu);
    g_assert_cmphex(s->segs[X86_CS].selector, ==, 0x3000);
    g_assert_cmphex(s->segs[X86_CS].base, ==, 0x30000);
    g_assert_cmphex(s->rip, ==, 0x8000);
    g_assert_cmphex(s->segs[X86_DS].limit, ==, 0xffffffff);
    g_assert_cmphex(s->segs[X86_DS].base, ==, 0);
    g_assert_cmphex(s->dr[7], ==, 0x400);
    g_assert_true(s->in_smm);
    g_assert_true(s->nmi_blocked);
    g_assert_cmphex(ram32(m, 0x3fefc), ==, 0x00020064);
    g_assert_cmphex(ram32(m, 0x3ff00), ==, 0x30000);
    g_assert_cmphex(ram32(m, 0x3fff8), ==, 0x55667788);
    g_assert_cmphex(ram32(m, 0x3fffc), ==, 0x11223344);
    g_assert_cmphex(ram32(m, 0x3ff78), ==, 0x1234);
    g_assert_cmphex(ram32(m, 0x3fe30) & 0xffff, ==, 0x4321);
    cpu_machine_free(m);
}

/* The handler moves SMBASE to 0xa0000 and changes the saved RBX. */
static void test_rsm(void)
{
    CpuMachine *m = cpu_machine_new("max");
    X86State *s = &m->cpu->state;

    PUT_CODE(m, 0x38000,
             "\x2e\x66\xc7\x06\x00\xff\x00\x00\x0a\x00"  /* mov dword [cs:0xff00], 0xa0000 */
             "\x2e\x66\xc7\x06\xe0\xff\x78\x56\x34\x12"  /* mov dword [cs:0xffe0], 0x12345678 */
             "\x66\x31\xc9"                              /* xor ecx, ecx */
             "\x0f\xaa");                                /* rsm */
    PUT_CODE(m, 0x1234, "\xf4");
    cpu_machine_start_real(m, 0x1234);
    s->regs[X86_RCX] = 77;
    x86_smm_enter(m->cpu);
    g_assert_cmpint(cpu_machine_run(m), ==, CPU_EXIT_HALTED);
    g_assert_false(s->in_smm);
    g_assert_false(s->nmi_blocked);
    g_assert_cmphex(s->smbase, ==, 0xa0000);
    g_assert_cmphex(s->regs[X86_RBX], ==, 0x12345678);
    g_assert_cmphex(s->regs[X86_RCX], ==, 77);
    g_assert_cmphex(s->rip, ==, 0x1235);
    g_assert_cmphex(s->segs[X86_CS].limit, ==, 0xffff);
    cpu_machine_free(m);
}

/* An SMI that finds the CPU halted: RSM halts it again. */
static void test_auto_halt(void)
{
    CpuMachine *m = cpu_machine_new("max");

    PUT_CODE(m, 0x38000, "\x0f\xaa");
    PUT_CODE(m, 0x1234, "\xf4\x0f\x0b");
    cpu_machine_start_real(m, 0x1234);
    g_assert_cmpint(cpu_machine_run(m), ==, CPU_EXIT_HALTED);
    x86_smm_enter(m->cpu);
    g_assert_false(m->cpu->parent.halted);
    g_assert_cmpint(cpu_machine_run(m), ==, CPU_EXIT_HALTED);
    g_assert_cmphex(m->cpu->state.rip, ==, 0x1235);
    cpu_machine_free(m);
}

static void test_rsm_outside_smm(void)
{
    CpuMachine *m = cpu_machine_new("max");
    static const uint8_t vector6[] = { 0x00, 0x20, 0x00, 0x00 };

    memcpy(m->ram + 6 * 4, vector6, 4);
    PUT_CODE(m, 0x1234, "\x0f\xaa");
    PUT_CODE(m, 0x2000, "\xf4");
    cpu_machine_start_real(m, 0x1234);
    g_assert_cmpint(cpu_machine_run(m), ==, CPU_EXIT_HALTED);
    g_assert_cmphex(m->cpu->state.rip, ==, 0x2001);
    cpu_machine_free(m);
}

static void test_triple_fault(void)
{
    CpuMachine *m = cpu_machine_new("max");

    PUT_CODE(m, 0x1234, "\x0f\x0b");
    cpu_machine_start_real(m, 0x1234);
    m->cpu->state.idt.limit = 0;
    g_assert_cmpint(cpu_machine_run(m), ==, CPU_EXIT_SHUTDOWN);
    cpu_machine_free(m);
}

/* Table 10-1: what INIT keeps and what it does not. */
static void test_init(void)
{
    CpuMachine *m = cpu_machine_new("max");
    X86State *s = &m->cpu->state;

    s->fpu.fcw = 0x37f;
    s->xmm[3].u64[0] = 5;
    s->pat = 0x0606060606060606;
    s->smbase = 0xa0000;
    s->cr0 = X86_CR0_PE | X86_CR0_NW | X86_CR0_CD;
    s->cr4 = X86_CR4_PAE;
    s->regs[X86_RBX] = 1;
    x86_cpu_state_reset(m->cpu, true);
    g_assert_cmphex(s->fpu.fcw, ==, 0x37f);
    g_assert_cmphex(s->xmm[3].u64[0], ==, 5);
    g_assert_cmphex(s->pat, ==, 0x0606060606060606);
    g_assert_cmphex(s->smbase, ==, 0xa0000);
    g_assert_cmphex(s->cr0, ==, 0x60000010);
    g_assert_cmphex(s->cr4, ==, 0);
    g_assert_cmphex(s->regs[X86_RBX], ==, 0);
    g_assert_cmphex(s->rip, ==, 0xfff0);
    g_assert_cmphex(s->segs[X86_CS].base, ==, 0xffff0000);
    g_assert_cmphex(s->segs[X86_CS].selector, ==, 0xf000);
    g_assert_cmphex(x86_get_eflags(s), ==, 2);
    cpu_machine_free(m);
}

static void test_sipi(void)
{
    CpuMachine *m = cpu_machine_new("max");
    X86State *s = &m->cpu->state;

    s->wait_for_sipi = 1;
    m->cpu->parent.halted = true;
    x86_cpu_start(m->cpu, 0x9a);
    g_assert_cmphex(s->segs[X86_CS].selector, ==, 0x9a00);
    g_assert_cmphex(s->segs[X86_CS].base, ==, 0x9a000);
    g_assert_cmphex(s->rip, ==, 0);
    g_assert_false(m->cpu->parent.halted);
    s->rip = 0x55;
    x86_cpu_start(m->cpu, 0x10); /* not waiting any more: ignored */
    g_assert_cmphex(s->rip, ==, 0x55);
    cpu_machine_free(m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpu/sys/smm/entry", test_entry);
    g_test_add_func("/cpu/sys/smm/rsm", test_rsm);
    g_test_add_func("/cpu/sys/smm/auto-halt", test_auto_halt);
    g_test_add_func("/cpu/sys/smm/rsm-outside", test_rsm_outside_smm);
    g_test_add_func("/cpu/sys/triple-fault", test_triple_fault);
    g_test_add_func("/cpu/sys/init", test_init);
    g_test_add_func("/cpu/sys/sipi", test_sipi);
    return g_test_run();
}
