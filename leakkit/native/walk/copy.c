/* The copy: a raw clone of the target with exit signal 0, made while the interpreter's lock is held. No at-fork handler
   runs, no SIGCHLD is sent, waitpid(-1) does not see the child. The child is C only and ends by itself. */
#include "lk.h"

enum { SIGKILL = 9, SIGALRM = 14, EBUSY = 16, WALL = 0x40000000, PR_SET_PDEATHSIG = 1, PR_SET_DUMPABLE = 4,
       RLIMIT_CORE = 4, AT_FDCWD = -100, O_WRONLY_CLOEXEC = 02000001, NICE = 10, GRACE = 2 };
enum test { TEST_NONE, TEST_CRASH, TEST_HANG };

static u64 pause_began, pause_nanoseconds;

/* Make sure that the child ends: with the target's thread, at its time, first of all when memory runs out. */
static void guard(long parent, u64 seconds)
{
    u64 action[4] = {0, 0, 0, 0}, all_but_alarm = ~(1UL << (SIGALRM - 1)), no_core[2] = {0, 0};
    u64 timer[4] = {0, 0, seconds + GRACE, 0};
    sys4(SYS_rt_sigaction, SIGALRM, action, 0, 8);
    sys4(SYS_rt_sigprocmask, 2 /* set */, &all_but_alarm, 0, 8);
    sys3(SYS_setitimer, 0, timer, 0);
    sys2(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
    if (sys1(SYS_getppid, 0) != parent)
        end(END_DAMAGED);
    sys3(SYS_setpriority, 0, 0, NICE);
    long fd = sys4(SYS_openat, AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY_CLOEXEC, 0);
    if (fd >= 0) {
        sys3(SYS_write, fd, "1000", 4);
        sys1(SYS_close, fd);
    }
    sys2(SYS_setrlimit, RLIMIT_CORE, no_core);
    sys2(SYS_prctl, PR_SET_DUMPABLE, 0);
}

static void child(const u64 *c, long parent)
{
    guard(parent, c[C_SECONDS]);
    lk.until = nanoseconds() + c[C_SECONDS] * 1000000000UL;
    lk.most_bytes = c[C_BYTES];
    if (c[C_TEST] == TEST_CRASH)
        __builtin_trap();
    while (c[C_TEST] == TEST_HANG)
        __asm__ volatile("");
    walk();
    end(DONE);
}

/* Returns the child's id, -EBUSY while a collection is under way, or another negative error number. */
EXPORT int lk_copy(const u64 *c)
{
    if (!lk.l || !lk.young)
        return -22;
    if (rd4(lk.young + (u64)lk.l->gc_collecting))
        return -EBUSY;
    long parent = sys1(SYS_getpid, 0);
    lk.c = c;
    pause_began = nanoseconds();
    long pid = sys5(SYS_clone, 0, 0, 0, 0, 0);
    if (pid == 0)
        child(c, parent);
    pause_nanoseconds = nanoseconds() - pause_began;
    return (int)pid;
}

/* Microseconds that lk_copy stopped the thread that held the interpreter's lock. */
EXPORT int lk_pause(void) { return (int)(pause_nanoseconds / 1000); }

/* Lower the collector's count of new objects (struct gc_generation), which the agent's own raised. */
EXPORT int lk_count(int count)
{
    if (lk.young && count >= 0 && count < rd4s(lk.young + 20))
        *(word32 *)(lk.young + 20) = (u32)count;
    return 0;
}

/* Wait for the child: its status, or -1 when it still runs (flags 1: do not wait), or -2 when it cannot be had. */
EXPORT int lk_reap(int pid, int flags)
{
    int status = 0;
    long done;
    do
        done = sys4(SYS_wait4, pid, &status, flags | WALL, 0);
    while (done == -4 /* EINTR */);
    return done == pid ? status : done == 0 ? -1 : -2;
}

EXPORT int lk_check(const u64 *c, char *why) { return check(c, why); }
