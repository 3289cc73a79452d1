"""Operations: what a start needs, `doctor`, the list of models, logs."""

from __future__ import annotations
