"""Serving: what comes out, whatever goes in, and what is said when nothing can be loaded."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.errors import EmbedderError
from copilot.models import embedder, static

TEXTS = ["怎么让群里的人多说话？", "會員流失了怎麼挽回", "GMV 涨了 30%", "", "🀄︎", "复购" * 900]


@pytest.fixture(scope="module")
def shipped() -> embedder.Embedder:
    return embedder.load()


def run(code: str, *arguments: str) -> str:
    """What a fresh interpreter prints, warnings being errors there too."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_shapes_and_lengths(shipped):
    vectors = shipped.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), shipped.dimensions)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert shipped.encode([]).shape == (0, shipped.dimensions)


def test_one_text_at_a_time_gives_the_same(shipped):
    together = shipped.encode(TEXTS)
    apart = np.vstack([shipped.encode([text]) for text in TEXTS])
    assert np.array_equal(together, apart)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(), max_size=5))
def test_no_text_gives_zeros(shipped, texts):
    vectors = shipped.encode(texts)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(texts)), abs=1e-5)


def test_texts_with_nothing_in_them_share_one_vector(shipped):
    vectors = shipped.encode(["", "  \n", "\u200b", "𒀀𒀁"])
    assert (vectors == np.eye(1, shipped.dimensions)).all()


def test_script_case_and_width_do_not_matter(shipped):
    one, other = shipped.encode(["会员流失率与 GMV，怎么提升", "會員流失率與 ｇｍｖ,怎麼提升"])
    assert np.array_equal(one, other)


def test_meaning_decides(shipped):
    question = shipped.encode(["怎么让群友多聊天"])[0]
    near, far = shipped.encode(["提升社群活跃度和互动的办法", "个人信息保护法对数据收集的规定"])
    assert question @ near > question @ far + 0.05


def test_long_texts_are_read_to_their_end(shipped):
    start = "社群运营要先明确目标受众。" * 170
    whole, cut = shipped.encode([start + "退款与投诉流程" * 60, start])
    assert len(start) > 2000
    assert whole @ cut < 0.999


def test_threads_share_one(shipped):
    expected = shipped.encode(TEXTS)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: shipped.encode(TEXTS), range(64)))
    assert all(np.array_equal(vectors, expected) for vectors in found)


def test_serving_imports_no_torch():
    code = (
        "import sys; from copilot.models import embedder; embedder.load().encode(['群规']);"
        "print([name for name in ('torch', 'sentence_transformers', 'transformers') "
        "if name in sys.modules])"
    )
    assert run(code) == "[]"


# One interpreter for all that needs torch: it takes seconds to start.
WITH_TORCH = """
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, StaticEmbedding
from copilot.errors import EmbedderError
from copilot.models import embedder, static

shipped, dense, empty, *texts = sys.argv[1:]
found = {"shipped": SentenceTransformer(shipped).encode(texts).tolist()}

torch.manual_seed(1)
pieces = static.tokenizer(Counter({"社群": 9, "运营": 9}), 50)
model = SentenceTransformer(modules=[StaticEmbedding(pieces, embedding_dim=8), Dense(8, 4)])
model.save(dense)
served, again = embedder.load(dense), embedder.load(dense)
found["vectors"] = served.encode(["社群", "", "運營", "运营"]).tolist()
found["names"] = [served.name, again.name]
found["dimensions"] = served.dimensions

for name in (empty, "nobody/has-this"):
    try:
        embedder.load(name)
    except EmbedderError as error:
        found[Path(name).name] = str(error)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def with_torch(tmp_path_factory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("models")
    (folder / "empty").mkdir()
    paths = [str(path) for path in (embedder.SHIPPED, folder / "dense", folder / "empty")]
    return json.loads(run(WITH_TORCH, *paths, *AGREED).splitlines()[-1])


AGREED = ["怎么让群里的人多说话", "会员流失率 龘靐齉"]


def test_sentence_transformers_loads_the_shipped_folder_and_agrees(with_torch, shipped):
    assert np.array(with_torch["shipped"]) == pytest.approx(shipped.encode(AGREED), abs=1e-5)


def test_a_sentence_transformers_folder_is_served_whole(with_torch):
    vectors = np.array(with_torch["vectors"])
    # Its first module is a table of 8 dimensions; the dense one after it must not be left out.
    assert vectors.shape == (4, with_torch["dimensions"]) == (4, 4)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert vectors[2] == pytest.approx(vectors[3], abs=1e-6)
    assert with_torch["names"][0] == with_torch["names"][1]
    assert with_torch["names"][0].startswith("dense@")


@pytest.mark.parametrize("name", ["empty", "has-this"])
def test_what_cannot_be_loaded_is_refused(with_torch, name):
    assert "cannot be loaded" in with_torch[name]
    assert "set COPILOT_EMBEDDER to its folder" in with_torch[name]


def tiny(folder: Path, seed: int) -> Path:
    pieces = static.tokenizer(Counter({"群规": 9, "活动": 9}), 20)
    rng = np.random.default_rng(seed)
    static.save(folder, pieces, rng.standard_normal((pieces.get_vocab_size(), 8), np.float32))
    return folder


def test_the_name_follows_the_content(tmp_path):
    first = embedder.load(str(tiny(tmp_path / "a" / "model", 1)))
    same = embedder.load(str(tiny(tmp_path / "b" / "model", 1)))
    other = embedder.load(str(tiny(tmp_path / "c" / "model", 2)))
    assert first.name == same.name
    assert first.name != other.name
    assert first.name.startswith("model@")


def test_int8_keeps_directions(tmp_path):
    pieces = static.tokenizer(Counter({"群规": 9, "活动": 9}), 20)
    rows = np.random.default_rng(0).standard_normal((pieces.get_vocab_size(), 64), np.float32)
    rows[1] *= 1000  # one scale for all rows would round the others to nothing
    static.save(tmp_path, pieces, rows)
    found = embedder.load(str(tmp_path)).encode(["活动"])[0]
    exact = rows[pieces.encode("活动").ids].sum(axis=0)
    assert found @ exact / np.linalg.norm(exact) > 0.9999


def broken(folder: Path) -> Path:
    shutil.copytree(embedder.SHIPPED, folder)
    (folder / "tokenizer.json").write_text("{", encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["/no/such/folder", "./nothing", "~/nothing/here", "a/b/c", ""])
def test_a_missing_folder_is_named(name):
    with pytest.raises(EmbedderError, match=r"no folder .* Set COPILOT_EMBEDDER"):
        embedder.load(name)


def test_a_file_is_no_folder(tmp_path):
    file = tmp_path / "model.bin"
    file.write_bytes(b"x")
    with pytest.raises(EmbedderError, match="is a file"):
        embedder.load(str(file))


def test_a_damaged_static_model_is_named(tmp_path):
    with pytest.raises(EmbedderError, match=r"cannot be read.*copilot train embedder"):
        embedder.load(str(broken(tmp_path / "model")))
