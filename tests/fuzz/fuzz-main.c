/*
 * Runs a fuzz target without libFuzzer: the files named on the command line, or every
 * file of the folders named there and then random inputs ("-runs=N", "-seed=N", "-max_len=N" as
 * libFuzzer spells them).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include <stdio.h>
#include "tests/fuzz/fuzz.h"

static unsigned long option(const char *arg, const char *name, unsigned long value)
{
    return g_str_has_prefix(arg, name) ? strtoul(arg + strlen(name), NULL, 0) : value;
}

static int run_file(const char *path)
{
    g_autofree char *data = NULL;
    gsize size;

    if (!g_file_get_contents(path, &data, &size, NULL)) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return 1;
    }
    LLVMFuzzerTestOneInput((const uint8_t *)data, size);
    return 0;
}

static int run_folder(GDir *dir, const char *path)
{
    const char *name;
    int failed = 0;

    while ((name = g_dir_read_name(dir))) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        failed |= run_file(file);
    }
    return failed;
}

static void run_random(unsigned long runs, unsigned seed, unsigned long max_len)
{
    g_autoptr(GRand) rng = g_rand_new_with_seed(seed);
    g_autofree uint8_t *data = g_malloc(max_len);

    for (unsigned long i = 0; i < runs; i++) {
        size_t size = g_rand_int_range(rng, 1, max_len + 1);
        for (size_t j = 0; j < size; j++) {
            data[j] = g_rand_int(rng);
        }
        LLVMFuzzerTestOneInput(data, size);
    }
    printf("%lu runs, seed %u\n", runs, seed);
}

int main(int argc, char **argv)
{
    unsigned long runs = 100000, seed = 1, max_len = 64;
    int files = 0, failed = 0;

    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-') {
            runs = option(argv[i], "-runs=", runs);
            seed = option(argv[i], "-seed=", seed);
            max_len = option(argv[i], "-max_len=", max_len);
            continue;
        }
        g_autoptr(GDir) dir = g_dir_open(argv[i], 0, NULL);
        files += !dir;
        failed |= dir ? run_folder(dir, argv[i]) : run_file(argv[i]);
    }
    if (files == 0) {
        run_random(runs, seed, MAX(max_len, 1));
    }
    return failed;
}
