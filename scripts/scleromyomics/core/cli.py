"""Turn a module's `run(*, ...)` function into the command that a rule, a test and a person call alike."""

import errno
import sys
from collections.abc import Callable, Sequence

from scleromyomics.core.errors import InputError

EXIT_INPUT = 2  # what every command returns for something the user can fix
MENDABLE = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}  # full, forbidden, read-only

__all__ = ["EXIT_INPUT", "InputError", "command", "entry_point"]


def command(function: Callable[..., object], arguments: Sequence[str] | None = None) -> int:
    """Parse `arguments` (default: those of the process) into the keywords of `function` and call it.

    Returns:
        The exit status: what the function returned if that is an integer, else 0; 2 for an `InputError`
        or a flag that the function does not take, with the reason on standard error.
    """
    from cyclopts import App, CycloptsError, Parameter

    app = App(
        name=f"python -m {_module_name(function)}",
        default_parameter=Parameter(negative="", consume_multiple=True),
        version_flags=[],
        result_action="return_value",
    )
    app.default(function)
    return call(lambda: app(arguments, exit_on_error=False, print_error=False), CycloptsError)


def call(action: Callable[[], object], usage_error: type[Exception]) -> int:
    """Run `action`; what the user can mend becomes its text on standard error and status 2.

    That is an `InputError`, a `usage_error` of the command line, or a full, read-only or forbidden place.
    """
    try:
        result = action()
    except InputError as error:
        print(_prefixed(str(error)), file=sys.stderr)
        return EXIT_INPUT
    except OSError as error:
        if error.errno not in MENDABLE:
            raise
        print(_prefixed(f"{error.filename or 'a file'}: {error.strerror}"), file=sys.stderr)
        return EXIT_INPUT
    except usage_error as error:
        print(_prefixed(" ".join(str(error).split())), file=sys.stderr)
        return EXIT_INPUT
    return result if isinstance(result, int) else 0


def entry_point(function: Callable[..., object]) -> None:
    """Call `function` with the flags of this process and end the process with its status."""
    sys.exit(command(function))


def _prefixed(text: str) -> str:
    return "\n".join(f"error: {line}" for line in text.splitlines())


def _module_name(function: Callable[..., object]) -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if function.__module__ == "__main__" and spec else function.__module__
