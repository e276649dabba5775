"""numpy and pandas objects: a view of a big array, an array of objects, a frame with text."""
import numpy
import pandas

import _drive

BIG = numpy.zeros(100_000)
VIEW = BIG[10:20]
OBJECTS = numpy.array([["first"], {"second": 2}, "third"], dtype=object)
FRAME = pandas.DataFrame({"a": [1.5, 2.5], "b": numpy.array(["x" * 100, "y" * 100], dtype=object)})
_drive.rounds(lambda number: None)
