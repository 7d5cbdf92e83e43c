/*
 * Guest memory as the kernel maps it: memory slots (KVM_SET_USER_MEMORY_REGION).
 *
 * The flat view's RAM is merged to as few slots as possible: neighbours of one block with the same
 * flags are one slot. A slot cannot be changed except for its flags: where the view changed, old
 * slots are deleted and new ones made, with no vCPU in the guest meanwhile. What is not whole
 * pages of memory has no slot and ends in MMIO exits.
 *
 * Dirty pages: the kernel protects the pages of a slot that somebody draws from and notes who
 * writes. log_sync fetches the notes and marks the pages in the memory API; log_reset protects
 * those again that the API calls clean from then on (with manual protection; without, fetching does).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <string.h>
#include "accel/kvm/kvm.h"
#include "util/trace.h"

TRACE_EVENT(kvm_slot, "space %u slot %u address 0x%" PRIx64 " size 0x%" PRIx64 " flags 0x%x: %d");

enum { AS_ID_SHIFT = 16, BITS = 64 };

/* A stretch of guest memory with one backing. */
typedef struct KvmRange {
    hwaddr start;
    uint64_t size;
    RAMBlock *block;
    uint64_t offset;         /* in block */
    bool readonly, log;
} KvmRange;

typedef struct KvmSlot {
    KvmRange range;
    uint32_t id;
    uint64_t *dirty;         /* fetched and not protected again; NULL without a log */
} KvmSlot;

static KvmRange *range_at(GArray *array, guint i)
{
    return &g_array_index(array, KvmRange, i);
}

static KvmSlot *slot_at(const KvmSlots *slots, guint i)
{
    return &g_array_index(slots->slots, KvmSlot, i);
}

static uint64_t pages_of(const KvmRange *range)
{
    return range->size >> GUEST_PAGE_BITS;
}

static size_t bitmap_words(uint64_t pages)
{
    return (pages + BITS - 1) / BITS;
}

/* --- dirty pages -------------------------------------------------------------------------- */

static void mark_written(const KvmRange *range, const uint64_t *bitmap)
{
    for (size_t w = 0; w < bitmap_words(pages_of(range)); w++) {
        for (uint64_t bits = bitmap[w]; bits; bits &= bits - 1) {
            uint64_t page = w * BITS + (unsigned)__builtin_ctzll(bits);
            ram_block_written(range->block, range->offset + (page << GUEST_PAGE_BITS), GUEST_PAGE_SIZE);
        }
    }
}

static void fetch_dirty(KvmSlots *slots, KvmSlot *slot)
{
    size_t words = bitmap_words(pages_of(&slot->range));
    g_autofree uint64_t *bitmap = g_new0(uint64_t, words);
    struct kvm_dirty_log log = {
        .slot = slot->id | slots->as_id << AS_ID_SHIFT, .dirty_bitmap = bitmap,
    };

    if (kvm_vm_ioctl(slots->kvm, KVM_GET_DIRTY_LOG, &log) < 0) {
        memset(bitmap, 0xff, words * sizeof(*bitmap)); /* draw too much rather than too little */
    }
    bitmap[words - 1] &= UINT64_MAX >> (words * BITS - pages_of(&slot->range));
    mark_written(&slot->range, bitmap);
    for (size_t w = 0; w < words; w++) {
        slot->dirty[w] |= bitmap[w];
    }
}

/* The part of [offset, offset + len) of the block that is in the range, as pages of it. */
static bool overlap(const KvmRange *range, const RAMBlock *block, uint64_t offset, uint64_t len,
                    uint64_t *first, uint64_t *end)
{
    uint64_t from = MAX(offset, range->offset);
    uint64_t to = MIN(offset + len, range->offset + range->size);

    if (range->block != block || from >= to) {
        return false;
    }
    *first = (from - range->offset) >> GUEST_PAGE_BITS;
    *end = (to - range->offset + GUEST_PAGE_SIZE - 1) >> GUEST_PAGE_BITS;
    return true;
}

static void log_sync(MemoryListener *listener, RAMBlock *block, uint64_t offset, uint64_t len)
{
    KvmSlots *slots = (KvmSlots *)listener;
    uint64_t first, end;

    for (guint i = 0; i < slots->slots->len; i++) {
        KvmSlot *slot = slot_at(slots, i);
        if (slot->dirty && overlap(&slot->range, block, offset, len, &first, &end)) {
            fetch_dirty(slots, slot);
        }
    }
}

/* Pages that were fetched as dirty, within [first, end), are protected again. Others are not: they
 * may have been written since. */
static void protect(KvmSlots *slots, KvmSlot *slot, uint64_t first, uint64_t end)
{
    uint64_t from = first / BITS * BITS, to = MIN((end + BITS - 1) / BITS * BITS, pages_of(&slot->range));
    size_t words = bitmap_words(to - from), at = from / BITS;
    g_autofree uint64_t *bitmap = g_memdup2(slot->dirty + at, words * sizeof(*bitmap));
    struct kvm_clear_dirty_log log = {
        .slot = slot->id | slots->as_id << AS_ID_SHIFT,
        .first_page = from, .num_pages = (uint32_t)(to - from), .dirty_bitmap = bitmap,
    };
    bool any = false;

    bitmap[0] &= UINT64_MAX << (first - from);
    if (end < from + words * BITS) {
        bitmap[words - 1] &= UINT64_MAX >> (from + words * BITS - end);
    }
    for (size_t w = 0; w < words; w++) {
        slot->dirty[at + w] &= ~bitmap[w];
        any |= bitmap[w] != 0;
    }
    if (any && kvm_cap(slots->kvm, KVM_HAS_MANUAL_DIRTY)) {
        kvm_vm_ioctl(slots->kvm, KVM_CLEAR_DIRTY_LOG, &log);
    }
}

static void log_reset(MemoryListener *listener, RAMBlock *block, uint64_t offset, uint64_t len)
{
    KvmSlots *slots = (KvmSlots *)listener;
    uint64_t first, end;

    for (guint i = 0; i < slots->slots->len; i++) {
        KvmSlot *slot = slot_at(slots, i);
        if (slot->dirty && overlap(&slot->range, block, offset, len, &first, &end)) {
            protect(slots, slot, first, end);
        }
    }
}

/* --- slots in the kernel ------------------------------------------------------------------ */

static bool same_range(const KvmRange *a, const KvmRange *b)
{
    return a->start == b->start && a->size == b->size && a->block == b->block &&
           a->offset == b->offset && a->readonly == b->readonly;
}

/* size 0 deletes it. */
static void tell_kernel(KvmSlots *slots, const KvmSlot *slot, uint64_t size)
{
    const KvmRange *range = &slot->range;
    struct kvm_userspace_memory_region region = {
        .slot = slot->id | slots->as_id << AS_ID_SHIFT,
        .flags = (range->readonly ? KVM_MEM_READONLY : 0) | (range->log ? KVM_MEM_LOG_DIRTY_PAGES : 0),
        .guest_phys_addr = range->start, .memory_size = size,
        .userspace_addr = (uintptr_t)range->block->host + range->offset,
    };
    int ret = kvm_vm_ioctl(slots->kvm, KVM_SET_USER_MEMORY_REGION, &region);

    trace(kvm_slot, slots->as_id, slot->id, range->start, size, region.flags, ret);
    if (ret < 0) {
        error_report("KVM refuses 0x%" PRIx64 " bytes of guest memory '%s' at 0x%" PRIx64 ": %s", size,
                     range->block->name, range->start, g_strerror(-ret));
    }
}

static uint32_t take_slot_number(KvmState *kvm)
{
    if (kvm->free_slots->len) {
        uint32_t id = g_array_index(kvm->free_slots, uint32_t, kvm->free_slots->len - 1);
        g_array_set_size(kvm->free_slots, kvm->free_slots->len - 1);
        return id;
    }
    return kvm->next_slot++;
}

static void start_log(KvmSlot *slot)
{
    slot->dirty = slot->range.log ? g_new0(uint64_t, bitmap_words(pages_of(&slot->range))) : NULL;
}

static void insert_slot(KvmSlots *slots, const KvmRange *range)
{
    KvmSlot slot = { .range = *range, .id = take_slot_number(slots->kvm) };
    guint at = 0;

    while (at < slots->slots->len && slot_at(slots, at)->range.start < range->start) {
        at++;
    }
    start_log(&slot);
    tell_kernel(slots, &slot, range->size);
    g_array_insert_val(slots->slots, at, slot);
}

static void remove_slot(KvmSlots *slots, guint i)
{
    KvmSlot *slot = slot_at(slots, i);

    if (slot->dirty) {
        fetch_dirty(slots, slot);
    }
    tell_kernel(slots, slot, 0);
    g_free(slot->dirty);
    g_array_append_val(slots->kvm->free_slots, slot->id);
    g_array_remove_index(slots->slots, i);
}

/* --- from the flat view to slots ---------------------------------------------------------- */

/* The whole pages of a section; size 0 if there are none. */
static KvmRange range_of(const MemorySection *section)
{
    const uint64_t mask = GUEST_PAGE_SIZE - 1;
    hwaddr start = (section->address + mask) & ~mask;
    hwaddr end = (section->address + section->length) & ~mask;
    uint64_t offset = section->block_offset + (start - section->address);
    bool usable = section->host && section->block && start < end && !(offset & mask);

    return (KvmRange) {
        .start = start, .size = usable ? end - start : 0, .block = section->block, .offset = offset,
        .readonly = !section->writable, .log = usable && section->mr->dirty_log_mask,
    };
}

static guint position(const GArray *sections, hwaddr start)
{
    guint at = 0;

    while (at < sections->len && range_at((GArray *)sections, at)->start < start) {
        at++;
    }
    return at;
}

static void region_add(MemoryListener *listener, const MemorySection *section)
{
    KvmSlots *slots = (KvmSlots *)listener;
    KvmRange range = range_of(section);

    if (range.size) {
        g_array_insert_val(slots->sections, position(slots->sections, range.start), range);
        slots->changed = true;
    }
}

static void region_del(MemoryListener *listener, const MemorySection *section)
{
    KvmSlots *slots = (KvmSlots *)listener;
    KvmRange range = range_of(section);
    guint at = position(slots->sections, range.start);

    if (range.size && at < slots->sections->len && range_at(slots->sections, at)->start == range.start) {
        g_array_remove_index(slots->sections, at);
        slots->changed = true;
    }
}

/* Whether b goes on where a ends, in the same way. */
static bool continues(const KvmRange *a, const KvmRange *b)
{
    return a->start + a->size == b->start && a->block == b->block &&
           a->offset + a->size == b->offset && a->readonly == b->readonly && a->log == b->log;
}

static GArray *merged(const KvmSlots *slots)
{
    GArray *out = g_array_new(false, false, sizeof(KvmRange));

    for (guint i = 0; i < slots->sections->len; i++) {
        KvmRange *range = range_at(slots->sections, i);
        if (out->len && continues(range_at(out, out->len - 1), range)) {
            range_at(out, out->len - 1)->size += range->size;
        } else {
            g_array_append_val(out, *range);
        }
    }
    return out;
}

static bool has_range(GArray *ranges, const KvmRange *range)
{
    for (guint i = 0; i < ranges->len; i++) {
        if (same_range(range_at(ranges, i), range)) {
            return true;
        }
    }
    return false;
}

static KvmSlot *find_slot(const KvmSlots *slots, const KvmRange *range)
{
    for (guint i = 0; i < slots->slots->len; i++) {
        if (same_range(&slot_at(slots, i)->range, range)) {
            return slot_at(slots, i);
        }
    }
    return NULL;
}

/* A log is the one thing about a slot that can be changed in place. */
static void set_log(KvmSlots *slots, KvmSlot *slot, bool log)
{
    if (slot->range.log == log) {
        return;
    }
    if (slot->dirty) {
        fetch_dirty(slots, slot);
    }
    g_free(slot->dirty);
    slot->range.log = log;
    start_log(slot);
    tell_kernel(slots, slot, slot->range.size);
}

static void replace_slots(KvmSlots *slots, GArray *wanted)
{
    kvm_inhibit(slots->kvm);
    for (guint i = slots->slots->len; i-- > 0;) {
        if (!has_range(wanted, &slot_at(slots, i)->range)) {
            remove_slot(slots, i);
        }
    }
    for (guint i = 0; i < wanted->len; i++) {
        KvmSlot *slot = find_slot(slots, range_at(wanted, i));
        if (slot) {
            set_log(slots, slot, range_at(wanted, i)->log);
        } else {
            insert_slot(slots, range_at(wanted, i));
        }
    }
    kvm_uninhibit(slots->kvm);
}

static void commit(MemoryListener *listener)
{
    KvmSlots *slots = (KvmSlots *)listener;

    if (slots->changed) {
        GArray *wanted = merged(slots);
        slots->changed = false;
        replace_slots(slots, wanted);
        g_array_unref(wanted);
    }
}

/* Somebody begins or ends to draw from a block. */
static void log_changed(MemoryListener *listener, RAMBlock *block)
{
    KvmSlots *slots = (KvmSlots *)listener;

    for (guint i = 0; i < slots->sections->len; i++) {
        KvmRange *range = range_at(slots->sections, i);
        if (range->block == block) {
            range->log = block->mr && block->mr->dirty_log_mask;
            slots->changed = true;
        }
    }
    commit(listener);
}

void kvm_slots_init(KvmSlots *slots, KvmState *kvm, unsigned as_id, AddressSpace *as)
{
    *slots = (KvmSlots) {
        .listener = {
            .region_add = region_add, .region_del = region_del, .commit = commit,
            .log_sync = log_sync, .log_reset = log_reset, .log_changed = log_changed,
        },
        .kvm = kvm, .as_id = as_id,
        .sections = g_array_new(false, false, sizeof(KvmRange)),
        .slots = g_array_new(false, false, sizeof(KvmSlot)),
    };
    memory_listener_register(&slots->listener, as);
}
