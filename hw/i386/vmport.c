/*
 * "vmport": the VMware backdoor, see vmport.h. What it answers itself:
 *
 *     10  version      EAX 6 | EBX the magic number | ECX product type
 *     19  BIOS UUID    EAX, EBX, ECX, EDX: its bytes in order
 *     20  RAM size     EAX bytes, up to 4 GiB - 1 | EBX a constant
 *     23  time         EAX seconds since 1970 | EBX microseconds | ECX the largest lag, microseconds
 *     46  full time    EAX the magic number | ESI:EDX seconds | EBX, ECX as above
 *     68  vCPU info    EAX bit 31 no information
 *
 * Everything else reads as all ones, as the port does without the magic number.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/i386/vmport.h"
#include <string.h>
#include "hw/core/cpu-debug.h"
#include "hw/core/machine.h"
#include "hw/isa/isa.h"
#include "util/trace.h"

TRACE_EVENT(vmport_command, "command %u EBX 0x%x");
TRACE_EVENT(vmport_refused, "EAX 0x%x ECX 0x%x");

OBJECT_DECLARE_SIMPLE(VMPortState, VMPORT, TYPE_VMPORT)

enum {
    CMD_GET_VERSION = 10, CMD_GET_UUID = 19, CMD_GET_RAM_SIZE = 20, CMD_GET_TIME = 23,
    CMD_GET_TIME_FULL = 46, CMD_GET_VCPU_INFO = 68,
};
enum { VMX_VERSION = 6, VMX_TYPE_SERVER = 2, RAM_SIZE_EBX = 0x1177, MAX_TIME_LAG_US = 1000000 };
#define VCPU_INFO_RESERVED (UINT32_C(1) << 31)

struct VMPortState {
    ISADevice parent_obj;
    MemoryRegion io;
    struct {
        VMPortFn *fn;
        void *opaque;
    } commands[VMPORT_COMMANDS];
};

/* --- registers of the CPU that asks ----------------------------------------------------------- */

/* Results in the numbering of x86's target description, which begins RAX RBX RCX RDX RSI RDI. */
static void read_registers(CPUState *cpu, uint32_t regs[VMPORT_REGS])
{
    for (unsigned n = 0; n < VMPORT_REGS; n++) {
        uint64_t val = 0;
        CPU_GET_CLASS(cpu)->registers->read(cpu, n, (uint8_t *)&val);
        regs[n] = val;
    }
}

/* Only what changed: upper halves of the others stay. */
static void write_registers(CPUState *cpu, const uint32_t old[VMPORT_REGS],
                            const uint32_t regs[VMPORT_REGS])
{
    for (unsigned n = 0; n < VMPORT_REGS; n++) {
        uint64_t val = regs[n];
        if (regs[n] != old[n]) {
            CPU_GET_CLASS(cpu)->registers->write(cpu, n, (const uint8_t *)&val);
        }
    }
}

static bool run_command(VMPortState *s, uint32_t regs[VMPORT_REGS])
{
    uint16_t command = regs[VMPORT_ECX];

    if (regs[VMPORT_EAX] != VMPORT_MAGIC || command >= VMPORT_COMMANDS ||
        !s->commands[command].fn) {
        trace(vmport_refused, regs[VMPORT_EAX], regs[VMPORT_ECX]);
        return false;
    }
    trace(vmport_command, command, regs[VMPORT_EBX]);
    s->commands[command].fn(s->commands[command].opaque, regs);
    return true;
}

static uint64_t vmport_read(void *opaque, hwaddr addr, unsigned size)
{
    uint32_t old[VMPORT_REGS], regs[VMPORT_REGS];

    if (!current_cpu) { /* a debugger or a test has no registers to ask with */
        return UINT32_MAX;
    }
    if (current_cpu->registers_needed) {
        current_cpu->registers_needed(current_cpu);
    }
    read_registers(current_cpu, old);
    memcpy(regs, old, sizeof(regs));
    if (!run_command(opaque, regs)) {
        regs[VMPORT_EAX] = UINT32_MAX;
    }
    write_registers(current_cpu, old, regs);
    return regs[VMPORT_EAX];
}

/* OUT asks as well; the answer comes in EAX all the same. */
static void vmport_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    vmport_read(opaque, addr, size);
}

static const MemoryRegionOps vmport_ops = {
    .read = vmport_read,
    .write = vmport_write,
    .valid = { .min_size = 4, .max_size = 4 },
    .impl = { .min_size = 4, .max_size = 4 },
};

/* --- its own commands ------------------------------------------------------------------------- */

static void get_version(void *opaque, uint32_t regs[VMPORT_REGS])
{
    regs[VMPORT_EAX] = VMX_VERSION;
    regs[VMPORT_EBX] = VMPORT_MAGIC;
    regs[VMPORT_ECX] = VMX_TYPE_SERVER;
}

/* Zeros without -uuid. */
static void get_uuid(void *opaque, uint32_t regs[VMPORT_REGS])
{
    const char *text = DEVICE(opaque)->machine->uuid;
    uint8_t bytes[16] = { 0 };

    for (unsigned i = 0; text && *text && i < 32; text++) {
        if (g_ascii_isxdigit(*text)) {
            bytes[i / 2] |= g_ascii_xdigit_value(*text) << (i & 1 ? 0 : 4);
            i++;
        }
    }
    for (unsigned i = 0; i < sizeof(bytes); i++) {
        unsigned shift = i % 4 * 8;
        regs[i / 4] = (shift ? regs[i / 4] : 0) | (uint32_t)bytes[i] << shift;
    }
}

static void get_ram_size(void *opaque, uint32_t regs[VMPORT_REGS])
{
    regs[VMPORT_EAX] = MIN(DEVICE(opaque)->machine->ram_size, UINT32_MAX);
    regs[VMPORT_EBX] = RAM_SIZE_EBX;
}

static uint64_t get_time(void *opaque, uint32_t regs[VMPORT_REGS])
{
    int64_t now = clock_get_ns(clock_host()) + DEVICE(opaque)->machine->rtc_offset_ns;

    regs[VMPORT_EBX] = now % NS_PER_SECOND / 1000;
    regs[VMPORT_ECX] = MAX_TIME_LAG_US;
    return now / NS_PER_SECOND;
}

static void get_short_time(void *opaque, uint32_t regs[VMPORT_REGS])
{
    regs[VMPORT_EAX] = get_time(opaque, regs);
}

static void get_full_time(void *opaque, uint32_t regs[VMPORT_REGS])
{
    uint64_t seconds = get_time(opaque, regs);

    regs[VMPORT_EAX] = VMPORT_MAGIC;
    regs[VMPORT_ESI] = seconds >> 32;
    regs[VMPORT_EDX] = seconds;
}

/* Neither a legacy x2APIC nor a known TSC frequency. */
static void get_vcpu_info(void *opaque, uint32_t regs[VMPORT_REGS])
{
    regs[VMPORT_EAX] = VCPU_INFO_RESERVED;
}

static const struct {
    unsigned command;
    VMPortFn *fn;
} own_commands[] = {
    { CMD_GET_VERSION, get_version }, { CMD_GET_UUID, get_uuid },
    { CMD_GET_RAM_SIZE, get_ram_size }, { CMD_GET_TIME, get_short_time },
    { CMD_GET_TIME_FULL, get_full_time }, { CMD_GET_VCPU_INFO, get_vcpu_info },
};

/* --- life ------------------------------------------------------------------------------------- */

void vmport_register(DeviceState *vmport, unsigned command, VMPortFn *fn, void *opaque)
{
    VMPortState *s = VMPORT(vmport);

    s->commands[command].fn = fn;
    s->commands[command].opaque = opaque;
}

static bool vmport_realize(DeviceState *dev, Error **errp)
{
    VMPortState *s = VMPORT(dev);

    for (size_t i = 0; i < G_N_ELEMENTS(own_commands); i++) {
        vmport_register(dev, own_commands[i].command, own_commands[i].fn, s);
    }
    memory_region_init_io(&s->io, s, &vmport_ops, s, "vmport", 4);
    isa_register_ioport(dev, &s->io, VMPORT_PORT);
    return true;
}

static void vmport_unrealize(DeviceState *dev)
{
    memory_region_destroy(&VMPORT(dev)->io);
}

static const DeviceInfo vmport_info = {
    .name = TYPE_VMPORT,
    .parent = TYPE_ISA_DEVICE,
    .instance_size = sizeof(VMPortState),
    .desc = "VMware backdoor port",
    .internal = true,
    .realize = vmport_realize,
    .unrealize = vmport_unrealize,
};
DEVICE_TYPE(vmport_info)
