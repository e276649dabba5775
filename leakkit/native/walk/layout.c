/* The table of layouts; check.c holds each against the interpreter it runs in before anything relies on it. */
#include "layout.h"

/* The same in all versions of a span. */
#define GC_TO_313 .gc_enabled = -12, .gc_permanent = 80, .gc_collecting = 176, .gc_garbage = 184, \
    .gc_callbacks = 192, .gc_total = 200, .gc_pending = 208
#define FUNCTION_FROM_310 .fn_code = 48, .fn_globals = 16, .fn_builtins = 24, .fn_name = 32, .fn_qualname = 40, \
    .fn_defaults = 56, .fn_kwdefaults = 64, .fn_closure = 72, .fn_doc = 80, .fn_dict = 88, .fn_module = 104
#define CODE_TO_310 .co_argcount = 16, .co_flags = 36, .co_first_line = 40, .co_stack = 32, .co_locals = 28, \
    .co_names = 72, .co_free = 80, .co_cells = 88, .co_consts = 56, .co_filename = 104, .co_name = 112, \
    .co_qualname = 112, .co_lines = 120, .co_bytes = 48, .co_extra = 144
#define CODE_FROM_312 .co_argcount = 52, .co_flags = 48, .co_first_line = 68, .co_stack = 64, .co_locals = 72, \
    .co_names = 96, .co_kinds = 104, .co_consts = 24, .co_filename = 112, .co_name = 120, .co_qualname = 128, \
    .co_lines = 136
#define FRAME_FROM_311 .fr_inner = 24, .fr_back = 16, .fr_trace = 32, .fr_line = 40
#define IFRAME_FROM_312 .if_code = 0, .if_previous = 8, .if_func = 16, .if_globals = 24, .if_builtins = 32, \
    .if_f_locals = 40, .if_object = 48, .if_instr = 56, .if_stack = 64
#define GEN_FROM_312 .gen_frame = 72, .gen_name = 24, .gen_qualname = 32, .gen_state = 67, .gen_running = 66
#define STATES_OLD .st_executing = 0, .st_cleared = 1
#define STR_TO_311 .str_ascii = 48, .str_compact = 72, .str_utf8 = 56
#define STR_FROM_312 .str_ascii = 40, .str_compact = 56, .str_utf8 = 48
#define THREAD_LINKS .ts_next = 8, .ts_interp = 16

const struct layout layouts[] = {
    {.first_hex = 0x03090000, .last_hex = 0x0309ffff, GC_TO_313, .type_size = 408, .heap_type_size = 880,
     .ht_qualname = 856, .ht_cached_keys = 864,
     .fn_code = 16, .fn_globals = 24, .fn_name = 64, .fn_qualname = 104, .fn_defaults = 32, .fn_kwdefaults = 40,
     .fn_closure = 48, .fn_doc = 56, .fn_dict = 72, .fn_module = 88, CODE_TO_310,
     .fr_back = 24, .fr_trace = 80, .fr_line = 108, .fr_code = 32, .fr_builtins = 40, .fr_globals = 48,
     .fr_valuestack = 64, .fr_stack = 72, .fr_running = 116, .fr_gen = 96, .fr_lasti = 104, .fr_locals = 360,
     .gen_frame = 16, .gen_code = 32, .gen_name = 48, .gen_qualname = 56, .gen_running = 24,
     THREAD_LINKS, .ts_ident = 176, .ts_dict = 152, .ts_context = 240, .ts_exc_info = 144, .ts_frame = 24,
     .cframe_frame = -1, .exc_value = 8, .exc_previous = 24, STR_TO_311, .tuple_items = 24, .exception_traceback = 32,
     .old_keys = 1},
    {.first_hex = 0x030a0000, .last_hex = 0x030affff, GC_TO_313, .type_size = 408, .heap_type_size = 888,
     .ht_qualname = 864, .ht_cached_keys = 872, FUNCTION_FROM_310, CODE_TO_310,
     .fr_back = 24, .fr_trace = 72, .fr_line = 100, .fr_code = 32, .fr_builtins = 40, .fr_globals = 48,
     .fr_valuestack = 64, .fr_stack = 80, .fr_running = 108, .fr_gen = 88, .fr_lasti = 96, .fr_locals = 352,
     .gen_frame = 16, .gen_code = 24, .gen_name = 40, .gen_qualname = 48,
     THREAD_LINKS, .ts_ident = 176, .ts_dict = 152, .ts_context = 240, .ts_exc_info = 144, .ts_frame = 24,
     .cframe_frame = -1, .exc_value = 8, .exc_previous = 24, STR_TO_311, .tuple_items = 24, .exception_traceback = 32,
     .atexit = 3488, .atexit_count = 3496, .old_keys = 1},
    {.first_hex = 0x030b0000, .last_hex = 0x030bffff, GC_TO_313, .type_size = 408, .heap_type_size = 904,
     .ht_qualname = 864, .ht_cached_keys = 872, FUNCTION_FROM_310,
     .co_argcount = 56, .co_flags = 48, .co_first_line = 72, .co_stack = 68, .co_locals = 76, .co_names = 96,
     .co_kinds = 104, .co_consts = 24, .co_filename = 112, .co_name = 120, .co_qualname = 128, .co_lines = 136,
     .co_bytes = 184, .co_extra = 176, FRAME_FROM_311, .fr_size = 48,
     .if_func = 0, .if_globals = 8, .if_builtins = 16, .if_f_locals = 24, .if_code = 32, .if_object = 40,
     .if_previous = 48, .if_instr = 56, .if_stack = 64, .if_owner = 69, .if_locals = 72,
     .gen_frame = 80, .gen_name = 32, .gen_qualname = 40, .gen_state = 75, .gen_running = 74,
     .st_created = -2, STATES_OLD, .st_yield_from = 99,
     THREAD_LINKS, .ts_ident = 152, .ts_native = 160, .ts_dict = 128, .ts_context = 224, .ts_exc_info = 120,
     .ts_frame = 56, .cframe_frame = 8, .exc_value = 0, .exc_previous = 8, STR_TO_311, .tuple_items = 24,
     .exception_traceback = 40, .atexit = 3536, .atexit_count = 3544, .managed = 11},
    {.first_hex = 0x030c0000, .last_hex = 0x030cffff, GC_TO_313, .type_size = 416, .heap_type_size = 920,
     .ht_qualname = 872, .ht_cached_keys = 880, FUNCTION_FROM_310, CODE_FROM_312, .co_bytes = 192, .co_extra = 184,
     FRAME_FROM_311, .fr_size = 48, IFRAME_FROM_312, .if_owner = 70, .if_locals = 72, GEN_FROM_312,
     .st_created = -2, STATES_OLD, .st_yield_from = 99,
     THREAD_LINKS, .ts_ident = 136, .ts_native = 144, .ts_dict = 112, .ts_context = 208, .ts_exc_info = 104,
     .ts_frame = 56, .cframe_frame = 0, .exc_value = 0, .exc_previous = 8, STR_FROM_312, .tuple_items = 24,
     .exception_traceback = 40, .atexit = 3944, .atexit_count = 3952, .static_types = 373704, .static_step = 40,
     .static_dict = 16, .managed = 12},
    {.first_hex = 0x030d0000, .last_hex = 0x030dffff, GC_TO_313, .type_size = 416, .heap_type_size = 928,
     .ht_qualname = 872, .ht_cached_keys = 880, FUNCTION_FROM_310, CODE_FROM_312, .co_bytes = 200, .co_extra = 192,
     FRAME_FROM_311, .fr_size = 64, IFRAME_FROM_312, .if_owner = 70, .if_locals = 72, GEN_FROM_312,
     .st_created = -3, STATES_OLD, .st_yield_from = -1,
     THREAD_LINKS, .ts_ident = 152, .ts_native = 160, .ts_dict = 128, .ts_context = 208, .ts_exc_info = 120,
     .ts_frame = 72, .ts_local_key = 288, .cframe_frame = -1, .exc_value = 0, .exc_previous = 8, STR_FROM_312,
     .tuple_items = 24, .exception_traceback = 40, .atexit = 10712, .atexit_count = 10720, .static_types = 182968,
     .static_ext_types = 192584, .static_step = 48, .static_dict = 24, .managed = 13},
    {.first_hex = 0x030e0000, .last_hex = 0x030effff, .gc_enabled = -12, .gc_permanent = 72, .gc_collecting = 168,
     .gc_garbage = 176, .gc_callbacks = 184, .gc_total = 216, .gc_pending = 224, .type_size = 416,
     .heap_type_size = 936, .ht_qualname = 872, .ht_cached_keys = 880, FUNCTION_FROM_310, CODE_FROM_312,
     .co_bytes = 208, .co_extra = 200, FRAME_FROM_311, .fr_size = 72, IFRAME_FROM_312, .if_owner = 74,
     .if_locals = 80, GEN_FROM_312, .st_created = -3, STATES_OLD, .st_yield_from = -1,
     THREAD_LINKS, .ts_ident = 152, .ts_native = 160, .ts_dict = 128, .ts_context = 208, .ts_exc_info = 120,
     .ts_frame = 72, .ts_local_key = 288, .cframe_frame = -1, .exc_value = 0, .exc_previous = 8, STR_FROM_312,
     .tuple_items = 32, .exception_traceback = 40, .atexit = 10792, .static_types = 180240,
     .static_ext_types = 189856, .static_step = 48, .static_dict = 24, .managed = 13},
    {.first_hex = 0x030f0000, .last_hex = 0x030fffff, .gc_enabled = -8, .gc_permanent = 72, .gc_collecting = 104,
     .gc_garbage = 120, .gc_callbacks = 128, .gc_total = 144, .gc_pending = 152, .type_size = 424,
     .heap_type_size = 944, .ht_qualname = 880, .ht_cached_keys = 888, FUNCTION_FROM_310, CODE_FROM_312,
     .co_bytes = 208, .co_extra = 200, FRAME_FROM_311, .fr_size = 72, IFRAME_FROM_312, .if_owner = 74,
     .if_locals = 80, GEN_FROM_312, .st_created = 0, .st_executing = 4, .st_cleared = 5, .st_yield_from = 2,
     THREAD_LINKS, .ts_ident = 176, .ts_native = 184, .ts_dict = 152, .ts_context = 232, .ts_exc_info = 144,
     .ts_frame = 72, .ts_local_key = 328, .cframe_frame = -1, .exc_value = 0, .exc_previous = 8, STR_FROM_312,
     .tuple_items = 32, .exception_traceback = 40, .atexit = 10768, .static_types = 180264,
     .static_ext_types = 190024, .static_step = 48, .static_dict = 24, .managed = 13},
};
const int layout_count = sizeof layouts / sizeof layouts[0];

/* Pairs (place in _Py_DebugOffsets, offset): next, ident and frame of a thread state; previous, code, instruction,
   locals and owner of a frame; file, name, qualified name, line table, first line, local names, kinds and bytes of a
   code object; a type's flags, a tuple's items, a dict's keys and values, a str's state, length and size. */
static const struct told told_13[] = {
    {168, 8}, {192, 152}, {184, 72}, {232, 8}, {240, 0}, {248, 56}, {256, 72}, {264, 70}, {280, 112}, {288, 120},
    {296, 128}, {304, 136}, {312, 68}, {328, 96}, {336, 104}, {344, 200}, {392, 168}, {408, 24}, {456, 32}, {464, 40},
    {544, 32}, {552, 16}, {560, 40}, {0, 0}};
static const struct told told_14[] = {
    {192, 8}, {216, 152}, {208, 72}, {256, 8}, {264, 0}, {272, 56}, {280, 80}, {288, 74}, {296, 64}, {320, 112},
    {328, 120}, {336, 128}, {344, 136}, {352, 68}, {368, 96}, {376, 104}, {384, 208}, {440, 168}, {456, 32}, {536, 32},
    {544, 40}, {624, 32}, {632, 16}, {640, 40}, {680, 72}, {688, 67}, {0, 0}};
static const struct told told_15[] = {
    {192, 8}, {240, 176}, {208, 72}, {320, 8}, {328, 0}, {336, 56}, {344, 80}, {352, 74}, {360, 64}, {384, 112},
    {392, 120}, {400, 128}, {408, 136}, {416, 68}, {432, 96}, {440, 104}, {448, 208}, {504, 168}, {552, 32}, {632, 32},
    {640, 40}, {720, 32}, {728, 16}, {736, 40}, {808, 72}, {816, 67}, {0, 0}};

const struct told *told_offsets(unsigned hex)
{
    switch (hex >> 16) {
    case 0x030d: return told_13;
    case 0x030e: return told_14;
    case 0x030f: return told_15;
    default: return 0;
    }
}
