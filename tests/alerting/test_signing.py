"""Signatures of Standard Webhooks."""

import pytest

from herdbook.alerting.signing import check_secret, signed_headers
from herdbook.errors import ConfigurationError

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_signature_equals_that_of_the_reference_library() -> None:
    headers = signed_headers("0198c000-0000-7000-8000-000000000001", 1614265330, b'{"jobId":"1"}', SECRET)
    assert headers == {
        "webhook-id": "0198c000-0000-7000-8000-000000000001",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,ncvKGZ9LVkZA56I7PE/pvWmcOsz1rr7vNCjlOnA9znQ=",
    }


def test_without_a_secret_there_is_no_signature() -> None:
    assert "webhook-signature" not in signed_headers("1", 1, b"{}", None)


@pytest.mark.parametrize("secret", ["hush", "whsec_hush", "whsec_aHVzaA==", "whsec_" + "A" * 100])
def test_an_invalid_secret_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(ConfigurationError, match="HERDBOOK_WEBHOOK_SECRET must be whsec_") as caught:
        check_secret("HERDBOOK_WEBHOOK_SECRET", secret)
    assert secret not in str(caught.value)


def test_a_valid_secret_or_none_is_accepted() -> None:
    check_secret("HERDBOOK_WEBHOOK_SECRET", SECRET)
    check_secret("HERDBOOK_WEBHOOK_SECRET", None)
