"""The ready photos: real JPEGs of three shapes."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from sandbox.page import photos


@pytest.mark.parametrize("name", photos.PHOTOS)
def test_a_photo_is_a_jpeg_of_its_size_with_something_in_it(name: str) -> None:
    with Image.open(io.BytesIO(photos.jpeg(name))) as image:
        assert image.format == "JPEG"
        assert image.size == photos.PHOTOS[name].size
        colours = image.resize((64, 64)).getcolors(64 * 64)
    assert colours is not None
    assert len(colours) > 500


def test_there_are_wide_and_tall_ones_and_one_no_model_makes() -> None:
    shapes = {
        round(width / height, 2) for width, height in (p.size for p in photos.PHOTOS.values())
    }
    assert shapes == {1.78, 1.33, 0.75}
