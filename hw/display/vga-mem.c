/*
 * VGA memory: what a CPU access to 0xa0000-0xbffff does to the four planes
 * (IBM reference, "Graphics Controller"). See vga.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "hw/display/vga.h"

/* A nibble, a bit for each plane, as a mask of whole bytes. */
static uint32_t plane_mask(uint8_t nibble)
{
    static const uint32_t masks[16] = {
        0x00000000, 0x000000ff, 0x0000ff00, 0x0000ffff, 0x00ff0000, 0x00ff00ff, 0x00ffff00,
        0x00ffffff, 0xff000000, 0xff0000ff, 0xff00ff00, 0xff00ffff, 0xffff0000, 0xffff00ff,
        0xffffff00, 0xffffffff,
    };
    return masks[nibble & 0x0f];
}

static uint32_t all_planes(uint8_t byte)
{
    return byte * UINT32_C(0x01010101);
}

/* Where the window shows, by the memory map bits: start in the 128 KiB and size. */
static const struct {
    uint32_t start, size;
} windows[4] = { { 0, 0x20000 }, { 0, 0x10000 }, { 0x10000, 0x8000 }, { 0x18000, 0x8000 } };

static unsigned map_bits(const VGAState *s)
{
    return s->gc[GC_MISC] >> GC_MISC_MAP_SHIFT & 3;
}

static uint32_t banked(const VGAState *s, uint32_t offset)
{
    return s->chip->bank ? s->chip->bank(s, offset) : offset;
}

/* The byte's place in the window; false if the window is elsewhere. */
static bool window_offset(const VGAState *s, hwaddr addr, uint32_t *offset)
{
    unsigned map = map_bits(s);

    if (addr < windows[map].start || addr - windows[map].start >= windows[map].size) {
        return false;
    }
    *offset = banked(s, addr - windows[map].start);
    return true;
}

/* Cell n of all planes; cells beyond the memory wrap. */
static uint32_t *cell(const VGAState *s, uint32_t n)
{
    return (uint32_t *)(void *)s->vram_ptr + (n & (s->vram_size / 4 - 1));
}

static bool odd_even(const VGAState *s)
{
    return s->gc[GC_MODE] & GC_MODE_ODD_EVEN;
}

static uint8_t planes_read(VGAState *s, uint32_t addr)
{
    uint32_t offset, plane, differs;

    if (!window_offset(s, addr, &offset)) {
        return 0xff;
    }
    if (s->seq[SEQ_MEMORY_MODE] & SEQ_MEMORY_CHAIN4) {
        plane = offset & 3;
        offset >>= 2;
    } else if (odd_even(s)) {
        plane = (s->gc[GC_READ_PLANE] & 2) | (offset & 1);
        offset >>= 1;
    } else {
        plane = s->gc[GC_READ_PLANE];
    }
    s->latch = *cell(s, offset);
    if (!(s->gc[GC_MODE] & GC_MODE_READ1)) {
        return s->latch >> plane * 8 & 0xff;
    }
    /* Read mode 1: bits where every plane that matters has the compared color. */
    differs = (s->latch ^ plane_mask(s->gc[GC_COLOR_COMPARE])) &
              plane_mask(s->gc[GC_COLOR_DONT_CARE]);
    differs |= differs >> 16;
    differs |= differs >> 8;
    return ~differs & 0xff;
}

static uint64_t window_read(void *opaque, hwaddr addr, unsigned size)
{
    VGAState *s = opaque;
    uint8_t val;

    return s->chip->window_read && s->chip->window_read(s, addr, &val) ? val
                                                                       : planes_read(s, addr);
}

static uint8_t rotate(const VGAState *s, uint8_t byte)
{
    unsigned n = s->gc[GC_DATA_ROTATE] & 7;
    return byte >> n | byte << (8 - n);
}

static uint32_t combine(const VGAState *s, uint32_t val)
{
    switch (s->gc[GC_DATA_ROTATE] >> 3) {
    case 1:
        return val & s->latch;
    case 2:
        return val | s->latch;
    case 3:
        return val ^ s->latch;
    default:
        return val;
    }
}

/* The four planes' bytes for a CPU byte, by the write mode. */
static uint32_t write_data(const VGAState *s, uint8_t byte)
{
    uint32_t set = plane_mask(s->gc[GC_SET_RESET]), val, bits;
    uint32_t enable = plane_mask(s->gc[GC_ENABLE_SET_RESET]);

    bits = all_planes(s->gc[GC_BIT_MASK]);
    switch (s->gc[GC_MODE] & GC_MODE_WRITE) {
    case 0:
        val = (all_planes(rotate(s, byte)) & ~enable) | (set & enable);
        break;
    case 1:
        return s->latch;
    case 2:
        val = plane_mask(byte);
        break;
    default:
        bits &= all_planes(rotate(s, byte));
        val = set;
        break;
    }
    return (combine(s, val) & bits) | (s->latch & ~bits);
}

static void planes_write(VGAState *s, uint32_t addr, uint8_t val)
{
    uint8_t planes = s->seq[SEQ_PLANE_WRITE];
    uint32_t offset, data, mask, *at;

    if (!window_offset(s, addr, &offset)) {
        return;
    }
    if (s->seq[SEQ_MEMORY_MODE] & SEQ_MEMORY_CHAIN4) {
        planes &= 1 << (offset & 3);
        offset >>= 2;
    } else if (odd_even(s)) {
        planes &= offset & 1 ? 0x0a : 0x05;
        offset >>= 1;
    }
    data = write_data(s, val);
    mask = plane_mask(planes);
    at = cell(s, offset);
    *at = (*at & ~mask) | (data & mask);
    memory_region_set_dirty(&s->vram, (uint8_t *)at - s->vram_ptr, 4);
}

static void window_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    VGAState *s = opaque;

    if (!s->chip->window_write || !s->chip->window_write(s, addr, val)) {
        planes_write(s, addr, val);
    }
}

const MemoryRegionOps vga_window_ops = {
    .read = window_read,
    .write = window_write,
    .valid = { .min_size = 1, .max_size = 8, .unaligned = true },
    .impl = { .min_size = 1, .max_size = 1 },
};

bool vga_chain4_is_plain(const VGAState *s)
{
    return (s->seq[SEQ_MEMORY_MODE] & SEQ_MEMORY_CHAIN4) && s->seq[SEQ_PLANE_WRITE] == 0x0f &&
           !(s->gc[GC_MODE] & (GC_MODE_WRITE | GC_MODE_READ1)) && !s->gc[GC_ENABLE_SET_RESET] &&
           !s->gc[GC_DATA_ROTATE] && s->gc[GC_BIT_MASK] == 0xff;
}

static bool is_plain(const VGAState *s)
{
    return map_bits(s) == 1 && (s->chip->plain ? s->chip->plain(s) : vga_chain4_is_plain(s));
}

void vga_update_window(VGAState *s)
{
    bool plain = is_plain(s);
    bool on[VGA_BANKS], changed = false;
    uint32_t offset[VGA_BANKS];

    for (int i = 0; i < VGA_BANKS; i++) {
        offset[i] = banked(s, i * VGA_BANK_SIZE);
        on[i] = plain && offset[i] <= s->vram_size - VGA_BANK_SIZE;
        changed |= on[i] != s->banks[i].enabled ||
                   (on[i] && offset[i] != s->banks[i].alias_offset);
    }
    if (!changed) {
        return;
    }
    memory_transaction_begin();
    for (int i = 0; i < VGA_BANKS; i++) {
        memory_region_set_enabled(&s->banks[i], on[i]);
        if (on[i]) {
            memory_region_set_alias_offset(&s->banks[i], offset[i]);
        }
    }
    memory_transaction_commit();
}
