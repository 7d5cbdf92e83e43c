/*
 * State descriptions: see vmstate.h.
 *
 *   +------------+------+---------+----------------------+
 *   | length (1) | name | version | fields, big-endian   |
 *   +------------+------+---------+----------------------+
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/vmstate.h"
#include <inttypes.h>
#include <string.h>

typedef struct Reader {
    const uint8_t *data;
    size_t len, *pos;
} Reader;

static void put_uint(GByteArray *out, uint64_t val, unsigned size)
{
    uint64_t be = GUINT64_TO_BE(val);
    g_byte_array_append(out, (uint8_t *)&be + 8 - size, size);
}

static bool take(Reader *r, void *buf, size_t n, Error **errp)
{
    if (n > r->len - *r->pos) {
        error_setg(errp, "machine state ends at byte %zu; it is truncated", r->len);
        return false;
    }
    memcpy(buf, r->data + *r->pos, n);
    *r->pos += n;
    return true;
}

static bool get_uint(Reader *r, uint64_t *val, unsigned size, Error **errp)
{
    uint64_t be = 0;
    if (!take(r, (uint8_t *)&be + 8 - size, size, errp)) {
        return false;
    }
    *val = GUINT64_FROM_BE(be);
    return true;
}

static uint64_t load_native(const void *at, unsigned size)
{
    switch (size) {
    case 1: return *(const uint8_t *)at;
    case 2: return *(const uint16_t *)at;
    case 4: return *(const uint32_t *)at;
    default: return *(const uint64_t *)at;
    }
}

static void store_native(void *at, unsigned size, uint64_t val)
{
    switch (size) {
    case 1: *(uint8_t *)at = (uint8_t)val; break;
    case 2: *(uint16_t *)at = (uint16_t)val; break;
    case 4: *(uint32_t *)at = (uint32_t)val; break;
    default: *(uint64_t *)at = val; break;
    }
}

static void save_element(const VMStateField *field, void *at, GByteArray *out)
{
    switch (field->kind) {
    case VMS_TIMER:
        put_uint(out, (uint64_t)timer_expire_time(at), 8);
        break;
    case VMS_BYTES:
        g_byte_array_append(out, at, field->elem_size);
        break;
    case VMS_STRUCT:
        vmstate_save(field->nested, at, out);
        break;
    default:
        put_uint(out, load_native(at, field->elem_size), field->elem_size);
    }
}

static void load_timer(Timer *timer, int64_t expire)
{
    if (expire < 0) {
        timer_del(timer);
    } else {
        timer_mod(timer, expire);
    }
}

static bool load_element(const VMStateField *field, void *at, Reader *r, Error **errp)
{
    uint64_t val;

    switch (field->kind) {
    case VMS_TIMER:
        if (!get_uint(r, &val, 8, errp)) {
            return false;
        }
        load_timer(at, (int64_t)val);
        return true;
    case VMS_BYTES:
        return take(r, at, field->elem_size, errp);
    case VMS_STRUCT:
        return vmstate_load(field->nested, at, r->data, r->len, r->pos, errp);
    default:
        if (!get_uint(r, &val, field->elem_size, errp)) {
            return false;
        }
        store_native(at, field->elem_size, field->kind == VMS_BOOL ? val != 0 : val);
        return true;
    }
}

static bool field_present(const VMStateField *field, const void *opaque)
{
    return !field->exists || field->exists(opaque);
}

void vmstate_save(const VMStateDescription *vmsd, void *opaque, GByteArray *out)
{
    size_t name_len = strlen(vmsd->name);

    if (vmsd->pre_save) {
        vmsd->pre_save(opaque);
    }
    put_uint(out, name_len, 1);
    g_byte_array_append(out, (const uint8_t *)vmsd->name, name_len);
    put_uint(out, vmsd->version, 4);
    for (const VMStateField *field = vmsd->fields; field->kind != VMS_END; field++) {
        if (!field_present(field, opaque)) {
            continue;
        }
        for (size_t i = 0; i < field->count; i++) {
            save_element(field, (char *)opaque + field->offset + i * field->elem_size, out);
        }
    }
}

static bool check_header(const VMStateDescription *vmsd, Reader *r, Error **errp)
{
    uint64_t len, version;
    char name[256] = "";

    if (!get_uint(r, &len, 1, errp) || !take(r, name, len, errp) ||
        !get_uint(r, &version, 4, errp)) {
        return false;
    }
    if (!g_str_equal(name, vmsd->name) || version != vmsd->version) {
        error_setg(errp, "machine state has '%s' version %u where '%s' version %u belongs", name,
                   (unsigned)version, vmsd->name, vmsd->version);
        return false;
    }
    return true;
}

bool vmstate_load(const VMStateDescription *vmsd, void *opaque, const uint8_t *data, size_t len,
                  size_t *pos, Error **errp)
{
    Reader r = { data, len, pos };

    if (!check_header(vmsd, &r, errp)) {
        return false;
    }
    for (const VMStateField *field = vmsd->fields; field->kind != VMS_END; field++) {
        if (!field_present(field, opaque)) {
            continue;
        }
        for (size_t i = 0; i < field->count; i++) {
            void *at = (char *)opaque + field->offset + i * field->elem_size;
            if (!load_element(field, at, &r, errp)) {
                return false;
            }
        }
    }
    return !vmsd->post_load || vmsd->post_load(opaque, errp);
}

static void print_bytes(const uint8_t *at, size_t len, GString *out)
{
    enum { SHOWN = 32 };

    if (len <= SHOWN) {
        for (size_t i = 0; i < len; i++) {
            g_string_append_printf(out, "%02x", at[i]);
        }
    } else {
        g_autofree char *hash = g_compute_checksum_for_data(G_CHECKSUM_MD5, at, len);
        g_string_append_printf(out, "%zu bytes, MD5 %s", len, hash);
    }
}

static void print_element(const VMStateField *field, const void *at, const char *name,
                          GString *out)
{
    if (field->kind == VMS_STRUCT) {
        vmstate_print(field->nested, at, name, out);
        return;
    }
    g_string_append_printf(out, "%s ", name);
    if (field->kind == VMS_BYTES) {
        print_bytes(at, field->elem_size, out);
    } else if (field->kind == VMS_TIMER) {
        g_string_append_printf(out, "%" PRId64, timer_expire_time(at));
    } else {
        g_string_append_printf(out, "0x%" PRIx64, load_native(at, field->elem_size));
    }
    g_string_append_c(out, '\n');
}

void vmstate_print(const VMStateDescription *vmsd, const void *opaque, const char *prefix,
                   GString *out)
{
    for (const VMStateField *field = vmsd->fields; field->kind != VMS_END; field++) {
        for (size_t i = 0; field_present(field, opaque) && i < field->count; i++) {
            g_autofree char *name = field->count > 1
                ? g_strdup_printf("%s.%s[%zu]", prefix, field->name, i)
                : g_strdup_printf("%s.%s", prefix, field->name);
            print_element(field, (const char *)opaque + field->offset + i * field->elem_size, name,
                          out);
        }
    }
}
