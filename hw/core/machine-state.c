/*
 * The state of a whole machine: what it is at an instruction boundary, as bytes.
 *
 *   "DPLSTATE" | version (4) | machine type | virtual time in ns (8)
 *   sections:  kind (1) | id | length (8) | payload
 *   end:       kind 0
 *
 * Texts are led by their length (2); numbers are big-endian. A machine of the same
 * configuration has the same sections in the same order: memory blocks by id, then every
 * device that has a state description, in the order of the device tree. Loading checks all
 * of that before it touches the machine.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/machine.h"
#include <inttypes.h>
#include <string.h>

enum { STATE_VERSION = 1 };
enum { SECTION_END, SECTION_RAM, SECTION_DEVICE };
static const char magic[] = "DPLSTATE";

typedef struct Section {
    unsigned kind;
    char *id;
    RAMBlock *block;          /* RAM */
    DeviceState *dev;         /* DEVICE */
    const uint8_t *payload;   /* while loading */
    size_t len;
} Section;

/* --- the sections of a machine ------------------------------------------------------------ */

/* The path of obj below the machine; NULL if it is not part of it. */
static char *path_in_machine(MachineState *machine, const Object *obj)
{
    GString *path = g_string_new(NULL);

    for (; obj && obj != OBJECT(machine); obj = obj->parent) {
        g_string_prepend(path, obj->name ? obj->name : "");
        g_string_prepend_c(path, '/');
    }
    if (!obj) {
        g_string_free(path, TRUE);
        return NULL;
    }
    return g_string_free(path, FALSE);
}

typedef struct Collect {
    MachineState *machine;
    GArray *sections;
} Collect;

static void add_block(RAMBlock *block, void *opaque)
{
    Collect *c = opaque;
    g_autofree char *path = block->mr ? path_in_machine(c->machine, block->mr->owner) : NULL;

    if (path) {
        Section s = { .kind = SECTION_RAM, .block = block,
                      .id = g_strconcat(path, ":", block->name, NULL) };
        g_array_append_val(c->sections, s);
    }
}

static void add_device(DeviceState *dev, void *opaque)
{
    Collect *c = opaque;

    if (DEVICE_GET_CLASS(dev)->vmsd) {
        g_autofree char *path = path_in_machine(c->machine, OBJECT(dev));
        Section s = { .kind = SECTION_DEVICE, .dev = dev,
                      .id = g_strconcat(path ? path : "", ":", object_get_typename(dev), NULL) };
        g_array_append_val(c->sections, s);
    }
}

static void clear_section(gpointer section)
{
    g_free(((Section *)section)->id);
}

static int compare_ids(gconstpointer a, gconstpointer b)
{
    return strcmp(((const Section *)a)->id, ((const Section *)b)->id);
}

static GArray *collect_sections(MachineState *machine)
{
    Collect c = { machine, g_array_new(FALSE, FALSE, sizeof(Section)) };

    g_array_set_clear_func(c.sections, clear_section);
    ram_block_foreach(add_block, &c);
    g_array_sort(c.sections, compare_ids);
    for (GSList *d = machine->main_bus->children; d; d = d->next) {
        qdev_walk(d->data, add_device, &c);
    }
    return c.sections;
}

static Section *section_at(GArray *sections, guint i)
{
    return &g_array_index(sections, Section, i);
}

static const VMStateDescription *description(const Section *s)
{
    return DEVICE_GET_CLASS(s->dev)->vmsd;
}

/* --- saving ----------------------------------------------------------------------------------- */

static void put(GByteArray *out, uint64_t val, unsigned size)
{
    uint64_t be = GUINT64_TO_BE(val);

    g_byte_array_append(out, (uint8_t *)&be + 8 - size, size);
}

static void put_text(GByteArray *out, const char *text)
{
    put(out, strlen(text), 2);
    g_byte_array_append(out, (const uint8_t *)text, strlen(text));
}

static void save_section(const Section *s, GByteArray *out)
{
    put(out, s->kind, 1);
    put_text(out, s->id);
    guint length_at = out->len;
    put(out, 0, 8);
    if (s->kind == SECTION_RAM) {
        ram_block_save(s->block, out);
    } else {
        vmstate_save(description(s), s->dev, out);
    }
    uint64_t len = GUINT64_TO_BE((uint64_t)out->len - length_at - 8);
    memcpy(out->data + length_at, &len, 8);
}

static void drain(BlockBackend *blk, void *opaque)
{
    blk_drain(blk);
}

void machine_save_state(MachineState *machine, GByteArray *out)
{
    /* Requests under way end first: they may write to memory and change devices. */
    block_foreach(machine->drives, drain, NULL);
    g_autoptr(GArray) sections = collect_sections(machine);

    g_byte_array_append(out, (const uint8_t *)magic, strlen(magic));
    put(out, STATE_VERSION, 4);
    put_text(out, object_get_typename(machine));
    put(out, clock_get_ns(machine->clock), 8);
    for (guint i = 0; i < sections->len; i++) {
        save_section(section_at(sections, i), out);
    }
    put(out, SECTION_END, 1);
}

/* --- loading ---------------------------------------------------------------------------------- */

typedef struct Reader {
    const uint8_t *at;
    size_t left;
} Reader;

/* The next n bytes, or NULL with errp set. */
static const uint8_t *take(Reader *r, uint64_t n, Error **errp)
{
    const uint8_t *at = r->at;

    if (n > r->left) {
        error_setg(errp, "the machine state is truncated");
        return NULL;
    }
    r->at += n;
    r->left -= n;
    return at;
}

static bool take_uint(Reader *r, unsigned size, uint64_t *val, Error **errp)
{
    const uint8_t *at = take(r, size, errp);

    *val = 0;
    for (unsigned i = 0; at && i < size; i++) {
        *val = *val << 8 | at[i];
    }
    return at != NULL;
}

/* The text that must stand here. */
static bool take_text(Reader *r, const char *expected, Error **errp)
{
    const uint8_t *at;
    uint64_t len;

    if (!take_uint(r, 2, &len, errp) || !(at = take(r, len, errp))) {
        return false;
    }
    if (len != strlen(expected) || memcmp(at, expected, len)) {
        g_autofree char *text = g_strndup((const char *)at, len);
        g_autofree char *found = g_strescape(text, NULL);
        error_setg(errp, "the machine state has '%s' where this machine has '%s'", found, expected);
        return false;
    }
    return true;
}

static bool take_header(Reader *r, MachineState *machine, int64_t *now, Error **errp)
{
    const uint8_t *start = take(r, strlen(magic), errp);
    uint64_t val;

    if (!start || !take_uint(r, 4, &val, errp)) {
        return false;
    }
    if (memcmp(start, magic, strlen(magic)) || val != STATE_VERSION) {
        error_setg(errp, "this is no machine state of version %d", STATE_VERSION);
        return false;
    }
    if (!take_text(r, object_get_typename(machine), errp) || !take_uint(r, 8, &val, errp)) {
        return false;
    }
    if (val > INT64_MAX / 2) {
        error_setg(errp, "the machine state's time %" PRIu64 " ns is out of range", val);
        return false;
    }
    *now = val;
    return true;
}

static bool take_section(Reader *r, Section *s, Error **errp)
{
    uint64_t kind, len;

    if (!take_uint(r, 1, &kind, errp)) {
        return false;
    }
    if (kind != s->kind) {
        error_setg(errp, "the machine state lacks '%s'", s->id);
        return false;
    }
    if (!take_text(r, s->id, errp) || !take_uint(r, 8, &len, errp) ||
        !(s->payload = take(r, len, errp))) {
        return false;
    }
    s->len = len;
    return s->kind != SECTION_RAM || ram_block_check_saved(s->block, s->payload, len, errp);
}

/* Finds every section's payload; nothing is changed yet. */
static bool take_sections(Reader *r, GArray *sections, Error **errp)
{
    uint64_t kind;

    for (guint i = 0; i < sections->len; i++) {
        if (!take_section(r, section_at(sections, i), errp)) {
            return false;
        }
    }
    if (!take_uint(r, 1, &kind, errp)) {
        return false;
    }
    if (kind != SECTION_END || r->left) {
        error_setg(errp, "the machine state has more than this machine");
        return false;
    }
    return true;
}

static bool load_device(const Section *s, Error **errp)
{
    size_t pos = 0;

    if (!vmstate_load(description(s), s->dev, s->payload, s->len, &pos, errp)) {
        error_prepend(errp, "%s: ", s->id);
        return false;
    }
    if (pos != s->len) {
        error_setg(errp, "%s: the machine state has %zu bytes more than the device", s->id,
                   s->len - pos);
        return false;
    }
    return true;
}

static bool load_sections(GArray *sections, Error **errp)
{
    for (guint i = 0; i < sections->len; i++) {
        const Section *s = section_at(sections, i);
        if (s->kind == SECTION_RAM) {
            ram_block_load(s->block, s->payload, s->len);
        } else if (!load_device(s, errp)) {
            return false;
        }
    }
    return true;
}

bool machine_load_state(MachineState *machine, const uint8_t *data, size_t len, Error **errp)
{
    Reader r = { data, len };
    int64_t now;

    block_foreach(machine->drives, drain, NULL);
    g_autoptr(GArray) sections = collect_sections(machine);
    if (!take_header(&r, machine, &now, errp) || !take_sections(&r, sections, errp)) {
        return false;
    }
    clock_set_ns(machine->clock, now);
    memory_transaction_begin();
    bool ok = load_sections(sections, errp);
    memory_transaction_commit();
    if (!ok) {
        machine_reset(machine);
    }
    return ok;
}

/* --- as text ------------------------------------------------------------------------------------ */

char *machine_describe_state(MachineState *machine)
{
    GString *out = g_string_new(NULL);
    g_autoptr(GArray) sections = collect_sections(machine);

    for (guint i = 0; i < sections->len; i++) {
        const Section *s = section_at(sections, i);
        if (s->kind == SECTION_DEVICE) {
            vmstate_print(description(s), s->dev, s->id, out);
        }
    }
    return g_string_free(out, FALSE);
}
