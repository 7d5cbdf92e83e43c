/*
 * How the CPU reaches the video memory and the blitter's registers of a CL-GD5446: see cirrus.h.
 *
 *     a0000-affff            one bank of 64 KiB or two of 32 KiB, from GR9 and GRA
 *     b8000-b80ff            the blitter's registers, if SR17 puts them there
 *     BAR 0   0              all memory; the blitter's registers at its end, if SR17 puts them there
 *             16 MiB         data for a transfer
 *     BAR 1   000            VGA ports 3c0 to 3df
 *             100            the blitter's registers
 *
 * A transfer that waits for the CPU's data takes every write to video memory, wherever it goes.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/display/cirrus.h"

enum { WINDOW_SIZE = 0x10000, LEGACY_BLT_REGS = 0x18000 };
enum { MMIO_PORTS = 0x3c0, MMIO_PORTS_SIZE = 0x20, MMIO_BLT_REGS = 0x100 };

/* --- the blitter's registers in memory -------------------------------------------------------- */

enum { NONE = 0xff, BLT_REGS_STATUS = 0x40 };

/* The graphics controller's register at each offset. */
static const uint8_t blt_regs[] = {
    /* 00 */ GC_SET_RESET, GR_BG_1, GR_BG_2, GR_BG_3, GC_ENABLE_SET_RESET, GR_FG_1, GR_FG_2, GR_FG_3,
    /* 08 */ GR_BLT_WIDTH, GR_BLT_WIDTH + 1, GR_BLT_HEIGHT, GR_BLT_HEIGHT + 1,
    /* 0c */ GR_BLT_DST_PITCH, GR_BLT_DST_PITCH + 1, GR_BLT_SRC_PITCH, GR_BLT_SRC_PITCH + 1,
    /* 10 */ GR_BLT_DST, GR_BLT_DST + 1, GR_BLT_DST_HIGH, NONE,
    /* 14 */ GR_BLT_SRC, GR_BLT_SRC + 1, GR_BLT_SRC + 2, GR_BLT_CLIP,
    /* 18 */ GR_BLT_MODE, NONE, GR_BLT_ROP, GR_BLT_EXTENSIONS,
    /* 1c */ GR_BLT_KEY, GR_BLT_KEY + 1, NONE, NONE,
    /* 20 */ 0x38, 0x39,
};

static unsigned blt_reg(hwaddr addr)
{
    return addr < G_N_ELEMENTS(blt_regs) ? blt_regs[addr]
           : addr == BLT_REGS_STATUS     ? GR_BLT_STATUS
                                         : NONE;
}

static uint64_t blt_regs_read(void *opaque, hwaddr addr, unsigned size)
{
    return cirrus_gr_read(opaque, blt_reg(addr));
}

static void blt_regs_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    cirrus_gr_write(opaque, blt_reg(addr), val);
}

const MemoryRegionOps cirrus_blt_regs_ops = {
    .read = blt_regs_read,
    .write = blt_regs_write,
    .valid = { .min_size = 1, .max_size = 8, .unaligned = true },
    .impl = { .min_size = 1, .max_size = 1 },
};

static uint64_t mmio_read(void *opaque, hwaddr addr, unsigned size)
{
    CirrusState *c = opaque;

    if (addr >= MMIO_BLT_REGS) {
        return blt_regs_read(c, addr - MMIO_BLT_REGS, size);
    }
    return addr < MMIO_PORTS_SIZE ? vga_port_read(&c->vga, MMIO_PORTS + addr) : 0xff;
}

static void mmio_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    CirrusState *c = opaque;

    if (addr >= MMIO_BLT_REGS) {
        blt_regs_write(c, addr - MMIO_BLT_REGS, val, size);
    } else if (addr < MMIO_PORTS_SIZE) {
        vga_port_write(&c->vga, MMIO_PORTS + addr, val);
    }
}

const MemoryRegionOps cirrus_mmio_ops = {
    .read = mmio_read,
    .write = mmio_write,
    .valid = { .min_size = 1, .max_size = 8, .unaligned = true },
    .impl = { .min_size = 1, .max_size = 1 },
};

/* --- packed pixels ---------------------------------------------------------------------------- */

static bool has_extension(const CirrusState *c, uint8_t bits)
{
    return (c->vga.gc[GR_EXTENSIONS] & bits) == bits;
}

/* With BY8 or BY16 addressing a byte of the CPU stands for 8 bytes of memory or 16. */
static uint32_t memory_address(const CirrusState *c, uint32_t addr)
{
    if (has_extension(c, EXT_BY_16)) {
        addr <<= 4;
    } else if (has_extension(c, EXT_BY_8)) {
        addr <<= 3;
    }
    return addr & (c->vga.vram_size - 1);
}

/* Write modes 4 and 5, which make eight pixels of the bits of a byte. */
static bool expands_writes(const CirrusState *c)
{
    uint8_t mode = c->vga.gc[GC_MODE] & 7;
    return has_extension(c, EXT_WRITE_MODES) && (mode == 4 || mode == 5);
}

static void write_expanded(CirrusState *c, uint32_t addr, uint8_t bits)
{
    const uint8_t *gr = c->vga.gc;
    const uint8_t colors[2][2] = { { gr[GC_SET_RESET], gr[GR_BG_1] },
                                   { gr[GC_ENABLE_SET_RESET], gr[GR_FG_1] } };
    bool opaque = (gr[GC_MODE] & 7) == 5;
    unsigned bytes = has_extension(c, EXT_16_BIT) ? 2 : 1;

    addr &= -bytes;
    for (unsigned x = 0; x < 8; x++) {
        unsigned bit = bits >> (7 - x) & 1;
        for (unsigned i = 0; (bit || opaque) && i < bytes; i++) {
            c->vga.vram_ptr[(addr + x * bytes + i) & (c->vga.vram_size - 1)] = colors[bit][i];
        }
    }
    memory_region_set_dirty(&c->vga.vram, addr, MIN(8 * bytes, c->vga.vram_size - addr));
}

static uint8_t memory_read(const CirrusState *c, uint32_t addr)
{
    return c->vga.vram_ptr[memory_address(c, addr)];
}

static void memory_write(CirrusState *c, uint32_t addr, uint8_t val)
{
    if (cirrus_blt_feed(c, addr, val)) {
        return;
    }
    addr = memory_address(c, addr);
    if (expands_writes(c)) {
        write_expanded(c, addr, val);
    } else {
        c->vga.vram_ptr[addr] = val;
        memory_region_set_dirty(&c->vga.vram, addr, 1);
    }
}

/* --- the linear frame buffer ------------------------------------------------------------------ */

static uint64_t linear_read(void *opaque, hwaddr addr, unsigned size)
{
    return memory_read(opaque, addr);
}

static void linear_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    memory_write(opaque, addr, val);
}

const MemoryRegionOps cirrus_linear_ops = {
    .read = linear_read,
    .write = linear_write,
    .valid = { .min_size = 1, .max_size = 8, .unaligned = true },
    .impl = { .min_size = 1, .max_size = 1 },
};

static uint64_t bitblt_read(void *opaque, hwaddr addr, unsigned size)
{
    return 0xff; /* transfers to the CPU do not exist */
}

static void bitblt_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    cirrus_blt_feed(opaque, addr, val);
}

const MemoryRegionOps cirrus_bitblt_ops = {
    .read = bitblt_read,
    .write = bitblt_write,
    .valid = { .min_size = 1, .max_size = 8, .unaligned = true },
    .impl = { .min_size = 1, .max_size = 1 },
};

/* --- the window at a0000 ---------------------------------------------------------------------- */

uint32_t cirrus_bank(const VGAState *s, uint32_t offset)
{
    const CirrusState *c = (const CirrusState *)s;
    unsigned shift = has_extension(c, EXT_BANK_16K) ? 14 : 12;

    if (!cirrus_extended(c)) {
        return offset;
    }
    if (has_extension(c, EXT_TWO_BANKS) && (offset & VGA_BANK_SIZE)) {
        return ((uint32_t)s->gc[GR_BANK_1] << shift) + (offset & (VGA_BANK_SIZE - 1));
    }
    return ((uint32_t)s->gc[GR_BANK_0] << shift) + offset;
}

static bool is_blt_reg(const CirrusState *c, uint32_t addr)
{
    return (c->vga.seq[SR_CONFIG] & (CONFIG_MMIO | CONFIG_MMIO_LINEAR)) == CONFIG_MMIO &&
           addr >= LEGACY_BLT_REGS && addr < LEGACY_BLT_REGS + CIRRUS_BLT_REGS_SIZE;
}

bool cirrus_window_read(VGAState *s, uint32_t addr, uint8_t *val)
{
    CirrusState *c = (CirrusState *)s;

    if (!cirrus_extended(c)) {
        return false;
    }
    if (addr < WINDOW_SIZE) {
        *val = memory_read(c, cirrus_bank(s, addr));
    } else {
        *val = is_blt_reg(c, addr) ? blt_regs_read(c, addr - LEGACY_BLT_REGS, 1) : 0xff;
    }
    return true;
}

bool cirrus_window_write(VGAState *s, uint32_t addr, uint8_t val)
{
    CirrusState *c = (CirrusState *)s;

    if (!cirrus_extended(c)) {
        return false;
    }
    if (addr < WINDOW_SIZE) {
        memory_write(c, cirrus_bank(s, addr), val);
    } else if (is_blt_reg(c, addr)) {
        blt_regs_write(c, addr - LEGACY_BLT_REGS, val, 1);
    }
    return true;
}

/* --- when memory is just memory --------------------------------------------------------------- */

static bool packed_is_plain(const CirrusState *c)
{
    return !c->blt.active && !c->blt.pad && !expands_writes(c) && !has_extension(c, EXT_BY_8) &&
           !has_extension(c, EXT_BY_16);
}

bool cirrus_is_plain(const VGAState *s)
{
    const CirrusState *c = (const CirrusState *)s;
    return cirrus_extended(c) ? packed_is_plain(c) : vga_chain4_is_plain(s);
}

void cirrus_update_memory(CirrusState *c)
{
    uint8_t where = c->vga.seq[SR_CONFIG] & (CONFIG_MMIO | CONFIG_MMIO_LINEAR);
    bool ram = packed_is_plain(c), regs = where == (CONFIG_MMIO | CONFIG_MMIO_LINEAR);

    if (ram != c->linear_ram.enabled || regs != c->linear_mmio.enabled) {
        memory_transaction_begin();
        memory_region_set_enabled(&c->linear_ram, ram);
        memory_region_set_enabled(&c->linear_mmio, regs);
        memory_transaction_commit();
    }
    vga_update_window(&c->vga);
}
