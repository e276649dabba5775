/* The dump: named sections of plain columns, as leakkit/agent/dump_file.py writes them (docs/native-dump.md). Each
   column has a buffer that is written as one part of it when it is full. */
#include "lk.h"

static const struct {
    const char *name;
    char code;
    u8 size;
} columns[COLUMNS] = {
    [NODE] = {"node", 'Q', 8}, [TYPE] = {"type", 'Q', 8}, [REFS] = {"refs", 'q', 8}, [SIZE] = {"size", 'q', 8},
    [DEGREE] = {"degree", 'I', 4}, [EDGE] = {"edge", 'Q', 8}, [EDGE_KIND] = {"edge_kind", 'B', 1},
    [EDGE_NAME] = {"edge_name", 'I', 4}, [FINALIZED] = {"finalized", 'Q', 8}, [UNKNOWN] = {"unknown", 'Q', 8},
    [EXTRA_NODE] = {"extra_node", 'Q', 8}, [EXTRA_KIND] = {"extra_kind", 'B', 1},
    [EXTRA_NAME] = {"extra_name", 'I', 4}, [EXTRA_TO] = {"extra_target", 'Q', 8},
    [TYPE_NODE] = {"type_node", 'Q', 8}, [TYPE_NAME] = {"type_name", 'I', 4}, [TYPE_MODULE] = {"type_module", 'I', 4},
    [TYPE_FLAGS] = {"type_flags", 'B', 1}, [TYPE_KIND] = {"type_kind", 'B', 1},
    [STRING_LENGTH] = {"string_length", 'I', 4}, [STRING_BYTES] = {"string_bytes", 'B', 1},
    [FUNCTION_NODE] = {"function_node", 'Q', 8}, [FUNCTION_MODULE] = {"function_module", 'I', 4},
    [FUNCTION_NAME] = {"function_name", 'I', 4}, [FUNCTION_FILE] = {"function_file", 'I', 4},
    [FUNCTION_LINE] = {"function_line", 'I', 4}, [BOUND_NODE] = {"bound_node", 'Q', 8},
    [BOUND_BOUND] = {"bound_bound", 'q', 8}, [BOUND_USED] = {"bound_used", 'q', 8},
    [BOUND_LABEL] = {"bound_label", 'I', 4}, [VIEW_NODE] = {"view_node", 'Q', 8},
    [VIEW_TARGET] = {"view_target", 'Q', 8}, [VIEW_EXTENT] = {"view_extent", 'q', 8},
    [FRAME_NODE] = {"frame_node", 'Q', 8}, [FRAME_KIND] = {"frame_kind", 'B', 1},
    [FRAME_STATE] = {"frame_state", 'B', 1}, [FRAME_MODULE] = {"frame_module", 'I', 4},
    [FRAME_NAME] = {"frame_name", 'I', 4}, [FRAME_CODE] = {"frame_code", 'I', 4},
    [FRAME_LASTI] = {"frame_instruction", 'i', 4}, [FRAME_LINE] = {"frame_traced_line", 'i', 4},
    [FRAME_THREAD] = {"frame_thread", 'i', 4}, [CODE_ID] = {"code_node", 'Q', 8}, [CODE_FILE] = {"code_file", 'I', 4},
    [CODE_NAME] = {"code_name", 'I', 4}, [CODE_LINE] = {"code_first_line", 'i', 4},
    [CODE_LINES] = {"code_lines", 'I', 4}, [CODE_TABLE] = {"code_bytes", 'B', 1},
    [ROOT_NODE] = {"root_node", 'Q', 8}, [ROOT_KIND] = {"root_kind", 'B', 1}, [ROOT_NAME] = {"root_name", 'I', 4},
    [ROOT_FRAME] = {"root_frame", 'i', 4}, [MODULE_NODE] = {"module_node", 'Q', 8},
    [MODULE_NAME] = {"module_name", 'I', 4}, [MODULE_FILE] = {"module_file", 'I', 4},
    [THREAD_IDENT] = {"thread_ident", 'Q', 8}, [THREAD_NATIVE] = {"thread_native", 'Q', 8},
    [THREAD_DAEMON] = {"thread_daemon", 'B', 1}, [THREAD_NAME] = {"thread_name", 'I', 4},
    [TASK_NODE] = {"task_node", 'Q', 8}, [TASK_NAME] = {"task_name", 'I', 4},
    [TASK_COROUTINE] = {"task_coroutine", 'Q', 8}, [TASK_STATE] = {"task_state", 'B', 1},
    [TASK_FUNCTION] = {"task_function", 'I', 4}, [TASK_CODE] = {"task_code", 'I', 4},
    [HELD_NODE] = {"held_node", 'Q', 8}, [HELD_COUNT] = {"held_count", 'I', 4},
    [MALLOC_TEXT] = {"malloc_text", 'B', 1}, [MALLOC_FIGURES] = {"malloc_figures", 'Q', 8},
    [OWN_NODE] = {"own_node", 'Q', 8}, [BUFFER_NODE] = {"buffer_node", 'Q', 8}, [BUFFER_AT] = {"buffer_at", 'Q', 8},
};
enum { ROOM = 1 << 18 };
static u8 *buffers[COLUMNS];
static u32 used[COLUMNS];
static int out_fd;

static void write_all(const void *from, u64 n)
{
    const u8 *at = from;
    while (n) {
        long done = sys3(SYS_write, out_fd, at, n < (1 << 30) ? n : 1 << 30);
        if (done == -4 /* EINTR */)
            continue;
        if (done <= 0)
            end(END_WRITE);
        at += done;
        n -= (u64)done;
    }
}

static void header(const char *name, char code, u64 count)
{
    u8 head[40];
    memset(head, 0, sizeof head);
    memcpy(head, name, text_length(name));
    head[24] = (u8)code;
    *(word64 *)(head + 32) = count;
    write_all(head, sizeof head);
}

void out_start(int fd)
{
    out_fd = fd;
    write_all("LKDUMP01", 8);
}

static void flush(enum column c)
{
    if (used[c]) {
        header(columns[c].name, columns[c].code, used[c] / columns[c].size);
        write_all(buffers[c], used[c]);
        used[c] = 0;
    }
}

static inline u8 *room(enum column c, u32 n)
{
    if (!buffers[c])
        buffers[c] = pages(ROOM);
    if (used[c] + n > ROOM)
        flush(c);
    used[c] += n;
    return buffers[c] + used[c] - n;
}

void put1(enum column c, u8 v) { *room(c, 1) = v; }
void put4(enum column c, u32 v) { *(word32 *)room(c, 4) = v; }
void put8(enum column c, u64 v) { *(word64 *)room(c, 8) = v; }

void put_bytes(enum column c, const void *from, u64 n)
{
    for (const u8 *at = from; n;) {
        u32 part = n < 4096 ? (u32)n : 4096;
        memcpy(room(c, part), at, part);
        at += part;
        n -= part;
    }
}

void out_json(const char *name, const char *text, u64 n)
{
    header(name, 'J', n);
    write_all(text, n);
}

void out_end(void)
{
    for (int c = 0; c < COLUMNS; c++)
        flush((enum column)c);
    header("end", 'J', 0);
}
