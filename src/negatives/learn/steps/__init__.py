"""Which step of a wrong response is wrong: labels of steps, and pairs that begin at one.

A wrong solution has right steps, a failed trajectory useful ones; to blame all of it teaches
little. Three ways to find out which, by what there is:

    reference_labels    a right solution to compare with          SPARE
    rollouts            a model to go on from each step, and a check of what it comes to
    trajectories        an environment to act in                  expert failures

What they make are rows that are read as any responses are: steps with labels (`prompt`, `steps`,
`labels`), pairs whose prompt ends where the wrong step begins (`prompt`, `chosen`, `rejected`), and
actions behind what came before them (`prompt`, `response`). `frame.write_ndjson(path)`, and
`negatives train path --recipe negative-gradient` learns from them.
"""
