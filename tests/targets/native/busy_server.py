"""A server that would notice any trace of a fork: it has children of its own and reaps with waitpid(-1), handles
SIGCHLD, counts its at-fork handlers, keeps OpenBLAS threads where numpy is there, and allocates in several threads.

Without numpy it forks; with it, it spawns, since a fork while OpenBLAS works may hang in OpenBLAS by itself.  Prints its port, then READY; ``/facts`` says what it noticed.
"""

import gc
import http.server
import json
import os
import signal
import threading
import time
import warnings

warnings.filterwarnings("ignore", category=DeprecationWarning)
noticed = {"requests": 0, "children": 0, "forks": 0, "strays": 0, "signals": 0, "before": 0, "parent": 0, "rounds": 0, "blas": 0}

try:
    import numpy
except ImportError:
    numpy = None


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers every request with the number it was asked for, after some work."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/facts":
            body = json.dumps({**noticed, "stats": gc.get_stats(), "enabled": gc.isenabled()}).encode()
        else:
            noticed["requests"] += 1
            records = [{"n": n, "text": "x" * n, "more": [n] * 3} for n in range(50)]
            body = json.dumps({"path": self.path, "records": len(records)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def on_child(number, frame):
    noticed["signals"] += 1


def count_before():
    noticed["before"] += 1


def count_parent():
    noticed["parent"] += 1


def start_child():
    """A child that exits with 7."""
    if numpy is not None:
        return os.posix_spawn("/bin/sh", ["sh", "-c", "exit 7"], {})
    pid = os.fork()
    if pid == 0:
        os._exit(7)
    noticed["forks"] += 1
    return pid


def supervising():
    """One child at a time, reaped with waitpid(-1), which must only ever meet its own."""
    while True:
        pid = start_child()
        noticed["children"] += 1
        while True:
            found, status = os.waitpid(-1, 0)
            if found == pid and os.WEXITSTATUS(status) == 7:
                break
            noticed["strays"] += 1
        time.sleep(0.05)


def allocating():
    """Large and small blocks, cycles and threads' own malloc arenas."""
    while True:
        kept = [bytearray(n) for n in range(100, 60_000, 700)]
        ring = {"kept": kept}
        ring["self"] = ring
        noticed["rounds"] += 1
        ring.clear()  # garbage in waiting would hide what a snapshot leaves behind
        del kept, ring
        time.sleep(0.002)


def multiplying():
    """Keeps OpenBLAS's own pool of threads at work."""
    matrix = numpy.ones((200, 200))
    while True:
        if (matrix @ matrix)[0, 0] != 200.0:
            os.write(2, b"wrong product\n")
        noticed["blas"] += 1
        time.sleep(0.01)


signal.signal(signal.SIGCHLD, on_child)
os.register_at_fork(before=count_before, after_in_parent=count_parent)
server = Server(("127.0.0.1", 0), Handler)
jobs = [server.serve_forever, supervising, allocating, allocating] + ([multiplying] if numpy else [])
for job in jobs:
    threading.Thread(target=job, daemon=True).start()
print(server.server_address[1], flush=True)
print("READY", flush=True)
while True:
    time.sleep(60)
