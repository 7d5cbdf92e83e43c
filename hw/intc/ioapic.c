/*
 * ioapic: the I/O APIC.
 *
 * Intel 82093AA data sheet (290566): indirect registers behind IOREGSEL and IOWIN,
 * 24 redirection entries. The version register reads 0x20, which promises the EOI
 * register of later chips (82801, "IOxAPIC EOI").
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/intc/ioapic.h"
#include <inttypes.h>
#include <string.h>
#include "hw/intc/apic.h"
#include "hw/intc/intc.h"
#include "hw/intc/irqchip.h"
#include "util/trace.h"

OBJECT_DECLARE_SIMPLE(IOAPICState, IOAPIC, TYPE_IOAPIC)

TRACE_EVENT(ioapic_set_irq, "pin %d level %d");
TRACE_EVENT(ioapic_deliver, "pin %u entry 0x%016" PRIx64);
TRACE_EVENT(ioapic_eoi, "pin %u vector 0x%02x");
TRACE_EVENT(ioapic_read, "offset 0x%x index 0x%02x value 0x%08x");
TRACE_EVENT(ioapic_write, "offset 0x%x index 0x%02x value 0x%08x");

enum {
    OFFSET_IOREGSEL = 0x00, OFFSET_IOWIN = 0x10, OFFSET_EOI = 0x40, REGION_SIZE = 0x1000,

    INDEX_ID = 0x00, INDEX_VERSION = 0x01, INDEX_ARBITRATION = 0x02, INDEX_ENTRIES = 0x10,
    ID_SHIFT = 24,
    VERSION_ENTRIES_SHIFT = 16,
    VERSION_WITH_EOI = 0x20,

    ISA_TIMER_IRQ = 0, ISA_TIMER_PIN = 2,
    MSI_DEST_SHIFT = 12, MSI_LOGICAL = 1 << 2, MSI_DATA_LEVEL = 3 << 14,
};

/*
 * A redirection entry:
 *   63-56 destination | 16 mask | 15 level | 14 remote IRR | 13 active low | 12 status |
 *   11 logical | 10-8 delivery mode | 7-0 vector
 */
#define ENTRY_DEST_SHIFT 56
#define ENTRY_MASKED (UINT64_C(1) << 16)
#define ENTRY_LEVEL (UINT64_C(1) << 15)
#define ENTRY_REMOTE_IRR (UINT64_C(1) << 14)
#define ENTRY_STATUS (UINT64_C(1) << 12)
#define ENTRY_ACTIVE_LOW (UINT64_C(1) << 13)
#define ENTRY_LOGICAL (UINT64_C(1) << 11)
#define ENTRY_READ_ONLY (ENTRY_REMOTE_IRR | ENTRY_STATUS)
#define ENTRY_WRITABLE (UINT64_C(0xff0000000001ffff) & ~ENTRY_READ_ONLY)

struct IOAPICState {
    DeviceState parent;
    APICBus *bus;
    MemoryRegion io;
    uint8_t version;
    uint8_t id;        /* bits 27-24 of its register */
    uint8_t ioregsel;
    uint32_t lines;    /* levels at the pins, active high */
    uint64_t entries[IOAPIC_NUM_PINS];
    uint64_t raised[IOAPIC_NUM_PINS]; /* how often each pin rose: a statistic, not state */
};

static bool is_level(uint64_t entry)
{
    /* Only fixed and lowest priority have an EOI that a level could wait for. */
    return (entry & ENTRY_LEVEL) && (entry >> 8 & 7) <= APIC_DM_LOWEST;
}

static void send(IOAPICState *s, unsigned pin)
{
    uint64_t entry = s->entries[pin];
    APICMessage msg = {
        .dest = entry >> ENTRY_DEST_SHIFT,
        .logical = entry & ENTRY_LOGICAL,
        .vector = entry & 0xff,
        .delivery_mode = entry >> 8 & 7,
        .level_triggered = is_level(entry),
    };

    trace(ioapic_deliver, pin, entry);
    apic_bus_deliver(s->bus, &msg);
}

/* The accelerator's local APICs tell of a vector's end only if they know that we wait for it. */
static void announce(IOAPICState *s, unsigned pin)
{
    const MachineState *machine = s->parent.machine;
    uint64_t entry = s->entries[pin];

    if (machine->irqchip && !machine->irqchip->board) {
        machine->irqchip->route_pin(s->parent.machine, pin,
                                    APIC_DEFAULT_ADDRESS | entry >> ENTRY_DEST_SHIFT << MSI_DEST_SHIFT |
                                    (entry & ENTRY_LOGICAL ? MSI_LOGICAL : 0),
                                    (entry & 0x7ff) | (is_level(entry) ? MSI_DATA_LEVEL : 0),
                                    entry & ENTRY_MASKED);
    }
}

static void announce_all(IOAPICState *s)
{
    for (unsigned pin = 0; pin < IOAPIC_NUM_PINS; pin++) {
        announce(s, pin);
    }
}

/* Where the accelerator has the I/O APIC, this one shows what that holds. */
static void fetch(void *opaque)
{
    IOAPICState *s = opaque;
    const IrqchipOps *chip = irqchip_board(s->parent.machine);
    IrqchipIoapic regs;

    if (chip) {
        chip->get_ioapic(s->parent.machine, &regs);
        s->id = regs.id & 15;
        s->ioregsel = regs.ioregsel;
        s->lines = regs.lines;
        memcpy(s->entries, regs.entries, sizeof(s->entries));
    }
}

static void hand_over(IOAPICState *s)
{
    const IrqchipOps *chip = irqchip_board(s->parent.machine);
    IrqchipIoapic regs = { .id = s->id, .ioregsel = s->ioregsel, .lines = s->lines };

    if (chip) {
        memcpy(regs.entries, s->entries, sizeof(regs.entries));
        chip->put_ioapic(s->parent.machine, &regs);
    }
    announce_all(s);
}

/* Delivers the level of a pin, once until its EOI. */
static void service_level(IOAPICState *s, unsigned pin)
{
    uint64_t *entry = &s->entries[pin];

    if (is_level(*entry) && !(*entry & (ENTRY_MASKED | ENTRY_REMOTE_IRR)) &&
        (s->lines & 1u << pin)) {
        *entry |= ENTRY_REMOTE_IRR;
        send(s, pin);
    }
}

static void ioapic_set_irq(void *opaque, int n, int level)
{
    IOAPICState *s = IOAPIC(opaque);
    const IrqchipOps *chip = irqchip_board(s->parent.machine);
    int pin = n == ISA_TIMER_IRQ ? ISA_TIMER_PIN : n;
    uint32_t bit = 1u << pin;

    trace(ioapic_set_irq, pin, level);
    bool rising = level && !(s->lines & bit);
    s->raised[pin] += rising;
    s->lines = level ? s->lines | bit : s->lines & ~bit;
    if (chip) {
        chip->set_gsi(s->parent.machine, n, level);
    } else if (is_level(s->entries[pin])) {
        service_level(s, pin);
    } else if (rising && !(s->entries[pin] & ENTRY_MASKED)) {
        send(s, pin); /* an edge at a masked pin is lost (82093AA, 3.2.4) */
    }
}

/* The end of a vector: pins that are still asserted ask again. */
static void end_of_interrupt(void *opaque, uint8_t vector)
{
    IOAPICState *s = opaque;

    for (unsigned pin = 0; pin < IOAPIC_NUM_PINS; pin++) {
        uint64_t *entry = &s->entries[pin];
        if ((*entry & 0xff) == vector && (*entry & ENTRY_REMOTE_IRR)) {
            trace(ioapic_eoi, pin, vector);
            *entry &= ~ENTRY_REMOTE_IRR;
            service_level(s, pin);
        }
    }
}

/* --- registers ---------------------------------------------------------------- */

static uint32_t read_window(const IOAPICState *s)
{
    unsigned pin = (s->ioregsel - INDEX_ENTRIES) / 2;

    switch (s->ioregsel) {
    case INDEX_ID:
    case INDEX_ARBITRATION: /* follows the ID on chips without an APIC serial bus */
        return (uint32_t)s->id << ID_SHIFT;
    case INDEX_VERSION:
        return s->version | (IOAPIC_NUM_PINS - 1) << VERSION_ENTRIES_SHIFT;
    }
    if (s->ioregsel < INDEX_ENTRIES || pin >= IOAPIC_NUM_PINS) {
        return 0;
    }
    return s->ioregsel & 1 ? s->entries[pin] >> 32 : s->entries[pin];
}

static void write_entry(IOAPICState *s, unsigned pin, bool high, uint32_t val)
{
    uint64_t *entry = &s->entries[pin];
    uint64_t part = high ? (uint64_t)val << 32 : val;
    uint64_t written = ENTRY_WRITABLE & (high ? UINT64_MAX << 32 : UINT32_MAX);

    *entry = (*entry & ~written) | (part & written);
    if (!is_level(*entry)) {
        *entry &= ~ENTRY_REMOTE_IRR;
    }
    announce(s, pin);
    if (!high) {
        service_level(s, pin);
    }
}

static void write_window(IOAPICState *s, uint32_t val)
{
    unsigned pin = (s->ioregsel - INDEX_ENTRIES) / 2;

    if (s->ioregsel == INDEX_ID) {
        s->id = val >> ID_SHIFT & 15;
    } else if (s->ioregsel >= INDEX_ENTRIES && pin < IOAPIC_NUM_PINS) {
        write_entry(s, pin, s->ioregsel & 1, val);
    }
}

static uint64_t ioapic_read(void *opaque, hwaddr addr, unsigned size)
{
    IOAPICState *s = opaque;
    uint32_t val = addr == OFFSET_IOREGSEL ? s->ioregsel
                 : addr == OFFSET_IOWIN && size == 4 ? read_window(s) : 0;

    trace(ioapic_read, (unsigned)addr, s->ioregsel, val);
    return val;
}

static void ioapic_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    IOAPICState *s = opaque;

    trace(ioapic_write, (unsigned)addr, s->ioregsel, (unsigned)val);
    if (addr == OFFSET_IOREGSEL) {
        s->ioregsel = val;
    } else if (size != 4) {
        return; /* the others are dwords only */
    } else if (addr == OFFSET_IOWIN) {
        write_window(s, val);
    } else if (addr == OFFSET_EOI && s->version >= VERSION_WITH_EOI) {
        end_of_interrupt(s, val);
    }
}

static const MemoryRegionOps ioapic_ops = {
    .read = ioapic_read,
    .write = ioapic_write,
    .valid = { .min_size = 1, .max_size = 4 },
    .impl = { .min_size = 1, .max_size = 4 },
};

/* --- device ---------------------------------------------------------------------- */

static void ioapic_reset(DeviceState *dev)
{
    IOAPICState *s = IOAPIC(dev);

    s->id = s->ioregsel = 0;
    s->lines = 0;
    for (unsigned pin = 0; pin < IOAPIC_NUM_PINS; pin++) {
        s->entries[pin] = ENTRY_MASKED;
    }
    hand_over(s);
}

static bool ioapic_realize(DeviceState *dev, Error **errp)
{
    IOAPICState *s = IOAPIC(dev);

    s->bus = apic_bus_of(dev->machine);
    apic_bus_add_eoi_listener(s->bus, end_of_interrupt, s);
    memory_region_init_io(&s->io, dev, &ioapic_ops, s, "ioapic", REGION_SIZE);
    qdev_init_gpio_in(dev, ioapic_set_irq, IOAPIC_NUM_PINS);
    return true;
}

static void ioapic_unrealize(DeviceState *dev)
{
    IOAPICState *s = IOAPIC(dev);

    apic_bus_remove_eoi_listener(s->bus, s);
    memory_region_destroy(&s->io);
}

static bool ioapic_post_load(void *opaque, Error **errp)
{
    IOAPICState *s = opaque;

    s->lines &= (1u << IOAPIC_NUM_PINS) - 1;
    for (unsigned pin = 0; pin < IOAPIC_NUM_PINS; pin++) {
        s->entries[pin] &= ENTRY_WRITABLE | ENTRY_READ_ONLY;
    }
    hand_over(s);
    return true;
}

static const VMStateField ioapic_fields[] = {
    VMSTATE_UINT8(id, IOAPICState),
    VMSTATE_UINT8(ioregsel, IOAPICState),
    VMSTATE_UINT32(lines, IOAPICState),
    VMSTATE_UINT64_ARRAY(entries, IOAPICState, IOAPIC_NUM_PINS),
    VMSTATE_END
};

static const VMStateDescription vmstate_ioapic = {
    .name = TYPE_IOAPIC, .version = 1, .fields = ioapic_fields, .pre_save = fetch,
    .post_load = ioapic_post_load,
};

static const Property ioapic_props[] = {
    PROP_UINT8("version", IOAPICState, version, VERSION_WITH_EOI),
    PROP_END
};

/* --- for monitors ------------------------------------------------------------------- */

static void print_entry(GString *out, unsigned pin, uint64_t entry)
{
    static const char *const modes[] = { "fixed", "lowest", "SMI", "...",
                                         "NMI", "INIT", "...", "extINT" };

    g_string_append_printf(out, "  pin %-2u 0x%016" PRIx64 " dest=%" PRIx64 " vec=%-3u %s %-5s %-6s "
                           "%-6s %s\n", pin, entry, entry >> ENTRY_DEST_SHIFT,
                           (unsigned)(entry & 0xff),
                           entry & ENTRY_ACTIVE_LOW ? "active-lo" : "active-hi",
                           entry & ENTRY_LEVEL ? "level" : "edge",
                           entry & ENTRY_MASKED ? "masked" : "", modes[entry >> 8 & 7],
                           entry & ENTRY_LOGICAL ? "logical" : "physical");
}

static void print_pins(GString *out, const char *name, uint32_t pins)
{
    g_string_append_printf(out, "%-10s ", name);
    if (!pins) {
        g_string_append(out, "(none)");
    }
    for (unsigned pin = 0; pin < IOAPIC_NUM_PINS; pin++) {
        if (pins & 1u << pin) {
            g_string_append_printf(out, "%u ", pin);
        }
    }
    g_string_append_c(out, '\n');
}

static void ioapic_print_info(Object *obj, GString *out)
{
    const IOAPICState *s = IOAPIC(obj);
    uint32_t waiting = 0;

    fetch(IOAPIC(obj));
    g_string_append_printf(out, "ioapic0: ver=0x%x id=0x%02x sel=0x%02x", s->version, s->id,
                           s->ioregsel);
    if (s->ioregsel >= INDEX_ENTRIES) {
        g_string_append_printf(out, " (redir[%u])", (s->ioregsel - INDEX_ENTRIES) / 2);
    }
    g_string_append_c(out, '\n');
    for (unsigned pin = 0; pin < IOAPIC_NUM_PINS; pin++) {
        print_entry(out, pin, s->entries[pin]);
        waiting |= s->entries[pin] & ENTRY_REMOTE_IRR ? 1u << pin : 0;
    }
    print_pins(out, "  IRR", s->lines);
    print_pins(out, "  Remote IRR", waiting);
}

static const uint64_t *ioapic_irq_counts(Object *obj, unsigned *first, unsigned *n)
{
    *first = 0;
    *n = IOAPIC_NUM_PINS;
    return IOAPIC(obj)->raised;
}

static void ioapic_class_init(ObjectClass *klass, const void *data)
{
    InterruptStatsProviderClass *ic = INTERRUPT_STATS_PROVIDER_CLASS(klass);

    ic->print_info = ioapic_print_info;
    ic->irq_counts = ioapic_irq_counts;
}

static const char *const ioapic_interfaces[] = { TYPE_INTERRUPT_STATS_PROVIDER, NULL };

static const DeviceInfo ioapic_info = {
    .name = TYPE_IOAPIC, .instance_size = sizeof(IOAPICState), .desc = "I/O APIC",
    .internal = true, .props = ioapic_props, .vmsd = &vmstate_ioapic,
    .realize = ioapic_realize, .unrealize = ioapic_unrealize, .reset = ioapic_reset,
    .class_init = ioapic_class_init, .interfaces = ioapic_interfaces,
};
DEVICE_TYPE(ioapic_info)

DeviceState *ioapic_create(MachineState *machine, hwaddr address, Error **errp)
{
    DeviceState *dev = qdev_new(TYPE_IOAPIC);

    object_property_add_child(OBJECT(machine), TYPE_IOAPIC, OBJECT(dev));
    if (!qdev_realize_and_unref(dev, NULL, machine, errp)) {
        return NULL;
    }
    memory_region_add_subregion_overlap(&machine->system_memory, address, &IOAPIC(dev)->io,
                                        0x1000);
    return dev;
}
