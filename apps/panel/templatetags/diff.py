"""The template tag that draws one side of a difference."""

from django import template
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy

from apps.panel.shown.diff import DiffLine

register = template.Library()

# How lines of a difference are read aloud, and the element that marks their words.
_SAID = {"added": (gettext_lazy("Added:"), "ins"), "removed": (gettext_lazy("Removed:"), "del")}


@register.simple_tag
def diff_text(line: DiffLine | None, css: str = "") -> SafeString:
    """Show one side of a row of a difference: words that changed are marked, and its kind is said aloud."""
    if line is None:
        return format_html('<td class="diff-text diff-blank {}"></td>', css)
    sign = format_html('<span class="diff-sign" aria-hidden="true">{}</span>', line.sign or " ")
    if line.kind not in _SAID:
        return format_html('<td class="diff-text {}">{}{}</td>', css, sign, line.text)
    spoken, tag = _SAID[line.kind]
    said = format_html('<span class="visually-hidden">{} </span>', spoken)
    marked = mark_safe(f"<{tag}>{{}}</{tag}>")
    words = [
        format_html(marked, piece.text) if piece.changed else escape(piece.text) for piece in line.pieces
    ]
    kind = f"diff-{line.kind} {css}".strip()
    shown = format_html_join("", "{}", ((word,) for word in words))
    return format_html('<td class="diff-text {}">{}{}{}</td>', kind, sign, said, shown)
