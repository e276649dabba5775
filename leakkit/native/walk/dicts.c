/* Dicts and the values of instances. Layouts: Objects/dict-common.h (3.9, 3.10), Include/internal/pycore_dict.h and
   pycore_object.h (3.11 and later). */
#include "lk.h"

/* Where the entries of a key table begin, and how they look. */
static void entries_of(addr keys, struct dict_view *v)
{
    v->keys = keys;
    if (lk.l->old_keys) {
        u64 size = rd8(keys + 8);
        u64 index = size <= 0xff ? 1 : size <= 0xffff ? 2 : size <= 0xffffffff ? 4 : 8;
        v->entries = rd8(keys + 32);
        v->first = keys + 40 + size * index;
        v->step = 24;
    } else {
        v->entries = rd8(keys + 24);
        v->first = keys + 32 + (1UL << rd1(keys + 9));
        v->step = rd1(keys + 10) ? 16 : 24;
    }
    v->key_at = v->step - 16;
    v->value_at = v->step - 8;
}

int values_view(addr keys, addr values, struct dict_view *v)
{
    entries_of(keys, v);
    v->values = values;
    return 1;
}

int dict_view(addr dict, struct dict_view *v)
{
    addr values = rd8(dict + 40);
    if (values && lk.l->managed == 13)
        values += 8; /* struct _dictvalues has four bytes of facts first */
    entries_of(rd8(dict + 32), v);
    v->values = values;
    return v->entries != 0;
}

u64 dict_used(addr dict) { return rd8(dict + 16); }

u64 keys_size(addr keys)
{
    if (lk.l->old_keys) {
        u64 size = rd8(keys + 8);
        u64 index = size <= 0xff ? 1 : size <= 0xffff ? 2 : size <= 0xffffffff ? 4 : 8;
        return 40 + size * index + (size << 1) / 3 * 24;
    }
    u64 size = 1UL << rd1(keys + 8);
    return 32 + (1UL << rd1(keys + 9)) + (size << 1) / 3 * (rd1(keys + 10) ? 16 : 24);
}

/* The value of an ASCII key, by looking through: for small namespaces, once each. */
addr dict_get(addr dict, const char *key)
{
    struct dict_view v;
    u64 n = text_length(key);
    if (!dict || !dict_view(dict, &v))
        return 0;
    for (u64 i = 0; i < v.entries; i++) {
        addr name = view_key(&v, i);
        if (name && view_value(&v, i) && is_str(name) && str_length(name) == n && (rd4(name + 32) >> 5 & 3) == 3 &&
            !memcmp((void *)(name + (u64)lk.l->str_ascii), key, n))
            return view_value(&v, i);
    }
    return 0;
}

/* _PyObject_GetDictPtr, without the managed ones. */
static addr *dict_place(const struct type *t, addr o)
{
    i64 at = t->dict_offset;
    if (at == 0 || t->flags & MANAGED_DICT)
        return 0;
    if (at < 0) {
        i64 n = ob_size(o) < 0 ? -ob_size(o) : ob_size(o);
        if (t->kind == K_INT && lk.l->first_hex >= 0x030c0000)
            n >>= 3; /* _PyLongValue.lv_tag */
        i64 size = (t->basic + t->item * n + 7) & ~7L;
        at += size;
    }
    return (addr *)(o + (u64)at);
}

/* The dict that an instance has as an object of its own, or 0. */
addr instance_dict(const struct type *t, addr o)
{
    if (t->flags & MANAGED_DICT && lk.l->managed) {
        addr found = rd8(o - 24);
        return lk.l->managed == 12 && found & 1 ? 0 : found;
    }
    addr *place = dict_place(t, o);
    return place ? *place : 0;
}

/* The attributes that lie in an instance itself; false when there are none or a dict has taken over. */
int instance_values(const struct type *t, addr o, struct dict_view *v)
{
    if (!(t->flags & MANAGED_DICT) || !(t->flags & HEAP_TYPE))
        return 0;
    addr keys = rd8(t->at + (u64)lk.l->ht_cached_keys), values = 0;
    if (!keys)
        return 0;
    if (lk.l->managed == 11)
        values = rd8(o - 32);
    else if (lk.l->managed == 12)
        values = rd8(o - 24) & 1 ? rd8(o - 24) + 1 : 0;
    else if (t->flags & INLINE_VALUES && rd1(o + (u64)t->basic + 3))
        values = o + (u64)t->basic + 8;
    if (!values)
        return 0;
    values_view(keys, values, v);
    if (lk.l->managed == 13 && v->entries > rd1(o + (u64)t->basic))
        v->entries = rd1(o + (u64)t->basic);
    return v->entries != 0;
}
