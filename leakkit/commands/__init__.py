"""The command line: one file for each subcommand, :data:`COMMANDS` is the whole list.

Nothing heavy is imported here or at the top of a command's file, so ``leakkit --help`` stays fast.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
import traceback
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from leakkit import __version__
from leakkit.commands._console import complain, drop_stdout, emit, orderly_end, prepare_streams
from leakkit.commands._durations import with_time_left_out
from leakkit.errors import ExitCode, LeakkitError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

__all__ = ["COMMANDS", "build_app", "main"]

COMMANDS = ("diagnose", "snapshot", "whatif", "try", "verify", "gate", "picture", "probes", "info", "recipes", "demo")
"""Names of the commands, in the order of ``--help``; each is the function of that name in its module."""

_MODULES = {"try": "try_"}
"""Modules, and functions, of commands whose name Python keeps for itself."""

_ABOUT = """Find out why a Python process grows: where every megabyte is, who holds it, which fix pays.

\b
leakkit diagnose PID --for 60s         several snapshots, then the diagnosis
leakkit snapshot PID -o a.leak         one snapshot into a file
leakkit diagnose a.leak b.leak c.leak  the same diagnosis from files, on any machine
leakkit picture a.leak -o leak.svg     a finding drawn by Graphviz
leakkit probes                         which other tools can be asked
leakkit info a.leak                    what is inside a snapshot file
leakkit gate app.tasks:import_one      fail when memory keeps pace with the work
leakkit recipes show collect           how to apply a fix
leakkit demo                           two real leaks, found and fixed
"""


def build_app() -> typer.Typer:
    """The Typer application with all commands."""
    app = typer.Typer(
        name="leakkit",
        help=_ABOUT,
        add_completion=False,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for name in COMMANDS:
        _add(app, name, importlib.import_module(f"leakkit.commands.{_MODULES.get(name, name)}"))
    return app


def _add(app: typer.Typer, name: str, module: ModuleType) -> None:
    """A command, or a group that does by itself what the command does when none of those below is named."""
    command, below = getattr(module, _MODULES.get(name, name)), getattr(module, "SUBCOMMANDS", ())
    if not below:
        app.command(name, cls=getattr(module, "COMMAND_CLASS", None))(_guarded(command))
        return
    group = typer.Typer(rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]})
    group.callback(invoke_without_command=True)(_guarded(command))
    for one in below:
        group.command(one.__name__)(_guarded(one))
    app.add_typer(group, name=name)


def _show_version(value: bool) -> None:
    if value:
        from leakkit import native

        without = f"without its C parts: {reason}\n" if (reason := native.why_not()) else ""
        emit(f"leakkit {__version__}\n{without}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


_options.__doc__ = _ABOUT


def _guarded(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command, with every exception turned into a line on stderr and an exit status.

    Inside of Typer, which by itself turns Ctrl-C and a closed pipe into status 1: that means a leak here.
    """

    @functools.wraps(command)
    def call(*args: Any, **kwargs: Any) -> None:
        try:
            with orderly_end():
                command(*args, **kwargs)
        except LeakkitError as error:
            if _debugging():
                traceback.print_exc()
            complain(error.message, error.hint)
            raise SystemExit(error.exit_code) from None
        except KeyboardInterrupt:
            complain("interrupted")
            raise SystemExit(ExitCode.INTERRUPTED) from None
        except BrokenPipeError:
            drop_stdout()
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except Exception as error:  # noqa: BLE001 - the outermost border: anything else is a bug of leakkit
            _internal_error(error)

    return call


def _debugging() -> bool:
    return bool(os.environ.get("LEAKKIT_DEBUG"))


def _internal_error(error: Exception) -> NoReturn:
    if _debugging():
        traceback.print_exc()
    complain(
        f"internal error: {type(error).__name__}: {error}",
        "" if _debugging() else "run it again with LEAKKIT_DEBUG=1 for the traceback, and report it",
    )
    raise SystemExit(ExitCode.INTERNAL)


def main() -> NoReturn:
    """Run the command line and exit with a code of :class:`leakkit.errors.ExitCode`."""
    prepare_streams()
    try:
        build_app()(args=with_time_left_out(sys.argv[1:]))
    except KeyboardInterrupt:
        complain("interrupted")
        sys.exit(ExitCode.INTERRUPTED)
    sys.exit(ExitCode.OK)
