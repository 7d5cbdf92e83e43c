/*
 * The VGA's CRT controller: where the beam is, and which memory it shows. See
 * vga.h; IBM reference, "CRT Controller".
 *
 * A row address counts characters (of 8 dots, or of a cell) through memory;
 * the memory holds a character's four bytes together, so word and doubleword
 * addressing, which skip what odd/even and chain-4 leave free, come out the
 * same as byte addressing. Only the address bits that the row scan counter
 * replaces have another place in each. Counting by two and four, and nine
 * dots in graphics modes, are not modelled.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "hw/display/vga.h"

enum { ST01_DISPLAY_OFF = 0x01, ST01_V_RETRACE = 0x08 };

/* --- the beam ------------------------------------------------------------------------- */

/* A frame, in lines and characters. */
typedef struct Timing {
    uint32_t clock, dots;             /* Hz; dots a character */
    uint64_t h_total, v_total;
    uint32_t v_display, sync, sync_lines;
} Timing;

static Timing timing(const VGAState *s)
{
    static const uint32_t clocks[4] = { 25175000, 28322000, 25175000, 25175000 };
    unsigned half = s->seq[SEQ_CLOCK_MODE] & SEQ_CLOCK_HALF ? 2 : 1;
    uint8_t overflow = s->crtc[CRTC_OVERFLOW];
    unsigned v_high = (overflow & 0x01) << 8 | (overflow & 0x20) << 4;
    unsigned shift = s->crtc[CRTC_MODE] & CRTC_MODE_V_CLOCK_HALF ? 1 : 0;
    unsigned sync = s->crtc[CRTC_V_SYNC_START] | (overflow & 0x04) << 6 | (overflow & 0x80) << 2;

    return (Timing){
        .clock = clocks[(s->misc >> MISC_CLOCK_SHIFT) & 3] / half,
        .dots = s->seq[SEQ_CLOCK_MODE] & SEQ_CLOCK_8DOT ? 8 : 9,
        .h_total = s->crtc[CRTC_H_TOTAL] + 5,
        .v_total = ((uint64_t)(s->crtc[CRTC_V_TOTAL] | v_high) + 2) << shift,
        .v_display = vga_v_display(s),
        .sync = sync << shift,
        .sync_lines = ((s->crtc[CRTC_V_SYNC_END] - sync) & 0x0f) << shift,
    };
}

/* Characters that the beam has passed since the clock began. */
static uint64_t beam(const VGAState *s, const Timing *t)
{
    return muldiv64(clock_get_ns(s->clock), t->clock, NS_PER_SECOND) / t->dots;
}

uint8_t vga_input_status_1(const VGAState *s)
{
    Timing t = timing(s);
    uint64_t at = beam(s, &t);
    uint64_t line = at / t.h_total % t.v_total, column = at % t.h_total;
    uint8_t status = 0;

    if (line >= t.v_display || column > s->crtc[CRTC_H_DISPLAY]) {
        status |= ST01_DISPLAY_OFF;
    }
    if (line >= t.sync && line < t.sync + t.sync_lines) {
        status |= ST01_V_RETRACE;
    }
    return status;
}

/* When the last vertical retrace began; before the clock began, if there was none. */
static int64_t last_retrace(const VGAState *s)
{
    Timing t = timing(s);
    uint64_t frame = t.h_total * t.v_total;
    uint64_t sync = MIN(t.sync, t.v_total - 1) * t.h_total;
    uint64_t since = (beam(s, &t) % frame + frame - sync) % frame;

    return clock_get_ns(s->clock) - (int64_t)muldiv64(since * t.dots, NS_PER_SECOND, t.clock);
}

void vga_latch_start(VGAState *s)
{
    if (last_retrace(s) >= s->start_time) {
        s->start_before = vga_start_address(s);
    }
    s->start_time = clock_get_ns(s->clock);
}

/* --- the screen ------------------------------------------------------------------------- */

static uint32_t shown_start(const VGAState *s)
{
    return last_retrace(s) >= s->start_time ? vga_start_address(s) : s->start_before;
}

static VGAFormat format(const VGAState *s)
{
    if (!(s->gc[GC_MISC] & GC_MISC_GRAPHICS)) {
        return VGA_TEXT;
    }
    return s->gc[GC_MODE] & GC_MODE_SHIFT_256   ? VGA_INDEX8
           : s->gc[GC_MODE] & GC_MODE_SHIFT_CGA ? VGA_CGA4
                                                : VGA_PLANAR;
}

/* Pixels of memory; a character of nine dots begins with its last at 0. */
static uint32_t panning(const VGAState *s, const VGAScreen *screen)
{
    unsigned dots = s->attr[ATTR_PANNING];

    if (screen->format == VGA_TEXT && screen->char_dots == 9) {
        return dots >= 8 ? 0 : dots + 1;
    }
    dots = dots >= 8 ? 0 : dots;
    return screen->format == VGA_INDEX8 ? dots / 2 : dots;
}

/* Bits 13 and 14 of the address as it leaves the controller; words and doublewords shift it. */
static void set_row_bits(const VGAState *s, VGAScreen *screen)
{
    unsigned shift = s->crtc[CRTC_UNDERLINE] & CRTC_UNDERLINE_DWORD ? 2
                     : s->crtc[CRTC_MODE] & CRTC_MODE_BYTE          ? 0
                                                                    : 1;

    if (!(s->crtc[CRTC_MODE] & CRTC_MODE_NO_ROW_SCAN_0)) {
        screen->row_bit[0] = (UINT32_C(4) << 13) >> shift;
    }
    if (!(s->crtc[CRTC_MODE] & CRTC_MODE_NO_ROW_SCAN_1)) {
        screen->row_bit[1] = (UINT32_C(4) << 14) >> shift;
    }
}

/* The last surface line before the split screen. */
static uint32_t line_compare(const VGAState *s)
{
    uint32_t line = s->crtc[CRTC_LINE_COMPARE] | (s->crtc[CRTC_OVERFLOW] & 0x10) << 4 |
                    (s->crtc[CRTC_MAX_SCAN] & 0x40) << 3;
    return s->crtc[CRTC_MODE] & CRTC_MODE_V_CLOCK_HALF ? line * 2 + 1 : line;
}

static void set_addresses(const VGAState *s, VGAScreen *screen)
{
    bool fixed = s->attr[ATTR_MODE] & ATTR_MODE_SPLIT_UNPANNED;
    uint32_t bytes = (s->crtc[CRTC_PRESET_ROW_SCAN] >> 5 & 3) * 4;

    screen->first_line = s->crtc[CRTC_PRESET_ROW_SCAN] & 0x1f;
    screen->start = shown_start(s) * 4 + bytes;
    screen->pitch = s->crtc[CRTC_OFFSET] * 8;
    screen->address_mask = VGA_PLANES_SIZE - 1;
    screen->panning = panning(s, screen);
    screen->split = line_compare(s) + 1;
    screen->split_start = fixed ? 0 : bytes;
    screen->split_panning = fixed ? 0 : screen->panning;
    set_row_bits(s, screen);
}

static void set_size(const VGAState *s, VGAScreen *screen)
{
    unsigned half = s->seq[SEQ_CLOCK_MODE] & SEQ_CLOCK_HALF ? 2 : 1;

    screen->columns = s->crtc[CRTC_H_DISPLAY] + 1;
    screen->char_dots =
        screen->format != VGA_TEXT || (s->seq[SEQ_CLOCK_MODE] & SEQ_CLOCK_8DOT) ? 8 : 9;
    screen->width = screen->columns * screen->char_dots * half;
    screen->height = vga_v_display(s);
    screen->pixel_dots = screen->format == VGA_INDEX8 ? half * 2 : half;
    screen->row_lines = (s->crtc[CRTC_MAX_SCAN] & 0x1f) + 1;
    screen->line_repeat = s->crtc[CRTC_MAX_SCAN] & CRTC_MAX_SCAN_DOUBLE ? 2 : 1;
}

void vga_screen(const VGAState *s, VGAScreen *screen)
{
    *screen = (VGAScreen){
        .format = format(s),
        .blank = !(s->attr_index & ATTR_INDEX_VIDEO_ON) ||
                 (s->seq[SEQ_CLOCK_MODE] & SEQ_CLOCK_SCREEN_OFF),
    };
    set_size(s, screen);
    set_addresses(s, screen);
    if (s->chip->screen) {
        s->chip->screen(s, screen);
    }
}

/* --- its lines ---------------------------------------------------------------------------- */

void vga_line_first(VGALine *l, const VGAScreen *screen)
{
    *l = (VGALine){ .row = screen->start, .line = screen->first_line, .panning = screen->panning };
}

void vga_line_next(VGALine *l, const VGAScreen *screen)
{
    if ((uint32_t)++l->y == screen->split) {
        l->row = screen->split_start;
        l->line = l->repeat = 0;
        l->panning = screen->split_panning;
    } else if (++l->repeat == screen->line_repeat) {
        l->repeat = 0;
        if (l->line == screen->row_lines - 1) {
            l->line = 0;
            l->row += screen->pitch;
        } else {
            l->line = (l->line + 1) & 0x1f; /* the counter has five bits */
        }
    }
}

uint32_t vga_line_address(const VGALine *l, const VGAScreen *screen)
{
    uint32_t address = l->row;

    for (int i = 0; i < 2; i++) {
        if (screen->row_bit[i]) {
            address = (address & ~screen->row_bit[i]) | (l->line >> i & 1 ? screen->row_bit[i] : 0);
        }
    }
    return address & screen->address_mask;
}
