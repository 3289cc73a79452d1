"""The heartbeat that `healthcheck` reads."""

from __future__ import annotations

import os
from math import inf
from typing import TYPE_CHECKING

import pytest

from bot.process import beat, heartbeat_age, is_alive

if TYPE_CHECKING:
    from pathlib import Path


def test_a_beat_ages(tmp_path: Path) -> None:
    beat(tmp_path / "heartbeat", 1000.0)
    assert heartbeat_age(tmp_path / "heartbeat", 1012.5) == pytest.approx(12.5)


def test_a_later_beat_replaces_the_earlier_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "heartbeat"
    beat(path, 1000.0)
    beat(path, 2000.0)
    assert heartbeat_age(path, 2000.0) == 0
    assert list(tmp_path.iterdir()) == [path]


def test_without_a_beat_the_age_is_infinite(tmp_path: Path) -> None:
    assert heartbeat_age(tmp_path / "heartbeat", 0) == inf


@pytest.mark.parametrize("content", [b"", b"soon", b"\xff\xfe"])
def test_a_beat_that_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "heartbeat"
    path.write_bytes(content)
    assert heartbeat_age(path, 0) == inf


@pytest.mark.parametrize(
    ("now", "fresh"), [(1000, True), (1059.9, True), (1060, False), (995, True), (100, False)]
)
def test_a_beat_is_fresh_for_a_minute(tmp_path: Path, now: float, *, fresh: bool) -> None:
    beat(tmp_path / "heartbeat", 1000.0)
    assert is_alive(tmp_path / "heartbeat", now) is fresh


def test_pipes_in_its_place_are_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "heartbeat"
    os.mkfifo(path)
    os.mkfifo(tmp_path / "heartbeat.new")
    assert heartbeat_age(path, 1000.0) == inf
    beat(path, 1000.0)
    assert heartbeat_age(path, 1000.0) == 0
