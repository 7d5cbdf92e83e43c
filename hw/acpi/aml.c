/*
 * AML builder: see aml.h. Opcodes are those of ACPI 6.4, table 20.1; resource
 * descriptors are those of chapter 6.4.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/acpi/aml.h"
#include <string.h>

enum { EXT_OP = 0x5b };
enum { PKG_LENGTH_BYTES = 4 }; /* always the longest form: it can be patched in place */

static const struct {
    bool extended;
    uint8_t opcode;
} block_ops[] = {
    [AML_SCOPE] = { false, 0x10 }, [AML_DEVICE] = { true, 0x82 },  [AML_METHOD] = { false, 0x14 },
    [AML_BUFFER] = { false, 0x11 }, [AML_PACKAGE] = { false, 0x12 }, [AML_FIELD] = { true, 0x81 },
    [AML_IF] = { false, 0xa0 },
};

void aml_byte(Aml *aml, uint8_t byte)
{
    g_byte_array_append(aml, &byte, 1);
}

static void put_le(Aml *aml, uint64_t val, unsigned size)
{
    uint64_t le = GUINT64_TO_LE(val);
    g_byte_array_append(aml, (uint8_t *)&le, size);
}

guint aml_begin(Aml *aml, AmlBlock block, const char *name)
{
    if (block_ops[block].extended) {
        aml_byte(aml, EXT_OP);
    }
    aml_byte(aml, block_ops[block].opcode);
    guint mark = aml->len;
    put_le(aml, 0, PKG_LENGTH_BYTES);
    if (name) {
        aml_name_string(aml, name);
    }
    return mark;
}

/* PkgLength counts itself: bits 3-0 in the first byte, 8 bits in each of the others. */
void aml_end(Aml *aml, guint mark)
{
    guint len = aml->len - mark;
    aml->data[mark] = (uint8_t)((PKG_LENGTH_BYTES - 1) << 6 | (len & 0xf));
    aml->data[mark + 1] = (uint8_t)(len >> 4);
    aml->data[mark + 2] = (uint8_t)(len >> 12);
    aml->data[mark + 3] = (uint8_t)(len >> 20);
}

void aml_name_string(Aml *aml, const char *name)
{
    for (; *name == '\\' || *name == '^'; name++) {
        aml_byte(aml, (uint8_t)*name);
    }
    g_auto(GStrv) segs = g_strsplit(name, ".", 0);
    guint n = g_strv_length(segs);

    if (n == 0) {
        aml_byte(aml, 0x00);
    } else if (n == 2) {
        aml_byte(aml, 0x2e);
    } else if (n > 2) {
        aml_byte(aml, 0x2f);
        aml_byte(aml, (uint8_t)n);
    }
    for (guint i = 0; i < n; i++) {
        char seg[4] = { '_', '_', '_', '_' };
        memcpy(seg, segs[i], MIN(strlen(segs[i]), sizeof(seg)));
        g_byte_array_append(aml, (uint8_t *)seg, sizeof(seg));
    }
}

void aml_int(Aml *aml, uint64_t val)
{
    if (val <= 1) {
        aml_byte(aml, (uint8_t)val); /* ZeroOp, OneOp */
    } else if (val <= 0xff) {
        aml_byte(aml, 0x0a);
        put_le(aml, val, 1);
    } else if (val <= 0xffff) {
        aml_byte(aml, 0x0b);
        put_le(aml, val, 2);
    } else if (val <= 0xffffffff) {
        aml_byte(aml, 0x0c);
        put_le(aml, val, 4);
    } else {
        aml_byte(aml, 0x0e);
        put_le(aml, val, 8);
    }
}

void aml_string(Aml *aml, const char *text)
{
    aml_byte(aml, 0x0d);
    g_byte_array_append(aml, (const uint8_t *)text, strlen(text) + 1);
}

/* Three letters in 5 bits each, four hexadecimal digits, big-endian. */
void aml_eisa_id(Aml *aml, const char *id)
{
    uint32_t code = (uint32_t)(id[0] - '@') << 26 | (uint32_t)(id[1] - '@') << 21 |
                    (uint32_t)(id[2] - '@') << 16;
    for (int i = 0; i < 4; i++) {
        code |= (uint32_t)g_ascii_xdigit_value(id[3 + i]) << (12 - 4 * i);
    }
    aml_byte(aml, 0x0c);
    put_le(aml, GUINT32_SWAP_LE_BE(code), 4);
}

void aml_name(Aml *aml, const char *name)
{
    aml_byte(aml, 0x08);
    aml_name_string(aml, name);
}

void aml_name_int(Aml *aml, const char *name, uint64_t val)
{
    aml_name(aml, name);
    aml_int(aml, val);
}

void aml_name_eisa_id(Aml *aml, const char *name, const char *id)
{
    aml_name(aml, name);
    aml_eisa_id(aml, id);
}

guint aml_method(Aml *aml, const char *name, unsigned args)
{
    guint mark = aml_begin(aml, AML_METHOD, name);
    aml_byte(aml, (uint8_t)args);
    return mark;
}

void aml_return(Aml *aml)
{
    aml_byte(aml, 0xa4);
}

/* --- resource templates --------------------------------------------------- */

AmlResources aml_resources_begin(Aml *aml, const char *name)
{
    AmlResources res = { .aml = aml };
    aml_name(aml, name);
    res.buffer = aml_begin(aml, AML_BUFFER, NULL);
    aml_byte(aml, 0x0b); /* the buffer's size, patched at the end */
    res.size_at = aml->len;
    put_le(aml, 0, 2);
    res.start = aml->len;
    return res;
}

void aml_resources_end(AmlResources *res)
{
    put_le(res->aml, 0x79, 2); /* end tag; checksum 0: not checked */
    guint size = res->aml->len - res->start;
    res->aml->data[res->size_at] = (uint8_t)size;
    res->aml->data[res->size_at + 1] = (uint8_t)(size >> 8);
    aml_end(res->aml, res->buffer);
}

void aml_res_io(AmlResources *res, uint16_t min, uint16_t max, uint8_t align, uint8_t len)
{
    aml_byte(res->aml, 0x47);
    aml_byte(res->aml, 1); /* decodes 16 bits */
    put_le(res->aml, min, 2);
    put_le(res->aml, max, 2);
    aml_byte(res->aml, align);
    aml_byte(res->aml, len);
}

void aml_res_irq(AmlResources *res, uint16_t mask)
{
    aml_byte(res->aml, 0x22);
    put_le(res->aml, mask, 2);
}

void aml_res_dma(AmlResources *res, uint8_t mask)
{
    aml_byte(res->aml, 0x2a);
    aml_byte(res->aml, mask);
    aml_byte(res->aml, 0); /* compatibility mode, 8 bits */
}

void aml_res_interrupts(AmlResources *res, const uint32_t *irqs, unsigned n)
{
    aml_byte(res->aml, 0x89);
    put_le(res->aml, 2 + 4 * n, 2);
    aml_byte(res->aml, 0x09); /* consumer, shared */
    aml_byte(res->aml, (uint8_t)n);
    for (unsigned i = 0; i < n; i++) {
        put_le(res->aml, irqs[i], 4);
    }
}

/* Word, double-word and quad-word address space descriptors. */
static void address_window(AmlResources *res, uint8_t tag, unsigned width, uint8_t type,
                           uint8_t type_flags, uint64_t min, uint64_t max)
{
    aml_byte(res->aml, tag);
    put_le(res->aml, 3 + 5 * width, 2);
    aml_byte(res->aml, type);
    aml_byte(res->aml, 0x0c); /* producer, fixed minimum and maximum */
    aml_byte(res->aml, type_flags);
    put_le(res->aml, 0, width); /* granularity */
    put_le(res->aml, min, width);
    put_le(res->aml, max, width);
    put_le(res->aml, 0, width); /* translation offset */
    put_le(res->aml, max - min + 1, width);
}

void aml_res_bus_numbers(AmlResources *res, uint16_t min, uint16_t max)
{
    address_window(res, 0x88, 2, 2, 0, min, max);
}

void aml_res_io_window(AmlResources *res, uint16_t min, uint16_t max)
{
    address_window(res, 0x88, 2, 1, 3, min, max); /* ISA and non-ISA ranges */
}

void aml_res_memory_window(AmlResources *res, uint32_t min, uint32_t max, bool cacheable)
{
    address_window(res, 0x87, 4, 0, cacheable ? 3 : 1, min, max);
}

void aml_res_memory_window64(AmlResources *res, uint64_t min, uint64_t max)
{
    address_window(res, 0x8a, 8, 0, 3, min, max);
}

void aml_res_memory_fixed(AmlResources *res, uint32_t base, uint32_t len)
{
    aml_byte(res->aml, 0x86);
    put_le(res->aml, 9, 2);
    aml_byte(res->aml, 1);
    put_le(res->aml, base, 4);
    put_le(res->aml, len, 4);
}
