"""A server as one writes it in an evening, to compare with: Haar cascade, the same network, no limits.

PORT=9000 python benchmarks/naive_server.py
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI, Request

MODEL = Path(__file__).parents[1] / "src" / "fakeweb" / "models" / "fast.onnx"
finder = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
network = onnxruntime.InferenceSession(MODEL)
api = FastAPI()


@api.post("/v1/predict")
async def predict(request: Request) -> dict[str, Any]:
    """Judge each face of a picture, or of a form with one."""
    body = await request.body()
    picture = cv2.imdecode(np.frombuffer(body[body.find(b"\xff\xd8") :], np.uint8), cv2.IMREAD_COLOR)
    found = finder.detectMultiScale(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), 1.1, 5)
    crops = [cv2.resize(picture[y : y + h, x : x + w, ::-1], (256, 256)) for x, y, w, h in found]
    logits = network.run(["logit"], {network.get_inputs()[0].name: np.stack(crops)})[0] if crops else []
    scores = [float(1 / (1 + np.exp(-logit))) for logit in np.ravel(logits)]
    return {"label": "fake" if any(s > 0.5 for s in scores) else "real", "scores": scores}


@api.get("/livez")
@api.get("/readyz")
async def health() -> str:
    """Say that it is there."""
    return "ok"


if __name__ == "__main__":
    uvicorn.run(api, port=int(os.environ.get("PORT", "9000")), log_level="error")
