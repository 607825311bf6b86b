from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("calls", "0004_engines_that_served")]

    operations = [
        migrations.AlterModelOptions(
            name="call",
            options={
                "ordering": ["-started_at", "-id"],
                "permissions": [("view_caller_number", "Can see telephone numbers")],
                "verbose_name": "call",
                "verbose_name_plural": "calls",
            },
        ),
    ]
