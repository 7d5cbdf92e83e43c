/*
 * The blitter of the Cirrus CL-GD5446 against a model: one pixel's byte at a time, from the tables of
 * its Technical Reference Manual ("BitBLT Engine").
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/qtest/cirrus.h"

enum { BACKWARD = 0x01, TO_SYSTEM = 0x02, FROM_SYSTEM = 0x04, TRANSPARENT = 0x08, PATTERN = 0x40,
       EXPAND = 0x80 };
enum { DWORDS = 1, INVERT = 2, SOLID = 4 };
enum { BUSY = 1, START = 2, RESET = 4, AUTOSTART = 0x80 };

/* All transfers stay in AREA bytes of video memory from BASE on. */
enum { BASE = 0x123000, AREA = 0x8000 };

typedef struct Blt {
    uint8_t mode, extensions, rop, clip;
    uint16_t key;
    unsigned width, height, dst_pitch, src_pitch;
    uint32_t dst, src, fg, bg; /* dst and src within the area */
} Blt;

static const uint8_t rops[] = { 0x00, 0x05, 0x06, 0x09, 0x0b, 0x0d, 0x0e, 0x50,
                                0x59, 0x6d, 0x95, 0xad, 0xd0, 0xd6 };
static const uint8_t nor_and_nand[] = { 0x90, 0xda };

/* --- the model -------------------------------------------------------------------------------- */

static uint8_t operate(uint8_t rop, uint8_t s, uint8_t d)
{
    switch (rop) {
    case 0x00: return 0;
    case 0x05: return s & d;
    case 0x06: return d;
    case 0x09: return s & ~d;
    case 0x0b: return ~d;
    case 0x0d: return s;
    case 0x0e: return 0xff;
    case 0x50: return ~s & d;
    case 0x59: return s ^ d;
    case 0x6d: return s | d;
    case 0x90: return ~(s | d);
    case 0x95: return ~(s ^ d);
    case 0xad: return s | ~d;
    case 0xd0: return ~s;
    case 0xd6: return ~s | d;
    case 0xda: return ~(s & d);
    default: g_assert_not_reached();
    }
}

static unsigned depth(const Blt *b)
{
    return (b->mode >> 4 & 3) + 1;
}

static unsigned bits_line(const Blt *b)
{
    unsigned bits = (b->width + depth(b) - 1) / depth(b);
    return b->extensions & DWORDS ? (bits + 31) / 32 * 4 : (bits + 7) / 8;
}

/* The bytes that the CPU gives. */
static unsigned given_size(const Blt *b)
{
    if (b->mode & PATTERN) {
        return b->mode & EXPAND ? 8 : 8 * 8 * (depth(b) == 3 ? 4 : depth(b));
    }
    return (b->mode & EXPAND ? bits_line(b) : (b->width + 3) / 4 * 4) * b->height;
}

/* Patterns are at multiples of their size. */
static unsigned alignment(const Blt *b)
{
    return !(b->mode & PATTERN) ? 1 : b->mode & EXPAND ? 8 : 64 * (depth(b) == 3 ? 4 : depth(b));
}

/* Whether a pixel's bit is set; from is where bits or the pattern's lines begin. */
static bool bit_at(const Blt *b, const uint8_t *from, unsigned first, unsigned x, unsigned y)
{
    unsigned at = b->mode & PATTERN ? (first + y) % 8 : y * bits_line(b) + x / 8;
    return from[at] >> (7 - x % 8) & 1;
}

/* One byte of a line, i from its left. Returns false if it is not written. */
static bool source_byte(const Blt *b, const uint8_t *mem, const uint8_t *given, unsigned i,
                        unsigned y, uint8_t *val)
{
    unsigned bytes = depth(b), x = i / bytes, shift = i % bytes * 8;
    unsigned first = given ? 0 : b->src % 8;
    const uint8_t *from = given ? given : mem + b->src / alignment(b) * alignment(b);
    bool solid = (b->extensions & SOLID) &&
                 (b->mode & (FROM_SYSTEM | PATTERN | EXPAND | TRANSPARENT)) == (PATTERN | EXPAND);

    if (solid) {
        *val = b->fg >> shift;
        return true;
    }
    if (b->mode & (PATTERN | EXPAND) && x < (bytes == 3 ? (b->clip & 31u) / 3 : b->clip & 7u)) {
        return false;
    }
    if (b->mode & EXPAND) {
        bool set = bit_at(b, from, first, x, y), invert = b->extensions & INVERT;
        if (b->mode & TRANSPARENT) {
            *val = (invert ? b->bg : b->fg) >> shift;
            return set != invert;
        }
        *val = (set ? b->fg : b->bg) >> shift;
    } else if (b->mode & PATTERN) {
        *val = from[(first + y) % 8 * 8 * (bytes == 3 ? 4 : bytes) + i % (8 * bytes)];
    } else if (given) {
        *val = given[y * ((b->width + 3) / 4 * 4) + i];
    } else if (b->mode & BACKWARD) {
        *val = mem[b->src - y * b->src_pitch - (b->width - 1) + i];
    } else {
        *val = mem[b->src + y * b->src_pitch + i];
    }
    return true;
}

static bool is_key(const Blt *b, const uint8_t *out, unsigned i)
{
    unsigned bytes = depth(b), at = i / bytes * bytes;
    return (b->mode & (TRANSPARENT | EXPAND)) == TRANSPARENT && out[at] == (b->key & 0xff) &&
           (bytes == 1 || out[at + 1] == b->key >> 8);
}

static void model(const Blt *b, uint8_t *mem, const uint8_t *given)
{
    g_autofree uint8_t *out = g_malloc(b->width);
    g_autofree bool *written = g_new(bool, b->width);

    for (unsigned y = 0; y < b->height; y++) {
        bool backward = b->mode & BACKWARD;
        uint8_t *line = mem + (backward ? b->dst - y * b->dst_pitch - (b->width - 1)
                                        : b->dst + y * b->dst_pitch);
        for (unsigned i = 0; i < b->width; i++) {
            uint8_t s = 0;
            written[i] = source_byte(b, mem, given, i, y, &s);
            out[i] = operate(b->rop, s, line[i]);
        }
        for (unsigned i = 0; i < b->width; i++) {
            if (written[i] && !is_key(b, out, i)) {
                line[i] = out[i];
            }
        }
    }
}

/* --- the device ------------------------------------------------------------------------------- */

typedef struct Registers {
    uint8_t index, val;
} Registers;

/* By I/O ports, or in memory by BAR 1 or at b8000. */
typedef enum Way { BY_PORTS, BY_BAR, BY_LEGACY, WAYS } Way;

static void set_field(QTest *qts, Way way, uint8_t index, uint8_t offset, unsigned bytes, uint32_t val)
{
    static const uint32_t bases[WAYS] = { [BY_BAR] = BLT_REGS, [BY_LEGACY] = 0xb8000 };

    for (unsigned i = 0; i < bytes; i++, val >>= 8) {
        if (way == BY_PORTS) {
            gc(qts, index + i, val);
        } else {
            qtest_writeb(qts, bases[way] + offset + i, val);
        }
    }
}

/* Colors are four registers each, not in a row. */
static void set_color(QTest *qts, Way way, const uint8_t index[4], uint8_t offset, uint32_t val)
{
    for (unsigned i = 0; i < 4; i++) {
        set_field(qts, way, index[i], offset + i, 1, val >> (8 * i));
    }
}

static void program(QTest *qts, Way way, const Blt *b)
{
    set_color(qts, way, (const uint8_t[]){ 0x00, 0x10, 0x12, 0x14 }, 0x00, b->bg);
    set_color(qts, way, (const uint8_t[]){ 0x01, 0x11, 0x13, 0x15 }, 0x04, b->fg);
    set_field(qts, way, 0x20, 0x08, 2, b->width - 1);
    set_field(qts, way, 0x22, 0x0a, 2, b->height - 1);
    set_field(qts, way, 0x24, 0x0c, 2, b->dst_pitch);
    set_field(qts, way, 0x26, 0x0e, 2, b->src_pitch);
    set_field(qts, way, 0x2c, 0x14, 3, BASE + b->src);
    set_field(qts, way, 0x2f, 0x17, 1, b->clip);
    set_field(qts, way, 0x30, 0x18, 1, b->mode);
    set_field(qts, way, 0x32, 0x1a, 1, b->rop);
    set_field(qts, way, 0x33, 0x1b, 1, b->extensions);
    set_field(qts, way, 0x34, 0x1c, 2, b->key);
    set_field(qts, way, 0x28, 0x10, 3, BASE + b->dst);
}

/* The data goes through the aperture, the linear memory or the window, by doublewords or bytes. */
static void give(QTest *qts, unsigned place, const uint8_t *data, unsigned size)
{
    static const uint32_t places[] = { CIRRUS_BLT_DATA, LFB + 0x200000, WINDOW + 0x100 };
    uint32_t at = places[place % 3];
    unsigned whole = place / 3 % 2 ? size : (size + 3) & ~3u;

    g_assert_cmphex(qtest_readb(qts, BLT_STATUS) & BUSY, ==, BUSY);
    g_assert_cmphex(gc_read(qts, 0x31) & BUSY, ==, BUSY);
    if (whole != size || place / 3 % 2 == 0) {
        g_autofree uint8_t *padded = g_malloc0(whole);
        memcpy(padded, data, size);
        qtest_memwrite(qts, at, padded, whole);
    } else {
        for (unsigned i = 0; i < size; i++) {
            qtest_writeb(qts, at + i % 4, data[i]);
        }
    }
}

typedef struct Bench {
    QTest *qts;
    GRand *rng;
    uint8_t expected[AREA], got[AREA];
} Bench;

static void bench_begin(Bench *t, uint32_t seed)
{
    t->qts = start_cirrus();
    t->rng = g_rand_new_with_seed(seed);
    for (unsigned i = 0; i < AREA; i++) {
        t->expected[i] = g_rand_int(t->rng);
    }
    seq(t->qts, 0x17, 0x04); /* registers at b8000 */
    qtest_memwrite(t->qts, LFB + BASE, t->expected, AREA);
}

static void bench_end(Bench *t)
{
    qtest_quit(t->qts);
    g_rand_free(t->rng);
}

static void run(Bench *t, const Blt *b)
{
    bool from_system = b->mode & FROM_SYSTEM;
    unsigned size = from_system ? given_size(b) : 0;
    g_autofree uint8_t *given = from_system ? g_malloc(size) : NULL;

    for (unsigned i = 0; i < size; i++) {
        given[i] = g_rand_int(t->rng);
    }
    program(t->qts, g_rand_int(t->rng) % WAYS, b);
    gc(t->qts, 0x31, START);
    if (given) {
        give(t->qts, g_rand_int(t->rng), given, size);
    }
    g_assert_cmphex(qtest_readb(t->qts, BLT_STATUS) & (BUSY | START), ==, 0);
    model(b, t->expected, given);
    qtest_memread(t->qts, LFB + BASE, t->got, AREA);
    for (unsigned i = 0; i < AREA; i++) {
        if (t->got[i] != t->expected[i]) {
            g_test_message("mode %02x/%02x rop %02x clip %02x key %04x %ux%u pitch %u/%u dst %x src %x",
                           b->mode, b->extensions, b->rop, b->clip, b->key, b->width, b->height,
                           b->dst_pitch, b->src_pitch, b->dst, b->src);
            g_error("byte %x is %02x, not %02x", i, t->got[i], t->expected[i]);
        }
    }
}

static unsigned between(Bench *t, unsigned from, unsigned to)
{
    return g_rand_int_range(t->rng, from, to + 1);
}

/* A transfer between the halves of the area. */
static Blt any(Bench *t, uint8_t mode, uint8_t rop)
{
    Blt b = {
        .mode = mode | between(t, 0, 3) << 4, .rop = rop, .height = between(t, 1, 12),
        .dst_pitch = between(t, 50, 100) * 4, .src_pitch = between(t, 50, 100) * 4,
        .dst = between(t, 0, 0x800), .src = AREA / 2 + between(t, 0, 0x800),
        .fg = g_rand_int(t->rng), .bg = g_rand_int(t->rng),
    };
    b.width = between(t, 1, 150 / depth(&b)) * depth(&b);
    b.dst -= b.dst % depth(&b); /* whole pixels in a line of the screen */
    b.src = mode & PATTERN ? b.src & ~0xffu : b.src & ~3u;
    return b;
}

/* --- tests ------------------------------------------------------------------------------------ */

/* Every raster operation, with a source from memory, from the CPU, and a pattern. */
static void run_operations(const uint8_t *list, size_t n)
{
    Bench t;

    bench_begin(&t, 1);
    for (size_t i = 0; i < n; i++) {
        Blt copy = any(&t, 0, list[i]), given = any(&t, FROM_SYSTEM, list[i]);
        Blt pattern = any(&t, PATTERN, list[i]), bits = any(&t, EXPAND, list[i]);
        run(&t, &copy);
        run(&t, &given);
        run(&t, &pattern);
        run(&t, &bits);
    }
    bench_end(&t);
}

static void test_raster_operations(void)
{
    run_operations(rops, G_N_ELEMENTS(rops));
}

static void test_nor_and_nand(void)
{
    run_operations(nor_and_nand, G_N_ELEMENTS(nor_and_nand));
}

/* Widths are bytes: they need not be whole pixels. Scrolling in all directions works in place. */
static void test_copies(void)
{
    Bench t;

    bench_begin(&t, 2);
    for (unsigned i = 0; i < 60; i++) {
        Blt b = any(&t, i & 1 ? BACKWARD : 0, 0x0d);
        b.width = between(&t, 1, 180);
        b.dst += between(&t, 0x2000, 0x2003); /* any byte, room for both directions */
        b.src += 0x2000;
        run(&t, &b);
    }
    for (unsigned i = 0; i < 20; i++) { /* the source overlaps, above or below */
        unsigned pitch = between(&t, 190, 300), lines = between(&t, 1, 5);
        Blt b = { .mode = i & 1 ? BACKWARD : 0, .rop = 0x0d, .width = between(&t, 1, 180),
                  .height = 30, .dst_pitch = pitch, .src_pitch = pitch };
        b.dst = 0x3000 + between(&t, 0, 64);
        b.src = i & 1 ? b.dst - pitch * lines : b.dst + pitch * lines;
        run(&t, &b);
    }
    bench_end(&t);
}

/* Bits become two colors, or one where they are set; the left edge may be clipped. */
static void test_color_expansion(void)
{
    Bench t;

    bench_begin(&t, 3);
    for (unsigned i = 0; i < 96; i++) {
        Blt b = any(&t, EXPAND | (i & 1 ? FROM_SYSTEM : 0) | (i & 2 ? TRANSPARENT : 0) |
                    (i & 4 ? PATTERN : 0), rops[between(&t, 0, G_N_ELEMENTS(rops) - 1)]);
        b.extensions = i & 2 && i & 16 ? INVERT : 0;
        b.clip = i & 32 && depth(&b) != 3 ? between(&t, 0, 7) : 0;
        run(&t, &b);
    }
    bench_end(&t);
}

/* The CPU gives whole doublewords for each line of bits. */
static void test_doubleword_lines(void)
{
    Bench t;

    bench_begin(&t, 8);
    for (unsigned i = 0; i < 24; i++) {
        Blt b = any(&t, EXPAND | FROM_SYSTEM | (i & 1 ? TRANSPARENT : 0), 0x0d);
        b.extensions = DWORDS;
        run(&t, &b);
    }
    bench_end(&t);
}

static void test_patterns(void)
{
    Bench t;

    bench_begin(&t, 4);
    for (unsigned i = 0; i < 48; i++) {
        Blt b = any(&t, PATTERN | (i & 1 ? FROM_SYSTEM : 0),
                    rops[between(&t, 0, G_N_ELEMENTS(rops) - 1)]);
        if (depth(&b) == 3) {
            b.mode &= ~FROM_SYSTEM;
        }
        b.clip = i & 2 && depth(&b) != 3 ? between(&t, 0, 7) : 0;
        run(&t, &b);
    }
    bench_end(&t);
}

/* With 24 bits the left edge is clipped by bytes, of whole pixels; a pattern's lines take 32 bytes. */
static void test_24_bits(void)
{
    static const uint8_t modes[] = { PATTERN, EXPAND, PATTERN | EXPAND, PATTERN | FROM_SYSTEM,
                                     EXPAND | FROM_SYSTEM, EXPAND | TRANSPARENT };
    Bench t;

    bench_begin(&t, 9);
    for (unsigned i = 0; i < 36; i++) {
        Blt b = any(&t, PATTERN, 0x0d);
        b.mode = modes[i % G_N_ELEMENTS(modes)] | 0x20;
        b.width = between(&t, 1, 50) * 3;
        b.clip = between(&t, 0, 7) * 3;
        run(&t, &b);
    }
    bench_end(&t);
}

/* The lower three bits of its address are the pattern's line to begin with. */
static void test_pattern_lines(void)
{
    Bench t;

    bench_begin(&t, 7);
    for (unsigned i = 0; i < 24; i++) {
        Blt b = any(&t, PATTERN | (i & 1 ? EXPAND : 0), 0x0d);
        b.src += between(&t, 1, 7);
        run(&t, &b);
    }
    bench_end(&t);
}

static void test_solid_fill(void)
{
    Bench t;

    bench_begin(&t, 5);
    for (unsigned i = 0; i < 32; i++) {
        Blt b = any(&t, PATTERN | EXPAND, rops[i % G_N_ELEMENTS(rops)]);
        b.extensions = SOLID;
        run(&t, &b);
    }
    bench_end(&t);
}

/* Pixels of 8 or 16 bits that come out as the key are left. Few colors, so that they meet it. */
static void run_transparent(uint8_t direction)
{
    Bench t;

    bench_begin(&t, 6);
    for (unsigned i = 0; i < AREA; i++) {
        t.expected[i] &= 3;
    }
    qtest_memwrite(t.qts, LFB + BASE, t.expected, AREA);
    for (unsigned i = 0; i < 40; i++) {
        Blt b = any(&t, TRANSPARENT | direction, i & 2 ? 0x0d : 0x6d);
        b.mode = (b.mode & ~0x30) | (i & 4 ? 0x10 : 0);
        b.width = between(&t, 1, 60) * depth(&b);
        b.key = between(&t, 0, 3) | between(&t, 0, 3) << 8;
        b.dst = 0x2000 + between(&t, 0, 0x400) * 2 + (direction ? depth(&b) - 1 : 0);
        b.src = 0x6000 + between(&t, 0, 0x400) * 2 + (direction ? depth(&b) - 1 : 0);
        run(&t, &b);
    }
    bench_end(&t);
}

static void test_transparency(void)
{
    run_transparent(0);
}

static void test_transparency_backward(void)
{
    run_transparent(BACKWARD);
}

/* Addresses wrap at the end of the memory. */
static void test_wrap(void)
{
    QTest *qts = start_cirrus();

    qtest_writel(qts, LFB, 0x04030201);
    qtest_writel(qts, LFB + CIRRUS_MEMORY - 4, 0x14131211);
    Blt b = { .rop = 0x0d, .width = 8, .height = 1, .src = CIRRUS_MEMORY - 4 - BASE,
              .dst = 0x1000 - BASE };
    program(qts, BY_BAR, &b);
    gc(qts, 0x31, START);
    g_assert_cmphex(qtest_readl(qts, LFB + 0x1000), ==, 0x14131211);
    g_assert_cmphex(qtest_readl(qts, LFB + 0x1004), ==, 0x04030201);
    qtest_quit(qts);
}

/* A write of the destination's last byte starts a transfer, if the status register says so. */
static void test_autostart(void)
{
    QTest *qts = start_cirrus();
    Blt b = { .mode = PATTERN | EXPAND, .extensions = SOLID, .rop = 0x0d, .width = 4, .height = 1,
              .dst_pitch = 4, .fg = 0x5a };

    qtest_writel(qts, LFB + BASE, 0);
    program(qts, BY_BAR, &b);
    g_assert_cmphex(qtest_readl(qts, LFB + BASE), ==, 0);
    qtest_writeb(qts, BLT_STATUS, AUTOSTART);
    program(qts, BY_BAR, &b);
    g_assert_cmphex(qtest_readl(qts, LFB + BASE), ==, 0x5a5a5a5a);
    qtest_quit(qts);
}

/* A transfer that is given up takes no more data: writes go to memory again. */
static void test_give_up(void)
{
    QTest *qts = start_cirrus();
    Blt b = { .mode = FROM_SYSTEM, .rop = 0x0d, .width = 8, .height = 2, .dst_pitch = 8 };

    qtest_memset(qts, LFB + BASE, 0, 16);
    program(qts, BY_PORTS, &b);
    gc(qts, 0x31, START);
    qtest_writel(qts, CIRRUS_BLT_DATA, 0x11111111);
    qtest_writel(qts, LFB, 0x22222222);
    g_assert_cmphex(qtest_readl(qts, LFB + BASE), ==, 0x11111111);
    g_assert_cmphex(qtest_readl(qts, LFB + BASE + 4), ==, 0x22222222);
    g_assert_cmphex(gc_read(qts, 0x31) & BUSY, ==, BUSY);
    gc(qts, 0x31, RESET);
    gc(qts, 0x31, 0);
    g_assert_cmphex(gc_read(qts, 0x31) & BUSY, ==, 0);
    qtest_writel(qts, LFB, 0x33333333);
    g_assert_cmphex(qtest_readl(qts, LFB), ==, 0x33333333);
    g_assert_cmphex(qtest_readl(qts, LFB + BASE + 8), ==, 0);
    qtest_quit(qts);
}

/* What the chip cannot do ends at once and changes nothing. */
static void test_impossible(void)
{
    static const uint8_t modes[] = { TO_SYSTEM, TRANSPARENT | 0x20, TRANSPARENT | 0x30 };
    QTest *qts = start_cirrus();

    for (size_t i = 0; i < sizeof(modes); i++) {
        Blt b = { .mode = modes[i], .rop = 0x0e, .width = 12, .height = 1, .key = 0x1234 };
        qtest_writel(qts, LFB + BASE, 0);
        program(qts, BY_PORTS, &b);
        gc(qts, 0x31, START);
        g_assert_cmphex(gc_read(qts, 0x31) & (BUSY | START), ==, 0);
        g_assert_cmphex(qtest_readl(qts, LFB + BASE), ==, 0);
    }
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cirrus-blt/raster-operations", test_raster_operations);
    g_test_add_func("/cirrus-blt/nor-and-nand", test_nor_and_nand);
    g_test_add_func("/cirrus-blt/copies", test_copies);
    g_test_add_func("/cirrus-blt/color-expansion", test_color_expansion);
    g_test_add_func("/cirrus-blt/doubleword-lines", test_doubleword_lines);
    g_test_add_func("/cirrus-blt/24-bits", test_24_bits);
    g_test_add_func("/cirrus-blt/patterns", test_patterns);
    g_test_add_func("/cirrus-blt/pattern-lines", test_pattern_lines);
    g_test_add_func("/cirrus-blt/solid-fill", test_solid_fill);
    g_test_add_func("/cirrus-blt/transparency", test_transparency);
    g_test_add_func("/cirrus-blt/transparency-backward", test_transparency_backward);
    g_test_add_func("/cirrus-blt/wrap", test_wrap);
    g_test_add_func("/cirrus-blt/autostart", test_autostart);
    g_test_add_func("/cirrus-blt/give-up", test_give_up);
    g_test_add_func("/cirrus-blt/impossible", test_impossible);
    return g_test_run();
}
