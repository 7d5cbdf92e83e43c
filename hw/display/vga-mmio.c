/*
 * Registers in a PCI bar: see vga-mmio.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/display/vga-mmio.h"

enum {
    MMIO_SIZE = 0x1000, MMIO_EDID_SIZE = 0x400, MMIO_PORTS = 0x400, MMIO_PORTS_SIZE = 0x20,
    MMIO_VBE = 0x500, MMIO_VBE_SIZE = VBE_COUNT * 2 + 2, MMIO_EXT = 0x600, MMIO_EXT_SIZE = 8,
};
enum { EXT_SIZE = 0, EXT_ENDIAN = 4 };
enum { EXT_LITTLE_ENDIAN = 0x1e1e1e1e };
#define EXT_BIG_ENDIAN UINT32_C(0xbebebebe)

static uint64_t edid_read(void *opaque, hwaddr addr, unsigned size)
{
    return addr < EDID_SIZE ? ((VGAMmio *)opaque)->edid[addr] : 0;
}

static void edid_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    /* read-only */
}

static const MemoryRegionOps edid_ops = {
    .read = edid_read,
    .write = edid_write,
    .valid = { .min_size = 1, .max_size = 4 },
    .impl = { .min_size = 1, .max_size = 1 },
};

static uint64_t ports_read(void *opaque, hwaddr addr, unsigned size)
{
    return vga_port_read(opaque, 0x3c0 + addr);
}

static void ports_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    vga_port_write(opaque, 0x3c0 + addr, val);
}

static const MemoryRegionOps ports_ops = {
    .read = ports_read,
    .write = ports_write,
    .valid = { .min_size = 1, .max_size = 4 },
    .impl = { .min_size = 1, .max_size = 1 },
};

static uint64_t vbe_read(void *opaque, hwaddr addr, unsigned size)
{
    return vga_vbe_read(opaque, addr >> 1);
}

static void vbe_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    vga_vbe_write(opaque, addr >> 1, val);
}

static const MemoryRegionOps vbe_ops = {
    .read = vbe_read,
    .write = vbe_write,
    .valid = { .min_size = 1, .max_size = 4 },
    .impl = { .min_size = 2, .max_size = 2 },
};

static uint64_t ext_read(void *opaque, hwaddr addr, unsigned size)
{
    VGAState *s = opaque;

    if (addr == EXT_SIZE) {
        return MMIO_EXT_SIZE;
    }
    return s->big_endian ? EXT_BIG_ENDIAN : EXT_LITTLE_ENDIAN;
}

static void ext_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    VGAState *s = opaque;

    if (addr == EXT_ENDIAN && (val == EXT_BIG_ENDIAN || val == EXT_LITTLE_ENDIAN)) {
        s->big_endian = val == EXT_BIG_ENDIAN;
    }
}

static const MemoryRegionOps ext_ops = {
    .read = ext_read,
    .write = ext_write,
    .valid = { .min_size = 4, .max_size = 4 },
    .impl = { .min_size = 4, .max_size = 4 },
};

static void add(VGAMmio *m, MemoryRegion *part, bool there, const MemoryRegionOps *ops,
                void *opaque, const char *name, hwaddr at, uint64_t size)
{
    if (there) {
        memory_region_init_io(part, m->vga->owner, ops, opaque, name, size);
        memory_region_add_subregion(&m->root, at, part);
    }
}

bool vga_mmio_init(VGAMmio *m, DeviceState *owner, VGAState *vga, const EDIDSettings *settings,
                   Error **errp)
{
    if (!edid_generate(m->edid, settings, object_get_typename(owner), errp)) {
        return false;
    }
    m->vga = vga;
    memory_region_init(&m->root, owner, "vga.mmio", MMIO_SIZE);
    add(m, &m->edid_region, m->has_edid, &edid_ops, m, "edid", 0, MMIO_EDID_SIZE);
    add(m, &m->ports, m->has_ports, &ports_ops, vga, "vga ioports remapped", MMIO_PORTS,
        MMIO_PORTS_SIZE);
    add(m, &m->vbe, true, &vbe_ops, vga, "bochs dispi interface", MMIO_VBE, MMIO_VBE_SIZE);
    add(m, &m->ext, m->has_ext, &ext_ops, vga, "qemu extended regs", MMIO_EXT, MMIO_EXT_SIZE);
    return true;
}

void vga_mmio_deinit(VGAMmio *m)
{
    if (m->has_ext) {
        memory_region_destroy(&m->ext);
    }
    memory_region_destroy(&m->vbe);
    if (m->has_ports) {
        memory_region_destroy(&m->ports);
    }
    if (m->has_edid) {
        memory_region_destroy(&m->edid_region);
    }
    memory_region_destroy(&m->root);
}
