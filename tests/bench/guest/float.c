/*
 * Scalar floating point: SSE doubles, x87 extended precision, libm.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- nbody: the Sun and four planets; masses, places and speeds in AU, days and solar masses -- */

enum { BODIES = 5, NBODY_STEPS = 1000 };

typedef struct Body {
    double x[3], v[3], mass;
} Body;

static const Body start_bodies[BODIES] = {
    { { 0, 0, 0 }, { 0, 0, 0 }, 1.0 },
    { { 4.84, -1.16, -0.10 }, { 0.00166, 0.00769, -0.00002 }, 0.000954 },
    { { 8.34, 4.12, -0.40 }, { -0.00276, 0.00499, 0.00002 }, 0.000285 },
    { { 12.89, -15.11, -0.22 }, { 0.00296, 0.00237, -0.00002 }, 0.0000436 },
    { { 15.37, -25.91, 0.17 }, { 0.00268, 0.00162, -0.00009 }, 0.0000515 },
};

static void attract(Body *a, Body *b, double step)
{
    double d[3], square = 0, force;

    for (int k = 0; k < 3; k++) {
        d[k] = a->x[k] - b->x[k];
        square += d[k] * d[k];
    }
    force = step / (square * sqrt(square));
    for (int k = 0; k < 3; k++) {
        a->v[k] -= d[k] * b->mass * force;
        b->v[k] += d[k] * a->mass * force;
    }
}

static void advance(Body *bodies, double step)
{
    for (int i = 0; i < BODIES; i++) {
        for (int j = i + 1; j < BODIES; j++) {
            attract(&bodies[i], &bodies[j], step);
        }
    }
    for (int i = 0; i < BODIES; i++) {
        for (int k = 0; k < 3; k++) {
            bodies[i].x[k] += step * bodies[i].v[k];
        }
    }
}

static uint64_t run_nbody(unsigned long n)
{
    Body bodies[BODIES];
    uint64_t sum = 0;

    memcpy(bodies, start_bodies, sizeof(bodies));
    for (unsigned long i = 0; i < n * NBODY_STEPS; i++) {
        advance(bodies, 0.0001);
    }
    for (int i = 0; i < BODIES; i++) {
        sum = fold_double(sum, bodies[i].x[0]);
    }
    return sum;
}

/* --- spectral: the spectral norm of an infinite matrix, cut at 100 rows ----------------------- */

enum { SPECTRAL = 100 };

static double spectral_element(int i, int j)
{
    return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1);
}

static void multiply(const double *v, double *out, int transposed)
{
    for (int i = 0; i < SPECTRAL; i++) {
        out[i] = 0;
        for (int j = 0; j < SPECTRAL; j++) {
            out[i] += v[j] * (transposed ? spectral_element(j, i) : spectral_element(i, j));
        }
    }
}

static uint64_t run_spectral(unsigned long n)
{
    double u[SPECTRAL], v[SPECTRAL], t[SPECTRAL], vv = 0, uv = 0;

    for (int i = 0; i < SPECTRAL; i++) {
        u[i] = 1;
        v[i] = 0;
    }
    for (; n; n--) {
        multiply(u, t, 0);
        multiply(t, v, 1);
        multiply(v, t, 0);
        multiply(t, u, 1);
    }
    for (int i = 0; i < SPECTRAL; i++) {
        vv += v[i] * v[i];
        uv += u[i] * v[i];
    }
    return fold_double(0, sqrt(uv / vv));
}

/* --- linpack: LU with partial pivoting, 120 by 120 -------------------------------------------- */

enum { LU = 120 };

static int pivot_row(double a[LU][LU], int column)
{
    int best = column;

    for (int i = column + 1; i < LU; i++) {
        if (fabs(a[i][column]) > fabs(a[best][column])) {
            best = i;
        }
    }
    return best;
}

static void swap_rows(double a[LU][LU], int i, int j)
{
    double row[LU];

    memcpy(row, a[i], sizeof(row));
    memcpy(a[i], a[j], sizeof(row));
    memcpy(a[j], row, sizeof(row));
}

static double determinant(double a[LU][LU])
{
    double product = 1;

    for (int k = 0; k < LU; k++) {
        swap_rows(a, k, pivot_row(a, k));
        for (int i = k + 1; i < LU; i++) {
            double factor = a[i][k] / a[k][k];

            for (int j = k; j < LU; j++) {
                a[i][j] -= factor * a[k][j];
            }
        }
        product *= a[k][k] / 8;
    }
    return product;
}

static uint64_t run_linpack(unsigned long n)
{
    static double a[LU][LU];
    uint32_t seed = 11;
    uint64_t sum = 0;

    for (; n; n--) {
        for (int i = 0; i < LU * LU; i++) {
            a[i / LU][i % LU] = next_random(&seed) % 20001 / 10000.0 - 1;
        }
        sum = fold_double(sum, determinant(a));
    }
    return sum;
}

/* --- whetstone: the mix of the classic: array elements, calls, branches, trigonometry, roots -- */

static __attribute__((noinline)) void whet_elements(double e[4])
{
    const double t = 0.499975;

    for (int j = 0; j < 6; j++) {
        e[0] = (e[0] + e[1] + e[2] - e[3]) * t;
        e[1] = (e[0] + e[1] - e[2] + e[3]) * t;
        e[2] = (e[0] - e[1] + e[2] + e[3]) * t;
        e[3] = (-e[0] + e[1] + e[2] + e[3]) / 2;
    }
}

static __attribute__((noinline)) void whet_call(double x, double y, double *z)
{
    const double t = 0.499975;

    x = t * (x + y);
    y = t * (x + y);
    *z = (x + y) / 2;
}

static uint64_t run_whetstone(unsigned long n)
{
    double e[4] = { 1, -1, -1, -1 }, x = 0.5, y = 0.5, z = 1, root = 0.75;

    for (unsigned long i = 0; i < n * 100; i++) {
        for (int k = 0; k < 12; k++) {
            whet_elements(e);
        }
        for (int k = 0; k < 90; k++) {
            whet_call(x, y, &z);
        }
        for (int k = 0; k < 3; k++) {
            x = 0.499975 * atan(2 * sin(x) * cos(x) / (cos(x + y) + cos(x - y) - 1));
            y = 0.499975 * atan(2 * sin(y) * cos(y) / (cos(x + y) + cos(x - y) - 1));
        }
        for (int k = 0; k < 9; k++) {
            root = sqrt(exp(log(root) / 0.50025));
        }
    }
    return fold_double(fold_double(fold_double(fold_double(0, e[3]), x), z), root);
}

/* --- mandelbrot ------------------------------------------------------------------------------- */

#define MANDELBROT(NAME, REAL)                                                                     \
    static uint64_t NAME(unsigned long n)                                                          \
    {                                                                                              \
        uint64_t sum = 0;                                                                          \
                                                                                                   \
        for (unsigned long i = 0; i < n; i++) {                                                    \
            for (int column = 0; column < 128; column++) {                                         \
                REAL cx = column / (REAL)64 - 1.5, cy = (REAL)(i % 64) / 64, x = 0, y = 0;          \
                int count = 0;                                                                     \
                                                                                                   \
                while (x * x + y * y < 4 && count < 200) {                                         \
                    REAL t = x * x - y * y + cx;                                                   \
                                                                                                   \
                    y = 2 * x * y + cy;                                                            \
                    x = t;                                                                         \
                    count++;                                                                       \
                }                                                                                  \
                sum += count;                                                                      \
            }                                                                                      \
        }                                                                                          \
        return sum;                                                                                \
    }

MANDELBROT(run_mandelbrot, double)
MANDELBROT(run_mandelbrot_x87, long double)

/* --- x87: a polynomial, a root and a quotient in extended precision --------------------------- */

static uint64_t run_x87(unsigned long n)
{
    long double x = 0.5L;

    for (unsigned long i = 0; i < n * 1000; i++) {
        long double p = 0;

        for (int k = 1; k < 9; k++) {
            p = p * x + 1.0L / k;
        }
        x = sqrtl(p * p + x) / (1 + p);
    }
    return fold_double(0, (double)x);
}

/* --- libm ------------------------------------------------------------------------------------- */

static uint64_t run_libm(unsigned long n)
{
    double sum = 0;

    for (unsigned long i = 0; i < n * 1000; i++) {
        double x = (double)(i % 1000) / 250 + 0.01;

        sum += sin(x) * cos(x) + exp(-x) + log(x) + pow(x, 1.3) + atan2(x, 2) + cbrt(x) + tanh(x);
        sum += sinf((float)x) + expf(-(float)x);
    }
    return fold_double(0, sum);
}

/* --- x87libm: the functions that the x87 computes itself, by way of long double --------------- */

static uint64_t run_x87libm(unsigned long n)
{
    long double sum = 0;

    for (unsigned long i = 0; i < n * 100; i++) {
        long double x = (long double)(i % 1000) / 250 + 0.01L;

        sum += expl(-x) + logl(x) + powl(x, 1.3L) + atan2l(x, 2) + sinl(x);
    }
    return fold_double(0, (double)sum);
}

const Kernel float_kernels[] = {
    { "nbody", run_nbody },         { "spectral", run_spectral },
    { "linpack", run_linpack },     { "whetstone", run_whetstone },
    { "mandel", run_mandelbrot },   { "mandel-x87", run_mandelbrot_x87 },
    { "x87", run_x87 },             { "libm", run_libm },
    { "libm-x87", run_x87libm },    { 0 },
};
