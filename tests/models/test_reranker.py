"""The reranker: any cross-encoder, from a folder."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from copilot.errors import EmbedderError
from copilot.models import reranker

# A cross-encoder made on the spot: random weights, two layers, its own vocabulary.
MAKE = """
import sys
from pathlib import Path
from sentence_transformers import CrossEncoder
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast
import torch
torch.manual_seed(3)
folder, labels = Path(sys.argv[1]), int(sys.argv[2])
vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"社群怎么签到积分退款流失率提升活跃"]
(folder / "vocab.txt").write_text("\\n".join(dict.fromkeys(vocabulary)), "utf-8")
tokenizer = BertTokenizerFast(vocab_file=str(folder / "vocab.txt"))
config = BertConfig(vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=2,
                    num_attention_heads=2, intermediate_size=16, num_labels=labels,
                    initializer_range=1.0)
BertForSequenceClassification(config).save_pretrained(folder)
tokenizer.save_pretrained(folder)
"""
ASK = """
import json, sys
from copilot.models import reranker
rerank = reranker.load(sys.argv[1])
one = rerank("怎么签到", ["签到积分", "退款流失", "签到积分"])
print(json.dumps([str(one.shape), one.tolist()]))
"""


def _run(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


def test_without_a_setting_there_is_none() -> None:
    assert reranker.load("") is None


def test_a_cross_encoder_scores_each_passage(tmp_path: Path) -> None:
    _run(MAKE, str(tmp_path), "1")
    shape, scores = json.loads(_run(ASK, str(tmp_path)))
    assert shape == "(3,)"
    assert scores[0] == pytest.approx(scores[2], abs=1e-5)
    assert scores[0] != pytest.approx(scores[1], abs=1e-7)


def test_a_classifier_of_several_kinds_is_refused(tmp_path: Path) -> None:
    _run(MAKE, str(tmp_path), "3")
    with pytest.raises(EmbedderError, match="not one"):
        reranker.load(str(tmp_path))


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbedderError, match="COPILOT_RERANKER"):
        reranker.load(str(tmp_path / "missing" / "model"))
