"""Why a judge said so: measures of its reasoning and of where it looks, each with the control that gives it meaning."""
