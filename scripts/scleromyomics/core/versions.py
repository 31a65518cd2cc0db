"""Versions of the tools behind an output, for its receipt."""

import platform
from importlib.metadata import version

import scleromyomics


def versions(*packages: str) -> dict[str, str]:
    """Versions of this project, Python and the named packages."""
    own = {"scleromyomics": scleromyomics.__version__, "python": platform.python_version()}
    return own | {name: version(name) for name in packages}
