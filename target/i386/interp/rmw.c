/*
 * Read-modify-write (rmw.h).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/interp/rmw.h"
#include "target/i386/interp/flags.h"
#include "target/i386/interp/interp.h"

typedef struct SavedFlags {
    uint64_t result, carries;
    uint32_t lazy, eflags;
} SavedFlags;

static SavedFlags save_flags(const X86State *s)
{
    return (SavedFlags){ s->cc_result, s->cc_carries, s->cc_lazy, s->eflags };
}

static void restore_flags(X86State *s, SavedFlags saved)
{
    s->cc_result = saved.result;
    s->cc_carries = saved.carries;
    s->cc_lazy = saved.lazy;
    s->eflags = saved.eflags;
}

#define ATOMIC_LOOP(suffix, T)                                                                 \
    do {                                                                                       \
        T old = __atomic_load_n((T *)host, __ATOMIC_RELAXED);                                  \
        T val = fn(s, old, src, size);                                                         \
        while (!__atomic_compare_exchange_n((T *)host, &old, val, false, __ATOMIC_SEQ_CST,     \
                                            __ATOMIC_SEQ_CST)) {                               \
            restore_flags(s, before);                                                          \
            val = fn(s, old, src, size);                                                       \
        }                                                                                      \
        return old;                                                                            \
    } while (0)

static uint64_t rmw_atomic(X86State *s, void *host, unsigned size, X86RmwFn *fn, uint64_t src)
{
    SavedFlags before = save_flags(s);

    X86_BY_SIZE(size, ATOMIC_LOOP);
}

uint64_t x86_rmw_lin(X86CPU *cpu, uint64_t lin, unsigned size, X86RmwFn *fn, uint64_t src,
                     bool locked)
{
    X86State *s = &cpu->state;
    void *host = locked ? x86_lin_rmw_ptr(cpu, lin, size) : NULL;

    if (host) {
        uint64_t old = rmw_atomic(s, host, size, fn, src);

        x86_lin_rmw_done(cpu, size);
        return old;
    }
    /* The flags may change only once the store has succeeded. */
    x86_lin_probe(cpu, lin, size, X86_ACCESS_WRITE);
    uint64_t old = x86_lin_read_n(cpu, lin, size);
    x86_lin_write_n(cpu, lin, fn(s, old, src, size), size);
    return old;
}

uint64_t x86_rmw_op(X86CPU *cpu, const X86Insn *insn, unsigned i, X86RmwFn *fn, uint64_t src,
                    bool locked)
{
    unsigned size = insn->op[i].size;

    if (x86_op_is_mem(insn, i)) {
        uint64_t lin = x86_op_lin(cpu, insn, i, size, X86_ACCESS_WRITE);

        return x86_rmw_lin(cpu, lin, size, fn, src, locked);
    }
    uint64_t old = x86_op_read(cpu, insn, i);

    x86_op_write(cpu, insn, i, fn(&cpu->state, old, src, size));
    return old;
}
