"""Files that a library wrote, damaged at random, and what a reader may do with them."""

from pathlib import Path

from hypothesis import strategies as st

from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint
from dltui.inspect.values import Values

_READ_AT_MOST = 1 << 22


def mutated(data: bytes) -> st.SearchStrategy[bytes]:
    """`data` with a few bytes changed, taken out, put in or doubled, or cut off."""
    place = st.integers(0, len(data) - 1)
    new = st.binary(min_size=1, max_size=8) | st.sampled_from(
        [b"\xff" * 8, b"\x00" * 8, b"\x7f" + b"\xff" * 7, b"\xff\xff\xff\x7f", b'"', b"{", b"["]
    )
    change = st.one_of(
        st.tuples(st.just("set"), place, new),
        st.tuples(st.just("insert"), place, new),
        st.tuples(st.just("remove"), place, st.integers(1, 64)),
        st.tuples(st.just("double"), place, st.integers(1, 64)),
        st.tuples(st.just("cut"), place, st.just(0)),
    )
    return st.lists(change, min_size=1, max_size=4).map(lambda changes: _changed(data, changes))


def _changed(data: bytes, changes: list[tuple[str, int, bytes | int]]) -> bytes:
    for kind, place, what in changes:
        before, after = data[:place], data[place:]
        match kind, what:
            case "set", bytes(new):
                data = before + new + after[len(new) :]
            case "insert", bytes(new):
                data = before + new + after
            case "remove", int(count):
                data = before + after[count:]
            case "double", int(count):
                data = before + after[:count] + after
            case "cut", _:
                data = before
    return data


def read_or_refused(path: Path) -> str | None:
    """None if it can be opened and all its values be read, else the one line that says why not.

    Anything that is raised but a CheckpointError goes on its way.
    """
    try:
        found = open_checkpoint(path)
    except CheckpointError as error:
        return error.message
    message = None
    with Values(found) as values:
        for tensor in found.tensors:
            if max(tensor.size_bytes, tensor.elements) > _READ_AT_MOST:
                continue
            try:
                whole = values.whole(tensor)
                count = sum(chunk.size for chunk in values.chunks(tensor))
            except CheckpointError as error:
                message = error.message
            else:
                assert whole.shape == tensor.shape
                assert count == tensor.elements
    return message
