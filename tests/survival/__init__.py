"""Real upgrades, rollbacks and resumptions that are killed, starved and disturbed at every point, and what must hold of them afterwards.

`python -m tests.survival` goes through the matrix and prints its table; README.md has the last result. In the test run a short form of
it is `tests/lab/test_survival.py`.

    world     an instance and the state of its runs, put back from a copy before every trial
    runner    dfwizard's runner with a wire in it (`wire`), which counts what must not be interrupted and does harm at one point
    trial     one run that is harmed at one point, and taken up again
    judging   where a run has ended: verified as an undisturbed one, or identical to what was there before
    kills, again, disks, servers, clients, damage, races, journals      the rows of the matrix
    report    the table
"""
