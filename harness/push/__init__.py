"""`harness push`: report and bundle of a run to a repository of a hub, in one commit."""
