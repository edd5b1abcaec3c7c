"""How strings look whose format only this API has."""

from datetime import datetime

import schemathesis
from hypothesis import strategies as st


def _header(octets):
    return bytes([len(octets), *octets]).hex()


def _date(at):
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}+0000"


schemathesis.openapi.format("hex-octets", st.binary(max_size=140).map(bytes.hex))
schemathesis.openapi.format("user-data-header", st.binary(max_size=139).map(_header))
schemathesis.openapi.format("scheduled-date", st.datetimes(min_value=datetime(1000, 1, 1)).map(_date))
