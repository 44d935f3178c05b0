"""What the code is for that a pickle names."""

import pytest

from dltui.inspect.contents import Checkpoint
from dltui.inspect.findings import structural_findings
from dltui.inspect.pickled_code import kind_of


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("torch._utils._rebuild_tensor_v2", "usual"),
        ("torch.FloatStorage", "usual"),
        ("torch.nn.modules.conv.Conv2d", "usual"),
        ("torch.nn.parameter.Parameter", "usual"),
        ("collections.OrderedDict", "usual"),
        ("numpy.core.multiarray._reconstruct", "usual"),
        ("numpy._core.multiarray.scalar", "usual"),
        ("builtins.set", "usual"),
        ("torch.bfloat16", "usual"),
        ("__torch__.mine.Net", "usual"),
        ("__torch__.os.system", "harmful"),
        ("posix.system", "harmful"),
        ("os.system", "harmful"),
        ("builtins.eval", "harmful"),
        ("__builtin__.getattr", "harmful"),
        ("subprocess.Popen", "harmful"),
        ("torch.hub.load", "harmful"),
        ("torch.storage._load_from_bytes", "harmful"),
        ("torch.storage.UntypedStorage", "usual"),
        ("torch.utils.cpp_extension.load_inline", "harmful"),
        ("numpy.testing._private.utils.runstring", "harmful"),
        ("torch.nn.modules.conv.os.system", "harmful"),
        ("ultralytics.nn.tasks.DetectionModel", "foreign"),
    ],
)
def test_names_are_told_apart_by_what_they_can_do(name: str, kind: str) -> None:
    assert kind_of(name) == kind


def opened(tmp_path, *names: str) -> Checkpoint:
    return Checkpoint(tmp_path / "a.pt", "PyTorch zip", (), 1, (), globals=names)


def test_code_that_can_do_harm_is_a_finding_and_usual_code_is_none(tmp_path) -> None:
    assert structural_findings(opened(tmp_path, "torch.FloatStorage")) == ()
    found = structural_findings(opened(tmp_path, "torch.FloatStorage", "os.system", "my.Model"))
    assert [(f.rule, f.severity) for f in found] == [
        ("harmful_code", "error"),
        ("foreign_code", "note"),
    ]
    assert "os.system" in found[0].message
    assert "my.Model" in found[1].message
