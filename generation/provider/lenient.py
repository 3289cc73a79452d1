"""Read what others say without trusting them to say it well: what is odd counts as not said."""

from __future__ import annotations

from typing import Any, Final

from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator


def _none_if_odd(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError:
        return None


ODD: Final = WrapValidator(_none_if_odd)
"""Annotates a part that is None where it cannot be read, instead of spoiling the whole."""
