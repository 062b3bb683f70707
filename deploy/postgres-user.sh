#!/bin/sh
# Makes Zeef's user and database in a new PostgreSQL: the user that the image makes is a superuser, whom row-level security does not bind.
set -eu
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres <<'SQL'
\set password `cat "$POSTGRES_PASSWORD_FILE"`
CREATE ROLE zeef LOGIN PASSWORD :'password';
CREATE DATABASE zeef OWNER zeef;
SQL
