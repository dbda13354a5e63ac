"""Opens an ONNX file that keeps everything in itself, and reads no other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from auditkit.errors import InputError, Problem
from auditkit.models.archives import refuse
from auditkit.models.outputs import told
from auditkit.models.settings import missing_extra


def open_session(content: bytes, name: str) -> Any:  # noqa: ANN401 - onnxruntime has no types
    """Open a model that keeps everything in its own file.

    Args:
        content: The file.
        name: What to call it in a message.

    Returns:
        An `onnxruntime.InferenceSession` on the CPU with one thread, so that the last bits of a
        sum do not depend on the number of cores.

    Raises:
        InputError: If it is damaged, or names other files.
        MissingExtraError: If onnx or onnxruntime is not installed.
    """
    try:
        import onnx
        import onnxruntime
        from google.protobuf.message import DecodeError
    except ImportError:
        raise missing_extra("An ONNX model", ["onnx", "onnxruntime"], "onnx") from None
    try:
        proto = onnx.ModelProto.FromString(content)
    except DecodeError as error:
        refuse(name, f"no whole ONNX model ({told(error)})", "the file as it was saved")
    if any(_is_external(message) for message in _messages(proto)):
        found = "weights that lie in other files, which it may place anywhere"
        refuse(name, found, "one file", "Save it with save_as_external_data=False.")
    del proto
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own for all
        found = f"no model that onnxruntime can open ({told(error)})"
        raise InputError([Problem(name, found, "the file as it was saved")]) from error


def _messages(message: Any) -> Iterator[Any]:  # noqa: ANN401 - any protobuf message
    """A protobuf message and every one in it: graphs, functions, attributes and what comes."""
    waiting = [message]
    while waiting:
        one = waiting.pop()
        yield one
        for field, value in one.ListFields():
            if field.message_type is not None:
                waiting.extend([value] if hasattr(value, "ListFields") else value)


def _is_external(message: Any) -> bool:  # noqa: ANN401 - any protobuf message
    fields = message.DESCRIPTOR.fields_by_name
    return "data_location" in fields and bool(message.data_location or message.external_data)
