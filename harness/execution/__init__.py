"""Where judges are asked: the executor `local`, and the worker that makes a judge again in another process.

Not for streaming requests or keeping answers, which is `harness.runner`'s. An executor moves both and decides neither.
"""
