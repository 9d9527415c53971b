<?php

require_once '/usr/share/php/Dotenv/autoload.php';
