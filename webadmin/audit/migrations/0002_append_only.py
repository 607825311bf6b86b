"""The database itself refuses to change or delete an entry of the audit log.

SQLite makes a table anew where a later migration changes it, and its triggers go with the old one: such a migration
puts them back with `refuse_changes`.
"""

from django.db import migrations

POSTGRESQL = (
    """
    CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'audit entries are append-only' USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    """
    CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit_auditentry
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_change()
    """,
)
SQLITE = tuple(
    f"""
    CREATE TRIGGER audit_no_{event.lower()} BEFORE {event} ON audit_auditentry
    BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END
    """
    for event in ('UPDATE', 'DELETE')
)
BACK = {
    'postgresql': (
        'DROP TRIGGER audit_append_only ON audit_auditentry',
        'DROP FUNCTION audit_refuse_change()',
    ),
    'sqlite': ('DROP TRIGGER audit_no_update', 'DROP TRIGGER audit_no_delete'),
}


def refuse_changes(apps, schema_editor):
    for statement in {'postgresql': POSTGRESQL, 'sqlite': SQLITE}[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def allow_changes(apps, schema_editor):
    for statement in BACK[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0001_initial'),
    ]

    operations = [
        migrations.RunPython(refuse_changes, allow_changes),
    ]
