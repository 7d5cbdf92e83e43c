/*
 * The boot option ROMs that are built in.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_I386_ROMS_H
#define HW_I386_ROMS_H

#include <stddef.h>
#include <stdint.h>

extern const uint8_t rom_linuxboot[], rom_multiboot[];
extern const size_t rom_linuxboot_size, rom_multiboot_size;

#endif
