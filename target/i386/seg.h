/*
 * Descriptors and segment registers: the parts that segment loads, far
 * transfers, task switches and event delivery share. Internal to the CPU.
 *
 * Segment descriptor (SDM vol. 3, 3.4.5):
 *
 *   hi  31....24 23 22 21 20  19..16 15 14-13 12 11...8 7.....0
 *       base     G  DB L  AVL limit  P  DPL   S  type   base
 *   lo  31................16 15................0
 *       base                 limit
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_SEG_H
#define TARGET_I386_SEG_H

#include "target/i386/excp.h"
#include "target/i386/mmu.h"

/* Types of system descriptors (SDM vol. 3, table 3-2). */
enum {
    X86_SYS_TSS16_AVAIL = 1, X86_SYS_LDT = 2, X86_SYS_TSS16_BUSY = 3, X86_SYS_CALL16 = 4,
    X86_SYS_TASK = 5, X86_SYS_INT16 = 6, X86_SYS_TRAP16 = 7, X86_SYS_TSS_AVAIL = 9,
    X86_SYS_TSS_BUSY = 11, X86_SYS_CALL = 12, X86_SYS_INT = 14, X86_SYS_TRAP = 15,
};

typedef struct X86Desc {
    uint64_t addr;    /* linear address it was read from */
    uint32_t lo, hi;
    uint32_t base_hi; /* upper half of a 16-byte system descriptor's base or offset */
} X86Desc;

static inline unsigned x86_desc_type(const X86Desc *d) { return d->hi >> 8 & 15; }
static inline unsigned x86_desc_dpl(const X86Desc *d) { return d->hi >> 13 & 3; }
static inline bool x86_desc_s(const X86Desc *d) { return d->hi >> 12 & 1; }
static inline bool x86_desc_p(const X86Desc *d) { return d->hi >> 15 & 1; }
static inline uint32_t x86_desc_attr(const X86Desc *d)
{
    return (d->hi >> 8 & 0xff) | (d->hi >> 8 & 0xf000);
}
static inline bool x86_desc_is_code(const X86Desc *d)
{
    return (x86_desc_attr(d) & (X86_DESC_S | X86_DESC_CODE)) == (X86_DESC_S | X86_DESC_CODE);
}
static inline bool x86_desc_is_writable(const X86Desc *d)
{
    return (x86_desc_attr(d) & (X86_DESC_S | X86_DESC_CODE | X86_DESC_W)) ==
           (X86_DESC_S | X86_DESC_W);
}
static inline bool x86_desc_is_conforming(const X86Desc *d)
{
    return x86_desc_attr(d) & X86_DESC_C;
}

/* A null selector: index 0 of the GDT with any RPL. */
static inline bool x86_sel_null(uint16_t sel) { return !(sel & ~3); }
/* The error code that names a selector: its RPL gives way to EXT. */
static inline uint32_t x86_sel_error(uint16_t sel, bool ext) { return (sel & ~3u) | ext; }

/* Protected mode without VM86: selectors mean descriptors. */
static inline bool x86_uses_descriptors(const X86State *s)
{
    return (s->hflags & (X86_HF_PE | X86_HF_VM86)) == X86_HF_PE;
}

/* True if addr is canonical under the current paging mode (48 or 57 bits). */
static inline bool x86_canonical(const X86State *s, uint64_t addr)
{
    unsigned shift = s->cr4 & X86_CR4_LA57 ? 7 : 16;
    return (uint64_t)((int64_t)(addr << shift) >> shift) == addr;
}

/* A data segment for which no access needs a check: base 0, limit 4 GiB, writable. */
bool x86_is_flat(const X86Segment *seg);

uint32_t x86_desc_base(const X86Desc *d);
uint32_t x86_desc_limit(const X86Desc *d);
/* Reads a descriptor from the GDT or LDT; false if sel lies beyond its limit. */
bool x86_desc_try_read(X86CPU *cpu, uint16_t sel, X86Desc *d);
/* The same; beyond the limit raises vector(sel). ext: EXT bit of the error code. */
void x86_desc_read(X86CPU *cpu, uint16_t sel, unsigned vector, bool ext, X86Desc *d);
/* Completes a 16-byte system descriptor (long mode): #GP(sel) if it crosses the
 * table's limit or its upper type field is not zero. */
void x86_desc_read_upper(X86CPU *cpu, uint16_t sel, bool ext, X86Desc *d);
/* Sets the accessed bit of a code or data descriptor in memory and in *d. */
void x86_desc_set_accessed(X86CPU *cpu, X86Desc *d);
/* Fills a descriptor cache. */
X86Segment x86_segment_of(uint16_t sel, const X86Desc *d);
/* A segment as real mode and VM86 make them. */
X86Segment x86_segment_vm86(uint16_t sel);
/* Loads CS; the CPL becomes cpl and is written into the selector. The caller has
 * done all checks. */
void x86_set_cs(X86CPU *cpu, uint16_t sel, X86Desc *d, unsigned cpl);
/* Raises #GP(0) unless offset is a valid RIP under the code descriptor. */
void x86_check_code_offset(X86CPU *cpu, const X86Desc *d, uint64_t offset, bool ext);
/* Long mode and a code descriptor with L set. */
bool x86_desc_is_64bit_code(const X86State *s, const X86Desc *d);
/* Loads LDTR; faults are vector(sel), a not-present one is np_vector(sel). */
void x86_load_ldtr(X86CPU *cpu, uint16_t sel, unsigned vector, unsigned np_vector);
/* A data segment register in protected mode; faults other than not-present are vector(sel). */
void x86_load_data_seg(X86CPU *cpu, unsigned seg, uint16_t sel, unsigned vector);
/* SS in protected mode; cpl is the privilege it must match. */
void x86_load_ss(X86CPU *cpu, uint16_t sel, unsigned cpl, unsigned vector);
/* After a return to an outer ring: data segments the new CPL may not use become null. */
void x86_drop_inner_segs(X86CPU *cpu, unsigned cpl);

/*
 * A stack being pushed to or popped from before anything is committed.
 * sp is updated by each step; x86_stack_commit() writes it to RSP.
 */
typedef struct X86Stack {
    uint64_t base, sp, mask; /* mask: 16, 32 or 64 bits of the stack pointer count */
    uint32_t limit, attr;
    uint32_t error;          /* of the #SS its limit raises */
    bool supervisor;         /* accesses use supervisor rights */
} X86Stack;

/* The current stack, with the CPL's rights. */
X86Stack x86_stack_current(const X86State *s, uint32_t ss_error);
/* The stack seg:sp, with the rights of cpl; wide for 64-bit mode. */
X86Stack x86_stack_at(const X86Segment *seg, uint64_t sp, bool wide, unsigned cpl, uint32_t error);
void x86_stack_push(X86CPU *cpu, X86Stack *st, uint64_t val, unsigned size);
uint64_t x86_stack_pop(X86CPU *cpu, X86Stack *st, unsigned size);
/* The same stack with bytes popped unread. */
X86Stack x86_stack_above(const X86Stack *st, unsigned bytes);
void x86_stack_commit(X86State *s, const X86Stack *st);

/* An inner stack as the TSS gives it: selector and pointer for privilege dpl
 * (outside long mode), #TS(TR) if the TSS is too short. */
void x86_tss_stack(X86CPU *cpu, unsigned dpl, bool ext, uint16_t *ss, uint32_t *esp);
/* Long mode: RSPn, or ISTn if ist is not 0. */
uint64_t x86_tss_rsp(X86CPU *cpu, unsigned dpl, unsigned ist, bool ext);
/* Checks the selector of an inner stack: #TS or #SS; returns its descriptor. */
void x86_check_inner_ss(X86CPU *cpu, uint16_t ss, unsigned dpl, bool ext, X86Desc *d);
/* The null SS that long mode loads on a change to ring cpl. */
X86Segment x86_segment_null_ss(unsigned cpl);

/* The common part of far RET and IRET: returns to sel:rip, which have been popped
 * from *st; pops SS:RSP for an outer ring (or an IRET in 64-bit mode), checks
 * everything, commits. pop_bytes is RET's immediate: it counts on both stacks. */
void x86_return_protected(X86CPU *cpu, X86Stack *st, uint16_t sel, uint64_t rip,
                          unsigned op_size, uint16_t pop_bytes, bool iret);

/* How a task switch came about (SDM vol. 3, table 7-2). */
typedef enum X86TaskReason {
    X86_TASK_JMP, X86_TASK_CALL, X86_TASK_IRET, X86_TASK_EVENT
} X86TaskReason;

/* Switches to the task whose TSS descriptor tss_sel names. s->rip is what the
 * old TSS saves. ext: the EXT bit of error codes. */
void x86_task_switch(X86CPU *cpu, uint16_t tss_sel, X86TaskReason reason, bool ext);
/* Through a task gate: checks the gate's selector, then switches. */
void x86_task_gate(X86CPU *cpu, const X86Desc *gate, X86TaskReason reason, bool ext);

#endif
