/*
 * "pty": a pseudo terminal that a terminal program opens.
 *
 * The kernel reports a hang-up on the master side while nobody has the slave
 * side open, without an event when somebody opens it; so that is polled for.
 * Output meanwhile vanishes.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>
#include "chardev/char-int.h"
#include "util/module.h"

enum { PTY_POLL_MS = 200 };

typedef struct PtyChardev {
    Chardev parent;
    CharIO io;
    int master;    /* while nobody is connected; else it is io's */
    guint timer;
} PtyChardev;

static bool peer_present(int fd)
{
    struct pollfd pfd = { .fd = fd, .events = POLLOUT };
    return poll(&pfd, 1, 0) > 0 && !(pfd.revents & POLLHUP);
}

static void pty_check_peer(PtyChardev *pty)
{
    if (pty->master >= 0 && peer_present(pty->master)) {
        int fd = pty->master;
        pty->master = -1;
        char_io_attach(&pty->io, fd, fd);
        chr_be_event(&pty->parent, CHR_EVENT_OPENED);
    }
}

static gboolean pty_poll(gpointer opaque)
{
    PtyChardev *pty = opaque;

    pty_check_peer(pty);
    if (pty->master >= 0) {
        return G_SOURCE_CONTINUE;
    }
    pty->timer = 0;
    return G_SOURCE_REMOVE;
}

static void pty_hangup(Chardev *chr)
{
    PtyChardev *pty = (PtyChardev *)chr;

    pty->master = pty->io.in_fd;
    pty->io.in_fd = pty->io.out_fd = -1;
    char_io_detach(&pty->io);
    chr_be_event(chr, CHR_EVENT_CLOSED);
    if (!pty->timer) {
        pty->timer = g_timeout_add(PTY_POLL_MS, pty_poll, pty);
    }
}

static void make_raw(int fd)
{
    struct termios tio;

    if (tcgetattr(fd, &tio) == 0) {
        cfmakeraw(&tio);
        tcsetattr(fd, TCSAFLUSH, &tio);
    }
}

static bool pty_open(Chardev *chr, OptDict *opts, Error **errp)
{
    PtyChardev *pty = (PtyChardev *)chr;
    int slave;

    char_io_init(&pty->io, chr);
    pty->io.hangup = pty_hangup;
    pty->master = -1;
    if (openpty(&pty->master, &slave, NULL, NULL, NULL) < 0) {
        error_setg_errno(errp, errno, "chardev %s: no pseudo terminal", chr->label);
        return false;
    }
    fcntl(pty->master, F_SETFD, FD_CLOEXEC);
    make_raw(slave);
    chardev_set_filename(chr, "pty:%s", ttyname(slave));
    close(slave);
    printf("char device redirected to %s (label %s)\n", chr->filename + 4, chr->label);
    fflush(stdout);
    pty->timer = g_timeout_add(PTY_POLL_MS, pty_poll, pty);
    return true;
}

static void pty_close(Chardev *chr)
{
    PtyChardev *pty = (PtyChardev *)chr;

    if (pty->timer) {
        g_source_remove(pty->timer);
    }
    char_io_free(&pty->io);
    if (pty->master >= 0) {
        close(pty->master);
    }
}

static void pty_write(Chardev *chr, const uint8_t *buf, int len)
{
    PtyChardev *pty = (PtyChardev *)chr;

    pty_check_peer(pty);
    char_io_write(&pty->io, buf, len);
}

static void pty_update_read(Chardev *chr)
{
    char_io_update(&((PtyChardev *)chr)->io);
}

static void pty_flush(Chardev *chr)
{
    char_io_flush(&((PtyChardev *)chr)->io);
}

static const ChardevInfo pty_info = {
    .name = "pty",
    .desc = "a new pseudo terminal",
    .size = sizeof(PtyChardev),
    .open = pty_open,
    .close = pty_close,
    .write = pty_write,
    .update_read = pty_update_read,
    .flush = pty_flush,
};
CHARDEV_TYPE(pty_info)
