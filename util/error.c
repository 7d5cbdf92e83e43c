/*
 * Errors: see error.h for the rules.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/error.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct Error {
    char *text;
    ErrorClass klass;
};

Error *error_fatal;
static const char *program = "doppel";

static void error_setv(Error **errp, ErrorClass klass, const char *suffix,
                       const char *fmt, va_list ap)
{
    if (!errp) {
        return;
    }
    g_assert(errp == &error_fatal || !*errp);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    Error *err = g_new(Error, 1);
    err->text = suffix ? g_strdup_printf("%s: %s", text, suffix) : g_steal_pointer(&text);
    err->klass = klass;
    if (errp == &error_fatal) {
        error_report_err(err);
        exit(1);
    }
    *errp = err;
}

void error_setg(Error **errp, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    error_setv(errp, ERROR_CLASS_GENERIC_ERROR, NULL, fmt, ap);
    va_end(ap);
}

void error_setg_errno(Error **errp, int os_errno, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    error_setv(errp, ERROR_CLASS_GENERIC_ERROR, g_strerror(os_errno), fmt, ap);
    va_end(ap);
}

void error_set_class(Error **errp, ErrorClass klass, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    error_setv(errp, klass, NULL, fmt, ap);
    va_end(ap);
}

void error_prepend(Error **errp, const char *fmt, ...)
{
    if (!errp || !*errp) {
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *prefix = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    char *text = g_strconcat(prefix, (*errp)->text, NULL);
    g_free((*errp)->text);
    (*errp)->text = text;
}

void error_propagate(Error **errp, Error *src)
{
    if (!src) {
        return;
    }
    if (errp == &error_fatal) {
        error_report_err(src);
        exit(1);
    }
    if (errp && !*errp) {
        *errp = src;
    } else {
        error_free(src);
    }
}

const char *error_text(const Error *err)
{
    return err->text;
}

ErrorClass error_class(const Error *err)
{
    return err->klass;
}

const char *error_class_name(const Error *err)
{
    static const char *const names[] = {
        [ERROR_CLASS_GENERIC_ERROR] = "GenericError",
        [ERROR_CLASS_COMMAND_NOT_FOUND] = "CommandNotFound",
        [ERROR_CLASS_DEVICE_NOT_ACTIVE] = "DeviceNotActive",
        [ERROR_CLASS_DEVICE_NOT_FOUND] = "DeviceNotFound",
    };
    return names[err->klass];
}

void error_free(Error *err)
{
    if (err) {
        g_free(err->text);
        g_free(err);
    }
}

static void report(const char *kind, const char *fmt, va_list ap)
{
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    fprintf(stderr, "%s: %s%s\n", program, kind, text);
}

void error_report(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    report("", fmt, ap);
    va_end(ap);
}

void warn_report(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    report("warning: ", fmt, ap);
    va_end(ap);
}

void error_report_err(Error *err)
{
    error_report("%s", err->text);
    error_free(err);
}

void warn_report_err(Error *err)
{
    warn_report("%s", err->text);
    error_free(err);
}

void error_set_program(const char *argv0)
{
    const char *slash = strrchr(argv0, '/');
    program = slash ? slash + 1 : argv0;
}
