/*
 * The PCI bus (PCI Local Bus Specification 3.0): configuration space, base
 * addresses, interrupt pins, bus mastering.
 *
 * Register names (PCI_COMMAND, ...) are those of <linux/pci_regs.h>.
 *
 * A device:
 *
 *     struct FooState { PCIDevice parent_obj; MemoryRegion regs; ... };
 *
 *     static bool foo_realize(DeviceState *dev, Error **errp)
 *     {
 *         PCIDevice *pci = PCI_DEVICE(dev);
 *         pci->config[PCI_INTERRUPT_PIN] = 1;             // INTA#
 *         memory_region_init_io(&s->regs, dev, ...);
 *         pci_register_bar(pci, 0, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->regs);
 *         ...
 *     static const PCIDeviceInfo foo_pci = {
 *         .vendor_id = 0x8086, .device_id = 0x1234, .class_id = 0x0200,
 *     };
 *     static const DeviceInfo foo_info = {
 *         .name = "foo", .parent = TYPE_PCI_DEVICE, .instance_size = sizeof(FooState),
 *         .realize = foo_realize, .reset = foo_reset, .vmsd = &vmstate_foo,
 *         .class_init = pci_device_class_init, .class_data = &foo_pci,
 *     };
 *     DEVICE_TYPE(foo_info)
 *
 * Before its realize() the configuration header, masks, DMA address space and
 * the place on the bus are set up; its state description begins with
 * VMSTATE_PCI_DEVICE(parent_obj, FooState). Configuration registers, BARs and
 * INTx are reset before .reset is called.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_PCI_PCI_H
#define HW_PCI_PCI_H

#include <linux/pci_regs.h>
#include "hw/core/qdev.h"
#include "memory/memory.h"

#define TYPE_PCI_BUS "PCI"
#define TYPE_PCI_DEVICE "pci-device"
OBJECT_DECLARE_SIMPLE(PCIBus, PCI_BUS, TYPE_PCI_BUS)
OBJECT_DECLARE(PCIDevice, PCIDeviceClass, PCI_DEVICE, TYPE_PCI_DEVICE)

enum {
    PCI_CONFIG_SIZE = 256,
    PCI_NUM_PINS = 4,     /* INTA# to INTD# */
    PCI_NUM_BARS = 7,     /* six base addresses, then the expansion ROM */
    PCI_ROM_BAR = 6,
    PCI_DEVFN_COUNT = 256,
    PCI_MAX_IRQS = 32,    /* lines a bus owner may route pins to */
};

static inline uint8_t pci_devfn(unsigned slot, unsigned fn) { return slot << 3 | fn; }

/* What a type's configuration space says; constant data, class_data of the DeviceInfo. */
typedef struct PCIDeviceInfo {
    uint16_t vendor_id, device_id;
    uint16_t class_id;            /* base class << 8 | sub-class */
    uint8_t revision;
    uint8_t prog_if;
    uint16_t subsystem_vendor_id, subsystem_id; /* 0: 1af4:1100, as for all of QEMU's devices */
    const char *romfile;          /* default option ROM; NULL: none */
    /* Instead of plain register semantics (wmask, w1cmask); val is len (1, 2, 4) bytes and
     * does not leave the aligned dword. They usually call the pci_default_ one. */
    uint32_t (*config_read)(PCIDevice *dev, unsigned addr, unsigned len);
    void (*config_write)(PCIDevice *dev, unsigned addr, uint32_t val, unsigned len);
} PCIDeviceInfo;

struct PCIDeviceClass {
    DeviceClass parent_class;
    const PCIDeviceInfo *info;
    bool (*realize)(DeviceState *dev, Error **errp); /* the leaf's */
    void (*unrealize)(DeviceState *dev);
    void (*reset)(DeviceState *dev);
};

/* A base address register and what it maps. */
typedef struct PCIBar {
    uint64_t size;       /* power of two; 0: not implemented */
    uint64_t addr;       /* where it is mapped now; PCI_BAR_UNMAPPED */
    uint8_t type;        /* PCI_BASE_ADDRESS_... */
    MemoryRegion *region;
    MemoryRegion *space; /* where it is mapped, when it is */
} PCIBar;
#define PCI_BAR_UNMAPPED UINT64_MAX

struct PCIDevice {
    DeviceState parent_obj;
    int32_t devfn;                    /* property addr; -1 until the bus chose */
    uint8_t config[PCI_CONFIG_SIZE];
    uint8_t wmask[PCI_CONFIG_SIZE];   /* bits the guest can write */
    uint8_t w1cmask[PCI_CONFIG_SIZE]; /* bits the guest clears by writing 1 */
    uint8_t used[PCI_CONFIG_SIZE];    /* bytes that belong to a capability */
    PCIBar bars[PCI_NUM_BARS];
    MemoryRegion dma_root, dma_window; /* open while PCI_COMMAND_MASTER is set */
    AddressSpace dma_as;              /* what the device reaches as bus master */
    uint8_t irq_state;                /* a bit for each pin that the device drives */
    uint8_t irq_shown;                /* those that reach the bus (not disabled by command) */
    bool multifunction;
    char *romfile;                    /* NULL: the type's; "": none */
    uint32_t romsize;                 /* UINT32_MAX: that of the file */
    bool rombar;
    MemoryRegion rom;
    bool has_rom;
    IRQLine *intx_line;               /* pci_allocate_irq() */
    uint8_t msi_cap, msix_cap;        /* offsets; 0: none */
    struct MSIXState *msix;
};

/* How the owner of a bus routes interrupt pins. map: pin (0 = INTA#) of a device to a
 * line below n_irq; set: drives a line, which is the OR of all pins mapped to it. */
typedef int PCIMapIRQFn(PCIDevice *dev, int pin);
typedef void PCISetIRQFn(void *opaque, int irq, int level);

struct PCIBus {
    BusState parent_obj;
    uint8_t devfn_min;                /* the bus chooses addresses from here on */
    PCIDevice *devices[PCI_DEVFN_COUNT];
    MemoryRegion *memory, *io;        /* the spaces that BARs map into */
    PCIMapIRQFn *map_irq;
    PCISetIRQFn *set_irq;
    void *irq_opaque;
    int n_irq;
    int32_t irq_count[PCI_MAX_IRQS];  /* pins that assert each line */
};

/* --- buses -------------------------------------------------------------- */

/* A root bus of a host bridge, bus number 0. */
PCIBus *pci_root_bus_new(DeviceState *host, const char *name, MemoryRegion *memory,
                         MemoryRegion *io, uint8_t devfn_min);
void pci_bus_set_irqs(PCIBus *bus, PCISetIRQFn *set, PCIMapIRQFn *map, void *opaque, int n_irq);
/* The state of a line of the bus. */
bool pci_bus_get_irq_level(const PCIBus *bus, int irq);
/* The machine's PCI bus, or NULL if it has none. */
PCIBus *pci_bus_find(MachineState *machine);
PCIDevice *pci_find_device(PCIBus *bus, unsigned bus_num, uint8_t devfn);
/* A configuration access by address as CONFIG_ADDRESS holds it: bus << 16 | devfn << 8 | reg;
 * len 1, 2 or 4 within a dword. Nothing there: all ones. */
uint32_t pci_data_read(PCIBus *bus, uint32_t addr, unsigned len);
void pci_data_write(PCIBus *bus, uint32_t addr, uint32_t val, unsigned len);

/* --- devices -------------------------------------------------------------- */

/* Creates, plugs and realizes a device of the board at devfn (-1: the bus chooses).
 * multifunction: other functions follow in this slot. */
PCIDevice *pci_create(PCIBus *bus, int devfn, bool multifunction, const char *type, Error **errp);

void pci_device_class_init(ObjectClass *klass, const void *pci_device_info);

static inline PCIBus *pci_get_bus(const PCIDevice *dev)
{
    return PCI_BUS(dev->parent_obj.parent_bus);
}

/* Declares BAR n (0-5, or PCI_ROM_BAR); type is PCI_BASE_ADDRESS_SPACE_IO, or _MEMORY with
 * _MEM_TYPE_64 (takes n + 1 too) and _MEM_PREFETCH. The region's size must be a power of two,
 * at least 4 (I/O) or 16 bytes. From realize(). */
void pci_register_bar(PCIDevice *dev, int n, uint8_t type, MemoryRegion *region);
/* Where it is mapped, or PCI_BAR_UNMAPPED. */
uint64_t pci_get_bar_addr(const PCIDevice *dev, int n);

/* Appends a capability of size bytes at offset (0: finds room, dword aligned) to the list; its
 * registers are read-only until the caller sets wmask. Returns its offset, 0 with errp set. */
uint8_t pci_add_capability(PCIDevice *dev, uint8_t id, uint8_t offset, uint8_t size,
                           Error **errp);
/* Its offset, or 0. */
uint8_t pci_find_capability(const PCIDevice *dev, uint8_t id);

/* Drives the device's interrupt pin (PCI_INTERRUPT_PIN); nothing if it has none. */
void pci_set_irq(PCIDevice *dev, int level);
/* The same as a line, for cores that want one. Owned by the device. */
IRQLine *pci_allocate_irq(PCIDevice *dev);

uint32_t pci_default_read_config(PCIDevice *dev, unsigned addr, unsigned len);
void pci_default_write_config(PCIDevice *dev, unsigned addr, uint32_t val, unsigned len);

/* DMA. Fails with MEMTX_DECODE_ERROR while bus mastering is off. */
static inline AddressSpace *pci_get_address_space(PCIDevice *dev) { return &dev->dma_as; }
MemTxAttrs pci_requester(const PCIDevice *dev);
MemTxResult pci_dma_read(PCIDevice *dev, hwaddr addr, void *buf, uint64_t len);
MemTxResult pci_dma_write(PCIDevice *dev, hwaddr addr, const void *buf, uint64_t len);

/* --- registers ------------------------------------------------------------ */

static inline void pci_set_word(uint8_t *p, uint16_t val)
{
    p[0] = val;
    p[1] = val >> 8;
}

static inline void pci_set_long(uint8_t *p, uint32_t val)
{
    pci_set_word(p, val);
    pci_set_word(p + 2, val >> 16);
}

static inline uint16_t pci_get_word(const uint8_t *p)
{
    return p[0] | p[1] << 8;
}

static inline uint32_t pci_get_long(const uint8_t *p)
{
    return pci_get_word(p) | (uint32_t)pci_get_word(p + 2) << 16;
}

static inline bool pci_ranges_overlap(unsigned a, unsigned a_len, unsigned b, unsigned b_len)
{
    return a < b + b_len && b < a + a_len;
}

/* --- state ------------------------------------------------------------------ */

extern const VMStateDescription vmstate_pci_device;
#define VMSTATE_PCI_DEVICE(f, T) VMSTATE_STRUCT(f, T, vmstate_pci_device, PCIDevice)

#endif
