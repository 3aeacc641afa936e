"""The files of the web terminal, read once and kept in memory.

They lie beside this package, in `wyld_gateway/web`, and are part of the wheel. A page is served under its file name, `index.html`
also as "/". Whoever changes a file restarts the gateway.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import Final

import attrs

CONTENT_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""Other files of the folder are not served."""


@attrs.frozen
class Page:
    content_type: str
    body: bytes
    etag: str
    """Changes with the body (RFC 9110, 8.8.3), so that a browser keeps a file exactly as long as it is the same."""


Pages = Mapping[str, Page]
"""By path, "/index.html"."""


def load_pages(folder: Traversable | None = None) -> Pages:
    """All pages of `folder`, by default the web terminal. Blocking file I/O: for the start of the process. Raises OSError."""
    pages = {}
    for file in (folder or resources.files("wyld_gateway").joinpath("web")).iterdir():
        content_type = CONTENT_TYPES.get(PurePosixPath(file.name).suffix)
        if content_type is not None:
            body = file.read_bytes()
            pages[f"/{file.name}"] = Page(content_type, body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
    if "/index.html" in pages:
        pages["/"] = pages["/index.html"]
    return pages
