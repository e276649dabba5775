"""Loads documents in threads; malloc keeps what they freed."""

import threading

WORKERS = 4
index = {}


def load(worker):
    """Load 1,500 documents of 2 to 39 kB; the first lines of one in 20 are kept."""
    documents, lines = [], []
    for number in range(1_500):
        documents.append(bytes([worker + 1]) * (2_000 + 37 * (number % 1_000)))
        if number % 20 == 0:
            lines.append(documents[-1][:600])
    index[worker] = lines


def operation(number):
    """Four loaders at once."""
    threads = [threading.Thread(target=load, args=(worker,)) for worker in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
