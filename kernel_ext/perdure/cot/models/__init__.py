"""The models that answer: anything that is a `perdure.cot.models.model.Model`."""
