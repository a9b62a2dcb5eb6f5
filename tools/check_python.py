"""Say in one sentence why an environment can't be made with this Python; say nothing where it can.

Has to run on any Python 3, so it uses nothing newer.
"""

import sys

NEEDED = (3, 11)


def complaint():
    """Return what is wrong and what to do about it, or None."""
    here = "{} is Python {}.{}".format(sys.executable, *sys.version_info[:2])
    if sys.version_info[:2] < NEEDED:
        return (
            "perdure needs Python {}.{} or later, and {}. Name another one, e.g. `make test PYTHON=python3.12`.".format(
                *NEEDED, here
            )
        )
    try:
        import ensurepip  # noqa: F401 - only whether it is there
        import venv  # noqa: F401 - only whether it is there
    except ImportError:
        return "{}, but its `venv` module is missing. On Debian and Ubuntu: `apt install python{}.{}-venv`.".format(
            here, *sys.version_info[:2]
        )
    return None


sys.exit(complaint())
