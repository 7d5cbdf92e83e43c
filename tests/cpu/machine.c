/*
 * A CPU with RAM and a debug port; see machine.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/cpu/machine.h"
#include <stdlib.h>
#include <string.h>
#include "target/i386/interp/interp.h"
#include "util/module.h"

static void debug_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    CpuMachine *m = opaque;

    g_string_append_c(m->text, val);
}

static uint64_t debug_read(void *opaque, hwaddr addr, unsigned size)
{
    return 0xe9;
}

static const MemoryRegionOps debug_ops = {
    .read = debug_read,
    .write = debug_write,
    .valid = { 1, 1 },
    .impl = { 1, 1 },
};

static void init_memory(CpuMachine *m)
{
    memory_region_init(&m->root, NULL, "root", UINT64_MAX);
    memory_region_init_ram(&m->ram_region, NULL, "ram", MACHINE_RAM_SIZE, &error_fatal);
    memory_region_add_subregion(&m->root, 0, &m->ram_region);
    address_space_init(&m->as, &m->root, "memory");
    memory_region_init(&m->io_root, NULL, "io", 0x10000);
    memory_region_init_io(&m->debug_port, NULL, &debug_ops, m, "debug", 1);
    memory_region_add_subregion(&m->io_root, 0xe9, &m->debug_port);
    address_space_init(&m->io_as, &m->io_root, "io");
    m->ram = memory_region_get_ram_ptr(&m->ram_region);
}

CpuMachine *cpu_machine_new(const char *spec)
{
    CpuMachine *m = g_new0(CpuMachine, 1);

    module_call_init(MODULE_QOM);

    m->text = g_string_new(NULL);
    init_memory(m);
    m->cpu = aligned_alloc(64, (sizeof(X86CPU) + 63) / 64 * 64);
    memset(m->cpu, 0, sizeof(X86CPU));
    m->cpu->parent.as = m->cpu->smm_as = &m->as;
    m->cpu->parent.io_as = &m->io_as;
    x86_cpu_model_parse(spec, NULL, &m->model, &error_fatal);
    x86_cpu_set_model(m->cpu, &m->model);
    x86_interp_init(m->cpu);
    x86_cpu_state_reset(m->cpu, false);
    return m;
}

void cpu_machine_free(CpuMachine *m)
{
    x86_interp_destroy(m->cpu);
    free(m->cpu);
    address_space_destroy(&m->as);
    address_space_destroy(&m->io_as);
    memory_region_destroy(&m->ram_region);
    memory_region_destroy(&m->debug_port);
    memory_region_destroy(&m->root);
    memory_region_destroy(&m->io_root);
    g_string_free(m->text, TRUE);
    g_free(m);
}

void cpu_machine_start_real(CpuMachine *m, uint16_t ip)
{
    X86State *s = &m->cpu->state;

    for (unsigned i = 0; i < X86_SEG_COUNT; i++) {
        s->segs[i].selector = 0;
        s->segs[i].base = 0;
    }
    s->rip = ip;
    s->regs[X86_RSP] = 0x7c00;
    x86_update_hflags(s);
}

int cpu_machine_run(CpuMachine *m)
{
    int reason;

    do {
        reason = x86_cpu_exec(&m->cpu->parent);
    } while (reason == CPU_EXIT_INTERRUPT);
    return reason;
}
