/*
 * Fuzz target: every device of the pc machine. The input is a list of port,
 * memory and configuration accesses, steps of the clock and resets. Nothing a guest does
 * may end the program; sanitizers find the rest.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/pc.h"
#include "util/main-loop.h"

static const FuzzArea ports[] = {
    { 0x00, 0x10 }, { 0x20, 2 }, { 0x40, 4 }, { 0x60, 5 }, { 0x70, 2 }, { 0x80, 0x10 },
    { 0x92, 1 }, { 0xa0, 2 }, { 0xb2, 2 }, { 0xc0, 0x20 }, { 0x170, 8 }, { 0x1ce, 4 }, { 0x1f0, 8 },
    { 0x278, 8 }, { 0x2f8, 8 }, { 0x376, 1 }, { 0x378, 8 }, { 0x3b0, 0x30 }, { 0x3f0, 8 },
    { 0x3f8, 8 }, { 0x443, 1 }, { 0x4d0, 2 }, { 0x505, 2 }, { 0x510, 12 }, { 0x600, 0x40 },
    { 0xafe0, 4 }, { 0xb100, 0x40 }, { 0xc000, 0x40 }, { 0xcf8, 8 },
};

static const FuzzArea memory[] = {
    { 0, 0x1000 },              /* RAM: what DMA finds */
    { 0xa0000, 0x20000 },       /* VGA */
    { 0xc0000, 0x40000 },       /* PAM */
    { 0xe0000000, 0x1000000 },  /* where base addresses are put */
    { 0xfec00000, 0x100 }, { 0xfed00000, 0x400 }, { 0xfee00000, 0x1000 },
    { 0xfffffff0, 0x10 },
};

static void config_write(MachineState *m, FuzzInput *in)
{
    static const uint8_t functions[] = { 0x00, 0x08, 0x09, 0x0b, 0x10, 0x18 };
    uint32_t devfn = functions[fuzz_take(in, 1) % sizeof(functions)], reg = fuzz_take(in, 1);
    unsigned size = fuzz_take_size(in);
    fuzz_config(m, devfn, reg, size, fuzz_take(in, size));
}

static void step(MachineState *m, FuzzInput *in)
{
    switch (fuzz_take(in, 1) % 16) {
    case 0 ... 5: {
        uint32_t port = fuzz_choose(in, ports, G_N_ELEMENTS(ports));
        unsigned size = fuzz_take_size(in);
        address_space_st(&m->io_as, port, size, fuzz_take(in, size));
        break;
    }
    case 6 ... 8: {
        uint32_t port = fuzz_choose(in, ports, G_N_ELEMENTS(ports));
        address_space_ld(&m->io_as, port, fuzz_take_size(in));
        break;
    }
    case 9 ... 10: {
        uint32_t addr = fuzz_choose(in, memory, G_N_ELEMENTS(memory));
        unsigned size = fuzz_take_size(in);
        address_space_st(&m->memory_as, addr, size, fuzz_take(in, size));
        break;
    }
    case 11: {
        uint32_t addr = fuzz_choose(in, memory, G_N_ELEMENTS(memory));
        address_space_ld(&m->memory_as, addr, fuzz_take_size(in));
        break;
    }
    case 12 ... 13:
        config_write(m, in);
        break;
    case 14:
        clock_advance_to(m->clock, clock_get_ns(m->clock) + 1 + fuzz_take(in, 3) % (2 * NS_PER_MS));
        main_loop_wait(false);
        break;
    default:
        address_space_st(&m->io_as, fuzz_take(in, 2), 1, fuzz_take(in, 1));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput in = { data, size };
    MachineState *machine = fuzz_pc("std");

    while (in.left) {
        step(machine, &in);
    }
    fuzz_settle(machine);
    return 0;
}
