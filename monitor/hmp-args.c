/*
 * The arguments of a monitor line, taken apart by a command's specification.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "monitor/hmp-int.h"

enum { MAX_ARGS = 8 };

typedef struct Arg {
    char name[24];
    char kind;       /* '-' for a flag, whose name is its letter */
    bool optional, given;
    char *text;
    int64_t num;
} Arg;

struct HmpArgs {
    Arg arg[MAX_ARGS];
    int count;
    HmpFormat format;
};

void hmp_args_free(HmpArgs *args)
{
    for (int i = 0; args && i < args->count; i++) {
        g_free(args->arg[i].text);
    }
    g_free(args);
}

/* --- the specification ------------------------------------------------------ */

static void read_spec(HmpArgs *args, const char *spec)
{
    g_auto(GStrv) words = g_strsplit(spec ? spec : "", " ", -1);

    for (int i = 0; words[i] && *words[i]; i++) {
        Arg *arg = &args->arg[args->count++];
        const char *colon = strchr(words[i], ':');
        g_assert(args->count <= MAX_ARGS);
        if (words[i][0] == '-') {
            *arg = (Arg){ .name = { words[i][1] }, .kind = '-', .optional = true };
            continue;
        }
        g_assert(colon && colon - words[i] < (int)sizeof(arg->name));
        memcpy(arg->name, words[i], colon - words[i]);
        arg->kind = colon[1];
        arg->optional = colon[2] == '?';
    }
}

char hmp_args_kind_at(const char *spec, int index)
{
    HmpArgs args = { 0 };
    char kind = 0;

    read_spec(&args, spec);
    for (int i = 0; i < args.count; i++) {
        if (args.arg[i].kind == '-' || args.arg[i].kind == '/') {
            continue;
        }
        if (index-- == 0 || args.arg[i].kind == 'S') {
            kind = args.arg[i].kind;
            break;
        }
    }
    return kind;
}

/* --- values ------------------------------------------------------------------- */

static void skip_blanks(const char **p)
{
    while (g_ascii_isspace(**p)) {
        (*p)++;
    }
}

/* A word, or text in quotes with \n, \r, \\, \' and \". */
static char *take_word(const char **p, Error **errp)
{
    GString *word = g_string_new(NULL);
    bool quoted = **p == '"';

    *p += quoted;
    while (**p && (quoted ? **p != '"' : !g_ascii_isspace(**p))) {
        char c = *(*p)++;
        if (quoted && c == '\\' && **p) {
            c = *(*p)++;
            c = c == 'n' ? '\n' : c == 'r' ? '\r' : c;
        }
        g_string_append_c(word, c);
    }
    if (quoted && *(*p) != '"') {
        error_setg(errp, "unterminated string literal");
        g_string_free(word, TRUE);
        return NULL;
    }
    *p += quoted;
    return g_string_free(word, FALSE);
}

static bool take_format(Hmp *hmp, HmpArgs *args, const char **p, Error **errp)
{
    static const char formats[] = "xduoci", sizes[] = "bhwg";
    HmpFormat f = { .count = 1 };

    if (**p == '/') {
        (*p)++;
        if (g_ascii_isdigit(**p)) {
            f.count = (unsigned)strtoul(*p, (char **)p, 10);
        }
        for (; **p && !g_ascii_isspace(**p); (*p)++) {
            const char *size = strchr(sizes, **p);
            if (size) {
                f.size = 1u << (size - sizes);
            } else if (strchr(formats, **p)) {
                f.format = **p;
            } else {
                error_setg(errp, "invalid char in format: '%c'", **p);
                return false;
            }
        }
    }
    hmp->format = f.format = f.format ? f.format : hmp->format;
    if (f.format != 'i') {
        hmp->size = f.size = f.size ? f.size : hmp->size;
    }
    args->format = f;
    return true;
}

static bool take_number(Hmp *hmp, Arg *arg, const char **p, Error **errp)
{
    if (!hmp_expr(hmp, p, &arg->num, errp)) {
        return false;
    }
    if (arg->kind == 'i' && arg->num != (int32_t)arg->num && arg->num != (uint32_t)arg->num) {
        error_setg(errp, "integer is for 32-bit values");
        return false;
    }
    return true;
}

static bool take_bool(Arg *arg, const char **p, Error **errp)
{
    g_autofree char *word = take_word(p, errp);

    if (!word) {
        return false;
    }
    arg->num = g_str_equal(word, "on");
    if (!arg->num && !g_str_equal(word, "off")) {
        error_setg(errp, "Expected 'on' or 'off'");
        return false;
    }
    return true;
}

/* *p stands at the value of arg, which is there. */
static bool take_value(Hmp *hmp, Arg *arg, const char **p, Error **errp)
{
    switch (arg->kind) {
    case 'i':
    case 'l':
        return take_number(hmp, arg, p, errp);
    case 'b':
        return take_bool(arg, p, errp);
    case 'S':
        arg->text = g_strchomp(g_strdup(*p));
        *p += strlen(*p);
        return true;
    default:
        return (arg->text = take_word(p, errp)) != NULL;
    }
}

static bool flag_here(const Arg *arg, const char *p)
{
    return p[0] == '-' && p[1] == arg->name[0] && (!p[2] || g_ascii_isspace(p[2]));
}

static const char *kind_name(char kind)
{
    switch (kind) {
    case 'F': return "filename";
    case 'B': return "block device name";
    default: return "string";
    }
}

static bool missing(const Arg *arg, const char *name, Error **errp)
{
    if (arg->optional) {
        return true;
    }
    if (strchr("il", arg->kind)) {
        error_setg(errp, "unexpected end of expression");
    } else {
        error_setg(errp, "%s: %s expected", name, kind_name(arg->kind));
    }
    return false;
}

static bool take_arg(Hmp *hmp, HmpArgs *args, Arg *arg, const char *command, const char **p,
                     Error **errp)
{
    skip_blanks(p);
    if (arg->kind == '/') {
        return take_format(hmp, args, p, errp);
    }
    if (arg->kind == '-') {
        arg->given = flag_here(arg, *p);
        *p += arg->given ? 2 : 0;
        return true;
    }
    if (!**p) {
        return missing(arg, command, errp);
    }
    arg->given = true;
    return take_value(hmp, arg, p, errp);
}

/* A format may follow the command's name at once, as in "x/4i". */
HmpArgs *hmp_args_parse(Hmp *hmp, const char *command, const char *spec, const char *line,
                        Error **errp)
{
    g_autoptr(HmpArgs) args = g_new0(HmpArgs, 1);
    const char *p = line;

    read_spec(args, spec);
    for (int i = 0; i < args->count; i++) {
        if (!take_arg(hmp, args, &args->arg[i], command, &p, errp)) {
            return NULL;
        }
    }
    skip_blanks(&p);
    if (*p) {
        error_setg(errp, "%s: extraneous characters at the end of line", command);
        return NULL;
    }
    return g_steal_pointer(&args);
}

/* --- access ----------------------------------------------------------------------- */

static const Arg *find(const HmpArgs *args, const char *name, bool flag)
{
    for (int i = 0; i < args->count; i++) {
        if ((args->arg[i].kind == '-') == flag && g_str_equal(args->arg[i].name, name)) {
            return &args->arg[i];
        }
    }
    g_assert_not_reached();
}

const char *hmp_arg_str(const HmpArgs *args, const char *name)
{
    return find(args, name, false)->text;
}

bool hmp_arg_given(const HmpArgs *args, const char *name)
{
    return find(args, name, false)->given;
}

int64_t hmp_arg_int(const HmpArgs *args, const char *name, int64_t fallback)
{
    const Arg *arg = find(args, name, false);
    return arg->given ? arg->num : fallback;
}

bool hmp_arg_flag(const HmpArgs *args, char flag)
{
    return find(args, (char[]){ flag, 0 }, true)->given;
}

const HmpFormat *hmp_arg_format(const HmpArgs *args)
{
    return &args->format;
}
