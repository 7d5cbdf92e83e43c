/*
 * The machine that the fuzz targets of devices drive: see pc.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/fuzz/pc.h"
#include <string.h>
#include "accel/accel.h"
#include "util/main-loop.h"
#include "util/module.h"
#include "util/option.h"

uint32_t fuzz_take(FuzzInput *in, unsigned bytes)
{
    uint32_t val = 0;
    for (unsigned i = 0; i < bytes && in->left; i++, in->left--) {
        val |= (uint32_t)*in->data++ << (8 * i);
    }
    return val;
}

unsigned fuzz_take_size(FuzzInput *in)
{
    return 1u << fuzz_take(in, 1) % 3;
}

uint32_t fuzz_choose(FuzzInput *in, const FuzzArea *areas, size_t count)
{
    const FuzzArea *area = &areas[fuzz_take(in, 1) % count];
    return area->start + fuzz_take(in, area->size > 0x100 ? 3 : 1) % area->size;
}

void fuzz_out(MachineState *m, uint32_t port, unsigned size, uint32_t val)
{
    address_space_st(&m->io_as, port, size, val);
}

uint32_t fuzz_in(MachineState *m, uint32_t port, unsigned size)
{
    return (uint32_t)address_space_ld(&m->io_as, port, size);
}

void fuzz_config(MachineState *m, uint32_t devfn, uint32_t reg, unsigned size, uint32_t val)
{
    fuzz_out(m, 0xcf8, 4, 0x80000000u | devfn << 8 | (reg & 0xfc));
    fuzz_out(m, 0xcfc + (reg & 3 & -size), size, val);
    fuzz_in(m, 0xcfc + (reg & 3 & -size), size);
}

static void settle_one(BlockBackend *blk, void *opaque)
{
    blk_drain(blk);
}

void fuzz_settle(MachineState *m)
{
    block_foreach(m->drives, settle_one, NULL);
    main_loop_wait(false);
}

/* --- making it -------------------------------------------------------------------------- */

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

static void add_ports(MachineState *m)
{
    g_ptr_array_add(m->serials, chardev_add_legacy(m->chardevs, "serial0", "null", &error_fatal));
    g_ptr_array_add(m->parallels,
                    chardev_add_legacy(m->chardevs, "parallel0", "null", &error_fatal));
    g_ptr_array_add(m->debugcons,
                    chardev_add_legacy(m->chardevs, "debugcon0", "null", &error_fatal));
}

static void add_devices(MachineState *m)
{
    static const char *const types[] = { "ib700", "isa-debug-exit", "pvpanic", "edu",
                                         "secondary-vga", "bochs-display", "ramfb" };
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        DeviceState *dev = qdev_new(types[i]);
        if (object_property_find(dev, "dma_mask")) {
            object_property_set_uint(OBJECT(dev), "dma_mask", UINT32_MAX, &error_fatal);
        }
        const char *bus_type = DEVICE_GET_CLASS(dev)->bus_type;
        BusState *bus = bus_type ? bus_find(m, bus_type, NULL) : m->main_bus;
        g_assert(qdev_realize_and_unref(dev, bus, m, &error_fatal));
    }
}

static MachineState *make_machine(const char *vga)
{
    static const AccelChoice qtest = { .name = "qtest" };
    for (int kind = 0; kind < MODULE_COUNT; kind++) {
        module_call_init(kind);
    }
    main_loop_init();
    MachineState *m = machine_new("pc", &error_fatal);
    m->ram_size = FUZZ_RAM_SIZE;
    m->defaults = true;
    m->vga = g_strdup(vga);
    m->kernel_cmdline = g_strdup("");
    add_drives(m);
    add_ports(m);
    g_assert(accel_select(m, &qtest, 1, &error_fatal));
    g_assert(machine_init_run(m, &error_fatal));
    add_devices(m);
    clock_set_manual(m->clock);
    return m;
}

MachineState *fuzz_pc(const char *vga)
{
    static MachineState *machine;
    if (!machine) {
        machine = make_machine(vga);
    }
    fuzz_settle(machine);
    machine_reset(machine);
    memset(memory_region_get_ram_ptr(&machine->ram), 0, FUZZ_RAM_SIZE);
    return machine;
}
