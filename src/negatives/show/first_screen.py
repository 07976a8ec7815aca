"""The first screen of a report as a piece of HTML, for a notebook: the verdict and its figures."""

from __future__ import annotations

from markupsafe import Markup

from negatives.show.render import file, template
from negatives.show.writing import figures_of
from negatives.store.run import Run


def first_screen(run: Run) -> str:
    """What the report says first, with the styles it needs; it runs no script."""
    piece = template("first.html.j2").render(answer=figures_of(run)["answer"], heading="h2")
    whole = Markup('<div class="negatives-page"><style>{}</style>{}</div>')
    return str(whole.format(Markup(file("colours.css") + file("first.css")), Markup(piece)))
