"""Downloads through torchvision's own code from a server of ours: whole, broken, cut off."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import io
import pickle
import struct
import tarfile
import threading

import numpy as np
import pytest
import torch
from torchvision import datasets

from dltui.errors import DataError
from dltui.worker.data import describe, open_data
from dltui.worker.data.sources import download


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A folder served on 127.0.0.1; `.requests` are the paths asked for."""
    root = tmp_path / "served"
    root.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            self.server.requests.append(self.path)
            super().do_GET()

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(root))
    )
    server.requests = []
    server.root = root
    server.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setattr(download, "PAUSES_S", (0.0, 0.0))
    monkeypatch.setenv("DLTUI_DATA", str(tmp_path / "cache"))
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def idx(array):
    """The IDX format of MNIST, gzipped."""
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes())


@pytest.fixture
def mnist(server, monkeypatch):
    random = np.random.default_rng(0)
    resources = []
    for part, size in (("train", 40), ("t10k", 20)):
        images = random.integers(0, 256, (size, 28, 28), dtype=np.uint8)
        labels = (np.arange(size) % 10).astype(np.uint8)
        for name, array in ((f"{part}-images-idx3", images), (f"{part}-labels-idx1", labels)):
            content = idx(array)
            (server.root / f"{name}-ubyte.gz").write_bytes(content)
            resources.append((f"{name}-ubyte.gz", md5(content)))
    monkeypatch.setattr(datasets.MNIST, "resources", resources)
    monkeypatch.setattr(datasets.MNIST, "mirrors", [server.url])
    return server


def test_mnist_is_downloaded_once_and_read(recipe, mnist, tmp_path):
    wanted = recipe(type="torchvision", name="mnist", batch_size=16)
    assert describe(wanted).needs_download
    assert describe(wanted).train_size == 60_000
    said = []
    data = open_data(wanted, seed=0, device="cpu", say=said.append)
    assert (data.info.train_size, data.info.val_size) == (40, 20)
    assert next(data.train.epoch(0)).inputs.shape == (16, 1, 28, 28)
    assert any("train-images" in path for path in mnist.requests)
    assert any(line.startswith("mnist: ") and line.endswith("MB") for line in said)
    assert not describe(wanted).needs_download
    count = len(mnist.requests)
    open_data(wanted, seed=0, device="cpu")
    assert len(mnist.requests) == count
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["mnist"]


def test_part_of_train_can_be_held_out(recipe, mnist):
    data = open_data(
        recipe(type="torchvision", name="mnist", split={"train": 0.75, "val": 0.25}),
        seed=0,
        device="cpu",
    )
    assert (data.train.size, data.val.size, data.test.size) == (30, 10, 20)


def test_a_corrupt_download_is_retried_and_then_refused_with_nothing_left(recipe, mnist, tmp_path):
    file = mnist.root / "train-images-idx3-ubyte.gz"
    file.write_bytes(file.read_bytes()[:-100])
    said = []
    with pytest.raises(DataError, match="mnist could not be downloaded"):
        open_data(recipe(type="torchvision", name="mnist"), seed=0, device="cpu", say=said.append)
    assert sum("failed, try" in line for line in said) == 3
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_download_that_works_at_the_second_try_is_used(recipe, mnist, monkeypatch):
    file = mnist.root / "train-images-idx3-ubyte.gz"
    whole = file.read_bytes()
    file.write_bytes(whole[:-100])

    def repair(line):
        if "try 1 of 3" in line:
            file.write_bytes(whole)

    data = open_data(recipe(type="torchvision", name="mnist"), seed=0, device="cpu", say=repair)
    assert data.train.size == 40


def test_a_damaged_cache_is_downloaded_again(recipe, mnist, tmp_path):
    wanted = recipe(type="torchvision", name="mnist")
    open_data(wanted, seed=0, device="cpu")
    raw = tmp_path / "cache" / "mnist" / "MNIST" / "raw" / "train-images-idx3-ubyte"
    raw.write_bytes(raw.read_bytes()[:1000])
    said = []
    data = open_data(wanted, seed=0, device="cpu", say=said.append)
    assert data.train.size == 40
    assert "damaged" in said[0]


def test_without_download_a_missing_set_is_refused(recipe, mnist):
    with pytest.raises(DataError, match="mnist is not there"):
        open_data(recipe(type="torchvision", name="mnist", download=False), seed=0, device="cpu")
    assert mnist.requests == []


def test_a_cache_that_cannot_be_made_is_refused(recipe, mnist, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"DLTUI_DATA or data\.cache"):
        open_data(
            recipe(type="torchvision", name="mnist", cache=str(tmp_path / "file" / "x")),
            seed=0,
            device="cpu",
        )


def test_cifar10_is_read_from_its_own_format(recipe, server, monkeypatch):
    archive = io.BytesIO()
    sums = {}
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        names = [f"data_batch_{n}" for n in range(1, 6)] + ["test_batch"]
        for number, name in enumerate(names):
            pixels = np.full((10, 3072), number, dtype=np.uint8)
            pixels[:, :1024] = 255  # red comes first
            content = pickle.dumps({"data": pixels, "labels": list(range(10))}, protocol=2)
            add(tar, name, content, sums)
        add(tar, "batches.meta", pickle.dumps({"label_names": list("abcdefghij")}), sums)
    (server.root / "cifar.tar.gz").write_bytes(archive.getvalue())
    cifar = datasets.CIFAR10
    monkeypatch.setattr(cifar, "url", server.url + "cifar.tar.gz")
    monkeypatch.setattr(cifar, "tgz_md5", md5(archive.getvalue()))
    monkeypatch.setattr(cifar, "train_list", [[name, sums[name]] for name in names[:5]])
    monkeypatch.setattr(cifar, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setattr(cifar, "meta", {**cifar.meta, "md5": sums["batches.meta"]})
    data = open_data(
        recipe(type="torchvision", name="cifar10", normalize=False), seed=0, device="cpu"
    )
    (batch,) = data.train.epoch(0)
    assert batch.inputs.shape == (50, 3, 32, 32)
    assert (batch.inputs[:, 0] == 1).all()
    assert (batch.inputs[:, 1:] < 0.1).all()
    assert data.val.size == 10
    assert torch.equal(torch.bincount(batch.targets), torch.full((10,), 5))


def test_svhn_is_read_from_its_own_format(recipe, server, monkeypatch):
    from scipy.io import savemat

    split_list = {}
    for part, size in (("train", 20), ("test", 10)):
        pixels = np.zeros((32, 32, 3, size), dtype=np.uint8)
        pixels[:, :, 2] = 255
        path = server.root / f"{part}.mat"
        savemat(path, {"X": pixels, "y": np.arange(1, size + 1)[:, None] % 10 + 1})
        split_list[part] = [server.url + path.name, path.name, md5(path.read_bytes())]
    monkeypatch.setattr(datasets.SVHN, "split_list", split_list)
    data = open_data(recipe(type="torchvision", name="svhn", normalize=False), seed=0, device="cpu")
    (batch,) = data.train.epoch(0)
    assert (batch.inputs[:, 2] == 1).all()
    assert (batch.inputs[:, :2] == 0).all()
    assert torch.equal(torch.bincount(batch.targets), torch.full((10,), 2))
    assert data.val.size == 10


def test_stl10_is_read_from_its_own_format(recipe, server, monkeypatch):
    archive = io.BytesIO()
    sums = {}
    pixels = np.zeros((10, 3, 96, 96), dtype=np.uint8)
    pixels[:, 1, :48] = 255  # stored column by column: the left half is green
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for part in ("train", "test"):
            add(tar, f"{part}_X.bin", pixels.tobytes(), sums, "stl10_binary")
            labels = np.arange(1, 11, dtype=np.uint8)
            add(tar, f"{part}_y.bin", labels.tobytes(), sums, "stl10_binary")
        add(tar, "unlabeled_X.bin", b"", sums, "stl10_binary")
    (server.root / "stl10.tar.gz").write_bytes(archive.getvalue())
    stl10 = datasets.STL10
    monkeypatch.setattr(stl10, "url", server.url + "stl10.tar.gz")
    monkeypatch.setattr(stl10, "tgz_md5", md5(archive.getvalue()))
    for key in ("train_list", "test_list"):
        monkeypatch.setattr(stl10, key, [[name, sums[name]] for name, _ in getattr(stl10, key)])
    data = open_data(
        recipe(type="torchvision", name="stl10", normalize=False), seed=0, device="cpu"
    )
    (batch,) = data.train.epoch(0)
    assert batch.inputs.shape == (10, 3, 96, 96)
    assert (batch.inputs[:, 1, :, :48] == 1).all()
    assert (batch.inputs[:, 1, :, 48:] == 0).all()
    assert sorted(batch.targets.tolist()) == list(range(10))


def md5(content):
    return hashlib.md5(content).hexdigest()


def add(tar, name, content, sums, folder="cifar-10-batches-py"):
    info = tarfile.TarInfo(f"{folder}/{name}")
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))
    sums[name] = md5(content)


def test_class_names_and_facts_are_torchvisions_own(recipe):
    from dltui.worker.data.sources.torchvision import SETS

    assert set(SETS) == {
        "mnist",
        "fashion-mnist",
        "kmnist",
        "emnist-digits",
        "cifar10",
        "cifar100",
        "svhn",
        "stl10",
    }
    assert SETS["fashion-mnist"].classes == tuple(datasets.FashionMNIST.classes)
    assert SETS["kmnist"].classes == tuple(datasets.KMNIST.classes)
    assert len(SETS["cifar100"].classes) == 100
