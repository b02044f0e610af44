"""What all tests share."""

import gc
import os

import pytest
from hypothesis import settings

from tests import patience

# idle threads of torch sleep instead of spinning: with other work on the same cores a pass is up to twice as fast
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

settings.register_profile("sample", max_examples=25)

_STRETCHED = "time limit"


def pytest_configure(config):
    """In ``make check``, tests that don't say how many random examples they draw draw a sample."""
    if config.option.markexpr == "not slow":
        settings.load_profile("sample")


def pytest_collection_finish():
    """What all tests have imported is no garbage: the collector need not walk it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _a_share_of_the_cores():
    """Workers of pytest-xdist share the cores: else each operator waits for a core that another worker has."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers > 1:
        import torch

        torch.set_num_threads(max(1, torch.get_num_threads() // workers))


@pytest.fixture
def all_cores():
    """torch uses all cores of the machine, as it does outside of these tests."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count() or 1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _say_how_far_limits_were_stretched(record_property):
    """Keep with each test the limits that were longer than written, because the machine was busy."""
    patience.stretched.clear()
    yield
    for seconds, factor in patience.stretched:
        if factor > 1.05:
            record_property(_STRETCHED, f"{seconds:g} s was {seconds * factor:.2f} s ({factor:.1f} x)")


def pytest_terminal_summary(terminalreporter):
    """List them, so that a pass on a busy machine is not taken for one on a quiet machine."""
    lines = [
        f"{report.nodeid}: {value}"
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "teardown" or getattr(report, "failed", False)
        for name, value in dict.fromkeys(getattr(report, "user_properties", ()))
        if name == _STRETCHED
    ]
    if lines:
        terminalreporter.section("time limits that were stretched, because the machine was busy")
        for line in dict.fromkeys(lines):
            terminalreporter.line(line)
