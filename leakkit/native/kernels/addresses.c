/* Addresses of objects: sorting them, and finding millions of them in a sorted column. */
#include "common.h"

enum { DIGIT = 11, DIGITS = 1 << DIGIT, PAGE_SHIFT = 10, BATCH = 32 };

/* The order that sorts ``value``: least significant digit first, digits that are the same everywhere left out.
 * ``order`` holds positions; ``spare_order``, ``spare_value`` and ``value`` (which ends sorted) are of that size. */
LK_EXPORT int lk_sort_addresses(uint64_t *value, int64_t count, uint64_t *spare_value, int32_t *order,
                                int32_t *spare_order) {
    uint64_t *from = value, *to = spare_value, differ = 0;
    int32_t *from_order = order, *to_order = spare_order;
    for (int64_t i = 0; i < count; i++) {
        order[i] = (int32_t)i;
        differ |= value[i] ^ value[0];
    }
    for (int shift = 0; shift < 64; shift += DIGIT) {
        if (!((differ >> shift) & (DIGITS - 1))) continue;
        int64_t place[DIGITS] = {0}, sum = 0;
        for (int64_t i = 0; i < count; i++) place[(from[i] >> shift) & (DIGITS - 1)]++;
        for (int digit = 0; digit < DIGITS; digit++) {
            int64_t here = place[digit];
            place[digit] = sum;
            sum += here;
        }
        for (int64_t i = 0; i < count; i++) {
            int64_t at = place[(from[i] >> shift) & (DIGITS - 1)]++;
            to[at] = from[i];
            to_order[at] = from_order[i];
        }
        uint64_t *was = from;
        int32_t *was_order = from_order;
        from = to, to = was;
        from_order = to_order, to_order = was_order;
    }
    if (from != value) {
        memcpy(value, from, (size_t)count * sizeof *value);
        memcpy(order, from_order, (size_t)count * sizeof *order);
    }
    return LK_OK;
}

/* Rows whose addresses share all but the lowest PAGE_SHIFT bits. */
typedef struct {
    uint64_t page;
    int32_t first, count; /* count 0: the slot is free */
} Slot;

typedef struct {
    Slot *slots;
    int bits;
} Pages;

static inline uint64_t slot_of(const Pages *pages, uint64_t page) {
    return (page * UINT64_C(0x9E3779B97F4A7C15)) >> (64 - pages->bits);
}

static Slot *find_slot(const Pages *pages, uint64_t at, uint64_t page) {
    uint64_t last = (UINT64_C(1) << pages->bits) - 1;
    while (pages->slots[at].count && pages->slots[at].page != page) at = (at + 1) & last;
    return &pages->slots[at];
}

/* How many pages there are; -1 when the column does not ascend. */
static int64_t count_pages(const uint64_t *ascending, int64_t rows) {
    int64_t found = rows > 0;
    for (int64_t row = 1; row < rows; row++) {
        if (ascending[row] <= ascending[row - 1]) return -1;
        found += ascending[row] >> PAGE_SHIFT != ascending[row - 1] >> PAGE_SHIFT;
    }
    return found;
}

/* A table of at least twice as many slots as pages. */
static int index_pages(Pages *pages, const uint64_t *ascending, int64_t rows, int64_t found) {
    pages->bits = 4;
    while ((INT64_C(1) << pages->bits) < 2 * found) pages->bits++;
    pages->slots = lk_zeroed(INT64_C(1) << pages->bits, sizeof *pages->slots);
    if (!pages->slots) return LK_NO_MEMORY;
    for (int64_t row = 0, end; row < rows; row = end) {
        uint64_t page = ascending[row] >> PAGE_SHIFT;
        for (end = row + 1; end < rows && ascending[end] >> PAGE_SHIFT == page; end++) {}
        Slot *slot = find_slot(pages, slot_of(pages, page), page);
        *slot = (Slot){page, (int32_t)row, (int32_t)(end - row)};
    }
    return LK_OK;
}

static int32_t row_in(const Slot *slot, const uint64_t *ascending, uint64_t address) {
    int32_t low = slot->first, count = slot->count;
    if (!count) return -1;
    while (count > 1) {
        int32_t half = count / 2;
        low = ascending[low + half] <= address ? low + half : low;
        count -= half;
    }
    return ascending[low] == address ? low : -1;
}

/* The row of each ``wanted`` address in a strictly ascending column, or -1.  Batches hide the latency of memory:
 * first all slots are asked for, then all rows, then they are read. */
LK_EXPORT int lk_index_addresses(const uint64_t *ascending, int64_t rows, const uint64_t *wanted, int64_t count,
                                 int32_t *found) {
    Pages pages = {NULL, 0};
    uint64_t at[BATCH];
    const Slot *slot[BATCH];
    int64_t page_count = count_pages(ascending, rows);
    if (page_count < 0) return LK_BAD_INDEX;
    if (count < page_count / 4) { /* too few to pay for a table */
        Slot all = {0, 0, (int32_t)rows};
        for (int64_t i = 0; i < count; i++) found[i] = row_in(&all, ascending, wanted[i]);
        return LK_OK;
    }
    int status = index_pages(&pages, ascending, rows, page_count);
    for (int64_t base = 0; base < count && status == LK_OK; base += BATCH) {
        int size = count - base < BATCH ? (int)(count - base) : BATCH;
        for (int i = 0; i < size; i++) {
            at[i] = slot_of(&pages, wanted[base + i] >> PAGE_SHIFT);
            LK_PREFETCH(&pages.slots[at[i]]);
        }
        for (int i = 0; i < size; i++) {
            slot[i] = find_slot(&pages, at[i], wanted[base + i] >> PAGE_SHIFT);
            if (slot[i]->count) LK_PREFETCH(&ascending[slot[i]->first + slot[i]->count / 2]);
        }
        for (int i = 0; i < size; i++) found[base + i] = row_in(slot[i], ascending, wanted[base + i]);
    }
    free(pages.slots);
    return status;
}
