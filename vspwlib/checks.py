"""Checks on what users and callers hand in, with one message form.

Every message reads ``what: expected X, got Y (where). Fix: …`` so that it can be acted on without opening the source.
"""

import errno
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn


class InputError(ValueError):
    """Input that a user can mend: a path, a file, an option. The command line prints it and exits with code 2.

    Args:
        message: The whole message.
        expected: What would have been right, for those who lay the message out anew; empty where nobody says.
        got: What came instead.
        fix: What to do about it.
    """

    def __init__(self, message: str, *, expected: str = "", got: str = "", fix: str = "") -> None:
        super().__init__(message)
        self.expected, self.got, self.fix = expected, got, fix


def fail(what: str, *, expected: object, got: object, where: object = "", fix: str = "") -> NoReturn:
    """Raise :class:`InputError` in the house form.

    Args:
        what: The thing that is wrong, as the user knows it ("mask", "--data").
        expected: What would have been right.
        got: What came instead.
        where: File, video, frame or option in which it was found.
        fix: What to do about it, as an instruction.

    Raises:
        InputError: always.

    >>> fail("mask", expected="one channel", got="3 channels", where="a.png", fix="re-save it as a palette PNG.")
    Traceback (most recent call last):
    ...
    vspwlib.checks.InputError: mask: expected one channel, got 3 channels (a.png). Fix: re-save it as a palette PNG.
    """
    place = f" ({where})" if str(where) else ""
    mend = f". Fix: {fix}" if fix else "."
    text = f"{what}: expected {expected}, got {got}{place}{mend}"
    raise InputError(text, expected=str(expected), got=str(got), fix=fix)


def require(condition: bool, what: str, *, expected: object, got: object, where: object = "", fix: str = "") -> None:
    """Raise :class:`InputError` in the house form unless ``condition`` holds."""
    if not condition:
        fail(what, expected=expected, got=got, where=where, fix=fix)


#: What the system says when there is no more room to write: disk, quota, or the length that a file may have.
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def reading(what: str, *, expected: object, where: object = "", fix: str = "") -> Iterator[None]:
    """Turn whatever goes wrong while parsed JSON becomes something into one message.

    >>> with reading("curve", expected="one score a tau"):
    ...     {}["best"]
    Traceback (most recent call last):
    ...
    vspwlib.checks.InputError: curve: expected one score a tau, got KeyError('best').
    """
    try:
        yield
    except InputError:
        raise
    except (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError) as error:
        fail(what, expected=expected, got=repr(error), where=where, fix=fix)


def check_choice(what: str, value: str, choices: Iterable[str], *, where: object = "") -> str:
    """Return ``value`` when it is one of ``choices``; otherwise name the nearest choice.

    >>> check_choice("profile", "camvd", ["mini", "camvid"])
    Traceback (most recent call last):
    ...
    vspwlib.checks.InputError: profile: expected one of camvid, mini, got 'camvd'. Fix: did you mean 'camvid'?
    """
    known = sorted(choices)
    if value not in known:
        near = get_close_matches(value, known, n=1)
        fix = f"did you mean '{near[0]}'?" if near else "choose one of those."
        fail(what, expected=f"one of {', '.join(known)}", got=repr(value), where=where, fix=fix)
    return value


def check_range(
    what: str, value: float, low: float | None = None, high: float | None = None, *, where: object = ""
) -> None:
    """Require ``low <= value <= high`` (either bound may be open with ``None``); NaN never passes."""
    above = low is None or value >= low
    below = high is None or value <= high
    if not (above and below):
        span = f"{'-inf' if low is None else low} to {'inf' if high is None else high}"
        fail(what, expected=span, got=value, where=where)


def check_ratios(what: str, values: Collection[float], high: float, *, where: object = "") -> None:
    """Require one or more different numbers above 0 and up to ``high``; NaN never passes.

    >>> check_ratios("scales", (1.0, 1.0), 4)
    Traceback (most recent call last):
    ...
    vspwlib.checks.InputError: scales: expected different ratios above 0 and up to 4, at least one, got (1.0, 1.0).
    """
    fits = 0 < len(values) == len({*values}) and all(0 < value <= high for value in values)
    expected = f"different ratios above 0 and up to {high:g}, at least one"
    require(fits, what, expected=expected, got=tuple(values), where=where)


def check_shape(what: str, shape: Collection[int], expected: tuple[int | str, ...], *, where: object = "") -> None:
    """Require a shape; letters in ``expected`` match any size, the same letter the same size.

    >>> check_shape("masks", (2, 4, 5), ("T", "H", "W"))
    >>> check_shape("masks", (4, 5), ("T", "H", "W"))
    Traceback (most recent call last):
    ...
    vspwlib.checks.InputError: masks: expected shape (T, H, W), got (4, 5).
    """
    bound: dict[str, int] = {}
    fits = len(shape) == len(expected)
    for size, want in zip(shape, expected, strict=False):
        fits &= size == (bound.setdefault(want, size) if isinstance(want, str) else want)
    require(fits, what, expected=f"shape ({', '.join(map(str, expected))})", got=tuple(shape), where=where)


def check_name(what: str, name: str) -> str:
    """Return a name that can be a folder's, and that no command reads as an option or a path.

    Raises:
        InputError: it is empty, begins with a dash or a dot, or holds a separator, an outer space or a line break.

    >>> check_name("--name", "../best")
    Traceback (most recent call last):
    ...
    vspwlib.checks.InputError: --name: expected a name that can be a folder's, got '../best'. Fix: begin with a letter.
    """
    fit = Path(name).name == name == name.strip() and name[:1] not in {"", "-", "."} and name.isprintable()
    require(fit, what, expected="a name that can be a folder's", got=repr(name), fix="begin with a letter.")
    return name


def check_folder(what: str, path: str | Path, *, fix: str = "") -> Path:
    """Return ``path`` as a :class:`~pathlib.Path` when it is an existing folder."""
    folder = Path(path).expanduser()
    if not folder.is_dir():
        got = "a file" if folder.exists() else "nothing there"
        fail(what, expected="an existing folder", got=got, where=folder, fix=fix or "check the path.")
    return folder


def check_keys(what: str, mapping: object, required: Iterable[str], *, where: object = "", fix: str = "") -> None:
    """Require a mapping with every key of ``required``, and name those that are missing."""
    wanted = list(required)
    if not isinstance(mapping, Mapping):
        fail(what, expected=f"keys {', '.join(wanted)}", got=type(mapping).__name__, where=where, fix=fix)
    missing = [key for key in wanted if key not in mapping]
    require(
        not missing, what, expected=f"keys {', '.join(wanted)}", got=f"no {', '.join(missing)}", where=where, fix=fix
    )
