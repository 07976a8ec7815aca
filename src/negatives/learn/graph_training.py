"""The trainer of models of knowledge graphs: PyKEEN's models, by name."""

from __future__ import annotations

from typing import Any, ClassVar

from negatives.errors import RecipeError
from negatives.learn.graph.settings import GraphSettings
from negatives.learn.loss import ListLoss, Loss
from negatives.learn.settings import Whole
from negatives.schema import Needs

QUESTIONS = Needs(
    queries=("entity", "relation", "asks"),
    instead="models of knowledge graphs learn from triples: a file or a folder of them",
)


class GraphTraining(GraphSettings, kind="kg"):
    """Train a model of a knowledge graph, by its name in PyKEEN (TransE, RotatE, ComplEx, ...).

    Where all sources of the recipe can be drawn from at every step (`random`, `bernoulli`, `typed`,
    `same-cluster`), nothing is mined: each triple is corrupted anew every time. Else, and of a run,
    the negatives of the run are drawn from. No known triple is ever a negative. The loss is one
    over lists: the triple before its corruptions.

    >>> from negatives.learn.graph_training import GraphTraining
    >>> training = GraphTraining(architecture="RotatE", dim=32)
    >>> training.peak, training.encodes, training.needs.queries
    (0.01, False, ('entity', 'relation', 'asks'))
    """

    rate: ClassVar[float] = 1e-2
    usual_loss: ClassVar[str] = "softmax-list"
    usual_recipe: ClassVar[str] = "self-adversarial"
    loaded_by: ClassVar[str] = ""
    task: ClassVar[str] = "graph-ml"
    of_negatives: ClassVar[tuple[str, ...]] = ("negatives", "mix", "known_draws")
    weighs_rows: ClassVar[bool] = False
    encodes: ClassVar[bool] = False
    reads_texts: ClassVar[bool] = False

    @property
    def needs(self) -> Needs:
        """Questions of a knowledge graph."""
        return QUESTIONS

    def check(self) -> None:
        """There is something to tell true triples from."""
        super().check()
        if not self.negatives:
            raise RecipeError(
                "a model learns nothing from triples alone: every score would rise",
                where="train.negatives = 0",
                fix="set train.negatives=16",
            )

    def kind_for(self, model: str) -> str:
        """Itself, whatever is named."""
        return self.kind

    def refuse(self, loss: Loss) -> None:
        """Only the scores of a triple and its corruptions are there."""
        if not isinstance(loss, ListLoss) or loss.needs_labels or loss.needs_guide:
            raise RecipeError(
                f"the loss {loss.kind!r} needs more than scores of a triple and its corruptions",
                where="learn.kind",
                fix="take self-adversarial, softmax-list or pointwise",
            )

    def teach(self, whole: Whole) -> dict[str, Any]:
        """Train, write the model, and measure it on the other splits."""
        from negatives.learn.graph.teaching import teach

        return teach(self, whole)
