/*
 * What of an X86CPU is saved: all of X86State that is not derived.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/cpu-state.h"
#include "target/i386/cpuid.h"
#include "target/i386/interp/flags.h"
#include "target/i386/interp/interp.h"

static const VMStateField segment_fields[] = {
    VMSTATE_UINT16(selector, X86Segment),
    VMSTATE_UINT16(attr, X86Segment),
    VMSTATE_UINT32(limit, X86Segment),
    VMSTATE_UINT64(base, X86Segment),
    VMSTATE_END
};
static const VMStateDescription vmstate_segment = {
    .name = "x86-segment", .version = 1, .fields = segment_fields,
};

static const VMStateField table_fields[] = {
    VMSTATE_UINT64(base, X86TableReg),
    VMSTATE_UINT16(limit, X86TableReg),
    VMSTATE_END
};
static const VMStateDescription vmstate_table = {
    .name = "x86-table", .version = 1, .fields = table_fields,
};

static const VMStateField float80_fields[] = {
    VMSTATE_UINT64(mant, X86Float80),
    VMSTATE_UINT16(sign_exp, X86Float80),
    VMSTATE_END
};
static const VMStateDescription vmstate_float80 = {
    .name = "x86-float80", .version = 1, .fields = float80_fields,
};

static const VMStateField vector_fields[] = {
    VMSTATE_UINT64_ARRAY(u64, X86Vector, 8),
    VMSTATE_END
};
static const VMStateDescription vmstate_vector = {
    .name = "x86-vector", .version = 1, .fields = vector_fields,
};

#define U8(f) VMSTATE_UINT8(state.f, X86CPU)
#define U16(f) VMSTATE_UINT16(state.f, X86CPU)
#define U32(f) VMSTATE_UINT32(state.f, X86CPU)
#define U64(f) VMSTATE_UINT64(state.f, X86CPU)
#define U64_ARRAY(f, n) VMSTATE_UINT64_ARRAY(state.f, X86CPU, n)

static const VMStateField cpu_fields[] = {
    U64_ARRAY(regs, 16), U64(rip), U32(eflags),
    VMSTATE_STRUCT_ARRAY(state.segs, X86CPU, X86_SEG_COUNT, vmstate_segment, X86Segment),
    VMSTATE_STRUCT(state.ldt, X86CPU, vmstate_segment, X86Segment),
    VMSTATE_STRUCT(state.tr, X86CPU, vmstate_segment, X86Segment),
    VMSTATE_STRUCT(state.gdt, X86CPU, vmstate_table, X86TableReg),
    VMSTATE_STRUCT(state.idt, X86CPU, vmstate_table, X86TableReg),
    U64(cr0), U64(cr2), U64(cr3), U64(cr4), U64(cr8), U64(xcr0),
    U64_ARRAY(dr, 8), U64_ARRAY(pdptr, 4),
    U64(efer), U64(star), U64(lstar), U64(cstar), U64(fmask), U64(kernel_gs_base),
    U64(sysenter_cs), U64(sysenter_esp), U64(sysenter_eip),
    U64(pat), U64(tsc_aux), U64(tsc_offset), U64(tsc_adjust), U64(tsc_deadline),
    U64(misc_enable), U64(hwcr), U64(mcg_status), U64(mcg_ctl), U64(mcg_cap), U64(xss),
    U64(mtrr_def_type), U64_ARRAY(mtrr_fixed, 11), U64_ARRAY(mtrr_base, 8),
    U64_ARRAY(mtrr_mask, 8), U64_ARRAY(mc_banks, 40), U32(smbase),
    U32(mxcsr),
    VMSTATE_STRUCT_ARRAY(state.fpu.st, X86CPU, 8, vmstate_float80, X86Float80),
    U16(fpu.fcw), U16(fpu.fsw), U8(fpu.ftw), U16(fpu.fop), U64(fpu.fip), U64(fpu.fdp),
    U16(fpu.fcs), U16(fpu.fds),
    VMSTATE_STRUCT_ARRAY(state.xmm, X86CPU, 16, vmstate_vector, X86Vector),
    U8(nmi_blocked), U8(in_smm), U8(int_shadow), U8(wait_for_sipi), U8(sipi_vector),
    U64_ARRAY(host_msrs, X86_HOST_MSRS), U64_ARRAY(host_events, X86_HOST_EVENTS),
    U8(a20_masked), U8(triple_fault), U8(pending_db), U64(pending_dr6), U8(ferr), U8(ignne),
    VMSTATE_UINT32(parent.interrupt_request, X86CPU),
    VMSTATE_BOOL(parent.halted, X86CPU),
    VMSTATE_END
};

static void pre_save(void *opaque)
{
    X86State *s = &((X86CPU *)opaque)->state;

    x86_set_arith_flags(s, x86_arith_flags(s));
}

static bool post_load(void *opaque, Error **errp)
{
    X86CPU *cpu = opaque;
    X86State *s = &cpu->state;

    if (s->mxcsr & ~0xffffu) {
        error_setg(errp, "saved MXCSR 0x%x has reserved bits set", s->mxcsr);
        return false;
    }
    s->cc_lazy = 0;
    s->zero = 0;
    s->eflags |= X86_EFLAGS_FIXED;
    cpu_reset_interrupt(&cpu->parent, CPU_INTERRUPT_DEBUG); /* the debugger's, not the guest's */
    x86_update_hflags(s);
    x86_tlb_flush(cpu);
    x86_interp_flush_code(cpu);
    cpu->parent.state_replaced = true;
    return true;
}

const VMStateDescription vmstate_x86_cpu = {
    .name = "cpu", .version = 2, .fields = cpu_fields,
    .pre_save = pre_save, .post_load = post_load,
};
