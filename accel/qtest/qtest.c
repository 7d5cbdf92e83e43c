/*
 * The qtest server: see qtest.h. One command a line, words split at single
 * spaces, one reply line; IRQ lines come before the reply of the command that
 * caused them.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "accel/qtest/qtest.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "accel/accel.h"
#include "util/option.h"

enum { MAX_IRQS = 256 };

struct QTestServer {
    MachineState *machine;
    CharFrontend fe;
    GString *line;          /* input up to the next newline */
    FILE *log;
    int64_t opened_ns;      /* by the real clock: the log's times count from here */
    bool clock_commands;
    DeviceState *intercepted;
    bool irq_level[MAX_IRQS]; /* as last reported */
};

/* The words of one command and where its reply goes. */
typedef struct QTestCall {
    QTestServer *server;
    char **words;
    guint count;
} QTestCall;

typedef struct QTestCommand {
    const char *name;
    guint min_args, max_args;
    void (*run)(QTestCall *call, unsigned size);
    unsigned size;          /* of the access, for the families */
    bool needs_clock;
} QTestCommand;

static void send_line(QTestServer *server, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* kind: I(nformation), R(eceived) or S(ent). */
static void log_line(QTestServer *server, char kind, const char *text)
{
    if (server->log) {
        fprintf(server->log, "[%c +%.6f] %s\n", kind,
                (double)(clock_get_ns(clock_real()) - server->opened_ns) / NS_PER_SECOND, text);
    }
}

static void send_line(QTestServer *server, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    log_line(server, 'S', text);
    chr_fe_write(&server->fe, (const uint8_t *)line, (int)strlen(line));
}

/* Argument n as a number, 0 if it is not one: the protocol has no error for it. */
static uint64_t arg_u64(QTestCall *call, guint n)
{
    return n + 1 < call->count ? g_ascii_strtoull(call->words[n + 1], NULL, 0) : 0;
}

/* A guest cannot be larger, and a mistyped size must not exhaust the host. */
enum { MAX_TRANSFER = 1 << 30 };

static bool transfer_size_ok(QTestCall *call, uint64_t size)
{
    if (size <= MAX_TRANSFER) {
        return true;
    }
    send_line(call->server, "FAIL size %" G_GUINT64_FORMAT " is over %d", size, MAX_TRANSFER);
    return false;
}

static void cmd_endianness(QTestCall *call, unsigned size)
{
    send_line(call->server, "OK little");
}

static void cmd_out(QTestCall *call, unsigned size)
{
    address_space_st(&call->server->machine->io_as, arg_u64(call, 0) & 0xffff, size,
                     arg_u64(call, 1));
    send_line(call->server, "OK");
}

static void cmd_in(QTestCall *call, unsigned size)
{
    uint64_t val = address_space_ld(&call->server->machine->io_as, arg_u64(call, 0) & 0xffff,
                                    size);
    send_line(call->server, "OK 0x%04x", (unsigned)val);
}

static void cmd_write_value(QTestCall *call, unsigned size)
{
    address_space_st(&call->server->machine->memory_as, arg_u64(call, 0), size,
                     arg_u64(call, 1));
    send_line(call->server, "OK");
}

static void cmd_read_value(QTestCall *call, unsigned size)
{
    uint64_t val = address_space_ld(&call->server->machine->memory_as, arg_u64(call, 0), size);
    send_line(call->server, "OK 0x%016" G_GINT64_MODIFIER "x", val);
}

static uint8_t *read_memory(QTestCall *call, uint64_t len)
{
    uint8_t *data = g_malloc(len + 1);
    address_space_read(&call->server->machine->memory_as, arg_u64(call, 0), MEMTXATTRS_NONE,
                       data, len);
    return data;
}

static void write_memory(QTestCall *call, const void *data, uint64_t len)
{
    address_space_write(&call->server->machine->memory_as, arg_u64(call, 0), MEMTXATTRS_NONE,
                        data, len);
    send_line(call->server, "OK");
}

static void cmd_read(QTestCall *call, unsigned size)
{
    uint64_t len = arg_u64(call, 1);
    if (!transfer_size_ok(call, len)) {
        return;
    }
    g_autofree uint8_t *data = read_memory(call, len);
    GString *hex = g_string_sized_new(2 * len + 1);
    for (uint64_t i = 0; i < len; i++) {
        g_string_append_printf(hex, "%02x", data[i]);
    }
    send_line(call->server, "OK 0x%s", hex->str);
    g_string_free(hex, TRUE);
}

static void cmd_write(QTestCall *call, unsigned size)
{
    uint64_t len = arg_u64(call, 1);
    const char *hex = call->words[3];

    if (!transfer_size_ok(call, len)) {
        return;
    }
    if (!g_str_has_prefix(hex, "0x")) {
        send_line(call->server, "FAIL data '%s' does not begin with 0x", hex);
        return;
    }
    g_autofree uint8_t *data = g_malloc0(len + 1);
    for (uint64_t i = 0; i < len && hex[2 + 2 * i] && hex[3 + 2 * i]; i++) {
        int high = g_ascii_xdigit_value(hex[2 + 2 * i]), low = g_ascii_xdigit_value(hex[3 + 2 * i]);
        data[i] = (uint8_t)(MAX(high, 0) << 4 | MAX(low, 0));
    }
    write_memory(call, data, len);
}

static void cmd_memset(QTestCall *call, unsigned size)
{
    uint64_t len = arg_u64(call, 1);
    if (transfer_size_ok(call, len)) {
        address_space_set(&call->server->machine->memory_as, arg_u64(call, 0),
                          (uint8_t)arg_u64(call, 2), len);
        send_line(call->server, "OK");
    }
}

static void cmd_b64read(QTestCall *call, unsigned size)
{
    uint64_t len = arg_u64(call, 1);
    if (!transfer_size_ok(call, len)) {
        return;
    }
    g_autofree uint8_t *data = read_memory(call, len);
    g_autofree char *text = g_base64_encode(data, len);
    send_line(call->server, "OK %s", text);
}

static void cmd_b64write(QTestCall *call, unsigned size)
{
    uint64_t len = arg_u64(call, 1);
    gsize decoded_len;

    if (!transfer_size_ok(call, len)) {
        return;
    }
    g_autofree guchar *decoded = g_base64_decode(call->words[3], &decoded_len);
    g_autofree uint8_t *data = g_malloc0(len + 1);
    memcpy(data, decoded, MIN(len, decoded_len));
    write_memory(call, data, len);
}

static void cmd_clock_step(QTestCall *call, unsigned size)
{
    Clock *clock = call->server->machine->clock;
    int64_t now = clock_get_ns(clock), target = now;

    if (call->count > 1) {
        target = now + (int64_t)arg_u64(call, 0);
    } else if (clock_next_deadline(clock) >= 0) {
        target = clock_next_deadline(clock);
    }
    clock_advance_to(clock, target);
    send_line(call->server, "OK %" G_GINT64_FORMAT, clock_get_ns(clock));
}

static void cmd_clock_set(QTestCall *call, unsigned size)
{
    Clock *clock = call->server->machine->clock;
    clock_advance_to(clock, (int64_t)arg_u64(call, 0));
    send_line(call->server, "OK %" G_GINT64_FORMAT, clock_get_ns(clock));
}

static DeviceState *find_device(QTestCall *call)
{
    Object *obj = object_resolve_path(call->words[1], NULL);
    DeviceState *dev = (DeviceState *)object_dynamic_cast(obj, TYPE_DEVICE);
    if (!dev) {
        send_line(call->server, "FAIL Unknown device");
    }
    return dev;
}

/* Only changes are told; every line starts low. */
static void report_irq(void *opaque, int n, int level)
{
    QTestServer *server = opaque;

    if (n < MAX_IRQS && server->irq_level[n] != !!level) {
        server->irq_level[n] = level;
        send_line(server, "IRQ %s %d", level ? "raise" : "lower", n);
    }
}

typedef bool InterceptFn(DeviceState *dev, const char *name, IRQHandler *observer, void *opaque);

static void intercept(QTestCall *call, InterceptFn *fn)
{
    QTestServer *server = call->server;
    DeviceState *dev = find_device(call);

    if (!dev) {
        return;
    }
    if (server->intercepted && server->intercepted != dev) {
        send_line(server, "FAIL IRQ intercept already enabled");
        return;
    }
    if (server->intercepted || fn(dev, NULL, report_irq, server)) {
        server->intercepted = dev;
    }
    send_line(server, "OK");
}

static void cmd_intercept_in(QTestCall *call, unsigned size)
{
    intercept(call, qdev_intercept_gpio_in);
}

static void cmd_intercept_out(QTestCall *call, unsigned size)
{
    intercept(call, qdev_intercept_gpio_out);
}

static void cmd_set_irq_in(QTestCall *call, unsigned size)
{
    DeviceState *dev = find_device(call);
    const char *name = g_str_equal(call->words[2], "unnamed-gpio-in") ? NULL : call->words[2];

    if (!dev) {
        return;
    }
    if (!qdev_has_gpio_in(dev, name, (int)arg_u64(call, 2))) {
        send_line(call->server, "FAIL Unknown line");
        return;
    }
    irq_set(qdev_get_gpio_in_named(dev, name, (int)arg_u64(call, 2)), (int)arg_u64(call, 3));
    send_line(call->server, "OK");
}

static const QTestCommand commands[] = {
    { "endianness", 0, 0, cmd_endianness },
    { "outb", 2, 2, cmd_out, 1 }, { "outw", 2, 2, cmd_out, 2 }, { "outl", 2, 2, cmd_out, 4 },
    { "inb", 1, 1, cmd_in, 1 }, { "inw", 1, 1, cmd_in, 2 }, { "inl", 1, 1, cmd_in, 4 },
    { "writeb", 2, 2, cmd_write_value, 1 }, { "writew", 2, 2, cmd_write_value, 2 },
    { "writel", 2, 2, cmd_write_value, 4 }, { "writeq", 2, 2, cmd_write_value, 8 },
    { "readb", 1, 1, cmd_read_value, 1 }, { "readw", 1, 1, cmd_read_value, 2 },
    { "readl", 1, 1, cmd_read_value, 4 }, { "readq", 1, 1, cmd_read_value, 8 },
    { "read", 2, 2, cmd_read }, { "write", 3, 3, cmd_write }, { "memset", 3, 3, cmd_memset },
    { "b64read", 2, 2, cmd_b64read }, { "b64write", 3, 3, cmd_b64write },
    { "clock_step", 0, 1, cmd_clock_step, .needs_clock = true },
    { "clock_set", 1, 1, cmd_clock_set, .needs_clock = true },
    { "irq_intercept_in", 1, 1, cmd_intercept_in },
    { "irq_intercept_out", 1, 1, cmd_intercept_out },
    { "set_irq_in", 4, 4, cmd_set_irq_in },
};

static const QTestCommand *find_command(QTestServer *server, const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (g_str_equal(commands[i].name, name)) {
            return commands[i].needs_clock && !server->clock_commands ? NULL : &commands[i];
        }
    }
    return NULL;
}

static void run_line(QTestServer *server, const char *line)
{
    g_auto(GStrv) words = g_strsplit(line, " ", 0);
    QTestCall call = { server, words, g_strv_length(words) };
    const char *name = call.count ? words[0] : "";
    const QTestCommand *command = find_command(server, name);

    log_line(server, 'R', line);
    if (!command) {
        send_line(server, "FAIL Unknown command '%s'", name);
    } else if (call.count - 1 < command->min_args) {
        send_line(server, "FAIL %s takes %u arguments", name, command->min_args);
    } else {
        command->run(&call, command->size);
    }
}

static int can_read(void *opaque)
{
    return 65536;
}

static void receive(void *opaque, const uint8_t *buf, int len)
{
    QTestServer *server = opaque;
    char *newline;

    g_string_append_len(server->line, (const char *)buf, len);
    while ((newline = memchr(server->line->str, '\n', server->line->len))) {
        g_autofree char *line = g_strndup(server->line->str, newline - server->line->str);
        g_string_erase(server->line, 0, newline + 1 - server->line->str);
        g_strchomp(line);
        run_line(server, line);
    }
}

static void connection_event(void *opaque, CharEvent event)
{
    QTestServer *server = opaque;

    if (event == CHR_EVENT_OPENED) {
        server->opened_ns = clock_get_ns(clock_real());
        log_line(server, 'I', "OPENED");
    } else if (event == CHR_EVENT_CLOSED) {
        log_line(server, 'I', "CLOSED");
    }
}

QTestServer *qtest_server_new(MachineState *machine, Chardev *chr, const char *log_path,
                              bool clock_commands, Error **errp)
{
    FILE *log = NULL;

    if (log_path && !g_str_equal(log_path, "none")) {
        log = g_str_equal(log_path, "/dev/fd/2") ? stderr : fopen(log_path, "w");
        if (!log) {
            error_setg_errno(errp, errno, "-qtest-log %s: cannot open the file", log_path);
            return NULL;
        }
        setvbuf(log, NULL, _IOLBF, 0);
    }
    QTestServer *server = g_new0(QTestServer, 1);
    server->machine = machine;
    server->line = g_string_new(NULL);
    server->log = log;
    server->clock_commands = clock_commands;
    if (!chr_fe_init(&server->fe, chr, errp)) {
        qtest_server_free(server);
        return NULL;
    }
    chr_fe_set_handlers(&server->fe, can_read, receive, connection_event, server);
    return server;
}

void qtest_server_free(QTestServer *server)
{
    if (!server) {
        return;
    }
    chr_fe_deinit(&server->fe);
    g_string_free(server->line, TRUE);
    if (server->log && server->log != stderr) {
        fclose(server->log);
    }
    g_free(server);
}

static bool qtest_init(MachineState *machine, OptDict *opts, Error **errp)
{
    clock_set_manual(machine->clock);
    return true;
}

const AccelOps accel_qtest = {
    .name = "qtest",
    .desc = "no CPU runs; a test drives the devices over -qtest",
    .init = qtest_init,
};
