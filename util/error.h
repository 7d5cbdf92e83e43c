/*
 * Errors that a user can read.
 *
 * A function that can fail takes `Error **errp` as its last parameter and also
 * says so in its return value (false, NULL or a negative errno). Rules:
 *   - errp is NULL (caller does not care), &error_fatal (print and exit 1) or
 *     the address of an Error * that is NULL.
 *   - On failure the function sets *errp once, on success never.
 *   - A message is one line without a full stop, and names the option, the
 *     value and what would work.
 *   - To add to a callee's message, use error_prepend() on your own errp.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_ERROR_H
#define UTIL_ERROR_H

#include <glib.h>
#include <stdbool.h>

/* QMP error classes. */
typedef enum ErrorClass {
    ERROR_CLASS_GENERIC_ERROR,
    ERROR_CLASS_COMMAND_NOT_FOUND,
    ERROR_CLASS_DEVICE_NOT_ACTIVE,
    ERROR_CLASS_DEVICE_NOT_FOUND,
} ErrorClass;

typedef struct Error Error;

/* Passed as errp: an error ends the program with its message and status 1. */
extern Error *error_fatal;

void error_setg(Error **errp, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* Appends ": " and the text of os_errno. */
void error_setg_errno(Error **errp, int os_errno, const char *fmt, ...) G_GNUC_PRINTF(3, 4);
void error_set_class(Error **errp, ErrorClass klass, const char *fmt, ...) G_GNUC_PRINTF(3, 4);
/* Puts text before the message of *errp, if there is one. */
void error_prepend(Error **errp, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* Moves src (may be NULL) into *errp; frees it if errp is NULL or already set. */
void error_propagate(Error **errp, Error *src);

const char *error_text(const Error *err);
ErrorClass error_class(const Error *err);
/* "GenericError" and so on, as QMP names it. */
const char *error_class_name(const Error *err);
void error_free(Error *err);

/* "PROGRAM: message" on stderr. error_report_err() frees err. */
void error_report(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void warn_report(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void error_report_err(Error *err);
void warn_report_err(Error *err);
/* The name that messages begin with; argv[0]'s last component. */
void error_set_program(const char *argv0);

#endif
