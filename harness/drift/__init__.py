"""Whether a judge is still the judge it was: a frozen set of questions, asked again on many dates."""
