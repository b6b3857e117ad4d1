// Package domains has a tenant's own help desk say what is wrong with the tenant's own domains.
//
// When a domain drifts or is suspended, or it matters that its certificate can't be had, tenant/domain writes an event. A [Watch]
// takes it: in one transaction it writes the event for webhooks and for whoever follows the desk, opens a ticket or goes on in the
// one that there is, and takes the event away. So each event has its effect once, wherever the node dies and however many nodes
// look. What is right again is resolved, unless a person has begun to work on it. Where staff has merged such a ticket with what
// somebody asked for, the thread gets the comments, and its status, priority and tags are nobody's but theirs.
//
// There is one ticket for a host and a kind of trouble, and it gets a bounded number of comments a day, however often the domain
// comes and goes. If many domains are in trouble at once, a few get tickets of their own, and one ticket speaks for all others.
//
// Tickets have no requester and comments are internal: no customer of the tenant's sees any of it. The package refuses to know
// languages: it is given a function that says its sentences.
package domains
