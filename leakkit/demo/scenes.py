"""The two leaks that the demonstration shows, and what the clients do to bring each about."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scene:
    """One leak: a server, its load, and which variant of the server applies which fix."""

    title: str
    server: str
    """File in this folder."""
    connections: int
    size: int
    """The server's last argument: rows of an answer, or bytes of a payload."""
    rounds: tuple[str, ...]
    """Commands for the clients; a snapshot is taken after each."""
    fixes: tuple[str, ...]
    """Fix ids for which the server has a variant of that name; the first is the default."""


def scenes(*, quick: bool) -> tuple[Scene, ...]:
    """The idle-payload leak and the cyclic-payload leak.

    Args:
        quick: a smaller load, of about 150 MB instead of 800.
    """
    connections = 60 if quick else 200
    steps = [connections * part // 3 for part in (1, 2, 3)]
    return (
        Scene(
            title="idle connections",
            server="idle_server.py",
            connections=connections,
            size=400 if quick else 640,
            rounds=tuple(f"CONNECT {number}" for number in steps),
            fixes=("hibernate", "isolate"),
        ),
        Scene(
            title="cyclic answers",
            server="cyclic_server.py",
            connections=connections,
            size=250_000 if quick else 500_000,
            rounds=(f"CONNECT {connections}", *([f"ASK {4 if quick else 2}"] * 3)),
            fixes=("collect",),
        ),
    )
