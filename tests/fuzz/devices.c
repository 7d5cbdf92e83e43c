/*
 * Fuzz targets: one device each (FUZZ_DEVICE names it), through its ports, its memory and DMA.
 *
 * The input is a list of steps: single accesses to where the device is, steps of the clock, RAM
 * contents, and whole operations of the device (a disk command with its transfer, say), which get
 * an input to depths that single accesses reach too seldom. DMA goes to RAM, to the tables it is
 * described by, to ROM, to nothing and to the registers of devices.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include <string.h>
#include "chardev/char-int.h"
#include "hw/core/cpu-debug.h"
#include "hw/i386/pc.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/pc.h"
#include "util/main-loop.h"

typedef struct FuzzDevice {
    const char *name;
    FuzzArea ports[8], memory[4];     /* up to the first without a size */
    void (*prepare)(MachineState *m); /* after reset; may be NULL */
    void (*operate)(MachineState *m, FuzzInput *in); /* may be NULL */
    const char *vga;                  /* the machine's display adapter; NULL: std */
} FuzzDevice;

/* Where the PCI devices are put. */
enum { BUS_MASTER = 0xc000, PM_BASE = 0x600, SMBUS_BASE = 0x700, VGA_MEMORY = 0xe0000000u,
       VGA_REGISTERS = 0xe2000000u, EDU = 0xe3000000u };
enum { DEVFN_HOST = 0x00, DEVFN_PIIX3 = 0x08, DEVFN_IDE = 0x09, DEVFN_PM = 0x0b,
       DEVFN_VGA = 0x10, DEVFN_EDU = 0x18, DEVFN_SECONDARY_VGA = 0x20,
       DEVFN_BOCHS_DISPLAY = 0x28 };
enum { IOAPIC = 0xfec00000u, HPET = 0xfed00000u, LAPIC = 0xfee00000u };
enum { TABLE = 0x1000 }; /* descriptors for DMA */

static void put32(MachineState *m, uint32_t addr, uint32_t val)
{
    address_space_st(&m->memory_as, addr, 4, val);
}

/* --- DMA: what a transfer may hit ------------------------------------------------------------ */

static uint32_t dma_target(FuzzInput *in)
{
    static const FuzzArea targets[] = {
        { 0x10000, 0x80000 }, { TABLE, 0x100 }, { 0, 0x100 }, { FUZZ_RAM_SIZE - 0x40, 0x80 },
        { 0xa0000, 0x20000 }, { 0xf0000, 0x10000 }, { VGA_MEMORY, 0x1000000 },
        { VGA_REGISTERS, 0x1000 }, { EDU, 0x100 }, { IOAPIC, 0x100 }, { HPET, 0x400 }, { LAPIC, 0x1000 },
        { 0xd0000000u, 0x100 }, { 0xffffffc0u, 0x40 },
    };
    return fuzz_choose(in, targets, G_N_ELEMENTS(targets));
}

/* --- IDE ------------------------------------------------------------------------------------- */

static const uint16_t ide_bases[] = { 0x1f0, 0x170 };

static void prepare_ide(MachineState *m)
{
    fuzz_config(m, DEVFN_IDE, 0x20, 4, BUS_MASTER);
    fuzz_config(m, DEVFN_IDE, 0x04, 2, 7);
    fuzz_config(m, DEVFN_VGA, 0x10, 4, VGA_MEMORY);
    fuzz_config(m, DEVFN_VGA, 0x18, 4, VGA_REGISTERS);
    fuzz_config(m, DEVFN_VGA, 0x04, 2, 7);
}

static void ide_taskfile(MachineState *m, FuzzInput *in, uint16_t base)
{
    fuzz_out(m, base + 6, 1, fuzz_take(in, 1));
    for (unsigned reg = 1; reg < 6; reg++) {
        fuzz_out(m, base + reg, 1, fuzz_take(in, 1));
    }
}

/* The words of a transfer by the processor. */
static void ide_words(MachineState *m, FuzzInput *in, uint16_t base)
{
    bool write = fuzz_take(in, 1) & 1;
    for (unsigned n = fuzz_take(in, 2) % 1100; n > 0; n--) {
        if (write) {
            fuzz_out(m, base, 2, n);
        } else {
            fuzz_in(m, base, 2);
        }
    }
    fuzz_settle(m);
}

static void ide_engine(MachineState *m, FuzzInput *in, unsigned channel)
{
    uint32_t table = fuzz_take(in, 1) & 7 ? TABLE : dma_target(in) & ~3u;
    unsigned n = 1 + fuzz_take(in, 1) % 3;

    for (unsigned i = 0; i < n; i++) {
        put32(m, table + 8 * i, dma_target(in));
        put32(m, table + 8 * i + 4, fuzz_take(in, 2) | (i == n - 1 ? 0x80000000u : 0));
    }
    fuzz_out(m, BUS_MASTER + 8 * channel + 4, 4, table);
    fuzz_out(m, BUS_MASTER + 8 * channel, 1, 1 | (fuzz_take(in, 1) & 8));
    fuzz_settle(m);
}

static void ide_packet(MachineState *m, FuzzInput *in, uint16_t base)
{
    static const uint8_t opcodes[] = {
        0x00, 0x03, 0x12, 0x1a, 0x1b, 0x1e, 0x25, 0x28, 0x2b, 0x35, 0x42, 0x43, 0x44, 0x46, 0x4a,
        0x51, 0x52, 0x55, 0x5a, 0xa4, 0xa8, 0xad, 0xb9, 0xbb, 0xbd, 0xbe,
    };
    fuzz_out(m, base + 7, 1, 0xa0);
    fuzz_settle(m);
    fuzz_out(m, base, 2, opcodes[fuzz_take(in, 1) % sizeof(opcodes)] | fuzz_take(in, 1) << 8);
    for (unsigned i = 1; i < 6; i++) {
        fuzz_out(m, base, 2, fuzz_take(in, 2));
    }
}

static void operate_ide(MachineState *m, FuzzInput *in)
{
    static const uint8_t commands[] = {
        0x00, 0x06, 0x08, 0x10, 0x20, 0x24, 0x25, 0x27, 0x29, 0x30, 0x34, 0x35, 0x37, 0x39, 0x40,
        0x42, 0x60, 0x70, 0x90, 0x91, 0xa1, 0xb0, 0xc4, 0xc5, 0xc6, 0xc8, 0xca, 0xe0, 0xe1, 0xe3,
        0xe5, 0xe6, 0xe7, 0xea, 0xec, 0xef, 0xf8, 0xf9,
    };
    unsigned channel = fuzz_take(in, 1) & 1, kind = fuzz_take(in, 1);
    uint16_t base = ide_bases[channel];

    ide_taskfile(m, in, base);
    if (kind & 1) {
        ide_packet(m, in, base);
    } else {
        fuzz_out(m, base + 7, 1, commands[fuzz_take(in, 1) % sizeof(commands)]);
    }
    if (kind & 2) {
        fuzz_settle(m);
        ide_words(m, in, base);
    } else {
        ide_engine(m, in, channel);
    }
    if (kind & 4) {
        fuzz_out(m, base + 0x206, 1, fuzz_take(in, 1)); /* soft reset among others */
    }
}

/* --- floppy, DMA controllers ----------------------------------------------------------------- */

static void program_dma(MachineState *m, FuzzInput *in, unsigned channel)
{
    static const uint8_t pages[] = { 0x87, 0x83, 0x81, 0x82, 0x8f, 0x8b, 0x89, 0x8a };
    uint32_t target = dma_target(in), count = fuzz_take(in, 2);
    unsigned base = channel < 4 ? 0 : 0xc0, step = channel < 4 ? 1 : 2, n = channel & 3;

    fuzz_out(m, base + 12 * step, 1, 0);
    fuzz_out(m, base + 11 * step, 1, (fuzz_take(in, 1) & 0xfc) | n);
    fuzz_out(m, base + 2 * n * step, 1, target);
    fuzz_out(m, base + 2 * n * step, 1, target >> 8);
    fuzz_out(m, base + (2 * n + 1) * step, 1, count);
    fuzz_out(m, base + (2 * n + 1) * step, 1, count >> 8);
    fuzz_out(m, pages[channel], 1, target >> 16);
    fuzz_out(m, base + 10 * step, 1, n);
}

static void operate_dma(MachineState *m, FuzzInput *in)
{
    unsigned channel = fuzz_take(in, 1) & 7;

    program_dma(m, in, channel);
    fuzz_out(m, channel < 4 ? 9 : 0xd2, 1, 4 | (channel & 3));
    fuzz_settle(m);
}

static void operate_fdc(MachineState *m, FuzzInput *in)
{
    static const uint8_t opcodes[] = {
        0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11,
        0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x19, 0x1d, 0x2c, 0x33, 0x34, 0x4f, 0x8e, 0x8f, 0xcd,
    };
    uint8_t opcode = opcodes[fuzz_take(in, 1) % sizeof(opcodes)];

    fuzz_out(m, 0x3f2, 1, 0x14 | (fuzz_take(in, 1) & 0x3b)); /* motor on, out of reset */
    program_dma(m, in, 2);
    fuzz_out(m, 0x3f5, 1, opcode | (fuzz_take(in, 1) & 0xe0));
    for (unsigned i = 0; i < 8; i++) {
        fuzz_out(m, 0x3f5, 1, fuzz_take(in, 1) % 84);
    }
    fuzz_settle(m);
    clock_advance_to(m->clock, clock_get_ns(m->clock) + 20 * NS_PER_MS);
    for (unsigned n = fuzz_take(in, 1) % 24; n > 0; n--) {
        fuzz_in(m, 0x3f5, 1);
    }
}

/* --- serial and parallel port ---------------------------------------------------------------- */

static void operate_serial(MachineState *m, FuzzInput *in)
{
    Chardev *chr = m->serials->pdata[0];
    uint8_t text[32];

    if (fuzz_take(in, 1) & 1) {
        chr_be_event(chr, CHR_EVENT_BREAK);
    }
    int n = MIN(chr_be_can_write(chr), (int)(fuzz_take(in, 1) % sizeof(text)));
    for (int i = 0; i < n; i++) {
        text[i] = fuzz_take(in, 1);
    }
    if (n > 0) {
        chr_be_write(chr, text, n);
    }
}

/* --- keyboard controller --------------------------------------------------------------------- */

static void operate_i8042(MachineState *m, FuzzInput *in)
{
    unsigned kind = fuzz_take(in, 1);

    switch (kind & 3) {
    case 0:
        input_send_key(m->input, fuzz_take(in, 1) % KEY_CODE_COUNT, kind & 4);
        break;
    case 1:
        input_send_rel(m->input, INPUT_AXIS_X, (int16_t)fuzz_take(in, 2));
        input_send_rel(m->input, INPUT_AXIS_Y, (int16_t)fuzz_take(in, 2));
        break;
    case 2:
        input_send_button(m->input, fuzz_take(in, 1) % INPUT_BUTTON_COUNT, kind & 4);
        break;
    default: /* a byte for the mouse */
        fuzz_out(m, 0x64, 1, 0xd4);
        fuzz_out(m, 0x60, 1, fuzz_take(in, 1));
    }
    input_sync(m->input);
}

/* --- VMware backdoor: what the guest's registers say -------------------------------------------- */

static void ask_vmport(MachineState *m, const uint32_t regs[6])
{
    static const unsigned order[] = { 0, 1, 2, 4, 5 }; /* all but RDX, in CPURegisters' numbers */
    CPUState *cpu = g_ptr_array_index(m->cpus, 0);

    for (size_t i = 0; i < G_N_ELEMENTS(order); i++) {
        uint64_t val = regs[order[i]];
        CPU_GET_CLASS(cpu)->registers->write(cpu, order[i], (const uint8_t *)&val);
    }
    current_cpu = cpu;
    fuzz_in(m, 0x5658, 4);
    current_cpu = NULL;
}

static void operate_vmmouse(MachineState *m, FuzzInput *in)
{
    static const uint32_t commands[] = { 10, 19, 20, 23, 46, 68, 39, 40, 41, 41, 41 };
    static const uint32_t controls[] = { 0x45414552, 0xf5, 0x4c455252, 0x53424152 };
    unsigned kind = fuzz_take(in, 1);
    uint32_t regs[6] = { 0x564d5868, fuzz_take(in, 1), commands[kind % G_N_ELEMENTS(commands)] };

    if (kind & 0x80) {
        regs[1] = controls[regs[1] % G_N_ELEMENTS(controls)];
    } else if (kind & 0x40) {
        regs[2] = fuzz_take(in, 4);
    }
    ask_vmport(m, regs);
    input_send_abs(m->input, INPUT_AXIS_X, (int16_t)fuzz_take(in, 2), 0, INPUT_ABS_MAX);
    operate_i8042(m, in);
}

/* --- interrupt controllers ------------------------------------------------------------------- */

static void operate_intc(MachineState *m, FuzzInput *in)
{
    PCMachine *pc = PC_MACHINE(m);
    unsigned kind = fuzz_take(in, 1), n = fuzz_take(in, 1);
    uint16_t base = n & 1 ? 0x20 : 0xa0;

    switch (kind & 3) {
    case 0:
        for (unsigned i = 0; i < 4; i++) {
            fuzz_out(m, base + (i > 0), 1, i ? fuzz_take(in, 1) : 0x10 | fuzz_take(in, 1));
        }
        break;
    case 1:
        irq_set(pc->isa->irqs[n % ISA_NUM_IRQS], kind & 4);
        break;
    case 2:
        i8259_ack(&pc->pics);
        break;
    default:
        put32(m, IOAPIC, 0x10 + n % 48);
        put32(m, IOAPIC + 0x10, fuzz_take(in, 4));
    }
}

/* --- timers ---------------------------------------------------------------------------------- */

static void operate_timers(MachineState *m, FuzzInput *in)
{
    unsigned kind = fuzz_take(in, 1), n = fuzz_take(in, 1) % 3;

    switch (kind & 3) {
    case 0:
        fuzz_out(m, 0x43, 1, n << 6 | 0x30 | (fuzz_take(in, 1) & 15));
        fuzz_out(m, 0x40 + n, 1, fuzz_take(in, 1));
        fuzz_out(m, 0x40 + n, 1, fuzz_take(in, 1));
        break;
    case 1:
        put32(m, HPET + 0x10, 1 | (kind & 4) >> 1);
        put32(m, HPET + 0x100 + 0x20 * n, fuzz_take(in, 2));
        put32(m, HPET + 0x108 + 0x20 * n, fuzz_take(in, 4));
        break;
    case 2:
        fuzz_out(m, 0x70, 1, fuzz_take(in, 1) % 14);
        fuzz_out(m, 0x71, 1, fuzz_take(in, 1));
        break;
    default:
        put32(m, LAPIC + 0xf0, 0x1ff);
        put32(m, LAPIC + 0x320, fuzz_take(in, 3));
        put32(m, LAPIC + 0x3e0, fuzz_take(in, 1));
        put32(m, LAPIC + 0x380, fuzz_take(in, 4));
    }
    clock_advance_to(m->clock, clock_get_ns(m->clock) + fuzz_take(in, 2) * 16);
}

/* --- power management, chipset --------------------------------------------------------------- */

static void prepare_pm(MachineState *m)
{
    fuzz_config(m, DEVFN_PM, 0x40, 4, PM_BASE | 1);
    fuzz_config(m, DEVFN_PM, 0x80, 1, 1);
    fuzz_config(m, DEVFN_PM, 0x90, 4, SMBUS_BASE | 1);
    fuzz_config(m, DEVFN_PM, 0xd2, 1, 9);
}

static void operate_config(MachineState *m, FuzzInput *in)
{
    static const uint8_t functions[] = { DEVFN_HOST, DEVFN_PIIX3, DEVFN_IDE, DEVFN_PM, DEVFN_VGA };
    uint32_t devfn = functions[fuzz_take(in, 1) % sizeof(functions)], reg = fuzz_take(in, 1);
    unsigned size = fuzz_take_size(in);

    fuzz_config(m, devfn, reg, size, fuzz_take(in, size));
}

/* --- fw_cfg ---------------------------------------------------------------------------------- */

static void put32_be(MachineState *m, uint32_t addr, uint32_t val)
{
    put32(m, addr, GUINT32_TO_BE(val));
}

static void operate_fw_cfg(MachineState *m, FuzzInput *in)
{
    uint32_t at = fuzz_take(in, 1) & 7 ? TABLE : dma_target(in);
    unsigned flags = fuzz_take(in, 1);

    fuzz_out(m, 0x510, 2, fuzz_take(in, 2) & 0xc03f);
    put32_be(m, at, (fuzz_take(in, 1) & 0x3f) << 16 | (flags & 0x1f));
    put32_be(m, at + 4, fuzz_take(in, flags & 0x80 ? 3 : 2));
    put32_be(m, at + 8, flags & 0x40 ? 1 : 0);
    put32_be(m, at + 12, dma_target(in));
    fuzz_out(m, 0x514, 4, flags & 0x20 ? fuzz_take(in, 1) : 0);
    fuzz_out(m, 0x518, 4, GUINT32_TO_BE(at));
}

/* --- edu: DMA of a device to its own registers ----------------------------------------------- */

static void prepare_edu(MachineState *m)
{
    prepare_ide(m);
    fuzz_config(m, DEVFN_EDU, 0x10, 4, EDU);
    fuzz_config(m, DEVFN_EDU, 0x04, 2, 7);
}

static void operate_edu(MachineState *m, FuzzInput *in)
{
    enum { BUFFER = 0x40000, SOURCE = 0x80, DESTINATION = 0x88, COUNT = 0x90, COMMAND = 0x98 };
    unsigned command = fuzz_take(in, 1) & 7;
    bool to_ram = command & 2;
    uint32_t target = dma_target(in), inside = BUFFER + fuzz_take(in, 2) % 0x1100;

    put32(m, EDU + SOURCE, to_ram ? inside : target);
    put32(m, EDU + DESTINATION, to_ram ? target : inside);
    put32(m, EDU + COUNT, fuzz_take(in, 2) % 0x1100);
    put32(m, EDU + COMMAND, command | 1);
    clock_advance_to(m->clock, clock_get_ns(m->clock) + 101 * NS_PER_MS);
}

/* --- VGA ------------------------------------------------------------------------------------- */

static void operate_vga(MachineState *m, FuzzInput *in)
{
    static const uint16_t indexed[] = { 0x3c4, 0x3ce, 0x3d4, 0x3b4, 0x1ce };
    uint16_t port = indexed[fuzz_take(in, 1) % G_N_ELEMENTS(indexed)];
    Console *con = console_by_index(m->consoles, 0);
    bool vbe = port == 0x1ce;

    if (fuzz_take(in, 1) & 1) {
        fuzz_in(m, 0x3da, 1);
        fuzz_out(m, 0x3c0, 1, fuzz_take(in, 1) & 0x3f);
        fuzz_out(m, 0x3c0, 1, fuzz_take(in, 1));
    }
    fuzz_out(m, port, vbe ? 2 : 1, fuzz_take(in, 1) & 0x1f);
    fuzz_out(m, port + 1, vbe ? 2 : 1, fuzz_take(in, vbe ? 2 : 1));
    if (!(fuzz_take(in, 1) & 3)) {
        console_refresh(con);
        g_free(console_text(con));
    }
}

/* --- displays without VGA ports --------------------------------------------------------------- */

static void refresh_screens(MachineState *m)
{
    Console *con;

    for (unsigned i = 0; (con = console_by_index(m->consoles, i)); i++) {
        console_refresh(con);
    }
}

static void prepare_display(MachineState *m, uint32_t devfn)
{
    prepare_ide(m);
    fuzz_config(m, DEVFN_VGA, 0x04, 2, 0);
    fuzz_config(m, devfn, 0x10, 4, VGA_MEMORY);
    fuzz_config(m, devfn, 0x18, 4, VGA_REGISTERS);
    fuzz_config(m, devfn, 0x04, 2, 7);
}

static void prepare_secondary_vga(MachineState *m)
{
    prepare_display(m, DEVFN_SECONDARY_VGA);
}

static void prepare_bochs_display(MachineState *m)
{
    prepare_display(m, DEVFN_BOCHS_DISPLAY);
}

/* A VBE register, a VGA port or the byte order, and sometimes a look at the screen. */
static void operate_display(MachineState *m, FuzzInput *in)
{
    uint32_t registers = VGA_REGISTERS + 0x500, ports = VGA_REGISTERS + 0x400;
    unsigned kind = fuzz_take(in, 1);

    if (kind & 1) {
        address_space_st(&m->memory_as, registers + fuzz_take(in, 1) % 12 * 2, 2, fuzz_take(in, 2));
    }
    if (kind & 2) {
        address_space_st(&m->memory_as, ports + fuzz_take(in, 1) % 0x20, 1, fuzz_take(in, 1));
    }
    if (kind & 4) {
        put32(m, VGA_REGISTERS + 0x604, kind & 8 ? 0xbebebebe : 0x1e1e1e1e);
    }
    if (!(kind & 0x70)) {
        refresh_screens(m);
    }
}

/* The key of etc/ramfb, from fw_cfg's directory; 0 if it is not there. */
static uint32_t ramfb_key(MachineState *m)
{
    uint8_t entry[64];

    fuzz_out(m, 0x510, 2, 0x19);
    fuzz_in(m, 0x511, 1), fuzz_in(m, 0x511, 1), fuzz_in(m, 0x511, 1);
    for (unsigned n = fuzz_in(m, 0x511, 1); n > 0; n--) {
        for (size_t i = 0; i < sizeof(entry); i++) {
            entry[i] = fuzz_in(m, 0x511, 1);
        }
        if (memcmp(entry + 8, "etc/ramfb", 10) == 0) {
            return entry[4] << 8 | entry[5];
        }
    }
    return 0;
}

/* Writes the description of a screen, sensible or not. */
static void operate_ramfb(MachineState *m, FuzzInput *in)
{
    static const uint32_t formats[] = { 0x34325258, 0x36314752, 0x34324752, 0 };
    uint32_t config[7] = { 0 }, at = TABLE + 0x40;
    unsigned kind = fuzz_take(in, 1);

    config[0] = GUINT32_TO_BE(kind & 0x80 ? fuzz_take(in, 4) : 0);
    config[1] = GUINT32_TO_BE(dma_target(in));
    config[2] = GUINT32_TO_BE(formats[kind & 3]);
    config[4] = GUINT32_TO_BE(fuzz_take(in, kind & 4 ? 4 : 1));
    config[5] = GUINT32_TO_BE(fuzz_take(in, kind & 8 ? 4 : 1));
    config[6] = GUINT32_TO_BE(kind & 16 ? fuzz_take(in, 4) : 0);
    address_space_write(&m->memory_as, at, MEMTXATTRS_NONE, config, sizeof(config));
    put32_be(m, TABLE, ramfb_key(m) << 16 | 0x18);
    put32_be(m, TABLE + 4, kind & 32 ? fuzz_take(in, 1) : sizeof(config));
    put32_be(m, TABLE + 8, 0);
    put32_be(m, TABLE + 12, at);
    fuzz_out(m, 0x514, 4, 0);
    fuzz_out(m, 0x518, 4, GUINT32_TO_BE(TABLE));
    refresh_screens(m);
}

/* --- Cirrus ---------------------------------------------------------------------------------- */

enum { CIRRUS_MMIO = VGA_REGISTERS, CIRRUS_BLT_REGS = CIRRUS_MMIO + 0x100,
       CIRRUS_BLT_DATA = VGA_MEMORY + 0x1000000 };

static void prepare_cirrus(MachineState *m)
{
    fuzz_config(m, DEVFN_VGA, 0x10, 4, VGA_MEMORY);
    fuzz_config(m, DEVFN_VGA, 0x14, 4, CIRRUS_MMIO);
    fuzz_config(m, DEVFN_VGA, 0x04, 2, 7);
    fuzz_out(m, 0x3c2, 1, 0x67);
    fuzz_out(m, 0x3c4, 2, 0x0107); /* packed pixels */
}

/* A transfer of any kind, small as a rule, with the CPU's data if it waits for some. */
static void cirrus_transfer(MachineState *m, FuzzInput *in)
{
    static const uint8_t rops[] = { 0x00, 0x05, 0x06, 0x09, 0x0b, 0x0d, 0x0e, 0x50, 0x59, 0x6d,
                                    0x90, 0x95, 0xad, 0xd0, 0xd6, 0xda, 0xff };
    unsigned kind = fuzz_take(in, 1), mask = (kind & 0xe0) == 0xe0 ? 0x003f1fff : 0x000f007f;

    put32(m, CIRRUS_BLT_REGS, fuzz_take(in, 4));
    put32(m, CIRRUS_BLT_REGS + 0x04, fuzz_take(in, 4));
    put32(m, CIRRUS_BLT_REGS + 0x08, fuzz_take(in, 4) & mask);
    put32(m, CIRRUS_BLT_REGS + 0x0c, fuzz_take(in, 4));
    put32(m, CIRRUS_BLT_REGS + 0x14, fuzz_take(in, 4));
    put32(m, CIRRUS_BLT_REGS + 0x18, fuzz_take(in, 1) |
          rops[fuzz_take(in, 1) % sizeof(rops)] << 16 | (uint32_t)fuzz_take(in, 1) << 24);
    put32(m, CIRRUS_BLT_REGS + 0x1c, fuzz_take(in, 2));
    put32(m, CIRRUS_BLT_REGS + 0x10, fuzz_take(in, 4));
    put32(m, CIRRUS_BLT_REGS + 0x40, 2);
    for (unsigned n = kind & 0x3f; n > 0; n--) {
        put32(m, kind & 0x80 ? 0xa0000u : CIRRUS_BLT_DATA, n * 0x9e3779b9u);
    }
    if (fuzz_take(in, 1) & 1) {
        put32(m, CIRRUS_BLT_REGS + 0x40, 4);
        put32(m, CIRRUS_BLT_REGS + 0x40, 0);
    }
}

static void operate_cirrus(MachineState *m, FuzzInput *in)
{
    static const uint16_t indexed[] = { 0x3c4, 0x3ce, 0x3d4 };
    Console *con = console_by_index(m->consoles, 0);
    unsigned kind = fuzz_take(in, 1);

    if (kind & 1) {
        cirrus_transfer(m, in);
    } else if (kind & 2) {
        for (unsigned i = 0; i < 4; i++) {
            fuzz_in(m, 0x3c6, 1);
        }
        fuzz_out(m, 0x3c6, 1, fuzz_take(in, 1));
    } else {
        uint16_t port = indexed[fuzz_take(in, 1) % G_N_ELEMENTS(indexed)];
        fuzz_out(m, port, 1, fuzz_take(in, 1) & 0x3f);
        fuzz_out(m, port + 1, 1, fuzz_take(in, 1));
    }
    if (!(kind & 0x18)) {
        fuzz_in(m, 0x3da, 1);
        fuzz_out(m, 0x3c0, 1, 0x20);
        console_refresh(con);
        g_free(console_text(con));
    }
}

/* --- the targets ----------------------------------------------------------------------------- */

static const FuzzDevice devices[] = {
    { "ide", { { 0x1f0, 8 }, { 0x170, 8 }, { 0x376, 1 }, { 0x3f6, 1 }, { BUS_MASTER, 16 } },
      { { TABLE, 0x40 } }, prepare_ide, operate_ide },
    { "fdc", { { 0x3f0, 8 }, { 0x3f5, 1 }, { 0x81, 1 }, { 0x00, 16 } }, { { 0x10000, 0x100 } },
      NULL, operate_fdc },
    { "dma", { { 0x00, 16 }, { 0xc0, 32 }, { 0x80, 16 } }, { { 0x10000, 0x100 } }, prepare_ide,
      operate_dma },
    { "serial", { { 0x3f8, 8 }, { 0x378, 8 }, { 0xe9, 1 } }, { { 0 } }, NULL, operate_serial },
    { "i8042", { { 0x60, 1 }, { 0x64, 1 }, { 0x92, 1 } }, { { 0 } }, NULL, operate_i8042 },
    { "vmmouse", { { 0x5658, 4 }, { 0x60, 1 }, { 0x64, 1 } }, { { 0 } }, NULL, operate_vmmouse },
    { "intc", { { 0x20, 2 }, { 0xa0, 2 }, { 0x4d0, 2 } },
      { { IOAPIC, 0x100 }, { LAPIC, 0x400 }, { LAPIC, 0x100000 } }, NULL, operate_intc },
    { "timers", { { 0x40, 4 }, { 0x61, 1 }, { 0x70, 2 }, { 0x441, 3 } },
      { { HPET, 0x400 }, { LAPIC + 0x300, 0x100 } }, NULL, operate_timers },
    { "chipset", { { 0xcf8, 8 }, { PM_BASE, 0x40 }, { SMBUS_BASE, 16 }, { 0xafe0, 4 },
                   { 0xb2, 2 }, { 0x505, 2 }, { 0x501, 4 } },
      { { 0xc0000, 0x40000 }, { 0xa0000, 0x20000 }, { 0xfffffff0u, 16 } }, prepare_pm,
      operate_config },
    { "edu", { { 0 } }, { { EDU, 0x100 }, { EDU, 0x100000 } }, prepare_edu, operate_edu },
    { "fw_cfg", { { 0x510, 2 }, { 0x511, 1 }, { 0x514, 8 } }, { { TABLE, 0x20 } }, prepare_ide,
      operate_fw_cfg },
    { "vga", { { 0x3b0, 0x30 }, { 0x1ce, 4 } },
      { { 0xa0000, 0x20000 }, { VGA_MEMORY, 0x1000000 }, { VGA_REGISTERS, 0x1000 } }, prepare_ide,
      operate_vga },
    { "secondary_vga", { { 0x3b0, 0x30 } }, { { VGA_MEMORY, 0x1000000 }, { VGA_REGISTERS, 0x1000 } },
      prepare_secondary_vga, operate_display },
    { "bochs_display", { { 0x3b0, 0x30 } }, { { VGA_MEMORY, 0x1000000 }, { VGA_REGISTERS, 0x1000 } },
      prepare_bochs_display, operate_display },
    { "ramfb", { { 0x510, 12 } }, { { 0x10000, 0x100000 }, { TABLE, 0x80 } }, prepare_ide,
      operate_ramfb },
    { "cirrus", { { 0x3b0, 0x30 } },
      { { 0xa0000, 0x20000 }, { VGA_MEMORY, 0x400000 }, { CIRRUS_MMIO, 0x180 },
        { CIRRUS_BLT_DATA, 0x400 } }, prepare_cirrus, operate_cirrus, "cirrus" },
};

static const FuzzDevice *find_device(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(devices); i++) {
        if (g_str_equal(devices[i].name, name)) {
            return &devices[i];
        }
    }
    g_assert_not_reached();
}

static uint32_t choose_address(FuzzInput *in, const FuzzArea *areas, size_t max)
{
    size_t n = 0;
    while (n < max && areas[n].size) {
        n++;
    }
    return n ? fuzz_choose(in, areas, n) : TABLE;
}

static void step(MachineState *m, const FuzzDevice *device, FuzzInput *in)
{
    unsigned kind = fuzz_take(in, 1) % 16, size = fuzz_take_size(in);
    uint32_t port = choose_address(in, device->ports, G_N_ELEMENTS(device->ports));
    uint32_t addr = choose_address(in, device->memory, G_N_ELEMENTS(device->memory));

    switch (kind) {
    case 0 ... 3:
        fuzz_out(m, port, size, fuzz_take(in, size));
        break;
    case 4 ... 5:
        fuzz_in(m, port, size);
        break;
    case 6 ... 7:
        address_space_st(&m->memory_as, addr, size, fuzz_take(in, size));
        break;
    case 8:
        address_space_ld(&m->memory_as, addr, size);
        break;
    case 9:
        clock_advance_to(m->clock, clock_get_ns(m->clock) + 1 + fuzz_take(in, 3) % (2 * NS_PER_MS));
        fuzz_settle(m);
        break;
    default:
        device->operate(m, in);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const FuzzDevice *device = find_device(FUZZ_DEVICE);
    FuzzInput in = { data, size };
    MachineState *m = fuzz_pc(device->vga ? device->vga : "std");

    if (device->prepare) {
        device->prepare(m);
    }
    while (in.left) {
        step(m, device, &in);
    }
    fuzz_settle(m);
    return 0;
}
