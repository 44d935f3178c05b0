"""What the code is for that a pickle names: rebuilding tensors, other packages, or doing harm.

Nothing is imported to tell it. No package is trusted as a whole: `torch.hub.load` and
`torch.utils.cpp_extension.load_inline` run code of others too.
"""

from __future__ import annotations

import re
from typing import Literal

Kind = Literal["usual", "foreign", "harmful"]

_IN_MOST_FILES = frozenset(
    {
        *("collections.OrderedDict", "torch._utils._rebuild_tensor_v2"),
        "torch._utils._rebuild_parameter",
        *("torch.FloatStorage", "torch.HalfStorage", "torch.BFloat16Storage", "torch.LongStorage"),
    }
)
"""Usual ones, for which no pattern need be compiled."""
_USUAL = r"""
    torch\.(\w+Storage | Size | device | dtype | Tensor | Generator)
    | torch\.(u?int\d+ | float\d+ | float8_\w+ | bfloat16 | complex\d+)
    | torch\.(bool | long | double | half)
    | torch\._utils\._rebuild_\w+ | torch\._tensor\._rebuild_\w+
    | torch\.storage\.(?!_load_from_bytes)\w+ | torch\.serialization\._get_layout
    | torch\.nn\.(modules\.\w+\.[A-Z]\w* | parameter\.\w+ | parallel\.\w+\.[A-Z]\w*)
    | torch\.nn\.init\.\w+ | torch\.optim\.\w+\.[A-Z]\w*
    | torch\.ao\.nn\.[\w.]+\.[A-Z]\w*
    | collections\.(OrderedDict | defaultdict | deque | Counter)
    | numpy\.(_?core\.)?(multiarray\.(_reconstruct | scalar | _frombuffer) | dtype | ndarray)
    | numpy\.(_?core\.numeric\._frombuffer | dtypes\.\w+ | random\.[\w.]+)
    | argparse\.Namespace | datetime\.\w+ | pathlib\.\w+ | types\.SimpleNamespace
    | enum\.\w+ | copyreg\._reconstructor | _codecs\.encode | decimal\.Decimal | uuid\.UUID
    | (builtins | __builtin__)\.
      (set | frozenset | dict | list | tuple | int | float | bool | str | bytes | bytearray
       | complex | slice | range | object)
    """
_HARMFUL = r"""
    (os | posix | nt | subprocess | sys | shutil | socket | importlib | runpy | pty | ctypes | code
     | codeop | commands | popen2 | webbrowser | marshal | pickle | _pickle | cloudpickle | dill
     | multiprocessing | asyncio | timeit | pdb | bdb | cProfile | profile | trace | pip | pydoc
     | ensurepip | venv | site | builtins | __builtin__ | operator | functools | types | inspect
     | ast | signal | threading | tempfile | urllib | http | ftplib | smtplib | requests | fcntl
     | platform | linecache | doctest | unittest | idlelib | lib2to3 | distutils | setuptools
     )\. .*
    | torch\.(hub | jit | package | load | save | _inductor | _dynamo | distributed)\b.*
    | torch\.utils\.(cpp_extension | model_zoo | collect_env | data)\b.*
    | torch\.serialization\.load | torch\.storage\._load_from_bytes
    | numpy\.(load | fromfile | memmap | save | savez | testing | f2py | distutils)\b.*
    """

_HARMFUL_STEPS = frozenset(
    {
        *("os", "posix", "nt", "sys", "subprocess", "builtins", "__builtins__", "importlib"),
        *("shutil", "socket", "ctypes", "pty", "system", "popen", "eval", "exec", "getattr"),
        *("__import__", "import_module", "__globals__", "__subclasses__"),
    }
)
"""A dotted name reaches these through any module that imports them."""


def kind_of(name: str) -> Kind:
    """What a name, `module.name`, is for.

    `usual`: it rebuilds tensors, modules of torch and plain values, or is a class that TorchScript
    compiled into the file itself. `harmful`: it can run commands,
    import or write when it is called. `foreign`: a class or function of some other package.
    """
    if name in _IN_MOST_FILES or re.fullmatch(_USUAL, name, re.VERBOSE):
        return "usual"
    steps = name.split(".")
    if steps[0] == "__torch__" and _HARMFUL_STEPS.isdisjoint(steps):
        return "usual"
    if re.fullmatch(_HARMFUL, name, re.VERBOSE) or not _HARMFUL_STEPS.isdisjoint(steps):
        return "harmful"
    return "foreign"
