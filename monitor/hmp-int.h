/*
 * For the files of the human monitor: arguments, output, and the tables.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MONITOR_HMP_INT_H
#define MONITOR_HMP_INT_H

#include <json-c/json.h>
#include "monitor/hmp.h"

struct Hmp {
    RunState *rs;
    MachineState *machine;
    GString *out;              /* the reply so far */
    int cpu_index;             /* chosen by `cpu` */
    char format;               /* of the last x, xp, p, i: the next one's default */
    unsigned size;             /* bytes, the same */
    const GPtrArray *history;  /* char *, oldest first; NULL without line editing */
};

void hmp_init(Hmp *hmp, RunState *rs);
void hmp_finish(Hmp *hmp);
/* Executes a line; text is appended to hmp->out. */
void hmp_run_line(Hmp *hmp, const char *line);
/* Adds to out (char *, owned) what may replace the last word of line. */
void hmp_complete(Hmp *hmp, const char *line, GPtrArray *out);

void hmp_printf(Hmp *hmp, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* "1.5 GiB"; caller frees. */
char *hmp_size_text(uint64_t bytes);
/* The CPU that `cpu` chose; NULL if the machine has none. */
CPUState *hmp_cpu(Hmp *hmp);
/* The same; with errp set if there is none. */
CPUState *hmp_need_cpu(Hmp *hmp, Error **errp);

/* --- arguments ---------------------------------------------------------- */

typedef struct HmpFormat {
    unsigned count;
    char format;      /* x d u o c i */
    unsigned size;    /* 1, 2, 4 or 8; 0 for i */
} HmpFormat;

/* Takes line (what follows the command) apart by spec (HmpCommand.args). NULL with errp set. */
HmpArgs *hmp_args_parse(Hmp *hmp, const char *command, const char *spec, const char *line,
                        Error **errp);
void hmp_args_free(HmpArgs *args);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HmpArgs, hmp_args_free)
/* NULL if it was left out. */
const char *hmp_arg_str(const HmpArgs *args, const char *name);
bool hmp_arg_given(const HmpArgs *args, const char *name);
int64_t hmp_arg_int(const HmpArgs *args, const char *name, int64_t fallback);
bool hmp_arg_flag(const HmpArgs *args, char flag);
const HmpFormat *hmp_arg_format(const HmpArgs *args);
/* The kind ('s', 'F'...) of the index-th word after the command, flags not counted; 0: none. */
char hmp_args_kind_at(const char *spec, int index);

/* Evaluates an expression at *text and moves *text behind it. */
bool hmp_expr(Hmp *hmp, const char **text, int64_t *val, Error **errp);
/* The value of register NAME ("eax", "cs.base", "pc"). */
bool hmp_register_value(Hmp *hmp, const char *name, int64_t *val);

/* --- completion --------------------------------------------------------- */

/* For functions that visit things with names. */
typedef struct HmpOffer {
    const char *prefix;
    GPtrArray *out;
} HmpOffer;

/* Adds a copy of word if it begins with prefix. */
void hmp_offer(GPtrArray *out, const char *prefix, const char *word);

/* --- QMP ---------------------------------------------------------------- */

/* Runs a QMP command. Its arguments are pairs of a name and a json_object, which it takes over
 * (NULL: left out), with a NULL at the end. Returns what it returns (caller puts), or NULL with
 * errp set. */
json_object *hmp_qmp(Hmp *hmp, Error **errp, const char *command, ...) G_GNUC_NULL_TERMINATED;

/* --- tables --------------------------------------------------------------- */

/* Each area: a file that defines hmp_commands_<area>[], ended by a row without a name. */
#define HMP_AREAS(X) \
    X(core)          \
    X(run)           \
    X(cpu)           \
    X(intc)          \
    X(paging)        \
    X(memory)        \
    X(device)        \
    X(block)         \
    X(ui)

#define X(area) extern const HmpCommand hmp_commands_##area[];
HMP_AREAS(X)
#undef X

/* Why a command of QEMU's is not there; NULL: QEMU does not have it either. */
const char *hmp_refused(const char *name);

#endif
