"""The running bot: command line, settings, start and stop, updates, scheduler and logs."""

from __future__ import annotations

import gc

# Before the other imports. With the default threshold of 700 objects, garbage collection took up
# to a tenth of the processor time: most objects live as long as the process, or for seconds.
gc.set_threshold(20_000, 20, 50)
