/*
 * RAM blocks: memory of the host, its page flags, and dirty logging.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "memory/internal.h"
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>
#include "util/tsan.h"

enum { HUGE_PAGE = 2 << 20, MIN_FILE = 64 << 10 };

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

/* --- blocks --------------------------------------------------------------- */

static GMutex blocks_lock;
static GSList *blocks;

/* Zeroed memory that costs nothing until it is used; NULL if there is none. */
static uint8_t *map_page_bytes(uint64_t pages)
{
    void *mem = mmap(NULL, pages, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return mem == MAP_FAILED ? NULL : mem;
}

static bool in_files;

void ram_blocks_in_files(bool files)
{
    in_files = files;
}

/* Room for length bytes at a multiple of HUGE_PAGE, which nothing can access; NULL if there is none. */
static uint8_t *reserve_aligned(uint64_t length)
{
    uint8_t *room = mmap(NULL, length + HUGE_PAGE, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (room == MAP_FAILED) {
        return NULL;
    }
    uint64_t before = -(uintptr_t)room & (HUGE_PAGE - 1);

    if (before) {
        munmap(room, before);
    }
    munmap(room + before + length, HUGE_PAGE - before);
    return room + before;
}

/* Memory at such an address; flags and fd are mmap()'s. NULL if the host has none. */
static void *map_aligned(uint64_t length, int flags, int fd)
{
    void *room = reserve_aligned(length);

    if (room && mmap(room, length, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0) == MAP_FAILED) {
        munmap(room, length);
        return NULL;
    }
    return room;
}

/* Memory that can be mapped a second time by *fd; NULL if the host has none. */
static void *map_file(uint64_t length, int *fd)
{
    *fd = memfd_create("doppel-ram", MFD_CLOEXEC);
    if (*fd < 0) {
        return NULL;
    }
    void *room = ftruncate(*fd, length) < 0 ? NULL : map_aligned(length, MAP_SHARED, *fd);
    if (!room) {
        close(*fd);
        *fd = -1;
    }
    return room;
}

/* Private memory, in huge pages where the host offers it; NULL if the host has none. */
static void *map_private(uint64_t length)
{
    void *room = map_aligned(length, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);

    if (room && length >= HUGE_PAGE) {
        madvise(room, length, MADV_HUGEPAGE);
    }
    return room;
}

/* Nothing is taken of it before it is touched. */
static void *map_ram(uint64_t length, int *fd)
{
    void *mem = in_files && length >= MIN_FILE ? map_file(length, fd) : NULL;

    return mem ? mem : map_private(length);
}

static bool map_block(RAMBlock *block, Error **errp)
{
    block->fd = -1;
    block->host = map_ram(block->length, &block->fd);
    if (!block->host) {
        error_setg_errno(errp, errno, "cannot map %" PRIu64 " bytes of guest memory '%s'",
                         block->length, block->name);
        return false;
    }
    tsan_shared_by_design(block->host, block->length);
    block->page_flags = map_page_bytes(block->length >> GUEST_PAGE_BITS);
    block->code_users = map_page_bytes(block->length >> GUEST_PAGE_BITS);
    if (block->fd >= 0) {
        block->gathered = g_malloc0(block->length / HUGE_PAGE + 1);
    }
    if (!block->page_flags || !block->code_users) {
        error_setg_errno(errp, errno, "cannot map the page flags of guest memory '%s'",
                         block->name);
        return false;
    }
    return true;
}

static void free_block(RAMBlock *block)
{
    if (block->page_flags) {
        munmap(block->page_flags, block->length >> GUEST_PAGE_BITS);
    }
    if (block->code_users) {
        munmap(block->code_users, block->length >> GUEST_PAGE_BITS);
    }
    if (block->host) {
        munmap(block->host, block->length);
    }
    if (block->fd >= 0) {
        close(block->fd);
    }
    g_free(block->gathered);
    g_free(block->name);
    g_free(block);
}

RAMBlock *ram_block_new(const char *name, uint64_t size, Error **errp)
{
    const uint64_t max = INT64_MAX & -(uint64_t)GUEST_PAGE_SIZE;
    if (size == 0 || size > max) {
        error_setg(errp, "size of guest memory '%s' is %" PRIu64 " bytes; it must be 1 to %"
                   PRIu64, name, size, max);
        return NULL;
    }
    RAMBlock *block = g_new0(RAMBlock, 1);
    block->name = g_strdup(name);
    block->length = (size + GUEST_PAGE_SIZE - 1) & -(uint64_t)GUEST_PAGE_SIZE;
    block->ref = 1;
    if (!map_block(block, errp)) {
        free_block(block);
        return NULL;
    }
    g_mutex_lock(&blocks_lock);
    blocks = g_slist_prepend(blocks, block);
    g_mutex_unlock(&blocks_lock);
    return block;
}

void ram_block_gather(RAMBlock *block, uint64_t offset)
{
    uint64_t n = offset / HUGE_PAGE;
    uint8_t *start = block->host + n * HUGE_PAGE;

    if (!block->gathered || __atomic_load_n(&block->gathered[n], __ATOMIC_RELAXED) ||
        __atomic_exchange_n(&block->gathered[n], 1, __ATOMIC_RELAXED) ||
        (n + 1) * HUGE_PAGE > block->length) {
        return;
    }
    if (!madvise(start, GUEST_PAGE_SIZE, MADV_POPULATE_READ)) { /* of nothing no page is made */
        madvise(start, HUGE_PAGE, MADV_COLLAPSE);
    }
}

RAMBlock *ram_block_ref(RAMBlock *block)
{
    g_atomic_int_inc(&block->ref);
    return block;
}

void ram_block_unref(RAMBlock *block)
{
    if (g_atomic_int_dec_and_test(&block->ref)) {
        g_mutex_lock(&blocks_lock);
        blocks = g_slist_remove(blocks, block);
        g_mutex_unlock(&blocks_lock);
        free_block(block);
    }
}

void ram_block_foreach(void (*fn)(RAMBlock *block, void *opaque), void *opaque)
{
    g_mutex_lock(&blocks_lock);
    for (GSList *at = blocks; at; at = at->next) {
        fn(at->data, opaque);
    }
    g_mutex_unlock(&blocks_lock);
}

RAMBlock *ram_block_from_host(const void *host)
{
    RAMBlock *found = NULL;
    g_mutex_lock(&blocks_lock);
    for (GSList *at = blocks; at && !found; at = at->next) {
        RAMBlock *block = at->data;
        uintptr_t offset = (uintptr_t)host - (uintptr_t)block->host;
        found = offset < block->length ? block : NULL;
    }
    g_mutex_unlock(&blocks_lock);
    return found;
}

/* --- who hears of writes to code ------------------------------------------- */

typedef struct CodeListener {
    RAMCodeListenerFn *fn;
    void *opaque;
} CodeListener;

/* Immutable once published; replaced as a whole. */
typedef struct CodeListeners {
    struct rcu_head rcu;
    unsigned count;
    CodeListener list[];
} CodeListeners;

static GMutex code_listeners_lock;
static CodeListeners *code_listeners;

static void free_code_listeners(struct rcu_head *head)
{
    g_free(caa_container_of(head, CodeListeners, rcu));
}

/* Publishes the present list without the entry at index drop (none if too large), and with
 * *add (may be NULL). */
static void replace_code_listeners(unsigned drop, const CodeListener *add)
{
    CodeListeners *old = code_listeners;
    unsigned count = old ? old->count : 0;
    CodeListeners *list = g_malloc0(sizeof(*list) + (count + 1) * sizeof(CodeListener));
    for (unsigned i = 0; i < count; i++) {
        if (i != drop) {
            list->list[list->count++] = old->list[i];
        }
    }
    if (add) {
        list->list[list->count++] = *add;
    }
    rcu_assign_pointer(code_listeners, list);
    if (old) {
        call_rcu(&old->rcu, free_code_listeners);
    }
}

void ram_code_listener_add(RAMCodeListenerFn *fn, void *opaque)
{
    g_mutex_lock(&code_listeners_lock);
    replace_code_listeners(UINT_MAX, &(CodeListener){ fn, opaque });
    g_mutex_unlock(&code_listeners_lock);
}

void ram_code_listener_remove(RAMCodeListenerFn *fn, void *opaque)
{
    g_mutex_lock(&code_listeners_lock);
    for (unsigned i = 0; code_listeners && i < code_listeners->count; i++) {
        const CodeListener *at = &code_listeners->list[i];
        if (at->fn == fn && at->opaque == opaque) {
            replace_code_listeners(i, NULL);
            break;
        }
    }
    g_mutex_unlock(&code_listeners_lock);
}

static void tell_code_listeners(RAMBlock *block, uint64_t offset, uint64_t len)
{
    rcu_reader_enter();
    const CodeListeners *list = rcu_dereference(code_listeners);
    for (unsigned i = 0; list && i < list->count; i++) {
        list->list[i].fn(list->list[i].opaque, block, offset, len);
    }
    rcu_reader_leave();
}

/* --- page flags -------------------------------------------------------------- */

static void flag_set(RAMBlock *block, uint64_t page, uint8_t bits)
{
    __atomic_fetch_or(&block->page_flags[page], bits, __ATOMIC_SEQ_CST);
}

static void flag_clear(RAMBlock *block, uint64_t page, uint8_t bits)
{
    __atomic_fetch_and(&block->page_flags[page], (uint8_t)~bits, __ATOMIC_SEQ_CST);
}

static uint8_t flags_of(const RAMBlock *block, uint64_t page)
{
    return __atomic_load_n(&block->page_flags[page], __ATOMIC_RELAXED);
}

static GMutex code_users_lock;

void ram_page_set_code(RAMBlock *block, uint64_t offset)
{
    uint64_t page = offset >> GUEST_PAGE_BITS;

    g_mutex_lock(&code_users_lock);
    block->code_users[page]++;
    flag_set(block, page, RAM_PAGE_CODE);
    g_mutex_unlock(&code_users_lock);
}

void ram_page_clear_code(RAMBlock *block, uint64_t offset)
{
    uint64_t page = offset >> GUEST_PAGE_BITS;

    g_mutex_lock(&code_users_lock);
    if (--block->code_users[page] == 0) {
        flag_clear(block, page, RAM_PAGE_CODE);
    }
    g_mutex_unlock(&code_users_lock);
}

void ram_block_written(RAMBlock *block, uint64_t offset, uint64_t len)
{
    const uint8_t clean = RAM_PAGE_CLEAN_VGA | RAM_PAGE_CLEAN_MIGRATION;
    const uint64_t end = offset + len;
    for (uint64_t pos = offset; pos < end;) {
        uint64_t page = pos >> GUEST_PAGE_BITS;
        uint64_t page_end = MIN((page + 1) << GUEST_PAGE_BITS, end);
        /* either this sees that the page has become code, or its reader sees what was stored */
        uint8_t flags = __atomic_fetch_or(&block->page_flags[page], 0, __ATOMIC_SEQ_CST);
        if (flags & clean) {
            flag_clear(block, page, clean);
        }
        if (flags & RAM_PAGE_CODE) {
            tell_code_listeners(block, pos, page_end - pos);
        }
        pos = page_end;
    }
}

/* --- dirty logging ------------------------------------------------------------ */

/* The pages of the block that [addr, addr + size) of its region touches: first to last. */
typedef struct Pages {
    uint64_t first, last;
} Pages;

static Pages pages_of(const MemoryRegion *mr, hwaddr addr, uint64_t size)
{
    uint64_t last_byte = MIN(mr->block->length, addr + size) - 1;
    return (Pages){ addr >> GUEST_PAGE_BITS, last_byte >> GUEST_PAGE_BITS };
}

void memory_region_set_log(MemoryRegion *mr, bool log, uint8_t client)
{
    uint8_t old = mr->dirty_log_mask;

    mr->dirty_log_mask = log ? old | client : old & ~client;
    if (!old != !mr->dirty_log_mask) {
        address_spaces_log_changed(mr->block);
    }
    if (log) {
        return;
    }
    Pages p = pages_of(mr, 0, mr->block->length);
    for (uint64_t page = p.first; page <= p.last; page++) {
        if (flags_of(mr->block, page) & client) {
            flag_clear(mr->block, page, client);
        }
    }
}

void memory_region_sync_dirty(MemoryRegion *mr, hwaddr addr, uint64_t size)
{
    if (size) {
        address_spaces_log_sync(mr->block, addr, size);
    }
}

bool memory_region_get_dirty(MemoryRegion *mr, hwaddr addr, uint64_t size, uint8_t client)
{
    if (size == 0) {
        return false;
    }
    Pages p = pages_of(mr, addr, size);
    for (uint64_t page = p.first; page <= p.last; page++) {
        if (!(flags_of(mr->block, page) & client)) {
            return true;
        }
    }
    return false;
}

void memory_region_reset_dirty(MemoryRegion *mr, hwaddr addr, uint64_t size, uint8_t client)
{
    client &= mr->dirty_log_mask;
    if (!client || size == 0) {
        return;
    }
    Pages p = pages_of(mr, addr, size);
    bool changed = false;
    for (uint64_t page = p.first; page <= p.last; page++) {
        if (~flags_of(mr->block, page) & client) {
            flag_set(mr->block, page, client);
            changed = true;
        }
    }
    if (changed) {
        address_spaces_log_reset(mr->block, p.first << GUEST_PAGE_BITS,
                                 (p.last - p.first + 1) << GUEST_PAGE_BITS);
    }
}

void memory_region_set_dirty(MemoryRegion *mr, hwaddr addr, uint64_t size)
{
    if (size) {
        ram_block_written(mr->block, addr, size);
    }
}
