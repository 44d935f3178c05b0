"""`dltui doctor RUN` says it in words, and as JSON for programs."""

from __future__ import annotations

import json

import pytest

from dltui.cli.doctor import doctor
from dltui.errors import RunNotFoundError
from dltui.runs import EventLog, MetricLog, Status, create_run


def run_with_losses(runs, losses):
    folder = create_run(runs, "test", "dltui: 1\n", "dltui: 1\n", Status("failed", "test"))
    log = MetricLog(folder.metric_log("train"), ["loss", "lr"])
    for step, loss in enumerate(losses, 1):
        log.append(step, 0.0, [loss, 0.1])
    log.close()
    return folder


def test_a_finding_shows_its_severity_in_words_its_evidence_and_its_remedy(tmp_path, capsys):
    folder = run_with_losses(tmp_path, [2.0, float("nan")])
    events = EventLog(folder.events)
    data = {"layer": "stage0[conv]", "what": "output"}
    events.append("alarm", "NaN", step=2, level="error", data=data)
    events.close()
    assert doctor(tmp_path, "last", as_json=False) == 0
    text = capsys.readouterr().out
    assert "error nonfinite" in text
    assert "stage0[conv]" in text
    assert "evidence: nonfinite_losses 1" in text
    assert "optimizer.lr=0.01" in text


def test_json_is_one_list_with_the_documented_keys(tmp_path, capsys):
    run_with_losses(tmp_path, [2.0, float("inf")])
    assert doctor(tmp_path, "last", as_json=True) == 0
    [finding] = json.loads(capsys.readouterr().out)
    keys = {"rule", "severity", "layer", "step", "message", "remedy"}
    assert keys <= finding.keys()
    assert (finding["rule"], finding["step"]) == ("nonfinite", 2)


def test_a_healthy_run_is_said_to_be_so(tmp_path, capsys):
    run_with_losses(tmp_path, [2.0, 1.9])
    assert doctor(tmp_path, "last", as_json=False) == 0
    assert "nothing wrong found" in capsys.readouterr().out
    assert doctor(tmp_path, "last", as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_run_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(RunNotFoundError):
        doctor(tmp_path, "nothing", as_json=True)
