# expect: retention=off-heap holder=allocator-slack fix=hibernate verdict=leak|suspect snapshots=3
"""Eight threads resized pictures of every size at start-up; what is left is small, but glibc's arenas stay big."""

import threading

import _drive

thumbnails = []


def resize(worker):
    pictures = []
    for number in range(500):
        picture = bytearray([worker + 1]) * (3000 + 53 * (number % 400))
        pictures.append(picture)
        if number % 20 == 0:
            thumbnails.append(bytes(picture[:1200]))


workers = [threading.Thread(target=resize, args=(worker,)) for worker in range(8)]
for thread in workers:
    thread.start()
for thread in workers:
    thread.join()


def work(number):
    thumbnails[number % len(thumbnails)] = bytes([number + 1]) * 1200


_drive.rounds(work)
