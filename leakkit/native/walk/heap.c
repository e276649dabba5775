/* The walk: the collector's lists, then everything that can be reached from them, in the order of discovery. The
   references of each object are what its own tp_traverse reports: that is the truth for trial deletion. */
#include "lk.h"

struct state lk;

enum { GC_NEXT = 0, GC_PREV = 8, FINALIZED_BIT = 1, FIRST_FUTURES = 64 };
#define UNKNOWN_COUNT (1UL << 62)

static int visit(addr o, void *unused)
{
    (void)unused;
    if (o)
        push8(&lk.targets, o);
    return 0;
}

/* Make a node of an object met for the first time. A tracked one that is in no generation is on a private list of a
   collection in progress: no node. */
void admit(addr o)
{
    if (!o || !mark(o))
        return;
    if (object_is_gc(type_info(type_of(o)), o) && rd8(o - 16 + GC_NEXT) && rd8(o - 16 + GC_NEXT) >> 1) {
        put8(UNKNOWN, o);
        lk.unknown++;
        return;
    }
    push8(&lk.nodes, o);
}

static void list(addr head, u64 *count)
{
    for (addr g = rd8(head) & ~3UL; g != head; g = rd8(g) & ~3UL) {
        if (!g || (g & 7))
            end(END_DAMAGED);
        if (mark(g + 16)) {
            push8(&lk.nodes, g + 16);
            ++*count;
        }
        if ((*count & 0xffff) == 0)
            look_at_clock();
    }
}

/* 3.14.0 to 3.14.4 had another collector. */
static int incremental(void) { return lk.c[C_HEX] >= 0x030e0000 && lk.c[C_HEX] < 0x030e0500; }

static void all_tracked(void)
{
    list(lk.young, &lk.counts[0]);
    list(lk.young + 24, incremental() ? &lk.counts[2] : &lk.counts[1]); /* 3.14.0 to 3.14.4: young and two old */
    list(lk.young + 48, &lk.counts[2]);
    list(lk.young + (u64)(i64)lk.l->gc_permanent, &lk.counts[3]);
}

static void own_by(addr tuple, addr function, u64 role)
{
    if (tuple)
        *map_put(&lk.owners, tuple) = function | role;
}

/* What must be known of an object before others are walked: whose dicts are namespaces, whose tuples are closures. */
static void prepare(const struct type *t, addr o)
{
    const struct layout *l = lk.l;
    if (t->kind == K_FUNCTION) {
        own_by(rd8(o + (u64)l->fn_defaults), o, ROLE_DEFAULTS);
        own_by(rd8(o + (u64)l->fn_closure), o, ROLE_CLOSURE);
        own_by(rd8(o + (u64)l->fn_kwdefaults), o, ROLE_KWDEFAULTS);
    } else if (t->kind == K_MODULE) {
        if (rd8(o + 16))
            *map_put(&lk.full, rd8(o + 16)) = 1;
    } else if (t->kind == K_TYPE) {
        if (class_dict(o))
            *map_put(&lk.full, class_dict(o)) = 1;
    } else if (t->dict_offset || t->flags & MANAGED_DICT) {
        addr dict = instance_dict(t, o);
        if (dict && dict_used(dict) > NAMED_KEYS)
            *map_put(&lk.full, dict) = 1;
    }
    if (t->is_future && lk.futures.used < 8 * FIRST_FUTURES)
        push8(&lk.futures, o);
}

static void references_of(const struct type *t, addr o)
{
    lk.targets.used = 0;
    if (o == lk.c[O_ONLY_DICT]) { /* a second visit of 3.12.1's _asyncio never returns */
        visit(rd8(o + 16), 0);
        return;
    }
    if (t->traverse && object_is_gc(t, o))
        t->traverse(o, visit, 0);
    if (lk.l->tuple_items == 32 && t->kind == K_SUSPENDABLE)
        drop_borrowed(o);
}

static void emit(const struct type *t, addr o)
{
    u64 n = TARGET_COUNT, refs = rd8(o);
    put8(NODE, o);
    put8(TYPE, t->at);
    put8(REFS, lk.l->first_hex >= 0x030e0000 ? (u32)refs : refs);
    put8(SIZE, size_of(t, o));
    put4(DEGREE, (u32)n);
    name_references(t, o);
    for (u64 i = 0; i < n; i++) {
        put8(EDGE, TARGETS[i]);
        put1(EDGE_KIND, lk.kinds.base[i]);
        put4(EDGE_NAME, ((u32 *)lk.names.base)[i]);
    }
    for (u64 i = 0; i < n; i++)
        admit(TARGETS[i]);
    extras_of(t, o);
    buffers_of(t, o);
    if (t->finalizer && object_is_gc(t, o) && rd8(o - 16 + GC_PREV) & FINALIZED_BIT)
        put8(FINALIZED, o);
    if (t->is_task)
        push8(&lk.tasks, o);
}

static void learn_order(void)
{
    addr samples[] = {lk.c[S_LIST], lk.c[S_TUPLE]}, first[] = {lk.c[S_LIST_ITEM], lk.c[S_TUPLE_ITEM]};
    u8 *answers[] = {&lk.reversed_list, &lk.reversed_tuple};
    for (int i = 0; i < 2; i++) {
        lk.targets.used = 0;
        type_info(type_of(samples[i]))->traverse(samples[i], visit, 0);
        *answers[i] = TARGET_COUNT == 2 && TARGETS[0] != first[i];
    }
}

/* 3.9: atexit's module shows its callbacks as references of its own; they are roots, as in later versions. */
static void roots_of_old_atexit(void)
{
    addr o = lk.c[O_ONLY_DICT];
    if (!o || lk.l->first_hex >= 0x030a0000)
        return;
    lk.targets.used = 0;
    type_info(type_of(o))->traverse(o, visit, 0);
    for (u64 i = 0, n = TARGET_COUNT; i < n; i++)
        if (TARGETS[i] != rd8(o + 16)) {
            put8(ROOT_NODE, TARGETS[i]);
            put1(ROOT_KIND, 3);
            put4(ROOT_NAME, name_text("atexit"));
            put4(ROOT_FRAME, (u32)-1);
        }
    for (u64 i = 0; i < TARGET_COUNT; i++)
        admit(TARGETS[i]);
}

static void add_text(char *text, u64 *n, const char *part)
{
    u64 length = text_length(part);
    memcpy(text + *n, part, length);
    *n += length;
}

static void add_field(char *text, u64 *n, const char *name, u64 value)
{
    add_text(text, n, name);
    text_of_number(text, n, value);
}

/* Counts and the collector's own figures. */
static void write_counts(void)
{
    static char text[1024];
    u64 n = 0;
    add_field(text, &n, "{\"generations\":[", lk.counts[0]);
    for (int i = 1; i < 4; i++)
        add_field(text, &n, ",", lk.counts[i]);
    add_field(text, &n, "],\"nodes\":", lk.nodes.used / 8);
    add_field(text, &n, ",\"memory\":", lk.taken);
    add_field(text, &n, ",\"nanoseconds\":", nanoseconds());
    add_field(text, &n, ",\"collecting\":", rd4(lk.young + (u64)lk.l->gc_collecting));
    add_field(text, &n, ",\"long_lived_total\":",
              incremental() ? UNKNOWN_COUNT : rd8(lk.young + (u64)lk.l->gc_total));
    add_field(text, &n, ",\"long_lived_pending\":",
              incremental() ? UNKNOWN_COUNT : rd8(lk.young + (u64)lk.l->gc_pending));
    add_text(text, &n, ",\"reversed\":[");
    if (lk.reversed_list)
        add_text(text, &n, lk.reversed_tuple ? "\"list\"," : "\"list\"");
    if (lk.reversed_tuple)
        add_text(text, &n, "\"tuple\"");
    add_text(text, &n, "]}");
    out_json("counts", text, n);
}

/* All steps, in the copy. */
void walk(void)
{
    trial_start();
    out_start((int)lk.c[C_FD]);
    name_bytes("", 0);
    learn_order();
    all_tracked();
    u64 tracked = lk.nodes.used / 8;
    for (u64 i = 0; i < tracked; i++) {
        addr o = ((addr *)lk.nodes.base)[i];
        prepare(type_info(type_of(o)), o);
    }
    learn_futures();
    thread_frames();
    write_roots();
    roots_of_old_atexit();
    for (u64 i = 0; i < lk.nodes.used / 8; i++) {
        addr o = ((addr *)lk.nodes.base)[i];
        struct type *t = type_info(type_of(o));
        if ((i & 0xfff) == 0)
            look_at_clock();
        references_of(t, o);
        emit(t, o);
        if (t->kind == K_TYPE)
            type_info(o); /* classes without instances have names, too */
    }
    write_tasks();
    write_types();
    write_strings();
    trial_end();
    write_counts();
    out_end();
}
