"""Runs and collections as users hold them: the data, with the verbs of the rooms bound to it.

This is the only place where data has verbs. Inside the package functions are called, each with a
run or a collection as its first argument; nothing but the command line imports this module.
"""

from __future__ import annotations

from negatives.api.collection import Collection as Collection
from negatives.api.collection import Data as Data
from negatives.api.collection import Reading as Reading
from negatives.api.run import Run as Run
from negatives.api.run import mine as mine
