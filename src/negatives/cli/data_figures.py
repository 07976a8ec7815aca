"""negatives data figures: figures of geometry with right and wrong descriptions."""

from __future__ import annotations

from negatives.cli.output import OutFolder


def figures(
    *, out: OutFolder, families: int = 400, wrong: int = 3, size: int = 96, seed: int = 0
) -> None:
    """Draw figures of geometry, each with others that are wrong in one fact, as captioned images.

    Descriptions have wrong figures, and figures wrong descriptions: judged negatives of both sides.

    Example:

        negatives data figures -o figures

    Parameters
    ----------
    out
        The folder to make; it must not exist, or be empty.
    families
        Figures that are right; three of four are for training, the others for dev and test.
    wrong
        Wrong ones of each: by another shape, another order of letters, another number.
    size
        Pixels of their height and width.
    seed
        Which they are.
    """
    from negatives.make.figures import Figures
    from negatives.read.convert import refuse_to_replace

    refuse_to_replace(out)
    made = Figures(families=families, wrong=wrong, size=size).write(out, seed=seed)
    print(out)
    print(", ".join(f"{count:,} figures in {split}" for split, count in made.items()))
