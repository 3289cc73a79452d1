"""What runs: the command line, settings, logs, and the wiring of everything below."""

from __future__ import annotations

import gc

# Before anything else is loaded. What loading makes stays, and what a request leaves behind lives
# for seconds: looked through each time 700 objects were made, as by default, it took up to a tenth
# of the processor time.
gc.set_threshold(20_000, 20, 50)
