/*
 * The blitter of a CL-GD5446: see cirrus.h; manual, "BitBLT Engine".
 *
 * A transfer is done line by line. For each line its source is made (pixels from video memory or
 * from the CPU, a pattern's line, bits expanded to two colors, one color), combined with the
 * destination by the raster operation and written, all of it or where it is not transparent. A
 * line's source is read before its destination is written. Addresses wrap at the memory's end.
 *
 * A transfer from video memory is done at once. One from the CPU waits: each line (of whole
 * doublewords, or of whole bytes or doublewords of bits) or the pattern is used when it is complete.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "hw/display/cirrus.h"
#include "util/log.h"
#include "util/trace.h"

TRACE_EVENT(cirrus_blt_start, "mode 0x%02x rop 0x%02x %ux%u from 0x%x to 0x%x");
TRACE_EVENT(cirrus_blt_reset, "%u lines left");

enum { PATTERN_LINES = 8, PATTERN_PIXELS = 8 };

/* A line under way: its source or what came out, and a mask of the bytes that are written. */
typedef struct Line {
    uint8_t data[CIRRUS_BLT_MAX_WIDTH], dst[CIRRUS_BLT_MAX_WIDTH], mask[CIRRUS_BLT_MAX_WIDTH];
    bool masked;        /* not all of them are */
} Line;

/* --- raster operations ------------------------------------------------------------------------ */

/* Result bits: 0 source and destination are 0; 1 destination is 1; 2 source is 1; 3 both are. */
static const struct {
    uint8_t code, result;
} raster_operations[] = {
    { 0x00, 0x0 }, { 0x05, 0x8 }, { 0x06, 0xa }, { 0x09, 0x4 }, { 0x0b, 0x5 }, { 0x0d, 0xc },
    { 0x0e, 0xf }, { 0x50, 0x2 }, { 0x59, 0x6 }, { 0x6d, 0xe }, { 0x90, 0x1 }, { 0x95, 0x9 },
    { 0xad, 0xd }, { 0xd0, 0x3 }, { 0xd6, 0xb }, { 0xda, 0x7 },
};
enum { RESULT_DESTINATION = 0xa, RESULT_SOURCE = 0xc };

/* Codes that do not exist leave the destination alone. */
static uint8_t result_of(uint8_t code)
{
    for (size_t i = 0; i < G_N_ELEMENTS(raster_operations); i++) {
        if (raster_operations[i].code == code) {
            return raster_operations[i].result;
        }
    }
    return RESULT_DESTINATION;
}

static void combine(uint8_t result, Line *line, uint32_t width)
{
    uint8_t when[4];

    for (unsigned i = 0; i < 4; i++) {
        when[i] = result >> i & 1 ? 0xff : 0;
    }
    for (uint32_t i = 0; i < width; i++) {
        uint8_t s = line->data[i], d = line->dst[i];
        line->data[i] = (~s & ~d & when[0]) | (~s & d & when[1]) | (s & ~d & when[2]) |
                        (s & d & when[3]);
    }
}

/* --- video memory ----------------------------------------------------------------------------- */

static void read_memory(const VGAState *s, uint32_t addr, uint8_t *buf, uint32_t len)
{
    addr &= s->vram_size - 1;
    uint32_t first = MIN(len, s->vram_size - addr);

    memcpy(buf, s->vram_ptr + addr, first);
    memcpy(buf + first, s->vram_ptr, len - first);
}

static void write_memory(VGAState *s, uint32_t addr, const uint8_t *buf, uint32_t len)
{
    addr &= s->vram_size - 1;
    uint32_t first = MIN(len, s->vram_size - addr);

    memcpy(s->vram_ptr + addr, buf, first);
    memory_region_set_dirty(&s->vram, addr, first);
    if (len > first) {
        memcpy(s->vram_ptr, buf + first, len - first);
        memory_region_set_dirty(&s->vram, 0, len - first);
    }
}

/* --- what the mode says ----------------------------------------------------------------------- */

static unsigned pixel_bytes(const CirrusBlt *b)
{
    return ((b->mode & BLT_DEPTH) >> 4) + 1;
}

/* Pixels at the left of each line that are not written. */
static uint32_t clipped_pixels(const CirrusBlt *b)
{
    return pixel_bytes(b) == 3 ? (b->clip & 0x1f) / 3 : b->clip & 7;
}

static bool is_solid(const CirrusBlt *b)
{
    const uint8_t kind = BLT_FROM_SYSTEM | BLT_PATTERN | BLT_EXPAND | BLT_TRANSPARENT;
    return (b->extensions & BLT_EXT_SOLID) && (b->mode & kind) == (BLT_PATTERN | BLT_EXPAND);
}

static bool is_backward(const CirrusBlt *b)
{
    return (b->mode & BLT_BACKWARD) && !(b->mode & (BLT_PATTERN | BLT_EXPAND | BLT_FROM_SYSTEM));
}

/* Bytes of a line of bits. */
static uint32_t bits_bytes(const CirrusBlt *b)
{
    uint32_t bits = (b->width + pixel_bytes(b) - 1) / pixel_bytes(b);
    return b->extensions & BLT_EXT_DWORD ? (bits + 31) / 32 * 4 : (bits + 7) / 8;
}

/* Bytes from line to line of a pattern of pixels; three of their bytes are padded to four. */
static uint32_t pattern_pitch(const CirrusBlt *b)
{
    unsigned bytes = pixel_bytes(b);
    return PATTERN_PIXELS * (bytes == 3 ? 4 : bytes);
}

/* --- a line's source -------------------------------------------------------------------------- */

static void put_color(uint8_t *at, uint32_t color, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        at[i] = color >> (8 * i);
    }
}

/* bits is a line of them, of which mask says how often it repeats: bit n is at n & mask. */
static void expand(const CirrusBlt *b, const uint8_t *bits, uint32_t mask, Line *line)
{
    bool transparent = b->mode & BLT_TRANSPARENT, invert = b->extensions & BLT_EXT_INVERT;
    unsigned bytes = pixel_bytes(b);

    for (uint32_t n = 0, at = 0; at < b->width; n++, at += bytes) {
        unsigned bit = bits[(n & mask) / 8] >> (7 - n % 8) & 1, size = MIN(bytes, b->width - at);
        if (transparent) {
            memset(line->mask + at, bit != invert ? 0xff : 0, size);
            bit = !invert;
        }
        put_color(line->data + at, bit ? b->fg : b->bg, size);
    }
    line->masked |= transparent;
}

static void repeat_pattern(const CirrusBlt *b, const uint8_t *pixels, Line *line)
{
    uint32_t period = PATTERN_PIXELS * pixel_bytes(b);

    for (uint32_t at = 0; at < b->width; at++) {
        line->data[at] = pixels[at % period];
    }
}

static void fill(const CirrusBlt *b, Line *line)
{
    unsigned bytes = pixel_bytes(b);

    for (uint32_t at = 0; at < b->width; at++) {
        line->data[at] = b->fg >> (8 * (at % bytes));
    }
}

/* What the CPU gave, or else bytes of video memory. */
static const uint8_t *source_bytes(const CirrusState *c, const uint8_t *given, uint32_t addr,
                                   uint32_t len, uint8_t *buf)
{
    if (given) {
        return given;
    }
    read_memory(&c->vga, addr, buf, len);
    return buf;
}

/* given: the CPU's line or pattern; NULL: from video memory. y counts from the first line. */
static void make_source(const CirrusState *c, const uint8_t *given, uint32_t y, Line *line)
{
    const CirrusBlt *b = &c->blt;
    uint32_t row = (b->src + y) % PATTERN_LINES, pitch = pattern_pitch(b);
    uint8_t buf[CIRRUS_BLT_MAX_WIDTH];

    if (is_solid(b)) {
        fill(b, line);
    } else if ((b->mode & BLT_PATTERN) && (b->mode & BLT_EXPAND)) {
        expand(b, source_bytes(c, given, b->src & -PATTERN_LINES, PATTERN_LINES, buf) + row,
               PATTERN_PIXELS - 1, line);
    } else if (b->mode & BLT_PATTERN) {
        uint32_t len = PATTERN_LINES * pitch; /* at a multiple of it; the line is in bits 2 to 0 */
        repeat_pattern(b, source_bytes(c, given, b->src & -len, len, buf) + row * pitch, line);
    } else if (b->mode & BLT_EXPAND) {
        uint32_t len = bits_bytes(b);
        expand(b, source_bytes(c, given, b->src + y * len, len, buf), UINT32_MAX, line);
    } else {
        uint32_t addr = b->src + y * (uint32_t)b->src_pitch;
        memcpy(line->data, source_bytes(c, given, addr, b->width, buf), b->width);
    }
}

/* --- a line's destination --------------------------------------------------------------------- */

/* Pixels that came out as the transparent color are not written. */
static void apply_key(const CirrusBlt *b, Line *line)
{
    unsigned bytes = pixel_bytes(b);

    for (uint32_t at = 0; at + bytes <= b->width; at += bytes) {
        bool same = line->data[at] == (b->key & 0xff) &&
                    (bytes == 1 || line->data[at + 1] == b->key >> 8);
        memset(line->mask + at, same ? 0 : 0xff, bytes);
    }
    line->masked = true;
}

static void apply_clip(const CirrusBlt *b, Line *line)
{
    uint32_t bytes = MIN(clipped_pixels(b) * pixel_bytes(b), b->width);

    memset(line->mask, 0, bytes);
    line->masked |= bytes > 0;
}

static void do_line(CirrusState *c, const uint8_t *given, uint32_t y, uint32_t dst)
{
    const CirrusBlt *b = &c->blt;
    uint8_t result = result_of(b->rop);
    Line line;

    line.masked = false;
    memset(line.mask, 0xff, b->width);
    make_source(c, given, y, &line);
    read_memory(&c->vga, dst, line.dst, b->width);
    if (result != RESULT_SOURCE) {
        combine(result, &line, b->width);
    }
    if ((b->mode & (BLT_TRANSPARENT | BLT_EXPAND)) == BLT_TRANSPARENT) {
        apply_key(b, &line);
    }
    if ((b->mode & (BLT_PATTERN | BLT_EXPAND)) && !is_solid(b)) {
        apply_clip(b, &line);
    }
    for (uint32_t i = 0; line.masked && i < b->width; i++) {
        line.data[i] = (line.data[i] & line.mask[i]) | (line.dst[i] & ~line.mask[i]);
    }
    write_memory(&c->vga, dst, line.data, b->width);
}

static void do_lines(CirrusState *c, const uint8_t *given)
{
    CirrusBlt *b = &c->blt;

    for (uint32_t y = 0; y < b->height; y++) {
        do_line(c, given, y, b->dst + y * (uint32_t)b->dst_pitch);
    }
}

/* --- the CPU's data --------------------------------------------------------------------------- */

static void finish(CirrusState *c)
{
    c->blt.active = false;
    c->vga.gc[GR_BLT_STATUS] &= ~(BLT_STATUS_BUSY | BLT_STATUS_START | BLT_STATUS_FIFO);
}

/* Bytes of a line, or of the pattern. */
static uint32_t unit_of(const CirrusBlt *b)
{
    if (b->mode & BLT_PATTERN) {
        return PATTERN_LINES * (b->mode & BLT_EXPAND ? 1 : pattern_pitch(b));
    }
    return b->mode & BLT_EXPAND ? bits_bytes(b) : (b->width + 3) & ~3u;
}

static void begin_feed(CirrusState *c)
{
    CirrusBlt *b = &c->blt;

    b->unit = unit_of(b);
    b->fill = b->given = 0;
    b->active = true;
    c->vga.gc[GR_BLT_STATUS] |= BLT_STATUS_BUSY;
    cirrus_update_memory(c);
}

/* A line or the pattern is complete. */
static void use_data(CirrusState *c)
{
    CirrusBlt *b = &c->blt;

    b->fill = 0;
    if (b->mode & BLT_PATTERN) {
        do_lines(c, b->data);
        b->height = 0;
    } else {
        do_line(c, b->data, 0, b->dst);
        b->dst += (uint32_t)b->dst_pitch;
        b->height--;
    }
    if (b->height == 0) {
        b->pad = -b->given & 3;
        finish(c);
        cirrus_update_memory(c);
    }
}

bool cirrus_blt_feed(CirrusState *c, uint32_t addr, uint8_t val)
{
    CirrusBlt *b = &c->blt;

    if (b->active) {
        b->data[b->fill++] = val;
        b->given++;
        if (b->fill == b->unit) {
            use_data(c);
        }
        return true;
    }
    if (!b->pad) {
        return false;
    }
    /* The rest of the doubleword that had the last byte belongs to no pixel. */
    bool rest = addr & 3;
    b->pad = rest ? b->pad - 1 : 0;
    if (!b->pad) {
        cirrus_update_memory(c);
    }
    return rest;
}

/* --- starting --------------------------------------------------------------------------------- */

static uint32_t field(const uint8_t *gr, unsigned index, uint32_t mask)
{
    return (gr[index] | gr[index + 1] << 8 | (uint32_t)gr[index + 2] << 16) & mask;
}

static uint32_t color(const uint8_t *gr, unsigned first, unsigned second)
{
    return gr[first] | gr[second] << 8 | gr[second + 2] << 16 | (uint32_t)gr[second + 4] << 24;
}

static void latch_registers(CirrusState *c)
{
    const uint8_t *gr = c->vga.gc;
    CirrusBlt *b = &c->blt;

    b->mode = gr[GR_BLT_MODE];
    b->extensions = gr[GR_BLT_EXTENSIONS];
    b->rop = gr[GR_BLT_ROP];
    b->clip = gr[GR_BLT_CLIP];
    b->key = gr[GR_BLT_KEY] | gr[GR_BLT_KEY + 1] << 8;
    b->width = field(gr, GR_BLT_WIDTH, 0x1fff) + 1;
    b->height = field(gr, GR_BLT_HEIGHT, 0x1fff) + 1;
    b->dst_pitch = field(gr, GR_BLT_DST_PITCH, 0x1fff);
    b->src_pitch = field(gr, GR_BLT_SRC_PITCH, 0x1fff);
    b->dst = field(gr, GR_BLT_DST, 0x3fffff);
    b->src = field(gr, GR_BLT_SRC, 0x3fffff);
    b->fg = color(gr, GC_ENABLE_SET_RESET, GR_FG_1);
    b->bg = color(gr, GC_SET_RESET, GR_BG_1);
    b->pad = 0;
    if (is_backward(b)) {
        /* The addresses are those of the last bytes; a line's order does not matter. */
        b->dst -= b->width - 1;
        b->src -= b->width - 1;
        b->dst_pitch = -b->dst_pitch;
        b->src_pitch = -b->src_pitch;
    }
    if ((b->mode & BLT_PATTERN) && (b->mode & BLT_FROM_SYSTEM)) {
        b->src = 0; /* the pattern is given from its first line */
    }
}

static bool is_possible(const CirrusBlt *b)
{
    const char *why = NULL;

    if (b->mode & BLT_TO_SYSTEM) {
        why = "to the CPU";
    } else if ((b->mode & (BLT_TRANSPARENT | BLT_EXPAND)) == BLT_TRANSPARENT && pixel_bytes(b) > 2) {
        why = "transparent with more than 16 bits";
    } else if ((b->mode & BLT_FROM_SYSTEM) && (b->mode & BLT_BACKWARD)) {
        why = "from the CPU backward";
    }
    if (why) {
        log_mask(LOG_GUEST_ERROR, "cirrus: there is no transfer %s\n", why);
    }
    return !why;
}

void cirrus_blt_start(CirrusState *c)
{
    CirrusBlt *b = &c->blt;

    latch_registers(c);
    trace(cirrus_blt_start, b->mode, b->rop, b->width, b->height, b->src, b->dst);
    if (!c->blitter || !is_possible(b)) {
        cirrus_blt_reset(c);
    } else if (b->mode & BLT_FROM_SYSTEM) {
        begin_feed(c);
    } else {
        do_lines(c, NULL);
        finish(c);
        cirrus_update_memory(c);
    }
}

void cirrus_blt_reset(CirrusState *c)
{
    trace(cirrus_blt_reset, c->blt.active ? c->blt.height : 0);
    memset(&c->blt, 0, sizeof(c->blt));
    finish(c);
    cirrus_update_memory(c);
}

/* --- state ------------------------------------------------------------------------------------ */

static bool blt_post_load(void *opaque, Error **errp)
{
    CirrusBlt *b = opaque;

    if (b->active && (b->width < 1 || b->width > CIRRUS_BLT_MAX_WIDTH || b->height < 1 ||
                      b->height > CIRRUS_BLT_MAX_WIDTH || b->unit != unit_of(b) ||
                      b->fill >= b->unit)) {
        error_setg(errp, "cirrus: a transfer of %u times %u bytes with %u of %u given cannot be",
                   b->width, b->height, b->fill, b->unit);
        return false;
    }
    b->pad &= 3;
    return true;
}

static const VMStateField blt_fields[] = {
    VMSTATE_BOOL(active, CirrusBlt),
    VMSTATE_UINT8(mode, CirrusBlt),
    VMSTATE_UINT8(extensions, CirrusBlt),
    VMSTATE_UINT8(rop, CirrusBlt),
    VMSTATE_UINT8(clip, CirrusBlt),
    VMSTATE_UINT16(key, CirrusBlt),
    VMSTATE_UINT32(width, CirrusBlt),
    VMSTATE_UINT32(height, CirrusBlt),
    VMSTATE_UINT32(dst, CirrusBlt),
    VMSTATE_UINT32(src, CirrusBlt),
    VMSTATE_INT32(dst_pitch, CirrusBlt),
    VMSTATE_INT32(src_pitch, CirrusBlt),
    VMSTATE_UINT32(fg, CirrusBlt),
    VMSTATE_UINT32(bg, CirrusBlt),
    VMSTATE_UINT32(unit, CirrusBlt),
    VMSTATE_UINT32(fill, CirrusBlt),
    VMSTATE_UINT32(given, CirrusBlt),
    VMSTATE_UINT8(pad, CirrusBlt),
    VMSTATE_UINT8_ARRAY(data, CirrusBlt, CIRRUS_BLT_MAX_WIDTH),
    VMSTATE_END
};

const VMStateDescription vmstate_cirrus_blt = {
    .name = "cirrus-blt", .version = 1, .fields = blt_fields, .post_load = blt_post_load,
};
