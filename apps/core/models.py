"""The table of Django's database cache."""

from django.db import models


class CacheRow(models.Model):
    """A row of the cache that all processes on one database share; only the cache itself uses it.

    It is what `manage.py createcachetable` would make, as a model, so that migrating is enough.
    """

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.cache_key
