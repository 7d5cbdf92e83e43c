/*
 * From guest code to a block of host code:
 *
 *   decode     instructions up to the end of the block, each with the function
 *              that will emit it
 *   analyse    backwards: which flags somebody will look at after each one. A fault
 *              looks at all of them, so every access to memory does.
 *   emit       forwards, knowing at each place where the flags are
 *   cold code  what is rarely run stands behind the block
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/translate/build.h"
#include "target/i386/interp/run.h"
#include "target/i386/translate/check.h"
#include "target/i386/translate/runtime.h"

/* --- flags ------------------------------------------------------------------------ */

static bool is_shift(unsigned mnemonic)
{
    switch (mnemonic) {
    case X86_MN_SHL: case X86_MN_SHR: case X86_MN_SAR: case X86_MN_SHLD: case X86_MN_SHRD:
    case X86_MN_ROL: case X86_MN_ROR: case X86_MN_RCL: case X86_MN_RCR:
        return true;
    }
    return false;
}

/* A shift's count if it is known, else 0: then no flag is sure to change. */
static unsigned known_count(const X86Insn *x)
{
    for (unsigned i = 1; i < X86_MAX_OPERANDS; i++) {
        if (x->op[i].kind == X86_OP_IMM) {
            return x->imm & (x->op_size == 8 ? 63 : 31);
        }
    }
    return 0;
}

/*
 * Hosts leave some flags that are undefined as they were (IMUL's ZF on AMD), so
 * that an undefined flag counts as overwritten only for logic operations and shifts,
 * where every host defines it.
 */
static void set_flags(JitInsn *insn)
{
    const X86Row *row = x86_insn_row(&insn->x);
    unsigned mnemonic = insn->x.mnemonic;
    bool defined = mnemonic == X86_MN_AND || mnemonic == X86_MN_OR || mnemonic == X86_MN_XOR ||
                   mnemonic == X86_MN_TEST;

    insn->flags_read = row->flags_read;
    insn->flags_touched = row->flags_written | row->flags_undefined;
    insn->flags_killed = row->flags_written & ~row->flags_undefined;
    if (is_shift(mnemonic)) {
        unsigned count = known_count(&insn->x);

        insn->flags_killed = count ? insn->flags_killed : 0;
        if (count && mnemonic != X86_MN_RCL && mnemonic != X86_MN_RCR) {
            insn->flags_read = 0; /* a count of zero would leave them as they were */
        }
        defined = count && (mnemonic == X86_MN_SHL || mnemonic == X86_MN_SHR ||
                            mnemonic == X86_MN_SAR);
    }
    if (defined) {
        insn->flags_killed = insn->flags_touched;
    }
}

/* --- decoding ------------------------------------------------------------------------ */

enum { READ_AHEAD = 64 }; /* bytes of code */

static bool uses_vectors(const JitInsn *insn)
{
    return x86_insn_row(&insn->x)->legality & (X86_ROW_SSE | X86_ROW_AVX);
}

static const X86Operand *memory_operand(const X86Insn *x, unsigned *number)
{
    for (unsigned i = 0; i < X86_MAX_OPERANDS; i++) {
        if (x->op[i].kind == X86_OP_MEM) {
            *number = i;
            return &x->op[i];
        }
    }
    return NULL;
}

static bool has_high_byte(const X86Insn *x)
{
    return x->op[0].kind == X86_OP_GPRH || x->op[1].kind == X86_OP_GPRH;
}

/* Is the byte only read? */
static bool reads_high_byte(const JitInsn *insn)
{
    unsigned reg = insn->row.reg;

    return reg != COPY_NO_OPERAND && insn->x.op[reg].kind == X86_OP_GPRH &&
           !(x86_insn_row(&insn->x)->operand_access[reg] & 2);
}

/* Bit strings reach beyond their operand. */
static bool is_bit_string(const X86Insn *x)
{
    return x->op[0].kind == X86_OP_MEM && x->op[1].kind == X86_OP_GPR &&
           (x->mnemonic == X86_MN_BT || x->mnemonic == X86_MN_BTS ||
            x->mnemonic == X86_MN_BTR || x->mnemonic == X86_MN_BTC);
}

/* 16-bit addresses, and CS outside 64-bit mode, which is for reading at most. */
static bool has_odd_address(const JitBuild *b, const X86Insn *x)
{
    unsigned n;

    return memory_operand(x, &n) && (x->addr_size == 2 || (!b->mode64 && x->seg == X86_CS));
}

static bool can_copy(const JitBuild *b, const JitInsn *insn)
{
    const X86Insn *x = &insn->x;
    unsigned n;
    const X86Operand *mem = memory_operand(x, &n);
    bool masked = !(b->tb->key & X86_KEY_SIMD_EXCP);
    bool x87_masked = !(b->tb->key & X86_KEY_X87_EXCP);

    if (!insn->row.copyable || x->vsib || is_bit_string(x)) {
        return false;
    }
    if ((x86_insn_row(x)->legality & X86_ROW_SIMD_EXCP) && !masked) {
        return false;
    }
    if (insn->x87 && !x87_masked) {
        return false;
    }
    if (!b->mode64 && (x->mnemonic == X86_MN_VZEROUPPER || x->mnemonic == X86_MN_VZEROALL)) {
        return false; /* the upper eight registers stay */
    }
    if (has_high_byte(x) && (mem ? !reads_high_byte(insn) : x->op[0].reg == X86_RSP)) {
        return false; /* AH and a register that needs REX: not encodable */
    }
    return !mem || (mem->size > 0 && mem->size <= 32);
}

static void choose_copy(JitInsn *insn)
{
    unsigned n;

    insn->emit = jit_emit_copy;
    insn->keeps_place = true;
    insn->accesses = memory_operand(&insn->x, &n) != NULL;
    insn->vector = uses_vectors(insn);
}

static void choose_interpreter(JitInsn *insn)
{
    insn->emit = jit_emit_interpret;
    insn->interpreted = true;
    insn->ends = x86_insn_row(&insn->x)->legality & X86_ROW_BRANCH;
}

static bool is_conditional(const JitInsn *insn)
{
    return insn->x.mnemonic >= X86_MN_JO && insn->x.mnemonic <= X86_MN_JNLE;
}

/* Has it a path of its own? If its row may be copied, only branches, and what special.c has. */
static bool choose_path(JitBuild *b, JitInsn *insn)
{
    return jit_choose_control(b, insn) || jit_choose_special(b, insn) ||
           (!insn->row.copyable && (jit_choose_fp_control(b, insn) || jit_choose_system(b, insn) ||
                                    jit_choose_string(b, insn)));
}

/* insn->x has been decoded, from guest on. False if nothing may follow it in its block. */
static bool add_insn(JitBuild *b, JitInsn *insn, unsigned guest)
{
    const X86Insn *x = &insn->x;

    memset((char *)insn + offsetof(JitInsn, emit), 0, sizeof(*insn) - offsetof(JitInsn, emit));
    insn->bytes = b->tb->bytes + guest;
    insn->guest = guest;
    insn->index = b->count++;
    insn->row = *copy_row(x->row);
    copy_parse(x, insn->bytes, b->mode64, &insn->code);
    set_flags(insn);
    jit_x87_mark(insn);
    if (!x86_insn_may_run(b->cpu, x)) {
        choose_interpreter(insn);
        insn->ends = true;
    } else if (has_odd_address(b, x)) {
        choose_interpreter(insn);
    } else if (!choose_path(b, insn)) {
        if (can_copy(b, insn)) {
            choose_copy(insn);
        } else {
            choose_interpreter(insn);
        }
    }
    return !insn->ends;
}

/*
 * The first instruction goes on in the next page: its bytes are put together in
 * b->bytes. False if that page is not in memory, or has been taken already.
 */
static bool take_second_page(JitBuild *b, unsigned first)
{
    if (b->tb->second) {
        return false;
    }
    b->tb->second = jit_following_page(b->jit, b->tb->rip);
    if (!b->tb->second) {
        return false;
    }
    memcpy(b->bytes + first, b->tb->second, X86_MAX_INSN_LEN - first);
    return true;
}

/* After a conditional jump: is what follows a block already? Then the two are linked. */
static bool meets_block(const JitBuild *b, unsigned pos)
{
    JitEntry any = { 0 };

    return b->count >= JIT_MEET_INSNS && is_conditional(&b->insns[b->count - 1]) &&
           !(b->tb->key & X86_KEY_CAREFUL) &&
           jit_cache_find(b->jit, b->tb->code + pos, jit_rip(b->tb->key, b->tb->rip + pos),
                          b->tb->key, &any);
}

/* Has b->bytes hold those of another instruction at pos, of avail in the page; have is how many there
 * are. They are read once, for another CPU may write them any time. */
static unsigned read_bytes(JitBuild *b, unsigned have, unsigned pos, unsigned avail)
{
    unsigned end = MIN(avail, pos + READ_AHEAD);

    if (have >= MIN(avail, pos + X86_MAX_INSN_LEN)) {
        return have;
    }
    memcpy(b->bytes + have, b->tb->code + have, end - have);
    return end;
}

/* STI as the last instruction is interpreted (system.c): it had better be the next block's first. */
static bool begins_next(const JitBuild *b, const X86Insn *x, unsigned max)
{
    return x->mnemonic == X86_MN_STI && b->count > 0 && b->count + 1 == max && !b->exact;
}

/* Fills b->insns with what lies in the rest of the page. */
static void decode(JitBuild *b)
{
    unsigned avail = MIN(0x1000 - ((uintptr_t)b->tb->code & 0xfff), sizeof(b->bytes)), pos = 0;
    X86Mode mode = b->mode64 ? X86_MODE_64 : X86_MODE_32;
    unsigned max = b->max_count, have = 0;
    bool more = true;

    b->tb->bytes = b->bytes;
    while (more && b->count < max && pos < avail) {
        JitInsn *insn = &b->insns[b->count];
        have = read_bytes(b, have, pos, avail);
        X86DecodeResult res = x86_decode(b->bytes + pos, have - pos, mode,
                                         b->cpu->interp->decode_features, &insn->x);

        if (res == X86_DECODE_TRUNCATED && pos == 0 && take_second_page(b, avail)) {
            avail = have = X86_MAX_INSN_LEN;
            max = 1;
            continue;
        }
        if (res != X86_DECODE_OK || begins_next(b, &insn->x, max)) {
            break;
        }
        more = add_insn(b, insn, pos);
        pos += insn->x.len;
        more = more && (b->exact || !meets_block(b, pos));
    }
    b->tb->len = pos;
    b->tb->count = b->count;
}

/* --- analysis ------------------------------------------------------------------------- */

/* Faults, exits and the interpreter look at all flags. */
static bool looks_at_all(const JitInsn *insn)
{
    return insn->accesses || insn->interpreted || insn->ends || is_conditional(insn) ||
           insn->x.mnemonic == X86_MN_DIV || insn->x.mnemonic == X86_MN_IDIV;
}

static void analyse(JitBuild *b)
{
    unsigned need = X86_EFLAGS_ARITH;

    for (unsigned i = b->count; i-- > 0;) {
        JitInsn *insn = &b->insns[i];

        insn->need_after = need;
        need = (need & ~insn->flags_killed) | insn->flags_read;
        if (looks_at_all(insn)) {
            need = X86_EFLAGS_ARITH;
        }
        insn->need_before = need;
    }
}

/* Does the outcome depend on the flags as they are? */
static bool wants_flags(const JitInsn *insn)
{
    return insn->flags_read ||
           (insn->flags_touched && (insn->need_after & ~insn->flags_killed));
}

/* Where the block would like to find the flags. An access through the window wants them anywhere. */
static JitFlags preferred_flags(const JitBuild *b)
{
    bool accessed = false;

    for (unsigned i = 0; i < b->count; i++) {
        const JitInsn *insn = &b->insns[i];

        if (!insn->need_before) {
            return accessed ? FLAGS_SAVED : FLAGS_DEAD;
        }
        accessed |= insn->accesses;
        if ((accessed && !b->window) || insn->interpreted || insn->vector || insn->x87 ||
            insn->ends) {
            return FLAGS_SAVED;
        }
        if (insn->flags_read || insn->flags_touched) {
            return wants_flags(insn) || b->tb->entry.host ? FLAGS_HOST : FLAGS_SAVED;
        }
    }
    return FLAGS_SAVED;
}

/* --- copied instructions -------------------------------------------------------------------- */

/* A general register of a copied instruction, in T0, T1 or T2 if it lives in memory. */
typedef struct Homed {
    unsigned scratch, reg;
    bool written;
} Homed;

/* Does insn overwrite all of its first operand, a register, without a look at it? */
static bool overwrites(const X86Insn *x)
{
    return (x->mnemonic == X86_MN_MOV || x->mnemonic == X86_MN_MOVZX ||
            x->mnemonic == X86_MN_MOVSX || x->mnemonic == X86_MN_MOVSXD) && x->op[0].size >= 4;
}

/* Gives operand n of insn a host register; loads it if it lives in memory. */
static unsigned place_register(JitBuild *b, const JitInsn *insn, unsigned n, unsigned scratch,
                               Homed *homed)
{
    unsigned reg = insn->x.op[n].reg, host = jit_host_reg(reg);

    if (host != HOST_NONE) {
        return host;
    }
    if (n > 0 || !overwrites(&insn->x)) {
        emit_load(&b->e, true, scratch, jit_reg_home(b->jit, reg));
    }
    *homed = (Homed){ .scratch = scratch, .reg = reg,
                      .written = x86_insn_row(&insn->x)->operand_access[n] & 2 };
    return scratch;
}

static bool needs_rex_for_byte(const X86Operand *op)
{
    return op->kind == X86_OP_GPR && op->size == 1 && op->reg >= X86_RSP;
}

/* Only general registers are renamed; a field may hold another kind of register. */
static bool is_gpr(const JitInsn *insn, unsigned n)
{
    return n != COPY_NO_OPERAND && insn->x.op[n].kind == X86_OP_GPR;
}

static void load_vectors(JitBuild *b)
{
    jit_flags_keep(b);
    emit_cmp_mem_imm8(&b->e, 4, JIT_ABS(b->jit, vec_live), 0);
    uint8_t *disp = emit_jcc(&b->e, HOST_Z, NULL);
    jit_add_cold(b, (JitCold){ .kind = COLD_LOAD_VEC, .disp = disp, .back = emit_here(&b->e) });
    jit_flags_clobber(b);
    jit_forget_place(b);
    b->vec_known = true;
}

void jit_emit_fp_state(JitBuild *b, const JitInsn *insn)
{
    if (insn->vector && !b->vec_known) {
        load_vectors(b);
    }
    if (insn->x87 && !b->x87_known) {
        jit_x87_load(b, insn);
    }
}

/* Has the host's instruction faults of its own? Then there must be a way to the interpreter. */
static bool may_fault(const JitInsn *insn)
{
    return insn->x.mnemonic == X86_MN_DIV || insn->x.mnemonic == X86_MN_IDIV ||
           (insn->accesses && x86_insn_row(&insn->x)->legality & X86_ROW_ALIGNED);
}

void jit_emit_copy(JitBuild *b, const JitInsn *insn)
{
    const X86Insn *x = &insn->x;
    CopyCode code = insn->code;
    const CopyRow *row = &insn->row;
    Homed homed[3] = { 0 };
    unsigned n = 0, second = b->window && !is_gpr(insn, row->vvvv) ? JIT_T2 : JIT_T1;
    const X86Operand *mem = memory_operand(x, &n);
    HostMem m;

    jit_emit_fp_state(b, insn);
    if (may_fault(insn)) {
        jit_flags_keep(b);
    } else if (insn->accesses) {
        jit_flags_before_access(b, insn);
    }
    if (mem) {
        m = jit_mem_operand(b, insn, mem->size, x86_insn_row(x)->operand_access[n] & 2);
    }
    if (may_fault(insn)) {
        jit_add_cold(b, (JitCold){ .kind = COLD_INTERPRET, .insn = insn->index });
    }
    if (mem && jit_emit_memory_comparison(b, insn, m)) {
        return;
    }
    if (wants_flags(insn)) {
        jit_flags_need_host(b);
    }
    for (unsigned i = 0; i < 2; i++) {
        code.force_rex |= needs_rex_for_byte(&x->op[i]);
    }
    if (is_gpr(insn, row->reg)) {
        code.reg = place_register(b, insn, row->reg, JIT_T0, &homed[0]);
    }
    if (mem && reads_high_byte(insn)) {
        emit_rorx(&b->e, JIT_T0, x->op[row->reg].reg, 8);
        code.reg = JIT_T0;
    }
    if (is_gpr(insn, row->opcode) || (is_gpr(insn, row->rm) && !mem)) {
        code.rm = place_register(b, insn, is_gpr(insn, row->opcode) ? row->opcode : row->rm,
                                 second, &homed[1]);
    }
    if (is_gpr(insn, row->vvvv)) {
        jit_forget_place(b);
        if (mem && (m.base == JIT_T2 || m.index == JIT_T2)) { /* one register for the address */
            m = jit_one_register(b, m, JIT_T1);
        }
        code.vvvv = place_register(b, insn, row->vvvv, JIT_T2, &homed[2]);
    }
    if (is_gpr(insn, 0) && !mem) {
        jit_flags_keep_operand(b, insn, code.rm);
    }
    copy_emit(&b->e, &code, row->has_modrm, mem ? &m : NULL);
    /* one register in two places: MULX leaves it what reg gets, XADD what rm gets */
    static const uint8_t order[] = { 2, 0, 1 };
    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++) {
        const Homed *h = &homed[order[i]];

        if (h->written) {
            emit_store(&b->e, true, h->scratch, jit_reg_home(b->jit, h->reg));
        }
    }
    if (insn->flags_touched) {
        jit_flags_set(b, insn);
    }
    jit_x87_emit_last(b, insn);
}

/* --- the interpreter ----------------------------------------------------------------------- */

void jit_emit_to_stub(JitBuild *b, unsigned insn, const uint8_t *stub)
{
    jit_emit_placed(b, JIT_T1, (uintptr_t)&b->tb->insns[insn], FIXUP_INSN);
    emit_jmp(&b->e, stub);
}

void jit_emit_call(JitBuild *b, const JitInsn *insn, JitCallFn *fn)
{
    jit_flags_save(b);
    emit_mov_imm(&b->e, JIT_T2, (uintptr_t)fn);
    jit_emit_to_stub(b, insn->index, b->jit->stubs.call);
    b->flags = FLAGS_BOTH;
}

static void emit_to_interpreter(JitBuild *b, unsigned insn)
{
    bool saved = b->flags & FLAGS_SAVED;

    if (!saved) {
        jit_flags_need_host(b);
    }
    jit_emit_to_stub(b, insn, saved ? b->jit->stubs.interpret : b->jit->stubs.interpret_host);
}

void jit_emit_interpret(JitBuild *b, const JitInsn *insn)
{
    emit_to_interpreter(b, insn->index);
    b->flags = FLAGS_BOTH;
}

void jit_add_cold(JitBuild *b, JitCold cold)
{
    cold.flags = b->flags;
    cold.recipe = b->recipe;
    cold.vec_known = b->vec_known;
    cold.x87_known = b->x87_known;
    cold.handed_over = b->handed_over;
    b->cold[b->cold_count++] = cold;
}

/* Whoever comes here has destroyed the host's flags. */
static void begin_cold(JitBuild *b, const JitCold *cold)
{
    if (cold->disp) {
        emit_patch_here(&b->e, cold->disp);
    }
    b->flags = cold->flags & ~FLAGS_HOST;
    b->recipe = cold->recipe;
}

static void note_cold(JitBuild *b, unsigned insn)
{
    b->tb->insns[insn].cold = emit_here(&b->e) - b->tb->cold + 1;
}

void jit_emit_miss(JitBuild *b, unsigned insn, bool write)
{
    const X86JitStubs *stubs = &b->jit->stubs;

    if (b->flags & FLAGS_SAVED) {
        jit_emit_to_stub(b, insn, write ? stubs->miss_write : stubs->miss_read);
        return;
    }
    emit_mov(&b->e, true, JIT_T2, JIT_T0);
    jit_flags_need_host(b);
    jit_emit_to_stub(b, insn, write ? stubs->miss_write_host : stubs->miss_read_host);
}

static void emit_cold(JitBuild *b)
{
    for (unsigned i = 0; i < b->cold_count; i++) {
        const JitCold *cold = &b->cold[i];

        switch (cold->kind) {
        case COLD_INTERPRET:
            note_cold(b, cold->insn);
            begin_cold(b, cold);
            emit_to_interpreter(b, cold->insn);
            break;
        case COLD_FAULT:
            note_cold(b, cold->insn);
            b->flags = cold->flags;
            b->recipe = cold->recipe;
            emit_to_interpreter(b, cold->insn);
            break;
        case COLD_MISS_READ: case COLD_MISS_WRITE:
            begin_cold(b, cold);
            jit_emit_miss(b, cold->insn, cold->kind == COLD_MISS_WRITE);
            break;
        case COLD_POLL:
            begin_cold(b, cold);
            jit_emit_call(b, &b->insns[cold->insn], jit_poll);
            break;
        case COLD_INDIRECT:
            jit_emit_indirect_miss(b, cold);
            break;
        case COLD_RETURN:
            jit_emit_return_miss(b, cold);
            break;
        case COLD_LOAD_VEC:
            begin_cold(b, cold);
            emit_call(&b->e, b->jit->stubs.load_vec);
            emit_jmp(&b->e, cold->back);
            break;
        case COLD_LOAD_X87:
            begin_cold(b, cold);
            jit_flags_save(b);
            jit_emit_to_stub(b, cold->insn, b->jit->stubs.load_x87);
            break;
        case COLD_EXIT:
            jit_emit_cold_exit(b, cold);
            break;
        case COLD_UNLINKED:
            jit_emit_unlinked(b, cold);
            break;
        case COLD_SITE:
            begin_cold(b, cold);
            jit_emit_site_miss(b, cold);
            break;
        case COLD_STACK:
            begin_cold(b, cold);
            jit_emit_stack_miss(b, cold);
            break;
        }
    }
}

/* --- the block --------------------------------------------------------------------------- */

static void emit_version_entry(JitBuild *b)
{
    const JitEntry *entry = &b->tb->entry;

    b->tb->entry_host = b->tb->entry_saved = emit_here(&b->e);
    b->vec_known = entry->vec_known;
    b->x87_known = entry->x87_known;
    b->recipe = entry->recipe;
    b->flags = !b->tb->wants_flags ? FLAGS_DEAD
             : entry->saved ? FLAGS_SAVED
             : entry->recipe.op == JIT_RECIPE_NONE ? FLAGS_HOST : FLAGS_HOST | FLAGS_REPLAY;
}

/* Is page (a linear address) still the one that code was fetched from? */
static uint8_t *emit_page_check(JitBuild *b, uint64_t page)
{
    const X86TlbEntry *entry = &b->table[page >> 12 & (X86_TLB_SIZE - 1)];

    emit_op_mem(&b->e, false, 0x81, HOST_CMP, host_abs((uintptr_t)&entry->exec));
    emit32(&b->e, entry->exec);
    jit_note_placed(b, 8, FIXUP_PAGE_CHECK);
    return emit_jcc(&b->e, HOST_NZ, NULL);
}

/* For whoever comes from another page: is this still the code at this address? */
static void emit_checked_entry(JitBuild *b)
{
    uint64_t page = b->tb->rip & X86_PAGE_MASK, next = page + 0x1000;

    b->tb->entry_checked = emit_here(&b->e);
    emit_cmp_mem_imm8(&b->e, 4, JIT_ABS(b->jit, poll), 0);
    b->miss[0] = emit_jcc(&b->e, HOST_NZ, NULL);
    b->miss[1] = emit_page_check(b, page);
    b->miss[2] = b->tb->second ? emit_page_check(b, b->mode64 ? next : (uint32_t)next) : NULL;
}

static void emit_checked_miss(JitBuild *b)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(b->miss); i++) {
        if (b->miss[i]) {
            emit_patch_here(&b->e, b->miss[i]);
        }
    }
    jit_emit_placed(b, JIT_T1, b->tb->rip, FIXUP_RIP64);
    emit_jmp(&b->e, b->jit->stubs.miss);
}

/* The beginning of a plain block, which its three entries lead to. Where a second page
 * lies nobody can know who is in the first: then every entry checks. */
static void emit_entries(JitBuild *b)
{
    X86Tb *tb = b->tb;

    b->flags = preferred_flags(b);
    emit_checked_entry(b);
    tb->entry_saved = tb->second ? tb->entry_checked : emit_here(&b->e);
    if (b->flags == FLAGS_HOST) {
        jit_emit_restore_flags(b->jit, &b->e);
    }
    tb->entry_host = b->flags == FLAGS_SAVED || tb->second ? NULL : emit_here(&b->e);
}

static void emit_entry_host(JitBuild *b)
{
    if (!b->tb->entry_host) {
        b->tb->entry_host = emit_here(&b->e);
        jit_emit_save_flags(b->jit, &b->e);
        emit_jmp(&b->e, b->tb->entry_saved);
    }
}

/* What the C side needs to make a group's check succeed. */
static void note_group(JitBuild *b, const JitInsn *insn)
{
    const JitGroup *group = insn->group;
    unsigned mnemonic = insn->x.mnemonic;

    x86_tb_groups(b->tb)[group->number] = (X86TbGroup){
        .from = group->from - insn->group_delta, .to = group->to - insn->group_delta,
        .write = group->write,
        .base = mnemonic == X86_MN_PUSH || mnemonic == X86_MN_POP ? X86_RSP
              : mnemonic == X86_MN_LEAVE ? X86_RBP : insn->x.base,
    };
    b->tb->insns[insn->index].group = group->number + 1;
}

static bool has_two_accesses(const X86Insn *x)
{
    return x->op[0].kind == X86_OP_MEM &&
           (x->mnemonic == X86_MN_PUSH || x->mnemonic == X86_MN_CALL);
}

static void note_insn(JitBuild *b, const JitInsn *insn)
{
    b->tb->insns[insn->index] = (X86TbInsn){
        .host = emit_here(&b->e) - b->tb->body, .guest = insn->guest, .index = insn->index,
        .x87 = insn->interpreted ? TB_X87_INTERPRETED
             : insn->x87_last ? TB_X87_COPIED : TB_X87_NONE,
        .vec_known = b->vec_known, .x87_known = b->x87_known,
        .two_accesses = has_two_accesses(&insn->x),
    };
    if (insn->group && insn->group_first && !b->window) {
        note_group(b, insn);
    }
}

static void emit_body(JitBuild *b)
{
    for (unsigned i = 0; i < b->count; i++) {
        const JitInsn *insn = &b->insns[i];

        jit_anchors_before(b, insn);
        note_insn(b, insn);
        jit_emit_early_poll(b, insn); /* also for C that goes on here */
        if (!insn->need_before) {
            b->flags = FLAGS_DEAD;
        }
        jit_flags_before(b, insn);
        insn->emit(b, insn);
        jit_flags_after(b, insn);
        if (!insn->keeps_place) {
            jit_forget_place(b);
        }
    }
    const JitInsn end = { .guest = b->tb->len, .index = b->count };
    jit_anchors_before(b, &end);
    note_insn(b, &end);
    if (!b->insns[b->count - 1].ends) {
        jit_emit_exit(b, b->tb->rip + b->tb->len, false);
    }
}

static unsigned count_exits(const JitBuild *b)
{
    unsigned n = 1;

    for (unsigned i = 0; i < b->count; i++) {
        n += is_conditional(&b->insns[i]) || b->insns[i].x.mnemonic == X86_MN_CALL;
    }
    return n;
}

/* The block's record but for its fixups, once it is known how many instructions and exits it has at
 * most: the exits are the last. */
static bool allocate(JitBuild *b, X86Tb *proto)
{
    size_t groups = offsetof(X86Tb, insns) + (b->count + 1) * sizeof(X86TbInsn);
    size_t bytes = groups + b->group_count * sizeof(X86TbGroup);
    size_t exits = (bytes + proto->len + 7) & ~(size_t)7;
    size_t size = exits + count_exits(b) * sizeof(X86TbExit);
    X86Tb *tb = jit_record_new(b->jit, size);

    if (!tb) {
        return false;
    }
    uint16_t rounded = tb->size;
    *tb = *proto;
    memset((uint8_t *)tb + groups, 0, size - groups);
    tb->size = rounded;
    tb->stale = true;
    tb->group_count = b->group_count;
    tb->bytes = memcpy((uint8_t *)tb + bytes, proto->bytes, proto->len);
    tb->exits = (X86TbExit *)((uint8_t *)tb + exits);
    b->tb = tb;
    return true;
}

static bool emit_all(JitBuild *b)
{
    Emit hot, cold;

    if (!jit_cache_begin(b->jit, &hot, &cold)) {
        return false;
    }
    bool plain = jit_is_plain(b->tb->entry);
    hot.branches = cold.branches = &b->branches;
    b->e = hot;
    b->tb->body = emit_here(&b->e);
    if (plain) {
        emit_entries(b);
    } else {
        emit_version_entry(b);
    }
    jit_emit_anchors(b);
    emit_body(b);
    hot = b->e;
    b->tb->end = emit_here(&hot);
    b->e = cold;
    b->tb->cold = emit_here(&cold);
    emit_cold(b);
    if (plain) {
        emit_checked_miss(b);
        emit_entry_host(b);
    }
    cold = b->e;
    jit_keep_fixups(b, &hot, &cold);
    jit_cache_end(b->jit, &hot, &cold);
    return true;
}

static void note_wants(const JitBuild *b, X86Tb *tb)
{
    tb->wants_flags = b->insns[0].need_before;
    tb->wants_anchor = b->anchor;
    for (unsigned i = 0; i < b->count; i++) {
        tb->wants_vec |= b->insns[i].vector;
        tb->wants_x87 |= b->insns[i].x87;
    }
}

/* Everything that is known before code is emitted; false: there is nothing to translate. */
static bool begin(JitBuild *b, X86Jit *jit, X86Tb *proto)
{
    b->jit = jit;
    b->cpu = jit->cpu;
    b->tb = proto;
    b->mode64 = proto->key & X86_HF_CS64;
    b->window = (proto->key & X86_KEY_WINDOW) &&
                *jit_window_strikes(jit, proto->code) < JIT_WINDOW_STRIKES;
    b->count = b->cold_count = b->placed_count = 0;
    b->branches = (EmitBranches){ .max = JIT_MAX_FIXUPS, .at = b->branch_at };
    b->vec_known = b->x87_known = b->fixed = false;
    b->recipe_from = b->kept_for = NULL;
    jit_forget_place(b);
    b->table = jit->cpu->tlb_now;
    decode(b);
    if (!b->count) {
        return false;
    }
    jit_find_loops(b);
    jit_find_groups(b);
    jit_find_anchors(b);
    jit_find_sites(b);
    analyse(b);
    note_wants(b, proto);
    return true;
}

/* A block has been made, be it a clone; its cold code begins at cold. */
static void complete(X86Jit *jit, const X86Tb *tb, const uint8_t *cold)
{
    jit->stats.blocks++;
    jit->stats.guest_bytes += tb->len;
    jit->stats.host_bytes += tb->end - tb->body + tb->cold_len;
    jit_log_block(jit, tb);
    if (jit->check) {
        jit_check_block(jit->build, cold);
    }
    jit_perf_map_add(jit, tb);
}

/* The checker compares code with what was decoded. */
static void decode_clone(X86Jit *jit, X86Tb *tb)
{
    JitBuild *b = jit->build;
    X86Tb proto = { .rip = tb->rip, .key = tb->key, .code = tb->code };

    b->max_count = tb->count;
    b->exact = true;
    begin(b, jit, &proto);
    b->tb = tb;
}

static X86Tb *translate(X86Jit *jit, uint64_t rip, uint32_t key, JitEntry entry,
                        const uint8_t *code, bool *full)
{
    X86Tb proto = { .rip = rip, .key = key, .code = code };
    JitBuild *b = jit->build;

    b->max_count = jit->single ? 1 : JIT_MAX_INSNS;
    b->exact = false;
    if (!begin(b, jit, &proto)) {
        return NULL;
    }
    if (!proto.second) {
        proto.entry = jit_useful_entry(&proto, entry);
    }
    b->mode = jit_mode(jit, key & ~X86_KEY_CAREFUL);
    *full = !b->mode || !allocate(b, &proto) || !emit_all(b);
    return *full ? NULL : b->tb;
}

X86Tb *jit_translate(X86Jit *jit, uint64_t rip, uint32_t key, JitEntry entry,
                     const uint8_t *code, bool *full)
{
    const uint8_t *cold = jit->code_rx + jit->code_size / 2 + jit->cold_used;
    X86Tb *tb = jit_clone(jit, rip, key, entry, code, full);

    if (tb && jit->check) {
        decode_clone(jit, tb);
    } else if (!tb && !*full) {
        tb = translate(jit, rip, key, entry, code, full);
    }
    if (tb) {
        complete(jit, tb, cold);
    }
    return tb;
}

X86Tb *jit_translate_clone(X86Jit *jit, const X86Tb *from, uint64_t rip)
{
    const uint8_t *cold = jit->code_rx + jit->code_size / 2 + jit->cold_used;
    X86Tb *tb = jit_clone_of(jit, from, rip);

    if (jit->check) {
        decode_clone(jit, tb);
    }
    complete(jit, tb, cold);
    return tb;
}
