"""The small records of a snapshot as JSON: written from dataclasses, read back by their annotations."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from typing import Any, Final

import numpy as np

from leakkit.snapshot_model import (
    CaptureFacts,
    CollectorState,
    MemoryFacts,
    ModuleInfo,
    ProcessFacts,
    Snapshot,
    TaskInfo,
    ThreadInfo,
)
from leakkit.store.blocks import DamagedError

_RECORDS: Final[dict[str, Any]] = {
    "capture": CaptureFacts,
    "process": ProcessFacts,
    "collector": CollectorState,
    "memory": MemoryFacts,
    "modules": tuple[ModuleInfo, ...],
    "threads": tuple[ThreadInfo, ...],
    "tasks": tuple[TaskInfo, ...],
    "warnings": tuple[str, ...],
}


def to_json(snapshot: Snapshot) -> bytes:
    """All records of a snapshot and its previews of values."""
    record = {name: _plain(getattr(snapshot, name)) for name in _RECORDS}
    record["values"] = [[int(node), text] for node, text in snapshot.values.items()]
    return json.dumps(record, ensure_ascii=True).encode()


def from_json(data: bytes, node_count: int) -> dict[str, Any]:
    """The records by the name of the snapshot's field.

    Raises:
        DamagedError: a record is missing, is not of its type, or names an object that is not there.
    """
    try:
        record = json.loads(data)
        facts = {name: _decode(hint, record[name]) for name, hint in _RECORDS.items()}
        facts["values"] = dict(_decode(tuple[tuple[int, str], ...], record["values"]))
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
        raise DamagedError("is damaged: its facts are not what they should be") from error
    nodes = [*facts["values"], *(row.node for row in facts["modules"])]
    nodes += [node for row in facts["tasks"] for node in (row.node, row.coroutine)]
    if any(not -1 <= node < node_count for node in nodes):
        raise DamagedError("is damaged: a record names an object that is not there")
    return facts


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return value.item() if isinstance(value, np.generic) else value


def _decode(hint: Any, value: Any) -> Any:
    """``value``, which came from JSON, as what an annotation says; TypeError when it is not."""
    if hint is Any:
        return value
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:
        options = [option for option in arguments if option is not types.NoneType]
        return None if value is None and len(options) < len(arguments) else _decode(options[0], value)
    if origin is tuple:
        return _decode_tuple(arguments, value)
    if origin is dict:
        _demand(value, dict)
        return {key: _decode(arguments[1], item) for key, item in value.items()}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        _demand(value, dict)
        hints = typing.get_type_hints(hint)
        fields = [field.name for field in dataclasses.fields(hint)]
        return hint(**{name: _decode(hints[name], value[name]) for name in fields})
    if hint is float and type(value) is int:
        return float(value)
    _demand(value, hint)
    return value


def _decode_tuple(arguments: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    _demand(value, list)
    if arguments[-1] is ...:
        return tuple([_decode(arguments[0], item) for item in value])
    return tuple([_decode(kind, item) for kind, item in zip(arguments, value, strict=True)])


def _demand(value: Any, kind: type[Any]) -> None:
    if type(value) is not kind:
        raise TypeError(kind)
