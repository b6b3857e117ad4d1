// Package ca is the node's own certificate authority, for development and closed networks: a root that clients install, an
// intermediate that it signs, and certificates of hosts that the intermediate signs for a week.
//
// The intermediate is replaced by itself. A root gets a successor, by command or in good time before its end, which is announced first
// and signs later. Clients are to have both until then; those that have only the former one get along as long as it is valid, as it
// has certified its successor's key. Of several processes on one store, one transaction decides for all.
//
// The package refuses to know which host is served, and when its certificate is to be renewed.
package ca
