"""What all tests share."""

import os

# idle threads of torch sleep instead of spinning: with other work on the same cores a pass is up to twice as fast
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
