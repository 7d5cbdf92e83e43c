/*
 * The software TLB, as far as the inline fast paths must know it.
 *
 * Direct-mapped, one table for each way to access: supervisor, supervisor with
 * SMAP in force, user. An entry holds the linear page it maps once for each
 * right; low bits set in a tag make every comparison fail, which sends the
 * access to the slow path:
 *
 *      63                12 11        1  0
 *     +--------------------+-----------+----+
 *     | linear page        | 0         |SLOW|   all ones: no such right
 *     +--------------------+-----------+----+
 *
 * The exec tag has the page's high bits (its low ones are the index) and the number of
 * its code (tlb-code.c):
 *
 *      63            32 31        1  0
 *     +----------------+-----------+----+
 *     | page >> 25     | number    |SLOW|
 *     +----------------+-----------+----+
 *
 * SLOW marks pages that are mapped but not for direct access: MMIO, ROM
 * (writes), pages with decoded code or logged as clean (writes).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TARGET_I386_TLB_H
#define TARGET_I386_TLB_H

#include "target/i386/mmu.h"

typedef struct X86Trial X86Trial; /* trial.h */

enum {
    X86_TLB_BITS = 13,
    X86_TLB_SIZE = 1 << X86_TLB_BITS,
    X86_TLB_SLOW = 1,
};
#define X86_TLB_NONE UINT64_MAX
#define X86_PAGE_MASK (~(uint64_t)0xfff)

/* Guest accesses may be misaligned; each is still one access of the host. */
typedef uint16_t __attribute__((aligned(1), may_alias)) X86Unaligned16;
typedef uint32_t __attribute__((aligned(1), may_alias)) X86Unaligned32;
typedef uint64_t __attribute__((aligned(1), may_alias)) X86Unaligned64;

/* size: 1, 2, 4 or 8, best a constant */
static inline __attribute__((always_inline)) uint64_t x86_host_load(uint64_t host, unsigned size)
{
    switch (size) {
    case 1:
        return *(const uint8_t *)host;
    case 2:
        return *(const X86Unaligned16 *)host;
    case 4:
        return *(const X86Unaligned32 *)host;
    default:
        return *(const X86Unaligned64 *)host;
    }
}

static inline __attribute__((always_inline)) void x86_host_store(uint64_t host, unsigned size, uint64_t val)
{
    switch (size) {
    case 1:
        *(uint8_t *)host = val;
        break;
    case 2:
        *(X86Unaligned16 *)host = val;
        break;
    case 4:
        *(X86Unaligned32 *)host = val;
        break;
    default:
        *(X86Unaligned64 *)host = val;
    }
}

typedef enum X86TlbIndex {
    X86_TLB_KERNEL, X86_TLB_KERNEL_SMAP, X86_TLB_USER, X86_TLB_COUNT,
} X86TlbIndex;

typedef struct X86TlbEntry {
    uint64_t read, write, exec;
    uint64_t addend; /* host address = linear address + addend */
} X86TlbEntry;

/* What the slow path knows beyond the tags. */
typedef struct X86TlbInfo {
    uint64_t phys;        /* of the page, A20 applied */
    RAMBlock *block;      /* NULL for I/O */
    uint64_t offset;      /* of the page in block */
    bool writable;        /* stores may go to the host page, by its flags */
    bool global, large;
    uint8_t listed;       /* bits: in which lists of X86Tlb.used it is */
} X86TlbInfo;

/* Entries that were filled since they were last cleared: a flush costs what was used. One that
 * was refilled otherwise stays in its old list, too; its info says which one counts. */
typedef struct X86TlbList {
    unsigned count;
    uint16_t n[X86_TLB_SIZE];
} X86TlbList;

enum { X86_TLB_LOCAL, X86_TLB_GLOBAL, X86_TLB_LISTS };

enum { X86_PHYS_CACHE_SIZE = 64, X86_PDE_CACHE_SIZE = 64 };

/* What the walk found at the level of page directories for 2 MiB (SDM vol. 3, 4.10.3). */
typedef struct X86PdeCache {
    uint64_t region; /* linear address >> 21; ~0: empty */
    uint64_t entry;  /* the page-directory entry: a table or a 2 MiB page */
    uint64_t addr;   /* where it stands */
    uint64_t rights; /* of the levels above it */
} X86PdeCache;

/* The stack has two: a recursion may go back and forth between two pages. */
enum { X86_TLB_LOOP_SITES = 16, X86_TLB_STACK_SITE = X86_TLB_LOOP_SITES,
       X86_TLB_OTHER_STACK_SITE, X86_TLB_SITES };

/* Where an access of translated code was last (translate/sites.c). page X86_TLB_NO_PAGE: nowhere. */
typedef struct X86TlbSite {
    uint64_t page, addend;
    uint64_t since; /* when its budget was full: host's time stamp */
    int32_t budget; /* for accesses elsewhere */
} X86TlbSite;

/* Not canonical, whatever addend is added to it. */
#define X86_TLB_NO_PAGE (1ull << 63)

typedef struct X86TlbSpaces X86TlbSpaces;

struct X86Tlb {
    X86TlbEntry entry[X86_TLB_COUNT][X86_TLB_SIZE];
    X86TlbInfo info[X86_TLB_COUNT][X86_TLB_SIZE];
    X86TlbList used[X86_TLB_COUNT][X86_TLB_LISTS];
    X86TlbSite site[X86_TLB_COUNT][2][X86_TLB_SITES]; /* [table][for stores] */
    /* Large pages are entered 4 KiB at a time. One bit for each 2 MiB and
     * each 1 GiB (hashed) says whether INVLPG there must search. */
    uint64_t large_2m[16], large_1g[16];
    /* Host pages of page tables. */
    struct {
        uint64_t page; /* ~0: empty */
        uint8_t *host;
    } phys_cache[X86_PHYS_CACHE_SIZE];
    GHashTable *code_numbers; /* NULL: none yet */
    uint32_t last_code_number;
    X86PdeCache pde_cache[X86_PDE_CACHE_SIZE];
    struct X86TlbSpaces *spaces; /* entries of other PCIDs (tlb-space.c); NULL: none yet */
    /* What the last page that was entered is part of: RAM. length 0: nothing. */
    struct {
        uint64_t start;
        MemorySection sec;
    } last_section;
    /* A read-modify-write on a page that needs telling afterwards. */
    RAMBlock *rmw_block;
    uint64_t rmw_offset;
    uint32_t flush_writes; /* [atomic] another thread wants write tags dropped */
    uint32_t flush_all;    /* [atomic] the memory map changed */
    uint64_t heeded;       /* [atomic] requests up to this number; ~0: runs no guest code */
    X86Trial *trial;       /* accesses are tried only (trial.h), or NULL */
};

/* Puts entry n, whose info has been set, into its list. listed: what its info said before. */
static inline void x86_tlb_list(X86Tlb *tlb, unsigned idx, unsigned n, uint8_t listed)
{
    X86TlbInfo *info = &tlb->info[idx][n];
    X86TlbList *list = &tlb->used[idx][info->global];

    if (!(listed >> info->global & 1)) {
        list->n[list->count++] = n;
    }
    info->listed = listed | 1 << info->global;
}

/* Some translation may no longer hold. */
static inline void x86_pde_cache_clear(X86Tlb *tlb)
{
    for (unsigned i = 0; i < X86_PDE_CACHE_SIZE; i++) {
        tlb->pde_cache[i].region = UINT64_MAX;
    }
}

/* The table that accesses of the present mode use. */
static inline X86TlbIndex x86_tlb_index(const X86State *s)
{
    return x86_cpl(s) == 3 ? X86_TLB_USER
         : s->hflags & X86_HF_SMAP ? X86_TLB_KERNEL_SMAP : X86_TLB_KERNEL;
}

static inline X86TlbEntry *x86_tlb_entry(const X86CPU *cpu, uint64_t lin)
{
    return &cpu->tlb_now[lin >> 12 & (X86_TLB_SIZE - 1)];
}

enum { X86_TLB_EXEC_SHIFT = 25 };
G_STATIC_ASSERT(X86_TLB_BITS + 12 >= X86_TLB_EXEC_SHIFT);

/* The exec tag of lin's page, without a number. */
static inline uint64_t x86_tlb_exec_tag(uint64_t lin)
{
    return (lin >> X86_TLB_EXEC_SHIFT) << 32;
}

/* True if e, lin's entry, has an exec tag for its page. */
static inline bool x86_tlb_executes(const X86TlbEntry *e, uint64_t lin)
{
    return e->exec != X86_TLB_NONE && e->exec >> 32 == x86_tlb_exec_tag(lin) >> 32;
}

/* Gives the entry, which maps lin's page of code, its number. */
void x86_tlb_number_code(X86CPU *cpu, X86TlbEntry *e, uint64_t lin);
/* There are so many that they should be forgotten, once no code is left that knows them. */
bool x86_tlb_code_numbers_full(const X86Tlb *tlb);
void x86_tlb_forget_code_numbers(X86CPU *cpu);

/* True if tag, of reading or writing, gives its right for the page of lin, be it by the slow path. */
static inline bool x86_tlb_maps(uint64_t tag, uint64_t lin)
{
    return (tag & ~(uint64_t)X86_TLB_SLOW) == (lin & X86_PAGE_MASK);
}

/* The host page of code at lin, or NULL if it is not in memory; may raise #PF.
 * cpu->code_generation changes whenever an answer may. */
uint8_t *x86_code_page(X86CPU *cpu, uint64_t lin, RAMBlock **block, uint64_t *offset);

/* One byte of code from wherever it is; may raise #PF. */
uint8_t x86_code_byte(X86CPU *cpu, uint64_t lin);

/* Enters the page of lin as a load of user code would; false if that is a page fault. */
bool x86_tlb_fill_user(X86CPU *cpu, uint64_t lin);

/* Some entry may no longer hold: no site does. */
void x86_tlb_clear_sites(X86Tlb *tlb);

/* Stores must look at the page flags again: everywhere, or for one host page. */
void x86_tlb_drop_writes(X86CPU *cpu);
void x86_tlb_drop_writes_to(X86CPU *cpu, const uint8_t *host_page);

/* Carries out what other threads have asked for (interrupt_request TLB). */
void x86_tlb_sync(X86CPU *cpu);
/* The CPU's thread begins to run guest code, having carried that out; it has stopped to. */
void x86_tlb_attend(X86CPU *cpu);
void x86_tlb_rest(X86CPU *cpu);
/* Asks all other CPUs of the machine to drop their tags for stores, after some page's flags
 * have changed; returns the request's number. Any number of CPUs may ask at once. */
uint64_t x86_tlb_ask_peers(X86CPU *cpu);
/* True once all of them have done so, or run no guest code and will before they do. */
bool x86_tlb_peers_heeded(const X86CPU *cpu, uint64_t request);

X86Tlb *x86_tlb_new(void);
void x86_tlb_free(X86Tlb *tlb);

#endif
