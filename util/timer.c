/*
 * Clocks and timers: see timer.h.
 *
 * Each clock that follows the host has a timerfd, armed for its first
 * deadline and watched by the main loop; the poll timeout of GLib would round
 * deadlines up to milliseconds.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/timer.h"
#include <glib-unix.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

typedef enum ClockMode { CLOCK_MODE_FOLLOW, CLOCK_MODE_STOPPED, CLOCK_MODE_MANUAL } ClockMode;

enum { UNPUBLISHED = -1 }; /* a clock that follows by this offset is read with its lock */

struct Clock {
    GMutex lock;
    clockid_t host_clock;
    ClockMode mode;
    int64_t offset;  /* FOLLOW: added to the host clock; else the frozen time */
    int64_t published; /* [atomic] the offset while it alone tells the time, else UNPUBLISHED */
    Timer *timers;
    int fd;
    guint source;
};

static int64_t host_ns(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return ts.tv_sec * NS_PER_SECOND + ts.tv_nsec;
}

static int64_t clock_now(const Clock *clock)
{
    int64_t base = clock->mode == CLOCK_MODE_FOLLOW ? host_ns(clock->host_clock) : 0;
    return base + clock->offset;
}

/* With the clock's lock: mode or offset have changed. */
static void clock_publish(Clock *clock)
{
    int64_t offset = clock->mode == CLOCK_MODE_FOLLOW ? clock->offset : UNPUBLISHED;

    __atomic_store_n(&clock->published, offset, __ATOMIC_SEQ_CST);
}

/* With the clock's lock: makes the timerfd agree with the first timer. */
static void clock_rearm(Clock *clock)
{
    struct itimerspec when = { 0 };

    if (clock->mode == CLOCK_MODE_FOLLOW && clock->timers) {
        int64_t host = MAX(clock->timers->expire - clock->offset, 1);
        when.it_value.tv_sec = host / NS_PER_SECOND;
        when.it_value.tv_nsec = host % NS_PER_SECOND;
    }
    timerfd_settime(clock->fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static Timer *clock_pop_due(Clock *clock, int64_t now)
{
    Timer *timer = clock->timers;
    if (!timer || timer->expire > now) {
        return NULL;
    }
    clock->timers = timer->next;
    timer->expire = -1;
    return timer;
}

static void clock_run_due(Clock *clock, int64_t now)
{
    Timer *timer;

    g_mutex_lock(&clock->lock);
    while ((timer = clock_pop_due(clock, now))) {
        TimerFn *fn = timer->fn;
        void *opaque = timer->opaque;
        g_mutex_unlock(&clock->lock);
        fn(opaque);
        g_mutex_lock(&clock->lock);
    }
    clock_rearm(clock);
    g_mutex_unlock(&clock->lock);
}

static gboolean clock_fd_ready(gint fd, GIOCondition condition, gpointer opaque)
{
    Clock *clock = opaque;
    uint64_t count;

    if (read(fd, &count, sizeof(count)) == sizeof(count) && clock->mode == CLOCK_MODE_FOLLOW) {
        clock_run_due(clock, clock_get_ns(clock));
    }
    return G_SOURCE_CONTINUE;
}

/* GLib awakens the main loop twice for each dispatch of a source that may not recurse. */
static guint watch_fd(int fd, Clock *clock)
{
    GSource *source = g_unix_fd_source_new(fd, G_IO_IN);
    guint id;

    g_source_set_callback(source, G_SOURCE_FUNC(clock_fd_ready), clock, NULL);
    g_source_set_can_recurse(source, TRUE);
    id = g_source_attach(source, NULL);
    g_source_unref(source);
    return id;
}

static Clock *clock_new(clockid_t id, ClockMode mode)
{
    Clock *clock = g_new0(Clock, 1);
    g_mutex_init(&clock->lock);
    clock->host_clock = id;
    clock->mode = mode;
    clock_publish(clock);
    clock->fd = timerfd_create(id, TFD_NONBLOCK | TFD_CLOEXEC);
    clock->source = watch_fd(clock->fd, clock);
    return clock;
}

Clock *clock_new_virtual(void)
{
    return clock_new(CLOCK_MONOTONIC, CLOCK_MODE_STOPPED);
}

void clock_free(Clock *clock)
{
    g_source_remove(clock->source);
    close(clock->fd);
    g_mutex_clear(&clock->lock);
    g_free(clock);
}

Clock *clock_real(void)
{
    static gsize shared;
    if (g_once_init_enter(&shared)) {
        g_once_init_leave(&shared, (gsize)clock_new(CLOCK_MONOTONIC, CLOCK_MODE_FOLLOW));
    }
    return (Clock *)shared;
}

Clock *clock_host(void)
{
    static gsize shared;
    if (g_once_init_enter(&shared)) {
        g_once_init_leave(&shared, (gsize)clock_new(CLOCK_REALTIME, CLOCK_MODE_FOLLOW));
    }
    return (Clock *)shared;
}

int64_t clock_get_ns(Clock *clock)
{
    int64_t offset = __atomic_load_n(&clock->published, __ATOMIC_ACQUIRE), now;

    if (offset != UNPUBLISHED) {
        now = host_ns(clock->host_clock) + offset;
        if (offset == __atomic_load_n(&clock->published, __ATOMIC_SEQ_CST)) {
            return now;
        }
    }
    g_mutex_lock(&clock->lock);
    now = clock_now(clock);
    g_mutex_unlock(&clock->lock);
    return now;
}

static void clock_set_mode(Clock *clock, ClockMode mode)
{
    g_mutex_lock(&clock->lock);
    if (clock->mode != mode) {
        __atomic_store_n(&clock->published, UNPUBLISHED, __ATOMIC_SEQ_CST);
        int64_t now = clock_now(clock); /* not before what anybody has read */
        clock->mode = mode;
        clock->offset = 0;
        clock->offset = now - clock_now(clock);
        clock_publish(clock);
        clock_rearm(clock);
    }
    g_mutex_unlock(&clock->lock);
}

void clock_start(Clock *clock)
{
    if (clock->mode != CLOCK_MODE_MANUAL) {
        clock_set_mode(clock, CLOCK_MODE_FOLLOW);
    }
}

void clock_stop(Clock *clock)
{
    if (clock->mode != CLOCK_MODE_MANUAL) {
        clock_set_mode(clock, CLOCK_MODE_STOPPED);
    }
}

void clock_set_manual(Clock *clock)
{
    clock_set_mode(clock, CLOCK_MODE_MANUAL);
}

void clock_set_ns(Clock *clock, int64_t ns)
{
    g_mutex_lock(&clock->lock);
    clock->offset += ns - clock_now(clock);
    clock_publish(clock);
    clock_rearm(clock);
    g_mutex_unlock(&clock->lock);
}

int64_t clock_next_deadline(Clock *clock)
{
    g_mutex_lock(&clock->lock);
    int64_t deadline = clock->timers ? clock->timers->expire : -1;
    g_mutex_unlock(&clock->lock);
    return deadline;
}

void clock_advance_to(Clock *clock, int64_t ns)
{
    int64_t deadline;

    while ((deadline = clock_next_deadline(clock)) >= 0 && deadline <= ns) {
        clock_set_ns(clock, MAX(deadline, clock_get_ns(clock)));
        clock_run_due(clock, deadline);
    }
    clock_set_ns(clock, MAX(ns, clock_get_ns(clock)));
}

void timer_init(Timer *timer, Clock *clock, TimerFn *fn, void *opaque)
{
    *timer = (Timer){ .clock = clock, .fn = fn, .opaque = opaque, .expire = -1 };
}

static bool timer_unlink(Timer *timer)
{
    for (Timer **at = &timer->clock->timers; *at; at = &(*at)->next) {
        if (*at == timer) {
            *at = timer->next;
            timer->expire = -1;
            return true;
        }
    }
    return false;
}

static void timer_link(Timer *timer, int64_t expire)
{
    Timer **at = &timer->clock->timers;
    while (*at && (*at)->expire <= expire) {
        at = &(*at)->next;
    }
    timer->expire = expire;
    timer->next = *at;
    *at = timer;
}

void timer_mod(Timer *timer, int64_t expire_ns)
{
    Clock *clock = timer->clock;

    g_mutex_lock(&clock->lock);
    Timer *first = clock->timers;
    int64_t first_expire = first ? first->expire : -1;
    timer_unlink(timer);
    timer_link(timer, MAX(expire_ns, 0));
    if (clock->timers != first || clock->timers->expire != first_expire) {
        clock_rearm(clock);
    }
    g_mutex_unlock(&clock->lock);
}

void timer_del(Timer *timer)
{
    if (!timer->clock) {
        return;
    }
    g_mutex_lock(&timer->clock->lock);
    timer_unlink(timer);
    g_mutex_unlock(&timer->clock->lock);
}

void timer_deinit(Timer *timer)
{
    timer_del(timer);
    timer->clock = NULL;
}

bool timer_pending(const Timer *timer)
{
    return timer->expire >= 0;
}

int64_t timer_expire_time(const Timer *timer)
{
    return timer->expire;
}
