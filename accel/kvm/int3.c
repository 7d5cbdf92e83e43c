/*
 * Breakpoints for which no debug register is left: INT3 in the guest's memory, while the machine runs.
 * Whoever looks at a machine that stands (gdb, a dump, a saved state) finds the memory as it is; the
 * guest itself may read the INT3.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <sys/ioctl.h>
#include "accel/kvm/kvm.h"
#include "util/rcu.h"
#include "util/trace.h"

TRACE_EVENT(kvm_int3, "address 0x%" PRIx64 " byte 0x%02x");

enum { INT3 = 0xcc };

/* The same byte may have several physical addresses: the firmware's has two. */
struct KvmInt3 {
    KvmPlace place;
    AddressSpace *as;
    uint64_t phys;
    uint8_t byte;            /* what is there otherwise */
};

/* False if there is no memory. */
static bool find_place(AddressSpace *as, uint64_t phys, KvmPlace *place)
{
    MemorySection section;

    rcu_reader_enter();
    address_space_lookup(as, phys, &section);
    rcu_reader_leave();
    *place = (KvmPlace) { section.block, section.block_offset };
    return section.host != NULL;
}

static uint8_t read_byte(const KvmInt3 *p)
{
    uint8_t byte = 0;

    address_space_read(p->as, p->phys, MEMTXATTRS_NONE, &byte, 1);
    return byte;
}

/* Changes one byte into another; one that the guest has written meanwhile stays. */
static void replace(const KvmInt3 *p, uint8_t from, uint8_t to)
{
    if (read_byte(p) == from) {
        trace(kvm_int3, p->phys, to);
        address_space_write_rom(p->as, p->phys, &to, 1);
    }
}

/* What it takes at a linear address of a CPU that is paused. */
static bool describe(CPUState *cpu, uint64_t lin, KvmInt3 *p)
{
    CPUClass *cc = CPU_GET_CLASS(cpu);

    *p = (KvmInt3) { .as = cc->debug_as(cpu) };
    if (!cc->translate_debug(cpu, lin, &p->phys) || !find_place(p->as, p->phys, &p->place)) {
        return false;
    }
    p->byte = read_byte(p);
    return true;
}

static const KvmInt3 *find(KvmState *kvm, const KvmPlace *place)
{
    for (guint i = 0; i < kvm->int3s->len; i++) {
        const KvmInt3 *p = &g_array_index(kvm->int3s, KvmInt3, i);
        if (kvm_same_place(&p->place, place)) {
            return p;
        }
    }
    return NULL;
}

void kvm_int3_init(KvmState *kvm)
{
    kvm->int3s = g_array_new(FALSE, FALSE, sizeof(KvmInt3));
}

bool kvm_int3_possible(CPUState *cpu, uint64_t lin)
{
    KvmInt3 p;

    return describe(cpu, lin, &p);
}

void kvm_int3_insert(KvmState *kvm, CPUState *cpu, uint64_t lin)
{
    KvmInt3 p;

    if (describe(cpu, lin, &p) && !find(kvm, &p.place)) {
        replace(&p, p.byte, INT3);
        g_array_append_val(kvm->int3s, p);
    }
}

void kvm_int3_remove_all(KvmState *kvm)
{
    for (guint i = 0; i < kvm->int3s->len; i++) {
        const KvmInt3 *p = &g_array_index(kvm->int3s, KvmInt3, i);
        replace(p, INT3, p->byte);
    }
    g_array_set_size(kvm->int3s, 0);
}

/* The address space and address of a linear address, by the kernel's knowledge of the CPU. */
static AddressSpace *translate(KvmVcpu *v, uint64_t lin, uint64_t *phys)
{
    bool smm = v->run->flags & KVM_RUN_X86_SMM && v->cpu->smm_as;
    struct kvm_translation translation = { .linear_address = lin };

    if (ioctl(v->fd, KVM_TRANSLATE, &translation) < 0 || !translation.valid) {
        return NULL;
    }
    *phys = translation.physical_address;
    return smm ? v->cpu->smm_as : v->cpu->parent.as;
}

bool kvm_read_code(KvmVcpu *v, uint64_t lin, uint8_t *byte)
{
    uint64_t phys;
    AddressSpace *as = translate(v, lin, &phys);
    KvmPlace place;

    return as && find_place(as, phys, &place) &&
           address_space_read(as, phys, MEMTXATTRS_NONE, byte, 1) == MEMTX_OK;
}

bool kvm_int3_at(KvmVcpu *v, uint64_t lin, KvmPlace *place, bool *hides_int3)
{
    uint64_t phys;
    AddressSpace *as = v->kvm->int3s->len ? translate(v, lin, &phys) : NULL;
    const KvmInt3 *p = as && find_place(as, phys, place) ? find(v->kvm, place) : NULL;

    if (p && hides_int3) {
        *hides_int3 = p->byte == INT3;
    }
    return p;
}

void kvm_int3_show(KvmState *kvm, const KvmPlace *place, bool there)
{
    const KvmInt3 *p = find(kvm, place);

    if (p) {
        replace(p, there ? p->byte : INT3, there ? INT3 : p->byte);
    }
}
