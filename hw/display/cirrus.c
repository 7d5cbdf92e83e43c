/*
 * The registers of the CL-GD5446, and the screen they describe: see cirrus.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/display/cirrus.h"
#include <string.h>
#include "util/trace.h"

TRACE_EVENT(cirrus_sr_write, "SR%x = 0x%02x");
TRACE_EVENT(cirrus_gr_write, "GR%x = 0x%02x");
TRACE_EVENT(cirrus_cr_write, "CR%x = 0x%02x");
TRACE_EVENT(cirrus_hdr_write, "0x%02x");

static CirrusState *cirrus_of(VGAState *s)
{
    return (CirrusState *)s;
}

/* --- sequencer -------------------------------------------------------------------------------- */

static uint8_t sr_read(const CirrusState *c)
{
    unsigned index = c->vga.seq_index;
    return index == 5 ? 0 : c->vga.seq[index];
}

/* The index has the position's lower three bits. */
static void set_cursor_position(CirrusState *c, uint16_t *position, uint8_t val)
{
    *position = val << 3 | c->seq_index >> 5;
}

static void sr_write(CirrusState *c, uint8_t val)
{
    unsigned index = c->vga.seq_index;
    uint8_t *sr = c->vga.seq;

    trace(cirrus_sr_write, index, val);
    switch (index) {
    case 5:
        return;
    case SR_UNLOCK:
        sr[index] = (val & UNLOCK_MASK) == UNLOCK_KEY ? UNLOCK_KEY : UNLOCK_LOCKED;
        return;
    case SR_CURSOR_X:
        set_cursor_position(c, &c->cursor_x, val);
        break;
    case SR_CURSOR_Y:
        set_cursor_position(c, &c->cursor_y, val);
        break;
    case SR_CONFIG:
        val = (sr[index] & CONFIG_BUS) | (val & ~CONFIG_BUS);
        break;
    }
    sr[index] = val;
    if (index == SR_MODE || index == SR_CONFIG) {
        cirrus_update_memory(c);
    }
}

/* --- graphics controller ---------------------------------------------------------------------- */

/* The bits that registers have from GR9 on. */
static const uint8_t gr_mask[GR_LAST + 1] = {
    [GR_BANK_0] = 0xff, [GR_BANK_1] = 0xff, [GR_EXTENSIONS] = 0xff, [GR_POWER] = POWER_SYNC_OFF,
    [GR_BG_1] = 0xff, [GR_FG_1] = 0xff, [GR_BG_2] = 0xff, [GR_FG_2] = 0xff, [GR_BG_3] = 0xff,
    [GR_FG_3] = 0xff,
    [GR_BLT_WIDTH] = 0xff, [GR_BLT_WIDTH + 1] = 0x1f, [GR_BLT_HEIGHT] = 0xff,
    [GR_BLT_HEIGHT + 1] = 0x1f, [GR_BLT_DST_PITCH] = 0xff, [GR_BLT_DST_PITCH + 1] = 0x1f,
    [GR_BLT_SRC_PITCH] = 0xff, [GR_BLT_SRC_PITCH + 1] = 0x1f, [GR_BLT_DST] = 0xff,
    [GR_BLT_DST + 1] = 0xff, [GR_BLT_DST_HIGH] = 0x3f, [GR_BLT_SRC] = 0xff, [GR_BLT_SRC + 1] = 0xff,
    [GR_BLT_SRC + 2] = 0x3f, [GR_BLT_CLIP] = 0xff, [GR_BLT_MODE] = 0xff, [GR_BLT_ROP] = 0xff,
    [GR_BLT_EXTENSIONS] = 0xff, [GR_BLT_KEY] = 0xff, [GR_BLT_KEY + 1] = 0xff, [0x38] = 0xff,
    [0x39] = 0xff,
};

/* A transfer starts with the rise of START, and is given up with the fall of RESET. */
static void status_write(CirrusState *c, uint8_t val)
{
    const uint8_t read_only = BLT_STATUS_BUSY | BLT_STATUS_FIFO;
    uint8_t *status = &c->vga.gc[GR_BLT_STATUS], old = *status;

    *status = (old & read_only) | (val & ~read_only);
    if ((old & BLT_STATUS_RESET) && !(val & BLT_STATUS_RESET)) {
        cirrus_blt_reset(c);
    } else if (!(old & BLT_STATUS_START) && (val & BLT_STATUS_START)) {
        cirrus_blt_start(c);
    }
}

uint8_t cirrus_gr_read(const CirrusState *c, unsigned index)
{
    return index <= GR_LAST ? c->vga.gc[index] : 0xff;
}

void cirrus_gr_write(CirrusState *c, unsigned index, uint8_t val)
{
    uint8_t *gr = c->vga.gc;

    trace(cirrus_gr_write, index, val);
    if (index == GC_SET_RESET || index == GC_ENABLE_SET_RESET) {
        gr[index] = val; /* eight bits: a pixel's color in the extended write modes */
    } else if (index == GC_MODE) {
        gr[index] = val & 0x7f;
    } else if (index == GR_BLT_STATUS) {
        status_write(c, val);
    } else if (index <= GR_LAST && gr_mask[index]) {
        gr[index] = val & gr_mask[index];
    }
    if (index == GR_BLT_DST_HIGH && (gr[GR_BLT_STATUS] & BLT_STATUS_AUTOSTART)) {
        cirrus_blt_start(c);
    }
    if (index <= GR_EXTENSIONS) {
        cirrus_update_memory(c);
    }
}

/* --- CRTC ------------------------------------------------------------------------------------- */

/* False: the VGA's own. */
static bool cr_read(const CirrusState *c, uint8_t *val)
{
    const VGAState *s = &c->vga;

    switch (s->crtc_index) {
    case CR_LATCHES:
        *val = s->latch >> (s->gc[GC_READ_PLANE] & 3) * 8;
        return true;
    case CR_ATTR_STATE:
        *val = s->attr_data ? 0x80 : 0;
        return true;
    case CR_PART_STATUS:
        *val = 0;
        return true;
    case CR_ATTR_INDEX:
        *val = s->attr_index & 0x3f;
        return true;
    case CR_ID:
        *val = c->id;
        return true;
    default:
        *val = 0xff;
        return s->crtc_index > CR_OVERLAY;
    }
}

static bool cr_write(CirrusState *c, uint8_t val)
{
    VGAState *s = &c->vga;

    trace(cirrus_cr_write, s->crtc_index, val);
    if (s->crtc_index == CR_EXTENDED || s->crtc_index == CR_OVERLAY) {
        vga_latch_start(s);
    }
    return s->crtc_index > CR_OVERLAY;
}

/* --- DAC -------------------------------------------------------------------------------------- */

/* After four reads of 3C6, its next access is one of the HDR. */
static bool mask_read(CirrusState *c, uint8_t *val)
{
    if (c->dac_reads < 4) {
        c->dac_reads++;
        return false;
    }
    c->dac_reads = 0;
    *val = c->hidden_dac;
    return true;
}

static bool mask_write(CirrusState *c, uint8_t val)
{
    bool hidden = c->dac_reads == 4;

    c->dac_reads = 0;
    if (hidden) {
        trace(cirrus_hdr_write, val);
        c->hidden_dac = val;
    }
    return hidden;
}

/* The cursor's colors in place of the palette, while SR12 says so. */
static bool cursor_color_read(CirrusState *c, uint8_t *val)
{
    VGAState *s = &c->vga;

    if (!(s->seq[SR_CURSOR] & CURSOR_PALETTE)) {
        return false;
    }
    *val = c->cursor_palette[(s->dac_read_index & 15) * 3 + s->dac_component];
    if (++s->dac_component == 3) {
        s->dac_component = 0;
        s->dac_read_index++;
    }
    return true;
}

static bool cursor_color_write(CirrusState *c, uint8_t val)
{
    VGAState *s = &c->vga;

    if (!(s->seq[SR_CURSOR] & CURSOR_PALETTE)) {
        return false;
    }
    s->dac_latch[s->dac_component] = val;
    if (++s->dac_component == 3) {
        memcpy(&c->cursor_palette[(s->dac_write_index & 15) * 3], s->dac_latch, 3);
        s->dac_component = 0;
        s->dac_write_index++;
    }
    return true;
}

/* --- ports ------------------------------------------------------------------------------------ */

static bool cirrus_port_read(VGAState *s, unsigned port, uint8_t *val)
{
    CirrusState *c = cirrus_of(s);

    if (port == 0x3c6) {
        return mask_read(c, val);
    }
    c->dac_reads = 0;
    switch (port) {
    case 0x3c4:
        *val = c->seq_index;
        return true;
    case 0x3c5:
        *val = sr_read(c);
        return true;
    case 0x3c9:
        return cursor_color_read(c, val);
    case 0x3cf:
        *val = cirrus_gr_read(c, s->gc_index);
        return true;
    case 0x3b5: case 0x3d5:
        return cr_read(c, val);
    default:
        return false;
    }
}

/* The VGA's own registers stay its own. */
static bool sr_is_standard(unsigned index)
{
    return index <= SEQ_MEMORY_MODE;
}

static bool gr_is_standard(unsigned index)
{
    return index >= GC_COLOR_COMPARE && index <= GC_BIT_MASK && index != GC_MODE;
}

static bool cirrus_port_write(VGAState *s, unsigned port, uint8_t val)
{
    CirrusState *c = cirrus_of(s);

    if (port == 0x3c6) {
        return mask_write(c, val);
    }
    c->dac_reads = 0;
    switch (port) {
    case 0x3c4:
        c->seq_index = val;
        s->seq_index = val & (VGA_SEQ_COUNT - 1);
        return true;
    case 0x3c5:
        if (sr_is_standard(s->seq_index)) {
            return false;
        }
        sr_write(c, val);
        return true;
    case 0x3c9:
        return cursor_color_write(c, val);
    case 0x3ce:
        s->gc_index = val & (VGA_GC_COUNT - 1);
        return true;
    case 0x3cf:
        if (gr_is_standard(s->gc_index)) {
            return false;
        }
        cirrus_gr_write(c, s->gc_index, val);
        return true;
    case 0x3b5: case 0x3d5:
        return cr_write(c, val);
    default:
        return false;
    }
}

/* --- the screen ------------------------------------------------------------------------------- */

static VGAFormat format(const CirrusState *c)
{
    switch (c->vga.seq[SR_MODE] & MODE_DEPTH) {
    case MODE_8:
        return VGA_INDEX8;
    case MODE_16_DOUBLE_CLOCK:
    case MODE_16:
        return (c->hidden_dac & HDR_FORMAT) == HDR_XGA ? VGA_RGB16 : VGA_RGB15;
    case MODE_24:
        return VGA_RGB24;
    case MODE_32:
        return VGA_RGB32;
    default:
        return VGA_INDEX8;
    }
}

/* Bits 16 to 19 of the start address. */
static uint32_t start_high(const VGAState *s)
{
    uint8_t extended = s->crtc[CR_EXTENDED];

    return (extended & 0x01) << 16 | (extended & 0x0c) << 15 | (s->crtc[CR_OVERLAY] & 0x80) << 12;
}

/* Packed pixels: lines of whole bytes, one after the other. */
static void cirrus_screen(const VGAState *s, VGAScreen *screen)
{
    const CirrusState *c = (const CirrusState *)s;
    bool half = s->seq[SEQ_CLOCK_MODE] & SEQ_CLOCK_HALF;
    bool no_sync = s->gc[GR_POWER] & POWER_SYNC_OFF;

    if (!cirrus_extended(c)) {
        screen->blank |= no_sync;
        return;
    }
    /* Not SR1: the packaged BIOS sets packed modes with the screen off in it, as QEMU lets it. */
    screen->blank = no_sync || !(s->attr_index & ATTR_INDEX_VIDEO_ON);
    screen->format = format(c);
    screen->width = (s->crtc[CRTC_H_DISPLAY] + 1) * 8 * (half ? 2 : 1);
    screen->height <<= s->crtc[CR_INTERLACE] & 1;
    screen->pixel_dots = half ? 2 : 1;
    screen->start += start_high(s) * 4;
    screen->pitch = (s->crtc[CRTC_OFFSET] | (s->crtc[CR_EXTENDED] & 0x10) << 4) * 8;
    screen->address_mask = s->vram_size - 1;
    screen->panning = screen->split_panning = 0;
    screen->row_bit[0] = screen->row_bit[1] = 0;
}

static const VGAChip cirrus_chip = {
    .port_read = cirrus_port_read,
    .port_write = cirrus_port_write,
    .window_read = cirrus_window_read,
    .window_write = cirrus_window_write,
    .bank = cirrus_bank,
    .plain = cirrus_is_plain,
    .screen = cirrus_screen,
    .cursor = cirrus_cursor,
    .draw_cursor = cirrus_draw_cursor,
};

/* --- life ------------------------------------------------------------------------------------- */

void cirrus_reset(CirrusState *c)
{
    bool pci = c->bus == CONFIG_PCI;
    VGAState *s = &c->vga;

    vga_reset(s);
    cirrus_blt_reset(c);
    /* What the BIOS and drivers tell the memory's size and kind by. */
    s->seq[SR_UNLOCK] = UNLOCK_LOCKED;
    s->seq[SR_DRAM] = pci ? 0x98 : 0x18;
    s->seq[SR_MEMORY_SIZE] = pci ? 0x04 : 0x03;
    s->seq[SR_CONFIG] = c->bus;
    s->seq[SR_MCLK] = pci ? 0x2d : 0x22;
    s->gc[GR_EDO] = pci ? 0x0f : 0x00;
    c->seq_index = 0;
    c->hidden_dac = c->dac_reads = 0;
    c->cursor_x = c->cursor_y = 0;
    memset(c->cursor_palette, 0, sizeof(c->cursor_palette));
    cirrus_update_memory(c);
}

static void init_frame_buffer(CirrusState *c, DeviceState *owner)
{
    uint32_t size = c->vga.vram_size;

    memory_region_init(&c->frame_buffer, owner, "cirrus-frame-buffer", CIRRUS_BAR_SIZE);
    memory_region_init_io(&c->linear, owner, &cirrus_linear_ops, c, "cirrus-linear-io", size);
    memory_region_init_alias(&c->linear_ram, owner, "cirrus-linear-ram", &c->vga.vram, 0, size);
    memory_region_init_io(&c->linear_mmio, owner, &cirrus_blt_regs_ops, c, "cirrus-linear-mmio",
                          CIRRUS_BLT_REGS_SIZE);
    memory_region_init_io(&c->bitblt, owner, &cirrus_bitblt_ops, c, "cirrus-bitblt-mmio",
                          CIRRUS_BITBLT_SIZE);
    memory_region_add_subregion(&c->frame_buffer, 0, &c->linear);
    memory_region_add_subregion_overlap(&c->frame_buffer, 0, &c->linear_ram, 1);
    memory_region_add_subregion_overlap(&c->frame_buffer, size - CIRRUS_BLT_REGS_SIZE,
                                        &c->linear_mmio, 2);
    memory_region_add_subregion(&c->frame_buffer, CIRRUS_BITBLT_OFFSET, &c->bitblt);
    memory_region_init_io(&c->mmio, owner, &cirrus_mmio_ops, c, "cirrus-mmio", CIRRUS_MMIO_SIZE);
}

bool cirrus_init(CirrusState *c, DeviceState *owner, uint32_t vgamem_mb, uint8_t id, uint8_t bus,
                 Error **errp)
{
    if (vgamem_mb != 4 && vgamem_mb != 8 && vgamem_mb != 16) {
        error_setg(errp, "%s: vgamem_mb=%u must be 4, 8 or 16", object_get_typename(OBJECT(owner)),
                   vgamem_mb);
        return false;
    }
    c->id = id;
    c->bus = bus;
    if (!vga_init(&c->vga, owner, &cirrus_chip, vgamem_mb << 20, errp)) {
        return false;
    }
    init_frame_buffer(c, owner);
    cirrus_reset(c);
    return true;
}

void cirrus_deinit(CirrusState *c)
{
    memory_region_destroy(&c->mmio);
    memory_region_destroy(&c->bitblt);
    memory_region_destroy(&c->linear_mmio);
    memory_region_destroy(&c->linear_ram);
    memory_region_destroy(&c->linear);
    memory_region_destroy(&c->frame_buffer);
    vga_deinit(&c->vga);
}

static bool cirrus_post_load(void *opaque, Error **errp)
{
    CirrusState *c = opaque;

    if (c->dac_reads > 4) {
        error_setg(errp, "cirrus: %u reads of the pixel mask in a row", c->dac_reads);
        return false;
    }
    cirrus_update_memory(c);
    return true;
}

static const VMStateField cirrus_fields[] = {
    VMSTATE_STRUCT(vga, CirrusState, vmstate_vga, VGAState),
    VMSTATE_UINT8(seq_index, CirrusState),
    VMSTATE_UINT8(hidden_dac, CirrusState),
    VMSTATE_UINT8(dac_reads, CirrusState),
    VMSTATE_UINT16(cursor_x, CirrusState),
    VMSTATE_UINT16(cursor_y, CirrusState),
    VMSTATE_UINT8_ARRAY(cursor_palette, CirrusState, 16 * 3),
    VMSTATE_STRUCT(blt, CirrusState, vmstate_cirrus_blt, CirrusBlt),
    VMSTATE_END
};

const VMStateDescription vmstate_cirrus = {
    .name = "cirrus", .version = 1, .fields = cirrus_fields, .post_load = cirrus_post_load,
};
