/* Runs in the target and only reads: every assumption of the layouts that the walk leans on is held against what the
   interpreter says of itself. The first that does not hold is named, and the walk refused. */
#include "lk.h"

enum { YOUNGER = 4096, COOKIE = 8 };
#define LASTING_FLAGS 0xff004600UL /* others change as a type is used */

#ifndef LK_FINGERPRINT
#define LK_FINGERPRINT ""
#endif
/* The sources this object was made of, which the host looks for (leakkit/native/build.py). */
static const char made_of[] __attribute__((used)) = LK_FINGERPRINT;

static char *why_text;

static int refuse(const char *what)
{
    u64 n = text_length(what);
    memcpy(why_text, what, n + 1);
    return 1;
}

#define NEED(condition, what) \
    if (!(condition)) \
        return refuse(what)

static int same_at(enum config object, short offset, enum config value)
{
    return !lk.c[object] || !offset || rd8(lk.c[object] + (u64)offset) == lk.c[value];
}

static int check_types(void)
{
    const u64 *row = lk.c + CONFIG_WORDS + 2 * lk.c[C_ROOTS];
    for (u64 i = 0; i < lk.c[C_TYPES]; i++, row += 5) {
        NEED(rd8(row[0] + 32) == row[1] && rd8(row[0] + 40) == row[2], "basic or item size of a type");
        NEED(((rd8(row[0] + 168) ^ row[3]) & LASTING_FLAGS) == 0, "flags of a type");
        NEED(rd8(row[0] + 288) == row[4], "dict offset of a type");
    }
    addr class = lk.c[S_CLASS];
    NEED(rd8(class + (u64)lk.l->ht_qualname) == lk.c[S_CLASS_QUALNAME], "qualified name of a class");
    NEED(rd8(class + 264) == lk.c[S_CLASS_DICT], "dict of a class");
    NEED(rd8(class + 344) == lk.c[S_CLASS_MRO], "mro of a class");
    NEED(class_dict(lk.c[T_INT]) == lk.c[S_STATIC_DICT], "dict of a static type");
    NEED(rd8(lk.c[T_TYPE] + 32) == (u64)lk.l->heap_type_size, "size of a class");
    return 0;
}

static int check_members(void)
{
    const struct layout *l = lk.l;
    const struct {
        enum config descriptor;
        short offset;
        const char *what;
    } members[] = {
        {M_FN_CLOSURE, l->fn_closure, "function.__closure__"}, {M_FN_GLOBALS, l->fn_globals, "function.__globals__"},
        {M_CO_CONSTS, l->co_consts, "code.co_consts"}, {M_CO_NAME, l->co_name, "code.co_name"},
        {M_CO_FILENAME, l->co_filename, "code.co_filename"}, {M_CO_FIRST_LINE, l->co_first_line, "code.co_firstlineno"},
        {M_CO_FLAGS, l->co_flags, "code.co_flags"}, {M_CO_STACK, l->co_stack, "code.co_stacksize"},
        {M_TYPE_BASICSIZE, 32, "type.__basicsize__"}, {M_TYPE_ITEMSIZE, 40, "type.__itemsize__"},
        {M_TYPE_DICTOFFSET, 288, "type.__dictoffset__"}, {M_METHOD_FUNC, 16, "method.__func__"},
        {M_TB_FRAME, 24, "traceback.tb_frame"},
    };
    for (u64 i = 0; i < sizeof members / sizeof *members; i++) {
        addr descriptor = lk.c[members[i].descriptor];
        if (descriptor && type_of(descriptor) == lk.c[T_MEMBER])
            NEED(rd8(rd8(descriptor + 40) + 16) == (u64)members[i].offset, members[i].what);
    }
    return 0;
}

static int check_samples(void)
{
    const struct layout *l = lk.l;
    addr code = lk.c[S_FUNCTION_CODE], names = rd8(code + (u64)l->co_names);
    NEED(same_at(S_FUNCTION, l->fn_code, S_FUNCTION_CODE) && same_at(S_FUNCTION, l->fn_globals, S_FUNCTION_GLOBALS) &&
         same_at(S_FUNCTION, l->fn_name, S_FUNCTION_NAME) && same_at(S_FUNCTION, l->fn_qualname, S_FUNCTION_QUALNAME) &&
         same_at(S_FUNCTION, l->fn_defaults, S_FUNCTION_DEFAULTS) &&
         same_at(S_FUNCTION, l->fn_kwdefaults, S_FUNCTION_KWDEFAULTS) &&
         same_at(S_FUNCTION, l->fn_closure, S_FUNCTION_CLOSURE) && same_at(S_FUNCTION, l->fn_dict, S_FUNCTION_DICT) &&
         same_at(S_FUNCTION, l->fn_module, S_FUNCTION_MODULE), "fields of a function");
    NEED(rd8(code + (u64)l->co_filename) == lk.c[S_CODE_FILENAME] && rd8(code + (u64)l->co_name) == lk.c[S_CODE_NAME] &&
         rd8(code + (u64)l->co_consts) == lk.c[S_CODE_CONSTS] && rd4(code + (u64)l->co_first_line) == lk.c[S_CODE_FIRST_LINE] &&
         rd4(code + (u64)l->co_flags) == lk.c[S_CODE_FLAGS] && rd4(code + (u64)l->co_stack) == lk.c[S_CODE_STACK] &&
         rd4(code + (u64)l->co_locals) == lk.c[S_CODE_LOCALS], "fields of a code object");
    NEED(type_of(names) == lk.c[T_TUPLE] && rd8(names + (u64)l->tuple_items) == lk.c[S_CODE_VARNAME],
         "names of local variables");
    if (l->co_kinds)
        NEED(type_of(rd8(code + (u64)l->co_kinds)) == lk.c[T_BYTES] &&
             (u64)ob_size(rd8(code + (u64)l->co_kinds)) == lk.c[S_CODE_LOCALS], "kinds of local variables");
    NEED(type_of(rd8(code + (u64)l->co_lines)) == lk.c[T_BYTES], "line table");
    NEED(same_at(S_TUPLE, l->tuple_items, S_TUPLE_ITEM), "items of a tuple");
    NEED(rd8(rd8(lk.c[S_LIST] + 24)) == lk.c[S_LIST_ITEM], "items of a list");
    NEED(rd8(lk.c[S_STR] + 16) == lk.c[S_STR_LENGTH] && (rd4(lk.c[S_STR] + 32) >> 2 & 0x1f) == 0x19 &&
         rd1(lk.c[S_STR] + (u64)l->str_ascii) == 'l', "layout of a str");
    NEED(same_at(S_EXCEPTION, 24, S_EXCEPTION_ARGS), "arguments of an exception");
    NEED(same_at(S_CELL, 16, S_CELL_VALUE), "value of a cell");
    NEED(same_at(S_METHOD, 16, S_METHOD_FUNCTION), "function of a method");
    return 0;
}

static int check_dict(void)
{
    struct dict_view v;
    addr dict = lk.c[S_DICT];
    NEED(dict_used(dict) == 1 && dict_view(dict, &v) && v.entries == 1, "entries of a dict");
    NEED(view_key(&v, 0) == lk.c[S_DICT_KEY] && view_value(&v, 0) == lk.c[S_DICT_VALUE], "an entry of a dict");
    return 0;
}

/* The frame that calls this, as its thread state has it, and one that is suspended in a generator. */
static int check_frames(void)
{
    const struct layout *l = lk.l;
    addr state = ((addr (*)(void))lk.c[F_TSTATE_GET])(), generator = lk.c[S_GENERATOR], frame, inside, local;
    lk.interp = ((addr (*)(void))lk.c[F_INTERP_MAIN])();
    NEED(rd8(state + (u64)l->ts_ident) == lk.c[C_IDENT], "id of a thread state");
    NEED(rd8(state + (u64)l->ts_interp) == lk.interp, "interpreter of a thread state (a subinterpreter?)");
    addr head = ((addr (*)(addr))lk.c[F_THREAD_HEAD])(lk.interp);
    for (int i = 0; head && head != state && i < 100000; i++)
        head = rd8(head + (u64)l->ts_next);
    NEED(head == state, "list of thread states");
    addr dict = rd8(state + (u64)l->ts_dict);
    NEED(!dict || type_of(dict) == lk.c[T_DICT], "dict of a thread state");
    frame = rd8(state + (u64)l->ts_frame);
    if (l->cframe_frame >= 0)
        frame = rd8(frame + (u64)l->cframe_frame);
    while (l->fr_inner && frame && rd1(frame + (u64)l->if_owner) > 2)
        frame = rd8(frame + (u64)l->if_previous);
    NEED(frame == (l->fr_inner ? rd8(lk.c[S_FRAME] + (u64)l->fr_inner) : lk.c[S_FRAME]), "running frame");
    inside = l->fr_inner ? generator + (u64)l->gen_frame : rd8(generator + (u64)l->gen_frame);
    for (int i = 0; i < 2; i++) {
        addr code = rd8((i ? inside : frame) + (u64)(l->fr_inner ? l->if_code : l->fr_code)) & ~3UL;
        NEED(code == lk.c[i ? S_GENERATOR_CODE : S_FRAME_CODE], "code of a frame");
    }
    local = rd8(inside + (u64)(l->fr_inner ? l->if_locals : l->fr_locals)) & ~3UL;
    NEED(local == lk.c[S_GENERATOR_LOCAL], "local variables of a frame");
    NEED(rd8(generator + (u64)l->gen_name) == lk.c[S_GENERATOR_NAME] &&
         rd8(generator + (u64)l->gen_qualname) == lk.c[S_GENERATOR_NAME], "name of a generator");
    return 0;
}

/* From a list just made along the young list to its head, which lies in the collector's state. */
static int check_collector(void)
{
    const struct layout *l = lk.l;
    addr at = lk.c[O_FRESH] - 16;
    for (int i = 0; i < YOUNGER; i++) {
        at = rd8(at) & ~3UL;
        NEED(at > 65536, "young list of the collector");
        if (rd4(at + 16) == lk.c[C_THRESHOLD0] && rd4(at + 40) == lk.c[C_THRESHOLD1] &&
            rd8(at + (u64)l->gc_garbage) == lk.c[O_GARBAGE] && rd8(at + (u64)l->gc_callbacks) == lk.c[O_CALLBACKS]) {
            lk.young = at;
            NEED(rd4(at + (u64)(i64)l->gc_enabled) == 0, "whether the collector is on");
            return 0;
        }
    }
    return refuse("state of the collector");
}

static int check_told(void)
{
    const struct told *row = told_offsets((unsigned)lk.c[C_HEX]);
    addr told = lk.c[F_RUNTIME];
    if (!row)
        return 0;
    NEED(told && !memcmp((void *)told, "xdebugpy", COOKIE), "debug offsets of the runtime");
    NEED(rd8(told + 8) == lk.c[C_HEX] && rd8(told + 16) == 0, "version of the runtime, or a build without the GIL");
    for (; row->at; row++)
        NEED(rd8(told + (u64)row->at) == (u64)row->expected, "a debug offset of the runtime");
    return 0;
}

int check(const u64 *c, char *why)
{
    int (*const checks[])(void) = {check_told, check_frames, check_types, check_members, check_samples, check_dict,
                                   check_collector};
    why_text = why;
    lk.c = c;
    NEED(c[C_VERSION] == CONFIG_VERSION && c[C_WORDS] == CONFIG_WORDS, "the agent's configuration");
    NEED(!c[C_DEBUG_BUILD], "debug build of Python");
    for (int i = 0; i < layout_count; i++)
        if (c[C_HEX] >= layouts[i].first_hex && c[C_HEX] <= layouts[i].last_hex)
            lk.l = layouts + i;
    NEED(lk.l, "unknown version of Python");
    for (u64 i = 0; i < sizeof checks / sizeof *checks; i++)
        if (checks[i]()) {
            lk.young = 0;
            return 1;
        }
    return 0;
}
