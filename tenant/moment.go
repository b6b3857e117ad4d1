package tenant

import "time"

// Moment is a time as documents have it: RFC 3339 in UTC, always with milliseconds, so that times sort as texts.
type Moment time.Time

const momentLayout = "2006-01-02T15:04:05.000Z"

// Time is the time itself.
func (m Moment) Time() time.Time { return time.Time(m).UTC() }

// AppendText adds the time to b. There is no error.
func (m Moment) AppendText(b []byte) ([]byte, error) {
	return m.Time().AppendFormat(b, momentLayout), nil
}

// MarshalText is AppendText for those who have nothing to add it to.
func (m Moment) MarshalText() ([]byte, error) { return m.AppendText(nil) }

// UnmarshalText takes what AppendText writes, and any other RFC 3339 time.
func (m *Moment) UnmarshalText(text []byte) error {
	var t time.Time
	err := t.UnmarshalText(text)
	*m = Moment(t.UTC())
	return err
}
