"""ONNX models: the initialisers of the graph, in the file or beside it, and what the graph says.

The file is walked field by field; weights are passed over. Source:
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from __future__ import annotations

import struct
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from dltui.errors import CheckpointError
from dltui.inspect.checks import MAX_TENSORS, damaged, quoted, too_much
from dltui.inspect.contents import Checkpoint, Module, Tensor
from dltui.inspect.cursor import Cursor
from dltui.inspect.formats.onnx_tensor import TYPES, Files, read_tensor
from dltui.inspect.protobuf import Wire, fields, signed, varint
from dltui.inspect.source import Source

_IR_VERSION_TAG = 0x08
_MODEL_FIELDS = {1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26}
_MODEL_TEXTS = {2: "producer_name", 3: "producer_version", 4: "domain", 6: "doc_string"}
_MODEL_NUMBERS = {1: "ir_version", 5: "model_version"}
_GRAPH, _OPSET, _PROPERTY = 7, 8, 14
_NODE, _INITIALISER, _GRAPH_INPUT, _GRAPH_OUTPUT, _SPARSE = 1, 5, 11, 12, 15
_MAX_TEXT_BYTES = 1 << 18
_MAX_KEPT_BYTES = 64 << 20
"""Of names, texts and settings, and for the records of tensors."""
_MAX_NOTES = 20
_MAX_FIELDS = 2_000_000
"""Of the graph: nodes, initialisers and descriptions of values."""
_MAX_VALUES = 64
"""Of one attribute that is kept."""


def sniff(head: bytes, source: Source) -> bool:
    """The version of the format, then another field of a model; the format has no magic number."""
    if len(head) < 4 or head[0] != _IR_VERSION_TAG or not 1 <= head[1] <= 100:
        return False
    return head[2] >> 3 in _MODEL_FIELDS - {1} and head[2] & 7 in (Wire.VARINT, Wire.BYTES)


def read(source: Source) -> Checkpoint:
    """Initialisers, and the graph's nodes as modules. Raises CheckpointError."""
    return _Model(source).read()


@dataclass(slots=True)
class _Graph:
    begin: int
    size: int
    nodes: int = 0
    inputs: list[dict[str, Any]] = field(default_factory=list)
    outputs: list[dict[str, Any]] = field(default_factory=list)
    name: str = ""


class _Model:
    """One walk over the file for tensors, and one over the nodes, within a budget."""

    def __init__(self, source: Source):
        self.source = source
        self.cursor = Cursor(source, 0, source.size)
        self.files = Files(source)
        self.tensors: dict[str, Tensor] = {}
        self.metadata: dict[str, Any] = {}
        self.notes: dict[str, None] = {}
        self.modules: dict[str, Module] = {}
        self._kept_bytes = 0

    def read(self) -> Checkpoint:
        graph = self._model()
        self._graph(graph)
        self.metadata["graph"] = {
            "name": graph.name,
            "inputs": graph.inputs,
            "outputs": graph.outputs,
            "nodes": graph.nodes,
            "operators": self._nodes(graph),
        }
        self.notes |= dict.fromkeys(self.files.missing_notes())
        return Checkpoint(
            path=self.source.path,
            format="ONNX",
            files=tuple(self.files.paths),
            size_bytes=self.files.size_bytes,
            tensors=tuple(self.tensors.values()),
            metadata=self.metadata,
            modules=self.modules,
            notes=tuple(self.notes),
        )

    def _model(self) -> _Graph:
        graph: _Graph | None = None
        for number, wire, value in fields(self.cursor, self.source.size):
            if number == _GRAPH and wire == Wire.BYTES:
                if graph:
                    raise self._damaged("it has two graphs")
                graph = _Graph(self.cursor.position, value)
            elif number in _MODEL_TEXTS and wire == Wire.BYTES:
                self.metadata[_MODEL_TEXTS[number]] = self._text(value)
            elif number in _MODEL_NUMBERS and wire == Wire.VARINT:
                self.metadata[_MODEL_NUMBERS[number]] = signed(value)
            elif number == _OPSET and wire == Wire.BYTES:
                domain, version = self._opset(value)
                self.metadata.setdefault("opset", {})[domain] = version
            elif number == _PROPERTY and wire == Wire.BYTES:
                key, text = self._pair(value)
                self.metadata.setdefault("properties", {})[key] = text
        if graph is None:
            raise self._damaged("it has no graph")
        return graph

    def _graph(self, graph: _Graph) -> None:
        self.cursor.go_to(graph.begin)
        for count, (number, wire, value) in enumerate(fields(self.cursor, graph.size)):
            if count > _MAX_FIELDS:
                raise too_much("ONNX", self.source.path, "more fields", _MAX_FIELDS)
            if wire != Wire.BYTES:
                continue
            if number == _NODE:
                graph.nodes += 1
            elif number == _INITIALISER:
                self._add(value)
            elif number == _SPARSE:
                self._sparse(value)
            elif number == _GRAPH_INPUT:
                graph.inputs.append(self._value_info(value))
            elif number == _GRAPH_OUTPUT:
                graph.outputs.append(self._value_info(value))
            elif number == 2:
                graph.name = self._text(value)

    def _add(self, size: int, suffix: str = "") -> None:
        tensor, note = read_tensor(self.cursor, size, self.files, suffix)
        self._keep(len(tensor.name) + 200)
        if note and len(self.notes) < _MAX_NOTES:
            self.notes[note] = None
        if tensor.name in self.tensors:
            raise self._damaged(f"the name {quoted(tensor.name)} stands twice in it")
        if len(self.tensors) == MAX_TENSORS:
            raise too_much("ONNX", self.source.path, "more tensors", MAX_TENSORS)
        self.tensors[tensor.name] = tensor

    def _sparse(self, size: int) -> None:
        """A sparse tensor is two: its values, which bear the name, and their positions."""
        for number, wire, value in fields(self.cursor, size):
            if wire == Wire.BYTES and number in (1, 2):
                self._add(value, "" if number == 1 else ".indices")

    def _nodes(self, graph: _Graph) -> dict[str, int]:
        """How often each operator is there; the nodes that have weights become modules."""
        operators: Counter[str] = Counter()
        constant_bytes = 0
        self.cursor.go_to(graph.begin)
        for number, wire, size in fields(self.cursor, graph.size):
            if number == _NODE and wire == Wire.BYTES:
                operator, held = self._node(size)
                operators[operator] += 1
                constant_bytes += held
        if constant_bytes > 4096:
            self.notes[
                f"Constants within the graph's nodes have {constant_bytes:,} bytes more."
            ] = None
        return dict(operators.most_common())

    def _node(self, size: int) -> tuple[str, int]:
        """Its operator, and the bytes of constants that it holds itself."""
        operator, home = "", None
        attributes: list[tuple[int, int]] = []
        for number, wire, value in fields(self.cursor, size):
            if wire != Wire.BYTES:
                continue
            if number == 1 and home is None:
                name = self._text(value, kept=False)
                home = name.rpartition(".")[0] if name in self.tensors else None
            elif number == 4:
                operator = self._text(value, kept=False)
            elif number == 5:
                attributes.append((self.cursor.position, value))
        held = 0
        settings: dict[str, Any] = {}
        if operator == "Constant" or (home and home not in self.modules):
            for begin, length in attributes[:_MAX_VALUES]:
                self.cursor.go_to(begin)
                key, setting, tensor_bytes = self._attribute(length)
                held += tensor_bytes
                if setting is not None:
                    settings[key] = setting
        if home and home not in self.modules:
            self._keep(len(home) + 400)
            self.modules[home] = Module(operator, settings)
        return operator, held

    def _attribute(self, size: int) -> tuple[str, Any, int]:
        """Name, value where it is a number, a text or some of them, and bytes of a tensor in it."""
        name, tensor_bytes = "", 0
        single: float | str | None = None
        several: list[Any] = []
        for number, wire, value in fields(self.cursor, size):
            if number == 1 and wire == Wire.BYTES:
                name = self._text(value)
            elif number == 2 and wire == Wire.FIXED32:
                single = _float(value)
            elif number == 3 and wire == Wire.VARINT:
                single = signed(value)
            elif number == 4 and wire == Wire.BYTES:
                single = self._text(value)
            elif number == 5 and wire == Wire.BYTES:
                tensor_bytes += value
            elif number in (7, 8, 9) and len(several) < _MAX_VALUES:
                several += self._several(number, wire, value)
                self._keep(40 * len(several))
        return name, several or single, tensor_bytes

    def _several(self, number: int, wire: int, value: int) -> list[Any]:
        """What one occurrence of a repeated field adds: one value, or many packed ones."""
        if number == 9:
            return [self._text(value)] if wire == Wire.BYTES else []
        if wire == Wire.FIXED32:
            return [_float(value)]
        if wire == Wire.VARINT:
            return [signed(value)]
        if wire != Wire.BYTES:
            return []
        end = self.cursor.position + value
        found: list[Any] = []
        while self.cursor.position < end and len(found) < _MAX_VALUES:
            if number == 7:
                found.append(_float(int.from_bytes(self.cursor.take(4), "little")))
            else:
                found.append(signed(varint(self.cursor)))
        return found

    def _value_info(self, size: int) -> dict[str, Any]:
        """Name, type and shape of an input or output; a size may be a name, or unknown."""
        self._keep(300)
        found: dict[str, Any] = {"name": ""}
        for number, wire, value in fields(self.cursor, size):
            if number == 1 and wire == Wire.BYTES:
                found["name"] = self._text(value)
            elif number == 2 and wire == Wire.BYTES:
                for kind, inner, length in fields(self.cursor, value):
                    if kind == 1 and inner == Wire.BYTES:
                        found |= self._tensor_type(length)
        return found

    def _tensor_type(self, size: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for number, wire, value in fields(self.cursor, size):
            if number == 1 and wire == Wire.VARINT:
                found["dtype"] = TYPES.get(value, f"type {value}")
            elif number == 2 and wire == Wire.BYTES:
                found["shape"] = [
                    self._dimension(length)
                    for kind, inner, length in fields(self.cursor, value)
                    if kind == 1 and inner == Wire.BYTES
                ][:_MAX_VALUES]
        return found

    def _dimension(self, size: int) -> int | str | None:
        self._keep(100)
        found: int | str | None = None
        for number, wire, value in fields(self.cursor, size):
            if number == 1 and wire == Wire.VARINT:
                found = signed(value)
            elif number == 2 and wire == Wire.BYTES:
                found = self._text(value)
        return found

    def _opset(self, size: int) -> tuple[str, int]:
        domain, version = "", 0
        for number, wire, value in fields(self.cursor, size):
            if number == 1 and wire == Wire.BYTES:
                domain = self._text(value)
            elif number == 2 and wire == Wire.VARINT:
                version = signed(value)
        return domain or "ai.onnx", version

    def _pair(self, size: int) -> tuple[str, str]:
        found = ["", ""]
        for number, wire, value in fields(self.cursor, size):
            if wire == Wire.BYTES and number in (1, 2):
                found[number - 1] = self._text(value)
        return found[0], found[1]

    def _text(self, size: int, kept: bool = True) -> str:
        """A text, or the beginning of a very long one."""
        text = self.cursor.take(min(size, _MAX_TEXT_BYTES)).decode("utf-8", "replace")
        if kept:
            self._keep(sys.getsizeof(text))
        return text

    def _keep(self, size: int) -> None:
        self._kept_bytes += size
        if self._kept_bytes > _MAX_KEPT_BYTES:
            raise too_much("ONNX", self.source.path, "more bytes of names", _MAX_KEPT_BYTES)

    def _damaged(self, what: str) -> CheckpointError:
        return damaged("ONNX", self.source.path, what)


def _float(bits: int) -> float:
    found: float = struct.unpack("<f", bits.to_bytes(4, "little"))[0]
    return found
