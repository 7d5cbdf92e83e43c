/*
 * Vectors: SSE and AVX2 with FMA matrices, SSE and AVX2 integers, AES.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "kernels.h"

#include <immintrin.h>
#include <string.h>

/* --- matrices of 64 by 64 floats -------------------------------------------------------------- */

enum { SIDE = 64 };

typedef struct Matrix {
    float e[SIDE][SIDE];
} Matrix;

static void fill_matrix(Matrix *m, uint32_t seed)
{
    for (int i = 0; i < SIDE * SIDE; i++) {
        m->e[i / SIDE][i % SIDE] = (float)(next_random(&seed) % 1000) / 32000;
    }
}

static void multiply_sse(const Matrix *a, const Matrix *b, Matrix *out)
{
    for (int i = 0; i < SIDE; i++) {
        for (int j = 0; j < SIDE; j += 8) {
            __m128 low = _mm_setzero_ps(), high = low;

            for (int k = 0; k < SIDE; k++) {
                __m128 f = _mm_set1_ps(a->e[i][k]);

                low = _mm_add_ps(low, _mm_mul_ps(f, _mm_loadu_ps(&b->e[k][j])));
                high = _mm_add_ps(high, _mm_mul_ps(f, _mm_loadu_ps(&b->e[k][j + 4])));
            }
            _mm_storeu_ps(&out->e[i][j], low);
            _mm_storeu_ps(&out->e[i][j + 4], high);
        }
    }
}

__attribute__((target("avx2,fma"))) static void multiply_avx2(const Matrix *a, const Matrix *b,
                                                              Matrix *out)
{
    for (int i = 0; i < SIDE; i++) {
        for (int j = 0; j < SIDE; j += 16) {
            __m256 low = _mm256_setzero_ps(), high = low;

            for (int k = 0; k < SIDE; k++) {
                __m256 f = _mm256_set1_ps(a->e[i][k]);

                low = _mm256_fmadd_ps(f, _mm256_loadu_ps(&b->e[k][j]), low);
                high = _mm256_fmadd_ps(f, _mm256_loadu_ps(&b->e[k][j + 8]), high);
            }
            _mm256_storeu_ps(&out->e[i][j], low);
            _mm256_storeu_ps(&out->e[i][j + 8], high);
        }
    }
}

static uint64_t run_matrices(unsigned long n,
                             void (*multiply)(const Matrix *, const Matrix *, Matrix *))
{
    static Matrix a, b, c;
    uint64_t sum = 0;

    fill_matrix(&a, 1);
    fill_matrix(&b, 2);
    for (; n; n--) {
        multiply(&a, &b, &c);
        multiply(&c, &b, &a);
    }
    for (int i = 0; i < SIDE; i++) {
        sum = fold_double(sum, (double)a.e[i][i]);
    }
    return sum;
}

static uint64_t run_matmul_sse(unsigned long n)
{
    return run_matrices(n, multiply_sse);
}

static uint64_t run_matmul_avx2(unsigned long n)
{
    return run_matrices(n, multiply_avx2);
}

/* --- the scaled sum of doubles: SSE2, two at a time ------------------------------------------- */

enum { DOUBLES = 2048 };

static uint64_t run_daxpy_sse(unsigned long n)
{
    static double x[DOUBLES], y[DOUBLES];
    __m128d factor = _mm_set1_pd(0.25), decay = _mm_set1_pd(0.75);

    for (int i = 0; i < DOUBLES; i++) {
        x[i] = i;
    }
    for (; n; n--) {
        for (int i = 0; i < DOUBLES; i += 2) {
            __m128d v = _mm_mul_pd(_mm_load_pd(&y[i]), decay);

            _mm_store_pd(&y[i], _mm_add_pd(v, _mm_mul_pd(_mm_load_pd(&x[i]), factor)));
        }
    }
    return fold_double(fold_double(0, y[1]), y[DOUBLES - 1]);
}

/* --- integers: sums of absolute differences, multiply-add, shuffles over 16 KiB --------------- */

enum { PIXELS = 1 << 14 };

static void fill_pixels(unsigned char *p, uint32_t seed)
{
    for (int i = 0; i < PIXELS; i++) {
        p[i] = (unsigned char)next_random(&seed);
    }
}

__attribute__((target("ssse3"))) static uint64_t run_sse_int(unsigned long n)
{
    static unsigned char a[PIXELS], b[PIXELS];
    const __m128i reverse = _mm_setr_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __m128i sum = _mm_setzero_si128(), dot = sum;

    fill_pixels(a, 1);
    fill_pixels(b, 2);
    for (; n; n--) {
        for (int i = 0; i < PIXELS; i += 16) {
            __m128i x = _mm_loadu_si128((const __m128i *)(a + i));
            __m128i y = _mm_loadu_si128((const __m128i *)(b + i));

            sum = _mm_add_epi64(sum, _mm_sad_epu8(x, y));
            x = _mm_shuffle_epi8(_mm_adds_epu8(x, y), reverse);
            dot = _mm_add_epi32(dot, _mm_madd_epi16(_mm_srli_epi16(x, 3), _mm_avg_epu16(x, y)));
            _mm_storeu_si128((__m128i *)(b + i), _mm_xor_si128(x, _mm_max_epu8(x, y)));
        }
    }
    sum = _mm_add_epi64(sum, dot);
    return fold((uint64_t)_mm_cvtsi128_si64(sum),
                (uint64_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(sum, sum)));
}

__attribute__((target("avx2"))) static uint64_t run_avx2_int(unsigned long n)
{
    static unsigned char a[PIXELS], b[PIXELS];
    __m256i sum = _mm256_setzero_si256(), dot = sum;
    uint64_t parts[4], folded = 0;

    fill_pixels(a, 3);
    fill_pixels(b, 4);
    for (; n; n--) {
        for (int i = 0; i < PIXELS; i += 32) {
            __m256i x = _mm256_loadu_si256((const __m256i *)(a + i));
            __m256i y = _mm256_loadu_si256((const __m256i *)(b + i));

            sum = _mm256_add_epi64(sum, _mm256_sad_epu8(x, y));
            x = _mm256_permute4x64_epi64(_mm256_adds_epu8(x, y), 0x1b);
            dot = _mm256_add_epi32(dot, _mm256_madd_epi16(_mm256_srli_epi16(x, 3), y));
            _mm256_storeu_si256((__m256i *)(b + i), _mm256_xor_si256(x, _mm256_min_epu8(x, y)));
        }
    }
    _mm256_storeu_si256((__m256i *)parts, _mm256_add_epi64(sum, dot));
    for (int i = 0; i < 4; i++) {
        folded = fold(folded, parts[i]);
    }
    return folded;
}

/* --- aes: AES-128 in counter mode, 16 KiB ----------------------------------------------------- */

enum { AES_BLOCKS = 1024, AES_ROUNDS = 10 };

/* The round keys need not be a real key schedule to cost the same. */
static void make_round_keys(__m128i keys[AES_ROUNDS + 1])
{
    for (int i = 0; i <= AES_ROUNDS; i++) {
        keys[i] = _mm_set_epi32(i * 0x1234567, ~i, i << 20, 0x0f1e2d3c ^ i);
    }
}

__attribute__((target("aes"))) static uint64_t run_aes(unsigned long n)
{
    __m128i keys[AES_ROUNDS + 1], sum = _mm_setzero_si128();
    const __m128i one = _mm_set_epi64x(0, 1);
    __m128i counter = _mm_setzero_si128();

    make_round_keys(keys);
    for (unsigned long i = 0; i < n * AES_BLOCKS; i++) {
        __m128i block = _mm_xor_si128(counter, keys[0]);

        for (int round = 1; round < AES_ROUNDS; round++) {
            block = _mm_aesenc_si128(block, keys[round]);
        }
        sum = _mm_xor_si128(sum, _mm_aesenclast_si128(block, keys[AES_ROUNDS]));
        counter = _mm_add_epi64(counter, one);
    }
    return (uint64_t)_mm_cvtsi128_si64(sum);
}

const Kernel vector_kernels[] = {
    { "matmul-sse", run_matmul_sse }, { "matmul-avx2", run_matmul_avx2 },
    { "daxpy-sse", run_daxpy_sse },   { "sse-int", run_sse_int },
    { "avx2-int", run_avx2_int },     { "aes", run_aes },
    { 0 },
};
