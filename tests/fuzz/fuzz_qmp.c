/*
 * Fuzzes the JSON parser, the printer and the check of arguments against the schema: any bytes
 * are parsed in two pieces; what is a value must survive printing and parsing again, and is
 * checked as the arguments of every command. The first byte says where the input is cut; bytes
 * from 0xc0 on stand for words of the protocol, so that random input has some sense.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qapi/qapi.h"
#include "tests/fuzz/fuzz.h"
#include "util/json.h"

static void check_as_arguments(json_object *value)
{
    for (const QapiCommand *cmd = qapi_commands; cmd->name; cmd++) {
        Error *err = NULL;
        bool ok = qapi_check(cmd->args, value, NULL, &err);
        g_assert(ok == !err);
        error_free(err);
    }
}

typedef struct Reparse {
    char *text;
    unsigned values;
} Reparse;

static void compare_text(void *opaque, json_object *value, Error *err)
{
    Reparse *again = opaque;
    GString *text = g_string_new(NULL);

    g_assert(!err);
    json_print(text, value, false);
    g_assert_cmpstr(text->str, ==, again->text);
    again->values++;
    g_string_free(text, TRUE);
    json_object_put(value);
}

/* Printed, parsed and printed again it is the same. */
static void check_round_trip(json_object *value, bool pretty)
{
    GString *text = g_string_new(NULL), *plain = g_string_new(NULL);
    Reparse again = { 0 };
    JsonStream *stream = json_stream_new(compare_text, &again);

    json_print(plain, value, false);
    json_print(text, value, pretty);
    g_string_append_c(text, '\n');
    again.text = plain->str;
    json_stream_feed(stream, text->str, text->len);
    g_assert_cmpuint(again.values, ==, 1);
    json_stream_free(stream);
    g_string_free(text, TRUE);
    g_string_free(plain, TRUE);
}

static void receive(void *opaque, json_object *value, Error *err)
{
    g_assert(!err || !value);
    if (!err) {
        check_round_trip(value, false);
        check_round_trip(value, true);
        check_as_arguments(value);
    }
    json_object_put(value);
    error_free(err);
}

static const char *const words[] = {
    "{", "}", "[", "]", ":", ",", "\"", "'", "\\", "{", "}", "[", "]", ":", ",", ":", "{\"", "\":",
    "\"keys\":", "\"type\":", "\"data\":", "\"qcode\"", "\"number\"", "\"events\":", "\"driver\":",
    "\"raw\"", "\"file\":", "\"filename\":", "\"node-name\":", "\"path\":", "\"property\":",
    "\"value\":", "\"size\":", "\"val\":", "\"id\":", "\"backend\":", "\"addr\":", "\"unix\"",
    "true", "false", "null", "0", "1", "-1", "1.5e3", "9223372036854775808", "-9223372036854775808",
    "\\u0000", "\\ud83d\\ude00", "\\n", "\"\"", "{}", "[]", "\"a\"", " ", "\n", "\xff", "\xc0\x80",
    "\xf0\x9f\x98\x80", "e", "-", "0x", "nul",
};

static GString *expand(const uint8_t *data, size_t size)
{
    enum { WORDS_FROM = 0xc0 };
    GString *text = g_string_new(NULL);

    for (size_t i = 0; i < size; i++) {
        if (data[i] < WORDS_FROM) {
            g_string_append_c(text, data[i]);
        } else {
            g_string_append(text, words[(data[i] - WORDS_FROM) % G_N_ELEMENTS(words)]);
        }
    }
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    JsonStream *stream = json_stream_new(receive, NULL);
    GString *text = expand(data + 1, size ? size - 1 : 0);
    size_t cut = size ? MIN(data[0], text->len) : 0;

    json_stream_feed(stream, text->str, cut);
    json_stream_feed(stream, text->str + cut, text->len - cut);
    json_stream_feed(stream, "\n", 1);
    json_stream_free(stream);
    g_string_free(text, TRUE);
    return 0;
}
