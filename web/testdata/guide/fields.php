<?php
require $argv[1];
echo json_encode(signed_fields(json_decode($argv[2], true), $argv[3]));
