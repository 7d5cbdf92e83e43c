/*
 * Fuzz target: every device of the pc machine. The input is a list of port,
 * memory and configuration accesses, steps of the clock and resets. Nothing a guest does
 * may end the program; sanitizers find the rest.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include <string.h>
#include "accel/accel.h"
#include "hw/core/machine.h"
#include "tests/fuzz/fuzz.h"
#include "util/main-loop.h"
#include "util/module.h"
#include "util/option.h"

typedef struct Input {
    const uint8_t *data;
    size_t left;
} Input;

/* Takes up to 4 bytes, little-endian; zeros beyond the end. */
static uint32_t take(Input *in, unsigned bytes)
{
    uint32_t val = 0;
    for (unsigned i = 0; i < bytes && in->left; i++, in->left--) {
        val |= (uint32_t)*in->data++ << (8 * i);
    }
    return val;
}

static unsigned take_size(Input *in)
{
    return 1u << take(in, 1) % 3;
}

/* Where devices are: a start, and how many addresses from there on. */
typedef struct Area {
    uint32_t start, size;
} Area;

static const Area ports[] = {
    { 0x00, 0x10 }, { 0x20, 2 }, { 0x40, 4 }, { 0x60, 5 }, { 0x70, 2 }, { 0x80, 0x10 },
    { 0x92, 1 }, { 0xa0, 2 }, { 0xb2, 2 }, { 0xc0, 0x20 }, { 0x170, 8 }, { 0x1ce, 4 }, { 0x1f0, 8 },
    { 0x278, 8 }, { 0x2f8, 8 }, { 0x376, 1 }, { 0x378, 8 }, { 0x3b0, 0x30 }, { 0x3f0, 8 },
    { 0x3f8, 8 }, { 0x443, 1 }, { 0x4d0, 2 }, { 0x505, 2 }, { 0x510, 12 }, { 0x600, 0x40 },
    { 0xafe0, 4 }, { 0xb100, 0x40 }, { 0xc000, 0x40 }, { 0xcf8, 8 },
};

static const Area memory[] = {
    { 0, 0x1000 },              /* RAM: what DMA finds */
    { 0xa0000, 0x20000 },       /* VGA */
    { 0xc0000, 0x40000 },       /* PAM */
    { 0xe0000000, 0x1000000 },  /* where base addresses are put */
    { 0xfec00000, 0x100 }, { 0xfed00000, 0x400 }, { 0xfee00000, 0x1000 },
    { 0xfffffff0, 0x10 },
};

static uint32_t choose(Input *in, const Area *areas, size_t count)
{
    const Area *area = &areas[take(in, 1) % count];
    return area->start + take(in, area->size > 0x100 ? 3 : 1) % area->size;
}

static void config_write(MachineState *m, Input *in)
{
    static const uint8_t functions[] = { 0x00, 0x08, 0x09, 0x0b, 0x10, 0x18 };
    uint32_t devfn = functions[take(in, 1) % sizeof(functions)], reg = take(in, 1);
    unsigned size = take_size(in);
    address_space_st(&m->io_as, 0xcf8, 4, 0x80000000u | devfn << 8 | (reg & 0xfc));
    address_space_st(&m->io_as, 0xcfc + (reg & 3 & -size), size, take(in, size));
    address_space_ld(&m->io_as, 0xcfc + (reg & 3 & -size), size);
}

static void step(MachineState *m, Input *in)
{
    switch (take(in, 1) % 16) {
    case 0 ... 5: {
        uint32_t port = choose(in, ports, G_N_ELEMENTS(ports));
        unsigned size = take_size(in);
        address_space_st(&m->io_as, port, size, take(in, size));
        break;
    }
    case 6 ... 8: {
        uint32_t port = choose(in, ports, G_N_ELEMENTS(ports));
        address_space_ld(&m->io_as, port, take_size(in));
        break;
    }
    case 9 ... 10: {
        uint32_t addr = choose(in, memory, G_N_ELEMENTS(memory));
        unsigned size = take_size(in);
        address_space_st(&m->memory_as, addr, size, take(in, size));
        break;
    }
    case 11: {
        uint32_t addr = choose(in, memory, G_N_ELEMENTS(memory));
        address_space_ld(&m->memory_as, addr, take_size(in));
        break;
    }
    case 12 ... 13:
        config_write(m, in);
        break;
    case 14:
        clock_advance_to(m->clock, clock_get_ns(m->clock) + 1 + take(in, 3) % (2 * NS_PER_MS));
        main_loop_wait(false);
        break;
    default:
        address_space_st(&m->io_as, take(in, 2), 1, take(in, 1));
    }
}

/* A disk, a CD and a floppy, without files. */
static void add_drives(MachineState *m)
{
    static const char *const drives[] = {
        "if=ide,index=0,driver=null-co,size=16M,read-zeroes=on",
        "if=ide,index=2,media=cdrom,driver=null-co,size=16M,read-zeroes=on",
        "if=floppy,driver=null-co,size=1440k,read-zeroes=on",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(drives); i++) {
        OptDict *opts = optdict_parse("-drive", drives[i], NULL, &error_fatal);
        g_assert(block_drive_add(m->drives, opts, &error_fatal));
        optdict_free(opts);
    }
}

static MachineState *make_machine(void)
{
    static const AccelChoice qtest = { .name = "qtest" };
    for (int kind = 0; kind < MODULE_COUNT; kind++) {
        module_call_init(kind);
    }
    main_loop_init();
    MachineState *m = machine_new("pc", &error_fatal);
    m->ram_size = 16 << 20;
    m->defaults = true;
    m->kernel_cmdline = g_strdup("");
    add_drives(m);
    g_assert(accel_select(m, &qtest, 1, &error_fatal));
    g_assert(machine_init_run(m, &error_fatal));
    clock_set_manual(m->clock);
    return m;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static MachineState *machine;
    Input in = { data, size };
    if (!machine) {
        machine = make_machine();
    }
    machine_reset(machine);
    while (in.left) {
        step(machine, &in);
    }
    main_loop_wait(false);
    return 0;
}
