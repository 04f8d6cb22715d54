# Installs the wheels in /wheels that a lock file names into the virtual environment on PATH: install.sh LOCK
set -eu
python -m zipfile -e /wheels/pip-*.whl /tmp/pip
# The container writes no .pyc files, so pip must, whatever the environment says. It goes when it has done its work.
export PYTHONPATH=/tmp/pip PYTHONDONTWRITEBYTECODE=
python -m pip install --no-index --no-deps --require-hashes --find-links /wheels -r "$1"
python -m pip uninstall -y pip
