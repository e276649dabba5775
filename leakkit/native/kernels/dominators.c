/* Immediate dominators by Lengauer and Tarjan (1979), with simple path compression: O(m log n) whatever the graph.
 * (Semi-NCA is shorter but quadratic on a long list whose end shares its data with another holder.)
 *
 * Works in preorder numbers of a depth-first search from a super-root, number 0, that refers to all roots.
 */
#include "common.h"

typedef struct {
    int32_t ancestor; /* parent in the search tree, shortened by compress() once the row is linked */
    int32_t label;    /* row with the lowest semidominator between here and the ancestor */
    int32_t low;      /* semidominator of label */
    int32_t semi;
} Node;

typedef struct {
    const LkGraph *graph;
    int64_t count;      /* rows reached, the super-root among them */
    int32_t *number;    /* preorder number of each row; 0 not reached, -1 outside */
    int32_t *row;       /* row of each preorder number */
    Node *node;
    int32_t *before_start, *before; /* edges turned round, without those that cannot matter */
    int32_t *idom;      /* while a row waits in a bucket: the next one there */
    int32_t *bucket;    /* first row that waits for each semidominator; 0 none */
    int32_t *stack;
    int64_t stack_size;
} Work;

/* Number all rows that the roots reach; node[].ancestor becomes the parent.  ``label`` serves as the cursor. */
static int number_rows(Work *w, const int32_t *roots, int64_t root_count) {
    const LkGraph *graph = w->graph;
    int64_t first, end;
    w->count = 1;
    w->node[0].ancestor = 0;
    for (int64_t i = 0; i < root_count; i++) {
        if (!lk_within(roots[i], graph->rows)) return LK_BAD_INDEX;
        if (w->number[roots[i]]) continue;
        int32_t at = 0, enter = roots[i];
        do {
            if (enter >= 0) {
                int32_t new = (int32_t)w->count++;
                w->number[enter] = new;
                w->row[new] = enter;
                w->node[new].ancestor = at;
                w->node[new].label = (int32_t)graph->start[enter];
                at = new;
                enter = -1;
            }
            if (!lk_edges_of(graph, w->row[at], &first, &end)) return LK_BAD_INDEX;
            int64_t position = w->node[at].label;
            while (position < end && enter < 0) {
                int32_t to = graph->target[position++];
                if (!lk_within(to, graph->rows)) return LK_BAD_INDEX;
                if (!w->number[to]) enter = to;
            }
            w->node[at].label = (int32_t)position;
            if (enter < 0) at = w->node[at].ancestor;
        } while (at);
    }
    return LK_OK;
}

/* The preorder number that an edge leads to, or 0 when the edge cannot matter: to a root (which the super-root
 * dominates), to itself, along the search tree, to a row outside. */
static inline int32_t matters(const Work *w, int64_t position, int32_t from) {
    int32_t to = w->number[w->graph->target[position]];
    return to > 0 && to != from && w->node[to].ancestor != from && w->node[to].semi != 0 ? to : 0;
}

/* Turn the edges round; node[].semi is 0 at roots and 1 elsewhere. */
static bool turn_round(Work *w) {
    int32_t *start = w->before_start;
    memset(start, 0, (size_t)(w->count + 1) * sizeof *start);
    for (int32_t v = 1; v < w->count; v++)
        for (int64_t at = w->graph->start[w->row[v]]; at < w->graph->start[w->row[v] + 1]; at++) {
            int32_t to = matters(w, at, v);
            if (to) start[to]++;
        }
    for (int64_t v = 0; v < w->count; v++) start[v + 1] += start[v];
    w->before = lk_allocate(start[w->count], sizeof *w->before);
    if (!w->before) return false;
    for (int32_t v = 1; v < w->count; v++)
        for (int64_t at = w->graph->start[w->row[v]]; at < w->graph->start[w->row[v] + 1]; at++) {
            int32_t to = matters(w, at, v);
            if (to) w->before[--start[to]] = v;
        }
    return true;
}

/* Label of ``v`` over all its ancestors that are linked (numbers from ``linked`` on); -1 without memory. */
static int32_t evaluate(Work *w, int32_t v, int32_t linked) {
    Node *node = w->node;
    int64_t depth = 0;
    while (node[v].ancestor >= linked) {
        if (depth == w->stack_size) {
            int64_t size = w->stack_size ? 2 * w->stack_size : 1024;
            int32_t *stack = realloc(w->stack, (size_t)size * sizeof *stack);
            if (!stack) return -1;
            w->stack = stack;
            w->stack_size = size;
        }
        w->stack[depth++] = v;
        v = node[v].ancestor;
    }
    while (depth) {
        int32_t below = w->stack[--depth];
        if (node[v].low < node[below].low) {
            node[below].low = node[v].low;
            node[below].label = node[v].label;
        }
        node[below].ancestor = node[v].ancestor;
        v = below;
    }
    return node[v].label;
}

/* Rows in reverse preorder: semidominators first, then dominators relative to them. */
static bool find_semidominators(Work *w) {
    Node *node = w->node;
    for (int32_t v = (int32_t)w->count - 1; v > 0; v--) {
        int32_t parent = node[v].ancestor, semi = node[v].semi ? parent : 0;
        for (int32_t i = w->before_start[v]; i < w->before_start[v + 1]; i++) {
            int32_t from = w->before[i];
            if (from > v) {
                int32_t label = evaluate(w, from, v + 1);
                if (label < 0) return false;
                from = node[label].semi;
            }
            if (from < semi) semi = from;
        }
        node[v].semi = node[v].low = semi;
        node[v].label = v;
        w->idom[v] = semi; /* exact when it is the parent or the super-root */
        if (semi != parent && semi != 0) {
            w->idom[v] = w->bucket[semi];
            w->bucket[semi] = v;
        }
        for (int32_t waiting = w->bucket[parent], next; waiting; waiting = next) {
            next = w->idom[waiting];
            int32_t label = evaluate(w, waiting, v);
            if (label < 0) return false;
            w->idom[waiting] = node[label].semi < node[waiting].semi ? label : parent;
        }
        w->bucket[parent] = 0;
    }
    return true;
}

static int run(Work *w, const int32_t *roots, int64_t root_count) {
    int status = number_rows(w, roots, root_count);
    if (status != LK_OK) return status;
    for (int64_t v = 0; v < w->count; v++) w->node[v].semi = 1;
    for (int64_t i = 0; i < root_count; i++)
        if (w->number[roots[i]] > 0) w->node[w->number[roots[i]]].semi = 0;
    if (!turn_round(w)) return LK_NO_MEMORY;
    w->idom = lk_zeroed(w->count, sizeof *w->idom);
    w->bucket = lk_zeroed(w->count, sizeof *w->bucket);
    if (!w->idom || !w->bucket || !find_semidominators(w)) return LK_NO_MEMORY;
    for (int32_t v = 1; v < w->count; v++)
        if (w->idom[v] != w->node[v].semi) w->idom[v] = w->idom[w->idom[v]];
    return LK_OK;
}

/* idom has rows + 1 places: the immediate dominator of each row, ``rows`` (the super-root) where several roots lead
 * or the row is one, -1 where none leads and at the super-root itself.  Rows outside ``inside`` are not entered. */
LK_EXPORT int lk_dominators(const LkGraph *graph, const uint8_t *inside, const int32_t *roots, int64_t root_count,
                            int32_t *idom) {
    int64_t rows = graph->rows, most = rows + 1;
    Work w = {.graph = graph, .number = lk_allocate(rows, sizeof *w.number)};
    w.row = lk_allocate(most, sizeof *w.row);
    w.node = lk_allocate(most, sizeof *w.node);
    w.before_start = lk_allocate(most + 1, sizeof *w.before_start);
    int status = w.number && w.row && w.node && w.before_start ? LK_OK : LK_NO_MEMORY;
    if (status == LK_OK) {
        for (int64_t row = 0; row < rows; row++) w.number[row] = inside[row] ? 0 : -1;
        status = run(&w, roots, root_count);
    }
    if (status == LK_OK) {
        w.row[0] = (int32_t)rows;
        memset(idom, 0xff, (size_t)most * sizeof *idom);
        for (int32_t v = 1; v < w.count; v++) idom[w.row[v]] = w.row[w.idom[v]];
    }
    free(w.number);
    free(w.row);
    free(w.node);
    free(w.before_start);
    free(w.before);
    free(w.idom);
    free(w.bucket);
    free(w.stack);
    return status;
}
