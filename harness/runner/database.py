"""The tables of a journal. Not for what their rows mean: that is `harness.runner.journal`."""

from __future__ import annotations

from harness.api import JournalError
from harness.libraries.sealed import SealedDatabase, SealedError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS items (
  task TEXT, id TEXT, ordinal INTEGER NOT NULL, grp TEXT NOT NULL, category TEXT NOT NULL, space TEXT NOT NULL,
  gold TEXT NOT NULL, tags TEXT NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (task, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS annotations (
  task TEXT, item TEXT, verdicts TEXT NOT NULL, PRIMARY KEY (task, item)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS asks (
  task TEXT, item TEXT, place INTEGER, ord TEXT NOT NULL, sample INTEGER NOT NULL, request TEXT NOT NULL,
  PRIMARY KEY (task, item, place)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS requests (key TEXT PRIMARY KEY, content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS judgements (
  judge TEXT, request TEXT, status TEXT NOT NULL, verdict TEXT, probabilities TEXT, raw TEXT NOT NULL,
  more TEXT NOT NULL, PRIMARY KEY (judge, request));
CREATE TABLE IF NOT EXISTS replaced (
  judge TEXT, request TEXT, time TEXT, status TEXT NOT NULL, verdict TEXT, probabilities TEXT, more TEXT NOT NULL,
  PRIMARY KEY (judge, request, time));
CREATE TABLE IF NOT EXISTS cells (
  task TEXT, judge TEXT, judge_key TEXT NOT NULL, fingerprint TEXT NOT NULL, state TEXT NOT NULL,
  PRIMARY KEY (task, judge)) WITHOUT ROWID;
"""


class JournalFileError(SealedError, JournalError):
    """The file of a journal is locked, full, corrupted, or of another version."""


class Database(SealedDatabase):
    """One connection to a journal. Make one in each thread that needs it.

    Raises:
        JournalError: From every method: the file is locked, full, corrupted, or of another version.
    """

    schema = _SCHEMA
    version = 1
    keys = {  # noqa: RUF012
        "items": ("task", "id"),
        "annotations": ("task", "item"),
        "asks": ("task", "item", "place"),
        "requests": ("key",),
        "judgements": ("judge", "request"),
        "replaced": ("judge", "request", "time"),
        "cells": ("task", "judge"),
    }
    # The content of a request is named by its hash, and no score depends on it.
    unsealed = frozenset({"requests"})
    error = JournalFileError
