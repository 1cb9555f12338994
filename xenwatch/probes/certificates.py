"""When xapi's certificates end.

xapi serves two (xen-api, ocaml/xapi/xapi_globs.ml): one to API clients, which an operator may have
installed, and from xapi 1.290 on one to the other hosts of the pool. Both are self-signed for ten
years at first (ocaml/gencert/gencert.ml). Each file has the private key too, which stays in the
source.
"""

from __future__ import annotations

from typing import Final

from xenwatch.parse.certificate import parse_not_after
from xenwatch.probes.base import NotApplicable, Probe, stateless
from xenwatch.readings.certificates import Certificate, Certificates
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source, SourceError

XAPI: Final = "xapi"
XAPI_POOL: Final = "xapi-pool"
PATHS: Final = {
    XAPI: "/etc/xensource/xapi-ssl.pem",
    XAPI_POOL: "/etc/xensource/xapi-pool-tls.pem",
}


def read(source: Source, context: Snapshot) -> Certificates:
    """The certificates that there are. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    found = {}
    for name, path in PATHS.items():
        try:
            data = source.certificates(path)
        except SourceError as error:
            if error.missing:
                continue
            raise
        found[name] = Certificate(path, parse_not_after(path, data))
    if not found:
        raise NotApplicable(f"no certificate of xapi: no {' and no '.join(PATHS.values())}")
    return Certificates(found)


CERTIFICATES: Final = Probe(
    name="certificates",
    reads=f"certificates in {', '.join(PATHS.values())}",
    advice="run as root; the private keys in these files are not kept",
    read=stateless(read),
    interval=3600.0,
)
