/*
 * Memory back ends: how the host provides guest memory. "-object memory-backend-ram,id=X,size=S"
 * with "-machine memory-backend=X" takes the place of -m.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CORE_HOSTMEM_H
#define HW_CORE_HOSTMEM_H

#include "qom/object.h"

#define TYPE_MEMORY_BACKEND "memory-backend"
#define TYPE_MEMORY_BACKEND_RAM "memory-backend-ram"
OBJECT_DECLARE_SIMPLE(MemoryBackend, MEMORY_BACKEND, TYPE_MEMORY_BACKEND)

struct MemoryBackend {
    Object parent_obj;
    uint64_t size;  /* bytes */
    bool share;     /* accepted: guest memory is always a shared mapping */
    bool prealloc;  /* every page is there from the start */
    bool complete;  /* the properties are fixed */
    bool in_use;    /* a machine has taken it */
};

/* Gives every page of a mapping its memory now; false with errp set. */
bool memory_preallocate(void *host, uint64_t size, Error **errp);

#endif
