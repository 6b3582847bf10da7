"""The fence holds whatever happens in whatever order."""

from tests.databases import DatabasePool

from .fence import examine_fence


def test_the_record_is_what_the_model_says(databases: DatabasePool) -> None:
    url = databases.lend()
    examine_fence(url, examples=15, steps=25, is_random=False)
    databases.take_back(url)
