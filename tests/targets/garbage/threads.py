"""Threads whose running frames, thread-locals and targets hold rings, and rings of threads that have ended."""
import gc
import threading
import _truth

gc.disable()
local = threading.local()
stop = threading.Event()
ready = threading.Barrier(6)


class Owner:
    def __init__(self):
        self.me = self


def worker(owner):
    mine = [owner]
    mine.append(mine)
    local.ring = {"owner": owner, "mine": mine}
    garbage = [Owner(), mine[:1]]
    garbage.append(garbage)
    del garbage
    ready.wait()
    stop.wait()


class Ended(threading.Thread):
    def run(self):
        self.result = [self]
        local.other = self


for _ in range(5):
    threading.Thread(target=worker, args=(Owner(),), daemon=True).start()
ready.wait()
for _ in range(4):
    thread = Ended()
    thread.start()
    thread.join()
del thread
for _ in range(7):
    another = threading.local()
    another.ring = another
del another
_truth.serve()
