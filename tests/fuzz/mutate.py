"""Change an input a little: its bytes, or where it is JSON the tree that it stands for.

Bytes alone hardly get past a JSON parser; a changed tree always does.
"""

import json
import random
from collections.abc import Sequence

_ODD = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**63,
    -(2**63) - 1,
    2**200,
    0.5,
    -0.0,
    1e308,
    float("nan"),
    float("inf"),
    "",
    ".",
    "..",
    "../../x",
    "%2e%2e/x",
    "gs://other/x",
    "\0",
    "\x1b[2J",
    "' OR 1=1 --",
    '"; DROP TABLE t; --',
    "\ud800",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "x" * 300,
    [],
    {},
    [[]],
    [None],
    {"": None},
)


def mutated(data: bytes, seed: int) -> bytes:
    """Return the input with one to four changes; the seed decides which."""
    dice = random.Random(seed)  # noqa: S311  nothing secret
    for _ in range(dice.randint(1, 4)):
        data = _tree(data, dice) if dice.random() < 0.6 else _bytes(data, dice)
    return data


def in_tree(data: bytes, seed: int) -> bytes:
    """Return JSON with one to four nodes changed; what is no JSON stays."""
    dice = random.Random(seed)  # noqa: S311  nothing secret
    for _ in range(dice.randint(1, 4)):
        data = _tree(data, dice)
    return data


def in_words(data: bytes, seed: int, words: Sequence[bytes]) -> bytes:
    """Return words, apart by NUL, with one to four of them changed."""
    dice = random.Random(seed)  # noqa: S311  nothing secret
    found = data.split(b"\0")
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(found) + 1)
        some = dice.choice(words)
        match dice.randrange(5):
            case 0:
                found[at : at + 1] = []
            case 1:
                found[at : at + 1] = [_bytes(some, dice)]
            case 2:
                found[at : at + 1] = [some]
            case 3:
                found.insert(at, some)
            case _:
                found[at : at + 1] = [b"".join(found[at : at + 1]) + b"=" + some]
    return b"\0".join(found)


def _tree(data: bytes, dice: random.Random) -> bytes:
    """Change one node of one of the documents, which NUL or a line end sets apart."""
    for mark in (b"\0", b"\n"):
        if mark in data:
            parts = data.split(mark)
            at = dice.randrange(len(parts))
            parts[at] = _tree(parts[at], dice)
            return mark.join(parts)
    try:
        root = [json.loads(data)]
    except (ValueError, RecursionError):
        return data
    holders: list[tuple[list | dict, object]] = []
    _walk(root, holders)
    holder, key = dice.choice(holders)
    other, where = dice.choice(holders)
    match dice.randrange(6):
        case 0 | 1:
            holder[key] = dice.choice(_ODD)
        case 2:
            holder[key] = json.loads(json.dumps(other[where]))
        case 3:
            holder[key] = [holder[key]]
        case 4 if holder is not root:
            del holder[key]
        case _ if isinstance(holder[key], int):
            holder[key] += dice.choice((-1, 1, 2**32))
        case _ if isinstance(holder[key], dict):
            holder[key][str(dice.choice(_ODD))] = dice.choice(_ODD)
        case _:
            holder[key] = str(holder[key]) + str(dice.choice(_ODD))
    return json.dumps(root[0] if root else None, separators=(",", ":")).encode()


def _walk(node: list | dict, found: list[tuple[list | dict, object]]) -> None:
    keys = range(len(node)) if isinstance(node, list) else [*node]
    for key in keys:
        found.append((node, key))
        if isinstance(node[key], list | dict):
            _walk(node[key], found)


def _bytes(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data) + 1)
    size = dice.choice((1, 1, 1, 2, 4, 8, 64))
    match dice.randrange(4):
        case 0:
            return data[:at] + dice.randbytes(size) + data[at + size :]
        case 1:
            return data[:at] + data[at + size :]
        case 2:
            return data[:at] + data[at : at + size] * 2 + data[at + size :]
        case _:
            return data[:at] + dice.randbytes(size) + data[at:]
