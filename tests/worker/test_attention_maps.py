"""An evaluation of a network with attention leaves pictures of what it looks at."""

from __future__ import annotations

from dltui.runs import read_status
from dltui.runs.samples import sample_folders
from dltui.runs.sheets import read_pictures
from tests.worker.conftest import DIGITS, MakeRun, train

GPT = """
dltui: 1
name: looker
data: {type: builtin, name: pydoc, context: 24, batch_size: 8, limit: 40}
model:
  layers:
    - embedding: 16
    - {repeat: 2, layers: [{residual: [layer_norm, {attention: {heads: 2, causal: true}}]}]}
    - linear: $(data.vocab)
task: {type: next_token, sample: {length: 5}}
trainer: {epochs: 1, device: cpu}
"""


def test_every_head_of_every_layer_has_its_map(make_run: MakeRun) -> None:
    run = make_run(GPT)
    assert train(run) == 0
    folder = sample_folders(run.samples, "pictures")[-1]
    sheet = read_pictures(folder)
    assert sheet is not None
    assert (sheet.title, sheet.columns, len(sheet.pictures)) == ("attention", 2, 4)
    assert sheet.step == read_status(run.path).step
    assert len(sheet.row_labels) == 2
    assert (folder / "text.json").is_file()


READER = """
dltui: 1
name: reader
data: {type: builtin, name: digits, limit: 60}
model:
  layers: [{reshape: [8, 8]}, {attention: {heads: 2}}, flatten, {linear: $(data.classes)}]
task: {type: classify}
trainer: {epochs: 1, device: cpu}
"""


def test_a_classifier_leaves_its_maps_with_the_examples_of_every_evaluation(
    make_run: MakeRun,
) -> None:
    run = make_run(READER, "trainer.epochs=3")
    assert train(run) == 0
    with_examples = [path for path in run.samples.iterdir() if (path / "examples.json").exists()]
    first = min(with_examples)
    assert first.name != max(with_examples).name
    assert set(sample_folders(run.samples, "pictures")) == set(with_examples)


def test_a_network_without_attention_leaves_none(make_run: MakeRun) -> None:
    run = make_run(DIGITS, "trainer.epochs=1")
    assert train(run) == 0
    assert sample_folders(run.samples, "pictures") == []
