/*
 * A guest at work that goes on in another machine: stopped, saved, loaded into a second machine
 * of the same process, and run to its end there.
 *
 *   test-state-guest CHECKSUM-IMAGE INITRAMFS-SCRIPT
 *
 * DOPPEL_ACCEL in the environment is the value of -accel.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <unistd.h>
#include "monitor/hmp.h"
#include "system/startup.h"
#include "tests/lib/tmp.h"
#include "util/main-loop.h"

typedef struct Guest {
    Startup *startup;
    RunState *rs;
    MachineState *m;
    GString *serial; /* all that it and those before it have written */
} Guest;

static const char *image, *initramfs_script, *accel;

static gboolean tick(gpointer opaque)
{
    return G_SOURCE_CONTINUE;
}

static Guest *new_guest(const char *const *args)
{
    g_autoptr(Config) config = config_new();
    Guest *g = g_new0(Guest, 1);
    bool done = false;

    g_assert_true(config_parse(config, g_strv_length((char **)args), (char **)args, &done,
                               &error_fatal));
    g->startup = startup_build(config, &error_fatal);
    g->rs = startup_runstate(g->startup);
    g->m = runstate_machine(g->rs);
    g->serial = g_string_new(NULL);
    runstate_start(g->rs); /* paused, by -S */
    return g;
}

static void free_guest(Guest *g)
{
    startup_free(g->startup);
    machine_destroy(g->m);
    g_string_free(g->serial, TRUE);
    g_free(g);
}

/* When a guest that has not come so far hangs. */
static gint64 new_deadline(void)
{
    const char *scale = g_getenv("GUEST_TIMEOUT_SCALE");

    return g_get_monotonic_time() + (gint64)(150 * G_USEC_PER_SEC * (scale ? atof(scale) : 1));
}

static void G_GNUC_NORETURN fail(Guest *g, const char *what, const char *text)
{
    g_autoptr(GString) cpus = g_string_new(NULL);

    vm_stop(g->rs, RUN_STATE_PAUSED);
    for (guint i = 0; i < g->m->cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(g->m->cpus, i);
        CPU_GET_CLASS(cpu)->dump_state(cpu, cpus);
    }
    for (const char *const *line = (const char *const[]) { "info pic", "info lapic", NULL }; *line;
         line++) {
        g_autofree char *out = hmp_execute(g->rs, *line, 0);
        g_string_append(cpus, out);
    }
    g_error("the guest %s before '%s':\n%s\n%s", what, text, g->serial->str, cpus->str);
}

static void read_serial(Guest *g)
{
    Chardev *serial = g_ptr_array_index(g->m->serials, 0);
    uint8_t buf[512];
    int n;

    while ((n = chr_ringbuf_read(serial, buf, sizeof(buf))) > 0) {
        g_string_append_len(g->serial, (char *)buf, n);
    }
}

static void run_until(Guest *g, const char *text)
{
    gint64 deadline = new_deadline();

    vm_start(g->rs);
    while (!strstr(g->serial->str, text)) {
        main_loop_wait(true);
        read_serial(g);
        if (!runstate_is_running(g->rs)) {
            fail(g, "stopped", text);
        } else if (g_get_monotonic_time() > deadline) {
            fail(g, "hangs", text);
        }
    }
    vm_stop(g->rs, RUN_STATE_PAUSED);
    read_serial(g); /* what came before it stopped */
    g_test_message("reached '%s'", text);
}

/* A second machine of the same kind goes on where g stopped. g stays as it is. */
static Guest *move_on(Guest *g, const char *const *args)
{
    g_autoptr(GByteArray) state = g_byte_array_new();
    Guest *next = new_guest(args);

    machine_save_state(g->m, state);
    g_assert_true(machine_load_state(next->m, state->data, state->len, &error_fatal));
    g_string_assign(next->serial, g->serial->str);
    return next;
}

/* Runs to each of the texts, and from there in another machine. Returns the last machine. */
static Guest *move_on_at(const char *const *texts, Guest *g, const char *const *args)
{
    for (; *texts; texts++) {
        run_until(g, *texts);
        Guest *next = move_on(g, args);
        free_guest(g);
        g = next;
    }
    return g;
}

static unsigned count(const char *text, char c)
{
    unsigned n = 0;

    for (; *text; text++) {
        n += *text == c;
    }
    return n;
}

enum { ROUNDS = 60 }; /* as in checksum.asm */

static void test_checksum(void)
{
    g_autofree char *drive = g_strdup_printf("file=%s,format=raw,if=floppy,snapshot=on", image);
    const char *const args[] = {
        "doppel", "-accel", accel, "-m", "16", "-S", "-display", "none", "-nic", "none", "-serial", "vc",
        "-parallel", "none", "-monitor", "none", "-drive", drive, "-boot", "a", NULL,
    };
    uint32_t sum = 1;

    for (unsigned i = 0; i < ROUNDS * 65536u; i++) {
        sum = sum * 1103515245u + 12345u;
    }
    g_autofree char *result = g_strdup_printf(" sum=%08X rounds=%02X,%02X ticks", sum, ROUNDS,
                                              ROUNDS);
    /* Three times on the way, and once more while it waits for ticks. */
    static const char *const stops[] = { "...", "....", ".....", "sum=", NULL };
    Guest *g = move_on_at(stops, new_guest(args), args);
    run_until(g, "ticks");
    g_assert_cmpuint(count(g->serial->str, '.'), ==, ROUNDS);
    g_assert_nonnull(strstr(g->serial->str, result));
    free_guest(g);
}

/* The newest file that matches, or NULL. */
static char *find_kernel(void)
{
    g_autoptr(GDir) dir = g_dir_open("/boot", 0, NULL);
    const char *name, *found = NULL;

    while (dir && (name = g_dir_read_name(dir))) {
        if (g_str_has_prefix(name, "vmlinuz-") && g_str_has_suffix(name, "cloud-amd64")) {
            found = name;
        }
    }
    return found ? g_build_filename("/boot", found, NULL) : NULL;
}

/* NULL: it cannot be made. */
static const char *make_initramfs(void)
{
    const char *path;

    close(tmp_file(&path));
    const char *const argv[] = { initramfs_script, path, "echo CONTINUED-$((6*7)); cat", NULL };
    int status = 1;

    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status, NULL);
    return status == 0 ? path : NULL;
}

static void test_kernel(void)
{
    g_autofree char *kernel = find_kernel();
    const char *initrd = kernel ? make_initramfs() : NULL;

    if (!initrd) {
        g_test_skip("linux-image-cloud-amd64 or busybox-static is missing");
        return;
    }
    const char *const args[] = {
        "doppel", "-accel", accel, "-m", "256", "-S", "-smp", "2", "-display", "none", "-nic", "none",
        "-serial", "vc",
        "-parallel", "none", "-monitor", "none", "-kernel", kernel, "-initrd", initrd, "-append",
        "console=ttyS0", NULL,
    };
    Guest *g = new_guest(args);
    run_until(g, "Memory: ");
    static const char *const stops[] = { "smpboot: Total of 2 processors", "Run /init", NULL };
    g = move_on_at(stops, g, args);
    run_until(g, "CONTINUED-42");
    free_guest(g);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(argc, ==, 3);
    image = argv[1];
    initramfs_script = argv[2];
    accel = g_getenv("DOPPEL_ACCEL") ? g_getenv("DOPPEL_ACCEL") : "tcg";
    for (ModuleKind kind = 0; kind < MODULE_COUNT; kind++) {
        module_call_init(kind);
    }
    main_loop_init();
    g_timeout_add(5, tick, NULL); /* the serial port's text arrives without an event */
    g_test_add_func("/state/guest/checksum", test_checksum);
    g_test_add_func("/state/guest/kernel", test_kernel);
    return g_test_run();
}
