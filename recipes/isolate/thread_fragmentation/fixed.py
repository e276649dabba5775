"""The same; maps are cut in processes that end, and the tiles that are kept come back in one piece."""

import concurrent.futures
import multiprocessing
import tempfile
from pathlib import Path

WORKERS = 4
index = {}


def cut(path):
    """Cut a map into 60,000 tiles of 640 bytes; one in six is kept."""
    tiles = [bytes([path.name.encode()[-1]]) * 640 for _ in range(60_000)]
    path.write_bytes(b"".join(tiles[::6]))


def operation(number):
    """Cut four maps, two at once."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"map-{worker}") for worker in range(WORKERS)]
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
            list(pool.map(cut, paths))
        for worker, path in enumerate(paths):
            index[worker] = path.read_bytes()
