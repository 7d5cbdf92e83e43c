/*
 * The kernel's interrupt controllers: kernel-irqchip=on (i8259 pair, I/O APIC, i8254 and local APICs)
 * and split (local APICs alone). See hw/intc/irqchip.h.
 *
 * A GSI is a number that a table (KVM_SET_GSI_ROUTING) leads to inputs of the chips, or to a message.
 * on: GSI 0-15 are the ISA interrupts, 16-23 the rest of the I/O APIC. split: GSI n is what our
 * I/O APIC's entry n sends; the kernel needs it only to know which vectors' ends to tell us. From 24 on
 * are the messages that eventfds send.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/intc/irqchip.h"
#include "accel/kvm/kvm.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "util/trace.h"

TRACE_EVENT(kvm_set_gsi, "gsi %u level %d");
TRACE_EVENT(kvm_irqfd, "fd %d gsi %u address 0x%" PRIx64 " data 0x%x: %d");
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

/* --- routing ------------------------------------------------------------------------------ */

typedef struct Routing {
    struct { /* struct kvm_irq_routing */
        uint32_t nr, flags;
    } head;
    struct kvm_irq_routing_entry entries[2 * ISA_IRQS + IOAPIC_NUM_PINS + KVM_MAX_IRQFDS];
} Routing;

static void route(Routing *r, unsigned gsi, unsigned chip, unsigned pin)
{
    r->entries[r->head.nr++] = (struct kvm_irq_routing_entry) {
        .gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip = { .irqchip = chip, .pin = pin },
    };
}

static void route_message(Routing *r, unsigned gsi, const KvmMessage *msg)
{
    r->entries[r->head.nr++] = (struct kvm_irq_routing_entry) {
        .gsi = gsi, .type = KVM_IRQ_ROUTING_MSI,
        .u.msi = { .address_lo = (uint32_t)msg->addr, .address_hi = (uint32_t)(msg->addr >> 32),
                   .data = msg->data },
    };
}

static void route_board(Routing *r)
{
    for (unsigned gsi = 0; gsi < ISA_IRQS; gsi++) {
        if (gsi != CASCADE) {
            route(r, gsi, gsi < PIC_PINS ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE,
                  gsi % PIC_PINS);
        }
    }
    for (unsigned gsi = 0; gsi < IOAPIC_NUM_PINS; gsi++) {
        if (gsi != TIMER_PIN) { /* ISA IRQ 0 has it */
            route(r, gsi, KVM_IRQCHIP_IOAPIC, gsi ? gsi : TIMER_PIN);
        }
    }
}

/* The whole table is the kernel's unit of change. */
static int set_routing(KvmState *kvm)
{
    Routing r = { 0 };

    if (kvm->irqchip == KVM_IRQCHIP_ON) {
        route_board(&r);
    }
    for (unsigned gsi = 0; gsi < G_N_ELEMENTS(kvm->messages); gsi++) {
        if (kvm->messages[gsi].addr) {
            route_message(&r, gsi, &kvm->messages[gsi]);
        }
    }
    return kvm_vm_ioctl(kvm, KVM_SET_GSI_ROUTING, &r);
}

static void route_pin(MachineState *machine, unsigned pin, uint64_t addr, uint32_t data, bool masked)
{
    KvmState *kvm = kvm_of(machine);

    kvm->messages[pin] = (KvmMessage) { masked ? 0 : addr, data };
    set_routing(kvm);
}

/* --- irqfds ------------------------------------------------------------------------------- */

static int set_irqfd(KvmState *kvm, unsigned gsi, int fd, bool on)
{
    struct kvm_irqfd irqfd = { .fd = (uint32_t)fd, .gsi = gsi,
                               .flags = on ? 0 : KVM_IRQFD_FLAG_DEASSIGN };

    return kvm_vm_ioctl(kvm, KVM_IRQFD, &irqfd);
}

static unsigned free_gsi(const KvmState *kvm)
{
    unsigned gsi = IOAPIC_NUM_PINS;

    while (gsi < G_N_ELEMENTS(kvm->messages) && kvm->messages[gsi].addr) {
        gsi++;
    }
    return gsi;
}

static int irqfd_add(MachineState *machine, int fd, uint64_t addr, uint32_t data)
{
    KvmState *kvm = kvm_of(machine);
    unsigned gsi = free_gsi(kvm);

    if (!kvm_cap(kvm, KVM_HAS_IRQFD) || gsi == G_N_ELEMENTS(kvm->messages)) {
        return -1;
    }
    kvm->messages[gsi] = (KvmMessage) { addr, data };
    bool done = set_routing(kvm) >= 0 && set_irqfd(kvm, gsi, fd, true) >= 0;
    trace(kvm_irqfd, fd, gsi, addr, data, done);
    if (!done) {
        kvm->messages[gsi].addr = 0;
        return -1;
    }
    return (int)gsi;
}

static void irqfd_change(MachineState *machine, int gsi, uint64_t addr, uint32_t data)
{
    KvmState *kvm = kvm_of(machine);

    kvm->messages[gsi] = (KvmMessage) { addr, data };
    set_routing(kvm);
}

static void irqfd_remove(MachineState *machine, int gsi, int fd)
{
    KvmState *kvm = kvm_of(machine);

    set_irqfd(kvm, (unsigned)gsi, fd, false);
    kvm->messages[gsi].addr = 0;
    set_routing(kvm);
}

/* --- creation ----------------------------------------------------------------------------- */

static const IrqchipOps board_ops = {
    .board = true, .send_msi = send_msi, .set_gsi = set_gsi,
    .get_pic = get_pic, .put_pic = put_pic, .get_ioapic = get_ioapic, .put_ioapic = put_ioapic,
    .get_pit = kvm_pit_get, .put_pit = kvm_pit_put,
    .irqfd_add = irqfd_add, .irqfd_change = irqfd_change, .irqfd_remove = irqfd_remove,
};
static const IrqchipOps split_ops = {
    .send_msi = send_msi, .route_pin = route_pin,
    .irqfd_add = irqfd_add, .irqfd_change = irqfd_change, .irqfd_remove = irqfd_remove,
};

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
    return ret < 0 ? ret : set_routing(kvm);
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
