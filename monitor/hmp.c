/*
 * The human monitor: from a line to a command and back to text.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <dirent.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include "monitor/hmp-int.h"
#include "monitor/monitor.h"

#define BLANKS " \t"

static const HmpCommand *const tables[] = {
#define X(area) hmp_commands_##area,
    HMP_AREAS(X)
#undef X
};

void hmp_command_foreach(bool (*fn)(const HmpCommand *cmd, void *opaque), void *opaque)
{
    for (size_t i = 0; i < G_N_ELEMENTS(tables); i++) {
        for (const HmpCommand *cmd = tables[i]; cmd->name; cmd++) {
            if (!fn(cmd, opaque)) {
                return;
            }
        }
    }
}

/* --- for commands ------------------------------------------------------------- */

void hmp_printf(Hmp *hmp, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_string_append_vprintf(hmp->out, fmt, ap);
    va_end(ap);
}

char *hmp_size_text(uint64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double scaled = (double)bytes;
    size_t unit = 0;

    while (scaled >= 1024 && unit + 1 < G_N_ELEMENTS(units)) {
        scaled /= 1024;
        unit++;
    }
    return g_strdup_printf("%.3g %s", scaled, units[unit]);
}

CPUState *hmp_cpu(Hmp *hmp)
{
    GPtrArray *cpus = hmp->machine->cpus;
    return cpus->len ? g_ptr_array_index(cpus, (guint)hmp->cpu_index < cpus->len
                                         ? (guint)hmp->cpu_index : 0) : NULL;
}

CPUState *hmp_need_cpu(Hmp *hmp, Error **errp)
{
    CPUState *cpu = hmp_cpu(hmp);
    if (!cpu) {
        error_setg(errp, "No CPU available");
    }
    return cpu;
}

json_object *hmp_qmp(Hmp *hmp, Error **errp, const char *command, ...)
{
    json_object *args = json_object_new_object(), *result;
    const char *name;
    va_list ap;

    va_start(ap, command);
    while ((name = va_arg(ap, const char *))) {
        json_object *value = va_arg(ap, json_object *);
        if (value) {
            json_object_object_add(args, name, value);
        }
    }
    va_end(ap);
    result = qmp_run_command(hmp->rs, command, args, errp);
    json_object_put(args);
    return result;
}

/* --- finding the command -------------------------------------------------------- */

/* True if word is name or one of its aliases. */
static bool name_matches(const char *name, const char *word, size_t len)
{
    for (const char *p = name; p; p = strchr(p, '|')) {
        p += *p == '|';
        size_t n = strcspn(p, "|");
        if (n == len && strncmp(p, word, len) == 0) {
            return true;
        }
    }
    return false;
}

typedef struct Search {
    const char *word;
    size_t len;
    const HmpCommand *found;
} Search;

static bool match_command(const HmpCommand *cmd, void *opaque)
{
    Search *search = opaque;
    if (name_matches(cmd->name, search->word, search->len)) {
        search->found = cmd;
    }
    return !search->found;
}

static const HmpCommand *find_command(const char *word, size_t len)
{
    Search search = { word, len };
    hmp_command_foreach(match_command, &search);
    return search.found;
}

static size_t word_length(const char *p)
{
    return strcspn(p, " \t/");
}

/*
 * The command that line begins with; *rest is what follows its name. NULL with the
 * name that is unknown in *unknown (caller frees).
 */
static const HmpCommand *split_line(const char *line, const char **rest, char **unknown)
{
    g_autoptr(GString) name = g_string_new(NULL);
    const char *p = line;

    g_string_append_len(name, p, word_length(p));
    p += word_length(p);
    if (g_str_equal(name->str, "info")) {
        while (g_ascii_isspace(*p)) {
            p++;
        }
        if (*p) {
            g_string_append_c(name, ' ');
            g_string_append_len(name, p, word_length(p));
            p += word_length(p);
        }
    }
    *rest = p;
    const HmpCommand *cmd = find_command(name->str, name->len);
    if (!cmd && unknown) {
        *unknown = g_strdup(name->str);
    }
    return cmd;
}

/* --- running ------------------------------------------------------------------------ */

static const char *short_name(const HmpCommand *cmd)
{
    return g_str_has_prefix(cmd->name, "info ") ? cmd->name + strlen("info ") : cmd->name;
}

static void run_command(Hmp *hmp, const HmpCommand *cmd, const char *line, const char *rest)
{
    Error *err = NULL;
    g_autofree char *name = g_strndup(short_name(cmd), strcspn(short_name(cmd), "|"));
    g_autoptr(HmpArgs) args = hmp_args_parse(hmp, name, cmd->args, rest, &err);

    if (!args) {
        hmp_printf(hmp, "%s\nTry \"help %.*s\" for more information\n", error_text(err),
                   (int)(rest - line), line);
        error_free(err);
        return;
    }
    cmd->run(hmp, args, &err);
    if (err) {
        hmp_printf(hmp, "Error: %s\n", error_text(err));
        error_free(err);
    }
}

void hmp_run_line(Hmp *hmp, const char *line)
{
    g_autofree char *text = g_strstrip(g_strdup(line)), *unknown = NULL;
    const char *rest;

    if (!*text) {
        return;
    }
    const HmpCommand *cmd = split_line(text, &rest, &unknown);
    if (cmd) {
        run_command(hmp, cmd, text, rest);
    } else if (hmp_refused(unknown)) {
        hmp_printf(hmp, "Error: '%s' is not available: %s\n", unknown, hmp_refused(unknown));
    } else {
        hmp_printf(hmp, "unknown command: '%s'\n", unknown);
    }
}

void hmp_init(Hmp *hmp, RunState *rs)
{
    *hmp = (Hmp){
        .rs = rs, .machine = runstate_machine(rs), .out = g_string_new(NULL),
        .format = 'x', .size = 4,
    };
}

void hmp_finish(Hmp *hmp)
{
    g_string_free(hmp->out, TRUE);
}

char *hmp_execute(RunState *rs, const char *line, int cpu_index)
{
    Hmp hmp;

    hmp_init(&hmp, rs);
    hmp.cpu_index = cpu_index;
    hmp_run_line(&hmp, line);
    return g_string_free(hmp.out, FALSE);
}

/* --- help --------------------------------------------------------------------------- */

static void print_help_line(Hmp *hmp, const HmpCommand *cmd)
{
    hmp_printf(hmp, "%s %s -- %s\n", cmd->name, cmd->params ? cmd->params : "", cmd->help);
}

typedef struct HelpList {
    GPtrArray *commands;
    bool info;
} HelpList;

static bool collect_help(const HmpCommand *cmd, void *opaque)
{
    HelpList *list = opaque;
    if (g_str_has_prefix(cmd->name, "info ") == list->info) {
        g_ptr_array_add(list->commands, (void *)cmd);
    }
    return true;
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
    const HmpCommand *const *left = a, *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

static void print_all_help(Hmp *hmp, bool info)
{
    HelpList list = { g_ptr_array_new(), info };

    hmp_command_foreach(collect_help, &list);
    g_ptr_array_sort(list.commands, compare_names);
    for (guint i = 0; i < list.commands->len; i++) {
        print_help_line(hmp, g_ptr_array_index(list.commands, i));
    }
    g_ptr_array_unref(list.commands);
}

static void run_help(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    const char *name = hmp_arg_str(args, "name"), *rest;
    g_autofree char *unknown = NULL;

    if (!name || g_str_equal(name, "info")) {
        print_all_help(hmp, name != NULL);
        return;
    }
    const HmpCommand *cmd = split_line(name, &rest, &unknown);
    if (cmd) {
        print_help_line(hmp, cmd);
    } else {
        hmp_printf(hmp, "unknown command: '%s'\n", unknown);
    }
}

static void run_info(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    print_all_help(hmp, true);
}

static void run_history(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    for (guint i = 0; hmp->history && i < hmp->history->len; i++) {
        hmp_printf(hmp, "%u: '%s'\n", i, (char *)g_ptr_array_index(hmp->history, i));
    }
}

/* --- completion ------------------------------------------------------------------------ */

void hmp_offer(GPtrArray *out, const char *prefix, const char *word)
{
    if (g_str_has_prefix(word, prefix)) {
        g_ptr_array_add(out, g_strdup(word));
    }
}

typedef struct NameOffer {
    GPtrArray *out;
    const char *prefix;
    bool info;
} NameOffer;

static bool offer_name(const HmpCommand *cmd, void *opaque)
{
    NameOffer *offer = opaque;
    bool info = g_str_has_prefix(cmd->name, "info ");
    g_auto(GStrv) names = g_strsplit(short_name(cmd), "|", -1);

    for (int i = 0; info == offer->info && names[i]; i++) {
        hmp_offer(offer->out, offer->prefix, names[i]);
    }
    return true;
}

static void offer_commands(const char *prefix, bool info, GPtrArray *out)
{
    NameOffer offer = { out, prefix, info };
    hmp_command_foreach(offer_name, &offer);
}

static void offer_files(const char *prefix, GPtrArray *out)
{
    const char *slash = strrchr(prefix, '/');
    g_autofree char *folder = g_strndup(prefix, slash ? slash + 1 - prefix : 0);
    DIR *dir = opendir(slash ? folder : ".");
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        g_autofree char *path = g_strconcat(folder, entry->d_name, NULL);
        struct stat st;
        if (g_str_equal(entry->d_name, ".") || g_str_equal(entry->d_name, "..") ||
            !g_str_has_prefix(path, prefix)) {
            continue;
        }
        bool is_folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
        g_ptr_array_add(out, is_folder ? g_strconcat(path, "/", NULL) : g_strdup(path));
    }
    if (dir) {
        closedir(dir);
    }
}

static void offer_drive(BlockBackend *blk, void *opaque)
{
    HmpOffer *offer = opaque;
    if (*blk_name(blk)) {
        hmp_offer(offer->out, offer->prefix, blk_name(blk));
    }
}

static void offer_device(DeviceState *dev, void *opaque)
{
    HmpOffer *offer = opaque;
    if (dev->id) {
        hmp_offer(offer->out, offer->prefix, dev->id);
    }
}

static void offer_devices(Hmp *hmp, HmpOffer *offer)
{
    for (GSList *l = hmp->machine->main_bus->children; l; l = l->next) {
        qdev_walk(l->data, offer_device, offer);
    }
}

static void offer_by_kind(Hmp *hmp, char kind, const char *prefix, GPtrArray *out)
{
    HmpOffer offer = { prefix, out };

    switch (kind) {
    case 'F':
        offer_files(prefix, out);
        break;
    case 'B':
        block_foreach(hmp->machine->drives, offer_drive, &offer);
        break;
    case 'D':
        offer_devices(hmp, &offer);
        break;
    case 'b':
        hmp_offer(out, prefix, "on");
        hmp_offer(out, prefix, "off");
        break;
    }
}

static void complete_argument(Hmp *hmp, const HmpCommand *cmd, const char *rest, GPtrArray *out)
{
    g_auto(GStrv) words = g_strsplit_set(rest, " \t", -1);
    const char *prefix = "";
    int index = -1;

    for (int i = 0; words[i]; i++) {
        prefix = words[i];
        index += (*prefix && *prefix != '-' && *prefix != '/') || !words[i + 1];
    }
    if (cmd->complete) {
        cmd->complete(hmp, MAX(index, 0), prefix, out);
    } else {
        offer_by_kind(hmp, hmp_args_kind_at(cmd->args, MAX(index, 0)), prefix, out);
    }
}

static gint compare_words(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void find_words(Hmp *hmp, const char *line, GPtrArray *out)
{
    const char *rest, *word;

    line += strspn(line, BLANKS);
    word = line + strcspn(line, BLANKS);
    if (!*word) {
        offer_commands(line, false, out);
        return;
    }
    word += strspn(word, BLANKS);
    if (g_str_has_prefix(line, "info") && strcspn(line, BLANKS) == strlen("info") &&
        !strpbrk(word, BLANKS)) {
        offer_commands(word, true, out);
    } else {
        const HmpCommand *cmd = split_line(line, &rest, NULL);
        if (cmd && g_ascii_isspace(*rest)) {
            complete_argument(hmp, cmd, rest + 1, out);
        }
    }
}

void hmp_complete(Hmp *hmp, const char *line, GPtrArray *out)
{
    find_words(hmp, line, out);
    g_ptr_array_sort(out, compare_words);
}

static void complete_help(Hmp *hmp, int index, const char *prefix, GPtrArray *out)
{
    offer_commands(prefix, index > 0, out);
}

const HmpCommand hmp_commands_core[] = {
    { "help|?", "name:S?", "[cmd]", "show the commands, or one of them", run_help,
      complete_help },
    { "info", NULL, "[subcommand]", "show the state of a part of the machine", run_info },
    { "info history", NULL, NULL, "show the command line history", run_history },
    { NULL },
};
