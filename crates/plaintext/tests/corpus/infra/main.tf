provider "aws" {
  region     = "eu-central-1"
  access_key = "%%aws%%"
  secret_key = "%%aws40%%"
}
resource "aws_db_instance" "shop" {
  username = "shop"
  password = var.db_password
}
resource "random_password" "db" { length = 20 }
resource "aws_db_instance" "old" {
  password = "Nebel9Bank!"
}
variable "db_password" { type = string }
