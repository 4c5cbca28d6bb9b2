from django.contrib.admin.apps import AdminConfig


class PanelAdminConfig(AdminConfig):
    pass
