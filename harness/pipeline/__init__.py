"""What ties the parts together: plan a manifest, train and ask judges, score and report their answers."""
