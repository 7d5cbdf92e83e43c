/*
 * The Cirrus Logic CL-GD5446, without its bus: a VGA with packed-pixel modes up to 32 bits, banks,
 * a linear frame buffer, a hardware cursor and a blitter.
 *
 * Manual: "CL-GD5446 Technical Reference Manual" (SR, GR, CR: its sequencer, graphics controller
 * and CRTC registers; HDR: the hidden DAC register).
 *
 * The extension registers are accessible whether or not SR6 is unlocked, as in QEMU: Linux's driver
 * relies on it. Not modelled: the video overlay, the DDC lines of SR8, clocks (a mode's timing is
 * that of the VGA), signatures, the byte-swapping apertures.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_DISPLAY_CIRRUS_H
#define HW_DISPLAY_CIRRUS_H

#include "hw/display/vga.h"

/* Sequencer. */
enum {
    SR_UNLOCK = 0x06, SR_MODE = 0x07, SR_DRAM = 0x0f, SR_CURSOR_X = 0x10, SR_CURSOR_Y = 0x11,
    SR_CURSOR = 0x12, SR_CURSOR_PATTERN = 0x13, SR_MEMORY_SIZE = 0x15, SR_CONFIG = 0x17,
    SR_MCLK = 0x1f,
};
enum { UNLOCK_KEY = 0x12, UNLOCK_MASK = 0x17, UNLOCK_LOCKED = 0x0f };
enum {
    MODE_EXTENDED = 0x01, MODE_DEPTH = 0x0e,
    MODE_8 = 0x00, MODE_16_DOUBLE_CLOCK = 0x02, MODE_24 = 0x04, MODE_16 = 0x06, MODE_32 = 0x08,
};
enum { CURSOR_ON = 0x01, CURSOR_PALETTE = 0x02, CURSOR_LARGE = 0x04 };
/* SR17: the blitter's registers in memory, at b8000 or in the linear frame buffer's last bytes. */
enum { CONFIG_MMIO = 0x04, CONFIG_MMIO_LINEAR = 0x40, CONFIG_BUS = 0x38, CONFIG_PCI = 0x20,
       CONFIG_ISA = 0x38 };

/* Graphics controller. */
enum {
    GR_BANK_0 = 0x09, GR_BANK_1 = 0x0a, GR_EXTENSIONS = 0x0b, GR_POWER = 0x0e,
    GR_BG_1 = 0x10, GR_FG_1 = 0x11, GR_BG_2 = 0x12, GR_FG_2 = 0x13, GR_BG_3 = 0x14, GR_FG_3 = 0x15,
    GR_EDO = 0x18,
    GR_BLT_WIDTH = 0x20, GR_BLT_HEIGHT = 0x22, GR_BLT_DST_PITCH = 0x24, GR_BLT_SRC_PITCH = 0x26,
    GR_BLT_DST = 0x28, GR_BLT_DST_HIGH = 0x2a, GR_BLT_SRC = 0x2c, GR_BLT_CLIP = 0x2f,
    GR_BLT_MODE = 0x30, GR_BLT_STATUS = 0x31, GR_BLT_ROP = 0x32, GR_BLT_EXTENSIONS = 0x33,
    GR_BLT_KEY = 0x34, GR_LAST = 0x39,
};
enum { EXT_TWO_BANKS = 0x01, EXT_BY_8 = 0x02, EXT_WRITE_MODES = 0x04, EXT_16_BIT = 0x10,
       EXT_BY_16 = EXT_WRITE_MODES | EXT_16_BIT, EXT_BANK_16K = 0x20 };
enum { POWER_SYNC_OFF = 0x06 };
enum {
    BLT_BACKWARD = 0x01, BLT_TO_SYSTEM = 0x02, BLT_FROM_SYSTEM = 0x04, BLT_TRANSPARENT = 0x08,
    BLT_DEPTH = 0x30, BLT_PATTERN = 0x40, BLT_EXPAND = 0x80,
};
enum { BLT_EXT_DWORD = 0x01, BLT_EXT_INVERT = 0x02, BLT_EXT_SOLID = 0x04 };
enum { BLT_STATUS_BUSY = 0x01, BLT_STATUS_START = 0x02, BLT_STATUS_RESET = 0x04,
       BLT_STATUS_FIFO = 0x10, BLT_STATUS_AUTOSTART = 0x80 };

/* CRTC. */
enum { CR_INTERLACE = 0x1a, CR_EXTENDED = 0x1b, CR_OVERLAY = 0x1d, CR_LATCHES = 0x22,
       CR_ATTR_STATE = 0x24, CR_PART_STATUS = 0x25, CR_ATTR_INDEX = 0x26, CR_ID = 0x27 };
enum { CIRRUS_ID_GD5430 = 0xa0, CIRRUS_ID_GD5446 = 0xb8 };

/* HDR. */
enum { HDR_FORMAT = 0x0f, HDR_XGA = 0x01 };

/* Addresses. */
enum {
    CIRRUS_BAR_SIZE = 0x2000000, CIRRUS_BITBLT_OFFSET = 0x1000000, CIRRUS_BITBLT_SIZE = 0x400000,
    CIRRUS_MMIO_SIZE = 0x1000, CIRRUS_BLT_REGS_SIZE = 0x100,
};

/* The longest line of a bit block transfer, in bytes. */
enum { CIRRUS_BLT_MAX_WIDTH = 0x2000 };

/* A transfer: what its registers said when it started. */
typedef struct CirrusBlt {
    bool active;                    /* waits for the CPU's data */
    uint8_t mode, extensions, rop, clip;
    uint16_t key;                   /* transparent color */
    uint32_t width, height;         /* bytes; lines that are left */
    uint32_t dst, src;
    int32_t dst_pitch, src_pitch;
    uint32_t fg, bg;
    uint32_t unit, fill;            /* bytes that the CPU has to give for a line or pattern; has given */
    uint32_t given;                 /* of all lines together */
    uint8_t pad;                    /* bytes of the last doubleword that are left over */
    uint8_t data[CIRRUS_BLT_MAX_WIDTH];
} CirrusBlt;

typedef struct CirrusState {
    VGAState vga;                   /* first: VGAChip's functions are given this */
    uint8_t id, bus;                /* CIRRUS_ID_..., CONFIG_PCI or CONFIG_ISA */
    bool blitter;                   /* property */
    MemoryRegion frame_buffer;      /* BAR 0: */
    MemoryRegion linear;            /* ... the memory through the chip's logic */
    MemoryRegion linear_ram;        /* ... over it where nothing is special about it */
    MemoryRegion linear_mmio;       /* ... the blitter's registers, over its end */
    MemoryRegion bitblt;            /* ... where the CPU gives a transfer's data */
    MemoryRegion mmio;              /* BAR 1 */

    uint8_t seq_index;              /* with the upper bits, which are a cursor position's lower */
    uint8_t hidden_dac, dac_reads;  /* HDR; reads of 3C6 in a row */
    uint16_t cursor_x, cursor_y;
    uint8_t cursor_palette[16 * 3];
    CirrusBlt blt;
} CirrusState;

extern const VMStateDescription vmstate_cirrus;

/* owner's properties vgamem_mb (4, 8 or 16) and blitter are checked here; id and bus are constants. */
bool cirrus_init(CirrusState *c, DeviceState *owner, uint32_t vgamem_mb, uint8_t id, uint8_t bus,
                 Error **errp);
void cirrus_deinit(CirrusState *c);
void cirrus_reset(CirrusState *c);

/* A graphics controller register by its index. */
uint8_t cirrus_gr_read(const CirrusState *c, unsigned index);
void cirrus_gr_write(CirrusState *c, unsigned index, uint8_t val);

/* cirrus-mem.c: CPU accesses to video memory. */
extern const MemoryRegionOps cirrus_linear_ops, cirrus_bitblt_ops, cirrus_blt_regs_ops,
    cirrus_mmio_ops;
bool cirrus_window_read(VGAState *s, uint32_t addr, uint8_t *val);
bool cirrus_window_write(VGAState *s, uint32_t addr, uint8_t val);
uint32_t cirrus_bank(const VGAState *s, uint32_t offset);
bool cirrus_is_plain(const VGAState *s);
/* After a change of a register that decides how memory is reached. */
void cirrus_update_memory(CirrusState *c);

/* cirrus-cursor.c */
void cirrus_cursor(const VGAState *s, VGACursor *cursor);
void cirrus_draw_cursor(const VGAState *s, uint32_t *pixels, int width, int y);

/* cirrus-blt.c */
extern const VMStateDescription vmstate_cirrus_blt;
/* Starts a transfer by the registers; does it, unless it takes its data from the CPU. */
void cirrus_blt_start(CirrusState *c);
void cirrus_blt_reset(CirrusState *c);
/* A byte that the CPU wrote to video memory; false: no transfer waits for it. */
bool cirrus_blt_feed(CirrusState *c, uint32_t addr, uint8_t val);

static inline bool cirrus_extended(const CirrusState *c)
{
    return c->vga.seq[SR_MODE] & MODE_EXTENDED;
}

#endif
