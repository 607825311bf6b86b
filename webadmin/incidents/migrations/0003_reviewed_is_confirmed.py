from django.db import migrations
from django.db.models import F


def to_the_new_statuses(apps, schema_editor):
    incidents = apps.get_model('incidents', 'Incident').objects
    incidents.filter(status='reviewed').update(status='confirmed')
    incidents.filter(status='closed', closed_at__isnull=True).update(closed_at=F('updated_at'))


def to_the_old_statuses(apps, schema_editor):
    incidents = apps.get_model('incidents', 'Incident').objects
    incidents.filter(status='claimed').update(status='new')
    incidents.filter(status__in=['confirmed', 'corrected', 'dispatched']).update(status='reviewed')
    incidents.filter(status='false_call').update(status='closed')


class Migration(migrations.Migration):

    dependencies = [
        ('incidents', '0002_review'),
    ]

    operations = [
        migrations.RunPython(to_the_new_statuses, to_the_old_statuses),
    ]
