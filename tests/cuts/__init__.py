"""Runs on real instances behind real SSH servers whose connections are cut again and again, and what must hold of them afterwards.

`python -m tests.cuts` makes 100 cuts and prints a table; README.md has its last result. In the test run a short form of it is
`tests/lab/test_cuts.py`.

    shims     git, composer, php and others on the server, counted: every start, and every byte that was written
    servers   instances behind SSH, each with its own sshd and its own link
    kinds     the kinds of cuts, and how each is made
    roads     an upgrade, an upgrade that fails, a migration: how each is begun, and how it has to end
    cutting   one run under cuts, at seeded random moments
    judging   what a run did, compared with a run without cuts: starts, bytes, what is left on the servers
    report    the tables
"""
