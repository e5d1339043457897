"""Serves the pages. They are the same for everybody and hold nothing: what they show wants a token.

No build step and nothing from elsewhere. The policy lets a page run its own files alone, so that a name or a
sentence that somebody made up to be markup stays what it is.
"""

from pathlib import Path

from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse, RedirectResponse

FOLDER = Path(__file__).with_name("static")
FILES = frozenset(path.name for path in FOLDER.iterdir())
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def serve(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    @app.get("/dashboard", include_in_schema=False)
    async def entrance() -> RedirectResponse:
        return RedirectResponse("dashboard/")

    @app.get("/dashboard/", include_in_schema=False)
    async def dashboard() -> FileResponse:
        return _file("index.html")

    @app.get("/dashboard/{name}", include_in_schema=False)
    async def asset(name: str) -> FileResponse:
        return _file(name)


def _file(name: str) -> FileResponse:
    if name not in FILES:  # a name from a list leads nowhere else
        raise HTTPException(404, "there is no such page")
    return FileResponse(FOLDER / name, headers=HEADERS)
