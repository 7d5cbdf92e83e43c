/*
 * Named groups of input and output lines of a device: see qdev.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/gpio.h"

static LineGroup *find_group(DeviceState *dev, const char *name, bool input)
{
    for (GSList *l = dev->gpios; l; l = l->next) {
        LineGroup *group = l->data;
        if (group->input == input && g_strcmp0(group->name, name) == 0) {
            return group;
        }
    }
    return NULL;
}

static LineGroup *add_group(DeviceState *dev, const char *name, bool input, int n)
{
    g_assert(!find_group(dev, name, input));
    LineGroup *group = g_new0(LineGroup, 1);
    group->name = g_strdup(name);
    group->input = input;
    group->count = n;
    dev->gpios = g_slist_append(dev->gpios, group);
    return group;
}

void qdev_init_gpio_in_named(DeviceState *dev, IRQHandler *handler, const char *name, int n)
{
    LineGroup *group = add_group(dev, name, true, n);
    group->lines = g_new0(IRQLine *, n);
    for (int i = 0; i < n; i++) {
        group->lines[i] = irq_new(handler, dev, i);
    }
}

void qdev_init_gpio_in(DeviceState *dev, IRQHandler *handler, int n)
{
    qdev_init_gpio_in_named(dev, handler, NULL, n);
}

void qdev_init_gpio_out_named(DeviceState *dev, IRQLine **pins, const char *name, int n)
{
    add_group(dev, name, false, n)->lines = pins;
}

void qdev_init_gpio_out(DeviceState *dev, IRQLine **pins, int n)
{
    qdev_init_gpio_out_named(dev, pins, NULL, n);
}

bool qdev_has_gpio_in(DeviceState *dev, const char *name, int n)
{
    LineGroup *group = find_group(dev, name, true);
    return group && n >= 0 && n < group->count;
}

IRQLine *qdev_get_gpio_in_named(DeviceState *dev, const char *name, int n)
{
    g_assert(qdev_has_gpio_in(dev, name, n));
    return find_group(dev, name, true)->lines[n];
}

IRQLine *qdev_get_gpio_in(DeviceState *dev, int n)
{
    return qdev_get_gpio_in_named(dev, NULL, n);
}

void qdev_connect_gpio_out_named(DeviceState *dev, const char *name, int n, IRQLine *line)
{
    LineGroup *group = find_group(dev, name, false);
    g_assert(group && n >= 0 && n < group->count);
    group->lines[n] = line;
}

void qdev_connect_gpio_out(DeviceState *dev, int n, IRQLine *line)
{
    qdev_connect_gpio_out_named(dev, NULL, n, line);
}

bool qdev_intercept_gpio_in(DeviceState *dev, const char *name, IRQHandler *observer, void *opaque)
{
    LineGroup *group = find_group(dev, name, true);
    if (!group) {
        return false;
    }
    for (int i = 0; i < group->count; i++) {
        irq_intercept(group->lines[i], observer, opaque, i);
    }
    return true;
}

static void ignore_level(void *opaque, int n, int level)
{
}

bool qdev_intercept_gpio_out(DeviceState *dev, const char *name, IRQHandler *observer,
                             void *opaque)
{
    LineGroup *group = find_group(dev, name, false);
    if (!group) {
        return false;
    }
    for (int i = 0; i < group->count; i++) {
        if (!group->lines[i]) {
            group->lines[i] = irq_new(ignore_level, NULL, i);
        }
        irq_intercept(group->lines[i], observer, opaque, i);
    }
    return true;
}

void qdev_free_gpios(DeviceState *dev)
{
    for (GSList *l = dev->gpios; l; l = l->next) {
        LineGroup *group = l->data;
        for (int i = 0; group->input && i < group->count; i++) {
            irq_free(group->lines[i]);
        }
        if (group->input) {
            g_free(group->lines);
        }
        g_free(group->name);
        g_free(group);
    }
    g_clear_pointer(&dev->gpios, g_slist_free);
}
