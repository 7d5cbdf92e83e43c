/*
 * Device accesses that need no exit: coalesced writes and ioeventfds.
 *
 * A region that says so (memory_region_set_coalesced()) has its writes collected in a ring that all
 * vCPUs share. They are carried out before anything else that a vCPU asks for, before the screen is
 * drawn and before the machine stands. An ioeventfd's writes are signalled by the kernel itself.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "accel/kvm/kvm.h"
#include "util/main-loop.h"
#include "util/trace.h"

TRACE_EVENT(kvm_coalesced_zone, "address 0x%" PRIx64 " size %u port %d on %d: %d");
TRACE_EVENT(kvm_ioeventfd, "address 0x%" PRIx64 " size %u port %d on %d: %d");

static KvmIo *io_of(MemoryListener *listener)
{
    return (KvmIo *)listener;
}

/* --- the ring ----------------------------------------------------------------------------- */

static unsigned ring_entries(void)
{
    const struct kvm_coalesced_mmio_ring *ring = NULL;

    return (GUEST_PAGE_SIZE - sizeof(*ring)) / sizeof(ring->coalesced_mmio[0]);
}

bool kvm_ring_has_writes(const KvmState *kvm)
{
    const struct kvm_coalesced_mmio_ring *ring = kvm->ring;

    return ring && ring->first != __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE);
}

void kvm_drain_ring(KvmState *kvm)
{
    struct kvm_coalesced_mmio_ring *ring = kvm->ring;

    if (kvm->draining) {
        return; /* one of the writes looks at the ring itself */
    }
    kvm->draining = true;
    while (kvm_ring_has_writes(kvm)) {
        const struct kvm_coalesced_mmio *w = &ring->coalesced_mmio[ring->first % ring_entries()];
        AddressSpace *as = w->pio == 1 ? &kvm->machine->io_as : &kvm->machine->memory_as;
        address_space_write(as, w->phys_addr, MEMTXATTRS_NONE, w->data,
                            MIN(w->len, sizeof(w->data)));
        __atomic_store_n(&ring->first, (ring->first + 1) % ring_entries(), __ATOMIC_RELEASE);
    }
    kvm->draining = false;
}

/* --- zones -------------------------------------------------------------------------------- */

/* The part of a section that its region wants coalesced. */
static void set_zone(KvmIo *io, const MemorySection *section, bool on)
{
    const MemoryRegion *mr = section->mr;
    hwaddr from = MAX(section->offset, mr->coalesced_start);
    hwaddr to = MIN(section->offset + section->length, mr->coalesced_start + mr->coalesced_size);
    KvmCap cap = io->ports ? KVM_HAS_COALESCED_PIO : KVM_HAS_COALESCED_MMIO;

    if (section->host || from >= to || !kvm_cap(io->kvm, cap)) {
        return;
    }
    struct kvm_coalesced_mmio_zone zone = {
        .addr = section->address + (from - section->offset), .size = (uint32_t)(to - from),
        .pio = io->ports,
    };
    int ret = kvm_vm_ioctl(io->kvm, on ? KVM_REGISTER_COALESCED_MMIO : KVM_UNREGISTER_COALESCED_MMIO,
                           &zone);
    trace(kvm_coalesced_zone, (uint64_t)zone.addr, zone.size, io->ports, on, ret);
}

static void region_add(MemoryListener *listener, const MemorySection *section)
{
    set_zone(io_of(listener), section, true);
}

static void region_del(MemoryListener *listener, const MemorySection *section)
{
    set_zone(io_of(listener), section, false);
}

static void log_sync(MemoryListener *listener, RAMBlock *block, uint64_t offset, uint64_t len)
{
    kvm_drain_ring(io_of(listener)->kvm);
}

/* --- ioeventfds --------------------------------------------------------------------------- */

static void set_eventfd(KvmIo *io, const MemorySection *section, bool match_data, uint64_t data, int fd,
                        bool on)
{
    struct kvm_ioeventfd event = {
        .addr = section->address, .len = (uint32_t)section->length, .fd = fd, .datamatch = data,
        .flags = (match_data ? KVM_IOEVENTFD_FLAG_DATAMATCH : 0) |
                 (io->ports ? KVM_IOEVENTFD_FLAG_PIO : 0) | (on ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN),
    };

    if (kvm_cap(io->kvm, KVM_HAS_IOEVENTFD)) {
        int ret = kvm_vm_ioctl(io->kvm, KVM_IOEVENTFD, &event);
        trace(kvm_ioeventfd, section->address, event.len, io->ports, on, ret);
    }
}

static void eventfd_add(MemoryListener *listener, const MemorySection *section, bool match_data,
                        uint64_t data, int fd)
{
    set_eventfd(io_of(listener), section, match_data, data, fd, true);
}

static void eventfd_del(MemoryListener *listener, const MemorySection *section, bool match_data,
                        uint64_t data, int fd)
{
    set_eventfd(io_of(listener), section, match_data, data, fd, false);
}

void kvm_io_init(KvmIo *io, KvmState *kvm, bool ports, AddressSpace *as)
{
    *io = (KvmIo) {
        .listener = { .region_add = region_add, .region_del = region_del, .log_sync = log_sync,
                      .eventfd_add = eventfd_add, .eventfd_del = eventfd_del },
        .kvm = kvm, .ports = ports,
    };
    memory_listener_register(&io->listener, as);
}
