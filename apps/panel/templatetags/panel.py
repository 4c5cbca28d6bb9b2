"""Template tags for icons, states, times and abilities."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django import template
from django.conf import settings
from django.http import HttpRequest
from django.template import Context
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, ngettext

from apps.accounts import policy
from apps.accounts.policy import Permission
from apps.core.sentences import translated
from apps.deployer.prune.inventory import shown_size
from apps.panel import texts
from apps.panel.addresses import query_of
from apps.panel.shown import timeline
from apps.panel.shown.marks import (
    ACTION_ICONS,
    MESSAGE_MARKS,
    Mark,
    app_mark,
    change_mark,
    event_mark,
    group_marks,
    service_mark,
    step_mark,
    verdict_mark,
)
from apps.panel.shown.strip import COUNT, HEIGHT, WIDTH, Bar

register = template.Library()

# The control sequences of terminals (ECMA-48, 5.4 and 5.6), and other control characters but a tab.
_CONTROL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)"
    r"|\x1b[ -/]*[0-~]?"
    r"|[\x00-\x08\x0a-\x1f\x7f-\x9f]"
)
_DIGEST = re.compile(r"sha256:([0-9a-f]{12})[0-9a-f]{52}")


@register.simple_tag
@cache  # a page of apps draws more than a thousand, of fewer than a hundred kinds
def icon(name: str, css: str = "") -> SafeString:
    """Draw the icon `name` of the sprite; the word beside it carries the meaning."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        css,
        static("vendor/tabler-icons.svg"),
        name,
    )


def _badge(mark: Mark) -> SafeString:
    return format_html(
        '<span class="sign sign-{}">{}<span>{}</span></span>', mark.kind, icon(mark.icon, mark.css), mark.word
    )


@register.simple_tag
def event_status(status: str) -> SafeString:
    """Show the status of an event as an icon and a word."""
    return _badge(event_mark(status))


@register.simple_tag
def app_state(state: str) -> SafeString:
    """Show the state of an app as an icon and a word."""
    return _badge(app_mark(state))


@register.simple_tag
def group_mark(group: str) -> SafeString:
    """Show what states of apps are counted as as an icon and a word."""
    return _badge(group_marks()[group])


@register.simple_tag
def strip_image(bars: Sequence[Bar]) -> SafeString | str:
    """Draw the last events of an app as a small strip of bars, and say in words how they ended."""
    if len(bars) < 2:
        return ""
    counted = Counter(bar.status for bar in bars).most_common()
    said = ", ".join(f"{count} {str(event_mark(status).word).lower()}" for status, count in counted)
    # One path for each colour: a rectangle for each bar is half of what a list of apps weighs.
    paths: defaultdict[str, str] = defaultdict(str)
    for bar in bars:
        paths[bar.kind] += f"M{bar.x} {HEIGHT}v-{bar.height}h7v{bar.height}z"
    drawn = format_html_join("", '<path class="bar-{}" d="{}"/>', paths.items())
    return format_html(
        '<svg class="strip-image" viewBox="0 0 {} {}" width="90" height="18" role="img" aria-label="{}">'
        "{}</svg>",
        COUNT * WIDTH,
        HEIGHT,
        gettext("The last events: %(counts)s") % {"counts": said},
        drawn,
    )


@register.simple_tag
def service_state(state: str, health: str = "", exit_code: int | None = None) -> SafeString:
    """Show the state of a container as an icon and a word."""
    return _badge(service_mark(state, health, exit_code))


@register.simple_tag
def service_verdict(service: Mapping[str, Any]) -> SafeString:
    """Show how a service of an event was judged as an icon and a word."""
    verdict, state, health = (service.get(key, "") for key in ("verdict", "state", "health"))
    return _badge(verdict_mark(verdict, state, health, service.get("exit_code")))


@register.simple_tag
def planned(change: str) -> SafeString:
    """Show what a plan says of a service, network, volume or image as an icon and a word."""
    return _badge(change_mark(change))


@register.simple_tag
def timeline_mark(state: str) -> SafeString:
    """Draw the icon of a step of an event, with its word for those who do not see it."""
    mark = step_mark(state)
    return format_html(
        '<span class="sign sign-{}">{}<span class="visually-hidden">{}</span></span>',
        mark.kind,
        icon(mark.icon, mark.css),
        mark.word,
    )


@register.simple_tag
def action_icon(action: str) -> SafeString:
    """Draw the icon of an event's action."""
    return icon(ACTION_ICONS.get(action, "list-details"))


@register.simple_tag
def texts_address() -> str:
    """Return the address of the script with the texts of the page's scripts in its language."""
    return f"{reverse('texts', args=[get_language() or settings.LANGUAGE_CODE])}?v={texts.version()}"


@register.simple_tag(takes_context=True)
def here(context: Context) -> str:
    """Return the address to show this page again; of an answer to a form, that is not known."""
    request: HttpRequest = context["request"]
    return request.get_full_path() if request.method == "GET" else reverse("apps")


@register.filter
def alert_kind(level: str) -> str:
    """Return the style of an alert for the message level `level`."""
    return MESSAGE_MARKS.get(level, MESSAGE_MARKS["info"]).kind


@register.filter
def alert_icon(level: str) -> str:
    """Return the icon of an alert for the message level `level`."""
    return MESSAGE_MARKS.get(level, MESSAGE_MARKS["info"]).icon


@register.simple_tag(takes_context=True)
def address_with(context: Context, **changes: Any) -> str:
    """Return the query of this page's address with what is `chosen` in it, changed; "" takes away."""
    return query_of(context["chosen"], **{name: str(value) for name, value in changes.items()})


@register.simple_tag
def person(name: str) -> SafeString | str:
    """Name a person as the records do, with a link to what they did."""
    if not name:
        return ""
    query = urlencode({"person": name})
    return format_html('<a class="person" href="{}?{}">{}</a>', reverse("events"), query, name)


@register.simple_tag
def ago(moment: datetime | None) -> SafeString | str:
    """Show `moment` relative to now, with the exact time on hover; times.js keeps it true."""
    if moment is None:
        return "–"
    local = timezone.localtime(moment)
    return format_html(
        '<time class="ago" datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        f"{date_format(local, 'DATE_FORMAT')}, {date_format(local, 'H:i:s e')}",
        relative(timezone.now() - moment),
    )


def relative(age: timedelta) -> str:
    """Say how long ago something was, in the words that times.js uses too."""
    seconds = max(0, int(age.total_seconds()))
    if seconds >= 86400:
        days = seconds // 86400
        return ngettext("%(count)s day ago", "%(count)s days ago", days) % {"count": days}
    if seconds >= 3600:
        hours = seconds // 3600
        return ngettext("%(count)s hour ago", "%(count)s hours ago", hours) % {"count": hours}
    if seconds >= 60:
        minutes = seconds // 60
        return ngettext("%(count)s minute ago", "%(count)s minutes ago", minutes) % {"count": minutes}
    if seconds >= 10:
        return ngettext("%(count)s second ago", "%(count)s seconds ago", seconds) % {"count": seconds}
    return gettext("just now")


@register.simple_tag
def duration(start: datetime | None, end: datetime | None = None) -> SafeString | str:
    """Show how long something took from `start` to `end`, or has taken so far where there is no end."""
    if start is None:
        return "–"
    if end is None:
        return format_html(
            # A timer is not read out each second.
            '<span class="running-for" role="timer" data-since="{}">{}</span>',
            start.isoformat(),
            lasting(timezone.now() - start),
        )
    return lasting(end - start)


@register.filter
def lasting(length: timedelta) -> str:
    """Write a length of time short, in the words that times.js uses too."""
    seconds = max(0.0, length.total_seconds())
    if seconds < 10:
        return gettext("%(seconds)s s") % {"seconds": number_format(f"{seconds:.1f}")}
    whole = int(seconds)
    if whole < 60:
        return gettext("%(seconds)s s") % {"seconds": whole}
    if whole < 3600:
        return gettext("%(minutes)s min %(seconds)s s") % {"minutes": whole // 60, "seconds": whole % 60}
    return gettext("%(hours)s h %(minutes)s min") % {"hours": whole // 3600, "minutes": whole % 3600 // 60}


@register.filter
def size(count: int | None) -> str:
    """Write a number of bytes as Docker does; None is not known."""
    return shown_size(count)


@register.filter
def short_digests(text: str) -> str:
    """Shorten every SHA-256 in `text` to the twelve digits that Docker's own lists show."""
    return _DIGEST.sub(r"sha256:\1…", translated(text))


@register.filter
def terminal_text(line: str) -> str:
    """Return what a terminal would show of a line of output, but for its colours; a script draws them."""
    shown = [piece for piece in line.split("\r") if piece]
    return _CONTROL.sub("", shown[-1]) if shown else ""


@register.filter
def step_label(step: str) -> str:
    """Say what the step of an event does."""
    return timeline.step_label(step)


@register.filter
def item(mapping: Mapping[Any, Any], key: Any) -> Any:
    """Return what `mapping` has under `key`, or None."""
    return mapping.get(key)


@register.simple_tag(takes_context=True)
def allowed(context: Context, permission: str, app: object | None = None) -> bool:
    """Tell whether the person may do `permission`, on `app` where one is given."""
    request: HttpRequest = context["request"]
    return policy.allows(request.user, Permission(permission), app)


@register.simple_tag(takes_context=True)
def allowed_somewhere(context: Context, permission: str) -> bool:
    """Tell whether the person may do `permission` on any app at all."""
    request: HttpRequest = context["request"]
    return policy.allows_somewhere(request.user, Permission(permission))
