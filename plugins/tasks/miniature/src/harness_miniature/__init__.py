"""The miniature suite: judging tasks with exact gold, offline, from the real pixels that ship inside scikit-learn."""
