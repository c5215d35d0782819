"""Before a run: what it would ask, and the tokens and money that this will take, with the error of that."""
