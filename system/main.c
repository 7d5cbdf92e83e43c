/*
 * Doppel: a full-system PC emulator.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "system/crash.h"
#include "system/startup.h"
#include "util/main-loop.h"

static gboolean end_by_signal(gpointer opaque)
{
    runstate_quit(opaque, 0, SHUTDOWN_CAUSE_HOST_SIGNAL);
    return G_SOURCE_CONTINUE;
}

static void watch_signals(RunState *rs)
{
    static const int ends[] = { SIGINT, SIGTERM, SIGHUP };

    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_unix_signal_add_full(G_PRIORITY_HIGH, ends[i], end_by_signal, rs, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
}

static void end_by_key(void *opaque)
{
    runstate_quit(opaque, 0, SHUTDOWN_CAUSE_HOST_UI);
}

static bool write_pidfile(const char *path, Error **errp)
{
    g_autofree char *text = g_strdup_printf("%d\n", (int)getpid());
    g_autoptr(GError) gerr = NULL;

    if (path && !g_file_set_contents(path, text, -1, &gerr)) {
        error_setg(errp, "-pidfile %s: %s", path, gerr->message);
        return false;
    }
    return true;
}

/*
 * -daemonize: the child goes on; the parent waits until the child reports
 * that start-up succeeded (one byte) or ended, and passes the result on.
 * Returns the descriptor to report on, -1 without -daemonize.
 */
static int daemonize_begin(const Config *config)
{
    int fds[2];
    char byte;

    if (!config->daemonize || pipe2(fds, O_CLOEXEC)) {
        return -1;
    }
    if (fork() != 0) {
        close(fds[1]);
        exit(read(fds[0], &byte, 1) == 1 ? 0 : 1);
    }
    close(fds[0]);
    setsid();
    return fds[1];
}

static void daemonize_end(int fd)
{
    if (fd < 0) {
        return;
    }
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int std = 0; std <= 2; std++) {
        dup2(null, std);
    }
    if (write(fd, "1", 1) != 1) {
        exit(1);
    }
    close(fd);
}

static void register_everything(void)
{
    for (ModuleKind kind = 0; kind < MODULE_COUNT; kind++) {
        module_call_init(kind);
    }
}

static int run(Config *config, Error **errp)
{
    int report = daemonize_begin(config);

    main_loop_init();
    Startup *up = startup_build(config, errp);
    if (!up) {
        return *errp ? 1 : 0;
    }
    RunState *rs = startup_runstate(up);
    crash_set_machine(runstate_machine(rs));
    if (!write_pidfile(config->pidfile, errp)) {
        startup_free(up);
        return 1;
    }
    watch_signals(rs);
    chardev_set_quit_hook(runstate_machine(rs)->chardevs, end_by_key, rs);
    runstate_start(rs);
    daemonize_end(report);
    main_loop_run();
    int status = runstate_exit_status(rs);
    crash_set_machine(NULL);
    startup_free(up);
    if (config->pidfile) {
        unlink(config->pidfile);
    }
    return status;
}

int main(int argc, char **argv)
{
    g_autoptr(Config) config = config_new();
    Error *err = NULL;
    bool done;

    error_set_program(argv[0]);
    crash_install();
    register_everything();
    if (!config_parse(config, argc, argv, &done, &err)) {
        error_report_err(err);
        return 1;
    }
    if (done) {
        return 0;
    }
    int status = run(config, &err);
    if (err) {
        error_report_err(err);
    }
    return status;
}
