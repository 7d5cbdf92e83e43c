/*
 * "file", "pipe" and "null".
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "chardev/char-int.h"
#include "util/module.h"

static bool file_open(Chardev *chr, OptDict *opts, Error **errp)
{
    const char *path = chardev_require(chr, opts, "path", errp);
    const char *input = optdict_get(opts, "input-path");
    bool append = false;
    int in_fd = -1, out_fd;

    if (!path || !optdict_get_bool(opts, "append", &append, errp)) {
        return false;
    }
    out_fd = chardev_open_path(chr, "path", path,
                               O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC), errp);
    if (out_fd < 0) {
        return false;
    }
    if (input) {
        in_fd = chardev_open_path(chr, "input-path", input, O_RDONLY, errp);
        if (in_fd < 0) {
            close(out_fd);
            return false;
        }
    }
    fd_chardev_start(chr, in_fd, out_fd);
    return true;
}

static const ChardevInfo file_info = {
    .name = "file",
    .desc = "output to a file (path=, append=, input-path=)",
    .size = sizeof(FdChardev),
    .open = file_open,
    .close = fd_chardev_close,
    .write = fd_chardev_write,
    .update_read = fd_chardev_update_read,
    .flush = fd_chardev_flush,
};
CHARDEV_TYPE(file_info)

/* PATH.in and PATH.out if they are there, else PATH both ways. FIFOs are opened
 * for both directions, so that they neither block nor end when a peer goes. */
static bool pipe_open(Chardev *chr, OptDict *opts, Error **errp)
{
    const char *path = chardev_require(chr, opts, "path", errp);
    g_autofree char *in_path = NULL, *out_path = NULL;
    int in_fd, out_fd;

    if (!path) {
        return false;
    }
    in_path = g_strconcat(path, ".in", NULL);
    out_path = g_strconcat(path, ".out", NULL);
    in_fd = open(in_path, O_RDWR | O_CLOEXEC);
    out_fd = open(out_path, O_RDWR | O_CLOEXEC);
    if (in_fd < 0 || out_fd < 0) {
        if (in_fd >= 0) {
            close(in_fd);
        }
        if (out_fd >= 0) {
            close(out_fd);
        }
        in_fd = out_fd = chardev_open_path(chr, "path", path, O_RDWR, errp);
        if (in_fd < 0) {
            return false;
        }
    }
    fd_chardev_start(chr, in_fd, out_fd);
    return true;
}

static const ChardevInfo pipe_info = {
    .name = "pipe",
    .desc = "FIFOs PATH.in and PATH.out, or PATH both ways (path=)",
    .size = sizeof(FdChardev),
    .open = pipe_open,
    .close = fd_chardev_close,
    .write = fd_chardev_write,
    .update_read = fd_chardev_update_read,
    .flush = fd_chardev_flush,
};
CHARDEV_TYPE(pipe_info)

static bool null_open(Chardev *chr, OptDict *opts, Error **errp)
{
    chr_be_event(chr, CHR_EVENT_OPENED);
    return true;
}

static const ChardevInfo null_info = {
    .name = "null",
    .desc = "output vanishes, no input",
    .size = sizeof(Chardev),
    .open = null_open,
};
CHARDEV_TYPE(null_info)
