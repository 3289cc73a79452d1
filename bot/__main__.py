"""The command line: `python -m bot`, also installed as `telegram-video-bot`."""

from __future__ import annotations

import argparse
import os

# Before anything imports telegram: with it, Telegram's waiting times are timedeltas, as they will
# always be in its next major version; without it, each flood limit raises a deprecation warning.
os.environ.setdefault("PTB_TIMEDELTA", "1")

import asyncio
import logging
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bot.operations.logs import Redaction, set_up_logs
from bot.process import (
    DATABASE,
    HEARTBEAT,
    ExitCode,
    call_on_stop_signals,
    exit_now,
    forbid_core_dumps,
    is_alive,
    replace_closed_streams,
)
from bot.settings.definition import MAX_PORT
from bot.settings.sources import (
    ENV_FILE,
    WrongSettings,
    read_aimlapi_url,
    read_data_dir,
    read_secrets,
    read_settings,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

PRIVATE_UMASK = 0o077
"""Files and folders are made without any right for other users."""

logger = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    replace_closed_streams()
    # by SystemExit, so that `finally` blocks clean up
    call_on_stop_signals(partial(sys.exit, ExitCode.FAILURE))
    chosen = _parser().parse_args(arguments)
    # files hold what people wrote: no other user of this machine may read them
    os.umask(PRIVATE_UMASK)
    forbid_core_dumps()
    commands: dict[str | None, Callable[[], int]] = {
        "backup": lambda: _backup(chosen.file),
        "demo": lambda: _demo(chosen),
        "doctor": lambda: _doctor(in_json=chosen.json),
        "healthcheck": _healthcheck,
        "models": lambda: _models(in_json=chosen.json),
    }
    try:
        set_up_logs(level="WARNING", form="text", secrets=_secrets())
        return commands.get(chosen.command, _run)()
    except WrongSettings as wrong:
        for problem in wrong.problems:
            _say(problem, sys.stderr)
        return ExitCode.WRONG_SETTINGS
    except Exception:
        # logged, because the interpreter would print the token in its traceback
        logger.critical("The bot broke down.", exc_info=True)
        return ExitCode.FAILURE


def _say(text: str, stream: TextIO | None = None) -> None:
    """Print a text with secrets redacted: an error may quote an address that holds the token."""
    print(Redaction(_secrets()).scrub(text), file=stream)


def _secrets() -> tuple[str, ...]:
    try:
        return read_secrets(os.environ, ENV_FILE)
    except WrongSettings:
        return ()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="telegram-video-bot",
        description="Turns prompts and photos sent in Telegram chats into videos.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("run", help="run the bot until it is asked to stop (the default)")
    demo = commands.add_parser("demo", help="try the bot in a chat page, without any account")
    demo.add_argument("--port", type=port, default=8088, help="of the page, or the next free one")
    demo.add_argument(
        "--data-dir", type=Path, help="keep the bot's data here; chats start empty each time"
    )
    demo.add_argument("--no-browser", action="store_true", help="open no browser")
    doctor = commands.add_parser("doctor", help="look at all a start needs; exit 1 on a failure")
    doctor.add_argument("--json", action="store_true", help="as a list of objects")
    models = commands.add_parser("models", help="list the models that MODELS can name, with prices")
    models.add_argument("--json", action="store_true", help="as a list of objects")
    backup = commands.add_parser("backup", help="copy the database into FILE, also while it runs")
    backup.add_argument("file", metavar="FILE", type=Path)
    commands.add_parser("healthcheck", help="exit with 0 if the bot is alive, else with 1")
    return parser


def port(text: str) -> int:
    """Read a TCP port, 0 for any free one. Raises ValueError, which argparse reports."""
    number = int(text)
    if not 0 <= number <= MAX_PORT:
        raise ValueError
    return number


def _run() -> int:
    call_on_stop_signals(partial(sys.exit, ExitCode.STOPPED))
    settings = read_settings(os.environ, ENV_FILE)
    _check_proxies()
    set_up_logs(level=settings.log_level, form=settings.log_format, secrets=_secrets())

    # imported here, so that `healthcheck` starts fast
    from bot.lifecycle import run

    try:
        # `asyncio.run` would wait for threads: a DNS lookup, which cannot be cancelled, blocks its
        # own until the resolver gives up, and the service manager would kill the process before
        code = asyncio.new_event_loop().run_until_complete(run(settings))
    except Exception:
        logger.critical("The bot broke down.", exc_info=True)
        code = ExitCode.FAILURE
    exit_now(code)


def _check_proxies() -> None:
    from generation.provider.connections import proxy_problem

    if problem := proxy_problem():
        raise WrongSettings([problem])


def _demo(chosen: argparse.Namespace) -> int:
    try:
        from bot.demo import KEY, demo, has_browser
        from sandbox.telegram.sandbox import TOKEN
    except ModuleNotFoundError:
        _say("The demo is not in this installation: `make demo` in a checkout runs it.", sys.stderr)
        return ExitCode.FAILURE

    set_up_logs(level="WARNING", form="text", secrets=(TOKEN, TOKEN.partition(":")[2], KEY))
    browser = not chosen.no_browser and has_browser(os.environ, sys.platform)
    return asyncio.run(demo(port=chosen.port, data_dir=chosen.data_dir, browser=browser))


def _doctor(*, in_json: bool) -> int:
    from bot.operations.doctor import as_json, as_text, diagnose, has_passed, wrong_settings

    try:
        settings = read_settings(os.environ, ENV_FILE)
        _check_proxies()
        findings = asyncio.run(diagnose(settings))
    except WrongSettings as wrong:
        findings = wrong_settings(wrong.problems)
    _say(as_json(findings) if in_json else as_text(findings, coloured=sys.stdout.isatty()))
    return 0 if has_passed(findings) else ExitCode.FAILURE


def _models(*, in_json: bool) -> int:
    from bot.operations.model_list import as_json, as_text, ask, usable
    from generation.models.availability import unknown_models
    from generation.models.offer import Offer

    _check_proxies()
    known = Offer.load()
    snapshot = asyncio.run(ask(read_aimlapi_url(os.environ, ENV_FILE)))
    offer = usable(known, snapshot)
    _say(as_json(offer) if in_json else as_text(offer, unknown_models(known, snapshot)))
    return 0


def _backup(target: Path) -> int:
    from storage.migrations import BackupFailed, back_up

    try:
        back_up(read_data_dir(os.environ, ENV_FILE) / DATABASE, target)
    except BackupFailed as failure:
        _say(f"No backup: {failure}.", sys.stderr)
        return ExitCode.FAILURE
    _say(f"Backed up to {target}.")
    return 0


def _healthcheck() -> int:
    return 0 if is_alive(read_data_dir(os.environ, ENV_FILE) / HEARTBEAT, time.time()) else 1


if __name__ == "__main__":
    sys.exit(main())
