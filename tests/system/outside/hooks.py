"""What Schemathesis cannot know from the document.

It sends one Idempotency-Key with many requests, and the front door takes the second of them for a mistake, whatever it
asks for. So each right key becomes one of its own; a wrong one stays as it is.
"""

import uuid

import schemathesis

KEY = "Idempotency-Key"


@schemathesis.hook
def before_call(context, case, kwargs):
    try:
        uuid.UUID(case.headers.get(KEY))
    except (AttributeError, TypeError, ValueError):
        return
    case.headers[KEY] = str(uuid.uuid4())
