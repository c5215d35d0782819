"""llama.cpp's own server on a free port of 127.0.0.1; prints its address once it answers.

python serve.py MODEL.gguf [KEY]
"""

from __future__ import annotations

import os
import sys
import threading

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.model_alias = {"smollm2"}
params.api_keys = sys.argv[2:]
params.hostnames = ["127.0.0.1"]
params.port = 0
params.n_parallel = 2
params.cpuparams.n_threads = max(1, (os.cpu_count() or 2) // 2)  # two on one core wait for each other
params.n_ctx = 4096
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
threading.Event().wait()
