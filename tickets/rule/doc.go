// Package rule does what a tenant has decided beforehand: when something happens to a ticket, and some conditions hold, then
// a few things are done to it.
//
// A rule is data that people read as a sentence. There is no language in it, no arithmetic and no way to leave the tenant.
// Rules are looked at in their order, each one seeing what those before it have made of the ticket, and what they do never
// starts a rule: they cannot run in circles. A rule that waits runs once for as long as nobody else changes the ticket's
// status. A rule that cannot do something leaves it out and says so in the ticket's history; it never keeps a ticket from
// being written.
package rule
