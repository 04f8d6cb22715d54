"""A pathology viewer: viewports somewhere on a slide, each of some neighbouring tiles of one level."""

import time
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from gevent.pool import Pool

from loadtests.campaigns.work import StoredStudy
from loadtests.users.base import wait_until
from loadtests.users.image_reader import ImageReader
from loadtests.users.options import PathologyViewerOptions
from loadtests.users.web_reader import Described

if TYPE_CHECKING:
    from loadtests.campaigns.arrivals import Arrival


class PathologyViewer(ImageReader):
    """A session is a slide. All tiles of a viewport ought to begin when it opens: waiting for a connection counts."""

    def __init__(self, environment: Any) -> None:
        self.connections = self.options(PathologyViewerOptions).connections
        super().__init__(environment)

    def session(self, arrival: "Arrival") -> None:
        """Look at one of the stored slides; without any yet there is nothing to look at."""
        random = self.random(arrival)
        stored = self.pick(random)
        if stored is None:
            return
        root = f"studies/{stored.study.uid}"
        for series_uid, expected in list(stored.series.items())[:1]:
            path = f"{root}/series/{series_uid}"
            levels = [one for one in self.metadata(path, expected) or [] if _level(one) and one.uid in expected]
            self._look(path, stored, sorted(levels, key=lambda one: one.matrix_columns), random)

    def _look(self, path: str, stored: StoredStudy, levels: list[Described], random: np.random.Generator) -> None:
        options = self.options(PathologyViewerOptions)
        moment = time.monotonic()
        for number in range(options.viewports if levels else 0):
            # from the overview into the depth, as one zooms: the smallest level first, then any
            level = levels[0 if not number else int(random.integers(len(levels)))]
            wait_until(moment)
            if self.campaign.work.stopped:
                return
            stored_frames, place = self.frames_of(stored, level.uid), f"{path}/instances/{level.uid}"
            pool = Pool(options.connections)
            for tile in viewport(level, options, random):
                pool.spawn(self.frames, place, [tile], stored_frames, intended=moment)
            pool.join(raise_error=True)
            moment = max(time.monotonic(), moment + options.think_seconds)


def _level(one: Described) -> bool:
    return "VOLUME" in one.image_type


def viewport(level: Described, options: PathologyViewerOptions, random: np.random.Generator) -> list[int]:
    """Frame numbers, from 1, of neighbouring tiles of a level whose tiles lie row by row (TILED_FULL)."""
    columns = max(1, -(-level.matrix_columns // max(1, level.columns)))
    rows = max(1, -(-level.matrix_rows // max(1, level.rows)))
    left = int(random.integers(max(1, columns - options.columns + 1)))
    top = int(random.integers(max(1, rows - options.rows + 1)))
    across = range(left, min(left + options.columns, columns))
    down = range(top, min(top + options.rows, rows))
    return [
        row * columns + column + 1 for row, column in product(down, across) if row * columns + column < level.frames
    ]
