/*
 * The named CPU models and the value of -cpu.
 *
 * Identification and feature words of the named models are those that QEMU 7.2
 * gives them.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "target/i386/cpuid.h"

static const X86CpuModel models[] = {
    { .name = "max", .vendor = "AuthenticAMD", .family = 15, .model = 107, .stepping = 1,
      .level = 0xd, .xlevel = 0x80000021,
      .model_id = "QEMU TCG CPU version 2.5+" },
    { .name = "qemu64", .vendor = "AuthenticAMD", .family = 15, .model = 107, .stepping = 1,
      .level = 0xd, .xlevel = 0x8000000a,
      .model_id = "QEMU Virtual CPU version 2.5+",
      .words = { [X86_FW_1_EDX] = 0x078bfbfd,
                 [X86_FW_1_ECX] = 0x00002001,
                 [X86_FW_80000001_EDX] = 0x20100800,
                 [X86_FW_80000001_ECX] = 0x00000001 } },
    { .name = "qemu32", .vendor = "GenuineIntel", .family = 6, .model = 6, .stepping = 3,
      .level = 0x4, .xlevel = 0x80000004,
      .model_id = "QEMU Virtual CPU version 2.5+",
      .words = { [X86_FW_1_EDX] = 0x0781abfd,
                 [X86_FW_1_ECX] = 0x00000001 } },
    { .name = "kvm64", .vendor = "GenuineIntel", .family = 15, .model = 6, .stepping = 1,
      .level = 0xd, .xlevel = 0x80000008,
      .model_id = "Common KVM processor",
      .words = { [X86_FW_1_EDX] = 0x078bfbfd,
                 [X86_FW_1_ECX] = 0x00002001,
                 [X86_FW_80000001_EDX] = 0x20100800 } },
    { .name = "kvm32", .vendor = "GenuineIntel", .family = 15, .model = 6, .stepping = 1,
      .level = 0x5, .xlevel = 0x80000008,
      .model_id = "Common 32-bit KVM processor",
      .words = { [X86_FW_1_EDX] = 0x078bfbfd,
                 [X86_FW_1_ECX] = 0x00000001 } },
    { .name = "486", .vendor = "GenuineIntel", .family = 4, .model = 8, .stepping = 0,
      .level = 0x1, .xlevel = 0x0,
      .model_id = "",
      .words = { [X86_FW_1_EDX] = 0x00000009 } },
    { .name = "pentium", .vendor = "GenuineIntel", .family = 5, .model = 4, .stepping = 3,
      .level = 0x1, .xlevel = 0x0,
      .model_id = "",
      .words = { [X86_FW_1_EDX] = 0x008003bd } },
    { .name = "pentium2", .vendor = "GenuineIntel", .family = 6, .model = 5, .stepping = 2,
      .level = 0x2, .xlevel = 0x0,
      .model_id = "",
      .words = { [X86_FW_1_EDX] = 0x0183fbfd } },
    { .name = "pentium3", .vendor = "GenuineIntel", .family = 6, .model = 7, .stepping = 3,
      .level = 0x3, .xlevel = 0x0,
      .model_id = "",
      .words = { [X86_FW_1_EDX] = 0x0383fbfd } },
    { .name = "coreduo", .vendor = "GenuineIntel", .family = 6, .model = 14, .stepping = 8,
      .level = 0xa, .xlevel = 0x80000008,
      .model_id = "Genuine Intel(R) CPU           T2600  @ 2.16GHz",
      .words = { [X86_FW_1_EDX] = 0x0fc9fbfd,
                 [X86_FW_1_ECX] = 0x00000009,
                 [X86_FW_80000001_EDX] = 0x00100000 } },
    { .name = "core2duo", .vendor = "GenuineIntel", .family = 6, .model = 15, .stepping = 11,
      .level = 0xa, .xlevel = 0x80000008,
      .model_id = "Intel(R) Core(TM)2 Duo CPU     T7700  @ 2.40GHz",
      .words = { [X86_FW_1_EDX] = 0x0fcbfbfd,
                 [X86_FW_1_ECX] = 0x00002209,
                 [X86_FW_80000001_EDX] = 0x20100800,
                 [X86_FW_80000001_ECX] = 0x00000001 } },
    { .name = "n270", .vendor = "GenuineIntel", .family = 6, .model = 28, .stepping = 2,
      .level = 0xa, .xlevel = 0x80000008,
      .model_id = "Intel(R) Atom(TM) CPU N270   @ 1.60GHz",
      .words = { [X86_FW_1_EDX] = 0x0fc9fbfd,
                 [X86_FW_1_ECX] = 0x00400209,
                 [X86_FW_80000001_EDX] = 0x00100000,
                 [X86_FW_80000001_ECX] = 0x00000001 } },
    { .name = "Conroe", .vendor = "GenuineIntel", .family = 6, .model = 15, .stepping = 3,
      .level = 0xa, .xlevel = 0x80000008,
      .model_id = "Intel Celeron_4x0 (Conroe/Merom Class Core 2)",
      .words = { [X86_FW_1_EDX] = 0x078bfbfd,
                 [X86_FW_1_ECX] = 0x00000201,
                 [X86_FW_80000001_EDX] = 0x20100800,
                 [X86_FW_80000001_ECX] = 0x00000001 } },
    { .name = "Penryn", .vendor = "GenuineIntel", .family = 6, .model = 23, .stepping = 3,
      .level = 0xa, .xlevel = 0x80000008,
      .model_id = "Intel Core 2 Duo P9xxx (Penryn Class Core 2)",
      .words = { [X86_FW_1_EDX] = 0x078bfbfd,
                 [X86_FW_1_ECX] = 0x00082201,
                 [X86_FW_80000001_EDX] = 0x20100800,
                 [X86_FW_80000001_ECX] = 0x00000001 } },
    { .name = "Nehalem", .vendor = "GenuineIntel", .family = 6, .model = 26, .stepping = 3,
      .level = 0xb, .xlevel = 0x80000008,
      .model_id = "Intel Core i7 9xx (Nehalem Class Core i7)",
      .words = { [X86_FW_1_EDX] = 0x078bfbfd,
                 [X86_FW_1_ECX] = 0x00982201,
                 [X86_FW_80000001_EDX] = 0x20100800,
                 [X86_FW_80000001_ECX] = 0x00000001 } },
    { .name = "Westmere", .vendor = "GenuineIntel", .family = 6, .model = 44, .stepping = 1,
      .level = 0xb, .xlevel = 0x80000008,
      .model_id = "Westmere E56xx/L56xx/X56xx (Nehalem-C)",
      .words = { [X86_FW_1_EDX] = 0x078bfbfd,
                 [X86_FW_1_ECX] = 0x02982203,
                 [X86_FW_6_EAX] = 0x00000004,
                 [X86_FW_80000001_EDX] = 0x20100800,
                 [X86_FW_80000001_ECX] = 0x00000001 } },
    { .name = "SandyBridge", .vendor = "GenuineIntel", .family = 6, .model = 42, .stepping = 1,
      .level = 0xd, .xlevel = 0x80000008,
      .model_id = "Intel Xeon E312xx (Sandy Bridge)",
      .words = { [X86_FW_1_EDX] = 0x078bfbfd,
                 [X86_FW_1_ECX] = 0x17b82203,
                 [X86_FW_6_EAX] = 0x00000004,
                 [X86_FW_D_1_EAX] = 0x00000001,
                 [X86_FW_80000001_EDX] = 0x28100800,
                 [X86_FW_80000001_ECX] = 0x00000001 } },
    { .name = "IvyBridge", .vendor = "GenuineIntel", .family = 6, .model = 58, .stepping = 9,
      .level = 0xd, .xlevel = 0x80000008,
      .model_id = "Intel Xeon E3-12xx v2 (Ivy Bridge)",
      .words = { [X86_FW_1_EDX] = 0x078bfbfd,
                 [X86_FW_1_ECX] = 0x77b82203,
                 [X86_FW_6_EAX] = 0x00000004,
                 [X86_FW_7_EBX] = 0x00000281,
                 [X86_FW_D_1_EAX] = 0x00000001,
                 [X86_FW_80000001_EDX] = 0x28100800,
                 [X86_FW_80000001_ECX] = 0x00000001 } },
    { .name = "Haswell", .vendor = "GenuineIntel", .family = 6, .model = 60, .stepping = 4,
      .level = 0xd, .xlevel = 0x80000008,
      .model_id = "Intel Core Processor (Haswell)",
      .words = { [X86_FW_1_EDX] = 0x078bfbfd,
                 [X86_FW_1_ECX] = 0x77fa3203,
                 [X86_FW_6_EAX] = 0x00000004,
                 [X86_FW_7_EBX] = 0x00000fb9,
                 [X86_FW_D_1_EAX] = 0x00000001,
                 [X86_FW_80000001_EDX] = 0x28100800,
                 [X86_FW_80000001_ECX] = 0x00000021 } },
    { .name = "Broadwell", .vendor = "GenuineIntel", .family = 6, .model = 61, .stepping = 2,
      .level = 0xd, .xlevel = 0x80000008,
      .model_id = "Intel Core Processor (Broadwell)",
      .words = { [X86_FW_1_EDX] = 0x078bfbfd,
                 [X86_FW_1_ECX] = 0x77fa3203,
                 [X86_FW_6_EAX] = 0x00000004,
                 [X86_FW_7_EBX] = 0x001c0fb9,
                 [X86_FW_D_1_EAX] = 0x00000001,
                 [X86_FW_80000001_EDX] = 0x28100800,
                 [X86_FW_80000001_ECX] = 0x00000121 } },
    { .name = "Skylake-Client", .vendor = "GenuineIntel", .family = 6, .model = 94, .stepping = 3,
      .level = 0xd, .xlevel = 0x80000008,
      .model_id = "Intel Core Processor (Skylake)",
      .words = { [X86_FW_1_EDX] = 0x078bfbfd,
                 [X86_FW_1_ECX] = 0x77fa3203,
                 [X86_FW_6_EAX] = 0x00000004,
                 [X86_FW_7_EBX] = 0x001c0fb9,
                 [X86_FW_D_1_EAX] = 0x00000007,
                 [X86_FW_80000001_EDX] = 0x28100800,
                 [X86_FW_80000001_ECX] = 0x00000121 } },
    { .name = "Opteron_G3", .vendor = "AuthenticAMD", .family = 16, .model = 2, .stepping = 3,
      .level = 0x5, .xlevel = 0x8000000a,
      .model_id = "AMD Opteron 23xx (Gen 3 Class Opteron)",
      .words = { [X86_FW_1_EDX] = 0x078bfbfd,
                 [X86_FW_1_ECX] = 0x00802009,
                 [X86_FW_80000001_EDX] = 0x28100800,
                 [X86_FW_80000001_ECX] = 0x000000e5 } },
    { .name = "phenom", .vendor = "AuthenticAMD", .family = 16, .model = 2, .stepping = 3,
      .level = 0x5, .xlevel = 0x8000001a,
      .model_id = "AMD Phenom(tm) 9550 Quad-Core Processor",
      .words = { [X86_FW_1_EDX] = 0x078bfbfd,
                 [X86_FW_1_ECX] = 0x00802009,
                 [X86_FW_80000001_EDX] = 0xee500800,
                 [X86_FW_80000001_ECX] = 0x00000065,
                 [X86_FW_8000000A_EDX] = 0x00000001 } },
    { .name = "EPYC", .vendor = "AuthenticAMD", .family = 23, .model = 1, .stepping = 2,
      .level = 0xd, .xlevel = 0x8000001e,
      .model_id = "AMD EPYC Processor",
      .words = { [X86_FW_1_EDX] = 0x078bfbfd,
                 [X86_FW_1_ECX] = 0x76d8320b,
                 [X86_FW_6_EAX] = 0x00000004,
                 [X86_FW_7_EBX] = 0x209c01a9,
                 [X86_FW_D_1_EAX] = 0x00000007,
                 [X86_FW_80000001_EDX] = 0x2e500800,
                 [X86_FW_80000001_ECX] = 0x004003f5,
                 [X86_FW_8000000A_EDX] = 0x00000009 } },
    { .name = "EPYC-Rome", .vendor = "AuthenticAMD", .family = 23, .model = 49, .stepping = 0,
      .level = 0xd, .xlevel = 0x8000001e,
      .model_id = "AMD EPYC-Rome Processor",
      .words = { [X86_FW_1_EDX] = 0x078bfbfd,
                 [X86_FW_1_ECX] = 0x76d8320b,
                 [X86_FW_6_EAX] = 0x00000004,
                 [X86_FW_7_EBX] = 0x219c01a9,
                 [X86_FW_7_ECX] = 0x00400004,
                 [X86_FW_D_1_EAX] = 0x0000000f,
                 [X86_FW_80000001_EDX] = 0x2e500800,
                 [X86_FW_80000001_ECX] = 0x00c003f5,
                 [X86_FW_80000008_EBX] = 0x00009205,
                 [X86_FW_8000000A_EDX] = 0x00000009 } },
    { .name = "EPYC-Milan", .vendor = "AuthenticAMD", .family = 25, .model = 1, .stepping = 1,
      .level = 0xd, .xlevel = 0x8000001e,
      .model_id = "AMD EPYC-Milan Processor",
      .words = { [X86_FW_1_EDX] = 0x078bfbfd,
                 [X86_FW_1_ECX] = 0x76da320b,
                 [X86_FW_6_EAX] = 0x00000004,
                 [X86_FW_7_EBX] = 0x219c07a9,
                 [X86_FW_7_ECX] = 0x0040000c,
                 [X86_FW_7_EDX] = 0x00000010,
                 [X86_FW_D_1_EAX] = 0x0000000f,
                 [X86_FW_80000001_EDX] = 0x2e500800,
                 [X86_FW_80000001_ECX] = 0x00c003f5,
                 [X86_FW_80000008_EBX] = 0x0100d205,
                 [X86_FW_8000000A_EDX] = 0x10000009 } },
};

const char *x86_cpu_model_name(unsigned n)
{
    return n < G_N_ELEMENTS(models) ? models[n].name : NULL;
}

static bool find_model(const char *name, X86CpuModel *out)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        if (!strcmp(models[i].name, name)) {
            *out = models[i];
            return true;
        }
    }
    return false;
}

/* max: everything that can be offered; "host" names the same set. */
static void fill_max(X86CpuModel *model, const X86CpuHost *host)
{
    for (unsigned w = 0; w < X86_FW_COUNT; w++) {
        model->words[w] = x86_feature_word_offered(w, host);
    }
    if (host) {
        memcpy(model->model_id, host->model_id, sizeof(model->model_id));
        model->family = host->family;
        model->model = host->model;
        model->stepping = host->stepping;
        model->level = host->level;
        model->xlevel = host->xlevel;
        model->phys_bits = host->phys_bits;
        model->words[X86_FW_HYPERV] = 0;         /* a guest that is not Windows loses by them */
        x86_feature_set(model, "invtsc", false); /* would not survive a move to another host */
    }
    x86_feature_set(model, "la57", false);   /* costs a level of every page walk: ask for it */
    x86_feature_set(model, "ht", false);     /* follows from the topology */
    x86_feature_set(model, "cmp-legacy", false);
    x86_feature_set(model, "topoext", false);
    x86_feature_set(model, "ss", false);
}

/* What every model has where the host's CPUs run the guest: their maker's SYSCALL and MSRs, and the
 * paravirtual clock and its kin, which QEMU gives to all models too. */
static void fit_to_host(X86CpuModel *model, const X86CpuHost *host)
{
    const uint32_t common = 1u << 0 | 1u << 1 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 24;

    memcpy(model->vendor, host->vendor, sizeof(model->vendor));
    memcpy(model->hypervisor, host->hypervisor, sizeof(model->hypervisor));
    model->phys_bits = MIN(model->phys_bits, host->phys_bits);
    model->words[X86_FW_KVM] |= common & host->offered[X86_FW_KVM];
    if (host->offered[X86_FW_1_ECX] & 1u << 21) {
        x86_feature_set(model, "x2apic", true);
    }
}

/* A number property of -cpu. */
typedef struct NumberProp {
    const char *name;
    size_t offset;
    uint64_t max;
    uint8_t size;
} NumberProp;

#define NUMBER(name_, field, max_) \
    { name_, offsetof(X86CpuModel, field), max_, sizeof(((X86CpuModel *)0)->field) }
static const NumberProp number_props[] = {
    NUMBER("family", family, 0x10e),
    NUMBER("model", model, 0xff),
    NUMBER("stepping", stepping, 0xf),
    NUMBER("level", level, 0x1f),
    NUMBER("xlevel", xlevel, 0x8000001f),
    NUMBER("phys-bits", phys_bits, 52),
    NUMBER("hv-spinlocks", hv_spinlocks, UINT32_MAX),
    NUMBER("tsc-frequency", tsc_hz, INT64_MAX),
};

/* A string property: copied, with its length fixed or at most the field's. */
static bool set_string(char *field, size_t size, bool exact, const char *key, const char *val,
                       Error **errp)
{
    size_t len = strlen(val);

    if (exact ? len != size - 1 : len > size - 1) {
        error_setg(errp, "-cpu: %s='%s' must be %s%zu characters long", key, val,
                   exact ? "" : "at most ", size - 1);
        return false;
    }
    memset(field, 0, size);
    memcpy(field, val, len);
    return true;
}

static bool set_number(X86CpuModel *model, const NumberProp *prop, const char *val, Error **errp)
{
    char *end;
    uint64_t number = g_ascii_strtoull(val, &end, 0);

    if (!*val || *end || number > prop->max) {
        error_setg(errp, "-cpu: %s='%s' must be a number from 0 to %" G_GUINT64_FORMAT,
                   prop->name, val, prop->max);
        return false;
    }
    if (prop->size == sizeof(number)) {
        memcpy((uint8_t *)model + prop->offset, &number, sizeof(number));
    } else if (prop->size == 1) {
        *((uint8_t *)model + prop->offset) = number;
    } else {
        uint32_t narrow = number;
        memcpy((uint8_t *)model + prop->offset, &narrow, sizeof(narrow));
    }
    return true;
}

/* on, off, yes, no, true, false; NULL means on. */
static bool parse_bool(const char *key, const char *val, bool *out, Error **errp)
{
    static const struct { const char *text; bool on; } words[] = {
        { "on", true }, { "yes", true }, { "true", true }, { "y", true },
        { "off", false }, { "no", false }, { "false", false }, { "n", false },
    };

    if (!val) {
        *out = true;
        return true;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
        if (!strcmp(words[i].text, val)) {
            *out = words[i].on;
            return true;
        }
    }
    error_setg(errp, "-cpu: %s='%s' must be on or off", key, val);
    return false;
}

static bool set_feature(X86CpuModel *model, const char *name, bool on, Error **errp)
{
    if (!x86_feature_set(model, name, on)) {
        error_setg(errp, "-cpu: there is no CPU feature or property '%s'; -cpu help lists them",
                   name);
        return false;
    }
    return true;
}

/* One item after the model's name. */
static bool apply_item(X86CpuModel *model, char *item, bool *enforce, bool *check, Error **errp)
{
    bool on;

    if (item[0] == '+' || item[0] == '-') {
        return set_feature(model, item + 1, item[0] == '+', errp);
    }
    char *val = strchr(item, '=');
    if (val) {
        *val++ = '\0';
    }
    if (val && !strcmp(item, "vendor")) {
        return set_string(model->vendor, sizeof(model->vendor), true, item, val, errp);
    }
    if (val && !strcmp(item, "model-id")) {
        return set_string(model->model_id, sizeof(model->model_id), false, item, val, errp);
    }
    for (unsigned i = 0; val && i < G_N_ELEMENTS(number_props); i++) {
        if (!strcmp(number_props[i].name, item)) {
            return set_number(model, &number_props[i], val, errp);
        }
    }
    if (!parse_bool(item, val, &on, errp)) {
        return false;
    }
    if (!strcmp(item, "enforce")) {
        *enforce = on;
        return true;
    }
    if (!strcmp(item, "check")) {
        *check = on;
        return true;
    }
    return set_feature(model, item, on, errp);
}

/* A guest that is told a number of tries looks for Hyper-V's other leaves and registers. */
static void filter_spinlocks(X86CpuModel *model, const X86CpuHost *host, GString *names)
{
    if (model->hv_spinlocks && !(host && host->offered[X86_FW_HYPERV])) {
        model->hv_spinlocks = 0;
        g_string_append_printf(names, "%shv-spinlocks", names->len ? ", " : "");
    }
}

/* Takes out what cannot be offered and says so. */
static bool filter(X86CpuModel *model, const X86CpuHost *host, bool enforce, bool check,
                   Error **errp)
{
    g_autoptr(GString) names = g_string_new(NULL);

    x86_feature_filter(model, host, names);
    filter_spinlocks(model, host, names);
    if (!names->len || (!enforce && !check)) {
        return true;
    }
    if (enforce) {
        error_setg(errp, "-cpu %s: not available here: %s", model->name, names->str);
        return false;
    }
    warn_report("-cpu %s: not available here, left out: %s", model->name, names->str);
    return true;
}

/* Enlightenments whose registers are of no use without another's (TLFS, chapters 10 to 12). */
static bool check_hyperv(const X86CpuModel *model, Error **errp)
{
    static const struct {
        X86HyperV which;
        const char *name, *needs;
        uint32_t needed;
    } rows[] = {
        { X86_HV_SYNIC, "synic", "hv-vpindex", 1u << X86_HV_VPINDEX },
        { X86_HV_STIMER, "stimer", "hv-synic and hv-time", 1u << X86_HV_SYNIC | 1u << X86_HV_TIME },
        { X86_HV_TLBFLUSH, "tlbflush", "hv-vpindex", 1u << X86_HV_VPINDEX },
        { X86_HV_IPI, "ipi", "hv-vpindex", 1u << X86_HV_VPINDEX },
    };
    uint32_t has = model->words[X86_FW_HYPERV];

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (has >> rows[i].which & 1 && (has & rows[i].needed) != rows[i].needed) {
            error_setg(errp, "-cpu %s,hv-%s: it needs %s", model->name, rows[i].name, rows[i].needs);
            return false;
        }
    }
    return true;
}

void x86_cpu_model_missing(const char *name, const X86CpuHost *host, GString *names)
{
    X86CpuModel model;

    if (find_model(name, &model) && strcmp(name, "max")) {
        x86_feature_filter(&model, host, names);
    }
}

bool x86_cpu_model_parse(const char *spec, const X86CpuHost *host, X86CpuModel *out, Error **errp)
{
    g_auto(GStrv) items = g_strsplit(spec, ",", -1);
    const char *name = items[0] ? items[0] : "";
    bool enforce = false, check = true;
    X86CpuModel model;

    if (!find_model(strcmp(name, "host") ? name : "max", &model)) {
        error_setg(errp, "-cpu: there is no CPU model '%s'; -cpu help lists them", name);
        return false;
    }
    model.phys_bits = 40;
    model.cores = model.threads = 1;
    strcpy(model.hypervisor, "TCGTCGTCGTCG");
    if (!strcmp(model.name, "max")) {
        fill_max(&model, host);
    }
    if (host) {
        fit_to_host(&model, host);
    }
    x86_feature_set(&model, "hypervisor", true);
    for (unsigned i = 1; items[i]; i++) {
        if (!apply_item(&model, items[i], &enforce, &check, errp)) {
            return false;
        }
    }
    if (model.tsc_hz && !host) {
        error_setg(errp, "-cpu %s,tsc-frequency=: Doppel's own engines have a TSC of 1 GHz; only "
                   "-accel kvm can have another", name);
        return false;
    }
    if (!filter(&model, host, enforce, check, errp) || !check_hyperv(&model, errp)) {
        return false;
    }
    *out = model;
    return true;
}

void x86_cpu_model_help(GString *out)
{
    g_string_append(out, "Available CPUs:\n");
    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        const char *text = !strcmp(models[i].name, "max")
                         ? "Enables all features supported by the accelerator in the current host"
                         : models[i].model_id;
        g_autofree char *line = g_strdup_printf("x86 %-20s  %s", models[i].name, text);
        g_string_append_printf(out, "%s\n", g_strchomp(line));
    }
    g_string_append(out, "\nRecognized CPUID flags:\n");
    x86_feature_names(out);
}

void x86_cpu_set_model(X86CPU *cpu, X86CpuModel *model)
{
    cpu->model = model;
    cpu->phys_bits = model->phys_bits;
    cpu->has_1g_pages = x86_cpuid_bit(cpu, X86_FW_80000001_EDX, 26);
    x86_feature_apply(cpu);
}
