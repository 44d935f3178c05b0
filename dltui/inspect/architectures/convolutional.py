"""Convolutional networks for images: torchvision's names, and timm's where they differ."""

from __future__ import annotations

from dltui.inspect.architectures.signature import ANY, Blocks, Has, Signature, Size, Variants

_RESNET_BLOCKS = tuple(Blocks(f"layer{stage}.*") for stage in (1, 2, 3, 4))
_RESNET_KIND = (
    Has("layer1.0.conv3.weight"),
    Size("layer1.0.conv2.weight", 0),
    Size("layer1.0.conv2.weight", 1),
)
_RESNETS: Variants = {
    (2, 2, 2, 2, 0, 64, 64): "ResNet-18",
    (3, 4, 6, 3, 0, 64, 64): "ResNet-34",
    (3, 4, 6, 3, 1, 64, 64): "ResNet-50",
    (3, 4, 23, 3, 1, 64, 64): "ResNet-101",
    (3, 8, 36, 3, 1, 64, 64): "ResNet-152",
    (3, 4, 6, 3, 1, 128, 128): "Wide ResNet-50-2",
    (3, 4, 23, 3, 1, 128, 128): "Wide ResNet-101-2",
    (3, 4, 6, 3, 1, 128, 4): "ResNeXt-50 32x4d",
    (3, 4, 23, 3, 1, 256, 8): "ResNeXt-101 32x8d",
    (3, 4, 23, 3, 1, 256, 4): "ResNeXt-101 64x4d",
}


def _resnet(stem: int, addition: str, origin: str) -> Signature:
    return Signature(
        {
            "conv1.weight": (64, ANY, stem, stem),
            "layer1.0.conv1.weight": ANY,
            "layer4.0.conv1.weight": ANY,
        },
        (*_RESNET_BLOCKS, *_RESNET_KIND),
        {numbers: title + addition for numbers, title in _RESNETS.items()},
        "ResNet" + addition + " with {0}-{1}-{2}-{3} blocks",
        origin,
        below=("", "encoder.", "backbone.", "resnet.", "net."),
    )


_DETECTORS = tuple(
    Signature(needs, (Has("backbone.body.conv1.weight"),), {(1,): f"{title} with ResNet"}, title)
    for title, needs in (
        (
            "Keypoint R-CNN",
            {"roi_heads.keypoint_predictor.kps_score_lowres.weight": ANY},
        ),
        ("Mask R-CNN", {"roi_heads.mask_predictor.conv5_mask.weight": ANY}),
        (
            "Faster R-CNN",
            {"rpn.head.bbox_pred.weight": ANY, "roi_heads.box_predictor.cls_score.weight": ANY},
        ),
        ("FCOS", {"head.regression_head.bbox_ctrness.weight": ANY}),
        ("RetinaNet", {"head.classification_head.cls_logits.weight": ANY}),
        ("SSD300 with VGG-16", {"backbone.scale_weight": ANY}),
        ("SSDlite", {"head.classification_head.module_list.0.0.0.weight": ANY}),
        ("DeepLabV3", {"classifier.0.convs.0.0.weight": ANY, "classifier.4.weight": ANY}),
        ("LR-ASPP", {"classifier.cbr.0.weight": ANY, "classifier.high_classifier.weight": ANY}),
    )
)
_FCN = Signature(
    {"backbone.conv1.weight": ANY, "classifier.4.weight": ANY, "classifier.0.weight": ANY},
    (),
    {(): "FCN with ResNet"},
    origin="torchvision",
)


def _vgg(last: int, layers: int, batch_norm: bool) -> Signature:
    return Signature(
        {
            "features.0.weight": (64, ANY, 3, 3),
            f"features.{last}.weight": (512, 512, 3, 3),
            "classifier.0.weight": (None, 25088),
        },
        (Has("features.1.running_mean"),),
        {(int(batch_norm),): f"VGG-{layers}" + (" with batch normalisation" if batch_norm else "")},
        origin="torchvision",
        without=(f"features.{last + (3 if batch_norm else 2)}.weight",),
    )


_VGGS = (
    *(_vgg(last, layers, False) for last, layers in ((18, 11), (22, 13), (28, 16), (34, 19))),
    *(_vgg(last, layers, True) for last, layers in ((25, 11), (31, 13), (40, 16), (49, 19))),
)

_DENSENETS: Variants = {
    (6, 12, 24, 16): "DenseNet-121",
    (6, 12, 36, 24): "DenseNet-161",
    (6, 12, 32, 32): "DenseNet-169",
    (6, 12, 48, 32): "DenseNet-201",
}
_EFFICIENTNETS: Variants = {
    (32, 1280, 1, 2): "EfficientNet-B0",
    (32, 1280, 2, 3): "EfficientNet-B1",
    (32, 1408, 2, 3): "EfficientNet-B2",
    (40, 1536, 2, 3): "EfficientNet-B3",
    (48, 1792, 2, 4): "EfficientNet-B4",
    (48, 2048, 3, 5): "EfficientNet-B5",
    (56, 2304, 3, 6): "EfficientNet-B6",
    (64, 2560, 4, 7): "EfficientNet-B7",
}
_CONVNEXTS: Variants = {
    (96, 9): "ConvNeXt-Tiny",
    (96, 27): "ConvNeXt-Small",
    (128, 27): "ConvNeXt-Base",
    (192, 27): "ConvNeXt-Large",
    (256, 27): "ConvNeXt-XLarge",
}

CONVOLUTIONAL: tuple[Signature, ...] = (
    *(
        Signature(each.needs, each.measures, each.variants, each.otherwise, "torchvision")
        for each in _DETECTORS
    ),
    _FCN,
    _resnet(7, "", "torchvision"),
    _resnet(3, " with a 3×3 stem", "torchvision"),
    Signature(
        {"features.0.weight": (64, ANY, 11, 11), "classifier.6.weight": ANY},
        (),
        {(): "AlexNet"},
        origin="torchvision",
    ),
    *_VGGS,
    Signature(
        {"features.3.squeeze.weight": ANY, "features.0.weight": ANY},
        (Size("features.0.weight", 0),),
        {(96,): "SqueezeNet 1.0", (64,): "SqueezeNet 1.1"},
        "SqueezeNet",
        "torchvision",
    ),
    Signature(
        {"features.conv0.weight": ANY, "features.denseblock1.denselayer1.conv1.weight": ANY},
        # denselayer1, denselayer2, …: the number follows the word
        tuple(Blocks(f"features.denseblock{stage}.denselayer*") for stage in (1, 2, 3, 4)),
        _DENSENETS,
        "DenseNet with {0}-{1}-{2}-{3} layers",
        "torchvision",
    ),
    Signature(
        {"inception3a.branch1.conv.weight": ANY}, (), {(): "GoogLeNet"}, origin="torchvision"
    ),
    Signature(
        {"Conv2d_1a_3x3.conv.weight": ANY, "Mixed_7c.branch1x1.conv.weight": ANY},
        (),
        {(): "Inception v3"},
        origin="torchvision",
    ),
    Signature(
        {
            "features.0.0.weight": ANY,
            "features.1.conv.0.0.weight": ANY,
            "features.18.0.weight": ANY,
        },
        (),
        {(): "MobileNetV2"},
        origin="torchvision",
    ),
    Signature(
        {
            "features.0.0.weight": (16, ANY, 3, 3),
            "features.1.block.0.0.weight": ANY,
            "classifier.3.weight": ANY,
        },
        (Size("classifier.0.weight", 0),),
        {(1280,): "MobileNetV3-Large", (1024,): "MobileNetV3-Small"},
        "MobileNetV3",
        "torchvision",
    ),
    Signature(
        {
            "features.0.0.weight": ANY,
            "features.1.0.block.1.fc1.weight": ANY,
            "features.8.0.weight": ANY,
        },
        (
            Size("features.0.0.weight", 0),
            Size("features.8.0.weight", 0),
            Blocks("features.1.*"),
            Blocks("features.2.*"),
        ),
        _EFFICIENTNETS,
        "EfficientNet",
        "torchvision",
    ),
    Signature(
        {
            "features.0.0.weight": ANY,
            "features.1.0.block.0.0.weight": ANY,
            "classifier.1.weight": ANY,
        },
        (Blocks("features.1.*"), Blocks("features.2.*")),
        {(2, 4): "EfficientNetV2-S", (3, 5): "EfficientNetV2-M", (4, 7): "EfficientNetV2-L"},
        "EfficientNetV2",
        "torchvision",
    ),
    Signature(
        {"stage2.0.branch1.0.weight": ANY, "conv5.0.weight": ANY},
        (Size("stage2.0.branch1.2.weight", 0),),
        {
            (24,): "ShuffleNetV2 x0.5",
            (58,): "ShuffleNetV2 x1.0",
            (88,): "ShuffleNetV2 x1.5",
            (122,): "ShuffleNetV2 x2.0",
        },
        "ShuffleNetV2",
        "torchvision",
    ),
    Signature(
        {"layers.0.weight": (ANY, 3, 3, 3), "layers.8.0.layers.0.weight": ANY},
        (),
        {(): "MNASNet"},
        origin="torchvision",
    ),
    Signature(
        {"trunk_output.block1.block1-0.f.a.0.weight": ANY}, (), {(): "RegNet"}, origin="torchvision"
    ),
    Signature(
        {"features.0.0.weight": ANY, "features.1.0.layer_scale": ANY},
        (Size("features.0.0.weight", 0), Blocks("features.5.*")),
        _CONVNEXTS,
        "ConvNeXt of width {0}",
        "torchvision",
    ),
    Signature(
        {"stem.0.weight": ANY, "stages.0.blocks.0.conv_dw.weight": ANY},
        (Size("stem.0.weight", 0), Blocks("stages.2.blocks.*")),
        _CONVNEXTS,
        "ConvNeXt of width {0}",
        "timm",
    ),
    Signature(
        {
            "conv_stem.weight": ANY,
            "blocks.0.0.conv_dw.weight": ANY,
            "blocks.0.0.se.conv_reduce.weight": ANY,
            "bn2.weight": ANY,
        },
        (
            Size("conv_stem.weight", 0),
            Size("conv_head.weight", 0),
            Blocks("blocks.0.*"),
            Blocks("blocks.1.*"),
        ),
        _EFFICIENTNETS,
        "EfficientNet",
        "timm",
    ),
    Signature(
        {"conv_stem.weight": (16, ANY, 3, 3), "conv_head.bias": ANY},
        (),
        {(): "MobileNetV3"},
        origin="timm",
    ),
)
