"""The same report, made in a process that ends."""

import concurrent.futures
import json
import multiprocessing

shown = []


def text_of_the_day(number):
    """300,000 records as JSON."""
    rows = ", ".join(f'{{"id": {row}, "name": "name {row}", "day": "day {number}"}}' for row in range(300_000))
    return f"[{rows}]"


def report(number):
    """Parse the day's records; one in a thousand is shown."""
    return json.loads(text_of_the_day(number))[::1000]


def operation(number):
    """The report of one day."""
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        shown[:] = pool.submit(report, number).result()
