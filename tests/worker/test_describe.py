"""What validation finds without training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dltui.worker.describe import describe_recipe, main
from tests.worker.conftest import DIGITS


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(DIGITS)
    return path


def test_a_sound_recipe_gives_layers_parameters_and_data(recipe: Path) -> None:
    found = json.loads(json.dumps(describe_recipe(recipe)))
    assert found["errors"] == []
    assert found["parameters"] == 8 * 9 + 2 * 8 + 8 * 64 * 10 + 10
    assert sum(layer["parameters"] for layer in found["layers"]) == found["parameters"]
    assert found["layers"][0]["type"] == "conv"
    assert found["layers"][0]["output"] == [8, 8, 8]
    assert found["data"]["classes"] == 10
    assert found["data"]["train_size"] == 300


def test_data_only_leaves_the_model_out(recipe: Path) -> None:
    found = describe_recipe(recipe, data_only=True)
    assert found["layers"] == []
    assert found["data"]["shape"] == (1, 8, 8)


def test_all_that_is_wrong_is_found_at_once(recipe: Path) -> None:
    overrides = ["optimizer.type=sgd", "optimizer.nesterov=true", "trainer.device=cuda:99"]
    found = describe_recipe(recipe, overrides)
    messages = " | ".join(error["message"] for error in found["errors"])
    assert "Nesterov" in messages
    assert "this machine has no cuda:99" in messages
    assert {error["path"] for error in found["errors"]} == {"optimizer", "trainer.device"}


def test_a_shape_that_does_not_fit_is_an_error_at_its_layer(recipe: Path) -> None:
    text = DIGITS.replace("    - flatten\n", "    - reshape: [7]\n    - flatten\n")
    recipe.write_text(text)
    found = describe_recipe(recipe)
    assert len(found["errors"]) == 1
    assert found["errors"][0]["line"] == text[: text.index("- reshape")].count("\n") + 1


def test_the_command_prints_one_json_value_and_tells_errors_by_its_exit_code(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(recipe)]) == 0
    assert json.loads(capsys.readouterr().out)["errors"] == []
    assert main([str(recipe), "optimizer.lrr=1"]) == 2
    assert "lrr" in json.loads(capsys.readouterr().out)["errors"][0]["message"]
    assert main([str(recipe.with_name("none.yaml"))]) == 2


def test_more_guesses_than_classes_are_refused_before_anything_starts(recipe: Path) -> None:
    (error,) = describe_recipe(recipe, ["metrics=[accuracy, {top_k: 11}]"])["errors"]
    assert error["path"] == "metrics.1"
    assert "this data has 10 classes" in error["message"]
    assert describe_recipe(recipe, ["metrics=[accuracy, {top_k: 10}]"])["errors"] == []


def test_an_untrusted_plugin_is_told_where_the_recipe_names_it(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    plugin = tmp_path / "twice.py"
    plugin.write_text("import dltui\n\n@dltui.layer('twice')\ndef twice(x):\n    return 2 * x\n")
    recipe.write_text(DIGITS.replace("    - flatten\n", "    - twice\n    - flatten\n"))
    with recipe.open("a") as file:
        file.write("plugins: [twice.py]\n")
    (error,) = describe_recipe(recipe)["errors"]
    assert error["path"] == "plugins.0"
    assert "has not been allowed to run" in error["message"]


def test_a_ready_made_network_says_which_channels_it_takes(recipe: Path) -> None:
    recipe.write_text("""
dltui: 1
data: {type: builtin, name: digits}
model: {from: torchvision/mobilenet_v3_small}
task: {type: classify}
""")
    (error,) = describe_recipe(recipe)["errors"]
    assert error["path"] == "model.from"
    assert "takes images with 3 channels, this data has 1" in error["message"]
