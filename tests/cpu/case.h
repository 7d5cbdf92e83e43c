/*
 * One case of the CPU suite: an instruction, the state before it, and what came
 * of it.
 *
 * Everything runs inside a 64 KiB window of linear addresses, mapped alike on
 * the host and in the guest, small enough for 16-bit segments:
 *
 *   0x0000  -     0x4000 rw data      0xa000 rw stack
 *   0x1000  r-x   0x5000 rw data      0xb000 rw stack
 *   0x2000  -     0x6000 rw data      0xc000 - (to 0xefff)
 *   0x3000  r--   0x7000 rw data      0xf000 rw, ends at the 64 KiB limit
 *                 0x8000 -  (to 0x9fff)
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_CPU_CASE_H
#define TESTS_CPU_CASE_H

#include "target/i386/cpu.h"

enum {
    WINDOW_BASE = 0x100000,
    WINDOW_SIZE = 0x10000,
    WINDOW_CODE = 0x1000,
    WINDOW_READ_ONLY = 0x3000,
    WINDOW_DATA = 0x4000, WINDOW_DATA_END = 0x8000,
    WINDOW_STACK = 0xa000, WINDOW_STACK_END = 0xc000,
    WINDOW_LAST = 0xf000,
};

/* Access rights of the window's pages, by page number. */
enum { PAGE_NONE, PAGE_R, PAGE_RW, PAGE_RX };
extern const uint8_t window_pages[WINDOW_SIZE / 4096];

/* Selectors: Linux's user segments in the GDT, and an LDT of our own. */
enum {
    SEL_CODE32 = 0x23, SEL_DATA = 0x2b, SEL_CODE64 = 0x33,
    SEL_LDT = 0x07, /* entry n is SEL_LDT + 8 * n */
    LDT_CODE16 = 0, LDT_DATA16, LDT_DATA32, LDT_SMALL, LDT_EXPAND_DOWN, LDT_READ_ONLY,
    LDT_NOT_PRESENT, LDT_EXECUTE_ONLY, LDT_CODE32, LDT_COUNT,
};
#define LDT_SELECTOR(n) (SEL_LDT + 8 * (n))

/* A segment descriptor, for modify_ldt() and for the guest's tables alike. */
typedef struct CpuDescriptor {
    uint32_t base, limit; /* the limit in bytes, or in pages if .pages is set */
    bool code, big, pages, not_present;
    bool writable_readable; /* data: writable; code: readable */
    bool expand_down_conforming;
} CpuDescriptor;
extern const CpuDescriptor ldt_descriptors[LDT_COUNT];

typedef struct CpuRegs {
    uint64_t gpr[16], rip;
    uint32_t eflags;
    uint32_t mxcsr;
    uint16_t seg[6];            /* X86_ES ... */
    uint64_t fs_base, gs_base;  /* used while the selector is null */
    uint16_t fcw, fsw, fop;
    uint8_t ftw;                /* abridged, by physical register */
    uint64_t fip, fdp;
    X86Float80 st[8];           /* ST(0) to ST(7) */
    uint64_t ymm[16][4];
} CpuRegs;

typedef struct CpuCase {
    X86Mode mode;
    uint8_t code[16];
    X86Insn insn;
    CpuRegs in;
} CpuCase;

enum { OUTCOME_NONE = -1, OUTCOME_HANG = -2 };

typedef struct CpuOutcome {
    CpuRegs out;
    int vector;     /* exception, or OUTCOME_... */
    uint32_t error;
    uint64_t cr2;   /* if vector is #PF */
} CpuOutcome;

/* Executes one instruction. The engines differ in nothing else. */
typedef void CpuEngineFn(X86CPU *cpu);

#endif
