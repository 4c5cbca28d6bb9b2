from django.core.management.commands import makemessages


class Command(makemessages.Command):
    """Django's own, which finds the texts of sentences (`apps.core.sentences`), too."""

    xgettext_options = [
        *makemessages.Command.xgettext_options,
        "--keyword=sentence",
        "--keyword=counted:1,2",
    ]
    # A guess from a text that looks alike is no translation.
    msgmerge_options = [*makemessages.Command.msgmerge_options, "--no-fuzzy-matching"]
