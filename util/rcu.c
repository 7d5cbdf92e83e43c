/*
 * Reading data that is published under RCU: see rcu.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/rcu.h"
#include <glib.h>

static void reader_thread_ends(gpointer unused)
{
    if (URCU_TLS(rcu_reader).registered) {
        rcu_unregister_thread();
    }
}

static GPrivate reader_key = G_PRIVATE_INIT(reader_thread_ends);

void rcu_reader_register(void)
{
    rcu_register_thread();
    g_private_set(&reader_key, &reader_key); /* any non-NULL value: the destructor runs */
}
