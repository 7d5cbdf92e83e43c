/*
 * A small x86-64 assembler: what the translator's own code is made of. Guest
 * instructions that are copied go through copy.c instead.
 *
 * Code is written through one mapping and runs through another, delta bytes
 * away (cache.c). Nothing here looks for room: whoever begins has reserved it.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_TRANSLATE_EMIT_H
#define TARGET_I386_TRANSLATE_EMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Host registers by their encoding. */
enum {
    HOST_RAX, HOST_RCX, HOST_RDX, HOST_RBX, HOST_RSP, HOST_RBP, HOST_RSI, HOST_RDI,
    HOST_R8, HOST_R9, HOST_R10, HOST_R11, HOST_R12, HOST_R13, HOST_R14, HOST_R15,
    HOST_NONE = 0xff,
};

/* Conditions as Jcc, SETcc and CMOVcc encode them. */
enum { HOST_O, HOST_NO, HOST_B, HOST_NB, HOST_Z, HOST_NZ, HOST_BE, HOST_NBE, HOST_S };

/* Where the displacements of branches stand (writable mapping); beyond max they are only counted. */
typedef struct EmitBranches {
    unsigned count, max;
    uint8_t **at;
} EmitBranches;

typedef struct Emit {
    uint8_t *p;     /* in the writable mapping */
    intptr_t delta; /* executable address - writable address */
    uint32_t context;       /* what RSP is when the code runs; 0: it points to the stack */
    EmitBranches *branches; /* or NULL */
} Emit;

/* [base + index << scale + disp]; without a base, disp is an absolute address
 * below 2 GiB. */
typedef struct HostMem {
    uint8_t base, index, scale;
    int32_t disp;
    bool window; /* behind the base of GS */
} HostMem;

static inline HostMem host_mem(unsigned base, int32_t disp)
{
    return (HostMem){ .base = base, .index = HOST_NONE, .disp = disp };
}

static inline HostMem host_abs(uint32_t addr)
{
    return host_mem(HOST_NONE, addr);
}

/* Where the next byte will run. */
static inline uint8_t *emit_here(const Emit *e)
{
    return e->p + e->delta;
}

static inline void emit_bytes(Emit *e, const void *data, unsigned n)
{
    memcpy(e->p, data, n);
    e->p += n;
}

static inline void emit8(Emit *e, uint8_t val)
{
    *e->p++ = val;
}

static inline void emit32(Emit *e, uint32_t val)
{
    emit_bytes(e, &val, 4);
}

static inline void emit64(Emit *e, uint64_t val)
{
    emit_bytes(e, &val, 8);
}

/* REX.X and REX.B for a memory operand, as the low bits of REX. */
static inline unsigned emit_mem_rex(HostMem m)
{
    return (m.index != HOST_NONE && m.index >= 8 ? 2 : 0) |
           (m.base != HOST_NONE && m.base >= 8 ? 1 : 0);
}

/* ModRM, SIB and displacement; reg's high bit went into REX.R. Near the context an absolute address is a
 * displacement from RSP, which is shorter. */
void emit_mem(Emit *e, unsigned reg, HostMem m);

static inline void emit_modrm_reg(Emit *e, unsigned reg, unsigned rm)
{
    emit8(e, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

/*
 * One-byte opcodes and (0x0fxx) those of the 0F map, with a register or a memory
 * operand. wide: REX.W.
 */
void emit_op_reg(Emit *e, bool wide, unsigned opcode, unsigned reg, unsigned rm);
void emit_op_mem(Emit *e, bool wide, unsigned opcode, unsigned reg, HostMem m);

static inline void emit_load(Emit *e, bool wide, unsigned reg, HostMem m)
{
    emit_op_mem(e, wide, 0x8b, reg, m);
}

static inline void emit_store(Emit *e, bool wide, unsigned reg, HostMem m)
{
    emit_op_mem(e, wide, 0x89, reg, m);
}

static inline void emit_mov(Emit *e, bool wide, unsigned dst, unsigned src)
{
    emit_op_reg(e, wide, 0x8b, dst, src);
}

static inline void emit_lea(Emit *e, bool wide, unsigned reg, HostMem m)
{
    emit_op_mem(e, wide, 0x8d, reg, m);
}

/* The shortest move of a constant that leaves the flags alone. */
void emit_mov_imm(Emit *e, unsigned reg, uint64_t val);
/* mov dword/qword [m], imm32 (sign-extended) */
void emit_store_imm(Emit *e, bool wide, HostMem m, int32_t val);

/* Group 1 by /digit: 0 add, 1 or, 4 and, 5 sub, 6 xor, 7 cmp; imm sign-extended. */
enum { HOST_ADD = 0, HOST_OR = 1, HOST_AND = 4, HOST_SUB = 5, HOST_XOR = 6, HOST_CMP = 7 };
void emit_alu_imm(Emit *e, bool wide, unsigned op, unsigned reg, int32_t imm);
void emit_cmp_mem_imm8(Emit *e, unsigned size, HostMem m, int8_t imm);
enum { HOST_NOT = 2 }; /* F7 /2 */
/* Shifts by /digit: 4 shl, 5 shr, 7 sar. */
enum { HOST_SHL = 4, HOST_SHR = 5, HOST_SAR = 7 };
void emit_shift_imm(Emit *e, bool wide, unsigned op, unsigned reg, uint8_t count);
/* rorx dst, src, count (VEX.F2.0F3A.W1 F0), 64 bits wide: flags are not touched. */
void emit_rorx(Emit *e, unsigned dst, unsigned src, uint8_t count);

/* Branches with a 32-bit displacement. They return where it stands (writable
 * mapping), for emit_patch(); target may be NULL until then. */
uint8_t *emit_jmp(Emit *e, const uint8_t *target);
uint8_t *emit_jcc(Emit *e, unsigned cond, const uint8_t *target);
uint8_t *emit_call(Emit *e, const uint8_t *target);
/* Their like: lea reg, [rip + displacement], the address of target. */
uint8_t *emit_lea_code(Emit *e, unsigned reg, const uint8_t *target);

/* Directs a branch whose displacement stands at disp. */
static inline void emit_patch(uint8_t *disp, intptr_t delta, const uint8_t *target)
{
    int32_t rel = target - (disp + 4 + delta);

    __builtin_memcpy(disp, &rel, 4);
}

/* Directs a branch to the next byte. */
static inline void emit_patch_here(Emit *e, uint8_t *disp)
{
    emit_patch(disp, e->delta, emit_here(e));
}

#endif
