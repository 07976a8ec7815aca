"""The public surface: these names, no others; importing the package costs nothing."""

from __future__ import annotations

import pickle
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import negatives
from negatives import errors
from tests.each import for_each

PUBLIC = """
AbsoluteScore Abstain AdaptiveMargin AdversarialDecoding AdversarialFiltering Agreement AlikeNames
BM25 Bernoulli CoOccurrence Collection Consistency ContrastingDemonstrations Contrastive DataError
Debate Dense Dynamic Ensemble Evidence Exclusions FailureInducing Fused GeneratorBandit Given Graded
Heading ICR ImaginedDomains InformationGain InverseCloze IrrelevantConditions IterativeDeepening
Judged Known LLMCascade LLMJudge LikeQueries Margin MeanPlusDeviation NamedInQuery NearDuplicate
NearPositive NegativesError NegativesWarning Neighbours NotBefore OneByOne OneWordApart OutOfReach
PercentOfPositive Perplexity PoolingBias Popularity PopularityEvidence Quotas Random RandomPick
Recipe RecipeError ReferenceAdapted Reformulations Rerank RiskLimited Run RunError SameBranch
SameCluster SameDocument SameImage SameParent ScoreAgreement SeedNeighbours SelfAware SelfCheck
SharedAlias SharedKeywords SimANS SkipSurvivors SkipTop Stratified Sufficiency TextEdits
TextPerplexity ToldBlind Top Typed Verbalized WantedType WrittenNegatives WrittenQueries __version__
adapt audit bench compare evaluate guide lint load_recipe mine show_progress silent train
"""


def test_the_public_names_are_these() -> None:
    assert sorted(negatives.__all__) == PUBLIC.split()


def test_the_table_of_stages_is_what_their_classes_say() -> None:
    root = Path(__file__).resolve().parent.parent
    written = runpy.run_path(str(root / "scripts" / "kinds.py"))["written"]()
    for path, text in written.items():
        assert path.read_text("utf-8") == text, "run python scripts/kinds.py"


@for_each("name", PUBLIC.split())
def test_every_public_name_can_be_used(name: str) -> None:
    assert getattr(negatives, name) is not None
    assert name in dir(negatives)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'negatives' has no attribute 'nothing'"):
        _ = negatives.nothing


def test_importing_the_package_imports_nothing_heavy() -> None:
    asked = (
        "import sys, negatives; "
        "print([m for m in ('polars', 'numpy', 'torch', 'cyclopts') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.slow
def test_reading_a_recipe_and_a_collection_imports_no_more_than_they_need() -> None:
    heavy = ("torch", "scipy", "sklearn", "numba", "pandas", "jinja2", "negatives.read.hub")
    asked = (
        "import sys, negatives; negatives.load_recipe('default'); "
        "negatives.Collection.load('cranfield'); "
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.slow
def test_mining_and_its_report_import_nothing_that_only_others_need() -> None:
    heavy = ("torch", "scipy.stats", "sklearn", "numba", "pandas")
    asked = (
        "import sys, negatives.api.run, negatives.cli.mine, negatives.show; "
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_an_error_reads_what_where_and_how_to_mend_it() -> None:
    error = errors.DataError("3 ids twice", where="corpus.jsonl", fix="remove them")
    assert str(error) == "3 ids twice\n  where: corpus.jsonl\n  fix:   remove them"
    assert str(errors.DataError("3 ids twice")) == "3 ids twice"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.DataError, 2),
        (errors.RecipeError, 2),
        (errors.RunError, 2),
        (errors.MissingExtra, 2),
        (errors.DiskFull, 1),
        (errors.ServiceError, 1),
    ],
)
def test_an_error_keeps_its_parts_between_processes(
    kind: type[errors.NegativesError], code: int
) -> None:
    again = pickle.loads(pickle.dumps(kind("what", where="here", fix="so")))
    assert type(again) is kind
    assert (again.what, again.where, again.fix) == ("what", "here", "so")
    assert again.exit_code == code


def test_the_nearest_name_is_offered_or_all_of_them() -> None:
    assert errors.nearest("bm52", ["bm25", "dense"]) == "did you mean 'bm25'?"
    assert errors.nearest("xyz", ["dense", "bm25"]) == "valid: bm25, dense"
