"""The verbs of image questions: one grammar for ``%cot VERB`` in a kernel and ``perdure cot VERB`` in a shell."""
