"""Names that come from a server or a bucket are not trusted until looked at."""

__all__ = ["check_name"]

_LONGEST = 200


def check_name(name: object, what: str) -> str:
    """Return the name of a table, view or column if it may be used as one.

    A name becomes part of a path, of SQL (quoted), and of what a terminal shows.

    Parameters
    ----------
    name : object
    what : str
        What has it, for the message.

    Raises
    ------
    ValueError
        If it is no text, empty, longer than 200 characters, has a slash, backslash or
        a character that cannot be shown, or is ``.`` or ``..``.
    """
    if not isinstance(name, str):
        raise ValueError(f"the name of a {what} is no text")  # noqa: TRY004  what came
    if (
        not 0 < len(name) <= _LONGEST
        or name in {".", ".."}
        or not name.isprintable()
        or "/" in name
        or "\\" in name
    ):
        raise ValueError(f"a {what} is named {name[:80]!r}")
    return name
