/*
 * Intel 82371AB (PIIX4), data sheet 290562, function 3: ACPI registers, SMI
 * command port, SMBus. It stands beside a PIIX3, which has no ACPI of its own.
 *
 * Unlike on a real PIIX4 the general-purpose events have two status and two enable
 * bytes at PIIX4_GPE0_BASE, where firmware for virtual PCs expects them.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/acpi/piix4_pm.h"
#include "hw/acpi/acpi_pm.h"
#include "hw/acpi/pm_smbus.h"
#include "hw/core/machine.h"
#include "util/log.h"
#include "util/rcu.h"
#include "util/trace.h"

TRACE_EVENT(piix4_pm_map, "power management at 0x%04" PRIx64 " enabled %d");
TRACE_EVENT(piix4_pm_apm, "port 0x%02x value 0x%02x");

enum {
    /* Configuration registers (7.2). */
    REG_PMBA = 0x40,       /* power management base address */
    REG_DEVACTB = 0x58,
    DEVACTB_APMC_EN = 1 << 1, /* bit 25, in the last byte: an SMI for writes to APMC */
    REG_DEVRESB = 0x5f,    /* last byte of device resource B: parallel port decoded, in bit 7 */
    REG_DEVRESC = 0x63,
    REG_DEVRESD = 0x67,    /* serial ports decoded, in bits 3 and 4, 7 */
    REG_PMREGMISC = 0x80,
    PMREGMISC_PMIOSE = 1 << 0,
    REG_SMBBA = 0x90,
    REG_SMBHSTCFG = 0xd2,
    SMBHSTCFG_EN = 1 << 0,

    PORT_APMC = 0xb2, /* and APMS at b3h */
    /* Values of APMC by which the operating system takes and returns the ACPI registers; the
     * firmware's tables name them. */
    APMC_ACPI_ENABLE = 0xf1,
    APMC_ACPI_DISABLE = 0xf0,

    PM_IO_SIZE = 64,
};

/* SLP_TYP (PMCNTRL, 7.3.3). */
enum { SLP_SOFT_OFF = 0, SLP_SUSPEND_TO_RAM = 1, SLP_SUSPEND_TO_DISK = 2 };

OBJECT_DECLARE_SIMPLE(PIIX4PM, PIIX4_PM, TYPE_PIIX4_PM)

struct PIIX4PM {
    PCIDevice parent_obj;
    MemoryRegion io;      /* at PMBA */
    MemoryRegion apm_io;
    ACPIPM acpi;
    PMSMBus smbus;
    IRQLine *smi;
    uint8_t apmc, apms;
    bool smm_enabled;
};

/* --- address windows ---------------------------------------------------------- */

static void place_window(MemoryRegion *region, const uint8_t *base_reg, bool enabled)
{
    memory_region_set_address(region, pci_get_word(base_reg) & 0xffc0);
    memory_region_set_enabled(region, enabled);
}

static void update_windows(PIIX4PM *s)
{
    const uint8_t *config = s->parent_obj.config;
    bool enabled = config[REG_PMREGMISC] & PMREGMISC_PMIOSE;
    memory_transaction_begin();
    place_window(&s->io, config + REG_PMBA, enabled);
    place_window(&s->smbus.io, config + REG_SMBBA, config[REG_SMBHSTCFG] & SMBHSTCFG_EN);
    memory_transaction_commit();
    trace(piix4_pm_map, s->io.addr, enabled);
}

static void piix4_pm_config_write(PCIDevice *dev, unsigned addr, uint32_t val, unsigned len)
{
    pci_default_write_config(dev, addr, val, len);
    update_windows(PIIX4_PM(dev));
}

/* --- advanced power management ports (7.4) ---------------------------------------- */

static uint64_t apm_read(void *opaque, hwaddr addr, unsigned size)
{
    PIIX4PM *s = opaque;
    return addr == 0 ? s->apmc : s->apms;
}

static void write_apmc(PIIX4PM *s, uint8_t val)
{
    s->apmc = val;
    if (val == APMC_ACPI_ENABLE || val == APMC_ACPI_DISABLE) {
        acpi_pm_set_sci_en(&s->acpi, val == APMC_ACPI_ENABLE);
    }
    if (s->smm_enabled && (s->parent_obj.config[REG_DEVACTB + 3] & DEVACTB_APMC_EN)) {
        irq_raise(s->smi);
    }
}

static void apm_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    PIIX4PM *s = opaque;
    trace(piix4_pm_apm, PORT_APMC + (unsigned)addr, (unsigned)val);
    if (addr == 0) {
        write_apmc(s, val);
    } else {
        s->apms = val;
    }
}

static const MemoryRegionOps apm_ops = {
    .read = apm_read,
    .write = apm_write,
    .impl = { .max_size = 1 },
};

/* --- sleeping ------------------------------------------------------------------------ */

static void enter_sleep(DeviceState *dev, unsigned slp_typ)
{
    switch (slp_typ) {
    case SLP_SOFT_OFF:
    case SLP_SUSPEND_TO_DISK: /* the operating system has saved itself */
        machine_request_shutdown(dev->machine, SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
        break;
    default:
        log_mask(LOG_UNIMP, "PIIX4_PM: sleep type %u is not available\n", slp_typ);
    }
}

void piix4_pm_power_button(DeviceState *dev)
{
    acpi_pm_event(&PIIX4_PM(dev)->acpi, ACPI_PM1_PWRBTN);
}

/* --- life ------------------------------------------------------------------------------ */

static const struct { uint8_t first, last, mask; } writable[] = {
    { 0x40, 0x40, 0xc0 }, /* PMBA */
    { 0x41, 0x41, 0xff },
    { 0x44, 0x57, 0xff }, /* CNTA, CNTB, GPICTL, device monitors */
    { 0x58, 0x73, 0xff }, /* DEVACTA, DEVACTB, DEVRESA-DEVRESJ */
    { 0x80, 0x80, 0x01 }, /* PMREGMISC */
    { 0x90, 0x90, 0xf0 }, /* SMBBA */
    { 0x91, 0x91, 0xff },
    { 0xd2, 0xd5, 0xff }, /* SMBus configuration */
};

/* Whether a device of the board answers at a port. */
static bool port_is_used(DeviceState *dev, uint16_t port)
{
    MemorySection section;
    rcu_reader_enter();
    address_space_lookup(&dev->machine->io_as, port, &section);
    rcu_reader_leave();
    return section.mr != NULL;
}

/* Firmware for virtual PCs learns here which legacy ports there are. */
static void report_ports(PIIX4PM *s)
{
    DeviceState *dev = DEVICE(s);
    uint8_t *config = s->parent_obj.config;
    config[REG_DEVRESB] = 0x10 | (port_is_used(dev, 0x378) ? 0x80 : 0);
    config[REG_DEVRESC] = 0x60;
    config[REG_DEVRESD] = (port_is_used(dev, 0x3f8) ? 0x08 : 0) |
                          (port_is_used(dev, 0x2f8) ? 0x90 : 0);
}

static void piix4_pm_reset(DeviceState *qdev)
{
    PIIX4PM *s = PIIX4_PM(qdev);
    uint8_t *config = s->parent_obj.config;
    for (unsigned i = 0; i < G_N_ELEMENTS(writable); i++) {
        for (unsigned reg = writable[i].first; reg <= writable[i].last; reg++) {
            config[reg] = 0;
        }
    }
    pci_set_word(config + PCI_STATUS, PCI_STATUS_FAST_BACK | PCI_STATUS_DEVSEL_MEDIUM);
    config[REG_PMBA] = 1; /* an I/O address */
    report_ports(s);
    pci_set_word(config + REG_SMBBA, PIIX4_SMBUS_BASE | 1);
    config[REG_SMBHSTCFG] = SMBHSTCFG_EN | 0x08; /* interrupts by IRQ 9 */
    if (!s->smm_enabled) {
        config[REG_DEVACTB + 3] = DEVACTB_APMC_EN; /* firmware takes SMM for set up */
    }
    s->apmc = s->apms = 0;
    acpi_pm_reset(&s->acpi);
    pm_smbus_reset(&s->smbus);
    update_windows(s);
}

static void map_ports(PIIX4PM *s)
{
    MemoryRegion *io = pci_get_bus(&s->parent_obj)->io;
    memory_region_init(&s->io, s, "piix4-pm", PM_IO_SIZE);
    memory_region_add_subregion(&s->io, 0, &s->acpi.evt);
    memory_region_add_subregion(&s->io, 4, &s->acpi.cnt);
    memory_region_add_subregion(&s->io, 8, &s->acpi.tmr);
    memory_region_set_enabled(&s->io, false);
    memory_region_add_subregion(io, 0, &s->io);
    memory_region_init_io(&s->apm_io, s, &apm_ops, s, "apm-io", 2);
    memory_region_add_subregion(io, PORT_APMC, &s->apm_io);
    memory_region_add_subregion(io, PIIX4_GPE0_BASE, &s->acpi.gpe);
    memory_region_add_subregion(io, PIIX4_SMBUS_BASE, &s->smbus.io);
}

static bool piix4_pm_realize(DeviceState *qdev, Error **errp)
{
    PIIX4PM *s = PIIX4_PM(qdev);
    PCIDevice *dev = &s->parent_obj;
    dev->config[PCI_INTERRUPT_PIN] = 1;
    for (unsigned i = 0; i < G_N_ELEMENTS(writable); i++) {
        for (unsigned reg = writable[i].first; reg <= writable[i].last; reg++) {
            dev->wmask[reg] = writable[i].mask;
        }
    }
    acpi_pm_init(&s->acpi, qdev, enter_sleep);
    pm_smbus_init(&s->smbus, qdev);
    map_ports(s);
    return true;
}

static void piix4_pm_unrealize(DeviceState *qdev)
{
    PIIX4PM *s = PIIX4_PM(qdev);
    acpi_pm_deinit(&s->acpi);
    memory_region_destroy(&s->smbus.io);
    memory_region_destroy(&s->apm_io);
    memory_region_destroy(&s->io);
}

static bool piix4_pm_post_load(void *opaque, Error **errp)
{
    update_windows(opaque);
    return true;
}

static const VMStateField piix4_pm_fields[] = {
    VMSTATE_PCI_DEVICE(parent_obj, PIIX4PM),
    VMSTATE_ACPI_PM(acpi, PIIX4PM),
    VMSTATE_PM_SMBUS(smbus, PIIX4PM),
    VMSTATE_UINT8(apmc, PIIX4PM),
    VMSTATE_UINT8(apms, PIIX4PM),
    VMSTATE_END
};

static const VMStateDescription vmstate_piix4_pm = {
    .name = "PIIX4_PM",
    .version = 1,
    .fields = piix4_pm_fields,
    .post_load = piix4_pm_post_load,
};

static const Property piix4_pm_props[] = {
    PROP_BOOL("smm-enabled", PIIX4PM, smm_enabled, false),
    PROP_END
};

static const PCIDeviceInfo piix4_pm_pci = {
    .vendor_id = 0x8086,
    .device_id = 0x7113,
    .revision = 0x03,
    .class_id = 0x0680, /* bridge of another kind */
    .config_write = piix4_pm_config_write,
};

static const DeviceInfo piix4_pm_info = {
    .name = TYPE_PIIX4_PM,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(PIIX4PM),
    .desc = "PM",
    .internal = true,
    .props = piix4_pm_props,
    .realize = piix4_pm_realize,
    .unrealize = piix4_pm_unrealize,
    .reset = piix4_pm_reset,
    .vmsd = &vmstate_piix4_pm,
    .class_init = pci_device_class_init,
    .class_data = &piix4_pm_pci,
};
DEVICE_TYPE(piix4_pm_info)

DeviceState *piix4_pm_create(PCIBus *bus, int devfn, IRQLine *sci, IRQLine *smi,
                             bool smm_enabled, Error **errp)
{
    DeviceState *dev = qdev_new(TYPE_PIIX4_PM);
    PIIX4PM *s = PIIX4_PM(dev);
    s->parent_obj.devfn = devfn;
    s->acpi.sci = sci;
    s->smi = smi;
    s->smm_enabled = smm_enabled;
    return qdev_realize_and_unref(dev, BUS(bus), BUS(bus)->parent->machine, errp) ? dev : NULL;
}
