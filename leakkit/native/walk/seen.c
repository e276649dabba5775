/* Which addresses have been met: a bitmap of two levels. Objects start at least 16 bytes apart, so one bit stands for
   16 bytes; a megabyte of addresses has 8 KB of bits, found through a small table. */
#include "lk.h"

enum { REGION = 20, BITS = 1 << (REGION - 4 - 3) };

struct seen {
    struct map regions;
    u64 last_key;
    u8 *last_bits;
};
static struct seen nodes, keys;
static struct {
    u8 *base;
    u64 left;
} supply;

static u8 *bits_of(struct seen *s, addr o, int make)
{
    u64 key = (o >> REGION) + 1;
    if (key == s->last_key)
        return s->last_bits;
    u64 *found = make ? map_put(&s->regions, key) : map_find(&s->regions, key);
    if (!found)
        return 0;
    if (!*found) {
        if (!supply.left) {
            supply.left = 1 << 20;
            supply.base = pages(supply.left);
        }
        *found = (u64)supply.base;
        supply.base += BITS;
        supply.left -= BITS;
    }
    s->last_key = key;
    s->last_bits = (u8 *)*found;
    return s->last_bits;
}

static int mark_in(struct seen *s, addr o)
{
    u8 *bits = bits_of(s, o, 1);
    u64 bit = (o >> 4) & ((1UL << (REGION - 4)) - 1);
    u8 one = (u8)(1 << (bit & 7));
    if (bits[bit >> 3] & one)
        return 0;
    bits[bit >> 3] |= one;
    return 1;
}

int mark(addr o) { return mark_in(&nodes, o); }
int mark_key(addr o) { return mark_in(&keys, o); }

int marked(addr o)
{
    u8 *bits = bits_of(&nodes, o, 0);
    u64 bit = (o >> 4) & ((1UL << (REGION - 4)) - 1);
    return bits && bits[bit >> 3] >> (bit & 7) & 1;
}
