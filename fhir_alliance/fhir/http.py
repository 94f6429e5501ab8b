"""The FHIR client: reads that are repeated with patience, writes that are never sent twice on a guess.

Messages name the interaction, the resource type and the status; never an address, an id, or text
that the server sent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from .. import __version__, errors
from ..config import Endpoint
from ..config_auth import Auth as AuthSettings
from .auth import Auth, auth_for
from .call import REDIRECTS, Call, definite, given_up, interaction_of
from .filed import Filed, Resource, filed, parsed
from .links import Links
from .needs import Needs
from .retry import GARBLED, NO_ANSWER, Kind, Patience, Stop, Verdict, retry_after, rule_for
from .scopes import Grant, Rights, joined, lacking, spelled
from .wire import Answer, Exchange, Line, Lost

__all__ = ["Answer", "Exchange", "FhirClient", "Filed", "Garbled", "Oversized", "Resource"]

T = TypeVar("T")
_HOPS = 3
_BOM = b"\xef\xbb\xbf"
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Garbled(Exception):
    """Raised by a decoder: the body is not what a FHIR server sends. The request is repeated."""


class Oversized(errors.Unreachable):
    """An answer larger than we take into memory: ask for smaller pages."""


class FhirClient:
    """One endpoint. Thread-safe: each thread has its own Session.

    endpoint  its configuration; `root` anchors relative secret and certificate files
    trace     called after each attempt, from the calling thread
    stop      a threading.Event: once set, nothing is waited for and failures are final at once
    needs     which rights to ask a token endpoint for

    Every method raises the classes of `errors`, each of which stands for one recovery decision.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        root: Path,
        *,
        trace: Callable[[Exchange], None] | None = None,
        stop: Stop | None = None,
        needs: Needs | None = None,
    ):
        self.bases: tuple[str, ...] = (endpoint.base_url, *endpoint.aliases)
        rewrite, parameters = endpoint.rewrite_next_host, endpoint.parameters
        self._links = Links(endpoint.base_url, endpoint.aliases, rewrite=rewrite, parameters=parameters)
        self._posts = endpoint.search_method == "post"
        self._http, self._trace, self._stop = endpoint.http, trace, stop or threading.Event()
        self.needs, alone = needs or Needs(), endpoint.write_auth is None

        def identity(settings: AuthSettings, rights: Rights) -> tuple[Line, Auth]:
            auth = auth_for(settings, endpoint, root, rights, stop=self._stop, trace=trace)
            return Line(endpoint, root, settings), auth

        asked = joined(self.needs.reader(alone=alone), self.needs.helpful)
        self._line, self._auth = self._write_line, self._write_auth = identity(endpoint.auth, asked)
        if endpoint.write_auth is not None:
            # Two lines: a session cookie of the reader must not make the writer act as the reader.
            self._write_line, self._write_auth = identity(endpoint.write_auth, self.needs.write)
        self._common = {
            "Accept": "application/fhir+json",
            "Accept-Encoding": "gzip",
            "User-Agent": f"fhir-alliance/{__version__}",
        }

    # -- rights ----------------------------------------------------------------------------------

    def sign_in(self, *, write: bool = False) -> Grant | None:
        """Get credentials now; what they permit, None when they do not say. EHRError, ConfigError."""
        auth = self._write_auth if write else self._auth
        auth.headers()
        return auth.grant()

    def needed(self, *, write: bool = False) -> Rights:
        """The rights that this identity cannot do without."""
        return self.needs.write if write else self.needs.reader(alone=self._auth is self._write_auth)

    def require(self) -> None:
        """Forbidden unless all that we need was granted, as far as it is said. To be called before the first write."""
        for write in (False, True) if self.needs.write else (False,):
            grant = self.sign_in(write=write)
            if grant and (left := lacking(self.needed(write=write), grant.rights)):
                says = ", ".join(spelled(left, grant.grammar))
                message = f"the EHR does not grant us {says}: ask for it in the client's registration"
                raise errors.Forbidden(message, status=403)

    # -- reads -----------------------------------------------------------------------------------

    def get(self, path: str, params: Sequence[tuple[str, str]] | None = None) -> Answer:
        """GET a path below the base and check that a JSON object came. Repeated as the retry table says."""
        return self.fetch(path, params, _json_object)[0]

    def read(self, reference: str) -> Resource:
        """Read "Type/id". NotFound when it is not, or no longer, there."""
        expected = reference.split("/", 1)[0]

        def decode(body: bytes) -> dict[str, Any]:
            resource = parsed(body)
            if resource is None or resource.get("resourceType") != expected:
                raise Garbled(f"sent something else than {expected} for")
            return resource

        answer, body = self.fetch(quote(reference, safe="/"), None, decode)
        return Resource(body, answer.headers.get("ETag"))

    def fetch(
        self,
        path: str,
        params: Sequence[tuple[str, str]] | None,
        decode: Callable[[bytes], T],
        *,
        of: tuple[str, str] | None = None,
    ) -> tuple[Answer, T]:
        """GET and decode in one, so that a body that `decode` finds Garbled is asked for again.

        A search goes by POST [type]/_search where the endpoint's settings say so; its further pages are links, and
        links are for GET.

        path  below the base, or an absolute address on our own host
        of    resource type and interaction for messages, when the path does not show them
        """
        url = self.url(path, params)
        if not self._links.trusted(url):
            raise errors.Refused("a request to another host than the EHR's was not sent")
        rtype, interaction = of or interaction_of(path)
        headers = self._common | {"Cache-Control": "no-cache"}
        call = Call("GET", url, rtype, interaction, "read", self._auth, headers)
        if self._posts and interaction == "search":
            call = _posted(call)

        def accept(answer: Answer) -> tuple[Answer, T]:
            if answer.body.startswith(_BOM):
                answer = replace(answer, body=answer.body.removeprefix(_BOM))
            if answer.oversized:
                raise Oversized(f"the EHR {answer.broken} {call.what}", status=answer.status)
            if answer.broken:
                raise Lost(answer.broken, NO_ANSWER)
            try:
                return answer, decode(answer.body)
            except Garbled as error:
                raise Lost(_not_fhir(answer.body) or str(error), GARBLED) from None

        return self._run(call, accept)

    def url(self, path: str, params: Sequence[tuple[str, str]] | None = None) -> str:
        """The address of a path below the base. Everything in `params` is encoded: "+" would arrive as a space."""
        url = self._links.url(path)
        return url + ("&" if "?" in url else "?") + urlencode(params, quote_via=quote, safe="") if params else url

    def follow(self, link: str, current: str) -> str | None:
        """The address behind a paging link of the page at `current`; None when it leads to another host."""
        return self._links.follow(link, current)

    # -- writes ----------------------------------------------------------------------------------

    def create(self, resource: Mapping[str, Any], *, if_none_exist: str | None = None) -> Filed:
        """POST a resource, once. OutcomeUnknown when it may have been stored all the same.

        if_none_exist  search parameters of a conditional create, as "identifier=system|value" (encoded here)
        """
        rtype = str(resource["resourceType"])
        headers = {} if if_none_exist is None else {"If-None-Exist": quote(if_none_exist, safe="=&%")}
        return self._write("POST", rtype, rtype, "create", resource, headers)

    def update(self, reference: str, resource: Mapping[str, Any], *, if_match: str | None = None) -> Filed:
        """PUT a whole resource at "Type/id". OutcomeUnknown: read again and compare, then decide.

        if_match  an ETag as the server sent it, or a bare version id
        """
        etag = if_match if if_match is None or '"' in if_match else f'W/"{if_match}"'
        headers = {} if etag is None else {"If-Match": etag}
        rtype = reference.split("/", 1)[0]
        return self._write("PUT", quote(reference, safe="/"), rtype, "update", resource, headers)

    def _write(
        self, method: str, path: str, type: str, interaction: str, resource: Mapping[str, Any], extra: Mapping[str, str]
    ) -> Filed:
        kind: Kind = "guarded" if "If-Match" in extra else "unguarded"
        headers = {
            **self._common,
            "Content-Type": "application/fhir+json",
            "Prefer": "return=representation",
            **extra,
        }
        body = _ENCODER.encode(resource)
        call = Call(method, self._links.url(path), type, interaction, kind, self._write_auth, headers, body)
        return self._run(call, lambda answer: filed(answer, type))

    # -- one request with its patience -------------------------------------------------------------

    def _run(self, call: Call, accept: Callable[[Answer], T]) -> T:
        patience = Patience(self._http, self._stop)
        renewed = doubt = False
        while True:
            answer, told = None, None
            credentials = self._credentials(call, doubt=doubt)
            try:
                answer = self._once(call, credentials, patience.attempt)
                if 200 <= answer.status < 300 or (answer.status == 304 and call.kind != "read"):
                    return accept(answer)
                rule, fault = rule_for(answer.status), f"answered {answer.status} to"
                told = retry_after(answer.headers.get("Retry-After"), answer.date)
            except Lost as lost:
                answer, rule, fault = None, lost.rule, lost.fault
            if rule is None:
                if answer and answer.status == 401 and not renewed:
                    renewed = True
                    call.auth.refresh(credentials)
                    continue
                raise definite(call, answer, fault, doubt=doubt)
            verdict = rule.verdict(call.kind, retry_after=told)
            doubt = doubt or verdict is Verdict.DOUBT
            if verdict is Verdict.UNKNOWN or not patience.wait(rule, told):
                lasting = doubt or verdict is Verdict.UNKNOWN
                raise given_up(call, answer, fault, patience, told, unknown=lasting)

    def _credentials(self, call: Call, *, doubt: bool) -> Mapping[str, str]:
        """What identifies us; for a write only while it permits that write. `doubt`: it was sent once already."""
        try:
            credentials = call.auth.headers()
            grant = None if call.kind == "read" else call.auth.grant()
            letter = "c" if call.interaction == "create" else "u"
            if grant is not None and not grant.permits(call.type, letter):
                says = ", ".join(spelled({call.type: letter}, grant.grammar))
                # As if it had said 403 itself: a matter of configuration, asked again at the next pass.
                raise errors.Forbidden(
                    f"the EHR does not grant us {says} any more; {call.what} was not sent", status=403
                )
        except errors.EHRError as error:
            if doubt:
                message = f"the EHR lets us not repeat {call.what}: it may or may not have been written"
                raise errors.OutcomeUnknown(message, status=error.status) from None
            raise
        return credentials

    def _once(self, call: Call, credentials: Mapping[str, str], attempt: int) -> Answer:
        line = self._line if call.kind == "read" else self._write_line
        url, method, body = call.url, call.method, call.body
        for _ in range(_HOPS + 1):
            started, status = time.perf_counter(), None
            try:
                answer = line.exchange(method, self._links.dressed(url), {**call.headers, **credentials}, body)
                status = answer.status
            finally:
                if self._trace:
                    spent = (time.perf_counter() - started) * 1000
                    self._trace(Exchange(call.method, call.type, call.interaction, status, spent, attempt))
            to = self._links.redirect(answer.headers.get("Location"), url) if answer.status in REDIRECTS else None
            if call.kind != "read" or to is None:
                break
            url = to
            if answer.status == 303:  # "see other": with GET, whatever was asked with
                method, body = "GET", None
        return answer

    def pause(self, attempt: int) -> None:
        """Wait as before a repeated request (for walks that are begun anew). `attempt` from 1."""
        Patience(self._http, self._stop).rest(self._http.backoff.total_seconds() * 2 ** (attempt - 1))

    def close(self) -> None:
        """Close all connections."""
        self._line.close()
        self._write_line.close()


def _posted(call: Call) -> Call:
    """The same search as a form: nothing of a patient stands in an address then."""
    path, _, query = call.url.partition("?")
    headers = {**call.headers, "Content-Type": "application/x-www-form-urlencoded"}
    return replace(call, method="POST", url=f"{path}/_search", headers=headers, body=query.encode())


def _json_object(body: bytes) -> None:
    """Whole JSON, and an object, without building it."""
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (ValueError, RecursionError):
        raise Garbled("sent broken JSON for") from None
    if not body[:64].lstrip().startswith(b"{"):
        raise Garbled("sent no JSON object for")


def _not_fhir(body: bytes) -> str | None:
    start = body[:64].lstrip()
    if not start:
        return "sent an empty body for"
    return "sent HTML or XML instead of FHIR JSON for" if start.startswith(b"<") else None
