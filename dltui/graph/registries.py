"""Networks of other libraries by name: `torchvision/…`, `timm/…` and `hf/…`.

All three are built on the meta device for the shape table and for real in the worker. timm and
transformers are extras, imported when a recipe names them.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from dltui.graph.run_weights import fill
from dltui.graph.scope import evaluated, fault
from dltui.recipe.data_info import DataInfo
from dltui.recipe.nodes import Pretrained
from dltui.recipe.sources import is_file_name

if TYPE_CHECKING:
    from dltui.recipe import Recipe

_AUXILIARY = ("googlenet", "inception_v3")
"""Networks that give more than one output while training unless told not to."""
_TASKS = {"segmentation": "segment", "detection": "detect"}
"""Families of torchvision whose answer only one task can read."""
_LEFT_OUT = {
    "quantization": "is quantised, which cannot be trained",
    "optical_flow": "compares two images, which no task here does",
}


@dataclass(frozen=True, slots=True)
class Request:
    """What a recipe asks of a registry; with `meta` nothing is downloaded, no memory taken."""

    recipe: Recipe
    source: Pretrained
    name: str
    info: DataInfo
    outputs: int | None
    """Size of the new head; None keeps the network's own."""
    meta: bool

    def fault(self, key: str, message: str) -> Exception:
        return fault(self.recipe, (*self.source.path, key), message)

    @property
    def args(self) -> dict[str, Any]:
        """The recipe's own arguments of the builder."""
        return dict(evaluated(self.recipe, self.source.args, self.info.variables()))

    @property
    def file(self) -> Path | None:
        """The file that `weights` names, if it names one."""
        given = self.source.weights
        return Path(given) if given is not None and is_file_name(given) else None

    @property
    def default_weights(self) -> bool:
        return (self.source.weights or "").lower() == "default"

    @property
    def device(self) -> str:
        return "meta" if self.meta else "cpu"

    @property
    def classes(self) -> int | None:
        """Outputs that the data asks of a network which brings no weights of its own."""
        if self.source.weights is not None:
            return self.outputs
        return self.outputs or self.info.classes or self.info.targets

    def built(self, build: Callable[[], nn.Module], *, counts: bool = False) -> nn.Module:
        """The network, with the weights of a file where the recipe names one.

        `counts`: its builder computes sizes with tensors, which the meta device cannot.
        """
        try:
            with _Weightless() if self.meta and counts else torch.device(self.device):
                model = build()
        except (TypeError, ValueError, RuntimeError, AssertionError) as error:
            key = "args" if self.source.args else "weights" if self.source.weights else "from"
            raise self.fault(key, f"{self.source.source}: {error}") from None
        except OSError as error:  # of which failed downloads are the most frequent
            raise self.fault(
                "weights" if self.source.weights else "from",
                f"{self.source.source} cannot be had: {error}",
            ) from error
        if self.file is not None:
            fill(model, self.file, self.recipe, self.source, meta=self.meta, key="weights")
        return model


class _Weightless(TorchFunctionMode):
    """Makes what weights are made of on the meta device, and all other tensors on the CPU."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        where = {"device": "meta"} if func in (torch.empty, torch.ones, torch.zeros) else {}
        return func(*args, **{**(kwargs or {}), **where})


def torchvision_model(request: Request) -> nn.Module:
    """A classification, segmentation, detection or video network of torchvision.

    Segmentation networks give `(N, classes, H, W)`; detectors keep torchvision's own interface.
    """
    # torchvision takes half a second to import, and most recipes never need it.
    from torchvision import models

    name, family = request.name, _family(request)
    weights = _torchvision_weights(request)
    args = request.args
    if name in _AUXILIARY:
        args = {"aux_logits": False, "init_weights": False, **args}
    if family in ("segmentation", "detection"):
        # Without this, weights of the backbone would be downloaded unasked.
        args = {"weights_backbone": None, **args}
        if request.meta or weights is not None:
            args["weights_backbone"] = None
    if request.source.weights is None and request.classes:
        args = {"num_classes": request.classes, **args}
    elif family == "detection" and request.outputs:
        message = "the head of a trained detector cannot be replaced; leave `weights` out"
        raise request.fault("replace_head", message)
    model = request.built(
        lambda: models.get_model(name, weights=None if request.meta else weights, **args),
        counts=family == "regnet",
    )
    if family == "segmentation":
        model.register_forward_hook(_only_masks)
    return model


def _family(request: Request) -> str:
    """`resnet`, `segmentation`, `detection`, …: the module that the network comes from."""
    from torchvision import models

    known = models.list_models()
    if request.name not in known:
        close = difflib.get_close_matches(request.name, known, 1)
        hint = f"; did you mean torchvision/{close[0]}?" if close else ""
        raise request.fault("from", f"torchvision has no model {request.name!r}{hint}")
    module: str = models.get_model_builder(request.name).__module__
    family = module.split(".")[2]
    if family in _LEFT_OUT:
        raise request.fault("from", f"{request.source.source} {_LEFT_OUT[family]}")
    task, wanted = request.recipe.task.type, _TASKS.get(family)
    if wanted is not None and task != wanted:
        message = f"{request.source.source} is for task {wanted}, not {task}"
        raise request.fault("from", message)
    return family


def _only_masks(module: nn.Module, inputs: Any, output: Mapping[str, Any]) -> Any:
    return output["out"]


def _torchvision_weights(request: Request) -> Any:
    from torchvision import models

    given = request.source.weights
    if given is None or request.file is not None:
        return None
    known = models.get_model_weights(request.name)
    wanted = "DEFAULT" if request.default_weights else given
    if wanted not in known.__members__:
        told = ", ".join(["DEFAULT", *(weight.name for weight in known)])
        message = f"torchvision/{request.name} has no weights {given!r}; it has: {told}"
        raise request.fault("weights", message)
    return known[wanted]


def timm_model(request: Request) -> nn.Module:
    """A network of timm (https://github.com/huggingface/pytorch-image-models).

    `weights: default`, or the tag of a set such as `a1_in1k`; the head has the data's classes.
    """
    timm = _extra(request, "timm")
    if not timm.is_model(request.name):
        close = difflib.get_close_matches(request.name, timm.list_models(), 1)
        hint = f"; did you mean timm/{close[0]}?" if close else ""
        raise request.fault("from", f"timm has no model {request.name!r}{hint}")
    given, name, classes = request.source.weights, request.name, request.classes
    wanted = given is not None and request.file is None
    if wanted and not request.default_weights:
        name = f"{request.name.partition('.')[0]}.{given}"
        tags = timm.list_pretrained(f"{request.name.partition('.')[0]}.*")
        if name not in tags:
            told = ", ".join(["default", *(tag.partition(".")[2] for tag in tags)])
            message = f"timm/{request.name} has no weights {given!r}; it has: {told}"
            raise request.fault("weights", message)
    args = request.args
    if classes and request.file is None:
        args.setdefault("num_classes", classes)
    if len(request.info.shape) == 3:
        args.setdefault("in_chans", request.info.shape[0])
    model = request.built(
        lambda: timm.create_model(name, pretrained=wanted and not request.meta, **args)
    )
    if request.file is not None and request.outputs:
        with torch.device(request.device):
            model.reset_classifier(request.outputs)  # type: ignore[operator]
    return model


def hf_model(request: Request) -> nn.Module:
    """A network of the Hugging Face hub, or of a folder on this machine (`hf//path/of/it`).

    The task decides its head: images or texts by class, or the next token. Without `weights` only
    its configuration is read, and its weights start at random; code beside them is never run.
    """
    transformers = _extra(request, "transformers", "hf")
    kind = _hf_kind(request)
    auto = getattr(transformers, kind)
    args = request.args
    if "trust_remote_code" in args:
        raise request.fault("args", "code of other people's models is never run")
    settings: dict[str, Any] = {"trust_remote_code": False, **args}
    if request.classes and kind != "AutoModelForCausalLM":
        settings["num_labels"] = request.classes
    given = request.source.weights
    if given is not None and not request.default_weights:
        message = f"{request.source.source} has the weights `default`, not {given!r}"
        raise request.fault("weights", message)

    def build() -> nn.Module:
        config = transformers.AutoConfig.from_pretrained(request.name, **settings)
        if request.meta or given is None:
            model: nn.Module = auto.from_config(config)
        else:
            model = auto.from_pretrained(request.name, config=config, ignore_mismatched_sizes=True)
        return model.float()  # configurations may ask for bfloat16

    model = request.built(build)
    model.register_forward_hook(_only_logits)
    return model


def _hf_kind(request: Request) -> str:
    tokens = request.info.dtype == "int64"
    match request.recipe.task.type:
        case "next_token":
            return "AutoModelForCausalLM"
        case "classify" | "multilabel" if tokens:
            return "AutoModelForSequenceClassification"
        case "classify" | "multilabel":
            return "AutoModelForImageClassification"
        case task:
            message = f"hf/… goes with classify, multilabel and next_token, not {task}"
            raise request.fault("from", message)


def _only_logits(module: nn.Module, inputs: Any, output: Any) -> Any:
    return output.logits


def _extra(request: Request, module: str, extra: str | None = None) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        if error.name != module:
            raise
        extra = extra or module
        message = f"{request.source.source} needs the extra {extra}: pip install 'dltui[{extra}]'"
        raise request.fault("from", message) from None


REGISTRIES: dict[str, Callable[[Request], nn.Module]] = {
    "torchvision": torchvision_model,
    "timm": timm_model,
    "hf": hf_model,
}
"""By what stands before the `/` of `from`."""
HEADS_OF_THEIR_OWN = ("timm", "hf")
"""Registries that make the new head themselves."""
_MASK_HEADS = (
    "classifier.4",
    "aux_classifier.4",
    "classifier.low_classifier",
    "classifier.high_classifier",
)


def is_detector(model: nn.Module) -> bool:
    """Whether it has torchvision's interface for boxes: lists of images and targets."""
    return type(model).__module__.startswith("torchvision.models.detection")


def head_names(model: nn.Module) -> list[str]:
    """The last linear layer, the last 1×1 convolution (SqueezeNet), or those that give masks."""
    modules = dict(model.named_modules())
    if type(model).__module__.startswith("torchvision.models.segmentation"):
        return [name for name in _MASK_HEADS if name in modules]
    linear = [name for name, module in modules.items() if isinstance(module, nn.Linear)]
    convolutions = nn.Conv2d | nn.Conv3d
    return (linear or [n for n, module in modules.items() if isinstance(module, convolutions)])[-1:]
