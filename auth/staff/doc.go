// Package staff knows the tenant's own people: who they are, and with what they prove it.
//
// A member comes in by one of several ways, and each of them ends in [Members.Enter], which alone starts sessions of staff.
// No requester's login leads here. The package stands beside auth and above it: auth keeps the sessions and asks, through
// [Standing], what a member is at the moment, so that a change of role or a removal counts at the next request.
package staff
