<?php
require $argv[1];
echo help_form(json_decode($argv[2], true), $argv[3]);
