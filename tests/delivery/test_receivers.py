"""Which responses of a receiver count as delivered."""

from __future__ import annotations

import pytest

from tests.delivery.support import server
from xenwatch.delivery.receivers import DeliveryError, Webhook, http_session


@pytest.mark.parametrize("status", [301, 302, 307, 404, 500])
async def test_what_is_not_accepted_is_not_delivered(status: int) -> None:
    """Any status but 2xx is a failed delivery, and a redirection is not followed."""
    async with server() as receiver, http_session() as session:
        receiver.status = status
        with pytest.raises(DeliveryError, match=f"rejected with HTTP status {status}: no"):
            await Webhook(session, receiver.url + "/hook").deliver([])

    assert receiver.paths == ["/hook"]


@pytest.mark.parametrize("status", [200, 201, 202, 299])
async def test_every_2xx_is_accepted(status: int) -> None:
    """A receiver may accept alerts with any status of success."""
    async with server() as receiver, http_session() as session:
        receiver.status = status
        await Webhook(session, receiver.url).deliver([])

    assert receiver.paths == ["/"]
