/* What kind of step the last reference of each object's path is: leakkit/heap/steps.py in one pass. */
#include "common.h"

/* StepKind of leakkit/heap/steps.py. */
enum { ROOT, SKIP, GLOBAL, CLASS_ATTRIBUTE, ATTRIBUTE, KEY, ENTRY, ELEMENT, LOCAL, CLOSURE, DEFAULT, DICT_KEY, TYPE,
       INTERNAL, FRAME };

/* What a row is, as bits of ``role``; what a string says, as bits of ``word``. */
enum { NAMESPACE = 1, CLASS = 2, MODULE = 4, CELL = 8, IS_FRAME = 16 };
enum { PLUMBING = 1, FRAME_NAME = 2 };

typedef struct {
    int64_t rows, edges, words;
    const int32_t *parent, *parent_edge, *hops; /* of the retaining tree */
    const uint8_t *kind;                        /* of each reference */
    const int32_t *name;
    const uint8_t *code; /* StepKind of each kind of reference, 128 of them */
    const uint8_t *role;
    const uint8_t *word;
    const int32_t *entries, *label;
    int64_t small; /* a dict with more entries is data */
} LkTree;

/* KEY into a namespace: whose attribute it is.  A namespace that is a root itself can only be a module's. */
static uint8_t by_owner(const LkTree *tree, int32_t owner) {
    if (owner < 0 || tree->role[owner] & MODULE) return GLOBAL;
    return tree->role[owner] & CLASS ? CLASS_ATTRIBUTE : ATTRIBUTE;
}

static bool is_plumbing(const LkTree *tree, int64_t row, int32_t parent, uint8_t word, uint8_t code) {
    uint8_t role = tree->role[row], above = tree->role[parent];
    if (word & PLUMBING && (code == ATTRIBUTE || code == INTERNAL)) return true;
    if (role & NAMESPACE && code == INTERNAL && above & (CLASS | MODULE)) return true;
    return above & CELL || (role & IS_FRAME && tree->label[parent] > 0 && !(above & IS_FRAME));
}

static uint8_t step(const LkTree *tree, int64_t row, int32_t parent, uint8_t kind, int32_t name) {
    uint8_t code = tree->code[kind & 127], word = tree->word[name];
    if (code == ATTRIBUTE && name == 0) code = INTERNAL;
    if (code == KEY && tree->role[parent] & NAMESPACE)
        code = by_owner(tree, tree->parent[parent]);
    else if (code == KEY && tree->entries[parent] > tree->small)
        code = ENTRY;
    if (is_plumbing(tree, row, parent, word, code)) return SKIP;
    return (code == INTERNAL || word & FRAME_NAME) && tree->label[row] > 0 ? FRAME : code;
}

/* The step and, where it has one, the name of each row's last reference; SKIP for rows that no root reaches. */
LK_EXPORT int lk_steps(const LkTree *tree, uint8_t *code, int32_t *step_name) {
    for (int64_t row = 0; row < tree->rows; row++) {
        int32_t parent = tree->parent[row], edge = tree->parent_edge[row];
        step_name[row] = 0;
        code[row] = tree->hops[row] == 0 ? ROOT : SKIP;
        if (parent < 0) continue;
        if (!lk_within(parent, tree->rows) || !lk_within(edge, tree->edges)) return LK_BAD_INDEX;
        int32_t owner = tree->parent[parent], name = tree->name[edge];
        if (owner >= tree->rows || !lk_within(name, tree->words)) return LK_BAD_INDEX;
        uint8_t found = step(tree, row, parent, tree->kind[edge], name);
        bool named = found == GLOBAL || found == CLASS_ATTRIBUTE || found == ATTRIBUTE || found == KEY ||
                     found == LOCAL || found == CLOSURE || found == DEFAULT;
        code[row] = found;
        if (named) step_name[row] = name;
    }
    return LK_OK;
}
