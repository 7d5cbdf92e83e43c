/*
 * State descriptions: which fields of a device make up its state, as data.
 *
 *     static const VMStateField serial_fields[] = {
 *         VMSTATE_UINT8(lcr, SerialState),
 *         VMSTATE_UINT8_ARRAY(fifo, SerialState, 16),
 *         VMSTATE_TIMER(tx_timer, SerialState),
 *         VMSTATE_END
 *     };
 *     static const VMStateDescription vmstate_serial = {
 *         .name = "serial", .version = 1, .fields = serial_fields,
 *         .post_load = serial_post_load,
 *     };
 *
 * Saved form: big-endian fields one after the other, each description led by
 * its name and version. Loading never trusts the data: a wrong name, version,
 * length or an array count out of range fails with errp set, post_load checks
 * the rest.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CORE_VMSTATE_H
#define HW_CORE_VMSTATE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "util/error.h"
#include "util/timer.h"

typedef struct VMStateDescription VMStateDescription;

typedef enum VMStateKind {
    VMS_END, VMS_BOOL, VMS_U8, VMS_U16, VMS_U32, VMS_U64,
    VMS_TIMER,   /* expiry time, re-armed on load */
    VMS_BYTES,   /* elem_size bytes as they are */
    VMS_STRUCT,  /* a nested description */
} VMStateKind;

typedef struct VMStateField {
    const char *name;
    VMStateKind kind;
    size_t offset;
    size_t elem_size;  /* bytes of one element */
    size_t count;      /* elements; 1 for a scalar */
    const VMStateDescription *nested;
    /* Saved only if this says so on both sides; NULL: always. */
    bool (*exists)(const void *opaque);
} VMStateField;

struct VMStateDescription {
    const char *name;
    uint32_t version;
    const VMStateField *fields;
    void (*pre_save)(void *opaque);
    bool (*post_load)(void *opaque, Error **errp);
};

#define VMSTATE_FIELD_(f, T, k, n, size, nest)                                 \
    { .name = #f, .kind = (k), .offset = offsetof(T, f), .count = (n),         \
      .elem_size = (size), .nested = (nest) }
/* The member must have exactly the element type; the size check fails to
 * compile otherwise. */
#define VMSTATE_SIZED_(f, T, k, n, ctype)                                      \
    VMSTATE_FIELD_(f, T, k, n,                                                 \
                   sizeof(ctype) + 0 * sizeof(char[sizeof(((T *)0)->f) ==      \
                                                   (n) * sizeof(ctype) ? 1 : -1]), NULL)
#define VMSTATE_BOOL(f, T) VMSTATE_SIZED_(f, T, VMS_BOOL, 1, bool)
#define VMSTATE_UINT8(f, T) VMSTATE_SIZED_(f, T, VMS_U8, 1, uint8_t)
#define VMSTATE_UINT16(f, T) VMSTATE_SIZED_(f, T, VMS_U16, 1, uint16_t)
#define VMSTATE_UINT32(f, T) VMSTATE_SIZED_(f, T, VMS_U32, 1, uint32_t)
#define VMSTATE_UINT64(f, T) VMSTATE_SIZED_(f, T, VMS_U64, 1, uint64_t)
#define VMSTATE_INT32(f, T) VMSTATE_SIZED_(f, T, VMS_U32, 1, int32_t)
#define VMSTATE_INT64(f, T) VMSTATE_SIZED_(f, T, VMS_U64, 1, int64_t)
#define VMSTATE_BOOL_ARRAY(f, T, n) VMSTATE_SIZED_(f, T, VMS_BOOL, n, bool)
#define VMSTATE_UINT8_ARRAY(f, T, n) VMSTATE_SIZED_(f, T, VMS_U8, n, uint8_t)
#define VMSTATE_UINT16_ARRAY(f, T, n) VMSTATE_SIZED_(f, T, VMS_U16, n, uint16_t)
#define VMSTATE_UINT32_ARRAY(f, T, n) VMSTATE_SIZED_(f, T, VMS_U32, n, uint32_t)
#define VMSTATE_UINT64_ARRAY(f, T, n) VMSTATE_SIZED_(f, T, VMS_U64, n, uint64_t)
#define VMSTATE_BYTES(f, T, n) VMSTATE_FIELD_(f, T, VMS_BYTES, 1, n, NULL)
#define VMSTATE_TIMER(f, T) VMSTATE_FIELD_(f, T, VMS_TIMER, 1, sizeof(Timer), NULL)
#define VMSTATE_STRUCT(f, T, vmsd, S) VMSTATE_FIELD_(f, T, VMS_STRUCT, 1, sizeof(S), &(vmsd))
#define VMSTATE_STRUCT_ARRAY(f, T, n, vmsd, S)                                 \
    VMSTATE_FIELD_(f, T, VMS_STRUCT, n, sizeof(S), &(vmsd))
#define VMSTATE_END { .kind = VMS_END }

/* Appends the state of opaque to out. */
void vmstate_save(const VMStateDescription *vmsd, void *opaque, GByteArray *out);
/* Reads it back from data[*pos..len); advances *pos. */
bool vmstate_load(const VMStateDescription *vmsd, void *opaque, const uint8_t *data, size_t len,
                  size_t *pos, Error **errp);
/* Appends a line "PREFIX.FIELD[INDEX] VALUE" for each field; long byte strings as a hash. */
void vmstate_print(const VMStateDescription *vmsd, const void *opaque, const char *prefix,
                   GString *out);

#endif
