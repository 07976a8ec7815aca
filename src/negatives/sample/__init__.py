"""Negatives drawn while a model trains: fast, exact about positives, the same for the same seed."""

from negatives.sample.attempts import NO_DOC as NO_DOC
from negatives.sample.exclusion import Exclusion as Exclusion
from negatives.sample.samplers import Drawn as Drawn
from negatives.sample.samplers import PopularityNegatives as PopularityNegatives
from negatives.sample.samplers import UniformNegatives as UniformNegatives
from negatives.sample.shared import InBatchNegatives as InBatchNegatives
from negatives.sample.shared import Shared as Shared
from negatives.sample.shared import SharedNegatives as SharedNegatives
