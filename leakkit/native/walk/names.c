/* What the references of an object are called. The visitor's targets stay as they are: names are gathered from the
   object's memory as candidates and matched to the targets, so a wrong one can never change the graph. */
#include "lk.h"

static struct grow table; /* u32 heads of chains of candidates, by address */

void candidate(addr target, u8 kind, u32 name)
{
    if (!target)
        return;
    struct candidate *c = grow_by(&lk.candidates, sizeof *c);
    c->target = target;
    c->name = name;
    c->kind = kind;
    c->used = 0;
    c->next = 0;
}

static struct candidate *all(void) { return (struct candidate *)lk.candidates.base; }
static u32 count(void) { return (u32)(lk.candidates.used / sizeof(struct candidate)); }

/* The first candidate for a target that has not been taken, else the last of them, else none. */
static struct candidate *pick_by_looking(addr target, u32 *start)
{
    struct candidate *found = 0, *c = all();
    for (u32 n = count(); *start < n && c[*start].used && *start + 64 < n; ++*start)
        ;
    for (u32 i = 0; i < count(); i++)
        if (c[i].target == target) {
            found = c + i;
            if (!found->used)
                break;
        }
    return found;
}

static u64 mask;

static void make_table(void)
{
    u64 room = 64;
    while (room < 2UL * count())
        room *= 2;
    table.used = 0;
    memset(grow_by(&table, room * 4), 0, room * 4);
    mask = room - 1;
    u32 *heads = (u32 *)table.base;
    for (u32 i = count(); i--;) {
        u64 at = all()[i].target >> 4 & mask;
        all()[i].next = heads[at];
        heads[at] = i + 1;
    }
}

static struct candidate *pick_from_table(addr target)
{
    struct candidate *found = 0;
    for (u32 i = ((u32 *)table.base)[target >> 4 & mask]; i; i = all()[i - 1].next)
        if (all()[i - 1].target == target) {
            found = all() + i - 1;
            if (!found->used)
                break;
        }
    return found;
}

static void match(addr type, u8 rest)
{
    u32 start = 0;
    u8 *kinds = lk.kinds.base;
    u32 *names = (u32 *)lk.names.base;
    int big = count() > 16;
    if (big)
        make_table();
    for (u64 i = 0; i < TARGET_COUNT; i++) {
        struct candidate *c = big ? pick_from_table(TARGETS[i]) : pick_by_looking(TARGETS[i], &start);
        kinds[i] = c ? c->kind : TARGETS[i] == type ? R_TYPE : rest;
        names[i] = c ? c->name : 0;
        if (c)
            c->used = 1;
    }
}

int is_target(addr o)
{
    for (u64 i = 0; i < TARGET_COUNT; i++)
        if (TARGETS[i] == o)
            return 1;
    return 0;
}

/* How many entries a container has; -1 for anything else. */
i64 sized(addr o)
{
    const struct type *t = type_info(type_of(o));
    switch (t->kind) {
    case K_DICT: case K_DICT_SUB: case K_ODICT: return (i64)dict_used(o);
    case K_LIST: case K_DEQUE: return ob_size(o);
    case K_SET: return (i64)rd8(o + 24);
    default: return -1;
    }
}

/* A declared limit and how many entries the instance, or its biggest container, has. */
void give_bound(const struct type *t, addr o, u32 label, i64 limit)
{
    i64 most = sized(o);
    for (u64 i = 0; most < 0 && i < TARGET_COUNT; i++) {
        struct dict_view v;
        i64 n = sized(TARGETS[i]);
        most = n > most ? n : most;
        if (type_of(TARGETS[i]) == lk.c[T_DICT] && dict_view(TARGETS[i], &v))
            for (u64 j = 0; j < v.entries && j < 1000; j++)
                if (view_key(&v, j) && view_value(&v, j)) {
                    n = sized(view_value(&v, j));
                    most = n > most ? n : most;
                }
        if (i + 1 < TARGET_COUNT && most >= 0) { /* go on: the biggest counts */
            for (i64 k = (i64)i + 1; k < (i64)TARGET_COUNT; k++) {
                n = sized(TARGETS[k]);
                most = n > most ? n : most;
            }
            break;
        }
    }
    (void)t;
    put8(BOUND_NODE, o);
    put8(BOUND_BOUND, (u64)(limit < -1 ? -1 : limit ? limit : -1));
    put8(BOUND_USED, (u64)most);
    put4(BOUND_LABEL, label);
}

struct limit {
    u32 label;
    i64 value;
};

static void look_for_limit(u32 name, addr value, struct limit *found)
{
    u32 label;
    int ok;
    if (type_of(value) == lk.c[T_INT] && (label = bound_label(name))) {
        found->value = int_value(value, &ok);
        found->label = label;
    }
}

static void from_view(const struct dict_view *v, int give, struct limit *limit)
{
    for (u64 i = 0; i < v->entries; i++) {
        addr key = view_key(v, i), value = view_value(v, i);
        if (!key || !value || !is_str(key))
            continue;
        u32 name = name_of(key);
        if (give)
            candidate(value, R_ATTRIBUTE, name);
        look_for_limit(name, value, limit);
    }
}

/* Entries of a dict subclass. */
static void from_entries(addr o)
{
    struct dict_view v;
    if (!dict_view(o, &v))
        return;
    int with_keys = -1;
    for (u64 i = 0, n = 0; i < v.entries; i++) {
        addr key = view_key(&v, i), value = view_value(&v, i);
        if (!key || !value)
            continue;
        if (with_keys < 0)
            with_keys = is_target(key);
        if (with_keys)
            candidate(key, R_DICT_KEY, 0);
        if (is_str(key) && n < NAMED_KEYS)
            candidate(value, R_KEY, name_of(key));
        n++;
    }
}

/* Whether an object may be the structure that a text belongs to. */
static int may_hold(addr o, int dicts)
{
    const struct type *t = type_info(type_of(o));
    return object_is_gc(t, o) && rd8(o - 16) && t->kind != K_TYPE && (dicts || t->kind != K_DICT);
}

/* A str or bytes subclass that holds a bigger structure, as strings of parsed trees do. */
static void text_view(addr o)
{
    struct dict_view v;
    for (int pass = 0; pass < 2; pass++)
        for (u64 i = 0; i < TARGET_COUNT; i++)
            if (may_hold(TARGETS[i], pass)) {
                view_row(o, TARGETS[i], rd8(o + 16));
                return;
            }
    for (u64 i = 0; i < TARGET_COUNT; i++)
        for (u64 j = 0; type_of(TARGETS[i]) == lk.c[T_DICT] && dict_view(TARGETS[i], &v) && j < v.entries; j++)
            if (view_key(&v, j) && view_value(&v, j) && may_hold(view_value(&v, j), 1)) {
                view_row(o, view_value(&v, j), rd8(o + 16));
                return;
            }
}

static void name_instance(const struct type *t, addr o)
{
    static const char *const FIELDS[] = {"_result", "_exception", "_loop", "_coro", "_fut_waiter",
                                         "_source_traceback"};
    const struct member *m = (struct member *)lk.members.base + t->members;
    struct limit limit = {0, 0};
    struct dict_view v;
    for (u32 i = 0; i < t->member_count; i++) {
        addr value = rd8(o + m[i].offset);
        candidate(value, R_ATTRIBUTE, m[i].name);
        if (value)
            look_for_limit(m[i].name, value, &limit);
    }
    for (u32 i = 0; t->is_future && i < FUTURE_FIELDS; i++)
        if (lk.future_offset[i] && (t->is_task || (i != F_CORO && i != F_WAITER)))
            candidate(rd8(o + lk.future_offset[i]), R_ATTRIBUTE, name_text(FIELDS[i]));
    addr dict = instance_dict(t, o);
    if (dict && type_info(type_of(dict))->flags & DICT_SUB) {
        int own = is_target(dict);
        if (own)
            candidate(dict, R_ATTRIBUTE, name_text("__dict__"));
        if (dict_view(dict, &v))
            from_view(&v, !own || TARGET_COUNT > 1, &limit);
    } else if (instance_values(t, o, &v)) {
        from_view(&v, 1, &limit);
    }
    if (t->flags & DICT_SUB)
        from_entries(o);
    if (t->fields && ob_size(t->fields) == ob_size(o))
        for (i64 i = 0; i < ob_size(o); i++)
            candidate(rd8(o + (u64)lk.l->tuple_items + 8 * (u64)i), R_ATTRIBUTE, name_at(t->fields, i));
    if (limit.label)
        give_bound(t, o, limit.label, limit.value);
    if (t->text_like)
        text_view(o);
}

/* Fill lk.kinds and lk.names for the targets of one object. */
void name_references(const struct type *t, addr o)
{
    u64 n = TARGET_COUNT, *owner;
    lk.kinds.used = lk.names.used = lk.candidates.used = 0;
    memset(grow_by(&lk.kinds, n), t->kind == K_LRU ? R_VALUE : t->default_kind, n);
    u32 *names = grow_by(&lk.names, 4 * n);
    for (u64 i = 0; i < n; i++)
        names[i] = 0;
    int exact = t->kind != K_OTHER && !(t->flags & HEAP_TYPE);
    switch (exact ? t->kind : K_OTHER) {
    case K_DICT: owner = map_find(&lk.owners, o); name_dict(o, owner && (*owner & 7) == ROLE_KWDEFAULTS); return;
    case K_TUPLE:
        if (n && t->at == lk.c[T_TUPLE]) {
            if ((owner = map_find(&lk.owners, o)))
                name_owned_tuple(o, *owner);
            return;
        }
        break;
    case K_LIST: case K_SET: return;
    case K_FUNCTION: name_function(o); match(t->at, 0); return;
    default: break;
    }
    switch (t->kind) {
    case K_TYPE: name_type(o); match(t->at, 0); return;
    case K_MODULE: candidate(rd8(o + 16), R_ATTRIBUTE, name_text("__dict__")); match(t->at, 0); return;
    case K_LRU: name_lru(t, o); match(t->at, R_VALUE); return;
    case K_DEQUE:
        if (rd8(o + 64) != (u64)-1) {
            put8(BOUND_NODE, o);
            put8(BOUND_BOUND, rd8(o + 64));
            put8(BOUND_USED, (u64)ob_size(o));
            put4(BOUND_LABEL, name_text("maxlen"));
        }
        return;
    case K_FRAME: names_of_frame(o); match(t->at, 0); return;
    case K_SUSPENDABLE: names_of_suspended(t, o); match(t->at, 0); return;
    case K_HAMT: name_hamt(); return;
    default: break;
    }
    if (t->has_gc && (n || t->is_future)) {
        name_instance(t, o);
        match(t->at, t->default_kind);
    }
}
