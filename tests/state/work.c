/*
 * Every device at work: see work_all() in machines.h. By the data sheets; the ports are the PC's.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/state/machines.h"
#include "hw/core/cpu-debug.h"
#include "hw/i386/vmport.h"

/* A list of bytes for ports: { port, value }. */
typedef struct PortByte {
    uint16_t port;
    uint8_t val;
} PortByte;

static void out_all(TestMachine *t, const PortByte *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out(t, list[i].port, 1, list[i].val);
    }
}

#define OUT_ALL(t, ...)                                                        \
    do {                                                                       \
        static const PortByte bytes[] = { __VA_ARGS__ };                       \
        out_all(t, bytes, G_N_ELEMENTS(bytes));                                \
    } while (0)

/* 8259s initialised, some lines masked, one level-triggered; interrupts in service. */
static void work_pics(TestMachine *t)
{
    OUT_ALL(t, { 0x20, 0x11 }, { 0x21, 0x08 }, { 0x21, 0x04 }, { 0x21, 0x01 }, { 0xa0, 0x11 },
            { 0xa1, 0x70 }, { 0xa1, 0x02 }, { 0xa1, 0x01 }, { 0x21, 0x28 }, { 0xa1, 0x8f },
            { 0x4d0, 0x20 }, { 0x4d1, 0x0c }, { 0x20, 0x0b }, { 0xa0, 0xc3 });
}

/* Counter 0 in mode 2, 1 in mode 0 with half a count written, 2 in mode 3 with its gate on. */
static void work_pit(TestMachine *t)
{
    OUT_ALL(t, { 0x43, 0x34 }, { 0x40, 0x10 }, { 0x40, 0x27 }, { 0x43, 0x70 }, { 0x41, 0x34 },
            { 0x43, 0xb6 }, { 0x42, 0x33 }, { 0x42, 0x05 }, { 0x61, 0x03 }, { 0x43, 0x00 });
    in(t, 0x40, 1); /* half a latched count */
}

/* An alarm 2 s ahead, periodic interrupts at 64 Hz, update interrupts. */
static void work_rtc(TestMachine *t)
{
    OUT_ALL(t, { 0x70, 0x0b }, { 0x71, 0x72 }, { 0x70, 0x01 }, { 0x71, 0x00 }, { 0x70, 0x03 },
            { 0x71, 0xc0 }, { 0x70, 0x05 }, { 0x71, 0xc0 }, { 0x70, 0x0a }, { 0x71, 0x2a },
            { 0x70, 0x40 }, { 0x71, 0x5a }, { 0x70, 0x0c });
}

/* Keyboard and mouse on, bytes in both queues, a key held, half a command. */
static void work_i8042(TestMachine *t)
{
    OUT_ALL(t, { 0x64, 0x60 }, { 0x60, 0x47 }, { 0x64, 0xd4 }, { 0x60, 0xf4 }, { 0x60, 0xf4 });
    step_clock(t, NS_PER_MS);
    in(t, 0x60, 1);
    input_send_key(t->m->input, KEY_A, true);
    input_send_rel(t->m->input, INPUT_AXIS_X, 12);
    input_send_rel(t->m->input, INPUT_AXIS_Y, -7);
    input_sync(t->m->input);
    OUT_ALL(t, { 0x60, 0xed });
    step_clock(t, NS_PER_MS);
}

/* The backdoor takes its command from the registers of the CPU that reads the port. */
static void ask_vmmouse(TestMachine *t, uint32_t control)
{
    enum { CMD_CONTROL = 41 };
    CPUState *cpu = g_ptr_array_index(t->m->cpus, 0);
    const uint64_t regs[] = { VMPORT_MAGIC, control, CMD_CONTROL };
    uint8_t old[G_N_ELEMENTS(regs)][sizeof(uint64_t)] = { { 0 } };

    for (unsigned n = 0; n < G_N_ELEMENTS(regs); n++) {
        CPU_GET_CLASS(cpu)->registers->read(cpu, n, old[n]);
        CPU_GET_CLASS(cpu)->registers->write(cpu, n, (const uint8_t *)&regs[n]);
    }
    current_cpu = cpu;
    in(t, VMPORT_PORT, 4);
    current_cpu = NULL;
    for (unsigned n = 0; n < G_N_ELEMENTS(regs); n++) {
        CPU_GET_CLASS(cpu)->registers->write(cpu, n, old[n]);
    }
}

/* The driver has identified the pointer and chosen absolute positions; one waits. */
static void work_vmmouse(TestMachine *t)
{
    enum { READ_ID = 0x45414552, ABSOLUTE = 0x53424152 };

    ask_vmmouse(t, READ_ID);
    ask_vmmouse(t, ABSOLUTE);
    input_send_abs(t->m->input, INPUT_AXIS_X, 0x1234, 0, INPUT_ABS_MAX);
    input_send_button(t->m->input, INPUT_BUTTON_RIGHT, true);
    input_sync(t->m->input);
}

/* FIFO on, loopback: bytes wait in the receiver; modem lines have changed. */
static void work_serial(TestMachine *t)
{
    for (uint16_t base = 0x3f8; base >= 0x2f8; base -= 0x100) {
        out(t, base + 3, 1, 0x83);
        out(t, base, 1, 0x0c);
        out(t, base + 3, 1, 0x1b);
        out(t, base + 2, 1, 0x81);
        out(t, base + 4, 1, 0x1b);
        out(t, base + 1, 1, 0x0d);
        for (unsigned i = 0; i < 5; i++) {
            out(t, base, 1, 'a' + i);
            step_clock(t, 2 * NS_PER_MS);
        }
        in(t, base, 1);
        out(t, base + 7, 1, 0x77);
    }
}

/* Channel 2 for the floppy at 0x2000, channel 3 requested by software; half an address written. */
static void work_dma(TestMachine *t)
{
    OUT_ALL(t, { 0xd0, 0x00 }, { 0x0c, 0x00 }, { 0x0b, 0x46 }, { 0x04, 0x00 }, { 0x04, 0x20 },
            { 0x05, 0xff }, { 0x05, 0x03 }, { 0x81, 0x00 }, { 0x0a, 0x02 }, { 0xd6, 0xc0 },
            { 0xd4, 0x00 }, { 0x06, 0x12 });
}

/* A seek; READ DATA by DMA to its end, its result half read. */
static void work_floppy(TestMachine *t)
{
    static const uint8_t read_data[] = { 0xe6, 0, 3, 0, 1, 2, 18, 0x1b, 0xff };

    OUT_ALL(t, { 0x3f2, 0x00 }, { 0x3f2, 0x1c }, { 0x3f7, 0x00 });
    step_clock(t, 10 * NS_PER_MS);
    for (unsigned i = 0; i < 4; i++) { /* SENSE INTERRUPT after reset, for each drive */
        out(t, 0x3f5, 1, 0x08);
        in(t, 0x3f5, 1);
        in(t, 0x3f5, 1);
    }
    OUT_ALL(t, { 0x3f5, 0x0f }, { 0x3f5, 0x00 }, { 0x3f5, 0x03 });
    step_clock(t, 300 * NS_PER_MS);
    out(t, 0x3f5, 1, 0x08);
    in(t, 0x3f5, 1);
    in(t, 0x3f5, 1);
    for (unsigned i = 0; i < sizeof(read_data); i++) {
        out(t, 0x3f5, 1, read_data[i]);
    }
    step_clock(t, 300 * NS_PER_MS);
    in(t, 0x3f5, 1);
    in(t, 0x3f5, 1);
}

/* The disk in the middle of READ MULTIPLE by PIO, the CD with a packet half written. */
static void work_ide(TestMachine *t)
{
    OUT_ALL(t, { 0x1f6, 0xe0 }, { 0x1f2, 4 }, { 0x1f7, 0xc6 });
    settle(t);
    OUT_ALL(t, { 0x1f2, 9 }, { 0x1f3, 5 }, { 0x1f4, 0 }, { 0x1f5, 0 }, { 0x1f6, 0xe0 },
            { 0x1f7, 0xc4 });
    settle(t);
    for (unsigned i = 0; i < 700; i++) {
        in(t, 0x1f0, 2);
    }
    OUT_ALL(t, { 0x176, 0xa0 }, { 0x174, 0 }, { 0x175, 8 }, { 0x177, 0xa0 });
    settle(t);
    for (unsigned i = 0; i < 4; i++) {
        out(t, 0x170, 2, i ? 0 : 0x0028);
    }
}

/* Redirection entries, one of level kind; local timers of both kinds; a task priority. */
static void work_apics(TestMachine *t)
{
    static const uint32_t ioapic[][2] = {
        { 0x00, 0x01000000 }, { 0x14, 0x00000031 }, { 0x15, 0 }, { 0x18, 0x0000a039 },
        { 0x19, 0x01000000 }, { 0x1a, 0x00010930 },
    };
    static const uint32_t local[][2] = {
        { 0x0f0, 0x1ff }, { 0x080, 0x20 }, { 0x320, 0x20041 }, { 0x3e0, 0x0b },
        { 0x380, 5000000 }, { 0x370, 0xfe }, { 0x350, 0x700 }, { 0x300, 0x44051 }, { 0x280, 0 },
        { 0x300, 0xc4608 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(ioapic); i++) {
        mem_write(t, 0xfec00000, 4, ioapic[i][0]);
        mem_write(t, 0xfec00010, 4, ioapic[i][1]);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(local); i++) {
        mem_write(t, 0xfee00000 + local[i][0], 4, local[i][1]);
    }
}

/* Counting, timer 0 periodic, timer 1 one-shot, timer 2 periodic without an interrupt, its match long
 * past: it must not move. */
static void work_hpet(TestMachine *t)
{
    mem_write(t, 0xfed000f0, 8, 5000);
    mem_write(t, 0xfed00100, 8, 0x4c);
    mem_write(t, 0xfed00108, 8, 1000000);
    mem_write(t, 0xfed00108, 8, 300000);
    mem_write(t, 0xfed00120, 8, 0x1404);
    mem_write(t, 0xfed00128, 8, 7000000);
    mem_write(t, 0xfed00140, 8, 0x48);
    mem_write(t, 0xfed00148, 8, 500);
    mem_write(t, 0xfed00148, 8, 1300);
    mem_write(t, 0xfed00010, 8, 1);
}

static void config_write(TestMachine *t, unsigned devfn, unsigned reg, unsigned size, uint32_t val)
{
    out(t, 0xcf8, 4, 0x80000000 | devfn << 8 | (reg & 0xfc));
    out(t, 0xcfc + (reg & 3), size, val);
}

/* PAM, interrupt routing, base addresses, power management; bus-master registers. */
static void work_pci(TestMachine *t)
{
    config_write(t, 0x00, 0x59, 1, 0x30);
    config_write(t, 0x00, 0x5a, 1, 0x21);
    config_write(t, 0x08, 0x60, 4, 0x0b0b0a0a);
    config_write(t, 0x09, 0x20, 4, 0xc041);
    config_write(t, 0x09, 0x04, 2, 7);
    config_write(t, 0x09, 0x40, 4, 0x80008000);
    config_write(t, 0x0b, 0x40, 4, 0x601);
    config_write(t, 0x0b, 0x80, 1, 1);
    config_write(t, 0x10, 0x10, 4, 0xfd000000);
    config_write(t, 0x10, 0x18, 4, 0xfebf0000);
    config_write(t, 0x10, 0x04, 2, 3);
    out(t, 0xc044, 4, 0x3000);
    out(t, 0x602, 2, 0x0321);
    out(t, 0xcf8, 4, 0x80000050);
    mem_write(t, 0xc8000, 4, 0x12345678);
}

/* 640x480x8 by VBE, palette half written, memory behind it. */
static void work_vga(TestMachine *t)
{
    static const uint16_t vbe[][2] = { { 4, 0 }, { 1, 640 }, { 2, 480 }, { 3, 8 }, { 9, 4 }, { 4, 0x41 } };

    OUT_ALL(t, { 0x3c2, 0x63 }, { 0x3c4, 0x02 }, { 0x3c5, 0x0f }, { 0x3ce, 0x05 }, { 0x3cf, 0x40 },
            { 0x3d4, 0x0e }, { 0x3d5, 0x03 }, { 0x3c8, 0x10 }, { 0x3c9, 0x3f }, { 0x3c9, 0x15 });
    in(t, 0x3da, 1);
    out(t, 0x3c0, 1, 0x31);
    for (unsigned i = 0; i < G_N_ELEMENTS(vbe); i++) {
        out(t, 0x1ce, 2, vbe[i][0]);
        out(t, 0x1cf, 2, vbe[i][1]);
    }
    mem_write(t, 0xfd012340, 4, 0xa5a55a5a);
}

/* fw_cfg in the middle of an item; ports 80h and 92h, speaker, printer, watchdog, SMBus. */
static void work_rest(TestMachine *t)
{
    out(t, 0x510, 2, 0x19);
    for (unsigned i = 0; i < 11; i++) {
        in(t, 0x511, 1);
    }
    OUT_ALL(t, { 0x80, 0x42 }, { 0x92, 0x02 }, { 0x378, 0x66 }, { 0x37a, 0x15 }, { 0x443, 0x09 },
            { 0xb3, 0x77 });
}

void work_all(TestMachine *t)
{
    work_pci(t);
    work_pics(t);
    work_pit(t);
    work_rtc(t);
    work_serial(t);
    work_dma(t);
    work_floppy(t);
    work_ide(t);
    work_vga(t);
    work_apics(t);
    work_hpet(t);
    work_i8042(t);
    work_vmmouse(t);
    work_rest(t);
    settle(t);
}
