"""The libraries beneath tell nothing on their own: no bars, no warnings meant for programmers.

What a user should know is an event of this library, or an error.
"""

from __future__ import annotations

import logging
from typing import Final

from negatives.optional import require

_TALKATIVE: Final = ("sentence_transformers", "transformers", "huggingface_hub", "datasets")


def hush() -> None:
    """Silence sentence-transformers and what it stands on, for this process."""
    told = require("transformers.utils.logging", extra="train")
    told.set_verbosity_error()
    told.disable_progress_bar()
    require("huggingface_hub.utils", extra="train").disable_progress_bars()
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)
