/*
 * Option strings: see option.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/option.h"
#include <errno.h>
#include <string.h>

typedef struct Opt {
    char *key, *value;
    bool used;
} Opt;

struct OptDict {
    char *option;
    GArray *opts; /* of Opt */
};

static void opt_clear(void *opaque)
{
    Opt *opt = opaque;
    g_free(opt->key);
    g_free(opt->value);
}

OptDict *optdict_new(const char *option)
{
    OptDict *dict = g_new0(OptDict, 1);
    dict->option = g_strdup(option);
    dict->opts = g_array_new(FALSE, TRUE, sizeof(Opt));
    g_array_set_clear_func(dict->opts, opt_clear);
    return dict;
}

void optdict_free(OptDict *dict)
{
    if (dict) {
        g_array_unref(dict->opts);
        g_free(dict->option);
        g_free(dict);
    }
}

/* Takes text up to a single comma; ",," is a comma. Advances *at past it. */
static char *next_part(const char **at)
{
    GString *part = g_string_new(NULL);
    const char *p = *at;

    for (; *p; p++) {
        if (*p == ',') {
            if (p[1] != ',') {
                p++;
                break;
            }
            p++;
        }
        g_string_append_c(part, *p);
    }
    *at = p;
    return g_string_free(part, FALSE);
}

static bool parse_part(OptDict *dict, const char *part, const char *implied, Error **errp)
{
    const char *eq = strchr(part, '=');

    if (eq == part || !*part) {
        error_setg(errp, "%s: a key is missing before '%s'; write key=value[,key=value]",
                   dict->option, part);
        return false;
    }
    if (eq) {
        g_autofree char *key = g_strndup(part, eq - part);
        optdict_set(dict, key, eq + 1);
    } else if (implied) {
        optdict_set(dict, implied, part);
    } else if (g_str_has_prefix(part, "no") && part[2]) {
        optdict_set(dict, part + 2, "off");
    } else {
        optdict_set(dict, part, "on");
    }
    return true;
}

OptDict *optdict_parse(const char *option, const char *text, const char *implied, Error **errp)
{
    if (*text == '{') {
        return optdict_parse_json(option, text, errp);
    }
    g_autoptr(OptDict) dict = optdict_new(option);

    while (*text) {
        g_autofree char *part = next_part(&text);
        if (!parse_part(dict, part, implied, errp)) {
            return NULL;
        }
        implied = NULL;
    }
    return g_steal_pointer(&dict);
}

const char *optdict_option(const OptDict *dict)
{
    return dict->option;
}

const char *optdict_get(OptDict *dict, const char *key)
{
    const char *value = NULL;
    for (guint i = 0; i < dict->opts->len; i++) {
        Opt *opt = &g_array_index(dict->opts, Opt, i);
        if (g_str_equal(opt->key, key)) {
            opt->used = true;
            value = opt->value;
        }
    }
    return value;
}

void optdict_set(OptDict *dict, const char *key, const char *value)
{
    Opt opt = { .key = g_strdup(key), .value = g_strdup(value) };
    g_array_append_val(dict->opts, opt);
}

bool optdict_foreach_unused(OptDict *dict,
                            bool (*fn)(void *opaque, const char *key, const char *value, Error **errp),
                            void *opaque, Error **errp)
{
    for (guint i = 0; i < dict->opts->len; i++) {
        Opt *opt = &g_array_index(dict->opts, Opt, i);
        if (!opt->used) {
            opt->used = true;
            if (!fn(opaque, opt->key, opt->value, errp)) {
                return false;
            }
        }
    }
    return true;
}

bool optdict_check_all_used(OptDict *dict, Error **errp)
{
    for (guint i = 0; i < dict->opts->len; i++) {
        Opt *opt = &g_array_index(dict->opts, Opt, i);
        if (!opt->used) {
            error_setg(errp, "%s: unknown parameter '%s=%s'", dict->option, opt->key, opt->value);
            return false;
        }
    }
    return true;
}

bool parse_bool(const char *name, const char *text, bool *out, Error **errp)
{
    static const char *const yes[] = { "on", "yes", "true", "y", NULL };
    static const char *const no[] = { "off", "no", "false", "n", NULL };

    if (g_strv_contains(yes, text) || g_strv_contains(no, text)) {
        *out = g_strv_contains(yes, text);
        return true;
    }
    error_setg(errp, "%s: '%s' is not 'on' or 'off'", name, text);
    return false;
}

bool parse_u64(const char *name, const char *text, uint64_t *out, Error **errp)
{
    char *end;

    errno = 0;
    guint64 val = g_ascii_strtoull(text, &end, 0);
    if (!g_ascii_isdigit(*text) || *end || errno) {
        error_setg(errp, "%s: '%s' is not a number", name, text);
        return false;
    }
    *out = val;
    return true;
}

static int suffix_shift(char c)
{
    static const char suffixes[] = "BKMGTPE";
    const char *at = c ? strchr(suffixes, g_ascii_toupper(c)) : NULL;
    return at ? (int)(at - suffixes) * 10 : -1;
}

bool parse_size(const char *name, const char *text, uint64_t unit, uint64_t *out, Error **errp)
{
    char *end;

    errno = 0;
    double fraction = g_ascii_strtod(text, &end);
    guint64 whole = g_ascii_strtoull(text, NULL, 0);
    bool hex = g_str_has_prefix(text, "0x");
    int shift = *end ? suffix_shift(*end) : -1;

    if (!g_ascii_isdigit(*text) || errno || (*end && (shift < 0 || end[1]))) {
        error_setg(errp, "%s: '%s' is not a size; write a number with an optional suffix "
                   "K, M, G or T", name, text);
        return false;
    }
    double scale = *end ? (double)(UINT64_C(1) << shift) : (double)unit;
    if (fraction * scale >= 9223372036854775808.0) {
        error_setg(errp, "%s: '%s' is too large", name, text);
        return false;
    }
    *out = hex || fraction == (double)whole ? whole * (uint64_t)scale
                                            : (uint64_t)(fraction * scale);
    return true;
}

bool optdict_get_bool(OptDict *dict, const char *key, bool *out, Error **errp)
{
    const char *text = optdict_get(dict, key);
    g_autofree char *name = g_strdup_printf("%s: %s", dict->option, key);
    return !text || parse_bool(name, text, out, errp);
}

bool optdict_get_u64(OptDict *dict, const char *key, uint64_t *out, Error **errp)
{
    const char *text = optdict_get(dict, key);
    g_autofree char *name = g_strdup_printf("%s: %s", dict->option, key);
    return !text || parse_u64(name, text, out, errp);
}

bool optdict_get_size(OptDict *dict, const char *key, uint64_t *out, Error **errp)
{
    const char *text = optdict_get(dict, key);
    g_autofree char *name = g_strdup_printf("%s: %s", dict->option, key);
    return !text || parse_size(name, text, 1, out, errp);
}
