"""Classes made and dropped: plain, dataclasses, enums, abstract ones, named tuples; closures and cached functions."""
import abc
import collections
import dataclasses
import enum
import functools
import gc
import typing
import _truth

gc.disable()


def make(number):
    class Local:
        registry = []

        def method(self):
            return Local

        @property
        def value(self):
            return number

        @functools.lru_cache(maxsize=8)
        def cached(self, x):
            return [self, x]

    Local.registry.append(Local())
    Local.registry[0].cached(1)

    @dataclasses.dataclass
    class Record:
        a: int = number
        b: list = dataclasses.field(default_factory=list)

    Record().b.append(Record)

    class Colour(enum.Enum):
        RED = 1
        BLUE = 2

    class Shape(abc.ABC):
        @abc.abstractmethod
        def area(self):
            ...

    class Square(Shape):
        def area(self):
            return isinstance(self, Shape)

    isinstance(Square(), Shape)
    pair = collections.namedtuple("pair", "x y")

    class Typed(typing.Generic[typing.TypeVar("T")]):
        pass

    def closure():
        return closure, Local, Colour.RED, pair(1, 2)

    closure()
    return closure


for number in range(6):
    make(number)
KEPT = make(99)


@functools.lru_cache(maxsize=None)
def unbounded(x):
    return [x]


unbounded(1)


def recursive(depth):
    def helper(n):
        return n and helper(n - 1)

    return helper(depth)


for _ in range(20):
    recursive(3)
_truth.serve()
