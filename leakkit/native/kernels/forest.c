/* Rooted forests as parent columns (-1 at roots): numbering, sums upwards and downwards.
 *
 * A column that is no forest (a row is its own ancestor) is refused with LK_BAD_FOREST. */
#include "common.h"

static bool is_column(const int32_t *parent, int64_t rows) {
    for (int64_t row = 0; row < rows; row++)
        if (parent[row] < -1 || parent[row] >= rows) return false;
    return true;
}

static void child_lists(const int32_t *parent, int64_t rows, int32_t *start, int32_t *children) {
    memset(start, 0, (size_t)(rows + 1) * sizeof *start);
    for (int64_t row = 0; row < rows; row++)
        if (parent[row] >= 0) start[parent[row]]++;
    for (int64_t row = 0; row < rows; row++) start[row + 1] += start[row];
    for (int64_t row = rows - 1; row >= 0; row--)
        if (parent[row] >= 0) children[--start[parent[row]]] = (int32_t)row;
}

/* Preorder: ``enter`` of each row, how many rows are ``below`` it (itself included), the rows in ``order``, and the
 * children of each row, ascending: children[child_start[v]] on.  child_start has rows + 1 places. */
LK_EXPORT int lk_number_forest(const int32_t *parent, int64_t rows, int32_t *enter, int32_t *below, int32_t *order,
                               int32_t *child_start, int32_t *children) {
    if (!is_column(parent, rows)) return LK_BAD_INDEX;
    child_lists(parent, rows, child_start, children);
    int32_t *stack = lk_allocate(rows, sizeof *stack);
    if (!stack) return LK_NO_MEMORY;
    int64_t next = 0;
    for (int64_t root = 0; root < rows; root++) {
        if (parent[root] >= 0) continue;
        int64_t depth = 0;
        stack[depth++] = (int32_t)root;
        while (depth) {
            int32_t row = stack[--depth];
            enter[row] = (int32_t)next;
            order[next++] = row;
            below[row] = 1;
            for (int32_t i = child_start[row + 1] - 1; i >= child_start[row]; i--) stack[depth++] = children[i];
        }
    }
    free(stack);
    if (next != rows) return LK_BAD_FOREST;
    for (int64_t i = rows - 1; i >= 0; i--)
        if (parent[order[i]] >= 0) below[parent[order[i]]] += below[order[i]];
    return LK_OK;
}

/* ``total`` holds a value a row and becomes the sum over the row and everything below it.  Rows are taken once all
 * their children are. */
LK_EXPORT int lk_subtree_sums(const int32_t *parent, int64_t rows, int64_t *total) {
    if (!is_column(parent, rows)) return LK_BAD_INDEX;
    int32_t *missing = lk_zeroed(rows, sizeof *missing);
    if (!missing) return LK_NO_MEMORY;
    for (int64_t row = 0; row < rows; row++)
        if (parent[row] >= 0) missing[parent[row]]++;
    int64_t taken = 0;
    for (int64_t row = 0; row < rows; row++) {
        int32_t at = (int32_t)row;
        while (at >= 0 && missing[at] == 0) {
            missing[at] = -1;
            taken++;
            int32_t above = parent[at];
            if (above < 0) break;
            total[above] = (int64_t)((uint64_t)total[above] + (uint64_t)total[at]);
            missing[above]--;
            at = above;
        }
    }
    free(missing);
    return taken == rows ? LK_OK : LK_BAD_FOREST;
}

/* ``total`` holds a value a row and becomes the sum over the row and all its ancestors; ``top`` becomes the topmost
 * ancestor.  Either may be NULL.  From each row up to the first that is known, then down again. */
LK_EXPORT int lk_down(const int32_t *parent, int64_t rows, int64_t *total, int32_t *top) {
    if (!is_column(parent, rows)) return LK_BAD_INDEX;
    int32_t *stack = lk_allocate(rows, sizeof *stack);
    uint8_t *known = lk_zeroed(rows, 1);
    int status = stack && known ? LK_OK : LK_NO_MEMORY;
    for (int64_t row = 0; row < rows && status == LK_OK; row++) {
        int64_t depth = 0;
        for (int32_t at = (int32_t)row; at >= 0 && known[at] != 2; at = parent[at]) {
            if (known[at] == 1) status = LK_BAD_FOREST;
            if (status != LK_OK) break;
            known[at] = 1;
            stack[depth++] = at;
        }
        while (depth && status == LK_OK) {
            int32_t at = stack[--depth], above = parent[at];
            known[at] = 2;
            if (total && above >= 0) total[at] = (int64_t)((uint64_t)total[at] + (uint64_t)total[above]);
            if (top) top[at] = above >= 0 ? top[above] : at;
        }
    }
    free(stack);
    free(known);
    return status;
}
