/* Passes over the columns of references that take numpy several copies of them. */
#include "common.h"

/* What each reference costs on a path: by its name where ``by_name`` has a cost, else by its kind (under ``mask``);
 * a reference of the kind ``attribute`` without a name costs as much as one of kind 0. */
LK_EXPORT int lk_edge_costs(const uint8_t *kind, const int32_t *name, int64_t edges, uint8_t mask, uint8_t attribute,
                            const uint8_t *by_kind, const uint8_t *by_name, int64_t names, uint8_t *cost) {
    for (int64_t at = 0; at < edges; at++) {
        uint8_t of = kind[at] & mask;
        if (!lk_within(name[at], names)) return LK_BAD_INDEX;
        uint8_t special = by_name[name[at]];
        cost[at] = special ? special : by_kind[of == attribute && name[at] == 0 ? 0 : of];
    }
    return LK_OK;
}

/* How many references of the kinds that ``wanted`` marks (one a byte value) leave each row. */
LK_EXPORT int lk_count_kinds(const LkGraph *graph, const uint8_t *kind, const uint8_t *wanted, int32_t *count) {
    int64_t first, end;
    for (int64_t row = 0; row < graph->rows; row++) {
        if (!lk_edges_of(graph, row, &first, &end)) return LK_BAD_INDEX;
        int32_t found = 0;
        for (int64_t at = first; at < end; at++) found += wanted[kind[at]];
        count[row] = found;
    }
    return LK_OK;
}

/* 1 for the targets of references whose name ``by_name`` marks, or that have no name, are of a kind that ``vague``
 * marks and come from a row that ``owner`` marks. */
LK_EXPORT int lk_mark_targets(const LkGraph *graph, const uint8_t *kind, const int32_t *name, const uint8_t *by_name,
                              int64_t names, const uint8_t *vague, const uint8_t *owner, uint8_t *marked) {
    int64_t first, end;
    memset(marked, 0, (size_t)graph->rows);
    for (int64_t row = 0; row < graph->rows; row++) {
        if (!lk_edges_of(graph, row, &first, &end)) return LK_BAD_INDEX;
        for (int64_t at = first; at < end; at++) {
            if (!lk_within(name[at], names)) return LK_BAD_INDEX;
            if (!by_name[name[at]] && !(name[at] == 0 && vague[kind[at]] && owner[row])) continue;
            if (lk_within(graph->target[at], graph->rows)) marked[graph->target[at]] = 1;
        }
    }
    return LK_OK;
}

/* table[index[i]] for each i. */
LK_EXPORT int lk_look_up(const uint8_t *table, int64_t size, const int32_t *index, int64_t count, uint8_t *found) {
    for (int64_t i = 0; i < count; i++) {
        if (!lk_within(index[i], size)) return LK_BAD_INDEX;
        found[i] = table[index[i]];
    }
    return LK_OK;
}

/* References to rows that are not in the graph, from rows that are not the agent's and not of an ``extra`` kind. */
LK_EXPORT int lk_count_unknown(const LkGraph *graph, const uint8_t *kind, uint8_t extra, const uint8_t *agent,
                               int64_t *unknown) {
    int64_t first, end, found = 0;
    for (int64_t row = 0; row < graph->rows; row++) {
        if (!lk_edges_of(graph, row, &first, &end)) return LK_BAD_INDEX;
        if (agent[row]) continue;
        for (int64_t at = first; at < end; at++)
            found += !(kind[at] & extra) && !lk_within(graph->target[at], graph->rows);
    }
    *unknown = found;
    return LK_OK;
}
