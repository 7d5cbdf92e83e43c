/*
 * The kernel's interrupt controllers: kernel-irqchip=on (i8259 pair, I/O APIC, i8254 and local APICs)
 * and split (local APICs alone). See hw/intc/irqchip.h.
 *
 * A GSI is a number that a table (KVM_SET_GSI_ROUTING) leads to inputs of the chips, or to a message.
 * on: GSI 0-15 are the ISA interrupts, 16-23 the rest of the I/O APIC. split: GSI n is what our
 * I/O APIC's entry n sends; the kernel needs it only to know which vectors' ends to tell us.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/intc/irqchip.h"
#include <time.h>
#include "accel/kvm/kvm.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "hw/timer/i8254.h"
#include "util/trace.h"

TRACE_EVENT(kvm_set_gsi, "gsi %u level %d");
TRACE_EVENT(kvm_msi, "address 0x%" PRIx64 " data 0x%x");

enum { ISA_IRQS = 16, CASCADE = 2, TIMER_PIN = 2, PIC_PINS = 8 };

static KvmState *kvm_of(MachineState *machine)
{
    return machine->accel_state;
}

/* A request on a state structure; a failure is the kernel's and cannot be helped. */
static void chip_ioctl(MachineState *machine, unsigned long request, void *arg, const char *what)
{
    int ret = kvm_vm_ioctl(kvm_of(machine), request, arg);

    if (ret < 0) {
        error_report("KVM: cannot move the state of the %s: %s", what, g_strerror(-ret));
    }
}

/* --- interrupts --------------------------------------------------------------------------- */

static void set_gsi(MachineState *machine, unsigned gsi, int level)
{
    struct kvm_irq_level line = { .irq = gsi, .level = level != 0 };

    trace(kvm_set_gsi, gsi, level);
    kvm_vm_ioctl(kvm_of(machine), KVM_IRQ_LINE, &line);
}

static void send_msi(MachineState *machine, uint64_t addr, uint32_t data)
{
    struct kvm_msi msi = {
        .address_lo = (uint32_t)addr, .address_hi = (uint32_t)(addr >> 32), .data = data,
    };

    trace(kvm_msi, addr, data);
    kvm_vm_ioctl(kvm_of(machine), KVM_SIGNAL_MSI, &msi);
}

/* --- i8259 pair --------------------------------------------------------------------------- */

enum { ICW1_IC4 = 1, ICW4_AEOI = 1 << 1, ICW4_SFNM = 1 << 4, ICW4_8086 = 1 };

static uint32_t pic_number(const I8259 *chip)
{
    return chip->master ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE;
}

static void get_pic(MachineState *machine, I8259 *chip)
{
    struct kvm_irqchip state = { .chip_id = pic_number(chip) };
    const struct kvm_pic_state *k = &state.chip.pic;

    chip_ioctl(machine, KVM_GET_IRQCHIP, &state, "i8259");
    chip->lines = k->last_irr | (k->irr & k->elcr);
    chip->edge_latch = k->irr & ~k->elcr;
    chip->isr = k->isr;
    chip->imr = k->imr;
    chip->lowest = (k->priority_add + 7) & 7;
    chip->icw1 = k->init4 ? ICW1_IC4 : 0;
    chip->icw2 = k->irq_base;
    chip->icw4 = ICW4_8086 | (k->auto_eoi ? ICW4_AEOI : 0) |
                 (k->special_fully_nested_mode ? ICW4_SFNM : 0);
    chip->next_icw = k->init_state ? k->init_state + 1 : 0;
    chip->elcr = k->elcr;
    chip->rotate_on_aeoi = k->rotate_on_auto_eoi;
    chip->special_mask = k->special_mask;
    chip->read_isr = k->read_reg_select;
    chip->poll = k->poll;
}

static void put_pic(MachineState *machine, const I8259 *chip)
{
    struct kvm_irqchip state = { .chip_id = pic_number(chip), .chip.pic = {
        .last_irr = chip->lines, .irr = i8259_irr(chip), .imr = chip->imr, .isr = chip->isr,
        .priority_add = (chip->lowest + 1) & 7, .irq_base = chip->icw2,
        .read_reg_select = chip->read_isr, .poll = chip->poll, .special_mask = chip->special_mask,
        .init_state = chip->next_icw ? chip->next_icw - 1 : 0,
        .auto_eoi = (chip->icw4 & ICW4_AEOI) != 0, .rotate_on_auto_eoi = chip->rotate_on_aeoi,
        .special_fully_nested_mode = (chip->icw4 & ICW4_SFNM) != 0,
        .init4 = chip->icw1 & ICW1_IC4, .elcr = chip->elcr, .elcr_mask = chip->elcr_mask,
    } };

    chip_ioctl(machine, KVM_SET_IRQCHIP, &state, "i8259");
}

/* --- I/O APIC ----------------------------------------------------------------------------- */

static void get_ioapic(MachineState *machine, IrqchipIoapic *regs)
{
    struct kvm_irqchip state = { .chip_id = KVM_IRQCHIP_IOAPIC };

    chip_ioctl(machine, KVM_GET_IRQCHIP, &state, "I/O APIC");
    regs->id = state.chip.ioapic.id;
    regs->ioregsel = state.chip.ioapic.ioregsel;
    regs->lines = state.chip.ioapic.irr;
    for (unsigned pin = 0; pin < IOAPIC_NUM_PINS; pin++) {
        regs->entries[pin] = state.chip.ioapic.redirtbl[pin].bits;
    }
}

static void put_ioapic(MachineState *machine, const IrqchipIoapic *regs)
{
    struct kvm_irqchip state = { .chip_id = KVM_IRQCHIP_IOAPIC, .chip.ioapic = {
        .base_address = IOAPIC_DEFAULT_ADDRESS, .ioregsel = regs->ioregsel, .id = regs->id,
        .irr = regs->lines,
    } };

    for (unsigned pin = 0; pin < IOAPIC_NUM_PINS; pin++) {
        state.chip.ioapic.redirtbl[pin].bits = regs->entries[pin];
    }
    chip_ioctl(machine, KVM_SET_IRQCHIP, &state, "I/O APIC");
}

/* --- i8254 -------------------------------------------------------------------------------- */

enum { CONTROL_RW_SHIFT = 4, CONTROL_MODE_SHIFT = 1, RW_WORD = 3 };
/* KVM's states of a byte pointer. */
enum { KVM_RW_WORD0 = 3, KVM_RW_WORD1 = 4 };
/* Its mode of a channel that nobody has set up. */
enum { KVM_NO_MODE = 0xff };

/* The kernel's times are of its monotonic clock. */
static int64_t kernel_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

static int64_t now_ticks(const I8254 *chip)
{
    return (int64_t)muldiv64((uint64_t)clock_get_ns(chip->clock), I8254_HZ, NS_PER_SECOND);
}

static void get_counter(const I8254 *chip, I8254Counter *c, const struct kvm_pit_channel_state *k)
{
    int64_t age_ns = MAX(kernel_ns() - k->count_load_time, 0);
    bool armed = k->count_load_time && k->mode != KVM_NO_MODE;

    *c = (I8254Counter) {
        .control = (uint8_t)(k->rw_mode << CONTROL_RW_SHIFT | (k->mode & 7) << CONTROL_MODE_SHIFT |
                             (k->bcd & 1)),
        .gate = k->gate, .out = c->out,
        .count_register = (uint16_t)k->count, .low_byte = k->write_latch,
        .write_high = k->write_state == KVM_RW_WORD1, .read_high = k->read_state == KVM_RW_WORD1,
        .latch = k->latched_count,
        .latch_bytes = !k->count_latched ? 0 : k->count_latched == KVM_RW_WORD0 ? 2 : 1,
        .status_latched = k->status_latched, .status = k->status,
        .armed = armed, .count_written = armed,
        .count = k->count ? k->count : 65536,
        .start = now_ticks(chip) - (int64_t)muldiv64((uint64_t)age_ns, I8254_HZ, NS_PER_SECOND),
        .frozen = -1, .reload_at = -1,
    };
}

static void put_counter(const I8254 *chip, const I8254Counter *c, struct kvm_pit_channel_state *k)
{
    int64_t ticks = c->frozen >= 0 ? c->frozen : now_ticks(chip) - c->start;
    uint8_t rw = c->control >> CONTROL_RW_SHIFT & 3;

    *k = (struct kvm_pit_channel_state) {
        .count = c->count & 0xffff ? c->count : 65536, .latched_count = c->latch,
        .count_latched = !c->latch_bytes ? 0 : rw != RW_WORD ? rw
                       : c->latch_bytes == 2 ? KVM_RW_WORD0 : KVM_RW_WORD1,
        .status_latched = c->status_latched, .status = c->status,
        .read_state = rw != RW_WORD ? rw : c->read_high ? KVM_RW_WORD1 : KVM_RW_WORD0,
        .write_state = rw != RW_WORD ? rw : c->write_high ? KVM_RW_WORD1 : KVM_RW_WORD0,
        .write_latch = c->low_byte, .rw_mode = rw,
        .mode = c->armed ? c->control >> CONTROL_MODE_SHIFT & 7 : KVM_NO_MODE,
        .bcd = c->control & 1, .gate = c->gate,
        .count_load_time = c->armed ? kernel_ns() - (int64_t)muldiv64((uint64_t)MAX(ticks, 0),
                                                                      NS_PER_SECOND, I8254_HZ) : 0,
    };
}

static void get_pit(MachineState *machine, I8254 *chip)
{
    struct kvm_pit_state2 state;

    chip_ioctl(machine, KVM_GET_PIT2, &state, "i8254");
    for (unsigned n = 0; n < I8254_COUNTERS; n++) {
        get_counter(chip, &chip->counters[n], &state.channels[n]);
    }
}

/* The flag keeps channel 0 from interrupts: the HPET has taken them over. */
static void put_pit(MachineState *machine, I8254 *chip)
{
    struct kvm_pit_state2 state = { .flags = chip->irq_disabled ? KVM_PIT_FLAGS_HPET_LEGACY : 0 };

    for (unsigned n = 0; n < I8254_COUNTERS; n++) {
        put_counter(chip, &chip->counters[n], &state.channels[n]);
    }
    chip_ioctl(machine, KVM_SET_PIT2, &state, "i8254");
}

/* --- routing ------------------------------------------------------------------------------ */

typedef struct Routing {
    struct { /* struct kvm_irq_routing */
        uint32_t nr, flags;
    } head;
    struct kvm_irq_routing_entry entries[64];
} Routing;

static void route(Routing *r, unsigned gsi, unsigned chip, unsigned pin)
{
    r->entries[r->head.nr++] = (struct kvm_irq_routing_entry) {
        .gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip = { .irqchip = chip, .pin = pin },
    };
}

static int route_board(KvmState *kvm)
{
    Routing r = { 0 };

    for (unsigned gsi = 0; gsi < ISA_IRQS; gsi++) {
        if (gsi != CASCADE) {
            route(&r, gsi, gsi < PIC_PINS ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE,
                  gsi % PIC_PINS);
        }
    }
    for (unsigned gsi = 0; gsi < IOAPIC_NUM_PINS; gsi++) {
        if (gsi != TIMER_PIN) { /* ISA IRQ 0 has it */
            route(&r, gsi, KVM_IRQCHIP_IOAPIC, gsi ? gsi : TIMER_PIN);
        }
    }
    return kvm_vm_ioctl(kvm, KVM_SET_GSI_ROUTING, &r);
}

static void route_pin(MachineState *machine, unsigned pin, uint64_t addr, uint32_t data, bool masked)
{
    KvmState *kvm = kvm_of(machine);
    Routing r = { 0 };

    kvm->pins[pin] = (KvmPin) { masked ? 0 : addr, data };
    for (unsigned n = 0; n < IOAPIC_NUM_PINS; n++) {
        if (kvm->pins[n].addr) {
            r.entries[r.head.nr++] = (struct kvm_irq_routing_entry) {
                .gsi = n, .type = KVM_IRQ_ROUTING_MSI,
                .u.msi = { .address_lo = (uint32_t)kvm->pins[n].addr, .data = kvm->pins[n].data },
            };
        }
    }
    kvm_vm_ioctl(kvm, KVM_SET_GSI_ROUTING, &r);
}

/* --- creation ----------------------------------------------------------------------------- */

static const IrqchipOps board_ops = {
    .board = true, .send_msi = send_msi, .set_gsi = set_gsi,
    .get_pic = get_pic, .put_pic = put_pic, .get_ioapic = get_ioapic, .put_ioapic = put_ioapic,
    .get_pit = get_pit, .put_pit = put_pit,
};
static const IrqchipOps split_ops = { .send_msi = send_msi, .route_pin = route_pin };

/* x2APIC IDs in 32 bits, and broadcasts as the manual has them. */
static void use_whole_x2apic_ids(KvmState *kvm)
{
    struct kvm_enable_cap cap = { .cap = KVM_CAP_X2APIC_API, .args = {
        KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK } };

    kvm->wide_apic_ids = kvm_cap(kvm, KVM_HAS_X2APIC_API) &&
                         kvm_vm_ioctl(kvm, KVM_ENABLE_CAP, &cap) >= 0;
}

static int create_board(KvmState *kvm)
{
    struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
    int ret = kvm_vm_ioctl_long(kvm, KVM_CREATE_IRQCHIP, 0);

    if (ret >= 0) {
        ret = kvm_vm_ioctl(kvm, KVM_CREATE_PIT2, &pit);
    }
    return ret < 0 ? ret : route_board(kvm);
}

static int create_split(KvmState *kvm)
{
    struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { IOAPIC_NUM_PINS } };

    return kvm_vm_ioctl(kvm, KVM_ENABLE_CAP, &cap);
}

bool kvm_irqchip_create(KvmState *kvm, Error **errp)
{
    static const char *const names[] = { "off", "split", "on" };
    int ret;

    if (kvm->irqchip == KVM_IRQCHIP_OFF) {
        return true;
    }
    ret = kvm->irqchip == KVM_IRQCHIP_ON ? create_board(kvm) : create_split(kvm);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "-accel kvm,kernel-irqchip=%s: this KVM cannot; try "
                         "kernel-irqchip=off", names[kvm->irqchip]);
        return false;
    }
    use_whole_x2apic_ids(kvm);
    kvm->machine->irqchip = kvm->irqchip == KVM_IRQCHIP_ON ? &board_ops : &split_ops;
    return true;
}
