/*
 * QMP commands about QMP itself.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "monitor/monitor.h"
#include "qapi/qapi.h"
#include "util/module.h"

/* The version of QEMU whose protocol and names Doppel has. */
enum { QEMU_MAJOR = 7, QEMU_MINOR = 2, QEMU_MICRO = 0 };

static json_object *qmp_query_version(Monitor *mon, json_object *args, Error **errp)
{
    json_object *info = json_object_new_object(), *qemu = json_object_new_object();

    json_add_int(qemu, "micro", QEMU_MICRO);
    json_add_int(qemu, "minor", QEMU_MINOR);
    json_add_int(qemu, "major", QEMU_MAJOR);
    json_object_object_add(info, "qemu", qemu);
    json_add_str(info, "package", "Doppel " DOPPEL_VERSION);
    return info;
}

static json_object *qmp_query_commands(Monitor *mon, json_object *args, Error **errp)
{
    json_object *list = json_object_new_array();

    for (const QapiCommand *cmd = qapi_commands; cmd->name; cmd++) {
        json_object *info = json_object_new_object();
        json_add_str(info, "name", cmd->name);
        json_object_array_add(list, info);
    }
    return list;
}

static json_object *qmp_query_qmp_schema(Monitor *mon, json_object *args, Error **errp)
{
    return json_tokener_parse(qapi_introspection);
}

static const QmpHandler schema_commands[] = {
    { "query-version", qmp_query_version },
    { "query-commands", qmp_query_commands },
    { "query-qmp-schema", qmp_query_qmp_schema },
};
QMP_COMMANDS(schema_commands)
