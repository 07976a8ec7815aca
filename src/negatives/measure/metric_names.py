"""From the name of a metric to the metric: NAME, NAME@CUTOFF or NAME(setting=value)@CUTOFF.

A name that cannot be used ends in an `InputError` that says which name can.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from negatives.errors import InputError, MissingExtra, nearest
from negatives.measure.ir_measures import IrMeasure, ir_measure, ir_names
from negatives.measure.metrics import OWN, Choice, Metric, Setting

_FORM: Final = re.compile(r"([^\W\d]\w*)(?:\((.*)\))?(?:@([^@()]+))?", re.DOTALL)
_LONGEST: Final = 200
_SAMPLED: Final = re.compile(r"sampl|neg(ative)?s?(?![a-z])", re.IGNORECASE)
"""Names, or settings, of metrics that rank a positive among a few drawn documents."""

ALIASES: Final = {
    "MAP": "AP", "AUPRC": "AP", "MRR": "RR", "NDCG": "nDCG", "Precision": "P", "Recall": "R",
    "BPref": "Bpref", "RPrec": "Rprec",
}  # fmt: skip
"""Other names that ir-measures gives to the same metrics."""

ELSEWHERE: Final = {
    "ndcg_cut": "nDCG", "map_cut": "AP", "recip_rank": "RR", "recall": "R", "precision": "P",
    "hit_rate": "Success", "hitrate": "Success", "hit": "Success", "hits": "Success",
    "acc": "Success", "hr": "Success", "accuracy": "Success", "r_precision": "Rprec",
    "num_ret": "NumRet",
    "num_rel": "NumRel", "num_rel_ret": "NumRelRet", "num_q": "NumQ", "set_p": "SetP",
    "auc": "AUROC", "roc_auc": "AUROC", "ps_p": "PSP", "psprecision": "PSP", "pr_auc": "AP",
    "set_recall": "SetR", "set_f": "SetF", "set_map": "SetAP", "iprec_at_recall": "IPrec",
}  # fmt: skip
"""What other tools call them, in lower case: a name is only ever proposed from these."""


@dataclass(frozen=True, slots=True)
class Written:
    """A name taken apart. `text` is all of it, as it was given."""

    text: str
    name: str
    settings: Mapping[str, object]
    at: object = None

    @property
    def rest(self) -> str:
        """What follows the name: settings and cutoff."""
        return self.text.strip()[len(self.name) :]


def parse_metrics(names: Iterable[str]) -> list[Metric | IrMeasure]:
    """Each metric once, in the order asked for."""
    found = {str(metric): metric for metric in map(parse_metric, names)}
    if not found:
        raise InputError("no metric is named", fix="name one, such as nDCG@10")
    return list(found.values())


def parse_metric(text: str) -> Metric | IrMeasure:
    """The metric of that name.

    Raises `InputError` with the nearest name, `MissingExtra` where only ir-measures could know it.
    """
    if _SAMPLED.search(text[:_LONGEST]):
        raise InputError(
            f"{text!r} is a metric of a sampled ranking: a positive among some drawn documents, "
            "which can put models in another order than all documents do (Krichene and Rendle, "
            "KDD 2020)",
            fix="name the metric alone, such as nDCG@10 or Success@10: all documents are ranked",
        )
    written = _taken_apart(text)
    name = ALIASES.get(written.name, written.name)
    if name == "NumRet" and "rel" in written.settings:
        name = "NumRelRet"
    if name in OWN and not set(written.settings) & _LIBRARY_ONLY:
        return _own(written, name)
    likely = _elsewhere(written)
    if likely and likely != text.strip():
        raise InputError(f"there is no metric {text!r}", fix=f"did you mean {likely!r}?")
    try:
        names = ir_names()
    except MissingExtra as error:
        raise MissingExtra(
            f"{text!r} is none of the built-in metrics ({', '.join(OWN)})", fix=error.fix
        ) from None
    if written.name not in names:
        raise InputError(
            f"there is no metric {text!r}",
            fix=nearest(written.name, {*OWN, *ALIASES, *names}),
        )
    return ir_measure(written.name, written.settings, written.at, text)


_LIBRARY_ONLY: Final = {"judged_only", "gains"}


def _taken_apart(text: str) -> Written:
    match = _FORM.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if match is None:
        raise _unreadable(text)
    name, settings, at = match.groups()
    try:
        values = _settings(settings or "")
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise _unreadable(text) from None
    return Written(text, name, values, None if at is None else _number(text, at.strip()))


def _settings(text: str) -> dict[str, object]:
    """The keyword arguments of a call; ValueError where it is none of literals."""
    call = ast.parse(f"_({text})", mode="eval").body
    if not isinstance(call, ast.Call) or call.args or not isinstance(call.func, ast.Name):
        raise ValueError
    names = [each.arg for each in call.keywords]
    if None in names or len(set(names)) < len(names):
        raise ValueError
    return {str(each.arg): ast.literal_eval(each.value) for each in call.keywords}


def _number(text: str, at: str) -> int | float:
    if re.fullmatch(r"[0-9]{1,9}", at):
        return int(at)
    if re.fullmatch(r"[0-9]{0,9}\.[0-9]{1,9}", at):
        return float(at)
    raise InputError(
        f"the metric {text!r} cannot be read: {at!r} is no cutoff", fix="write a number after @"
    )


def _unreadable(text: str) -> InputError:
    shown = text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
    return InputError(
        f"the metric {shown!r} cannot be read",
        fix="write a name, its settings in parentheses and a cutoff, such as nDCG@10 or "
        "AP(rel=2)@100",
    )


def _own(written: Written, name: str) -> Metric:
    kind, text = OWN[name], written.text
    settings = dict(written.settings)
    at = settings.pop("cutoff", None) if written.at is None else written.at
    if kind.cutoff and at is None:
        raise InputError(f"the metric {text!r} lacks a cutoff", fix=f"write {text.strip()}@10, say")
    if kind.cutoff is False and at is not None:
        raise InputError(f"the metric {written.name!r} has no cutoff", fix=f"write {written.name}")
    rel = settings.pop("rel", None)
    if kind.rel is False and rel is not None:
        raise InputError(f"the metric {written.name!r} takes no rel", fix="leave it out")
    if kind.rel and rel is None:
        raise InputError(
            f"the metric {text!r} lacks rel, the least grade that counts as relevant",
            fix=f"write {name}(rel=1), say",
        )
    for number in (at, rel):
        if number is not None and (type(number) is not int or not 1 <= number < 2**31):
            zero = number == 0 and type(number) is int
            raise InputError(
                f"a 0 in the metric {text!r}"
                if zero
                else f"{number!r} in the metric {text!r} is no whole number above 0",
                fix="cutoffs and rel begin at 1",
            )
    unknown = [key for key in settings if key not in kind.more]
    if unknown:
        has = [*([] if kind.rel is False else ["rel"]), *kind.more]
        raise InputError(
            f"the metric {written.name!r} has no setting {unknown[0]!r}",
            fix=f"it has {', '.join(has)}" if has else "it has none: leave it out",
        )
    more = {key: _checked(text, key, value, kind.more[key]) for key, value in settings.items()}
    given = {key: value for key, value in more.items() if value != kind.more[key].default}
    return Metric(
        name,
        at if isinstance(at, int) else None,
        rel if isinstance(rel, int) else 1,
        tuple(sorted(given.items())),
    )


def _checked(text: str, key: str, value: object, choice: Choice) -> Setting:
    if not choice.of:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and 0 <= float(value) <= choice.most:  # type: ignore[arg-type]
            return float(value)  # type: ignore[arg-type]
        what = "a share of 0 to 1" if choice.most == 1 else f"a number of 0 to {choice.most:g}"
        raise InputError(f"{key}={value!r} in the metric {text!r}", fix=f"give {what}")
    if value in choice.of:
        return str(value)
    raise InputError(
        f"{key}={value!r} in the metric {text!r}", fix=f"give {' or '.join(map(repr, choice.of))}"
    )


def _elsewhere(written: Written) -> str | None:
    """The same metric as it is named here, where the name is another tool's or in another case."""
    low = written.name.lower()
    known = {name.lower(): name for name in [*ALIASES, *OWN]}
    number = re.fullmatch(r"(.+?)_([0-9.]+)", low)
    base, at = (number[1], f"@{number[2]}") if number else (low, "")
    base = base.removeprefix("mean_")
    name = ELSEWHERE.get(base) or known.get(base)
    if written.name in OWN or written.name in ALIASES or name is None:
        return None
    return name + (at if at and written.at is None else written.rest)
