"""A video as it is handed over: its file in a form Telegram takes, and what is written below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from generation.jobs.transitions import GIFT
from generation.media.failures import MediaFailed
from generation.media.videos import prepare
from storage import people

if TYPE_CHECKING:
    from generation.media.downloads import Downloads
    from generation.media.pool import MediaProcesses
    from generation.media.videos import Deliverable
    from handlers.replies.language import Languages, Translator
    from storage.database import Database
    from storage.generations import Generation

LONGEST_PROMPT = 300
"""Characters of the prompt in a caption."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A video as it is handed over: what Telegram refuses as a video goes as a document."""

    video: Deliverable
    caption: str
    generation: Generation
    translator: Translator
    as_document: bool = False


class Packing:
    """Makes parcels of videos on the disk, and tidies up behind them."""

    def __init__(
        self,
        *,
        db: Database,
        downloads: Downloads,
        media: MediaProcesses,
        limit: int,
        languages: Languages,
        ai_label: bool,
    ) -> None:
        """`limit` is how many bytes Telegram is believed to take."""
        self._db = db
        self._downloads = downloads
        self._media = media
        self._limit = limit
        self._languages = languages
        self._ai_label = ai_label

    async def pack(self, generation: Generation) -> Parcel:
        """Make a parcel of a video, fetched again where its file is gone.

        Raises:
            MediaError: it cannot be made ready now.
            NotAVideo: the file holds none.
        """
        video = await self.prepared(generation)
        person = None
        if generation.account.is_person:
            async with self._db.reading() as connection:
                person = await people.find(connection, generation.account.id)
        translator = self._languages.translator(person.language if person else None)
        words = caption(generation, translator, ai_label=self._ai_label)
        return Parcel(video, words, generation, translator)

    async def prepared(self, generation: Generation, limit: int | None = None) -> Deliverable:
        """Return the file to send, at most `limit` bytes; raises as `pack` does."""
        source = self._downloads.path_of(generation)
        if not source.exists() and not await self._downloads.restore(generation):
            raise MediaFailed("the file is gone, and cannot be fetched again")
        return await prepare(self._media, source, source.parent, limit=limit or self._limit)

    def tidy(self, generation: Generation, *, keep_source: bool) -> None:
        """Remove what was made for sending, and the video itself once it arrived."""
        source = self._downloads.path_of(generation)
        for file in source.parent.glob(f"{source.stem}.*"):
            if file != source or not keep_source:
                file.unlink(missing_ok=True)


def caption(generation: Generation, translator: Translator, *, ai_label: bool) -> str:
    """Return the prompt, shortened, and nothing a sister should not see when it is forwarded."""
    lines = []
    if generation.reason == GIFT:
        lines.append(translator.gettext("A late one, on the house."))
    prompt = generation.prompt
    if len(prompt) > LONGEST_PROMPT:
        prompt = prompt[: LONGEST_PROMPT - 1].rstrip() + "…"
    lines.append(prompt)
    if ai_label:
        lines.append(translator.gettext("Made with AI"))
    return "\n".join(line for line in lines if line)
