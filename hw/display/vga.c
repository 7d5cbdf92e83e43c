/*
 * VGA registers: see vga.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/display/vga.h"
#include <string.h>
#include "util/trace.h"

TRACE_EVENT(vga_port_read, "port 0x%x value 0x%02x");
TRACE_EVENT(vga_port_write, "port 0x%x value 0x%02x");

/* Bits that exist in each register. */
static const uint8_t seq_mask[VGA_SEQ_STANDARD] = { 0x03, 0x3d, 0x0f, 0x3f, 0x0e, 0, 0, 0xff };
static const uint8_t gc_mask[VGA_GC_STANDARD] = { 0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f,
                                                  0xff };
static const uint8_t attr_mask[VGA_ATTR_COUNT] = {
    0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
    0xef, 0xff, 0x3f, 0x0f, 0x0f,
};

/* --- DAC ---------------------------------------------------------------------------- */

static uint8_t dac_read_data(VGAState *s)
{
    uint8_t val = s->dac[s->dac_read_index * 3 + s->dac_component];

    if (++s->dac_component == 3) {
        s->dac_component = 0;
        s->dac_read_index++;
    }
    return val;
}

/* A color changes when its third component comes. */
static void dac_write_data(VGAState *s, uint8_t val)
{
    s->dac_latch[s->dac_component++] = val;
    if (s->dac_component == 3) {
        memcpy(&s->dac[s->dac_write_index * 3], s->dac_latch, 3);
        s->dac_component = 0;
        s->dac_write_index++;
    }
}

static void dac_set_index(VGAState *s, uint8_t *index, uint8_t val, uint8_t state)
{
    *index = val;
    s->dac_component = 0;
    s->dac_state = state;
}

/* --- register files ------------------------------------------------------------------ */

static void attr_write(VGAState *s, uint8_t val)
{
    unsigned index = s->attr_index & 0x1f;

    if (!s->attr_data) {
        s->attr_index = val & 0x3f;
    } else if (index < VGA_ATTR_COUNT) {
        s->attr[index] = val & attr_mask[index];
    }
    s->attr_data = !s->attr_data;
}

static void seq_write(VGAState *s, uint8_t val)
{
    if (s->seq_index < VGA_SEQ_STANDARD) {
        s->seq[s->seq_index] = val & seq_mask[s->seq_index];
        vga_update_window(s);
    }
}

static void gc_write(VGAState *s, uint8_t val)
{
    if (s->gc_index < VGA_GC_STANDARD) {
        s->gc[s->gc_index] = val & gc_mask[s->gc_index];
        vga_update_window(s);
    }
}

static void crtc_write(VGAState *s, uint8_t val)
{
    bool locked = s->crtc[CRTC_V_SYNC_END] & 0x80;

    if (locked && s->crtc_index <= CRTC_OVERFLOW) {
        /* Registers 0 to 7 are protected but for one bit of line compare. */
        if (s->crtc_index == CRTC_OVERFLOW) {
            s->crtc[CRTC_OVERFLOW] = (s->crtc[CRTC_OVERFLOW] & ~0x10) | (val & 0x10);
        }
        return;
    }
    if (s->crtc_index == CRTC_START_HIGH || s->crtc_index == CRTC_START_LOW) {
        vga_latch_start(s);
    }
    s->crtc[s->crtc_index] = val;
}

/* --- ports ---------------------------------------------------------------------------- */

/* The CRTC and status answer at 3Bx or at 3Dx, as the color bit says. */
static bool port_absent(const VGAState *s, unsigned port)
{
    return s->misc & MISC_COLOR ? port >= 0x3b0 && port <= 0x3bf : port >= 0x3d0 && port <= 0x3df;
}

static uint8_t status_read(VGAState *s)
{
    s->attr_data = false;
    return vga_input_status_1(s);
}

static uint8_t register_read(VGAState *s, unsigned port)
{
    switch (port) {
    case 0x3c0:
        return s->attr_data ? 0 : s->attr_index;
    case 0x3c1:
        return (s->attr_index & 0x1f) < VGA_ATTR_COUNT ? s->attr[s->attr_index & 0x1f] : 0;
    case 0x3c2:
        return 0; /* input status 0: no interrupt, no monitor sensed */
    case 0x3c4:
        return s->seq_index;
    case 0x3c5:
        return s->seq[s->seq_index];
    case 0x3c6:
        return s->dac_mask;
    case 0x3c7:
        return s->dac_state;
    case 0x3c8:
        return s->dac_write_index;
    case 0x3c9:
        return dac_read_data(s);
    case 0x3ca:
        return s->feature;
    case 0x3cc:
        return s->misc;
    case 0x3ce:
        return s->gc_index;
    case 0x3cf:
        return s->gc[s->gc_index];
    case 0x3b4: case 0x3d4:
        return s->crtc_index;
    case 0x3b5: case 0x3d5:
        return s->crtc[s->crtc_index];
    case 0x3ba: case 0x3da:
        return status_read(s);
    default:
        return 0;
    }
}

uint8_t vga_port_read(VGAState *s, unsigned port)
{
    uint8_t val = 0xff;

    if (!port_absent(s, port) &&
        !(s->chip->port_read && s->chip->port_read(s, port, &val))) {
        val = register_read(s, port);
    }
    trace(vga_port_read, port, val);
    return val;
}

static void register_write(VGAState *s, unsigned port, uint8_t val)
{
    switch (port) {
    case 0x3c0: case 0x3c1:
        attr_write(s, val);
        break;
    case 0x3c2:
        s->misc = val & ~0x10;
        vga_update_window(s);
        break;
    case 0x3c4:
        s->seq_index = val & (VGA_SEQ_STANDARD - 1);
        break;
    case 0x3c5:
        seq_write(s, val);
        break;
    case 0x3c6:
        s->dac_mask = val;
        break;
    case 0x3c7:
        dac_set_index(s, &s->dac_read_index, val, 3);
        break;
    case 0x3c8:
        dac_set_index(s, &s->dac_write_index, val, 0);
        break;
    case 0x3c9:
        dac_write_data(s, val);
        break;
    case 0x3ce:
        s->gc_index = val & (VGA_GC_STANDARD - 1);
        break;
    case 0x3cf:
        gc_write(s, val);
        break;
    case 0x3b4: case 0x3d4:
        s->crtc_index = val;
        break;
    case 0x3b5: case 0x3d5:
        crtc_write(s, val);
        break;
    case 0x3ba: case 0x3da:
        s->feature = val & 0x10;
        break;
    }
}

void vga_port_write(VGAState *s, unsigned port, uint8_t val)
{
    trace(vga_port_write, port, val);
    if (!port_absent(s, port) &&
        !(s->chip->port_write && s->chip->port_write(s, port, val))) {
        register_write(s, port, val);
    }
}

static uint64_t ports_read(void *opaque, hwaddr addr, unsigned size)
{
    return vga_port_read(opaque, VGA_PORTS_BASE + addr);
}

static void ports_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    vga_port_write(opaque, VGA_PORTS_BASE + addr, val);
}

static const MemoryRegionOps ports_ops = {
    .read = ports_read,
    .write = ports_write,
    .valid = { .min_size = 1, .max_size = 4, .unaligned = true },
    .impl = { .min_size = 1, .max_size = 1 },
};

/* What a VGA decodes of 0x3b0 to 0x3df; the rest belongs to others. */
static const struct {
    uint16_t port;
    uint8_t size;
} port_ranges[VGA_PORT_RANGES] = {
    { 0x3b4, 2 }, { 0x3ba, 1 }, { 0x3c0, 16 }, { 0x3d4, 2 }, { 0x3da, 1 },
};

void vga_map_legacy(VGAState *s, MemoryRegion *memory, MemoryRegion *io)
{
    for (int i = 0; i < VGA_PORT_RANGES; i++) {
        memory_region_init_alias(&s->port_ranges[i], s->owner, "vga-ports", &s->ports,
                                 port_ranges[i].port - VGA_PORTS_BASE, port_ranges[i].size);
        memory_region_add_subregion(io, port_ranges[i].port, &s->port_ranges[i]);
    }
    memory_region_add_subregion_overlap(memory, VGA_WINDOW_BASE, &s->window, 1);
    for (int i = 0; i < VGA_BANKS; i++) {
        memory_region_add_subregion_overlap(memory, VGA_WINDOW_BASE + i * VGA_BANK_SIZE,
                                            &s->banks[i], 2);
    }
    vga_update_window(s);
}

void vga_map_vbe(VGAState *s, MemoryRegion *io)
{
    memory_region_add_subregion(io, VBE_PORT_BASE, &s->vbe_ports);
}

/* --- life ----------------------------------------------------------------------------- */

void vga_reset(VGAState *s)
{
    s->misc = s->feature = 0;
    s->seq_index = s->gc_index = s->attr_index = s->crtc_index = 0;
    s->attr_data = false;
    memset(s->seq, 0, sizeof(s->seq));
    memset(s->gc, 0, sizeof(s->gc));
    memset(s->attr, 0, sizeof(s->attr));
    memset(s->crtc, 0, sizeof(s->crtc));
    memset(s->dac, 0, sizeof(s->dac));
    memset(s->dac_latch, 0, sizeof(s->dac_latch));
    s->dac_mask = 0xff;
    s->dac_state = s->dac_component = s->dac_read_index = s->dac_write_index = 0;
    s->latch = 0;
    s->start_before = 0;
    s->start_time = 0;
    s->big_endian = false;
    s->vbe_index = 0;
    memset(s->vbe, 0, sizeof(s->vbe));
    s->vbe[VBE_ID] = 0xb0c5;
    s->draw.redraw = true;
    vga_update_window(s);
}

uint32_t vga_memory_size(uint32_t mb)
{
    uint32_t size = 1;

    while (size < MIN(mb, 512)) {
        size *= 2;
    }
    return size << 20;
}

bool vga_init(VGAState *s, DeviceState *owner, const VGAChip *chip, uint32_t vram_size,
              Error **errp)
{
    s->owner = owner;
    s->chip = chip;
    s->clock = qdev_clock(owner);
    s->vram_size = vram_size;
    if (!memory_region_init_ram(&s->vram, owner, "vga.vram", vram_size, errp)) {
        return false;
    }
    s->vram_ptr = memory_region_get_ram_ptr(&s->vram);
    memory_region_set_log(&s->vram, true, RAM_PAGE_CLEAN_VGA);
    memory_region_init_io(&s->ports, owner, &ports_ops, s, "vga", VGA_PORTS_SIZE);
    memory_region_init_io(&s->vbe_ports, owner, &vga_vbe_port_ops, s, "vbe", 4);
    memory_region_init_io(&s->window, owner, &vga_window_ops, s, "vga-lowmem", VGA_WINDOW_SIZE);
    memory_region_set_coalesced(&s->window, 0, VGA_WINDOW_SIZE);
    for (int i = 0; i < VGA_BANKS; i++) {
        memory_region_init_alias(&s->banks[i], owner, "vga.bank", &s->vram, i * VGA_BANK_SIZE,
                                 VGA_BANK_SIZE);
        memory_region_set_enabled(&s->banks[i], false);
    }
    s->draw.dirty_pages = g_malloc0(vram_size / GUEST_PAGE_SIZE);
    s->console = console_new(owner->machine->consoles, "VGA", &vga_console_ops, s);
    console_set_owner(s->console, owner);
    vga_reset(s);
    return true;
}

void vga_deinit(VGAState *s)
{
    console_free(s->console);
    for (int i = 0; i < VGA_PORT_RANGES; i++) {
        memory_region_destroy(&s->port_ranges[i]);
    }
    for (int i = 0; i < VGA_BANKS; i++) {
        memory_region_destroy(&s->banks[i]);
    }
    memory_region_destroy(&s->window);
    memory_region_destroy(&s->vbe_ports);
    memory_region_destroy(&s->ports);
    memory_region_destroy(&s->vram);
    g_free(s->draw.cells);
    g_free(s->draw.line);
    g_free(s->draw.dirty_pages);
}

static bool vga_post_load(void *opaque, Error **errp)
{
    VGAState *s = opaque;

    if (s->seq_index >= VGA_SEQ_COUNT || s->gc_index >= VGA_GC_COUNT || s->dac_component > 2) {
        error_setg(errp, "VGA: a register index is out of range");
        return false;
    }
    s->draw.redraw = true;
    vga_update_window(s);
    return true;
}

static const VMStateField vga_fields[] = {
    VMSTATE_UINT8(misc, VGAState),
    VMSTATE_UINT8(feature, VGAState),
    VMSTATE_UINT8(seq_index, VGAState),
    VMSTATE_UINT8_ARRAY(seq, VGAState, VGA_SEQ_COUNT),
    VMSTATE_UINT8(gc_index, VGAState),
    VMSTATE_UINT8_ARRAY(gc, VGAState, VGA_GC_COUNT),
    VMSTATE_UINT8(attr_index, VGAState),
    VMSTATE_UINT8_ARRAY(attr, VGAState, VGA_ATTR_COUNT),
    VMSTATE_BOOL(attr_data, VGAState),
    VMSTATE_UINT8(crtc_index, VGAState),
    VMSTATE_UINT8_ARRAY(crtc, VGAState, VGA_CRTC_COUNT),
    VMSTATE_UINT8(dac_mask, VGAState),
    VMSTATE_UINT8(dac_state, VGAState),
    VMSTATE_UINT8(dac_component, VGAState),
    VMSTATE_UINT8(dac_read_index, VGAState),
    VMSTATE_UINT8(dac_write_index, VGAState),
    VMSTATE_UINT8_ARRAY(dac_latch, VGAState, 3),
    VMSTATE_UINT8_ARRAY(dac, VGAState, 256 * 3),
    VMSTATE_UINT32(latch, VGAState),
    VMSTATE_UINT16(start_before, VGAState),
    VMSTATE_INT64(start_time, VGAState),
    VMSTATE_BOOL(big_endian, VGAState),
    VMSTATE_UINT16(vbe_index, VGAState),
    VMSTATE_UINT16_ARRAY(vbe, VGAState, VBE_COUNT),
    VMSTATE_END
};

const VMStateDescription vmstate_vga = {
    .name = "vga", .version = 1, .fields = vga_fields, .post_load = vga_post_load,
};
