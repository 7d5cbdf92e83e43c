/*
 * Memory operands: effective address, software TLB, host address.
 *
 * An access that the table does not answer goes to direct.c, which fills the table and begins
 * the instruction again, or leaves it to the interpreter (I/O, page with code, two pages).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/translate/build.h"

static uint32_t table_addr(const JitBuild *b, unsigned field)
{
    return (uint32_t)(uintptr_t)b->table + field;
}

static unsigned tag_field(bool write)
{
    return write ? offsetof(X86TlbEntry, write) : offsetof(X86TlbEntry, read);
}

/* The page in T0 is not what the tag says. */
static void miss(JitBuild *b, const JitInsn *insn, bool write)
{
    uint8_t *disp = emit_jcc(&b->e, HOST_NZ, NULL);

    jit_add_cold(b, (JitCold){ .kind = write ? COLD_MISS_WRITE : COLD_MISS_READ, .disp = disp,
                               .insn = insn->index });
}

void jit_table_check(JitBuild *b, const JitInsn *insn, HostMem first, HostMem last, bool write)
{
    Emit *e = &b->e;

    emit_lea(e, true, JIT_T0, last);
    emit_lea(e, false, JIT_T1, first);
    emit_shift_imm(e, false, HOST_SHR, JIT_T1, JIT_TLB_SHIFT);
    emit_alu_imm(e, false, HOST_AND, JIT_T1, JIT_TLB_MASK);
    emit_alu_imm(e, true, HOST_AND, JIT_T0, -0x1000);
    emit_op_mem(e, true, 0x3b, JIT_T0, host_mem(JIT_T1, table_addr(b, tag_field(write))));
    miss(b, insn, write);
    emit_load(e, true, JIT_T1, host_mem(JIT_T1, table_addr(b, offsetof(X86TlbEntry, addend))));
    jit_flags_clobber(b);
}

/*
 * Checks [first, last + 1), linear addresses through one base; T0 and T1 are lost, T1
 * becomes the addend.
 */
static void check_span(JitBuild *b, const JitInsn *insn, HostMem first, HostMem last, bool write)
{
    if (!jit_site_check(b, insn, first, last, write)) {
        jit_table_check(b, insn, first, last, write);
    }
}

/* The same for insn's group, of which it is the first, or the addend that was found then. */
static HostMem check_group(JitBuild *b, const JitInsn *insn, HostMem g)
{
    const JitGroup *group = insn->group;
    HostMem addend = host_abs((uint32_t)(uintptr_t)&b->jit->ctx->addends[group->number]);

    if (insn->group_first) {
        HostMem first = host_mem(g.base, group->from - insn->group_delta);
        HostMem last = host_mem(g.base, group->to - insn->group_delta - 1);

        check_span(b, insn, first, last, group->write);
        emit_store(&b->e, true, JIT_T1, addend);
    } else {
        emit_load(&b->e, true, JIT_T1, addend);
    }
    g.index = JIT_T1;
    return g;
}

/* Checks [g, g + size), a linear address; T0 and T1 are lost, T1 becomes the addend. */
static HostMem check(JitBuild *b, const JitInsn *insn, HostMem g, unsigned size, bool write)
{
    HostMem last = g;

    last.disp += size - 1;
    check_span(b, insn, g, last, write);
    g.index = JIT_T1;
    return g;
}

/* Moves an address that insn has as a constant. */
static void move_address(JitBuild *b, const JitInsn *insn, unsigned dst, uint64_t val)
{
    if (insn->x.rip_relative) {
        jit_emit_placed(b, dst, val, FIXUP_RIP64);
    } else {
        emit_mov_imm(&b->e, dst, val);
    }
}

/* The last bytes are the address of something in that address's TLB entry. */
static void note_entry(JitBuild *b, const JitInsn *insn)
{
    if (insn->x.rip_relative) {
        jit_note_placed(b, 4, FIXUP_TLB);
    }
}

/* An address known now: its entry is, too. */
static HostMem check_constant(JitBuild *b, const JitInsn *insn, uint64_t lin, unsigned size,
                              bool write)
{
    Emit *e = &b->e;
    uint32_t entry = (uint32_t)(uintptr_t)&b->table[lin >> 12 & (X86_TLB_SIZE - 1)];

    b->fixed |= insn->x.rip_relative && insn->x.addr_size != 8; /* it might become shorter */
    /* an access that crosses pages matches no tag */
    move_address(b, insn, JIT_T0, (lin + size - 1) & X86_PAGE_MASK);
    emit_op_mem(e, true, 0x3b, JIT_T0, host_abs(entry + tag_field(write)));
    note_entry(b, insn);
    miss(b, insn, write);
    jit_flags_clobber(b);
    if ((int64_t)lin == (int32_t)lin) {
        emit_load(e, true, JIT_T1, host_abs(entry + offsetof(X86TlbEntry, addend)));
        return host_mem(JIT_T1, lin);
    }
    move_address(b, insn, JIT_T1, lin);
    emit_op_mem(e, true, 0x03, JIT_T1, host_abs(entry + offsetof(X86TlbEntry, addend)));
    note_entry(b, insn);
    return host_mem(JIT_T1, 0);
}

unsigned jit_in_register(JitBuild *b, unsigned reg, unsigned scratch)
{
    unsigned host = jit_host_reg(reg);

    if (host != HOST_NONE) {
        return host;
    }
    emit_load(&b->e, true, scratch, jit_reg_home(b->jit, reg));
    return scratch;
}

/* Base, index and displacement with all registers loaded: T2 and T0 are lost. */
static HostMem loaded_address(JitBuild *b, const X86Insn *x)
{
    HostMem m = { .base = HOST_NONE, .index = HOST_NONE, .disp = x->disp };

    if (x->base != X86_NO_REG) {
        m.base = jit_in_register(b, x->base, JIT_T2);
    }
    if (x->index != X86_NO_REG) {
        m.index = jit_in_register(b, x->index, JIT_T0);
        m.scale = x->scale; /* without an index it would be the addend's */
    }
    return m;
}

static bool is_constant(const X86Insn *x)
{
    return x->rip_relative || (x->base == X86_NO_REG && x->index == X86_NO_REG);
}

static uint64_t constant_ea(const JitBuild *b, const JitInsn *insn)
{
    uint64_t ea = insn->x.disp + (insn->x.rip_relative ? jit_rip_after(b, insn) : 0);

    return insn->x.addr_size == 8 ? ea : (uint32_t)ea;
}

static bool has_segment_base(const X86Insn *x)
{
    return x->seg == X86_FS || x->seg == X86_GS;
}

void jit_emit_lea(JitBuild *b, const JitInsn *insn, unsigned dst, bool wide)
{
    const X86Insn *x = &insn->x;

    if (is_constant(x)) {
        move_address(b, insn, dst, wide ? constant_ea(b, insn) : (uint32_t)constant_ea(b, insn));
    } else {
        emit_lea(&b->e, wide && x->addr_size == 8, dst, loaded_address(b, x));
    }
}

/* Outside 64-bit mode FS and GS have a limit; the others are flat here. */
static void check_limit(JitBuild *b, const JitInsn *insn, unsigned size)
{
    Emit *e = &b->e;
    unsigned i = insn->x.seg - X86_FS;
    uint32_t limit = (uint32_t)(uintptr_t)&b->jit->ctx->seg_limit[i];

    emit_lea(e, true, JIT_T0, host_mem(JIT_T2, size - 1));
    emit_op_mem(e, true, 0x3b, JIT_T0, host_abs(limit));
    uint8_t *disp = emit_jcc(e, HOST_NBE, NULL);
    jit_add_cold(b, (JitCold){ .kind = COLD_INTERPRET, .disp = disp, .insn = insn->index });
    jit_flags_clobber(b);
}

/* T2 becomes the linear address. */
static HostMem linear_in_t2(JitBuild *b, const JitInsn *insn, unsigned size)
{
    const X86Insn *x = &insn->x;

    jit_emit_lea(b, insn, JIT_T2, true);
    if (has_segment_base(x)) {
        if (!b->mode64) {
            check_limit(b, insn, size);
        }
        uint32_t base = (uint32_t)(uintptr_t)&b->jit->ctx->seg_base[x->seg - X86_FS];
        emit_load(&b->e, b->mode64, JIT_T1, host_abs(base));
        emit_lea(&b->e, b->mode64, JIT_T2, (HostMem){ .base = JIT_T1, .index = JIT_T2 });
    }
    return host_mem(JIT_T2, 0);
}

/* [base + disp] in 64-bit mode */
static bool is_simple(const JitBuild *b, const X86Insn *x)
{
    return b->mode64 && x->addr_size == 8 && x->index == X86_NO_REG && x->base != X86_NO_REG &&
           !has_segment_base(x);
}

/* pext dst, src, [mask] (VEX.F3.0F38.W1 F5) */
void jit_emit_place(JitBuild *b, unsigned dst, unsigned src)
{
    Emit *e = &b->e;

    emit8(e, 0xc4);
    emit8(e, (dst & 8 ? 0 : 0x80) | 0x62);
    emit8(e, 0x80 | (~src & 15) << 3 | 2);
    emit8(e, 0xf5);
    emit_mem(e, dst, JIT_ABS(b->jit, window_mask));
}

/* Is T1 a place from which insn's access is a displacement? */
static bool is_placed(const JitBuild *b, const JitInsn *insn)
{
    return insn->group && b->place_group == insn->group;
}

static HostMem at_place(const JitBuild *b, const JitInsn *insn)
{
    HostMem m = host_mem(JIT_T1, insn->group_at - b->place_at);

    m.window = true;
    return m;
}

/* The place of g, a linear address, in the window (target/i386/window.h). The host's instruction
 * faults if nothing is there. Addresses of 32 bits are places. */
static HostMem in_window(JitBuild *b, const JitInsn *insn, HostMem g)
{
    jit_add_cold(b, (JitCold){ .kind = COLD_FAULT, .insn = insn->index });
    if (b->anchor) {
        jit_emit_place(b, JIT_T2, g.base);
        g.base = JIT_T2;
    } else if (b->mode64) {
        jit_emit_place(b, JIT_T1, g.base);
        g.base = JIT_T1;
        b->place_group = insn->group;
        b->place_at = insn->group_at - g.disp;
        if (insn->group && insn->index < insn->group->last) { /* for whoever comes back from C */
            emit_store(&b->e, true, JIT_T1, JIT_ABS(b->jit, place));
        }
    }
    g.window = true;
    return g;
}

/* The same for [base + disp], base a register of the guest. */
static HostMem register_in_window(JitBuild *b, const JitInsn *insn, unsigned base, int32_t disp)
{
    if (is_placed(b, insn)) {
        jit_add_cold(b, (JitCold){ .kind = COLD_FAULT, .insn = insn->index });
        return at_place(b, insn);
    }
    return in_window(b, insn, host_mem(jit_in_register(b, base, JIT_T2), disp));
}

/* An address known now. Low ones are places. */
static HostMem constant_in_window(JitBuild *b, const JitInsn *insn, uint64_t lin)
{
    HostMem m = host_abs(lin);
    bool low = lin <= INT32_MAX;

    b->fixed |= insn->x.rip_relative && (low || insn->x.addr_size != 8);
    if (low) {
        m.window = true;
    } else if (is_placed(b, insn)) {
        m = at_place(b, insn);
    } else {
        move_address(b, insn, JIT_T2, lin);
        return in_window(b, insn, host_mem(JIT_T2, 0));
    }
    jit_add_cold(b, (JitCold){ .kind = COLD_FAULT, .insn = insn->index });
    return m;
}

/* [base + index * scale + disp], the index of 32 bits: within reach of the base's place. Without a base
 * all is low. */
static HostMem indexed_in_window(JitBuild *b, const JitInsn *insn)
{
    const X86Insn *x = &insn->x;
    HostMem m = host_abs(x->disp);

    if (x->base != X86_NO_REG) {
        m = register_in_window(b, insn, x->base, x->disp);
    } else {
        jit_add_cold(b, (JitCold){ .kind = COLD_FAULT, .insn = insn->index });
        m.window = true;
    }
    m.index = jit_in_register(b, x->index, JIT_T2);
    m.scale = x->scale;
    return m;
}

static HostMem window_operand(JitBuild *b, const JitInsn *insn, unsigned size)
{
    const X86Insn *x = &insn->x;

    if (is_constant(x) && !has_segment_base(x)) {
        return constant_in_window(b, insn, constant_ea(b, insn));
    }
    if (insn->at_anchor) {
        jit_add_cold(b, (JitCold){ .kind = COLD_FAULT, .insn = insn->index });
        return jit_anchored_operand(b, insn);
    }
    if (insn->narrow_index && !b->anchor) {
        return indexed_in_window(b, insn);
    }
    return is_simple(b, x) ? register_in_window(b, insn, x->base, x->disp)
                           : in_window(b, insn, linear_in_t2(b, insn, size));
}

HostMem jit_mem_operand(JitBuild *b, const JitInsn *insn, unsigned size, bool write)
{
    const X86Insn *x = &insn->x;

    if (b->window) {
        return window_operand(b, insn, size);
    }
    if (is_constant(x) && !has_segment_base(x)) {
        return check_constant(b, insn, constant_ea(b, insn), size, write);
    }
    HostMem g = is_simple(b, x) ? loaded_address(b, x) : linear_in_t2(b, insn, size);

    if (insn->group) {
        return check_group(b, insn, g);
    }
    return check(b, insn, g, size, write);
}

HostMem jit_mem_checked(JitBuild *b, const JitInsn *insn, unsigned base, unsigned size, bool write)
{
    return check(b, insn, host_mem(base, 0), size, write);
}

HostMem jit_one_register(JitBuild *b, HostMem m, unsigned reg)
{
    bool window = m.window;

    m.window = false; /* LEA has no segment */
    emit_lea(&b->e, b->mode64 || !window, reg, m);
    return (HostMem){ .base = reg, .index = HOST_NONE, .window = window };
}

HostMem jit_mem_at(JitBuild *b, const JitInsn *insn, unsigned base, int32_t disp, unsigned size,
                   bool write)
{
    HostMem g = host_mem(base, disp);

    if (!b->mode64) {
        emit_lea(&b->e, false, JIT_T2, g);
        g = host_mem(JIT_T2, 0);
    }
    if (b->window) {
        if (is_placed(b, insn)) {
            jit_add_cold(b, (JitCold){ .kind = COLD_FAULT, .insn = insn->index });
            return at_place(b, insn);
        }
        return in_window(b, insn, g);
    }
    return insn->group ? check_group(b, insn, g) : check(b, insn, g, size, write);
}
