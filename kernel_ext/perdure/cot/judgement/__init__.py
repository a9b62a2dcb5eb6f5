"""Judgement: whether a kept answer or the apprentice's will do, by what differs and by errors that were measured."""
