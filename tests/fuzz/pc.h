/*
 * The machine that the fuzz targets of devices drive, and what they read their input with.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_FUZZ_PC_H
#define TESTS_FUZZ_PC_H

#include "hw/core/machine.h"

enum { FUZZ_RAM_SIZE = 2 << 20 };

typedef struct FuzzInput {
    const uint8_t *data;
    size_t left;
} FuzzInput;

/* Takes up to 4 bytes, little-endian; zeros beyond the end. */
uint32_t fuzz_take(FuzzInput *in, unsigned bytes);
/* 1, 2 or 4. */
unsigned fuzz_take_size(FuzzInput *in);

/* Where a device is: a start, and how many addresses from there on. */
typedef struct FuzzArea {
    uint32_t start, size;
} FuzzArea;

uint32_t fuzz_choose(FuzzInput *in, const FuzzArea *areas, size_t count);

/*
 * A pc with a disk, a CD, a floppy, a serial and a parallel port, and every device that -device
 * can add; no CPU runs. Made once, with a display adapter as -vga names it; each call resets it and
 * clears its RAM.
 */
MachineState *fuzz_pc(const char *vga);
/* Lets every image request end, so that an input behaves the same each time. */
void fuzz_settle(MachineState *m);

/* Port accesses. */
void fuzz_out(MachineState *m, uint32_t port, unsigned size, uint32_t val);
uint32_t fuzz_in(MachineState *m, uint32_t port, unsigned size);
/* PCI configuration space of a function of bus 0. */
void fuzz_config(MachineState *m, uint32_t devfn, uint32_t reg, unsigned size, uint32_t val);

#endif
