/*
 * The QMP schema as tables, made from qapi/doppel.qapi by scripts/gen-qapi.py, and the
 * check of a value against a type.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QAPI_QAPI_H
#define QAPI_QAPI_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include "util/error.h"

typedef enum QapiKind {
    QAPI_STRING, QAPI_INT, QAPI_NUMBER, QAPI_BOOL, QAPI_NULL, QAPI_ANY,
    QAPI_ENUM, QAPI_ARRAY, QAPI_STRUCT, QAPI_ALTERNATE,
} QapiKind;

typedef struct QapiType QapiType;

typedef struct QapiMember {
    const char *name;
    const QapiType *type;
    bool optional;
} QapiMember;

/* The members that a union has besides its own when its tag has this value. */
typedef struct QapiCase {
    const char *value;
    const QapiType *type;
} QapiCase;

struct QapiType {
    const char *name;
    QapiKind kind;
    int64_t min;                  /* INT */
    uint64_t max;
    const char *const *values;    /* ENUM; ends with NULL */
    const QapiType *element;      /* ARRAY */
    const QapiType *const *types; /* ALTERNATE; ends with NULL */
    const QapiMember *members;    /* STRUCT; ends with a NULL name; NULL: none */
    const char *tag;              /* STRUCT that is a union: the member that chooses the case */
    const QapiCase *cases;        /* ends with a NULL value; a value without a case adds nothing */
    bool open;                    /* STRUCT: other members are somebody else's to check */
};

typedef struct QapiCommand {
    const char *name;
    const QapiType *args;         /* a STRUCT */
    const QapiType *ret;          /* NULL: {} */
    bool oob;                     /* may be executed out of band */
    bool preconfig;               /* permitted before the machine is built */
} QapiCommand;

typedef struct QapiEvent {
    const char *name;
    const QapiType *data;
    bool limited;                 /* to one a second */
} QapiEvent;

/* By name in order; the last has a NULL name. */
extern const QapiCommand qapi_commands[];
extern const QapiEvent qapi_events[];
/* What query-qmp-schema returns, as JSON text. */
extern const char qapi_introspection[];

/* NULL if there is none of this name. */
const QapiCommand *qapi_find_command(const char *name);
const QapiEvent *qapi_find_event(const char *name);

/*
 * Checks that value is of the type, members of members included; name (may be NULL) is what
 * messages call it. False with errp set in QMP's own words: "Parameter 'keys[0].data' is
 * missing".
 */
bool qapi_check(const QapiType *type, json_object *value, const char *name, Error **errp);

#endif
