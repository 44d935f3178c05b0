"""Real data that needs no download: scikit-learn's sets and Python's own documentation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dltui.errors import DataError
from dltui.recipe.data_info import DataInfo
from dltui.recipe.schema.data import BuiltinData
from dltui.recipe.tasks import TASKS
from dltui.worker.data.batches import Say
from dltui.worker.data.examples import TensorExamples
from dltui.worker.data.sources.loaded import Loaded, Outline, check_task
from dltui.worker.data.sources.sklearn_tables import read_table
from dltui.worker.data.sources.text import TextPlan, text_outline, text_parts


@dataclass(frozen=True, slots=True)
class _Table:
    """Facts of a scikit-learn table; `loader` is its function in `sklearn.datasets`."""

    loader: str
    size: int
    features: tuple[str, ...]
    classes: tuple[str, ...] = ()


_TABLES = {
    "iris": _Table(
        "load_iris",
        150,
        ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"),
        ("setosa", "versicolor", "virginica"),
    ),
    "wine": _Table(
        "load_wine",
        178,
        (
            "alcohol",
            "malic_acid",
            "ash",
            "alcalinity_of_ash",
            "magnesium",
            "total_phenols",
            "flavanoids",
            "nonflavanoid_phenols",
            "proanthocyanins",
            "color_intensity",
            "hue",
            "od280/od315_of_diluted_wines",
            "proline",
        ),
        ("class_0", "class_1", "class_2"),
    ),
    "breast-cancer": _Table(
        "load_breast_cancer",
        569,
        tuple(
            f"{prefix}{name}{suffix}"
            for prefix, suffix in (("mean ", ""), ("", " error"), ("worst ", ""))
            for name in (
                "radius",
                "texture",
                "perimeter",
                "area",
                "smoothness",
                "compactness",
                "concavity",
                "concave points",
                "symmetry",
                "fractal dimension",
            )
        ),
        ("malignant", "benign"),
    ),
    "diabetes": _Table(
        "load_diabetes", 442, ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")
    ),
}

_DIGITS = 1797


def outline(section: BuiltinData, task: str) -> Outline:
    """Facts known without reading; `pydoc` is read, for its characters."""
    if section.name == "pydoc":
        found = text_outline(pydoc_text(), _pydoc_plan(section, task))
    elif section.name == "digits":
        found = _digits_outline(section)
    else:
        found = _table_outline(_TABLES[section.name])
    check_task(found.info, task, f"the builtin set {section.name}")
    if section.only_classes is None:
        return found
    names = _chosen_names(section, found.info)
    labels = torch.from_numpy(read_table(_loader(section))[1]).long()
    kept, _ = _renumbered(labels, names, found.info)
    info = replace(found.info, classes=len(names), class_names=names)
    return Outline(info, {"all": int(kept.sum())})


def read(section: BuiltinData, task: str, say: Say | None = None) -> Loaded:
    """The examples; tables as they are in scikit-learn, digits as uint8 images."""
    if section.name == "pydoc":
        loaded = text_parts(pydoc_text(), _pydoc_plan(section, task))
        check_task(loaded.outline.info, task, "the builtin set pydoc")
        if section.only_classes is not None:
            _chosen_names(section, loaded.outline.info)
        return loaded
    found = outline(section, task)
    values, labels = read_table(_loader(section))
    if section.name == "digits":
        # The sixteen grey levels of the set, spread over 0 to 255.
        pixels = torch.from_numpy(values).mul(255 / 16).round().to(torch.uint8)
        examples = TensorExamples(pixels.view(-1, 1, 8, 8), torch.from_numpy(labels).long())
        chosen = _of_chosen_classes(section, examples)
        return Loaded(found, {"all": chosen}, "images", flatten=section.flat)
    targets = torch.from_numpy(labels)
    classes = _TABLES[section.name].classes
    targets = targets.long() if classes else targets.float().unsqueeze(1)
    examples = TensorExamples(torch.from_numpy(values).float(), targets)
    return Loaded(found, {"all": _of_chosen_classes(section, examples)}, "table")


def _loader(section: BuiltinData) -> str:
    return "load_digits" if section.name == "digits" else _TABLES[section.name].loader


def _of_chosen_classes(section: BuiltinData, examples: TensorExamples) -> TensorExamples:
    if section.only_classes is None:
        return examples
    info = _digits_outline(section).info
    if section.name != "digits":
        info = _table_outline(_TABLES[section.name]).info
    names = _chosen_names(section, info)
    kept, numbers = _renumbered(examples.targets, names, info)
    chosen = examples.take(kept.nonzero().flatten())
    return TensorExamples(chosen.inputs, numbers[chosen.targets])


def _chosen_names(section: BuiltinData, info: DataInfo) -> tuple[str, ...]:
    """The classes of `only_classes`, in the order of the set. Raises `DataError`."""
    wanted = [str(name) for name in section.only_classes or ()]
    strange = [name for name in wanted if name not in info.class_names]
    if strange or not info.classes:
        raise DataError(
            f"{section.name} has no class {strange[0] if strange else wanted[0]!r}",
            where="data.only_classes",
            remedy=f"Take from {', '.join(info.class_names)}."
            if info.class_names
            else "Remove the key: this set has no classes.",
        )
    if len(set(wanted)) < 2:
        raise DataError("one class is nothing to tell apart", where="data.only_classes")
    return tuple(name for name in info.class_names if name in wanted)


def _renumbered(labels: Tensor, names: tuple[str, ...], info: DataInfo) -> tuple[Tensor, Tensor]:
    """Which examples stay, bool `(N,)`, and the new number of each old class, `(classes,)`."""
    numbers = torch.full((info.classes or 0,), -1)
    for number, name in enumerate(names):
        numbers[info.class_names.index(name)] = number
    return numbers[labels] >= 0, numbers


def pydoc_text() -> str:
    """All topics of Python's own help, in the order of their names."""
    from pydoc_data.topics import topics  # 0.5 MB that other sets do not need

    return "\n\n".join(topics[name] for name in sorted(topics))


def _pydoc_plan(section: BuiltinData, task: str) -> TextPlan:
    return TextPlan(
        section.tokenizer,
        section.vocab,
        section.context,
        section.split,
        section.kfold,
        "pydoc",
        TASKS[task].special_tokens,
    )


def _digits_outline(section: BuiltinData) -> Outline:
    info = DataInfo(
        shape=(64,) if section.flat else (1, 8, 8),
        dtype="float32",
        target="class",
        classes=10,
        class_names=tuple("0123456789"),
    )
    return Outline(info, {"all": _DIGITS})


def _table_outline(table: _Table) -> Outline:
    info = DataInfo(
        shape=(len(table.features),),
        dtype="float32",
        target="class" if table.classes else "value",
        classes=len(table.classes) or None,
        class_names=table.classes,
        targets=None if table.classes else 1,
        feature_names=table.features,
    )
    return Outline(info, {"all": table.size})
