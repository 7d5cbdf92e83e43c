/*
 * Fuzz target: arbitrary code in the interpreter, in every mode and privilege.
 * Whatever a guest executes, the host must neither crash nor hang.
 *
 * The input's first byte chooses the mode, the next ones seed the registers, the
 * rest is code.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "target/i386/interp/interp.h"
#include "tests/cpu/guest.h"
#include "tests/cpu/random.h"
#include "tests/cpu/values.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_STEPS = 64, MAX_CODE = 256 };
enum { START_USER64, START_USER32, START_USER16, START_KERNEL64, START_REAL, START_COUNT };

static void random_regs(Random *r, CpuRegs *regs, unsigned start)
{
    static const uint16_t cs[] = { SEL_CODE64, SEL_CODE32, LDT_SELECTOR(LDT_CODE16), 0x10, 0 };
    uint16_t data = start == START_USER16 ? LDT_SELECTOR(LDT_DATA16) : SEL_DATA;

    memset(regs, 0, sizeof(*regs));
    for (unsigned i = 0; i < 16; i++) {
        regs->gpr[i] = random_chance(r, 40) ? WINDOW_BASE + random_below(r, WINDOW_SIZE)
                                            : value_integer(r);
        value_vector(r, regs->ymm[i]);
        value_vector(r, regs->ymm[i] + 2);
    }
    regs->gpr[X86_RSP] = WINDOW_BASE + WINDOW_STACK + 0x1000;
    regs->rip = (start == START_USER16 ? 0 : WINDOW_BASE) + WINDOW_CODE + 0x400;
    regs->eflags = 2 | (random64(r) & (X86_EFLAGS_ARITH | X86_EFLAGS_DF | X86_EFLAGS_AC));
    regs->mxcsr = random64(r) & 0xffff;
    regs->fcw = random64(r) & 0xf7f;
    regs->fsw = random64(r) & 0x7f7f;
    regs->ftw = random64(r);
    for (unsigned i = 0; i < 8; i++) {
        regs->st[i] = value_float80(r);
    }
    for (unsigned i = 0; i < X86_SEG_COUNT; i++) {
        regs->seg[i] = start == START_KERNEL64 ? 0x18 : data;
    }
    regs->seg[X86_CS] = cs[start];
    regs->seg[X86_FS] = regs->seg[X86_GS] = 0;
    regs->gs_base = WINDOW_BASE;
}

/* Real mode with all segment bases on the window. */
static void enter_real_mode(X86CPU *cpu)
{
    X86State *s = &cpu->state;

    s->efer = 0;
    s->cr0 = X86_CR0_ET;
    s->cr4 = 0;
    for (unsigned i = 0; i < X86_SEG_COUNT; i++) {
        s->segs[i] = (X86Segment){ 0xf000, X86_DESC_P | X86_DESC_S | X86_DESC_W |
                                   (i == X86_CS ? X86_DESC_CODE : 0), 0xffff, WINDOW_BASE };
    }
    s->rip = WINDOW_CODE + 0x400;
    x86_update_hflags(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Guest *guest;
    uint8_t code[MAX_CODE];
    Random r = { 1 };
    CpuRegs regs;
    X86CPU *cpu;

    if (size < 10) {
        return 0;
    }
    if (!guest) {
        guest = guest_new();
    }
    cpu = guest_cpu(guest);
    memset(guest_window(guest), 0, WINDOW_SIZE);
    guest_reset(guest);
    memcpy(&r.state, data + 1, 8);
    r.state |= 1;
    random_regs(&r, &regs, data[0] % START_COUNT);
    guest_load(guest, &regs);
    if (data[0] % START_COUNT == START_REAL) {
        enter_real_mode(cpu);
    }
    memset(code, 0x90, sizeof(code));
    memcpy(code, data + 9, MIN(size - 9, sizeof(code)));
    guest_write_code(guest, WINDOW_CODE + 0x400, code, sizeof(code));
    for (unsigned i = 0; i < MAX_STEPS && !cpu->state.triple_fault && !cpu->parent.halted; i++) {
        x86_interp_step(cpu);
    }
    cpu->parent.halted = false;
    return 0;
}
