/*
 * The state of a machine: saved mid-work and loaded into a second machine of the same
 * process, after which both behave alike; what does not fit is refused; a reset brings every
 * device back to what it was when the machine was made.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "tests/state/machines.h"

static GByteArray *saved(TestMachine *t)
{
    GByteArray *data = g_byte_array_new();

    machine_save_state(t->m, data);
    return data;
}

/* Reports the first fields in which two described states differ; returns how many do. */
static unsigned differences(const char *a, const char *b)
{
    g_auto(GStrv) x = g_strsplit(a, "\n", -1), y = g_strsplit(b, "\n", -1);
    unsigned count = 0;

    g_assert_cmpuint(g_strv_length(x), ==, g_strv_length(y));
    for (unsigned i = 0; x[i]; i++) {
        if (strcmp(x[i], y[i]) && count++ < 60) {
            g_test_message("%s, then %s", x[i], strrchr(y[i], ' ') ? strrchr(y[i], ' ') : "");
        }
    }
    return count;
}

static void assert_same_state(TestMachine *a, TestMachine *b)
{
    g_autofree char *x = machine_describe_state(a->m), *y = machine_describe_state(b->m);

    g_assert_cmpuint(differences(x, y), ==, 0);
}

/* A second machine with the state and the images of t. */
static TestMachine *copy_of(TestMachine *t)
{
    g_autoptr(GByteArray) data = saved(t);
    TestMachine *copy = test_machine_new(t);

    g_assert_true(machine_load_state(copy->m, data->data, data->len, &error_fatal));
    return copy;
}

/* Does the same to both machines and compares what each access gives. */
static void compare_behaviour(TestMachine *a, TestMachine *b, unsigned steps, unsigned seed)
{
    g_autoptr(GRand) x = g_rand_new_with_seed(seed), y = g_rand_new_with_seed(seed);

    for (unsigned i = 0; i < steps; i++) {
        uint64_t va = random_access(a, x), vb = random_access(b, y);
        if (va != vb) {
            g_autofree char *da = machine_describe_state(a->m), *db = machine_describe_state(b->m);
            differences(da, db);
            g_test_message("seed %u, step %u: 0x%" PRIx64 ", in the copy 0x%" PRIx64, seed, i, va,
                           vb);
            g_test_fail();
            return;
        }
    }
    assert_same_state(a, b);
}

/* The device of a line "/path:type.field value". */
static char *device_of(const char *line)
{
    const char *colon = strchr(line, ':');

    return g_strndup(line, colon + strcspn(colon, ".") - line);
}

/* Fails for each device whose state is still that of before. */
static void assert_all_changed(const char *before, const char *after)
{
    g_auto(GStrv) x = g_strsplit(before, "\n", -1), y = g_strsplit(after, "\n", -1);
    g_autoptr(GHashTable) changed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (unsigned i = 0; x[i] && *x[i]; i++) {
        if (strcmp(x[i], y[i])) {
            g_hash_table_add(changed, device_of(x[i]));
        }
    }
    for (unsigned i = 0; x[i] && *x[i]; i++) {
        g_autofree char *device = device_of(x[i]);
        if (!g_hash_table_contains(changed, device)) {
            g_test_message("%s is not at work", device);
            g_test_fail();
            g_hash_table_add(changed, g_steal_pointer(&device));
        }
    }
}

static void test_every_device_at_work(void)
{
    TestMachine *a = test_machine_new(NULL);
    g_autofree char *power_on = machine_describe_state(a->m);

    work_all(a);
    g_autofree char *working = machine_describe_state(a->m);
    assert_all_changed(power_on, working);
    TestMachine *b = copy_of(a);
    g_autoptr(GByteArray) x = saved(a), y = saved(b);
    assert_same_state(a, b);
    g_assert_cmpmem(x->data, x->len, y->data, y->len);
    /* Time goes on: counters, alarms and periodic timers of both come to the same. */
    for (unsigned i = 0; i < 400; i++) {
        step_clock(a, 7 * NS_PER_MS);
        step_clock(b, 7 * NS_PER_MS);
    }
    assert_same_state(a, b);
    compare_behaviour(a, b, 4000, 1);
    test_machine_free(a);
    test_machine_free(b);
}

static void out_pairs(TestMachine *t, uint16_t port, const uint8_t (*pairs)[2], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out(t, port, 2, pairs[i][1] << 8 | pairs[i][0]);
    }
}

/* A Cirrus whose transfer has half of the CPU's data: 8 bytes for two lines each, 12 given. */
static void work_cirrus(TestMachine *t)
{
    static const uint8_t sr[][2] = { { 0x06, 0x12 }, { 0x07, 0x01 }, { 0x50, 0x21 }, { 0x12, 0x05 } };
    static const uint8_t gr[][2] = {
        { 0x06, 0x05 }, { 0x09, 0x03 }, { 0x20, 7 }, { 0x22, 1 }, { 0x24, 0x10 }, { 0x28, 0x00 },
        { 0x29, 0x50 }, { 0x30, 0x04 }, { 0x32, 0x0d }, { 0x31, 0x02 },
    };

    out(t, 0x3c2, 1, 0x67);
    out_pairs(t, 0x3c4, sr, G_N_ELEMENTS(sr));
    out_pairs(t, 0x3ce, gr, G_N_ELEMENTS(gr));
    for (unsigned i = 0; i < 4; i++) {
        in(t, 0x3c6, 1);
    }
    for (unsigned i = 0; i < 12; i++) {
        mem_write(t, 0xa0000 + i % 4, 1, 0x30 + i);
    }
}

/* The other display adapter. */
static void test_cirrus(void)
{
    TestMachine *a = test_machine_new_with("-vga cirrus", NULL);

    work_cirrus(a);
    TestMachine *b = test_machine_new_with("-vga cirrus", a);
    g_autoptr(GByteArray) data = saved(a);
    g_assert_true(machine_load_state(b->m, data->data, data->len, &error_fatal));
    assert_same_state(a, b);
    /* The rest goes to the second line, after it to memory: bank 3 is 2000 below the lines. */
    for (unsigned i = 0; i < 6; i++) {
        mem_write(b, 0xa0000 + i % 4, 1, 0x3c + i);
    }
    g_assert_cmphex(mem_read(b, 0xa2000, 8), ==, 0x3736353433323130);
    g_assert_cmphex(mem_read(b, 0xa2010, 8), ==, 0x3f3e3d3c3b3a3938);
    g_assert_cmphex(mem_read(b, 0xa0000, 2), ==, 0x4140);
    out(b, 0x3c6, 1, 0xe1);     /* the fifth access: the hidden register, not the mask */
    for (unsigned i = 0; i < 5; i++) {
        g_assert_cmphex(in(b, 0x3c6, 1), ==, i < 4 ? 0xff : 0xe1);
    }
    test_machine_free(a);
    test_machine_free(b);
}

static void test_random_work(void)
{
    for (unsigned seed = 10; seed < 16; seed++) {
        g_autoptr(GRand) rng = g_rand_new_with_seed(seed);
        TestMachine *a = test_machine_new(NULL);

        work_all(a);
        for (unsigned i = 0; i < 500 * (seed - 9); i++) {
            random_access(a, rng);
        }
        TestMachine *b = copy_of(a);
        assert_same_state(a, b);
        compare_behaviour(a, b, 2500, seed);
        test_machine_free(a);
        test_machine_free(b);
    }
}

/* --- reset ------------------------------------------------------------------------------------ */

/* What a reset leaves alone, and why. */
static const struct {
    const char *field, *reason;
} lasting[] = {
    { ":mc146818rtc.", "battery-backed; test_clock_reset() looks at the rest" },
    { ":i8042.kbd.held", "the user holds the keys" },
    { ":ide-cd.atapi.tray_", "mechanical" },
    { ":floppy.cyl", "mechanical" },
    { ":floppy.media_changed", "mechanical" },
};

static bool lasts(const char *line)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(lasting); i++) {
        if (strstr(line, lasting[i].field)) {
            return true;
        }
    }
    return false;
}

static char *described_for_reset(TestMachine *t)
{
    g_autoptr(GByteArray) data = saved(t); /* brings derived fields up to date */
    g_autofree char *all = machine_describe_state(t->m);
    g_auto(GStrv) lines = g_strsplit(all, "\n", -1);
    GString *kept = g_string_new(NULL);

    for (char **l = lines; *l; l++) {
        if (!lasts(*l)) {
            g_string_append_printf(kept, "%s\n", *l);
        }
    }
    return g_string_free(kept, FALSE);
}

static void test_reset(void)
{
    TestMachine *t = test_machine_new(NULL);
    g_autofree char *power_on = described_for_reset(t);
    g_autoptr(GRand) rng = g_rand_new_with_seed(3);

    machine_reset(t->m);
    g_autofree char *again = described_for_reset(t);
    g_assert_cmpuint(differences(power_on, again), ==, 0);
    for (unsigned round = 0; round < 3; round++) {
        work_all(t);
        for (unsigned i = 0; i < round * 2000; i++) {
            random_access(t, rng);
        }
        settle(t);
        /* Times are absolute: as if no time had passed. */
        clock_set_ns(t->m->clock, 0);
        machine_reset(t->m);
        g_autofree char *after = described_for_reset(t);
        g_assert_cmpuint(differences(power_on, after), ==, 0);
    }
    test_machine_free(t);
}

static uint8_t clock_register(TestMachine *t, uint8_t n)
{
    out(t, 0x70, 1, n);
    return in(t, 0x71, 1);
}

/* The MC146818's RESET: interrupt enables, SQWE and flags go; time, memory and the rest stay. */
static void test_clock_reset(void)
{
    TestMachine *t = test_machine_new(NULL);

    work_all(t);
    out(t, 0x70, 1, 0x0b);
    out(t, 0x71, 1, 0x7a);
    step_clock(t, 50 * NS_PER_MS);
    machine_reset(t->m);
    g_assert_cmphex(clock_register(t, 0x0b), ==, 0x02);
    g_assert_cmphex(clock_register(t, 0x0c), ==, 0x00);
    g_assert_cmphex(clock_register(t, 0x0a) & 0x7f, ==, 0x2a);
    g_assert_cmphex(clock_register(t, 0x40), ==, 0x5a);
    test_machine_free(t);
}

/* --- what is refused ------------------------------------------------------------------------------ */

static void assert_refused(TestMachine *t, const uint8_t *data, size_t len, const char *why)
{
    Error *err = NULL;

    g_assert_false(machine_load_state(t->m, data, len, &err));
    if (!strstr(error_text(err), why)) {
        g_test_message("'%s' does not say '%s'", error_text(err), why);
        g_test_fail();
    }
    error_free(err);
}

static void test_refused(void)
{
    TestMachine *t = test_machine_new(NULL);

    work_all(t);
    g_autoptr(GByteArray) data = saved(t);
    g_autofree char *before = machine_describe_state(t->m);
    assert_refused(t, data->data, 0, "truncated");
    for (size_t len = 1; len < data->len; len += len < 3000 ? 1 : data->len / 50) {
        assert_refused(t, data->data, len, "truncated");
    }
    g_byte_array_append(data, (const uint8_t *)"", 1);
    assert_refused(t, data->data, data->len, "more than this machine");
    g_byte_array_set_size(data, data->len - 1);
    data->data[0] ^= 1;
    assert_refused(t, data->data, data->len, "no machine state");
    data->data[0] ^= 1;
    data->data[11] ^= 2; /* the version */
    assert_refused(t, data->data, data->len, "no machine state of version 1");
    data->data[11] ^= 2;
    data->data[15] ^= 1; /* the machine's name */
    assert_refused(t, data->data, data->len, "where this machine has");
    data->data[15] ^= 1;
    /* Nothing of it has changed the machine. */
    g_autofree char *after = machine_describe_state(t->m);
    g_assert_cmpstr(before, ==, after);
    g_assert_true(machine_load_state(t->m, data->data, data->len, &error_fatal));
    test_machine_free(t);
}

/* A field that its device refuses: the machine is reset. */
static void test_refused_by_device(void)
{
    TestMachine *t = test_machine_new(NULL);
    g_autofree char *power_on = described_for_reset(t);
    g_autoptr(GByteArray) data = saved(t);
    const char *name = "ide_drive";
    uint8_t *at = memmem(data->data, data->len, name, strlen(name));

    g_assert_nonnull(at);
    /* Behind name and version: five registers of a name, a version and two bytes each, then
     * device, status, error, irq_pending, and cur_heads, which is never 0. */
    at[strlen(name) + 4 + 5 * (1 + 7 + 4 + 2) + 4] = 0;
    assert_refused(t, data->data, data->len, "inconsistent");
    g_autofree char *after = described_for_reset(t);
    g_assert_cmpuint(differences(power_on, after), ==, 0);
    test_machine_free(t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/state/every-device-at-work", test_every_device_at_work);
    g_test_add_func("/state/cirrus", test_cirrus);
    g_test_add_func("/state/random-work", test_random_work);
    g_test_add_func("/state/reset", test_reset);
    g_test_add_func("/state/clock-reset", test_clock_reset);
    g_test_add_func("/state/refused", test_refused);
    g_test_add_func("/state/refused-by-device", test_refused_by_device);
    return g_test_run();
}
