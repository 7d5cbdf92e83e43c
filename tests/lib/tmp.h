/*
 * Temporary files of a test program. All are in one folder below $TMPDIR, which is gone after the
 * program, however that ends: a failed assertion, a crash and SIGKILL leave nothing behind.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_LIB_TMP_H
#define TESTS_LIB_TMP_H

/* A new empty file, opened. *path stays valid as long as the program runs, and is not to be freed. */
int tmp_file(const char **path);
/* A new empty folder; the same goes for its path. */
const char *tmp_folder(void);

#endif
