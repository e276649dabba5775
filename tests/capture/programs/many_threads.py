"""30 threads that wait on locks, sleep, and compute a little; the main thread reads stdin."""
import threading
import time
import _drive

lock = threading.Lock()
count = [0]


def work(number):
    while True:
        with lock:
            count[0] += 1
        sum(range(200))
        time.sleep(0.001 * (number % 7))


for number in range(30):
    threading.Thread(target=work, args=(number,), daemon=True).start()
_drive.rounds(lambda number: None)
