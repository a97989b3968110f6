"""A small typed client for a FakeWeb service, without further dependencies.

```python
from fakeweb.client import Client

with Client("http://127.0.0.1:8000") as client:
    answer = client.predict("photo.jpg", views=120_000)
    answer.report.verdict.label
```

What it does: sends pictures and videos, waits as long as ``Retry-After`` says where the service is busy, and returns
the values of :mod:`fakeweb.types`. Problems of the service come back as the errors of :mod:`fakeweb.errors`, with the
same codes.

May import: the standard library, :mod:`fakeweb.types`, :mod:`fakeweb.errors`. It stands on the server's step and
never imports it: what they share is the wire, described in docs/reference/openapi.json.

Where to add a file: an address is a method in ``calls.py``, what it returns a value in ``values.py``.
"""

from fakeweb.client.calls import Client
from fakeweb.client.values import Answer, Job
from fakeweb.types import Impact, QueueItem, ViewerWarning

__all__ = ["Answer", "Client", "Impact", "Job", "QueueItem", "ViewerWarning"]
