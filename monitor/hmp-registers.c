/*
 * Human monitor: the registers of expressions ($eax, $cs.base, $pc).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "monitor/hmp-int.h"
#include "target/i386/cpu.h"

typedef struct Register {
    const char *name;
    uint16_t offset;  /* in X86State */
    uint8_t size;     /* bytes */
} Register;

#define GENERAL(name32, name64, n)                                                  \
    { name32, offsetof(X86State, regs) + 8 * (n), 4 },                                \
    { name64, offsetof(X86State, regs) + 8 * (n), 8 }
#define EXTENDED(n) { "r" #n, offsetof(X86State, regs) + 8 * (n), 8 }
#define SEGMENT(seg, field)                                                         \
    { seg, offsetof(X86State, field.selector), 2 },                                   \
    { seg ".base", offsetof(X86State, field.base), 8 },                               \
    { seg ".limit", offsetof(X86State, field.limit), 4 }
#define WIDE(name, field) { name, offsetof(X86State, field), 8 }

static const Register registers[] = {
    GENERAL("eax", "rax", X86_RAX), GENERAL("ecx", "rcx", X86_RCX),
    GENERAL("edx", "rdx", X86_RDX), GENERAL("ebx", "rbx", X86_RBX),
    GENERAL("esp", "rsp", X86_RSP), GENERAL("ebp", "rbp", X86_RBP),
    GENERAL("esi", "rsi", X86_RSI), GENERAL("edi", "rdi", X86_RDI),
    EXTENDED(8), EXTENDED(9), EXTENDED(10), EXTENDED(11),
    EXTENDED(12), EXTENDED(13), EXTENDED(14), EXTENDED(15),
    WIDE("rip", rip), { "eip", offsetof(X86State, rip), 4 },
    SEGMENT("es", segs[X86_ES]), SEGMENT("cs", segs[X86_CS]), SEGMENT("ss", segs[X86_SS]),
    SEGMENT("ds", segs[X86_DS]), SEGMENT("fs", segs[X86_FS]), SEGMENT("gs", segs[X86_GS]),
    WIDE("cr0", cr0), WIDE("cr2", cr2), WIDE("cr3", cr3), WIDE("cr4", cr4), WIDE("efer", efer),
};

static int64_t field_value(const X86State *s, const Register *reg)
{
    uint64_t val = 0;

    memcpy(&val, (const char *)s + reg->offset, reg->size);
    return (int64_t)val;
}

bool hmp_register_value(Hmp *hmp, const char *name, int64_t *val)
{
    CPUState *cpu = hmp_cpu(hmp);
    const X86State *s = cpu ? &X86_CPU(cpu)->state : NULL;

    if (cpu && g_str_equal(name, "pc")) {
        *val = (int64_t)CPU_GET_CLASS(cpu)->get_pc(cpu);
        return true;
    }
    if (cpu && g_str_equal(name, "eflags")) {
        *val = x86_get_eflags(s);
        return true;
    }
    for (size_t i = 0; cpu && i < G_N_ELEMENTS(registers); i++) {
        if (g_str_equal(registers[i].name, name)) {
            *val = field_value(s, &registers[i]);
            return true;
        }
    }
    return false;
}
