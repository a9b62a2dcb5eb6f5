"""Questions: what is asked, by whom, and as which conversation a model is shown it."""
