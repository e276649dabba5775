/* Marking: what some rows reach, what falls with them, and the collector's trial deletion. */
#include "common.h"

enum { UNSEEN = 0, SEEN = 1, CLOSED = 2 };

/* Rows in the order in which they were found; ``ahead`` reads what a row some places further will need. */
typedef struct {
    int32_t *rows;
    int64_t head, tail;
} Queue;

static inline void ahead(const LkGraph *graph, const Queue *queue) {
    if (queue->head + 16 < queue->tail) LK_PREFETCH(&graph->start[queue->rows[queue->head + 16]]);
    if (queue->head + 8 < queue->tail) {
        int64_t at = graph->start[queue->rows[queue->head + 8]];
        if (lk_within(at, graph->edges)) LK_PREFETCH(&graph->target[at]);
    }
}

static bool spread(const LkGraph *graph, Queue *queue, const uint8_t *cut, uint8_t *seen) {
    int64_t first, end;
    while (queue->head < queue->tail) {
        ahead(graph, queue);
        if (!lk_edges_of(graph, queue->rows[queue->head++], &first, &end)) return false;
        for (int64_t at = first; at < end; at++) {
            int64_t to = graph->target[at];
            if (!lk_within(to, graph->rows)) return false;
            if (seen[to]) continue;
            if (cut) {
                int64_t number = lk_number(graph, at);
                if (!lk_within(number, graph->numbers)) return false;
                if (cut[number]) continue;
            }
            seen[to] = SEEN;
            queue->rows[queue->tail++] = (int32_t)to;
        }
    }
    return true;
}

/* 1 in ``seen`` for everything that the seeds reach, themselves included.  ``blocked`` rows (or NULL) are not
 * entered; edges whose ``cut`` (by number, or NULL) is set are not followed. */
LK_EXPORT int lk_reach(const LkGraph *graph, const int32_t *seeds, int64_t count, const uint8_t *blocked,
                       const uint8_t *cut, uint8_t *seen) {
    Queue queue = {lk_allocate(graph->rows, sizeof *queue.rows), 0, 0};
    int status = LK_OK;
    if (!queue.rows) return LK_NO_MEMORY;
    for (int64_t row = 0; row < graph->rows; row++) seen[row] = blocked && blocked[row] ? CLOSED : UNSEEN;
    for (int64_t i = 0; i < count && status == LK_OK; i++) {
        if (!lk_within(seeds[i], graph->rows)) {
            status = LK_BAD_INDEX;
        } else if (!seen[seeds[i]]) {
            seen[seeds[i]] = SEEN;
            queue.rows[queue.tail++] = seeds[i];
        }
    }
    if (status == LK_OK && !spread(graph, &queue, cut, seen)) status = LK_BAD_INDEX;
    for (int64_t row = 0; row < graph->rows; row++) seen[row] = seen[row] == SEEN;
    free(queue.rows);
    return status;
}

/* What reference counting frees once the seeds are freed: 1 in ``fallen``.  ``left`` holds the reference counts and
 * is used up; rows outside ``may_fall`` never fall. */
LK_EXPORT int lk_cascade(const LkGraph *graph, const int32_t *seeds, int64_t count, int64_t *left,
                         const uint8_t *may_fall, uint8_t *fallen) {
    Queue queue = {lk_allocate(graph->rows + count, sizeof *queue.rows), 0, 0};
    uint8_t *fixed = lk_allocate(graph->rows, 1);
    int64_t first, end;
    int status = queue.rows && fixed ? LK_OK : LK_NO_MEMORY;
    if (status != LK_OK) goto done;
    for (int64_t row = 0; row < graph->rows; row++) fixed[row] = !may_fall[row];
    memset(fallen, 0, (size_t)graph->rows);
    for (int64_t i = 0; i < count; i++) {
        status = LK_BAD_INDEX;
        if (!lk_within(seeds[i], graph->rows)) goto done;
        fixed[seeds[i]] = 1;
        queue.rows[queue.tail++] = seeds[i];
    }
    status = LK_BAD_INDEX;
    while (queue.head < queue.tail) {
        ahead(graph, &queue);
        if (!lk_edges_of(graph, queue.rows[queue.head++], &first, &end)) goto done;
        for (int64_t at = first; at < end; at++) {
            int64_t to = graph->target[at];
            if (!lk_within(to, graph->rows)) goto done;
            left[to] = (int64_t)((uint64_t)left[to] - 1);
            if (left[to] > 0 || fixed[to]) continue;
            fixed[to] = fallen[to] = 1;
            queue.rows[queue.tail++] = (int32_t)to;
        }
    }
    status = LK_OK;
done:
    free(queue.rows);
    free(fixed);
    return status;
}

/* Whether a reference enters the subtraction: reported by tp_traverse, not weak, to a row of the graph. */
static inline bool counts(const LkGraph *graph, const uint8_t *kind, uint8_t extra, uint8_t weak, int64_t at) {
    return !(kind[at] & extra) && kind[at] != weak && lk_within(graph->target[at], graph->rows);
}

/* Trial deletion as CPython's collector does it (Modules/gcmodule.c: subtract_refs, move_unreachable) over the
 * ``candidate`` rows: rest = refcount - references from candidates; what the rows with rest > 0 or ``anchored`` do
 * not reach through candidates is dead. */
LK_EXPORT int lk_trial(const LkGraph *graph, const uint8_t *kind, uint8_t extra, uint8_t weak,
                       const int64_t *refcount, const uint8_t *candidate, const uint8_t *anchored, int64_t *rest,
                       uint8_t *dead) {
    Queue queue = {lk_allocate(graph->rows, sizeof *queue.rows), 0, 0};
    int64_t first, end, rows = graph->rows;
    int status = LK_NO_MEMORY;
    if (!queue.rows) return status;
    for (int64_t row = 0; row < rows; row++) rest[row] = candidate[row] ? refcount[row] : 0;
    status = LK_BAD_INDEX;
    for (int64_t row = 0; row < rows; row++) {
        if (!lk_edges_of(graph, row, &first, &end)) goto done;
        if (!candidate[row]) continue;
        for (int64_t at = first; at < end; at++)
            if (counts(graph, kind, extra, weak, at) && candidate[graph->target[at]])
                rest[graph->target[at]] = (int64_t)((uint64_t)rest[graph->target[at]] - 1);
    }
    for (int64_t row = 0; row < rows; row++) {
        bool held = candidate[row] && (rest[row] > 0 || anchored[row]);
        dead[row] = candidate[row] && !held;
        if (held) queue.rows[queue.tail++] = (int32_t)row;
    }
    while (queue.head < queue.tail) {
        ahead(graph, &queue);
        if (!lk_edges_of(graph, queue.rows[queue.head++], &first, &end)) goto done;
        for (int64_t at = first; at < end; at++) {
            if (!counts(graph, kind, extra, weak, at) || !dead[graph->target[at]]) continue;
            dead[graph->target[at]] = 0;
            queue.rows[queue.tail++] = graph->target[at];
        }
    }
    status = LK_OK;
done:
    free(queue.rows);
    return status;
}
