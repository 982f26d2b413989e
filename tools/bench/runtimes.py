"""OpenVINO and ONNX Runtime as peers: inference of exported programs on tensors where they are.

Both read the inputs in torch's memory and write into results that are allocated once, which is
their best way, and less than the others do, who return new tensors. Both compute in f32, one
request at a time, with as many threads as torch.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any

import torch

from fxlower.tools.bench.case import Case
from fxlower.tools.bench.peers import Unsupported


class Program(torch.nn.Module):
    """A function as a module, which is what can be exported."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: torch.Tensor) -> Any:
        return self.function(*args)


def refuse(case: Case) -> None:
    reasons = {
        "gradients are computed": case.trains,
        "inputs are changed": case.mutates,
        "compared at fixed sizes only": case.dynamic,
    }
    for reason, holds in reasons.items():
        if holds:
            raise Unsupported(reason)


@dataclass
class OpenVino:
    name: str = "openvino"
    rest: float = 2e-3

    def prepare(
        self, case: Case, inputs: Sequence[torch.Tensor], expected: Sequence[torch.Tensor]
    ) -> Callable[[], Any]:
        import openvino as ov

        refuse(case)
        if any(t.dtype == torch.float64 for t in inputs):
            raise Unsupported("computes f64 in f32")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exported = torch.export.export(Program(case.function), tuple(inputs))
            model = ov.convert_model(exported)
        compiled = ov.compile_model(
            model,
            "CPU",
            {
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": "f32",
                "NUM_STREAMS": 1,
                "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                "ENABLE_CPU_PINNING": False,  # the calling thread is everybody's
            },
        )
        request = compiled.create_infer_request()
        results = [torch.empty_like(t, memory_format=torch.contiguous_format) for t in expected]
        views = [self.view(t) for t in (*inputs, *results)]
        for i, view in enumerate(views[: len(inputs)]):
            request.set_input_tensor(i, view)
        for i, view in enumerate(views[len(inputs) :]):
            request.set_output_tensor(i, view)

        def run() -> list[torch.Tensor]:
            request.infer()
            return results

        return run

    @staticmethod
    def view(tensor: torch.Tensor) -> Any:
        """OpenVINO's tensor on the same memory."""
        import openvino as ov

        if tensor.dtype == torch.bfloat16:
            bits = tensor.view(torch.int16).numpy()
            return ov.Tensor(bits, ov.Shape(list(tensor.shape)), ov.Type.bf16)
        return ov.Tensor(tensor.numpy(), shared_memory=True)


@dataclass
class OnnxRuntime:
    name: str = "onnxruntime"
    rest: float = 0.0

    def prepare(
        self, case: Case, inputs: Sequence[torch.Tensor], expected: Sequence[torch.Tensor]
    ) -> Callable[[], Any]:
        import onnxruntime

        refuse(case)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # errors are raised as well
        options.intra_op_num_threads = torch.get_num_threads()
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.force_spinning_stop", "1")
        model = self.exported(case, inputs)
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        results = [torch.empty_like(t, memory_format=torch.contiguous_format) for t in expected]
        binding = session.io_binding()
        for value, tensor in zip(session.get_inputs(), inputs, strict=True):
            binding.bind_input(value.name, *self.place(tensor))
        for value, tensor in zip(session.get_outputs(), results, strict=True):
            binding.bind_output(value.name, *self.place(tensor))

        def run() -> list[torch.Tensor]:
            session.run_with_iobinding(binding)
            return results

        return run

    @staticmethod
    def exported(case: Case, inputs: Sequence[torch.Tensor]) -> Any:
        """The program as ONNX, without the exporter's commentary."""
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                Program(case.function), tuple(inputs), dynamo=True, verbose=False
            )
        assert program is not None
        return program.model_proto

    @staticmethod
    def place(tensor: torch.Tensor) -> tuple[str, int, Any, list[int], int]:
        """Device, its number, element type, sizes and address, as a binding wants them."""
        from onnx import TensorProto

        types = {
            torch.float32: TensorProto.FLOAT,
            torch.float64: TensorProto.DOUBLE,
            torch.float16: TensorProto.FLOAT16,
            torch.bfloat16: TensorProto.BFLOAT16,
            torch.int64: TensorProto.INT64,
            torch.int32: TensorProto.INT32,
            torch.uint8: TensorProto.UINT8,
            torch.bool: TensorProto.BOOL,
        }
        return "cpu", 0, types[tensor.dtype], list(tensor.shape), tensor.data_ptr()
