"""The verbs for plugin authors: start a distribution, check one."""
