"""Metrics by name: the tasks that they fit and their arguments."""

from __future__ import annotations

from dltui.recipe.catalogue import Arg, LayerSpec


def _average(default: str) -> dict[str, Arg]:
    return {
        "average": Arg(
            "choice", default, "over the classes", choices=("macro", "micro", "weighted")
        )
    }


_ALL = (
    LayerSpec("accuracy", "share of right answers", "average", _average("micro")),
    LayerSpec(
        "top_k", "share of answers among the k best guesses", "k", {"k": Arg("int", 5, minimum=2)}
    ),
    LayerSpec(
        "precision", "right among those said to be of the class", "average", _average("macro")
    ),
    LayerSpec("recall", "found among those of the class", "average", _average("macro")),
    LayerSpec("f1", "harmonic mean of precision and recall", "average", _average("macro")),
    LayerSpec("auroc", "area under the ROC curve, one class against the rest"),
    LayerSpec("confusion_matrix", "truth against prediction"),
    LayerSpec("mae", "mean absolute error"),
    LayerSpec("mse", "mean squared error"),
    LayerSpec("mase", "mean absolute error over that of the naive forecast while training"),
    LayerSpec("smape", "mean of 2 |error| / (|truth| + |forecast|), from 0 to 2"),
    LayerSpec("relative_mae", "mean absolute error over the naive forecast's of the same steps"),
    LayerSpec("coverage", "share of the truth inside the interval"),
    LayerSpec("r2", "share of the variance explained"),
    LayerSpec(
        "ssim",
        "structural similarity of pictures (Wang et al. 2004)",
        "sigma",
        {"sigma": Arg("float", None, "of its window in pixels; null: 1.5", optional=True)},
    ),
    LayerSpec("elbo", "lower bound of the log likelihood, in nats an example"),
    LayerSpec("fid", "Fréchet distance of made pictures from real ones, see task.fid"),
    LayerSpec(
        "recognised",
        "share of made pictures to which the network of task.fid gives a class with confidence",
        "confidence",
        {"confidence": Arg("float", 0.9, "least probability", minimum=0, maximum=1)},
    ),
    LayerSpec(
        "conditional_accuracy",
        "share of pictures made of a class that the network of task.fid takes for that class",
    ),
    LayerSpec("codebook_perplexity", "codes of vector_quantize in use, as if all alike"),
    LayerSpec("zero_shot_accuracy", "share of pictures nearest to the prompts of their class"),
    LayerSpec("retrieval_accuracy", "share of pictures nearest to their own text in the batch"),
    LayerSpec("knn_accuracy", "share of examples whose nearest neighbours vote for their class"),
    LayerSpec("probe_accuracy", "right answers of a linear classifier over the features"),
    LayerSpec("perplexity", "exp of the mean loss per token"),
    LayerSpec("token_accuracy", "share of tokens guessed right"),
    LayerSpec(
        "iou",
        "overlap of predicted and true pixels, divided by their union",
        "average",
        _average("macro"),
    ),
    LayerSpec("map50", "mean average precision of boxes that overlap by half"),
    LayerSpec("map", "mean average precision, over overlaps from 0.5 to 0.95 as COCO has it"),
    LayerSpec("cer", "wrong, missing and added characters, per character of the truth"),
    LayerSpec("wer", "wrong, missing and added words, per word of the truth"),
    LayerSpec("pixel_accuracy", "share of pixels of the right class"),
    LayerSpec(
        "dice", "twice the overlap of pixels, divided by both areas", "average", _average("macro")
    ),
    LayerSpec("masked_accuracy", "share of the hidden tokens guessed right"),
    LayerSpec("exact_match", "share of outputs that are right to the last token"),
    LayerSpec(
        "bleu",
        "n-grams shared with the truth, 0 to 1",
        "n_gram",
        {
            "n_gram": Arg("int", 4, "longest n-gram", minimum=1),
            "smooth": Arg("bool", False, "count 1 more n-gram of each length"),
        },
    ),
    LayerSpec(
        "rouge",
        "words of the truth found in the output and the reverse, F-measure",
        "kind",
        {
            "kind": Arg(
                "choice",
                "L",
                "longest common subsequence, or n-grams",
                choices=("L", "1", "2", "3", "4"),
            )
        },
    ),
)

METRIC_ARGS: dict[str, LayerSpec] = {spec.name: spec for spec in _ALL}
