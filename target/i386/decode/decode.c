/*
 * The instruction decoder (SDM vol. 2, chapter 2; APM vol. 3, chapter 1).
 *
 * Table-driven: prefixes, then a walk down the opcode's decision tree
 * (tables.h) to a row, then ModRM and the row's operands. Where Intel and AMD
 * differ this follows AMD: a 66 prefix shortens near branches in 64-bit mode,
 * far pointers in memory have no 64-bit offset.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/decode/insn.h"
#include "target/i386/decode/row.h"
#include "target/i386/decode/tables.h"
#include <string.h>

enum { REX_B = 1, REX_X = 2, REX_R = 4, REX_W = 8 };
enum { PP_NONE, PP_66, PP_F3, PP_F2 };

typedef struct Decoder {
    const uint8_t *p;
    const uint8_t *end;  /* of what may be read: 15 bytes or less */
    const X86DecodeRow *row;
    X86DecodeResult error; /* of the operand that could not be decoded */
    unsigned features;
    X86Mode mode;
    uint8_t map;
    uint8_t opcode;
    uint8_t rex;    /* REX_... bits, from REX or VEX */
    uint8_t pp;     /* PP_... */
    uint8_t vvvv;   /* 4 bits, not inverted */
    bool has_immediate;
} Decoder;

/* Immediate and displacement bytes, least significant first; sign-extended. */
static int64_t fetch(Decoder *d, unsigned size)
{
    int64_t value = 0;

    if ((size_t)(d->end - d->p) < size) {
        d->error = X86_DECODE_TRUNCATED;
        return 0;
    }
    memcpy(&value, d->p, size);
    d->p += size;
    return size == 8 ? value : value << (64 - 8 * size) >> (64 - 8 * size);
}

/* What a byte is as a prefix. Of each group the last one counts. */
enum {
    P_NONE, P_REX, P_ES, P_CS, P_SS, P_DS, P_FS, P_GS, P_OPSIZE, P_ADDRSIZE, P_LOCK, P_F3, P_F2
};
static const uint8_t prefix_class[256] = {
    [0x26] = P_ES, [0x2e] = P_CS, [0x36] = P_SS, [0x3e] = P_DS, [0x64] = P_FS, [0x65] = P_GS,
    [0x66] = P_OPSIZE, [0x67] = P_ADDRSIZE, [0xf0] = P_LOCK, [0xf2] = P_F2, [0xf3] = P_F3,
    [0x40 ... 0x4f] = P_REX,
};

static void apply_prefix(Decoder *d, X86Insn *insn, unsigned class)
{
    switch (class) {
    case P_OPSIZE:
        insn->prefixes |= X86_PFX_OPSIZE;
        break;
    case P_ADDRSIZE:
        insn->prefixes |= X86_PFX_ADDRSIZE;
        break;
    case P_LOCK:
        insn->prefixes |= X86_PFX_LOCK;
        break;
    case P_F3:
        insn->prefixes = (insn->prefixes & ~X86_PFX_REPNE) | X86_PFX_REP;
        break;
    case P_F2:
        insn->prefixes = (insn->prefixes & ~X86_PFX_REP) | X86_PFX_REPNE;
        break;
    default:
        /* In 64-bit mode ES, CS, SS and DS are null prefixes. */
        if (d->mode != X86_MODE_64 || class >= P_FS) {
            insn->seg_override = class - P_ES;
        }
        break;
    }
}

/* Reads prefixes and the first opcode byte. A REX counts only right before the opcode. */
static bool decode_prefixes(Decoder *d, X86Insn *insn)
{
    while (d->p < d->end) {
        uint8_t byte = *d->p++;
        unsigned class = prefix_class[byte];

        if (class == P_NONE || (class == P_REX && d->mode != X86_MODE_64)) {
            d->opcode = byte;
            if (insn->prefixes & X86_PFX_REX) {
                insn->prefixes |= d->rex & REX_W ? X86_PFX_REX_W : 0;
            }
            d->pp = insn->prefixes & X86_PFX_REPNE ? PP_F2
                  : insn->prefixes & X86_PFX_REP ? PP_F3
                  : insn->prefixes & X86_PFX_OPSIZE ? PP_66 : PP_NONE;
            return true;
        }
        if (class == P_REX) {
            insn->prefixes |= X86_PFX_REX;
            d->rex = byte & 15;
        } else {
            insn->prefixes &= ~X86_PFX_REX;
            d->rex = 0;
            apply_prefix(d, insn, class);
        }
    }
    d->error = X86_DECODE_TRUNCATED;
    return false;
}

/*
 * Two-byte VEX: C5 | R vvvv L pp |; three-byte VEX: C4 | R X B mmmmm | W vvvv L pp |.
 * R, X, B and vvvv are inverted. Outside 64-bit mode the bytes are LDS and LES
 * unless the next byte would have ModRM.mod 3.
 */
static bool decode_vex(Decoder *d, X86Insn *insn)
{
    unsigned length = d->opcode == 0xc4 ? 3 : 2;
    uint8_t payload, map = 1;

    if (insn->prefixes & (X86_PFX_OPSIZE | X86_PFX_REP | X86_PFX_REPNE | X86_PFX_LOCK |
                          X86_PFX_REX)) {
        d->error = X86_DECODE_UD;
        return false;
    }
    if ((size_t)(d->end - d->p) < length) {
        d->error = X86_DECODE_TRUNCATED;
        return false;
    }
    d->rex = *d->p & 0x80 ? 0 : REX_R;
    if (length == 3) {
        uint8_t first = *d->p++;
        map = first & 0x1f;
        d->rex |= (first & 0x40 ? 0 : REX_X) | (first & 0x20 ? 0 : REX_B) |
                  (*d->p & 0x80 ? REX_W : 0);
    }
    payload = *d->p++;
    if (d->mode != X86_MODE_64) {
        d->rex &= REX_W;
    }
    d->vvvv = ~payload >> 3 & 15;
    insn->vex_l = payload >> 2 & 1;
    d->pp = (const uint8_t[]){ PP_NONE, PP_66, PP_F3, PP_F2 }[payload & 3];
    insn->prefixes |= X86_PFX_VEX |
                      (d->rex & REX_W && d->mode == X86_MODE_64 ? X86_PFX_REX_W : 0);
    if (map < 1 || map > 3) {
        d->error = X86_DECODE_UD;
        return false;
    }
    d->map = X86_MAP_VEX_0F + map - 1;
    d->opcode = *d->p++;
    return true;
}

static bool is_vex(const Decoder *d)
{
    return (d->opcode == 0xc4 || d->opcode == 0xc5) &&
           (d->mode == X86_MODE_64 || (d->p < d->end && *d->p >= 0xc0));
}

static bool decode_opcode(Decoder *d, X86Insn *insn)
{
    if (is_vex(d)) {
        return decode_vex(d, insn);
    }
    if (d->opcode != 0x0f) {
        return true;
    }
    d->opcode = fetch(d, 1);
    d->map = X86_MAP_0F;
    if (d->opcode == 0x38 || d->opcode == 0x3a) {
        d->map = d->opcode == 0x38 ? X86_MAP_0F38 : X86_MAP_0F3A;
        d->opcode = fetch(d, 1);
    }
    return d->error == X86_DECODE_OK;
}

/* F3 0F BC and F3 0F BD on CPUs before TZCNT and LZCNT: the prefix is ignored. */
static unsigned tree_prefix(const Decoder *d)
{
    if (d->map == X86_MAP_0F && d->pp == PP_F3 &&
        ((d->opcode == 0xbc && !(d->features & X86_DECODE_HAS_BMI1)) ||
         (d->opcode == 0xbd && !(d->features & X86_DECODE_HAS_LZCNT)))) {
        return PP_NONE;
    }
    return d->pp;
}

/* Walks the decision tree; sets insn->row. */
static bool find_row(Decoder *d, X86Insn *insn)
{
    unsigned node = x86_opcode_maps[d->map][d->opcode];

    for (;;) {
        unsigned kind = node >> 12, index = node & 0xfff;

        if (kind == X86_NODE_ROW) {
            insn->row = index;
            d->row = &x86_decode_rows[index];
            return true;
        }
        if (kind >= X86_NODE_MOD3 && kind != X86_NODE_REXB && kind != X86_NODE_PFX &&
            d->p >= d->end) {
            d->error = X86_DECODE_TRUNCATED;
            return false;
        }
        switch (kind) {
        case X86_NODE_MODE64:
            node = x86_nodes2[index][d->mode == X86_MODE_64];
            break;
        case X86_NODE_W:
            node = x86_nodes2[index][d->rex >> 3 & 1];
            break;
        case X86_NODE_L:
            node = x86_nodes2[index][insn->vex_l];
            break;
        case X86_NODE_MOD3:
            node = x86_nodes2[index][*d->p >= 0xc0];
            break;
        case X86_NODE_REXB:
            node = x86_nodes2[index][d->rex & REX_B];
            break;
        case X86_NODE_PFX:
            node = x86_nodes4[index][tree_prefix(d)];
            break;
        case X86_NODE_REG:
            node = x86_nodes8[index][*d->p >> 3 & 7];
            break;
        case X86_NODE_RM:
            node = x86_nodes8[index][*d->p & 7];
            break;
        default:
            d->error = X86_DECODE_UD;
            return false;
        }
    }
}

static unsigned operand_size(const Decoder *d, const X86Insn *insn)
{
    unsigned flags = d->row->flags;
    bool opsize = insn->prefixes & X86_PFX_OPSIZE && !(flags & X86_DF_MANDATORY66);

    if (flags & X86_DF_BYTE) {
        return 1;
    }
    if (d->mode == X86_MODE_64) {
        if (d->rex & REX_W) {
            return 8;
        }
        return opsize ? 2 : flags & X86_DF_D64 ? 8 : 4;
    }
    return (d->mode == X86_MODE_32) != opsize ? 4 : 2;
}

static unsigned address_size(const Decoder *d, const X86Insn *insn)
{
    bool shorter = insn->prefixes & X86_PFX_ADDRSIZE;

    switch (d->mode) {
    case X86_MODE_64:
        return shorter ? 4 : 8;
    case X86_MODE_32:
        return shorter ? 2 : 4;
    default:
        return shorter ? 4 : 2;
    }
}

static void decode_mem16(Decoder *d, X86Insn *insn)
{
    static const uint8_t base[8] = { X86_RBX, X86_RBX, X86_RBP, X86_RBP,
                                     X86_RSI, X86_RDI, X86_RBP, X86_RBX };
    static const uint8_t index[8] = { X86_RSI, X86_RDI, X86_RSI, X86_RDI,
                                      X86_NO_REG, X86_NO_REG, X86_NO_REG, X86_NO_REG };
    unsigned mod = insn->modrm >> 6, rm = insn->modrm & 7;

    if (mod == 0 && rm == 6) {
        insn->disp = fetch(d, 2);
        return;
    }
    insn->base = base[rm];
    insn->index = index[rm];
    insn->disp = mod == 0 ? 0 : fetch(d, mod);
}

static void decode_sib(Decoder *d, X86Insn *insn)
{
    uint8_t sib = fetch(d, 1);
    unsigned index = (sib >> 3 & 7) | (d->rex & REX_X ? 8 : 0);

    insn->scale = sib >> 6;
    if (index != X86_RSP || d->row->flags & X86_DF_GATHER) {
        insn->index = index;
    }
    insn->base = (sib & 7) | (d->rex & REX_B ? 8 : 0);
    if ((sib & 7) == X86_RBP && insn->modrm < 0x40) {
        insn->base = X86_NO_REG;
        insn->disp = fetch(d, 4);
    }
}

static void decode_mem(Decoder *d, X86Insn *insn)
{
    unsigned mod = insn->modrm >> 6, rm = insn->modrm & 7;

    if (rm == X86_RSP) {
        decode_sib(d, insn);
    } else if (mod == 0 && rm == X86_RBP) {
        insn->rip_relative = d->mode == X86_MODE_64;
        insn->disp = fetch(d, 4);
    } else {
        insn->base = rm | (d->rex & REX_B ? 8 : 0);
    }
    if (mod != 0) {
        insn->disp = fetch(d, mod == 1 ? 1 : 4);
    }
}

static void decode_modrm(Decoder *d, X86Insn *insn)
{
    insn->modrm = fetch(d, 1);
    if (d->row->flags & X86_DF_MODANY) {
        insn->modrm |= 0xc0;
    }
    if (insn->modrm >= 0xc0) {
        return;
    }
    if (insn->addr_size == 2) {
        if (d->row->flags & X86_DF_GATHER) { /* needs a SIB byte */
            d->error = X86_DECODE_UD;
        }
        decode_mem16(d, insn);
    } else {
        if (d->row->flags & X86_DF_GATHER && (insn->modrm & 7) != X86_RSP) {
            d->error = X86_DECODE_UD;
        }
        decode_mem(d, insn);
    }
    if (insn->seg_override == X86_NO_REG &&
        (insn->base == X86_RSP || insn->base == X86_RBP)) {
        insn->seg = X86_SS;
    }
}

static unsigned size_of(const Decoder *d, const X86Insn *insn, unsigned code)
{
    unsigned vector = 16 << insn->vex_l;

    switch (code) {
    case X86_SIZE_V:
        return insn->op_size;
    case X86_SIZE_Z:
        return insn->op_size == 8 ? 4 : insn->op_size;
    case X86_SIZE_Y: /* VEX.W exists outside 64-bit mode, without this effect */
        return d->rex & REX_W && d->mode == X86_MODE_64 ? 8 : 4;
    case X86_SIZE_N:
        return d->mode == X86_MODE_64 ? 8 : 4;
    case X86_SIZE_X:
        return vector;
    case X86_SIZE_XH:
        return vector / 2;
    case X86_SIZE_XQ:
        return vector / 4;
    case X86_SIZE_XO:
        return vector / 8;
    case X86_SIZE_P:
        return insn->op_size == 2 ? 4 : 6;
    case X86_SIZE_S:
        return d->mode == X86_MODE_64 ? 10 : 6;
    case X86_SIZE_A:
        return 2 * insn->op_size;
    default:
        return code;
    }
}

/* Without REX the byte registers 4 to 7 are AH, CH, DH and BH. */
static void set_gpr(const X86Insn *insn, X86Operand *op, unsigned reg, unsigned size)
{
    bool high = size == 1 && reg >= 4 && reg < 8 &&
                !(insn->prefixes & (X86_PFX_REX | X86_PFX_VEX));

    op->kind = high ? X86_OP_GPRH : X86_OP_GPR;
    op->reg = high ? reg - 4 : reg;
    op->size = size;
}

static void set_immediate(Decoder *d, X86Insn *insn, X86Operand *op, uint64_t value)
{
    op->kind = d->has_immediate ? X86_OP_IMM2 : X86_OP_IMM;
    if (d->has_immediate) {
        insn->imm2 = value;
    } else {
        insn->imm = value;
    }
    d->has_immediate = true;
}

static void set_system_reg(Decoder *d, X86Operand *op, X86OperandKind kind, unsigned reg,
                           unsigned valid)
{
    op->kind = kind;
    op->reg = reg;
    if (!(valid >> reg & 1)) {
        d->error = X86_DECODE_UD;
    }
}

static void decode_register(Decoder *d, X86Insn *insn, const X86OperandSpec *spec,
                            X86Operand *op)
{
    unsigned reg = (insn->modrm >> 3 & 7) | (d->rex & REX_R ? 8 : 0);
    unsigned rm = (insn->modrm & 7) | (d->rex & REX_B ? 8 : 0);
    unsigned mode_mask = d->mode == X86_MODE_64 ? 15 : 7;
    unsigned size = size_of(d, insn, spec->size_reg);

    op->size = size;
    switch (spec->place) {
    case X86_AT_GPR_REG:
        set_gpr(insn, op, reg, size);
        break;
    case X86_AT_GPR_RM:
    case X86_AT_GPR_RM_MEM:
        set_gpr(insn, op, rm, size);
        break;
    case X86_AT_GPR_OPCODE:
        set_gpr(insn, op, (d->opcode & 7) | (d->rex & REX_B ? 8 : 0), size);
        break;
    case X86_AT_GPR_VVVV:
        set_gpr(insn, op, d->vvvv & mode_mask, size);
        break;
    case X86_AT_FIXED_GPR:
        set_gpr(insn, op, spec->reg, size);
        break;
    case X86_AT_XMM_REG:
        *op = (X86Operand){ X86_OP_XMM, reg, size };
        break;
    case X86_AT_XMM_RM:
    case X86_AT_XMM_RM_MEM:
        *op = (X86Operand){ X86_OP_XMM, rm, size };
        break;
    case X86_AT_XMM_VVVV:
        *op = (X86Operand){ X86_OP_XMM, d->vvvv & mode_mask, size };
        break;
    case X86_AT_XMM_IMM:
        *op = (X86Operand){ X86_OP_XMM, (fetch(d, 1) >> 4) & mode_mask, size };
        break;
    case X86_AT_FIXED_XMM:
        *op = (X86Operand){ X86_OP_XMM, spec->reg, size };
        break;
    case X86_AT_MMX_REG:
        *op = (X86Operand){ X86_OP_MMX, reg & 7, size };
        break;
    case X86_AT_MMX_RM:
    case X86_AT_MMX_RM_MEM:
        *op = (X86Operand){ X86_OP_MMX, rm & 7, size };
        break;
    case X86_AT_ST_RM:
        *op = (X86Operand){ X86_OP_ST, rm & 7, size };
        break;
    case X86_AT_FIXED_ST:
        *op = (X86Operand){ X86_OP_ST, spec->reg, size };
        break;
    case X86_AT_SEG_REG: /* REX.R is ignored; CS cannot be loaded */
        set_system_reg(d, op, X86_OP_SEG, reg & 7, op == insn->op ? 0x3d : 0x3f);
        break;
    case X86_AT_FIXED_SEG:
        *op = (X86Operand){ X86_OP_SEG, spec->reg, size };
        break;
    case X86_AT_CR_REG: /* CR0, CR2, CR3, CR4, CR8 */
        set_system_reg(d, op, X86_OP_CR, reg, 0x11d);
        break;
    case X86_AT_DR_REG:
        set_system_reg(d, op, X86_OP_DR, reg, 0xff);
        break;
    }
}

static void decode_immediate(Decoder *d, X86Insn *insn, const X86OperandSpec *spec,
                             X86Operand *op)
{
    unsigned z = insn->op_size == 2 ? 2 : 4;

    op->size = size_of(d, insn, spec->size_reg);
    switch (spec->place) {
    case X86_AT_IMM8:
        set_immediate(d, insn, op, (uint8_t)fetch(d, 1));
        break;
    case X86_AT_IMM8S:
        set_immediate(d, insn, op, fetch(d, 1));
        break;
    case X86_AT_IMM16:
        set_immediate(d, insn, op, (uint16_t)fetch(d, 2));
        break;
    case X86_AT_IMMZ:
        set_immediate(d, insn, op, fetch(d, z));
        break;
    case X86_AT_IMMV:
        set_immediate(d, insn, op, fetch(d, insn->op_size));
        break;
    case X86_AT_IMM_ONE:
        set_immediate(d, insn, op, 1);
        break;
    case X86_AT_REL8:
    case X86_AT_RELZ:
        set_immediate(d, insn, op, fetch(d, spec->place == X86_AT_REL8 ? 1 : z));
        op->kind = X86_OP_REL;
        break;
    case X86_AT_FAR:
        insn->imm = fetch(d, z) & (z == 2 ? 0xffff : 0xffffffff);
        insn->imm2 = fetch(d, 2);
        op->kind = X86_OP_FAR;
        break;
    }
}

static void decode_memory(Decoder *d, X86Insn *insn, const X86OperandSpec *spec, X86Operand *op)
{
    op->kind = X86_OP_MEM;
    op->size = size_of(d, insn, spec->size_mem);
    switch (spec->place) {
    case X86_AT_MOFFS:
        insn->disp = fetch(d, insn->addr_size);
        break;
    case X86_AT_VSIB16:
    case X86_AT_VSIB32:
        insn->vsib = true;
        break;
    case X86_AT_STR_SI:
        *op = (X86Operand){ X86_OP_STR_SI, X86_RSI, op->size };
        break;
    case X86_AT_STR_DI:
        *op = (X86Operand){ X86_OP_STR_DI, X86_RDI, op->size };
        break;
    }
}

static void decode_operand(Decoder *d, X86Insn *insn, unsigned i)
{
    const X86OperandSpec *spec = &x86_operand_specs[d->row->op[i]];
    bool memory = insn->modrm < 0xc0;

    switch (spec->place) {
    case X86_AT_NONE:
        return;
    case X86_AT_GPR_RM_MEM:
    case X86_AT_XMM_RM_MEM:
    case X86_AT_MMX_RM_MEM:
        if (memory) {
            decode_memory(d, insn, spec, &insn->op[i]);
            return;
        }
        break;
    case X86_AT_MEM ... X86_AT_VSIB32:
        decode_memory(d, insn, spec, &insn->op[i]);
        return;
    case X86_AT_IMM8 ... X86_AT_FAR:
        decode_immediate(d, insn, spec, &insn->op[i]);
        return;
    }
    decode_register(d, insn, spec, &insn->op[i]);
}

/* Rules that no single operand decides: LOCK, VEX.vvvv, gather registers. */
static bool is_legal(const Decoder *d, const X86Insn *insn)
{
    unsigned flags = d->row->flags;

    if (insn->prefixes & X86_PFX_LOCK &&
        (!(flags & X86_DF_LOCK) || insn->op[0].kind != X86_OP_MEM)) {
        return false;
    }
    if (insn->prefixes & X86_PFX_VEX && !(flags & X86_DF_VVVV) && d->vvvv != 0) {
        return false;
    }
    if (flags & X86_DF_GATHER) {
        unsigned dest = insn->op[0].reg, mask = insn->op[2].reg;
        return dest != mask && dest != insn->index && mask != insn->index;
    }
    return true;
}

static X86DecodeResult decode(Decoder *d, X86Insn *insn)
{
    if (!decode_prefixes(d, insn) || !decode_opcode(d, insn) || !find_row(d, insn)) {
        return d->error;
    }
    insn->op_size = operand_size(d, insn);
    insn->addr_size = address_size(d, insn);
    insn->seg = insn->seg_override == X86_NO_REG ? X86_DS : insn->seg_override;
    if (d->row->flags & X86_DF_MODRM) {
        decode_modrm(d, insn);
    }
    for (unsigned i = 0; i < X86_MAX_OPERANDS && d->row->op[i]; i++) {
        decode_operand(d, insn, i);
    }
    if (d->error == X86_DECODE_OK && !is_legal(d, insn)) {
        d->error = X86_DECODE_UD;
    }
    return d->error;
}

X86DecodeResult x86_decode(const uint8_t *code, size_t avail, X86Mode mode,
                           unsigned decode_features, X86Insn *insn)
{
    size_t limit = avail < X86_MAX_INSN_LEN ? avail : X86_MAX_INSN_LEN;
    Decoder d = {
        .p = code, .end = code + limit, .mode = mode, .features = decode_features,
    };
    X86DecodeResult result;

    memset(insn, 0, sizeof(*insn));
    insn->seg_override = insn->base = insn->index = X86_NO_REG;
    result = decode(&d, insn);
    if (result == X86_DECODE_TRUNCATED && avail >= X86_MAX_INSN_LEN) {
        return X86_DECODE_TOO_LONG;
    }
    insn->mnemonic = x86_rows[insn->row].mnemonic;
    insn->len = d.p - code;
    return result;
}
