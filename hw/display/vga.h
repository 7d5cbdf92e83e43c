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

/* Register indices. Those above VGA_..._STANDARD belong to a chip's extensions. */
enum { VGA_SEQ_STANDARD = 8, VGA_GC_STANDARD = 16 };
enum { VGA_SEQ_COUNT = 32, VGA_GC_COUNT = 64, VGA_ATTR_COUNT = 0x15, VGA_CRTC_COUNT = 0x100 };
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
enum { ATTR_MODE_GRAPHICS = 0x01, ATTR_MODE_MONO = 0x02, ATTR_MODE_LINE_GRAPHICS = 0x04,
       ATTR_MODE_BLINK = 0x08, ATTR_MODE_SPLIT_UNPANNED = 0x20, ATTR_MODE_PALETTE_45 = 0x80 };
enum { ATTR_INDEX_VIDEO_ON = 0x20 };
enum { CRTC_H_TOTAL = 0x00, CRTC_H_DISPLAY = 0x01, CRTC_OVERFLOW = 0x07, CRTC_V_TOTAL = 0x06,
       CRTC_PRESET_ROW_SCAN = 0x08, CRTC_MAX_SCAN = 0x09, CRTC_CURSOR_START = 0x0a,
       CRTC_CURSOR_END = 0x0b, CRTC_START_HIGH = 0x0c, CRTC_START_LOW = 0x0d,
       CRTC_CURSOR_HIGH = 0x0e, CRTC_CURSOR_LOW = 0x0f, CRTC_V_SYNC_START = 0x10,
       CRTC_V_SYNC_END = 0x11, CRTC_V_DISPLAY = 0x12, CRTC_OFFSET = 0x13, CRTC_UNDERLINE = 0x14,
       CRTC_MODE = 0x17, CRTC_LINE_COMPARE = 0x18 };
enum { CRTC_MAX_SCAN_DOUBLE = 0x80, CRTC_UNDERLINE_DWORD = 0x40 };
/* CRTC_MODE: row scan counter bits 0 and 1 are not used as address bits 13 and 14; ... */
enum { CRTC_MODE_NO_ROW_SCAN_0 = 0x01, CRTC_MODE_NO_ROW_SCAN_1 = 0x02,
       CRTC_MODE_V_CLOCK_HALF = 0x04, CRTC_MODE_BYTE = 0x40 };
enum { MISC_COLOR = 0x01, MISC_CLOCK_SHIFT = 2 };

/* Bochs dispi registers. */
enum {
    VBE_ID, VBE_XRES, VBE_YRES, VBE_BPP, VBE_ENABLE, VBE_BANK, VBE_VIRT_WIDTH, VBE_VIRT_HEIGHT,
    VBE_X_OFFSET, VBE_Y_OFFSET, VBE_COUNT, VBE_VIDEO_MEMORY_64K = VBE_COUNT,
};
enum { VBE_ENABLED = 0x01, VBE_GETCAPS = 0x02, VBE_8BIT_DAC = 0x20, VBE_LFB = 0x40,
       VBE_NO_CLEAR = 0x80 };

enum { VGA_PORTS_BASE = 0x3b0, VGA_PORTS_SIZE = 0x30, VGA_WINDOW_BASE = 0xa0000,
       VGA_WINDOW_SIZE = 0x20000, VGA_PORT_RANGES = 5, VBE_PORT_BASE = 0x1ce,
       VGA_BANKS = 2, VGA_BANK_SIZE = 0x8000, VGA_PLANES_SIZE = 0x40000 };

typedef struct VGAState VGAState;

/* How pixels lie in memory. */
typedef enum VGAFormat {
    VGA_TEXT, VGA_PLANAR, VGA_CGA4, VGA_INDEX8, VGA_RGB15, VGA_RGB16, VGA_RGB24, VGA_RGB32,
} VGAFormat;

/* The picture that the registers describe. Addresses count bytes of video memory. */
typedef struct VGAScreen {
    VGAFormat format;
    uint32_t blank;         /* nothing is shown */
    uint32_t big_endian;    /* VGA_RGB...: most significant byte first */
    int width, height;      /* of the surface */
    uint32_t pixel_dots;    /* surface pixels per pixel of memory: 1, 2 or 4 */
    uint32_t line_repeat;   /* surface lines per line of memory */
    uint32_t row_lines;     /* lines that show the same row address: a character's height */
    uint32_t first_line;    /* the line of its row with which the first row begins */
    uint32_t start, pitch;  /* the first row's address, and from row to row */
    uint32_t address_mask;  /* where addresses wrap; below vram_size */
    uint32_t panning;       /* pixels of memory that are skipped at the left edge */
    uint32_t split;         /* the surface line where the address starts again from split_start */
    uint32_t split_start, split_panning;
    uint32_t row_bit[2];    /* address bits replaced by bits 0 and 1 of the line within its row */
    uint32_t columns, char_dots; /* VGA_TEXT */
    uint32_t text_look;     /* VGA_TEXT: registers that change how every cell looks */
} VGAScreen;

/* A cursor that the chip draws over the picture. */
typedef struct VGACursor {
    int y, height;          /* the surface lines it covers; height 0: none */
    uint32_t key[4];        /* whatever decides how these lines look; a change redraws them */
} VGACursor;

/* What a chip has beyond a VGA. Any function may be NULL. */
typedef struct VGAChip {
    /* An access to ports 0x3b0 to 0x3df, a byte each; false: it is the VGA's own. */
    bool (*port_read)(VGAState *s, unsigned port, uint8_t *val);
    bool (*port_write)(VGAState *s, unsigned port, uint8_t val);
    /* An access to the window, addr from VGA_WINDOW_BASE; false: it is the VGA's own. */
    bool (*window_read)(VGAState *s, uint32_t addr, uint8_t *val);
    bool (*window_write)(VGAState *s, uint32_t addr, uint8_t val);
    /* The place in video memory, by banks, of an offset in the window as mapped. */
    uint32_t (*bank)(const VGAState *s, uint32_t offset);
    /* CPU accesses pass unchanged; NULL: vga_chain4_is_plain(). */
    bool (*plain)(const VGAState *s);
    /* Changes what the VGA's registers alone make of the screen. */
    void (*screen)(const VGAState *s, VGAScreen *screen);
    /* The cursor, and drawing it over a line of width surface pixels. */
    void (*cursor)(const VGAState *s, VGACursor *cursor);
    void (*draw_cursor)(const VGAState *s, uint32_t *pixels, int width, int y);
} VGAChip;

struct VGAState {
    DeviceState *owner;
    const VGAChip *chip;
    Clock *clock;
    Console *console;
    MemoryRegion vram;
    uint8_t *vram_ptr;
    uint32_t vram_size;
    MemoryRegion ports, port_ranges[VGA_PORT_RANGES], vbe_ports;
    MemoryRegion window;        /* 0xa0000, through the planes' logic */
    MemoryRegion banks[VGA_BANKS]; /* over it: plain memory, in modes where it is that */

    uint8_t misc, feature;
    uint8_t seq_index, seq[VGA_SEQ_COUNT];
    uint8_t gc_index, gc[VGA_GC_COUNT];
    uint8_t attr_index, attr[VGA_ATTR_COUNT];
    bool attr_data;             /* the next write to 3C0 is data */
    uint8_t crtc_index, crtc[VGA_CRTC_COUNT];
    uint8_t dac_mask, dac_state, dac_component, dac_read_index, dac_write_index;
    uint8_t dac_latch[3], dac[256 * 3];
    uint32_t latch;             /* a byte for each plane, plane 0 lowest */
    uint16_t start_before;      /* CRTC start address until the retrace after start_time */
    int64_t start_time;
    uint16_t vbe_index, vbe[VBE_COUNT];
    bool big_endian;            /* byte order of VBE modes */

    /* What the surface shows; not state. */
    struct {
        VGAScreen screen;       /* the one drawn last */
        VGACursor cursor;
        bool redraw;
        uint32_t palette[256];  /* x8r8g8b8 of each DAC index */
        uint8_t attr_colors[16];/* DAC index of each attribute color */
        uint32_t *cells;        /* text: character, attribute and state of each cell drawn */
        size_t cell_count;
        struct {
            uint32_t start, cursor, cursor_shown, blink, character_map;
        } text;                 /* what changes without a write to memory */
        uint32_t font_sum;      /* of the fonts in use, when they were drawn last */
        uint32_t *line;         /* a line being drawn */
        uint8_t *dirty_pages;
    } draw;
};

extern const VMStateDescription vmstate_vga;

/* What vgamem_mb=, in MiB, gives: a power of two, 1 MiB to 512 MiB. */
uint32_t vga_memory_size(uint32_t mb);
/* vram_size: a power of two, at least 256 KiB. chip is constant data. */
bool vga_init(VGAState *s, DeviceState *owner, const VGAChip *chip, uint32_t vram_size,
              Error **errp);
void vga_deinit(VGAState *s);
void vga_reset(VGAState *s);
/* Maps the ports and the window at 0xa0000. */
void vga_map_legacy(VGAState *s, MemoryRegion *memory, MemoryRegion *io);
/* Maps the Bochs ports 0x1ce to 0x1d0. */
void vga_map_vbe(VGAState *s, MemoryRegion *io);

/* A register by its port, 0x3b0 to 0x3df. */
uint8_t vga_port_read(VGAState *s, unsigned port);
void vga_port_write(VGAState *s, unsigned port, uint8_t val);

/* vga-mem.c: the window at 0xa0000. */
extern const MemoryRegionOps vga_window_ops;
/* Registers changed: which kind of memory the window is. */
void vga_update_window(VGAState *s);
/* Chain-4 with write mode 0 and nothing set, rotated, combined or masked. */
bool vga_chain4_is_plain(const VGAState *s);

/* vga-vbe.c: the chip of the adapters with the Bochs display interface. */
extern const VGAChip vga_bochs;
uint16_t vga_vbe_read(VGAState *s, unsigned index);
void vga_vbe_write(VGAState *s, unsigned index, uint16_t val);
extern const MemoryRegionOps vga_vbe_port_ops;
static inline bool vga_vbe_active(const VGAState *s)
{
    return s->vbe[VBE_ENABLE] & VBE_ENABLED;
}

/* vga-crtc.c: the beam, and what it shows. */
/* Input status register 1. */
uint8_t vga_input_status_1(const VGAState *s);
/* Before the start address registers change: the beam shows the old one until it retraces. */
void vga_latch_start(VGAState *s);
/* The screen by all registers, the chip's too. */
void vga_screen(const VGAState *s, VGAScreen *screen);

/* Steps through the surface lines of a screen, from top to bottom. */
typedef struct VGALine {
    uint32_t row;           /* its row's address */
    uint32_t line;          /* within the row */
    uint32_t panning;
    int y;
    uint32_t repeat;
} VGALine;
void vga_line_first(VGALine *l, const VGAScreen *screen);
void vga_line_next(VGALine *l, const VGAScreen *screen);
/* The address of its first pixel (or character). */
uint32_t vga_line_address(const VGALine *l, const VGAScreen *screen);

/* vga-draw.c, vga-text.c */
extern const ConsoleOps vga_console_ops;
void vga_draw_text(VGAState *s, VGAScreen *screen);
bool vga_screen_text(void *opaque, GString *out);
bool vga_screen_cells(void *opaque, TextScreen *out);
/* Makes the surface fit; true if all must be drawn anew. */
bool vga_begin_screen(VGAState *s, const VGAScreen *screen);
/* One phase of blinking: period_ms is both phases' length. */
bool vga_blink_phase(const VGAState *s, int period_ms);
/* Nanoseconds to the next one. */
int64_t vga_next_blink(const VGAState *s, int period_ms);
enum { VGA_BLINK_MS = 1066 };

/* Fields of several registers. */
static inline unsigned vga_v_display(const VGAState *s)
{
    unsigned lines = (s->crtc[CRTC_V_DISPLAY] | (s->crtc[CRTC_OVERFLOW] & 0x02) << 7 |
                      (s->crtc[CRTC_OVERFLOW] & 0x40) << 3) + 1;
    return s->crtc[CRTC_MODE] & CRTC_MODE_V_CLOCK_HALF ? lines * 2 : lines;
}

static inline unsigned vga_start_address(const VGAState *s)
{
    return s->crtc[CRTC_START_HIGH] << 8 | s->crtc[CRTC_START_LOW];
}

#endif
