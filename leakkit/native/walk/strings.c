/* The table of names: index 0 is the empty one. Only identifiers, dict keys and names of files, types and functions
   come here, as UTF-8 of at most 1000 bytes. Layout of str: Include/cpython/unicodeobject.h. */
#include "lk.h"

enum { LONGEST = 1000 };

static struct map by_object, by_hash;
static struct grow text, starts, labels; /* bytes; u64 ends; u32 label of each */
static u8 scratch[LONGEST + 8];

int is_str(addr o) { return type_of(o) == lk.c[T_STR]; }
u64 str_length(addr o) { return rd8(o + 16); }

static u64 put_utf8(u64 n, u32 c)
{
    if (c < 0x80) {
        scratch[n++] = (u8)c;
    } else if (c < 0x800) {
        scratch[n++] = (u8)(0xc0 | c >> 6);
        scratch[n++] = (u8)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        scratch[n++] = (u8)(0xe0 | c >> 12);
        scratch[n++] = (u8)(0x80 | (c >> 6 & 63));
        scratch[n++] = (u8)(0x80 | (c & 63));
    } else {
        scratch[n++] = (u8)(0xf0 | c >> 18);
        scratch[n++] = (u8)(0x80 | (c >> 12 & 63));
        scratch[n++] = (u8)(0x80 | (c >> 6 & 63));
        scratch[n++] = (u8)(0x80 | (c & 63));
    }
    return n;
}

/* Characters of a str as UTF-8 into the scratch; its length. */
static u64 utf8_of(addr o)
{
    u32 state = rd4(o + 32), kind = state >> 2 & 7, compact = state >> 5 & 1, ascii = state >> 6 & 1;
    addr data = o + (u64)(ascii ? lk.l->str_ascii : lk.l->str_compact);
    u64 n = 0, length = str_length(o);
    if (!compact)
        data = rd8(o + (u64)lk.l->str_compact);
    if (!data)
        return 0;
    for (u64 i = 0; i < length && n < LONGEST; i++)
        n = put_utf8(n, kind == 1 ? rd1(data + i) : kind == 2 ? *(const word16 *)(data + 2 * i) : rd4(data + 4 * i));
    return n > LONGEST ? LONGEST : n;
}

static int same(u64 index, const char *from, u64 n)
{
    u64 start = index ? ((u64 *)starts.base)[index - 1] : 0, stop = ((u64 *)starts.base)[index];
    return stop - start == n && !memcmp(text.base + start, from, n);
}

static const char *const BOUND_NAMES[] = {
    "maxsize", "maxlen", "max_size", "max_len", "max_length", "capacity", "max_entries", "maxentries", "max_items",
    "maxitems", "max_keys", "limit", "size_limit", "max_count", "max_capacity", "cache_size", "max_cache_size"};

/* The plain name of a declared limit: "_Cache__maxsize" and "_maxsize" are "maxsize". */
static u32 label_of(const char *name, u64 n)
{
    char plain[48];
    if (n > 40)
        return 0;
    for (u64 i = 0; i < n; i++)
        plain[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32) : name[i];
    u64 from = 0;
    if (n && plain[0] == '_')
        for (u64 i = n - 1; i >= 2; i--)
            if (plain[i] == '_' && plain[i - 1] == '_') {
                from = i + 1;
                break;
            }
    while (from < n && plain[from] == '_')
        from++;
    while (n > from && plain[n - 1] == '_')
        n--;
    for (u64 i = 0; i < sizeof BOUND_NAMES / sizeof *BOUND_NAMES; i++)
        if (text_length(BOUND_NAMES[i]) == n - from && !memcmp(BOUND_NAMES[i], plain + from, n - from))
            return (u32)i + 1;
    return 0;
}

u32 name_bytes(const char *from, u64 n)
{
    u64 hash = 0xcbf29ce484222325UL;
    for (u64 i = 0; i < n; i++)
        hash = (hash ^ (u8)from[i]) * 0x100000001b3UL;
    for (hash |= 1;; hash += 2) {
        u64 *found = map_put(&by_hash, hash);
        if (*found) {
            if (same(*found - 1, from, n))
                return (u32)*found - 1;
            continue;
        }
        memcpy(grow_by(&text, n), from, n);
        push8(&starts, text.used);
        *(u32 *)grow_by(&labels, 4) = label_of(from, n);
        return (u32)(*found = starts.used / 8) - 1;
    }
}

u32 name_text(const char *from) { return name_bytes(from, text_length(from)); }

u32 name_of(addr o)
{
    if (!o || !is_str(o))
        return 0;
    u64 *found = map_put(&by_object, o);
    if (!*found) {
        u64 n = utf8_of(o);
        u32 index = name_bytes((char *)scratch, n);
        *map_put(&by_object, o) = index + 1;
        return index;
    }
    return (u32)*found - 1;
}

u32 bound_label(u32 name)
{
    u32 which = ((u32 *)labels.base)[name];
    return which ? name_text(BOUND_NAMES[which - 1]) : 0;
}

void write_strings(void)
{
    u64 last = 0;
    for (u64 i = 0; i < starts.used / 8; i++) {
        u64 stop = ((u64 *)starts.base)[i];
        put4(STRING_LENGTH, (u32)(stop - last));
        last = stop;
    }
    put_bytes(STRING_BYTES, text.base, text.used);
}
