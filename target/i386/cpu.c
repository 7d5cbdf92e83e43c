/*
 * The X86CPU object: creation from a model, its lines, reset, and the machine's
 * memory as the CPU follows it.
 *
 * One abstract type "x86_64-cpu", and below it one for each CPU model, named
 * MODEL-x86_64-cpu. The "model" property is the value of -cpu; it defaults to
 * the type's model.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/cpu.h"
#include "hw/core/machine.h"
#include "target/i386/apic-hooks.h"
#include "target/i386/cpu-state.h"
#include "target/i386/cpuid.h"
#include "target/i386/diagnosis.h"
#include "target/i386/excp.h"
#include "target/i386/interp/interp.h"
#include "target/i386/window.h"
#include "target/i386/phys.h"
#include "target/i386/tlb.h"
#include "target/i386/translate/translate.h"
#include "util/log.h"

enum { CPUID_1_ECX_X2APIC = 21 };

/* --- lines ----------------------------------------------------------------------------- */

/* "a20": 1 lets address bit 20 through. The CPU notices before its next instruction
 * if it drives the line itself, else at the end of a block. */
static void set_a20(void *opaque, int n, int level)
{
    X86CPU *cpu = opaque;

    __atomic_store_n(&cpu->state.a20_masked, !level, __ATOMIC_RELEASE);
    cpu_interrupt(&cpu->parent, CPU_INTERRUPT_A20);
}

/* "smi" and "nmi" are edges. */
static void set_smi(void *opaque, int n, int level)
{
    if (level) {
        cpu_interrupt(opaque, CPU_INTERRUPT_SMI);
    }
}

static void set_nmi(void *opaque, int n, int level)
{
    if (level) {
        cpu_interrupt(opaque, CPU_INTERRUPT_NMI);
    }
}

static void set_ignne(void *opaque, int n, int level)
{
    __atomic_store_n(&((X86CPU *)opaque)->state.ignne, !!level, __ATOMIC_RELEASE);
}

static void cpu_init(Object *obj)
{
    DeviceState *dev = DEVICE(obj);

    qdev_init_gpio_in_named(dev, set_a20, "a20", 1);
    qdev_init_gpio_in_named(dev, set_smi, "smi", 1);
    qdev_init_gpio_in_named(dev, set_nmi, "nmi", 1);
    qdev_init_gpio_in_named(dev, set_ignne, "ignne", 1);
    qdev_init_gpio_out_named(dev, &X86_CPU(dev)->ferr_line, "ferr", 1);
}

/* --- the memory map ------------------------------------------------------------------------ */

static X86CPU *listening_cpu(MemoryListener *listener)
{
    return (X86CPU *)((char *)listener - offsetof(X86CPU, listener));
}

static void map_changed(MemoryListener *listener)
{
    X86CPU *cpu = listening_cpu(listener);

    __atomic_store_n(&cpu->tlb->flush_all, 1, __ATOMIC_RELEASE);
    cpu_interrupt(&cpu->parent, CPU_INTERRUPT_TLB);
}

/* Pages have become clean: the next store to them must be seen. */
static void log_reset(MemoryListener *listener, RAMBlock *block, uint64_t offset, uint64_t len)
{
    X86CPU *cpu = listening_cpu(listener);

    __atomic_store_n(&cpu->tlb->flush_writes, 1, __ATOMIC_RELEASE);
    cpu_interrupt(&cpu->parent, CPU_INTERRUPT_TLB);
}

/* --- life -------------------------------------------------------------------------------------- */

/* All CPUs of a machine are of one model: it is parsed, and what it lacks is
 * reported, for the first. */
static bool set_model(X86CPU *cpu, Error **errp)
{
    MachineState *machine = DEVICE(cpu)->machine;
    const char *spec = cpu->model_spec ? cpu->model_spec : X86_CPU_GET_CLASS(cpu)->model_name;

    cpu->model = g_new0(X86CpuModel, 1);
    if (machine->cpus->len) {
        *cpu->model = *X86_CPU(g_ptr_array_index(machine->cpus, 0))->model;
    } else if (!x86_cpu_model_parse(spec, machine->cpu_host, cpu->model, errp)) {
        return false;
    }
    cpu->model->cores = machine->smp_cores;
    cpu->model->threads = machine->smp_threads;
    x86_cpu_set_model(cpu, cpu->model);
    return true;
}

static bool cpu_realize(DeviceState *dev, Error **errp)
{
    X86CPU *cpu = X86_CPU(dev);
    bool x2apic;

    if (!set_model(cpu, errp)) {
        return false;
    }
    x2apic = x86_cpuid_bit(cpu, X86_FW_1_ECX, CPUID_1_ECX_X2APIC);
    if (!x86_apic_attach(cpu, cpu->apic_id, x2apic, errp)) {
        return false;
    }
    cpu->parent.as = &dev->machine->memory_as;
    cpu->parent.io_as = &dev->machine->io_as;
    cpu->smm_as = dev->machine->smm_as;
    x86_interp_init(cpu);
    if (dev->machine->translate &&
        (!x86_translator_new(cpu, dev->machine->translation_cache, errp) ||
         (dev->machine->perf_map && !x86_translator_perf_map(cpu, errp)))) {
        x86_interp_destroy(cpu);
        return false;
    }
    if (dev->machine->check_blocks) {
        x86_translator_check(cpu);
    }
    if (dev->machine->lockstep) {
        x86_translator_lockstep(cpu, dev->machine->lockstep_limit);
    }
    if (dev->machine->windows != WINDOWS_OFF) {
        x86_window_new(cpu, dev->machine->windows == WINDOWS_ALWAYS);
    }
    if (!dev->machine->cpu_host) { /* a host's CPU has its own TLB */
        cpu->listener.commit = map_changed;
        cpu->listener.log_reset = log_reset;
        memory_listener_register(&cpu->listener, cpu->parent.as);
    }
    x86_cpu_state_reset(cpu, false);
    return true;
}

static void cpu_unrealize(DeviceState *dev)
{
    X86CPU *cpu = X86_CPU(dev);

    memory_listener_unregister(&cpu->listener);
    x86_interp_destroy(cpu);
}

static void cpu_finalize(Object *obj)
{
    g_free(X86_CPU(obj)->model);
}

static void cpu_reset(DeviceState *dev)
{
    X86CPU *cpu = X86_CPU(dev);

    if (log_on(LOG_CPU_RESET)) {
        g_autoptr(GString) text = g_string_new(NULL);

        x86_cpu_dump_state(&cpu->parent, text);
        log_printf("CPU Reset (CPU %d)\n%s", cpu->parent.cpu_index, text->str);
    }
    /* INTR is a level that the local APIC drives, and may be driving already. */
    cpu_reset_interrupt(&cpu->parent, ~(uint32_t)(CPU_INTERRUPT_EXIT | CPU_INTERRUPT_HARD));
    x86_cpu_state_reset(cpu, false);
    x86_interp_flush_code(cpu);
    cpu->parent.state_replaced = true;
}

/* --- for boards, monitors and accelerators ------------------------------------------------------- */

static bool has_work(CPUState *cs)
{
    const X86State *s = &((X86CPU *)cs)->state;
    uint32_t request = cpu_interrupts(cs);

    if (s->wait_for_sipi) {
        return request & (CPU_INTERRUPT_INIT | CPU_INTERRUPT_SIPI);
    }
    return (request & (CPU_INTERRUPT_SMI | CPU_INTERRUPT_INIT)) ||
           ((request & CPU_INTERRUPT_NMI) && !s->nmi_blocked) ||
           ((request & CPU_INTERRUPT_HARD) && (s->eflags & X86_EFLAGS_IF));
}

static uint64_t get_pc(CPUState *cs)
{
    const X86State *s = &((X86CPU *)cs)->state;

    return s->hflags & X86_HF_CS64 ? s->rip : (uint32_t)(s->segs[X86_CS].base + s->rip);
}

static bool translate_debug(CPUState *cs, uint64_t lin, uint64_t *phys)
{
    return x86_translate_debug((X86CPU *)cs, lin, phys);
}

static AddressSpace *debug_as(CPUState *cs)
{
    return x86_phys_space((X86CPU *)cs);
}

static void debug_changed(CPUState *cs)
{
    X86CPU *cpu = (X86CPU *)cs;

    x86_interp_flush_code(cpu);
    x86_tlb_flush(cpu);
}

/* --- types ------------------------------------------------------------------------------------------ */

static void engine_info(CPUState *cs, GString *out)
{
    x86_translator_info((X86CPU *)cs, out);
    x86_interp_info(cs, out);
}

static void cpu_class_init(ObjectClass *klass, const void *data)
{
    CPUClass *cc = CPU_CLASS(klass);

    cc->exec = x86_cpu_exec;
    cc->has_work = has_work;
    cc->dump_state = x86_cpu_dump_state;
    cc->dump_diagnosis = x86_cpu_dump_diagnosis;
    cc->engine_info = engine_info;
    cc->get_pc = get_pc;
    cc->translate_debug = translate_debug;
    cc->debug_as = debug_as;
    cc->debug_changed = debug_changed;
    cc->registers = &x86_cpu_registers;
}

static const Property cpu_props[] = {
    PROP_STRING("model", X86CPU, model_spec),
    PROP_UINT32("apic-id", X86CPU, apic_id, 0),
    PROP_END
};

static const DeviceInfo cpu_info = {
    .name = TYPE_X86_CPU,
    .parent = TYPE_CPU,
    .instance_size = sizeof(X86CPU),
    .class_size = sizeof(X86CPUClass),
    .desc = "x86-64 processor",
    .abstract = true,
    .vmsd = &vmstate_x86_cpu,
    .props = cpu_props,
    .instance_init = cpu_init,
    .instance_finalize = cpu_finalize,
    .realize = cpu_realize,
    .unrealize = cpu_unrealize,
    .reset_hold = cpu_reset,
    .class_init = cpu_class_init,
};

static void model_class_init(ObjectClass *klass, const void *data)
{
    X86_CPU_CLASS(klass)->model_name = data;
}

/* One type for each model; they live as long as the program. */
static void register_types(void)
{
    const char *model;

    device_type_register(&cpu_info);
    for (unsigned n = 0; (model = x86_cpu_model_name(n)); n++) {
        TypeInfo *info = g_new0(TypeInfo, 1);

        info->name = g_strconcat(model, "-" TYPE_X86_CPU, NULL);
        info->parent = TYPE_X86_CPU;
        info->class_init = model_class_init;
        info->class_data = model;
        type_register_static(info);
    }
}
type_init(register_types)
