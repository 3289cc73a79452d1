"""The scene on which models come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.models.scenes import Scene

if TYPE_CHECKING:
    from sandbox.telegram import Person, TelegramSandbox
    from tests.harness import Harness


@pytest.fixture
def scene(harness: Harness, telegram: TelegramSandbox, ann: Person) -> Scene:
    """Ann, who asks, and the operator, who is told."""
    return Scene.of(harness, telegram, ann)
