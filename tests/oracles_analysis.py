"""Slow and exact, written another way than exbert_rpc.analysis."""

from collections import Counter, defaultdict
from fractions import Fraction
from math import comb, log, sqrt
from statistics import fmean


def hypergeometric_tails(count: int, n: int, base_count: int, base_n: int) -> tuple[Fraction, Fraction]:
    """P(X <= count) and P(X >= count) by counting tables, in exact fractions."""
    labelled, total = count + base_count, n + base_n
    ways = [comb(labelled, x) * comb(total - labelled, n - x) for x in range(n + 1)]
    whole = comb(total, n)
    assert sum(ways) == whole
    return Fraction(sum(ways[: count + 1]), whole), Fraction(sum(ways[count:]), whole)


def adjusted_p_values(p_values: list[float]) -> list[float]:
    """Benjamini-Hochberg by its definition: the smallest level at which a hypothesis is among the rejected."""
    m = len(p_values)
    out = []
    for p in p_values:
        levels = [other * m / sum(q <= other for q in p_values) for other in p_values if other >= p]
        out.append(min(1.0, *levels))
    return out


def wilson_by_search(share: float, n: int) -> tuple[float, float]:
    """The rates whose normal test does not reject the share at 5 %, found by bisection."""
    z = 1.959963984540054

    def rejected(rate: float) -> bool:
        return (share - rate) ** 2 > z * z * rate * (1 - rate) / n

    ends = []
    for outside in (0.0, 1.0):
        inside = share
        if not rejected(outside) and outside == share:
            ends.append(outside)
            continue
        for _ in range(200):
            middle = (inside + outside) / 2
            inside, outside = (inside, middle) if rejected(middle) else (middle, outside)
        ends.append(inside)
    return ends[0], ends[1]


def hand_count(labels: list[str | int | None]) -> dict[str, int]:
    """Labels as a person would tally them."""
    tally: Counter[str] = Counter()
    for label in labels:
        tally["none" if label is None or label == "" else str(label)] += 1
    return dict(tally)


def design_effect_by_documents(has: list[bool], documents: list[object]) -> Fraction | None:
    """Variance of a ratio estimate over clusters (Cochran 1977, 6.4), over that of a simple random sample."""
    n = len(has)
    p = Fraction(sum(has), n)
    groups = sorted(set(documents), key=str)
    if len(groups) < 2 or p in (0, 1):
        return None
    squares = Fraction(0)
    for group in groups:
        members = [one for one, document in zip(has, documents, strict=True) if document == group]
        squares += (sum(members) - p * len(members)) ** 2
    clustered = Fraction(len(groups), len(groups) - 1) * squares / n**2
    return clustered / (p * (1 - p) / n)


def fraction_of_tables(count: int, n: int, base_count: int, base_n: int, *, more: bool) -> Fraction:
    """One-sided Fisher: of all tables with these margins, the share that is at least as extreme."""
    return hypergeometric_tails(count, n, base_count, base_n)[1 if more else 0]


def place_in_order(share: float, others: list[float], *, more: bool) -> tuple[int, int, float]:
    """Rank from 1 in a sorted list, behind those with the same share; how many there are; the others' median."""
    ordered = sorted([*others, share], reverse=more)
    middle = sorted(others)
    half = len(middle) // 2
    median = middle[half] if len(middle) % 2 else (middle[half - 1] + middle[half]) / 2
    return len(ordered) - ordered[::-1].index(share), len(ordered), median


def entropy_of_row(row: list[float], visible: int) -> float:
    """Entropy of a row over the logarithm of how many tokens it sees."""
    return -sum(p * log(p) for p in row if p > 0) / log(visible)


class SlowHead:
    """One head's profile, counted cell by cell from all sentences: dictionaries of lists of what is averaged.

    A sentence is a dict with ``special``, ``word``, ``head`` (first tokens, -1: none), ``dep``, ``form`` and
    ``attention`` (rows of floats); a causal model's row sees no token behind it. Its first token, if it is not special,
    is no target of words.
    """

    def __init__(self, sentences: list[dict], causal: bool) -> None:
        self.causal = causal
        self.offset_mass: dict[int, list[float]] = defaultdict(list)
        self.word_mass: dict[int, list[float]] = defaultdict(list)
        self.peaks: list[int] = []
        self.entropy: list[float] = []
        self.special: list[float] = []
        self.first: list[float] = []
        self.role_mass: dict[tuple, list[float]] = defaultdict(list)
        self.role_offsets: dict[tuple, list[int]] = defaultdict(list)
        self.right: dict[tuple, list[bool]] = defaultdict(list)
        self.distances: dict[tuple, list[int]] = defaultdict(list)
        for sentence in sentences:
            self._tokens(sentence)
            self._words(sentence)

    def mean_at(self, offset: int) -> float:
        """Mean attention between words at an offset; everything beyond 8 together."""
        return fmean(self.word_mass[self._pool(offset)])

    def expected(self, role: tuple) -> float:
        """What the offsets alone would give, over the pairs of a role (same word: over its rows)."""
        return sum(self.mean_at(offset) for offset in self.role_offsets[role]) / len(self.role_mass[role])

    @staticmethod
    def _pool(offset: int) -> int:
        return max(-9, min(9, offset))

    def _sees(self, row: int, column: int) -> bool:
        return not self.causal or column <= row

    def _tokens(self, s: dict) -> None:
        n = len(s["special"])
        for i in range(n):
            if s["special"][i]:
                continue
            row = s["attention"][i]
            best = None
            for j in range(n):
                if s["special"][j]:
                    continue
                if self._sees(i, j):
                    self.offset_mass[self._pool(j - i)].append(row[j])
                if best is None or row[j] > row[best]:
                    best = j
            self.peaks.append(self._pool(best - i))
            visible = i + 1 if self.causal else n
            if visible > 1:
                self.entropy.append(entropy_of_row(row, visible))
            self.special.append(sum(row[j] for j in range(n) if s["special"][j]))
            self.first.append(row[0])

    def _words(self, s: dict) -> None:
        pieces: dict[int, list[int]] = defaultdict(list)
        for token, word in enumerate(s["word"]):
            if word >= 0:
                pieces[word].append(token)
        order = sorted(pieces)
        sink = 0 if self.causal and not s["special"][0] else None
        for a in order:
            for b in order:
                if a != b and b != sink and self._sees(a, b):
                    self.word_mass[self._pool(b - a)].append(s["attention"][a][b])
        for word in order:
            others = [w for w in order if w not in (word, sink) and s["form"][w] == s["form"][word]]
            others = [w for w in others if self._sees(word, w)]
            if others:
                self.role_mass["sameWord", None].append(sum(s["attention"][word][w] for w in others))
                self.role_offsets["sameWord", None] += [w - word for w in others]
        for at, word in enumerate(order):
            head, dep = s["head"][word], s["dep"][word]
            if head not in pieces or head == word or dep in ("", "punct", "ROOT"):
                continue
            for direction, source, target in (("toHead", word, head), ("toDependent", head, word)):
                if not self._sees(source, target) or target == sink:
                    continue
                role = (dep, direction)
                self.role_mass[role].append(s["attention"][source][target])
                self.role_offsets[role].append(target - source)
                self.distances[role].append(order.index(head) - at)
                strengths = {}
                for other in order:
                    a, b = (word, other) if direction == "toHead" else (other, word)
                    cells = [sum(s["attention"][i][j] for j in pieces[b]) for i in pieces[a]]
                    strengths[other] = fmean(cells)
                self.right[role].append(all(strengths[head] > strengths[w] for w in order if w not in (word, head)))


def slow_baseline(by_document: list[list[int]]) -> float:
    """Accuracy of the best distance, chosen for each document on all others; distances beyond 10 are never named."""
    right = 0
    for at, distances in enumerate(by_document):
        others = Counter(d for number, one in enumerate(by_document) if number != at for d in one if abs(d) <= 10)
        best = max(range(-10, 11), key=lambda d: (others[d], -d))
        right += distances.count(best)
    return right / sum(map(len, by_document))


def slow_jackknife_lift(by_document: list[list[dict]], role: tuple, causal: bool) -> tuple[float, float]:
    """Log lift and its standard error: everything is counted again without each document that holds the role."""

    def log_lift(documents: list[list[dict]]) -> float:
        slow = SlowHead([one for document in documents for one in document], causal)
        return log(fmean(slow.role_mass[role]) / slow.expected(role))

    holding = [at for at, document in enumerate(by_document) if SlowHead(document, causal).role_mass[role]]
    left = [log_lift([d for number, d in enumerate(by_document) if number != at]) for at in holding]
    mean = fmean(left)
    return log_lift(by_document), sqrt((len(left) - 1) / len(left) * sum((one - mean) ** 2 for one in left))
