"""How a contraction's operands lie in panels: the elements, and how many of the depth side by side.

A dot product instruction takes several steps of depth at once, which are neighbours in a lane:
`memref<panels x depth/2 x lanes x 2xbf16>`. Elements that no instruction takes as they are may be
widened, or shifted by an offset: `sum (a + 128) * b = sum a * b + 128 * sum b`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from xdsl.ir import Attribute

from fxlower.analysis.contraction import Contraction, Factor
from fxlower.dialects.build import BF16, ELEMENT_BITS, F16, I8, I16
from fxlower.targets.spec import DotProduct, TargetSpec

ELEMENTS: dict[str, Attribute] = {"i8": I8, "ui8": I8, "i16": I16, "f16": F16, "bf16": BF16}
"""The elements of dot products by their names there; memory does not tell signs."""


@dataclass(frozen=True)
class PanelFormat:
    """Elements of the panels of the left and of the right operand, `group` steps of depth together.

    `left_offset` is added to the elements of the left operand modulo their width, which makes them
    unsigned.
    """

    left: Attribute
    right: Attribute
    group: int = 1
    left_unsigned: bool = False
    right_unsigned: bool = False
    left_offset: int = 0

    def shape(self, panels: int, depth: int, lanes: int) -> tuple[int, ...]:
        """The shape of so many panels of `depth` elements in depth."""
        if self.group == 1:
            return panels, depth, lanes
        return panels, -(-depth // self.group), lanes, self.group

    @property
    def step_bytes(self) -> int:
        """Bytes of a lane's elements that one step of the product takes."""
        return self.group * ELEMENT_BITS[self.left] // 8


def panel_format(contraction: Contraction, target: TargetSpec) -> PanelFormat | None:
    """The best panels that the target multiplies; None if there are none, as for most integers."""
    accumulator = str(contraction.element)
    names = _name(contraction.left), _name(contraction.right)
    if contraction.is_float_product or contraction.is_integer_product:
        for dot in target.dot_products:
            if dot.accumulator == accumulator:
                for found in _formats(dot, *names):
                    return found
    if contraction.is_float_product:
        return PanelFormat(contraction.element, contraction.element)
    return None


def _name(factor: Factor) -> str:
    name = str(factor.element)
    return f"u{name}" if factor.unsigned else name


def _formats(dot: DotProduct, left: str, right: str) -> Iterator[PanelFormat]:
    """Ways to multiply with `dot`, the cheapest first."""
    if (left, right) in ((dot.lhs, dot.rhs), (dot.rhs, dot.lhs)):
        yield _format(dot, left, right)
    if (left, right) == ("i8", dot.rhs) and dot.lhs == "ui8":
        yield _format(dot, dot.lhs, right, 128)
    if {left, right} <= {"i8", "ui8", "i16"} and (dot.lhs, dot.rhs) == ("i16", "i16"):
        yield _format(dot, dot.lhs, dot.rhs)


def _format(dot: DotProduct, left: str, right: str, offset: int = 0) -> PanelFormat:
    return PanelFormat(
        ELEMENTS[left],
        ELEMENTS[right],
        dot.depth,
        left.startswith("u"),
        right.startswith("u"),
        offset,
    )


def find_dot_product(
    target: TargetSpec,
    lhs: tuple[Attribute, bool],
    rhs: tuple[Attribute, bool],
    accumulator: Attribute,
    depth: int,
) -> tuple[DotProduct, bool] | None:
    """The instruction for elements, each with whether it is unsigned, and whether it takes the
    operands the other way round."""
    names = tuple(f"u{e}" if unsigned else str(e) for e, unsigned in (lhs, rhs))
    for dot in target.dot_products:
        if dot.depth == depth and dot.accumulator == str(accumulator):
            if names == (dot.lhs, dot.rhs):
                return dot, False
            if names == (dot.rhs, dot.lhs):
                return dot, True
    return None
