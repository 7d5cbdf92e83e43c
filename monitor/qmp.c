/*
 * The QMP session: JSON in, JSON out; docs/qmp.md. Commands are functions in the qmp-*.c
 * files, found by name; qapi/doppel.qapi says what they take and return.
 *
 * In-band commands wait in a queue and run one at a time from a bottom half; out-of-band ones
 * run at once, ahead of the queue. Input stops while the queue is full.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <unistd.h>
#include "monitor/monitor.h"
#include "qapi/qapi.h"
#include "util/main-loop.h"
#include "util/module.h"
#include "util/trace.h"

TRACE_EVENT(qmp_execute, "%s");
TRACE_EVENT(qmp_reply, "%s");

enum { QUEUE_MAX = 8, READ_SIZE = 4096 };

/* One message of the client: an object (NULL: null) or what is wrong with the text. */
typedef struct Request {
    json_object *object;
    Error *err;
} Request;

/* An event that is sent at most once a second. */
typedef struct LimitedEvent {
    Monitor *mon;
    const char *name;
    Timer timer;         /* pending: one was sent less than a second ago */
    bool waiting;
    json_object *data;   /* of the latest that was held back */
} LimitedEvent;

struct Monitor {
    RunState *rs;
    CharFrontend fe;
    JsonStream *input;
    GQueue queue;        /* of Request */
    BH *dispatch;
    bool negotiated, oob, pretty;
    GHashTable *fds;     /* name -> descriptor */
    GHashTable *limited; /* name -> LimitedEvent */
};

static GHashTable *handlers; /* name -> QmpCommandFn */

void qmp_register(const QmpHandler *list, size_t n)
{
    if (!handlers) {
        handlers = g_hash_table_new(g_str_hash, g_str_equal);
    }
    for (size_t i = 0; i < n; i++) {
        g_assert(qapi_find_command(list[i].name));
        g_hash_table_insert(handlers, (void *)list[i].name, list[i].fn);
    }
}

QmpCommandFn *qmp_find_handler(const char *name)
{
    return handlers ? g_hash_table_lookup(handlers, name) : NULL;
}

RunState *monitor_runstate(const Monitor *mon)
{
    return mon->rs;
}

MachineState *monitor_machine(const Monitor *mon)
{
    return runstate_machine(mon->rs);
}

/* --- output ---------------------------------------------------------------------------- */

/* Frees obj. */
static void send_object(Monitor *mon, json_object *obj)
{
    GString *line = g_string_new(NULL);

    json_print(line, obj, mon->pretty);
    trace(qmp_reply, line->str);
    g_string_append(line, "\r\n");
    chr_fe_write(&mon->fe, (const uint8_t *)line->str, (int)line->len);
    g_string_free(line, TRUE);
    json_object_put(obj);
}

static void send_greeting(Monitor *mon)
{
    json_object *greeting = json_object_new_object(), *qmp = json_object_new_object();
    json_object *capabilities = json_object_new_array(), *empty = json_object_new_object();

    json_object_array_add(capabilities, json_object_new_string("oob"));
    json_object_object_add(qmp, "version", qmp_find_handler("query-version")(mon, empty, NULL));
    json_object_object_add(qmp, "capabilities", capabilities);
    json_object_object_add(greeting, "QMP", qmp);
    json_object_put(empty);
    send_object(mon, greeting);
}

/* Frees err. */
static void send_reply(Monitor *mon, json_object *result, Error *err, const Request *request)
{
    json_object *reply = json_object_new_object(), *id;

    if (err) {
        json_object *detail = json_object_new_object();
        json_add_str(detail, "class", error_class_name(err));
        json_add_str(detail, "desc", error_text(err));
        json_object_object_add(reply, "error", detail);
        error_free(err);
    } else {
        json_object_object_add(reply, "return", result);
    }
    if (json_object_is_type(request->object, json_type_object) &&
        json_object_object_get_ex(request->object, "id", &id)) {
        json_object_object_add(reply, "id", json_object_get(id));
    }
    send_object(mon, reply);
}

/* --- commands -------------------------------------------------------------------------- */

static bool check_member(const char *key, json_object *value, bool oob_allowed,
                         const char **command, Error **errp)
{
    bool oob = g_str_equal(key, "exec-oob") && oob_allowed;

    if (g_str_equal(key, "execute") || oob) {
        if (!json_object_is_type(value, json_type_string)) {
            error_setg(errp, "QMP input member '%s' must be a string", key);
            return false;
        }
        if (*command) {
            error_setg(errp, "QMP input member '%s' clashes with '%s'", oob ? "execute" : key,
                       "exec-oob");
            return false;
        }
        *command = json_object_get_string(value);
    } else if (g_str_equal(key, "arguments")) {
        if (!json_object_is_type(value, json_type_object)) {
            error_setg(errp, "QMP input member 'arguments' must be an object");
            return false;
        }
    } else if (!g_str_equal(key, "id")) {
        error_setg(errp, "QMP input member '%s' is unexpected", key);
        return false;
    }
    return true;
}

/* The command's name, or NULL with errp set. */
static const char *check_request(const Monitor *mon, json_object *request, Error **errp)
{
    const char *command = NULL;

    if (!json_object_is_type(request, json_type_object)) {
        error_setg(errp, "QMP input must be a JSON object");
        return NULL;
    }
    json_object_object_foreach(request, key, value) {
        if (!check_member(key, value, mon->oob, &command, errp)) {
            return NULL;
        }
    }
    if (!command) {
        error_setg(errp, "QMP input lacks member 'execute'");
    }
    return command;
}

static bool check_phase(const Monitor *mon, const QapiCommand *cmd, const char *name,
                        Error **errp)
{
    bool negotiating = g_str_equal(name, "qmp_capabilities");

    if (!mon->negotiated && !negotiating) {
        error_set_class(errp, ERROR_CLASS_COMMAND_NOT_FOUND,
                        "Expecting capabilities negotiation with 'qmp_capabilities'");
    } else if (mon->negotiated && negotiating) {
        error_set_class(errp, ERROR_CLASS_COMMAND_NOT_FOUND,
                        "Capabilities negotiation is already complete, command ignored");
    } else if (!cmd || !qmp_find_handler(name)) {
        error_set_class(errp, ERROR_CLASS_COMMAND_NOT_FOUND, "The command %s has not been found",
                        name);
    } else if (runstate_in_preconfig(mon->rs) && !cmd->preconfig) {
        error_setg(errp, "The command is permitted only after machine initialization has "
                   "completed");
    } else {
        return true;
    }
    return false;
}

/* A reply that is not what the schema promises is a bug of Doppel; the client gets it anyway. */
static void check_result(const QapiCommand *cmd, json_object *result)
{
    Error *err = NULL;

    if (cmd->ret && !qapi_check(cmd->ret, result, NULL, &err)) {
        error_prepend(&err, "%s: the reply is not as the schema says: ", cmd->name);
        error_report_err(err);
    }
}

/* Checks args and runs a command that exists. */
static json_object *call_handler(Monitor *mon, const QapiCommand *cmd, json_object *args,
                                 Error **errp)
{
    json_object *result;
    Error *err = NULL;

    if (!qapi_check(cmd->args, args, NULL, errp)) {
        return NULL;
    }
    trace(qmp_execute, cmd->name);
    result = qmp_find_handler(cmd->name)(mon, args, &err);
    if (err) {
        error_propagate(errp, err);
        return NULL;
    }
    if (!result && !cmd->ret) {
        result = json_object_new_object();
    }
    check_result(cmd, result);
    return result;
}

json_object *qmp_run_command(RunState *rs, const char *name, json_object *args, Error **errp)
{
    const QapiCommand *cmd = qapi_find_command(name);
    Monitor mon = { .rs = rs };

    if (!cmd || !qmp_find_handler(name)) {
        error_set_class(errp, ERROR_CLASS_COMMAND_NOT_FOUND, "The command %s has not been found",
                        name);
        return NULL;
    }
    return call_handler(&mon, cmd, args, errp);
}

static json_object *run_command(Monitor *mon, json_object *request, Error **errp)
{
    const char *name = check_request(mon, request, errp);
    const QapiCommand *cmd = name ? qapi_find_command(name) : NULL;
    json_object *empty, *args, *result;

    if (!name || !check_phase(mon, cmd, name, errp)) {
        return NULL;
    }
    if (json_member(request, "exec-oob") && !cmd->oob) {
        error_setg(errp, "The command %s does not support OOB", name);
        return NULL;
    }
    empty = json_object_new_object();
    args = json_member(request, "arguments");
    result = call_handler(mon, cmd, args ? args : empty, errp);
    json_object_put(empty);
    return result;
}

static void request_free(Request *request)
{
    json_object_put(request->object);
    error_free(request->err);
    g_free(request);
}

static void execute(Monitor *mon, Request *request)
{
    Error *err = g_steal_pointer(&request->err);
    json_object *result = err ? NULL : run_command(mon, request->object, &err);

    send_reply(mon, result, err, request);
    request_free(request);
}

static void execute_next(void *opaque)
{
    Monitor *mon = opaque;
    Request *request = g_queue_pop_head(&mon->queue);

    if (request) {
        bh_schedule(mon->dispatch);
        execute(mon, request);
        chr_fe_accept_input(&mon->fe);
    }
}

static json_object *qmp_capabilities(Monitor *mon, json_object *args, Error **errp)
{
    json_object *enable = json_member(args, "enable");

    mon->oob = enable && json_object_array_length(enable) > 0; /* there is no other */
    mon->negotiated = true;
    return NULL;
}

/* --- input ----------------------------------------------------------------------------- */

static void receive_value(void *opaque, json_object *value, Error *err)
{
    Monitor *mon = opaque;
    Request *request = g_new(Request, 1);

    *request = (Request){ value, err };
    if (mon->oob && json_object_is_type(value, json_type_object) &&
        json_member(value, "exec-oob")) {
        execute(mon, request);
    } else {
        g_queue_push_tail(&mon->queue, request);
        bh_schedule(mon->dispatch);
    }
}

static int can_read(void *opaque)
{
    Monitor *mon = opaque;
    unsigned limit = mon->oob ? QUEUE_MAX : 1;

    return mon->queue.length < limit ? READ_SIZE : 0;
}

static void receive(void *opaque, const uint8_t *buf, int len)
{
    json_stream_feed(((Monitor *)opaque)->input, (const char *)buf, len);
}

static void close_fd(void *opaque)
{
    close(GPOINTER_TO_INT(opaque));
}

static void forget_session(Monitor *mon)
{
    Request *request;

    mon->negotiated = mon->oob = false;
    json_stream_reset(mon->input);
    while ((request = g_queue_pop_head(&mon->queue))) {
        request_free(request);
    }
    g_hash_table_remove_all(mon->limited);
    g_hash_table_remove_all(mon->fds);
}

static void chr_event(void *opaque, CharEvent event)
{
    Monitor *mon = opaque;

    if (event == CHR_EVENT_OPENED) {
        forget_session(mon);
        send_greeting(mon);
    } else if (event == CHR_EVENT_CLOSED) {
        forget_session(mon);
    }
}

/* --- file descriptors ------------------------------------------------------------------ */

int monitor_take_passed_fd(Monitor *mon)
{
    return chr_fe_take_fd(&mon->fe);
}

void monitor_add_fd(Monitor *mon, const char *name, int fd)
{
    g_hash_table_insert(mon->fds, g_strdup(name), GINT_TO_POINTER(fd));
}

int monitor_take_fd(Monitor *mon, const char *name, Error **errp)
{
    void *key, *fd;

    if (!mon->fds || !g_hash_table_steal_extended(mon->fds, name, &key, &fd)) {
        error_setg(errp, "File descriptor named '%s' has not been found", name);
        return -1;
    }
    g_free(key);
    return GPOINTER_TO_INT(fd);
}

/* --- events ---------------------------------------------------------------------------- */

static void send_event_now(Monitor *mon, const char *name, json_object *data)
{
    int64_t now = clock_get_ns(clock_host());
    json_object *obj = json_object_new_object(), *stamp = json_object_new_object();

    json_add_int(stamp, "seconds", now / NS_PER_SECOND);
    json_add_int(stamp, "microseconds", now % NS_PER_SECOND / NS_PER_US);
    json_object_object_add(obj, "timestamp", stamp);
    json_add_str(obj, "event", name);
    if (data) {
        json_object_object_add(obj, "data", json_object_get(data));
    }
    send_object(mon, obj);
}

static void limited_free(void *opaque)
{
    LimitedEvent *limited = opaque;

    timer_deinit(&limited->timer);
    json_object_put(limited->data);
    g_free(limited);
}

static void send_limited(LimitedEvent *limited)
{
    json_object *data = json_object_get(limited->data);

    limited->waiting = false;
    timer_mod(&limited->timer, clock_get_ns(clock_real()) + NS_PER_SECOND);
    /* Last: if the peer is found to be gone, the session's events are forgotten. */
    send_event_now(limited->mon, limited->name, data);
    json_object_put(data);
}

static void second_is_over(void *opaque)
{
    LimitedEvent *limited = opaque;

    if (limited->waiting) {
        send_limited(limited);
    }
}

static void limit_event(Monitor *mon, const char *name, json_object *data)
{
    LimitedEvent *limited = g_hash_table_lookup(mon->limited, name);

    if (!limited) {
        limited = g_new0(LimitedEvent, 1);
        limited->mon = mon;
        limited->name = name;
        timer_init(&limited->timer, clock_real(), second_is_over, limited);
        g_hash_table_insert(mon->limited, (void *)name, limited);
    }
    json_object_put(limited->data);
    limited->data = json_object_get(data);
    limited->waiting = true;
    if (!timer_pending(&limited->timer)) {
        send_limited(limited);
    }
}

static void send_event(void *opaque, const char *name, json_object *data)
{
    const QapiEvent *event = qapi_find_event(name);
    Monitor *mon = opaque;

    if (!mon->negotiated || !event) {
        return;
    }
    if (event->limited) {
        limit_event(mon, event->name, data);
    } else {
        send_event_now(mon, name, data);
    }
}

/* --- life ------------------------------------------------------------------------------ */

Monitor *monitor_new(RunState *rs, Chardev *chr, bool pretty, Error **errp)
{
    Monitor *mon = g_new0(Monitor, 1);

    mon->rs = rs;
    mon->pretty = pretty;
    if (!chr_fe_init(&mon->fe, chr, errp)) {
        g_free(mon);
        return NULL;
    }
    mon->input = json_stream_new(receive_value, mon);
    g_queue_init(&mon->queue);
    mon->dispatch = bh_new(execute_next, mon);
    mon->fds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, close_fd);
    mon->limited = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, limited_free);
    runstate_add_event_listener(rs, send_event, mon);
    chr_fe_set_handlers(&mon->fe, can_read, receive, chr_event, mon);
    return mon;
}

void monitor_free(Monitor *mon)
{
    runstate_remove_event_listener(mon->rs, send_event, mon);
    chr_fe_deinit(&mon->fe);
    forget_session(mon);
    bh_delete(mon->dispatch);
    json_stream_free(mon->input);
    g_hash_table_unref(mon->fds);
    g_hash_table_unref(mon->limited);
    g_free(mon);
}

static const QmpHandler session_commands[] = {
    { "qmp_capabilities", qmp_capabilities },
};
QMP_COMMANDS(session_commands)
