/* Strongly connected components, by Pearce's space-saving variant of Tarjan's algorithm (2016), without recursion. */
#include "common.h"

typedef struct {
    const LkGraph *graph;
    int32_t *index;   /* 0: not visited; active rows: number of the lowest row they reach; then component + 1 */
    int64_t *cursor;  /* next edge of each row on the path */
    int32_t *path;
    uint8_t *is_root;
    int32_t *done;    /* visited rows whose component is not complete */
    int64_t depth, open;
    int32_t next, component;
} Tarjan;

static void begin(Tarjan *t, int32_t row) {
    t->index[row] = t->next++;
    t->is_root[row] = 1;
    t->cursor[t->depth] = t->graph->start[row];
    t->path[t->depth++] = row;
}

static void finish(Tarjan *t, int32_t row) {
    if (!t->is_root[row]) {
        t->done[t->open++] = row;
        return;
    }
    t->next--;
    while (t->open && t->index[row] <= t->index[t->done[t->open - 1]]) {
        t->index[t->done[--t->open]] = t->component;
        t->next--;
    }
    t->index[row] = t->component--;
}

static inline void lower(Tarjan *t, int32_t row, int32_t to) {
    if (t->index[to] >= t->index[row]) return;
    t->index[row] = t->index[to];
    t->is_root[row] = 0;
}

static int walk(Tarjan *t) {
    int64_t first, end;
    while (t->depth) {
        int32_t row = t->path[t->depth - 1];
        if (!lk_edges_of(t->graph, row, &first, &end)) return LK_BAD_INDEX;
        bool entered = false;
        for (int64_t at = t->cursor[t->depth - 1]; at < end; at++) {
            int32_t to = t->graph->target[at];
            if (!lk_within(to, t->graph->rows)) return LK_BAD_INDEX;
            if (!t->index[to]) {
                t->cursor[t->depth - 1] = at; /* looked at once more after the visit */
                begin(t, to);
                entered = true;
                break;
            }
            lower(t, row, to);
        }
        if (entered) continue;
        t->depth--;
        finish(t, row);
    }
    return LK_OK;
}

/* A number for each row, the same for two rows exactly when they reach each other. */
LK_EXPORT int lk_components(const LkGraph *graph, int32_t *label) {
    int64_t rows = graph->rows;
    Tarjan t = {.graph = graph, .index = label, .next = 1, .component = (int32_t)rows};
    t.cursor = lk_allocate(rows, sizeof *t.cursor);
    t.path = lk_allocate(rows, sizeof *t.path);
    t.done = lk_allocate(rows, sizeof *t.done);
    t.is_root = lk_allocate(rows, 1);
    int status = t.cursor && t.path && t.done && t.is_root ? LK_OK : LK_NO_MEMORY;
    memset(label, 0, (size_t)rows * sizeof *label);
    for (int64_t row = 0; row < rows && status == LK_OK; row++) {
        if (label[row]) continue;
        begin(&t, (int32_t)row);
        status = walk(&t);
    }
    for (int64_t row = 0; row < rows; row++) label[row]--;
    free(t.cursor);
    free(t.path);
    free(t.done);
    free(t.is_root);
    return status;
}
