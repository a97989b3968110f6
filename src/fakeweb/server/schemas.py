"""The wire: what requests and answers look like. pydantic describes them in the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from fakeweb.render.impact import MOST_PEOPLE, Reach
from fakeweb.types import Impact, QueueItem, ViewerWarning

DESCRIBED = (Impact, QueueItem, ViewerWarning)
"""What FakeWeb's own descriptions say the form of, like the report; see ``fakeweb.types.form``."""


def _described(name: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "object", "x-schema": name})


ReportJson = Annotated[dict[str, Any], _described("Report")]
ImpactJson = Annotated[dict[str, Any], _described("Impact")]
QueueItemJson = Annotated[dict[str, Any], _described("QueueItem")]
ViewerWarningJson = Annotated[dict[str, Any], _described("ViewerWarning")]
Text200 = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
JobState = Literal["queued", "running", "done", "failed", "cancelled"]
QueueState = Literal["open", "accepted", "rejected"]


class _Strict(BaseModel):
    """Unknown options are refused: a misspelt threshold must not pass unnoticed."""

    model_config = ConfigDict(extra="forbid")


class ReachOptions(_Strict):
    """How far a post goes, as query parameters or as form fields."""

    views: int | None = Field(None, ge=0, le=MOST_PEOPLE, description="Reach: how often the post was seen.")
    followers: int | None = Field(None, ge=0, le=MOST_PEOPLE, description="Reach: followers of the account.")
    engagement_rate: float | None = Field(
        None, ge=0, le=1, description="Reach: reactions, comments and shares over views."
    )

    @property
    def reach(self) -> Reach:
        """The reach that was given."""
        return Reach(self.views, self.followers, self.engagement_rate)


class ScanOptions(ReachOptions):
    """What a caller may choose for a picture or a video, as query parameters or as form fields."""

    threshold: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Call faces fake from this P(fake) on, instead of the model's threshold.",
    )
    opacity: float = Field(1.0, ge=0, le=1, description="How strongly the overlay is drawn.")
    reference: Text200 | None = Field(
        None, description="Your own name for the post, shown in the review queue. Pictures are not kept."
    )
    queue: bool | None = Field(
        None,
        description="Put it into the review queue, or not. By default if a reach is given and it is fake or uncertain.",
    )

    name: Text200 | None = Field(None, description="File name, for a body that is the file itself.")


class PredictOptions(ScanOptions):
    """Options of a picture."""

    faces: int | None = Field(
        None,
        ge=1,
        le=500,
        description="Judge at most so many faces, the largest first; others are uncertain.",
    )
    overlay: bool = Field(False, description="Add the overlay to the JSON answer, as base64 of a PNG.")


class VideoOptions(ScanOptions):
    """Options of a video."""

    faces: ClassVar[None] = None
    overlay: bool = Field(True, description="Also make the overlay, to be downloaded when the job is done.")


class UrlRequest(_Strict):
    """A picture to fetch."""

    url: Annotated[str, StringConstraints(min_length=8, max_length=8192)] = Field(
        description="http:// or https:// address of a picture on the public internet.",
        examples=["https://example.org/a.jpg"],
    )


class Problem(BaseModel):
    """An error (RFC 9457, application/problem+json)."""

    type: str = Field(
        description="URN of the kind of problem, with the code.", examples=["urn:fakeweb:media.unreadable"]
    )
    title: str = Field(description="The kind of problem in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened.")
    code: str = Field(description="Stable; programs should look at this.", examples=["media.unreadable"])
    hint: str = Field("", description="What to do about it.")
    instance: str = Field("", description="URN of this request; its logs carry the same id.")


class ImpactRequest(ReachOptions):
    """A score and a reach."""

    p_fake: float = Field(ge=0, le=1, description="P(fake) of the whole picture or video, from its report.")


class ImpactAnswer(BaseModel):
    """How much harm a post can do."""

    impact: ImpactJson | None = Field(description="Null where no reach was given.")
    text: str = Field(
        description="The same in words, as reports to hand on have them; empty where there is none."
    )


class Judgement(BaseModel):
    """The answer about one picture or video."""

    id: str | None = Field(
        description="Of the stored result; the same bytes with the same options keep it. Null where it is not stored."
    )
    cached: bool = Field(description="Whether these bytes had been judged before.")
    stored: bool = Field(
        description="False where the database could not take the result, or the item for the queue."
    )
    report: ReportJson
    impact: ImpactJson | None = Field(description="Null where no reach was given or nothing was scored.")
    viewer_warnings: list[ViewerWarningJson] = Field(description="Empty unless a face is called fake.")
    queue_id: str | None = Field(description="Item in the review queue, where there is one.")
    overlay: str | None = Field(description="base64 of a PNG, where it was asked for.")


class BatchItem(BaseModel):
    """One picture of a batch: a judgement or a problem."""

    name: str
    status: int = Field(description="HTTP status this picture would have had alone.")
    judgement: Judgement | None
    problem: Problem | None


class BatchAnswer(BaseModel):
    """Answers in the order of the files."""

    items: list[BatchItem]


class Deleted(BaseModel):
    """What was deleted."""

    results: int
    jobs: int
    queue_items: int


class Links(BaseModel):
    """Where to go on; overlay only where there is one."""

    self: str
    events: str
    result: str
    overlay: str | None


class Job(BaseModel):
    """A video being judged."""

    id: str
    state: JobState
    stage: str = Field(description="What is being done, in words.")
    progress: float = Field(ge=0, le=1)
    source: str = Field(description="The file name, made safe.")
    created_at: str
    started_at: str | None
    finished_at: str | None
    problem: Problem | None = Field(description="Why it failed; null otherwise.")
    links: Links


class StoredResult(BaseModel):
    """A stored result; the picture itself is not stored."""

    id: str
    media_sha256: str
    created_at: str
    report: ReportJson
    viewer_warnings: list[ViewerWarningJson]
    job: Job | None = Field(description="Of a video, as long as its job is kept and the key may see videos.")


class Lines(BaseModel):
    """Where a classifier's verdicts begin, in a picture with one face."""

    real: float = Field(description="At or below this P(fake) a face is called real.")
    fake: float = Field(description="At or above this P(fake) a face is called fake.")
    false_alarms: float = Field(description="Share of real faces that the line was set for.")
    min_face_px: float = Field(description="Narrower faces are not judged.")


class Measured(BaseModel):
    """How often a classifier was right and wrong on one set of faces, by its card."""

    on: str = Field(description="Name of the set.")
    real_faces: int
    fake_faces: int
    real_called_fake: float = Field(description="Share of the real faces: false alarms.")
    real_called_real: float
    fake_called_fake: float = Field(description="Share of the manipulated faces.")
    fake_called_real: float = Field(description="Share of the manipulated faces: missed.")
    found_by_source: dict[str, float] = Field(
        description="fake_called_fake by where the faces come from, as far as the card says."
    )


class ModelInfo(BaseModel):
    """A model that is installed."""

    reference: str
    title: str
    task: str
    licence: str
    sha256: str
    kinds: list[str]
    limits: list[str]
    in_use: bool
    lines: Lines | None = Field(description="Of classifiers; null for other models.")
    measured: list[Measured] = Field(description="In the card's order; empty where it has no figures.")


class Models(BaseModel):
    """Installed models, the face finder in use, and the limits of this service."""

    models: list[ModelInfo]
    finder: str
    limits: dict[str, float]
    fetches_addresses: bool = Field(description="Whether POST /v1/urls is open.")
    version: str = Field(description="Of FakeWeb.")


class QueuePage(BaseModel):
    """Items, the highest impact first."""

    items: list[QueueItemJson]
    total: int = Field(description="Items in this state.")


class QueueDecision(_Strict):
    """What a reviewer says."""

    decision: Literal["accept", "reject", "reopen"] | None = Field(
        None, description="accept: it is manipulated; reject: a false alarm; reopen: look again."
    )
    note: Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")] | None = Field(
        None, description="Replaces the note."
    )


class Health(BaseModel):
    """How the service is."""

    status: Literal["ok", "starting", "stopping", "broken"]
    workers_ready: int
    workers: int
    waiting: int = Field(description="Pictures that wait for a worker.")
    database: Literal["ok", "failing"]
    version: str
