/* Frames: running ones of all threads, those of suspended generators and coroutines (which have no frame object from
   3.11 on), and dead ones that tracebacks keep. Layouts: pycore_frame.h; 3.9 and 3.10: cpython/frameobject.h. */
#include "lk.h"

enum { RUNNING, SUSPENDED, CREATED, FINISHED };
enum { OF_THREAD, OF_COROUTINE, OF_GENERATOR, OF_ASYNC_GENERATOR, OF_TRACEBACK };
enum { CO_OPTIMIZED = 1, CO_FAST_HIDDEN = 0x10, CO_FAST_CELL = 0x40, CO_FAST_FREE = 0x80, YIELD_FROM = 72 };
enum { OWNED_BY_GENERATOR = 1, OWNED_BY_OBJECT = 2 };
enum { GREENLET_STATE = 32, GREENLET_WORDS = 28, GREENLET_DEPTH = 200, CHUNK = 16384 };

static int inner(void) { return lk.l->fr_inner != 0; }

static addr code_of(addr frame)
{
    addr code = rd8(frame + (u64)(inner() ? lk.l->if_code : lk.l->fr_code)) & ~3UL;
    return code && type_of(code) == lk.c[T_CODE] ? code : 0;
}

/* Calls ``give`` for each local variable that has a value: what it is, its cell if it has one, its name. */
static void each_local(addr frame, void (*give)(addr value, addr cell, u32 name))
{
    const struct layout *l = lk.l;
    addr code = code_of(frame);
    if (!code || !(rd4(code + (u64)l->co_flags) & CO_OPTIMIZED))
        return;
    addr names[3] = {rd8(code + (u64)l->co_names), 0, 0};
    if (!inner()) {
        names[1] = rd8(code + (u64)l->co_cells);
        names[2] = rd8(code + (u64)l->co_free);
    }
    addr at = frame + (u64)(inner() ? l->if_locals : l->fr_locals);
    addr kinds = l->co_kinds ? rd8(code + (u64)l->co_kinds) + 32 : 0;
    for (int part = 0; part < 3 && names[part]; part++) {
        i64 n = part ? ob_size(names[part]) : (i64)rd4(code + (u64)l->co_locals);
        for (i64 i = 0; i < n; i++, at += 8) {
            addr value = rd8(at) & ~3UL, cell = 0;
            u8 kind = kinds ? rd1(kinds + (u64)i) : 0;
            if (!value || (rd8(at) & 3) == 3 || (kind & CO_FAST_HIDDEN && kind < CO_FAST_CELL))
                continue;
            if ((part || kind & (CO_FAST_CELL | CO_FAST_FREE)) && type_of(value) == lk.c[T_CELL]) {
                cell = value;
                value = rd8(cell + 16);
            }
            give(value, cell, name_of(rd8(names[part] + (u64)l->tuple_items + 8 * (u64)i)));
        }
    }
}

static void give_value(addr value, addr cell, u32 name)
{
    (void)cell;
    candidate(value, R_LOCAL, name);
}

static void give_cell(addr value, addr cell, u32 name)
{
    (void)value;
    candidate(cell, R_LOCAL, name);
}

static void candidates_of(addr frame)
{
    each_local(frame, give_value);
    each_local(frame, give_cell);
}

/* A code object's row: what the host needs to tell names and lines. */
u32 code_row(addr code)
{
    const struct layout *l = lk.l;
    u64 *row = map_put(&lk.codes, code);
    if (*row)
        return (u32)*row - 1;
    *row = lk.codes.count;
    addr lines = rd8(code + (u64)l->co_lines);
    u64 n = lines && type_of(lines) == lk.c[T_BYTES] ? (u64)ob_size(lines) : 0;
    put8(CODE_ID, code);
    put4(CODE_FILE, name_of(rd8(code + (u64)l->co_filename)));
    put4(CODE_NAME, name_of(rd8(code + (u64)l->co_qualname)));
    put4(CODE_LINE, rd4(code + (u64)l->co_first_line));
    put4(CODE_LINES, (u32)n);
    put_bytes(CODE_TABLE, (void *)(lines + 32), n);
    return lk.codes.count - 1;
}

/* f_lasti in bytes. */
static i32 last_instruction(addr frame, addr code)
{
    if (inner())
        return (i32)(i64)(rd8(frame + (u64)lk.l->if_instr) - (code + (u64)lk.l->co_bytes)) & ~1;
    i32 at = rd4s(frame + (u64)lk.l->fr_lasti);
    return lk.l->first_hex >= 0x030a0000 && at > 0 ? at * 2 : at;
}

static i32 frame_row(addr node, u8 kind, u8 state, u32 name, addr frame, i32 thread)
{
    addr code = code_of(frame);
    if (!code)
        return -1;
    addr globals = rd8(frame + (u64)(inner() ? lk.l->if_globals : lk.l->fr_globals));
    addr module = globals && type_of(globals) == lk.c[T_DICT] ? dict_get(globals, "__name__") : 0;
    put8(FRAME_NODE, node);
    put1(FRAME_KIND, kind);
    put1(FRAME_STATE, state);
    put4(FRAME_MODULE, module && is_str(module) ? name_of(module) : 0);
    put4(FRAME_NAME, name ? name : name_of(rd8(code + (u64)lk.l->co_qualname)));
    put4(FRAME_CODE, code_row(code));
    put4(FRAME_LASTI, (u32)last_instruction(frame, code));
    put4(FRAME_LINE, 0);
    put4(FRAME_THREAD, (u32)thread);
    return (i32)lk.frames++;
}

static i32 row_now;

static void give_root(addr value, addr cell, u32 name)
{
    (void)cell;
    if (!value)
        return;
    put8(ROOT_NODE, value);
    put1(ROOT_KIND, 1);
    put4(ROOT_NAME, name);
    put4(ROOT_FRAME, (u32)row_now);
    admit(value);
}

static void held(addr o)
{
    if (!o)
        return;
    put8(HELD_NODE, o);
    put4(HELD_COUNT, 1);
}

/* What a frame of the agent's own thread holds: the host takes it off the reference counts. Frame objects of 3.9 and
   3.10 that the collector knows tell it themselves. */
static void hold_own(addr frame)
{
    const struct layout *l = lk.l;
    addr code = code_of(frame), at = frame + (u64)(inner() ? l->if_locals : l->fr_locals);
    put8(OWN_NODE, frame);
    if (!code || (!inner() && rd8(frame - 16)))
        return;
    u64 n = rd4(code + (u64)l->co_locals);
    held(code);
    if (inner()) {
        held(rd8(frame + (u64)l->if_func) & ~3UL);
        held(rd8(frame + (u64)l->if_f_locals));
        held(rd8(frame + (u64)l->if_object));
    } else {
        held(rd8(frame + (u64)l->fr_globals));
        held(rd8(frame + (u64)l->fr_builtins));
        n += (u64)ob_size(rd8(code + (u64)l->co_cells)) + (u64)ob_size(rd8(code + (u64)l->co_free));
    }
    for (u64 i = 0; i < n; i++)
        if ((rd8(at + 8 * i) & 3) == 0)
            held(rd8(at + 8 * i));
}

static void frames_of(addr state, i32 thread)
{
    const struct layout *l = lk.l;
    addr frame = rd8(state + (u64)l->ts_frame);
    if (l->cframe_frame >= 0 && frame)
        frame = rd8(frame + (u64)l->cframe_frame);
    for (int depth = 0; frame && depth < STACK_LIMIT; depth++) {
        addr next = rd8(frame + (u64)(inner() ? l->if_previous : l->fr_back));
        if (inner() && rd1(frame + (u64)l->if_owner) > OWNED_BY_OBJECT) {
            frame = next;
            continue;
        }
        *map_put(&lk.running, frame) = 1;
        if (thread < 0) {
            hold_own(frame);
        } else {
            row_now = frame_row(inner() ? 0 : frame, OF_THREAD, RUNNING, 0, frame, thread);
            if (row_now >= 0)
                each_local(frame, give_root);
        }
        frame = next;
    }
}

static void interpreter_root(addr o, const char *what)
{
    if (!o || o == lk.c[O_NONE] || type_info(type_of(o))->flags & TYPE_SUB)
        return;
    put8(ROOT_NODE, o);
    put1(ROOT_KIND, 3);
    put4(ROOT_NAME, name_text(what));
    put4(ROOT_FRAME, (u32)-1);
    admit(o);
}

/* All threads: rows, running frames and what their states hold. */
void thread_frames(void)
{
    const struct layout *l = lk.l;
    addr state = ((addr (*)(addr))lk.c[F_THREAD_HEAD])(lk.interp);
    for (; state; state = rd8(state + (u64)l->ts_next)) {
        u64 ident = rd8(state + (u64)l->ts_ident);
        int own = ident == lk.c[C_IDENT];
        i32 row = own ? -1 : (i32)lk.threads++;
        if (!own) {
            put8(THREAD_IDENT, ident);
            put8(THREAD_NATIVE, 0);
            put1(THREAD_DAEMON, 2);
            put4(THREAD_NAME, 0);
            interpreter_root(rd8(state + (u64)l->ts_dict), "thread state");
            interpreter_root(rd8(state + (u64)l->ts_context), "thread state");
            for (int i = 0; l->ts_local_key && i < 2; i++)
                interpreter_root(rd8(state + (u64)l->ts_local_key + 8 * (u64)i), "thread state");
            addr item = rd8(state + (u64)l->ts_exc_info);
            for (int depth = 0; item && depth < 1000; depth++, item = rd8(item + (u64)l->exc_previous))
                if (rd8(item + (u64)l->exc_value) && rd8(item + (u64)l->exc_value) != lk.c[O_NONE]) {
                    interpreter_root(rd8(item + (u64)l->exc_value), "exception being handled");
                    break;
                }
        }
        frames_of(state, row);
    }
}

/* What a suspended frame waits for, on top of its stack; 0 when it just yielded. */
static addr awaited(addr o, addr frame)
{
    const struct layout *l = lk.l;
    addr top;
    if (!inner()) {
        addr code = code_of(frame);
        i32 at = last_instruction(frame, code);
        if (at < 0 || rd1(rd8(code + (u64)l->co_bytes) + 32 + (u64)at + 2) != YIELD_FROM)
            return 0;
        if (l->first_hex < 0x030a0000)
            return rd8(rd8(frame + (u64)l->fr_stack) - 8);
        i32 depth = rd4s(frame + (u64)l->fr_stack);
        return depth > 0 ? rd8(rd8(frame + (u64)l->fr_valuestack) + 8 * (u64)(depth - 1)) : 0;
    }
    int state = (signed char)rd1(o + (u64)l->gen_state);
    if (l->st_yield_from != 99) {
        if (state != l->st_yield_from && !(l->st_yield_from > 0 && state == l->st_yield_from + 1))
            return 0;
    } else if (state != -1 || (rd1(rd8(frame + (u64)l->if_instr) + 3) & 3) < 2) {
        return 0; /* 3.11, 3.12: the next instruction is RESUME, its argument says after what */
    }
    if (l->tuple_items == 32) /* 3.14: a pointer; before: a count */
        top = rd8(frame + (u64)l->if_stack);
    else
        top = frame + (u64)l->if_locals + 8 * (u64)rd4(frame + (u64)l->if_stack);
    for (addr first = frame + (u64)l->if_locals; top > first; top -= 8) {
        u64 word = rd8(top - 8); /* 3.15 has a tagged number or nothing above it */
        if ((word & ~3UL) && (word & 3) != 3)
            return word & ~3UL;
    }
    return 0;
}

/* The frame of a generator, coroutine or async generator and its state; 0 when it has none any more. */
static addr frame_of(addr o, u8 *state)
{
    const struct layout *l = lk.l;
    if (!inner()) {
        addr frame = rd8(o + (u64)l->gen_frame);
        if (!frame)
            return 0;
        int running = l->first_hex < 0x030a0000 ? rd1(frame + (u64)l->fr_running) != 0
                                                : (signed char)rd1(frame + (u64)l->fr_running) == 0;
        *state = running ? RUNNING : rd4s(frame + (u64)l->fr_lasti) < 0 ? CREATED : SUSPENDED;
        return frame;
    }
    int now = (signed char)rd1(o + (u64)l->gen_state);
    if (now >= l->st_cleared)
        return 0;
    *state = now == l->st_executing ? RUNNING : now == l->st_created ? CREATED : SUSPENDED;
    return o + (u64)l->gen_frame;
}

/* What a coroutine runs, also when it has ended. */
u32 coroutine_code(addr o, u32 *function)
{
    const struct layout *l = lk.l;
    if (!o || type_info(type_of(o))->kind != K_SUSPENDABLE)
        return 0;
    addr code = rd8(o + (u64)(inner() ? l->gen_frame + l->if_code : l->gen_code)) & ~3UL;
    *function = name_of(rd8(o + (u64)l->gen_qualname));
    return code && type_of(code) == lk.c[T_CODE] ? code_row(code) + 1 : 0;
}

void names_of_suspended(const struct type *t, addr o)
{
    u8 state = 0, kind = OF_GENERATOR;
    const char *waits = "gi_yieldfrom";
    addr frame = frame_of(o, &state);
    if (!frame || !code_of(frame))
        return;
    if (t->at == lk.c[T_COROUTINE]) {
        kind = OF_COROUTINE;
        waits = "cr_await";
    } else if (t->at == lk.c[T_ASYNC_GENERATOR]) {
        kind = OF_ASYNC_GENERATOR;
        waits = "ag_await";
    }
    frame_row(o, kind, state, name_of(rd8(o + (u64)lk.l->gen_qualname)), frame, -1);
    candidates_of(frame);
    candidate(inner() ? rd8(frame + (u64)lk.l->if_object) : frame, R_ATTRIBUTE, name_text("frame"));
    candidate(code_of(frame), R_ATTRIBUTE, name_text("code"));
    if (state == SUSPENDED)
        candidate(awaited(o, frame), R_ATTRIBUTE, name_text(waits));
}

void names_of_frame(addr o)
{
    const struct layout *l = lk.l;
    addr frame = inner() ? rd8(o + (u64)l->fr_inner) : o;
    int dead;
    if (!frame || !code_of(frame))
        return;
    if (inner()) {
        dead = rd1(frame + (u64)l->if_owner) == OWNED_BY_OBJECT;
        candidate(rd8(frame + (u64)l->if_globals), R_ATTRIBUTE, name_text("f_globals"));
        candidate(rd8(frame + (u64)l->if_builtins), R_ATTRIBUTE, name_text("f_builtins"));
    } else {
        dead = !map_find(&lk.running, o) && !rd8(o + (u64)l->fr_gen);
        candidate(rd8(o + (u64)l->fr_globals), R_ATTRIBUTE, name_text("f_globals"));
        candidate(rd8(o + (u64)l->fr_builtins), R_ATTRIBUTE, name_text("f_builtins"));
    }
    candidate(code_of(frame), R_ATTRIBUTE, name_text("f_code"));
    candidate(rd8(o + (u64)l->fr_trace), R_ATTRIBUTE, name_text("f_trace"));
    if (!inner())
        candidate(rd8(o + (u64)l->fr_back), R_ATTRIBUTE, name_text("f_back"));
    candidates_of(frame);
    if (dead)
        frame_row(o, OF_TRACEBACK, FINISHED, 0, frame, -1);
}

static addr greenlet;

static void give_greenlet(addr value, addr cell, u32 name)
{
    (void)cell;
    if (!value)
        return;
    extra(greenlet, R_LOCAL, name, value);
    admit(value);
}

/* Whether a word that may be no address is one of memory that can be read: the kernel copies the set, then refuses. */
static int readable(u64 word)
{
    return word > 65536 && !(word & 7) && sys4(SYS_rt_sigprocmask, 99, word, 0, 8) == -22;
}

/* The frame object that a greenlet stopped in: one of the first words of its C++ object, which the Python object points
   to (PyGreenlet of greenlet 2 and 3, greenlet.h). Running and ended ones have none. */
static addr greenlet_frame(addr o)
{
    addr state = rd8(o + GREENLET_STATE);
    for (u64 i = 0; state > 65536 && !(state & 7) && i < GREENLET_WORDS; i++) {
        addr found = rd8(state + 8 * i);
        if (readable(found + 8) && type_of(found) == lk.c[T_FRAME])
            return found;
    }
    return 0;
}

/* Neither the collector nor a thread state shows a suspended greenlet's frames. Those that lie in one piece of its data
   stack are followed: an entry frame in between is on the C stack, which others have used since. */
void locals_of_greenlet(addr o)
{
    addr object = greenlet_frame(o), frame = object;
    if (!object)
        return;
    if (!is_target(object)) {
        extra(o, R_ATTRIBUTE, name_text("gr_frame"), object);
        admit(object);
    }
    greenlet = o;
    if (!inner())
        return; /* these frames are objects with references of their own */
    frame = rd8(object + (u64)lk.l->fr_inner);
    for (int depth = 0; frame && depth < GREENLET_DEPTH; depth++) {
        each_local(frame, give_greenlet);
        addr next = rd8(frame + (u64)lk.l->if_previous);
        if (next >= frame || frame - next > CHUNK)
            return;
        frame = next;
    }
}
