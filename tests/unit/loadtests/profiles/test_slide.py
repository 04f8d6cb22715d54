"""Slides, as wsidicom reads them."""

from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.encaps import parse_basic_offsets
from wsidicom import WsiDicom

from loadtests.dataset import Buffer, fingerprint
from loadtests.profiles.instance import Instance, as_file
from loadtests.profiles.pixels import EncapsulatedPixels
from loadtests.profiles.slide_pixels import TiledPixels
from loadtests.profiles.slide_tiles import Tiles
from tests.unit.loadtests.profiles.radiology import SEED, head, profile, read, study


@pytest.fixture(scope="module")
def smallest() -> list[Instance]:
    """The instances of the smallest of the small slides."""
    series = min(range(8), key=lambda at: profile("slide-small").slides[at][-1].width)  # type: ignore[attr-defined]
    whole = study("slide-small", 9 * 8)
    before = sum(whole.series_sizes()[:series])
    return list(islice(whole.instances(), before, before + whole.series_sizes()[series]))


@pytest.fixture(scope="module")
def slide(smallest: list[Instance], tmp_path_factory: pytest.TempPathFactory) -> Iterator[WsiDicom]:
    folder: Path = tmp_path_factory.mktemp("slide")
    for number, instance in enumerate(smallest):
        with (folder / f"{number}.dcm").open("wb") as file:
            file.writelines(as_file(instance))
    with WsiDicom.open(folder) as opened:
        yield opened


def test_a_slide_is_a_pyramid_with_label_overview_and_thumbnail(smallest: list[Instance], slide: WsiDicom) -> None:
    flavors = [head(one).ImageType[2] for one in smallest]

    assert flavors[:3] == ["LABEL", "OVERVIEW", "THUMBNAIL"]
    assert set(flavors[3:]) == {"VOLUME"}
    assert len(slide.levels) == len(flavors) - 3
    widths = [level.size.width for level in slide.levels]
    assert all(abs(wide / 2 - narrow) <= 1 for wide, narrow in pairwise(widths))
    assert slide.mpp.width == pytest.approx(0.25)
    assert slide.read_label().size == (417, 417)
    assert slide.read_overview().width == 3 * 417 - 1


def test_any_tile_can_be_read_and_neighbours_fit(slide: WsiDicom) -> None:
    random = np.random.default_rng(SEED)
    for level in slide.levels:
        columns, rows = (max(1, level.size.width // 512), max(1, level.size.height // 512))
        for _ in range(4):
            place = (int(random.integers(columns)), int(random.integers(rows)))
            assert slide.read_tile(level.level, place).width in (512, level.size.width)
        last = slide.read_tile(level.level, (-(-level.size.width // 512) - 1, -(-level.size.height // 512) - 1))
        assert np.asarray(last).std() > 5

    across = np.asarray(slide.read_region((512 - 8, 512 - 8), 0, (16, 16)).convert("L"), float)
    edge = np.abs(across[:, 8] - across[:, 7]).mean()
    within = np.abs(np.diff(across[:, :8], axis=1)).mean()
    assert edge < 4 * within + 4


def test_a_level_shows_what_the_one_above_shows_at_half_its_size(slide: WsiDicom) -> None:
    for level in range(len(slide.levels) - 1):
        fine = np.asarray(slide.read_region((0, 0), level, (640, 640)).resize((320, 320)), float)
        coarse = np.asarray(slide.read_region((0, 0), level + 1, (320, 320)), float)
        assert np.abs(fine - coarse).mean() < 0.35 * coarse.std()


def test_what_is_announced_is_what_the_file_holds(smallest: list[Instance]) -> None:
    for instance in smallest:
        data = b"".join(instance.buffers)
        assert len(data) == instance.size
        assert fingerprint(data).pixel_sha256 == instance.pixel_sha256


def test_the_offset_table_points_to_the_frames(smallest: list[Instance]) -> None:
    made: Dataset = read(smallest[4])

    offsets = parse_basic_offsets(made.PixelData)
    assert len(offsets) == made.NumberOfFrames
    content = made.PixelData[8 + 4 * len(offsets) :]
    assert all(content[offset : offset + 4] == b"\xfe\xff\x00\xe0" for offset in offsets)


def test_slides_take_gigabytes_and_no_memory() -> None:
    made = study("slide", 12)
    instances = list(made.instances())

    assert sum(one.size for one in instances) > 400_000_000
    kept = {id(whole): len(whole) for one in instances for whole in map(underlying, one.buffers)}
    assert sum(kept.values()) < 30_000_000


def underlying(buffer: Buffer) -> bytes | bytearray:
    """What a view is of."""
    return buffer.obj if isinstance(buffer, memoryview) else buffer  # type: ignore[return-value]


def test_sizes_follow_their_distribution() -> None:
    slides = profile("slide").slides  # type: ignore[attr-defined]
    tile = 1.5 * np.mean([len(frame) for frame in profile("slide")._tiles[0].frames])  # type: ignore[attr-defined]
    sizes = sorted(slide[-1].grid[0] * slide[-1].grid[1] * tile for slide in slides)

    assert np.median(sizes) == pytest.approx(1.2e9, rel=0.2)
    assert np.mean(sizes) == pytest.approx(1.2e9 * np.exp(0.6**2 / 2), rel=0.2)


@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 2, 4]))
def test_rows_of_any_length_are_the_same_as_tile_by_tile(rows: int, columns: int, repeat: int) -> None:
    frames = tuple(bytes([0xFF, 0xD8, at, 0]) * (at + 1) for at in range(repeat * repeat))
    tiles = Tiles(np.zeros((1, 1, 3), np.uint8), repeat, frames)
    one_by_one = [tiles.at(row, column) for row in range(rows) for column in range(columns)]
    made = TiledPixels(tiles, rows, columns)
    plain = EncapsulatedPixels(one_by_one, made._marker)

    body, wanted = b"".join(made.body), b"".join(plain.body)
    assert body[12 + 8 + 4 * rows * columns :] == wanted[12 + 8 :]
    assert len(body) == made.body_size
    assert made.hashed.digest() == plain.hashed.digest()
    assert made.tail(bytes(32)) == plain.tail(bytes(32))


def test_offsets_beyond_four_gigabytes_are_refused() -> None:
    tiles = Tiles(np.zeros((1, 1, 3), np.uint8), 1, (bytes(1 << 20),))

    with pytest.raises(ValueError, match="more than a basic offset table can point into"):
        TiledPixels(tiles, 64, 64)
