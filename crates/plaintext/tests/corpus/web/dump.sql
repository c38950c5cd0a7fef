CREATE USER 'shop'@'%' IDENTIFIED BY 'Klee9Blatt';
CREATE ROLE reader WITH LOGIN PASSWORD 'Distel+Fink3';
CREATE TABLE users (id int, password varchar(255) NOT NULL, token text);
ALTER TABLE users ADD COLUMN password_hash text;
