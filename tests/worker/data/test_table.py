"""CSV and Parquet tables, whole and broken."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dltui.errors import DataError
from dltui.worker.data import describe, open_data
from dltui.worker.data.sources.table_file import read_table

CATS = "weight,colour,kind\n" + "".join(
    f"{number}.5,{('red', 'blue')[number % 2]},{('cat', 'dog')[number % 3 == 0]}\n"
    for number in range(20)
)


@pytest.fixture
def write(tmp_path):
    def make(text, name="table.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return str(path)

    return make


def test_text_columns_are_one_hot_and_numbers_standardised(recipe, write):
    wanted = recipe(type="csv", path=write(CATS), target="kind", batch_size=100)
    data = open_data(wanted, seed=0, device="cpu")
    assert describe(wanted) == data.info
    assert data.info.feature_names == ("weight", "colour=blue", "colour=red")
    assert data.info.class_names == ("cat", "dog")
    (batch,) = data.train.epoch(0)
    assert batch.inputs[:, 0].mean().abs() < 1e-5
    assert set(batch.inputs[:, 1:].unique().tolist()) == {0.0, 1.0}
    values = data.decode_example("train", 0).values
    assert set(values) in ({"weight", "colour=red"}, {"weight", "colour=blue"})
    assert values["weight"] % 1 == 0.5


def test_standardising_uses_the_training_part_alone(recipe, write):
    data = open_data(
        recipe(
            "regress",
            type="csv",
            path=write("x,y\n" + "".join(f"{n},{n}\n" for n in range(50))),
            target="y",
            batch_size=100,
        ),
        seed=0,
        device="cpu",
    )
    (train,), (val,) = data.train.epoch(0), data.val.epoch(0)
    assert train.inputs.mean().abs() < 1e-5
    assert val.inputs.mean().abs() > 1e-3
    assert data.target_mean is not None
    assert torch.allclose(data.target_mean, train.targets.mean(0))


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_the_separator_is_found(recipe, write, separator):
    info = describe(recipe(type="csv", path=write(CATS.replace(",", separator)), target="kind"))
    assert info.shape == (3,)


def test_a_windows_export_reads_the_same(recipe, write):
    text = "\ufeff" + CATS.replace("\n", "\r\n")
    assert (
        describe(recipe(type="csv", path=write(text), target="kind")).feature_names[0] == "weight"
    )


def test_empty_cells_are_an_error_that_names_column_and_line(recipe, write):
    path = write("a,b,y\n1,2,u\n,3,v\n4,NA,u\n5,6,\n")
    with pytest.raises(DataError) as caught:
        describe(recipe(type="csv", path=path, target="y"))
    text = str(caught.value)
    assert "3 cells are empty" in text
    assert "'a' line 3" in text
    assert "'b' line 4" in text
    assert "'y' line 5" in text
    assert "data.missing" in text


def test_rows_with_empty_cells_can_be_dropped_or_filled_in(recipe, write):
    rows = "".join(f"{n},{n % 2}\n" for n in range(20))
    path = write("a,y\n" + rows + ",1\n7,\n")
    dropped = describe(recipe(type="csv", path=path, target="y", missing="drop"))
    assert dropped.train_size + dropped.val_size == 20
    assert dropped.notes == ("2 rows with empty cells left out: lines 22, 23",)
    filled = open_data(
        recipe(
            type="csv",
            path=path,
            target="y",
            missing="mean",
            batch_size=100,
            split={"train": 0.95, "val": 0.05},
        ),
        seed=0,
        device="cpu",
    )
    assert filled.train.size + filled.val.size == 21
    inputs = torch.cat([b.inputs for part in (filled.train, filled.val) for b in part.epoch(0)])
    assert (inputs.abs() < 1e-6).any(), "the mean of the training part, standardised, is 0"
    assert not inputs.isnan().any()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no columns"),
        ("a,y\n", "no rows"),
        ("a,y\n1,2,3\n", "3 cells where the header has 2"),
        ("a,a,y\n1,2,3\n", "stands twice"),
        ("a,y\n1,u\n2,u\n", "one class only"),
        ("b,y\n1,u\n2,v\n", "no column 'a'"),
        ('a,y\n"1,u\n2,v\n', "no CSV table"),
        (b"\xff\xfe\x00\x01binary\x00", "no CSV table"),
        ("a,y\ninf,u\n2,v\n", "not finite"),
        ("a,y\n" + "".join(f"text{n},{n % 2}\n" for n in range(60)), "60 different values"),
    ],
)
def test_a_broken_table_is_refused(recipe, write, text, message):
    with pytest.raises(DataError, match=message) as caught:
        describe(recipe(type="csv", path=write(text), target="y", features=["a"]))
    assert caught.value.remedy


def test_a_missing_file_is_refused(recipe, tmp_path):
    with pytest.raises(DataError, match="no such file"):
        describe(recipe(type="csv", path=str(tmp_path / "none.csv"), target="y"))


def test_a_misspelt_column_gets_the_nearest_name(recipe, write):
    with pytest.raises(DataError, match="Did you mean 'kind'"):
        describe(recipe(type="csv", path=write(CATS), target="knd"))


def test_texts_cannot_be_regressed_and_numbers_hardly_classified(recipe, write):
    with pytest.raises(DataError, match="no number in line"):
        describe(recipe("regress", type="csv", path=write(CATS), target="kind"))
    many = write("a,y\n" + "".join(f"{n},{n / 7}\n" for n in range(200)), "many.csv")
    with pytest.raises(DataError, match="Use the task regress"):
        describe(recipe(type="csv", path=many, target="y"))


def test_several_targets_are_labels_or_numbers(recipe, write):
    path = write("a,p,q\n" + "".join(f"{n},{n % 2},{n % 3 // 2}\n" for n in range(20)))
    labels = open_data(
        recipe("multilabel", type="csv", path=path, target=["p", "q"]), seed=0, device="cpu"
    )
    batch = next(labels.train.epoch(0))
    assert batch.targets.shape == (16, 2)
    assert labels.info.classes == labels.info.targets == 2
    numbers = describe(recipe("regress", type="csv", path=path, target=["p", "q"]))
    assert numbers.targets == 2
    assert numbers.classes is None
    wrong = write("a,p,q\n1,0,2\n2,1,0\n", "wrong.csv")
    with pytest.raises(DataError, match="neither 0 nor 1 in line 2"):
        describe(recipe("multilabel", type="csv", path=wrong, target=["p", "q"]))


def test_numbered_classes_are_in_the_order_of_their_numbers(recipe, write):
    path = write("a,y\n" + "".join(f"{n},{n % 11}\n" for n in range(110)))
    assert describe(recipe(type="csv", path=path, target="y")).class_names == tuple(
        map(str, range(11))
    )


def test_a_constant_column_is_noted_and_harmless(recipe, write):
    path = write("a,b,y\n" + "".join(f"{n},0.1,{n % 2}\n" for n in range(20)))
    data = open_data(recipe(type="csv", path=path, target="y"), seed=0, device="cpu")
    assert data.info.notes == ("the same in every row: b",)
    assert next(data.train.epoch(0)).inputs[:, 1].abs().max() < 1e-5


def test_parquet_reads_like_csv(recipe, write, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import csv, parquet

    path = write(CATS)
    parquet.write_table(csv.read_csv(path), tmp_path / "table.parquet")
    left = open_data(recipe(type="csv", path=path, target="kind"), seed=0, device="cpu")
    right = open_data(
        recipe(type="csv", path=str(tmp_path / "table.parquet"), target="kind"),
        seed=0,
        device="cpu",
    )
    assert left.info == right.info
    assert torch.equal(next(left.train.epoch(0)).inputs, next(right.train.epoch(0)).inputs)
    whole = (tmp_path / "table.parquet").read_bytes()
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cut off"):
        describe(recipe(type="csv", path=str(cut), target="kind"))
    assert pyarrow.__version__


def test_parquet_without_its_package_names_the_extra(recipe, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"dltui\[tables\]"):
        describe(recipe(type="csv", path=str(path), target="y"))


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_garbage_is_a_table_or_a_clear_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("garbage") / "table.csv"
    path.write_bytes(content)
    refusal = None
    try:
        table = read_table(str(path), None)
    except DataError as error:
        refusal = error
    if refusal is None:
        assert {len(cells) for cells in table.columns.values()} == {len(table.rows)}
    else:
        assert refusal.where.startswith(str(path))
        assert refusal.remedy
