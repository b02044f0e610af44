"""Matrix products on the cores that a thread may use.

NumPy's own use all cores, take them from passes that run side by side, and spin. torch keeps to those of the thread's
lane (:mod:`exbert_rpc.model.lanes`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def product(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 ``[n, m]``: the product of ``[n, k]`` and ``[k, m]``."""
    import torch

    found: NDArray[np.float32] = torch.mm(torch.from_numpy(left), torch.from_numpy(right)).numpy()
    return found
