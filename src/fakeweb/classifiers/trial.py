"""A stranger's network on trial, in a process of its own: ``python -m fakeweb.classifiers.trial``.

It gets so much memory and time; what it does to its process, the caller does not feel.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from fakeweb.errors import FakeWebError, ModelIncompatible, from_dict

LIMIT_S = 60.0
LIMIT_BYTES = 6 << 30


def on_trial(task: Mapping[str, Any], limit_s: float | None = None) -> dict[str, Any]:
    """Have a child do :func:`fakeweb.classifiers.adopt.try_out`.

    Args:
        task: Its arguments, as JSON holds them.
        limit_s: Seconds it may take; None: :data:`LIMIT_S`.

    Returns:
        What it returned.

    Raises:
        ModelIncompatible: It took too long, or its process ended.
        FakeWebError: What it raised.
    """
    most_s = LIMIT_S if limit_s is None else limit_s
    try:
        done = subprocess.run(
            [sys.executable, "-m", "fakeweb.classifiers.trial"],
            input=json.dumps(task).encode(),
            capture_output=True,
            timeout=most_s,
        )
    except subprocess.TimeoutExpired:
        raise ModelIncompatible(
            f"{task['file']} does not judge three crops in {most_s:,.0f} seconds",
            hint="has it an endless loop? export the network again",
        ) from None
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise ModelIncompatible(
            f"{task['file']} ends the process that runs it (status {done.returncode})",
            hint="export the network again; it may take too much memory",
        ) from None
    if "error" in answer:
        raise from_dict(answer["error"])
    return answer


def limit(seconds: float, memory_bytes: int) -> None:
    """Limit this process, where the system can."""
    try:
        import resource
    except ImportError:
        return
    for what, most in ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_CPU, int(seconds) + 1)):
        hard = resource.getrlimit(what)[1]
        resource.setrlimit(what, (most if hard < 0 else min(most, hard), hard))


def main() -> None:
    """Do what stands on the standard input, and say how it went."""
    from fakeweb.classifiers.adopt import try_out

    task = json.load(sys.stdin)
    limit(LIMIT_S, LIMIT_BYTES)
    try:
        answer = try_out(**task)
    except FakeWebError as error:
        answer = {"error": error.to_dict()}
    except MemoryError:
        large = ModelIncompatible(f"{task['file']} takes too much memory", hint="export a smaller network")
        answer = {"error": large.to_dict()}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
