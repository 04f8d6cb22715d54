"""The programs that the project calls, made once and linked into `paths.tools_bin()`: `python -m infra.node.tools`.

Each tool is looked for on PATH, then among what the site has configured to be downloadable, then made from what every
closed network has: a Go module of this package's folders, or a Debian package.
"""
