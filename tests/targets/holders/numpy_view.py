# expect: retention=long-lived holder=view name=thumbnails fix=copy verdict=leak snapshots=3 needs=numpy
"""Thumbnails cut out of camera frames: an array slice keeps the frame through ``.base``."""

import numpy as np

import _drive

thumbnails = {}


def capture(number):
    return np.full((600, 800, 3), number % 200 + 1, dtype=np.uint8)


def work(number):
    for index in range(4):
        frame = capture(number)
        thumbnails[number, index] = frame[:32, :32]


_drive.rounds(work)
