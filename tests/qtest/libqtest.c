/*
 * The client side of the qtest protocol: see libqtest.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/qtest/libqtest.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/lib/tmp.h"

enum { MAX_IRQS = 256, START_TIMEOUT_MS = 30000, REPLY_TIMEOUT_MS = 60000 };

/* One connected socket and what has been read but not used. */
typedef struct Stream {
    int fd;
    GString *in;
} Stream;

struct QTest {
    pid_t pid;
    Stream qtest, qmp;
    const char *dir;
    GQueue events;               /* json_object: QMP events not yet asked for */
    bool irq_level[MAX_IRQS];
    unsigned irq_raised[MAX_IRQS];
};

static int listen_unix(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(strlen(path), <, sizeof(addr.sun_path));
    strcpy(addr.sun_path, path);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    g_assert_cmpint(listen(fd, 1), ==, 0);
    return fd;
}

/* Waits for the emulator's connection; fails at once if it has exited. */
static int accept_from(int listener, pid_t pid, int timeout_ms)
{
    for (int waited = 0; waited < timeout_ms; waited += 50) {
        struct pollfd pfd = { .fd = listener, .events = POLLIN };
        if (poll(&pfd, 1, 50) > 0) {
            return accept(listener, NULL, NULL);
        }
        int status;
        if (waitpid(pid, &status, WNOHANG) == pid) {
            g_error("the emulator ended with status %d before it connected", status);
        }
    }
    g_error("the emulator did not connect");
}

static char *stream_line(Stream *stream)
{
    char *newline;

    while (!(newline = memchr(stream->in->str, '\n', stream->in->len))) {
        char buf[65536];
        struct pollfd pfd = { .fd = stream->fd, .events = POLLIN };
        if (poll(&pfd, 1, REPLY_TIMEOUT_MS) <= 0) {
            g_error("no reply from the emulator");
        }
        ssize_t n = read(stream->fd, buf, sizeof(buf));
        if (n <= 0) {
            return NULL;
        }
        g_string_append_len(stream->in, buf, n);
    }
    char *line = g_strndup(stream->in->str, newline - stream->in->str);
    g_string_erase(stream->in, 0, newline + 1 - stream->in->str);
    return g_strchomp(line);
}

static void stream_send(Stream *stream, const char *text)
{
    size_t len = strlen(text), done = 0;
    while (done < len) {
        ssize_t n = send(stream->fd, text + done, len - done, MSG_NOSIGNAL);
        g_assert_cmpint(n, >, 0);
        done += (size_t)n;
    }
}

static void exec_emulator(char **argv)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_RDONLY);
    dup2(null, STDIN_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO); /* TAP owns the test's stdout */
    execvp(argv[0], argv);
    fprintf(stderr, "cannot run %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

/* The arguments that are common to every test; compat.md has the form. */
static char *common_args(const QTest *qts)
{
    const char *accel = g_getenv("QTEST_ACCEL");
    return g_strdup_printf("-qtest unix:%s/qtest -qtest-log none "
                           "-chardev socket,path=%s/qmp,id=char0 -mon chardev=char0,mode=control "
                           "-display none -accel %s ", qts->dir, qts->dir,
                           accel ? accel : "qtest");
}

QTest *qtest_start(const char *fmt, ...)
{
    const char *binary = g_getenv("QTEST_BINARY");
    QTest *qts = g_new0(QTest, 1);
    va_list ap;

    g_assert_nonnull(binary);
    va_start(ap, fmt);
    g_autofree char *extra = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    qts->dir = tmp_folder();
    g_autofree char *qtest_path = g_build_filename(qts->dir, "qtest", NULL);
    g_autofree char *qmp_path = g_build_filename(qts->dir, "qmp", NULL);
    int qtest_listener = listen_unix(qtest_path), qmp_listener = listen_unix(qmp_path);
    g_autofree char *common = common_args(qts);
    g_autofree char *command = g_strconcat(binary, " ", common, extra, NULL);
    g_auto(GStrv) argv = NULL;
    g_assert_true(g_shell_parse_argv(command, NULL, &argv, NULL));
    g_test_message("starting %s", command);

    qts->pid = fork();
    if (qts->pid == 0) {
        exec_emulator(argv);
    }
    qts->qtest = (Stream){ accept_from(qtest_listener, qts->pid, START_TIMEOUT_MS),
                           g_string_new(NULL) };
    qts->qmp = (Stream){ accept_from(qmp_listener, qts->pid, START_TIMEOUT_MS),
                         g_string_new(NULL) };
    close(qtest_listener);
    close(qmp_listener);
    g_free(stream_line(&qts->qmp)); /* the greeting */
    json_object_put(qtest_qmp(qts, "{\"execute\":\"qmp_capabilities\"}"));
    return qts;
}

static void free_event(gpointer event)
{
    json_object_put(event);
}

void qtest_quit(QTest *qts)
{
    int status;

    stream_send(&qts->qmp, "{\"execute\":\"quit\"}\n");
    g_assert_cmpint(waitpid(qts->pid, &status, 0), ==, qts->pid);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 0);
    close(qts->qtest.fd);
    close(qts->qmp.fd);
    g_string_free(qts->qtest.in, TRUE);
    g_string_free(qts->qmp.in, TRUE);
    g_queue_clear_full(&qts->events, free_event);
    g_free(qts);
}

static void record_irq(QTest *qts, const char *line)
{
    unsigned num;
    char what[8];

    g_assert_cmpint(sscanf(line, "IRQ %7s %u", what, &num), ==, 2);
    g_assert_cmpuint(num, <, MAX_IRQS);
    bool level = g_str_equal(what, "raise");
    qts->irq_raised[num] += level && !qts->irq_level[num];
    qts->irq_level[num] = level;
}

char *qtest_raw(QTest *qts, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_autofree char *line = g_strconcat(text, "\n", NULL);

    stream_send(&qts->qtest, line);
    for (;;) {
        char *reply = stream_line(&qts->qtest);
        if (!reply) {
            g_error("the emulator closed the connection after: %s", text);
        }
        if (!g_str_has_prefix(reply, "IRQ ")) {
            return reply;
        }
        record_irq(qts, reply);
        g_free(reply);
    }
}

/* The number behind OK; anything else fails the test. */
static uint64_t ok_number(char *reply)
{
    if (!g_str_has_prefix(reply, "OK")) {
        g_error("qtest reply: %s", reply);
    }
    uint64_t val = g_ascii_strtoull(reply + 2, NULL, 0);
    g_free(reply);
    return val;
}

uint8_t qtest_inb(QTest *qts, uint16_t port)
{
    return (uint8_t)ok_number(qtest_raw(qts, "inb 0x%x", port));
}

uint16_t qtest_inw(QTest *qts, uint16_t port)
{
    return (uint16_t)ok_number(qtest_raw(qts, "inw 0x%x", port));
}

uint32_t qtest_inl(QTest *qts, uint16_t port)
{
    return (uint32_t)ok_number(qtest_raw(qts, "inl 0x%x", port));
}

void qtest_outb(QTest *qts, uint16_t port, uint8_t val)
{
    ok_number(qtest_raw(qts, "outb 0x%x 0x%x", port, val));
}

void qtest_outw(QTest *qts, uint16_t port, uint16_t val)
{
    ok_number(qtest_raw(qts, "outw 0x%x 0x%x", port, val));
}

void qtest_outl(QTest *qts, uint16_t port, uint32_t val)
{
    ok_number(qtest_raw(qts, "outl 0x%x 0x%x", port, val));
}

static uint64_t read_value(QTest *qts, char suffix, uint64_t addr)
{
    return ok_number(qtest_raw(qts, "read%c 0x%" G_GINT64_MODIFIER "x", suffix, addr));
}

static void write_value(QTest *qts, char suffix, uint64_t addr, uint64_t val)
{
    ok_number(qtest_raw(qts, "write%c 0x%" G_GINT64_MODIFIER "x 0x%" G_GINT64_MODIFIER "x",
                        suffix, addr, val));
}

uint8_t qtest_readb(QTest *qts, uint64_t addr) { return (uint8_t)read_value(qts, 'b', addr); }
uint16_t qtest_readw(QTest *qts, uint64_t addr) { return (uint16_t)read_value(qts, 'w', addr); }
uint32_t qtest_readl(QTest *qts, uint64_t addr) { return (uint32_t)read_value(qts, 'l', addr); }
uint64_t qtest_readq(QTest *qts, uint64_t addr) { return read_value(qts, 'q', addr); }
void qtest_writeb(QTest *qts, uint64_t addr, uint8_t val) { write_value(qts, 'b', addr, val); }
void qtest_writew(QTest *qts, uint64_t addr, uint16_t val) { write_value(qts, 'w', addr, val); }
void qtest_writel(QTest *qts, uint64_t addr, uint32_t val) { write_value(qts, 'l', addr, val); }
void qtest_writeq(QTest *qts, uint64_t addr, uint64_t val) { write_value(qts, 'q', addr, val); }

void qtest_memread(QTest *qts, uint64_t addr, void *buf, size_t len)
{
    g_autofree char *reply = qtest_raw(qts, "b64read 0x%" G_GINT64_MODIFIER "x 0x%zx", addr, len);
    gsize got;

    g_assert_true(g_str_has_prefix(reply, "OK "));
    g_autofree guchar *data = g_base64_decode(reply + 3, &got);
    g_assert_cmpuint(got, ==, len);
    memcpy(buf, data, len);
}

void qtest_memwrite(QTest *qts, uint64_t addr, const void *buf, size_t len)
{
    g_autofree char *text = g_base64_encode(buf, len);
    ok_number(qtest_raw(qts, "b64write 0x%" G_GINT64_MODIFIER "x 0x%zx %s", addr, len, text));
}

void qtest_memset(QTest *qts, uint64_t addr, uint8_t byte, size_t len)
{
    ok_number(qtest_raw(qts, "memset 0x%" G_GINT64_MODIFIER "x 0x%zx 0x%02x", addr, len, byte));
}

int64_t qtest_clock_step(QTest *qts, int64_t ns)
{
    return (int64_t)ok_number(qtest_raw(qts, "clock_step %" G_GINT64_FORMAT, ns));
}

int64_t qtest_clock_step_next(QTest *qts)
{
    return (int64_t)ok_number(qtest_raw(qts, "clock_step"));
}

int64_t qtest_clock_set(QTest *qts, int64_t ns)
{
    return (int64_t)ok_number(qtest_raw(qts, "clock_set %" G_GINT64_FORMAT, ns));
}

void qtest_irq_intercept_in(QTest *qts, const char *path)
{
    ok_number(qtest_raw(qts, "irq_intercept_in %s", path));
}

void qtest_irq_intercept_out(QTest *qts, const char *path)
{
    ok_number(qtest_raw(qts, "irq_intercept_out %s", path));
}

bool qtest_get_irq(QTest *qts, unsigned num)
{
    return qts->irq_level[num];
}

unsigned qtest_irq_raised(QTest *qts, unsigned num)
{
    return qts->irq_raised[num];
}

void qtest_set_irq_in(QTest *qts, const char *path, const char *name, unsigned num, int level)
{
    ok_number(qtest_raw(qts, "set_irq_in %s %s %u %d", path, name, num, level));
}

/* The next JSON object from QMP. */
static json_object *qmp_receive(QTest *qts)
{
    g_autofree char *line = stream_line(&qts->qmp);
    if (!line) {
        g_error("the emulator closed the QMP connection");
    }
    json_object *obj = json_tokener_parse(line);
    if (!obj) {
        g_error("not JSON: %s", line);
    }
    return obj;
}

json_object *qtest_qmp(QTest *qts, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_autofree char *line = g_strconcat(text, "\n", NULL);

    stream_send(&qts->qmp, line);
    for (;;) {
        json_object *obj = qmp_receive(qts);
        if (!json_object_object_get_ex(obj, "event", NULL)) {
            return obj;
        }
        g_queue_push_tail(&qts->events, obj);
    }
}

char *qtest_find_device(QTest *qts, const char *type)
{
    g_autofree char *wanted = g_strdup_printf("child<%s>", type);
    json_object *reply = qtest_qmp(qts, "{\"execute\": \"qom-list\", \"arguments\": "
                                        "{\"path\": \"/machine/unattached\"}}"), *list;
    char *path = NULL;

    g_assert_true(json_object_object_get_ex(reply, "return", &list));
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *entry = json_object_array_get_idx(list, i);
        if (g_str_equal(json_object_get_string(json_object_object_get(entry, "type")), wanted)) {
            path = g_strdup_printf("/machine/unattached/%s",
                                   json_object_get_string(json_object_object_get(entry, "name")));
        }
    }
    json_object_put(reply);
    g_assert_nonnull(path);
    return path;
}

static bool event_is(json_object *obj, const char *name)
{
    json_object *event;
    return json_object_object_get_ex(obj, "event", &event) &&
           g_str_equal(json_object_get_string(event), name);
}

json_object *qtest_qmp_event_wait(QTest *qts, const char *event)
{
    for (GList *l = qts->events.head; l; l = l->next) {
        if (event_is(l->data, event)) {
            json_object *obj = l->data;
            g_queue_delete_link(&qts->events, l);
            return obj;
        }
    }
    for (;;) {
        json_object *obj = qmp_receive(qts);
        if (event_is(obj, event)) {
            return obj;
        }
        g_queue_push_tail(&qts->events, obj);
    }
}
