/*
 * The JSON stream parser: see json.h. A lexer, one byte at a time, collects tokens until the
 * brackets balance; then a recursive descent makes the value of them. The grammar is
 * RFC 8259's, and single quotes.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/json.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum LexState {
    LEX_START, LEX_RECOVERY, LEX_KEYWORD, LEX_STRING, LEX_ESCAPE,
    LEX_MINUS, LEX_ZERO, LEX_DIGITS, LEX_POINT, LEX_FRACTION, LEX_EXP, LEX_EXP_SIGN,
    LEX_EXP_DIGITS,
    LEX_DONE, /* the token ended before this byte */
    LEX_BAD,
} LexState;

typedef struct Token {
    char kind;  /* one of {}[]:, or 's' string, 'n' number, 'k' keyword */
    char *text; /* strings without their quotes, with their escapes */
} Token;

struct JsonStream {
    JsonValueFn *fn;
    void *opaque;
    LexState state;
    char quote;
    GString *text;     /* the token so far */
    GArray *tokens;    /* of Token */
    size_t bytes;
    int braces, brackets;
};

/* --- parser ---------------------------------------------------------------------------- */

typedef struct Parser {
    const Token *at, *end;
    Error **errp;
} Parser;

static json_object *parse_value(Parser *p, bool *ok);

static void *fail(Parser *p, bool *ok, const char *what)
{
    error_setg(p->errp, "JSON parse error, %s", what);
    *ok = false;
    return NULL;
}

static bool next_is(Parser *p, char kind)
{
    if (p->at < p->end && p->at->kind == kind) {
        p->at++;
        return true;
    }
    return false;
}

/* Appends a code point; U+0000 as C0 80. */
static void append_unichar(GString *out, gunichar c)
{
    if (c) {
        g_string_append_unichar(out, c);
    } else {
        g_string_append(out, "\xc0\x80");
    }
}

static int hex4(const char *text)
{
    int value = 0;

    for (int i = 0; i < 4; i++) {
        int digit = g_ascii_xdigit_value(text[i]);
        if (digit < 0) {
            return -1;
        }
        value = value << 4 | digit;
    }
    return value;
}

/* "uXXXX", perhaps followed by "\uXXXX" with the low surrogate; returns its length, 0 if bad. */
static size_t parse_unicode(const char *text, GString *out)
{
    int c = hex4(text + 1), low;

    if (c < 0 || (c >= 0xdc00 && c < 0xe000)) {
        return 0;
    }
    if (c < 0xd800 || c >= 0xe000) {
        append_unichar(out, c);
        return 5;
    }
    low = text[5] == '\\' && text[6] == 'u' ? hex4(text + 7) : -1;
    if (low < 0xdc00 || low >= 0xe000) {
        return 0;
    }
    append_unichar(out, 0x10000 + ((c & 0x3ff) << 10) + (low & 0x3ff));
    return 11;
}

/* text follows a backslash; returns how many bytes it took, 0 if it is no escape. */
static size_t parse_escape(const char *text, GString *out)
{
    static const char from[] = "\"'\\/bfnrt", to[] = "\"'\\/\b\f\n\r\t";
    const char *at = *text ? strchr(from, *text) : NULL;

    if (*text == 'u') {
        return parse_unicode(text, out);
    }
    if (!at) {
        return 0;
    }
    g_string_append_c(out, to[at - from]);
    return 1;
}

static char *parse_string(Parser *p, const char *text, bool *ok)
{
    GString *out = g_string_new(NULL);

    while (*text) {
        const char *next = strchr(text, '\\');
        size_t len = next ? (size_t)(next - text) : strlen(text);
        g_string_append_len(out, text, len);
        text += len;
        if (*text) {
            size_t taken = parse_escape(text + 1, out);
            if (!taken) {
                g_autofree char *what = g_strdup_printf(text[1] == 'u'
                    ? "%.6s is not a valid Unicode character"
                    : "invalid escape sequence '%.2s'", text);
                g_string_free(out, TRUE);
                return fail(p, ok, what);
            }
            text += 1 + taken;
        }
    }
    return g_string_free(out, FALSE);
}

static json_object *parse_number(Parser *p, const char *text, bool *ok)
{
    char *end;
    double number;

    errno = 0;
    int64_t i = g_ascii_strtoll(text, &end, 10);
    if (!errno && !*end) {
        return json_object_new_int64(i);
    }
    errno = 0;
    uint64_t u = g_ascii_strtoull(text, &end, 10);
    if (!errno && !*end && *text != '-') {
        return json_object_new_uint64(u);
    }
    number = g_ascii_strtod(text, NULL);
    if (!isfinite(number)) {
        g_autofree char *what = g_strdup_printf("number %.20s is too large", text);
        return fail(p, ok, what);
    }
    return json_object_new_double(number);
}

static json_object *parse_keyword(Parser *p, const char *text, bool *ok)
{
    g_autofree char *what = NULL;

    if (g_str_equal(text, "null")) {
        return NULL;
    }
    if (g_str_equal(text, "true") || g_str_equal(text, "false")) {
        return json_object_new_boolean(*text == 't');
    }
    what = g_strdup_printf("invalid keyword '%s'", text);
    return fail(p, ok, what);
}

static void parse_pair(Parser *p, json_object *obj, bool *ok)
{
    const Token *key = p->at;
    g_autofree char *name = NULL;
    json_object *value;

    if (!next_is(p, 's')) {
        bool value_begins = key < p->end && !strchr("}]:,", key->kind);
        fail(p, ok, value_begins ? "key is not a string in object" : "expecting value");
        return;
    }
    name = parse_string(p, key->text, ok);
    if (*ok && !next_is(p, ':')) {
        fail(p, ok, "missing : in object pair");
    }
    value = *ok ? parse_value(p, ok) : NULL;
    if (*ok && json_object_object_get_ex(obj, name, NULL)) {
        fail(p, ok, "duplicate key");
    }
    if (*ok) {
        json_object_object_add(obj, name, value);
    } else {
        json_object_put(value);
    }
}

static json_object *parse_object(Parser *p, bool *ok)
{
    json_object *obj = json_object_new_object();

    if (next_is(p, '}')) {
        return obj;
    }
    do {
        parse_pair(p, obj, ok);
    } while (*ok && next_is(p, ','));
    if (*ok && !next_is(p, '}')) {
        fail(p, ok, "expected separator in dict");
    }
    return obj;
}

static json_object *parse_array(Parser *p, bool *ok)
{
    json_object *array = json_object_new_array();

    if (next_is(p, ']')) {
        return array;
    }
    do {
        json_object *value = parse_value(p, ok);
        json_object_array_add(array, value);
    } while (*ok && next_is(p, ','));
    if (*ok && !next_is(p, ']')) {
        fail(p, ok, "expected separator in list");
    }
    return array;
}

/* On failure *ok is false and a partial value may come back. */
static json_object *parse_value(Parser *p, bool *ok)
{
    const Token *token = p->at;
    g_autofree char *text = NULL;

    if (token == p->end) {
        return fail(p, ok, "expecting value");
    }
    p->at++;
    switch (token->kind) {
    case '{':
        return parse_object(p, ok);
    case '[':
        return parse_array(p, ok);
    case 's':
        text = parse_string(p, token->text, ok);
        return *ok ? json_object_new_string(text) : NULL;
    case 'n':
        return parse_number(p, token->text, ok);
    case 'k':
        return parse_keyword(p, token->text, ok);
    default:
        return fail(p, ok, "expecting value");
    }
}

/* --- lexer ----------------------------------------------------------------------------- */

static void token_clear(void *opaque)
{
    g_free(((Token *)opaque)->text);
}

static void forget_tokens(JsonStream *s)
{
    g_array_set_size(s->tokens, 0);
    s->bytes = 0;
    s->braces = s->brackets = 0;
}

static void report(JsonStream *s, Error *err)
{
    forget_tokens(s);
    s->fn(s->opaque, NULL, err);
}

static void end_of_value(JsonStream *s)
{
    GArray *tokens = s->tokens;
    const Token *first = (const Token *)(void *)tokens->data;
    Error *err = NULL;
    Parser p = { first, first + tokens->len, &err };
    bool ok = true;
    json_object *value = parse_value(&p, &ok);

    if (!ok) {
        json_object_put(value);
        value = NULL;
    }
    forget_tokens(s);
    s->fn(s->opaque, value, err);
}

static const char *limit_exceeded(const JsonStream *s)
{
    return s->braces + s->brackets > JSON_MAX_DEPTH ? "JSON nesting depth limit exceeded"
         : s->tokens->len > JSON_MAX_TOKENS ? "JSON token count limit exceeded"
         : s->bytes > JSON_MAX_BYTES ? "JSON token size limit exceeded" : NULL;
}

static void end_of_token(JsonStream *s, char kind)
{
    Token token = { kind, g_strndup(s->text->str, s->text->len) };
    const char *limit;

    s->braces += kind == '{' ? 1 : kind == '}' ? -1 : 0;
    s->brackets += kind == '[' ? 1 : kind == ']' ? -1 : 0;
    s->bytes += s->text->len;
    g_array_append_val(s->tokens, token);
    g_string_truncate(s->text, 0);
    s->state = LEX_START;
    limit = limit_exceeded(s);
    if (limit) {
        Error *err = NULL;
        error_setg(&err, "%s", limit);
        report(s, err);
    } else if (s->braces < 0 || s->brackets < 0 || (!s->braces && !s->brackets)) {
        end_of_value(s);
    }
}

static void lexical_error(JsonStream *s)
{
    Error *err = NULL;

    error_setg(&err, "JSON parse error, stray '%s'", s->text->str);
    g_string_truncate(s->text, 0);
    s->state = LEX_RECOVERY;
    report(s, err);
}

static LexState after_digits(LexState here, char c, bool point_allowed)
{
    if (g_ascii_isdigit(c)) {
        return here == LEX_ZERO ? LEX_BAD : here;
    }
    return c == '.' && point_allowed ? LEX_POINT : c == 'e' || c == 'E' ? LEX_EXP : LEX_DONE;
}

static LexState next_number_state(LexState state, char c)
{
    bool digit = g_ascii_isdigit(c);

    switch (state) {
    case LEX_MINUS:
        return c == '0' ? LEX_ZERO : digit ? LEX_DIGITS : LEX_BAD;
    case LEX_ZERO:
    case LEX_DIGITS:
        return after_digits(state, c, true);
    case LEX_POINT:
        return digit ? LEX_FRACTION : LEX_BAD;
    case LEX_FRACTION:
        return after_digits(state, c, false);
    case LEX_EXP:
        return c == '+' || c == '-' ? LEX_EXP_SIGN : digit ? LEX_EXP_DIGITS : LEX_BAD;
    case LEX_EXP_SIGN:
        return digit ? LEX_EXP_DIGITS : LEX_BAD;
    default: /* LEX_EXP_DIGITS */
        return digit ? state : LEX_DONE;
    }
}

/* Control characters and bytes that no UTF-8 text has. */
static bool never_in_string(char c)
{
    uint8_t byte = c;
    return byte < 0x20 || byte == 0xc0 || byte == 0xc1 || byte >= 0xf5;
}

static LexState next_state(JsonStream *s, char c)
{
    switch (s->state) {
    case LEX_KEYWORD:
        return g_ascii_islower(c) ? LEX_KEYWORD : LEX_DONE;
    case LEX_STRING:
        return never_in_string(c) ? LEX_BAD : c == '\\' ? LEX_ESCAPE : LEX_STRING;
    case LEX_ESCAPE:
        return c >= 0x20 && c < 0x7f ? LEX_STRING : LEX_BAD;
    default:
        return next_number_state(s->state, c);
    }
}

static LexState first_state(char c)
{
    return g_ascii_islower(c) ? LEX_KEYWORD : c == '-' ? LEX_MINUS : c == '0' ? LEX_ZERO
         : g_ascii_isdigit(c) ? LEX_DIGITS : LEX_BAD;
}

static bool is_structural(char c)
{
    return c && strchr("{}[]:,", c);
}

static void begin_token(JsonStream *s, char c)
{
    if (g_ascii_isspace(c)) {
        return;
    }
    if (is_structural(c)) {
        end_of_token(s, c);
        return;
    }
    if (c == '"' || c == '\'') {
        s->quote = c;
        s->state = LEX_STRING;
        return;
    }
    g_string_append_c(s->text, c);
    s->state = first_state(c);
    if (s->state == LEX_BAD) {
        lexical_error(s);
    }
}

/* Skips to where a value can begin again. */
static void recover(JsonStream *s, char c)
{
    uint8_t byte = c;

    if (is_structural(c) || (byte < 0x20 && c != '\t') || byte >= 0xfe) {
        s->state = LEX_START;
        if (is_structural(c)) {
            begin_token(s, c);
        }
    }
}

/* The token's text with what the lexer had left out of it, for messages. */
static void bad_byte(JsonStream *s, char c)
{
    if (s->state == LEX_STRING || s->state == LEX_ESCAPE) {
        g_string_prepend_c(s->text, s->quote);
    }
    g_string_append_c(s->text, c);
    lexical_error(s);
}

static void continue_token(JsonStream *s, char c)
{
    LexState next;

    if (s->state == LEX_STRING && c == s->quote) {
        bool valid = g_utf8_validate(s->text->str, s->text->len, NULL);
        if (valid) {
            end_of_token(s, 's');
        } else {
            bad_byte(s, c);
        }
        return;
    }
    next = next_state(s, c);
    if (next == LEX_BAD) {
        bad_byte(s, c);
    } else if (next == LEX_DONE) {
        end_of_token(s, s->state == LEX_KEYWORD ? 'k' : 'n');
        begin_token(s, c);
    } else {
        s->state = next;
        g_string_append_c(s->text, c);
    }
}

void json_stream_feed(JsonStream *s, const char *buf, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (s->state == LEX_START) {
            begin_token(s, buf[i]);
        } else if (s->state == LEX_RECOVERY) {
            recover(s, buf[i]);
        } else if (s->text->len >= JSON_MAX_BYTES) {
            bad_byte(s, buf[i]);
        } else {
            continue_token(s, buf[i]);
        }
    }
}

void json_stream_reset(JsonStream *s)
{
    forget_tokens(s);
    g_string_truncate(s->text, 0);
    s->state = LEX_START;
}

JsonStream *json_stream_new(JsonValueFn *fn, void *opaque)
{
    JsonStream *s = g_new0(JsonStream, 1);
    s->fn = fn;
    s->opaque = opaque;
    s->text = g_string_new(NULL);
    s->tokens = g_array_new(FALSE, FALSE, sizeof(Token));
    g_array_set_clear_func(s->tokens, token_clear);
    return s;
}

void json_stream_free(JsonStream *s)
{
    g_string_free(s->text, TRUE);
    g_array_unref(s->tokens);
    g_free(s);
}
