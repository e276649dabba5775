/* Memory by mmap alone, counted against a limit; the clock; the few functions a compiler expects of a C library. */
#include "lk.h"

void *memcpy(void *to, const void *from, unsigned long n)
{
    u8 *a = to;
    const u8 *b = from;
    for (; n >= 8; n -= 8, a += 8, b += 8) {
        *(word64 *)a = *(const word64 *)b;
        __asm__ volatile("" ::: "memory");
    }
    for (; n; n--) {
        *a++ = *b++;
        __asm__ volatile("" ::: "memory"); /* or a compiler may see memcpy in it and call that */
    }
    return to;
}

void *memset(void *to, int value, unsigned long n)
{
    u8 *a = to;
    while (n--)
        *(volatile u8 *)a++ = (u8)value;
    return to;
}

int memcmp(const void *one, const void *other, unsigned long n)
{
    const u8 *a = one, *b = other;
    for (; n; n--, a++, b++)
        if (*a != *b)
            return *a < *b ? -1 : 1;
    return 0;
}

u64 text_length(const char *text)
{
    u64 n = 0;
    while (text[n])
        n++;
    return n;
}

void end(enum ending why)
{
    for (;;)
        sys1(SYS_exit_group, why);
}

static void account(u64 bytes)
{
    lk.taken += bytes;
    if (lk.most_bytes && lk.taken > lk.most_bytes)
        end(END_MEMORY);
}

void *pages(u64 bytes)
{
    account(bytes);
    long at = sys6(SYS_mmap, 0, (long)bytes, 3 /* read, write */, 0x22 /* private, anonymous */, -1, 0);
    if (at < 0 && at > -4096)
        end(END_MEMORY);
    return (void *)at;
}

void release(void *at, u64 bytes)
{
    sys2(SYS_munmap, at, bytes);
    lk.taken -= bytes;
}

/* Make room for ``bytes`` in all; the array may move. */
void grow_to(struct grow *g, u64 bytes)
{
    u64 room = g->room ? g->room : 1 << 16;
    while (room < bytes)
        room = room < (1UL << 30) ? room * 2 : room + (1UL << 29);
    if (!g->base) {
        g->base = pages(room);
    } else if (room != g->room) {
        account(room - g->room);
        long at = sys4(SYS_mremap, g->base, g->room, room, 1 /* may move */);
        if (at < 0 && at > -4096)
            end(END_MEMORY);
        g->base = (u8 *)at;
    }
    g->room = room;
}

u64 nanoseconds(void)
{
    long now[2] = {0, 0};
    sys2(SYS_clock_gettime, 1 /* monotonic */, now);
    return (u64)now[0] * 1000000000UL + (u64)now[1];
}

/* End in time; called every few thousand objects. The timer of copy.c is behind it for what never comes here. */
void look_at_clock(void)
{
    if (lk.until && nanoseconds() > lk.until)
        end(END_TIME);
}

static u64 spread(u64 key)
{
    key *= 0x9e3779b97f4a7c15UL;
    return key ^ key >> 29;
}

u64 *map_find(const struct map *m, u64 key)
{
    if (!m->slots)
        return 0;
    for (u64 i = spread(key);; i++) {
        u64 *slot = m->slots + 2 * (i & m->mask);
        if (slot[0] == key)
            return slot + 1;
        if (!slot[0])
            return 0;
    }
}

static void map_grow(struct map *m)
{
    struct map old = *m;
    u64 room = old.slots ? (old.mask + 1) * 2 : 512;
    m->slots = pages(room * 16);
    m->mask = room - 1;
    m->count = 0;
    for (u64 i = 0; old.slots && i <= old.mask; i++)
        if (old.slots[2 * i])
            *map_put(m, old.slots[2 * i]) = old.slots[2 * i + 1];
    if (old.slots)
        release(old.slots, (old.mask + 1) * 16);
}

/* The place of a key's number, 0 at first. */
u64 *map_put(struct map *m, u64 key)
{
    if (!m->slots || m->count * 2 > m->mask)
        map_grow(m);
    for (u64 i = spread(key);; i++) {
        u64 *slot = m->slots + 2 * (i & m->mask);
        if (slot[0] == key)
            return slot + 1;
        if (!slot[0]) {
            slot[0] = key;
            m->count++;
            return slot + 1;
        }
    }
}
