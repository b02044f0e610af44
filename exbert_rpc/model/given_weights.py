"""The forms in which eager attention gives its weights, as weights of each token to each token.

- As they are: ``[b, H, n, n]``, or ``[b, H, n, m]`` where a decoder looks at ``m`` other tokens.
- ``scores``: what the softmax is taken of (SqueezeBERT, ProphetNet).
- ``band``: ``[b, H, n, 2w + 1]``, the ``w`` tokens before and behind each token (Longformer, LED); outside there is
  nothing, so that a matrix ``[n, n]`` with zeros there is exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

Form = Literal["scores", "band"]


def form_of(weights: torch.Tensor, n_keys: int, *, has_windows: bool) -> Form | None:
    """The form of float ``[b, H, n, m]``; ``None``: they are weights already.

    Args:
        weights: As the model gives them.
        n_keys: Tokens that each token could see.
        has_windows: Whether the configuration names windows of attention.
    """
    if bool((weights < 0).any()):
        return "scores"
    width = weights.shape[-1]
    return "band" if has_windows and width != n_keys and width % 2 == 1 else None


def as_weights(given: torch.Tensor, form: Form | None) -> torch.Tensor:
    """float ``[b, H, n, m]``, whose rows sum to 1."""
    import torch

    if form == "scores":
        return torch.softmax(given, dim=-1)
    return _spread(given) if form == "band" else given


def _spread(band: torch.Tensor) -> torch.Tensor:
    """float ``[b, H, n, n]`` of ``[b, H, n, 2w + 1]``: column ``c`` of row ``i`` is token ``i + c - w``."""
    import torch

    n, width = band.shape[2:]
    half = width // 2
    places = torch.arange(n, device=band.device)[:, None] + torch.arange(width, device=band.device)[None]
    whole = band.new_zeros((*band.shape[:2], n, n + 2 * half))
    return whole.scatter_(-1, places.expand_as(band), band)[..., half : half + n]
