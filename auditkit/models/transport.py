"""Requests to a served model: bounded in time, size and rate, retried with back-off.

Only http.client is used: no proxy from the environment, no redirect that is followed, no encoding
that could unpack to more than was sent.
"""

from __future__ import annotations

import http.client
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from auditkit.errors import InputError, ModelError, Problem, quote
from auditkit.models.outputs import told

#: Largest answer; unit: bytes.
LARGEST_ANSWER = 64_000_000
#: Longest wait between two tries; unit: s.
LONGEST_WAIT = 60.0
#: Answers that a later try may mend.
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
#: Bytes read at once.
_PIECE = 1 << 16


class _PassingError(Exception):
    """Something went wrong that may go right at a later try."""

    def __init__(self, what: str, wait: float = 0.0) -> None:
        super().__init__(what)
        self.wait = wait


@dataclass(frozen=True)
class Address:
    """Where a served model listens, without secrets.

    Attributes:
        scheme: "http" or "https".
        host: Host name or address.
        port: Port.
        path: Path of the model, without "/infer".

    Example:
        >>> print(Address.read("http://127.0.0.1:8080/v2/models/m/", "auditkit.toml endpoint"))
        http://127.0.0.1:8080/v2/models/m
    """

    scheme: str
    host: str
    port: int
    path: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"

    @classmethod
    def read(cls, text: str, where: str) -> Address:
        """Read an address; nothing of it is shown in an error, since it may hold a secret.

        Raises:
            InputError: If it is not the http or https address of a model of the protocol, or holds
                a name, a password or a query.
        """
        expected = "an address such as http://127.0.0.1:8080/v2/models/NAME"
        try:
            parts = urlsplit(text)
            port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
        except ValueError:
            raise InputError([Problem(where, "no address", expected)]) from None
        found = None
        if not re.fullmatch(r"[!-~]+", text):
            found = "a character that an address cannot hold"
        elif parts.scheme not in {"http", "https"} or not parts.hostname:
            found = f"{quote(parts.scheme)} instead of http or https, or no host"
        elif "@" in parts.netloc or parts.query or parts.fragment:
            found = "an address with a name, a password, a query or a fragment"
            expected += "; a credential comes from an environment variable: credential = 'NAME'"
        elif "/v2/models/" not in parts.path:
            found = f"the path {quote(parts.path)}"
        if found is not None:
            raise InputError([Problem(where, found, expected)])
        path = parts.path.rstrip("/").removesuffix("/infer")
        return cls(parts.scheme, str(parts.hostname), port, path)

    @property
    def is_here(self) -> bool:
        """Whether it lies on this machine."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True)
class Credential:
    """A secret that stays in the environment: only its name is held here.

    Attributes:
        variable: Environment variable that holds it.
        header: Header that carries it; "Authorization" carries it as a bearer token.

    Example:
        >>> os.environ["AUDITKIT_EXAMPLE"] = "secret"
        >>> Credential("AUDITKIT_EXAMPLE", "X-Key").headers()
        {'X-Key': 'secret'}
        >>> del os.environ["AUDITKIT_EXAMPLE"]
    """

    variable: str
    header: str = "Authorization"

    def secret(self, where: str) -> str:
        """Read it.

        Raises:
            InputError: If the variable is not set, or holds what a header cannot carry.
        """
        value = os.environ.get(self.variable, "")
        found = None
        if not value:
            found = f"no environment variable {quote(self.variable)}"
        elif not value.isascii() or not value.isprintable():
            found = f"an environment variable {quote(self.variable)} that a header cannot carry"
        if found is not None:
            raise InputError([Problem(where, found, "the variable that holds the credential")])
        return value

    def headers(self) -> dict[str, str]:
        """The header."""
        value = self.secret("credential")
        return {self.header: f"Bearer {value}" if self.header == "Authorization" else value}


@dataclass
class Transport:
    """Posts to one address, patiently.

    Attributes:
        address: Where to.
        credential: What to show there, or None.
        timeout: Longest time for one answer, from its request to its last byte; unit: s.
        retries: Further tries after the first.
        backoff: Wait before the first further try, doubled before each next; unit: s.
        rate: Most requests a second, or None for no limit.
        sleep: Waits; a test gives its own.
        clock: Tells the time; unit: s.
    """

    address: Address
    credential: Credential | None = None
    timeout: float = 30.0
    retries: int = 5
    backoff: float = 0.5
    rate: float | None = None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _next: float = field(default=0.0, init=False, repr=False)

    @contextmanager
    def open(self) -> Iterator[Callable[[bytes], bytes]]:
        """Keep one connection for several posts; gives the function that posts.

        Example:
            >>> address = Address.read("http://127.0.0.1:1/v2/models/m", "endpoint")
            >>> with Transport(address, retries=0).open() as post:
            ...     post(b"{}")
            Traceback (most recent call last):
            auditkit.errors.ModelError: http://127.0.0.1:1/v2/models/m gave no answer in 1 try: ...
        """
        connection = self._connection()
        try:
            yield lambda body: self._post(connection, body)
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self.address.host, self.address.port
        if self.address.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=self.timeout, context=context)
        return http.client.HTTPConnection(host, port, timeout=self.timeout)

    def _post(self, connection: http.client.HTTPConnection, body: bytes) -> bytes:
        tries = self.retries + 1
        last = ""
        for number in range(tries):
            self._keep_rate()
            try:
                return self._once(connection, body)
            except _PassingError as error:
                connection.close()
                last, wait = str(error), max(error.wait, self.backoff * 2**number)
                if number < self.retries:
                    self.sleep(min(wait, LONGEST_WAIT))
            except BaseException:
                connection.close()
                raise
        count = "1 try" if tries == 1 else f"{tries} tries"
        raise ModelError(f"{self.address} gave no answer in {count}: {last}")

    def _keep_rate(self) -> None:
        if self.rate is None:
            return
        now = self.clock()
        if now < self._next:
            self.sleep(self._next - now)
        self._next = max(now, self._next) + 1 / self.rate

    def _once(self, connection: http.client.HTTPConnection, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if self.credential is not None:
            headers |= self.credential.headers()
        late = f"no whole answer within {self.timeout:g} s"
        try:
            if connection.sock is None:
                connection.connect()
            with _cut_off(connection.sock, self.timeout) as is_late:
                try:
                    connection.request("POST", f"{self.address.path}/infer", body, headers)
                    response = connection.getresponse()
                    content = self._content(response)
                finally:
                    if is_late():
                        raise _PassingError(late)
        except ssl.SSLCertVerificationError as error:
            raise ModelError(f"{self.address}: {self._told(error)}") from None
        except TimeoutError:
            raise _PassingError(late) from None
        except (OSError, http.client.HTTPException) as error:
            raise _PassingError(f"{type(error).__name__}: {self._told(error)}") from None
        return self._accepted(response, content)

    def _content(self, response: http.client.HTTPResponse) -> bytes:
        pieces, size = [], 0
        too_large = (response.length or 0) > LARGEST_ANSWER
        while not too_large and (piece := response.read1(_PIECE)):
            pieces.append(piece)
            size += len(piece)
            too_large = size > LARGEST_ANSWER
        if too_large:
            raise ModelError(f"{self.address} answered with more than {LARGEST_ANSWER:,} bytes")
        if response.length:
            raise http.client.IncompleteRead(b"".join(pieces)[:80], response.length)
        response.close()  # the connection stays open for the next request
        return b"".join(pieces)

    def _accepted(self, response: http.client.HTTPResponse, content: bytes) -> bytes:
        status = response.status
        if status == http.client.OK:
            packed = response.headers.get("Content-Encoding", "identity")
            if packed != "identity":
                raise ModelError(f"{self.address} packed its answer with {told(packed)}, unasked")
            return content
        if 300 <= status < 400:
            target = self._told(response.headers.get("Location", "nowhere"))
            raise ModelError(
                f"{self.address} answered {status}, a redirect to {target}; none is followed"
            )
        said = self._told(content[:100_000].decode("utf-8", "replace"))
        what = f"status {status} ({told(response.reason)}): {said}"
        if status in PASSING:
            raise _PassingError(what, _seconds(response.headers))
        raise ModelError(f"{self.address} answered with {what}")

    def _told(self, text: object) -> str:
        """Show what came back, without the credential, which a server may echo."""
        plain = str(text)
        secret = self.credential and os.environ.get(self.credential.variable)
        return told(plain.replace(secret, "***") if secret else plain)


def _seconds(headers: Mapping[str, str] | http.client.HTTPMessage) -> float:
    """How long a server asks to wait; 0 where it does not say."""
    text = headers.get("Retry-After") or ""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0.0


@contextmanager
def _cut_off(sock: socket.socket, seconds: float) -> Iterator[Callable[[], bool]]:
    """Shut a socket after a time, whatever it is doing then; tells whether that happened.

    A socket's own time limit starts anew with every byte, so a server that sends one byte now and
    then would hold it for ever.
    """
    late = threading.Event()

    def cut() -> None:
        late.set()
        with suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield late.is_set
    finally:
        timer.cancel()
