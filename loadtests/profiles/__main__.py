"""`python -m loadtests.profiles [NAME …]`: what each profile sends, measured; a row when it is made."""

import argparse
import sys
from datetime import UTC, datetime

from pydicom.dataset import Dataset
from pydicom.uid import UID

from loadtests.profiles import catalogue
from loadtests.profiles.study import Profile, Study, sample

DRAWN = 200  # studies of which the quantiles are shown
ROW = "{:<18} {:<33} {:>15} {:>7} {:>17} {:>9}  {}"
HEADING = ROW.format("profile", "transfer syntax", "MB/instance", "ratio", "instances/study", "GB/study", "source")


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.profiles",
        description="What each profile sends. Ratio: uncompressed to sent. Instances: a tenth of the studies has "
        "fewer, half of them, a tenth has more. GB: of the study in the middle.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="profiles; all of them unless named")
    parser.add_argument("--seed", type=int, default=1, help="what is drawn (default: %(default)s)")
    arguments = parser.parse_args()
    try:
        print(HEADING)
        for name in arguments.names or catalogue.names():
            print(row(catalogue.profile(name, arguments.seed), arguments.seed), flush=True)
            catalogue.profile.cache_clear()
    except ValueError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        return 130
    return 0


def row(profile: Profile, seed: int) -> str:
    """One profile's row."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    drawn = [Study(profile, "help", number, None, moment, seed) for number in range(1, DRAWN + 1)]
    drawn.sort(key=lambda study: study.instance_count)
    fewest, middle, most = (drawn[at * DRAWN // 10] for at in (1, 5, 9))
    sizes, raw, sent = [], 0, 0
    for (series, number), count in middle.kinds().items():
        size, _ = sample(profile, series, number)
        sizes.append(size)
        raw += count * uncompressed(profile.data_set(series, number))
        sent += count * size
    compressed = UID(profile.transfer_syntax).is_compressed and raw
    return ROW.format(
        profile.name,
        UID(profile.transfer_syntax).name.split(",")[0].replace(" Image Compression", "")[:33],
        " to ".join(dict.fromkeys(f"{size / 1e6:.2f}" for size in (min(sizes), max(sizes)))),
        f"{raw / sent:.1f}" if compressed else "-",
        f"{fewest.instance_count} / {middle.instance_count} / {most.instance_count}",
        f"{sent / 1e9:.3f}",
        profile.source,
    )


def uncompressed(data_set: Dataset) -> int:
    """Bytes of its pixel data in native form; 0 for what is no image."""
    if "Rows" not in data_set:
        return 0
    samples = data_set.Rows * data_set.Columns * data_set.SamplesPerPixel * int(data_set.get("NumberOfFrames", 1))
    return int(samples * data_set.BitsAllocated // 8)


if __name__ == "__main__":
    sys.exit(main())
