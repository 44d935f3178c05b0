"""Pascal VOC and COCO: masks and boxes as they are written; what is wrong is named and counted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dltui.errors import DataError
from dltui.worker.data import describe, open_data
from dltui.worker.data.geometry import IGNORED, NO_BOX
from dltui.worker.data.regions import Region, RegionMask, decompressed, run_length_mask
from tests.worker.dense_files import (
    read_coco_part,
    scene,
    write_coco,
    write_coco_part,
    write_voc,
    write_voc_boxes,
)

SIZE = [36, 48]


@pytest.fixture(params=["voc", "coco"])
def kind(request):
    return request.param


@pytest.fixture
def root(kind, tmp_path):
    return {"voc": write_voc, "coco": write_coco}[kind](tmp_path / "set")


def opened(recipe, kind, root, task, **more):
    made = recipe(task, type=kind, path=str(root), **{"size": SIZE, **more})
    return open_data(made, seed=0, device="cpu")


def whole(data, part="train"):
    examples = data.parts[part]
    return examples.fetch(torch.arange(len(examples)), None)


@pytest.mark.parametrize("on_device", [False, True], ids=["from files", "decoded once"])
def test_masks_are_read_pixel_for_pixel(recipe, kind, root, on_device):
    data = opened(recipe, kind, root, "segment", on_device=on_device)
    assert (data.info.train_size, data.info.val_size) == (8, 4)
    assert data.info.class_names[0] == "background"
    names = [data.info.class_names.index(name) for name in ("dog", "cat")]
    if kind == "coco":
        names.reverse()
    for number, mask in enumerate(whole(data).targets):
        left, top, right, bottom = scene(number)[1]
        assert bool((mask[top:bottom, left:right] == names[number % 2]).all())
        outside = mask.clone()
        outside[top:bottom, left:right] = 0
        assert set(outside.unique().tolist()) <= {0, IGNORED}
        assert bool((outside == IGNORED).any()) == (kind == "voc")


@pytest.mark.parametrize("grown", [1, 2])
def test_boxes_are_in_pixels_of_the_size_shown(recipe, kind, root, grown):
    data = opened(recipe, kind, root, "detect", size=[36 * grown, 48 * grown])
    assert data.info.classes == (20 if kind == "voc" else 2)
    targets = whole(data).targets
    assert targets.shape == (8, 1, 5)
    for number, (box,) in enumerate(targets):
        assert box[:4].tolist() == [edge * grown for edge in scene(number)[1]]
        name = data.info.class_names[int(box[4])]
        assert name == ("dog", "cat")[(number + (kind == "coco")) % 2]


def test_boxes_outside_the_picture_are_counted_and_left_out(recipe, kind, root):
    if kind == "voc":
        boxes = [("dog", (60, 5, 70, 9)), ("cat", (40, 30, 60, 50)), ("dog", (5, 5, 5, 9))]
        write_voc_boxes(root, "2007_000001", boxes)
    else:
        content = read_coco_part(root, "train2017")
        content["annotations"][1]["bbox"] = [60, 5, 10, 4]
        for bbox in ([40, 30, 20, 20], [5, 5, 0, 4]):
            content["annotations"].append({**content["annotations"][1], "bbox": bbox})
        write_coco_part(root, "train2017", content)
    data = opened(recipe, kind, root, "detect")
    outside, cut = data.info.notes
    assert outside.startswith("2 boxes lie outside their pictures or have no area: left out (")
    assert cut.startswith("1 boxes reach over the border: cut there (")
    kept = whole(data).targets[1]
    kept = kept[kept[:, 4] != NO_BOX]
    assert kept[:, :4].tolist() == [[40, 30, 48, 36]]


def test_pictures_that_are_missing_or_broken_are_skipped_by_name(recipe, kind, root):
    folder = root / ("JPEGImages" if kind == "voc" else "train2017")
    first, second, *_ = sorted(folder.iterdir())
    first.unlink()
    second.write_bytes(b"\xff\xd8 nothing")
    data = opened(recipe, kind, root, "detect")
    assert data.info.train_size == 6
    (note,) = data.info.notes
    assert note.startswith("2 pictures skipped: ")
    assert f"{first.name} (it is missing)" in note
    assert f"{second.name} (it cannot be read)" in note


def test_the_model_can_be_shown_before_the_set_is_there(recipe, kind, tmp_path):
    info = describe(recipe("segment", type=kind, path=str(tmp_path / "later")))
    assert (info.classes, info.needs_download) == ({"voc": 21, "coco": 81}[kind], True)
    with pytest.raises(DataError, match="no such folder"):
        opened(recipe, kind, tmp_path / "later", "segment")


def test_other_sizes_than_the_annotation_says_are_named(recipe, tmp_path):
    root = write_coco(tmp_path)
    content = read_coco_part(root, "train2017")
    content["images"][2]["width"] = 36
    write_coco_part(root, "train2017", content)
    (note,) = opened(recipe, "coco", root, "detect").info.notes
    assert note.endswith("the annotation is for 36×36 pixels, the picture has 48×36)")
    root = write_voc(tmp_path / "voc")
    path = root / "SegmentationClass" / "2007_000002.png"
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(path)
    (note,) = opened(recipe, "voc", root, "segment").info.notes
    assert note.endswith("the mask has 5×5 pixels, the picture has 48×36)")


def test_broken_voc_annotations_are_named_and_strange_classes_refused(recipe, tmp_path):
    root = write_voc(tmp_path)
    (root / "Annotations" / "2007_000000.xml").write_text("<annotation><object>")
    write_voc_boxes(root, "2007_000001", [("dog", (1, 2, 3, "wide"))])
    (root / "Annotations" / "2007_000002.xml").unlink()
    write_voc_boxes(root, "2007_000003", [("dog", (1, 2, 9, 9)), ("cat", (3, 3, 9, 9))], [1])
    data = opened(recipe, "voc", root, "detect")
    skipped, difficult = data.info.notes
    assert skipped.startswith("3 pictures skipped: ")
    for why in ("is no XML", "a dog in 2007_000001.xml has no box", "there is no 2007_000002.xml"):
        assert why in skipped
    assert difficult == "1 boxes marked as difficult are not asked for"
    assert opened(recipe, "voc", root, "detect", difficult=True).info.notes == (skipped,)
    write_voc_boxes(root, "2007_000004", [("unicorn", (1, 2, 9, 9))])
    with pytest.raises(DataError, match="class 'unicorn' is not one of the recipe's"):
        opened(recipe, "voc", root, "detect")
    (root / "ImageSets" / "Main" / "train.txt").unlink()
    with pytest.raises(DataError, match="no list of pictures"):
        opened(recipe, "voc", root, "detect")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "Expecting property name"),
        ("[]", "holds no map"),
        ('{"images": [], "annotations": []}', "categories"),
        ('{"images": [], "annotations": [], "categories": []}', "no categories or no images"),
        ('{"images": [{"id": 1}], "annotations": [], "categories": []}', "file_name"),
        ('{"images": 3, "annotations": [], "categories": []}', "TypeError"),
    ],
)
def test_json_that_is_not_of_coco_is_refused_with_the_reason(recipe, tmp_path, content, why):
    root = write_coco(tmp_path)
    (root / "annotations" / "instances_train2017.json").write_text(content)
    with pytest.raises(DataError, match=f"not in COCO's format: .*{why}"):
        opened(recipe, "coco", root, "detect")


def test_annotations_that_belong_nowhere_are_counted(recipe, tmp_path):
    root = write_coco(tmp_path)
    content = read_coco_part(root, "train2017")
    for key, value in (("category_id", 5), ("image_id", 9), ("bbox", [1, 2]), ("bbox", None)):
        content["annotations"].append({**content["annotations"][0], key: value})
    content["annotations"].append("a")
    write_coco_part(root, "train2017", content)
    notes = opened(recipe, "coco", root, "detect").info.notes
    assert notes == (
        "1 annotations left out: their category is not listed",
        "1 annotations left out: their image is not listed",
        "1 annotations left out: they have no box of four numbers (ValueError)",
        "1 annotations left out: they have no box of four numbers (TypeError)",
        "1 annotations left out: they are no maps",
    )


def test_a_crowd_has_pixels_but_no_box(recipe, tmp_path):
    root = write_coco(tmp_path)
    content = read_coco_part(root, "train2017")
    runs = {"size": [36, 48], "counts": [36 * 24, 36 * 24]}
    crowd = {**content["annotations"][0], "iscrowd": 1, "segmentation": runs, "area": 864}
    content["annotations"] = [crowd, *content["annotations"][1:]]
    write_coco_part(root, "train2017", content)
    assert bool((whole(opened(recipe, "coco", root, "detect")).targets[0, :, 4] == NO_BOX).all())
    mask = whole(opened(recipe, "coco", root, "segment")).targets[0]
    assert bool((mask[:, 24:] == 1).all())
    assert bool((mask[:, :24] == 0).all())


def test_small_regions_lie_on_large_ones_and_polygons_end_at_their_corners():
    large = [[2.0, 2.0, 20.0, 2.0, 20.0, 12.0, 2.0, 12.0]]
    small = [[5.0, 4.0, 9.0, 4.0, 9.0, 8.0, 5.0, 8.0]]
    mask = RegionMask((16, 24), (Region(large, 1), Region(small, 2))).read()
    wanted = np.zeros((16, 24), np.uint8)
    wanted[2:12, 2:20] = 1
    wanted[4:8, 5:9] = 2
    assert np.array_equal(mask, wanted)
    with pytest.raises(ValueError, match="three corners"):
        RegionMask((16, 24), (Region([[1.0, 2.0]], 1),)).read()


def compressed(runs):
    """What COCO's own tool writes: rleToString of maskApi.c."""
    text = ""
    for place, run in enumerate(runs):
        rest = run - runs[place - 2] if place > 2 else run
        more = True
        while more:
            bits, rest = rest & 31, rest >> 5
            more = rest != (-1 if bits & 16 else 0)
            text += chr(48 + (bits | (32 if more else 0)))
    return text


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=30))
def test_compressed_run_lengths_are_read_back(runs):
    assert decompressed(compressed(runs)) == runs


@given(st.lists(st.booleans(), min_size=12, max_size=12))
def test_run_lengths_go_down_the_columns(pixels):
    wanted = np.array(pixels).reshape(3, 4)
    runs, last = [0], False
    for pixel in wanted.T.flatten().tolist():
        if pixel != last:
            runs.append(0)
            last = pixel
        runs[-1] += 1
    for counts in (runs, compressed(runs)):
        assert np.array_equal(run_length_mask({"size": [3, 4], "counts": counts}, (3, 4)), wanted)


@given(st.text(max_size=12))
def test_broken_run_lengths_are_refused_or_fill_the_picture(text):
    try:
        mask = run_length_mask({"size": [3, 4], "counts": text}, (3, 4))
    except ValueError:
        return
    assert mask.shape == (3, 4)
