/* Puts the references of a dump, which come by the order in which objects were walked, into the graph's order. */
#include "common.h"

typedef struct {
    int64_t rows, dump_rows, edges, extras;
    const int32_t *order;    /* for each of the graph's rows, its row in the dump, which may have more */
    const int64_t *first;    /* where the references of each row of the dump start; dump_rows + 1 of them */
    const int32_t *target;   /* of each reference of the dump, a row of the graph; -1 when it is not there */
    const uint8_t *kind;
    const int32_t *name;
    const uint8_t *backwards;   /* rows of the dump whose references were reported last first */
    const int64_t *extra_start; /* references to add, by rows of the graph; rows + 1 */
    const int32_t *extra_target;
    const uint8_t *extra_kind;
    const int32_t *extra_name;
} LkDump;

typedef struct {
    int64_t *start;
    int32_t *target;
    uint8_t *kind;
    int32_t *name;
    int64_t count;
} LkReferences;

static inline void put(LkReferences *out, int32_t target, uint8_t kind, int32_t name) {
    out->target[out->count] = target;
    out->kind[out->count] = kind;
    out->name[out->count++] = name;
}

static bool put_row(const LkDump *dump, int64_t row, LkReferences *out) {
    int64_t from = dump->order[row];
    if (!lk_within(from, dump->dump_rows)) return false;
    int64_t first = dump->first[from], end = dump->first[from + 1];
    if (first < 0 || first > end || end > dump->edges) return false;
    /* A hostile order may name a row twice: never write more than there is room for. */
    if (end - first > dump->edges + dump->extras - out->count) return false;
    for (int64_t i = 0; i < end - first; i++) {
        int64_t at = dump->backwards[from] ? end - 1 - i : first + i;
        if (dump->target[at] >= 0) put(out, dump->target[at], dump->kind[at], dump->name[at]);
    }
    first = dump->extra_start[row], end = dump->extra_start[row + 1];
    if (first < 0 || first > end || end > dump->extras) return false;
    if (end - first > dump->edges + dump->extras - out->count) return false;
    for (int64_t at = first; at < end; at++)
        put(out, dump->extra_target[at], dump->extra_kind[at], dump->extra_name[at]);
    return true;
}

/* For each row its references that lead somewhere, then the extra ones.  The arrays of ``out`` have room for all. */
LK_EXPORT int lk_join_references(const LkDump *dump, LkReferences *out) {
    out->count = 0;
    out->start[0] = 0;
    for (int64_t row = 0; row < dump->rows; row++) {
        if (row + 8 < dump->rows && lk_within(dump->order[row + 8], dump->dump_rows)) {
            int64_t soon = dump->first[dump->order[row + 8]];
            if (lk_within(soon, dump->edges)) LK_PREFETCH(&dump->target[soon]);
        }
        if (!put_row(dump, row, out)) return LK_BAD_INDEX;
        out->start[row + 1] = out->count;
    }
    return LK_OK;
}
