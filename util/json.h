/*
 * JSON text as QMP exchanges it: a stream parser, a printer, and short forms for building
 * and reading json-c objects.
 *
 * The parser takes bytes as they arrive and hands over each value when its brackets are
 * balanced. Strings may stand in single quotes. After a lexical error it skips to the next
 * bracket, comma, colon or control character, so that a client can resynchronise with a
 * newline. A \u0000 in a string is kept as the bytes C0 80, so that C strings hold it.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_JSON_H
#define UTIL_JSON_H

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include "util/error.h"

enum {
    JSON_MAX_DEPTH = 1024,          /* open brackets */
    JSON_MAX_TOKENS = 2 << 20,      /* of one value */
    JSON_MAX_BYTES = 64 << 20,
};

typedef struct JsonStream JsonStream;
/* A value (JSON's null is NULL), or an error. The callee owns what it gets. */
typedef void JsonValueFn(void *opaque, json_object *value, Error *err);

JsonStream *json_stream_new(JsonValueFn *fn, void *opaque);
void json_stream_free(JsonStream *stream);
/* Calls fn for each value or error that ends in buf. */
void json_stream_feed(JsonStream *stream, const char *buf, size_t len);
/* Forgets what was begun. */
void json_stream_reset(JsonStream *stream);

/* Appends value as one line, or indented by four blanks. ASCII only: the rest is escaped;
 * bytes that are not UTF-8 come out as U+FFFD. */
void json_print(GString *out, json_object *value, bool pretty);

/* Members of an object under construction. */
static inline void json_add_str(json_object *obj, const char *key, const char *text)
{
    json_object_object_add(obj, key, json_object_new_string(text));
}

static inline void json_add_int(json_object *obj, const char *key, int64_t number)
{
    json_object_object_add(obj, key, json_object_new_int64(number));
}

static inline void json_add_uint(json_object *obj, const char *key, uint64_t number)
{
    json_object_object_add(obj, key, json_object_new_uint64(number));
}

static inline void json_add_bool(json_object *obj, const char *key, bool flag)
{
    json_object_object_add(obj, key, json_object_new_boolean(flag));
}

/* A member of an object that was checked before; NULL, or the fallback, if it is absent. */
static inline json_object *json_member(json_object *obj, const char *key)
{
    json_object *value = NULL;
    json_object_object_get_ex(obj, key, &value);
    return value;
}

static inline const char *json_member_str(json_object *obj, const char *key)
{
    json_object *value = json_member(obj, key);
    return value ? json_object_get_string(value) : NULL;
}

static inline int64_t json_member_int(json_object *obj, const char *key, int64_t fallback)
{
    json_object *value = json_member(obj, key);
    return value ? json_object_get_int64(value) : fallback;
}

static inline bool json_member_bool(json_object *obj, const char *key, bool fallback)
{
    json_object *value = json_member(obj, key);
    return value ? json_object_get_boolean(value) : fallback;
}

#endif
