"""Running a plan: from requests to judgements, safely on disk."""
