package tenant

import "strconv"

// MaxHSTSDays is the longest time for which browsers may be told to come over https alone.
const MaxHSTSDays = 730

// HSTS is for how many days browsers that were at one of the tenant's domains come there over https alone. The zero value is
// a choice that was not made.
type HSTS int

const (
	hstsNever   HSTS = -1
	hstsDefault HSTS = 1 // whoever moves the domain to a server without https waits a day
)

// Days is the number of them; 0 is that browsers forget what they were told before.
func (h HSTS) Days() int {
	switch {
	case h == 0:
		return int(hstsDefault)
	case h < 0:
		return 0
	}
	return min(int(h), MaxHSTSDays)
}

func hstsSetting() Setting {
	return Setting{
		Key: "hsts_days", Allowed: "a whole number from 0, which is not at all, to " + strconv.Itoa(MaxHSTSDays),
		get: func(t *Tenant) string { return strconv.Itoa(t.Settings.HSTS.Days()) },
		set: func(t *Tenant, value string) error {
			if value == "" {
				t.Settings.HSTS = 0
				return nil
			}
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 || n > MaxHSTSDays {
				return errNumber
			}
			if t.Settings.HSTS = HSTS(n); n == 0 {
				t.Settings.HSTS = hstsNever
			}
			return nil
		},
	}
}
