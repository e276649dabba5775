# expect: retention=long-lived holder=view name=tails fix=copy verdict=leak snapshots=3 needs=pandas
"""The last ten rows kept of each batch: ``iloc`` slices share the whole batch."""

import numpy as np
import pandas as pd

import _drive

tails = []


def load_batch(number):
    return pd.DataFrame(np.full((60000, 10), number + 0.25), columns=list("abcdefghij"))


def work(number):
    tails.append(load_batch(number).iloc[-10:])


_drive.rounds(work)
