"""What is told of a store that cannot be asked: one line, with the cause."""

from __future__ import annotations

import pytest

from nightcrew.shared.store.objects import _told

SENT = "Generic S3 error: Error performing PUT https://host/b/x in 1 ms - HTTP error: error sending request"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("it is so", "it is so"),
        (f'{SENT}\n\nDebug source:\nOs {{ code: 111, message: "Connection refused" }}', f"{SENT} (Connection refused)"),
        (f"{SENT}\n\nDebug source:\nInvalidCertificate(\n   UnknownIssuer,\n)", f"{SENT} (UnknownIssuer)"),
        (f"{SENT}\n\nDebug source:\nError {{ kind: TimedOut }}", f"{SENT} (TimedOut)"),
        (
            'refused: 403: <?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>No</Message></Error>\n\nmore',
            "refused: 403 (AccessDenied)",
        ),
        ("x" * 1000, "x" * 400),
    ],
)
def test_a_message_of_many_lines_becomes_one_with_the_cause(text, told):
    assert _told(Exception(text)) == told
