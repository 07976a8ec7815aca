"""What the machine refuses (space, memory, open files, permission), as errors of this library.

The operating system, numpy, polars, safetensors and torch each tell of it in their own way. Here
is the one table of what that means to a user; `None` says that an error is of another kind.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import Final

from negatives.cache_folder import VARIABLE, in_cache
from negatives.errors import DiskFull, InputError, NegativesError, WorkError

AGAIN: Final = "run the same command again: finished parts are kept"

_CODE: Final = re.compile(r"\(os error (\d+)\)|\[Errno (\d+)\]|Os \{ code: (\d+)")
"""How Rust and Python write the operating system's number of an error into a text."""
_SHORT_WRITE: Final = re.compile(
    r"^\d+ requested and \d+ written$|inline_container\.cc:\d+\] \. unexpected pos \d+ vs \d+"
)
"""How numpy tells of a full disk, counting the items of an array that it wrote; and torch."""
_NO_MEMORY: Final = re.compile(r"can't allocate memory|bad allocation|std::bad_alloc|out of memory")
_CIRCLE: Final = "Symlink loop from "
"""How Python before 3.13 tells of links that lead to each other, in place of an `OSError`."""
_NO_THREAD: Final = "can't start new thread"

NO_SPACE: Final = "no space left on the disk"
FREE: Final = "free some space"
_FULL: Final = {
    errno.ENOSPC: (NO_SPACE, FREE, ""),
    errno.EDQUOT: ("the disk quota is used up", FREE, ""),
    errno.EFBIG: (
        "the file would be larger than a file may be here",
        "raise the limit (ulimit -f unlimited)",
        ", or choose another disk,",
    ),
}
_SPENT: Final = {
    errno.EMFILE: ("too many files are open", f"raise the limit (ulimit -n 1024) and {AGAIN}"),
    errno.ENFILE: ("too many files are open on this machine", f"close some and {AGAIN}"),
    errno.ENOMEM: ("there is not enough memory", ""),
}
_WRONG: Final = {
    errno.EACCES: ("no permission to {do}", "choose another place, or change its permissions"),
    errno.EPERM: ("no permission to {do}", "choose another place, or change its permissions"),
    errno.EROFS: ("no permission to {do}: the file system is read-only", "choose another place"),
    errno.ENAMETOOLONG: ("cannot {do}: the name is too long", "choose a shorter one"),
    errno.ENOTDIR: ("cannot {do}: a part of the path is a file, not a folder", "check the path"),
    errno.EISDIR: ("cannot {do}: this is a folder, not a file", "check the path"),
    errno.ENOTEMPTY: ("cannot {do}: the folder is not empty", "choose another name"),
    errno.EEXIST: (
        "cannot {do}: what is there is no folder, or is not empty",
        "choose another name",
    ),
    errno.ELOOP: ("cannot {do}: the path is a circle of symbolic links", "check the path"),
}
_GONE: Final = (errno.ENOENT, errno.ENXIO, errno.ENODEV)
MEMORY_MEND: Final = f"give less --memory, fewer --threads or a larger machine, and {AGAIN}"


def refused(
    error: BaseException,
    where: str | Path = "",
    *,
    wrong: type[InputError] | None = None,
    do: str = "read or write",
) -> NegativesError | None:
    """What `error` says that the machine refuses, or None where it says nothing of the sort.

    `wrong`: the class for what the path itself is to blame for, a missing folder above it among
    that; without it a missing file is a failure of the work, since nobody knows who named it.
    """
    text = str(error)
    if isinstance(error, MemoryError) or _NO_MEMORY.search(text):
        return WorkError("there is not enough memory", where=str(where), fix=MEMORY_MEND)
    if isinstance(error, RuntimeError) and _NO_THREAD in text:
        return WorkError(
            "no more threads can be started",
            where=str(where),
            fix=f"give fewer --threads, or raise the limit (ulimit -u), and {AGAIN}",
        )
    if isinstance(error, ConnectionError | TimeoutError):
        return None  # of a service, not of this machine
    code = errno.ENOSPC if _SHORT_WRITE.search(text) else _number(error, text)
    if code is None:
        return None
    place = str(where) or str(getattr(error, "filename", None) or "")
    if not place and text.startswith(_CIRCLE):
        place = text.removeprefix(_CIRCLE).strip("'")
    if code == errno.EEXIST and _in_a_file(Path(place)):
        code = errno.ENOTDIR
    if code == errno.EEXIST and _in_a_circle(Path(place)):
        code = errno.ELOOP
    if code in _FULL:
        return disk_full(place, *_FULL[code])
    if code in _SPENT:
        what, fix = _SPENT[code]
        return WorkError(what, where=place, fix=fix or MEMORY_MEND)
    if code in _WRONG:
        what, fix = _WRONG[code]
        return (wrong or InputError)(what.format(do=do), where=place, fix=fix)
    named = str(getattr(error, "filename", None) or "") == place or Path(place).name in text
    blamed = named or not Path(place).parent.is_dir()
    if code in _GONE and wrong is not None and blamed:
        return wrong(f"cannot {do}: {os.strerror(code)}", where=place, fix="check the path")
    if code in _GONE:
        return WorkError(f"a file that was needed is gone: {text}", where=str(where), fix=AGAIN)
    return WorkError(f"cannot {do}: {os.strerror(code)}", where=place, fix=AGAIN)


def disk_full(place: str, what: str = NO_SPACE, mend: str = FREE, elsewhere: str = "") -> DiskFull:
    """The error of a disk that takes no more at a place; of the cache it says how to move it."""
    if place and in_cache(Path(place)):
        elsewhere = f", or set {VARIABLE} to a folder on another disk,"
    return DiskFull(what, where=place, fix=f"{mend}{elsewhere} and {AGAIN}")


def raise_spent(error: BaseException) -> None:
    """Raise what the machine has run out of: memory, open files, space. Else do nothing.

    For those who explain whatever goes wrong with a file or a library by that file or library.
    """
    number = _number(error, str(error))
    found = refused(error)
    if found is not None and (number is None or number in (*_FULL, *_SPENT)):
        raise found from None


def blames_input(error: BaseException) -> bool:
    """Whether the input or the command is what `error` blames, and not the work."""
    return isinstance(error if isinstance(error, NegativesError) else refused(error), InputError)


def _in_a_file(path: Path) -> bool:
    """Whether a path goes on below a file, or is one: of either a folder cannot be made."""
    return any(above.is_file() for above in (path, *path.parents))


def _in_a_circle(path: Path) -> bool:
    """Whether a path, or a part of it, is a link that leads back to itself."""
    for above in (path, *path.parents):
        try:
            above.stat()
        except OSError as error:
            if error.errno == errno.ELOOP:
                return True
    return False


def _number(error: BaseException, text: str) -> int | None:
    """The operating system's number of an error, from its attribute or its text."""
    number = getattr(error, "errno", None)
    if isinstance(number, int) and number > 0:
        return number
    if isinstance(error, RuntimeError) and text.startswith(_CIRCLE):
        return errno.ELOOP
    found = _CODE.search(text)
    return int(found[1] or found[2] or found[3]) if found else None
