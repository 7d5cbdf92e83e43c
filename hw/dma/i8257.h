/*
 * The two DMA controllers of a PC.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_DMA_I8257_H
#define HW_DMA_I8257_H

#include "hw/isa/isa.h"

#define TYPE_I8257 "i8257"

/* Creates both controllers (channels 0-3 and 4-7) with their page registers and makes them
 * the DMA service of the bus. False with errp set if that fails. */
bool i8257_create_pair(ISABus *bus, Error **errp);

#endif
