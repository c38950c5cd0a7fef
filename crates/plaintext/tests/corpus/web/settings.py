import os
SECRET_KEY = "dj-%%rand40%%"
DATABASES = {"default": {"USER": "shop", "PASSWORD": "Igel9Kolben", "HOST": "db"}}
PASSWORD = os.environ["PASSWORD"]
API_TOKEN = get_token()
AUTH_PASSWORD_VALIDATORS = []
password = input("Password: ")
def login(user, password=None, token: str = ""):
    if password == "":
        raise ValueError("password: must not be empty")
    return connect(password=password, secret=self.secret)
