/*
 * Values against the types of the schema: see qapi.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qapi/qapi.h"
#include <string.h>

/* Where in the value the check is; the chain goes up to the whole. */
typedef struct Place Place;
struct Place {
    const Place *up;
    const char *name; /* of a member; NULL: element number index */
    size_t index;
};

static bool check(const QapiType *type, json_object *value, const Place *place, Error **errp);

static void append_path(GString *out, const Place *place)
{
    if (place->up) {
        append_path(out, place->up);
    }
    if (!place->name) {
        if (place->up) {
            g_string_append_printf(out, "[%zu]", place->index);
        }
        return;
    }
    g_string_append_printf(out, "%s%s", out->len ? "." : "", place->name);
}

static char *path_of(const Place *place)
{
    GString *path = g_string_new(NULL);

    append_path(path, place);
    if (!path->len) {
        g_string_append(path, "null");
    }
    return g_string_free(path, FALSE);
}

static bool wrong_type(const Place *place, const char *expected, Error **errp)
{
    g_autofree char *path = path_of(place);
    error_setg(errp, "Invalid parameter type for '%s', expected: %s", path, expected);
    return false;
}

static bool check_json_type(json_object *value, json_type type, const char *expected,
                            const Place *place, Error **errp)
{
    return json_object_is_type(value, type) || wrong_type(place, expected, errp);
}

static bool check_int(const QapiType *type, json_object *value, const Place *place, Error **errp)
{
    int64_t as_signed;
    uint64_t as_unsigned;

    if (!check_json_type(value, json_type_int, "integer", place, errp)) {
        return false;
    }
    as_signed = json_object_get_int64(value);
    as_unsigned = json_object_get_uint64(value); /* 0 for what is negative */
    if (type->max <= INT64_MAX && as_unsigned > INT64_MAX) {
        return wrong_type(place, "integer", errp);
    }
    /* A uint64 also takes a negative number, as two's complement. */
    if (type->max != UINT64_MAX && (as_signed < type->min || (as_signed > 0 &&
                                                              as_unsigned > type->max))) {
        error_setg(errp, "Parameter '%s' expects %s_t", place->name ? place->name : "null",
                   type->name);
        return false;
    }
    return true;
}

static bool check_number(json_object *value, const Place *place, Error **errp)
{
    return json_object_is_type(value, json_type_int) ||
           check_json_type(value, json_type_double, "number", place, errp);
}

static bool check_enum(const QapiType *type, json_object *value, const Place *place, Error **errp)
{
    if (!check_json_type(value, json_type_string, "string", place, errp)) {
        return false;
    }
    if (!g_strv_contains(type->values, json_object_get_string(value))) {
        error_setg(errp, "Parameter '%s' does not accept value '%s'",
                   place->name ? place->name : "null", json_object_get_string(value));
        return false;
    }
    return true;
}

static bool check_array(const QapiType *type, json_object *value, const Place *place,
                        Error **errp)
{
    if (!check_json_type(value, json_type_array, "array", place, errp)) {
        return false;
    }
    for (size_t i = 0; i < json_object_array_length(value); i++) {
        Place inner = { place, NULL, i };
        if (!check(type->element, json_object_array_get_idx(value, i), &inner, errp)) {
            return false;
        }
    }
    return true;
}

static bool check_members(const QapiMember *members, json_object *value, const Place *place,
                          Error **errp)
{
    for (const QapiMember *m = members; m && m->name; m++) {
        Place inner = { place, m->name };
        json_object *member;
        if (json_object_object_get_ex(value, m->name, &member)) {
            if (!check(m->type, member, &inner, errp)) {
                return false;
            }
        } else if (!m->optional) {
            g_autofree char *path = path_of(&inner);
            error_setg(errp, "Parameter '%s' is missing", path);
            return false;
        }
    }
    return true;
}

/* The struct whose members a union has besides its own; NULL: none. */
static const QapiType *chosen_case(const QapiType *type, json_object *value)
{
    json_object *tag;

    if (!type->tag || !json_object_object_get_ex(value, type->tag, &tag)) {
        return NULL;
    }
    for (const QapiCase *c = type->cases; c->value; c++) {
        if (g_str_equal(c->value, json_object_get_string(tag))) {
            return c->type;
        }
    }
    return NULL;
}

static bool has_member(const QapiType *type, const char *name)
{
    for (const QapiMember *m = type ? type->members : NULL; m && m->name; m++) {
        if (g_str_equal(m->name, name)) {
            return true;
        }
    }
    return false;
}

static bool check_struct(const QapiType *type, json_object *value, const Place *place,
                         Error **errp)
{
    const QapiType *variant;

    if (!check_json_type(value, json_type_object, "object", place, errp) ||
        !check_members(type->members, value, place, errp)) {
        return false;
    }
    variant = chosen_case(type, value);
    if (variant && !check_members(variant->members, value, place, errp)) {
        return false;
    }
    json_object_object_foreach(value, key, member) {
        (void)member;
        if (!type->open && !has_member(type, key) && !has_member(variant, key)) {
            Place inner = { place, key };
            g_autofree char *path = path_of(&inner);
            error_setg(errp, "Parameter '%s' is unexpected", path);
            return false;
        }
    }
    return true;
}

static json_type json_type_of(const QapiType *type)
{
    static const json_type types[] = {
        [QAPI_STRING] = json_type_string, [QAPI_INT] = json_type_int,
        [QAPI_NUMBER] = json_type_double, [QAPI_BOOL] = json_type_boolean,
        [QAPI_NULL] = json_type_null, [QAPI_ENUM] = json_type_string,
        [QAPI_ARRAY] = json_type_array, [QAPI_STRUCT] = json_type_object,
    };
    return types[type->kind];
}

static bool check_alternate(const QapiType *type, json_object *value, const Place *place,
                            Error **errp)
{
    for (const QapiType *const *t = type->types; *t; t++) {
        if (json_object_is_type(value, json_type_of(*t))) {
            return check(*t, value, place, errp);
        }
    }
    return wrong_type(place, type->name, errp);
}

static bool check(const QapiType *type, json_object *value, const Place *place, Error **errp)
{
    switch (type->kind) {
    case QAPI_STRING:
        return check_json_type(value, json_type_string, "string", place, errp);
    case QAPI_INT:
        return check_int(type, value, place, errp);
    case QAPI_NUMBER:
        return check_number(value, place, errp);
    case QAPI_BOOL:
        return check_json_type(value, json_type_boolean, "boolean", place, errp);
    case QAPI_NULL:
        return check_json_type(value, json_type_null, "null", place, errp);
    case QAPI_ENUM:
        return check_enum(type, value, place, errp);
    case QAPI_ARRAY:
        return check_array(type, value, place, errp);
    case QAPI_STRUCT:
        return check_struct(type, value, place, errp);
    case QAPI_ALTERNATE:
        return check_alternate(type, value, place, errp);
    case QAPI_ANY:
        break;
    }
    return true;
}

bool qapi_check(const QapiType *type, json_object *value, const char *name, Error **errp)
{
    Place place = { NULL, name };
    return check(type, value, &place, errp);
}

const QapiCommand *qapi_find_command(const char *name)
{
    for (const QapiCommand *cmd = qapi_commands; cmd->name; cmd++) {
        if (g_str_equal(cmd->name, name)) {
            return cmd;
        }
    }
    return NULL;
}

const QapiEvent *qapi_find_event(const char *name)
{
    for (const QapiEvent *event = qapi_events; event->name; event++) {
        if (g_str_equal(event->name, name)) {
            return event;
        }
    }
    return NULL;
}
