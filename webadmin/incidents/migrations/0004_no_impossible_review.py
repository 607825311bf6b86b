from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('incidents', '0003_reviewed_is_confirmed'),
    ]

    operations = [
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['new', 'claimed', 'confirmed', 'corrected', 'dispatched', 'closed', 'false_call'])), name='incident_status_known'),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.CheckConstraint(condition=models.Q(('claimed_at__isnull', False), ('claimed_by__isnull', True), _connector='OR'), name='incident_claim_has_its_time'),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.CheckConstraint(condition=models.Q(('claimed_at__isnull', True), models.Q(('merged_into__isnull', True), ('status__in', ('claimed', 'confirmed', 'corrected'))), _connector='OR'), name='incident_claim_while_in_work'),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'claimed'), _negated=True), ('claimed_at__isnull', False), _connector='OR'), name='incident_in_work_since'),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('dispatched_at__isnull', True), ('dispatched_to__isnull', True)), models.Q(('dispatched_at__isnull', False), ('dispatched_to__in', ['police', 'ambulance', 'rescue', 'akimat']), ('dispatched_to__isnull', False)), _connector='OR'), name='incident_dispatch_has_both'),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('dispatched_at__isnull', False), ('status', 'dispatched')), models.Q(('dispatched_at__isnull', True), ('status__in', ('new', 'claimed', 'confirmed', 'corrected'))), ('status__in', ('closed', 'false_call')), _connector='OR'), name='incident_dispatched_with_department'),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', False), ('status__in', ('closed', 'false_call'))), models.Q(models.Q(('status__in', ('closed', 'false_call')), _negated=True), ('closed_at__isnull', True)), _connector='OR'), name='incident_ended_at_a_time'),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.CheckConstraint(condition=models.Q(('merged_into__isnull', True), models.Q(('merged_into', models.F('id')), _negated=True), _connector='OR'), name='incident_no_duplicate_of_itself'),
        ),
    ]
