/* Names of the references of built-in types that are not plain instances: dicts, functions and their tuples, classes,
   caches, nodes of a context. */
#include "lk.h"

/* Values of an exact dict by position, as dict_traverse (Objects/dictobject.c) goes: value, then key if at all. */
void name_dict(addr o, int as_defaults)
{
    struct dict_view v;
    u64 used = dict_used(o), at = 0, limit = map_find(&lk.full, o) ? MOST_KEYS : NAMED_KEYS;
    int with_keys = TARGET_COUNT == 2 * used;
    if (!used || (TARGET_COUNT != used && !with_keys) || !dict_view(o, &v))
        return;
    for (u64 i = 0, n = 0; i < v.entries && n < limit && at < TARGET_COUNT; i++) {
        addr value = view_value(&v, i), key = view_key(&v, i);
        if (!value || !key)
            continue;
        n++;
        if (is_str(key) && TARGETS[at] == value) {
            lk.kinds.base[at] = as_defaults ? R_DEFAULT : R_KEY;
            ((u32 *)lk.names.base)[at] = name_of(key);
        }
        at++;
        if (with_keys)
            lk.kinds.base[at++] = R_DICT_KEY;
    }
}

/* Name number ``i`` of a tuple of names; 0 when there is none. */
u32 name_at(addr names, i64 i)
{
    if (!names || i < 0 || i >= ob_size(names))
        return 0;
    return name_of(rd8(names + (u64)lk.l->tuple_items + 8 * (u64)i));
}

/* A function's defaults or closure: elements are named after its parameters and free variables. */
void name_owned_tuple(addr o, u64 owner)
{
    const struct layout *l = lk.l;
    addr function = owner & ~7UL, code = rd8(function + (u64)l->fn_code), names = rd8(code + (u64)l->co_names);
    i64 n = ob_size(o), first;
    u8 kind = R_CELL;
    if ((u64)n != TARGET_COUNT)
        return;
    if ((owner & 7) == ROLE_DEFAULTS) {
        kind = R_DEFAULT;
        first = (i64)rd4(code + (u64)l->co_argcount) - n;
    } else if (l->co_kinds) {
        first = (i64)rd4(code + (u64)l->co_locals) - n;
    } else {
        names = rd8(code + (u64)l->co_free);
        first = 0;
    }
    for (i64 i = 0; i < n; i++) {
        u64 at = lk.reversed_tuple ? (u64)(n - 1 - i) : (u64)i;
        u32 name = name_at(names, first + i);
        if (name && TARGETS[at] == rd8(o + (u64)l->tuple_items + 8 * (u64)i)) {
            lk.kinds.base[at] = kind;
            ((u32 *)lk.names.base)[at] = name;
        }
    }
}

void name_function(addr o)
{
    const struct layout *l = lk.l;
    const struct {
        short at;
        const char *name;
    } fields[] = {{l->fn_code, "__code__"}, {l->fn_globals, "__globals__"}, {l->fn_defaults, "__defaults__"},
                  {l->fn_kwdefaults, "__kwdefaults__"}, {l->fn_closure, "__closure__"}, {l->fn_dict, "__dict__"},
                  {l->fn_doc, "__doc__"}, {l->fn_name, "__name__"}, {l->fn_qualname, "__qualname__"},
                  {l->fn_module, "__module__"}, {l->fn_builtins, "__builtins__"}};
    for (u64 i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].at)
            candidate(rd8(o + (u64)fields[i].at), R_ATTRIBUTE, name_text(fields[i].name));
    addr code = rd8(o + (u64)l->fn_code);
    put8(FUNCTION_NODE, o);
    put4(FUNCTION_MODULE, name_of(rd8(o + (u64)l->fn_module)));
    put4(FUNCTION_NAME, name_of(rd8(o + (u64)l->fn_qualname)));
    put4(FUNCTION_FILE, name_of(rd8(code + (u64)l->co_filename)));
    put4(FUNCTION_LINE, rd4(code + (u64)l->co_first_line));
}

void name_type(addr o)
{
    candidate(rd8(o + 344), R_ATTRIBUTE, name_text("__mro__"));
    candidate(rd8(o + 336), R_ATTRIBUTE, name_text("__bases__"));
    candidate(rd8(o + 256), R_ATTRIBUTE, name_text("__base__"));
    candidate(class_dict(o), R_ATTRIBUTE, name_text("__dict__"));
}

/* Modules/_functoolsmodule.c: the cache is at 72, maxsize at 96. */
void name_lru(const struct type *t, addr o)
{
    addr dict = instance_dict(t, o), cache = rd8(o + 72);
    candidate(dict, R_ATTRIBUTE, name_text("__dict__"));
    if (dict)
        candidate(dict_get(dict, "__wrapped__"), R_ATTRIBUTE, name_text("__wrapped__"));
    int known = cache && is_target(cache) && type_of(cache) == lk.c[T_DICT];
    if (known)
        candidate(cache, R_ATTRIBUTE, name_text("cache"));
    if (known || !cache) {
        i64 limit = (i64)rd8(o + 96);
        put8(BOUND_NODE, o);
        put8(BOUND_BOUND, (u64)(limit < 0 ? -1 : limit));
        put8(BOUND_USED, cache ? dict_used(cache) : 0);
        put4(BOUND_LABEL, name_text("lru_cache maxsize"));
    }
}

/* Nodes of a context's map: a value is followed by its variable, after which it is named. */
void name_hamt(void)
{
    for (u64 i = 0; i < TARGET_COUNT; i++) {
        addr next = i + 1 < TARGET_COUNT ? TARGETS[i + 1] : 0;
        lk.kinds.base[i] = R_INTERNAL;
        if (type_of(TARGETS[i]) == lk.c[T_CONTEXT_VAR]) {
            lk.kinds.base[i] = R_DICT_KEY;
        } else if (next && type_of(next) == lk.c[T_CONTEXT_VAR] && rd8(next + 16) && is_str(rd8(next + 16))) {
            lk.kinds.base[i] = R_KEY;
            ((u32 *)lk.names.base)[i] = name_of(rd8(next + 16));
        }
    }
}
