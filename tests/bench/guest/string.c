/*
 * The C library's memory and string functions, as its own CPU detection chooses them.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

enum { SPACE = 1 << 16, PER_RUN = 1000 };

/* Lengths as programs have them: mostly short, some long. */
static size_t pick_length(uint32_t *seed)
{
    uint32_t r = next_random(seed);

    return (r >> 8) % (r % 16 ? 64 : 4096) + 1;
}

/* Text of letters without end: whoever needs one puts it where it should be. */
static char *make_text(void)
{
    char *text = malloc(SPACE);

    for (int i = 0; i < SPACE; i++) {
        text[i] = (char)('a' + i % 23);
    }
    return text;
}

static uint64_t run_memcpy(unsigned long n)
{
    char *text = make_text(), *copy = calloc(1, SPACE);
    uint32_t seed = 1;
    uint64_t sum = 0;

    for (unsigned long i = 0; i < n * PER_RUN; i++) {
        size_t length = pick_length(&seed), from = next_random(&seed) % (SPACE / 2);
        size_t to = next_random(&seed) % (SPACE / 2);

        memcpy(copy + to, text + from, length);
        sum = fold(sum, (unsigned char)copy[to + length / 2]);
    }
    free(text);
    free(copy);
    return sum;
}

static uint64_t run_memmove(unsigned long n)
{
    char *text = make_text();
    uint32_t seed = 2;
    uint64_t sum = 0;

    for (unsigned long i = 0; i < n * PER_RUN; i++) {
        size_t length = pick_length(&seed), from = next_random(&seed) % (SPACE / 2);

        memmove(text + from + i % 32, text + from + 16, length);
        sum = fold(sum, (unsigned char)text[from + length / 2]);
    }
    free(text);
    return sum;
}

static uint64_t run_memset(unsigned long n)
{
    char *text = make_text();
    uint32_t seed = 3;
    uint64_t sum = 0;

    for (unsigned long i = 0; i < n * PER_RUN; i++) {
        size_t length = pick_length(&seed), at = next_random(&seed) % (SPACE / 2);

        memset(text + at, (int)i, length);
        sum = fold(sum, (unsigned char)text[at / 2]);
    }
    free(text);
    return sum;
}

static uint64_t run_strlen(unsigned long n)
{
    char *text = make_text();
    uint32_t seed = 4;
    uint64_t sum = 0;

    for (unsigned long i = 0; i < n * PER_RUN; i++) {
        size_t length = pick_length(&seed), from = next_random(&seed) % (SPACE / 2);
        char saved = text[from + length];

        text[from + length] = 0;
        sum += strlen(text + from);
        text[from + length] = saved;
    }
    free(text);
    return sum;
}

static uint64_t run_memchr(unsigned long n)
{
    char *text = make_text();
    uint32_t seed = 5;
    uint64_t sum = 0;

    for (unsigned long i = 0; i < n * PER_RUN; i++) {
        size_t length = pick_length(&seed), from = next_random(&seed) % (SPACE / 2);
        char saved = text[from + length];

        text[from + length] = '#';
        sum += (size_t)((char *)memchr(text + from, '#', SPACE - from) - text - from);
        text[from + length] = saved;
    }
    free(text);
    return sum;
}

static uint64_t run_strcmp(unsigned long n)
{
    char *text = make_text(), *other = make_text();
    uint32_t seed = 6;
    uint64_t sum = 0;

    text[SPACE - 1] = other[SPACE - 1] = 0;
    for (unsigned long i = 0; i < n * PER_RUN; i++) {
        size_t length = pick_length(&seed), from = next_random(&seed) % (SPACE / 2);

        other[from + length]++;
        sum = fold(sum, strcmp(text + from, other + from) < 0);
        other[from + length]--;
    }
    free(text);
    free(other);
    return sum;
}

static uint64_t run_strstr(unsigned long n)
{
    char *text = make_text();
    uint32_t seed = 7;
    uint64_t sum = 0;

    text[SPACE - 1] = 0;
    for (unsigned long i = 0; i < n * PER_RUN; i++) {
        size_t length = pick_length(&seed), from = next_random(&seed) % (SPACE / 2);

        memcpy(text + from + length, "#key", 4);
        sum += (size_t)(strstr(text + from, "#key") - text - from);
        for (size_t k = from + length; k < from + length + 4; k++) {
            text[k] = (char)('a' + k % 23);
        }
    }
    free(text);
    return sum;
}

/* Whole-page copies: where a microcoded or a vector loop is at its best. */
static uint64_t run_copypages(unsigned long n)
{
    char *text = make_text(), *copy = calloc(1, SPACE);
    uint64_t sum = 0;

    for (unsigned long i = 0; i < n * 100; i++) {
        memcpy(copy, text, SPACE);
        copy[i % SPACE]++;
        memcpy(text, copy, SPACE);
        sum = fold(sum, (unsigned char)text[(i * 31) % SPACE]);
    }
    free(text);
    free(copy);
    return sum;
}

const Kernel string_kernels[] = {
    { "memcpy", run_memcpy }, { "memmove", run_memmove }, { "memset", run_memset },
    { "strlen", run_strlen }, { "memchr", run_memchr },   { "strcmp", run_strcmp },
    { "strstr", run_strstr }, { "copypages", run_copypages },
    { 0 },
};
