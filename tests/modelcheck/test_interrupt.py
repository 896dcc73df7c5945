"""Ctrl-C ends a search, and what was explored until then is told."""

from __future__ import annotations

import os
import shutil
import signal
from threading import Timer

import pytest

from modelcheck.native.engine import NativeSearch, explorer
from modelcheck.outcome import Limits, Status
from modelcheck.reductions import Reductions
from tests.modelcheck.test_oracle import model


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_ctrl_c_while_waiting_for_the_search() -> None:
    with NativeSearch(explorer(model(3, 4), Reductions()), Limits()) as search:
        timer = Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
        timer.start()
        outcome = search.run()
        timer.join()
    assert outcome.status is Status.CANCELLED
    assert 0 < outcome.states < 5_881_161
