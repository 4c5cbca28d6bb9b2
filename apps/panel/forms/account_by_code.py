"""The form of whoever makes an account by a one-time link: for the first administrator and the invited."""

from typing import Any, ClassVar

from django import forms
from django.contrib.auth.forms import UserCreationForm

from apps.accounts.models import User


class AccountByCodeForm(UserCreationForm):
    """The code of a link, and the name and password of a new account; subclasses say which code is good."""

    code_label: ClassVar[Any]
    code_help: ClassVar[Any]
    wrong_code: ClassVar[Any]

    code = forms.CharField(
        max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    )

    field_order = ["code", "username", "password1", "password2"]

    class Meta(UserCreationForm.Meta):
        model = User

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = self.code_label
        self.fields["code"].help_text = self.code_help
        for field in self.fields.values():
            field.widget.attrs["class"] = "form-control"

    def is_good(self, code: str) -> bool:
        """Tell whether `code` allows an account to be made."""
        raise NotImplementedError

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if not self.is_good(code):
            raise forms.ValidationError(self.wrong_code, code="wrong")
        return code
