/*
 * Names every device without a qtest, and fails if there is one.
 *
 *   device-coverage HW_FOLDER TEST=WORD,WORD... TEST=...
 *
 * The words are what the test covers, from meson.build here: device types, and the folders below
 * HW_FOLDER ("intc/") whose devices these are. Every type that can be created and every folder with a
 * registered device must be covered; a word that names nothing is an error as well.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "hw/core/cpu.h"
#include "hw/core/machine.h"
#include "util/module.h"

/* What makes a source file one that registers a device. */
static const char *const registrations[] = { "DEVICE_TYPE(", "device_type_register(" };

static GHashTable *covered; /* word -> name of the test */
static const char *hw_folder;

static void collect_words(const char *arg)
{
    g_auto(GStrv) halves = g_strsplit(arg, "=", 2);
    g_auto(GStrv) words = g_strsplit(halves[1] ? halves[1] : "", ",", 0);

    for (char **word = words; *word; word++) {
        g_hash_table_insert(covered, g_strdup(*word), g_strdup(halves[0]));
    }
}

static bool is_device(ObjectClass *klass)
{
    /* CPU models are tests/cpu's; a machine is not a device, and nothing else is created. */
    return klass && !object_class_is_abstract(klass) &&
           object_class_dynamic_cast(klass, TYPE_DEVICE) &&
           !object_class_dynamic_cast(klass, TYPE_CPU);
}

static void check_type(ObjectClass *klass, void *opaque)
{
    const char *name = object_class_get_name(klass);

    if (is_device(klass) && !g_hash_table_contains(covered, name)) {
        g_test_message("device '%s' has no qtest: write one, and name the device beside it in "
                       "tests/qtest/meson.build", name);
        g_test_fail();
    }
}

static void test_types(void)
{
    object_class_foreach(check_type, TYPE_DEVICE, false, NULL);
}

static bool registers_device(const char *path)
{
    g_autofree char *text = NULL;
    bool found = false;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(registrations); i++) {
        found |= strstr(text, registrations[i]) != NULL;
    }
    return found;
}

static bool has_device(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;
    bool found = false;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        found |= g_str_has_suffix(name, ".c") && registers_device(path);
    }
    return found;
}

static void test_folders(void)
{
    g_autoptr(GDir) hw = g_dir_open(hw_folder, 0, NULL);
    const char *name;

    g_assert_nonnull(hw);
    while ((name = g_dir_read_name(hw))) {
        g_autofree char *path = g_build_filename(hw_folder, name, NULL);
        g_autofree char *word = g_strconcat(name, "/", NULL);
        /* hw/core has the base classes only. */
        if (!g_str_equal(name, "core") && has_device(path) &&
            !g_hash_table_contains(covered, word)) {
            g_test_message("folder hw/%s has devices and no qtest", name);
            g_test_fail();
        }
    }
}

static void test_words(void)
{
    GHashTableIter at;
    gpointer word, test;

    g_hash_table_iter_init(&at, covered);
    while (g_hash_table_iter_next(&at, &word, &test)) {
        g_autofree char *path = g_build_filename(hw_folder, word, NULL);
        bool names_folder = g_str_has_suffix(word, "/") && has_device(path);
        if (!names_folder && !is_device(object_class_by_name(word))) {
            g_test_message("%s says it covers '%s', which is neither a device type nor a folder "
                           "of devices", (char *)test, (char *)word);
            g_test_fail();
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    module_call_init(MODULE_TRACE);
    module_call_init(MODULE_QOM);
    g_assert_cmpint(argc, >, 2);
    hw_folder = argv[1];
    covered = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (int i = 2; i < argc; i++) {
        collect_words(argv[i]);
    }
    g_test_add_func("/device-coverage/types", test_types);
    g_test_add_func("/device-coverage/folders", test_folders);
    g_test_add_func("/device-coverage/words", test_words);
    int status = g_test_run();
    g_hash_table_unref(covered);
    return status;
}
