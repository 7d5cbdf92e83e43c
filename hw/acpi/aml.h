/*
 * A builder for AML, the byte code of ACPI tables (ACPI specification 6.4,
 * chapter 20).
 *
 * A term is a GByteArray under construction. aml_begin() and aml_end() nest:
 * what is appended between them becomes the body of a package whose length
 * is patched in at the end.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_ACPI_AML_H
#define HW_ACPI_AML_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef GByteArray Aml;

/* Blocks with a PkgLength, by their opcode. */
typedef enum AmlBlock {
    AML_SCOPE, AML_DEVICE, AML_METHOD, AML_BUFFER, AML_PACKAGE, AML_FIELD, AML_IF,
} AmlBlock;

/* Opens a block and returns its mark for aml_end(). name NULL: the block has none. */
guint aml_begin(Aml *aml, AmlBlock block, const char *name);
void aml_end(Aml *aml, guint mark);

void aml_byte(Aml *aml, uint8_t byte);
/* "PCI0", "\\_SB.PCI0", "^X": as in ASL; short segments are padded with '_'. */
void aml_name_string(Aml *aml, const char *name);
/* Shortest encoding of a constant. */
void aml_int(Aml *aml, uint64_t val);
void aml_string(Aml *aml, const char *text);
/* The 32-bit code of "PNP0A03". */
void aml_eisa_id(Aml *aml, const char *id);
/* Name(name, ...): the value follows. */
void aml_name(Aml *aml, const char *name);
void aml_name_int(Aml *aml, const char *name, uint64_t val);
void aml_name_eisa_id(Aml *aml, const char *name, const char *id);
/* Method(name, args): serialized 0. */
guint aml_method(Aml *aml, const char *name, unsigned args);
void aml_return(Aml *aml); /* the value follows */

/* A resource template in a buffer: Name(name, ResourceTemplate() { ... }). */
typedef struct AmlResources {
    Aml *aml;
    guint buffer, size_at, start;
} AmlResources;
AmlResources aml_resources_begin(Aml *aml, const char *name);
void aml_resources_end(AmlResources *res);
void aml_res_io(AmlResources *res, uint16_t min, uint16_t max, uint8_t align, uint8_t len);
void aml_res_irq(AmlResources *res, uint16_t mask);
void aml_res_dma(AmlResources *res, uint8_t mask);
/* Extended interrupt, level, active high, shared. */
void aml_res_interrupts(AmlResources *res, const uint32_t *irqs, unsigned n);
void aml_res_bus_numbers(AmlResources *res, uint16_t min, uint16_t max);
void aml_res_io_window(AmlResources *res, uint16_t min, uint16_t max);
void aml_res_memory_window(AmlResources *res, uint32_t min, uint32_t max, bool cacheable);
void aml_res_memory_window64(AmlResources *res, uint64_t min, uint64_t max);
void aml_res_memory_fixed(AmlResources *res, uint32_t base, uint32_t len);

#endif
