"""``__del__`` in rings: some just run, some bring their object back."""
# truth: resurrects=yes
import gc
import _truth

gc.disable()
SAVED = []
RAN = []


class Runs:
    def __init__(self):
        self.me = self
        self.payload = [1, 2]

    def __del__(self):
        RAN.append(1)


class Returns:
    def __init__(self):
        self.me = self
        self.payload = {"kept": [3]}

    def __del__(self):
        SAVED.append(self)


class Plain:
    def __init__(self, other):
        self.other = other
        other.back = self


for _ in range(10):
    Runs()
    Plain(Runs())
for _ in range(5):
    Returns()
    Plain(Returns())
LIVE = [Runs(), Plain(Runs())]
_truth.serve()
