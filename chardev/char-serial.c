/*
 * "serial": a serial port of the host, with its line parameters set as the
 * guest sets them.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include "chardev/char-int.h"
#include "util/module.h"

static const struct {
    int rate;
    speed_t speed;
} speeds[] = {
    { 50, B50 }, { 75, B75 }, { 110, B110 }, { 134, B134 }, { 150, B150 }, { 200, B200 },
    { 300, B300 }, { 600, B600 }, { 1200, B1200 }, { 1800, B1800 }, { 2400, B2400 },
    { 4800, B4800 }, { 9600, B9600 }, { 19200, B19200 }, { 38400, B38400 }, { 57600, B57600 },
    { 115200, B115200 }, { 230400, B230400 }, { 460800, B460800 }, { 921600, B921600 },
};

/* The nearest rate that the host knows, within the few percent that rounding of a divisor costs. */
static speed_t nearest_speed(int rate)
{
    for (size_t i = 0; i < G_N_ELEMENTS(speeds); i++) {
        if (ABS(rate - speeds[i].rate) <= speeds[i].rate / 20) {
            return speeds[i].speed;
        }
    }
    return B115200;
}

static tcflag_t frame_flags(const CharSerialParams *params)
{
    static const tcflag_t sizes[] = { CS5, CS6, CS7, CS8 };
    tcflag_t flags = CREAD | CLOCAL | sizes[CLAMP(params->data_bits, 5, 8) - 5];

    if (params->stop_bits == 2) {
        flags |= CSTOPB;
    }
    if (params->parity != 'N') {
        flags |= PARENB | (params->parity == 'O' ? PARODD : 0);
    }
    return flags;
}

static void serial_set_params(Chardev *chr, const CharSerialParams *params)
{
    int fd = ((FdChardev *)chr)->io.in_fd;
    struct termios tio;

    if (tcgetattr(fd, &tio) == 0) {
        cfmakeraw(&tio);
        tio.c_cflag = frame_flags(params);
        cfsetspeed(&tio, nearest_speed(params->speed));
        tcsetattr(fd, TCSANOW, &tio);
    }
}

static void serial_set_break(Chardev *chr, bool on)
{
    ioctl(((FdChardev *)chr)->io.in_fd, on ? TIOCSBRK : TIOCCBRK);
}

static bool serial_open(Chardev *chr, OptDict *opts, Error **errp)
{
    const char *path = chardev_require(chr, opts, "path", errp);
    CharSerialParams initial = { .speed = 115200, .parity = 'N', .data_bits = 8, .stop_bits = 1 };
    int fd;

    if (!path) {
        return false;
    }
    fd = chardev_open_path(chr, "path", path, O_RDWR | O_NONBLOCK | O_NOCTTY, errp);
    if (fd < 0) {
        return false;
    }
    fd_chardev_start(chr, fd, fd);
    serial_set_params(chr, &initial);
    return true;
}

static const ChardevInfo serial_info = {
    .name = "serial",
    .alias = "tty",
    .desc = "a serial port of the host (path=)",
    .size = sizeof(FdChardev),
    .open = serial_open,
    .close = fd_chardev_close,
    .write = fd_chardev_write,
    .update_read = fd_chardev_update_read,
    .flush = fd_chardev_flush,
    .set_params = serial_set_params,
    .set_break = serial_set_break,
};
CHARDEV_TYPE(serial_info)
