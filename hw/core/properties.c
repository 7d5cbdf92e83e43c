/*
 * Static properties: see qdev.h and properties.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/properties.h"
#include <string.h>

static void *prop_field(Object *obj, const Property *prop)
{
    return (char *)obj + prop->offset;
}

bool prop_wrong_type(Object *obj, const Property *prop, const char *expected, Error **errp)
{
    error_setg(errp, "Invalid parameter type for '%s.%s', expected: %s",
               object_get_typename(obj), prop->name, expected);
    return false;
}

static json_object *static_prop_get(Object *obj, const ObjectProperty *op, Error **errp)
{
    const Property *prop = op->opaque;
    return prop->info->get(obj, prop, prop_field(obj, prop), errp);
}

static bool static_prop_set(Object *obj, const ObjectProperty *op, json_object *value,
                            Error **errp)
{
    const Property *prop = op->opaque;
    if (DEVICE(obj)->realized) {
        error_setg(errp, "Attempt to set property '%s' on device '%s' after it was realized",
                   prop->name, object_get_typename(obj));
        return false;
    }
    return prop->info->set(obj, prop, prop_field(obj, prop), value, errp);
}

static void static_prop_release(Object *obj, ObjectProperty *op)
{
    const Property *prop = op->opaque;
    if (prop->info->release) {
        prop->info->release(obj, prop, prop_field(obj, prop));
    }
}

/* The default as JSON, by asking the getter about a scratch field. */
static json_object *default_value(const Property *prop)
{
    union { uint64_t u; void *p; uint8_t bytes[16]; } field = { 0 };
    if (!prop->info->set_default || prop->info->release) {
        return NULL;
    }
    prop->info->set_default(prop, &field);
    return prop->info->get(NULL, prop, &field, NULL);
}

void device_class_add_props(DeviceClass *dc, const Property *props)
{
    for (const Property *prop = props; prop->name; prop++) {
        g_autofree char *link = prop->info == &prop_info_link
                                ? g_strdup_printf("link<%s>", (const char *)prop->data) : NULL;
        ObjectProperty *op = object_class_property_add(OBJECT_CLASS(dc), prop->name,
                                                       link ? link : prop->info->type,
                                                       static_prop_get, static_prop_set,
                                                       (void *)prop);
        op->release = static_prop_release;
        op->default_value = default_value(prop);
        if (prop->desc) {
            object_property_set_description(op, prop->desc);
        }
    }
}

static void set_default(ObjectProperty *op, void *opaque)
{
    const Property *prop = op->opaque;
    if (op->get == static_prop_get && prop->info->set_default) {
        prop->info->set_default(prop, prop_field(opaque, prop));
    }
}

void device_set_prop_defaults(DeviceState *dev)
{
    object_class_property_foreach(object_get_class(dev), set_default, dev);
}

/* --- integers ----------------------------------------------------------- */

static bool int_in_range(Object *obj, const Property *prop, json_object *value, uint64_t max,
                         uint64_t *out, Error **errp)
{
    if (!json_object_is_type(value, json_type_int)) {
        return prop_wrong_type(obj, prop, prop->info->type, errp);
    }
    int64_t as_signed = json_object_get_int64(value);
    *out = json_object_get_uint64(value);
    if ((as_signed < 0 && *out == 0) || *out > max) {
        error_setg(errp, "%s.%s: %s is out of range 0..%" G_GUINT64_FORMAT,
                   object_get_typename(obj), prop->name, json_object_get_string(value), max);
        return false;
    }
    return true;
}

#define UINT_PROPERTY(bits)                                                             \
    static json_object *uint##bits##_get(Object *obj, const Property *prop, void *field, \
                                         Error **errp)                                  \
    {                                                                                   \
        return json_object_new_uint64(*(uint##bits##_t *)field);                        \
    }                                                                                   \
    static bool uint##bits##_set(Object *obj, const Property *prop, void *field,        \
                                 json_object *value, Error **errp)                      \
    {                                                                                   \
        uint64_t number;                                                                \
        if (!int_in_range(obj, prop, value, UINT##bits##_MAX, &number, errp)) {         \
            return false;                                                               \
        }                                                                               \
        *(uint##bits##_t *)field = number;                                              \
        return true;                                                                    \
    }                                                                                   \
    static void uint##bits##_default(const Property *prop, void *field)                 \
    {                                                                                   \
        *(uint##bits##_t *)field = prop->def.u;                                         \
    }                                                                                   \
    const PropertyInfo prop_info_uint##bits = { "uint" #bits, uint##bits##_get,         \
                                                uint##bits##_set, uint##bits##_default, NULL };

UINT_PROPERTY(8)
UINT_PROPERTY(16)
UINT_PROPERTY(32)
UINT_PROPERTY(64)

const PropertyInfo prop_info_size = { "size", uint64_get, uint64_set, uint64_default, NULL };

static json_object *int32_get(Object *obj, const Property *prop, void *field, Error **errp)
{
    return json_object_new_int(*(int32_t *)field);
}

static bool int32_set(Object *obj, const Property *prop, void *field, json_object *value,
                      Error **errp)
{
    if (!json_object_is_type(value, json_type_int)) {
        return prop_wrong_type(obj, prop, "int32", errp);
    }
    int64_t number = json_object_get_int64(value);
    if (number < INT32_MIN || number > INT32_MAX) {
        error_setg(errp, "%s.%s: %s does not fit 32 bits", object_get_typename(obj), prop->name,
                   json_object_get_string(value));
        return false;
    }
    *(int32_t *)field = (int32_t)number;
    return true;
}

static void int32_default(const Property *prop, void *field)
{
    *(int32_t *)field = (int32_t)prop->def.i;
}

const PropertyInfo prop_info_int32 = { "int32", int32_get, int32_set, int32_default, NULL };

/* --- booleans and bits --------------------------------------------------- */

static bool bool_value(Object *obj, const Property *prop, json_object *value, bool *out,
                       Error **errp)
{
    if (!json_object_is_type(value, json_type_boolean)) {
        return prop_wrong_type(obj, prop, "boolean", errp);
    }
    *out = json_object_get_boolean(value);
    return true;
}

static json_object *bool_get(Object *obj, const Property *prop, void *field, Error **errp)
{
    return json_object_new_boolean(*(bool *)field);
}

static bool bool_set(Object *obj, const Property *prop, void *field, json_object *value,
                     Error **errp)
{
    return bool_value(obj, prop, value, field, errp);
}

static void bool_default(const Property *prop, void *field)
{
    *(bool *)field = prop->def.u;
}

const PropertyInfo prop_info_bool = { "bool", bool_get, bool_set, bool_default, NULL };

static void bit_assign(const Property *prop, void *field, bool on)
{
    uint32_t mask = 1u << prop->bit;
    *(uint32_t *)field = on ? *(uint32_t *)field | mask : *(uint32_t *)field & ~mask;
}

static json_object *bit_get(Object *obj, const Property *prop, void *field, Error **errp)
{
    return json_object_new_boolean(*(uint32_t *)field >> prop->bit & 1);
}

static bool bit_set(Object *obj, const Property *prop, void *field, json_object *value,
                    Error **errp)
{
    bool on = false;
    if (!bool_value(obj, prop, value, &on, errp)) {
        return false;
    }
    bit_assign(prop, field, on);
    return true;
}

static void bit_default(const Property *prop, void *field)
{
    bit_assign(prop, field, prop->def.u);
}

const PropertyInfo prop_info_bit = { "bool", bit_get, bit_set, bit_default, NULL };

/* --- strings, links ------------------------------------------------------ */

static json_object *str_get(Object *obj, const Property *prop, void *field, Error **errp)
{
    const char *text = *(char **)field;
    return json_object_new_string(text ? text : "");
}

static bool str_set(Object *obj, const Property *prop, void *field, json_object *value,
                    Error **errp)
{
    if (!json_object_is_type(value, json_type_string)) {
        return prop_wrong_type(obj, prop, "string", errp);
    }
    g_free(*(char **)field);
    *(char **)field = g_strdup(json_object_get_string(value));
    return true;
}

static void str_default(const Property *prop, void *field)
{
    *(char **)field = g_strdup(prop->def.s);
}

static void str_release(Object *obj, const Property *prop, void *field)
{
    g_clear_pointer((char **)field, g_free);
}

const PropertyInfo prop_info_str = { "str", str_get, str_set, str_default, str_release };

static json_object *link_get(Object *obj, const Property *prop, void *field, Error **errp)
{
    Object *target = *(Object **)field;
    g_autofree char *path = target ? object_get_canonical_path(target) : NULL;
    return json_object_new_string(path ? path : "");
}

static bool link_set(Object *obj, const Property *prop, void *field, json_object *value,
                     Error **errp)
{
    const char *path = json_object_get_string(value);
    Object *target = path && *path ? object_resolve_path(path, NULL) : NULL;

    if (path && *path && !object_dynamic_cast(target, prop->data)) {
        error_setg(errp, "%s.%s: '%s' is not the path of a '%s'", object_get_typename(obj),
                   prop->name, path, (const char *)prop->data);
        return false;
    }
    *(Object **)field = target;
    return true;
}

const PropertyInfo prop_info_link = { "link", link_get, link_set, NULL, NULL };

/* --- enumerations and addresses ------------------------------------------ */

static const char *const on_off_auto[] = { "auto", "on", "off", NULL };

static json_object *on_off_auto_get(Object *obj, const Property *prop, void *field, Error **errp)
{
    return json_object_new_string(on_off_auto[*(uint8_t *)field % 3]);
}

static bool on_off_auto_set(Object *obj, const Property *prop, void *field, json_object *value,
                            Error **errp)
{
    const char *text = json_object_get_string(value);
    for (uint8_t i = 0; text && on_off_auto[i]; i++) {
        if (g_str_equal(text, on_off_auto[i])) {
            *(uint8_t *)field = i;
            return true;
        }
    }
    error_setg(errp, "%s.%s: '%s' is not 'auto', 'on' or 'off'", object_get_typename(obj),
               prop->name, text ? text : "null");
    return false;
}

const PropertyInfo prop_info_on_off_auto = { "OnOffAuto", on_off_auto_get, on_off_auto_set,
                                             uint8_default, NULL };

/* "05", "05.0" or a number; -1 means that the bus chooses. */
static json_object *devfn_get(Object *obj, const Property *prop, void *field, Error **errp)
{
    int32_t devfn = *(int32_t *)field;
    g_autofree char *text = devfn < 0 ? g_strdup("<unset>")
                                      : g_strdup_printf("%02x.%x", devfn >> 3, devfn & 7);
    return json_object_new_string(text);
}

static bool devfn_set(Object *obj, const Property *prop, void *field, json_object *value,
                      Error **errp)
{
    if (json_object_is_type(value, json_type_int)) {
        return int32_set(obj, prop, field, value, errp);
    }
    const char *text = json_object_get_string(value);
    char *end = NULL;
    uint64_t slot = text ? g_ascii_strtoull(text, &end, 16) : 0, fn = 0;
    if (end && *end == '.') {
        fn = g_ascii_strtoull(end + 1, &end, 16);
    }
    if (!text || end == text || *end || slot > 31 || fn > 7) {
        error_setg(errp, "%s.%s: '%s' is not a PCI address; write SLOT[.FUNCTION] in hexadecimal, "
                   "slot 0-1f, function 0-7", object_get_typename(obj), prop->name,
                   text ? text : "null");
        return false;
    }
    *(int32_t *)field = (int32_t)(slot << 3 | fn);
    return true;
}

const PropertyInfo prop_info_pci_devfn = { "str", devfn_get, devfn_set, int32_default, NULL };

static json_object *mac_get(Object *obj, const Property *prop, void *field, Error **errp)
{
    const uint8_t *m = field;
    g_autofree char *text = g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2],
                                            m[3], m[4], m[5]);
    return json_object_new_string(text);
}

static bool mac_set(Object *obj, const Property *prop, void *field, json_object *value,
                    Error **errp)
{
    const char *text = json_object_get_string(value);
    g_auto(GStrv) parts = g_strsplit_set(text ? text : "", ":-", 0);
    uint8_t mac[6];
    bool ok = g_strv_length(parts) == 6;

    for (int i = 0; ok && i < 6; i++) {
        char *end;
        uint64_t byte = g_ascii_strtoull(parts[i], &end, 16);
        ok = end != parts[i] && !*end && byte <= 0xff;
        mac[i] = (uint8_t)byte;
    }
    if (!ok) {
        error_setg(errp, "%s.%s: '%s' is not a MAC address; write it as 52:54:00:12:34:56",
                   object_get_typename(obj), prop->name, text ? text : "null");
        return false;
    }
    memcpy(field, mac, sizeof(mac));
    return true;
}

const PropertyInfo prop_info_macaddr = { "str", mac_get, mac_set, NULL, NULL };
