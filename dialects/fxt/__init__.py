"""`fxt`: tensor-level operations, as close to core ATen as static typing allows.

Types are `tensor<4x8xf32>`, and `tensor<?x8xf32, ["s0", 8 : i64]>` where a dimension is symbolic:
the encoding gives every dimension, symbolic ones by the canonical text of their expression, so
that equal text means equal size. Unsigned elements (`ui8`) and bools (`i1`, one byte in memory)
are as in torch. Elementwise ops do not broadcast or promote: `fxt.broadcast` and `fxt.cast` do.
"""

from xdsl.ir import Dialect

from fxlower.dialects.fxt.base import *  # noqa: F403
from fxlower.dialects.fxt.base import OpaqueType
from fxlower.dialects.fxt.call import *  # noqa: F403
from fxlower.dialects.fxt.call import CallOp
from fxlower.dialects.fxt.elementwise import *  # noqa: F403
from fxlower.dialects.fxt.elementwise import ELEMENTWISE
from fxlower.dialects.fxt.reduction import *  # noqa: F403
from fxlower.dialects.fxt.sorting import *  # noqa: F403
from fxlower.dialects.fxt.structured import *  # noqa: F403
from fxlower.dialects.fxt.structured import STRUCTURED
from fxlower.dialects.fxt.view import *  # noqa: F403
from fxlower.dialects.fxt.view import VIEWS

FXT = Dialect("fxt", [*ELEMENTWISE, *VIEWS, *STRUCTURED, CallOp], [OpaqueType])
