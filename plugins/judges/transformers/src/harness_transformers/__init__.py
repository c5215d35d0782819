"""Local judges by transformers: generative, reward models, CLIP scorers. The cards are in `plugin`."""
