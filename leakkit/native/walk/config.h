/* The one argument of every entry: an array of 64-bit words that the agent fills (leakkit/agent/native.py has the
   same names in the same order). An object is given by its address, 0 when the target has none. */
#ifndef LK_CONFIG_H
#define LK_CONFIG_H

enum { CONFIG_VERSION = 1, MOST_ROOTS = 256 };

enum config {
    C_VERSION, C_WORDS, C_HEX, C_FD, C_SECONDS, C_BYTES, C_TEST, C_IDENT, C_VALUES, C_DEBUG_BUILD,
    C_BUFFERS, /* whether to tell the memory that objects own outside of themselves */
    /* functions of the interpreter and the C library */
    F_TSTATE_GET, F_INTERP_MAIN, F_THREAD_HEAD, F_RUNTIME, F_MALLINFO2, F_MALLINFO, F_MALLOC_TRIM, F_DEBUG_STATS,
    C_STATS_FD, C_NUMPY_ELSIZE,
    /* the collector as gc shows it */
    O_GARBAGE, O_CALLBACKS, C_THRESHOLD0, C_THRESHOLD1, O_FRESH,
    /* where things are found */
    O_NONE, O_MODULES, O_ACTIVE, O_ONLY_DICT,
    /* types */
    T_TYPE, T_OBJECT, T_DICT, T_LIST, T_TUPLE, T_STR, T_BYTES, T_BYTEARRAY, T_INT, T_BOOL, T_FLOAT, T_SET, T_FROZENSET,
    T_FUNCTION, T_METHOD, T_BUILTIN, T_CELL, T_CODE, T_FRAME, T_GENERATOR, T_COROUTINE, T_ASYNC_GENERATOR, T_MODULE,
    T_TRACEBACK, T_MEMBER, T_GETSET, T_WEAKREF, T_MEMORYVIEW, T_EXCEPTION, T_DEQUE, T_ORDERED_DICT, T_LRU_CACHE,
    T_MATCH, T_LOCAL, T_NDARRAY, T_ARRAY, T_FUTURE, T_TASK, T_PY_TASK, T_CONTEXT_VAR,
    T_BYTES_IO, T_GREENLET,
    /* samples to check the layouts with */
    S_FUNCTION, S_FUNCTION_CODE, S_FUNCTION_GLOBALS, S_FUNCTION_NAME, S_FUNCTION_QUALNAME, S_FUNCTION_DEFAULTS,
    S_FUNCTION_KWDEFAULTS, S_FUNCTION_CLOSURE, S_FUNCTION_DICT, S_FUNCTION_MODULE,
    S_CODE_FILENAME, S_CODE_NAME, S_CODE_CONSTS, S_CODE_FIRST_LINE, S_CODE_FLAGS, S_CODE_STACK, S_CODE_LOCALS,
    S_CODE_VARNAME, S_CODE_FREENAME,
    S_GENERATOR, S_GENERATOR_CODE, S_GENERATOR_NAME, S_GENERATOR_LOCAL,
    S_DICT, S_DICT_KEY, S_DICT_VALUE, S_CLASS, S_CLASS_QUALNAME, S_CLASS_DICT, S_CLASS_MRO,
    S_TUPLE, S_TUPLE_ITEM, S_LIST, S_LIST_ITEM, S_STR, S_STR_LENGTH, S_FRAME, S_FRAME_CODE, S_EXCEPTION_ARGS,
    S_EXCEPTION, S_STATIC_DICT, S_CELL, S_CELL_VALUE, S_METHOD, S_METHOD_FUNCTION,
    /* member descriptors, whose definitions tell an offset; 0 where a version has a getter instead */
    M_FN_CLOSURE, M_FN_GLOBALS, M_CO_CONSTS, M_CO_NAME, M_CO_FILENAME, M_CO_FIRST_LINE, M_CO_FLAGS, M_CO_STACK,
    M_TYPE_BASICSIZE, M_TYPE_ITEMSIZE, M_TYPE_DICTOFFSET, M_METHOD_FUNC, M_TB_FRAME,
    C_ROOTS, /* pairs that follow: a signal's handler and its number */
    C_TYPES, /* rows that follow them: a type and its basic size, item size, flags, dict offset */
    CONFIG_WORDS
};

#endif
