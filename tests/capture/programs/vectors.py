"""Matrix products in numpy, whose inner loops live in wide vector registers, in threads while the main thread waits."""
import threading
import numpy
import _drive

left = numpy.arange(64 * 64, dtype=float).reshape(64, 64) / 4096
expected = left @ left
wrong = []


def work():
    while True:
        if not numpy.array_equal(left @ left, expected):
            wrong.append(1)


for _ in range(2):
    threading.Thread(target=work, daemon=True).start()


def step(number):
    assert not wrong


_drive.rounds(step)
