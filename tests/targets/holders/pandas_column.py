# expect: retention=long-lived holder=view name=last_prices fix=copy verdict=leak snapshots=3 needs=pandas
"""One column kept of each day's big frame: the series shares the frame's block."""

import numpy as np
import pandas as pd

import _drive

last_prices = []
COLUMNS = ["open", "high", "low", "close"] + ["feature_%d" % index for index in range(36)]


def load_day(number):
    values = np.full((20000, len(COLUMNS)), number + 0.5)
    return pd.DataFrame(values, columns=COLUMNS)


def work(number):
    frame = load_day(number)
    last_prices.append(frame["close"])


_drive.rounds(work)
