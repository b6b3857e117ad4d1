// Has Node find every name at this machine. It is loaded before the partner's program, which stays as it is.
const dns = require('node:dns');
const ask = dns.lookup;
dns.lookup = (name, ...rest) => ask('127.0.0.1', ...rest);
