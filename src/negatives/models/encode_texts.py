"""Encoding as a pass: chunks of texts to vectors, by an encoder that other processes open again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from negatives.events import Emit, Event, Progress
from negatives.models.encoder import Encoded, Encoder, reading, sides

OpenAgain = Callable[[Emit], Encoder]
"""Opens an encoder in another process; it can be pickled."""
Numbered = tuple[int, list[str]]


@dataclass(frozen=True, slots=True)
class EncodeTexts:
    """Encodes a chunk of texts; `heard` is what an encoder says whom nobody hears at once."""

    encoder: Encoder
    again: OpenAgain | None
    of_docs: bool
    content: str
    heard: list[Event] = field(default_factory=list)

    def __reduce__(self) -> tuple[object, ...]:
        return _opened_again, (self.again, self.of_docs, self.content)

    def __call__(self, chunk: Numbered) -> tuple[int, Encoded, list[Event]]:
        """The number of the chunk, its vectors, and what was said meanwhile."""
        number, texts = chunk
        self.heard.clear()
        made = self.encoder.encode(texts)
        return number, made, list(self.heard)


def _opened_again(again: OpenAgain, of_docs: bool, content: str) -> EncodeTexts:
    heard: list[Event] = []

    def keep(event: Event) -> None:
        if not isinstance(event, Progress):
            heard.append(event)

    encoder = reading(sides(again(keep))[of_docs], content)
    return EncodeTexts(encoder, again, of_docs, content, heard)
