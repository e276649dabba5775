/* Shallow sizes as sys.getsizeof gives them, without calling anything: the __sizeof__ of each built-in type. */
#include "lk.h"

static u64 absolute(i64 n) { return (u64)(n < 0 ? -n : n); }

static u64 dict_size(const struct type *t, addr o)
{
    addr keys = rd8(o + 32), values = rd8(o + 40);
    u64 n = (u64)t->basic;
    if (values)
        n += 8 * (lk.l->old_keys ? (rd8(keys + 8) << 1) / 3 : rd8(keys + 16) + rd8(keys + 24));
    if (rd8(keys) == 1)
        n += keys_size(keys);
    if (t->kind == K_ODICT) /* Objects/odictobject.c: nodes of 32 bytes, od_first, od_fast_nodes_size pointers to them */
        n += 8 * rd8(o + 72) + (rd8(o + 56) ? 32 * dict_used(o) : 0);
    return n;
}

/* Objects/unicodeobject.c, unicode_sizeof. */
static u64 str_size(addr o)
{
    u32 state = rd4(o + 32), kind = state >> 2 & 7, compact = state >> 5 & 1, ascii = state >> 6 & 1;
    u64 n, characters = str_length(o) + 1, whole = (u64)lk.l->str_compact + 8;
    addr data = 0;
    if (compact && ascii)
        return (u64)lk.l->str_ascii + characters;
    if (compact) {
        n = (u64)lk.l->str_compact + characters * kind;
        data = o + (u64)lk.l->str_compact;
    } else {
        data = rd8(o + (u64)lk.l->str_compact);
        n = whole + (data ? characters * kind : 0);
    }
    addr utf8 = rd8(o + (u64)lk.l->str_utf8);
    if (!(compact && ascii) && utf8 && utf8 != data && !(!compact && ascii))
        n += rd8(o + (u64)lk.l->str_utf8 - 8) + 1;
    if (lk.l->first_hex < 0x030c0000) { /* wchar_t copies of 3.9 to 3.11 */
        addr wide = rd8(o + 40);
        if (wide && wide != data)
            n += (compact ? rd8(o + 64) + 1 : str_length(o) + 1) * 4;
    }
    return n;
}

static u64 int_size(const struct type *t, addr o)
{
    if (lk.l->first_hex >= 0x030c0000) {
        u64 digits = rd8(o + 16) >> 3;
        return 24 + 4 * (digits ? digits : 1) + ((u64)t->basic > 28 ? (u64)t->basic - 28 : 0);
    }
    u64 digits = absolute(ob_size(o));
    return 24 + 4 * (digits || lk.l->first_hex < 0x030b0000 ? digits : 1);
}

static u64 type_size(addr o)
{
    if (!(rd8(o + 168) & HEAP_TYPE))
        return (u64)lk.l->type_size;
    addr keys = rd8(o + (u64)lk.l->ht_cached_keys);
    return (u64)lk.l->heap_type_size + (keys ? keys_size(keys) : 0);
}

static u64 ndarray_size(const struct type *t, addr o)
{
    u64 dimensions = rd4(o + 24), n = (u64)t->basic + 16 * dimensions;
    addr descr = rd8(o + 56);
    if (!(rd4(o + 64) & 4)) /* NPY_ARRAY_OWNDATA */
        return n;
    u64 bytes = lk.c[C_NUMPY_ELSIZE] == 40 ? rd8(descr + 40) : rd4(descr + 32);
    for (u64 i = 0; i < dimensions; i++)
        bytes *= rd8(rd8(o + 32) + 8 * i);
    return n + bytes;
}

/* Frames of all versions and what holds one: fixed part, locals and evaluation stack. */
static u64 frame_size(const struct type *t, addr o)
{
    const struct layout *l = lk.l;
    addr code, inner = o;
    u64 fixed;
    if (!l->fr_inner) {
        if (t->kind == K_SUSPENDABLE)
            return (u64)t->basic;
        code = rd8(o + (u64)l->fr_code);
        return (u64)l->fr_locals + 8 * (u64)(rd4(code + (u64)l->co_stack) + rd4(code + (u64)l->co_locals) +
                                        (u64)ob_size(rd8(code + (u64)l->co_free)) +
                                        (u64)ob_size(rd8(code + (u64)l->co_cells)));
    }
    if (t->kind == K_SUSPENDABLE) {
        inner = o + (u64)l->gen_frame;
        fixed = (u64)l->gen_frame + (u64)l->if_locals;
    } else {
        inner = rd8(o + (u64)l->fr_inner);
        fixed = (u64)l->fr_size + (u64)l->if_locals;
    }
    code = rd8(inner + (u64)l->if_code) & ~3UL;
    if (!code || type_of(code) != lk.c[T_CODE])
        return fixed;
    return fixed + 8 * (u64)(rd4(code + (u64)l->co_locals) + rd4(code + (u64)l->co_stack));
}

static u64 code_size(const struct type *t, addr o)
{
    u64 n = (u64)t->basic;
    if (lk.l->fr_inner)
        n = (n + (u64)t->item * (u64)ob_size(o) + 7) & ~7UL;
    else if (rd8(o + 96)) /* co_cell2arg */
        n += 8 * (u64)ob_size(rd8(o + (u64)lk.l->co_cells));
    return n;
}

/* Modules/_io/bufferedio.c: a size that is a power of two, with its mask behind it; other sizes have no mask. */
static u64 buffer_size(const struct type *t, addr o)
{
    for (u64 at = 96; rd8(o + 56) && at + 16 <= (u64)t->basic; at += 8)
        if (rd8(o + at) > 1 && rd8(o + at) < 1UL << 40 && !(rd8(o + at) & (rd8(o + at) - 1)) &&
            rd8(o + at + 8) == rd8(o + at) - 1)
            return rd8(o + at);
    return 0;
}

static u64 own_size(const struct type *t, addr o)
{
    switch (t->kind) {
    case K_DICT: case K_DICT_SUB: case K_ODICT: case K_FROZENDICT: return dict_size(t, o);
    case K_LIST: return (u64)t->basic + 8 * rd8(o + 32);
    case K_STR: return str_size(o);
    case K_BYTEARRAY: /* from 3.15 on its bytes are a bytes object */
        return (u64)t->basic + rd8(o + 24) + (lk.l->first_hex >= 0x030f0000 && rd8(o + 24) ? 33 : 0);
    case K_BUFFERED: return (u64)t->basic + buffer_size(t, o);
    case K_INT: return int_size(t, o);
    case K_SET: return (u64)t->basic + (rd8(o + 40) != o + 64 ? 16 * (rd8(o + 32) + 1) : 0);
    case K_TYPE: return type_size(o);
    case K_FRAME: case K_SUSPENDABLE: return frame_size(t, o);
    case K_CODE: return code_size(t, o);
    case K_ARRAY: return (u64)t->basic + rd8(o + 32) * rd4(rd8(o + 40) + 4);
    case K_NDARRAY: return ndarray_size(t, o);
    case K_BYTESIO: /* Modules/_io/bytesio.c: its own bytes object, unless it is lent out */
        return (u64)t->basic + (rd8(o + 16) && rd8(rd8(o + 16)) == 1 ? 33 + (u64)ob_size(rd8(o + 16)) : 0);
    case K_DEQUE: /* Modules/_collectionsmodule.c: blocks of 64 and two links */
        return (u64)t->basic + (rd8(o + 40) + (u64)ob_size(o) + 63) / 64 * 528;
    default: return (u64)t->basic + (t->item ? (u64)t->item * absolute(ob_size(o)) : 0);
    }
}

u64 size_of(const struct type *t, addr o)
{
    u64 n = own_size(t, o) + t->presize;
    if ((!lk.l->managed || lk.l->managed == 13) && t->has_gc && !object_is_gc(t, o))
        n -= 16; /* 3.11 and 3.12 ask the type, the others the object, and static types have no header */
    return n;
}
