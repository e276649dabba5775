/* Memory that an object owns outside of itself, by address: what an allocation tracer saw being allocated for it. Only
   written when it is asked for. Layouts: Include/cpython/listobject.h, dictobject.h, setobject.h, bytearrayobject.h,
   Modules/_collectionsmodule.c, Modules/arraymodule.c, numpy/ndarraytypes.h, Modules/_io/bytesio.c. */
#include "lk.h"

enum { DEQUE_ITEMS = 64, MOST_BLOCKS = 1 << 24 };

static void buffer(addr owner, addr at)
{
    if (at > 65536) {
        put8(BUFFER_NODE, owner);
        put8(BUFFER_AT, at);
    }
}

static void of_dict(addr o)
{
    addr keys = rd8(o + 32);
    if (keys && rd8(keys) == 1) /* shared key tables belong to the class */
        buffer(o, keys);
    buffer(o, rd8(o + 40));
}

static void of_deque(addr o)
{
    addr block = rd8(o + 24), last = rd8(o + 32);
    for (u64 i = 0; block && i < MOST_BLOCKS; i++) {
        buffer(o, block);
        if (block == last)
            return;
        block = rd8(block + 8 + 8 * DEQUE_ITEMS);
    }
}

static void of_str(addr o)
{
    u32 state = rd4(o + 32), compact = state >> 5 & 1, ascii = state >> 6 & 1;
    if (compact && ascii)
        return;
    if (!compact)
        buffer(o, rd8(o + (u64)lk.l->str_compact));
    buffer(o, rd8(o + (u64)lk.l->str_utf8));
}

static void of_values(const struct type *t, addr o)
{
    if (!(t->flags & MANAGED_DICT))
        return;
    if (lk.l->managed == 11)
        buffer(o, rd8(o - 32));
    else if (lk.l->managed == 12 && rd8(o - 24) & 1)
        buffer(o, rd8(o - 24) + 1);
}

void buffers_of(const struct type *t, addr o)
{
    if (!lk.c[C_BUFFERS])
        return;
    switch (t->kind) {
    case K_DICT: case K_DICT_SUB: case K_ODICT: of_dict(o); break;
    case K_LIST: case K_ARRAY: buffer(o, rd8(o + 24)); break;
    case K_STR: of_str(o); break;
    case K_BYTEARRAY: buffer(o, rd8(o + 32)); break;
    case K_SET:
        if (rd8(o + 40) != o + 64)
            buffer(o, rd8(o + 40));
        break;
    case K_NDARRAY:
        if (rd4(o + 64) & 4) /* NPY_ARRAY_OWNDATA */
            buffer(o, rd8(o + 16));
        buffer(o, rd8(o + 32));
        break;
    case K_BYTESIO:
        if (rd8(o + 16) && rd8(rd8(o + 16)) == 1)
            buffer(o, rd8(o + 16));
        break;
    case K_DEQUE: of_deque(o); break;
    default: of_values(t, o); break;
    }
}
