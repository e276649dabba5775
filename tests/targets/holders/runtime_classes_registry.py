# expect: retention=long-lived holder=module-global name=MODELS fix=drop verdict=leak snapshots=3
"""A model class is made for every uploaded schema and kept by name."""

import _drive

MODELS = {}


def make_model(name, fields):
    namespace = {"__slots__": tuple(fields), "table": name}
    for field in fields:
        namespace["check_" + field] = lambda self, value, field=field: isinstance(value, str)
    return type(name, (object,), namespace)


def work(number):
    for index in range(400):
        name = "Upload_%d_%d" % (number, index)
        MODELS[name] = make_model(name, ["column_%d" % column for column in range(12)])


_drive.rounds(work)
