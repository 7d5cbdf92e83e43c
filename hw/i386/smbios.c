/*
 * SMBIOS tables: see smbios.h. The firmware adds type 0 and the address.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/i386/smbios.h"
#include <string.h>

/* One structure under construction: formatted area, then its strings. */
typedef struct SmbiosStruct {
    GByteArray *out;
    guint start;
    GString *strings; /* each with its NUL */
    uint8_t string_count;
} SmbiosStruct;

typedef struct SmbiosTables {
    GByteArray *data;
    unsigned count, max_size;
} SmbiosTables;

static void put(SmbiosStruct *s, uint64_t val, unsigned size)
{
    uint64_t le = GUINT64_TO_LE(val);
    g_byte_array_append(s->out, (uint8_t *)&le, size);
}

/* A string reference: 1-based number in the string set. */
static void put_string(SmbiosStruct *s, const char *text)
{
    g_string_append_len(s->strings, text, (gssize)strlen(text) + 1);
    put(s, ++s->string_count, 1);
}

static SmbiosStruct begin(SmbiosTables *t, uint8_t type, uint16_t handle)
{
    SmbiosStruct s = { t->data, t->data->len, g_string_new(NULL), 0 };
    put(&s, type, 1);
    put(&s, 0, 1);
    put(&s, handle, 2);
    return s;
}

static void end(SmbiosTables *t, SmbiosStruct *s)
{
    s->out->data[s->start + 1] = (uint8_t)(s->out->len - s->start);
    g_byte_array_append(s->out, (uint8_t *)s->strings->str, (guint)s->strings->len);
    put(s, 0, s->string_count ? 1 : 2);
    t->count++;
    t->max_size = MAX(t->max_size, s->out->len - s->start);
    g_string_free(s->strings, TRUE);
}

/* RFC 4122 text; the first three fields are little-endian (7.2.1). */
static void put_uuid(SmbiosStruct *s, const char *text)
{
    static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
    uint8_t bytes[16] = { 0 };

    for (int i = 0; text && *text && i < 32; text++) {
        if (g_ascii_isxdigit(*text)) {
            bytes[i / 2] |= (uint8_t)(g_ascii_xdigit_value(*text) << (i % 2 ? 0 : 4));
            i++;
        }
    }
    for (int i = 0; i < 16; i++) {
        put(s, bytes[order[i]], 1);
    }
}

static void system_information(SmbiosTables *t, MachineState *machine)
{
    SmbiosStruct s = begin(t, 1, 0x100);
    put_string(&s, "Doppel");
    put_string(&s, "Standard PC (i440FX + PIIX, 1996)");
    put_string(&s, object_get_typename(machine));
    put(&s, 0, 1);
    put_uuid(&s, machine->uuid);
    put(&s, 6, 1); /* woken by the power switch */
    put(&s, 0, 2);
    end(t, &s);
}

static void enclosure(SmbiosTables *t)
{
    SmbiosStruct s = begin(t, 3, 0x300);
    put_string(&s, "Doppel");
    put(&s, 1, 1);          /* type: other */
    put(&s, 0, 3);          /* version, serial number, asset tag */
    put(&s, 0x02030303, 4); /* states safe, security unknown */
    put(&s, 0, 4);
    put(&s, 0, 4);          /* height, cords, elements */
    end(t, &s);
}

static void processor(SmbiosTables *t, unsigned n, MachineState *machine)
{
    g_autofree char *socket = g_strdup_printf("CPU %u", n);
    SmbiosStruct s = begin(t, 4, (uint16_t)(0x400 + n));
    put_string(&s, socket);
    put(&s, 3, 1);          /* central processor */
    put(&s, 1, 1);          /* family: other */
    put_string(&s, "Doppel");
    put(&s, 0, 8);          /* id */
    put(&s, 0, 1);
    put(&s, 0, 1);          /* voltage */
    put(&s, 0, 2);          /* external clock */
    put(&s, 2000, 2);
    put(&s, 2000, 2);
    put(&s, 0x41, 1);       /* populated, enabled */
    put(&s, 1, 1);
    put(&s, 0xffffffffffff, 6); /* no cache handles */
    put(&s, 0, 3);
    put(&s, machine->smp_cores, 1);
    put(&s, machine->smp_cores, 1);
    put(&s, machine->smp_threads, 1);
    put(&s, 2, 2);
    put(&s, 1, 2);
    end(t, &s);
}

static void memory_array(SmbiosTables *t, uint64_t ram_size)
{
    SmbiosStruct s = begin(t, 16, 0x1000);
    put(&s, 1, 1);
    put(&s, 3, 1);          /* system memory */
    put(&s, 6, 1);          /* multi-bit ECC */
    put(&s, MIN(ram_size >> 10, 0x80000000), 4);
    put(&s, 0xfffe, 2);
    put(&s, 1, 2);
    put(&s, ram_size >> 10 >= 0x80000000 ? ram_size : 0, 8);
    end(t, &s);
}

static void memory_device(SmbiosTables *t, uint64_t ram_size)
{
    uint64_t mib = ram_size >> 20;
    SmbiosStruct s = begin(t, 17, 0x1100);
    put(&s, 0x1000, 2);
    put(&s, 0xfffe, 2);
    put(&s, 0xffff, 2);     /* widths unknown */
    put(&s, 0xffff, 2);
    put(&s, MIN(mib, 0x7fff), 2);
    put(&s, 9, 1);          /* DIMM */
    put(&s, 0, 1);
    put_string(&s, "DIMM 0");
    put(&s, 0, 1);
    put(&s, 7, 1);          /* RAM */
    put(&s, 2, 2);
    put(&s, 0, 2);
    put_string(&s, "Doppel");
    put(&s, 0, 3);
    put(&s, 0, 1);
    put(&s, mib >= 0x7fff ? mib : 0, 4);
    put(&s, 0, 2);
    put(&s, 0, 6);
    end(t, &s);
}

static void mapped_range(SmbiosTables *t, uint64_t size)
{
    SmbiosStruct s = begin(t, 19, 0x1300);
    put(&s, 0, 4);
    put(&s, (size >> 10) - 1, 4);
    put(&s, 0x1000, 2);
    put(&s, 1, 1);
    put(&s, 0, 8);
    put(&s, 0, 8);
    end(t, &s);
}

static void boot_information(SmbiosTables *t)
{
    SmbiosStruct s = begin(t, 32, 0x2000);
    put(&s, 0, 7); /* no errors detected */
    end(t, &s);
}

static void end_of_table(SmbiosTables *t)
{
    SmbiosStruct s = begin(t, 127, 0x7f00);
    end(t, &s);
}

/* The 32-bit entry point (5.2.1); the firmware fills in address and checksums. */
static bool add_anchor(SmbiosTables *t, FWCfgState *fw_cfg, Error **errp)
{
    uint8_t anchor[31] = "_SM_";

    anchor[5] = sizeof(anchor);
    anchor[6] = 2; /* version 2.8 */
    anchor[7] = 8;
    anchor[8] = (uint8_t)t->max_size;
    anchor[9] = (uint8_t)(t->max_size >> 8);
    memcpy(anchor + 16, "_DMI_", 5);
    anchor[22] = (uint8_t)t->data->len;
    anchor[23] = (uint8_t)(t->data->len >> 8);
    anchor[28] = (uint8_t)t->count;
    anchor[29] = (uint8_t)(t->count >> 8);
    anchor[30] = 0x28;
    return fw_cfg_add_file(fw_cfg, "etc/smbios/smbios-anchor", anchor, sizeof(anchor), errp);
}

bool smbios_build(MachineState *machine, FWCfgState *fw_cfg, Error **errp)
{
    SmbiosTables t = { .data = g_byte_array_new() };

    system_information(&t, machine);
    enclosure(&t);
    for (unsigned n = 0; n < machine->smp_sockets; n++) {
        processor(&t, n, machine);
    }
    memory_array(&t, machine->ram_size);
    memory_device(&t, machine->ram_size);
    mapped_range(&t, machine->ram_size);
    boot_information(&t);
    end_of_table(&t);
    bool ok = fw_cfg_add_file(fw_cfg, "etc/smbios/smbios-tables", t.data->data, t.data->len,
                              errp) &&
              add_anchor(&t, fw_cfg, errp);
    g_byte_array_unref(t.data);
    return ok;
}
