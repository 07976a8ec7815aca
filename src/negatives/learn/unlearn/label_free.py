"""Forgetting without labels: representations of what is forgotten, pushed off what is kept.

Shen et al. 2024, Label-Agnostic Forgetting (LAF): with g0 the extractor as it was, g the one that
learns, and two small variational autoencoders of g0's representations, h of what is kept and h_f of
what is forgotten,

    extractor   mean_R rec_h(g(x)) + mean_F max(0, floor - rec_hf(g(x)))
    alignment   -mean_R log( e^{s(g(x), g0(x)) / t} / (e^{s(g(x), g0(x)) / t}
                                                       + sum_F e^{s(g(x), g0(f)) / t}) ), s = cosine

in turn. What is to be forgotten becomes badly reconstructed, and serves as the negatives of the
contrast that holds the rest where it was. A reconstruction: the paper's minus is bounded here by a
`floor`, since a reconstruction error without bound grows for ever. Where what is forgotten is like
what is kept, the contrast tears the rest apart; and a head on top knows nothing of the change until
it is trained on some kept items that have labels.
"""

from __future__ import annotations

from typing import Any

from negatives.errors import DataError, InputError, WorkError
from negatives.optional import Tensor, torch


def alignment(now: Tensor, before: Tensor, forgotten: Tensor, temperature: float = 0.5) -> Tensor:
    """float: how far kept items have left their places, against those of the forgotten ones.

    now, before: float[kept, dim] of the extractor that learns and as it was; forgotten:
    float[forgotten, dim] as it was. 0 where nothing is forgotten.

    >>> import torch
    >>> from negatives.learn.unlearn.label_free import alignment
    >>> eye = torch.eye(5)
    >>> round(alignment(eye[:1], eye[:1], eye[1:]).item(), 6)
    0.432653
    """
    if not temperature > 0:
        raise InputError(f"a temperature of {temperature:g}", where="temperature", fix="above 0")
    if now.shape != before.shape or now.shape[1:] != forgotten.shape[1:]:
        raise DataError(
            f"representations of shape {tuple(now.shape)}, before {tuple(before.shape)}, and of "
            f"the forgotten {tuple(forgotten.shape)}",
            fix="give those of the same kept items, now and before, and as wide ones of the others",
        )
    unit = torch.nn.functional.normalize
    now, before, forgotten = unit(now), unit(before.detach()), unit(forgotten.detach())
    own = (now * before).sum(-1, keepdim=True)
    logits = torch.cat([own, now @ forgotten.T], 1) / temperature
    return -logits.log_softmax(1)[:, 0].mean()


class Autoencoder:
    """A small variational autoencoder of vectors: `error` says how badly it knows some.

    Fitted once, on float[rows, dim] that stand still; rows are scaled to unit variance.
    """

    def __init__(self, rows: Tensor, *, inner: int = 8, steps: int = 300, seed: int = 0) -> None:
        if len(rows) < 2:
            raise DataError(
                f"{len(rows)} representations to learn from", fix="give two or more, mostly many"
            )
        rows = rows.detach()
        self.mean, self.scale = rows.mean(0), rows.std().clamp(min=1e-6)
        dim, width = rows.shape[1], 4 * inner
        nn = torch.nn
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            torch.manual_seed(seed)
            self.encoder = nn.Sequential(
                nn.Linear(dim, width), nn.ReLU(), nn.Linear(width, 2 * inner)
            )
            self.decoder = nn.Sequential(nn.Linear(inner, width), nn.ReLU(), nn.Linear(width, dim))
            self._parts = nn.ModuleList([self.encoder, self.decoder]).to(rows)
            optimiser = torch.optim.Adam(self._parts.parameters(), lr=5e-3)
            target = (rows - self.mean) / self.scale
            for _ in range(steps):
                middle, log_var = self.encoder(target).chunk(2, -1)
                drawn = middle + torch.randn_like(middle) * (log_var / 2).exp()
                missed = ((self.decoder(drawn) - target) ** 2).sum(-1)
                known = (middle**2 + log_var.exp() - 1 - log_var).sum(-1)
                optimiser.zero_grad()
                (missed + 0.1 * known).mean().backward()
                optimiser.step()
        self._parts.requires_grad_(False)

    def error(self, rows: Tensor) -> Tensor:
        """float[rows]: squared error of a number, in variances; gradients go to `rows`."""
        scaled = (rows - self.mean) / self.scale
        middle = self.encoder(scaled).chunk(2, -1)[0]
        return ((self.decoder(middle) - scaled) ** 2).mean(-1)


def forget_without_labels(
    extractor: Any,
    kept: Tensor,
    forgotten: Tensor,
    *,
    steps: int = 100,
    learning_rate: float = 1e-3,
    temperature: float = 0.5,
    floor: float = 4.0,
    batch: int = 64,
    seed: int = 0,
) -> list[float]:
    """Train a torch module in place, so that it no longer knows some inputs; the losses, step by
    step.

    extractor: inputs float[n, ...] -> representations float[n, dim]; kept, forgotten: its inputs,
    without any label. Afterwards train its head on a few kept items with labels.
    """
    if not len(kept) or not len(forgotten):
        raise DataError(
            f"{len(kept):,} inputs to keep and {len(forgotten):,} to forget",
            fix="give some of both: without what is kept nothing holds the rest",
        )
    if not temperature > 0:
        raise InputError(f"a temperature of {temperature:g}", where="temperature", fix="above 0")
    training = extractor.training
    extractor.eval()
    with torch.no_grad():
        kept_before, lost_before = extractor(kept), extractor(forgotten)
    knows_kept = Autoencoder(kept_before, seed=seed)
    knows_lost = Autoencoder(lost_before, seed=seed + 1)
    extractor.train(training)
    optimiser = torch.optim.Adam(extractor.parameters(), lr=learning_rate)
    draw = torch.Generator().manual_seed(seed)
    losses: list[float] = []
    for step in range(steps):
        some, off = (
            torch.randperm(len(each), generator=draw)[:batch].to(each.device)
            for each in (kept, forgotten)
        )
        now = extractor(kept[some])
        if step % 2:
            loss = alignment(now, kept_before[some], lost_before[off], temperature)
        else:
            gone = knows_lost.error(extractor(forgotten[off]))
            loss = knows_kept.error(now).mean() + (floor - gone).clamp(min=0).mean()
        if not bool(torch.isfinite(loss)):
            raise WorkError(
                f"the loss of step {step:,} is no number",
                fix="lower the learning rate, and look for inputs that are no numbers",
            )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return losses
