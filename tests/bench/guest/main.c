/*
 * kernels NAME N: runs one workload and prints its checksum; without arguments, lists the names.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "kernels.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const Kernel *const classes[] = {
    integer_kernels,
    float_kernels,
    system_kernels,
    string_kernels,
#ifdef __x86_64__
    vector_kernels,
#endif
};

#define CLASSES (sizeof(classes) / sizeof(classes[0]))

uint64_t fold_double(uint64_t sum, double value)
{
    char text[32];

    snprintf(text, sizeof(text), "%.9g", value);
    for (const char *p = text; *p; p++) {
        sum = fold(sum, (unsigned char)*p);
    }
    return sum;
}

void must(int ok, const char *what)
{
    if (!ok) {
        perror(what);
        exit(1);
    }
}

static const Kernel *find_kernel(const char *name)
{
    for (size_t i = 0; i < CLASSES; i++) {
        for (const Kernel *k = classes[i]; k->name; k++) {
            if (!strcmp(k->name, name)) {
                return k;
            }
        }
    }
    return NULL;
}

static void list_kernels(void)
{
    for (size_t i = 0; i < CLASSES; i++) {
        for (const Kernel *k = classes[i]; k->name; k++) {
            puts(k->name);
        }
    }
}

int main(int argc, char **argv)
{
    const Kernel *kernel;

    if (argc == 2 && !strcmp(argv[1], "nothing")) {
        return 0; /* what the fork-and-exec workload starts */
    }
    if (argc != 3) {
        list_kernels();
        return 0;
    }
    kernel = find_kernel(argv[1]);
    if (!kernel) {
        fprintf(stderr, "kernels: no workload is called '%s'\n", argv[1]);
        return 1;
    }
    printf("%s %016" PRIx64 "\n", kernel->name, kernel->run(strtoul(argv[2], NULL, 0)));
    return 0;
}
