/*
 * CPU models: CPUID values as QEMU 7.2 reports them for the same -cpu, option
 * parsing, and MSR rules (SDM vol. 4).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "target/i386/msr.h"
#include "tests/cpu/machine.h"

typedef struct Leaf {
    uint32_t leaf, subleaf, out[4];
} Leaf;

/* `qemu-system-x86_64 -accel tcg -cpu qemu64`, without SVM, which is not offered. */
static const Leaf qemu64_leaves[] = {
    { 0x00000000, 0, { 0x0000000d, 0x68747541, 0x444d4163, 0x69746e65 } },
    { 0x00000001, 0, { 0x00060fb1, 0x00000800, 0x80002001, 0x078bfbfd } },
    { 0x00000002, 0, { 0, 0, 0, 0 } },
    { 0x00000004, 0, { 0, 0, 0, 0 } },
    { 0x00000005, 0, { 0, 0, 3, 0 } },
    { 0x00000006, 0, { 0, 0, 0, 0 } },
    { 0x00000007, 0, { 0, 0, 0, 0 } },
    { 0x0000000b, 0, { 0, 1, 0x100, 0 } },
    { 0x0000000b, 1, { 0, 1, 0x201, 0 } },
    { 0x0000000b, 2, { 0, 0, 2, 0 } },
    { 0x0000000d, 0, { 0, 0, 0, 0 } },
    { 0x40000000, 0, { 0x40000001, 0x54474354, 0x43544743, 0x47435447 } },
    { 0x80000000, 0, { 0x8000000a, 0x68747541, 0x444d4163, 0x69746e65 } },
    { 0x80000001, 0, { 0x00060fb1, 0, 0x00000001, 0x2193fbfd } },
    { 0x80000002, 0, { 0x554d4551, 0x72695620, 0x6c617574, 0x55504320 } },
    { 0x80000005, 0, { 0x01ff01ff, 0x01ff01ff, 0x40020140, 0x40020140 } },
    { 0x80000006, 0, { 0, 0x42004200, 0x02008140, 0x00808140 } },
    { 0x80000007, 0, { 0, 0, 0, 0 } },
    { 0x80000008, 0, { 0x00003028, 0, 0, 0 } },
};

/* `-cpu Haswell -smp 4,cores=2,threads=2`, the leaves that name no feature. */
static const Leaf haswell_leaves[] = {
    { 0x00000000, 0, { 0x0000000d, 0x756e6547, 0x6c65746e, 0x49656e69 } },
    { 0x00000002, 0, { 1, 0, 0x4d, 0x2c307d } },
    { 0x00000004, 0, { 0x04000121, 0x01c0003f, 0x3f, 1 } },
    { 0x00000004, 2, { 0x04004143, 0x03c0003f, 0xfff, 1 } },
    { 0x00000004, 3, { 0x0400c163, 0x03c0003f, 0x3fff, 6 } },
    { 0x0000000b, 0, { 1, 2, 0x100, 0 } },
    { 0x0000000b, 1, { 2, 4, 0x201, 0 } },
    { 0x80000008, 0, { 0x00003028, 0, 0x2003, 0 } },
};

static void check_leaves(X86CPU *cpu, const Leaf *leaves, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint32_t out[4];

        x86_cpuid(cpu, leaves[i].leaf, leaves[i].subleaf, out);
        for (unsigned r = 0; r < 4; r++) {
            g_test_message("leaf %x.%x register %u", leaves[i].leaf, leaves[i].subleaf, r);
            g_assert_cmphex(out[r], ==, leaves[i].out[r]);
        }
    }
}

static void test_qemu64(void)
{
    CpuMachine *m = cpu_machine_new("qemu64");

    check_leaves(m->cpu, qemu64_leaves, G_N_ELEMENTS(qemu64_leaves));
    cpu_machine_free(m);
}

static void test_topology(void)
{
    CpuMachine *m = cpu_machine_new("Haswell,check=off");

    m->model.cores = m->model.threads = 2;
    check_leaves(m->cpu, haswell_leaves, G_N_ELEMENTS(haswell_leaves));
    cpu_machine_free(m);
}

static void test_parse(void)
{
    X86CpuModel model;
    CpuMachine *m = cpu_machine_new("qemu64,-nx,+fsgsbase,smep=on,family=6,model=158,stepping=10,"
                                    "vendor=GenuineIntel,model-id=Test,level=7");

    g_assert_false(x86_cpuid_bit(m->cpu, X86_FW_80000001_EDX, 20));
    g_assert_true(x86_cpuid_bit(m->cpu, X86_FW_7_EBX, 0));
    g_assert_true(x86_cpuid_bit(m->cpu, X86_FW_7_EBX, 7));
    g_assert_cmphex(x86_cpuid_signature(m->cpu), ==, 0x000906ea);
    g_assert_false(x86_is_amd(m->cpu));
    g_assert_cmpstr(m->model.model_id, ==, "Test");
    g_assert_true(x86_has_feature(m->cpu, X86_FEAT_FSGSBASE));
    cpu_machine_free(m);
    g_assert_true(x86_cpu_model_parse(X86_CPU_DEFAULT_MODEL, NULL, &model, &error_fatal));
}

/* Constant in every sleep and at every load: the TSC is the virtual clock. Named models are QEMU's. */
static void test_invariant_tsc(void)
{
    static const struct { const char *model; bool has; } rows[] = {
        { "max", true }, { "max,-invtsc", false }, { "qemu64", false }, { "qemu64,+invtsc", true },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        CpuMachine *m = cpu_machine_new(rows[i].model);
        g_assert_cmpint(x86_cpuid_bit(m->cpu, X86_FW_80000007_EDX, 8), ==, rows[i].has);
        cpu_machine_free(m);
    }
}

static void check_error(const char *spec, const char *part)
{
    X86CpuModel model;
    Error *err = NULL;

    g_assert_false(x86_cpu_model_parse(spec, NULL, &model, &err));
    g_assert_nonnull(strstr(error_text(err), part));
    g_assert_null(strchr(error_text(err), '\n'));
    error_free(err);
}

static void test_errors(void)
{
    check_error("nosuch", "'nosuch'");
    check_error("qemu64,+nosuch", "'nosuch'");
    check_error("qemu64,nx=maybe", "'maybe'");
    check_error("qemu64,family=many", "'many'");
    check_error("qemu64,vendor=short", "'short'");
    check_error("qemu64,+avx512f,enforce", "avx512f");
}

static void check_msr(X86CPU *cpu, uint32_t index, uint64_t val, bool accepted)
{
    uint64_t back = ~val;

    g_test_message("msr %x", index);
    g_assert_cmpint(x86_msr_write(cpu, index, val), ==, accepted);
    if (accepted) {
        g_assert_true(x86_msr_read(cpu, index, &back));
        g_assert_cmphex(back, ==, val);
    }
}

static void test_msr(void)
{
    CpuMachine *m = cpu_machine_new("max");
    X86CPU *cpu = m->cpu;
    uint64_t val;

    check_msr(cpu, X86_MSR_PAT, 0x0007010600070406, true);
    check_msr(cpu, X86_MSR_PAT, 0x0007010600070402, false); /* type 2 is reserved */
    check_msr(cpu, X86_MSR_MTRR_PHYS_BASE0, 0x80000006, true);
    check_msr(cpu, X86_MSR_MTRR_PHYS_BASE0, 0x80000002, false);
    check_msr(cpu, X86_MSR_MTRR_PHYS_BASE0 + 1, 0xff80000800, true);
    check_msr(cpu, X86_MSR_MTRR_PHYS_BASE0 + 1, 1ull << 40, false); /* beyond MAXPHYADDR */
    check_msr(cpu, X86_MSR_MTRR_DEF_TYPE, 0xc06, true);
    check_msr(cpu, X86_MSR_MTRR_FIX64K, 0x0606060606060606, true);
    check_msr(cpu, X86_MSR_LSTAR, 0xffffffff81000000, true);
    check_msr(cpu, X86_MSR_LSTAR, 0x0000800000000000, false);
    check_msr(cpu, X86_MSR_KERNEL_GS_BASE, 0x00007fffffffffff, true);
    check_msr(cpu, X86_MSR_TSC_AUX, 1ull << 32, false);
    check_msr(cpu, X86_MSR_EFER, X86_EFER_SCE | X86_EFER_NXE, true);
    check_msr(cpu, X86_MSR_EFER, 2, false);
    check_msr(cpu, X86_MSR_MC0_CTL + 1, 1, false);
    check_msr(cpu, X86_MSR_MC0_CTL + 1, 0, true);
    check_msr(cpu, X86_MSR_MTRRCAP, 0, false);
    g_assert_false(x86_msr_read(cpu, 0x12345, &val));
    cpu_machine_free(m);
}

/* Automatic IBRS (APM vol. 2, 3.1.7; vol. 3, Fn8000_0021): the leaf and EFER's bit come together. */
static void test_automatic_ibrs(void)
{
    static const struct {
        const char *model;
        uint32_t bit;
    } cases[] = { { "max", 1 << 8 }, { "max,auto-ibrs=off", 0 }, { "qemu64", 0 } };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        CpuMachine *m = cpu_machine_new(cases[i].model);
        uint32_t out[4];

        x86_cpuid(m->cpu, 0x80000021, 0, out);
        g_assert_cmphex(out[0] & 1 << 8, ==, cases[i].bit);
        check_msr(m->cpu, X86_MSR_EFER, X86_EFER_AIBRSE, cases[i].bit);
        cpu_machine_free(m);
    }
}

/* SDM vol. 3, 17.17.3: TSC and TSC_ADJUST move together. */
static void test_tsc_adjust(void)
{
    CpuMachine *m = cpu_machine_new("max");
    uint64_t val;

    g_assert_true(x86_msr_write(m->cpu, X86_MSR_TSC, 1000));
    g_assert_true(x86_msr_read(m->cpu, X86_MSR_TSC_ADJUST, &val));
    g_assert_cmpuint(val, ==, 1000);
    g_assert_true(x86_msr_write(m->cpu, X86_MSR_TSC_ADJUST, 250));
    g_assert_cmpuint(x86_read_tsc(m->cpu), ==, 250);
    cpu_machine_free(m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpu/cpuid/qemu64", test_qemu64);
    g_test_add_func("/cpu/cpuid/topology", test_topology);
    g_test_add_func("/cpu/cpuid/parse", test_parse);
    g_test_add_func("/cpu/cpuid/errors", test_errors);
    g_test_add_func("/cpu/cpuid/invariant-tsc", test_invariant_tsc);
    g_test_add_func("/cpu/msr", test_msr);
    g_test_add_func("/cpu/cpuid/automatic-ibrs", test_automatic_ibrs);
    g_test_add_func("/cpu/tsc-adjust", test_tsc_adjust);
    return g_test_run();
}
