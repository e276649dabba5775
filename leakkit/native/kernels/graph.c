/* Building and reshaping compressed graphs, by counting sort. */
#include "common.h"

/* The source row of each edge. */
LK_EXPORT int lk_edge_sources(const LkGraph *graph, int32_t *source) {
    int64_t at = 0, first, end;
    for (int64_t row = 0; row < graph->rows; row++) {
        if (!lk_edges_of(graph, row, &first, &end) || first != at) return LK_BAD_INDEX;
        while (at < end) source[at++] = (int32_t)row;
    }
    return at == graph->edges ? LK_OK : LK_BAD_INDEX;
}

/* How many edges lead to each row. */
LK_EXPORT int lk_in_degrees(int64_t rows, const int32_t *target, int64_t edges, int32_t *degree) {
    memset(degree, 0, (size_t)rows * sizeof *degree);
    for (int64_t at = 0; at < edges; at++) {
        if (!lk_within(target[at], rows)) return LK_BAD_INDEX;
        degree[target[at]]++;
    }
    return LK_OK;
}

/* start[v] for all v from how many edges each row has; start has rows + 1 places, counts lie in start[1..]. */
static void sum_up(int64_t *start, int64_t rows) {
    for (int64_t row = 0; row < rows; row++) start[row + 1] += start[row];
}

/* After filling with start[v]++ as the cursor: put the starts back. */
static void shift_back(int64_t *start, int64_t rows) {
    memmove(start + 1, start, (size_t)rows * sizeof *start);
    start[0] = 0;
}

/* CSR of an edge list; the order of the edges within a row stays.  ``number`` may be NULL for positions. */
LK_EXPORT int lk_from_edges(int64_t rows, int64_t edges, const int32_t *source, const int32_t *target,
                            const int32_t *number, int64_t *start, int32_t *out_target, int32_t *out_number) {
    memset(start, 0, (size_t)(rows + 1) * sizeof *start);
    for (int64_t at = 0; at < edges; at++) {
        if (!lk_within(source[at], rows)) return LK_BAD_INDEX;
        start[source[at] + 1]++;
    }
    sum_up(start, rows);
    for (int64_t at = 0; at < edges; at++) {
        int64_t to = start[source[at]]++;
        out_target[to] = target[at];
        out_number[to] = number ? number[at] : (int32_t)at;
    }
    shift_back(start, rows);
    return LK_OK;
}

/* The graph turned round; edges keep their numbers, and within a row they come by source. */
LK_EXPORT int lk_transpose(const LkGraph *graph, int64_t *start, int32_t *out_target, int32_t *out_number) {
    int64_t first, end;
    memset(start, 0, (size_t)(graph->rows + 1) * sizeof *start);
    for (int64_t at = 0; at < graph->edges; at++) {
        if (!lk_within(graph->target[at], graph->rows)) return LK_BAD_INDEX;
        start[graph->target[at] + 1]++;
    }
    sum_up(start, graph->rows);
    int64_t expected = 0;
    for (int64_t row = 0; row < graph->rows; row++) {
        if (!lk_edges_of(graph, row, &first, &end) || first != expected) return LK_BAD_INDEX;
        expected = end;
        for (int64_t at = first; at < end; at++) {
            int64_t to = start[graph->target[at]]++;
            out_target[to] = (int32_t)row;
            out_number[to] = (int32_t)lk_number(graph, at);
        }
    }
    shift_back(start, graph->rows);
    return LK_OK;
}

/* The graph of the edges whose ``keep`` (by position) is set.  ``kept`` receives how many. */
LK_EXPORT int lk_keep_edges(const LkGraph *graph, const uint8_t *keep, int64_t *start, int32_t *out_target,
                            int32_t *out_number, int64_t *kept) {
    int64_t first, end, to = 0, expected = 0;
    start[0] = 0;
    for (int64_t row = 0; row < graph->rows; row++) {
        if (!lk_edges_of(graph, row, &first, &end) || first != expected) return LK_BAD_INDEX;
        expected = end;
        for (int64_t at = first; at < end; at++) {
            if (!keep[at]) continue;
            out_target[to] = graph->target[at];
            out_number[to++] = (int32_t)at;
        }
        start[row + 1] = to;
    }
    *kept = to;
    return LK_OK;
}

/* 1 for the edges that retain: not of kind ``weak`` (under ``mask``), to a known row, not from or to the agent. */
LK_EXPORT int lk_retaining(const LkGraph *graph, const uint8_t *kind, uint8_t mask, uint8_t weak,
                           const uint8_t *agent, uint8_t *keep) {
    int64_t first, end;
    memset(keep, 0, (size_t)graph->edges);
    for (int64_t row = 0; row < graph->rows; row++) {
        if (!lk_edges_of(graph, row, &first, &end)) return LK_BAD_INDEX;
        if (agent[row]) continue;
        for (int64_t at = first; at < end; at++) {
            int64_t to = graph->target[at];
            keep[at] = (kind[at] & mask) != weak && lk_within(to, graph->rows) && !agent[to];
        }
    }
    return LK_OK;
}

/* The subgraph of some rows, which get the numbers 0, 1, ...  ``local`` is scratch, one a row, all -1.  Called once
 * with out_target NULL to learn ``kept``, then again to fill. */
LK_EXPORT int lk_induced(const LkGraph *graph, const int32_t *rows, int64_t count, int32_t *local, int64_t *start,
                         int32_t *out_target, int32_t *out_number, int64_t *kept) {
    int64_t first, end, to = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!lk_within(rows[i], graph->rows)) return LK_BAD_INDEX;
        local[rows[i]] = (int32_t)i;
    }
    start[0] = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!lk_edges_of(graph, rows[i], &first, &end)) return LK_BAD_INDEX;
        for (int64_t at = first; at < end; at++) {
            if (!lk_within(graph->target[at], graph->rows)) return LK_BAD_INDEX;
            int32_t inside = local[graph->target[at]];
            if (inside < 0) continue;
            if (out_target) {
                if (to >= *kept) return LK_BAD_INDEX;
                out_target[to] = inside;
                out_number[to] = (int32_t)lk_number(graph, at);
            }
            to++;
        }
        start[i + 1] = to;
    }
    *kept = to;
    return LK_OK;
}
