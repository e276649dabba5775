/* What all kernels share: the graph they get from Python, status codes, memory.
 *
 * A kernel is a pure function of arrays.  It returns a status and writes to arrays that the caller allocated; on
 * any status but LK_OK their content is undefined.  Row numbers and row ranges come from files and are checked
 * where they are used: a kernel never reads or writes outside its arrays, whatever they hold.
 */
#ifndef LEAKKIT_COMMON_H
#define LEAKKIT_COMMON_H

#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* madvise */
#endif
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LK_EXPORT __attribute__((visibility("default")))
#define LK_PREFETCH(address) __builtin_prefetch(address)

enum { LK_OK = 0, LK_NO_MEMORY = 1, LK_BAD_INDEX = 2, LK_BAD_FOREST = 3 };

/* Compressed rows: target[start[v]] to target[start[v + 1] - 1] are the successors of row v.  At most 2^31 - 1
 * rows and edges, which the binding checks. */
typedef struct {
    int64_t rows;
    int64_t edges;
    const int64_t *start;   /* rows + 1 of them */
    const int32_t *target;
    const int32_t *number;  /* the caller's number of each edge; NULL when it is its position */
    int64_t numbers;        /* all numbers are below it */
} LkGraph;

/* The positions of a row's edges; false when they do not lie within the graph. */
static inline bool lk_edges_of(const LkGraph *graph, int64_t row, int64_t *first, int64_t *end) {
    *first = graph->start[row];
    *end = graph->start[row + 1];
    return 0 <= *first && *first <= *end && *end <= graph->edges;
}

static inline bool lk_within(int64_t index, int64_t size) { return (uint64_t)index < (uint64_t)size; }

static inline int64_t lk_number(const LkGraph *graph, int64_t position) {
    return graph->number ? graph->number[position] : position;
}

/* Ask for huge pages before the memory is touched: searches read it at random, and with small pages most of their
 * time goes into page tables.  (numpy does the same for its arrays.) */
static inline void *lk_huge(void *memory, uint64_t bytes) {
#ifdef MADV_HUGEPAGE
    uint64_t first = ((uint64_t)(uintptr_t)memory + 4095) & ~UINT64_C(4095);
    if (memory && bytes >= UINT64_C(4) << 20)
        madvise((void *)(uintptr_t)first, (bytes - 4096) & ~UINT64_C(4095), MADV_HUGEPAGE);
#endif
    return memory;
}

/* Never NULL for zero items. */
static inline void *lk_allocate(int64_t count, size_t size) {
    if (count < 0 || (uint64_t)count > SIZE_MAX / 2 / size) return NULL;
    return lk_huge(malloc(count ? (size_t)count * size : 1), (uint64_t)count * size);
}

static inline void *lk_zeroed(int64_t count, size_t size) {
    if (count < 0 || (uint64_t)count > SIZE_MAX / 2 / size) return NULL;
    return lk_huge(calloc(count ? (size_t)count : 1, size), (uint64_t)count * size);
}

#endif
