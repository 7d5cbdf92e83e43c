/*
 * The registers as gdb knows them: numbers, target description, access.
 *
 * The description is a 64-bit one in every mode, since gdb reads it once and code may change its
 * mode at any time; outside 64-bit mode upper halves read as zero and R8-R15 as absent. The
 * numbers are those of QEMU; the names within each feature are gdb's (its manual, appendix
 * "Standard Target Features", i386).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/cpu-debug.h"
#include <stdlib.h>
#include <string.h>
#include "target/i386/cpu-state.h"
#include "target/i386/crdr.h"
#include "target/i386/interp/x87.h"
#include "target/i386/seg.h"

typedef enum RegKind { GPR, RIP, EFLAGS, SEG, BASE, KERNEL_GS, CR, EFER, ST, FPU, XMM, MXCSR, YMMH }
    RegKind;

typedef struct Reg {
    const char *name, *type;
    RegKind kind;
    uint8_t bytes;
    uint8_t index; /* within the kind */
} Reg;

enum { FCTRL, FSTAT, FTAG, FISEG, FIOFF, FOSEG, FOOFF, FOP };

#define R64(n, i) { n, "int64", GPR, 8, i }
#define SEGMENT(n, i) { n, "int32", SEG, 4, i }
#define X87(i) { "st" #i, "i387_ext", ST, 10, i }
#define CONTROL(n, i) { n, "int", FPU, 4, i }
#define VECTOR(i) { "xmm" #i, "vec128", XMM, 16, i }
#define UPPER(i) { "ymm" #i "h", "uint128", YMMH, 16, i }
#define ALL16(X) X(0), X(1), X(2), X(3), X(4), X(5), X(6), X(7), X(8), X(9), X(10), X(11), \
                 X(12), X(13), X(14), X(15)

static const Reg regs[] = {
    R64("rax", X86_RAX), R64("rbx", X86_RBX), R64("rcx", X86_RCX), R64("rdx", X86_RDX),
    R64("rsi", X86_RSI), R64("rdi", X86_RDI), { "rbp", "data_ptr", GPR, 8, X86_RBP },
    { "rsp", "data_ptr", GPR, 8, X86_RSP }, R64("r8", 8), R64("r9", 9), R64("r10", 10),
    R64("r11", 11), R64("r12", 12), R64("r13", 13), R64("r14", 14), R64("r15", 15),
    { "rip", "code_ptr", RIP, 8 }, { "eflags", "x86_eflags", EFLAGS, 4 },
    SEGMENT("cs", X86_CS), SEGMENT("ss", X86_SS), SEGMENT("ds", X86_DS), SEGMENT("es", X86_ES),
    SEGMENT("fs", X86_FS), SEGMENT("gs", X86_GS),
    { "fs_base", "int64", BASE, 8, X86_FS }, { "gs_base", "int64", BASE, 8, X86_GS },
    { "k_gs_base", "int64", KERNEL_GS, 8 },
    { "cr0", "x86_cr0", CR, 8, 0 }, { "cr2", "int64", CR, 8, 2 }, { "cr3", "x86_cr3", CR, 8, 3 },
    { "cr4", "x86_cr4", CR, 8, 4 }, { "cr8", "int64", CR, 8, 8 }, { "efer", "x86_efer", EFER, 8 },
    X87(0), X87(1), X87(2), X87(3), X87(4), X87(5), X87(6), X87(7),
    CONTROL("fctrl", FCTRL), CONTROL("fstat", FSTAT), CONTROL("ftag", FTAG),
    CONTROL("fiseg", FISEG), CONTROL("fioff", FIOFF), CONTROL("foseg", FOSEG),
    CONTROL("fooff", FOOFF), CONTROL("fop", FOP),
    ALL16(VECTOR), { "mxcsr", "x86_mxcsr", MXCSR, 4 }, ALL16(UPPER),
};

/* --- the description ----------------------------------------------------------------------- */

static const char vector_types[] =
    "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
    "<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
    "<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>"
    "<vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
    "<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>"
    "<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
    "<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/>"
    "<field name=\"v2_double\" type=\"v2d\"/><field name=\"v16_int8\" type=\"v16i8\"/>"
    "<field name=\"v8_int16\" type=\"v8i16\"/><field name=\"v4_int32\" type=\"v4i32\"/>"
    "<field name=\"v2_int64\" type=\"v2i64\"/><field name=\"uint128\" type=\"uint128\"/></union>";

/* Fields as "NAME:BIT" or "NAME:LOW-HIGH". */
typedef struct FlagsType {
    const char *id;
    unsigned bytes;
    const char *fields;
} FlagsType;

static const FlagsType eflags_type = {
    "x86_eflags", 4, "CF:0 PF:2 AF:4 ZF:6 SF:7 TF:8 IF:9 DF:10 OF:11 IOPL:12-13 NT:14 RF:16 VM:17 "
    "AC:18 VIF:19 VIP:20 ID:21",
};
static const FlagsType mxcsr_type = {
    "x86_mxcsr", 4, "IE:0 DE:1 ZE:2 OE:3 UE:4 PE:5 DAZ:6 IM:7 DM:8 ZM:9 OM:10 UM:11 PM:12 RC:13-14 "
    "FZ:15",
};
static const FlagsType system_types[] = {
    { "x86_cr0", 8, "PE:0 MP:1 EM:2 TS:3 ET:4 NE:5 WP:16 AM:18 NW:29 CD:30 PG:31" },
    { "x86_cr3", 8, "PCID:0-11 PDBR:12-63" },
    { "x86_cr4", 8, "VME:0 PVI:1 TSD:2 DE:3 PSE:4 PAE:5 MCE:6 PGE:7 PCE:8 OSFXSR:9 OSXMMEXCPT:10 "
      "UMIP:11 LA57:12 VMXE:13 SMXE:14 FSGSBASE:16 PCIDE:17 OSXSAVE:18 SMEP:20 SMAP:21 PKE:22" },
    { "x86_efer", 8, "SCE:0 LME:8 LMA:10 NXE:11 SVME:12 LMSLE:13 FFXSR:14 TCE:15" },
};

static void describe_flags(GString *out, const FlagsType *type)
{
    g_auto(GStrv) fields = g_strsplit(type->fields, " ", -1);

    g_string_append_printf(out, "<flags id=\"%s\" size=\"%u\">", type->id, type->bytes);
    for (char **f = fields; *f; f++) {
        char *bits = strchr(*f, ':'), *high = strchr(bits, '-');

        *bits++ = 0;
        g_string_append_printf(out, "<field name=\"%s\" start=\"%d\" end=\"%d\"/>", *f, atoi(bits),
                               high ? atoi(high + 1) : atoi(bits));
    }
    g_string_append(out, "</flags>");
}

/* Feature name, and which kinds of register it has. */
static const struct {
    const char *name;
    uint32_t kinds;
} features[] = {
    { "org.gnu.gdb.i386.core", 1 << GPR | 1 << RIP | 1 << EFLAGS | 1 << SEG | 1 << ST | 1 << FPU },
    { "org.gnu.gdb.i386.sse", 1 << XMM | 1 << MXCSR },
    { "org.gnu.gdb.i386.avx", 1 << YMMH },
    { "org.gnu.gdb.i386.segments", 1 << BASE },
    { "org.doppel.i386.system", 1 << KERNEL_GS | 1 << CR | 1 << EFER },
};

static void describe_types(GString *out, uint32_t kinds)
{
    if (kinds & 1 << EFLAGS) {
        describe_flags(out, &eflags_type);
    }
    if (kinds & 1 << XMM) {
        g_string_append(out, vector_types);
        describe_flags(out, &mxcsr_type);
    }
    for (unsigned i = 0; kinds & 1 << CR && i < G_N_ELEMENTS(system_types); i++) {
        describe_flags(out, &system_types[i]);
    }
}

static char *describe(CPUState *cs)
{
    GString *out = g_string_new("<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
                                "<target><architecture>i386:x86-64</architecture>");

    for (unsigned f = 0; f < G_N_ELEMENTS(features); f++) {
        g_string_append_printf(out, "<feature name=\"%s\">", features[f].name);
        describe_types(out, features[f].kinds);
        for (unsigned n = 0; n < G_N_ELEMENTS(regs); n++) {
            if (features[f].kinds >> regs[n].kind & 1) {
                g_string_append_printf(out, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\" "
                                       "regnum=\"%u\"/>", regs[n].name, regs[n].bytes * 8,
                                       regs[n].type, n);
            }
        }
        g_string_append(out, "</feature>");
    }
    g_string_append(out, "</target>");
    return g_string_free(out, FALSE);
}

/* --- reading --------------------------------------------------------------------------------- */

static uint64_t read_gpr(const X86State *s, unsigned n)
{
    if (s->hflags & X86_HF_CS64) {
        return s->regs[n];
    }
    return n < 8 ? (uint32_t)s->regs[n] : 0;
}

static uint64_t read_cr(X86CPU *cpu, unsigned n)
{
    const X86State *s = &cpu->state;
    const uint64_t values[] = { s->cr0, 0, s->cr2, s->cr3, s->cr4 };

    return n == 8 ? x86_read_cr8(cpu) : values[n];
}

static uint32_t read_fpu(const X86Fpu *fpu, unsigned n)
{
    switch (n) {
    case FCTRL:
        return fpu->fcw;
    case FSTAT:
        return fpu->fsw;
    case FTAG:
        return x87_full_tags(fpu);
    case FISEG:
        return fpu->fcs;
    case FIOFF:
        return fpu->fip;
    case FOSEG:
        return fpu->fds;
    case FOOFF:
        return fpu->fdp;
    default:
        return fpu->fop;
    }
}

/* The physical register of ST(n). */
static unsigned st_index(const X86Fpu *fpu, unsigned n)
{
    return ((fpu->fsw >> 11) + n) & 7;
}

static uint64_t read_integer(X86CPU *cpu, const Reg *reg)
{
    const X86State *s = &cpu->state;

    switch (reg->kind) {
    case GPR:
        return read_gpr(s, reg->index);
    case RIP:
        return s->rip;
    case EFLAGS:
        return x86_get_eflags(s);
    case SEG:
        return s->segs[reg->index].selector;
    case BASE:
        return s->segs[reg->index].base;
    case KERNEL_GS:
        return s->kernel_gs_base;
    case CR:
        return read_cr(cpu, reg->index);
    case EFER:
        return s->efer;
    case FPU:
        return read_fpu(&s->fpu, reg->index);
    default:
        return s->mxcsr;
    }
}

static void read_register(CPUState *cs, unsigned n, uint8_t *buf)
{
    X86CPU *cpu = (X86CPU *)cs;
    const X86State *s = &cpu->state;
    const Reg *reg = &regs[n];

    if (reg->kind == ST) {
        const X86Float80 *st = &s->fpu.st[st_index(&s->fpu, reg->index)];
        memcpy(buf, &st->mant, 8);
        memcpy(buf + 8, &st->sign_exp, 2);
    } else if (reg->kind == XMM || reg->kind == YMMH) {
        memcpy(buf, s->xmm[reg->index].u8 + (reg->kind == YMMH ? 16 : 0), 16);
    } else {
        uint64_t val = read_integer(cpu, reg);
        memcpy(buf, &val, reg->bytes);
    }
}

/* --- writing ------------------------------------------------------------------------------------ */

static bool read_descriptor(CPUState *cs, uint16_t selector, X86Desc *d)
{
    const X86State *s = &((X86CPU *)cs)->state;
    bool local = selector & 4;
    uint64_t base = local ? s->ldt.base : s->gdt.base;
    uint32_t limit = local ? s->ldt.limit : s->gdt.limit, offset = selector & ~7u;

    memset(d, 0, sizeof(*d));
    return offset + 7 <= limit && cpu_memory_rw_debug(cs, base + offset, &d->lo, 8, false);
}

/* The selector with what it means; nothing happens if there is no such descriptor. The privilege
 * level stays as CS and SS have it. */
static void write_selector(CPUState *cs, unsigned n, uint16_t selector)
{
    X86State *s = &((X86CPU *)cs)->state;
    X86Segment *sr = &s->segs[n];
    X86Desc d;

    if (!x86_uses_descriptors(s)) {
        sr->base = (uint32_t)selector << 4;
    } else if (selector & ~3u) {
        if (!read_descriptor(cs, selector, &d)) {
            return;
        }
        sr->base = x86_desc_base(&d);
        sr->limit = x86_desc_limit(&d);
        sr->attr = x86_desc_attr(&d);
    }
    sr->selector = selector;
    x86_update_hflags(s);
}

/* After a change of CR0, CR3, CR4 or EFER: LMA, PDPTEs, mode and translations. */
static void system_changed(X86CPU *cpu)
{
    X86State *s = &cpu->state;
    bool lma = s->cr0 & X86_CR0_PG && s->efer & X86_EFER_LME;

    s->efer = (s->efer & ~(uint64_t)X86_EFER_LMA) | (lma ? X86_EFER_LMA : 0);
    x86_update_hflags(s);
    x86_tlb_flush(cpu);
    if (s->cr0 & X86_CR0_PG && s->cr4 & X86_CR4_PAE && !lma) {
        x86_load_pdptrs(cpu, s->cr3);
    }
}

static void write_cr(X86CPU *cpu, unsigned n, uint64_t val)
{
    X86State *s = &cpu->state;

    switch (n) {
    case 0:
        s->cr0 = (uint32_t)val | X86_CR0_ET;
        break;
    case 2:
        s->cr2 = val;
        return;
    case 3:
        s->cr3 = val;
        break;
    case 4:
        s->cr4 = val;
        break;
    default:
        x86_write_cr8(cpu, val & 15);
        return;
    }
    system_changed(cpu);
}

static void write_fpu(X86State *s, unsigned n, uint32_t val)
{
    X86Fpu *fpu = &s->fpu;

    switch (n) {
    case FCTRL:
        fpu->fcw = val;
        break;
    case FSTAT:
        fpu->fsw = val;
        break;
    case FTAG:
        fpu->ftw = x87_abridged_tags(val);
        break;
    case FISEG:
        fpu->fcs = val;
        break;
    case FIOFF:
        fpu->fip = val;
        break;
    case FOSEG:
        fpu->fds = val;
        break;
    case FOOFF:
        fpu->fdp = val;
        break;
    default:
        fpu->fop = val & 0x7ff;
    }
    x87_update_es(s);
}

static void write_integer(X86CPU *cpu, const Reg *reg, uint64_t val)
{
    X86State *s = &cpu->state;
    bool wide = s->hflags & X86_HF_CS64;

    switch (reg->kind) {
    case GPR:
        if (wide || reg->index < 8) {
            s->regs[reg->index] = wide ? val : (uint32_t)val;
        }
        break;
    case RIP:
        s->rip = wide ? val : (uint32_t)val;
        break;
    case EFLAGS:
        x86_set_eflags(s, val);
        break;
    case SEG:
        write_selector(&cpu->parent, reg->index, val);
        break;
    case BASE:
        s->segs[reg->index].base = val;
        break;
    case KERNEL_GS:
        s->kernel_gs_base = val;
        break;
    case CR:
        write_cr(cpu, reg->index, val);
        break;
    case EFER:
        s->efer = val;
        system_changed(cpu);
        break;
    case FPU:
        write_fpu(s, reg->index, val);
        break;
    default:
        s->mxcsr = val & 0xffff;
    }
}

static void write_register(CPUState *cs, unsigned n, const uint8_t *buf)
{
    X86CPU *cpu = (X86CPU *)cs;
    X86State *s = &cpu->state;
    const Reg *reg = &regs[n];

    if (reg->kind == ST) {
        X86Float80 *st = &s->fpu.st[st_index(&s->fpu, reg->index)];
        memcpy(&st->mant, buf, 8);
        memcpy(&st->sign_exp, buf + 8, 2);
    } else if (reg->kind == XMM || reg->kind == YMMH) {
        memcpy(s->xmm[reg->index].u8 + (reg->kind == YMMH ? 16 : 0), buf, 16);
    } else {
        uint64_t val = 0;
        memcpy(&val, buf, reg->bytes);
        write_integer(cpu, reg, val);
    }
}

static unsigned register_size(unsigned n)
{
    return regs[n].bytes;
}

static uint64_t get_pc(CPUState *cs)
{
    return ((X86CPU *)cs)->state.rip;
}

static void set_pc(CPUState *cs, uint64_t pc)
{
    X86State *s = &((X86CPU *)cs)->state;

    s->rip = s->hflags & X86_HF_CS64 ? pc : (uint32_t)pc;
}

const CPURegisters x86_cpu_registers = {
    .count = G_N_ELEMENTS(regs),
    .describe = describe,
    .size = register_size,
    .read = read_register,
    .write = write_register,
    .get_pc = get_pc,
    .set_pc = set_pc,
};
