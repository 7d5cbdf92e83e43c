/*
 * Port I/O (SDM vol. 1, chapter 19).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/io.h"
#include <string.h>
#include "target/i386/crdr.h"
#include "target/i386/seg.h"

enum { TSS_IO_MAP_BASE = 0x66, TSS_MIN_LIMIT = 0x67 };

static void note_access(X86CPU *cpu, uint16_t port, unsigned size)
{
    if (cpu->state.hflags & X86_HF_BP_IO) {
        x86_note_io_breakpoint(cpu, port, size);
    }
}

uint32_t x86_io_in(X86CPU *cpu, uint16_t port, unsigned size)
{
    uint32_t val = UINT32_MAX >> (32 - size * 8);

    if (cpu->parent.io_as) {
        val = address_space_ld(cpu->parent.io_as, port, size);
    }
    x86_trail_access(&cpu->trail.port, port, val, size, false);
    note_access(cpu, port, size);
    return val;
}

unsigned x86_io_in_run(X86CPU *cpu, uint16_t port, void *buf, unsigned size, unsigned n)
{
    unsigned done = 0;

    if (cpu->parent.io_as && !(cpu->state.hflags & X86_HF_BP_IO)) {
        done = address_space_load_run(cpu->parent.io_as, port, size, buf, n);
    }
    if (done) {
        uint32_t last = 0;
        memcpy(&last, (uint8_t *)buf + (done - 1) * size, size);
        x86_trail_access(&cpu->trail.port, port, last, size, false);
    }
    return done;
}

void x86_io_out(X86CPU *cpu, uint16_t port, uint32_t val, unsigned size)
{
    if (cpu->parent.io_as) {
        address_space_st(cpu->parent.io_as, port, size, val);
    }
    x86_trail_access(&cpu->trail.port, port, val, size, true);
    note_access(cpu, port, size);
}

/* The bit of every port must be clear; two bytes are read, as the CPU does, so
 * that an access across a byte needs no second look. */
static bool bitmap_allows(X86CPU *cpu, uint16_t port, unsigned size)
{
    X86Segment *tr = &cpu->state.tr;
    unsigned type = tr->attr & X86_DESC_TYPE;

    if (tr->attr & X86_DESC_UNUSABLE || type < X86_SYS_TSS_AVAIL || tr->limit < TSS_MIN_LIMIT) {
        return false;
    }
    uint32_t offset = x86_sys_read16(cpu, tr->base + TSS_IO_MAP_BASE) + port / 8u;
    if (offset + 1 > tr->limit) {
        return false;
    }
    unsigned mask = ((1u << size) - 1) << port % 8;
    return !(x86_sys_read16(cpu, tr->base + offset) & mask);
}

void x86_io_check(X86CPU *cpu, uint16_t port, unsigned size)
{
    X86State *s = &cpu->state;
    bool vm86 = s->hflags & X86_HF_VM86;

    if (s->hflags & X86_HF_PE && (vm86 || !(s->hflags & X86_HF_IOPL_OK)) &&
        !bitmap_allows(cpu, port, size)) {
        x86_raise(cpu, X86_EXCP_GP, 0);
    }
}
