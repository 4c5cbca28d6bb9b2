"""How people sign in: what the panel wants of django-allauth, and the rules that are its own."""
