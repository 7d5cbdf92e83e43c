/*
 * QMP commands about character devices and file descriptors.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include "monitor/monitor.h"
#include "util/module.h"

/* --- queries --------------------------------------------------------------------------- */

static void add_chardev(Chardev *chr, void *opaque)
{
    json_object *info = json_object_new_object();

    json_add_str(info, "label", chardev_label(chr));
    json_add_str(info, "filename", chardev_filename(chr));
    json_add_bool(info, "frontend-open", chardev_frontend_open(chr));
    json_object_array_add(opaque, info);
}

static json_object *qmp_query_chardev(Monitor *mon, json_object *args, Error **errp)
{
    json_object *list = json_object_new_array();

    chardev_foreach(monitor_machine(mon)->chardevs, add_chardev, list);
    return list;
}

static void add_backend(const char *name, void *opaque)
{
    json_object *info = json_object_new_object();

    json_add_str(info, "name", name);
    json_object_array_add(opaque, info);
}

static json_object *qmp_query_chardev_backends(Monitor *mon, json_object *args, Error **errp)
{
    json_object *list = json_object_new_array();

    chardev_backend_foreach(add_backend, list);
    return list;
}

/* --- adding and removing --------------------------------------------------------------- */

/* Members of a back end's data that -chardev calls otherwise. */
static const struct {
    const char *backend, *member, *option;
} renamed[] = {
    { "file", "out", "path" }, { "pipe", "device", "path" }, { "serial", "device", "path" },
    { "parallel", "device", "path" },
};

static void set_option(OptDict *opts, const char *key, json_object *value)
{
    bool is_flag = json_object_is_type(value, json_type_boolean);

    optdict_set(opts, key, !is_flag ? json_object_get_string(value)
                                    : json_object_get_boolean(value) ? "on" : "off");
}

/* A SocketAddress becomes host=, port=, path= ..., for a local address localaddr=, localport=.
 * False with errp set if its descriptor is not there. */
static bool set_address(Monitor *mon, OptDict *opts, json_object *addr, const char *prefix,
                        Error **errp)
{
    const char *type = json_member_str(addr, "type");
    json_object *data = json_member(addr, "data");

    if (g_str_equal(type, "fd")) {
        const char *name = json_member_str(data, "str");
        g_autofree char *number = NULL;
        int fd = g_ascii_isdigit(*name) ? (int)g_ascii_strtoll(name, NULL, 10)
                                        : monitor_take_fd(mon, name, errp);
        number = g_strdup_printf("%d", fd);
        optdict_set(opts, "fd", number);
        return fd >= 0;
    }
    json_object_object_foreach(data, key, value) {
        bool host = *prefix && g_str_equal(key, "host");
        g_autofree char *full = g_strconcat(prefix, host ? "addr" : key, NULL);
        set_option(opts, full, value);
    }
    return true;
}

static const char *option_name(const char *backend, const char *member)
{
    for (size_t i = 0; i < G_N_ELEMENTS(renamed); i++) {
        if (g_str_equal(renamed[i].backend, backend) && g_str_equal(renamed[i].member, member)) {
            return renamed[i].option;
        }
    }
    return member;
}

/* The back end's description as the options of -chardev. */
static OptDict *chardev_options(Monitor *mon, const char *id, json_object *backend, Error **errp)
{
    const char *type = json_member_str(backend, "type");
    json_object *data = json_member(backend, "data");
    g_autoptr(OptDict) opts = optdict_new("chardev-add");

    optdict_set(opts, "id", id);
    optdict_set(opts, "backend", type);
    if (g_str_equal(type, "socket") && json_member_bool(data, "server", true)) {
        optdict_set(opts, "server", "on"); /* QMP's defaults are others than -chardev's */
        optdict_set(opts, "wait", "off");
    }
    json_object_object_foreach(data, key, value) {
        if (json_object_is_type(value, json_type_object)) {
            const char *prefix = g_str_equal(key, "local") ? "local" : "";
            if (!set_address(mon, opts, value, prefix, errp)) {
                return NULL;
            }
        } else {
            set_option(opts, option_name(type, key), value);
        }
    }
    return g_steal_pointer(&opts);
}

static json_object *qmp_chardev_add(Monitor *mon, json_object *args, Error **errp)
{
    ChardevRegistry *reg = monitor_machine(mon)->chardevs;
    const char *id = json_member_str(args, "id");
    json_object *backend = json_member(args, "backend"), *result;
    g_autoptr(OptDict) opts = NULL;
    Chardev *chr;

    if (chardev_find(reg, id)) {
        error_setg(errp, "Chardev with id '%s' already exists", id);
        return NULL;
    }
    opts = chardev_options(mon, id, backend, errp);
    chr = opts ? chardev_add(reg, opts, errp) : NULL;
    if (!chr) {
        return NULL;
    }
    result = json_object_new_object();
    if (g_str_has_prefix(chardev_filename(chr), "pty:")) {
        json_add_str(result, "pty", chardev_filename(chr) + strlen("pty:"));
    }
    return result;
}

static Chardev *chardev_arg(Monitor *mon, const char *id, Error **errp)
{
    Chardev *chr = chardev_find(monitor_machine(mon)->chardevs, id);

    if (!chr) {
        error_setg(errp, "Chardev '%s' not found", id);
    }
    return chr;
}

static json_object *qmp_chardev_remove(Monitor *mon, json_object *args, Error **errp)
{
    const char *id = json_member_str(args, "id");
    Chardev *chr = chardev_arg(mon, id, errp);

    if (chr && !chardev_remove(monitor_machine(mon)->chardevs, id, NULL)) {
        error_setg(errp, "Chardev '%s' is busy", id);
    }
    return NULL;
}

static json_object *qmp_chardev_send_break(Monitor *mon, json_object *args, Error **errp)
{
    Chardev *chr = chardev_arg(mon, json_member_str(args, "id"), errp);

    if (chr) {
        chardev_send_break(chr);
    }
    return NULL;
}

/* --- ring buffers ---------------------------------------------------------------------- */

/* A ring buffer by its name, or NULL with errp set. */
static Chardev *ringbuf_arg(Monitor *mon, json_object *args, Error **errp)
{
    const char *device = json_member_str(args, "device");
    Chardev *chr = chardev_find(monitor_machine(mon)->chardevs, device);

    if (!chr) {
        error_setg(errp, "Device '%s' not found", device);
    } else if (chr_ringbuf_read(chr, NULL, 0) < 0) {
        error_setg(errp, "%s is not a ringbuf device", device);
        return NULL;
    }
    return chr;
}

static bool is_base64(json_object *args)
{
    return g_strcmp0(json_member_str(args, "format"), "base64") == 0;
}

static json_object *qmp_ringbuf_write(Monitor *mon, json_object *args, Error **errp)
{
    Chardev *chr = ringbuf_arg(mon, args, errp);
    const char *text = json_member_str(args, "data");
    gsize len = strlen(text);
    g_autofree guchar *decoded = chr && is_base64(args) ? g_base64_decode(text, &len) : NULL;

    if (chr) {
        chr_ringbuf_inject(chr, decoded ? decoded : (const uint8_t *)text, (int)len);
    }
    return NULL;
}

static json_object *qmp_ringbuf_read(Monitor *mon, json_object *args, Error **errp)
{
    enum { MOST = 64 << 20 };
    Chardev *chr = ringbuf_arg(mon, args, errp);
    int64_t size = json_member_int(args, "size", 0);
    g_autofree uint8_t *buf = NULL;
    g_autofree char *text = NULL;
    int n;

    if (!chr) {
        return NULL;
    }
    if (size <= 0) {
        error_setg(errp, "size must be greater than zero");
        return NULL;
    }
    size = MIN(size, MOST);
    buf = g_malloc(size);
    n = chr_ringbuf_read(chr, buf, (int)size);
    text = is_base64(args) ? g_base64_encode(buf, n) : g_strndup((char *)buf, n);
    return json_object_new_string(text);
}

/* --- file descriptors ------------------------------------------------------------------ */

static json_object *qmp_getfd(Monitor *mon, json_object *args, Error **errp)
{
    const char *name = json_member_str(args, "fdname");
    int fd = monitor_take_passed_fd(mon);

    if (fd < 0) {
        error_setg(errp, "No file descriptor supplied via SCM_RIGHTS");
    } else if (g_ascii_isdigit(*name)) {
        close(fd);
        error_setg(errp, "Parameter 'fdname' expects a name not starting with a digit");
    } else {
        monitor_add_fd(mon, name, fd);
    }
    return NULL;
}

static json_object *qmp_closefd(Monitor *mon, json_object *args, Error **errp)
{
    const char *name = json_member_str(args, "fdname");
    int fd = monitor_take_fd(mon, name, NULL);

    if (fd < 0) {
        error_setg(errp, "File descriptor named '%s' not found", name);
    } else {
        close(fd);
    }
    return NULL;
}

static json_object *qmp_add_client(Monitor *mon, json_object *args, Error **errp)
{
    const char *protocol = json_member_str(args, "protocol");
    int fd = monitor_take_fd(mon, json_member_str(args, "fdname"), errp);
    Chardev *chr = fd < 0 ? NULL : chardev_find(monitor_machine(mon)->chardevs, protocol);

    if (fd >= 0 && !chr) {
        error_setg(errp, "protocol '%s' is invalid", protocol);
    }
    if (fd >= 0 && (!chr || !chardev_add_client(chr, fd, errp))) {
        close(fd);
    }
    return NULL;
}

/* --- yank ------------------------------------------------------------------------------ */

static void add_instance(Chardev *chr, void *opaque)
{
    json_object *info;

    if (chardev_can_yank(chr)) {
        info = json_object_new_object();
        json_add_str(info, "type", "chardev");
        json_add_str(info, "id", chardev_label(chr));
        json_object_array_add(opaque, info);
    }
}

static json_object *qmp_query_yank(Monitor *mon, json_object *args, Error **errp)
{
    json_object *list = json_object_new_array();

    chardev_foreach(monitor_machine(mon)->chardevs, add_instance, list);
    return list;
}

/* All are looked up before the first is broken. */
static json_object *qmp_yank(Monitor *mon, json_object *args, Error **errp)
{
    json_object *instances = json_member(args, "instances");
    ChardevRegistry *reg = monitor_machine(mon)->chardevs;

    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < json_object_array_length(instances); i++) {
            json_object *instance = json_object_array_get_idx(instances, i);
            Chardev *chr = chardev_find(reg, json_member_str(instance, "id"));
            if (!chr || !chardev_can_yank(chr)) {
                error_set_class(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Instance not found");
                return NULL;
            }
            if (pass) {
                chardev_yank(chr);
            }
        }
    }
    return NULL;
}

static const QmpHandler char_commands[] = {
    { "query-chardev", qmp_query_chardev },
    { "query-chardev-backends", qmp_query_chardev_backends },
    { "chardev-add", qmp_chardev_add },
    { "chardev-remove", qmp_chardev_remove },
    { "chardev-send-break", qmp_chardev_send_break },
    { "ringbuf-write", qmp_ringbuf_write },
    { "ringbuf-read", qmp_ringbuf_read },
    { "getfd", qmp_getfd },
    { "closefd", qmp_closefd },
    { "add_client", qmp_add_client },
    { "query-yank", qmp_query_yank },
    { "yank", qmp_yank },
};
QMP_COMMANDS(char_commands)
