"""The parts that executors are made of: parcels of requests, and a fleet of workers that stands in for a judge.

    Fleet, a Judge  --Crew, which knows how to reach a process-->  JudgeWorker, made by Placement.open

An executor brings a `Crew`. The fleet does the rest: it keeps every worker busy, asks again what a dead worker had in
flight, finds the request that kills its workers, and passes on what a judge says that cannot go on.
"""

from harness.api.execution._executor import JudgeWorker, Parcel, Reply
from harness.api.execution._fleet import Crew, Fleet, LostWorkerError
from harness.api.execution._parcels import pack_answers, pack_requests, unpack_answers, unpack_requests

__all__ = [
    "Crew",
    "Fleet",
    "JudgeWorker",
    "LostWorkerError",
    "Parcel",
    "Reply",
    "pack_answers",
    "pack_requests",
    "unpack_answers",
    "unpack_requests",
]
