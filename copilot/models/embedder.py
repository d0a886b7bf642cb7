"""Text to vectors: the shipped static embedder, or any sentence-transformers model."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from model2vec import StaticModel
from safetensors import SafetensorError, safe_open

from copilot.errors import EmbedderError
from copilot.language.normalize import search_form
from copilot.models.static import Vectors, unpack

SHIPPED = Path(__file__).parent / "shipped" / "embedder"

# What sentence-transformers lists in `modules.json` for models that are a table of vectors.
_TABLES = (["StaticEmbedding"], ["StaticEmbedding", "Normalize"])
_HUB_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")
_NOTHING = 1e-6  # a mean shorter than this has no direction


class Embedder:
    """Texts in, unit vectors out. One may be shared by all threads.

    Attributes:
        dimensions: length of each vector.
        name: identity of the model: what it was loaded as and a digest of its content. Vectors of
            two embedders can be compared if and only if the names are equal.
    """

    def __init__(
        self, encode: Callable[[Sequence[str]], Vectors], dimensions: int, name: str
    ) -> None:
        """Wrap ``encode``, which takes texts in search form and returns vectors of any length."""
        self._encode = encode
        self.dimensions = dimensions
        self.name = name

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Embed texts of any length and script; traditional and simplified give the same vector.

        A text with nothing in it (empty, or of characters the model never saw) gets the fixed unit
        vector (1, 0, 0, …), never zeros: one zero vector damages Chroma's index (design.md, "Known
        facts").

        Args:
            texts: any number of texts, as written; the search form is taken here.

        Returns:
            float32, shape (len(texts), dimensions), each row of length 1. A text's row does not
            depend on the texts beside it (static models; within rounding for the others).
        """
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        vectors = self._encode([search_form(text) for text in texts])
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        empty = ~(lengths[:, 0] > _NOTHING)  # not `<=`: a NaN is nothing too
        vectors[empty] = 0
        vectors[empty, 0] = lengths[empty] = 1
        unit: Vectors = vectors / lengths
        return unit


def load(name: str = "shipped") -> Embedder:
    """Load an embedder.

    Args:
        name: ``shipped``; or a folder that model2vec or sentence-transformers saved; or the name of
            a sentence-transformers model on the Hugging Face hub, downloaded on first use. Static
            models are served by model2vec without torch and read texts to their end; the others
            need torch and read as far as their own limit.

    Raises:
        EmbedderError: there is no such folder or model, or it is not an embedder.
    """
    if name == "shipped":
        return _static(SHIPPED, "shipped")
    folder = Path(name).expanduser()
    if not name.strip() or not folder.exists():
        if not _HUB_NAME.fullmatch(name):
            raise EmbedderError(
                f"no folder {name!r}.",
                remedy="Set COPILOT_EMBEDDER to a model's folder, or unset it to use the shipped "
                "one.",
            )
        return _transformer(name)
    if not folder.is_dir():
        raise EmbedderError(
            f"embedder {name!r} is a file.", remedy="Set COPILOT_EMBEDDER to the model's folder."
        )
    return _static(folder, folder.name) if _is_static(folder) else _transformer(str(folder))


def _is_static(folder: Path) -> bool:
    """Whether model2vec can serve the folder: a table of vectors, and nothing after it."""
    try:
        modules = json.loads((folder / "modules.json").read_bytes())
        return [module["type"].rpartition(".")[2] for module in modules] in _TABLES
    except FileNotFoundError:
        return _has_table(folder / "model.safetensors")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False  # damaged: sentence-transformers says how


def _has_table(file: Path) -> bool:
    if not file.is_file():
        return False
    try:
        with safe_open(file, framework="numpy") as tensors:
            return "embeddings" in tensors.keys()  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError):
        return False


def _static(folder: Path, label: str) -> Embedder:
    try:
        for file in folder.rglob("tokenizer.json"):
            json.loads(file.read_bytes())  # `tokenizers` raises a bare Exception on a damaged file
        model = StaticModel.from_pretrained(folder, max_length=None)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise EmbedderError(
            f"embedder in {str(folder)!r} cannot be read: {error}.",
            remedy="Copy it again or train it anew with `copilot train embedder`.",
        ) from error
    rows = unpack(model)

    def encode(texts: Sequence[str]) -> Vectors:
        # Not `StaticModel.encode`: it sets the shared tokenizer's truncation on every call, so two
        # threads write what both read. The mean's length is divided away later: a sum will do.
        vectors = np.zeros((len(texts), rows.shape[1]), dtype=np.float32)
        for vector, tokens in zip(vectors, model.tokenize(texts), strict=True):
            if tokens:
                rows[tokens].sum(axis=0, out=vector)
        return vectors

    return Embedder(encode, rows.shape[1], f"{label}@{_digest(folder)}")


def _digest(folder: Path) -> str:
    """Twelve hex digits over the files that decide the vectors."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.name in ("model.safetensors", "tokenizer.json"):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _transformer(name: str) -> Embedder:
    # torch and sentence-transformers take seconds and 480 MB: only who asks for them pays.
    import torch
    from sentence_transformers import SentenceTransformer

    try:
        model = SentenceTransformer(name)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise EmbedderError(
            f"embedder {name!r} cannot be loaded: {error}.",
            remedy="Check the name and, for a model on the hub, the network; or download it, and "
            "set COPILOT_EMBEDDER to its folder.",
        ) from error
    dimensions = model.get_embedding_dimension()
    if dimensions is None:
        raise EmbedderError(
            f"{name!r} does not make one vector per text.",
            remedy="Set COPILOT_EMBEDDER to a sentence-transformers embedding model.",
        )
    digest = hashlib.sha256(str(model).encode())
    for key, tensor in sorted(model.state_dict().items()):
        digest.update(key.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    one_at_a_time = threading.Lock()  # the tokenizers of transformers raise "Already borrowed"

    def encode(texts: Sequence[str]) -> Vectors:
        with one_at_a_time:
            found = model.encode(list(texts), convert_to_numpy=True, show_progress_bar=False)
        return np.asarray(found, dtype=np.float32)

    return Embedder(encode, dimensions, f"{Path(name).name}@{digest.hexdigest()[:12]}")
