/*
 * Descriptors of character back ends, served by the main loop: see char-int.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "chardev/char-int.h"
#include "util/trace.h"

TRACE_EVENT(chardev_dropped, "%s: %d bytes that the peer does not take");

enum { INPUT_CHUNK = 4096, FLUSH_TIMEOUT_MS = 1000, PASSED_FDS_MAX = 16 };

void char_io_init(CharIO *io, Chardev *chr)
{
    *io = (CharIO){ .chr = chr, .in_fd = -1, .out_fd = -1, .out = g_byte_array_new() };
}

static void set_watch(guint *watch, guint new_watch)
{
    if (*watch) {
        g_source_remove(*watch);
    }
    *watch = new_watch;
}

int char_io_take_fd(CharIO *io)
{
    int fd = -1;

    if (io->passed_fds && io->passed_fds->len) {
        fd = g_array_index(io->passed_fds, int, 0);
        g_array_remove_index(io->passed_fds, 0);
    }
    return fd;
}

static void drop_passed_fds(CharIO *io)
{
    int fd;

    while ((fd = char_io_take_fd(io)) >= 0) {
        close(fd);
    }
    g_clear_pointer(&io->passed_fds, g_array_unref);
}

void char_io_attach(CharIO *io, int in_fd, int out_fd)
{
    io->in_fd = in_fd;
    io->out_fd = out_fd;
    if (in_fd >= 0) {
        g_unix_set_fd_nonblocking(in_fd, TRUE, NULL);
    }
    if (out_fd >= 0 && out_fd != in_fd) {
        g_unix_set_fd_nonblocking(out_fd, TRUE, NULL);
    }
    char_io_update(io);
}

void char_io_detach(CharIO *io)
{
    set_watch(&io->in_watch, 0);
    set_watch(&io->out_watch, 0);
    io->in_cond = 0;
    if (io->in_fd >= 0) {
        close(io->in_fd);
    }
    if (io->out_fd >= 0 && io->out_fd != io->in_fd) {
        close(io->out_fd);
    }
    io->in_fd = io->out_fd = -1;
    io->passes_fds = false;
    drop_passed_fds(io);
    g_byte_array_set_size(io->out, 0);
}

void char_io_free(CharIO *io)
{
    if (io->out) {
        char_io_detach(io);
        g_byte_array_unref(g_steal_pointer(&io->out));
    }
}

/* --- input --------------------------------------------------------------------------- */

/* Input ended: nothing more is watched on in_fd. */
static void input_ended(CharIO *io)
{
    set_watch(&io->in_watch, 0);
    io->in_cond = 0;
    io->hangup(io->chr);
}

static bool unread_input(const CharIO *io)
{
    int unread = 0;
    return ioctl(io->in_fd, FIONREAD, &unread) == 0 && unread > 0;
}

/* Keeps the descriptors of a message; those of an earlier one that nobody took are closed. */
static void keep_passed_fds(CharIO *io, struct cmsghdr *cmsg)
{
    unsigned n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

    if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS) {
        drop_passed_fds(io);
        io->passed_fds = g_array_new(FALSE, FALSE, sizeof(int));
        g_array_append_vals(io->passed_fds, CMSG_DATA(cmsg), n);
    }
}

static ssize_t receive_with_fds(CharIO *io, uint8_t *buf, size_t len)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int) * PASSED_FDS_MAX)];
    } control;
    struct iovec iov = { buf, len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
                          .msg_controllen = sizeof(control) };
    ssize_t n = recvmsg(io->in_fd, &msg, MSG_CMSG_CLOEXEC);

    for (struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL; c; c = CMSG_NXTHDR(&msg, c)) {
        keep_passed_fds(io, c);
    }
    return n;
}

static void input_read(CharIO *io)
{
    uint8_t buf[INPUT_CHUNK];
    int room = chr_be_can_write(io->chr);
    ssize_t n;

    if (room <= 0) {
        return;
    }
    n = io->passes_fds ? receive_with_fds(io, buf, MIN(room, INPUT_CHUNK))
                       : read(io->in_fd, buf, MIN(room, INPUT_CHUNK));
    if (n > 0) {
        n = io->filter ? io->filter(io->chr, buf, n) : n;
        chr_be_write(io->chr, buf, n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        input_ended(io);
    }
}

static gboolean input_ready(gint fd, GIOCondition cond, gpointer opaque)
{
    CharIO *io = opaque;

    if (chr_be_can_write(io->chr) > 0) {
        input_read(io);
    } else if ((cond & (G_IO_HUP | G_IO_ERR)) && !unread_input(io)) {
        input_ended(io);
        return G_SOURCE_CONTINUE;
    } else if (cond & (G_IO_HUP | G_IO_ERR)) {
        /* The peer went, but its last words wait for the front end: a hang-up
         * cannot be waited for again, reading will find it. */
        set_watch(&io->in_watch, 0);
        return G_SOURCE_CONTINUE;
    }
    char_io_update(io);
    return G_SOURCE_CONTINUE;
}

/* Waits for input only while the front end takes some, for a hang-up always. */
void char_io_update(CharIO *io)
{
    GIOCondition cond = chr_be_can_write(io->chr) > 0 ? G_IO_IN | G_IO_HUP | G_IO_ERR
                                                      : G_IO_HUP | G_IO_ERR;

    if (io->in_fd < 0 || (io->in_cond == cond && io->in_watch)) {
        return;
    }
    io->in_cond = cond;
    set_watch(&io->in_watch, g_unix_fd_add(io->in_fd, cond, input_ready, io));
}

/* --- output -------------------------------------------------------------------------- */

/* Writes what the kernel takes; returns how much, or -1 if the peer is gone. */
static ssize_t write_some(int fd, const uint8_t *buf, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = write(fd, buf + done, len - done);
        if (n > 0) {
            done += n;
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            return -1;
        }
    }
    return done;
}

static void output_queued(CharIO *io)
{
    ssize_t n = write_some(io->out_fd, io->out->data, io->out->len);
    if (n != 0) {
        /* What a peer that is gone did not take, nobody will. */
        g_byte_array_remove_range(io->out, 0, n < 0 ? io->out->len : (guint)n);
    }
}

static gboolean output_ready(gint fd, GIOCondition cond, gpointer opaque)
{
    CharIO *io = opaque;

    output_queued(io);
    if (io->out->len) {
        return G_SOURCE_CONTINUE;
    }
    io->out_watch = 0;
    return G_SOURCE_REMOVE;
}

static void queue_output(CharIO *io, const uint8_t *buf, int len)
{
    int room = CHAR_IO_QUEUE - (int)io->out->len;

    if (len > room) {
        trace(chardev_dropped, io->chr->label, len - room);
        len = room;
    }
    g_byte_array_append(io->out, buf, len);
    if (!io->out_watch) {
        io->out_watch = g_unix_fd_add(io->out_fd, G_IO_OUT | G_IO_HUP | G_IO_ERR, output_ready, io);
    }
}

void char_io_write(CharIO *io, const uint8_t *buf, int len)
{
    ssize_t n = 0;

    if (io->out_fd < 0) {
        return;
    }
    if (!io->out->len) {
        n = write_some(io->out_fd, buf, len);
    }
    if (n >= 0 && n < len) {
        queue_output(io, buf + n, len - n);
    }
}

void char_io_flush(CharIO *io)
{
    struct pollfd pfd = { .fd = io->out_fd, .events = POLLOUT };

    while (io->out_fd >= 0 && io->out->len && poll(&pfd, 1, FLUSH_TIMEOUT_MS) > 0) {
        output_queued(io);
    }
}

/* --- back ends that are no more than this -------------------------------------------- */

static void fd_hangup(Chardev *chr)
{
    FdChardev *fd = (FdChardev *)chr;

    /* Standard input may end while standard output goes on. */
    if (fd->io.in_fd != fd->io.out_fd) {
        close(fd->io.in_fd);
    }
    fd->io.in_fd = -1;
    chr_be_event(chr, CHR_EVENT_CLOSED);
}

void fd_chardev_start(Chardev *chr, int in_fd, int out_fd)
{
    FdChardev *fd = (FdChardev *)chr;

    char_io_init(&fd->io, chr);
    fd->io.hangup = fd_hangup;
    char_io_attach(&fd->io, in_fd, out_fd);
    chr_be_event(chr, CHR_EVENT_OPENED);
}

void fd_chardev_close(Chardev *chr)
{
    char_io_free(&((FdChardev *)chr)->io);
}

void fd_chardev_write(Chardev *chr, const uint8_t *buf, int len)
{
    char_io_write(&((FdChardev *)chr)->io, buf, len);
}

void fd_chardev_update_read(Chardev *chr)
{
    char_io_update(&((FdChardev *)chr)->io);
}

void fd_chardev_flush(Chardev *chr)
{
    char_io_flush(&((FdChardev *)chr)->io);
}
