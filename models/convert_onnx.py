#!/usr/bin/env python3
"""Turn one of MediaPipe's pose networks (TFLite) into the ONNX graphs that formcheck runs.

    convert_onnx.py SOURCE MEAN STD DETECTOR            # the network that finds the person
    convert_onnx.py SOURCE MEAN STD LANDMARKS MASK      # the one that places the landmarks

`build_models.py` runs this in an interpreter with the converter packages that `models.json` pins.
The weights keep their values to the bit. What changes is the form: batches of any size, the
normalisation of the image inside, only the outputs that formcheck reads, and the branch that
draws the mask in a graph of its own, so that it can be left out without computing the rest twice.

Before a graph is written it has to agree with TensorFlow's TFLite interpreter on random
images; if it does not, nothing is written and the exit status is not 0.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
import tf2onnx
from onnx import TensorProto, helper, numpy_helper
from tensorflow.lite.python import schema_py_generated as schema

Array = np.ndarray[Any, Any]
Arrays = dict[str, Array]
Final = Callable[[Array], Array]

OPSET = 15
IR_VERSION = 8  # the file format that goes with this opset
BATCH = "n"

# MediaPipe clips the detector's logits so before its own sigmoid.
SCORE_LIMIT = 100.0

BLOCKS = 8  # of colour, along each side of the images that the graphs are tried on

# The largest difference from the TFLite interpreter, and between a batch and its images one by
# one, as a part of the largest value of that output. All compute in 32 bits, in another order.
TFLITE_TOLERANCE = 1e-3
BATCH_TOLERANCE = 1e-5
# ONNX Runtime's sigmoid says nothing about probabilities below this.
ROUNDING = 1e-6

# Tensors smaller than this stay as they are: a cast costs more bytes than it saves.
MIN_HALF_SIZE = 64


def main() -> None:
    """Convert the network named on the command line."""
    source, mean, std, *targets = sys.argv[1:]
    content = Path(source).read_bytes()
    whole = converted(content)
    if len(targets) == 1:
        graphs = [detector_graph(whole, float(mean), float(std))]
    else:
        graphs = landmark_graphs(whole, float(mean), float(std))
    for graph in graphs:
        check_weights(graph, content)
    models = [packed(graph).SerializeToString(deterministic=True) for graph in graphs]
    compare(content, float(mean), float(std), models)
    for target, model in zip(targets, models, strict=True):
        Path(target).write_bytes(model)


def converted(content: bytes) -> onnx.GraphProto:
    """Return a TFLite network as an ONNX graph, with all its outputs."""
    with tempfile.TemporaryDirectory() as folder:
        dense = Path(folder) / "dense.tflite"
        dense.write_bytes(densified(content))
        model, _ = tf2onnx.convert.from_tflite(str(dense), opset=OPSET)
    graph = model.graph
    keep_batch_free(graph)
    return graph


def densified(content: bytes) -> bytes:
    """Return a TFLite network with its sparse weights written out, which tf2onnx cannot read."""
    network = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    graph = network.subgraphs[0]
    sparse = [op for op in graph.operators if is_densify(network, op)]
    if not sparse:
        return content
    interpreter = run_tflite(content, np.zeros(input_shape(content), np.float32))
    for operator in sparse:
        source, target = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
        buffer = schema.BufferT()
        weights = interpreter.get_tensor(operator.outputs[0])
        buffer.data = np.frombuffer(weights.tobytes(), np.uint8)
        network.buffers.append(buffer)
        target.buffer = source.buffer = len(network.buffers) - 1
        source.sparsity = None
    graph.operators = [op for op in graph.operators if not is_densify(network, op)]
    builder = flatbuffers.Builder(len(content))
    builder.Finish(network.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def is_densify(network: Any, operator: Any) -> bool:
    """Return whether a TFLite operator only turns sparse weights into dense ones."""
    code = network.operatorCodes[operator.opcodeIndex]
    return max(code.builtinCode, code.deprecatedBuiltinCode) == schema.BuiltinOperator.DENSIFY


def keep_batch_free(graph: onnx.GraphProto) -> None:
    """Let every reshape keep the size of the batch, instead of the 1 that tf2onnx writes."""
    shapes = {node.input[1] for node in graph.node if node.op_type == "Reshape"}
    for tensor in graph.initializer:
        if tensor.name in shapes:
            shape = numpy_helper.to_array(tensor).copy()
            if shape[0] not in (1, -1):
                raise ValueError(f"a reshape to {shape.tolist()} does not begin with the batch")
            shape[0] = 0  # ONNX: as it was
            tensor.CopyFrom(numpy_helper.from_array(shape, tensor.name))
    # Shapes with the batch of 1; each graph infers its own again.
    del graph.value_info[:]


def detector_graph(whole: onnx.GraphProto, mean: float, std: float) -> onnx.GraphProto:
    """Return the graph from `image` to `boxes` and `scores`."""
    name = whole.input[0].name
    shapes = shapes_of(whole)
    nodes = [
        *normalisation(mean, std, name),
        *needed(whole, ["Identity", "Identity_1"], stop={name}),
        helper.make_node("Identity", ["Identity"], ["boxes"]),
        helper.make_node("Squeeze", ["Identity_1", "last_axis"], ["flat"]),
        helper.make_node("Clip", ["flat", "lowest", "highest"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["scores"]),
    ]
    constants = [
        *normalisation_constants(mean, std),
        constant("last_axis", [-1], np.int64),
        constant("lowest", -SCORE_LIMIT),
        constant("highest", SCORE_LIMIT),
    ]
    return assembled(
        "pose_detector",
        nodes,
        [*whole.initializer, *constants],
        [value("image", shapes[name], TensorProto.UINT8)],
        [value("boxes", shapes["Identity"]), value("scores", shapes["Identity_1"][:1])],
    )


def landmark_graphs(whole: onnx.GraphProto, mean: float, std: float) -> list[onnx.GraphProto]:
    """Return the graph from `image` to landmarks, heatmap and features, and the mask's.

    The mask's graph begins at the features: the tensors that its branch reads from the trunk,
    in the order of falling resolution. It is nothing but convolutions and doublings, and so takes
    any part of the features too.
    """
    name = whole.input[0].name
    shapes = shapes_of(whole)
    ends = {"Identity": "landmarks", "Identity_1": "presence", "Identity_3": "heatmap"}
    trunk = needed(whole, ends, stop={name})
    of_trunk = {output for node in trunk for output in node.output}
    branch = needed(whole, ["Identity_2"], stop={name, *of_trunk})
    taps = sorted(
        dict.fromkeys(i for node in branch for i in node.input if i in of_trunk),
        key=lambda tap: -shapes[tap][1],
    )
    outputs = ends | {tap: f"feature_{i}" for i, tap in enumerate(taps)}
    features = [value(outputs[tap], shapes[tap]) for tap in taps]
    landmarks = assembled(
        "pose_landmarks",
        [*normalisation(mean, std, name), *renamed(trunk, outputs)],
        [*whole.initializer, *normalisation_constants(mean, std)],
        [value("image", shapes[name], TensorProto.UINT8)],
        [*(value(ends[end], shapes[end]) for end in ends), *features],
    )
    *drawing, to_channels_last = renamed(branch, outputs)
    if to_channels_last.op_type != "Reshape":
        raise ValueError(f"the mask ends in {to_channels_last.op_type}, not in its reshape")
    mask = assembled(
        "pose_mask",
        [
            *drawing,
            helper.make_node("Squeeze", [to_channels_last.input[0], "channel_axis"], ["logits"]),
            helper.make_node("Sigmoid", ["logits"], ["mask"]),
        ],
        [*whole.initializer, constant("channel_axis", [1], np.int64)],
        [
            value(outputs[tap], [shapes[tap][0], f"rows_{i}", f"columns_{i}"])
            for i, tap in enumerate(taps)
        ],
        [value("mask", ["rows", "columns"])],
    )
    return [landmarks, mask]


def normalisation(mean: float, std: float, target: str) -> list[onnx.NodeProto]:
    """Return the nodes that make the network's input from the image's 8-bit values."""
    cast = helper.make_node("Cast", ["image"], ["levels"], to=TensorProto.FLOAT)
    if mean == 0:
        return [cast, helper.make_node("Div", ["levels", "std"], [target])]
    return [
        cast,
        helper.make_node("Sub", ["levels", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "std"], [target]),
    ]


def normalisation_constants(mean: float, std: float) -> list[TensorProto]:
    """Return the constants that `normalisation` names."""
    return [constant("mean", mean), constant("std", std)]


def constant(name: str, content: Any, dtype: Any = np.float32) -> TensorProto:
    """Return a constant of a graph."""
    return numpy_helper.from_array(np.asarray(content, dtype), name)


def value(
    name: str, shape: Sequence[int | str], kind: int = TensorProto.FLOAT
) -> onnx.ValueInfoProto:
    """Return an input or output of a graph: a batch of tensors of this shape."""
    return helper.make_tensor_value_info(name, kind, [BATCH, *shape])


def shapes_of(graph: onnx.GraphProto) -> dict[str, list[int]]:
    """Return the shape of each tensor of one image, without the batch."""
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    inferred = onnx.shape_inference.infer_shapes(model).graph
    return {
        info.name: [dim.dim_value for dim in info.type.tensor_type.shape.dim][1:]
        for info in [*inferred.input, *inferred.value_info, *inferred.output]
    }


def needed(graph: onnx.GraphProto, outputs: Iterable[str], stop: set[str]) -> list[onnx.NodeProto]:
    """Return the nodes that make `outputs` from `stop`, each after those it reads.

    The order follows from the connections alone, whatever order tf2onnx wrote them in.
    """
    makers = {output: node for node in graph.node for output in node.output}
    ordered: list[onnx.NodeProto] = []
    done = {*stop, *(tensor.name for tensor in graph.initializer), ""}
    waiting = list(outputs)[::-1]
    while waiting:
        name = waiting[-1]
        missing = [] if name in done else [i for i in makers[name].input if i not in done]
        if missing:
            waiting += missing[::-1]
            continue
        waiting.pop()
        if name not in done:
            ordered.append(makers[name])
            done.update(makers[name].output)
    return ordered


def renamed(nodes: Iterable[onnx.NodeProto], names: dict[str, str]) -> list[onnx.NodeProto]:
    """Return copies of nodes that call these tensors by other names."""
    copies = []
    for node in nodes:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.input[:] = [names.get(name, name) for name in node.input]
        copy.output[:] = [names.get(name, name) for name in node.output]
        copies.append(copy)
    return copies


def assembled(
    name: str,
    nodes: Sequence[onnx.NodeProto],
    constants: Iterable[TensorProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
) -> onnx.GraphProto:
    """Return a graph whose inner names are numbers, with only the constants that it reads."""
    known = {constant.name: constant for constant in constants}
    kept = {info.name: info.name for info in [*inputs, *outputs]} | {"": ""}
    names = dict(kept)
    for node in nodes:
        for tensor in [*node.input, *node.output]:
            names.setdefault(tensor, f"{'c' if tensor in known else 't'}{len(names)}")
    numbered = renamed(nodes, names)
    for node in numbered:
        node.ClearField("name")
        node.ClearField("doc_string")
    used = [known[tensor] for tensor in names if tensor in known]
    return helper.make_graph(
        numbered,
        name,
        inputs,
        outputs,
        [numpy_helper.from_array(numpy_helper.to_array(c), names[c.name]) for c in used],
    )


def packed(graph: onnx.GraphProto) -> onnx.ModelProto:
    """Return the model file of a graph, its weights in 16 bits where that loses nothing."""
    casts, constants = [], []
    for tensor in graph.initializer:
        half = half_precision(numpy_helper.to_array(tensor))
        if half is None:
            constants.append(tensor)
        else:
            constants.append(numpy_helper.from_array(half, f"{tensor.name}_half"))
            casts.append(
                helper.make_node(
                    "Cast", [f"{tensor.name}_half"], [tensor.name], to=TensorProto.FLOAT
                )
            )
    small = helper.make_graph(
        [*casts, *graph.node], graph.name, graph.input, graph.output, constants
    )
    model = helper.make_model(
        small, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def half_precision(weights: Array) -> Array | None:
    """Return weights in 16 bits, or None if they are few or need more than that."""
    if weights.dtype != np.float32 or weights.size < MIN_HALF_SIZE:
        return None
    with np.errstate(over="ignore"):
        half = weights.astype(np.float16)
    return half if half.astype(np.float32).tobytes() == weights.tobytes() else None


def check_weights(graph: onnx.GraphProto, content: bytes) -> None:
    """Raise ValueError unless each of the graph's weights is one of the network's, bit by bit.

    The converter may lay a tensor out differently, so its values are compared in rising order.
    """
    known = set(sorted_values(content))
    for tensor in graph.initializer:
        weights = numpy_helper.to_array(tensor)
        large = weights.dtype == np.float32 and weights.size >= MIN_HALF_SIZE
        if large and fingerprint(weights) not in known:
            raise ValueError(f"weights of shape {weights.shape} are not the network's")


def sorted_values(content: bytes) -> Iterable[bytes]:
    """Yield the values of each constant of a TFLite network, in rising order."""
    dense = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(densified(content), 0))
    kinds = {schema.TensorType.FLOAT32: np.float32, schema.TensorType.FLOAT16: np.float16}
    for tensor in dense.subgraphs[0].tensors:
        data = dense.buffers[tensor.buffer].data
        if data is not None and tensor.type in kinds:
            yield fingerprint(np.frombuffer(bytes(data), kinds[tensor.type]).astype(np.float32))


def fingerprint(weights: Array) -> bytes:
    """Return the bits of 32-bit values, in rising order of the bits."""
    return np.sort(np.ascontiguousarray(weights).view(np.uint32), axis=None).tobytes()


def compare(content: bytes, mean: float, std: float, models: Sequence[bytes]) -> None:
    """Raise ValueError unless the graphs do what the TFLite network does, and batches too."""
    images = test_images(*input_shape(content)[1:])
    batch = run_onnx(models, images)
    for i in range(len(images)):
        image = images[i : i + 1]
        alone = run_onnx(models, image)
        raw = tflite_outputs(content, (image.astype(np.float32) - mean) / std)
        for name, (source, final) in MEANING[len(models)].items():
            check_close(f"{name} of TFLite", alone[name], raw[source], TFLITE_TOLERANCE, final)
        for name, wanted in alone.items():
            check_close(f"{name} in a batch", batch[name][i : i + 1], wanted, BATCH_TOLERANCE)


def test_images(height: int, width: int, channels: int) -> Array:
    """Return three images of random blocks of colour, which rouse a network more than noise."""
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 256, (3, BLOCKS, BLOCKS, channels), np.uint8)
    return blocks.repeat(height // BLOCKS, axis=1).repeat(width // BLOCKS, axis=2)


def check_close(
    name: str, actual: Array, raw: Array, tolerance: float, final: Final = np.asarray
) -> None:
    """Raise ValueError unless `actual` is `final` of `raw`, give or take a part of its largest.

    `final` must be rising; the tolerance is before it.
    """
    margin = tolerance * np.abs(raw).max()
    low, high = final(raw - margin), final(raw + margin)
    if actual.shape != low.shape:
        raise ValueError(f"{name}: the shape is {actual.shape}, not {low.shape}")
    if not ((low - ROUNDING <= actual) & (actual <= high + ROUNDING)).all():
        raise ValueError(f"{name}: differs by more than {tolerance} of its largest value")


def run_onnx(models: Sequence[bytes], images: Array) -> Arrays:
    """Return every output of the graphs, the second fed with what the first gives."""
    values: Arrays = {"image": images}
    for model in models:
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        feed = {each.name: values[each.name] for each in session.get_inputs()}
        values |= dict(zip(names, session.run(names, feed), strict=True))
    del values["image"]
    return values


def tflite_outputs(content: bytes, image: Array) -> Arrays:
    """Return every output of a TFLite network, by name."""
    interpreter = run_tflite(content, image)
    outputs = interpreter.get_output_details()
    return {each["name"]: interpreter.get_tensor(each["index"]) for each in outputs}


def probability(logits: Array) -> Array:
    """Return the sigmoid of logits, without their last axis, which has one element."""
    clipped = logits[..., 0].clip(-SCORE_LIMIT, SCORE_LIMIT).astype(np.float64)
    return 1 / (1 + np.exp(-clipped))


def run_tflite(content: bytes, image: Array) -> Any:
    """Return TensorFlow's TFLite interpreter, having run the network on an image."""
    interpreter = tflite_interpreter(content)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    return interpreter


def input_shape(content: bytes) -> tuple[int, ...]:
    """Return the shape of a TFLite network's image: 1, height, width, channels."""
    return tuple(tflite_interpreter(content).get_input_details()[0]["shape"].tolist())


def tflite_interpreter(content: bytes) -> Any:
    """Return TensorFlow's TFLite interpreter, ready to run the network."""
    interpreter = tf.lite.Interpreter(
        model_content=content,
        experimental_preserve_all_tensors=True,
        # XNNPACK does not take networks with sparse weights.
        experimental_op_resolver_type=(
            tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        ),
    )
    interpreter.allocate_tensors()
    return interpreter


# By the number of graphs: which output of the TFLite network is behind which of the graphs', and
# what the graph makes of it.
MEANING: dict[int, dict[str, tuple[str, Final]]] = {
    1: {"boxes": ("Identity", np.asarray), "scores": ("Identity_1", probability)},
    2: {
        "landmarks": ("Identity", np.asarray),
        "presence": ("Identity_1", np.asarray),
        "heatmap": ("Identity_3", np.asarray),
        "mask": ("Identity_2", probability),
    },
}

if __name__ == "__main__":
    main()
