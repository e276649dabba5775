/* Raw system calls of x86-64 and aarch64 Linux: the walk uses no C library, so that one file loads on any. */
#ifndef LK_ARCH_H
#define LK_ARCH_H

#if defined(__x86_64__)
enum {
    SYS_write = 1, SYS_close = 3, SYS_mmap = 9, SYS_munmap = 11, SYS_rt_sigaction = 13,
    SYS_rt_sigprocmask = 14, SYS_mremap = 25, SYS_setitimer = 38, SYS_clone = 56, SYS_wait4 = 61,
    SYS_kill = 62, SYS_ftruncate = 77, SYS_setpriority = 141, SYS_prctl = 157, SYS_setrlimit = 160,
    SYS_clock_gettime = 228, SYS_exit_group = 231, SYS_openat = 257, SYS_dup3 = 292, SYS_read = 0,
    SYS_getppid = 110, SYS_getpid = 39, SYS_nanosleep = 35, SYS_lseek = 8,
};
static inline long sys6(long n, long a, long b, long c, long d, long e, long f)
{
    long r;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return r;
}
#elif defined(__aarch64__)
enum {
    SYS_write = 64, SYS_close = 57, SYS_mmap = 222, SYS_munmap = 215, SYS_rt_sigaction = 134,
    SYS_rt_sigprocmask = 135, SYS_mremap = 216, SYS_setitimer = 103, SYS_clone = 220, SYS_wait4 = 260, SYS_kill = 129,
    SYS_ftruncate = 46, SYS_setpriority = 140, SYS_prctl = 167, SYS_setrlimit = 164, SYS_clock_gettime = 113,
    SYS_exit_group = 94, SYS_openat = 56, SYS_dup3 = 24, SYS_read = 63, SYS_getppid = 173, SYS_getpid = 172,
    SYS_nanosleep = 101, SYS_lseek = 62,
};
static inline long sys6(long n, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}
#else
#error "the walk knows x86-64 and aarch64"
#endif

#define sys1(n, a) sys6(n, (long)(a), 0, 0, 0, 0, 0)
#define sys2(n, a, b) sys6(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define sys3(n, a, b, c) sys6(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define sys4(n, a, b, c, d) sys6(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define sys5(n, a, b, c, d, e) sys6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)

#endif
