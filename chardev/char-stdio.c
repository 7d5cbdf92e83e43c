/*
 * "stdio": the terminal the program was started on.
 *
 * A terminal is put into raw mode, so that every key reaches the guest at
 * once; with signal=off Ctrl-C, Ctrl-Z and Ctrl-\ do too. The old mode comes
 * back when the chardev closes, at exit() and before a signal ends the program.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>
#include "chardev/char-int.h"
#include "util/module.h"

/* The terminal belongs to the process, and signal handlers reach nothing else. */
static struct {
    struct termios cooked, raw;
    int flags[2];          /* O_... of descriptors 0 and 1 before */
    volatile sig_atomic_t in_use, is_tty;
} term;

void chardev_restore_terminal(void)
{
    int saved_errno = errno;

    if (term.in_use) {
        term.in_use = 0;
        if (term.is_tty) {
            tcsetattr(STDIN_FILENO, TCSANOW, &term.cooked);
        }
        fcntl(STDIN_FILENO, F_SETFL, term.flags[0]);
        fcntl(STDOUT_FILENO, F_SETFL, term.flags[1]);
    }
    errno = saved_errno;
}

static void fatal_signal(int sig)
{
    chardev_restore_terminal();
    raise(sig); /* SA_RESETHAND has put back the default, which ends the program */
}

/* The shell has put its own mode back while the program was stopped. */
static void continued(int sig)
{
    if (term.in_use && term.is_tty) {
        tcsetattr(STDIN_FILENO, TCSANOW, &term.raw);
    }
}

/* Only where nobody else handles the signal. */
static void guard_signals(void)
{
    static const int fatal[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGABRT, SIGSEGV, SIGBUS,
                                 SIGFPE, SIGILL };
    struct sigaction old, guard = { .sa_handler = fatal_signal, .sa_flags = SA_RESETHAND };
    struct sigaction cont = { .sa_handler = continued, .sa_flags = SA_RESTART };

    for (size_t i = 0; i < G_N_ELEMENTS(fatal); i++) {
        if (sigaction(fatal[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL) {
            sigaction(fatal[i], &guard, NULL);
        }
    }
    sigaction(SIGCONT, &cont, NULL);
}

static void enter_raw_mode(bool signals)
{
    term.raw = term.cooked;
    term.raw.c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    term.raw.c_oflag |= OPOST;
    term.raw.c_lflag &= ~(ECHO | ECHONL | ICANON | IEXTEN | (signals ? 0 : ISIG));
    term.raw.c_cflag &= ~(CSIZE | PARENB);
    term.raw.c_cflag |= CS8;
    term.raw.c_cc[VMIN] = 1;
    term.raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &term.raw);
}

static bool stdio_open(Chardev *chr, OptDict *opts, Error **errp)
{
    static bool at_exit_done;
    bool signals = true;
    int in_fd, out_fd;

    if (!optdict_get_bool(opts, "signal", &signals, errp)) {
        return false;
    }
    if (term.in_use) {
        error_setg(errp, "chardev %s: stdio is in use by another chardev; share one with mux=on",
                   chr->label);
        return false;
    }
    in_fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    out_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    term.flags[0] = fcntl(STDIN_FILENO, F_GETFL);
    term.flags[1] = fcntl(STDOUT_FILENO, F_GETFL);
    term.is_tty = tcgetattr(STDIN_FILENO, &term.cooked) == 0;
    term.in_use = 1;
    guard_signals();
    if (!at_exit_done) {
        atexit(chardev_restore_terminal);
        at_exit_done = true;
    }
    if (term.is_tty) {
        enter_raw_mode(signals);
    }
    fd_chardev_start(chr, in_fd, out_fd);
    return true;
}

static void stdio_close(Chardev *chr)
{
    if (((FdChardev *)chr)->io.out) {
        fd_chardev_flush(chr);
        chardev_restore_terminal();
    }
    fd_chardev_close(chr);
}

static const ChardevInfo stdio_info = {
    .name = "stdio",
    .desc = "standard input and output (signal=on|off)",
    .size = sizeof(FdChardev),
    .open = stdio_open,
    .close = stdio_close,
    .write = fd_chardev_write,
    .update_read = fd_chardev_update_read,
    .flush = fd_chardev_flush,
};
CHARDEV_TYPE(stdio_info)
