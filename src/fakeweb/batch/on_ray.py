"""Ray engine: actors on a cluster, each with one killable worker process; a node that dies costs nothing but time."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from fakeweb.batch.guarded import Guard, Item, Limits, Lost, Make, Result
from fakeweb.errors import UsageError, WorkerDied, missing_extra

_MOST_LOSSES = 10
"""So often may an item lose the actor it was given to, through no fault of its own, before the run is given up."""
_IN_FLIGHT = 2
_STARTS = 3
"""A busy machine may take longer to start a node than Ray waits."""


def ray_map(
    make: Make[Item, Result], items: Iterable[Item], *, workers: int, limits: Limits, address: str = ""
) -> Iterator[tuple[Item, Result | Lost]]:
    """As :func:`fakeweb.batch.guarded_map`, on Ray's actors.

    Args:
        make: See :class:`Guard`; what it needs must be installed on the nodes.
        items: Read only as far ahead as the actors can use.
        workers: Actors; 0 takes one per CPU of the cluster.
        limits: What one item may cost.
        address: Of the cluster, as ``ray.init`` takes it; empty starts one on this machine.

    Raises:
        MissingExtra: Ray is not installed.
        UsageError: No cluster answers at the address.
        WorkerDied: An item lost its actor ten times, or actors cannot start.
    """
    ray = _connect(address, workers)
    try:
        yield from _Crew(ray, make, limits, workers or int(ray.cluster_resources().get("CPU", 1))).map(items)
    finally:
        ray.shutdown()


def _connect(address: str, workers: int) -> Any:
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else a warning
    try:
        import ray
    except ImportError as error:
        raise missing_extra("ray", "the engine ray") from error
    for left in reversed(range(_STARTS)):
        try:
            if address:
                ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
            else:
                cpus = workers or os.cpu_count()
                ray.init(
                    num_cpus=cpus, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR
                )
            return ray
        except Exception as error:  # Ray raises its base class where a node does not start within 30 s
            ray.shutdown()
            if left and not address:
                continue
            reason = str(error).partition("\n")[0]
            raise UsageError(
                f"no Ray cluster answers at {address or 'this machine'}: {reason}",
                hint="check the address, and that its Ray has the same version; or leave out --ray",
            ) from error
    raise AssertionError("unreachable")  # pragma: no cover


class _Actor:
    """Runs on a node: one worker process, and what it makes of items."""

    def __init__(self, make: Any, limits: Limits) -> None:
        self.guard: Guard[Any, Any] = Guard(make, limits)

    def ready(self) -> bool:
        return True

    def judge(self, item: Any) -> Any:
        return self.guard.call(item)


class _Crew:
    """The actors of one run, and what each has in hand."""

    def __init__(self, ray: Any, make: Any, limits: Limits, count: int) -> None:
        self.ray, self.make, self.limits = ray, make, limits
        self.kind = ray.remote(num_cpus=1, max_restarts=0)(_Actor)
        self.actors: list[Any] = []
        self.hands: dict[int, int] = {}  # numbers of ready actors -> items in hand
        self.flying: dict[Any, tuple[int, Any, int, int]] = {}  # ref -> actor's number, item, try, losses
        self.gone: set[int] = set()
        self.waiting: deque[tuple[Any, int, int]] = deque()
        self.false_starts = 0
        for _ in range(max(1, count)):
            self._hire()

    def _hire(self) -> None:
        self.actors.append(self.kind.remote(self.make, self.limits))
        self.flying[self.actors[-1].ready.remote()] = (len(self.actors) - 1, None, 0, 0)

    def map(self, items: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Yield each item with its result, or with how it was lost."""
        source = iter(items)
        empty = False
        while True:
            for actor in sorted(self.hands, key=lambda a: self.hands[a]):
                while self.hands[actor] < _IN_FLIGHT and not (empty and not self.waiting):
                    given = next(((item, 1, 0) for item in source), None) if not empty else None
                    empty = empty or given is None
                    given = given or (self.waiting.popleft() if self.waiting else None)
                    if given is not None:
                        self.flying[self.actors[actor].judge.remote(given[0])] = (actor, *given)
                        self.hands[actor] += 1
            if empty and not self.waiting and all(item is None for _, item, _, _ in self.flying.values()):
                return
            ready, _ = self.ray.wait(list(self.flying), num_returns=1, timeout=60)
            for ref in ready:
                yield from self._landed(ref)

    def _landed(self, ref: Any) -> Iterator[tuple[Any, Any]]:
        actor, item, tries, losses = self.flying.pop(ref)
        try:
            answer = self.ray.get(ref)
        except self.ray.exceptions.RayTaskError as error:  # the worker process of the actor cannot be made
            raise WorkerDied(
                f"an actor failed: {_last_line(error)}", hint="is FakeWeb installed on its node?"
            ) from error
        except self.ray.exceptions.RayError as error:  # the actor, its node or the way to it is gone
            self._lost(actor, error)
            if item is not None and losses + 1 >= _MOST_LOSSES:
                raise WorkerDied(
                    f"an item lost its actor {_MOST_LOSSES} times", hint="see Ray's logs"
                ) from error
            if item is not None:
                self.waiting.append((item, tries, losses + 1))
            return
        if item is None:
            self.hands[actor] = 0
            return
        if actor in self.hands:
            self.hands[actor] -= 1
        if isinstance(answer, Lost):
            if answer.why != "raised" and tries < self.limits.tries:
                self.waiting.append((item, tries + 1, losses))
                return
            answer = Lost(answer.why, answer.detail, tries)
        yield item, answer

    def _lost(self, actor: int, error: Exception) -> None:
        """Replace an actor that is gone, once."""
        if actor in self.gone:
            return
        self.gone.add(actor)
        self.false_starts = 0 if self.hands.pop(actor, None) is not None else self.false_starts + 1
        if self.false_starts > _MOST_LOSSES:
            raise WorkerDied(f"actors do not start: {_last_line(error)}", hint="see Ray's logs") from error
        self._hire()


def _last_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
