r"""The part of PostgreSQL's regular expressions that RE2 understands alike.

Accepted: literals, the dot, anchors, groups, alternation, quantifiers, bracket
expressions of plain characters and ASCII ranges, ``\d``, escaped punctuation, and a
leading ``(?i)``. The rest (look-around, back-references, ``\w``, ``\m``, named
classes, ...) means something else in RE2, or nothing.
"""

import string

from cortical_cache.errors import InvalidQueryError

__all__ = ["translate"]

_MOST_REPEATS = 255  # PostgreSQL's own bound
_CONTROL = {"n": "\\n", "t": "\\t", "r": "\\r"}
_LETTERS = frozenset(string.ascii_letters)
_ALNUM = frozenset(string.ascii_letters + string.digits)
_DIGITS = frozenset(string.digits)


class _UnsharedError(Exception):
    """The pattern uses what RE2 does not share."""


def translate(pattern: str) -> str | None:
    """Return the RE2 pattern that matches the same texts.

    Parameters
    ----------
    pattern : str
        A PostgreSQL advanced regular expression.

    Returns
    -------
    str or None
        None if it uses what RE2 does not share.

    Raises
    ------
    InvalidQueryError
        For a pattern that PostgreSQL refuses.
    """
    try:
        return _Reader(pattern).read()
    except _UnsharedError:
        return None


class _Reader:
    """Reads a pattern once, from left to right, and writes the RE2 pattern."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._rest = pattern
        self._ignore_case = False

    def read(self) -> str:
        if self._rest.startswith("***"):
            raise _UnsharedError
        if self._rest.startswith("(?i)"):
            self._rest = self._rest[4:]
            self._ignore_case = True
        found = self._branches()
        if self._rest:
            raise self._invalid("parentheses are not balanced")
        return found

    def _branches(self) -> str:
        found: list[str] = []
        may_repeat = False  # nothing to repeat at the start, after | and after ^
        while self._rest and self._rest[0] != ")":
            char = self._take()
            if char in "*+?" or (char == "{" and self._rest[:1] in _DIGITS):
                if not may_repeat:
                    raise self._invalid(f"there is nothing for {char!r} to repeat")
                found.append(self._repeat(char))
                may_repeat = False
                continue
            found.append(self._atom(char))
            may_repeat = char not in "|^"
            if char == "$" and self._rest[:1] in set("*+?{"):
                raise _UnsharedError
        return "".join(found)

    def _atom(self, char: str) -> str:
        match char:
            case "|" | "^" | "$" | ".":
                return char
            case "(":
                return self._group()
            case "[":
                return self._bracket()
            case "\\":
                return self._escape()
            case _:
                return self._literal(char)

    def _group(self) -> str:
        if self._rest.startswith("?:"):
            self._rest = self._rest[2:]
        elif self._rest.startswith("?"):
            raise _UnsharedError
        inside = self._branches()
        if not self._rest:
            raise self._invalid("parentheses are not balanced")
        self._take()
        return f"(?:{inside})"

    def _repeat(self, char: str) -> str:
        if char == "{":
            inside, closed, rest = self._rest.partition("}")
            low, comma, high = inside.partition(",")
            numbers = [low, high] if high else [low]
            if not closed or not all(_DIGITS.issuperset(one) for one in numbers):
                raise self._invalid("a repeat count is no number")
            counts = [int(one) for one in numbers]
            if sorted(counts) != counts or counts[-1] > _MOST_REPEATS:
                raise self._invalid("a repeat count is out of range")
            self._rest = rest
            char = f"{{{low}{comma}{high}}}"
        if self._rest.startswith("?"):  # as few as possible: the same texts match
            self._take()
        return char

    def _escape(self) -> str:
        if not self._rest:
            raise self._invalid("it ends in a backslash")
        char = self._take()
        if char == "d":
            return "[0-9]"
        if char in _CONTROL:
            return _CONTROL[char]
        if char in _ALNUM or not char.isascii():
            raise _UnsharedError
        return self._literal(char)

    def _literal(self, char: str) -> str:
        if self._ignore_case and char in _LETTERS:
            return f"[{char.lower()}{char.upper()}]"
        if self._ignore_case and not char.isascii():
            raise _UnsharedError  # the server's locale decides what case it has
        return char if char in _ALNUM or not char.isascii() else f"\\x{ord(char):02x}"

    def _bracket(self) -> str:
        negated = self._rest.startswith("^")
        if negated:
            self._take()
        members: set[str] = set()
        first = True
        while True:
            if not self._rest:
                raise self._invalid("brackets are not balanced")
            char = self._take()
            if char == "]" and not first:
                break
            first = False
            members |= self._member(char)
        if self._ignore_case:
            members |= {one.swapcase() for one in members if one in _LETTERS}
        if self._ignore_case and not all(one.isascii() for one in members):
            raise _UnsharedError
        inside = "".join(f"\\x{{{ord(one):x}}}" for one in sorted(members))
        return f"[{'^' if negated else ''}{inside}]"

    def _member(self, char: str) -> set[str]:
        if char == "[" and self._rest[:1] in set(":.="):
            raise _UnsharedError
        if char == "\\":
            escaped = self._take() if self._rest else ""
            if escaped == "d":
                return set(_DIGITS)
            if not escaped or escaped in _ALNUM or not escaped.isascii():
                raise _UnsharedError
            return {escaped}
        if self._rest.startswith("-") and self._rest[1:2] not in ("]", ""):
            self._take()
            last = self._take()
            if char not in _ALNUM or last not in _ALNUM:
                raise _UnsharedError
            if last < char:
                raise self._invalid(f"the range {char}-{last} is backwards")
            return {chr(code) for code in range(ord(char), ord(last) + 1)}
        return {char}

    def _take(self) -> str:
        char, self._rest = self._rest[0], self._rest[1:]
        return char

    def _invalid(self, reason: str) -> InvalidQueryError:
        return InvalidQueryError(
            f"{self._pattern!r} is no regular expression: {reason}"
        )
