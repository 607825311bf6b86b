"""Speech engines on other machines: the doors ask, workers on Celery's queue ``speech`` recognise and synthesise."""
