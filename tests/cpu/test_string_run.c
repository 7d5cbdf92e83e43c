/*
 * MOVS and STOS on runs of elements, compared with REP MOVS and REP STOS of the host's CPU: every
 * size, every distance between source and destination, both directions, ends at any byte.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include <string.h>
#include "target/i386/interp/string-run.h"

enum { BYTES = 160, MIDDLE = 64 };

static const unsigned sizes[] = { 1, 2, 4, 8 };

#define REP(insn)                                                              \
    __asm__ volatile("test %3, %3\n\tjz 1f\n\tstd\n1:\trep " insn "\n\tcld"     \
                     : "+D"(to), "+S"(from), "+c"(count)                       \
                     : "r"((uint64_t)down), "a"(val) : "memory", "cc")

/* The host's own; to and from are where the first element is. */
static void host_movs(uint8_t *to, const uint8_t *from, uint64_t count, unsigned size, bool down)
{
    uint64_t val = 0;

    switch (size) {
    case 1: REP("movsb"); break;
    case 2: REP("movsw"); break;
    case 4: REP("movsl"); break;
    default: REP("movsq");
    }
}

static void host_stos(uint8_t *to, uint64_t val, uint64_t count, unsigned size)
{
    const uint8_t *from = to;
    bool down = false;

    switch (size) {
    case 1: REP("stosb"); break;
    case 2: REP("stosw"); break;
    case 4: REP("stosl"); break;
    default: REP("stosq");
    }
}

static void begin(uint8_t *ours, uint8_t *host)
{
    for (int i = 0; i < BYTES; i++) {
        ours[i] = host[i] = (uint8_t)(i * 7 + 3);
    }
}

static void copy_one(int distance, uint64_t count, unsigned size, bool down)
{
    uint8_t ours[BYTES], host[BYTES];
    uint64_t len = count * size, first = down ? len - size : 0;

    begin(ours, host);
    x86_string_copy(ours + MIDDLE + distance, ours + MIDDLE, len, size, down);
    host_movs(host + MIDDLE + distance + first, host + MIDDLE + first, count, size, down);
    if (memcmp(ours, host, BYTES) != 0) {
        g_test_message("distance %d, %d elements of %u, down %d", distance, (int)count, size, down);
        g_test_fail();
    }
}

static void test_copy(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        for (int distance = -40; distance <= 40; distance++) {
            for (uint64_t count = 1; count * sizes[i] <= 40; count++) {
                copy_one(distance, count, sizes[i], false);
                copy_one(distance, count, sizes[i], true);
            }
        }
    }
}

static void test_fill(void)
{
    static const uint64_t values[] = { 0, 0x8899aabbccddeeff, 0x1111111111111111,
                                       0xff00000000000000, 0x0000004242424242, 0xffff1234 };
    uint8_t ours[BYTES], host[BYTES];

    for (size_t v = 0; v < G_N_ELEMENTS(values); v++) {
        for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
            for (uint64_t count = 1; count * sizes[i] <= 40; count++) {
                uint64_t at = MIDDLE + count % 9;

                begin(ours, host);
                x86_string_fill(ours + at, values[v], count * sizes[i], sizes[i]);
                host_stos(host + at, values[v], count, sizes[i]);
                g_assert_cmpmem(ours, BYTES, host, BYTES);
            }
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpu/string-run/copy", test_copy);
    g_test_add_func("/cpu/string-run/fill", test_fill);
    return g_test_run();
}
