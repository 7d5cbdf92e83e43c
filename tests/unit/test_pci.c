/*
 * PCI core, with a device made for the test on the buses of a 440FX and PIIX3:
 * header, BAR sizing and mapping, bus mastering, pins, capabilities, ROM,
 * addresses, state; and two machines in one process.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include <string.h>
#include "hw/acpi/piix4_pm.h"
#include "hw/isa/piix3.h"
#include "hw/pci/i440fx.h"
#include "hw/pci/msi.h"
#include "hw/pci/pci_host.h"
#include "tests/lib/tmp.h"
#include "util/main-loop.h"
#include "util/module.h"

/* --- the device --------------------------------------------------------------- */

typedef struct Probe {
    PCIDevice parent_obj;
    MemoryRegion io, mem, mem64;
    MSIXState msix;
    uint8_t reg;   /* cleared by reset */
    bool fail;     /* realize fails */
} Probe;

static uint64_t probe_read(void *opaque, hwaddr addr, unsigned size)
{
    return 0xa0 + addr;
}

static void probe_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    Probe *p = opaque;
    p->reg = val;
}

static const MemoryRegionOps probe_ops = { .read = probe_read, .write = probe_write };

static bool probe_realize(DeviceState *dev, Error **errp)
{
    Probe *p = (Probe *)dev;
    PCIDevice *pci = PCI_DEVICE(dev);
    if (p->fail) {
        error_setg(errp, "no");
        return false;
    }
    pci->config[PCI_INTERRUPT_PIN] = 1;
    memory_region_init_io(&p->io, dev, &probe_ops, p, "io", 0x20);
    memory_region_init_io(&p->mem, dev, &probe_ops, p, "mem", 0x1000);
    memory_region_init_io(&p->mem64, dev, &probe_ops, p, "mem64", 0x10000);
    pci_register_bar(pci, 0, PCI_BASE_ADDRESS_SPACE_IO, &p->io);
    pci_register_bar(pci, 1, PCI_BASE_ADDRESS_SPACE_MEMORY, &p->mem);
    pci_register_bar(pci, 2, PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH,
                     &p->mem64);
    return true;
}

static void probe_reset(DeviceState *dev)
{
    ((Probe *)dev)->reg = 0;
}

static const VMStateField probe_fields[] = {
    VMSTATE_PCI_DEVICE(parent_obj, Probe),
    VMSTATE_UINT8(reg, Probe),
    VMSTATE_END
};
static const VMStateDescription vmstate_probe = {
    .name = "probe", .version = 1, .fields = probe_fields,
};
static const Property probe_props[] = {
    PROP_BOOL("fail", Probe, fail, false),
    PROP_END
};
static const PCIDeviceInfo probe_pci = {
    .vendor_id = 0x1234, .device_id = 0x5678, .class_id = 0xff00, .revision = 9,
};
static const DeviceInfo probe_info = {
    .name = "pci-probe", .parent = TYPE_PCI_DEVICE, .instance_size = sizeof(Probe),
    .props = probe_props, .realize = probe_realize, .reset = probe_reset, .vmsd = &vmstate_probe,
    .class_init = pci_device_class_init, .class_data = &probe_pci,
};
DEVICE_TYPE(probe_info)

/* --- a machine with the two bridges ---------------------------------------------- */

typedef struct Board {
    MachineState *machine;
    MemoryRegion *pci_memory, *ram;
    PCIBus *bus;
    ISABus *isa;
    IRQLine *irqs[ISA_NUM_IRQS];
    int levels[ISA_NUM_IRQS];
} Board;

static void note_irq(void *opaque, int n, int level)
{
    ((Board *)opaque)->levels[n] = level;
}

static void board_init(Board *b)
{
    memset(b, 0, sizeof(*b));
    b->machine = machine_new("none", &error_fatal);
    b->machine->ram_size = 8 << 20;
    g_assert_true(machine_init_run(b->machine, &error_fatal));
    b->ram = g_new0(MemoryRegion, 1);
    memory_region_init_alias(b->ram, NULL, "ram-below-4g", &b->machine->ram, 0, 8 << 20);
    memory_region_add_subregion(&b->machine->system_memory, 0, b->ram);
    b->pci_memory = g_new0(MemoryRegion, 1);
    memory_region_init(b->pci_memory, NULL, "pci", UINT64_MAX);
    b->bus = i440fx_create(b->machine, b->pci_memory, &error_fatal);
    PCIDevice *piix3 = piix3_create(b->bus, pci_devfn(1, 0), &error_fatal);
    b->isa = piix3_isa_bus(piix3);
    for (int i = 0; i < ISA_NUM_IRQS; i++) {
        b->isa->irqs[i] = b->irqs[i] = irq_new(note_irq, b, i);
    }
    machine_reset(b->machine);
}

static Probe *add_probe(Board *b, int devfn)
{
    return (Probe *)pci_create(b->bus, devfn, false, "pci-probe", &error_fatal);
}

static uint32_t inport(Board *b, uint16_t port, unsigned size)
{
    return address_space_ld(&b->machine->io_as, port, size);
}

static void outport(Board *b, uint16_t port, uint32_t val, unsigned size)
{
    address_space_st(&b->machine->io_as, port, size, val);
}

static uint32_t cfg_read(Board *b, uint8_t devfn, uint8_t reg, unsigned size)
{
    outport(b, 0xcf8, 0x80000000u | devfn << 8 | (reg & 0xfc), 4);
    return inport(b, 0xcfc + (reg & 3), size);
}

static void cfg_write(Board *b, uint8_t devfn, uint8_t reg, uint32_t val, unsigned size)
{
    outport(b, 0xcf8, 0x80000000u | devfn << 8 | (reg & 0xfc), 4);
    outport(b, 0xcfc + (reg & 3), val, size);
}

enum { PROBE = 0x28 /* 05.0 */ };

static uint64_t mem_load(Board *b, hwaddr addr, unsigned size)
{
    return address_space_ld(&b->machine->memory_as, addr, size);
}

/* --- tests ---------------------------------------------------------------------- */

static void test_config_ports(void)
{
    Board b;
    board_init(&b);
    add_probe(&b, PROBE);
    g_assert_cmphex(cfg_read(&b, PROBE, 0, 4), ==, 0x56781234);
    g_assert_cmphex(cfg_read(&b, PROBE, 0, 2), ==, 0x1234);
    g_assert_cmphex(cfg_read(&b, PROBE, 2, 2), ==, 0x5678);
    g_assert_cmphex(cfg_read(&b, PROBE, 3, 1), ==, 0x56);
    g_assert_cmphex(cfg_read(&b, PROBE, PCI_CLASS_REVISION, 4), ==, 0xff000009);
    g_assert_cmphex(cfg_read(&b, PROBE, PCI_SUBSYSTEM_VENDOR_ID, 4), ==, 0x11001af4);
    g_assert_cmphex(cfg_read(&b, PROBE + 8, 0, 4), ==, 0xffffffff);
    g_assert_cmphex(cfg_read(&b, PROBE + 8, 1, 1), ==, 0xff);
    /* Identity is read-only; another bus is empty. */
    cfg_write(&b, PROBE, 0, 0, 4);
    g_assert_cmphex(cfg_read(&b, PROBE, 0, 4), ==, 0x56781234);
    outport(&b, 0xcf8, 0x80010000u | PROBE << 8, 4);
    g_assert_cmphex(inport(&b, 0xcfc, 4), ==, 0xffffffff);
    /* Disabled, and the bits that are wired to 0. */
    outport(&b, 0xcf8, 0x7fffffff, 4);
    g_assert_cmphex(inport(&b, 0xcf8, 4), ==, 0x00fffffc);
    g_assert_cmphex(inport(&b, 0xcfc, 4), ==, 0xffffffff);
    /* Only doublewords reach CONFIG_ADDRESS. */
    outport(&b, 0xcf8, 0x80000000, 4);
    outport(&b, 0xcfa, 0x1234, 2);
    outport(&b, 0xcf8, 0x55, 1);
    g_assert_cmphex(inport(&b, 0xcf8, 4), ==, 0x80000000);
    g_assert_cmphex(inport(&b, 0xcfb, 1), ==, 0xff);
}

static void test_bars(void)
{
    Board b;
    board_init(&b);
    add_probe(&b, PROBE);
    /* Sizing: ones stay in the address bits. */
    static const struct { uint8_t reg; uint32_t reset, ones; } bars[] = {
        { 0x10, 1, 0xffffffe1 }, { 0x14, 0, 0xfffff000 }, { 0x18, 0xc, 0xffff000c },
        { 0x1c, 0, 0xffffffff }, { 0x20, 0, 0 }, { 0x30, 0, 0 },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(bars); i++) {
        g_assert_cmphex(cfg_read(&b, PROBE, bars[i].reg, 4), ==, bars[i].reset);
        cfg_write(&b, PROBE, bars[i].reg, 0xffffffff, 4);
        g_assert_cmphex(cfg_read(&b, PROBE, bars[i].reg, 4), ==, bars[i].ones);
    }
    cfg_write(&b, PROBE, 0x10, 0xc001, 4);
    cfg_write(&b, PROBE, 0x14, 0xe0000000, 4);
    cfg_write(&b, PROBE, 0x18, 0x00000000, 4);
    cfg_write(&b, PROBE, 0x1c, 0x00000012, 4);
    g_assert_cmphex(inport(&b, 0xc001, 1), ==, 0xff);
    cfg_write(&b, PROBE, PCI_COMMAND, PCI_COMMAND_IO, 2);
    g_assert_cmphex(inport(&b, 0xc001, 1), ==, 0xa1);
    g_assert_cmphex(mem_load(&b, 0xe0000002, 1), ==, 0xff);
    cfg_write(&b, PROBE, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
    g_assert_cmphex(inport(&b, 0xc001, 1), ==, 0xff);
    g_assert_cmphex(mem_load(&b, 0xe0000002, 1), ==, 0xa2);
    g_assert_cmphex(mem_load(&b, 0x1200000003, 1), ==, 0xa3);
    /* Moves at once; while ones are written for sizing it is nowhere. */
    cfg_write(&b, PROBE, 0x14, 0xe1000000, 4);
    g_assert_cmphex(mem_load(&b, 0xe0000002, 1), ==, 0xff);
    g_assert_cmphex(mem_load(&b, 0xe1000002, 1), ==, 0xa2);
    cfg_write(&b, PROBE, 0x14, 0xffffffff, 4);
    g_assert_cmphex(mem_load(&b, 0xfffff002, 1), ==, 0xff);
    machine_reset(b.machine);
    g_assert_cmphex(cfg_read(&b, PROBE, 0x14, 4), ==, 0);
    g_assert_cmphex(cfg_read(&b, PROBE, 0x18, 4), ==, 0xc);
    g_assert_cmphex(cfg_read(&b, PROBE, 0x1c, 4), ==, 0);
    g_assert_cmphex(mem_load(&b, 0x1200000003, 1), ==, 0xff);
}

static void test_bus_master(void)
{
    Board b;
    uint32_t val = 0;
    board_init(&b);
    PCIDevice *dev = &add_probe(&b, PROBE)->parent_obj;
    address_space_st(&b.machine->memory_as, 0x1000, 4, 0xcafe1234);
    g_assert_cmpint(pci_dma_read(dev, 0x1000, &val, 4), ==, MEMTX_DECODE_ERROR);
    cfg_write(&b, PROBE, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
    g_assert_cmpint(pci_dma_read(dev, 0x1000, &val, 4), ==, MEMTX_OK);
    g_assert_cmphex(val, ==, 0xcafe1234);
    val = 0x55;
    g_assert_cmpint(pci_dma_write(dev, 0x2000, &val, 1), ==, MEMTX_OK);
    g_assert_cmphex(mem_load(&b, 0x2000, 1), ==, 0x55);
    machine_reset(b.machine);
    g_assert_cmpint(pci_dma_write(dev, 0x2000, &val, 1), ==, MEMTX_DECODE_ERROR);
}

static void test_pins(void)
{
    Board b;
    board_init(&b);
    /* INTA# of slots 1, 5 and 9 is PIRQA, of slot 6 PIRQB. */
    PCIDevice *five = &add_probe(&b, PROBE)->parent_obj;
    PCIDevice *nine = &add_probe(&b, pci_devfn(9, 0))->parent_obj;
    PCIDevice *six = &add_probe(&b, pci_devfn(6, 0))->parent_obj;
    pci_set_irq(five, 1); /* not routed after reset */
    cfg_write(&b, pci_devfn(1, 0), 0x60, 0x0b, 1);
    cfg_write(&b, pci_devfn(1, 0), 0x61, 0x0a, 1);
    g_assert_cmpint(b.levels[11], ==, 1); /* appears when it is routed */
    g_assert_cmphex(cfg_read(&b, PROBE, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT, !=, 0);
    pci_set_irq(nine, 1);
    pci_set_irq(five, 0);
    g_assert_cmpint(b.levels[11], ==, 1); /* shared */
    pci_set_irq(nine, 1);
    pci_set_irq(nine, 0);
    g_assert_cmpint(b.levels[11], ==, 0);
    irq_set(pci_allocate_irq(six), 1);
    g_assert_cmpint(b.levels[10], ==, 1);
    cfg_write(&b, pci_devfn(6, 0), PCI_COMMAND, PCI_COMMAND_INTX_DISABLE, 2);
    g_assert_cmpint(b.levels[10], ==, 0);
    cfg_write(&b, pci_devfn(6, 0), PCI_COMMAND, 0, 2);
    g_assert_cmpint(b.levels[10], ==, 1);
    cfg_write(&b, pci_devfn(1, 0), 0x61, 0x05, 1); /* moves to another IRQ */
    g_assert_cmpint(b.levels[10], ==, 0);
    g_assert_cmpint(b.levels[5], ==, 1);
    cfg_write(&b, pci_devfn(1, 0), 0x61, 0x0d, 1); /* 13 belongs to the FPU */
    g_assert_cmpint(b.levels[5] + b.levels[13], ==, 0);
    cfg_write(&b, pci_devfn(1, 0), 0x61, 0x05, 1);
    machine_reset(b.machine);
    g_assert_cmpint(b.levels[5], ==, 0);
    g_assert_false(pci_bus_get_irq_level(b.bus, 1));
}

static void test_capabilities(void)
{
    Board b;
    board_init(&b);
    PCIDevice *dev = &add_probe(&b, PROBE)->parent_obj;
    uint8_t first = pci_add_capability(dev, PCI_CAP_ID_PM, 0, 8, &error_fatal);
    uint8_t fixed = pci_add_capability(dev, PCI_CAP_ID_VNDR, 0x80, 4, &error_fatal);
    uint8_t last = pci_add_capability(dev, PCI_CAP_ID_MSI, 0, 10, &error_fatal);
    g_assert_cmphex(first, ==, 0x40);
    g_assert_cmphex(fixed, ==, 0x80);
    g_assert_cmphex(last, ==, 0x48);
    g_assert_cmphex(cfg_read(&b, PROBE, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST, !=, 0);
    g_assert_cmphex(cfg_read(&b, PROBE, PCI_CAPABILITY_LIST, 1), ==, last);
    g_assert_cmphex(cfg_read(&b, PROBE, last + 1, 1), ==, fixed);
    g_assert_cmphex(cfg_read(&b, PROBE, fixed + 1, 1), ==, first);
    g_assert_cmphex(cfg_read(&b, PROBE, first, 2), ==, PCI_CAP_ID_PM);
    g_assert_cmphex(pci_find_capability(dev, PCI_CAP_ID_VNDR), ==, fixed);
    g_assert_cmphex(pci_find_capability(dev, PCI_CAP_ID_EXP), ==, 0);
    Error *err = NULL;
    g_assert_cmphex(pci_add_capability(dev, PCI_CAP_ID_VNDR, 0, 0x90, &err), ==, 0);
    g_assert_nonnull(err);
    error_free(err);
}

/* Messages are writes of the device: here to RAM at 3000h, where they can be seen. */
static uint32_t take_message(Board *b)
{
    uint32_t data = mem_load(b, 0x3000, 4);
    address_space_st(&b->machine->memory_as, 0x3000, 4, 0xdeadbeef);
    return data;
}

#define NO_MESSAGE 0xdeadbeef

static void test_msi(void)
{
    Board b;
    board_init(&b);
    PCIDevice *dev = &add_probe(&b, PROBE)->parent_obj;
    g_assert_true(msi_init(dev, 0x50, 4, true, true, &error_fatal));
    g_assert_cmphex(cfg_read(&b, PROBE, 0x50, 4), ==, 0x01840005);
    cfg_write(&b, pci_devfn(1, 0), 0x60, 0x0b, 1);
    cfg_write(&b, PROBE, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
    cfg_write(&b, PROBE, 0x54, 0x3003, 4); /* bits 1-0 are 0 */
    cfg_write(&b, PROBE, 0x5c, 0x41, 2);
    take_message(&b);
    msi_notify(dev, 0);
    g_assert_cmphex(take_message(&b), ==, NO_MESSAGE);
    pci_set_irq(dev, 1);
    g_assert_cmpint(b.levels[11], ==, 1);
    cfg_write(&b, PROBE, 0x52, 0x0001, 2); /* one vector */
    g_assert_cmpint(b.levels[11], ==, 0);  /* instead of the pin */
    msi_notify(dev, 3);
    g_assert_cmphex(take_message(&b), ==, 0x41);
    cfg_write(&b, PROBE, 0x52, 0x0021, 2); /* four vectors */
    msi_notify(dev, 3);
    g_assert_cmphex(take_message(&b), ==, 0x43);
    cfg_write(&b, PROBE, 0x60, 0xffffffff, 4); /* mask */
    g_assert_cmphex(cfg_read(&b, PROBE, 0x60, 4), ==, 0xf);
    msi_notify(dev, 2);
    g_assert_cmphex(take_message(&b), ==, NO_MESSAGE);
    g_assert_cmphex(cfg_read(&b, PROBE, 0x64, 4), ==, 4);
    cfg_write(&b, PROBE, 0x60, 0, 4);
    g_assert_cmphex(take_message(&b), ==, 0x42);
    g_assert_cmphex(cfg_read(&b, PROBE, 0x64, 4), ==, 0);
    machine_reset(b.machine);
    g_assert_cmphex(cfg_read(&b, PROBE, 0x50, 4), ==, 0x01840005);
    g_assert_cmphex(cfg_read(&b, PROBE, 0x54, 4), ==, 0);
}

static void test_msix(void)
{
    Board b;
    board_init(&b);
    Probe *p = add_probe(&b, PROBE);
    PCIDevice *dev = &p->parent_obj;
    Error *err = NULL;
    g_assert_false(msix_init(dev, &p->msix, 0, 5, &err));
    error_free(err);
    g_assert_true(msix_init(dev, &p->msix, 70, 4, &error_fatal));
    uint8_t cap = pci_find_capability(dev, PCI_CAP_ID_MSIX);
    const hwaddr bar = 0xe0000000, entry = bar + 69 * 16, pba = bar + 0x800;
    g_assert_cmphex(cfg_read(&b, PROBE, cap + PCI_MSIX_FLAGS, 2), ==, 69);
    g_assert_cmphex(cfg_read(&b, PROBE, cap + PCI_MSIX_TABLE, 4), ==, 0x000 | 4);
    g_assert_cmphex(cfg_read(&b, PROBE, cap + PCI_MSIX_PBA, 4), ==, 0x800 | 4);
    cfg_write(&b, PROBE, PCI_BASE_ADDRESS_4, bar, 4);
    cfg_write(&b, PROBE, PCI_COMMAND, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY, 2);
    AddressSpace *mem = &b.machine->memory_as;
    g_assert_cmphex(mem_load(&b, entry + 12, 4), ==, 1); /* masked after reset */
    address_space_st(mem, entry, 8, 0x3000);
    address_space_st(mem, entry + 8, 4, 0x99);
    take_message(&b);
    msix_notify(&p->msix, 69);
    g_assert_cmphex(mem_load(&b, pba + 8, 8), ==, 0); /* not enabled: nothing is noted */
    cfg_write(&b, PROBE, cap + PCI_MSIX_FLAGS, 0xc000, 2);
    msix_notify(&p->msix, 69);
    g_assert_cmphex(mem_load(&b, pba + 8, 8), ==, 1 << 5);
    address_space_st(mem, entry + 12, 4, 0);
    g_assert_cmphex(take_message(&b), ==, NO_MESSAGE); /* the function is masked still */
    cfg_write(&b, PROBE, cap + PCI_MSIX_FLAGS, 0x8000, 2);
    g_assert_cmphex(take_message(&b), ==, 0x99);
    g_assert_cmphex(mem_load(&b, pba + 8, 8), ==, 0);
    msix_notify(&p->msix, 69);
    g_assert_cmphex(take_message(&b), ==, 0x99);
    msix_notify(&p->msix, 70); /* there is none */
    g_assert_cmphex(take_message(&b), ==, NO_MESSAGE);
}

static void assert_create_fails(Board *b, int devfn, const char *prop, const char *value,
                                const char *text)
{
    Error *err = NULL;
    DeviceState *dev = qdev_new("pci-probe");
    PCI_DEVICE(dev)->devfn = devfn;
    if (prop) {
        g_assert_true(object_property_parse(OBJECT(dev), prop, value, &error_fatal));
    }
    g_assert_false(qdev_realize_and_unref(dev, BUS(b->bus), b->machine, &err));
    g_assert_nonnull(strstr(error_text(err), text));
    error_free(err);
}

static void test_addresses(void)
{
    Board b;
    board_init(&b);
    g_assert_cmpint(add_probe(&b, -1)->parent_obj.devfn, ==, pci_devfn(2, 0));
    g_assert_nonnull(pci_create(b.bus, pci_devfn(3, 0), true, "pci-probe", &error_fatal));
    g_assert_nonnull(add_probe(&b, pci_devfn(3, 1)));
    g_assert_cmphex(cfg_read(&b, pci_devfn(3, 0), PCI_HEADER_TYPE, 1), ==, 0x80);
    g_assert_cmpint(add_probe(&b, -1)->parent_obj.devfn, ==, pci_devfn(4, 0));
    assert_create_fails(&b, pci_devfn(2, 0), NULL, NULL, "in use by pci-probe");
    assert_create_fails(&b, pci_devfn(2, 1), NULL, NULL, "multifunction=on");
    assert_create_fails(&b, 300, NULL, NULL, "300");
    assert_create_fails(&b, -1, "fail", "on", "no");
    assert_create_fails(&b, -1, "romfile", "no-such.rom", "no-such.rom");
    /* What failed left nothing behind. */
    g_assert_null(b.bus->devices[pci_devfn(5, 0)]);
    g_assert_cmpint(add_probe(&b, -1)->parent_obj.devfn, ==, pci_devfn(5, 0));
}

static void test_rom(void)
{
    Board b;
    const char *path;
    uint8_t image[3000] = { 0x55, 0xaa, 6 };
    int fd = tmp_file(&path);
    g_assert_cmpint(write(fd, image, sizeof(image)), ==, sizeof(image));
    close(fd);
    board_init(&b);
    DeviceState *dev = qdev_new("pci-probe");
    g_assert_true(object_property_parse(OBJECT(dev), "romfile", path, &error_fatal));
    g_assert_true(object_property_parse(OBJECT(dev), "addr", "05", &error_fatal));
    g_assert_true(qdev_realize_and_unref(dev, BUS(b.bus), b.machine, &error_fatal));
    cfg_write(&b, PROBE, PCI_ROM_ADDRESS, 0xffffffff, 4);
    g_assert_cmphex(cfg_read(&b, PROBE, PCI_ROM_ADDRESS, 4), ==, 0xfffff001); /* 4 KiB */
    cfg_write(&b, PROBE, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
    cfg_write(&b, PROBE, PCI_ROM_ADDRESS, 0xe2000000, 4);
    g_assert_cmphex(mem_load(&b, 0xe2000000, 2), ==, 0xffff);
    cfg_write(&b, PROBE, PCI_ROM_ADDRESS, 0xe2000001, 4);
    g_assert_cmphex(mem_load(&b, 0xe2000000, 2), ==, 0xaa55);
    assert_create_fails(&b, -1, "romfile", "/dev/null", "romfile");
}

static void test_unplug(void)
{
    Board b;
    board_init(&b);
    Probe *p = add_probe(&b, PROBE);
    cfg_write(&b, pci_devfn(1, 0), 0x60, 0x0b, 1);
    cfg_write(&b, PROBE, 0x14, 0xe0000000, 4);
    cfg_write(&b, PROBE, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
    pci_set_irq(&p->parent_obj, 1);
    g_assert_cmpint(b.levels[11], ==, 1);
    qdev_unrealize(DEVICE(p));
    object_unparent(p);
    g_assert_cmpint(b.levels[11], ==, 0);
    g_assert_cmphex(mem_load(&b, 0xe0000002, 1), ==, 0xff);
    g_assert_cmphex(cfg_read(&b, PROBE, 0, 4), ==, 0xffffffff);
    add_probe(&b, PROBE);
    g_assert_cmphex(cfg_read(&b, PROBE, 0, 4), ==, 0x56781234);
}

static void test_state(void)
{
    Board a, b;
    g_autoptr(GByteArray) saved = g_byte_array_new();
    size_t pos = 0;
    board_init(&a);
    board_init(&b); /* two machines in one process */
    Probe *from = add_probe(&a, PROBE), *to = add_probe(&b, PROBE);
    cfg_write(&a, PROBE, 0x14, 0xe0000000, 4);
    cfg_write(&a, PROBE, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
    pci_set_irq(&from->parent_obj, 1);
    from->reg = 0x77;
    vmstate_save(&vmstate_probe, from, saved);
    g_assert_cmphex(mem_load(&b, 0xe0000002, 1), ==, 0xff);
    g_assert_true(vmstate_load(&vmstate_probe, to, saved->data, saved->len, &pos, &error_fatal));
    g_assert_cmphex(to->reg, ==, 0x77);
    g_assert_cmphex(mem_load(&b, 0xe0000002, 1), ==, 0xa2);
    g_assert_true(pci_bus_get_irq_level(b.bus, 0));
    pci_set_irq(&to->parent_obj, 0);
    g_assert_false(pci_bus_get_irq_level(b.bus, 0));

    /* State of another device is refused. */
    g_autoptr(GByteArray) wrong = g_byte_array_new();
    from->parent_obj.config[0] ^= 1;
    vmstate_save(&vmstate_probe, from, wrong);
    Error *err = NULL;
    pos = 0;
    g_assert_false(vmstate_load(&vmstate_probe, to, wrong->data, wrong->len, &pos, &err));
    error_free(err);
}

static void save_device(Board *b, uint8_t devfn, GByteArray *out)
{
    PCIDevice *dev = b->bus->devices[devfn];
    vmstate_save(DEVICE_GET_CLASS(dev)->vmsd, dev, out);
}

static void load_device(Board *b, uint8_t devfn, const GByteArray *in, size_t *pos)
{
    PCIDevice *dev = b->bus->devices[devfn];
    g_assert_true(vmstate_load(DEVICE_GET_CLASS(dev)->vmsd, dev, in->data, in->len, pos,
                               &error_fatal));
}

/* The chipset's own: what its registers switch must follow them. */
static void test_chipset_state(void)
{
    enum { HOST = 0x00, BRIDGE = 0x08, PM = 0x0b, PMBASE = 0x600 };
    Board a, b;
    g_autoptr(GByteArray) saved = g_byte_array_new();
    board_init(&a);
    board_init(&b);
    DeviceState *pm_a = piix4_pm_create(a.bus, PM, a.irqs[9], NULL, false, &error_fatal);
    piix4_pm_create(b.bus, PM, b.irqs[9], NULL, false, &error_fatal);
    Probe *probe_a = add_probe(&a, PROBE), *probe_b = add_probe(&b, PROBE);
    machine_reset(a.machine);
    machine_reset(b.machine);

    cfg_write(&a, HOST, 0x5a, 0x33, 1); /* PAM1: C0000h-C7FFFh is RAM */
    cfg_write(&a, HOST, 0x72, 0x1a, 1); /* SMRAM enabled and locked */
    cfg_write(&a, BRIDGE, 0x60, 0x0b, 1);
    outport(&a, 0xcf9, 2, 1);
    pci_set_irq(&probe_a->parent_obj, 1);
    cfg_write(&a, PM, 0x40, PMBASE | 1, 4);
    cfg_write(&a, PM, 0x80, 1, 1);
    outport(&a, 0xb2, 0xf1, 1);           /* ACPI on */
    outport(&a, PMBASE + 2, 0x0100, 2);   /* power button enabled, */
    piix4_pm_power_button(pm_a);          /* and pressed */
    g_assert_cmpint(a.levels[9], ==, 1);

    static const uint8_t functions[] = { HOST, BRIDGE, PM, PROBE };
    size_t pos = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(functions); i++) {
        save_device(&a, functions[i], saved);
    }
    g_assert_cmphex(mem_load(&b, 0xc0000, 4), ==, 0xffffffff);
    for (unsigned i = 0; i < G_N_ELEMENTS(functions); i++) {
        load_device(&b, functions[i], saved, &pos);
    }
    g_assert_cmpuint(pos, ==, saved->len);
    g_assert_cmphex(mem_load(&b, 0xc0000, 4), ==, 0); /* RAM */
    cfg_write(&b, HOST, 0x72, 0x4a, 1);
    g_assert_cmphex(cfg_read(&b, HOST, 0x72, 1), ==, 0x1a); /* still locked */
    g_assert_cmphex(cfg_read(&b, BRIDGE, 0x60, 1), ==, 0x0b);
    g_assert_cmphex(inport(&b, 0xcf9, 1), ==, 2);
    g_assert_cmphex(inport(&b, PMBASE, 2), ==, 0x0100);
    g_assert_cmphex(inport(&b, PMBASE + 4, 2), ==, 1);
    /* Lines carry on from where they were. */
    b.levels[11] = b.levels[9] = 1;
    pci_set_irq(&probe_b->parent_obj, 0);
    outport(&b, PMBASE, 0x0100, 2);
    g_assert_cmpint(b.levels[11] + b.levels[9], ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    module_call_init(MODULE_QOM);
    bql_lock();
    g_test_add_func("/pci/config-ports", test_config_ports);
    g_test_add_func("/pci/bars", test_bars);
    g_test_add_func("/pci/bus-master", test_bus_master);
    g_test_add_func("/pci/pins", test_pins);
    g_test_add_func("/pci/capabilities", test_capabilities);
    g_test_add_func("/pci/msi", test_msi);
    g_test_add_func("/pci/msix", test_msix);
    g_test_add_func("/pci/addresses", test_addresses);
    g_test_add_func("/pci/rom", test_rom);
    g_test_add_func("/pci/unplug", test_unplug);
    g_test_add_func("/pci/state", test_state);
    g_test_add_func("/pci/chipset-state", test_chipset_state);
    return g_test_run();
}
