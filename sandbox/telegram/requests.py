"""Reads a call's parameters from JSON, a form or a multipart upload, whose files go to disk."""

from __future__ import annotations

import asyncio
import json
import shutil
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException

from sandbox.telegram.errors import ApiError, bad_request
from sandbox.telegram.schema import Uploaded

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.datastructures import UploadFile
    from starlette.requests import Request

    from sandbox.telegram.files import FileStore

BODY_BYTES = 52 * 1024 * 1024
LOCAL_BODY_BYTES = 4000 * 1024 * 1024
_ATTACH = "attach://"


async def read_params(request: Request, files: FileStore) -> dict[str, Any]:
    """Return the parameters of a call as received: JSON values, or text and ``Uploaded``.

    Raises:
        ApiError: 413 for a body over the limit for uploads, 400 for one that cannot be read.
    """
    params: dict[str, Any] = dict(request.query_params)
    limit = LOCAL_BODY_BYTES if files.is_local else BODY_BYTES
    if int(request.headers.get("content-length", 0)) > limit:
        async for _ in request.stream():
            pass
        raise ApiError(413, "Request Entity Too Large")
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind == "application/json":
        params |= await _json(request)
    elif kind in {"multipart/form-data", "application/x-www-form-urlencoded"}:
        try:
            async with request.form(max_fields=200, max_files=20) as form:
                for name, value in form.multi_items():
                    params[name] = await _stored(value, files)
        except HTTPException as error:
            raise bad_request(f"can't parse the form: {error.detail}") from None
    return params


async def _json(request: Request) -> dict[str, Any]:
    body = await request.body()
    try:
        read = json.loads(body or b"{}")
    except ValueError:
        raise bad_request("can't parse JSON object") from None
    if not isinstance(read, dict):
        raise bad_request("expected a JSON object")
    return read


async def _stored(value: UploadFile | str, files: FileStore) -> Uploaded | str:
    if isinstance(value, str):
        return value
    path = files.incoming()
    await asyncio.to_thread(_copy, value, path)
    return Uploaded(
        path=str(path),
        file_name=value.filename or "file",
        mime_type=value.content_type or "application/octet-stream",
        size=path.stat().st_size,
    )


def _copy(upload: UploadFile, path: Path) -> None:
    with path.open("wb") as file:
        shutil.copyfileobj(upload.file, file)


def split_attachments(
    params: dict[str, Any], fields: frozenset[str]
) -> tuple[dict[str, Any], dict[str, Uploaded]]:
    """Split off the uploads that are no parameter: attach:// in other values refers to them."""
    attached = {
        name: value
        for name, value in params.items()
        if isinstance(value, Uploaded) and name not in fields
    }
    return {name: value for name, value in params.items() if name not in attached}, attached


def join_attachments(value: Any, attached: dict[str, Uploaded]) -> Any:
    """Return the value with each attach:// reference replaced by its upload.

    Raises:
        ApiError: 400 for a reference without an upload.
    """
    if isinstance(value, str) and value.startswith(_ATTACH):
        name = value.removeprefix(_ATTACH)
        if name not in attached:
            raise bad_request(f"can't find the file attached as {name!r}")
        return attached[name]
    if isinstance(value, dict):
        return {name: join_attachments(inner, attached) for name, inner in value.items()}
    if isinstance(value, list):
        return [join_attachments(inner, attached) for inner in value]
    return value
