"""What a language model might have said in a text's place, token by token.

At each place of a text one token is drawn from what the model holds probable there, after the
text's own tokens and not after what was drawn before (the fast sampling of Bao et al. 2024,
"Fast-DetectGPT"): one pass over the text serves any number of draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from negatives.arrays import Floats
from negatives.chance import id_hashes, mix, stream_key, uniforms
from negatives.events import Progress
from negatives.models.causal_lm import CausalLM
from negatives.optional import torch


def drawn_tokens(
    model: CausalLM, texts: Sequence[str], tokens: int, draws: int, seed: int
) -> Iterator[tuple[Floats, Floats]]:
    """Of each text, which has at least so many tokens, the log-probabilities of its last ones.

    float32[tokens] of the text's own, float32[draws, tokens] of drawn ones. The draws depend on the
    seed and the text alone.
    """
    numbers = np.arange(draws * tokens, dtype=np.uint64)
    key = stream_key(seed, "audit/drawn-tokens")
    hashes = id_hashes(pl.Series(texts))
    for done, (text, number) in enumerate(zip(texts, hashes, strict=True), start=1):
        model.emit(Progress("draw", done, len(texts), "texts"))
        at = uniforms(mix(numbers ^ number), key).reshape(tokens, draws)
        points = torch.from_numpy(at).to(model.device)
        read = model.item("", text).tokens
        given, mask = model.padded([read[:-1]])
        logits = model.read(given, mask, keep=tokens, cached=False).logits[0, -tokens:]
        said = logits.double().log_softmax(-1)
        # The last token takes what rounding leaves of the unit.
        sums = said.exp().cumsum(-1)
        chosen = torch.searchsorted(sums, points * sums[:, -1:]).clamp(max=said.shape[1] - 1)
        own = said.gather(1, torch.tensor(read[-tokens:], device=said.device)[:, None])[:, 0]
        drawn = said.gather(1, chosen).T.contiguous()
        yield own.float().cpu().numpy(), drawn.float().cpu().numpy()
