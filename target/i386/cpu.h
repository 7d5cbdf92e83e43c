/*
 * The state of one x86 CPU.
 *
 * X86State is plain data: what an instruction boundary leaves behind. The
 * interpreter, the translator, KVM, the gdb stub and state saving all share
 * it. Its first 128 bytes are the general registers, so that generated code
 * reaches them with one-byte displacements.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_CPU_H
#define TARGET_I386_CPU_H

#include "hw/core/cpu.h"
#include "target/i386/decode/row.h"
#include "target/i386/regs.h"
#include "target/i386/trail.h"

#define TYPE_X86_CPU "x86_64-cpu"
OBJECT_DECLARE(X86CPU, X86CPUClass, X86_CPU, TYPE_X86_CPU)

/* Descriptor cache of a segment register. */
typedef struct X86Segment {
    uint16_t selector;
    uint16_t attr;   /* X86_DESC_...: descriptor bits 8-15 and 20-23 (and unusable) */
    uint32_t limit;  /* in bytes, granularity applied */
    uint64_t base;
} X86Segment;

typedef struct X86TableReg {
    uint64_t base;
    uint16_t limit;
} X86TableReg;

typedef union X86Vector {
    uint8_t u8[64];
    uint16_t u16[32];
    uint32_t u32[16];
    uint64_t u64[8];
    float f32[16];
    double f64[8];
} __attribute__((aligned(64))) X86Vector;

/* An x87 register: 64-bit significand, sign and exponent. MMX aliases .mant. */
typedef struct X86Float80 {
    uint64_t mant;
    uint16_t sign_exp;
} __attribute__((aligned(16))) X86Float80;

typedef struct X86Fpu {
    X86Float80 st[8]; /* physical registers R0..R7, not rotated by TOP */
    uint16_t fcw;     /* control word */
    uint16_t fsw;     /* status word; TOP lives in bits 11-13 */
    uint8_t ftw;      /* abridged tag word: bit n set = Rn not empty */
    uint16_t fop;     /* last opcode, 11 bits */
    uint64_t fip, fdp;
    uint16_t fcs, fds;
} X86Fpu;

enum { X86_HOST_MSRS = 64, X86_HOST_EVENTS = 8 };

/*
 * Arithmetic flags, computed when asked for. When cc_lazy is set the six
 * arithmetic flags follow from the last result and its carries:
 *   cc_result   the result, sign-extended from its operand size to 64 bits
 *   cc_carries  carry out of each bit position of the operation, such that the
 *               carry out of the top bit stands in bit 63, the one into the top
 *               bit in bit 62, and the one out of bit 3 in bit 3
 *   ZF = cc_result == 0, SF = bit 63 of it, PF = parity of its low byte,
 *   CF = bit 63 of cc_carries, OF = bit 63 ^ bit 62, AF = bit 3.
 * Otherwise they stand in eflags. Use x86_get_eflags() and x86_set_eflags().
 */
typedef struct X86State {
    uint64_t regs[16];
    uint64_t zero;     /* always 0: the register of an absent base or index */
    uint64_t rip;
    uint64_t cc_result;
    uint64_t cc_carries;
    uint32_t cc_lazy;
    uint32_t eflags;   /* bit 1 set; arithmetic bits valid only if !cc_lazy */
    uint32_t hflags;   /* X86_HF_...: mode bits that select decoding and access checks */

    X86Segment segs[X86_SEG_COUNT];
    X86Segment ldt, tr;
    X86TableReg gdt, idt;
    uint64_t cr0, cr2, cr3, cr4, cr8;
    uint64_t xcr0;
    uint64_t dr[8];
    uint64_t pdptr[4]; /* PAE: loaded with CR3 */

    uint64_t efer, star, lstar, cstar, fmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t pat, tsc_aux, tsc_offset, tsc_adjust, tsc_deadline;
    uint64_t misc_enable, hwcr, mcg_status, mcg_ctl, mcg_cap, xss;
    uint64_t mtrr_def_type, mtrr_fixed[11], mtrr_base[8], mtrr_mask[8];
    uint64_t mc_banks[40];
    uint32_t smbase;

    uint32_t mxcsr;
    X86Fpu fpu;
    X86Vector xmm[16]; /* ZMM-sized: XMM in u64[0..1], YMM in u64[0..3] */

    /* Events between two instructions. */
    uint8_t nmi_blocked;      /* until IRET (or RSM) */
    uint8_t in_smm;
    uint8_t int_shadow;       /* X86_SHADOW_...: after STI, MOV SS, POP SS */
    uint8_t wait_for_sipi;
    uint8_t sipi_vector;
    uint8_t a20_masked;       /* 1: address bit 20 forced to 0 */
    uint8_t triple_fault;
    uint8_t ferr;             /* FERR# is asserted: an x87 exception waits, with CR0.NE = 0 */
    uint8_t ignne;            /* IGNNE# is asserted */
    uint8_t pending_db;       /* a single-step or I/O #DB is due after this instruction */
    uint64_t pending_dr6;

    /* Of an accelerator that runs code on the host's CPU, in its own format; zero at reset:
     * registers that only it has, and events on their way between it and the guest. */
    uint64_t host_msrs[X86_HOST_MSRS];
    uint64_t host_events[X86_HOST_EVENTS];
} X86State;

typedef struct X86Interp X86Interp; /* interp/: decoded-block cache */
typedef struct X86Tlb X86Tlb;       /* mmu.h */
typedef struct X86FaultFrame X86FaultFrame; /* excp.h */

/*
 * What a CPU asks of the machine around it. The machine (or a test) sets
 * X86CPU.hooks before the CPU runs; a NULL function means that the part is
 * absent: no local APIC, a TSC that stands still.
 */
typedef struct X86CpuHooks {
    uint64_t (*tsc)(X86CPU *cpu);       /* TSC ticks since power-on, before TSC_ADJUST */
    uint64_t (*apic_base)(X86CPU *cpu); /* IA32_APIC_BASE */
    bool (*set_apic_base)(X86CPU *cpu, uint64_t val); /* false: #GP(0) */
    uint8_t (*tpr)(X86CPU *cpu);        /* CR8: bits 7-4 of the task priority */
    void (*set_tpr)(X86CPU *cpu, uint8_t cr8);
    /* x2APIC registers by their MSR number; false: #GP(0) */
    bool (*x2apic_read)(X86CPU *cpu, uint32_t msr, uint64_t *val);
    bool (*x2apic_write)(X86CPU *cpu, uint32_t msr, uint64_t val);
    void (*tsc_deadline)(X86CPU *cpu, uint64_t tsc); /* 0 disarms */
    /* Acknowledges the interrupt behind CPU_INTERRUPT_HARD (local APIC, then
     * i8259) and returns its vector; -1: it went away. With the big lock. */
    int (*interrupt)(X86CPU *cpu);
} X86CpuHooks;

struct X86CPU {
    CPUState parent;
    X86State state;      /* "s" in most functions */
    X86Tlb *tlb;
    struct X86TlbEntry *tlb_now; /* the table of tlb for the present privilege */
    uint64_t code_generation;    /* changes when a code address may mean other code */
    X86Interp *interp;
    struct X86Window *window;    /* window.h; NULL: there is none */
    uint8_t windowed;            /* [atomic] X86_WINDOW_...: it is open */
    struct X86Jit *translator;   /* translate/; NULL: the interpreter runs everything */
    X86FaultFrame *fault; /* innermost place that faults unwind to */
    const X86CpuHooks *hooks;
    IRQLine *ferr_line;   /* output "ferr", to the board's coprocessor error logic */
    struct APICState *apic; /* hw/intc/apic.h; NULL in CPU tests */
    AddressSpace *smm_as;   /* memory as seen in SMM; equals as without SMRAM */
    uint32_t features[X86_FEAT_COUNT / 32 + 1]; /* instruction features of the model */
    uint8_t phys_bits;           /* MAXPHYADDR: higher bits of table entries are reserved */
    bool has_1g_pages;
    struct X86CpuModel *model; /* cpuid.h: name, vendor, leaves, feature words */
    uint32_t apic_id;
    char *model_spec;       /* property "model": the value of -cpu */
    MemoryListener listener; /* of parent.as */
    X86Trail trail;          /* what it did last */
};

struct X86CPUClass {
    CPUClass parent;
    const char *model_name;
};

static inline bool x86_has_feature(const X86CPU *cpu, X86Feature feature)
{
    return cpu->features[feature / 32] >> (feature % 32) & 1;
}

/* The whole of EFLAGS, with lazy arithmetic flags computed. */
uint32_t x86_get_eflags(const X86State *s);
/* Replaces all of EFLAGS (no privilege check) and ends laziness; refreshes hflags. */
void x86_set_eflags(X86State *s, uint32_t eflags);
/* Recomputes s->hflags after CS, SS, CR0, CR4, EFER or EFLAGS changed. */
void x86_update_hflags(X86State *s);

static inline unsigned x86_cpl(const X86State *s)
{
    return s->hflags & X86_HF_CPL_MASK;
}

static inline X86Mode x86_mode(const X86State *s)
{
    return s->hflags & X86_HF_CS64 ? X86_MODE_64
         : s->hflags & X86_HF_CS32 ? X86_MODE_32 : X86_MODE_16;
}

/*
 * RESET# and INIT# (SDM vol. 3, table 10-1). INIT keeps the x87 and vector
 * state, the MTRRs, the TSC and most MSRs.
 */
void x86_cpu_state_reset(X86CPU *cpu, bool init_only);
/* SIPI: a CPU that waits for it starts at vector << 12 in real mode. */
void x86_cpu_start(X86CPU *cpu, uint8_t vector);

#endif
