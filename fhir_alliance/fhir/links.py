"""Which URLs are ours: a token must never be sent to a host that only an answer named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

_PORTS = {"http": 80, "https": 443}
_NONE: Mapping[str, str] = MappingProxyType({})
Origin = tuple[str, str, int]


def origin(url: str) -> Origin | None:
    """Scheme, host and port, as the HTTP library that would connect reads them; None when it is no plain URL."""
    try:
        parts = parse_url(url)
    except LocationParseError:
        return None
    scheme = (parts.scheme or "").lower()
    if scheme not in _PORTS or not parts.host or parts.auth is not None or "\\" in url:
        return None
    return scheme, parts.host.lower(), parts.port or _PORTS[scheme]


class Links:
    """Resolves the links of one endpoint's answers. `parameters` are those that every request there must carry."""

    def __init__(
        self, base: str, aliases: Iterable[str] = (), *, rewrite: bool = False, parameters: Mapping[str, str] = _NONE
    ):
        self.base = base
        self._parameters = parameters
        self._rewrite = rewrite
        self._own = origin(base)
        self._own_prefixes = (base + "/", base + "?")
        self._origins = {self._own, *(origin(alias) for alias in aliases)} - {None}

    def url(self, path: str) -> str:
        """An address below the base; an absolute URL stays as it is."""
        return path if "://" in path.split("?", 1)[0] else f"{self.base}/{path.lstrip('/')}"

    def dressed(self, url: str) -> str:
        """The address with the endpoint's own parameters, those left out that it has already."""
        if not self._parameters:
            return url
        query = urlsplit(url).query
        there = {name for name, _ in parse_qsl(query, keep_blank_values=True)}
        more = [(name, value) for name, value in self._parameters.items() if name not in there]
        return url + ("&" if query else "?") * bool(more) + urlencode(more, quote_via=quote, safe="")

    def trusted(self, url: str) -> bool:
        """May our credentials go there?"""
        # The base with its host, closed by a slash or question mark, needs no parsing.
        return url.startswith(self._own_prefixes) or origin(url) in self._origins

    def follow(self, link: str, current: str) -> str | None:
        """The address behind a paging link, or None when it leads to another host.

        link     opaque: relative to the base (a bare query: to the current page) or absolute, followed verbatim
        current  address of the page that holds it
        """
        url = _join(current if link.startswith("?") else self.base + "/", link)
        if url and self._rewrite and not url.startswith(self._own_prefixes) and origin(url) not in {self._own, None}:
            own = urlsplit(self.base)
            url = urlsplit(url)._replace(scheme=own.scheme, netloc=own.netloc).geturl()
        return url if url and self.trusted(url) else None

    def redirect(self, location: str | None, current: str) -> str | None:
        """Where a redirect leads, or None when that is another host or nowhere."""
        url = _join(current, location) if location else None
        return url if url and origin(url) == origin(current) else None


def _join(base: str, link: str) -> str | None:
    if any(ord(c) < 32 or ord(c) == 127 for c in link):
        return None
    try:
        return urljoin(base, link)
    except ValueError:
        return None
