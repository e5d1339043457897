"""Alembic's: one revision a change of the schema, in the order of their numbers. None is ever edited."""
