"""What a target is: facts the passes may read, and the pipeline that ends in its code."""

from __future__ import annotations

from dataclasses import dataclass

from fxlower.errors import TargetError, choices


@dataclass(frozen=True, kw_only=True)
class MatrixUnit:
    """One instruction `C[m, n] += A[m, k] * B[k, n]` on tiles held in registers."""

    m: int
    n: int
    k: int
    element: str
    accumulator: str


@dataclass(frozen=True, kw_only=True)
class DotProduct:
    """One instruction `acc[i] += sum over j < depth of lhs[i, j] * rhs[i, j]` on whole registers:
    each lane of the accumulator has `depth` neighbours in either factor.

    Elements have the names of `fxt`'s types, so `ui8` is unsigned. `intrinsic` is LLVM's name; one
    that does not `accumulate` returns the sums alone.
    """

    lhs: str
    rhs: str
    accumulator: str
    depth: int
    intrinsic: str
    accumulates: bool = True


@dataclass(frozen=True, kw_only=True)
class LibraryProduct:
    """A function of a library that multiplies matrices of `element`, "f32" or "f64".

    It is called as Fortran's BLAS is, `sgemm_` or `dgemm_`: everything by pointer, matrices in
    columns, sizes of 32 bits. Products of fewer than `min_operations`, two for each multiplication,
    are not worth a call. The run time finds `symbol` in libtorch_cpu or among what the process has
    loaded (`fxlower/runtime/jit.py`).

    Raises:
        TargetError: a library multiplies no such elements.
    """

    element: str
    symbol: str
    min_operations: int = 0

    def __post_init__(self) -> None:
        if self.element not in LIBRARY_ELEMENTS:
            raise TargetError(
                f"no element type of library products '{self.element}'; "
                f"{choices(self.element, LIBRARY_ELEMENTS)}"
            )


LIBRARY_ELEMENTS = ("f32", "f64")

PIPELINE: tuple[tuple[str, str], ...] = (
    ("fxt", ""),
    ("tensor", "canonicalize-fxt,split-reductions"),
    (
        "linalg",
        "form-kernels,update-in-place,hoist-constants,pack-weights,split-segments,choose-schedule",
    ),
    (
        "loops",
        "convert-linalg-to-scf,convert-scan-to-scf,convert-scatter-to-scf,convert-sort-to-scf,"
        "convert-panels-to-scf,map-to-library,tile-contractions,plan-memory",
    ),
    ("vector", "convert-tile-to-vector,peel-borders,vectorize,expand-math"),
    ("llvm", "convert-to-llvm"),
)
"""Stages in order, each with the passes that lead to it, as `fxlower-opt -p` takes them."""


@dataclass(frozen=True, kw_only=True)
class TargetSpec:
    """A machine as the compiler sees it. Adding a target adds one of these, and no `if`.

    Sizes are in bits or bytes as named. `vector_registers` counts registers of `vector_bits`.
    `operations_per_byte` are the simple operations on an element that take as long as to move a
    byte of it from beyond a core's own caches, `memory_streams` the tensors that hardware
    prefetches at once.
    `native_floats` are the float types with arithmetic of their own; others compute in f32.
    `avx512` says that there are AVX-512's instructions for exponents and for lanes of tables,
    `avx512_bf16` that there is one that rounds f32 to bf16.
    `dot_products` are the instructions on short elements, the fastest first.
    `library` are functions to call for matrix products, where generated code is not as good.
    `requires` are the features, by LLVM's names, without which code for this machine must not run.
    """

    name: str
    triple: str
    cpu: str
    features: str = ""
    requires: tuple[str, ...] = ()
    vector_bits: int
    vector_registers: int
    fma: bool = True
    masks: bool = False
    avx512: bool = False
    avx512_bf16: bool = False
    native_floats: tuple[str, ...] = ("f32", "f64")
    matrix_unit: MatrixUnit | None = None
    dot_products: tuple[DotProduct, ...] = ()
    library: tuple[LibraryProduct, ...] = ()
    l1_bytes: int = 32 * 1024
    l2_bytes: int = 512 * 1024
    l3_bytes: int = 8 * 1024 * 1024
    scratchpad_bytes: int = 256 * 1024
    operations_per_byte: float = 2.0
    memory_streams: int = 16
    cores: int = 1
    stages: tuple[tuple[str, str], ...] = PIPELINE

    def lanes(self, element_bits: int) -> int:
        """Elements of `element_bits` in one vector register."""
        return self.vector_bits // element_bits

    def pipeline(self, *, start: str | None = None, until: str | None = None) -> str:
        """The passes that take a module from stage `start` to stage `until`, as `-p` takes them.

        A module at stage `start` has been through that stage's passes. The defaults are a module
        just imported, and the last stage.
        """
        names = [name for name, _ in self.stages]
        for stage in (start, until):
            if stage is not None and stage not in names:
                raise TargetError(
                    f"target '{self.name}' has no stage '{stage}'; {choices(stage, names)}"
                )
        first = 0 if start is None else names.index(start) + 1
        last = len(names) if until is None else names.index(until) + 1
        if last < first:
            raise TargetError(f"stage '{until}' comes before stage '{start}', not after it")
        return ",".join(passes for _, passes in self.stages[first:last] if passes)
