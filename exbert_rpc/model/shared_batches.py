"""Which texts may share a batch: found out by comparing batches with single passes, never assumed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exbert_rpc.model.compare import distance, farthest

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from exbert_rpc.model.network import Network
    from exbert_rpc.model.passes import RawPass
    from exbert_rpc.model.subjects import Prober, Subject


def share_batches(
    prober: Prober, subjects: Sequence[Subject], raws: Sequence[RawPass], thresholds: tuple[int, ...]
) -> None:
    """Find out which texts may share a batch; set it in the first subject's network."""
    network = subjects[0].network
    network.padding_is_harmless, network.split_at = True, ()
    for subject, probed in zip(subjects, raws, strict=True):
        raw = None if network.is_narrow else probed
        longest = subject.inputs["input_ids"].shape[1]
        shortest = min(longest, *subject.thresholds, longest // 3 + 1) - 1
        between = [max(1, (longest + shortest) // 2)] if subject.thresholds else []
        if _batch_is_exact(prober, subject, [longest, *between, max(1, shortest)], raw):
            continue
        below = [shortest, shortest - 2]
        above = [longest, max([longest - 2, *(value + 1 for value in subject.thresholds)])]
        sides = [side for side in (below, above) if min(side) > 0]
        if not subject.thresholds or not all(_batch_is_exact(prober, subject, side, None) for side in sides):
            network.padding_is_harmless = False
            return
        network.split_at = thresholds


def _batch_is_exact(prober: Prober, subject: Subject, lengths: Sequence[int], probed: RawPass | None) -> bool:
    """Whether texts of those lengths, the first being the longest, give in a padded batch what they give alone.

    ``probed`` is a pass over the first one, if there is one already.
    """
    network = subject.network
    texts = prober.texts(subject, lengths)
    hidden_layers = range(len(subject.stock.hidden))
    layers = network.attention_layers(len(hidden_layers) - 1)
    together = network.run_selected(_padded(texts, pad_id_of(network)), hidden_layers, layers, layers)
    for item, ids in enumerate(texts):
        n = ids.shape[1]
        inputs = {"input_ids": ids, "attention_mask": ids.new_ones(ids.shape)}
        alone = probed if item == 0 and probed is not None else network.run_whole(inputs)
        found = [together.hidden[layer][item : item + 1, :n] for layer in hidden_layers]
        found += [together.heads[layer][item : item + 1, :n] for layer in layers]
        found += [together.attention["self"][layer].weights(item)[:, :, :n, :n] for layer in layers]
        expected = [alone.hidden[layer] for layer in hidden_layers] + [alone.heads[layer] for layer in layers]
        expected += [alone.attention["self"][layer].weights() for layer in layers]
        off = farthest(found, expected)
        if off > 1e-5 and off > subject.judge.rounding():
            if item == 0 and network.hidden_taps is not None and not _taps_are_right(network, ids, hidden_layers):
                network.hidden_taps = None
                return _batch_is_exact(prober, subject, lengths, probed)
            return False
    return True


def _taps_are_right(network: Network, ids: torch.Tensor, hidden_layers: Sequence[int]) -> bool:
    """Whether hidden states that are read on the way are those of a whole pass."""
    inputs = {"input_ids": ids, "attention_mask": ids.new_ones(ids.shape)}
    read, whole = network.run_selected(inputs, hidden_layers, [], []), network.run_whole(inputs)
    return all(distance(read.hidden[layer], whole.hidden[layer]) <= 1e-5 for layer in hidden_layers)


def _padded(texts: Sequence[torch.Tensor], pad_id: int) -> dict[str, torch.Tensor]:
    longest = max(ids.shape[1] for ids in texts)
    padded = texts[0].new_full((len(texts), longest), pad_id)
    visible = texts[0].new_zeros((len(texts), longest))
    for row, ids in enumerate(texts):
        padded[row, : ids.shape[1]] = ids[0]
        visible[row, : ids.shape[1]] = 1
    return {"input_ids": padded, "attention_mask": visible}


def pad_id_of(network: Network) -> int:
    """Id to pad with: the configuration's, or 0 (what is padded is masked anyhow)."""
    pad = getattr(network.model.config, "pad_token_id", None)
    return int(pad) if isinstance(pad, int) and 0 <= pad < network.n_embeddings else 0
