"""VMs as the pages name them: by name, with a link to the VM's own page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

from xenwatch.limits.base import BACKEND_DOMID
from xenwatch.page.history import moment_of
from xenwatch.page.html import Html, join, tag, untrusted
from xenwatch.status.domain_row import DomainRow
from xenwatch.status.host_status import HostStatus, LimitRow

PATH: Final = "/vm/"
"""The path below which each VM has its page: by UUID, name or domid."""
DOM0: Final = "0"
_OF_DOMAINS: Final = ("domid", BACKEND_DOMID)
"""Labels of limits whose instances are domains."""


class Vms:
    """The domains of a host by what names them."""

    def __init__(self, domains: Iterable[DomainRow] | None, at: str = "") -> None:
        """`at` is the moment of the record that they are of, empty if it is now."""
        self._query = f"?at={at}" if at else ""
        found = tuple(domains or ())
        self._by_domid = {str(row.domid): row for row in found}
        self._by_uuid = {row.uuid: row for row in found if row.domid and row.uuid}

    def domain(self, domid: str) -> Html:
        """A domain by its domid: `VM web (domain 5)`."""
        row = self._by_domid.get(domid)
        if domid == DOM0:
            return Html("dom0")
        if row is None:
            return join(f"domain {domid}")
        return join("VM ", self.link(row), f" (domain {domid})")

    def of_uuid(self, uuid: str) -> Html | None:
        """The link to the VM of that UUID, `None` where it is not here."""
        row = self._by_uuid.get(uuid)
        return None if row is None else self.link(row)

    def instance(self, row: LimitRow) -> Html | None:
        """The instance of a limit; `None` if it has only one."""
        if not row.instance:
            return None
        if row.label in _OF_DOMAINS:
            return self.domain(row.instance)
        return join(f"{row.label} ", untrusted(row.instance))

    def link(self, row: DomainRow) -> Html:
        """The name of a VM, or its UUID, as a link to its page."""
        name = row.name or row.uuid or str(row.domid)
        return tag("a", untrusted(name), href=self.address(row))

    def address(self, row: DomainRow) -> str:
        """The path of a VM's page."""
        return f"{PATH}{quote(row.uuid or str(row.domid), safe='')}{self._query}"

    def link_by_domid(self, row: DomainRow) -> Html:
        """A link to the page of one of several domains with the same name."""
        return tag("a", f"domain {row.domid}", href=f"{PATH}{row.domid}{self._query}")


def of(status: HostStatus) -> Vms:
    """Those of a status."""
    return Vms(status.domains, moment_of(status))
