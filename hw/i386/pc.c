/*
 * The PC's board: which chips there are and how they are wired. See pc.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/i386/pc.h"
#include <string.h>
#include "hw/acpi/piix4_pm.h"
#include "hw/block/fdc.h"
#include "hw/core/cpu.h"
#include "hw/dma/i8257.h"
#include "hw/i386/vmport.h"
#include "hw/ide/piix.h"
#include "hw/intc/apic.h"
#include "hw/intc/ioapic.h"
#include "hw/isa/piix3.h"
#include "hw/pci/i440fx.h"
#include "hw/rtc/mc146818rtc.h"
#include "hw/timer/hpet.h"

enum { PC_MAX_CPUS = 255, PC_MAX_APIC_ID = 254 };
enum { PC_DEVFN_PIIX3 = 0x08, PC_DEVFN_IDE = 0x09, PC_DEVFN_PM = 0x0b, PC_DEVFN_VGA = 0x10 };
enum { SCI_IRQ = 9 };
enum { MAX_SERIALS = 4, MAX_PARALLELS = 3 };

/* RAM beyond this much leaves the 32-bit PCI window more room, as QEMU's PC does. */
#define LOW_RAM_LIMIT UINT64_C(0xe0000000)
#define LOW_RAM_SPLIT UINT64_C(0xc0000000)
#define MAX_RAM (UINT64_C(1) << 39)

/* --- memory ------------------------------------------------------------------ */

static void map_ram(PCMachine *pc)
{
    MachineState *m = &pc->parent;

    pc->below_4g = m->ram_size >= LOW_RAM_LIMIT ? LOW_RAM_SPLIT : m->ram_size;
    pc->above_4g = m->ram_size - pc->below_4g;
    memory_region_init_alias(&pc->ram_below, m, "ram-below-4g", &m->ram, 0, pc->below_4g);
    memory_region_add_subregion(&m->system_memory, 0, &pc->ram_below);
    if (pc->above_4g) {
        memory_region_init_alias(&pc->ram_above, m, "ram-above-4g", &m->ram, pc->below_4g,
                                 pc->above_4g);
        memory_region_add_subregion(&m->system_memory, UINT64_C(0x100000000), &pc->ram_above);
    }
}

/* --- CPUs ---------------------------------------------------------------------- */

/* How many bits numbers below count need. */
static unsigned field_bits(unsigned count)
{
    return count > 1 ? g_bit_storage(count - 1) : 0;
}

uint32_t pc_apic_id(const MachineState *m, unsigned index)
{
    unsigned thread_bits = field_bits(m->smp_threads), core_bits = field_bits(m->smp_cores);
    unsigned thread = index % m->smp_threads, core = index / m->smp_threads % m->smp_cores;
    unsigned package = index / (m->smp_threads * m->smp_cores);

    return package << (core_bits + thread_bits) | core << thread_bits | thread;
}

static bool create_cpus(PCMachine *pc, Error **errp)
{
    MachineState *m = &pc->parent;

    if (pc_apic_id(m, m->max_cpus - 1) > PC_MAX_APIC_ID) {
        error_setg(errp, "-smp sockets=%u,cores=%u,threads=%u: the last CPU's APIC ID is above %d; "
                   "take fewer, or cores and threads that are powers of two", m->smp_sockets,
                   m->smp_cores, m->smp_threads, PC_MAX_APIC_ID);
        return false;
    }
    for (unsigned i = 0; i < m->smp_cpus; i++) {
        DeviceState *cpu = qdev_new(MACHINE_GET_CLASS(m)->default_cpu_type);
        CPU(cpu)->cpu_index = (int)i;
        if ((m->cpu_model && !object_property_set_str(OBJECT(cpu), "model", m->cpu_model, errp)) ||
            !object_property_set_uint(OBJECT(cpu), "apic-id", pc_apic_id(m, i), errp)) {
            object_unref(cpu);
            return false;
        }
        if (!qdev_realize_and_unref(cpu, NULL, m, errp)) {
            return false;
        }
        g_ptr_array_add(m->cpus, cpu);
    }
    return true;
}

/* x87 errors of the boot CPU go by way of the PIIX3; others have only CR0.NE. */
static void connect_coprocessor_error(PCMachine *pc)
{
    DeviceState *piix3 = DEVICE(pc->piix3), *cpu = g_ptr_array_index(pc->parent.cpus, 0);

    qdev_connect_gpio_out_named(cpu, "ferr", 0, qdev_get_gpio_in_named(piix3, "ferr", 0));
    qdev_connect_gpio_out_named(piix3, "ignne", 0, qdev_get_gpio_in_named(cpu, "ignne", 0));
}

static IRQLine *cpu_line(PCMachine *pc, const char *name)
{
    return qdev_get_gpio_in_named(g_ptr_array_index(pc->parent.cpus, 0), name, 0);
}

/* --- interrupts ------------------------------------------------------------------ */

/* An ISA interrupt goes to the 8259 pair and to the I/O APIC, which has IRQ 0 at pin 2. */
static void isa_irq(void *opaque, int n, int level)
{
    PCMachine *pc = opaque;

    irq_set(pc->pics.irqs[n], level);
    irq_set(qdev_get_gpio_in(pc->ioapic, n), level);
}

static int acknowledge_pic(void *opaque)
{
    return i8259_ack(opaque);
}

static bool create_interrupt_controllers(PCMachine *pc, Error **errp)
{
    MachineState *m = &pc->parent;
    APICBus *apics = apic_bus_of(m);

    if (!i8259_create_pair(&pc->pics, pc->isa, apic_bus_intr(apics), errp) ||
        !(pc->ioapic = ioapic_create(m, IOAPIC_DEFAULT_ADDRESS, errp))) {
        return false;
    }
    apic_bus_set_pic(apics, acknowledge_pic, &pc->pics);
    for (int n = 0; n < ISA_NUM_IRQS; n++) {
        pc->isa->irqs[n] = irq_new(isa_irq, pc, n);
    }
    return true;
}

/* The HPET sits between the RTC and IRQ 8, and can take IRQ 0 from the interval timer. */
static bool create_hpet(PCMachine *pc, Error **errp)
{
    const uint32_t routes = 1 << 2; /* the I/O APIC's pin that no ISA interrupt has */

    if (!pc->hpet) {
        return true;
    }
    pc->hpet_dev = hpet_create(&pc->parent, HPET_DEFAULT_ADDRESS, routes, errp);
    if (!pc->hpet_dev) {
        return false;
    }
    for (int n = 0; n < HPET_OUTPUTS; n++) {
        qdev_connect_gpio_out(pc->hpet_dev, n, n < ISA_NUM_IRQS ? pc->isa->irqs[n]
                                                  : qdev_get_gpio_in(pc->ioapic, n));
    }
    pc->isa->irqs[HPET_RTC_IRQ] = qdev_get_gpio_in_named(pc->hpet_dev, "rtc", 0);
    return true;
}

/* --- the board's ISA devices ------------------------------------------------------- */

/* A20 opens if either the keyboard controller or port 92 opens it. */
static void connect_a20(PCMachine *pc, DeviceState *dev)
{
    qdev_connect_gpio_out_named(dev, "a20", 0, cpu_line(pc, "a20"));
}

static bool create_serials(PCMachine *pc, Error **errp)
{
    MachineState *m = &pc->parent;

    for (guint i = 0; i < m->serials->len; i++) {
        Chardev *chr = m->serials->pdata[i];
        if (i >= MAX_SERIALS) {
            error_setg(errp, "-serial: a PC takes at most %d serial ports", MAX_SERIALS);
            return false;
        }
        if (!chr) {
            continue;
        }
        DeviceState *dev = qdev_new("isa-serial");
        if (!object_property_set_uint(OBJECT(dev), "index", i, errp) ||
            !object_property_set_str(OBJECT(dev), "chardev", chardev_label(chr), errp) ||
            !isa_realize(dev, pc->isa, errp)) {
            return false;
        }
    }
    return true;
}

static bool create_with_chardevs(PCMachine *pc, const char *type, GPtrArray *chardevs,
                                 guint max, Error **errp)
{
    for (guint i = 0; i < MIN(chardevs->len, max); i++) {
        Chardev *chr = chardevs->pdata[i];
        DeviceState *dev = chr ? qdev_new(type) : NULL;
        if (dev && (!object_property_set_str(OBJECT(dev), "chardev", chardev_label(chr), errp) ||
                    !isa_realize(dev, pc->isa, errp))) {
            return false;
        }
    }
    return true;
}

static bool create_speaker(PCMachine *pc, DeviceState *pit, Error **errp)
{
    DeviceState *dev = qdev_new("isa-pcspk");
    return object_property_set_link(OBJECT(dev), "pit", OBJECT(pit), errp) &&
           isa_realize(dev, pc->isa, errp);
}

/* The VMware backdoor and, with a mouse to speak through, its pointer. */
static bool create_vmport(PCMachine *pc, DeviceState *kbd, Error **errp)
{
    DeviceState *vmport, *mouse;

    if (pc->vmport == PC_VMPORT_OFF) {
        return true;
    }
    vmport = isa_create(pc->isa, TYPE_VMPORT, errp);
    if (!vmport || !kbd) {
        return vmport != NULL;
    }
    mouse = qdev_new("vmmouse");
    return object_property_set_link(OBJECT(mouse), "vmport", OBJECT(vmport), errp) &&
           object_property_set_link(OBJECT(mouse), "i8042", OBJECT(kbd), errp) &&
           isa_realize(mouse, pc->isa, errp);
}

static bool create_isa_devices(PCMachine *pc, Error **errp)
{
    MachineState *m = &pc->parent;
    DeviceState *pit, *kbd = NULL, *port92;

    if (!create_hpet(pc, errp) ||
        !(pc->rtc = mc146818_rtc_create(pc->isa, errp)) ||
        !(pit = isa_create(pc->isa, "isa-pit", errp)) ||
        !create_speaker(pc, pit, errp) ||
        !i8257_create_pair(pc->isa, errp) ||
        !(port92 = isa_create(pc->isa, "port92", errp)) ||
        (pc->i8042 && !(kbd = isa_create(pc->isa, "i8042", errp))) ||
        !create_vmport(pc, kbd, errp) ||
        !isa_create(pc->isa, "port80", errp) ||
        !(pc->fdc = fdc_create(pc->isa, m->drives, errp)) ||
        !create_serials(pc, errp) ||
        !create_with_chardevs(pc, "isa-parallel", m->parallels, MAX_PARALLELS, errp) ||
        !create_with_chardevs(pc, "isa-debugcon", m->debugcons, 1, errp)) {
        return false;
    }
    qdev_connect_gpio_out(pit, 0, pc->isa->irqs[0]);
    if (pc->hpet_dev) {
        qdev_connect_gpio_out_named(pc->hpet_dev, "pit-enable", 0, qdev_get_gpio_in(pit, 0));
    }
    connect_a20(pc, port92);
    connect_coprocessor_error(pc);
    if (kbd) {
        connect_a20(pc, kbd);
    }
    return true;
}

/* --- PCI -------------------------------------------------------------------------- */

/* What CPUs in SMM see: SMRAM over everything else. */
static void create_smm_memory(PCMachine *pc)
{
    MachineState *m = &pc->parent;

    memory_region_init(&pc->smm_root, m, "smm", UINT64_MAX);
    memory_region_init_alias(&pc->smm_system, m, "smm-system", &m->system_memory, 0, UINT64_MAX);
    memory_region_add_subregion(&pc->smm_root, 0, &pc->smm_system);
    memory_region_add_subregion_overlap(&pc->smm_root, 0, i440fx_smram(pc->pci), 1);
    address_space_init(&pc->smm_as, &pc->smm_root, "cpu-smm");
    m->smm_as = &pc->smm_as;
}

static bool create_chipset(PCMachine *pc, Error **errp)
{
    MachineState *m = &pc->parent;

    memory_region_init(&pc->pci_memory, m, "pci", UINT64_MAX);
    pc->pci = i440fx_create(m, &pc->pci_memory, errp);
    if (!pc->pci || !(pc->piix3 = piix3_create(pc->pci, PC_DEVFN_PIIX3, errp))) {
        return false;
    }
    pc->isa = piix3_isa_bus(pc->piix3);
    if (pc->smm) {
        create_smm_memory(pc);
    }
    return true;
}

static void press_power_button(void *opaque)
{
    piix4_pm_power_button(opaque);
}

static bool create_power_management(PCMachine *pc, Error **errp)
{
    MachineState *m = &pc->parent;

    if (!pc->acpi) {
        return true;
    }
    pc->pm = piix4_pm_create(pc->pci, PC_DEVFN_PM, pc->isa->irqs[SCI_IRQ],
                             cpu_line(pc, "smi"), pc->smm, errp);
    m->powerdown = press_power_button;
    m->powerdown_opaque = pc->pm;
    return pc->pm != NULL;
}

static bool create_ide(PCMachine *pc, Error **errp)
{
    pc->ide = pci_create(pc->pci, PC_DEVFN_IDE, false, TYPE_PIIX3_IDE, errp);
    if (!pc->ide) {
        return false;
    }
    qdev_connect_gpio_out(DEVICE(pc->ide), 0, pc->isa->irqs[14]);
    qdev_connect_gpio_out(DEVICE(pc->ide), 1, pc->isa->irqs[15]);
    return ide_drives_attach(pc->ide, pc->parent.drives, pc->parent.defaults, errp);
}

static bool create_vga(PCMachine *pc, Error **errp)
{
    static const struct { const char *name, *type; } adapters[] = {
        { "std", "VGA" }, { "cirrus", "cirrus-vga" }, { "none", NULL },
    };
    const char *vga = pc->parent.vga;

    if (!vga) {
        vga = pc->parent.defaults ? "std" : "none";
    }
    for (size_t i = 0; i < G_N_ELEMENTS(adapters); i++) {
        const char *type = adapters[i].type;
        if (g_str_equal(vga, adapters[i].name) && (!type || object_class_by_name(type))) {
            return !type || pci_create(pc->pci, PC_DEVFN_VGA, false, type, errp);
        }
    }
    error_setg(errp, "-vga %s: there is no such adapter; write std, cirrus or none", vga);
    return false;
}

/* --- the machine -------------------------------------------------------------------- */

static bool pc_init(MachineState *m, Error **errp)
{
    PCMachine *pc = PC_MACHINE(m);

    pc->smm = pc->smm && !m->no_smm;
    map_ram(pc);
    return create_chipset(pc, errp) && create_cpus(pc, errp) &&
           pc_firmware_load(pc, errp) &&
           (pc->fw_cfg = fw_cfg_init_io(m, &m->system_io, &m->memory_as, errp)) &&
           create_interrupt_controllers(pc, errp) && create_vga(pc, errp) &&
           create_isa_devices(pc, errp) && create_ide(pc, errp) &&
           create_power_management(pc, errp) && pc_tables_build(pc, errp);
}

/* --- its type ------------------------------------------------------------------------- */

/* On/off properties of -machine; opaque is the offset of the bool in PCMachine. */
static json_object *flag_get(Object *obj, const ObjectProperty *prop, Error **errp)
{
    return json_object_new_boolean(*(bool *)((char *)obj + (size_t)prop->opaque));
}

static bool flag_set(Object *obj, const ObjectProperty *prop, json_object *value, Error **errp)
{
    if (!json_object_is_type(value, json_type_boolean)) {
        error_setg(errp, "-machine %s: '%s' is not on or off", prop->name,
                   json_object_get_string(value));
        return false;
    }
    *(bool *)((char *)obj + (size_t)prop->opaque) = json_object_get_boolean(value);
    return true;
}

static const char *const vmport_names[] = {
    [PC_VMPORT_AUTO] = "auto", [PC_VMPORT_ON] = "on", [PC_VMPORT_OFF] = "off",
};

static json_object *vmport_get(Object *obj, const ObjectProperty *prop, Error **errp)
{
    return json_object_new_string(vmport_names[PC_MACHINE(obj)->vmport]);
}

static bool vmport_set(Object *obj, const ObjectProperty *prop, json_object *value, Error **errp)
{
    const char *text = json_object_get_string(value);

    for (size_t i = 0; text && i < G_N_ELEMENTS(vmport_names); i++) {
        if (g_str_equal(text, vmport_names[i])) {
            PC_MACHINE(obj)->vmport = i;
            return true;
        }
    }
    error_setg(errp, "-machine vmport: '%s' is not on, off or auto", text ? text : "null");
    return false;
}

static const struct {
    const char *name, *help;
    size_t offset;
} pc_flags[] = {
    { "acpi", "ACPI tables and power management", offsetof(PCMachine, acpi) },
    { "smm", "system management mode", offsetof(PCMachine, smm) },
    { "i8042", "keyboard controller", offsetof(PCMachine, i8042) },
    { "hpet", "high precision event timer", offsetof(PCMachine, hpet) },
    { "graphics", "the screen is the firmware's console", offsetof(PCMachine, parent.graphics) },
};

static void pc_class_init(ObjectClass *klass, const void *data)
{
    MachineClass *mc = MACHINE_CLASS(klass);

    mc->init = pc_init;
    mc->max_cpus = PC_MAX_CPUS;
    mc->min_ram_size = 1024 * 1024;
    mc->max_ram_size = MAX_RAM;
    mc->default_ram_size = UINT64_C(128) * 1024 * 1024;
    mc->default_cpu_type = "max-x86_64-cpu";
    mc->default_ram_id = "pc.ram";
    mc->default_boot_order = "cad";
    mc->default_display = "std";
    for (size_t i = 0; i < G_N_ELEMENTS(pc_flags); i++) {
        ObjectProperty *prop = object_class_property_add(klass, pc_flags[i].name, "bool", flag_get,
                                                         flag_set, (void *)pc_flags[i].offset);
        object_property_set_description(prop, pc_flags[i].help);
    }
    object_property_set_description(object_class_property_add(klass, "vmport", "OnOffAuto",
                                                              vmport_get, vmport_set, NULL),
                                    "VMware backdoor port and pointer");
}

static void pc_instance_init(Object *obj)
{
    PCMachine *pc = PC_MACHINE(obj);
    pc->acpi = pc->smm = pc->i8042 = pc->hpet = true;
}

static void pc_i440fx_class_init(ObjectClass *klass, const void *data)
{
    MachineClass *mc = MACHINE_CLASS(klass);
    mc->desc = "Standard PC (i440FX + PIIX, 1996)";
    mc->alias = "pc";
    mc->is_default = true;
}

static const TypeInfo pc_types[] = {
    { .name = TYPE_PC_MACHINE, .parent = TYPE_MACHINE, .instance_size = sizeof(PCMachine),
      .class_init = pc_class_init, .instance_init = pc_instance_init, .abstract = true },
    { .name = MACHINE_TYPE_NAME("pc-i440fx-7.2"), .parent = TYPE_PC_MACHINE,
      .class_init = pc_i440fx_class_init },
};

static void pc_register(void)
{
    type_register_array(pc_types);
}

machine_init(pc_register)
