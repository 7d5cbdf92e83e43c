/*
 * "key=value,key=value" option strings, as -drive, -device, -chardev... take.
 *
 * An OptDict keeps its keys in order. A ",," stands for one comma. The first
 * part may leave its key out if the option has an implied one. Users of a dict
 * take what they know and then ask optdict_check_all_used(), so that a wrong
 * key is an error that names it.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_OPTION_H
#define UTIL_OPTION_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include "util/error.h"

typedef struct OptDict OptDict;

/*
 * Parses text; option is the name for messages ("-drive"). implied may be
 * NULL. A key without "=value" means "on"; "nokey" means "off" for keys of
 * the old short form. Returns NULL with errp set on bad syntax.
 */
OptDict *optdict_parse(const char *option, const char *text, const char *implied, Error **errp);
/* The same for {"key": "value", "outer": {"inner": 1}}, which sets key= and outer.inner=;
 * optdict_parse() hands text that begins with '{' to it. */
OptDict *optdict_parse_json(const char *option, const char *text, Error **errp);
/* The same for an object that is parsed already. */
OptDict *optdict_from_json(const char *option, json_object *object);
OptDict *optdict_new(const char *option);
void optdict_free(OptDict *dict);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OptDict, optdict_free)

const char *optdict_option(const OptDict *dict);
/* The last value given for key, or NULL; marks it used. */
const char *optdict_get(OptDict *dict, const char *key);
void optdict_set(OptDict *dict, const char *key, const char *value);
/* Calls fn for each key not yet used, in order, until it returns false. */
bool optdict_foreach_unused(OptDict *dict,
                            bool (*fn)(void *opaque, const char *key, const char *value, Error **errp),
                            void *opaque, Error **errp);
bool optdict_check_all_used(OptDict *dict, Error **errp);

/* Typed access: *out keeps its value if key is absent. Return false with errp
 * set if the text is not of the type. Sizes take K, M, G, T suffixes. */
bool optdict_get_bool(OptDict *dict, const char *key, bool *out, Error **errp);
bool optdict_get_u64(OptDict *dict, const char *key, uint64_t *out, Error **errp);
bool optdict_get_size(OptDict *dict, const char *key, uint64_t *out, Error **errp);

bool parse_bool(const char *name, const char *text, bool *out, Error **errp);
/* Decimal, 0x hexadecimal or 0 octal; whole string. */
bool parse_u64(const char *name, const char *text, uint64_t *out, Error **errp);
/* Bytes with an optional suffix; without one the number counts units of unit bytes. */
bool parse_size(const char *name, const char *text, uint64_t unit, uint64_t *out, Error **errp);

#endif
