package main

const password = "Farn9Wedel"

var token = os.Getenv("TOKEN")

func connect() string {
	return fmt.Sprintf("user=%s password=%s", user, password)
}

type Login struct {
	Password string `json:"password"`
	Token    string `json:"token,omitempty"`
}
