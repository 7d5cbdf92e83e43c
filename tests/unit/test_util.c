/*
 * Options, sizes, errors, logs and clocks of util/.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include <string.h>
#include "util/error.h"
#include "util/fair-lock.h"
#include "util/log.h"
#include "util/main-loop.h"
#include "util/option.h"
#include "util/timer.h"

/* --- errors ------------------------------------------------------------------ */

static void test_error_text(void)
{
    Error *err = NULL;

    error_set_class(&err, ERROR_CLASS_DEVICE_NOT_FOUND, "no device '%s'", "x");
    error_prepend(&err, "-device: ");
    g_assert_cmpstr(error_text(err), ==, "-device: no device 'x'");
    g_assert_cmpstr(error_class_name(err), ==, "DeviceNotFound");
    error_free(err);
    error_setg(NULL, "nobody hears this");
}

static void test_error_propagate(void)
{
    Error *first = NULL, *second = NULL;

    error_setg(&first, "first");
    error_setg(&second, "second");
    error_propagate(&first, second); /* the first one stays */
    g_assert_cmpstr(error_text(first), ==, "first");
    error_free(first);
}

/* --- options ------------------------------------------------------------------- */

static void test_option_parse(void)
{
    g_autoptr(OptDict) dict = optdict_parse("-drive", "a,,b.img,if=ide,snapshot,nocache,if=none",
                                            "file", NULL);
    g_assert_nonnull(dict);
    g_assert_cmpstr(optdict_get(dict, "file"), ==, "a,b.img");
    g_assert_cmpstr(optdict_get(dict, "if"), ==, "none"); /* the last one counts */
    g_assert_cmpstr(optdict_get(dict, "snapshot"), ==, "on");
    g_assert_cmpstr(optdict_get(dict, "cache"), ==, "off");
    g_assert_null(optdict_get(dict, "absent"));
    g_assert_true(optdict_check_all_used(dict, NULL));
}

static void test_option_unused(void)
{
    g_autoptr(OptDict) dict = optdict_parse("-drive", "file=x,typo=1", NULL, NULL);
    Error *err = NULL;

    optdict_get(dict, "file");
    g_assert_false(optdict_check_all_used(dict, &err));
    g_assert_cmpstr(error_text(err), ==, "-drive: unknown parameter 'typo=1'");
    error_free(err);
}

static void test_option_syntax(void)
{
    Error *err = NULL;
    g_assert_null(optdict_parse("-drive", "=x", NULL, &err));
    g_assert_nonnull(err);
    error_free(err);
}

static void test_sizes(void)
{
    static const struct { const char *text; uint64_t unit, value; } good[] = {
        { "512", 1, 512 }, { "512", 1 << 20, 512ull << 20 }, { "1.5G", 1, 3ull << 29 },
        { "0x10", 1, 16 }, { "4k", 1, 4096 }, { "2T", 1, 2ull << 40 }, { "0", 1, 0 },
    };
    static const char *const bad[] = { "", "x", "1X", "-1", "1kk", "99999999999T" };
    uint64_t value;

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        g_assert_true(parse_size("-m", good[i].text, good[i].unit, &value, NULL));
        g_assert_cmpuint(value, ==, good[i].value);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(parse_size("-m", bad[i], 1, &value, NULL));
    }
}

static void test_numbers_and_flags(void)
{
    uint64_t value;
    bool flag;

    g_assert_true(parse_u64("x", "0x1f", &value, NULL) && value == 31);
    g_assert_true(parse_u64("x", "010", &value, NULL) && value == 8);
    g_assert_false(parse_u64("x", "12a", &value, NULL));
    g_assert_false(parse_u64("x", "99999999999999999999", &value, NULL));
    g_assert_true(parse_bool("x", "on", &flag, NULL) && flag);
    g_assert_true(parse_bool("x", "no", &flag, NULL) && !flag);
    g_assert_false(parse_bool("x", "perhaps", &flag, NULL));
}

static void test_log_items(void)
{
    Error *err = NULL;

    g_assert_true(log_set_items("int,unimp", NULL));
    g_assert_true(log_on(LOG_INT) && log_on(LOG_UNIMP) && !log_on(LOG_EXEC));
    g_assert_false(log_set_items("int,bogus", &err));
    g_assert_nonnull(strstr(error_text(err), "bogus"));
    error_free(err);
    g_assert_true(log_set_items("none", NULL));
    g_assert_false(log_on(LOG_INT));
}

/* --- clocks and timers ------------------------------------------------------------ */

typedef struct Fired {
    GString *order;
    char name;
    Timer timer;
    Clock *clock;
    int64_t at, again; /* again: re-arms itself this much later, once */
} Fired;

static void record(void *opaque)
{
    Fired *f = opaque;

    g_string_append_c(f->order, f->name);
    f->at = clock_get_ns(f->clock);
    if (f->again) {
        timer_mod(&f->timer, f->at + f->again);
        f->again = 0;
    }
}

static void test_manual_clock(void)
{
    Clock *clock = clock_new_virtual();
    GString *order = g_string_new(NULL);
    Fired a = { order, 'a', .clock = clock }, b = { order, 'b', .clock = clock, .again = 50 },
          c = { order, 'c', .clock = clock };

    clock_set_manual(clock);
    timer_init(&a.timer, clock, record, &a);
    timer_init(&b.timer, clock, record, &b);
    timer_init(&c.timer, clock, record, &c);
    timer_mod(&a.timer, 300);
    timer_mod(&b.timer, 100);
    timer_mod(&c.timer, 200);
    timer_del(&c.timer);
    g_assert_cmpint(clock_next_deadline(clock), ==, 100);
    clock_advance_to(clock, 99);
    g_assert_cmpstr(order->str, ==, "");
    clock_advance_to(clock, 1000);
    g_assert_cmpstr(order->str, ==, "bba"); /* in deadline order, the re-armed one too */
    g_assert_cmpint(b.at, ==, 150);
    g_assert_cmpint(a.at, ==, 300);
    g_assert_cmpint(clock_get_ns(clock), ==, 1000);
    g_assert_cmpint(clock_next_deadline(clock), ==, -1);
    g_assert_false(timer_pending(&c.timer));
    g_string_free(order, TRUE);
    clock_free(clock);
}

static void test_stopped_clock(void)
{
    Clock *clock = clock_new_virtual();

    g_assert_cmpint(clock_get_ns(clock), ==, 0);
    clock_start(clock);
    int64_t earlier = clock_get_ns(clock);
    while (clock_get_ns(clock) == earlier) {
        g_thread_yield();
    }
    clock_stop(clock);
    int64_t frozen = clock_get_ns(clock);
    g_assert_cmpint(frozen, >, earlier);
    g_assert_cmpint(clock_get_ns(clock), ==, frozen);
    clock_free(clock);
}

static void quit_loop(void *opaque)
{
    *(bool *)opaque = true;
}

static void test_timer_and_bottom_half(void)
{
    bool timer_fired = false, bh_ran = false;
    Timer timer;
    BH *bh = bh_new(quit_loop, &bh_ran);

    timer_init(&timer, clock_real(), quit_loop, &timer_fired);
    timer_mod(&timer, clock_get_ns(clock_real()) + NS_PER_MS);
    bh_schedule(bh);
    while (!timer_fired || !bh_ran) {
        main_loop_wait(true);
    }
    bh_ran = false;
    bh_schedule(bh);
    bh_cancel(bh);
    while (g_main_context_pending(NULL)) {
        main_loop_wait(false);
    }
    g_assert_false(bh_ran);
    bh_delete(bh);
    timer_deinit(&timer);
}

typedef struct HereTest {
    BH *bh;
    GThread *ran_on; /* NULL: not yet */
    unsigned runs, again;
} HereTest;

static void run_here(void *opaque)
{
    HereTest *test = opaque;

    g_assert_true(bql_locked());
    test->ran_on = g_thread_self();
    test->runs++;
    if (test->again) {
        test->again--;
        bh_schedule_here(test->bh);
    }
}

static gpointer schedule_here(gpointer opaque)
{
    HereTest *test = opaque;

    bql_lock();
    bh_schedule_here(test->bh);
    bh_schedule_here(test->bh); /* has no further effect */
    g_assert_null(test->ran_on);
    bql_unlock();
    return NULL;
}

static gpointer wait_with_work(gpointer opaque)
{
    HereTest *test = opaque;
    GCond cond;

    g_cond_init(&cond);
    bql_lock();
    bh_schedule_here(test->bh);
    while (!test->ran_on) { /* which nobody else can end */
        bql_cond_wait(&cond);
    }
    bql_unlock();
    g_cond_clear(&cond);
    return NULL;
}

static HereTest schedule_on_thread(GThreadFunc fn, unsigned again)
{
    HereTest test = { .again = again };

    test.bh = bh_new(run_here, &test);
    bql_unlock();
    GThread *thread = g_thread_new("other", fn, &test);
    g_thread_join(thread);
    bql_lock();
    g_assert_true(test.ran_on == thread);
    while (g_main_context_pending(NULL)) {
        main_loop_wait(false);
    }
    bh_delete(test.bh);
    return test;
}

/* A bottom half runs on the scheduling thread before that gives up the big lock. */
static void test_bottom_half_here(void)
{
    g_assert_cmpuint(schedule_on_thread(schedule_here, 0).runs, ==, 1);
    g_assert_cmpuint(schedule_on_thread(schedule_here, 3).runs, ==, 4);
    g_assert_cmpuint(schedule_on_thread(wait_with_work, 0).runs, ==, 1);

    /* One that has no end is continued on the main thread. */
    HereTest test = schedule_on_thread(schedule_here, 1000);
    g_assert_cmpuint(test.runs, ==, 1001);
    g_assert_cmpuint(test.again, ==, 0);
}

/* On the main thread, and a deleted one: never. */
static void test_bottom_half_here_main(void)
{
    HereTest test = { .bh = bh_new(run_here, &test) };

    bh_schedule_here(test.bh);
    bql_unlock();
    bql_lock();
    g_assert_cmpuint(test.runs, ==, 0);
    while (!test.runs) {
        main_loop_wait(true);
    }
    bh_schedule_here(test.bh);
    bh_delete(test.bh);
    while (g_main_context_pending(NULL)) {
        main_loop_wait(false);
    }
    g_assert_cmpuint(test.runs, ==, 1);
}

typedef struct LockTest {
    FairLock lock;
    GString *order; /* [lock] */
} LockTest;

static gpointer take_and_note(gpointer opaque)
{
    LockTest *test = opaque;

    fair_lock(&test->lock);
    g_string_append_c(test->order, 'b');
    fair_unlock(&test->lock);
    return NULL;
}

/* Whoever releases the lock and wants it at once gets it after one who has waited for long. */
static void test_fair_lock(void)
{
    LockTest test = { .lock = FAIR_LOCK_INIT, .order = g_string_new(NULL) };

    for (int i = 0; i < 100; i++) {
        fair_lock(&test.lock);
        GThread *other = g_thread_new("other", take_and_note, &test);
        while (!fair_lock_is_wanted(&test.lock)) {
            g_thread_yield();
        }
        g_usleep(2 * FAIR_LOCK_PATIENCE_US);
        g_string_append_c(test.order, 'a');
        fair_unlock(&test.lock);
        fair_lock(&test.lock);
        g_string_append_c(test.order, 'c');
        fair_unlock(&test.lock);
        g_thread_join(other);
        g_assert_cmpstr(test.order->str, ==, "abc");
        g_string_truncate(test.order, 0);
    }
    g_string_free(test.order, TRUE);
}

typedef struct CondTest {
    FairLock lock;
    GCond cond;
    bool ready, answered; /* [lock] */
    gint answers;
} CondTest;

static gpointer answer(gpointer opaque)
{
    CondTest *test = opaque;

    fair_lock(&test->lock);
    while (!test->ready) {
        fair_lock_cond_wait(&test->lock, &test->cond);
    }
    test->answered = true;
    g_cond_signal(&test->cond);
    fair_unlock(&test->lock);
    return NULL;
}

/* Two threads talk through a condition, whoever comes first. */
static void test_fair_lock_condition(void)
{
    for (int i = 0; i < 100; i++) {
        CondTest test = { .lock = FAIR_LOCK_INIT };
        GThread *other = g_thread_new("other", answer, &test);

        fair_lock(&test.lock);
        test.ready = true;
        g_cond_signal(&test.cond);
        while (!test.answered) {
            fair_lock_cond_wait(&test.lock, &test.cond);
        }
        fair_unlock(&test.lock);
        g_thread_join(other);
    }
}

enum { SIGNALS = 30000 };

static gpointer signal_often(gpointer opaque)
{
    CondTest *test = opaque;

    for (int i = 0; i < SIGNALS; i++) {
        while (g_atomic_int_get(&test->answers) != i) {
            g_thread_yield();
        }
        for (volatile int distance = i % 300; distance > 0; distance--) {
        }
        fair_lock(&test->lock);
        test->ready = true;
        g_cond_signal(&test->cond);
        fair_unlock(&test->lock);
    }
    return NULL;
}

/* No signal is lost between the release of the lock and the beginning of the wait: they come at
 * every distance from it. */
static void test_fair_lock_signals(void)
{
    CondTest test = { .lock = FAIR_LOCK_INIT };
    GThread *other = g_thread_new("other", signal_often, &test);

    for (int i = 1; i <= SIGNALS; i++) {
        fair_lock(&test.lock);
        while (!test.ready) {
            fair_lock_cond_wait(&test.lock, &test.cond);
        }
        test.ready = false;
        fair_unlock(&test.lock);
        g_atomic_int_set(&test.answers, i);
    }
    g_thread_join(other);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    main_loop_init();
    g_test_add_func("/util/error/text", test_error_text);
    g_test_add_func("/util/error/propagate", test_error_propagate);
    g_test_add_func("/util/option/parse", test_option_parse);
    g_test_add_func("/util/option/unused", test_option_unused);
    g_test_add_func("/util/option/syntax", test_option_syntax);
    g_test_add_func("/util/option/sizes", test_sizes);
    g_test_add_func("/util/option/numbers", test_numbers_and_flags);
    g_test_add_func("/util/log/items", test_log_items);
    g_test_add_func("/util/timer/manual", test_manual_clock);
    g_test_add_func("/util/timer/stopped", test_stopped_clock);
    g_test_add_func("/util/fair-lock/order", test_fair_lock);
    g_test_add_func("/util/fair-lock/condition", test_fair_lock_condition);
    g_test_add_func("/util/fair-lock/signals", test_fair_lock_signals);
    g_test_add_func("/util/timer/main-loop", test_timer_and_bottom_half);
    g_test_add_func("/util/main-loop/here", test_bottom_half_here);
    g_test_add_func("/util/main-loop/here-main", test_bottom_half_here_main);
    return g_test_run();
}
