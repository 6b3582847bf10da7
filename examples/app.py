"""A job type of one's own. Run it: `herdbook up examples.app:book`."""

import asyncio

from pydantic import BaseModel, HttpUrl

from herdbook import Herdbook, JobContext

book = Herdbook()


class Thumbnail(BaseModel):
    url: HttpUrl
    width: int = 320


@book.processor("thumbnail", queue="images", attempts=5)
async def thumbnail(payload: Thumbnail, job: JobContext) -> dict[str, int]:
    """Makes a small picture."""
    job.log(f"attempt {job.attempt}: fetching {payload.url}")
    job.progress(50)
    await asyncio.sleep(0.1)  # the real work
    return {"width": payload.width}
