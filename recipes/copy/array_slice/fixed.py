"""The same; it keeps a copy of the slice."""

import numpy as np

previews = []


def simulate(number):
    """50 MB of results."""
    return np.full(6_250_000, number + 1.0)


def operation(number):
    """Simulate, and keep the first hundred values for the preview."""
    previews.append(simulate(number)[:100].copy())
