db_password = "Fluss-Bett-3"
region = "eu-central-1"
api_token = "p2Vx7Lq4Wz9Rk1Tn"
