"""The verbs: one grammar for ``%dart VERB`` in a kernel and ``perdure VERB`` in a shell.

A verb is a function from a :class:`~perdure.verbs.request.Request` to an :class:`~perdure.verbs.request.Answer`; it neither
prints nor knows which face it was called from, beyond whether the request has a live session.
"""
