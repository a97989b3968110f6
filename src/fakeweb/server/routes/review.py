"""The review queue: the worst first."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from fakeweb.errors import NotFound
from fakeweb.server.routes.given import caller_of, iso, json_answer, problems, service_of
from fakeweb.server.schemas import QueueDecision, QueueItemJson, QueuePage, QueueState
from fakeweb.server.store import Row

router = APIRouter(prefix="/v1/queue", tags=["review queue"])

ItemId = Annotated[str, Path(max_length=64)]
_STATES = {"accept": "accepted", "reject": "rejected", "reopen": "open"}


@router.get(
    "",
    response_model=QueuePage,
    responses=problems(),
    summary="What to look at first",
    operation_id="list_queue",
)
async def list_items(
    request: Request,
    state: Annotated[QueueState, Query()] = "open",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> Response:
    """Return posts in the order of their impact: probability x log10(1 + audience)."""
    store = service_of(request).store
    items, total = await store.run(store.list_items, state, limit, offset, caller_of(request).sees)
    return json_answer({"items": [_item(row) for row in items], "total": total})


@router.get(
    "/{item_id}",
    response_model=QueueItemJson,
    responses=problems(404),
    summary="One post",
    operation_id="get_queue_item",
)
async def get_item(request: Request, item_id: ItemId) -> Response:
    """Return one item."""
    store = service_of(request).store
    return json_answer(_item(_there(await store.run(store.get_item, item_id, caller_of(request).sees))))


@router.patch(
    "/{item_id}",
    response_model=QueueItemJson,
    responses=problems(404),
    summary="Decide",
    operation_id="decide_queue_item",
)
async def decide(request: Request, item_id: ItemId, body: QueueDecision) -> Response:
    """Accept, reject or reopen a post, and write a note."""
    store = service_of(request).store
    state = _STATES[body.decision] if body.decision else None
    caller = caller_of(request)
    row = await store.run(store.decide_item, item_id, state, body.note, caller.name, caller.sees)
    return json_answer(_item(_there(row)))


def _there(row: Row | None) -> Row:
    if row is None:
        raise NotFound("there is no such item in the queue", hint="it may have been deleted")
    return row


def _item(row: Row) -> dict[str, Any]:
    impact = None
    if row["level"] is not None:
        impact = {"score": row["score"], "level": row["level"], "audience": row["audience"]}
    same = (
        "id", "state", "reference", "result_id", "label", "p_fake", "kind", "views", "followers",
        "engagement_rate", "note", "decided_by",
    )  # fmt: skip
    return {
        **{name: row[name] for name in same},
        "impact": impact,
        "created_at": iso(row["created_s"]),
        "decided_at": iso(row["decided_s"]),
    }
