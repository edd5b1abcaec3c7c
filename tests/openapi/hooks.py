"""How strings look whose format only this API has."""

import schemathesis
from hypothesis import strategies as st


schemathesis.openapi.format("hex-octets", st.binary(max_size=140).map(bytes.hex))


@schemathesis.serializer("application/x-ndjson")
def lines(ctx, value):
    """A text is its lines already; nothing else is asked for."""
    return value.encode(errors="replace") if isinstance(value, str) else str(value).encode()
