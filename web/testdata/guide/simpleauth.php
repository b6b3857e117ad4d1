<?php
require $argv[1];
echo simpleauth_url($argv[3], json_decode($argv[2], true), '/tickets');
