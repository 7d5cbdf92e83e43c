/*
 * Temporary files of a test program: see tmp.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/lib/tmp.h"
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t remover;
static int alive; /* the remover's input: its end is this program's */

static void remove_all(void)
{
    close(alive);
    waitpid(remover, NULL, 0);
}

/* Its output stays open until all is removed: who reads the program's output waits for that. */
static void start_remover(const char *folder)
{
    int ends[2];

    g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
    remover = fork();
    if (remover == 0) {
        setsid(); /* signals to the program's group are not for it */
        dup2(ends[0], STDIN_FILENO);
        execlp("sh", "sh", "-c", "read -r end; exec rm -rf \"$0\"", folder, NULL);
        _exit(127);
    }
    g_assert_cmpint(remover, >, 0);
    close(ends[0]);
    alive = ends[1];
    atexit(remove_all);
}

static const char *root_folder(void)
{
    static char *root;

    if (!root) {
        root = g_dir_make_tmp("doppel-test-XXXXXX", NULL);
        g_assert_nonnull(root);
        start_remover(root);
    }
    return root;
}

int tmp_file(const char **path)
{
    g_autofree char *name = g_build_filename(root_folder(), "XXXXXX", NULL);
    int fd = g_mkstemp(name);

    g_assert_cmpint(fd, >=, 0);
    *path = g_intern_string(name);
    return fd;
}

const char *tmp_folder(void)
{
    g_autofree char *name = g_build_filename(root_folder(), "XXXXXX", NULL);

    g_assert_nonnull(g_mkdtemp(name));
    return g_intern_string(name);
}
