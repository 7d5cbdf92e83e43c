/*
 * isa-debug-exit: a write of VALUE ends the emulator with (VALUE << 1) | 1.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include <sys/wait.h>
#include "tests/qtest/libqtest.h"

/* The exit status of an emulator that got one qtest command. */
static int exit_status(const char *device, const char *command)
{
    const char *accel = g_getenv("QTEST_ACCEL");
    g_autofree char *line = g_strdup_printf(
        "echo %s | exec %s -accel %s -machine pc -nodefaults -display none -device %s -qtest stdio",
        command, g_getenv("QTEST_BINARY"), accel ? accel : "qtest", device);
    char *argv[] = { (char *)"sh", (char *)"-c", line, NULL };
    g_autofree char *output = NULL;
    int status = 0;

    g_assert_true(g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output, NULL,
                               &status, NULL));
    g_assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_status(void)
{
    g_assert_cmpint(exit_status("isa-debug-exit", "outb 0x501 0x00"), ==, 1);
    g_assert_cmpint(exit_status("isa-debug-exit", "outb 0x501 0x10"), ==, 33);
    g_assert_cmpint(exit_status("isa-debug-exit", "outw 0x501 0x7f"), ==, 255);
    g_assert_cmpint(exit_status("isa-debug-exit,iobase=0xf4,iosize=4", "outl 0xf4 0x20"), ==, 65);
}

static void test_read(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults -device isa-debug-exit");

    g_assert_cmphex(qtest_inb(qts, 0x501), ==, 0);
    qtest_outb(qts, 0x503, 1); /* behind it */
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/debug-exit/status", test_status);
    g_test_add_func("/debug-exit/read", test_read);
    return g_test_run();
}
