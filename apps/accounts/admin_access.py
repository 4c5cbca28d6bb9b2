"""How the admin asks the policy, instead of Django's own permissions."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from apps.accounts import policy
from apps.accounts.policy import Permission

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Any]
else:
    _Admin = admin.ModelAdmin


class PolicyAdmin(_Admin):
    """An admin page whose four permissions are abilities of the policy; None: nobody has it."""

    to_view: ClassVar[Permission] = Permission.VIEW
    to_add: ClassVar[Permission | None] = None
    to_change: ClassVar[Permission | None] = None
    to_delete: ClassVar[Permission | None] = None
    # Fields whose stored form must not be guessed through a filter in the address.
    secret_fields: ClassVar[tuple[str, ...]] = ()

    def app_of(self, obj: Any) -> object | None:
        """Return the app that `obj` belongs to, for grants per app."""
        return None

    def _allows(self, request: HttpRequest, permission: Permission | None, obj: Model | None) -> bool:
        if permission is None:
            return False
        if obj is None:
            # Django asks so about the list; each object in it is asked about by itself.
            return policy.allows_somewhere(request.user, permission)
        return policy.allows(request.user, permission, self.app_of(obj))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._allows(request, self.to_view, None)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._allows(request, self.to_view, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.to_add is not None and policy.allows(request.user, self.to_add)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._allows(request, self.to_change, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._allows(request, self.to_delete, obj)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        if any(lookup.startswith(field) for field in self.secret_fields):
            return False
        return super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # Django looks an object up before it asks about it, and answers differently where there is none.
        if not self.has_view_permission(request):
            raise PermissionDenied
        return super().get_queryset(request)

    def changed_fields(self, form: Any) -> list[str]:
        """Return the names of the model's fields that `form` changes."""
        names = {field.name for field in self.opts.concrete_fields}
        return [name for name in form.changed_data if name in names]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        raise NotImplementedError("stored by a service, which writes the audit too")

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        raise NotImplementedError("removed by a service, which writes the audit too")


class TypedFilter(admin.SimpleListFilter):
    """By what is typed into a field, exactly: a link for each of a thousand apps is no choice.

    Subclasses say which `column` it is looked for in.
    """

    template = "admin/typed_filter.html"
    column: ClassVar[str]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return []

    def has_output(self) -> bool:
        return True

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.column: self.value()}) if self.value() else queryset

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield what the template shows: what is typed, and what else the address chooses."""
        others = {name: value for name, value in changelist.params.items() if name != self.parameter_name}
        yield {"value": self.value() or "", "others": others.items()}


class HistoryAdmin(PolicyAdmin):
    """Pages of rows that belong to apps; as no ability is named, nobody adds, changes or deletes one here."""

    actions = None
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return policy.visible(request.user, super().get_queryset(request))
