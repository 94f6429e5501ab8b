"""Alembic's entry: the connection comes from `fhir_alliance.store`, never from a file."""

from alembic import context

from fhir_alliance.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
