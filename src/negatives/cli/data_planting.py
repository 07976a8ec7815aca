"""negatives data plant, negatives data canaries: plant what can be looked for later."""

from __future__ import annotations

from negatives.cli.data_options import NOTHING_SAID, DataOptions
from negatives.cli.output import OtherFolder, OutFolder


def plant(
    data: str,
    /,
    *,
    out: OutFolder,
    share: float = 0.1,
    seed: int = 0,
    reading: DataOptions = NOTHING_SAID,
) -> None:
    """Write DATA as a BEIR folder with unlabelled copies of some positives: known false negatives.

    Mine the folder, and `negatives audit RUN --planted` says what found them.

    Example:

        negatives data plant cranfield -o planted-cranfield

    Parameters
    ----------
    data
        The collection; see `negatives --help`.
    out
        The folder to make; it must not exist, or be empty.
    share
        Of the documents that are a positive of some query, above 0, at most 1.
    seed
        Which they are, and how they are changed.
    """
    from negatives import read
    from negatives.measure.plant import plant as grow

    planted, truth = grow(reading.load(data), seed, share)
    print(read.convert(planted, out))
    kinds = ", ".join(sorted(truth["kind"].unique()))
    print(f"planted: {truth['doc_id'].n_unique():,} documents ({kinds}), {len(truth):,} pairs")


def canaries(
    data: str,
    /,
    *,
    out: OutFolder,
    lists: OtherFolder,
    model: str,
    count: int = 40,
    tokens: int = 25,
    repeats: int = 10,
    seed: int = 0,
    reading: DataOptions = NOTHING_SAID,
) -> None:
    """Write DATA as a BEIR folder with sequences planted that nobody else would write.

    Who trains a language model on the folder can later be told by them. A local model writes
    twice as many as are planted; LISTS gets `planted.jsonl` and `unseen.jsonl`, to be kept to
    yourself, and `negatives audit LISTS/planted.jsonl --checks contamination` asks a model.

    Example:

        negatives data canaries cranfield -o marked --lists mine --model ./SmolLM2

    Parameters
    ----------
    data
        The collection; see `negatives --help`.
    out
        The folder to make; it must not exist, or be empty.
    lists
        The folder for the two lists, which must not exist, or be empty.
    model
        A causal language model that writes them, a folder or hub name with safetensors weights.
    count
        Sequences to plant, 10 or more, each into a document of its own.
    tokens
        Of each sequence, 8 or more.
    repeats
        How often each is written into its document. Few leave no trace in a large model.
    seed
        What is written, and where it is planted.
    """
    from negatives import read
    from negatives.cli.listen import listening
    from negatives.errors import InputError
    from negatives.machine import available_threads
    from negatives.measure.canaries import plant_canaries
    from negatives.models.causal_lm import CausalLM
    from negatives.read.convert import refuse_to_replace
    from negatives.store.atomic import writing_folder

    for folder in (out, lists):
        refuse_to_replace(folder)
    inner, outer = sorted((out.resolve(), lists.resolve()), reverse=True)
    if inner.is_relative_to(outer):
        raise InputError(
            "the lists would stand beside the texts that they are to be kept from",
            where=f"--out {out}, --lists {lists}",
            fix="name a folder for the lists that is not in the other, nor the other in it",
        )
    collection = reading.load(data)
    with listening() as emit:
        writer = CausalLM(model, threads=available_threads(), emit=emit)
        made = plant_canaries(
            collection, writer, count=count, tokens=tokens, repeats=repeats, seed=seed
        )
    with writing_folder(lists) as folder:  # there only once the other folder is
        made.planted.select(query="doc_id", positive="text").write_ndjson(folder / "planted.jsonl")
        made.unseen.rename({"doc_id": "_id"}).write_ndjson(folder / "unseen.jsonl")
        told = read.convert(made.collection, out)
    print(told)
    print(f"planted: {count:,} sequences, {repeats:,} times each; as many held out: {lists}")
