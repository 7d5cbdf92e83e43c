/*
 * A CPU's TLB and the other CPUs of its machine: what they ask of it, and whether it has
 * heeded it yet.
 *
 * Before code is read to be kept, every other CPU must have dropped its tags for direct stores
 * to the page; a store that none of them tells of would leave old code in use. Nobody waits
 * for that: until it is so, the code is fetched anew for each instruction. Requests are
 * numbered. A CPU that is not between x86_tlb_attend() and x86_tlb_rest() runs no guest code, and
 * heeds what it was asked before it does.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/machine.h"
#include "target/i386/tlb.h"

/* The last request's number. One count for all machines: it need only grow. */
static uint64_t last_request;

static const uint64_t resting = UINT64_MAX;

void x86_tlb_sync(X86CPU *cpu)
{
    X86Tlb *tlb = cpu->tlb;

    cpu_reset_interrupt(&cpu->parent, CPU_INTERRUPT_TLB);
    /* the number first: what is asked with a later one sets the interrupt again */
    uint64_t request = __atomic_load_n(&last_request, __ATOMIC_SEQ_CST);
    if (__atomic_exchange_n(&tlb->flush_all, 0, __ATOMIC_SEQ_CST)) {
        x86_tlb_flush(cpu);
    }
    if (__atomic_exchange_n(&tlb->flush_writes, 0, __ATOMIC_SEQ_CST)) {
        x86_tlb_drop_writes(cpu);
    }
    __atomic_store_n(&tlb->heeded, request, __ATOMIC_SEQ_CST);
}

void x86_tlb_attend(X86CPU *cpu)
{
    __atomic_store_n(&cpu->tlb->heeded, 0, __ATOMIC_SEQ_CST);
    x86_tlb_sync(cpu);
}

void x86_tlb_rest(X86CPU *cpu)
{
    __atomic_store_n(&cpu->tlb->heeded, resting, __ATOMIC_SEQ_CST);
}

/* NULL: a CPU by itself, as tests have it. */
static const MachineState *machine_of(const X86CPU *cpu)
{
    return cpu->parent.parent.machine;
}

/* CPU i of the machine of cpu, if it is another one with a TLB; else NULL. */
static X86CPU *peer(const X86CPU *cpu, unsigned i)
{
    X86CPU *other = g_ptr_array_index(machine_of(cpu)->cpus, i);

    return other == cpu || !other->tlb ? NULL : other;
}

static unsigned cpu_count(const X86CPU *cpu)
{
    const MachineState *machine = machine_of(cpu);

    return machine ? machine->cpus->len : 0;
}

uint64_t x86_tlb_ask_peers(X86CPU *cpu)
{
    unsigned count = cpu_count(cpu);

    for (unsigned i = 0; i < count; i++) {
        X86CPU *other = peer(cpu, i);

        if (other) {
            __atomic_store_n(&other->tlb->flush_writes, 1, __ATOMIC_SEQ_CST);
        }
    }
    uint64_t request = __atomic_add_fetch(&last_request, 1, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < count; i++) {
        X86CPU *other = peer(cpu, i);

        if (other) {
            cpu_interrupt(&other->parent, CPU_INTERRUPT_TLB);
        }
    }
    return request;
}

bool x86_tlb_peers_heeded(const X86CPU *cpu, uint64_t request)
{
    for (unsigned i = 0; i < cpu_count(cpu); i++) {
        const X86CPU *other = peer(cpu, i);

        if (other && __atomic_load_n(&other->tlb->heeded, __ATOMIC_SEQ_CST) < request) {
            return false;
        }
    }
    return true;
}
