/*
 * isa-debugcon: what is written comes out of the chardev; the readback value.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <unistd.h>
#include "tests/lib/tmp.h"
#include "tests/qtest/libqtest.h"

static void test_debugcon(void)
{
    g_autofree char *contents = NULL;
    const char *path;
    int fd = tmp_file(&path);
    QTest *qts = qtest_start("-machine pc -nodefaults -chardev file,id=log,path=%s "
                             "-device isa-debugcon,iobase=0x402,chardev=log,readback=0x5a", path);

    close(fd);
    g_assert_cmphex(qtest_inb(qts, 0x402), ==, 0x5a);
    for (const char *p = "boot\n"; *p; p++) {
        qtest_outb(qts, 0x402, *p);
    }
    qtest_quit(qts);
    g_assert_true(g_file_get_contents(path, &contents, NULL, NULL));
    g_assert_cmpstr(contents, ==, "boot\n");
}

static void test_defaults(void)
{
    QTest *qts = qtest_start("-machine pc -nodefaults -debugcon null");

    g_assert_cmphex(qtest_inb(qts, 0xe9), ==, 0xe9);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/debugcon/output", test_debugcon);
    g_test_add_func("/debugcon/defaults", test_defaults);
    return g_test_run();
}
