package tenant

// Assurance says how sure the product is of who somebody is.
type Assurance string

// The assurances.
const (
	Asserted Assurance = "asserted" // somebody claims an address
	Vouched  Assurance = "vouched"  // the partner, or the owner of the address, has proven it
	Staff    Assurance = "staff"    // a member of the tenant's staff
)

// Visitor is who came to a route that demands a login, as the upstream is told.
type Visitor struct {
	// ID is the user's or the member's; empty where nothing is known but a claim.
	ID        string
	Email     string
	Name      string
	Assurance Assurance
}
