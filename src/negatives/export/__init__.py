"""Every format out: the negatives of a run, as the trainers and tools of the field read them.

`FORMATS` names the formats, `export` writes one of them. The rows of a format are made in the file
of its family; the bytes of a file type in `files`.
"""

from __future__ import annotations

from negatives.export.export import FORMATS as FORMATS
from negatives.export.export import export as export

__all__ = ["FORMATS", "export"]
