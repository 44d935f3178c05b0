"""Which tensors of two checkpoints are the same one under another name.

Wrappers put their name before, or between, the names of what they wrap: `module.` (data parallel),
`_orig_mod.` (`torch.compile`), `_fsdp_wrapped_module.`; trainers save `model.` or `state_dict.`
before them. Such prefixes are looked through where the rest of the name agrees.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from dltui.inspect.contents import Checkpoint, Tensor

PREFIXES = ("module", "model", "state_dict", "model_state_dict")
_PREFIX = re.compile(rf"(?:(?:{'|'.join(PREFIXES)})\.)+")
_WRAPPER = re.compile(
    r"(?:^|(?<=\.))(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\."
)


@dataclass(frozen=True, slots=True)
class Matched:
    """The tensors of two checkpoints, put beside each other by name."""

    pairs: tuple[tuple[Tensor, Tensor], ...]
    """In the order of the first."""
    only_a: tuple[Tensor, ...]
    only_b: tuple[Tensor, ...]
    renamed: int
    """How many pairs agree only without what wrappers put into names."""
    ignored_a: tuple[str, ...]
    """Words of wrappers (`module.`) that were looked through in names of the first alone."""
    ignored_b: tuple[str, ...]


def matched(a: Checkpoint, b: Checkpoint) -> Matched:
    """Pairs names that are equal, then of the others those that agree without wrappers.

    A name that could stand for two is left alone.
    """
    of_b = {tensor.name: tensor for tensor in b.tensors}
    names_a = {tensor.name for tensor in a.tensors}
    bare_a = _by_bare_name(tensor for tensor in a.tensors if tensor.name not in of_b)
    bare_b = _by_bare_name(tensor for tensor in b.tensors if tensor.name not in names_a)
    renamed = {tensor.name: bare_b[name] for name, tensor in bare_a.items() if name in bare_b}
    partners = of_b | renamed
    taken = names_a | {tensor.name for tensor in renamed.values()}
    ignored = [_ignored(name, partner.name) for name, partner in renamed.items()]
    return Matched(
        pairs=tuple((t, partners[t.name]) for t in a.tensors if t.name in partners),
        only_a=tuple(tensor for tensor in a.tensors if tensor.name not in partners),
        only_b=tuple(tensor for tensor in b.tensors if tensor.name not in taken),
        renamed=len(renamed),
        ignored_a=tuple(dict.fromkeys(word for words, _ in ignored for word in words)),
        ignored_b=tuple(dict.fromkeys(word for _, words in ignored for word in words)),
    )


def bare_name(name: str) -> str:
    """The name without prefixes and wrappers; one that consists of nothing else stays."""
    unwrapped = _WRAPPER.sub("", name)
    prefix = _PREFIX.match(unwrapped)
    return unwrapped[prefix.end() :] if prefix and prefix.end() < len(unwrapped) else unwrapped


def _by_bare_name(tensors: Iterable[Tensor]) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    twice: set[str] = set()
    for tensor in tensors:
        name = bare_name(tensor.name)
        if name in found:
            twice.add(name)
        found[name] = tensor
    return {name: tensor for name, tensor in found.items() if name not in twice}


def _ignored(a: str, b: str) -> tuple[list[str], list[str]]:
    """The words that each name has beside what both are without wrappers."""
    words_a, words_b = _wrapping_words(a), _wrapping_words(b)
    return list((words_a - words_b).elements()), list((words_b - words_a).elements())


def _wrapping_words(name: str) -> Counter[str]:
    words = Counter(f"{word}." for word in name.split("."))
    return words - Counter(f"{word}." for word in bare_name(name).split("."))
