/*
 * The main loop and the big lock: see main-loop.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/main-loop.h"
#include "util/fair-lock.h"

static FairLock bql = FAIR_LOCK_INIT;
static __thread bool bql_mine;
static __thread bool on_main_thread;
static __thread GQueue here = G_QUEUE_INIT; /* of BH, to be run before the lock is released */
static __thread bool running_here;
static GMainLoop *main_loop;

static bool run_here(void);

void bql_lock(void)
{
    g_assert(!bql_mine);
    fair_lock(&bql);
    bql_mine = true;
}

void bql_unlock(void)
{
    g_assert(bql_mine);
    run_here();
    bql_mine = false;
    fair_unlock(&bql);
}

bool bql_locked(void)
{
    return bql_mine;
}

void bql_cond_wait(GCond *cond)
{
    g_assert(bql_mine);
    if (run_here()) {
        return; /* the caller looks again at what it waits for */
    }
    bql_mine = false;
    fair_lock_cond_wait(&bql, cond);
    bql_mine = true;
}

static gint poll_without_bql(GPollFD *fds, guint count, gint timeout)
{
    bool locked = bql_mine;
    if (locked) {
        bql_unlock();
    }
    gint ready = g_poll(fds, count, timeout);
    if (locked) {
        bql_lock();
    }
    return ready;
}

void main_loop_init(void)
{
    g_main_context_set_poll_func(NULL, poll_without_bql);
    main_loop = g_main_loop_new(NULL, FALSE);
    on_main_thread = true;
    bql_lock();
}

void main_loop_run(void)
{
    g_main_loop_run(main_loop);
}

void main_loop_quit(void)
{
    g_main_loop_quit(main_loop);
}

void main_loop_wait(bool blocking)
{
    g_main_context_iteration(NULL, blocking);
}

struct BH {
    BHFn *fn;
    void *opaque;
    gint scheduled;
    bool deleted;
    gint refs; /* the owner's and one per queued idle source */
};

static void bh_unref(BH *bh)
{
    if (g_atomic_int_dec_and_test(&bh->refs)) {
        g_free(bh);
    }
}

static gboolean bh_run(gpointer opaque)
{
    BH *bh = opaque;
    if (g_atomic_int_compare_and_exchange(&bh->scheduled, 1, 0) && !bh->deleted) {
        bh->fn(bh->opaque);
    }
    bh_unref(bh);
    return G_SOURCE_REMOVE;
}

BH *bh_new(BHFn *fn, void *opaque)
{
    BH *bh = g_new0(BH, 1);
    bh->fn = fn;
    bh->opaque = opaque;
    bh->refs = 1;
    return bh;
}

void bh_schedule(BH *bh)
{
    if (g_atomic_int_compare_and_exchange(&bh->scheduled, 0, 1)) {
        g_atomic_int_inc(&bh->refs);
        g_idle_add_full(G_PRIORITY_HIGH, bh_run, bh, NULL);
    }
}

void bh_schedule_here(BH *bh)
{
    g_assert(bql_mine);
    if (on_main_thread) {
        bh_schedule(bh);
    } else if (g_atomic_int_compare_and_exchange(&bh->scheduled, 0, 1)) {
        g_atomic_int_inc(&bh->refs);
        g_queue_push_tail(&here, bh);
    }
}

/* Others wait for the lock: what goes on scheduling itself is continued on the main thread. */
enum { MAX_HERE = 64 };

/* Returns whether there was something to run. */
static bool run_here(void)
{
    BH *bh;

    if (G_LIKELY(!here.head) || running_here) {
        return false;
    }
    running_here = true;
    for (int n = 0; n < MAX_HERE && (bh = g_queue_pop_head(&here)); n++) {
        bh_run(bh);
    }
    running_here = false;
    while ((bh = g_queue_pop_head(&here))) {
        g_idle_add_full(G_PRIORITY_HIGH, bh_run, bh, NULL);
    }
    return true;
}

void bh_cancel(BH *bh)
{
    g_atomic_int_set(&bh->scheduled, 0);
}

void bh_delete(BH *bh)
{
    bh->deleted = true;
    bh_cancel(bh);
    bh_unref(bh);
}

typedef struct Oneshot {
    BHFn *fn;
    void *opaque;
} Oneshot;

static gboolean oneshot_run(gpointer opaque)
{
    g_autofree Oneshot *shot = opaque;
    shot->fn(shot->opaque);
    return G_SOURCE_REMOVE;
}

void bh_schedule_oneshot(BHFn *fn, void *opaque)
{
    Oneshot *shot = g_new(Oneshot, 1);
    *shot = (Oneshot){ fn, opaque };
    g_idle_add_full(G_PRIORITY_HIGH, oneshot_run, shot, NULL);
}
