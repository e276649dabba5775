"""Names a finding the same way in every run: no addresses, indexes or line numbers, as Shark's leak signatures."""

from __future__ import annotations

import hashlib
import re

_INDEX = re.compile(r"\[(?:\d+|\*)\]|#\d+|0x[0-9a-fA-F]+")


def fingerprint(*parts: str) -> str:
    """Sixteen hex digits over the parts, blind to indexes and addresses in them."""
    text = "\x1f".join(_INDEX.sub("[*]", part) for part in parts)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
