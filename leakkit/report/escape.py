"""Makes the target's names harmless in each output: terminal, markdown, HTML.

A class or a key can be called anything: an ANSI sequence that retitles the terminal, a ``<script>`` tag, a
pipe that breaks a table, a right-to-left override that turns a line around.  Every string of a report goes
through one of these functions before it is printed.
"""

from __future__ import annotations

import html
import re
import unicodedata

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$!&])")
_MENTION = re.compile(r"(?<![\w`])@(?=\w)")
_LINK = re.compile(r"(?i)\b(https?|ftp|mailto|xmpp):|\bwww\.")


def one_line(text: str) -> str:
    r"""The text with control, format and surrogate characters written out (``\x1b``, ``\n``, ``\u202e``).

    What remains is one line that moves no cursor, reorders nothing and can be encoded as UTF-8.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_written_out(c) if unicodedata.category(c) in _HIDDEN_CATEGORIES else c for c in text)


def _written_out(character: str) -> str:
    code = ord(character)
    known = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    if known is not None:
        return known
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def lines_of(text: str) -> list[str]:
    """A text that leakkit itself wrote in several lines, each made harmless by :func:`one_line`."""
    return [one_line(line.expandtabs(4)) for line in text.split("\n")]


def markdown(text: str) -> str:
    """Plain text for markdown: no markup, HTML, mention, issue reference or automatic link takes effect."""
    escaped = _MARKDOWN_SPECIAL.sub(r"\\\1", one_line(text))
    # A mention or a bare address works without markup; an empty comment inside takes that away.
    escaped = _MENTION.sub("@<!-- -->", escaped)
    escaped = re.sub(r"\\#(?=\d)", r"\#<!-- -->", escaped)
    return _LINK.sub(lambda match: f"{match[0][:-1]}<!-- -->{match[0][-1]}", escaped)


def prose_parts(text: str) -> list[tuple[str, bool]]:
    """A sentence of leakkit's own, cut at its backticks: pieces, each with whether it is code."""
    pieces = re.split(r"`([^`\n]+)`", text)
    return [(piece, i % 2 == 1) for i, piece in enumerate(pieces) if piece]


def markdown_prose(text: str) -> str:
    """A sentence of leakkit's own for markdown; what stands in backticks stays code."""
    parts = prose_parts(text)
    return "".join(markdown_code(piece) if is_code else markdown(piece) for piece, is_code in parts)


def markdown_code(text: str, *, in_table: bool = False) -> str:
    """A code span, fenced by more backticks than the text has in a row; pipes are escaped in a table."""
    content = one_line(text)
    if in_table:
        # GFM splits cells before it reads code spans, and takes the backslash away again.
        content = content.replace("|", "\\|")
    fence = "`" * (_longest_backtick_run(content) + 1)
    pad = " " if content.startswith("`") or content.endswith("`") or not content.strip() else ""
    return f"{fence}{pad}{content}{pad}{fence}"


def markdown_block(lines: list[str], language: str = "text") -> list[str]:
    """A fenced code block of lines that are harmless already."""
    longest = max((_longest_backtick_run(line) for line in lines), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *lines, fence]


def _longest_backtick_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def html_text(text: str) -> str:
    """Text for HTML content and for attribute values in double or single quotes."""
    return html.escape(one_line(text), quote=True)


def html_prose(text: str) -> str:
    """A sentence of leakkit's own for HTML; backticks become code elements, a line break a ``<br>``."""
    pieces = []
    for piece, is_code in prose_parts(text):
        lines = "<br>".join(html_text(line) for line in piece.split("\n"))
        pieces.append(f"<code>{lines}</code>" if is_code else lines)
    return "".join(pieces)


def display_width(text: str) -> int:
    """Terminal columns that the text takes: wide East Asian characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
