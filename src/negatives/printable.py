"""Text from elsewhere made safe to print: no control characters, nothing that reorders a line.

A terminal obeys escape sequences (it moves the cursor, retitles the window, answers as if somebody
had typed), whoever sent them: an endpoint, a line of a data file, the name of a folder.
"""

from __future__ import annotations

import re
from typing import Final

_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and line feed
    "\u200e\u200f\u2028-\u202e\u2066-\u2069]"  # line breaks and marks that reorder what is read
)


def printable(text: str) -> str:
    """`text` with such characters written out, as JSON writes them: `\\u001b` for escape.

    So JSON stays the same JSON, and other text shows what was there.
    """
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
