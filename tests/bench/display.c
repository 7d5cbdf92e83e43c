/*
 * What the display costs: processor time of drawing a full-screen update stream of 1024x768 by 32
 * bits, and of looking at a text screen where nothing happens.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "accel/accel.h"
#include "hw/core/machine.h"
#include "util/main-loop.h"
#include "util/module.h"

enum { WIDTH = 1024, HEIGHT = 768, FRAME = WIDTH * HEIGHT * 4, FRAMES = 300, LOOKS = 30000,
       LOOKS_A_SECOND = 33 };
#define FRAME_BUFFER UINT32_C(0xe0000000)

static uint64_t updates, pixels;

static void count_update(DisplayListener *l, int x, int y, int w, int h)
{
    updates++;
    pixels += (uint64_t)w * h;
}

static const DisplayListenerOps listener_ops = { .name = "bench", .update = count_update };

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static MachineState *make_machine(void)
{
    static const AccelChoice qtest = { .name = "qtest" };

    for (int kind = 0; kind < MODULE_COUNT; kind++) {
        module_call_init(kind);
    }
    main_loop_init();
    MachineState *m = machine_new("pc", &error_fatal);
    m->ram_size = 4 << 20;
    m->vga = g_strdup("std");
    m->kernel_cmdline = g_strdup("");
    g_assert(accel_select(m, &qtest, 1, &error_fatal));
    g_assert(machine_init_run(m, &error_fatal));
    machine_reset(m);
    return m;
}

static void out(MachineState *m, uint16_t port, unsigned size, uint32_t val)
{
    address_space_st(&m->io_as, port, size, val);
}

static void out_pairs(MachineState *m, uint16_t port, const uint8_t *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        out(m, port, 2, pairs[i * 2] | pairs[i * 2 + 1] << 8);
    }
}

static void screen_on(MachineState *m)
{
    out(m, 0x3c2, 1, 0x67);
    address_space_ld(&m->io_as, 0x3da, 1);
    out(m, 0x3c0, 1, 0x20);
}

/* 80x25 cells of 16 lines. */
static void set_text(MachineState *m)
{
    static const uint8_t crtc[] = { 0x01, 0x4f, 0x07, 0x1f, 0x09, 0x4f, 0x12, 0x8f, 0x13, 0x28 };

    screen_on(m);
    out_pairs(m, 0x3d4, crtc, sizeof(crtc) / 2);
}

static void set_vbe(MachineState *m)
{
    static const uint16_t vbe[][2] = { { 1, WIDTH }, { 2, HEIGHT }, { 3, 32 }, { 4, 0x41 } };

    out(m, 0xcf8, 4, 0x80001010);
    out(m, 0xcfc, 4, FRAME_BUFFER);
    out(m, 0xcf8, 4, 0x80001004);
    out(m, 0xcfc, 2, 3);
    for (size_t i = 0; i < G_N_ELEMENTS(vbe); i++) {
        out(m, 0x1ce, 2, vbe[i][0]);
        out(m, 0x1cf, 2, vbe[i][1]);
    }
}

static void bench_text(MachineState *m, Console *con)
{
    double start;

    set_text(m);
    console_refresh(con);
    start = cpu_seconds();
    for (int i = 0; i < LOOKS; i++) {
        console_refresh(con);
    }
    printf("idle text screen: %.4f %% of a processor at %d refreshes a second\n",
           (cpu_seconds() - start) / LOOKS * LOOKS_A_SECOND * 100, LOOKS_A_SECOND);
}

static void bench_stream(MachineState *m, Console *con)
{
    g_autofree uint8_t *frame = g_malloc(FRAME);
    double start, writing = 0, begin;

    set_vbe(m);
    console_refresh(con);
    updates = pixels = 0;
    begin = cpu_seconds();
    for (int i = 0; i < FRAMES; i++) {
        memset(frame, i + 1, FRAME);
        start = cpu_seconds();
        address_space_write(&m->memory_as, FRAME_BUFFER, MEMTXATTRS_NONE, frame, FRAME);
        writing += cpu_seconds() - start;
        console_refresh(con);
    }
    printf("full-screen stream %dx%d: %.2f ms a frame (writing it %.2f ms), %.1f rectangles and "
           "%.0f pixels a frame\n", WIDTH, HEIGHT, (cpu_seconds() - begin) / FRAMES * 1e3,
           writing / FRAMES * 1e3, (double)updates / FRAMES, (double)pixels / FRAMES);
}

int main(void)
{
    static DisplayListener listener = { .ops = &listener_ops };
    MachineState *m = make_machine();
    Console *con = console_by_index(m->consoles, 0);

    display_listener_register(&listener, con);
    bench_text(m, con);
    bench_stream(m, con);
    display_listener_unregister(&listener);
    return 0;
}
