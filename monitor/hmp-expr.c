/*
 * Expressions of the human monitor: 64-bit integers, registers ($eax), characters
 * ('A'), parentheses; operators from loose to tight: + -, & | ^, * / %, unary + - ~.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "monitor/hmp-int.h"

typedef struct Expr {
    Hmp *hmp;
    const char *p;
    int depth;       /* of parentheses: the stack is not the user's to exhaust */
} Expr;

enum { MAX_DEPTH = 100 };

static bool parse_sum(Expr *e, int64_t *val, Error **errp);

static void skip_blanks(Expr *e)
{
    while (g_ascii_isspace(*e->p)) {
        e->p++;
    }
}

/*
 * Takes one of the operators of set, with blanks before and behind it. A '/' after a
 * blank and before a letter begins the next argument, a file name.
 */
static char take_operator(Expr *e, const char *set)
{
    const char *p = e->p;

    while (g_ascii_isspace(*p)) {
        p++;
    }
    if (!*p || !strchr(set, *p) || (*p == '/' && p > e->p && g_ascii_isalpha(p[1]))) {
        return 0;
    }
    e->p = p + 1;
    skip_blanks(e);
    return *p;
}

static bool parse_number(Expr *e, int64_t *val, Error **errp)
{
    char *end;

    errno = 0;
    *val = (int64_t)strtoull(e->p, &end, 0);
    if (errno == ERANGE) {
        error_setg(errp, "number too large");
        return false;
    }
    if (end == e->p) {
        error_setg(errp, "invalid char '%c' in expression", *e->p);
        return false;
    }
    e->p = end;
    return true;
}

static bool parse_register(Expr *e, int64_t *val, Error **errp)
{
    const char *start = ++e->p;

    while (g_ascii_isalnum(*e->p) || *e->p == '_' || *e->p == '.' || *e->p == ':') {
        e->p++;
    }
    g_autofree char *name = g_strndup(start, e->p - start);
    if (!hmp_register_value(e->hmp, name, val)) {
        error_setg(errp, "unknown register");
        return false;
    }
    return true;
}

static bool parse_char(Expr *e, int64_t *val, Error **errp)
{
    if (!e->p[1] || e->p[2] != '\'') {
        error_setg(errp, "missing terminating ' character");
        return false;
    }
    *val = (uint8_t)e->p[1];
    e->p += 3;
    return true;
}

static bool parse_parenthesis(Expr *e, int64_t *val, Error **errp)
{
    e->p++;
    skip_blanks(e);
    if (!parse_sum(e, val, errp)) {
        return false;
    }
    skip_blanks(e);
    if (*e->p != ')') {
        error_setg(errp, "')' expected");
        return false;
    }
    e->p++;
    return true;
}

static bool parse_unary(Expr *e, int64_t *val, Error **errp);

static bool parse_signed(Expr *e, int64_t *val, Error **errp)
{
    char op = *e->p++;

    skip_blanks(e);
    if (!parse_unary(e, val, errp)) {
        return false;
    }
    *val = op == '-' ? (int64_t)-(uint64_t)*val : op == '~' ? ~*val : *val;
    return true;
}

static bool parse_operand(Expr *e, int64_t *val, Error **errp)
{
    switch (*e->p) {
    case '+':
    case '-':
    case '~':
        return parse_signed(e, val, errp);
    case '(':
        return parse_parenthesis(e, val, errp);
    case '\'':
        return parse_char(e, val, errp);
    case '$':
        return parse_register(e, val, errp);
    case 0:
        error_setg(errp, "unexpected end of expression");
        return false;
    default:
        return parse_number(e, val, errp);
    }
}

static bool parse_unary(Expr *e, int64_t *val, Error **errp)
{
    bool ok = false;

    if (++e->depth > MAX_DEPTH) {
        error_setg(errp, "expression is nested too deeply");
    } else {
        ok = parse_operand(e, val, errp);
    }
    e->depth--;
    return ok;
}

static bool divide(char op, int64_t *val, int64_t by, Error **errp)
{
    if (by == 0) {
        error_setg(errp, "division by zero");
        return false;
    }
    if (by == -1) {
        *val = op == '/' ? (int64_t)-(uint64_t)*val : 0; /* the host traps on INT64_MIN / -1 */
    } else {
        *val = op == '/' ? *val / by : *val % by;
    }
    return true;
}

static bool parse_product(Expr *e, int64_t *val, Error **errp)
{
    int64_t right;
    char op;

    if (!parse_unary(e, val, errp)) {
        return false;
    }
    while ((op = take_operator(e, "*/%"))) {
        if (!parse_unary(e, &right, errp)) {
            return false;
        }
        if (op == '*') {
            *val = (int64_t)((uint64_t)*val * (uint64_t)right);
        } else if (!divide(op, val, right, errp)) {
            return false;
        }
    }
    return true;
}

static bool parse_logic(Expr *e, int64_t *val, Error **errp)
{
    int64_t right;
    char op;

    if (!parse_product(e, val, errp)) {
        return false;
    }
    while ((op = take_operator(e, "&|^"))) {
        if (!parse_product(e, &right, errp)) {
            return false;
        }
        *val = op == '&' ? *val & right : op == '|' ? *val | right : *val ^ right;
    }
    return true;
}

static bool parse_sum(Expr *e, int64_t *val, Error **errp)
{
    int64_t right;
    char op;

    if (!parse_logic(e, val, errp)) {
        return false;
    }
    while ((op = take_operator(e, "+-"))) {
        if (!parse_logic(e, &right, errp)) {
            return false;
        }
        *val = (int64_t)(op == '+' ? (uint64_t)*val + (uint64_t)right
                                   : (uint64_t)*val - (uint64_t)right);
    }
    return true;
}

bool hmp_expr(Hmp *hmp, const char **text, int64_t *val, Error **errp)
{
    Expr e = { .hmp = hmp, .p = *text };

    skip_blanks(&e);
    if (!parse_sum(&e, val, errp)) {
        return false;
    }
    *text = e.p;
    return true;
}
