/*
 * Tells a gdb that debugs the emulator about translated code, by gdb's JIT compilation interface
 * (gdb manual, "JIT Interface"): the code cache of each CPU is registered as an ELF object in
 * memory, with a name and with call frame information, so that backtraces go through it.
 *
 * One object for the whole cache, not for each block: gdb stops the process for each object, and
 * reads all of them when it attaches. The frame is the one that the stub `enter` makes; in its
 * own first and last instructions a backtrace is wrong.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <elf.h>
#include <string.h>
#include "target/i386/translate/jit.h"

/* --- gdb's interface: its names and layouts ----------------------------------------------- */

typedef struct JitCodeEntry {
    struct JitCodeEntry *next, *prev;
    const void *image;
    uint64_t size;
} JitCodeEntry;

enum { JIT_NO_ACTION, JIT_REGISTER, JIT_UNREGISTER };

typedef struct JitDescriptor {
    uint32_t version, action;
    JitCodeEntry *relevant, *first;
} JitDescriptor;

/* One for the process: gdb looks for the names. */
JitDescriptor __jit_debug_descriptor = { .version = 1 };
void __jit_debug_register_code(void);

/* gdb has a breakpoint here. */
void __attribute__((noinline)) __jit_debug_register_code(void)
{
    __asm__ volatile("" ::: "memory");
}

static GMutex descriptor_lock;

static void tell_gdb(uint32_t action, JitCodeEntry *entry)
{
    __jit_debug_descriptor.action = action;
    __jit_debug_descriptor.relevant = entry;
    __jit_debug_register_code();
    __jit_debug_descriptor.action = JIT_NO_ACTION;
    __jit_debug_descriptor.relevant = NULL;
}

/* --- call frame information (DWARF 4, 6.4; register numbers: System V ABI for x86-64) ---- */

enum { CFA_DEF_CFA_EXPRESSION = 0x0f, CFA_OFFSET = 0x80 };
enum { OP_ADDR = 0x03, OP_DEREF = 0x06, OP_PLUS_UCONST = 0x23 };
enum { DW_RBX = 3, DW_RBP = 6, DW_R12 = 12, DW_RIP = 16 };
enum { FRAME = 64 }; /* from X86JitContext.stack to RSP before the call of `enter` */

typedef struct FrameInfo {
    struct {
        uint32_t length, id;
        uint8_t version, augmentation, code_factor, data_factor, return_column;
        uint8_t expression[3];
        uint64_t stack; /* where RSP is kept: translated code has another one */
        uint8_t rules[24];
    } __attribute__((packed)) cie;
    struct {
        uint32_t length, cie;
        uint64_t start, size;
    } __attribute__((packed)) fde;
} __attribute__((packed)) FrameInfo;

/* What `enter` pushes, in this order, below the return address. */
static const FrameInfo frame_info = {
    .cie = {
        .length = sizeof(frame_info.cie) - 4, .id = UINT32_MAX, .version = 1, .code_factor = 1,
        .data_factor = -8 & 0x7f, .return_column = DW_RIP,
        .expression = { CFA_DEF_CFA_EXPRESSION, 1 + 8 + 3, OP_ADDR },
        .rules = {
            OP_DEREF, OP_PLUS_UCONST, FRAME,
            CFA_OFFSET | DW_RIP, 1, CFA_OFFSET | DW_RBX, 2, CFA_OFFSET | DW_RBP, 3,
            CFA_OFFSET | DW_R12, 4, CFA_OFFSET | (DW_R12 + 1), 5, CFA_OFFSET | (DW_R12 + 2), 6,
            CFA_OFFSET | (DW_R12 + 3), 7,
        },
    },
    .fde = { .length = sizeof(frame_info.fde) - 4 },
};

/* --- the object ------------------------------------------------------------------------------ */

enum { NO_SECTION, TEXT, FRAMES, SYMBOLS, STRINGS, SECTIONS };

typedef struct Image {
    Elf64_Ehdr header;
    Elf64_Shdr sections[SECTIONS];
    Elf64_Sym symbols[3]; /* the first one is none */
    FrameInfo frames;
    char strings[80];     /* names of sections and symbols */
} Image;

typedef struct JitGdbObject {
    JitCodeEntry entry;
    Image image;
} JitGdbObject;

/* Appends a name to the strings; returns its index. */
static uint32_t add_name(Image *image, const char *name)
{
    uint64_t *used = &image->sections[STRINGS].sh_size;
    uint32_t at = *used;

    *used += g_strlcpy(image->strings + at, name, sizeof(image->strings) - at) + 1;
    g_assert(*used <= sizeof(image->strings));
    return at;
}

static void fill_section(Image *image, unsigned i, const char *name, uint32_t type, size_t offset,
                         size_t size)
{
    Elf64_Shdr *section = &image->sections[i];

    section->sh_name = add_name(image, name);
    section->sh_type = type;
    section->sh_offset = offset;
    section->sh_addralign = 1;
    if (i != STRINGS) {
        section->sh_size = size;
    }
}

static void fill_symbol(Image *image, unsigned i, const char *name, const uint8_t *start,
                        size_t size)
{
    image->symbols[i] = (Elf64_Sym){
        .st_name = add_name(image, name), .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
        .st_shndx = TEXT, .st_value = (uintptr_t)start, .st_size = size,
    };
}

static void fill_image(Image *image, const X86Jit *jit)
{
    image->header = (Elf64_Ehdr){
        .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
        .e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
        .e_shoff = offsetof(Image, sections), .e_ehsize = sizeof(Elf64_Ehdr),
        .e_shentsize = sizeof(Elf64_Shdr), .e_shnum = SECTIONS, .e_shstrndx = STRINGS,
    };
    add_name(image, "");
    fill_section(image, TEXT, ".text", SHT_NOBITS, sizeof(Image), jit->code_size);
    image->sections[TEXT].sh_flags = SHF_ALLOC | SHF_EXECINSTR;
    image->sections[TEXT].sh_addr = (uintptr_t)jit->code_rx;
    fill_section(image, FRAMES, ".debug_frame", SHT_PROGBITS, offsetof(Image, frames),
                 sizeof(FrameInfo));
    fill_section(image, SYMBOLS, ".symtab", SHT_SYMTAB, offsetof(Image, symbols),
                 sizeof(image->symbols));
    image->sections[SYMBOLS].sh_link = STRINGS;
    image->sections[SYMBOLS].sh_info = 1; /* the first global one */
    image->sections[SYMBOLS].sh_entsize = sizeof(Elf64_Sym);
    fill_section(image, STRINGS, ".strtab", SHT_STRTAB, offsetof(Image, strings), 0);
    fill_symbol(image, 1, "translator_stubs", jit->code_rx, jit->stubs_size);
    fill_symbol(image, 2, "translated_code", jit->code_rx + jit->stubs_size,
                jit->code_size - jit->stubs_size);
    image->frames = frame_info;
    image->frames.cie.stack = (uintptr_t)&jit->ctx->stack;
    image->frames.fde.start = (uintptr_t)jit->code_rx;
    image->frames.fde.size = jit->code_size;
}

void jit_gdb_register(X86Jit *jit)
{
    JitGdbObject *object = g_new0(JitGdbObject, 1);
    JitCodeEntry *entry = &object->entry;

    fill_image(&object->image, jit);
    entry->image = &object->image;
    entry->size = sizeof(object->image);
    jit->gdb = object;
    g_mutex_lock(&descriptor_lock);
    entry->next = __jit_debug_descriptor.first;
    if (entry->next) {
        entry->next->prev = entry;
    }
    __jit_debug_descriptor.first = entry;
    tell_gdb(JIT_REGISTER, entry);
    g_mutex_unlock(&descriptor_lock);
}

void jit_gdb_unregister(X86Jit *jit)
{
    JitCodeEntry *entry = jit->gdb ? &jit->gdb->entry : NULL;

    if (!entry) {
        return;
    }
    g_mutex_lock(&descriptor_lock);
    *(entry->prev ? &entry->prev->next : &__jit_debug_descriptor.first) = entry->next;
    if (entry->next) {
        entry->next->prev = entry->prev;
    }
    tell_gdb(JIT_UNREGISTER, entry);
    g_mutex_unlock(&descriptor_lock);
    g_free(jit->gdb);
    jit->gdb = NULL;
}
