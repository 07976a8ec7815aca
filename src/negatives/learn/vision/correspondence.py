"""Which place of one image is which of another, and which pairs of places are no negatives.

He et al. 2025, "Homeomorphism Prior for False Positive and Negative Problem in Medical Image Dense
Contrastive Representation Learning" (GEMINI). Contrast of all places of two images takes most
places near the right one for negatives. A smooth flow between the images says which they are:
negatives are weighed by how far they are from it. What is taken over is the prior; there is no
network of flows, and a flow is found for each pair of images by descent.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Bools, Doubles
from negatives.errors import InputError
from negatives.optional import Tensor, torch

_FLAT: Final = 1e-5
"""Added to the product of two variances, so that flat windows have a correlation of 0."""


def likeness(first: Tensor, second: Tensor, *, window: int = 9) -> Tensor:
    """Mean squared correlation of windows of two images float[n, 1, height, width]; 0 to 1.

    It does not change with the brightness or the contrast of either, nor with its sign: an image
    and its reversal are alike.
    """

    def mean(values: Tensor) -> Tensor:
        made: Tensor = torch.nn.functional.avg_pool2d(
            values, window, stride=1, padding=window // 2, count_include_pad=False
        )
        return made

    one, other = mean(first), mean(second)
    cross = mean(first * second) - one * other
    spread = (mean(first**2) - one**2) * (mean(second**2) - other**2)
    found: Tensor = (cross**2 / (spread + _FLAT)).mean()
    return found


def roughness(flow: Tensor) -> Tensor:
    """Half of the mean squares of a flow's steps, float[n, 2, height, width], along both axes."""
    down, along = flow.diff(dim=2), flow.diff(dim=3)
    found: Tensor = ((down**2).mean() + (along**2).mean()) / 2
    return found


def warped(images: Tensor, flow: Tensor) -> Tensor:
    """Images float[n, c, height, width] read where a flow says, [n, 2 (x, y), ...], in pixels."""
    height, width = images.shape[2:]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    at = torch.stack([columns, rows]).to(images) + flow
    scale = torch.tensor([width - 1, height - 1]).to(images).reshape(1, 2, 1, 1)
    grid = (2 * at / scale - 1).permute(0, 2, 3, 1)
    made: Tensor = torch.nn.functional.grid_sample(
        images, grid, padding_mode="border", align_corners=True
    )
    return made


def found_flow(
    first: NDArray[Any], second: NDArray[Any], *, smooth: float = 0.4, steps: int = 150,
    window: int = 5, learning_rate: float = 0.05,
) -> Doubles:  # fmt: skip
    """float64[n, 2, height, width]: where each place of `first` is in `second`, in pixels.

    Descent on 1 - likeness + smooth * roughness from no flow at all, of float[n, height, width].
    """
    if first.shape != second.shape or first.ndim != 3:
        raise InputError(
            f"images of shapes {first.shape} and {second.shape}",
            where="images",
            fix="give two arrays float[n, height, width] of one shape",
        )
    one, other = (
        torch.as_tensor(np.asarray(each, np.float32))[:, None] for each in (first, second)
    )
    flow = torch.zeros(len(one), 2, *one.shape[2:], requires_grad=True)
    optimiser = torch.optim.Adam([flow], lr=learning_rate)
    for _ in range(steps):
        loss = 1 - likeness(warped(other, flow), one, window=window) + smooth * roughness(flow)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return np.asarray(flow.detach().double().numpy())


def negative_weights(
    places: NDArray[Any], matched: NDArray[Any], *, spread: float = 2.0, band: float = 1.0
) -> Doubles:
    """float64[n, m] in 0 .. 1: how far each of m places counts as a negative of each of n.

    places: float[m, axes]; matched: float[n, axes], where each of n is among them. 1 - exp(-d^2 /
    2 spread^2), and 0 within the band; a spread of 0 makes all others negatives.

    >>> import numpy as np
    >>> at = np.arange(5.0)[:, None]
    >>> negative_weights(at, at[:1]).round(3).tolist()
    [[0.0, 0.0, 0.393, 0.675, 0.865]]
    """
    square = ((matched[:, None] - places[None]) ** 2).sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        soft = np.where(square > 0, 1 - np.exp(-square / (2 * spread**2)), 0.0)
    return np.where(square <= band**2, 0.0, soft)


def agreeing(there: NDArray[Any], back: NDArray[Any], *, within: float = 1.0) -> Bools:
    """bool[n, height, width]: places that both flows lead back to where they began.

    there, back: float[n, 2 (x, y), height, width] in pixels. What leads out of the other image
    agrees with nothing.
    """
    one, other = (torch.as_tensor(np.asarray(each, np.float64)) for each in (there, back))
    height, width = one.shape[2:]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    at = torch.stack([columns, rows]).double() + one
    inside = (at[:, 0] >= 0) & (at[:, 0] <= width - 1) & (at[:, 1] >= 0) & (at[:, 1] <= height - 1)
    returned = one + warped(other, one)
    found: Bools = ((returned**2).sum(1).sqrt() < within).logical_and(inside).numpy()
    return found
