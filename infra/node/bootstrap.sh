#!/usr/bin/env bash
# From a bare Debian to a work tree that can be used: Python with venv, `.venv` from the lock, the tools of
# `infra.node.tools` (to which the arguments go). A second run does nothing in seconds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

say() { printf '%s\n' "$*" >&2; }

python() { # the first Python that is new enough and can make virtual environments
  local candidate
  for candidate in python3 /usr/bin/python3 python3.13 python3.12 python3.11; do
    "$candidate" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || continue
    echo "$candidate" && return
  done
  return 1
}

if ! base=$(python); then
  if [ "$(id -u)" != 0 ]; then
    say "error: no Python 3.11 or later with venv: ask for 'apt-get install python3 python3-venv'"
    exit 1
  fi
  say "installing python3, python3-venv …"
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq -o DPkg::Lock::Timeout=300 update
  apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends ca-certificates python3 python3-venv >&2
  base=$(python) || { say "error: this Debian's python3 is older than 3.11: install a newer one and put it on PATH"; exit 1; }
fi

# One at a time: two runs would write into the same environment. (A lock on a file that is there anyway.)
exec 9< requirements.lock
flock -n 9 || { say "another run makes .venv: waiting for it …"; flock 9; }

# A line every 15 s until its standard input is closed, so that nothing is left behind whatever ends this script.
signs_of_life() {
  while read -rt 15; (($? > 128)); do say "making .venv from requirements.lock … $SECONDS s"; done
}

# The environment is whole when it has the key of what it was made from; the key is written last.
key=$(cat requirements.lock pyproject.toml | sha256sum | cut -d ' ' -f 1)
if [ "$(cat .venv/made-from 2> /dev/null)" != "$key" ]; then
  SECONDS=0
  say "making .venv from requirements.lock …"
  exec 8> >(signs_of_life)
  rm -f .venv/made-from
  # Made in place (an environment cannot be moved); one of an older Python or without pip is made anew.
  .venv/bin/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2> /dev/null 8>&- ||
    "$base" -m venv --clear .venv 8>&-
  .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock 8>&-
  .venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e . 8>&-
  exec 8>&-
  echo "$key" > .venv/made-from
  say "making .venv from requirements.lock: $SECONDS s"
fi
exec 9<&-

[ "${1-}" != --venv ] || exit 0 # `make up` goes on by itself, the images beside the tools
exec .venv/bin/python -m infra.node.tools "$@"
