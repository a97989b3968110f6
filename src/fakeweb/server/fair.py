"""What is scarce, shared out among callers, so that one who takes all it can leaves room for the next.

A caller is a key or, where no key is asked for, an address: see :func:`party`.
"""

from __future__ import annotations

import ipaddress


def party(address: str) -> str:
    """Return whom an address stands for: itself, or the network that one customer of a provider gets in IPv6.

    Example:
        >>> party("2001:db8:1:2:3:4:5:6"), party("192.0.2.7")
        ('2001:db8:1:2::/64', '192.0.2.7')
    """
    if ":" not in address:
        return address
    try:
        found = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((found, 64), strict=False))
