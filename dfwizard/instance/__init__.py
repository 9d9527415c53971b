"""What is installed: version evidence, .env, git, PHP, composer, database, web server, HTTP."""
