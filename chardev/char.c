/*
 * Character devices: registry, front-end interface: see char.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include "chardev/char-int.h"
#include "util/module.h"
#include "util/trace.h"

TRACE_EVENT(chardev_open, "%s: %s");
TRACE_EVENT(chardev_event, "%s: %s");
TRACE_EVENT(chardev_write, "%s: %d bytes");
TRACE_EVENT(chardev_read, "%s: %d bytes");

/* --- back end types -------------------------------------------------------------- */

static GSList *backends; /* of const ChardevInfo, by name; filled by module constructors */

static gint compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(((const ChardevInfo *)a)->name, ((const ChardevInfo *)b)->name);
}

void chardev_register(const ChardevInfo *info)
{
    backends = g_slist_insert_sorted(backends, (gpointer)info, compare_names);
}

static const ChardevInfo *find_backend(const char *name)
{
    module_call_init(MODULE_CHARDEV);
    for (GSList *l = backends; l; l = l->next) {
        const ChardevInfo *info = l->data;
        if (g_str_equal(info->name, name) || g_strcmp0(info->alias, name) == 0) {
            return info;
        }
    }
    return NULL;
}

void chardev_help(GString *out)
{
    module_call_init(MODULE_CHARDEV);
    g_string_append(out, "Available chardev backend types:\n");
    for (GSList *l = backends; l; l = l->next) {
        const ChardevInfo *info = l->data;
        g_string_append_printf(out, "  %-10s %s\n", info->name, info->desc);
    }
}

void chardev_backend_foreach(void (*fn)(const char *name, void *opaque), void *opaque)
{
    module_call_init(MODULE_CHARDEV);
    for (GSList *l = backends; l; l = l->next) {
        const ChardevInfo *info = l->data;
        fn(info->name, opaque);
        if (info->alias) {
            fn(info->alias, opaque);
        }
    }
}

/* --- registry -------------------------------------------------------------------- */

ChardevRegistry *chardev_registry_new(void)
{
    ChardevRegistry *reg = g_new0(ChardevRegistry, 1);

    reg->chardevs = g_ptr_array_new();
    reg->escape = 1;
    /* A reader that goes away is an error of write(), not the end of the program. */
    signal(SIGPIPE, SIG_IGN);
    return reg;
}

static void chardev_free(Chardev *chr)
{
    if (chr->info->close) {
        chr->info->close(chr);
    }
    if (chr->fe) {
        chr->fe->chr = NULL;
    }
    if (chr->log_fd >= 0) {
        close(chr->log_fd);
    }
    g_free(chr->label);
    g_free(chr->filename);
    g_free(chr);
}

void chardev_flush(ChardevRegistry *reg)
{
    for (guint i = 0; i < reg->chardevs->len; i++) {
        Chardev *chr = g_ptr_array_index(reg->chardevs, i);
        if (chr->info->flush) {
            chr->info->flush(chr);
        }
    }
}

void chardev_close_all(ChardevRegistry *reg)
{
    chardev_flush(reg);
    /* Last first: a mux goes before the back end below it. */
    while (reg->chardevs->len) {
        chardev_free(g_ptr_array_steal_index(reg->chardevs, reg->chardevs->len - 1));
    }
}

void chardev_registry_free(ChardevRegistry *reg)
{
    chardev_close_all(reg);
    g_ptr_array_unref(reg->chardevs);
    g_free(reg);
}

void chardev_set_quit_hook(ChardevRegistry *reg, void (*fn)(void *opaque), void *opaque)
{
    reg->quit = (CharHook){ fn, opaque };
}

void chardev_set_save_hook(ChardevRegistry *reg, void (*fn)(void *opaque), void *opaque)
{
    reg->save = (CharHook){ fn, opaque };
}

void chardev_set_escape(ChardevRegistry *reg, uint8_t key)
{
    reg->escape = key;
}

Chardev *chardev_find(ChardevRegistry *reg, const char *id)
{
    for (guint i = 0; i < reg->chardevs->len; i++) {
        Chardev *chr = g_ptr_array_index(reg->chardevs, i);
        if (g_str_equal(chr->label, id)) {
            return chr;
        }
    }
    return NULL;
}

bool chardev_remove(ChardevRegistry *reg, const char *id, Error **errp)
{
    Chardev *chr = chardev_find(reg, id);

    if (!chr) {
        error_setg(errp, "there is no chardev '%s'", id);
        return false;
    }
    if (chr->fe || chr->info->attach) {
        error_setg(errp, "chardev '%s' is in use", id);
        return false;
    }
    g_ptr_array_remove(reg->chardevs, chr);
    chardev_free(chr);
    return true;
}

void chardev_foreach(ChardevRegistry *reg, void (*fn)(Chardev *chr, void *opaque), void *opaque)
{
    for (guint i = 0; i < reg->chardevs->len; i++) {
        fn(g_ptr_array_index(reg->chardevs, i), opaque);
    }
}

uint64_t chardev_guest_output(const ChardevRegistry *reg)
{
    return reg->guest_output;
}

const char *chardev_label(const Chardev *chr)
{
    return chr->label;
}

const char *chardev_filename(const Chardev *chr)
{
    return chr->filename ? chr->filename : chr->info->name;
}

bool chardev_frontend_open(const Chardev *chr)
{
    return chr->info->attach || (chr->fe && chr->fe->read);
}

void chardev_send_break(Chardev *chr)
{
    chr_be_event(chr, CHR_EVENT_BREAK);
}

bool chardev_add_client(Chardev *chr, int fd, Error **errp)
{
    if (!chr->info->add_client) {
        error_setg(errp, "chardev '%s' takes no clients; a socket that listens does", chr->label);
        return false;
    }
    return chr->info->add_client(chr, fd, errp);
}

bool chardev_can_yank(const Chardev *chr)
{
    return chr->info->yank != NULL;
}

void chardev_yank(Chardev *chr)
{
    chr->info->yank(chr);
}

void chardev_set_filename(Chardev *chr, const char *fmt, ...)
{
    va_list ap;

    g_free(chr->filename);
    va_start(ap, fmt);
    chr->filename = g_strdup_vprintf(fmt, ap);
    va_end(ap);
}

/* --- creation -------------------------------------------------------------------- */

int chardev_open_path(const Chardev *chr, const char *key, const char *path, int flags,
                      Error **errp)
{
    int fd = open(path, flags | O_CLOEXEC, 0666);
    if (fd < 0) {
        error_setg_errno(errp, errno, "chardev %s: %s=%s", chr->label, key, path);
    }
    return fd;
}

const char *chardev_require(const Chardev *chr, OptDict *opts, const char *key, Error **errp)
{
    const char *value = optdict_get(opts, key);
    if (!value) {
        error_setg(errp, "chardev %s: back end '%s' needs %s=", chr->label, chr->info->name, key);
    }
    return value;
}

static bool open_log(Chardev *chr, OptDict *opts, Error **errp)
{
    const char *path = optdict_get(opts, "logfile");
    bool append = false;

    if (!optdict_get_bool(opts, "logappend", &append, errp)) {
        return false;
    }
    if (path) {
        chr->log_fd = chardev_open_path(chr, "logfile", path,
                                        O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC), errp);
    }
    return !path || chr->log_fd >= 0;
}

static bool check_label(ChardevRegistry *reg, const char *label, Error **errp)
{
    if (chardev_find(reg, label)) {
        error_setg(errp, "there is already a chardev with id '%s'", label);
        return false;
    }
    return true;
}

static Chardev *chardev_new(ChardevRegistry *reg, const char *label, const char *backend,
                            OptDict *opts, Error **errp)
{
    const ChardevInfo *info = find_backend(backend);
    Chardev *chr;

    if (!info) {
        error_setg(errp, "chardev %s: there is no back end '%s'; -chardev help lists them", label,
                   backend);
        return NULL;
    }
    if (!check_label(reg, label, errp)) {
        return NULL;
    }
    chr = g_malloc0(info->size);
    chr->info = info;
    chr->reg = reg;
    chr->label = g_strdup(label);
    chr->log_fd = -1;
    if (!open_log(chr, opts, errp) || !info->open(chr, opts, errp) ||
        !optdict_check_all_used(opts, errp)) {
        chardev_free(chr);
        return NULL;
    }
    g_ptr_array_add(reg->chardevs, chr);
    trace(chardev_open, chr->label, chardev_filename(chr));
    return chr;
}

/* A back end, with a mux before it if the options ask for one. */
static Chardev *add_labelled(ChardevRegistry *reg, const char *label, OptDict *opts, Error **errp)
{
    const char *backend = optdict_get(opts, "backend");
    g_autofree char *base_label = NULL;
    g_autoptr(OptDict) mux_opts = NULL;
    bool mux = false;

    if (!backend) {
        error_setg(errp, "chardev %s: the back end is missing; -chardev help lists them", label);
        return NULL;
    }
    if (!optdict_get_bool(opts, "mux", &mux, errp) || !check_label(reg, label, errp)) {
        return NULL;
    }
    if (!mux) {
        return chardev_new(reg, label, backend, opts, errp);
    }
    base_label = g_strdup_printf("%s-base", label);
    if (!chardev_new(reg, base_label, backend, opts, errp)) {
        return NULL;
    }
    mux_opts = optdict_new(optdict_option(opts));
    optdict_set(mux_opts, "chardev", base_label);
    return chardev_new(reg, label, "mux", mux_opts, errp);
}

Chardev *chardev_add(ChardevRegistry *reg, OptDict *opts, Error **errp)
{
    const char *id = optdict_get(opts, "id");

    if (!id || !*id) {
        error_setg(errp, "%s: id=NAME is missing", optdict_option(opts));
        return NULL;
    }
    return add_labelled(reg, id, opts, errp);
}

Chardev *chardev_add_legacy(ChardevRegistry *reg, const char *label, const char *text, Error **errp)
{
    g_autoptr(OptDict) opts = NULL;
    Chardev *chr;

    if (g_str_equal(text, "none")) {
        return NULL;
    }
    if (g_str_has_prefix(text, "chardev:")) {
        const char *id = text + strlen("chardev:");
        chr = chardev_find(reg, id);
        if (!chr) {
            error_setg(errp, "'%s': there is no chardev '%s'", text, id);
        }
        return chr;
    }
    opts = chardev_parse_legacy(text, errp);
    return opts ? add_labelled(reg, label, opts, errp) : NULL;
}

/* --- between back end and front end -------------------------------------------------- */

int chr_be_can_write(Chardev *chr)
{
    return fe_can_read(chr->fe);
}

void chr_be_write(Chardev *chr, const uint8_t *buf, int len)
{
    trace(chardev_read, chr->label, len);
    if (chr->fe && chr->fe->read && len > 0) {
        chr->fe->read(chr->fe->opaque, buf, len);
    }
}

void chr_be_event(Chardev *chr, CharEvent event)
{
    static const char *const names[] = { "opened", "closed", "break", "mux in", "mux out" };

    if ((event == CHR_EVENT_OPENED && chr->be_open) ||
        (event == CHR_EVENT_CLOSED && !chr->be_open)) {
        return;
    }
    trace(chardev_event, chr->label, names[event]);
    if (event == CHR_EVENT_OPENED || event == CHR_EVENT_CLOSED) {
        chr->be_open = event == CHR_EVENT_OPENED;
    }
    fe_event(chr->fe, event);
}

bool chr_fe_init(CharFrontend *fe, Chardev *chr, Error **errp)
{
    if (chr && chr->info->attach) {
        if (!chr->info->attach(chr, fe, errp)) {
            return false;
        }
    } else if (chr && chr->fe) {
        error_setg(errp, "chardev '%s' is in use; give it mux=on to share it", chr->label);
        return false;
    } else if (chr) {
        chr->fe = fe;
    }
    fe->chr = chr;
    return true;
}

void chr_fe_deinit(CharFrontend *fe)
{
    Chardev *chr = fe->chr;

    if (!chr) {
        return;
    }
    chr_fe_set_handlers(fe, NULL, NULL, NULL, NULL);
    if (chr->info->detach) {
        chr->info->detach(chr, fe);
    } else {
        chr->fe = NULL;
    }
    fe->chr = NULL;
}

void chr_fe_set_handlers(CharFrontend *fe, int (*can_read)(void *opaque),
                         void (*read)(void *opaque, const uint8_t *buf, int len),
                         void (*event)(void *opaque, CharEvent event), void *opaque)
{
    Chardev *chr = fe->chr;

    fe->can_read = can_read;
    fe->read = read;
    fe->event = event;
    fe->opaque = opaque;
    if (!chr) {
        return;
    }
    if (chr->info->handlers_set) {
        chr->info->handlers_set(chr, fe);
    }
    if (chr->be_open) {
        fe_event(fe, CHR_EVENT_OPENED);
    }
    chr_fe_accept_input(fe);
}

static void log_write(Chardev *chr, const uint8_t *buf, int len)
{
    while (len > 0) {
        ssize_t n = write(chr->log_fd, buf, len);
        if (n < 0 && errno != EINTR) {
            return; /* a full disk must not stop the guest */
        }
        n = MAX(n, 0);
        buf += n;
        len -= n;
    }
}

int chr_fe_write(CharFrontend *fe, const uint8_t *buf, int len)
{
    Chardev *chr = fe->chr;

    if (!chr || len <= 0) {
        return len;
    }
    trace(chardev_write, chr->label, len);
    chr->reg->guest_output += fe->guest ? (uint64_t)len : 0;
    if (chr->log_fd >= 0) {
        log_write(chr, buf, len);
    }
    if (chr->info->write) {
        chr->info->write(chr, buf, len);
    }
    return len;
}

void chr_fe_accept_input(CharFrontend *fe)
{
    if (fe->chr && fe->chr->info->update_read) {
        fe->chr->info->update_read(fe->chr);
    }
}

void chr_fe_set_serial_params(CharFrontend *fe, const CharSerialParams *params)
{
    if (fe->chr && fe->chr->info->set_params) {
        fe->chr->info->set_params(fe->chr, params);
    }
}

void chr_fe_set_break(CharFrontend *fe, bool on)
{
    if (fe->chr && fe->chr->info->set_break) {
        fe->chr->info->set_break(fe->chr, on);
    }
}

int chr_fe_take_fd(CharFrontend *fe)
{
    return fe->chr && fe->chr->info->take_fd ? fe->chr->info->take_fd(fe->chr) : -1;
}

bool chr_fe_backend_connected(const CharFrontend *fe)
{
    return fe->chr && fe->chr->be_open;
}
