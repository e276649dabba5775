/* What the files of the walk share. All of it runs in a frozen copy of the target (but for check.c and copy.c): it
   only reads the heap, calls no function of a library, and allocates by mmap alone. */
#ifndef LK_H
#define LK_H

#include "arch.h"
#include "config.h"
#include "layout.h"

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef int i32;
typedef unsigned long u64;
typedef long i64;
typedef u64 addr; /* of an object, or of a part of one, in this process */

typedef u64 __attribute__((may_alias)) word64;
typedef u32 __attribute__((may_alias)) word32;
typedef u16 __attribute__((may_alias)) word16;

static inline u64 rd8(addr a) { return *(const word64 *)a; }
static inline u32 rd4(addr a) { return *(const word32 *)a; }
static inline i32 rd4s(addr a) { return (i32)rd4(a); }
static inline u8 rd1(addr a) { return *(const u8 *)a; }
static inline addr type_of(addr o) { return rd8(o + 8); }
static inline i64 ob_size(addr o) { return (i64)rd8(o + 16); }

/* Why the copy ended: its exit status. */
enum ending { DONE = 0, END_TIME = 3, END_MEMORY = 4, END_WRITE = 5, END_DAMAGED = 6 };
void end(enum ending why) __attribute__((noreturn));

/* mem.c: pages and growing arrays */
struct grow {
    u8 *base;
    u64 used, room; /* bytes */
};
void *pages(u64 bytes);
void release(void *at, u64 bytes);
void grow_to(struct grow *g, u64 bytes);
static inline void *grow_by(struct grow *g, u64 bytes)
{
    if (g->used + bytes > g->room)
        grow_to(g, g->used + bytes);
    g->used += bytes;
    return g->base + g->used - bytes;
}
static inline void push8(struct grow *g, u64 v) { *(u64 *)grow_by(g, 8) = v; }
void *memcpy(void *, const void *, unsigned long);
void *memset(void *, int, unsigned long);
int memcmp(const void *, const void *, unsigned long);
u64 text_length(const char *);
u64 nanoseconds(void);
void look_at_clock(void);

/* A map from addresses (never 0) to numbers; no removal. */
struct map {
    u64 *slots; /* pairs */
    u64 mask, count;
};
u64 *map_find(const struct map *m, u64 key);
u64 *map_put(struct map *m, u64 key);

/* seen.c: one bit for each 16 bytes of the heap */
int mark(addr o); /* true when it was not marked before */
int marked(addr o);
int mark_key(addr o); /* the same for keys of dicts */

/* out.c: the dump */
enum column {
    NODE, TYPE, REFS, SIZE, DEGREE, EDGE, EDGE_KIND, EDGE_NAME, FINALIZED, UNKNOWN,
    EXTRA_NODE, EXTRA_KIND, EXTRA_NAME, EXTRA_TO, TYPE_NODE, TYPE_NAME, TYPE_MODULE, TYPE_FLAGS, TYPE_KIND,
    STRING_LENGTH, STRING_BYTES, FUNCTION_NODE, FUNCTION_MODULE, FUNCTION_NAME, FUNCTION_FILE, FUNCTION_LINE,
    BOUND_NODE, BOUND_BOUND, BOUND_USED, BOUND_LABEL, VIEW_NODE, VIEW_TARGET, VIEW_EXTENT,
    FRAME_NODE, FRAME_KIND, FRAME_STATE, FRAME_MODULE, FRAME_NAME, FRAME_CODE, FRAME_LASTI, FRAME_LINE, FRAME_THREAD,
    CODE_ID, CODE_FILE, CODE_NAME, CODE_LINE, CODE_LINES, CODE_TABLE,
    ROOT_NODE, ROOT_KIND, ROOT_NAME, ROOT_FRAME, MODULE_NODE, MODULE_NAME, MODULE_FILE,
    THREAD_IDENT, THREAD_NATIVE, THREAD_DAEMON, THREAD_NAME, TASK_NODE, TASK_NAME, TASK_COROUTINE, TASK_STATE, TASK_FUNCTION, TASK_CODE,
    HELD_NODE, HELD_COUNT, OWN_NODE, BUFFER_NODE, BUFFER_AT, MALLOC_TEXT, MALLOC_FIGURES, COLUMNS
};
void out_start(int fd);
void put1(enum column c, u8 v);
void put4(enum column c, u32 v);
void put8(enum column c, u64 v);
void put_bytes(enum column c, const void *from, u64 n);
void out_json(const char *name, const char *text, u64 n);
void out_end(void);

/* strings.c: the table of names */
u32 name_of(addr str);            /* an exact str of the target */
u32 name_text(const char *text);  /* one of ours, by content */
u32 name_bytes(const char *text, u64 n);
u32 bound_label(u32 name);        /* "maxsize" for "_Cache__maxsize"; 0 when it is no declared limit */
int is_str(addr o);
u64 str_length(addr o);
void write_strings(void);

/* types.c */
enum kind {
    K_OTHER, K_DICT, K_DICT_SUB, K_LIST, K_TUPLE, K_STR, K_BYTES, K_BYTEARRAY, K_INT, K_SET, K_FUNCTION, K_CODE,
    K_FRAME, K_SUSPENDABLE, K_MODULE, K_TYPE, K_WEAKREF, K_DEQUE, K_LRU, K_LOCAL, K_MEMORYVIEW, K_MATCH, K_NDARRAY,
    K_ARRAY, K_HAMT, K_ODICT, K_FROZENDICT, K_BYTESIO, K_BUFFERED, K_GREENLET
};
struct member {
    u32 offset, name;
};
struct type {
    addr at;
    u64 flags;
    i64 basic, item, dict_offset;
    int (*traverse)(addr, int (*)(addr, void *), void *);
    int (*is_gc)(addr);
    u8 kind, default_kind, is_future, is_task, finalizer, has_gc, text_like;
    u32 members, member_count; /* in lk.members */
    addr fields;               /* _fields of a namedtuple */
    u64 presize;
};
struct type *type_info(addr type);
int is_subtype(addr type, addr base);
addr class_dict(addr type);
int object_is_gc(const struct type *t, addr o);
u32 type_name(addr type, u32 *module);
void write_types(void);
enum { HEAP_TYPE = 1 << 9, HAVE_GC = 1 << 14, STATIC_BUILTIN = 1 << 1, INLINE_VALUES = 1 << 2,
       MANAGED_WEAKREF = 1 << 3, MANAGED_DICT = 1 << 4, LIST_SUB = 1 << 25, TUPLE_SUB = 1 << 26, BYTES_SUB = 1 << 27,
       STR_SUB = 1 << 28, DICT_SUB = 1 << 29, EXCEPTION_SUB = 1 << 30 };
#define TYPE_SUB (1UL << 31)

/* dicts.c */
struct dict_view { /* entries of a dict, or of an instance's values */
    addr keys, values;
    u64 entries; /* places, used or not */
    addr first;
    u32 step, key_at, value_at;
};
int dict_view(addr dict, struct dict_view *v);
int values_view(addr keys, addr values, struct dict_view *v);
static inline addr view_key(const struct dict_view *v, u64 i) { return rd8(v->first + i * v->step + v->key_at); }
static inline addr view_value(const struct dict_view *v, u64 i)
{
    return v->values ? rd8(v->values + 8 * i) : rd8(v->first + i * v->step + v->value_at);
}
addr dict_get(addr dict, const char *key);
u64 dict_used(addr dict);
u64 keys_size(addr keys);
addr instance_dict(const struct type *t, addr o);
int instance_values(const struct type *t, addr o, struct dict_view *v);

/* The kinds of references: EdgeKind of leakkit/snapshot_model.py. */
enum { R_INTERNAL, R_ATTRIBUTE, R_KEY, R_VALUE, R_DICT_KEY, R_INDEX, R_ITEM, R_LOCAL, R_CELL, R_DEFAULT, R_TYPE, R_WEAK,
       R_BASE, R_EXTRA = 0x80 };
enum { NAMED_KEYS = 100, MOST_KEYS = 20000, STACK_LIMIT = 2000 };

/* names.c, frames.c: candidates for the names of the references of the object at hand */
struct candidate {
    addr target;
    u32 name, next;
    u8 kind, used;
};
addr attribute(addr o, const char *name);
void learn_futures(void);
addr future_field(addr o, u32 which);
enum { F_RESULT, F_EXCEPTION, F_LOOP, F_CORO, F_WAITER, F_TRACEBACK, FUTURE_FIELDS };
enum { ROLE_DEFAULTS = 1, ROLE_CLOSURE = 2, ROLE_KWDEFAULTS = 3 }; /* low bits of lk.owners */
void candidate(addr target, u8 kind, u32 name);
int is_target(addr o);
u32 name_at(addr names, i64 i); /* number i of a tuple of names; 0 when there is none */
void name_dict(addr o, int as_defaults);
void name_owned_tuple(addr o, u64 owner);
void name_function(addr o);
void name_type(addr o);
void name_lru(const struct type *t, addr o);
void name_hamt(void);
void name_references(const struct type *t, addr o);
void names_of_frame(addr o);
void locals_of_greenlet(addr o);
void names_of_suspended(const struct type *t, addr o);
void give_bound(const struct type *t, addr o, u32 label, i64 limit);
i64 sized(addr o);

u64 size_of(const struct type *t, addr o);
void extras_of(const struct type *t, addr o);
void buffers_of(const struct type *t, addr o); /* buffers.c */
void extra(addr from, u8 kind, u32 name, addr to);
void view_row(addr from, addr to, u64 extent);
void drop_borrowed(addr o);

/* frames.c, tables.c */
void thread_frames(void);
u32 coroutine_code(addr o, u32 *function); /* a row of the codes and one more; 0 when it is none */
u32 code_row(addr code);
void write_roots(void);
void write_tasks(void);
void admit(addr o);
i64 int_value(addr o, int *ok);
void text_of_number(char *out, u64 *n, u64 v);
void trial_start(void);
void trial_end(void);
void walk(void);
int check(const u64 *c, char *why);
#define EXPORT __attribute__((visibility("default")))

struct state {
    const u64 *c;
    const struct layout *l;
    addr young, interp; /* head of generation 0; the interpreter */
    u64 until, next_look, taken, most_bytes;
    struct grow nodes;            /* addresses in the order of discovery */
    struct grow targets;          /* of the object at hand, in the visitor's order */
    struct grow candidates, members, tasks;
    u32 future_offset[FUTURE_FIELDS];
    struct map types, full, owners, codes, running;
    struct grow futures;          /* the first few, to learn where their fields are */
    struct grow kinds, names;     /* of the targets */
    u64 counts[4], unknown, frames, threads;
    u8 reversed_list, reversed_tuple;
};
extern struct state lk;

#define TARGETS ((addr *)lk.targets.base)
#define TARGET_COUNT (lk.targets.used / 8)

#endif
