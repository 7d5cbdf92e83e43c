/*
 * Character back ends against real sockets, pseudo terminals, FIFOs and files.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include "chardev/char.h"
#include "tests/lib/tmp.h"
#include "util/main-loop.h"

/* A device that notes what it hears. */
typedef struct Dev {
    CharFrontend fe;
    GString *in;
    int room;            /* what can_read() says */
    int events[CHR_EVENT_MUX_OUT + 1];
} Dev;

static int dev_can_read(void *opaque)
{
    return ((Dev *)opaque)->room;
}

static void dev_read(void *opaque, const uint8_t *buf, int len)
{
    Dev *dev = opaque;
    g_assert_cmpint(len, <=, dev->room);
    g_string_append_len(dev->in, (const char *)buf, len);
}

static void dev_event(void *opaque, CharEvent event)
{
    ((Dev *)opaque)->events[event]++;
}

static void dev_connect(Dev *dev, Chardev *chr)
{
    *dev = (Dev){ .in = g_string_new(NULL), .room = 1024 };
    g_assert_true(chr_fe_init(&dev->fe, chr, &error_fatal));
    chr_fe_set_handlers(&dev->fe, dev_can_read, dev_read, dev_event, dev);
}

static void dev_free(Dev *dev)
{
    chr_fe_deinit(&dev->fe);
    g_string_free(dev->in, TRUE);
}

static void dev_write(Dev *dev, const char *text)
{
    g_assert_cmpint(chr_fe_write(&dev->fe, (const uint8_t *)text, strlen(text)), ==, strlen(text));
}

#define WAIT_FOR(cond)                                                         \
    do {                                                                       \
        while (!(cond)) {                                                      \
            main_loop_wait(true);                                              \
        }                                                                      \
    } while (0)

static const char *folder;

static char *tmp_path(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

static Chardev *add(ChardevRegistry *reg, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    g_autoptr(OptDict) opts = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    opts = optdict_parse("-chardev", text, "backend", &error_fatal);
    return chardev_add(reg, opts, &error_fatal);
}

static void expect_error(ChardevRegistry *reg, const char *text, const char *part)
{
    g_autoptr(OptDict) opts = optdict_parse("-chardev", text, "backend", &error_fatal);
    Error *err = NULL;

    g_assert_null(chardev_add(reg, opts, &err));
    g_assert_nonnull(err);
    if (!strstr(error_text(err), part)) {
        g_error("'%s' does not name '%s'", error_text(err), part);
    }
    error_free(err);
}

static void expect_read(int fd, const char *text)
{
    char buf[256];
    size_t want = strlen(text), got = 0;

    while (got < want) {
        ssize_t n = read(fd, buf + got, want - got);
        g_assert_cmpint(n, >, 0);
        got += n;
    }
    g_assert_cmpmem(buf, got, text, want);
}

static void send_text(int fd, const char *text)
{
    g_assert_cmpint(write(fd, text, strlen(text)), ==, strlen(text));
}

static int unix_connect(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    return fd;
}

/* --- sockets ------------------------------------------------------------------------- */

static void test_unix_server(void)
{
    ChardevRegistry *reg = chardev_registry_new();
    g_autofree char *path = tmp_path("server");
    Chardev *chr = add(reg, "socket,id=c,path=%s,server=on,wait=off", path);
    g_autofree char *name = g_strdup_printf("disconnected:unix:%s,server=on", path);
    Dev dev;

    dev_connect(&dev, chr);
    g_assert_cmpstr(chardev_filename(chr), ==, name);
    g_assert_cmpint(dev.events[CHR_EVENT_OPENED], ==, 0);
    g_assert_false(chr_fe_backend_connected(&dev.fe));
    dev_write(&dev, "lost");
    for (int round = 1; round <= 2; round++) {
        int fd = unix_connect(path);
        WAIT_FOR(dev.events[CHR_EVENT_OPENED] == round);
        g_assert_cmpstr(chardev_filename(chr), ==, name + strlen("disconnected:"));
        dev_write(&dev, "to peer");
        expect_read(fd, "to peer");
        send_text(fd, "to device");
        WAIT_FOR(dev.in->len == strlen("to device") * round);
        close(fd);
        WAIT_FOR(dev.events[CHR_EVENT_CLOSED] == round);
        g_assert_cmpstr(chardev_filename(chr), ==, name);
    }
    dev_free(&dev);
    chardev_registry_free(reg);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

/* A peer that writes and closes while the device is busy loses nothing. */
static void test_busy_device(void)
{
    ChardevRegistry *reg = chardev_registry_new();
    g_autofree char *path = tmp_path("busy");
    Dev dev;
    int fd;

    dev_connect(&dev, add(reg, "socket,id=c,path=%s,server=on,wait=off", path));
    dev.room = 0;
    fd = unix_connect(path);
    WAIT_FOR(dev.events[CHR_EVENT_OPENED]);
    send_text(fd, "last words");
    close(fd);
    for (int i = 0; i < 10; i++) {
        main_loop_wait(false);
    }
    g_assert_cmpstr(dev.in->str, ==, "");
    dev.room = 4;
    chr_fe_accept_input(&dev.fe);
    WAIT_FOR(dev.events[CHR_EVENT_CLOSED]);
    g_assert_cmpstr(dev.in->str, ==, "last words");
    dev_free(&dev);
    chardev_registry_free(reg);
}

/* Output that the peer takes slowly is queued and arrives whole. */
static void test_slow_peer(void)
{
    enum { SIZE = 4 << 20 };
    ChardevRegistry *reg = chardev_registry_new();
    g_autofree uint8_t *sent = g_malloc(SIZE), *got = g_malloc(SIZE);
    int pair[2], have = 0;
    Dev dev;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    dev_connect(&dev, add(reg, "socket,id=c,fd=%d", pair[0]));
    for (int i = 0; i < SIZE; i++) {
        sent[i] = i * 7 + (i >> 8);
    }
    g_assert_cmpint(chr_fe_write(&dev.fe, sent, SIZE), ==, SIZE);
    while (have < SIZE) {
        ssize_t n = recv(pair[1], got + have, SIZE - have, MSG_DONTWAIT);
        if (n > 0) {
            have += n;
        } else {
            main_loop_wait(true);
        }
    }
    g_assert_cmpmem(sent, SIZE, got, SIZE);
    dev_free(&dev);
    chardev_registry_free(reg);
    close(pair[1]);
}

static int tcp_connect(unsigned port)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port),
                                .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    g_assert_cmpint(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    return fd;
}

/* The port chosen for port=0, from the file name. */
static unsigned bound_port(const Chardev *chr)
{
    return atoi(strrchr(chardev_filename(chr), ':') + 1);
}

static void test_tcp_telnet(void)
{
    /* RFC 854, 856-858 */
    static const char greeting[] = "\377\373\1\377\373\3\377\373\0\377\375\0";
    static const char typed[] = "a\377\377b\377\375\1c\377\361d\r\0e\377\363";
    ChardevRegistry *reg = chardev_registry_new();
    Chardev *chr = add(reg, "socket,id=c,host=127.0.0.1,port=0,server=on,wait=off,telnet=on");
    Dev dev;
    char buf[12];
    int fd = tcp_connect(bound_port(chr));

    dev_connect(&dev, chr);
    WAIT_FOR(dev.events[CHR_EVENT_OPENED]);
    g_assert_cmpint(recv(fd, buf, sizeof(buf), MSG_WAITALL), ==, 12);
    g_assert_cmpmem(buf, 12, greeting, 12);
    g_assert_cmpint(write(fd, typed, sizeof(typed) - 1), ==, sizeof(typed) - 1);
    WAIT_FOR(dev.events[CHR_EVENT_BREAK]);
    g_assert_cmpstr(dev.in->str, ==, "a\377bcd\re");
    dev_write(&dev, "x\377y");
    expect_read(fd, "x\377\377y");
    g_assert_true(g_str_has_prefix(chardev_filename(chr), "telnet:127.0.0.1:"));
    g_assert_nonnull(strstr(chardev_filename(chr), ",server=on <-> 127.0.0.1:"));
    close(fd);
    dev_free(&dev);
    chardev_registry_free(reg);
}

static void test_client_reconnects(void)
{
    ChardevRegistry *reg = chardev_registry_new(), *server_reg = chardev_registry_new();
    g_autofree char *path = tmp_path("reconnect");
    Dev client, server;

    dev_connect(&client, add(reg, "socket,id=c,path=%s,reconnect=1", path));
    g_assert_false(chr_fe_backend_connected(&client.fe));
    for (int round = 1; round <= 2; round++) {
        dev_connect(&server, add(server_reg, "socket,id=s,path=%s,server=on,wait=off", path));
        WAIT_FOR(client.events[CHR_EVENT_OPENED] == round && server.events[CHR_EVENT_OPENED]);
        dev_write(&client, "hello");
        WAIT_FOR(g_str_equal(server.in->str, "hello"));
        dev_free(&server);
        g_assert_true(chardev_remove(server_reg, "s", &error_fatal));
        WAIT_FOR(client.events[CHR_EVENT_CLOSED] == round);
    }
    dev_free(&client);
    chardev_registry_free(reg);
    chardev_registry_free(server_reg);
}

static void test_udp(void)
{
    ChardevRegistry *reg = chardev_registry_new();
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    struct sockaddr_storage from;
    socklen_t len = sizeof(addr), from_len = sizeof(from);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    char buf[16];
    Dev dev;

    g_assert_cmpint(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    getsockname(fd, (struct sockaddr *)&addr, &len);
    dev_connect(&dev, add(reg, "udp,id=c,host=127.0.0.1,port=%d", ntohs(addr.sin_port)));
    dev_write(&dev, "datagram");
    g_assert_cmpint(recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &from_len), ==, 8);
    dev.room = 3;
    sendto(fd, "answer", 6, 0, (struct sockaddr *)&from, from_len);
    WAIT_FOR(g_str_equal(dev.in->str, "answer"));
    close(fd);
    dev_free(&dev);
    chardev_registry_free(reg);
}

/* --- terminals, FIFOs, files --------------------------------------------------------- */

static void test_pty(void)
{
    ChardevRegistry *reg = chardev_registry_new();
    Chardev *chr = add(reg, "pty,id=c");
    const char *name = chardev_filename(chr);
    struct termios tio;
    Dev dev;

    dev_connect(&dev, chr);
    g_assert_true(g_str_has_prefix(name, "pty:/dev/"));
    for (int round = 1; round <= 2; round++) {
        int fd = open(name + 4, O_RDWR | O_NOCTTY);
        g_assert_cmpint(fd, >=, 0);
        WAIT_FOR(dev.events[CHR_EVENT_OPENED] == round);
        g_assert_cmpint(tcgetattr(fd, &tio), ==, 0);
        g_assert_false(tio.c_lflag & (ICANON | ECHO));
        dev_write(&dev, "out\r\n");
        expect_read(fd, "out\r\n");
        send_text(fd, "\3in");
        WAIT_FOR(dev.in->len == 3u * round);
        close(fd);
        WAIT_FOR(dev.events[CHR_EVENT_CLOSED] == round);
    }
    g_assert_cmpstr(dev.in->str, ==, "\3in\3in");
    dev_free(&dev);
    chardev_registry_free(reg);
}

static void test_pipe(void)
{
    ChardevRegistry *reg = chardev_registry_new();
    g_autofree char *path = tmp_path("fifo"), *in = tmp_path("fifo.in");
    g_autofree char *out = tmp_path("fifo.out");
    Dev dev;
    int in_fd, out_fd;

    g_assert_cmpint(mkfifo(in, 0600) | mkfifo(out, 0600), ==, 0);
    dev_connect(&dev, add(reg, "pipe,id=c,path=%s", path));
    in_fd = open(in, O_WRONLY);
    out_fd = open(out, O_RDONLY);
    send_text(in_fd, "ping");
    WAIT_FOR(g_str_equal(dev.in->str, "ping"));
    dev_write(&dev, "pong");
    expect_read(out_fd, "pong");
    close(in_fd);
    close(out_fd);
    dev_free(&dev);
    chardev_registry_free(reg);
}

static void expect_file(const char *path, const char *text)
{
    g_autofree char *contents = NULL;
    g_assert_true(g_file_get_contents(path, &contents, NULL, NULL));
    g_assert_cmpstr(contents, ==, text);
}

static void test_file(void)
{
    g_autofree char *path = tmp_path("file"), *log = tmp_path("log");
    static const char *const modes[] = { "", ",append=on", ",append=off" };
    static const char *const expected[] = { "text", "texttext", "text" };

    for (size_t i = 0; i < G_N_ELEMENTS(modes); i++) {
        ChardevRegistry *reg = chardev_registry_new();
        Dev dev;
        dev_connect(&dev, add(reg, "file,id=c,path=%s,logfile=%s,logappend=on%s", path, log,
                              modes[i]));
        dev_write(&dev, "text");
        dev_free(&dev);
        chardev_registry_free(reg);
        expect_file(path, expected[i]);
    }
    expect_file(log, "texttexttext");
}

static void test_ringbuf(void)
{
    ChardevRegistry *reg = chardev_registry_new();
    Chardev *chr = add(reg, "ringbuf,id=c,size=8");
    uint8_t buf[16];
    Dev dev;

    dev_connect(&dev, chr);
    dev_write(&dev, "0123456789");
    g_assert_cmpint(chr_ringbuf_read(chr, buf, 3), ==, 3);
    g_assert_cmpmem(buf, 3, "234", 3);
    g_assert_cmpint(chr_ringbuf_read(chr, buf, sizeof(buf)), ==, 5);
    g_assert_cmpmem(buf, 5, "56789", 5);
    g_assert_cmpint(chr_ringbuf_read(chr, buf, sizeof(buf)), ==, 0);
    g_assert_cmpint(chr_ringbuf_inject(chr, (const uint8_t *)"key", 3), ==, 3);
    g_assert_cmpstr(dev.in->str, ==, "key");
    expect_error(reg, "ringbuf,id=d,size=12", "size=12");
    dev_free(&dev);
    chardev_registry_free(reg);
}

/* --- mux ----------------------------------------------------------------------------- */

static void count_call(void *opaque)
{
    ++*(int *)opaque;
}

static void test_mux(void)
{
    ChardevRegistry *reg = chardev_registry_new();
    int pair[2], quits = 0, saves = 0;
    Dev mon, ser;
    Chardev *chr;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    chardev_set_quit_hook(reg, count_call, &quits);
    chardev_set_save_hook(reg, count_call, &saves);
    chr = add(reg, "socket,id=c,fd=%d,mux=on", pair[0]);
    g_assert_cmpstr(chardev_filename(chr), ==, "mux");
    g_assert_nonnull(chardev_find(reg, "c-base"));
    dev_connect(&mon, chr);
    dev_connect(&ser, chr);
    g_assert_cmpint(ser.events[CHR_EVENT_OPENED], ==, 1);
    send_text(pair[1], "S");
    WAIT_FOR(g_str_equal(ser.in->str, "S"));
    send_text(pair[1], "\001cM\001\001\001b");
    WAIT_FOR(mon.events[CHR_EVENT_BREAK] == 1);
    g_assert_cmpstr(mon.in->str, ==, "M\001");
    g_assert_cmpstr(ser.in->str, ==, "S");
    g_assert_cmpint(ser.events[CHR_EVENT_MUX_OUT], ==, 1);
    g_assert_cmpint(mon.events[CHR_EVENT_MUX_IN], ==, 2);
    dev_write(&ser, "from ser");
    dev_write(&mon, "from mon");
    expect_read(pair[1], "from serfrom mon");
    /* Commands work while the focused front end takes nothing; its input waits. */
    mon.room = 0;
    send_text(pair[1], "wait\001s\001x");
    WAIT_FOR(quits == 1);
    g_assert_cmpint(saves, ==, 1);
    expect_read(pair[1], "doppel: Terminated\n\r");
    g_assert_cmpstr(mon.in->str, ==, "M\001");
    mon.room = 2;
    chr_fe_accept_input(&mon.fe);
    g_assert_cmpstr(mon.in->str, ==, "M\001wait");
    send_text(pair[1], "\001h.");
    WAIT_FOR(g_str_equal(mon.in->str, "M\001wait."));
    expect_read(pair[1], "\n\rC-a h    print this help\n\r");
    dev_free(&ser);
    dev_free(&mon);
    chardev_registry_free(reg);
    close(pair[1]);
}

/* Ctrl-A T: each line begins with the time since the first. */
static void test_mux_timestamps(void)
{
    ChardevRegistry *reg = chardev_registry_new();
    int pair[2];
    char buf[128] = "";
    Dev dev;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    dev_connect(&dev, add(reg, "socket,id=c,fd=%d,mux=on", pair[0]));
    send_text(pair[1], "\001t.");
    WAIT_FOR(dev.in->len == 1);
    dev_write(&dev, "rest\nline");
    dev_write(&dev, " end\n");
    g_assert_cmpint(recv(pair[1], buf, sizeof(buf) - 1, 0), >, 0);
    g_assert_true(g_regex_match_simple("^rest\n\\[00:00:\\d\\d\\.\\d{3}\\] line end\n$", buf, 0,
                                       0));
    dev_free(&dev);
    chardev_registry_free(reg);
    close(pair[1]);
}

/* --- stdio --------------------------------------------------------------------------- */

/* A child on a terminal of its own opens stdio, tells so, and waits to be ended. */
static pid_t start_terminal_child(int *master, const char *options, int ready_fd)
{
    pid_t pid = forkpty(master, NULL, NULL, NULL);

    if (pid == 0) {
        ChardevRegistry *reg = chardev_registry_new();
        add(reg, "stdio,id=c%s", options);
        send_text(ready_fd, "!");
        alarm(60);
        if (strstr(options, "signal=off")) {
            exit(3);
        }
        for (;;) {
            pause();
        }
    }
    return pid;
}

static void check_stdio(const char *options, int end_signal)
{
    struct termios raw, after;
    int ready[2], master, status;
    bool exits = !end_signal;
    pid_t pid;

    g_assert_cmpint(pipe(ready), ==, 0);
    pid = start_terminal_child(&master, options, ready[1]);
    g_assert_cmpint(pid, >, 0);
    expect_read(ready[0], "!");
    if (!exits) {
        g_assert_cmpint(tcgetattr(master, &raw), ==, 0);
        g_assert_false(raw.c_lflag & (ICANON | ECHO));
        g_assert_true(raw.c_lflag & ISIG);
        g_assert_false(raw.c_iflag & (ICRNL | IXON));
        kill(pid, end_signal);
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_true(exits ? WIFEXITED(status) && WEXITSTATUS(status) == 3
                        : WIFSIGNALED(status) && WTERMSIG(status) == end_signal);
    g_assert_cmpint(tcgetattr(master, &after), ==, 0);
    g_assert_true(after.c_lflag & ICANON);
    g_assert_true(after.c_lflag & ECHO);
    g_assert_true(after.c_iflag & ICRNL);
    close(master);
    close(ready[0]);
    close(ready[1]);
}

static void test_stdio_restored(void)
{
    check_stdio("", SIGTERM);
    check_stdio("", SIGINT);
    check_stdio("", SIGABRT);
    check_stdio(",signal=off", 0);
}

/* --- options ------------------------------------------------------------------------- */

static void test_errors(void)
{
    ChardevRegistry *reg = chardev_registry_new();
    g_autofree char *path = tmp_path("no/such/dir");
    g_autofree char *file = g_strdup_printf("file,id=x,path=%s", path);
    Dev one, two = { 0 };
    Error *err = NULL;

    expect_error(reg, "nothing,id=x", "'nothing'");
    expect_error(reg, "null", "id=");
    expect_error(reg, "file,id=x", "path=");
    expect_error(reg, file, "no/such/dir");
    expect_error(reg, "null,id=x,colour=red", "colour=red");
    expect_error(reg, "socket,id=x,path=/a,wait=on", "server=on");
    expect_error(reg, "socket,id=x,path=/a,server=on,reconnect=1", "reconnect=");
    expect_error(reg, "socket,id=x,host=127.0.0.1", "port=");
    expect_error(reg, "socket,id=x,fd=999", "fd=999");
    expect_error(reg, "mux,id=x,chardev=y", "chardev=y");
    add(reg, "null,id=x");
    expect_error(reg, "null,id=x", "'x'");
    dev_connect(&one, chardev_find(reg, "x"));
    g_assert_false(chr_fe_init(&two.fe, chardev_find(reg, "x"), &err));
    g_assert_nonnull(strstr(error_text(err), "mux=on"));
    error_free(err);
    dev_free(&one);
    chardev_registry_free(reg);
}

static void test_legacy(void)
{
    ChardevRegistry *reg = chardev_registry_new();
    g_autofree char *path = tmp_path("legacy"), *sock = NULL, *file = NULL, *shown = NULL;
    Error *err = NULL;
    Chardev *chr;

    g_assert_null(chardev_add_legacy(reg, "a", "none", &error_fatal));
    chr = chardev_add_legacy(reg, "b", "null", &error_fatal);
    g_assert_cmpstr(chardev_label(chr), ==, "b");
    g_assert_true(chardev_add_legacy(reg, "c", "chardev:b", &error_fatal) == chr);
    sock = g_strdup_printf("unix:%s,server,nowait", path);
    shown = g_strdup_printf("disconnected:unix:%s,server=on", path);
    chr = chardev_add_legacy(reg, "d", sock, &error_fatal);
    g_assert_cmpstr(chardev_filename(chr), ==, shown);
    chr = chardev_add_legacy(reg, "e", "tcp:127.0.0.1:0,server=on,wait=off", &error_fatal);
    g_assert_true(g_str_has_prefix(chardev_filename(chr), "disconnected:tcp:127.0.0.1:"));
    file = g_strdup_printf("mon:file:%s.out", path);
    chr = chardev_add_legacy(reg, "f", file, &error_fatal);
    g_assert_cmpstr(chardev_filename(chr), ==, "mux");
    g_assert_nonnull(chardev_add_legacy(reg, "g", "vc:80Cx24C", &error_fatal));
    g_assert_null(chardev_add_legacy(reg, "h", "gopher:x", &err));
    g_assert_nonnull(strstr(error_text(err), "gopher:x"));
    error_free(err);
    chardev_registry_free(reg);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    main_loop_init();
    folder = tmp_folder();
    g_test_add_func("/chardev/socket/unix-server", test_unix_server);
    g_test_add_func("/chardev/socket/busy-device", test_busy_device);
    g_test_add_func("/chardev/socket/slow-peer", test_slow_peer);
    g_test_add_func("/chardev/socket/telnet", test_tcp_telnet);
    g_test_add_func("/chardev/socket/reconnect", test_client_reconnects);
    g_test_add_func("/chardev/udp", test_udp);
    g_test_add_func("/chardev/pty", test_pty);
    g_test_add_func("/chardev/pipe", test_pipe);
    g_test_add_func("/chardev/file", test_file);
    g_test_add_func("/chardev/ringbuf", test_ringbuf);
    g_test_add_func("/chardev/mux", test_mux);
    g_test_add_func("/chardev/mux-timestamps", test_mux_timestamps);
    g_test_add_func("/chardev/stdio-restored", test_stdio_restored);
    g_test_add_func("/chardev/errors", test_errors);
    g_test_add_func("/chardev/legacy", test_legacy);
    return g_test_run();
}
