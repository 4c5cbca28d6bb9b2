import pytest

from apps.applications.slugs import InvalidSlug, validate_slug


@pytest.mark.parametrize("slug", ["shop", "a", "9lives", "shop_2", "my-shop", "a" * 50])
def test_it_accepts_what_compose_accepts(slug):
    assert validate_slug(slug) == slug


@pytest.mark.parametrize(
    ("slug", "sentence"),
    [
        ("", "The name is empty"),
        ("a" * 51, "51 characters; 50 are allowed"),
        ("Shop", "lowercase"),
        ("-shop", "begin with a letter"),
        ("_shop", "begin with a letter"),
        ("my shop", "cannot name an app"),
        ("shop/../x", "cannot name an app"),
        ("shop.1", "cannot name an app"),
        ("shop\n", "cannot name an app"),
        ("şhop", "cannot name an app"),
        ("new", "'new' is reserved"),
        ("check", "'check' is reserved"),
    ],
)
def test_it_refuses_in_a_sentence(slug, sentence):
    with pytest.raises(InvalidSlug, match=sentence):
        validate_slug(slug)
