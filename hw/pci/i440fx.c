/*
 * Intel 82441FX PCI and memory controller (PMC), data sheet 290549: the host
 * bridge of the pc machine. What software can see of it is the routing of
 * memory below 1 MiB (PAM, SMRAM); DRAM timing registers keep what is written.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/pci/i440fx.h"
#include "hw/pci/pci_host.h"
#include "util/trace.h"

TRACE_EVENT(i440fx_pam, "segment 0x%05" PRIx64 " mode %u (1: reads from RAM, 2: writes to RAM)");
TRACE_EVENT(i440fx_smram, "register 0x%02x: open %d enabled %d");

/* Registers of configuration space (3.2). */
enum {
    REG_RAM_SIZE = 0x57, /* DRAMC; here RAM in units of 8 MiB, for virtual PCs' firmware */
    REG_PAM0 = 0x59,     /* to 5fh */
    REG_SMRAM = 0x72,

    PAM_RE = 1 << 0,
    PAM_WE = 1 << 1,

    SMRAM_C_BASE_SEG = 0x02, /* the one legal value, A0000h */
    SMRAM_G_SMRAME = 1 << 3,
    SMRAM_D_LCK = 1 << 4,
    SMRAM_D_CLS = 1 << 5,
    SMRAM_D_OPEN = 1 << 6,
};

enum { SMRAM_BASE = 0xa0000, SMRAM_SIZE = 0x20000, WINDOWS_END = 0x100000, N_PAM = 13 };

/* Above RAM, which has priority 0. */
enum { PRIO_NOBODY = 1, PRIO_WINDOW = 2 };

OBJECT_DECLARE_SIMPLE(I440FXState, I440FX, TYPE_I440FX)

/* One segment: exactly one of the four is enabled, by the RE and WE bits. */
typedef struct PAMSegment {
    I440FXState *owner;
    hwaddr base;
    MemoryRegion regions[4]; /* PCI; RAM read-only; RAM write-only; RAM */
} PAMSegment;

struct I440FXState {
    PCIDevice parent_obj;
    PAMSegment pam[N_PAM];
    MemoryRegion nobody;         /* hides RAM where a window goes to PCI and nothing answers */
    MemoryRegion vga_window;     /* A0000h-BFFFFh goes to PCI; off while SMRAM is open */
    MemoryRegion open_smram;     /* instead, while it is */
    MemoryRegion smram;          /* see i440fx_smram() */
    MemoryRegion low_smram;
    AddressSpace pci_as, ram_as; /* for segments that read here and write there */
};

/* --- PAM: programmable attribute map (3.2.17) --------------------------------- */

/* PAM0's high nibble is F0000h-FFFFFh, PAM1 to PAM6 are 16 KiB a nibble from C0000h. */
static hwaddr pam_base(unsigned n)
{
    return n == 0 ? 0xf0000 : 0xc0000 + (n - 1) * 0x4000;
}

static uint64_t pam_size(unsigned n)
{
    return n == 0 ? 0x10000 : 0x4000;
}

static unsigned pam_mode(const I440FXState *s, unsigned n)
{
    const uint8_t *config = s->parent_obj.config;
    uint8_t nibble = n == 0 ? config[REG_PAM0] >> 4
                            : config[REG_PAM0 + (n + 1) / 2] >> (n & 1 ? 0 : 4);
    return nibble & (PAM_RE | PAM_WE);
}

/* Write-only: how firmware copies a ROM to the RAM beneath it. */
static uint64_t shadow_read(void *opaque, hwaddr addr, unsigned size)
{
    PAMSegment *seg = opaque;
    return address_space_ld(&seg->owner->pci_as, seg->base + addr, size);
}

static void shadow_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    PAMSegment *seg = opaque;
    address_space_st(&seg->owner->ram_as, seg->base + addr, size, val);
}

static const MemoryRegionOps shadow_ops = {
    .read = shadow_read,
    .write = shadow_write,
    .valid = { .max_size = 8 },
    .impl = { .max_size = 8 },
};

static void pam_init(I440FXState *s, unsigned n)
{
    MachineState *machine = s->parent_obj.parent_obj.machine;
    MemoryRegion *pci = pci_get_bus(&s->parent_obj)->memory;
    PAMSegment *seg = &s->pam[n];
    hwaddr base = pam_base(n);
    uint64_t size = pam_size(n);
    *seg = (PAMSegment){ .owner = s, .base = base };
    memory_region_init_alias(&seg->regions[0], s, "pam-pci", pci, base, size);
    memory_region_init_alias(&seg->regions[PAM_RE], s, "pam-rom", &machine->ram, base, size);
    memory_region_set_readonly(&seg->regions[PAM_RE], true);
    memory_region_init_io(&seg->regions[PAM_WE], s, &shadow_ops, seg, "pam-shadow", size);
    memory_region_init_alias(&seg->regions[PAM_RE | PAM_WE], s, "pam-ram", &machine->ram, base,
                             size);
    for (unsigned mode = 0; mode < 4; mode++) {
        memory_region_set_enabled(&seg->regions[mode], mode == 0);
        memory_region_add_subregion_overlap(&machine->system_memory, base, &seg->regions[mode],
                                            PRIO_WINDOW);
    }
}

static void pam_update(I440FXState *s)
{
    for (unsigned n = 0; n < N_PAM; n++) {
        unsigned now = pam_mode(s, n);
        if (!s->pam[n].regions[now].enabled) {
            trace(i440fx_pam, s->pam[n].base, now);
        }
        for (unsigned mode = 0; mode < 4; mode++) {
            memory_region_set_enabled(&s->pam[n].regions[mode], mode == now);
        }
    }
}

/* --- SMRAM (3.2.21) -------------------------------------------------------------- */

static void smram_init(I440FXState *s)
{
    MachineState *machine = s->parent_obj.parent_obj.machine;
    MemoryRegion *pci = pci_get_bus(&s->parent_obj)->memory;
    memory_region_init_alias(&s->vga_window, s, "smram-region", pci, SMRAM_BASE, SMRAM_SIZE);
    memory_region_init_alias(&s->open_smram, s, "smram-open", &machine->ram, SMRAM_BASE,
                             SMRAM_SIZE);
    memory_region_set_enabled(&s->open_smram, false);
    memory_region_add_subregion_overlap(&machine->system_memory, SMRAM_BASE, &s->vga_window,
                                        PRIO_WINDOW);
    memory_region_add_subregion_overlap(&machine->system_memory, SMRAM_BASE, &s->open_smram,
                                        PRIO_WINDOW);
    memory_region_init(&s->smram, s, "smram", UINT64_C(1) << 32);
    memory_region_init_alias(&s->low_smram, s, "smram-low", &machine->ram, SMRAM_BASE,
                             SMRAM_SIZE);
    memory_region_add_subregion(&s->smram, SMRAM_BASE, &s->low_smram);
}

static void smram_update(I440FXState *s)
{
    uint8_t reg = s->parent_obj.config[REG_SMRAM];
    bool enabled = reg & SMRAM_G_SMRAME, open = enabled && (reg & SMRAM_D_OPEN);
    trace(i440fx_smram, reg, open, enabled);
    memory_region_set_enabled(&s->vga_window, !open);
    memory_region_set_enabled(&s->open_smram, open);
    memory_region_set_enabled(&s->smram, enabled);
}

/* D_LCK clears D_OPEN and makes the register read-only until reset. */
static void smram_lock(PCIDevice *dev)
{
    if (dev->config[REG_SMRAM] & SMRAM_D_LCK) {
        dev->config[REG_SMRAM] &= ~SMRAM_D_OPEN;
        dev->wmask[REG_SMRAM] = SMRAM_D_CLS;
    }
}

/* --- master abort -------------------------------------------------------------------- */

static uint64_t nobody_read(void *opaque, hwaddr addr, unsigned size)
{
    return UINT64_MAX;
}

static void nobody_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
}

static const MemoryRegionOps nobody_ops = {
    .read = nobody_read,
    .write = nobody_write,
    .valid = { .max_size = 8, .unaligned = true },
    .impl = { .max_size = 8, .unaligned = true },
};

static void nobody_init(I440FXState *s)
{
    MemoryRegion *system = &s->parent_obj.parent_obj.machine->system_memory;
    memory_region_init_io(&s->nobody, s, &nobody_ops, s, "pci-master-abort",
                          WINDOWS_END - SMRAM_BASE);
    memory_region_add_subregion_overlap(system, SMRAM_BASE, &s->nobody, PRIO_NOBODY);
}

/* --- configuration space ------------------------------------------------------------ */

static void update_memory(I440FXState *s)
{
    memory_transaction_begin();
    pam_update(s);
    smram_update(s);
    memory_transaction_commit();
}

static void i440fx_config_write(PCIDevice *dev, unsigned addr, uint32_t val, unsigned len)
{
    pci_default_write_config(dev, addr, val, len);
    if (pci_ranges_overlap(addr, len, REG_PAM0, 7) || pci_ranges_overlap(addr, len, REG_SMRAM, 1)) {
        smram_lock(dev);
        update_memory(I440FX(dev));
    }
}

/* Ranges of registers that keep what is written (3.2), and which bits of each byte. */
static const struct { uint8_t first, last, mask; } writable[] = {
    { 0x50, 0x51, 0xff }, /* PMCCFG */
    { 0x52, 0x54, 0xff }, /* DETURBO, DBC, AXC */
    { 0x55, 0x56, 0xff }, /* DRT */
    { 0x57, 0x58, 0xff }, /* DRAMC, DRAMT */
    { 0x59, 0x59, 0x70 }, /* PAM0 */
    { 0x5a, 0x5f, 0x77 }, /* PAM1-PAM6 */
    { 0x60, 0x67, 0xff }, /* DRB0-DRB7 */
    { 0x68, 0x68, 0xff }, /* FDHC */
    { 0x70, 0x71, 0xff }, /* MTT, CLT */
    { 0x90, 0x90, 0xff }, /* ERRCMD */
    { 0x93, 0x93, 0xff }, /* TRC */
};

static void i440fx_reset(DeviceState *qdev)
{
    PCIDevice *dev = PCI_DEVICE(qdev);
    uint64_t ram_units = qdev->machine->ram_size >> 23;
    for (unsigned i = 0; i < G_N_ELEMENTS(writable); i++) {
        for (unsigned reg = writable[i].first; reg <= writable[i].last; reg++) {
            dev->config[reg] = 0;
        }
    }
    dev->config[REG_RAM_SIZE] = MIN(ram_units, 255);
    dev->config[REG_SMRAM] = SMRAM_C_BASE_SEG;
    dev->wmask[REG_SMRAM] = SMRAM_D_OPEN | SMRAM_D_CLS | SMRAM_D_LCK | SMRAM_G_SMRAME;
    update_memory(I440FX(dev));
}

static bool i440fx_realize(DeviceState *qdev, Error **errp)
{
    PCIDevice *dev = PCI_DEVICE(qdev);
    I440FXState *s = I440FX(dev);
    for (unsigned i = 0; i < G_N_ELEMENTS(writable); i++) {
        for (unsigned reg = writable[i].first; reg <= writable[i].last; reg++) {
            dev->wmask[reg] = writable[i].mask;
        }
    }
    address_space_init(&s->pci_as, pci_get_bus(dev)->memory, "i440FX-pci");
    address_space_init(&s->ram_as, &qdev->machine->ram, "i440FX-ram");
    memory_transaction_begin();
    nobody_init(s);
    smram_init(s);
    for (unsigned n = 0; n < N_PAM; n++) {
        pam_init(s, n);
    }
    memory_transaction_commit();
    return true;
}

static void i440fx_unrealize(DeviceState *qdev)
{
    I440FXState *s = I440FX(qdev);
    memory_transaction_begin();
    for (unsigned n = 0; n < N_PAM; n++) {
        for (unsigned mode = 0; mode < 4; mode++) {
            memory_region_destroy(&s->pam[n].regions[mode]);
        }
    }
    memory_region_destroy(&s->nobody);
    memory_region_destroy(&s->vga_window);
    memory_region_destroy(&s->open_smram);
    memory_region_destroy(&s->low_smram);
    memory_region_destroy(&s->smram);
    memory_transaction_commit();
    address_space_destroy(&s->pci_as);
    address_space_destroy(&s->ram_as);
}

static bool i440fx_post_load(void *opaque, Error **errp)
{
    I440FXState *s = opaque;
    smram_lock(&s->parent_obj);
    update_memory(s);
    return true;
}

static const VMStateField i440fx_fields[] = {
    VMSTATE_PCI_DEVICE(parent_obj, I440FXState),
    VMSTATE_END
};

static const VMStateDescription vmstate_i440fx = {
    .name = "I440FX",
    .version = 1,
    .fields = i440fx_fields,
    .post_load = i440fx_post_load,
};

static const PCIDeviceInfo i440fx_pci = {
    .vendor_id = 0x8086,
    .device_id = 0x1237,
    .revision = 0x02,
    .class_id = 0x0600, /* host bridge */
    .config_write = i440fx_config_write,
};

static const DeviceInfo i440fx_info = {
    .name = TYPE_I440FX,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(I440FXState),
    .desc = "Host bridge",
    .internal = true,
    .realize = i440fx_realize,
    .unrealize = i440fx_unrealize,
    .reset = i440fx_reset,
    .vmsd = &vmstate_i440fx,
    .class_init = pci_device_class_init,
    .class_data = &i440fx_pci,
};
DEVICE_TYPE(i440fx_info)

/* --- the host side --------------------------------------------------------------------- */

static const DeviceInfo i440fx_host_info = {
    .name = TYPE_I440FX_PCI_HOST,
    .parent = TYPE_PCI_HOST_BRIDGE,
    .instance_size = sizeof(PCIHostState),
    .desc = "440FX PCI host",
    .internal = true,
    .reset = pci_host_reset,
    .vmsd = &vmstate_pci_host,
};
DEVICE_TYPE(i440fx_host_info)

PCIBus *i440fx_create(MachineState *machine, MemoryRegion *pci_memory, Error **errp)
{
    DeviceState *dev = qdev_new(TYPE_I440FX_PCI_HOST);
    PCIHostState *host = PCI_HOST_BRIDGE(dev);
    object_property_add_child(OBJECT(machine), "i440fx", OBJECT(dev));
    if (!qdev_realize_and_unref(dev, NULL, machine, errp)) {
        return NULL;
    }
    memory_region_add_subregion_overlap(&machine->system_memory, 0, pci_memory, -1);
    host->bus = pci_root_bus_new(dev, "pci.0", pci_memory, &machine->system_io, 0);
    pci_host_map_ports(host, &machine->system_io);
    return pci_create(host->bus, pci_devfn(0, 0), false, TYPE_I440FX, errp) ? host->bus : NULL;
}

MemoryRegion *i440fx_smram(PCIBus *bus)
{
    return &I440FX(bus->devices[pci_devfn(0, 0)])->smram;
}
