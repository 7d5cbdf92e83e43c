/*
 * The APIC bus: who gets which interrupt message.
 *
 * Intel SDM vol. 3: 10.6.2 (destinations), 10.11 (message-signalled interrupts),
 * 10.12.10 (x2APIC logical mode). The region at 0xfee00000 has two readers of its
 * meaning: a CPU's access goes to the registers of its own local APIC, a
 * device's write is a message. An access by neither (a test, a debugger) sees the first
 * CPU's registers.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/intc/apic-internal.h"
#include <inttypes.h>
#include "hw/intc/irqchip.h"
#include "util/trace.h"

TRACE_EVENT(apic_bus_deliver, "destination 0x%x logical %d delivery mode %u vector 0x%02x");
TRACE_EVENT(apic_bus_msi, "address 0x%" PRIx64 " data 0x%08x");

enum {
    MSI_REGION_SIZE = 0x100000, APIC_PAGE_SIZE = 0x1000,
    FIRST_REGISTER = 0x20, /* below it nothing but MSI addresses of destination 0 */
    MSI_ADDRESS_LOGICAL = 1 << 2, MSI_ADDRESS_DEST_SHIFT = 12, MSI_DATA_LEVEL = 1 << 15,
    MSI_DATA_ASSERT = 1 << 14,
    BROADCAST_XAPIC = 0xff,
};
#define BROADCAST_X2APIC UINT32_MAX

typedef struct EOIListener {
    void (*fn)(void *opaque, uint8_t vector);
    void *opaque;
} EOIListener;

struct APICBus {
    Object parent;
    MachineState *machine;
    GPtrArray *apics;        /* APICState by cpu_index; holes are NULL */
    GArray *eoi_listeners;   /* EOIListener */
    MemoryRegion region;
    IRQLine *lint_lines[2];
    unsigned last_lowest;    /* who got the last lowest-priority message */
    int (*pic_ack)(void *opaque);
    void *pic_opaque;
};

static APICState *apic_at(const APICBus *bus, unsigned cpu_index)
{
    return cpu_index < bus->apics->len ? g_ptr_array_index(bus->apics, cpu_index) : NULL;
}

/* --- destinations -------------------------------------------------------------- */

static bool matches_logical(const APICState *s, const APICMessage *msg)
{
    if (apic_in_x2apic_mode(s)) {
        uint32_t ldr = apic_x2apic_ldr(s);
        return ldr >> 16 == msg->dest >> 16 && (ldr & msg->dest & 0xffff);
    }
    if (s->dfr == 15) {
        return s->ldr & msg->dest;
    }
    if (s->dfr == 0) { /* cluster model */
        return s->ldr >> 4 == msg->dest >> 4 && (s->ldr & msg->dest & 15);
    }
    return false;
}

static bool matches(const APICState *s, const APICMessage *msg)
{
    if (!apic_enabled(s)) {
        return false;
    }
    if (msg->dest == (msg->dest_is_x2apic ? BROADCAST_X2APIC : BROADCAST_XAPIC)) {
        return true;
    }
    if (msg->logical) {
        return matches_logical(s, msg);
    }
    return msg->dest == (apic_in_x2apic_mode(s) ? s->initial_id : s->id);
}

/* Whether a lowest-priority message would rather go to a than to b (NULL: nobody yet). */
static bool is_better(const APICState *a, const APICState *b)
{
    return !b || apic_ppr(a) < apic_ppr(b);
}

/*
 * The receiver of a lowest-priority message: the focus processor, else the one with the
 * lowest priority; equals take turns, starting after the last one served.
 */
static APICState *arbitrate(const APICBus *bus, const APICMessage *msg)
{
    APICState *best = NULL;

    for (unsigned n = 1; n <= bus->apics->len; n++) {
        APICState *s = apic_at(bus, (bus->last_lowest + n) % bus->apics->len);
        if (!s || !matches(s, msg) || !(s->svr & APIC_SVR_ENABLE)) {
            continue;
        }
        if (!(s->svr & APIC_SVR_FOCUS_DISABLED) && apic_has_vector(s, msg->vector)) {
            return s;
        }
        best = is_better(s, best) ? s : best;
    }
    return best;
}

static void deliver_lowest(APICBus *bus, const APICMessage *msg)
{
    APICState *s = arbitrate(bus, msg);

    if (s) {
        bus->last_lowest = s->cpu->cpu_index;
        apic_deliver(s, msg);
    }
}

/* The message as the write that a device makes of it (10.11). */
static void send_as_msi(const APICBus *bus, const APICMessage *msg)
{
    uint64_t addr = APIC_DEFAULT_ADDRESS | (msg->dest & 0xff) << MSI_ADDRESS_DEST_SHIFT |
                    (msg->logical ? MSI_ADDRESS_LOGICAL : 0);
    uint32_t data = msg->vector | msg->delivery_mode << 8 |
                    (msg->level_triggered ? MSI_DATA_LEVEL | MSI_DATA_ASSERT : 0);

    bus->machine->irqchip->send_msi(bus->machine, addr, data);
}

void apic_bus_deliver(APICBus *bus, const APICMessage *msg)
{
    trace(apic_bus_deliver, msg->dest, msg->logical, msg->delivery_mode, msg->vector);
    if (bus->machine->irqchip) {
        send_as_msi(bus, msg);
        return;
    }
    if (msg->delivery_mode == APIC_DM_LOWEST) {
        deliver_lowest(bus, msg);
        return;
    }
    for (unsigned i = 0; i < bus->apics->len; i++) {
        APICState *s = apic_at(bus, i);
        if (s && matches(s, msg)) {
            apic_deliver(s, msg);
        }
    }
}

void apic_bus_broadcast(APICBus *bus, const APICMessage *msg, const APICState *except)
{
    for (unsigned i = 0; i < bus->apics->len; i++) {
        APICState *s = apic_at(bus, i);
        if (s && s != except && apic_enabled(s)) {
            apic_deliver(s, msg);
        }
    }
}

void apic_bus_msi(APICBus *bus, uint64_t addr, uint32_t data)
{
    APICMessage msg = {
        .dest = addr >> MSI_ADDRESS_DEST_SHIFT & 0xff,
        .logical = addr & MSI_ADDRESS_LOGICAL,
        .vector = data & 0xff,
        .delivery_mode = data >> 8 & 7,
        .level_triggered = data & MSI_DATA_LEVEL,
    };

    trace(apic_bus_msi, addr, data);
    apic_bus_deliver(bus, &msg);
}

/* --- I/O APICs and the i8259 pair ------------------------------------------------ */

void apic_bus_eoi(APICBus *bus, uint8_t vector)
{
    for (unsigned i = 0; i < bus->eoi_listeners->len; i++) {
        EOIListener *listener = &g_array_index(bus->eoi_listeners, EOIListener, i);
        listener->fn(listener->opaque, vector);
    }
}

void apic_bus_add_eoi_listener(APICBus *bus, void (*fn)(void *opaque, uint8_t vector),
                               void *opaque)
{
    EOIListener listener = { fn, opaque };
    g_array_append_val(bus->eoi_listeners, listener);
}

void apic_bus_remove_eoi_listener(APICBus *bus, void *opaque)
{
    for (unsigned i = 0; i < bus->eoi_listeners->len; i++) {
        if (g_array_index(bus->eoi_listeners, EOIListener, i).opaque == opaque) {
            g_array_remove_index(bus->eoi_listeners, i);
            return;
        }
    }
}

void apic_bus_set_pic(APICBus *bus, int (*ack)(void *opaque), void *opaque)
{
    bus->pic_ack = ack;
    bus->pic_opaque = opaque;
}

int apic_bus_ack_pic(APICBus *bus)
{
    return bus->pic_ack ? bus->pic_ack(bus->pic_opaque) : -1;
}

static void lint_changed(void *opaque, int pin, int level)
{
    APICBus *bus = opaque;

    for (unsigned i = 0; i < bus->apics->len; i++) {
        APICState *s = apic_at(bus, i);
        if (s) {
            apic_set_lint(s, pin, level);
        }
    }
}

IRQLine *apic_bus_intr(APICBus *bus)
{
    return bus->lint_lines[0];
}

IRQLine *apic_bus_nmi(APICBus *bus)
{
    return bus->lint_lines[1];
}

/* --- the region ---------------------------------------------------------------------- */

static APICState *accessing_apic(const APICBus *bus)
{
    return apic_at(bus, current_cpu ? current_cpu->cpu_index : 0);
}

static uint64_t region_read(void *opaque, hwaddr addr, unsigned size)
{
    APICState *s = accessing_apic(opaque);

    return s && addr < APIC_PAGE_SIZE ? apic_mmio_read(s, addr) : UINT32_MAX;
}

static void region_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    APICBus *bus = opaque;
    APICState *s = accessing_apic(bus);

    if (bus->machine->irqchip || addr >= APIC_PAGE_SIZE || addr < FIRST_REGISTER) {
        apic_bus_msi(bus, APIC_DEFAULT_ADDRESS + addr, val);
    } else if (s) {
        apic_mmio_write(s, addr, val);
    }
}

static const MemoryRegionOps region_ops = {
    .read = region_read,
    .write = region_write,
    .valid = { .min_size = 4, .max_size = 8 },
    .impl = { .min_size = 4, .max_size = 4 },
};

/* --- life ------------------------------------------------------------------------------ */

void apic_bus_attach(APICBus *bus, APICState *s)
{
    unsigned index = s->cpu->cpu_index;

    if (index >= bus->apics->len) {
        g_ptr_array_set_size(bus->apics, index + 1);
    }
    g_ptr_array_index(bus->apics, index) = s;
}

void apic_bus_detach(APICBus *bus, APICState *s)
{
    g_ptr_array_index(bus->apics, s->cpu->cpu_index) = NULL;
}

static void apic_bus_instance_init(Object *obj)
{
    APICBus *bus = APIC_BUS(obj);

    bus->apics = g_ptr_array_new();
    bus->eoi_listeners = g_array_new(false, false, sizeof(EOIListener));
    for (int pin = 0; pin < 2; pin++) {
        bus->lint_lines[pin] = irq_new(lint_changed, bus, pin);
    }
}

static void apic_bus_instance_finalize(Object *obj)
{
    APICBus *bus = APIC_BUS(obj);

    for (int pin = 0; pin < 2; pin++) {
        irq_free(bus->lint_lines[pin]);
    }
    g_array_free(bus->eoi_listeners, true);
    g_ptr_array_free(bus->apics, true);
}

static const TypeInfo apic_bus_types[] = {
    {
        .name = TYPE_APIC_BUS, .parent = TYPE_OBJECT, .instance_size = sizeof(APICBus),
        .instance_init = apic_bus_instance_init,
        .instance_finalize = apic_bus_instance_finalize,
    },
};

static void apic_bus_register(void)
{
    type_register_array(apic_bus_types);
}
type_init(apic_bus_register)

APICBus *apic_bus_of(MachineState *machine)
{
    Object *found = object_resolve_path_from(OBJECT(machine), "/" TYPE_APIC_BUS, NULL);

    if (found) {
        return APIC_BUS(found);
    }
    APICBus *bus = APIC_BUS(object_new(TYPE_APIC_BUS));
    bus->machine = machine;
    object_property_add_child(OBJECT(machine), TYPE_APIC_BUS, OBJECT(bus));
    object_unref(bus);
    memory_region_init_io(&bus->region, bus, &region_ops, bus, "apic-msi", MSI_REGION_SIZE);
    memory_region_add_subregion_overlap(&machine->system_memory, APIC_DEFAULT_ADDRESS,
                                        &bus->region, 0x1000);
    return bus;
}
