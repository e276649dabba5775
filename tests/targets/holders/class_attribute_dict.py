# expect: retention=long-lived holder=class-attribute name=_instances fix=drop verdict=leak snapshots=3
"""A multiton: the class keeps every instance it ever made by its key."""

import _drive


class Tenant:
    _instances = {}

    def __init__(self, name):
        self.name = name
        self.settings = {"theme": "dark", "logo": name.encode() * 1200}

    @classmethod
    def get(cls, name):
        if name not in cls._instances:
            cls._instances[name] = cls(name)
        return cls._instances[name]


def work(number):
    for index in range(300):
        Tenant.get("tenant-%d-%d" % (number, index))


_drive.rounds(work)
