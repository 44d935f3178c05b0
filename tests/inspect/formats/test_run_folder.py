"""dltui's own checkpoints, runs and folders of checkpoints are opened with their recipe."""

import json
from pathlib import Path

import pytest
import torch

from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint
from dltui.runs import publish_checkpoint
from dltui.worker.checkpoints import write_checkpoint
from tests.inspect.torch_files import bits, network


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with checkpoints at steps 10 (the best) and 20."""
    path = tmp_path / "20260101-000000-digits-1"
    path.mkdir()
    (path / "checkpoints").mkdir()
    (path / "recipe.yaml").write_text("dltui: 1\nname: digits\n")
    (path / "status.json").write_text(json.dumps({"state": "running", "step": 20, "epoch": 2.0}))
    return path


def filled(run: Path) -> Path:
    for step in (10, 20):
        model = network()
        average = {"average": model.state_dict(), "updates": step}
        state = {"step": step, "ema": average, "optimizers": {}}

        def write(folder: Path, model=model, state=state) -> None:
            write_checkpoint(folder, model.state_dict(), state)

        publish_checkpoint(run / "checkpoints", step, write, best=step == 10)
    return run


def test_a_run_shows_its_latest_checkpoint_with_recipe_and_progress(run: Path) -> None:
    found = open_checkpoint(filled(run))
    assert found.format == "dltui checkpoint"
    assert found.metadata["step"] == 20
    assert found.metadata["recipe"] == "dltui: 1\nname: digits\n"
    assert found.metadata["run"]["state"] == "running"
    assert found.notes == (
        "This is the latest of 2 checkpoints, step_00000020.",
        "The best one is step_00000010.",
    )
    assert open_checkpoint(run / "checkpoints").metadata["step"] == 20


def test_one_step_shows_model_and_average(run: Path) -> None:
    found = open_checkpoint(filled(run) / "checkpoints" / "step_00000010")
    names = {tensor.name for tensor in found.tensors}
    assert {"model.0.weight", "ema.0.weight"} <= names
    assert found.metadata["step"] == 10
    assert found.metadata["run"]["id"] == run.name
    assert found.notes == ()


def test_a_run_without_checkpoints_says_so(run: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint yet"):
        open_checkpoint(run)


def test_a_pointer_that_leads_elsewhere_is_not_followed(run: Path) -> None:
    filled(run)
    (run / "checkpoints" / "latest").write_text("../../../etc")
    assert open_checkpoint(run).metadata["step"] == 20


def test_values_of_all_files_are_read(run: Path) -> None:
    from dltui.inspect.values import Values

    found = open_checkpoint(filled(run))
    weights = torch.load(run / "checkpoints" / "step_00000020" / "ema.pt")
    with Values(found) as values:
        tensor = next(each for each in found.tensors if each.name == "ema.0.weight")
        assert values.stored(tensor).tobytes() == bits(weights["0.weight"])
