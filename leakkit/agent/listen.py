"""The agent's socket: a private Unix socket on which leakkit may ask this process for a snapshot.

``leakkit.agent.listen()`` opens it, and so does the preload of ``leakkit snapshot -- COMMAND``.  It is
``/tmp/leakkit-UID/PID.sock`` (or below /var/tmp, /dev/shm) in a folder closed to everyone else; only root and this
process's own user are answered.  One raw thread sits in ``accept``: it is no ``threading.Thread``, blocks all signals
and keeps no process alive.  Around a ``fork`` it ends and starts again, so that a process that forks has no thread
more than without leakkit; a forked child opens a socket of its own.

Runs in somebody else's process: standard library only, Python 3.9 and later, small C modules only.
"""

import _signal
import _socket
import _thread
import gc
import os
import stat
import sys
import time

PLACES = ("/tmp", "/var/tmp", "/dev/shm")
LONGEST_REQUEST = 4096
FORK_WAIT = 0.2
"""Seconds that a fork waits for the thread to end; a snapshot in progress may take longer."""
AGENT = "leakkit_agent"
"""``__name__`` in the dict that the snapshot's own code runs in."""
SO_PEERCRED = getattr(_socket, "SO_PEERCRED", 17)


class Listener(object):
    """The one socket of this process and the thread that serves it."""

    def __init__(self):
        self.socket = None
        self.path = ""
        self.folder = ""
        self.stopping = False
        self.ident = 0
        self.ended = _thread.allocate_lock()

    def open(self):
        """Bind the socket and start the thread; returns the socket's path."""
        for place in PLACES:
            folder = "%s/leakkit-%d" % (place, os.geteuid())
            for _ in range(3):  # another process may remove the empty folder in between
                try:
                    if not own_folder(folder):
                        break
                    path = "%s/%d.sock" % (folder, os.getpid())
                    remove(path)
                    server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
                    server.bind(path)
                    server.listen(8)
                except OSError:
                    continue
                self.socket, self.path, self.folder = server, path, folder
                self.start()
                return path
        raise OSError("leakkit: no private folder for the agent's socket below " + ", ".join(PLACES))

    def start(self):
        """Start the thread."""
        self.stopping = False
        self.ended.acquire(False)
        _thread.start_new_thread(self.serve, ())

    def serve(self):
        """Accept until a fork or the end of the process wants this thread gone."""
        _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
        self.ident = _thread.get_ident()
        try:
            while not self.stopping:
                try:
                    fd, _ = self.socket._accept()
                except OSError:
                    time.sleep(0.05)
                    continue
                connection = _socket.socket(fileno=fd)
                try:
                    if not self.stopping:
                        answer(connection)
                except BaseException:
                    pass
                finally:
                    connection.close()
                    connection = None
        finally:
            self.ident = 0
            self.ended.release()

    def wake(self):
        """Make ``accept`` return."""
        try:
            client = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
            try:
                client.setblocking(False)
                client.connect(self.path)
            finally:
                client.close()
        except OSError:
            pass

    def before_fork(self):
        """End the thread, so that the process forks as if leakkit were not there."""
        if self.socket is None or own_fork() or _thread.get_ident() == self.ident:
            return
        count = thread_count()
        self.stopping = True
        self.wake()
        if self.ended.acquire(True, FORK_WAIT):
            self.ended.release()
            # 3.12+ counts the threads of the operating system before it warns of a fork.
            until = time.monotonic() + 0.02
            while sys.version_info >= (3, 12) and thread_count() >= count and time.monotonic() < until:
                time.sleep(0.0001)

    def after_in_parent(self):
        """Start the thread again if it ended."""
        if self.socket is None or own_fork() or not self.stopping:
            return
        self.stopping = False
        if self.ended.acquire(False):
            self.ended.release()
            self.start()

    def after_in_child(self):
        """A forked child leaves its parent's socket alone and opens one of its own."""
        if self.socket is None or own_fork():
            return
        try:
            self.socket.close()
            self.socket = None
            self.ended = _thread.allocate_lock()
            self.ident = 0
            self.open()
        except Exception:
            pass  # the child can still be entered from outside

    def close(self):
        """At the end of the process: no file is left."""
        if self.socket is not None and self.path.endswith("/%d.sock" % os.getpid()):
            remove(self.path)
            try:
                os.rmdir(self.folder)
            except OSError:
                pass


def own_fork():
    """Whether this fork is the snapshot's own copy, seen by whose code is calling."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__") == AGENT:
            return True
        frame = frame.f_back
    return False


def thread_count():
    """Threads as the operating system counts them."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 0


def own_folder(folder):
    """Make the folder, or check that it is ours and closed to everyone else."""
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass
    facts = os.lstat(folder)
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.geteuid() and not facts.st_mode & 0o077


def remove(path):
    """Remove a file if it is there."""
    try:
        os.unlink(path)
    except OSError:
        pass


def peer(connection):
    """(pid, uid) of the other end, as the kernel vouches for them."""
    raw = connection.getsockopt(_socket.SOL_SOCKET, SO_PEERCRED, 12)
    return int.from_bytes(raw[:4], sys.byteorder), int.from_bytes(raw[4:8], sys.byteorder)


def answer(connection):
    """One request ``snapshot TOKEN FOLDER``: run the agent that leakkit put into the folder."""
    if peer(connection)[1] not in (0, os.geteuid()):
        return
    enabled, before, put_back = gc.isenabled(), gc.get_count()[0], ""
    gc.disable()
    try:
        connection.settimeout(2.0)
        request = b""
        while not request.endswith(b"\n") and len(request) < LONGEST_REQUEST:
            part = connection.recv(LONGEST_REQUEST)
            if not part:
                return
            request += part
        word, token, folder = request.decode("utf-8").rstrip("\n").split(" ", 2)
        facts = os.lstat(folder)
        if word != "snapshot" or not stat.S_ISDIR(facts.st_mode) or facts.st_mode & 0o077:
            return
        if facts.st_uid not in (0, os.geteuid()):
            return
        path = folder + "/start.py"
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(folder + "/put_back.py", encoding="utf-8") as file:
            put_back = file.read()
        connection.sendall(b"ok\n")
        names = {"__name__": AGENT, "D": folder, "TOKEN": token, "INLINE": True, "GC_WAS_ENABLED": enabled}
        # No compile(): its first call makes some 800 type objects (ast's), which stay.
        exec(text, names)
    finally:
        gc.disable()
        try:
            exec(put_back, {"__name__": AGENT, "BEFORE": before})
        except Exception:
            pass  # the collector may come somewhat earlier
        if enabled:
            gc.enable()


LISTENER = Listener()


def listen():
    """Let leakkit take snapshots of this process without ptrace.

    Returns:
        The path of the socket.  Calling it again changes nothing.

    Raises:
        OSError: there is no place for a private folder.
    """
    preloaded = sys.modules.get("_leakkit_listen")
    listener = preloaded.LISTENER if preloaded is not None else LISTENER
    if listener.socket is None:
        listener.open()
        os.register_at_fork(
            before=listener.before_fork,
            after_in_parent=listener.after_in_parent,
            after_in_child=listener.after_in_child,
        )
        import atexit

        atexit.register(listener.close)
    return listener.path


def tell(channel, message, wait):
    """Tell the leakkit that launched this process; with ``wait`` return when it has answered or is gone."""
    try:
        client = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    except OSError:
        return
    try:
        client.connect(channel)
        client.sendall(("%s %d\n" % (message, os.getpid())).encode())
        while wait and client.recv(64):
            pass
    except (OSError, KeyboardInterrupt):
        pass
    finally:
        client.close()


def tell_the_end(channel):
    """At the end of the process: let leakkit look once more."""
    undo = None
    try:
        undo = allow_fork_at_the_end()
    except Exception:
        pass  # leakkit is told by the agent that the copy cannot be made
    try:
        tell(channel, "exit", True)
    finally:
        if undo is not None:
            undo[1] = 1


def allow_fork_at_the_end():
    """Python 3.12, and no other, refuses to fork in exit handlers: lift that while leakkit looks.

    It asks ``interp->finalizing``, an int after ``_initialized`` in ``PyInterpreterState`` (pycore_interp.h of 3.12,
    64 bit), which ``Py_FinalizeEx`` has just set.  Changed only when everything around it is as it must be.

    Returns:
        The pair of ints, whose second one must be set again, or None.
    """
    if sys.version_info[:2] != (3, 12) or sys.maxsize < 1 << 32:
        return None
    import ctypes

    find = ctypes.pythonapi["PyInterpreterState_Main"]
    find.restype = ctypes.c_void_p
    place = find()
    pair = (ctypes.c_int * 2).from_address(place + 40)
    if ctypes.c_int64.from_address(place + 8).value != 0 or pair[:] != [1, 1]:
        return None
    pair[1] = 0
    return pair


def preload(channel):
    """What the preload does: listen, say hello to leakkit, and let it look once more at the end."""
    listen()
    if channel:
        import atexit

        # Registered first, so it runs last: the heap is the one the program leaves behind.
        atexit.unregister(LISTENER.close)
        atexit.register(LISTENER.close)
        atexit.register(tell_the_end, channel)
        spec = None
        if os.environ.get("LEAKKIT_LAUNCH_TRACK"):
            __import__("threading")  # by the main thread, for memray needs it and is started by another

            # We are inside the import of site: its functions are there, and memray imports it while we wait.
            spec = getattr(sys.modules.get("site"), "__spec__", None)
        initializing = getattr(spec, "_initializing", None)
        if initializing:
            spec._initializing = False
        tell(channel, "hello", True)
        if initializing:
            spec._initializing = True
