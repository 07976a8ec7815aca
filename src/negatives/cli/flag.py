"""An option that is given or not: no --no- form, and nothing said of its default."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

Flag = Annotated[bool, Parameter(negative="", show_default=False)]
Quiet = Annotated[bool, Parameter(name=("--quiet", "-q"), negative="", show_default=False)]
