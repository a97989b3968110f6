"""Buckets: watched, without rights, and with clips in them."""

import csv
import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from fakeweb.bulk import Plan, Source, run_batch
from fakeweb.bulk.watch import watch
from fakeweb.errors import FakeWebError
from fakeweb.media.storage import Storage

pytest.importorskip("pyarrow", reason="needs the extra 'batch'")


def codes(rows):
    return {Path(row["path"]).name: row["code"] for row in rows}


def test_a_watched_bucket_survives_restarts_and_halves_that_grow(bucket, album, read):
    place, out = Storage(f"{bucket}/in"), f"{bucket}/out"
    whole = (album / "a" / "00.jpg").read_bytes()
    looks = 0

    def grow():
        nonlocal looks
        looks += 1
        if looks == 1:
            place.write("a.jpg", whole)
        if looks <= 4:
            place.write("b.jpg", whole[: len(whole) * looks // 4])
        return looks > 8

    plan = Plan(Source(f"{bucket}/in"), out, engine="serial", shard=5)
    watch(plan, every_s=0.05, should_stop=grow)
    assert codes(read(out)) == {"a.jpg": None, "b.jpg": None}
    looks = 8
    watch(plan, every_s=0.05, should_stop=grow)
    assert len(read(out)) == 2


def test_clips_are_judged_as_scan_judges_them(bucket, album, clip_maker, portrait, tmp_path, read):
    import cv2

    clip = clip_maker.encode([cv2.resize(portrait.pixels, (320, 320))] * 12)
    (tmp_path / "one.mp4").write_bytes(clip)
    line = [sys.executable, "-m", "fakeweb", "scan", str(tmp_path / "one.mp4"), "--json"]
    told = json.loads(subprocess.run(line, capture_output=True, text=True, check=True, timeout=300).stdout)
    store = Storage(f"{bucket}/in")
    store.write("one.mp4", clip)
    store.write("one.jpg", (album / "a" / "00.jpg").read_bytes())
    store.write("cut.mp4", clip[: len(clip) // 3])
    run_batch(Plan(Source(f"{bucket}/in"), str(tmp_path / "out"), engine="serial"))
    rows = {Path(row["path"]).name: row for row in read(tmp_path / "out")}
    assert rows["cut.mp4"]["code"].startswith("media.")
    assert rows["one.jpg"]["code"] is None
    assert rows["one.mp4"]["verdict"] == told["verdict"]["label"]
    assert rows["one.mp4"]["p_fake"] == pytest.approx(told["verdict"]["p_fake"], abs=1e-6)


@pytest.fixture
def guarded_bucket(s3_endpoint, album, monkeypatch):
    """A bucket whose key may list it and read what lies in open/, and nothing else: its address and the secret."""
    boto3, s3fs = pytest.importorskip("boto3"), pytest.importorskip("s3fs")
    monkeypatch.setenv("INITIAL_NO_AUTH_ACTION_COUNT", "1000000")
    with s3_endpoint.running() as address:
        s3, iam = boto3.client("s3"), boto3.client("iam")
        s3.create_bucket(Bucket="guarded")
        for name in ("open", "closed"):
            s3.put_object(Bucket="guarded", Key=f"{name}/a.jpg", Body=(album / "a" / "00.jpg").read_bytes())
        iam.create_user(UserName="reader")
        allowed = [
            {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::guarded"},
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::guarded/open/*"},
        ]
        policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
        iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=policy)
        key = iam.create_access_key(UserName="reader")["AccessKey"]
        told = {"Content-Type": "text/plain"}
        urllib.request.urlopen(urllib.request.Request(f"{address}/moto-api/reset-auth", b"0", told))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        s3fs.S3FileSystem.clear_instance_cache()  # clients of other tests have other keys
        yield "s3://guarded", key["SecretAccessKey"]
        s3fs.S3FileSystem.clear_instance_cache()


def test_without_rights_the_bucket_is_named_and_no_secret(guarded_bucket, tmp_path, read):
    """The key may list and read in/open, and nothing else."""
    bucket, secret = guarded_bucket
    with pytest.raises(FakeWebError, match="results") as error:
        run_batch(Plan(Source(f"{bucket}/open"), f"{bucket}/results", engine="serial"))
    assert "rights" in error.value.hint
    assert secret not in str(error.value) + error.value.hint
    listed = tmp_path / "list.csv"
    with listed.open("w") as file:
        csv.writer(file).writerows([["at"], [f"{bucket}/open/a.jpg"], [f"{bucket}/closed/a.jpg"]])
    run_batch(Plan(Source(str(listed), column="at"), str(tmp_path / "b"), engine="serial"))
    (dead,) = (row for row in read(tmp_path / "b") if row["code"])
    assert dead["path"] == f"{bucket}/closed/a.jpg"
    assert "rights" in dead["hint"]
