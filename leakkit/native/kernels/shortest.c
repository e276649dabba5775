/* Cheapest ways from some seeds: Dial's algorithm (1969), a ring of buckets for the distances d to d + 255. */
#include "common.h"

enum { RING = 256, OUTSIDE = -2, FARTHEST = INT32_MAX - 1, UNREACHED = INT32_MAX };

typedef struct {
    int32_t *rows;
    int64_t count, capacity;
} Bucket;

typedef struct {
    const LkGraph *graph;
    const uint8_t *cost; /* by number; NULL when each edge costs 1 */
    const uint8_t *cut;  /* by number; NULL when nothing is cut */
    int32_t *parent, *edge, *seed, *distance, *hops;
    Bucket ring[RING];
    int64_t waiting;
} Search;

static bool offer(Search *search, int32_t row, int32_t distance) {
    Bucket *bucket = &search->ring[distance % RING];
    if (bucket->count == bucket->capacity) {
        int64_t capacity = bucket->capacity ? 2 * bucket->capacity : 256;
        int32_t *rows = realloc(bucket->rows, (size_t)capacity * sizeof *rows);
        if (!rows) return false;
        bucket->rows = rows;
        bucket->capacity = capacity;
    }
    bucket->rows[bucket->count++] = row;
    search->waiting++;
    return true;
}

/* A row's distance is final: offer its successors.  Of equal offers the first stays. */
static int settle(Search *search, int32_t row) {
    const LkGraph *graph = search->graph;
    int64_t first, end;
    int32_t parent = search->parent[row], here = search->distance[row];
    search->hops[row] = parent < 0 ? 0 : search->hops[parent] + 1;
    if (parent >= 0) search->seed[row] = search->seed[parent];
    if (!lk_edges_of(graph, row, &first, &end)) return LK_BAD_INDEX;
    for (int64_t at = first; at < end; at++) {
        int64_t to = graph->target[at], number = lk_number(graph, at);
        if (!lk_within(to, graph->rows) || !lk_within(number, graph->numbers)) return LK_BAD_INDEX;
        int64_t sum = (int64_t)here + (search->cost ? search->cost[number] : 1);
        int32_t distance = sum < FARTHEST ? (int32_t)sum : FARTHEST;
        if (distance >= search->distance[to] || (search->cut && search->cut[number])) continue;
        search->distance[to] = distance;
        search->parent[to] = (int32_t)row;
        search->edge[to] = (int32_t)number;
        if (!offer(search, (int32_t)to, distance)) return LK_NO_MEMORY;
    }
    return LK_OK;
}

/* All rows at one distance, first come first served; the bucket may grow on the way where edges cost nothing. */
static int empty(Search *search, int32_t distance) {
    Bucket *bucket = &search->ring[distance % RING];
    int status = LK_OK;
    for (int64_t i = 0; i < bucket->count && status == LK_OK; i++) {
        int32_t row = bucket->rows[i];
        if (i + 8 < bucket->count) LK_PREFETCH(&search->graph->start[bucket->rows[i + 8]]);
        if (search->hops[row] < 0 && search->distance[row] == distance) status = settle(search, row);
    }
    search->waiting -= bucket->count;
    if (bucket->capacity > 1 << 20) {
        free(bucket->rows);
        bucket->rows = NULL;
        bucket->capacity = 0;
    }
    bucket->count = 0;
    return status;
}

/* ``order`` lists the seeds by ascending cost.  A seed comes before whatever arrives by an edge at its distance. */
static int run(Search *search, const int32_t *seeds, const int32_t *seed_cost, const int32_t *order, int64_t count) {
    int64_t next = 0, distance = 0;
    int status = LK_OK;
    while (status == LK_OK && (next < count || search->waiting)) {
        if (!search->waiting) distance = seed_cost[order[next]];
        for (; next < count && status == LK_OK && seed_cost[order[next]] <= distance; next++) {
            int32_t row = seeds[order[next]];
            if (search->hops[row] >= 0 || search->distance[row] < distance) continue;
            search->distance[row] = (int32_t)distance;
            search->parent[row] = search->edge[row] = -1;
            search->seed[row] = order[next];
            status = settle(search, row);
        }
        if (status == LK_OK) status = empty(search, (int32_t)distance);
        if (distance < FARTHEST) distance++;
    }
    return status;
}

/* The tree of the cheapest ways.  Ties go to the earlier seed and the earlier edge.
 *
 * Rows outside ``inside`` (or NULL) are not entered.  Of each row reached: the row before it and the number of the
 * edge from there (-1 at seeds), which seed it hangs off, the summed cost, how many edges it is away.  All are -1
 * where nothing leads.  Distances stop at 2^31 - 2. */
LK_EXPORT int lk_shortest_tree(const LkGraph *graph, const uint8_t *cost, const uint8_t *inside, const uint8_t *cut,
                               const int32_t *seeds, const int32_t *seed_cost, const int32_t *order, int64_t count,
                               int32_t *parent, int32_t *edge, int32_t *seed, int32_t *distance, int32_t *hops) {
    Search search = {.graph = graph, .cost = cost, .cut = cut, .parent = parent, .edge = edge, .seed = seed,
                     .distance = distance, .hops = hops};
    for (int64_t i = 0; i < count; i++)
        if (!lk_within(order[i], count) || !lk_within(seeds[i], graph->rows) || seed_cost[i] < 0 ||
            seed_cost[i] > FARTHEST)
            return LK_BAD_INDEX;
    for (int64_t i = 1; i < count; i++)
        if (seed_cost[order[i]] < seed_cost[order[i - 1]]) return LK_BAD_INDEX;
    size_t bytes = (size_t)graph->rows * sizeof *parent;
    memset(parent, 0xff, bytes);
    memset(edge, 0xff, bytes);
    memset(seed, 0xff, bytes);
    memset(hops, 0xff, bytes);
    for (int64_t row = 0; row < graph->rows; row++)
        distance[row] = inside && !inside[row] ? OUTSIDE : UNREACHED;
    int status = run(&search, seeds, seed_cost, order, count);
    for (int64_t row = 0; row < graph->rows; row++)
        if (hops[row] < 0) distance[row] = -1;
    for (int i = 0; i < RING; i++) free(search.ring[i].rows);
    return status;
}
