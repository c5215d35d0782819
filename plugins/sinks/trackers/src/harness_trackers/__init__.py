"""Sends scores of runs and curves of trainings to MLflow, Weights & Biases or TensorBoard, where the user asks."""
