/*
 * Operand values; see values.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/cpu/values.h"
#include <string.h>

uint64_t value_integer(Random *r)
{
    static const uint64_t edges[] = {
        0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
        0x100000000, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 15, 16, 31, 32, 63,
        64, 0x5555555555555555, 0xaaaaaaaaaaaaaaaa, 0x0123456789abcdef, 0xfffffffffffffffe,
    };
    unsigned kind = random_below(r, 10);

    if (kind < 4) {
        return edges[random_below(r, sizeof(edges) / sizeof(edges[0]))];
    }
    if (kind < 6) {
        return random64(r) & 0xff;
    }
    if (kind < 7) {
        return random64(r) >> random_below(r, 64);
    }
    return random64(r);
}

static uint32_t value_float32(Random *r)
{
    static const uint32_t edges[] = {
        0x00000000, 0x3f800000, 0x40000000, 0x3f000000, 0x00000001, 0x007fffff, 0x00800000,
        0x7f7fffff, 0x7f800000, 0x7fc00000, 0x7fa00000, 0x7f800001, 0x4f000000, 0x4effffff,
        0x3fc00000, 0x40490fdb, 0x33800000, 0x5f000000, 0x4b000000, 0x3eaaaaab,
    };
    uint32_t v = random_chance(r, 60) ? edges[random_below(r, sizeof(edges) / 4)] : random64(r);

    return random_chance(r, 20) ? (v & 0x807fffff) | (random_below(r, 40) + 107) << 23
         : random_chance(r, 40) ? v ^ 0x80000000 : v;
}

static uint64_t value_float64(Random *r)
{
    static const uint64_t edges[] = {
        0, 0x3ff0000000000000, 0x4000000000000000, 0x3fe0000000000000, 1, 0x000fffffffffffff,
        0x0010000000000000, 0x7fefffffffffffff, 0x7ff0000000000000, 0x7ff8000000000000,
        0x7ff4000000000000, 0x7ff0000000000001, 0x41e0000000000000, 0x41dfffffffc00000,
        0x3ff8000000000000, 0x400921fb54442d18, 0x43e0000000000000, 0x4330000000000000,
        0x36a0000000000000, 0x380fffffffffffff, 0x47efffffe0000000, 0x47effffff0000000,
    };
    uint64_t v = random_chance(r, 60) ? edges[random_below(r, sizeof(edges) / 8)] : random64(r);

    return random_chance(r, 20)
         ? (v & 0x800fffffffffffff) | (uint64_t)(random_below(r, 80) + 983) << 52
         : random_chance(r, 40) ? v ^ 0x8000000000000000 : v;
}

void value_vector(Random *r, void *out)
{
    uint64_t v[2];
    uint32_t f[4];

    switch (random_below(r, 4)) {
    case 0:
        for (unsigned i = 0; i < 4; i++) {
            f[i] = value_float32(r);
        }
        memcpy(out, f, 16);
        return;
    case 1:
        v[0] = value_float64(r);
        v[1] = value_float64(r);
        break;
    case 2:
        v[0] = value_integer(r);
        v[1] = value_integer(r);
        break;
    default:
        v[0] = random64(r);
        v[1] = random64(r);
    }
    memcpy(out, v, 16);
}

X86Float80 value_float80(Random *r)
{
    static const X86Float80 edges[] = {
        { 0, 0 }, { 0x8000000000000000, 0x3fff }, { 0x8000000000000000, 0x4000 },
        { 0x8000000000000000, 0x3ffe }, { 1, 0 }, { 0x7fffffffffffffff, 0 },
        { 0x8000000000000000, 1 }, { 0xffffffffffffffff, 0x7ffe }, { 0x8000000000000000, 0x7fff },
        { 0xc000000000000000, 0x7fff }, { 0xa000000000000000, 0x7fff },
        { 0xc90fdaa22168c235, 0x4000 },
        { 0x8000000000000000, 0 },      /* pseudo-denormal */
        { 0x4000000000000000, 0x3fff }, /* unnormal */
        { 0, 0x7fff }, { 0x4000000000000000, 0x7fff }, /* pseudo-infinity, pseudo-NaN */
        { 0x8000000000000000, 0x401e }, { 0x8000000000000000, 0x403e },
        { 0xde0b6b3a763ffff0, 0x403a }, /* largest packed decimal */
        { 0xffffffffffffff00, 0x3fff }, { 0x80000000000003ff, 0x3fff },
        { 0xb504f333f9de6484, 0x3fff },
    };
    X86Float80 v;

    if (random_chance(r, 60)) {
        v = edges[random_below(r, sizeof(edges) / sizeof(edges[0]))];
    } else {
        v.mant = random64(r) | (uint64_t)random_chance(r, 95) << 63;
        v.sign_exp = random_chance(r, 70) ? 0x3fff - 40 + random_below(r, 110) : random64(r);
    }
    if (random_chance(r, 10)) { /* a float or a double, exactly */
        v.mant &= random_chance(r, 50) ? 0xffffff0000000000 : 0xfffffffffffff800;
    }
    v.sign_exp ^= random_chance(r, 40) ? 0x8000 : 0;
    return v;
}
