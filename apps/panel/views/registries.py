"""Registry credentials: list, add, change, remove, and check by a real sign-in."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts import policy
from apps.accounts.actor import Actor
from apps.accounts.policy import Permission
from apps.accounts.rate_limits import REGISTRY_CHECKS, limited
from apps.core.errors import DomainError, NotFound
from apps.deployer import registry_login
from apps.panel.access import recently_signed_in, signed_in, wants_fragment
from apps.panel.forms.registries import RegistryForm
from apps.registries.models import RegistryCredential
from apps.registries.services import remove_credential, save_credential


@signed_in
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """All credentials, without their passwords."""
    policy.require(request.user, Permission.MANAGE_REGISTRIES)
    return render(request, "registries.html", {"credentials": RegistryCredential.objects.all()})


@signed_in
@recently_signed_in
@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Store a credential for another registry."""
    policy.require(request.user, Permission.MANAGE_REGISTRIES)
    return _edited(request, RegistryForm(request.POST or None))


@signed_in
@recently_signed_in
@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Change the user name, the password or the apps of a credential."""
    return _edited(request, RegistryForm(request.POST or None, instance=_find(request, pk)))


@signed_in
@recently_signed_in
@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, and forget a credential."""
    credential = _find(request, pk)
    if request.method == "GET":
        return render(request, "registry_remove.html", {"credential": credential})
    remove_credential(credential.host, Actor.from_request(request))
    messages.success(request, _("The credential for %(host)s was removed.") % {"host": credential.host})
    return redirect("registries")


@signed_in
@require_POST
@limited(REGISTRY_CHECKS)
def check(request: HttpRequest, pk: int) -> HttpResponse:
    """Sign in at the registry and say whether it accepts the credential."""
    credential = _find(request, pk)
    problem: DomainError | None = None
    try:
        registry_login.check_login(credential)
    except DomainError as error:
        problem = error
    if wants_fragment(request):
        context = {"credential": credential, "problem": problem}
        return render(request, "partials/registry_check.html", context)
    if problem is None:
        told = {"host": credential.host, "name": credential.username}
        messages.success(request, _("%(host)s accepts %(name)s.") % told)
    else:
        messages.error(request, str(problem))
    return redirect("registries")


def _find(request: HttpRequest, pk: int) -> RegistryCredential:
    policy.require(request.user, Permission.MANAGE_REGISTRIES)
    credential = RegistryCredential.objects.filter(pk=pk).first()
    if credential is None:
        raise NotFound(_("There is no registry credential %(number)s.") % {"number": pk})
    return credential


def _edited(request: HttpRequest, form: RegistryForm) -> HttpResponse:
    if form.is_valid():
        data = form.cleaned_data
        try:
            password = data["password"] or form.instance.password.reveal()
            by = Actor.from_request(request)
            credential, _new = save_credential(
                data["host"], data["username"], password, by, data["only_apps"]
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("The credential for %(host)s was saved.") % {"host": credential.host})
            return redirect("registries")
    return render(request, "registry_form.html", {"form": form}, status=400 if form.is_bound else 200)
