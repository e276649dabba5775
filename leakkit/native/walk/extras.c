/* References that tp_traverse does not report (as leakkit/agent/extras.py): they retain, but the collector does not
   count them, so they stay out of trial deletion. And the borrowed ones of 3.14+ that it must not report. */
#include "lk.h"

enum { FEW_OWNERS = 4, MOST_ELEMENTS = 100000000 };

void extra(addr from, u8 kind, u32 name, addr to)
{
    put8(EXTRA_NODE, from);
    put1(EXTRA_KIND, kind | R_EXTRA);
    put4(EXTRA_NAME, name);
    put8(EXTRA_TO, to);
}

static void extra_admit(addr from, u8 kind, u32 name, addr to)
{
    extra(from, kind, name, to);
    admit(to);
}

void view_row(addr from, addr to, u64 extent)
{
    put8(VIEW_NODE, from);
    put8(VIEW_TARGET, to);
    put8(VIEW_EXTENT, extent);
}

static int few_owners(addr key)
{
    u64 refs = rd8(key);
    return lk.l->first_hex >= 0x030c0000 ? (u32)refs <= FEW_OWNERS : refs <= FEW_OWNERS;
}

/* Keys that few objects hold, others from the first dict that has them: names shared by all would swamp the graph. */
static void keys_of(addr o)
{
    struct dict_view v;
    if (!dict_view(o, &v))
        return;
    for (u64 i = 0; i < v.entries; i++) {
        addr key = view_key(&v, i);
        if (key && view_value(&v, i) && (few_owners(key) || mark_key(key)))
            extra_admit(o, R_DICT_KEY, 0, key);
    }
}

static void of_dict(const struct type *t, addr o)
{
    u64 used = dict_used(o);
    if (!used)
        return;
    if (t->kind == K_DICT) {
        if (TARGET_COUNT > used)
            return;
        keys_of(o);
        return;
    }
    struct dict_view v;
    if (!dict_view(o, &v))
        return;
    for (u64 i = 0; i < v.entries; i++)
        if (view_key(&v, i) && view_value(&v, i)) {
            if (!is_target(view_key(&v, i)))
                keys_of(o);
            return;
        }
}

/* Tracked objects that words of an object's own memory refer to and its type does not visit. */
static void hidden(addr o, u64 offset, u64 words, u32 name)
{
    for (u64 i = 0; i < words; i++) {
        addr found = rd8(o + offset + 8 * i);
        if (found > 65536 && !(found & 7) && marked(found) && !is_target(found) &&
            !(type_of(found) == lk.c[T_TUPLE] && !ob_size(found))) /* the empty tuple is everybody's */
            extra(o, name ? R_ATTRIBUTE : R_INTERNAL, name, found);
    }
}

static void of_code(const struct type *t, addr o)
{
    const struct member *m = (struct member *)lk.members.base + t->members;
    for (u32 i = 0; i < t->member_count; i++) {
        addr value = rd8(o + m[i].offset), type = value ? type_of(value) : 0;
        if (type && (type == lk.c[T_TUPLE] || type == lk.c[T_BYTES] || type == lk.c[T_STR]))
            extra_admit(o, R_ATTRIBUTE, m[i].name, value);
    }
    if (lk.l->co_kinds)
        hidden(o, (u64)lk.l->co_names, 1, name_text("co_localsplusnames"));
}

static void of_type(addr o)
{
    hidden(o, 360, 1, name_text("__subclasses__"));
    if (TARGET_COUNT || rd8(o + 168) & HEAP_TYPE)
        return;
    addr dict = class_dict(o), mro = rd8(o + 344);
    if (dict)
        extra_admit(o, R_ATTRIBUTE, name_text("__dict__"), dict);
    if (mro)
        extra_admit(o, R_ATTRIBUTE, name_text("__mro__"), mro);
}

static void of_memoryview(addr o)
{
    addr managed = rd8(o + 24), target = rd8(o + 64);
    if (rd4(o + 40) & 1 || !managed || rd4(managed + 16) & 1 || !target)
        return;
    view_row(o, target, rd8(o + 72));
    extra_admit(o, R_BASE, 0, target);
}

/* MatchObject (Modules/_sre/sre.h, sre.h): string, regs, pattern, pos, endpos, lastindex, groups, mark[]. */
static void of_match(addr o)
{
    addr string = rd8(o + 24), pattern = rd8(o + 40);
    i64 start = (i64)rd8(o + 80), stop = (i64)rd8(o + 88);
    if (string) {
        view_row(o, string, (u64)(stop > start ? stop - start : 0));
        extra_admit(o, R_BASE, 0, string);
    }
    if (pattern)
        extra_admit(o, R_ATTRIBUTE, name_text("re"), pattern);
}

/* Elements of a numpy array of objects, in C order; any strides. */
static void elements(addr o, u64 dimensions)
{
    u64 total = 1, at[64];
    for (u64 d = 0; d < dimensions; d++) {
        total *= rd8(rd8(o + 32) + 8 * d);
        at[d] = 0;
    }
    for (u64 n = 0; n < total && n < MOST_ELEMENTS; n++) {
        addr place = rd8(o + 16);
        for (u64 d = 0; d < dimensions; d++)
            place += at[d] * rd8(rd8(o + 40) + 8 * d);
        addr target = rd8(place);
        extra_admit(o, R_INDEX, 0, target ? target : lk.c[O_NONE]);
        for (u64 d = dimensions; d--;) {
            if (++at[d] < rd8(rd8(o + 32) + 8 * d))
                break;
            at[d] = 0;
        }
    }
}

static void of_ndarray(addr o)
{
    addr base = rd8(o + 48), descr = rd8(o + 56);
    u64 dimensions = rd4(o + 24);
    if (base) {
        u64 bytes = lk.c[C_NUMPY_ELSIZE] == 40 ? rd8(descr + 40) : rd4(descr + 32);
        for (u64 d = 0; d < dimensions; d++)
            bytes *= rd8(rd8(o + 32) + 8 * d);
        view_row(o, base, bytes);
        extra_admit(o, R_BASE, 0, base);
    } else if (rd1(descr + 25) == 'O' && dimensions <= 64) {
        elements(o, dimensions);
    }
}

void extras_of(const struct type *t, addr o)
{
    addr target;
    switch (t->kind) {
    case K_DICT: case K_DICT_SUB: case K_ODICT: of_dict(t, o); break;
    case K_CODE: of_code(t, o); break;
    case K_WEAKREF:
        target = rd8(o + 16);
        if (target && target != lk.c[O_NONE] && (i64)rd8(target) > 0)
            extra_admit(o, R_WEAK, 0, target);
        break;
    case K_TYPE: of_type(o); break;
    case K_LOCAL: hidden(o, 16, (u64)(type_info(lk.c[T_LOCAL])->basic - 16) / 8, 0); break;
    case K_MEMORYVIEW: of_memoryview(o); break;
    case K_MATCH: of_match(o); break;
    case K_NDARRAY: of_ndarray(o); break;
    case K_GREENLET: locals_of_greenlet(o); break;
    default: break;
    }
    /* 3.13.0 does not visit an instance's dict whose values lie in the instance. */
    if (lk.l->first_hex == 0x030d0000 && t->flags & INLINE_VALUES && rd8(o - 24)) {
        addr dict = rd8(o - 24);
        if (rd8(dict + 40) == o + (u64)t->basic && dict_used(dict))
            extra(o, R_ATTRIBUTE, name_text("__dict__"), dict);
    }
}

/* LOAD_FAST_BORROW leaves references on a suspended frame's stack that are not counted; the collector's own visitor
   skips them, others are shown them. Drop one target for each, the last first: the stack follows the locals. */
void drop_borrowed(addr o)
{
    const struct layout *l = lk.l;
    addr frame = o + (u64)l->gen_frame, at = frame + (u64)l->if_locals, stop = rd8(frame + (u64)l->if_stack);
    if (stop < at || stop - at > 800000 || (signed char)rd1(o + (u64)l->gen_state) == l->st_cleared)
        return;
    for (; at < stop; at += 8) {
        if ((rd8(at) & 3) != 1)
            continue;
        for (u64 i = TARGET_COUNT; i--;)
            if (TARGETS[i] == (rd8(at) & ~3UL)) {
                for (; i + 1 < TARGET_COUNT; i++)
                    TARGETS[i] = TARGETS[i + 1];
                lk.targets.used -= 8;
                break;
            }
    }
}
