"""Tiles of a viewport are neighbours, lie on the slide, and are numbered row by row."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from loadtests.users.options import PathologyViewerOptions
from loadtests.users.pathology_viewer import viewport
from loadtests.users.web_reader import Described

SIZES = st.integers(1, 5000)


@given(SIZES, SIZES, st.integers(1, 8), st.integers(1, 8), st.integers(0, 1000))
def test_a_viewport_is_a_block_of_tiles_on_the_slide(
    width: int, height: int, columns: int, rows: int, seed: int
) -> None:
    across, down = -(-width // 256), -(-height // 256)
    level = Described("1.2", ("VOLUME",), 256, 256, across * down, height, width, {})
    options = PathologyViewerOptions(columns=columns, rows=rows)

    tiles = viewport(level, options, np.random.default_rng(seed))

    assert len(set(tiles)) == len(tiles) == min(columns, across) * min(rows, down)
    places = [divmod(tile - 1, across) for tile in tiles]
    assert all(0 <= row < down for row, _ in places)
    assert max(row for row, _ in places) - min(row for row, _ in places) < rows
    assert max(column for _, column in places) - min(column for _, column in places) < columns


def test_a_level_with_fewer_frames_than_its_size_promises_is_not_asked_for_more() -> None:
    level = Described("1.2", ("VOLUME",), 256, 256, 3, 1024, 1024, {})

    assert all(tile <= 3 for tile in viewport(level, PathologyViewerOptions(), np.random.default_rng(1)))
