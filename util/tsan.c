/*
 * ThreadSanitizer sees what is compiled with it. GLib and liburcu are not: their functions that
 * order threads stand here a second time, in front of theirs, and tell it what they order.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/tsan.h"
#ifdef __SANITIZE_THREAD__
#include <dlfcn.h>
#include <glib.h>
#include <sanitizer/tsan_interface.h>
#include "util/rcu.h"

/* The library's function behind the one of the same name here. */
#define REAL(name) ((typeof(&(name)))dlsym(RTLD_NEXT, #name))

static char rcu_token;

/* The nodes of a pool's queue and the arrays of a main context, under GLib's locks; what
 * liburcu's inline functions look at. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:g_queue_pop_tail\nrace:^g_realloc$\nrace:urcu_memb_gp\n";
}

/* --- locks -------------------------------------------------------------------------------- */

void g_mutex_lock(GMutex *mutex)
{
    REAL(g_mutex_lock)(mutex);
    __tsan_acquire(mutex);
}

gboolean g_mutex_trylock(GMutex *mutex)
{
    gboolean taken = REAL(g_mutex_trylock)(mutex);

    if (taken) {
        __tsan_acquire(mutex);
    }
    return taken;
}

void g_mutex_unlock(GMutex *mutex)
{
    __tsan_release(mutex);
    REAL(g_mutex_unlock)(mutex);
}

void g_cond_wait(GCond *cond, GMutex *mutex)
{
    __tsan_release(mutex);
    REAL(g_cond_wait)(cond, mutex);
    __tsan_acquire(mutex);
}

gboolean g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end_time)
{
    __tsan_release(mutex);
    gboolean woken = REAL(g_cond_wait_until)(cond, mutex, end_time);
    __tsan_acquire(mutex);
    return woken;
}

/* --- work for the main loop ------------------------------------------------------------ */

typedef struct Idle {
    GSourceFunc func;
    gpointer data;
    GDestroyNotify notify;
} Idle;

static gboolean run_idle(gpointer data)
{
    Idle *idle = data;

    __tsan_acquire(idle);
    return idle->func(idle->data);
}

static void end_idle(gpointer data)
{
    Idle *idle = data;

    if (idle->notify) {
        idle->notify(idle->data);
    }
    g_free(idle);
}

guint g_idle_add_full(gint priority, GSourceFunc function, gpointer data, GDestroyNotify notify)
{
    Idle *idle = g_new(Idle, 1);

    *idle = (Idle){ function, data, notify };
    __tsan_release(idle);
    guint id = REAL(g_idle_add_full)(priority, run_idle, idle, end_idle);
    __tsan_release(idle); /* GLib's own record of it, too */
    return id;
}

/* --- pools --------------------------------------------------------------------------- */

typedef struct PoolFunc {
    GFunc func;
    gpointer user_data;
} PoolFunc;

static void run_in_pool(gpointer data, gpointer user_data)
{
    const PoolFunc *real = user_data;

    __tsan_acquire(data);
    real->func(data, real->user_data);
}

GThreadPool *g_thread_pool_new(GFunc func, gpointer user_data, gint max_threads,
                               gboolean exclusive, GError **error)
{
    PoolFunc *real = g_new(PoolFunc, 1); /* lives as long as the pool, to the end */

    *real = (PoolFunc){ func, user_data };
    return REAL(g_thread_pool_new)(run_in_pool, real, max_threads, exclusive, error);
}

gboolean g_thread_pool_push(GThreadPool *pool, gpointer data, GError **error)
{
    __tsan_release(data);
    return REAL(g_thread_pool_push)(pool, data, error);
}

/* --- RCU ------------------------------------------------------------------------------- */

typedef void RcuFunc(struct rcu_head *head);

G_LOCK_DEFINE_STATIC(rcu_funcs);
static GHashTable *rcu_funcs; /* rcu_head -> RcuFunc */

static void after_grace_period(struct rcu_head *head)
{
    G_LOCK(rcu_funcs);
    RcuFunc *func = (RcuFunc *)g_hash_table_lookup(rcu_funcs, head);
    g_hash_table_remove(rcu_funcs, head);
    G_UNLOCK(rcu_funcs);
    __tsan_acquire(&rcu_token);
    func(head);
}

void urcu_memb_call_rcu(struct rcu_head *head, RcuFunc *func)
{
    G_LOCK(rcu_funcs);
    if (!rcu_funcs) {
        rcu_funcs = g_hash_table_new(NULL, NULL);
    }
    g_hash_table_insert(rcu_funcs, head, (gpointer)func);
    G_UNLOCK(rcu_funcs);
    __tsan_release(&rcu_token);
    REAL(urcu_memb_call_rcu)(head, after_grace_period);
}

void tsan_rcu_reader_leaves(void)
{
    __tsan_release(&rcu_token);
}

/* --- memory ------------------------------------------------------------------------------ */

void AnnotateBenignRaceSized(const char *file, int line, const volatile void *mem, size_t size,
                             const char *why);

void tsan_shared_by_design(const void *mem, size_t size)
{
    AnnotateBenignRaceSized(__FILE__, __LINE__, mem, size, "guest RAM");
}
#endif
