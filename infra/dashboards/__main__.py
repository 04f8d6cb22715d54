"""`make dashboards`: writes the generated files anew and removes those of views that are no more."""

from infra.dashboards import DASHBOARDS
from infra.dashboards.generated_files import FOLDER, VIEWS
from infra.dashboards.grafana import grafana
from infra.dashboards.views import views


def generated() -> dict[str, str]:
    """Name -> content of everything that the declaration makes."""
    return {VIEWS.name: views(), **{f"{view.uid}.json": grafana(view) for view in DASHBOARDS}}


def main() -> None:
    """Writes them."""
    files = generated()
    for file in FOLDER.glob("*.json"):
        if file.name not in files:
            file.unlink()
    for name, text in files.items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
