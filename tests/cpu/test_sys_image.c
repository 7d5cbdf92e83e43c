/*
 * Runs a self-checking image (tests/cpu/sys) on a CPU without a machine: every
 * line it writes must be "ok ...", the last one "done". The expectations stand in
 * the image, from the manual.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "target/i386/translate/translate.h"
#include "tests/cpu/machine.h"

static const char *image_path;

static void load(CpuMachine *m)
{
    g_autofree char *data = NULL;
    gsize len;

    g_assert_true(g_file_get_contents(image_path, &data, &len, NULL));
    g_assert_cmpuint(len, <, MACHINE_RAM_SIZE - 0x7c00);
    memcpy(m->ram + 0x7c00, data, len);
}

static void test_image(gconstpointer engine)
{
    CpuMachine *m = cpu_machine_new("max");

    if (!g_str_equal(engine, "interpreter") && !x86_translator_new(m->cpu, 16 << 20, NULL)) {
        g_test_skip("no translator on this host");
        cpu_machine_free(m);
        return;
    }
    if (m->cpu->translator) {
        x86_translator_check(m->cpu);
    }
    if (g_str_equal(engine, "lockstep")) {
        x86_translator_lockstep(m->cpu, 0);
    }
    load(m);
    cpu_machine_start_real(m, 0x7e00);
    int reason = cpu_machine_run(m);

    g_auto(GStrv) lines = g_strsplit(m->text->str, "\n", -1);
    for (unsigned i = 0; lines[i]; i++) {
        g_test_message("%s", lines[i]);
        if (strstr(lines[i], "FAIL")) {
            g_test_fail_printf("%s", lines[i]);
        }
    }
    g_assert_true(g_str_has_suffix(m->text->str, "done\n"));
    g_assert_cmpint(reason, ==, CPU_EXIT_HALTED);
    cpu_machine_free(m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    image_path = argv[1];
    g_test_add_data_func("/cpu/sys/interpreter", "interpreter", test_image);
    g_test_add_data_func("/cpu/sys/translator", "translator", test_image);
    g_test_add_data_func("/cpu/sys/lockstep", "lockstep", test_image);
    return g_test_run();
}
