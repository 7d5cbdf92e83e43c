/*
 * Comparing CPU states, field by field.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "target/i386/translate/lockstep.h"

/* count values of size bytes, stride bytes from each other. */
typedef struct Field {
    const char *name;
    uint16_t offset, size, stride, count;
} Field;

#define SCALAR(field) { #field, offsetof(X86State, field), sizeof(((X86State *)0)->field), 0, 1 }
#define ARRAY(field)                                                                    \
    { #field, offsetof(X86State, field), sizeof(((X86State *)0)->field[0]),             \
      sizeof(((X86State *)0)->field[0]), G_N_ELEMENTS(((X86State *)0)->field) }

static const Field fields[] = {
    ARRAY(regs), SCALAR(rip), SCALAR(eflags), SCALAR(hflags),
    /* the rest begins here */
    ARRAY(segs), SCALAR(ldt), SCALAR(tr),
    SCALAR(gdt.base), SCALAR(gdt.limit), SCALAR(idt.base), SCALAR(idt.limit), SCALAR(cr0),
    SCALAR(cr2), SCALAR(cr3), SCALAR(cr4), SCALAR(cr8), SCALAR(xcr0), ARRAY(dr), ARRAY(pdptr),
    SCALAR(efer), SCALAR(star), SCALAR(lstar), SCALAR(cstar), SCALAR(fmask),
    SCALAR(kernel_gs_base), SCALAR(sysenter_cs), SCALAR(sysenter_esp), SCALAR(sysenter_eip),
    SCALAR(tsc_aux), SCALAR(mxcsr),
    { "st", offsetof(X86State, fpu.st), 10, sizeof(X86Float80), 8 },
    SCALAR(fpu.fcw), SCALAR(fpu.fsw), SCALAR(fpu.ftw), SCALAR(fpu.fop), SCALAR(fpu.fip),
    SCALAR(fpu.fcs), ARRAY(xmm), SCALAR(nmi_blocked), SCALAR(in_smm), SCALAR(triple_fault),
    SCALAR(pending_db),
};

enum { FIRST_OF_REST = 4 };

void jit_core_state(JitCoreState *core, const X86State *s)
{
    memcpy(core->regs, s->regs, sizeof(core->regs));
    core->rip = s->rip;
    core->eflags = s->eflags;
    core->hflags = s->hflags;
}

void jit_set_core_state(X86State *s, const JitCoreState *core)
{
    memcpy(s->regs, core->regs, sizeof(core->regs));
    s->rip = core->rip;
    s->eflags = core->eflags;
    s->hflags = core->hflags;
}

static const uint8_t *value(const X86State *s, const Field *f, unsigned i)
{
    return (const uint8_t *)s + f->offset + i * f->stride;
}

static bool field_equal(const Field *f, const X86State *a, const X86State *b)
{
    if (f->count == 1 || f->size == f->stride) {
        return memcmp(value(a, f, 0), value(b, f, 0), f->size * f->count) == 0;
    }
    for (unsigned i = 0; i < f->count; i++) {
        if (memcmp(value(a, f, i), value(b, f, i), f->size)) {
            return false;
        }
    }
    return true;
}

static bool rest_equal(const X86State *a, const X86State *b)
{
    const size_t start = offsetof(X86State, segs);

    if (memcmp((const uint8_t *)a + start, (const uint8_t *)b + start, sizeof(*a) - start) == 0) {
        return true; /* to the last byte of padding */
    }
    for (unsigned i = FIRST_OF_REST; i < G_N_ELEMENTS(fields); i++) {
        if (!field_equal(&fields[i], a, b)) {
            return false;
        }
    }
    return true;
}

bool jit_state_equal(const X86State *s, const JitCoreState *core, const X86State *rest)
{
    return s->rip == core->rip && s->eflags == core->eflags && s->hflags == core->hflags &&
           memcmp(s->regs, core->regs, sizeof(core->regs)) == 0 && rest_equal(s, rest);
}

/* Bytes as one number, the most significant first. */
static void append_number(GString *out, const uint8_t *p, unsigned size)
{
    while (size-- > 0) {
        g_string_append_printf(out, "%02x", p[size]);
    }
}

void jit_state_differences(GString *out, const X86State *translated, const X86State *interpreted)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
        const Field *f = &fields[i];

        for (unsigned n = 0; n < f->count; n++) {
            const uint8_t *t = value(translated, f, n), *p = value(interpreted, f, n);

            if (memcmp(t, p, f->size) == 0) {
                continue;
            }
            g_string_append_printf(out, "  %s", f->name);
            if (f->count > 1) {
                g_string_append_printf(out, "[%u]", n);
            }
            g_string_append(out, ": translated ");
            append_number(out, t, f->size);
            g_string_append(out, ", interpreted ");
            append_number(out, p, f->size);
            g_string_append_c(out, '\n');
        }
    }
}
