/*
 * Options written as a JSON object, as programs that drive the emulator do:
 * {"driver": "raw", "file": {"filename": "x"}} means driver=raw,file.filename=x.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <json-c/json.h>
#include "util/option.h"

static void add_value(OptDict *dict, const char *key, json_object *value);

static void add_object(OptDict *dict, const char *prefix, json_object *object)
{
    json_object_object_foreach(object, key, value) {
        g_autofree char *full = g_strconcat(prefix, key, NULL);
        add_value(dict, full, value);
    }
}

static void add_array(OptDict *dict, const char *key, json_object *array)
{
    for (size_t i = 0; i < json_object_array_length(array); i++) {
        g_autofree char *full = g_strdup_printf("%s.%zu", key, i);
        add_value(dict, full, json_object_array_get_idx(array, i));
    }
}

static void add_value(OptDict *dict, const char *key, json_object *value)
{
    g_autofree char *prefix = g_strconcat(key, ".", NULL);

    switch (json_object_get_type(value)) {
    case json_type_object:
        add_object(dict, prefix, value);
        break;
    case json_type_array:
        add_array(dict, key, value);
        break;
    case json_type_boolean:
        optdict_set(dict, key, json_object_get_boolean(value) ? "on" : "off");
        break;
    case json_type_null:
        break;
    default:
        optdict_set(dict, key, json_object_get_string(value));
        break;
    }
}

OptDict *optdict_from_json(const char *option, json_object *object)
{
    OptDict *dict = optdict_new(option);
    add_object(dict, "", object);
    return dict;
}

OptDict *optdict_parse_json(const char *option, const char *text, Error **errp)
{
    enum json_tokener_error err;
    json_object *object = json_tokener_parse_verbose(text, &err);

    if (!json_object_is_type(object, json_type_object)) {
        error_setg(errp, "%s: the text after '{' is not a JSON object: %s", option,
                   err == json_tokener_success ? "another type" : json_tokener_error_desc(err));
        json_object_put(object);
        return NULL;
    }
    OptDict *dict = optdict_from_json(option, object);
    json_object_put(object);
    return dict;
}
