/*
 * The standard VGA with the Bochs VBE extension, without its bus.
 *
 * Manuals: IBM PS/2 Hardware Interface Technical Reference, "Video Subsystem";
 * the Bochs display interface ("VBE dispi"), version 0xb0c5.
 *
 * Video memory holds the four planes byte by byte: plane p of cell n is byte
 * 4 n + p. So chain-4 modes and the linear frame buffer are plain memory.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_DISPLAY_VGA_H
#define HW_DISPLAY_VGA_H

#include "hw/core/machine.h"
#include "memory/memory.h"
#include "ui/console.h"

/* Register indices. */
enum { VGA_SEQ_COUNT = 8, VGA_GC_COUNT = 16, VGA_ATTR_COUNT = 0x15, VGA_CRTC_COUNT = 0x100 };
enum { SEQ_RESET = 0, SEQ_CLOCK_MODE = 1, SEQ_PLANE_WRITE = 2, SEQ_CHARACTER_MAP = 3,
       SEQ_MEMORY_MODE = 4 };
enum { SEQ_CLOCK_8DOT = 0x01, SEQ_CLOCK_HALF = 0x08, SEQ_CLOCK_SCREEN_OFF = 0x20 };
enum { SEQ_MEMORY_ODD_EVEN_OFF = 0x04, SEQ_MEMORY_CHAIN4 = 0x08 };
enum { GC_SET_RESET = 0, GC_ENABLE_SET_RESET = 1, GC_COLOR_COMPARE = 2, GC_DATA_ROTATE = 3,
       GC_READ_PLANE = 4, GC_MODE = 5, GC_MISC = 6, GC_COLOR_DONT_CARE = 7, GC_BIT_MASK = 8 };
enum { GC_MODE_WRITE = 0x03, GC_MODE_READ1 = 0x08, GC_MODE_ODD_EVEN = 0x10,
       GC_MODE_SHIFT_256 = 0x40, GC_MODE_SHIFT_CGA = 0x20 };
enum { GC_MISC_GRAPHICS = 0x01, GC_MISC_MAP_SHIFT = 2 };
enum { ATTR_MODE = 0x10, ATTR_OVERSCAN = 0x11, ATTR_PLANE_ENABLE = 0x12, ATTR_PANNING = 0x13,
       ATTR_COLOR_SELECT = 0x14 };
enum { ATTR_MODE_LINE_GRAPHICS = 0x04, ATTR_MODE_BLINK = 0x08, ATTR_MODE_PALETTE_45 = 0x80 };
enum { ATTR_INDEX_VIDEO_ON = 0x20 };
enum { CRTC_H_TOTAL = 0x00, CRTC_H_DISPLAY = 0x01, CRTC_OVERFLOW = 0x07, CRTC_V_TOTAL = 0x06,
       CRTC_MAX_SCAN = 0x09, CRTC_CURSOR_START = 0x0a, CRTC_CURSOR_END = 0x0b,
       CRTC_START_HIGH = 0x0c, CRTC_START_LOW = 0x0d, CRTC_CURSOR_HIGH = 0x0e,
       CRTC_CURSOR_LOW = 0x0f, CRTC_V_SYNC_START = 0x10, CRTC_V_SYNC_END = 0x11,
       CRTC_V_DISPLAY = 0x12, CRTC_OFFSET = 0x13, CRTC_MODE = 0x17, CRTC_LINE_COMPARE = 0x18 };
enum { MISC_COLOR = 0x01, MISC_CLOCK_SHIFT = 2 };

/* Bochs dispi registers. */
enum {
    VBE_ID, VBE_XRES, VBE_YRES, VBE_BPP, VBE_ENABLE, VBE_BANK, VBE_VIRT_WIDTH, VBE_VIRT_HEIGHT,
    VBE_X_OFFSET, VBE_Y_OFFSET, VBE_COUNT, VBE_VIDEO_MEMORY_64K = VBE_COUNT,
};
enum { VBE_ENABLED = 0x01, VBE_GETCAPS = 0x02, VBE_8BIT_DAC = 0x20, VBE_LFB = 0x40,
       VBE_NO_CLEAR = 0x80 };

enum { VGA_PORTS_BASE = 0x3b0, VGA_PORTS_SIZE = 0x30, VGA_WINDOW_BASE = 0xa0000,
       VGA_WINDOW_SIZE = 0x20000, VGA_PORT_RANGES = 5, VBE_PORT_BASE = 0x1ce };

typedef struct VGAState {
    DeviceState *owner;
    Clock *clock;
    Console *console;
    MemoryRegion vram;
    uint8_t *vram_ptr;
    uint32_t vram_size;
    MemoryRegion ports, port_ranges[VGA_PORT_RANGES], vbe_ports;
    MemoryRegion window;        /* 0xa0000, through the planes' logic */
    MemoryRegion chain4;        /* over it: plain memory, in chain-4 modes */

    uint8_t misc, feature;
    uint8_t seq_index, seq[VGA_SEQ_COUNT];
    uint8_t gc_index, gc[VGA_GC_COUNT];
    uint8_t attr_index, attr[VGA_ATTR_COUNT];
    bool attr_data;             /* the next write to 3C0 is data */
    uint8_t crtc_index, crtc[VGA_CRTC_COUNT];
    uint8_t dac_mask, dac_state, dac_component, dac_read_index, dac_write_index;
    uint8_t dac_latch[3], dac[256 * 3];
    uint32_t latch;             /* a byte for each plane, plane 0 lowest */
    uint16_t vbe_index, vbe[VBE_COUNT];

    /* What the surface shows; not state. */
    struct {
        uint32_t mode_key[8];   /* parameters of the mode drawn last */
        bool redraw;
        uint32_t palette[256];  /* x8r8g8b8 of each DAC index */
        uint8_t attr_colors[16];/* DAC index of each attribute color */
        uint32_t *cells;        /* text: character, attribute and state of each cell drawn */
        size_t cell_count;
        uint32_t font_sum;      /* of plane 2, when it was drawn last */
        uint8_t *dirty_pages;
    } draw;
} VGAState;

extern const VMStateDescription vmstate_vga;

/* vram_size: a power of two, at least 256 KiB. */
bool vga_init(VGAState *s, DeviceState *owner, uint32_t vram_size, Error **errp);
void vga_deinit(VGAState *s);
void vga_reset(VGAState *s);
/* Maps the ports and the window at 0xa0000. */
void vga_map_legacy(VGAState *s, MemoryRegion *memory, MemoryRegion *io);

/* A register by its port, 0x3b0 to 0x3df. */
uint8_t vga_port_read(VGAState *s, unsigned port);
void vga_port_write(VGAState *s, unsigned port, uint8_t val);

/* vga-mem.c: the window at 0xa0000. */
extern const MemoryRegionOps vga_window_ops;
/* Mode registers changed: which kind of memory the window is. */
void vga_update_window(VGAState *s);

/* vga-vbe.c */
uint16_t vga_vbe_read(VGAState *s, unsigned index);
void vga_vbe_write(VGAState *s, unsigned index, uint16_t val);
extern const MemoryRegionOps vga_vbe_port_ops;
static inline bool vga_vbe_active(const VGAState *s)
{
    return s->vbe[VBE_ENABLE] & VBE_ENABLED;
}
/* Bytes from one line of the virtual screen to the next. */
uint32_t vga_vbe_line_bytes(const VGAState *s);

/* vga-draw.c, vga-text.c */
extern const ConsoleOps vga_console_ops;
void vga_draw_text(VGAState *s);
bool vga_screen_text(void *opaque, GString *out);
/* Remembers the mode's parameters; true if all must be drawn anew. */
bool vga_begin_mode(VGAState *s, const uint32_t key[8], int width, int height);

/* Fields of several registers. */
static inline unsigned vga_v_display(const VGAState *s)
{
    return (s->crtc[CRTC_V_DISPLAY] | (s->crtc[CRTC_OVERFLOW] & 0x02) << 7 |
            (s->crtc[CRTC_OVERFLOW] & 0x40) << 3) + 1;
}

static inline unsigned vga_line_compare(const VGAState *s)
{
    return s->crtc[CRTC_LINE_COMPARE] | (s->crtc[CRTC_OVERFLOW] & 0x10) << 4 |
           (s->crtc[CRTC_MAX_SCAN] & 0x40) << 3;
}

static inline unsigned vga_start_address(const VGAState *s)
{
    return s->crtc[CRTC_START_HIGH] << 8 | s->crtc[CRTC_START_LOW];
}

#endif
