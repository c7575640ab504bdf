"""A filter inside FAISS's searches: a stretch of rows, or a bitmap."""

from __future__ import annotations

import faiss
import numpy as np

from memory.columns import Rows


def allow(params: faiss.SearchParameters, rows: Rows) -> object:
    """Let a search see some rows only. What this returns must outlive the search, which keeps its address."""
    selector: faiss.IDSelector
    bits = None
    if rows.mask is None:
        selector = faiss.IDSelectorRange(rows.start, rows.stop)
    else:
        bits = np.packbits(np.pad(rows.mask, (rows.start, 0)), bitorder="little")
        selector = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
    params.sel = selector
    return selector, bits
