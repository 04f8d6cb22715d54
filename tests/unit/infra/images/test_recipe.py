"""Image folders: what is read of them and how a wrong one is refused."""

from pathlib import Path

import pytest

from infra.images import recipe
from infra.images.recipe import ImageError

REPOSITORY = Path(__file__).parents[4]


def make(repository: Path, name: str, toml: str, containerfile: str | None = "FROM scratch\n") -> None:
    folder = repository / "infra/images" / name
    folder.mkdir(parents=True)
    (folder / "image.toml").write_text(toml)
    if containerfile is not None:
        (folder / "Containerfile").write_text(containerfile)


def test_the_images_of_this_repository_are_described_and_every_parent_comes_first() -> None:
    recipes = recipe.load(REPOSITORY)
    names = list(recipes)
    contract = {
        "base",
        "pause",
        "coredns",
        "archive",
        "postgres",
        "haproxy",
        "prometheus",
        "seaweedfs",
        "python",
        "alertmanager",
    }
    assert contract | {"loadtests"} <= set(names)
    assert all(not r.file.parent or names.index(r.file.parent) < names.index(r.name) for r in recipes.values())


@pytest.mark.parametrize("image", recipe.load(REPOSITORY).values(), ids=lambda image: str(image.name))
def test_every_image_ends_as_the_user_10001(image: recipe.Recipe) -> None:
    lines = (REPOSITORY / image.containerfile).read_text().splitlines()
    assert [line for line in lines if line.startswith("USER ")][-1] == "USER 10001:10001"


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('version = "1"', "infra/images/one/image.toml: title: Field required"),
        ('title = "t"\nversion = ""', "infra/images/one/image.toml: version: String should have at least 1 character"),
        ('title = "t"\nversion = "1"\nfile = []', "infra/images/one/image.toml: file: Extra inputs are not permitted"),
        (
            'title = "t"\nversion = "1"\nparent = "two"',
            "infra/images/one/image.toml: parent: there is no image 'two'",
        ),
        ("title = ", "infra/images/one/image.toml: Invalid value (at end of document)"),
    ],
)
def test_a_wrong_description_is_refused_by_file_field_and_reason(tmp_path: Path, toml: str, message: str) -> None:
    make(tmp_path, "one", toml)
    with pytest.raises(ImageError) as refused:
        recipe.load(tmp_path)
    assert str(refused.value) == message


def test_a_folder_without_a_containerfile_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "one", 'title = "t"\nversion = "1"\nparent = ""', containerfile=None)
    with pytest.raises(ImageError, match=r"infra/images/one: has an image\.toml but no Containerfile"):
        recipe.load(tmp_path)


def test_images_that_are_each_others_parents_are_refused(tmp_path: Path) -> None:
    make(tmp_path, "one", 'title = "t"\nversion = "1"\nparent = "two"')
    make(tmp_path, "two", 'title = "t"\nversion = "1"\nparent = "one"')
    with pytest.raises(ImageError, match="each other's parents: "):
        recipe.load(tmp_path)


def test_naming_an_image_brings_its_parents_and_nothing_else(tmp_path: Path) -> None:
    make(tmp_path, "base", 'title = "t"\nversion = "1"\nparent = ""')
    make(tmp_path, "middle", 'title = "t"\nversion = "1"')
    make(tmp_path, "leaf", 'title = "t"\nversion = "1"\nparent = "middle"')
    make(tmp_path, "other", 'title = "t"\nversion = "1"')
    assert list(recipe.with_parents(recipe.load(tmp_path), ["leaf"])) == ["base", "middle", "leaf"]


def test_an_unknown_name_is_refused_with_the_names_there_are(tmp_path: Path) -> None:
    make(tmp_path, "base", 'title = "t"\nversion = "1"\nparent = ""')
    with pytest.raises(ImageError, match=r"there is no image 'bass'; there are: base"):
        recipe.with_parents(recipe.load(tmp_path), ["bass"])


def test_the_image_of_the_exporters_holds_no_library_of_the_load_tests() -> None:
    def packages(name: str) -> set[str]:
        lock = (REPOSITORY / "infra/images" / name / "requirements.lock").read_text()
        return {line.partition("==")[0] for line in lock.splitlines() if "==" in line}

    assert packages("python-libraries").isdisjoint({"locust", "numpy", "scipy", "av", "imagecodecs", "plotly"})
    assert {"locust", "numpy", "scipy", "av", "imagecodecs", "plotly"} <= packages("loadtests-libraries")
