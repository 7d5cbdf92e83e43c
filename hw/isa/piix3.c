/*
 * Intel 82371SB (PIIX3), data sheet 290550, function 0: PCI-to-ISA bridge.
 * PCI interrupt routing, coprocessor errors and the reset control register act; registers
 * of ISA timing and power management keep what is written.
 *
 * Lines: input "ferr" (1: FERR# asserted) and output "ignne" (1: IGNNE# asserted).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/isa/piix3.h"
#include "hw/core/machine.h"
#include "util/trace.h"

TRACE_EVENT(piix3_pirq, "PIRQ%c level %d routed to IRQ %d");
TRACE_EVENT(piix3_reset_control, "value 0x%02x");
TRACE_EVENT(piix3_coprocessor_error, "FERR# %d IRQ 13 %d IGNNE# %d");

enum {
    REG_PIRQRCA = 0x60,   /* PIRQ route control, A to D at 60h-63h (2.2.10) */
    PIRQRC_DISABLE = 1 << 7,
    PIRQRC_WRITABLE = PIRQRC_DISABLE | 0x0f,
    N_PIRQS = 4,

    PORT_RCR = 0xcf9,     /* reset control register (2.5.4.6) */
    RCR_SRST = 1 << 1,    /* hard reset, not soft */
    RCR_RCPU = 1 << 2,    /* 0 to 1 resets */

    PORT_CERR = 0xf0,     /* coprocessor error register (2.5.5) */
    FPU_IRQ = 13,
};

OBJECT_DECLARE_SIMPLE(PIIX3State, PIIX3, TYPE_PIIX3)

struct PIIX3State {
    PCIDevice parent_obj;
    ISABus *isa;
    MemoryRegion rcr_mem, cerr_mem;
    IRQLine *ignne_line;
    uint8_t rcr;
    bool ferr, fpu_irq, ignne;
    uint8_t pirq_levels;  /* a bit for each of PIRQA# to PIRQD# that is asserted */
    uint16_t driven;      /* ISA IRQs that are raised for them */
};

/* --- interrupt routing ------------------------------------------------------- */

/* The ISA IRQ of a PIRQ, or -1; 0-2, 8 and 13 belong to the board. */
static int routed_irq(const PIIX3State *s, int pirq)
{
    const uint16_t usable = 0xdef8;
    uint8_t rc = s->parent_obj.config[REG_PIRQRCA + pirq];
    int irq = rc & 0x0f;
    return !(rc & PIRQRC_DISABLE) && usable >> irq & 1 ? irq : -1;
}

static void update_irqs(PIIX3State *s)
{
    uint16_t want = 0;
    for (int pirq = 0; pirq < N_PIRQS; pirq++) {
        int irq = routed_irq(s, pirq);
        want |= irq >= 0 && (s->pirq_levels & 1 << pirq) ? 1 << irq : 0;
    }
    uint16_t changed = want ^ s->driven;
    s->driven = want;
    for (int irq = 0; irq < ISA_NUM_IRQS; irq++) {
        if (changed & 1 << irq) {
            irq_set(s->isa->irqs[irq], want >> irq & 1);
        }
    }
}

/* Boards wire INTA# of slot 1 to PIRQA#, and rotate by one from slot to slot. */
static int piix3_map_irq(PCIDevice *dev, int pin)
{
    return (pin + (dev->devfn >> 3) - 1) & (N_PIRQS - 1);
}

static void piix3_set_irq(void *opaque, int pirq, int level)
{
    PIIX3State *s = opaque;
    s->pirq_levels = (s->pirq_levels & ~(1 << pirq)) | (level ? 1 << pirq : 0);
    trace(piix3_pirq, 'A' + pirq, level, routed_irq(s, pirq));
    update_irqs(s);
}

/* --- reset control register ------------------------------------------------------ */

static uint64_t rcr_read(void *opaque, hwaddr addr, unsigned size)
{
    PIIX3State *s = opaque;
    return s->rcr;
}

static void rcr_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    PIIX3State *s = opaque;
    trace(piix3_reset_control, (unsigned)val);
    s->rcr = val & RCR_SRST;
    if (val & RCR_RCPU) {
        machine_request_reset(s->parent_obj.parent_obj.machine, SHUTDOWN_CAUSE_GUEST_RESET);
    }
}

static const MemoryRegionOps rcr_ops = {
    .read = rcr_read,
    .write = rcr_write,
    .impl = { .max_size = 1 },
};

/* --- coprocessor errors ---------------------------------------------------------- */

static void drive_fpu_lines(PIIX3State *s)
{
    trace(piix3_coprocessor_error, s->ferr, s->fpu_irq, s->ignne);
    irq_set(s->isa->irqs[FPU_IRQ], s->fpu_irq);
    irq_set(s->ignne_line, s->ignne);
}

/* FERR# latches IRQ 13; going away it takes IGNNE# with it. XBCS bit 5, which lets the pin do
 * this, is left out: no firmware of virtual PCs sets it. */
static void set_ferr(void *opaque, int n, int level)
{
    PIIX3State *s = opaque;

    if (level && !s->ferr) {
        s->fpu_irq = true;
    }
    s->ferr = level;
    s->ignne = s->ignne && level;
    drive_fpu_lines(s);
}

static uint64_t cerr_read(void *opaque, hwaddr addr, unsigned size)
{
    return 0xff; /* write only */
}

/* Whatever is written ends the interrupt, and lets the CPU go on until FERR# is negated. */
static void cerr_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    PIIX3State *s = opaque;

    s->fpu_irq = false;
    s->ignne = s->ferr;
    drive_fpu_lines(s);
}

static const MemoryRegionOps cerr_ops = {
    .read = cerr_read,
    .write = cerr_write,
    .impl = { .max_size = 1 },
};

/* --- configuration space ------------------------------------------------------------ */

/* Registers beyond the header (2.2): reset value, and the bits that keep what is written. */
static const struct { uint8_t reg, reset, mask; } registers[] = {
    { 0x4c, 0x4d, 0x7f }, /* IORT: ISA I/O recovery timer */
    { 0x4e, 0x03, 0xff }, /* XBCS: X-bus chip select */
    { 0x4f, 0x00, 0x01 },
    { 0x60, 0x80, PIRQRC_WRITABLE },
    { 0x61, 0x80, PIRQRC_WRITABLE },
    { 0x62, 0x80, PIRQRC_WRITABLE },
    { 0x63, 0x80, PIRQRC_WRITABLE },
    { 0x69, 0x02, 0xfe }, /* TOM: top of memory */
    { 0x6a, 0x00, 0xff }, /* MSTAT: miscellaneous status */
    { 0x6b, 0x00, 0x80 },
    { 0x70, 0x80, 0xef }, /* MBIRQ0: motherboard device IRQ route */
    { 0x76, 0x0c, 0x8f }, /* MBDMA0, MBDMA1 */
    { 0x77, 0x0c, 0x8f },
    { 0x78, 0x02, 0xff }, /* PCSC: programmable chip select */
    { 0x79, 0x00, 0xff },
    { 0x80, 0x00, 0x7f }, /* APICBASE */
    { 0x82, 0x00, 0x0f }, /* DLC: deterministic latency control */
    { 0xa0, 0x08, 0x1f }, /* SMICNTL */
    { 0xa2, 0x00, 0xff }, /* SMIEN */
    { 0xa3, 0x00, 0x01 },
    { 0xa4, 0x00, 0xff }, /* SEE: system event enable */
    { 0xa5, 0x00, 0xff },
    { 0xa6, 0x00, 0xff },
    { 0xa7, 0x00, 0xff },
    { 0xa8, 0x0f, 0xff }, /* FTMR: fast-off timer */
    { 0xaa, 0x00, 0xff }, /* SMIREQ */
    { 0xab, 0x00, 0x01 },
    { 0xac, 0x00, 0xff }, /* CTLTMR */
    { 0xae, 0x00, 0xff }, /* CTHTMR */
};

static void piix3_config_write(PCIDevice *dev, unsigned addr, uint32_t val, unsigned len)
{
    pci_default_write_config(dev, addr, val, len);
    if (pci_ranges_overlap(addr, len, REG_PIRQRCA, N_PIRQS)) {
        update_irqs(PIIX3(dev));
    }
}

static void piix3_reset(DeviceState *qdev)
{
    PIIX3State *s = PIIX3(qdev);
    uint8_t *config = s->parent_obj.config;
    for (unsigned i = 0; i < G_N_ELEMENTS(registers); i++) {
        config[registers[i].reg] = registers[i].reset;
    }
    pci_set_word(config + PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    pci_set_word(config + PCI_STATUS, PCI_STATUS_DEVSEL_MEDIUM);
    s->rcr = 0;
    s->ferr = s->fpu_irq = s->ignne = false;
    update_irqs(s);
    drive_fpu_lines(s);
}

static bool piix3_realize(DeviceState *qdev, Error **errp)
{
    PIIX3State *s = PIIX3(qdev);
    PCIDevice *dev = &s->parent_obj;
    PCIBus *bus = pci_get_bus(dev);
    for (unsigned i = 0; i < G_N_ELEMENTS(registers); i++) {
        dev->wmask[registers[i].reg] = registers[i].mask;
    }
    s->isa = isa_bus_new(qdev, bus->memory, bus->io);
    memory_region_init_io(&s->rcr_mem, dev, &rcr_ops, s, "piix3-reset-control", 1);
    memory_region_add_subregion_overlap(bus->io, PORT_RCR, &s->rcr_mem, 1);
    memory_region_init_io(&s->cerr_mem, dev, &cerr_ops, s, "piix3-coprocessor-error", 1);
    memory_region_add_subregion(bus->io, PORT_CERR, &s->cerr_mem);
    qdev_init_gpio_in_named(qdev, set_ferr, "ferr", 1);
    qdev_init_gpio_out_named(qdev, &s->ignne_line, "ignne", 1);
    pci_bus_set_irqs(bus, piix3_set_irq, piix3_map_irq, s, N_PIRQS);
    return true;
}

static void piix3_unrealize(DeviceState *qdev)
{
    PIIX3State *s = PIIX3(qdev);
    pci_bus_set_irqs(pci_get_bus(&s->parent_obj), NULL, NULL, NULL, 0);
    memory_region_destroy(&s->rcr_mem);
    memory_region_destroy(&s->cerr_mem);
}

static const VMStateField piix3_fields[] = {
    VMSTATE_PCI_DEVICE(parent_obj, PIIX3State),
    VMSTATE_UINT8(rcr, PIIX3State),
    VMSTATE_UINT8(pirq_levels, PIIX3State),
    VMSTATE_UINT16(driven, PIIX3State),
    VMSTATE_BOOL(ferr, PIIX3State),
    VMSTATE_BOOL(fpu_irq, PIIX3State),
    VMSTATE_BOOL(ignne, PIIX3State),
    VMSTATE_END
};

static const VMStateDescription vmstate_piix3 = {
    .name = "PIIX3",
    .version = 1,
    .fields = piix3_fields,
};

static const PCIDeviceInfo piix3_pci = {
    .vendor_id = 0x8086,
    .device_id = 0x7000,
    .class_id = 0x0601, /* ISA bridge */
    .config_write = piix3_config_write,
};

static const DeviceInfo piix3_info = {
    .name = TYPE_PIIX3,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(PIIX3State),
    .desc = "ISA bridge",
    .internal = true,
    .realize = piix3_realize,
    .unrealize = piix3_unrealize,
    .reset = piix3_reset,
    .vmsd = &vmstate_piix3,
    .class_init = pci_device_class_init,
    .class_data = &piix3_pci,
};
DEVICE_TYPE(piix3_info)

PCIDevice *piix3_create(PCIBus *bus, int devfn, Error **errp)
{
    return pci_create(bus, devfn, true, TYPE_PIIX3, errp);
}

ISABus *piix3_isa_bus(PCIDevice *dev)
{
    return PIIX3(dev)->isa;
}
