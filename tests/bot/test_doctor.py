"""`doctor`: every check, what it says when something is wrong, and what to do then."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.responses import JSONResponse, Response

from bot.app import Times
from bot.operations import checks
from bot.operations.checks import Verdict
from bot.operations.doctor import (
    as_text,
    check_clock,
    check_selling,
    check_webhook_secret,
    diagnose,
    has_passed,
)
from sandbox.aimlapi import Fault
from sandbox.aimlapi.refusals import Refusal
from sandbox.telegram import Fault as Said
from sandbox.telegram import Fault as TelegramFault
from storage import ledger, payments
from storage.database import Database
from storage.ledger import Pot
from storage.payments import Charge
from tests.bot.test_command_line import PROJECT, bot

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from starlette.requests import Request

    from bot.operations.checks import Finding
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import TelegramSandbox
    from tests.harness import Harness


HOOK = "https://bot.example.com/updates"


async def finding(harness: Harness, about: str, **changes: Any) -> Finding:
    """Let the doctor look, and return what it says about one thing."""
    findings = await diagnose(harness.settings(**changes))
    said = [one for one in findings if one.about == about]
    assert len(said) == 1, findings
    return said[0]


async def test_a_healthy_house_is_fit(harness: Harness) -> None:
    findings = await diagnose(harness.settings())
    assert has_passed(findings)
    assert [one.about for one in findings if one.verdict is Verdict.OK] == [
        "database", "DATA_DIR", "media", "TELEGRAM_BOT_TOKEN", "AIMLAPI_KEY", "MODELS", "clock",
        "ADMIN_IDS",
        "bot.sqlite3", "running",
    ]  # fmt: skip


async def test_a_refused_token_is_named(harness: Harness, telegram: TelegramSandbox) -> None:
    wrong = SecretStr(f"{telegram.token[:-4]}abcd")
    said = await finding(harness, "TELEGRAM_BOT_TOKEN", telegram_bot_token=wrong)
    assert said.verdict is Verdict.FAILURE
    assert "@BotFather" in said.remedy


async def test_a_telegram_out_of_reach_is_a_failure(harness: Harness) -> None:
    said = await finding(harness, "Telegram", telegram_api_url="http://127.0.0.1:9")
    assert said.verdict is Verdict.FAILURE


SERVERS = "/var/lib/telegram-bot-api/"


@pytest.mark.parametrize(
    ("path", "is_local", "verdict"),
    [
        (f"{SERVERS}1:token/photos/file_0.jpg", True, Verdict.FAILURE),
        (f"{SERVERS}1:token/photos/file_0.jpg", False, Verdict.FAILURE),
        ("photos/file_0.jpg", True, Verdict.WARNING),
        (__file__, True, Verdict.OK),
        (None, True, Verdict.OK),
    ],
    ids=["unseen", "unseen and unsaid", "no local mode", "seen", "no picture to look at"],
)
async def test_a_servers_files_are_looked_at(
    path: str | None, is_local: bool, verdict: Verdict, harness: Harness, telegram: TelegramSandbox
) -> None:
    picture = telegram.world.files.add("photo", b"the bot's own", width=1, height=1).as_json()
    photos = {"total_count": 1, "photos": [[picture]] if path else []}
    telegram.faults.next("getUserProfilePhotos", Said.answers(photos))
    file = {"file_id": "a", "file_unique_id": "b", "file_path": path}
    telegram.faults.next("getFile", Said.answers(file))
    said = await finding(harness, "TELEGRAM_API_LOCAL", telegram_api_local=is_local)
    assert said.verdict is verdict
    assert (SERVERS in said.found) == (verdict is Verdict.FAILURE)


async def test_what_answers_in_telegram_s_place_is_a_failure(
    harness: Harness, telegram: TelegramSandbox
) -> None:
    telegram.faults.always("getMe", TelegramFault.unreadable())
    said = await finding(harness, "Telegram")
    assert said.verdict is Verdict.FAILURE
    assert said.found == "what answers in its place cannot be read"


async def test_a_refused_key_is_named(harness: Harness) -> None:
    said = await finding(harness, "AIMLAPI_KEY", aimlapi_key=SecretStr("not-this-one"))
    assert (said.verdict, said.found) == (Verdict.FAILURE, "it is refused")


async def test_an_empty_account_is_a_failure(harness: Harness, provider: AimlApiSandbox) -> None:
    provider.balance = Decimal(0)
    said = await finding(harness, "AIMLAPI_KEY")
    assert (said.verdict, said.found) == (Verdict.FAILURE, "the account is empty")


async def test_an_empty_account_is_one_also_where_its_details_are_not_told(
    harness: Harness, provider: AimlApiSandbox
) -> None:
    async def meet(request: Request, go_on: Callable[..., Awaitable[Response]]) -> Response:
        if request.url.path.endswith("/detail"):
            raise Refusal(403, "this key may not read that")
        return await go_on(request)

    provider.balance = Decimal(0)
    provider.faults.always("billing", Fault("no details", meet))
    said = await finding(harness, "AIMLAPI_KEY")
    assert (said.verdict, said.found) == (Verdict.FAILURE, "the account is empty")
    assert (await finding(harness, "auto top-up")).verdict is Verdict.WARNING


async def test_a_provider_out_of_reach_is_a_failure(harness: Harness) -> None:
    said = await finding(harness, "AIMLAPI_URL", aimlapi_url="http://127.0.0.1:9")
    assert said.verdict is Verdict.FAILURE
    assert said.found.startswith("http://127.0.0.1:9 cannot be reached")


async def test_a_provider_that_only_sends_elsewhere_is_a_failure(
    harness: Harness, provider: AimlApiSandbox
) -> None:
    async def meet(_request: Request, _go_on: Callable[..., Awaitable[Response]]) -> Response:
        return Response(status_code=308, headers={"location": "https://api.example.com/"})

    provider.faults.always("billing", Fault("sent on", meet))
    said = await finding(harness, "AIMLAPI_URL")
    assert said.verdict is Verdict.FAILURE
    assert (
        said.found == f"{provider.url} only sends on to another address, where no paid request goes"
    )


async def test_a_provider_that_stumbles_is_no_failure(
    harness: Harness, provider: AimlApiSandbox
) -> None:
    provider.faults.always("billing", Fault.http(500))
    assert (await finding(harness, "AI/ML API")).verdict is Verdict.WARNING


async def test_a_403_from_billing_is_a_missing_scope_and_no_empty_account(
    harness: Harness, provider: AimlApiSandbox
) -> None:
    provider.faults.always("billing", Fault.http(403))
    said = await finding(harness, "AIMLAPI_KEY")
    assert said.verdict is Verdict.WARNING
    assert "scope" in said.found


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault.http(403, "Missing scope"), "may not read it"),
        (Fault.http(500), "cannot be read now"),
    ],
)
async def test_a_log_that_cannot_be_read_is_said(
    harness: Harness, provider: AimlApiSandbox, fault: Fault, said: str
) -> None:
    provider.faults.always("logs", fault)
    found = await finding(harness, "the provider's log")
    assert (found.verdict, said in found.found) == (Verdict.WARNING, True)


async def test_auto_top_up_is_no_ceiling(harness: Harness, provider: AimlApiSandbox) -> None:
    async def meet(_request: Request, _go_on: Callable[..., Awaitable[Response]]) -> Response:
        topup = {"is_enabled": True, "threshold": 5, "amount": 50, "currency": "USD"}
        return JSONResponse({"current_balance": 7.5, "autotopup_settings": topup})

    provider.faults.always("billing", Fault("tops up", meet))
    said = await finding(harness, "auto top-up")
    assert said.found == "ON: your balance is no ceiling"


async def test_families_that_are_gone_are_named(harness: Harness, provider: AimlApiSandbox) -> None:
    provider.withdraw("openai/sora-2-t2v")
    provider.withdraw("openai/sora-2-i2v")
    said = await finding(harness, "MODELS")
    assert said.verdict is Verdict.WARNING
    assert "gone: sora-2" in said.found
    only = await finding(harness, "MODELS", models=("sora-2",))
    assert only.verdict is Verdict.FAILURE


async def test_a_clock_that_is_off_is_a_failure(harness: Harness, provider: AimlApiSandbox) -> None:
    async with httpx.AsyncClient() as http:
        (fast,) = await check_clock(provider.url, http, time.time() + 300)
        (right,) = await check_clock(provider.url, http, time.time())
    assert fast.verdict is Verdict.FAILURE
    assert right.verdict is Verdict.OK


def test_an_old_sqlite_is_a_failure() -> None:
    (said,) = checks.check_sqlite((3, 34, 1))
    assert said.verdict is Verdict.FAILURE


def test_a_folder_that_is_none_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    (said,) = checks.check_folder(tmp_path / "file" / "data")
    assert said.verdict is Verdict.FAILURE


async def test_a_bot_for_everybody_without_a_ceiling_is_warned_of(harness: Harness) -> None:
    said = await finding(harness, "spending")
    assert said.verdict is Verdict.WARNING
    assert "Anyone on Telegram may use this bot" in said.found
    safe = await finding(harness, "spending", budget_usd=Decimal(10))
    assert safe.verdict is Verdict.OK


async def test_colours_are_for_terminals_only(harness: Harness) -> None:
    findings = await diagnose(harness.settings())
    assert "\x1b[" not in as_text(findings, coloured=False)
    assert "\x1b[32m" in as_text(findings, coloured=True)


async def doctor(tmp_path: Path, *arguments: str, **environ: str) -> tuple[int | None, str]:
    """Run the doctor as an operator would."""
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "doctor", *arguments,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path / "data")} | environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, errors = await asyncio.wait_for(running.communicate(), 30)
    assert errors == b""
    return running.returncode, said.decode()


@pytest.mark.parametrize(("key", "code"), [("right", 0), ("wrong", 1)])
async def test_the_exit_code_tells_whether_the_bot_can_work(
    telegram: TelegramSandbox, provider: AimlApiSandbox, tmp_path: Path, key: str, code: int
) -> None:
    ended, said = await doctor(
        tmp_path,
        "--json",
        TELEGRAM_BOT_TOKEN=telegram.token,
        TELEGRAM_API_URL=telegram.url,
        AIMLAPI_KEY=provider.key if key == "right" else "wrong",
        AIMLAPI_URL=provider.url,
    )
    assert ended == code
    found = {one["about"]: one["verdict"] for one in json.loads(said)}
    assert found["AIMLAPI_KEY"] == ("ok" if key == "right" else "failure")
    assert telegram.token not in said


async def test_wrong_settings_are_findings_too(tmp_path: Path) -> None:
    ended, said = await doctor(tmp_path)
    assert ended == 1
    assert "FAILURE  TELEGRAM_BOT_TOKEN: is missing" in said
    assert "→ correct it in .env" in said


async def test_a_start_looks_quietly_and_logs_what_is_wrong(
    harness: Harness, provider: AimlApiSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    provider.balance = Decimal(0)
    async with harness.running(times=Times(limits_second=0.001, checkup=0.0)):
        async with asyncio.timeout(30):
            while "AIMLAPI_KEY: the account is empty" not in caplog.text:
                await asyncio.sleep(0.01)
        assert "top it up" in caplog.text


@pytest.mark.parametrize("in_json", [True, False])
async def test_a_page_that_echoes_what_was_asked_shows_no_secret(
    telegram: TelegramSandbox, provider: AimlApiSandbox, tmp_path: Path, *, in_json: bool
) -> None:
    async def echo(request: Request, _go_on: Callable[..., Awaitable[Response]]) -> Response:
        return Response(f"no: {request.headers['authorization']}", status_code=500)

    path = f"/bot{telegram.token}/getMe"
    telegram.faults.always("getMe", TelegramFault.error(500, f"cannot read {path}"))
    provider.faults.always("billing", Fault("echoes", echo))
    arguments = ["--json"] if in_json else []
    ended, said = await doctor(
        tmp_path,
        *arguments,
        TELEGRAM_BOT_TOKEN=telegram.token,
        TELEGRAM_API_URL=telegram.url,
        AIMLAPI_KEY=provider.key,
        AIMLAPI_URL=provider.url,
    )
    assert ended == 1
    assert "cannot read /bot[secret]/getMe" in said
    for secret in (telegram.token, telegram.token.partition(":")[2], provider.key):
        assert secret not in said


PASSWORD = "open-sesame"
UNUSABLE = {
    "socks": ("ALL_PROXY", f"socks5://ann:{PASSWORD}@127.0.0.1:1080", "is a SOCKS proxy"),
    "scheme": ("HTTPS_PROXY", f"gopher://ann:{PASSWORD}@127.0.0.1:70", "must be an address such"),
    "port": ("https_proxy", f"http://ann:{PASSWORD}@127.0.0.1:port", "must be an address such"),
}


@pytest.mark.parametrize("kind", UNUSABLE)
@pytest.mark.parametrize(("command", "code"), [("run", 2), ("doctor", 1), ("models", 2)])
def test_a_proxy_that_cannot_be_used_is_one_line(
    telegram: TelegramSandbox, tmp_path: Path, kind: str, command: str, code: int
) -> None:
    name, value, words = UNUSABLE[kind]
    # what Python reads at its start: as if nobody had installed it
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['socksio'] = None")
    environ = {name: value, "PYTHONPATH": f"{PROJECT}{os.pathsep}{tmp_path}"}
    ended = bot(
        command, at=tmp_path, TELEGRAM_BOT_TOKEN=telegram.token, AIMLAPI_KEY="key", **environ
    )
    assert ended.returncode == code
    [line] = [one for one in (ended.stdout + ended.stderr).splitlines() if "PROXY" in one]
    assert name.upper() in line
    assert words in line
    assert "Traceback" not in ended.stdout + ended.stderr
    assert PASSWORD not in ended.stdout + ended.stderr


async def test_telegram_and_the_provider_are_asked_through_the_same_proxy(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).decode().split()[1])
        writer.write(b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    proxy = await asyncio.start_server(serve, "127.0.0.1", 0)
    monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
    async with proxy:
        far = {"telegram_api_url": "http://bots.internal", "aimlapi_url": "http://ai.internal"}
        await diagnose(harness.settings(**far))
        hosts = {one.split("/")[2] for one in asked}
        assert hosts == {"bots.internal", "ai.internal"}
        asked.clear()
        assert has_passed(await diagnose(harness.settings())), "this machine is asked without one"
        assert asked == []


def test_a_file_of_secrets_that_others_can_read_is_warned_of(tmp_path: Path) -> None:
    secrets = tmp_path / ".env"
    assert checks.check_env_file(secrets) == []
    secrets.touch()
    secrets.chmod(0o600)
    assert checks.check_env_file(secrets) == []
    secrets.chmod(0o640)
    [said] = checks.check_env_file(secrets)
    assert said.verdict is Verdict.WARNING
    assert said.remedy == f"chmod 600 {secrets}"


def test_selling_at_a_loss_is_said_to_the_cent(harness: Harness) -> None:
    selling: dict[str, Any] = {"support_contact": "@owner", "star_usd": Decimal("0.009")}
    (said,) = check_selling(harness.settings(stars_per_credit=5, **selling))
    assert (said.about, said.verdict) == ("STARS_PER_CREDIT", Verdict.WARNING)
    assert said.found == (
        "a credit brings $0.045 and stands for $0.10: you lose $0.055 on each credit"
    )
    assert said.remedy == "from 12 on you do not, if STAR_USD is right"
    (said,) = check_selling(harness.settings(stars_per_credit=12, **selling))
    assert said.verdict is Verdict.OK
    assert check_selling(harness.settings()) == []


async def test_another_worth_of_a_credit_is_warned_of_while_people_hold_bought_ones(
    harness: Harness,
) -> None:
    db = await Database.open(harness.data / "bot.sqlite3")
    async with db.transaction() as tx:
        charge = Charge(charge_id="c", person=7, credits=50, stars=500, paid_at=0.0)
        await payments.credit(tx, charge, credit_micros=100_000)
        assert await tx.fetch_int(ledger.unspent(Pot.BOUGHT)) == 50
    said = await finding(harness, "CREDIT_USD", credit_usd=Decimal("0.05"))
    assert "$0.05 now, and people hold 50 credits, bought when one was $0.10:" in said.found
    assert check_selling(harness.settings()) == []
    async with db.transaction() as tx:
        await payments.end(tx, "c", now=1.0)
        assert await tx.fetch_int(ledger.unspent(Pot.BOUGHT)) == 0
    await db.close()
    assert check_selling(harness.settings(credit_usd=Decimal("0.05"))) == []


@pytest.mark.parametrize(
    ("info", "verdict"),
    [
        ({"url": "", "pending_update_count": 3}, Verdict.OK),
        ({"url": HOOK, "pending_update_count": 0, "last_error_message": "gone by"}, Verdict.OK),
        ({"url": HOOK, "pending_update_count": 3, "last_error_message": "SSL error"},
         Verdict.WARNING),
    ],
    ids=["not set yet", "well", "in trouble"],
)  # fmt: skip
async def test_telegrams_word_on_the_webhook_is_passed_on(
    info: dict[str, Any], verdict: Verdict, harness: Harness, telegram: TelegramSandbox
) -> None:
    telegram.faults.next("getWebhookInfo", Said.answers({"has_custom_certificate": False} | info))
    said = await finding(
        harness, "WEBHOOK_URL", webhook_url=HOOK, webhook_secret=SecretStr("s"), webhook_port=8080
    )
    assert said.verdict is verdict
    assert ("SSL error" in said.found) == (verdict is Verdict.WARNING)


@pytest.mark.parametrize(
    ("secret", "verdict"), [("s" * 15, Verdict.WARNING), ("s" * 16, Verdict.OK)]
)
def test_a_secret_of_the_webhook_that_can_be_guessed_is_pointed_out(
    secret: str, verdict: Verdict, harness: Harness
) -> None:
    settings = harness.settings(
        webhook_url=HOOK, webhook_secret=SecretStr(secret), webhook_port=8080
    )
    [said] = check_webhook_secret(settings)
    assert (said.verdict, secret in str(said)) == (verdict, False)
