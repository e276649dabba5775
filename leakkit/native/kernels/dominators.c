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
    int32_t number;  /* preorder number; 0 not reached, -1 outside */
    int32_t arrives; /* how many edges to it the search did not take; -1 a root, whose edges do not matter */
} Row;

/* An edge that the search did not take: from a preorder number to a row. */
typedef struct {
    int32_t from, to;
} Edge;

typedef struct {
    const LkGraph *graph;
    int64_t count;   /* rows reached, the super-root among them */
    Row *rows;
    int32_t *row;    /* row of each preorder number */
    Node *node;      /* by preorder number, as all that follow */
    Edge *edges;     /* in the order in which the search met them */
    int64_t edge_count;
    int32_t *before, *before_start; /* the same by the row they lead to: where each comes from */
    int32_t *idom;   /* while a row waits in a bucket: the next one there */
    int32_t *bucket; /* first row that waits for each semidominator; 0 none */
    int32_t *stack;
    int64_t stack_size;
} Work;

enum { AHEAD = 8 };

/* While one row's subtree is searched, fetch the edges of the row after it. */
static inline void prefetch_edges(const LkGraph *graph, int32_t row) {
    if (lk_within(row, graph->rows) && lk_within(graph->start[row], graph->edges))
        LK_PREFETCH(&graph->target[graph->start[row]]);
}

/* The next row to enter from ``at``, or -1 when all its edges were looked at; edges to rows that were numbered before
 * are kept.  node[].label is the cursor. */
static int32_t next_row(Work *w, int32_t at, int64_t end) {
    const int32_t *target = w->graph->target;
    int64_t position = w->node[at].label;
    int32_t enter = -1;
    while (position < end && enter < 0) {
        if (position + AHEAD < end && lk_within(target[position + AHEAD], w->graph->rows))
            LK_PREFETCH(&w->rows[target[position + AHEAD]]);
        int32_t to = target[position++];
        if (!lk_within(to, w->graph->rows)) return -2;
        Row *row = &w->rows[to];
        if (row->number == 0) {
            enter = to;
            if (position < end) prefetch_edges(w->graph, target[position]);
        } else if (row->number > 0 && row->number != at && row->arrives >= 0) {
            w->edges[w->edge_count++] = (Edge){at, to};
            row->arrives++;
        }
    }
    w->node[at].label = (int32_t)position;
    return enter;
}

/* Searches wait for memory more than for anything: ask at once for what the row's first edges lead to. */
static void look_ahead(const Work *w, int64_t first, int64_t end) {
    if (end > first + AHEAD) end = first + AHEAD;
    for (int64_t at = first; at < end; at++) {
        int32_t to = w->graph->target[at];
        if (!lk_within(to, w->graph->rows)) return;
        LK_PREFETCH(&w->rows[to]);
        LK_PREFETCH(&w->graph->start[to]);
    }
}

/* Number all rows that the roots reach; node[].ancestor becomes the parent. */
static int number_rows(Work *w, const int32_t *roots, int64_t root_count) {
    int64_t first, end;
    for (int64_t i = 0; i < root_count; i++) {
        if (!lk_within(roots[i], w->graph->rows)) return LK_BAD_INDEX;
        w->rows[roots[i]].arrives = -1;
    }
    w->count = 1;
    w->node[0].ancestor = 0;
    for (int64_t i = 0; i < root_count; i++) {
        int32_t at = 0, enter = w->rows[roots[i]].number == 0 ? roots[i] : -1;
        while (at || enter >= 0) {
            if (enter >= 0) {
                int32_t new = (int32_t)w->count++;
                if (!lk_edges_of(w->graph, enter, &first, &end)) return LK_BAD_INDEX;
                look_ahead(w, first, end);
                w->rows[enter].number = new;
                w->row[new] = enter;
                w->node[new] = (Node){.ancestor = at, .label = (int32_t)first};
                at = new;
            }
            end = w->graph->start[w->row[at] + 1];
            enter = next_row(w, at, end);
            if (enter == -2) return LK_BAD_INDEX;
            if (enter < 0) at = w->node[at].ancestor;
        }
    }
    return LK_OK;
}

/* Sort the edges by the row they lead to. */
static bool sort_edges(Work *w) {
    w->before = lk_allocate(w->edge_count, sizeof *w->before);
    w->before_start = lk_allocate(w->count + 1, sizeof *w->before_start);
    if (!w->before || !w->before_start) return false;
    int32_t sum = 0;
    for (int64_t v = 1; v < w->count; v++) {
        if (v + 2 * AHEAD < w->count) LK_PREFETCH(&w->rows[w->row[v + 2 * AHEAD]]);
        Row *row = &w->rows[w->row[v]];
        w->before_start[v] = sum;
        if (row->arrives < 0) continue;
        sum += row->arrives;
        row->arrives = w->before_start[v]; /* from here on where the next one goes */
    }
    w->before_start[w->count] = sum;
    for (int64_t at = 0; at < w->edge_count; at++) {
        if (at + 2 * AHEAD < w->edge_count) LK_PREFETCH(&w->rows[w->edges[at + 2 * AHEAD].to]);
        w->before[w->rows[w->edges[at].to].arrives++] = w->edges[at].from;
    }
    free(w->edges);
    w->edges = NULL;
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

/* What the edges a little further on will need: where they come from, and the ancestor of that. */
static inline void prefetch_before(const Work *w, int32_t at) {
    if (at < 2 * AHEAD) return;
    LK_PREFETCH(&w->node[w->before[at - 2 * AHEAD]]);
    LK_PREFETCH(&w->node[w->node[w->before[at - AHEAD]].ancestor]);
}

/* The lowest semidominator that an edge which the search did not take gives ``v``; -1 without memory. */
static int32_t semidominator(Work *w, int32_t v, int32_t semi) {
    for (int32_t at = w->before_start[v + 1] - 1; at >= w->before_start[v]; at--) {
        int32_t from = w->before[at];
        prefetch_before(w, at);
        if (from > v) {
            int32_t label = evaluate(w, from, v + 1);
            if (label < 0) return -1;
            from = w->node[label].semi;
        }
        if (from < semi) semi = from;
    }
    return semi;
}

/* Rows in reverse preorder: semidominators first, then dominators relative to them. */
static bool find_semidominators(Work *w) {
    Node *node = w->node;
    for (int32_t v = (int32_t)w->count - 1; v > 0; v--) {
        if (v > AHEAD) LK_PREFETCH(&w->rows[w->row[v - AHEAD]]);
        int32_t parent = node[v].ancestor;
        int32_t semi = w->rows[w->row[v]].arrives < 0 ? 0 : semidominator(w, v, parent);
        if (semi < 0) return false;
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
    if (!sort_edges(w)) return LK_NO_MEMORY;
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
    Work w = {.graph = graph, .rows = lk_allocate(rows, sizeof *w.rows)};
    w.row = lk_allocate(most, sizeof *w.row);
    w.node = lk_allocate(most, sizeof *w.node);
    w.edges = lk_allocate(graph->edges, sizeof *w.edges); /* of which only what is used becomes resident */
    int status = w.rows && w.row && w.node && w.edges ? LK_OK : LK_NO_MEMORY;
    if (status == LK_OK) {
        for (int64_t row = 0; row < rows; row++) w.rows[row] = (Row){inside[row] ? 0 : -1, 0};
        status = run(&w, roots, root_count);
    }
    if (status == LK_OK) {
        w.row[0] = (int32_t)rows;
        memset(idom, 0xff, (size_t)most * sizeof *idom);
        for (int32_t v = 1; v < w.count; v++) idom[w.row[v]] = w.row[w.idom[v]];
    }
    free(w.rows);
    free(w.row);
    free(w.node);
    free(w.edges);
    free(w.before);
    free(w.before_start);
    free(w.idom);
    free(w.bucket);
    free(w.stack);
    return status;
}
