<?php
require $argv[1];
echo help_token(json_decode($argv[2], true));
