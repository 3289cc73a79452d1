"""The chart job of a media process: figures over time, drawn by matplotlib for a phone's chat.

matplotlib is loaded where something is drawn, and nowhere else: that takes as long as a start. The
home it wants for its settings, without which it does not load, is the folder of the target.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE: Final = (8.0, 9.6)
DOTS: Final = 125
"""Inches, and dots of each: 1000 by 1200 pixels, which a phone shows as wide as its screen."""
GROUND: Final = "#1c2733"
INK: Final = "#f2f5f8"
FAINT: Final = "#a9b7c4"
GRID: Final = "#34434f"
"""Dark, with light words: it reads in a light chat as well as in a dark one."""
COLOURS: Final = ("#4cc38a", "#f0706a", "#6cb2f0", "#f2c14e")
"""They differ in lightness too, for who sees no red or no green."""
SMALL: Final = 15
USUAL: Final = 17
LARGE: Final = 24
MOST_TICKS: Final = 8
HEADROOM: Final = 1.12


def draw_chart(*, target: str, chart: dict[str, Any]) -> dict[str, object]:
    """Write a PNG of panels, one below the other, over the same times.

    A chart has a `title`, the `labels` of its times, what is said where there is `nothing`, and
    `panels`: each with a `title`, `bars` or lines, whether its values are `whole` numbers,
    `series` of a name and values, None for none, the `colours` of each, and the `least` that its
    axis goes up to.
    """
    os.environ |= {"MPLCONFIGDIR": str(Path(target).parent), "OPENBLAS_NUM_THREADS": "1"}
    import matplotlib as mpl  # noqa: PLC0415 - see above

    mpl.rcParams.update({"font.size": USUAL, "text.parse_math": False})
    from matplotlib.figure import Figure  # noqa: PLC0415 - see above
    from matplotlib.layout_engine import ConstrainedLayoutEngine  # noqa: PLC0415 - see above

    margins = ConstrainedLayoutEngine(w_pad=0.2, h_pad=0.16, hspace=0.04)
    figure = Figure(figsize=SIZE, dpi=DOTS, facecolor=GROUND, layout=margins)
    figure.suptitle(chart["title"], color=INK, size=LARGE, weight="bold", x=0.03, ha="left")
    below = figure.subplots(len(chart["panels"]), 1, squeeze=False)[:, 0]
    for axes, panel in zip(below, chart["panels"], strict=True):
        _draw(axes, panel, chart)
    with Path(target).open("wb") as file:
        figure.savefig(file, format="png")
    return {}


def _draw(axes: Axes, panel: dict[str, Any], chart: dict[str, Any]) -> None:
    labels, places = chart["labels"], range(len(chart["labels"]))
    axes.set_facecolor(GROUND)
    axes.set_title(panel["title"], color=INK, size=USUAL, loc="left", pad=12)
    axes.tick_params(colors=FAINT, labelsize=SMALL, length=0, pad=8)
    axes.spines[:].set_visible(False)
    axes.grid(visible=True, axis="y", color=GRID)
    axes.set_axisbelow(True)
    every = -(-len(labels) // MOST_TICKS)
    axes.set_xticks([*places][::every], labels[::every])
    axes.set_xlim(-0.6, len(labels) - 0.4)
    stacked = [0.0] * len(labels)
    pairs = zip(panel["series"], panel["colours"], strict=True)
    for below, ((name, values), colour) in enumerate(pairs):
        if panel["bars"]:
            heights = [value or 0.0 for value in values]
            axes.bar(places, heights, 0.8, stacked, color=COLOURS[colour], label=name)
            stacked = [low + high for low, high in zip(stacked, heights, strict=True)]
        else:
            known = [(place, value) for place, value in enumerate(values) if value is not None]
            # the first lies on top, with the smallest dots: none hides another
            axes.plot(*zip(*known, strict=True) if known else ((), ()), "o-", lw=3,
                      ms=7 + 4 * below, zorder=3 - below, color=COLOURS[colour],
                      label=name)  # fmt: skip
    highest = max([*stacked, *(value or 0.0 for _, values in panel["series"] for value in values)])
    if highest:
        axes.set_ylim(0, max(highest, panel.get("least", 0.0)) * HEADROOM)
        axes.locator_params(axis="y", nbins=4, integer=panel["whole"])
        if len(panel["series"]) > 1:
            axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.99), ncols=3, frameon=False,
                        labelcolor=FAINT, fontsize=SMALL, borderaxespad=0.2, handlelength=1.0,
                        columnspacing=1.0, handletextpad=0.4)  # fmt: skip
    else:
        axes.set_yticks([])
        axes.set_xticks([])
        axes.text(0.5, 0.5, chart["nothing"], color=FAINT, size=USUAL, ha="center", va="center",
                  transform=axes.transAxes)  # fmt: skip
