"""What runs in a cluster: limits that fit, and nothing that a pod does not need."""

import json
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest
import typer

from fakeweb.cli.batch import batch
from fakeweb.server.settings import settings_from

yaml = pytest.importorskip("yaml")
DEPLOY = Path(__file__).parents[2] / "deploy"
MIB = 1 << 20
SERVICE_MIB = 160
"""The service itself with 1,000 connections."""


def told():
    lines = (DEPLOY / "kubernetes" / "base" / "fakeweb.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def made(kind):
    """What kustomize makes, by kind and name; where there is none, the files themselves."""
    folder = DEPLOY / "kubernetes" / kind
    if shutil.which("kubectl"):
        done = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        texts = [done.stdout]
    else:
        texts = [p.read_text() for p in folder.glob("*.yaml") if p.name != "kustomization.yaml"]
    found = [one for text in texts for one in yaml.safe_load_all(text)]
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


def bytes_of(quantity):
    units = {"Mi": MIB, "Gi": MIB << 10}
    return int(quantity[:-2]) * units[quantity[-2:]]


def pod(kind="base"):
    return made(kind)["StatefulSet", "fakeweb"]["spec"]["template"]["spec"]


def test_every_setting_of_the_pods_is_one():
    settings = settings_from(told())
    assert {f.name for f in fields(settings)} >= {name.removeprefix("FAKEWEB_").lower() for name in told()}


def test_what_a_pod_may_take_stays_below_its_limit():
    settings, (container,) = settings_from(told()), pod()["containers"]
    limits = container["resources"]["limits"]
    assert (limits["cpu"], limits["memory"]) == ("500m", "2Gi")
    assert container["resources"]["requests"]["cpu"] == limits["cpu"]
    workers = settings.worker_count * settings.worker_memory_mb
    jobs = settings.max_jobs_running * settings.job_memory_mb
    most = (SERVICE_MIB + workers + jobs) * MIB + settings.upload_budget_bytes
    assert most <= bytes_of(limits["memory"])


def test_the_database_fits_on_the_volume_with_uploads_and_its_log():
    claim = made("base")["StatefulSet", "fakeweb"]["spec"]["volumeClaimTemplates"][0]
    settings = settings_from(told())
    room = bytes_of(claim["spec"]["resources"]["requests"]["storage"])
    assert settings.max_database_mb * MIB * 2 < room


def test_a_pod_has_no_more_rights_than_it_needs():
    spec = pod()
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()
    readiness = container["readinessProbe"]
    assert readiness["periodSeconds"] * readiness["failureThreshold"] <= 4
    settings = settings_from(told())
    assert spec["terminationGracePeriodSeconds"] > settings.shutdown_s + 5


def test_who_may_speak_to_pods_and_to_whom_they_speak_is_said():
    policy = made("base")["NetworkPolicy", "fakeweb"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert all(rule["from"] and rule["ports"] for rule in policy["ingress"])
    ours = made("base")["StatefulSet", "fakeweb"]["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= ours.items()
    for peer in policy["ingress"][0]["from"]:
        assert next(iter(peer.values())) == {"matchLabels": {"fakeweb-client": "true"}}
    assert [p["port"] for rule in policy["egress"] for p in rule["ports"]] == [53, 53]


@pytest.mark.skipif(not shutil.which("kubectl"), reason="no kubectl on this machine")
def test_a_cluster_scales_by_processor_and_line_and_is_not_taken_away_at_once():
    found = made("cluster")
    spec = found["HorizontalPodAutoscaler", "fakeweb"]["spec"]
    metrics = [m.get("resource", m.get("pods", {}).get("metric"))["name"] for m in spec["metrics"]]
    assert metrics == ["cpu", "fakeweb_waiting"]
    assert spec["minReplicas"] >= 2
    assert "replicas" not in found["StatefulSet", "fakeweb"]["spec"], "the autoscaler says how many"
    budget = found["PodDisruptionBudget", "fakeweb"]["spec"]
    labels = found["StatefulSet", "fakeweb"]["spec"]["selector"]["matchLabels"]
    assert budget == {"maxUnavailable": 1, "selector": {"matchLabels": labels}}
    assert labels.items() <= found["StatefulSet", "fakeweb"]["spec"]["template"]["metadata"]["labels"].items()
    secret = found["StatefulSet", "fakeweb"]["spec"]["template"]["spec"]["containers"][0]["envFrom"][1]
    assert secret["secretRef"]["optional"] is False, "pods without a common database share nothing"
    (database,) = found["NetworkPolicy", "fakeweb"]["spec"]["egress"][1]["to"]
    assert database["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "postgresql"}
    for name in ("fakeweb", "fakeweb-pods"):
        assert found["Service", name]["spec"]["selector"] == labels
    ports = [p["port"] for rule in found["NetworkPolicy", "fakeweb"]["spec"]["egress"] for p in rule["ports"]]
    assert 5432 in ports


def of_batches():
    """The pods' specs and the command lines of batches, on one node and on a cluster of Ray."""
    folder = DEPLOY / "kubernetes" / "batch"
    job, ray = (yaml.safe_load((folder / f"{name}.yaml").read_text())["spec"] for name in ("job", "rayjob"))
    (one,) = job["template"]["spec"]["containers"]
    cluster = ray["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    pods = [job["template"]["spec"], *(group["template"]["spec"] for group in groups)]
    return pods, [one["command"] + one["args"], ray["entrypoint"].split()], cluster["rayVersion"]


def test_batches_in_pods_are_commands_of_ours_and_fit_into_their_memory():
    pods, lines, _ = of_batches()
    run = typer.main.get_command(batch).commands["run"]
    known = {name for one in run.params for name in one.opts}
    assert {word for line in lines for word in line if word.startswith("-")} <= known
    for spec in (pods[0], pods[2]):
        (container,) = spec["containers"]
        limits = container["resources"]["limits"]
        mib = int(lines[0][lines[0].index("--memory-limit") + 1])
        assert int(limits["cpu"]) * mib * MIB < bytes_of(limits["memory"]), "a worker for each core"
        assert container["resources"]["requests"]["memory"] == limits["memory"]
    assert all(spec["securityContext"]["runAsNonRoot"] for spec in pods)
    assert not any(spec["automountServiceAccountToken"] for spec in pods)


def test_the_ray_of_a_cluster_is_the_one_in_its_image():
    lock = (DEPLOY.parent / "requirements" / "cluster.lock").read_text()
    assert f"\nray=={of_batches()[2]} " in lock
    assert "\npytest==" not in lock


def test_the_metric_that_scales_is_one_of_the_service():
    service = (DEPLOY.parent / "src" / "fakeweb" / "server" / "service.py").read_text()
    assert json.dumps("fakeweb_waiting") in service


def test_images_can_be_pinned_by_digest():
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    assert {line.split()[1] for line in lines if line.startswith("FROM")} == {"${PYTHON_IMAGE}"}
    for lock in ("service", "cluster"):
        assert (DEPLOY.parent / "requirements" / f"{lock}.lock").exists()
