/* Roots with a name, threads, asyncio tasks. */
#include "lk.h"

enum { PENDING, CANCELLED, FINISHED, FAILED };

/* The value of a small int; 2^62 stands for anything longer. Include/cpython/longintrepr.h. */
i64 int_value(addr o, int *ok)
{
    i64 digits, sign = 1;
    *ok = type_of(o) == lk.c[T_INT];
    addr first = o + 24;
    if (lk.l->first_hex >= 0x030c0000) {
        u64 tag = rd8(o + 16);
        digits = (i64)(tag >> 3);
        sign = (tag & 3) == 2 ? -1 : (tag & 3) == 1 ? 0 : 1;
    } else {
        digits = ob_size(o) < 0 ? -ob_size(o) : ob_size(o);
        sign = ob_size(o) < 0 ? -1 : 1;
    }
    if (digits > 2)
        return sign * (digits == 3 && rd4(first + 8) < 4
                           ? (i64)rd4(first) + ((i64)rd4(first + 4) << 30) + ((i64)rd4(first + 8) << 60) : 1L << 62);
    i64 value = digits > 0 ? (i64)rd4(first) : 0;
    if (digits == 2)
        value += (i64)rd4(first + 4) << 30;
    return sign * value;
}

void text_of_number(char *out, u64 *n, u64 v)
{
    char digits[24];
    u64 count = 0;
    do
        digits[count++] = (char)('0' + v % 10);
    while (v /= 10);
    while (count)
        out[(*n)++] = digits[--count];
}

/* An attribute of an instance of a Python class, from its dict or its values. */
addr attribute(addr o, const char *name)
{
    const struct type *t = type_info(type_of(o));
    struct dict_view v;
    addr dict = instance_dict(t, o);
    if (dict)
        return type_info(type_of(dict))->flags & DICT_SUB ? dict_get(dict, name) : 0;
    if (!instance_values(t, o, &v))
        return 0;
    u64 n = text_length(name);
    for (u64 i = 0; i < v.entries; i++) {
        addr key = view_key(&v, i);
        if (key && view_value(&v, i) && is_str(key) && str_length(key) == n &&
            !memcmp((void *)(key + (u64)lk.l->str_ascii), name, n))
            return view_value(&v, i);
    }
    return 0;
}

static void root(addr o, u8 kind, u32 name)
{
    put8(ROOT_NODE, o);
    put1(ROOT_KIND, kind);
    put4(ROOT_NAME, name);
    put4(ROOT_FRAME, (u32)-1);
    admit(o);
}

static void modules(void)
{
    struct dict_view v;
    if (!lk.c[O_MODULES] || !dict_view(lk.c[O_MODULES], &v))
        return;
    for (u64 i = 0; i < v.entries; i++) {
        addr name = view_key(&v, i), module = view_value(&v, i), file = 0;
        if (!name || !module || !is_str(name) || module == lk.c[O_NONE])
            continue;
        if (is_subtype(type_of(module), lk.c[T_MODULE]) && rd8(module + 16))
            file = dict_get(rd8(module + 16), "__file__");
        put8(MODULE_NODE, module);
        put4(MODULE_NAME, name_of(name));
        put4(MODULE_FILE, file ? name_of(file) : 0);
        root(module, 0, name_of(name));
    }
}

/* Names, native ids and daemon flags out of threading._active, one row each; the host joins them by ident. */
static void thread_objects(void)
{
    struct dict_view v;
    if (!lk.c[O_ACTIVE] || !dict_view(lk.c[O_ACTIVE], &v))
        return;
    for (u64 i = 0; i < v.entries; i++) {
        addr key = view_key(&v, i), thread = key ? view_value(&v, i) : 0;
        int ok = 0;
        u64 ident = thread ? (u64)int_value(key, &ok) : 0;
        if (!ok)
            continue;
        addr name = attribute(thread, "_name"), native = attribute(thread, "_native_id"),
             daemon = attribute(thread, "_daemonic");
        put8(THREAD_IDENT, ident | 1UL << 63);
        put8(THREAD_NATIVE, native && type_of(native) == lk.c[T_INT] ? (u64)int_value(native, &ok) : 0);
        put1(THREAD_DAEMON, !daemon || type_of(daemon) != lk.c[T_BOOL] ? 2
                            : lk.l->first_hex >= 0x030c0000 ? rd8(daemon + 16) >> 3 && rd4(daemon + 24) : ob_size(daemon) != 0);
        put4(THREAD_NAME, name ? name_of(name) : 0);
    }
}

/* Functions registered with atexit, which only C memory holds (Modules/atexitmodule.c). */
static void exit_callbacks(void)
{
    const struct layout *l = lk.l;
    u32 name = name_text("atexit");
    if (!l->atexit)
        return;
    addr table = rd8(lk.interp + (u64)l->atexit);
    if (!l->atexit_count) {
        if (table && type_of(table) == lk.c[T_LIST] && ob_size(table))
            root(table, 3, name);
        return;
    }
    u32 n = rd4(lk.interp + (u64)l->atexit_count);
    for (u32 i = 0; table && i < n && n < 100000; i++) {
        addr row = rd8(table + 8 * i);
        for (u64 part = 0; row && part < 3; part++)
            if (rd8(row + 8 * part))
                root(rd8(row + 8 * part), 3, name);
    }
}

void write_roots(void)
{
    modules();
    thread_objects();
    exit_callbacks();
    for (u64 i = 0; i < lk.c[C_ROOTS] && i < MOST_ROOTS; i++) {
        char text[40] = "signal handler ";
        u64 n = text_length(text);
        text_of_number(text, &n, lk.c[CONFIG_WORDS + 2 * i + 1]);
        root(lk.c[CONFIG_WORDS + 2 * i], 3, name_bytes(text, n));
    }
}

/* Calls the C getter of a future's attribute, as the interpreter would; a new reference. Only in the copy. */
static addr get(addr o, const char *name)
{
    addr types[] = {lk.c[T_TASK], lk.c[T_FUTURE]};
    for (int i = 0; i < 2; i++) {
        addr found = types[i] && is_subtype(type_of(o), types[i]) ? dict_get(class_dict(types[i]), name) : 0;
        if (found && type_of(found) == lk.c[T_GETSET]) {
            addr def = rd8(found + 40);
            return ((addr (*)(addr, addr))rd8(def + 8))(o, rd8(def + 32));
        }
    }
    return 0;
}

static void give_back(addr o)
{
    if (lk.l->first_hex < 0x030c0000)
        *(word64 *)o -= 1;
    else if (rd4s(o) > 0)
        *(word32 *)o -= 1;
}

/* Where futures and tasks in C keep their fields: ask a few and look where the answer lies. */
void learn_futures(void)
{
    static const char *const FIELDS[] = {"_result", "_exception", "_loop", "_coro", "_fut_waiter",
                                         "_source_traceback"};
    for (u64 i = 0; i < lk.futures.used / 8; i++) {
        addr o = ((addr *)lk.futures.base)[i];
        u64 size = (u64)type_info(rd8(o + 8))->basic;
        for (u32 field = 0; field < FUTURE_FIELDS; field++) {
            if (lk.future_offset[field])
                continue;
            addr found = get(o, FIELDS[field]);
            if (!found)
                continue;
            give_back(found);
            u32 at = 0, count = 0;
            for (u64 place = 16; place + 8 <= size && found != lk.c[O_NONE]; place += 8)
                if (rd8(o + place) == found) {
                    at = (u32)place;
                    count++;
                }
            if (count == 1)
                lk.future_offset[field] = at;
        }
    }
}

static u8 state_of(addr state, addr failed)
{
    if (failed && failed != lk.c[O_NONE])
        return FAILED;
    if (!state || !is_str(state))
        return PENDING;
    u8 first = rd1(state + (u64)lk.l->str_ascii);
    return first == 'C' ? CANCELLED : first == 'F' ? FINISHED : PENDING;
}

static u32 task_name(addr name)
{
    char text[40] = "Task-";
    u64 n = 5;
    int ok;
    if (!name)
        return 0;
    if (type_of(name) != lk.c[T_INT])
        return name_of(name);
    text_of_number(text, &n, (u64)int_value(name, &ok)); /* 3.12+ makes the name when it is asked for */
    return name_bytes(text, n);
}

void write_tasks(void)
{
    for (u64 i = 0; i < lk.tasks.used / 8; i++) {
        addr o = ((addr *)lk.tasks.base)[i], name, coroutine, state, failed = 0;
        if (is_subtype(type_of(o), lk.c[T_TASK])) {
            u32 at = lk.future_offset[F_CORO];
            coroutine = at ? rd8(o + at) : 0;
            name = at ? rd8(o + at + 8) : 0; /* struct TaskObj (Modules/_asynciomodule.c): the name follows */
            state = get(o, "_state");
            if (state)
                give_back(state);
            failed = lk.future_offset[F_EXCEPTION] ? rd8(o + lk.future_offset[F_EXCEPTION]) : 0;
        } else {
            name = attribute(o, "_name");
            coroutine = attribute(o, "_coro");
            state = attribute(o, "_state");
            failed = attribute(o, "_exception");
        }
        u8 now = state_of(state, failed);
        u32 label = task_name(name);
        put8(TASK_NODE, o);
        put4(TASK_NAME, label);
        put8(TASK_COROUTINE, coroutine);
        put1(TASK_STATE, now);
        u32 function = 0, code = coroutine_code(coroutine, &function);
        put4(TASK_FUNCTION, function);
        put4(TASK_CODE, code);
        if (now == PENDING)
            root(o, 2, label);
    }
}
