"""The key of an image changes exactly when something changes that its build can see."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.images import context
from infra.images.keys import image_key
from infra.images.recipe import ImageError, ImageFile, Recipe

IMAGE = Recipe("one", ImageFile(title="t", version="1", files=("src/**",)))
NAMES = st.text("ab", min_size=1, max_size=3).map(lambda text: "/".join(text))
# a name that is another's folder can't exist beside it
TREES = st.dictionaries(NAMES, st.binary(max_size=4), min_size=1, max_size=4).filter(
    lambda tree: not any(other.startswith(f"{name}/") for name in tree for other in tree)
)


def write(root: Path, tree: dict[str, bytes]) -> Path:
    for name, content in {"infra/images/one/Containerfile": b"FROM scratch"}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    for name, content in tree.items():
        file = root / "src" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return root


def key(root: Path, image: Recipe = IMAGE, parent: str = "", outside: str = "") -> str:
    return image_key(image, context.collect(image, root, root / "tools"), parent, outside)


def key_of(tree: dict[str, bytes]) -> str:
    with tempfile.TemporaryDirectory() as root:
        return key(write(Path(root), tree))


@given(TREES, TREES)
def test_keys_are_equal_if_and_only_if_the_trees_are(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    assert (key_of(one) == key_of(other)) == (one == other)


def test_place_time_and_group_rights_do_not_matter(tmp_path: Path) -> None:
    here, there = write(tmp_path / "here", {"a": b"1"}), write(tmp_path / "there", {"a": b"1"})
    os.utime(there / "src/a", (1, 1))
    (there / "src/a").chmod(0o600)
    assert key(here) == key(there)


def test_a_lock_file_that_two_images_share_matters(tmp_path: Path) -> None:
    sharing = Recipe("one", ImageFile(title="t", version="1", wheels="../two/requirements.lock"))
    lock = write(tmp_path, {}) / "infra/images/two/requirements.lock"
    lock.parent.mkdir()
    lock.write_text("a==1")
    before = key(tmp_path, sharing)
    lock.write_text("a==2")
    assert key(tmp_path, sharing) != before


def test_leave_to_execute_matters(tmp_path: Path) -> None:
    before = key(write(tmp_path, {"a": b"1"}))
    (tmp_path / "src/a").chmod(0o755)
    assert key(tmp_path) != before


def test_what_python_and_editors_leave_does_not_matter(tmp_path: Path) -> None:
    before = key(write(tmp_path, {"a.py": b"1"}))
    write(tmp_path, {"__pycache__/a.cpython-313.pyc": b"x", "a.pyc": b"x", ".a.swp": b"x", ".cache/a": b"x"})
    assert key(tmp_path) == before


def test_the_containerfile_the_name_the_parent_and_what_is_outside_matter(tmp_path: Path) -> None:
    root = write(tmp_path, {"a": b"1"})
    keys = [key(root), key(root, parent="p"), key(root, outside="p"), key(root, Recipe("", IMAGE.file))]
    (root / "infra/images/one/Containerfile").write_text("FROM scratch\n")
    assert len({*keys, key(root)}) == 5


def test_a_tool_matters_by_its_content(tmp_path: Path) -> None:
    image = Recipe("one", IMAGE.file.model_copy(update={"tools": ("weed",)}))
    root = write(tmp_path, {"a": b"1"})
    (root / "tools").mkdir()
    (root / "tools/weed").write_bytes(b"1")
    before = key(root, image)
    (root / "tools/weed").write_bytes(b"2")
    assert key(root, image) != before


def test_the_copies_that_a_build_sees_have_the_key_of_their_sources(tmp_path: Path) -> None:
    root = write(tmp_path / "repository", {"a": b"1", "b/c": b"2"})
    (root / "src/a").chmod(0o700)
    staged = context.stage(context.collect(IMAGE, root, root), tmp_path / "context", 1_000_000_000)
    assert image_key(IMAGE, staged, "") == key(root)
    assert {file.source.stat().st_mtime for file in staged} == {1_000_000_000}


def test_a_glob_without_a_match_is_refused(tmp_path: Path) -> None:
    root = write(tmp_path, {})
    with pytest.raises(ImageError, match=r"infra/images/one/image.toml: files: nothing matches 'src/\*\*'"):
        key(root)


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    root = write(tmp_path, {"a": b"1"})
    (root / "src/link").symlink_to("a")
    with pytest.raises(ImageError, match="src/link: is a symbolic link"):
        key(root)


def test_a_tool_that_is_not_built_is_refused_with_what_builds_it(tmp_path: Path) -> None:
    image = Recipe("one", IMAGE.file.model_copy(update={"tools": ("weed",)}))
    with pytest.raises(ImageError, match=r"image one needs weed, which isn't built: run python -m infra\.node\.tools"):
        key(write(tmp_path, {"a": b"1"}), image)
