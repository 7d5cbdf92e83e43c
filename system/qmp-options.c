/*
 * query-command-line-options: the option table as data.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "monitor/monitor.h"
#include "system/config.h"
#include "util/module.h"

typedef struct OptionQuery {
    const char *wanted; /* NULL: all */
    json_object *list;
} OptionQuery;

static void add_parameter(json_object *list, const char *name, size_t len)
{
    json_object *info = json_object_new_object();
    g_autofree char *text = g_strndup(name, len);

    json_add_str(info, "name", text);
    json_add_str(info, "type", "string");
    json_object_array_add(list, info);
}

/* Every "key=" of an argument's description. */
static json_object *parameters(const char *arg)
{
    static const char key_chars[] = "abcdefghijklmnopqrstuvwxyz-_0123456789";
    json_object *list = json_object_new_array();

    while (arg && *arg) {
        size_t len = strspn(arg, key_chars);
        if (len && arg[len] == '=') {
            add_parameter(list, arg, len);
        }
        arg += len ? len : 1;
    }
    return list;
}

static void add_option(const char *name, const char *arg, const char *help, void *opaque)
{
    OptionQuery *query = opaque;
    json_object *info;

    if (query->wanted && !g_str_equal(query->wanted, name)) {
        return;
    }
    info = json_object_new_object();
    json_object_object_add(info, "parameters", parameters(arg));
    json_add_str(info, "option", name);
    json_object_array_add(query->list, info);
}

static json_object *qmp_query_options(Monitor *mon, json_object *args, Error **errp)
{
    OptionQuery query = { json_member_str(args, "option"), json_object_new_array() };

    config_option_foreach(add_option, &query);
    if (query.wanted && !json_object_array_length(query.list)) {
        error_setg(errp, "invalid option name: %s", query.wanted);
        json_object_put(query.list);
        return NULL;
    }
    return query.list;
}

static const QmpHandler option_commands[] = {
    { "query-command-line-options", qmp_query_options },
};
QMP_COMMANDS(option_commands)
