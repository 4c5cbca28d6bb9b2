"""Settings of the panel, from the environment only. `.env.example` explains each variable."""

from pathlib import Path

from csp import constants as csp

from simpledeploy_site import environment

BASE_DIR = Path(__file__).resolve().parent.parent

# --- The panel's own settings -------------------------------------------------------------------

SIMPLEDEPLOY_DATA_DIR = environment.directory("SIMPLEDEPLOY_DATA_DIR", BASE_DIR / "data")
SIMPLEDEPLOY_APPS_DIR = environment.directory("SIMPLEDEPLOY_APPS_DIR", SIMPLEDEPLOY_DATA_DIR / "apps")
SIMPLEDEPLOY_ENCRYPTION_KEYS = environment.encryption_keys(
    "SIMPLEDEPLOY_ENCRYPTION_KEYS", SIMPLEDEPLOY_DATA_DIR
)
SIMPLEDEPLOY_MAX_CONCURRENT_DEPLOYS = environment.whole_number(
    "SIMPLEDEPLOY_MAX_CONCURRENT_DEPLOYS", 3, least=1, most=64
)
# Seconds that one command of a step (pull, up, stop ...) may take.
SIMPLEDEPLOY_STEP_TIMEOUT = environment.whole_number("SIMPLEDEPLOY_STEP_TIMEOUT", 1800, least=10, most=86400)
# Seconds that running events get to end by themselves when the panel is told to stop.
SIMPLEDEPLOY_DRAIN_TIMEOUT = environment.whole_number("SIMPLEDEPLOY_DRAIN_TIMEOUT", 10, least=0, most=3600)
# Seconds that the services of a new app must stand well before a deploy counts; each app can have its own.
SIMPLEDEPLOY_CALM_SECONDS = environment.whole_number("SIMPLEDEPLOY_CALM_SECONDS", 5, least=1, most=3600)
# Days that an event of a protected app waits for another person's approval before it is cancelled.
SIMPLEDEPLOY_APPROVAL_DAYS = environment.whole_number("SIMPLEDEPLOY_APPROVAL_DAYS", 7, least=1, most=365)
# Seconds after which a console ends in which nothing is typed, and after which any console ends.
SIMPLEDEPLOY_CONSOLE_IDLE_SECONDS = environment.whole_number(
    "SIMPLEDEPLOY_CONSOLE_IDLE_SECONDS", 15 * 60, least=1, most=24 * 3600
)
SIMPLEDEPLOY_CONSOLE_MAX_SECONDS = environment.whole_number(
    "SIMPLEDEPLOY_CONSOLE_MAX_SECONDS", 4 * 3600, least=1, most=7 * 24 * 3600
)
# Versions of an app whose images prune keeps, besides the current one's.
SIMPLEDEPLOY_KEEP_VERSIONS = environment.whole_number("SIMPLEDEPLOY_KEEP_VERSIONS", 5, least=1, most=1000)
# Days that the output of an event is kept after its end; 0: for ever.
SIMPLEDEPLOY_KEEP_LOG_DAYS = environment.whole_number("SIMPLEDEPLOY_KEEP_LOG_DAYS", 0, least=0, most=36500)
SIMPLEDEPLOY_BIND = environment.bind_address("SIMPLEDEPLOY_BIND", "127.0.0.1:8000")
# Whether people reach the panel over https, by a proxy that ends TLS.
SIMPLEDEPLOY_TLS = environment.flag("SIMPLEDEPLOY_TLS")
# Who is believed about the address, protocol and host that somebody else used.
SIMPLEDEPLOY_TRUSTED_PROXIES = environment.networks("SIMPLEDEPLOY_TRUSTED_PROXIES")
# Who has to have a second factor.
SIMPLEDEPLOY_REQUIRE_SECOND_FACTOR = environment.one_of(
    "SIMPLEDEPLOY_REQUIRE_SECOND_FACTOR", ("none", "administrators", "all")
)
# A provider of accounts (OpenID Connect), none where the issuer is empty.
SIMPLEDEPLOY_OIDC_ISSUER = environment.issuer("SIMPLEDEPLOY_OIDC_ISSUER")
SIMPLEDEPLOY_OIDC_CLIENT_ID = environment.needed_with(
    "SIMPLEDEPLOY_OIDC_ISSUER", "SIMPLEDEPLOY_OIDC_CLIENT_ID"
)
SIMPLEDEPLOY_OIDC_CLIENT_SECRET = environment.secret_text("SIMPLEDEPLOY_OIDC_CLIENT_SECRET")
SIMPLEDEPLOY_OIDC_NAME = environment.env.str("SIMPLEDEPLOY_OIDC_NAME", "") or "single sign-on"
SIMPLEDEPLOY_OIDC_SCOPES = environment.env.str("SIMPLEDEPLOY_OIDC_SCOPES", "openid profile").split()
SIMPLEDEPLOY_OIDC_GROUPS_CLAIM = environment.env.str("SIMPLEDEPLOY_OIDC_GROUPS_CLAIM", "") or "groups"
# Which of the provider's groups gives which role for all apps.
SIMPLEDEPLOY_OIDC_ROLES = environment.group_roles("SIMPLEDEPLOY_OIDC_ROLES")
SIMPLEDEPLOY_ADMIN_USERNAME = environment.env.str("SIMPLEDEPLOY_ADMIN_USERNAME", "")
SIMPLEDEPLOY_ADMIN_PASSWORD = environment.secret_text("SIMPLEDEPLOY_ADMIN_PASSWORD")
# Whose right `manage.py app ...` uses; without one, that of whoever may run commands on the machine.
SIMPLEDEPLOY_TOKEN = environment.secret_text("SIMPLEDEPLOY_TOKEN")
REDIS_URL = environment.env.str("REDIS_URL", "")

# --- Django -------------------------------------------------------------------------------------

SECRET_KEY = environment.secret_key("SIMPLEDEPLOY_SECRET_KEY", SIMPLEDEPLOY_DATA_DIR)
DEBUG = False
ALLOWED_HOSTS = environment.env.list(
    "SIMPLEDEPLOY_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"]
)
CSRF_TRUSTED_ORIGINS = environment.env.list("SIMPLEDEPLOY_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "apps.panel.admin_site.PanelAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth.account",
    "allauth.usersessions",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "channels",
    "csp",
    "django_filters",
    "django_htmx",
    "apps.core",
    "apps.accounts",
    "apps.registries",
    "apps.applications",
    "apps.deployments",
    "apps.deployer",
    "apps.panel",
]

MIDDLEWARE = [
    # First what must be on every answer, also on the refusals of those below.
    "csp.middleware.CSPMiddleware",
    "apps.panel.middleware.headers.AnswerHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "apps.panel.compression.StaticCompressionMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Before whatever refuses, so that a refusal is in the reader's language; the choice is in a cookie.
    "django.middleware.locale.LocaleMiddleware",
    # Before sessions: a request with a token has none.
    "apps.panel.middleware.tokens.TokenMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "apps.panel.middleware.refusals.WholeAddressMiddleware",
    "apps.panel.middleware.refusals.SecondFactorMiddleware",
    "apps.panel.middleware.refusals.DomainErrorMiddleware",
]

ROOT_URLCONF = "simpledeploy_site.urls"
ASGI_APPLICATION = "simpledeploy_site.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.panel.context.panel",
            ],
        },
    },
]

DATABASES = {
    "default": environment.env.db(
        "DATABASE_URL", f"sqlite:///{SIMPLEDEPLOY_DATA_DIR / 'simpledeploy.sqlite3'}"
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Measured with 4 writers: 3,090 'database is locked' errors with WAL alone, none so.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }

# What allauth counts (attempts, used codes) holds for all processes of the panel. Without Redis they share
# the database alone: memory would count in each process apart, files on each machine. Beyond the maximum
# rows go by chance, so it is far above what the limits of one address let anybody make.
if REDIS_URL:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
else:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "core_cacherow",
            "OPTIONS": {"MAX_ENTRIES": 100_000},
        }
    }

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Hashes that an earlier version made with PBKDF2 are replaced when their owner signs in.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "apps"
LOGOUT_REDIRECT_URL = "account_login"

# --- Sign-in by django-allauth --------------------------------------------------------------------

SESSION_ENGINE = "apps.accounts.sign_in.session_store"
ACCOUNT_ADAPTER = "apps.accounts.sign_in.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
# Per address and per account; the rest are allauth's own.
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,60/h/ip,5/5m/key",
    "reauthenticate": "10/m/user",
    "change_password": "5/m/user",
}
SOCIALACCOUNT_ADAPTER = "apps.accounts.sign_in.social_adapter.SocialAdapter"
MFA_ADAPTER = "apps.accounts.sign_in.mfa_adapter.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "SimpleDeploy"
MFA_RECOVERY_CODES_SHOW_ONCE = True
# The panel does not rely on addresses of mail.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_FORMS = {
    "authenticate": "apps.panel.forms.account.CodeForm",
    "reauthenticate": "apps.panel.forms.account.ConfirmCodeForm",
    "activate_totp": "apps.panel.forms.account.ActivateAppForm",
    "authenticate_webauthn": "apps.panel.forms.account.KeyForm",
    "reauthenticate_webauthn": "apps.panel.forms.account.ConfirmKeyForm",
    "add_webauthn": "apps.panel.forms.account.AddKeyForm",
}
ACCOUNT_FORMS = {
    "login": "apps.panel.forms.account.SignInForm",
    "reauthenticate": "apps.panel.forms.account.ConfirmForm",
    "change_password": "apps.panel.forms.account.OwnPasswordForm",
}

# Also the language of everything outside of a request: the command line, the workers, what is stored.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "simpledeploy_site.formats"
USE_I18N = True
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Served from where they lie: no collectstatic step for whoever runs the panel.
WHITENOISE_USE_FINDERS = True

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# A Compose file may have 1 MiB and an environment 256 KiB; URL-encoding can triple a byte.
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
# An action on a page of records names each of up to a hundred of them.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 300
# No page takes a file.
DATA_UPLOAD_MAX_NUMBER_FILES = 0
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]

# Seconds. Not prolonged by use, so that a stolen session ends too.
SESSION_COOKIE_AGE = 3600 * environment.whole_number("SIMPLEDEPLOY_SESSION_HOURS", 168, least=1, most=8760)
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "apps.panel.middleware.refusals.csrf_failure"
# The language that somebody chose, signed in or not.
LANGUAGE_COOKIE_NAME = "language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
# In the session instead of a cookie of their own.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# Includes subdomains or a browser's own list of hosts: for the owner of the domain to say, not for a panel.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
if SIMPLEDEPLOY_TLS:
    SECURE_SSL_REDIRECT = True
    # Monitors and scripts on the machine itself ask without the proxy.
    SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
    SECURE_HSTS_SECONDS = environment.whole_number(
        "SIMPLEDEPLOY_HSTS_SECONDS", 604_800, least=0, most=63_072_000
    )
    # With this prefix a browser takes them over https and from this very host only.
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"
    LANGUAGE_COOKIE_NAME = "__Host-language"
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = True
else:
    # The panel's own check says what is off, and how it is turned on.
    SILENCED_SYSTEM_CHECKS += ["security.W004", "security.W008", "security.W012", "security.W016"]
# Tabler's style sheet draws some marks (the arrow of a select, the tick of a checkbox) from data: images.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [csp.NONE],
        "script-src": [csp.SELF],
        "style-src": [csp.SELF],
        "img-src": [csp.SELF, "data:"],
        "font-src": [csp.SELF],
        # WebSockets of the page's own origin too.
        "connect-src": [csp.SELF],
        "form-action": [csp.SELF],
        "base-uri": [csp.NONE],
        "frame-ancestors": [csp.NONE],
    }
}
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

DEFAULT_EXCEPTION_REPORTER_FILTER = "apps.core.error_reports.NoValuesFilter"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"apps": {"level": "INFO"}},
}
