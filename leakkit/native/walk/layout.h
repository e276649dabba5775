/* Private layouts of CPython 3.9 to 3.15 on 64-bit Linux, release builds with the GIL: offsets in bytes. */
#ifndef LK_LAYOUT_H
#define LK_LAYOUT_H

struct layout {
    unsigned first_hex, last_hex;
    /* struct _gc_runtime_state (pycore_gc.h), from the head of generation 0 */
    short gc_enabled, gc_permanent, gc_collecting, gc_garbage, gc_callbacks, gc_total, gc_pending;
    /* PyHeapTypeObject (cpython/object.h) */
    short type_size, heap_type_size, ht_qualname, ht_cached_keys;
    /* PyFunctionObject (cpython/funcobject.h) */
    short fn_code, fn_globals, fn_builtins, fn_name, fn_qualname, fn_defaults, fn_kwdefaults, fn_closure, fn_doc,
        fn_dict, fn_module;
    /* PyCodeObject (cpython/code.h); names of 3.9 and 3.10 where others do: varnames for local names, no kinds */
    short co_argcount, co_flags, co_first_line, co_stack, co_locals, co_names, co_kinds, co_free, co_cells, co_consts,
        co_filename, co_name, co_qualname, co_lines, co_bytes, co_extra;
    /* PyFrameObject (cpython/frameobject.h, pycore_frame.h); 0 where the interpreter's frame has it */
    short fr_inner, fr_back, fr_trace, fr_line, fr_code, fr_builtins, fr_globals, fr_valuestack, fr_stack, fr_running,
        fr_gen, fr_lasti, fr_locals, fr_size;
    /* _PyInterpreterFrame (pycore_frame.h, pycore_interpframe_structs.h) */
    short if_code, if_func, if_globals, if_builtins, if_f_locals, if_object, if_previous, if_instr, if_stack, if_owner,
        if_locals;
    /* PyGenObject (cpython/genobject.h) */
    short gen_frame, gen_code, gen_name, gen_qualname, gen_state, gen_running;
    signed char st_created, st_executing, st_cleared, st_yield_from; /* enum _framestate */
    /* PyThreadState (cpython/pystate.h) */
    short ts_next, ts_interp, ts_ident, ts_native, ts_dict, ts_context, ts_exc_info, ts_frame, ts_local_key, ts_end;
    short cframe_frame; /* _PyCFrame of 3.11 and 3.12: the frame is behind one more pointer; else -1 */
    short exc_value, exc_previous; /* _PyErr_StackItem */
    /* PyUnicodeObject (cpython/unicodeobject.h) */
    short str_ascii, str_compact, str_utf8;
    short tuple_items, exception_traceback;
    /* PyInterpreterState: atexit (a C table, or a list when atexit_count is 0), states of static types */
    int atexit, atexit_count, static_types, static_ext_types;
    short static_step, static_dict;
    /* where an instance has its dict: 0 nowhere special, 11, 12, 13 as that version has it */
    short managed;
    short old_keys; /* PyDictKeysObject of 3.9 and 3.10 */
};

extern const struct layout layouts[];
extern const int layout_count;

/* _Py_DebugOffsets of 3.13 and later: where it tells a field, and what the table above says of it. */
struct told {
    short at, expected;
};
const struct told *told_offsets(unsigned hex);

#endif
