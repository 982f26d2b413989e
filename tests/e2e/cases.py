"""The table of operator cases, one for each behaviour worth a name."""

from __future__ import annotations

import cases_images
import cases_indexing
import cases_nn
import cases_pointwise
import cases_pooling
import cases_reduction
import cases_sorting
import cases_tables
import cases_view
from case import Case

CASES: list[Case] = [
    *cases_pointwise.CASES,
    *cases_reduction.CASES,
    *cases_view.CASES,
    *cases_indexing.CASES,
    *cases_sorting.CASES,
    *cases_nn.CASES,
    *cases_pooling.CASES,
    *cases_images.CASES,
    *cases_tables.CASES,
]

BY_NAME = {case.name: case for case in CASES}
assert len(BY_NAME) == len(CASES), "two cases have one name"
