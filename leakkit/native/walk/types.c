/* What the walk wants to know of a type, learned once: size, traversal, kind, and where its instances keep named
   references. Offsets of PyTypeObject (Include/cpython/object.h) are the same in 3.9 to 3.15. */
#include "lk.h"

enum { TP_NAME = 24, TP_BASICSIZE = 32, TP_ITEMSIZE = 40, TP_FLAGS = 168, TP_TRAVERSE = 184, TP_DICT = 264,
       TP_DICTOFFSET = 288, TP_IS_GC = 328, TP_MRO = 344, TP_SUBCLASSES = 360, TP_DEL = 376, TP_FINALIZE = 392 };
enum { T_OBJECT_MEMBER = 6, T_OBJECT_EX = 16, F_FINALIZER = 2, F_LEGACY_DEL = 8 };

static struct grow all; /* struct type * in order of discovery */
static struct {
    u8 *base;
    u64 left;
} supply;

/* The dict of a class; those of static builtin types lie in the interpreter's state from 3.12 on. */
addr class_dict(addr type)
{
    const struct layout *l = lk.l;
    if (l->static_types && rd8(type + TP_FLAGS) & STATIC_BUILTIN && !(rd8(type + TP_FLAGS) & HEAP_TYPE)) {
        u64 index = rd8(type + TP_SUBCLASSES) - 1;
        const int places[] = {l->static_types, l->static_ext_types};
        for (int i = 0; i < 2 && index < 400; i++) {
            addr entry = lk.interp + (u64)places[i] + index * (u64)l->static_step;
            if (places[i] && rd8(entry) == type)
                return rd8(entry + (u64)l->static_dict);
        }
    }
    return rd8(type + TP_DICT);
}

int is_subtype(addr type, addr base)
{
    addr mro = rd8(type + TP_MRO);
    if (!base)
        return 0;
    if (type == base || !mro)
        return type == base;
    for (i64 i = 0; i < ob_size(mro); i++)
        if (rd8(mro + (u64)lk.l->tuple_items + 8 * (u64)i) == base)
            return 1;
    return 0;
}

int object_is_gc(const struct type *t, addr o) { return t->has_gc && (!t->is_gc || t->is_gc(o)); }

/* Qualified name and module, as ``__qualname__`` and ``__module__`` give them. */
u32 type_name(addr type, u32 *module)
{
    *module = 0;
    if (rd8(type + TP_FLAGS) & HEAP_TYPE) {
        addr found = dict_get(class_dict(type), "__module__");
        *module = found && is_str(found) ? name_of(found) : name_text("?");
        return name_of(rd8(type + (u64)lk.l->ht_qualname));
    }
    const char *text = (const char *)rd8(type + TP_NAME);
    u64 n = text_length(text), dot = n;
    while (dot && text[dot - 1] != '.')
        dot--;
    if (dot)
        *module = name_bytes(text, dot - 1);
    else
        *module = name_text("builtins");
    return name_bytes(text + dot, n - dot);
}

static const struct {
    enum config type;
    enum kind kind;
} EXACT[] = {{T_DICT, K_DICT}, {T_FUNCTION, K_FUNCTION}, {T_CODE, K_CODE}, {T_GENERATOR, K_SUSPENDABLE},
             {T_COROUTINE, K_SUSPENDABLE}, {T_ASYNC_GENERATOR, K_SUSPENDABLE}, {T_MEMORYVIEW, K_MEMORYVIEW},
             {T_MATCH, K_MATCH}},
  BASES[] = {{T_MODULE, K_MODULE}, {T_LRU_CACHE, K_LRU}, {T_DEQUE, K_DEQUE}, {T_FRAME, K_FRAME}, {T_WEAKREF, K_WEAKREF},
             {T_LOCAL, K_LOCAL}, {T_NDARRAY, K_NDARRAY}, {T_ORDERED_DICT, K_ODICT}, {T_SET, K_SET},
             {T_FROZENSET, K_SET}, {T_LIST, K_LIST}, {T_TUPLE, K_TUPLE}, {T_STR, K_STR}, {T_BYTES, K_BYTES},
             {T_BYTEARRAY, K_BYTEARRAY}, {T_INT, K_INT}, {T_ARRAY, K_ARRAY}, {T_BYTES_IO, K_BYTESIO},
             {T_GREENLET, K_GREENLET}};

static u8 kind_of(const struct type *t)
{
    for (u64 i = 0; i < sizeof EXACT / sizeof *EXACT; i++)
        if (lk.c[EXACT[i].type] == t->at)
            return (u8)EXACT[i].kind;
    if (t->flags & TYPE_SUB)
        return K_TYPE;
    for (u64 i = 0; i < sizeof BASES / sizeof *BASES; i++)
        if (lk.c[BASES[i].type] && is_subtype(t->at, lk.c[BASES[i].type]))
            return (u8)BASES[i].kind;
    const char *name = (const char *)rd8(t->at + TP_NAME);
    if (!memcmp(name, "hamt_", 5))
        return K_HAMT;
    if (!memcmp(name, "_io.Buffered", 12) && memcmp(name, "_io.BufferedRWPair", 18))
        return K_BUFFERED;
    if (!memcmp(name, "frozendict", 11))
        return K_FROZENDICT;
    return t->flags & DICT_SUB ? K_DICT_SUB : K_OTHER;
}

static void add_member(struct type *t, u64 offset, u32 name)
{
    struct member *m = grow_by(&lk.members, sizeof *m);
    m->offset = (u32)offset;
    m->name = name;
    t->member_count++;
}

/* C fields that only a getter names. */
static void add_getset(struct type *t, addr of, addr name)
{
    u64 e = (u64)lk.l->exception_traceback;
    const struct {
        enum config type;
        const char *name;
        u64 offset;
    } known[] = {{T_EXCEPTION, "args", 24}, {T_EXCEPTION, "__traceback__", e}, {T_EXCEPTION, "__context__", e + 8},
                 {T_EXCEPTION, "__cause__", e + 16}, {T_TRACEBACK, "tb_next", 16}, {T_CELL, "cell_contents", 16},
                 {T_BUILTIN, "__self__", 24}};
    for (u64 i = 0; i < sizeof known / sizeof *known; i++) {
        u64 n = text_length(known[i].name);
        if (lk.c[known[i].type] == of && str_length(name) == n &&
            !memcmp((void *)(name + (u64)lk.l->str_ascii), known[i].name, n))
            add_member(t, known[i].offset, name_of(name));
    }
}

static void members_of(struct type *t)
{
    addr mro = rd8(t->at + TP_MRO);
    t->members = (u32)(lk.members.used / sizeof(struct member));
    for (i64 i = 0; mro && i < ob_size(mro); i++) {
        addr class = rd8(mro + (u64)lk.l->tuple_items + 8 * (u64)i), dict = class_dict(class);
        struct dict_view v;
        if (!dict || !dict_view(dict, &v))
            continue;
        for (u64 j = 0; j < v.entries; j++) {
            addr name = view_key(&v, j), value = view_value(&v, j);
            if (!name || !value || !is_str(name))
                continue;
            if (type_of(value) == lk.c[T_MEMBER]) {
                addr def = rd8(value + 40);
                i32 what = rd4s(def + 8);
                if (what == T_OBJECT_MEMBER || what == T_OBJECT_EX)
                    add_member(t, rd8(def + 16), name_of(name));
            } else if (type_of(value) == lk.c[T_GETSET]) {
                add_getset(t, class, name);
            }
        }
    }
}

/* What sys.getsizeof adds for what lies before an object. */
static u64 presize(const struct type *t)
{
    u64 n = t->has_gc ? 16 : 0;
    if (lk.l->managed == 11 && t->flags & MANAGED_DICT)
        n += 16;
    else if (lk.l->managed >= 12 && t->flags & (MANAGED_DICT | MANAGED_WEAKREF))
        n += 16;
    return n;
}

static void fill(struct type *t, addr at)
{
    t->at = at;
    t->flags = rd8(at + TP_FLAGS);
    t->basic = (i64)rd8(at + TP_BASICSIZE);
    t->item = (i64)rd8(at + TP_ITEMSIZE);
    t->dict_offset = (i64)rd8(at + TP_DICTOFFSET);
    t->has_gc = (t->flags & HAVE_GC) != 0;
    t->traverse = t->has_gc ? (int (*)(addr, int (*)(addr, void *), void *))rd8(at + TP_TRAVERSE) : 0;
    t->is_gc = (int (*)(addr))rd8(at + TP_IS_GC);
    t->kind = kind_of(t);
    t->default_kind = t->flags & (LIST_SUB | TUPLE_SUB) || t->kind == K_DEQUE ? R_INDEX
                      : t->kind == K_SET ? R_ITEM : t->flags & DICT_SUB ? R_VALUE : R_INTERNAL;
    t->is_future = is_subtype(at, lk.c[T_FUTURE]);
    t->is_task = is_subtype(at, lk.c[T_TASK]) || is_subtype(at, lk.c[T_PY_TASK]);
    t->finalizer = rd8(at + TP_FINALIZE) != 0;
    t->text_like = t->has_gc && t->flags & (STR_SUB | BYTES_SUB) ? 1 : 0;
    t->presize = presize(t);
    members_of(t);
    if (t->flags & TUPLE_SUB && t->flags & HEAP_TYPE) {
        addr mro = rd8(at + TP_MRO);
        for (i64 i = 0; mro && i < ob_size(mro) && !t->fields; i++)
            t->fields = dict_get(class_dict(rd8(mro + (u64)lk.l->tuple_items + 8 * (u64)i)), "_fields");
        if (t->fields && type_of(t->fields) != lk.c[T_TUPLE])
            t->fields = 0;
    }
}

struct type *type_info(addr at)
{
    static struct type *last;
    if (last && last->at == at)
        return last;
    u64 *place = map_put(&lk.types, at);
    if (!*place) {
        if (supply.left < sizeof(struct type)) {
            supply.left = 1 << 18;
            supply.base = pages(supply.left);
        }
        struct type *t = (struct type *)supply.base;
        supply.base += sizeof *t;
        supply.left -= sizeof *t;
        fill(t, at);
        push8(&all, (u64)t);
        *map_put(&lk.types, at) = (u64)t;
        return last = t;
    }
    return last = (struct type *)*place;
}

void write_types(void)
{
    for (u64 i = 0; i < all.used / 8; i++) {
        const struct type *t = ((struct type **)all.base)[i];
        u32 module, name = type_name(t->at, &module);
        int del = !t->finalizer && rd8(t->at + TP_DEL);
        put8(TYPE_NODE, t->at);
        put4(TYPE_NAME, name);
        put4(TYPE_MODULE, module);
        put1(TYPE_FLAGS, (u8)((t->finalizer ? F_FINALIZER : 0) | (del ? F_LEGACY_DEL : 0)));
        put1(TYPE_KIND, t->default_kind);
    }
}
