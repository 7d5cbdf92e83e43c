/*
 * The translator's floating-point state over many blocks: x87, MMX and SSE loops run as
 * guest code, which flushes the TLB, does I/O and is interrupted all the time, and as
 * functions of the host. Memory and registers must be the same in the end.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include <string.h>
#include "hw/core/cpu.h"
#include "target/i386/interp/vec.h"
#include "target/i386/interp/x87.h"
#include "target/i386/translate/translate.h"
#include "tests/cpu/guest.h"

enum {
    SEL_KERNEL_CODE = 0x10, SEL_KERNEL_DATA = 0x18, ROUNDS = 500,
    DATA_SIZE = WINDOW_DATA_END - WINDOW_DATA,
};

#define CODE(name, text)                                                                    \
    asm(".pushsection .text\n" #name "_code:\n" text "\n" #name "_code_end:\n.popsection"); \
    extern const uint8_t name##_code[], name##_code_end[]

/* Calls what follows it R15 times, with every kind of disturbance in between. */
CODE(frame, "1: call 2f\n"
            "out %al, $0xe9\n"
            "mov %cr3, %rax\n"
            "mov %rax, %cr3\n"
            "dec %r15\n"
            "jnz 1b\n"
            "hlt\n"
            "2:");

/* Functions of the data at RDI; they keep their registers from one call to the next. CPUID is
 * there because the interpreter runs it. */
CODE(x87, "fldl (%rdi)\n"
          "fadds 0x1000(%rdi)\n"
          "fldt 0x2000(%rdi)\n"
          "fcomi %st(1), %st\n"
          "ja 1f\n"
          "fxch\n"
          "1: fsub %st(1), %st\n"
          "xor %eax, %eax\n"
          "cpuid\n"
          "fabs\n"
          "fsqrt\n"
          "fucomi %st(2), %st\n"
          "fcmovb %st(2), %st\n"
          "fnstcw 0x3000(%rdi)\n"
          "movzwl 0x3000(%rdi), %eax\n"
          "xor $0x0e00, %eax\n"          /* another rounding and precision */
          "mov %ax, 0x3002(%rdi)\n"
          "fldcw 0x3002(%rdi)\n"
          "fmul %st, %st(1)\n"
          "fistl 0x3004(%rdi)\n"
          "fldcw 0x3000(%rdi)\n"
          "fnstsw %ax\n"
          "mov %ax, 0x3008(%rdi)\n"
          "fwait\n"
          "fdivl 0x10(%rdi)\n"
          "fadd %st(1), %st\n"
          "fstpt 0x2000(%rdi)\n"
          "faddp\n"
          "fprem\n"
          "fldpi\n"
          "fmulp\n"
          "fstl 0x18(%rdi)\n"
          "movsd 0x18(%rdi), %xmm1\n"
          "stmxcsr 0x300c(%rdi)\n"
          "mov 0x300c(%rdi), %eax\n"
          "xor $0x6000, %eax\n"
          "mov %eax, 0x3010(%rdi)\n"
          "ldmxcsr 0x3010(%rdi)\n"
          "sqrtsd %xmm1, %xmm2\n"
          "addsd %xmm2, %xmm3\n"
          "movsd %xmm3, 0x1008(%rdi)\n"
          "ret");

CODE(mmx, "movq 0x1010(%rdi), %mm1\n"
          "paddw %mm1, %mm2\n"
          "psubusb (%rdi), %mm2\n"
          "xor %eax, %eax\n"
          "cpuid\n"
          "pmaddwd 0x2010(%rdi), %mm2\n"
          "movq %mm2, 0x1010(%rdi)\n"
          "movd %mm2, %eax\n"
          "add %eax, 0x3000(%rdi)\n"
          "movq2dq %mm2, %xmm4\n"
          "paddq %xmm4, %xmm5\n"
          "movdq2q %xmm5, %mm3\n"
          "jc 1f\n"
          "pxor %mm3, %mm2\n"
          "1: movq %mm3, 0x2018(%rdi)\n"
          "ret");

/* Accesses that go from page to page, slowly enough for the block to go on remembering the last one,
 * in a block that has x87 instructions and in one that has none. */
CODE(scattered, "mov $100, %ecx\n"
                "1: mov %ecx, %eax\n"
                "and $3, %eax\n"
                "shl $12, %eax\n"
                "fld1\n"
                "faddp\n"                 /* counts */
                "fld %st(0)\n"
                "fsin\n"
                "fcos\n"
                "fstp %st(0)\n"
                "fadds (%rdi,%rax)\n"
                "test $4, %cl\n"
                "jz 2f\n"
                "mov 8(%rdi,%rax), %edx\n"
                "2: dec %ecx\n"
                "jnz 1b\n"
                "ret");

/* What FXSAVE stores (SDM vol. 1, 10.5.1). */
typedef struct Fxsave {
    uint16_t fcw, fsw, ftw, fop;
    uint64_t fip, fdp;
    uint32_t mxcsr, mxcsr_mask;
    X86Float80 st[8];
    uint64_t xmm[16][2];
    uint64_t unused[12];
} Fxsave;
G_STATIC_ASSERT(sizeof(Fxsave) == 512);

static const X86Float80 one = { .mant = 1ull << 63, .sign_exp = 0x3fff };

static void fill(uint8_t *data)
{
    static const double reals[] = { 1.75, 0, -3.5, 2.25 };
    static const float single = 0.3f;

    memset(data, 0, DATA_SIZE);
    memcpy(data, reals, sizeof(reals));
    memcpy(data + 0x1000, &single, sizeof(single));
    memcpy(data + 0x1010, "\x01\x80\x7f\xff\x23\x45\x67\x89", 8);
    memcpy(data + 0x2000, &one, 10);
    memcpy(data + 0x2010, "\x03\x00\xfd\xff\x05\x01\x07\x20", 8);
}

/* Calls code with data rounds times, from the state that run_guest() begins with. */
void run_native(uint8_t *data, const uint8_t *code, Fxsave *image, uint64_t rounds,
                const uint32_t *mxcsr);
asm(".pushsection .text\n"
    "run_native:\n"
    "push %rbx\n"
    "push %rbp\n"
    "push %r14\n"
    "push %r15\n"
    "mov %rsi, %rbp\n"
    "mov %rdx, %r14\n"
    "mov %rcx, %r15\n"
    "fninit\n"
    ".rept 8; fldz; .endr\n"
    "fninit\n"
    "fld1\n"
    "vzeroall\n"
    "ldmxcsr (%r8)\n"
    "1: call *%rbp\n"
    "dec %r15\n"
    "jnz 1b\n"
    "fxsave64 (%r14)\n"
    "fninit\n"
    "ldmxcsr (%r8)\n"
    "pop %r15\n"
    "pop %r14\n"
    "pop %rbp\n"
    "pop %rbx\n"
    "ret\n"
    ".popsection");

static const uint32_t mxcsr_init = X86_MXCSR_INIT;

/* Until HLT, with ST0 = 1 and XMM registers of zeros. */
static void run_guest(Guest *g)
{
    CpuRegs in = {
        .rip = WINDOW_BASE + WINDOW_CODE, .mxcsr = X86_MXCSR_INIT, .fcw = X87_CW_INIT,
        .fsw = 7 << X87_TOP_SHIFT, .ftw = 0x80, .st = { one },
        .seg = { [X86_CS] = SEL_KERNEL_CODE, [X86_SS] = SEL_KERNEL_DATA },
    };

    in.gpr[X86_RSP] = WINDOW_BASE + WINDOW_STACK_END;
    in.gpr[X86_RDI] = WINDOW_BASE + WINDOW_DATA;
    in.gpr[X86_R15] = ROUNDS;
    guest_load(g, &in);
    CPUState *cpu = &guest_cpu(g)->parent;
    int reason;
    cpu->halted = false;
    do {
        reason = x86_cpu_exec(cpu);
    } while (reason == CPU_EXIT_INTERRUPT);
    g_assert_cmpint(reason, ==, CPU_EXIT_HALTED);
}

static void write_code(Guest *g, unsigned *offset, const uint8_t *code, const uint8_t *end)
{
    guest_write_code(g, *offset, code, end - code);
    *offset += end - code;
}

static void compare(const X86State *s, const Fxsave *native)
{
    g_assert_cmphex(s->fpu.fcw, ==, native->fcw);
    g_assert_cmphex(s->fpu.fsw, ==, native->fsw);
    g_assert_cmphex(s->fpu.ftw, ==, native->ftw);
    g_assert_cmphex(s->mxcsr, ==, native->mxcsr);
    for (unsigned i = 0; i < 8; i++) {
        g_assert_cmphex(s->fpu.st[x87_phys(s, i)].mant, ==, native->st[i].mant);
        g_assert_cmphex(s->fpu.st[x87_phys(s, i)].sign_exp, ==, native->st[i].sign_exp);
    }
    for (unsigned i = 0; i < 16; i++) {
        g_assert_cmphex(s->xmm[i].u64[0], ==, native->xmm[i][0]);
        g_assert_cmphex(s->xmm[i].u64[1], ==, native->xmm[i][1]);
    }
}

/* Which of the interpreted instructions `info jit` lists. */
static bool was_interpreted(X86CPU *cpu, const char *mnemonic)
{
    g_autoptr(GString) info = g_string_new(NULL);
    g_autofree char *line = g_strdup_printf("  %s ", mnemonic);

    x86_translator_info(cpu, info);
    return strstr(info->str, line);
}

/* never: an instruction that needs no interpreter, as it has no memory operand. */
static void check_loop(const uint8_t *code, const uint8_t *end, const char *never)
{
    static uint8_t data[DATA_SIZE];
    static Fxsave image __attribute__((aligned(16)));
    Guest *g = guest_new();
    X86CPU *cpu = guest_cpu(g);
    unsigned offset = WINDOW_CODE;

    fill(data);
    run_native(data, code, &image, ROUNDS, &mxcsr_init);

    fill(guest_window(g) + WINDOW_DATA);
    write_code(g, &offset, frame_code, frame_code_end);
    write_code(g, &offset, code, end);
    guest_disturb(g);
    run_guest(g);
    guest_leave_alone(g);

    g_assert_cmpmem(guest_window(g) + WINDOW_DATA, DATA_SIZE, data, DATA_SIZE);
    compare(&cpu->state, &image);
    g_assert_true(was_interpreted(cpu, "out"));
    g_assert_false(was_interpreted(cpu, never));
    guest_free(g);
}

static void test_x87(void)
{
    check_loop(x87_code, x87_code_end, "fsqrt");
}

static void test_mmx(void)
{
    check_loop(mmx_code, mmx_code_end, "paddw");
}

static void test_scattered(void)
{
    check_loop(scattered_code, scattered_code_end, "fsin");
}

/* --- the last instruction's address ---------------------------------------------------------- */

CODE(pointers, "fldz\n"
               "cmp %rsp, %rsp\n"
               "jne 1f\n"
               "fmul %st(1), %st\n"   /* the last one, in a block that ends here */
               "jmp 1f\n"
               "fld1\n"
               "1: fnstcw 0x100(%rdi)\n"
               "fldcw 0x100(%rdi)\n"  /* control instructions do not count */
               "fnstenv (%rdi)\n"
               "fabs\n"
               "nop\n"
               "fnstenv 0x40(%rdi)\n"
               "fninit\n"
               "fnstenv 0x80(%rdi)\n"
               "hlt");

/* FIP and FOP in the 32-bit format of protected mode (SDM vol. 1, 8.1.8 to 8.1.10). */
static void check_environment(const Guest *g, unsigned offset, uint32_t fip, uint16_t fop)
{
    const uint8_t *env = guest_window((Guest *)g) + WINDOW_DATA + offset;
    uint32_t got[2];

    memcpy(got, env + 12, sizeof(got));
    g_assert_cmphex(got[0], ==, fip);
    g_assert_cmphex(got[1] >> 16, ==, fop);
}

static void test_pointers(void)
{
    Guest *g = guest_new();
    unsigned offset = WINDOW_CODE;
    const uint32_t base = WINDOW_BASE + WINDOW_CODE;

    write_code(g, &offset, pointers_code, pointers_code_end);
    for (unsigned i = 0; i < 2; i++) { /* the second time all blocks are linked */
        run_guest(g);
        check_environment(g, 0, base + 7, 0x0c9);
        check_environment(g, 0x40, base + 0x1b, 0x1e1);
        check_environment(g, 0x80, 0, 0);
    }
    guest_free(g);
}

/* --- unmasked exceptions ----------------------------------------------------------------------- */

CODE(unmasked, "fldcw (%rdi)\n"
               "fldz\n"
               ".byte 0xde, 0xf9\n"    /* fdivp: 1 / 0 */
               "fnstsw %ax\n"
               "fnclex\n"
               "fldcw 2(%rdi)\n"
               "fsqrt\n"
               "hlt");

/* A control word read by copied code makes the rest of the block another mode's. */
static void test_unmasked(void)
{
    Guest *g = guest_new();
    X86CPU *cpu = guest_cpu(g);
    unsigned offset = WINDOW_CODE;
    static const uint16_t words[2] = { 0x037b, 0x037f };

    write_code(g, &offset, unmasked_code, unmasked_code_end);
    for (unsigned i = 0; i < 2; i++) {
        memcpy(guest_window(g) + WINDOW_DATA, words, sizeof(words));
        run_guest(g);
        g_assert_cmphex(cpu->state.regs[X86_RAX] & (X87_ES | X87_B | X87_ZE), ==,
                        X87_ES | X87_B | X87_ZE);
        g_assert_cmphex(cpu->state.fpu.fsw & (X87_ES | X87_EXCEPTIONS), ==, 0);
        g_assert_cmphex(cpu->state.fpu.fip, ==, WINDOW_BASE + WINDOW_CODE + 0xd);
    }
    guest_free(g);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/translate-fpu/x87", test_x87);
    g_test_add_func("/translate-fpu/mmx", test_mmx);
    g_test_add_func("/translate-fpu/scattered", test_scattered);
    g_test_add_func("/translate-fpu/pointers", test_pointers);
    g_test_add_func("/translate-fpu/unmasked", test_unmasked);
    return g_test_run();
}
