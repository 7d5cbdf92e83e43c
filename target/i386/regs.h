/*
 * Names for the bits of x86 registers, as the SDM (vol. 3, chapter 2) and the
 * APM write them. MSR numbers stand in msr.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_REGS_H
#define TARGET_I386_REGS_H

#define X86_BIT(n) (1u << (n))

/* EFLAGS */
#define X86_EFLAGS_CF X86_BIT(0)
#define X86_EFLAGS_FIXED X86_BIT(1)
#define X86_EFLAGS_PF X86_BIT(2)
#define X86_EFLAGS_AF X86_BIT(4)
#define X86_EFLAGS_ZF X86_BIT(6)
#define X86_EFLAGS_SF X86_BIT(7)
#define X86_EFLAGS_TF X86_BIT(8)
#define X86_EFLAGS_IF X86_BIT(9)
#define X86_EFLAGS_DF X86_BIT(10)
#define X86_EFLAGS_OF X86_BIT(11)
#define X86_EFLAGS_IOPL_SHIFT 12
#define X86_EFLAGS_IOPL (3u << X86_EFLAGS_IOPL_SHIFT)
#define X86_EFLAGS_NT X86_BIT(14)
#define X86_EFLAGS_RF X86_BIT(16)
#define X86_EFLAGS_VM X86_BIT(17)
#define X86_EFLAGS_AC X86_BIT(18)
#define X86_EFLAGS_VIF X86_BIT(19)
#define X86_EFLAGS_VIP X86_BIT(20)
#define X86_EFLAGS_ID X86_BIT(21)
#define X86_EFLAGS_ARITH (X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | \
                          X86_EFLAGS_ZF | X86_EFLAGS_SF | X86_EFLAGS_OF)
#define X86_EFLAGS_DEFINED 0x003f7fd5u

/* CR0 */
#define X86_CR0_PE X86_BIT(0)
#define X86_CR0_MP X86_BIT(1)
#define X86_CR0_EM X86_BIT(2)
#define X86_CR0_TS X86_BIT(3)
#define X86_CR0_ET X86_BIT(4)
#define X86_CR0_NE X86_BIT(5)
#define X86_CR0_WP X86_BIT(16)
#define X86_CR0_AM X86_BIT(18)
#define X86_CR0_NW X86_BIT(29)
#define X86_CR0_CD X86_BIT(30)
#define X86_CR0_PG X86_BIT(31)

/* CR4 */
#define X86_CR4_VME X86_BIT(0)
#define X86_CR4_PVI X86_BIT(1)
#define X86_CR4_TSD X86_BIT(2)
#define X86_CR4_DE X86_BIT(3)
#define X86_CR4_PSE X86_BIT(4)
#define X86_CR4_PAE X86_BIT(5)
#define X86_CR4_MCE X86_BIT(6)
#define X86_CR4_PGE X86_BIT(7)
#define X86_CR4_PCE X86_BIT(8)
#define X86_CR4_OSFXSR X86_BIT(9)
#define X86_CR4_OSXMMEXCPT X86_BIT(10)
#define X86_CR4_UMIP X86_BIT(11)
#define X86_CR4_LA57 X86_BIT(12)
#define X86_CR4_VMXE X86_BIT(13)
#define X86_CR4_FSGSBASE X86_BIT(16)
#define X86_CR4_PCIDE X86_BIT(17)
#define X86_CR4_OSXSAVE X86_BIT(18)
#define X86_CR4_SMEP X86_BIT(20)
#define X86_CR4_SMAP X86_BIT(21)
#define X86_CR4_PKE X86_BIT(22)

#define X86_CR3_PCID_MASK 0xfffu

/* DR6 and DR7 (SDM vol. 3, 17.2) */
#define X86_DR6_BD X86_BIT(13) /* MOV DR with DR7.GD */
#define X86_DR6_BS X86_BIT(14) /* single step */
#define X86_DR6_BT X86_BIT(15) /* task switch to a TSS with T */
#define X86_DR6_FIXED 0xffff0ff0u
#define X86_DR6_WRITABLE 0x0000e00fu
#define X86_DR7_GD X86_BIT(13)
#define X86_DR7_FIXED 0x00000400u
#define X86_DR7_WRITABLE 0xffff23ffu
#define X86_DR7_LOCAL 0x00000155u /* L0-L3, LE: a task switch clears them */

/* EFER */
#define X86_EFER_SCE X86_BIT(0)
#define X86_EFER_LME X86_BIT(8)
#define X86_EFER_LMA X86_BIT(10)
#define X86_EFER_NXE X86_BIT(11)
#define X86_EFER_SVME X86_BIT(12)
#define X86_EFER_FFXSR X86_BIT(14)
#define X86_EFER_AIBRSE X86_BIT(21)

/*
 * X86Segment.attr: descriptor bits 8-15 in bits 0-7, bits 20-23 in bits 12-15
 * (the layout of KVM and SVM with the limit bits left out).
 *
 *   15 14 13  12 | 11-8 |  7  6-5  4   3-0
 *    G D/B L AVL |  0   |  P  DPL  S  type
 */
#define X86_DESC_TYPE 0x000f
#define X86_DESC_A X86_BIT(0)  /* accessed */
#define X86_DESC_W X86_BIT(1)  /* data: writable */
#define X86_DESC_R X86_BIT(1)  /* code: readable */
#define X86_DESC_E X86_BIT(2)  /* data: expand down */
#define X86_DESC_C X86_BIT(2)  /* code: conforming */
#define X86_DESC_CODE X86_BIT(3)
#define X86_DESC_S X86_BIT(4)
#define X86_DESC_DPL_SHIFT 5
#define X86_DESC_DPL (3u << X86_DESC_DPL_SHIFT)
#define X86_DESC_P X86_BIT(7)
#define X86_DESC_UNUSABLE X86_BIT(8) /* null selector loaded: not in a descriptor */
#define X86_DESC_AVL X86_BIT(12)
#define X86_DESC_L X86_BIT(13)
#define X86_DESC_DB X86_BIT(14)
#define X86_DESC_G X86_BIT(15)

/* X86State.hflags: what decoding and fast access checks depend on. */
#define X86_HF_CPL_MASK 3u
#define X86_HF_CS64 X86_BIT(2)     /* 64-bit code segment */
#define X86_HF_CS32 X86_BIT(3)     /* CS.D */
#define X86_HF_SS32 X86_BIT(4)     /* SS.B: ESP, else SP (64-bit mode: RSP) */
#define X86_HF_PE X86_BIT(5)       /* protected mode (VM86 included) */
#define X86_HF_VM86 X86_BIT(6)
#define X86_HF_LMA X86_BIT(7)      /* long mode, 64-bit or compatibility */
#define X86_HF_PG X86_BIT(8)
#define X86_HF_SMM X86_BIT(9)
#define X86_HF_FLAT X86_BIT(10)    /* DS, ES, SS: base 0, limit 4G, read/write: no checks;
                                      not set in 64-bit mode */
#define X86_HF_TF X86_BIT(11)
#define X86_HF_FPU_OK X86_BIT(12)  /* no #NM/#UD for x87 (CR0.EM, CR0.TS clear) */
#define X86_HF_SSE_OK X86_BIT(13)  /* CR0.EM, CR0.TS clear, CR4.OSFXSR set */
#define X86_HF_AVX_OK X86_BIT(14)  /* CR4.OSXSAVE, XCR0[2:1] = 3, CR0.TS clear, PE, not VM86 */
#define X86_HF_AC X86_BIT(15)      /* alignment checks on: CR0.AM, EFLAGS.AC, CPL 3 */
#define X86_HF_SMAP X86_BIT(16)    /* supervisor data accesses to user pages fault now */
#define X86_HF_IOPL_OK X86_BIT(17) /* CPL <= IOPL (or real mode) */

#define X86_HF_BP_CODE X86_BIT(18) /* an instruction breakpoint is enabled in DR7 */
#define X86_HF_BP_DATA X86_BIT(19) /* a data breakpoint is enabled in DR7 */
#define X86_HF_BP_IO X86_BIT(20)   /* an I/O breakpoint is enabled in DR7 and CR4.DE is set */

/* X86State.int_shadow */
#define X86_SHADOW_STI X86_BIT(0)
#define X86_SHADOW_MOV_SS X86_BIT(1) /* holds back #DB too */

/* Exception vectors (SDM vol. 3, table 6-1) */
enum {
    X86_EXCP_DE = 0, X86_EXCP_DB = 1, X86_EXCP_NMI = 2, X86_EXCP_BP = 3,
    X86_EXCP_OF = 4, X86_EXCP_BR = 5, X86_EXCP_UD = 6, X86_EXCP_NM = 7,
    X86_EXCP_DF = 8, X86_EXCP_TS = 10, X86_EXCP_NP = 11, X86_EXCP_SS = 12,
    X86_EXCP_GP = 13, X86_EXCP_PF = 14, X86_EXCP_MF = 16, X86_EXCP_AC = 17,
    X86_EXCP_MC = 18, X86_EXCP_XM = 19,
};

/* Page-fault error code (SDM vol. 3, 4.7) */
#define X86_PF_P X86_BIT(0)
#define X86_PF_W X86_BIT(1)
#define X86_PF_U X86_BIT(2)
#define X86_PF_RSVD X86_BIT(3)
#define X86_PF_I X86_BIT(4)
#define X86_PF_PK X86_BIT(5)

#endif
