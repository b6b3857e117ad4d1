<?php
require $argv[1];
echo help_url(json_decode($argv[2], true));
