package auth

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/mail"
)

// InviteLife is how long an invitation is good.
const InviteLife = 7 * 24 * time.Hour

// Invitation lets somebody join the tenant's staff, once.
type Invitation struct {
	Member    Member
	URL       string
	ExpiresAt time.Time
	// Mailed: a letter with the URL is on its way to the member.
	Mailed bool
}

// Members keeps the tenants' staff. It is safe for concurrent use.
type Members struct {
	store     *storage.Store
	directory *tenant.Directory
	sessions  *Sessions
	limits    *limit.Limits
	mail      *mail.Post
	passwords *passwords
}

func newMembers(store *storage.Store, directory *tenant.Directory, sessions *Sessions, limits *limit.Limits, post *mail.Post) *Members {
	return &Members{store: store, directory: directory, sessions: sessions, limits: limits, mail: post, passwords: newPasswords()}
}

// Invite makes a member who has yet to join, and the URL that lets them: {portal}/auth/invite?token=…. A node that sends mail mails it
// to them. Inviting somebody again who has not joined replaces the invitation. ErrExists: they have joined; a FieldErrors.
func (m *Members) Invite(ctx context.Context, t *tenant.Tenant, email, name string, role Role, by string) (Invitation, error) {
	p, err := Person{Email: email, Name: name}.checked()
	if err != nil {
		return Invitation{}, err
	}
	if role, err = ParseRole(string(role)); err != nil {
		return Invitation{}, err
	}
	secret := newSecret()
	i := Invitation{URL: m.directory.PortalURL(t) + "/auth/invite?token=" + secret, Mailed: m.mail.Ready()}
	err = m.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		r, err := invitable(tx, p.Email)
		if err != nil {
			return err
		}
		r.Name, r.Role, r.InvitedAt = p.Name, role, now()
		hash, _ := hashSecret(secret)
		r.Invite = hash[:]
		r.InviteExpires = r.InvitedAt.Add(InviteLife)
		i.Member, i.ExpiresAt = r.member(), r.InviteExpires
		if err := members.Put(tx, &r); err != nil {
			return err
		}
		if err := m.mailInvitation(tx, i); err != nil {
			return err
		}
		return tenant.Record(tx, tenant.Event{Actor: by, Action: "agent.invited", Object: r.Email, Detail: string(role)})
	})
	return i, err
}

// invitable is the record of somebody who has not joined, a new one if there is none. ErrExists: they have joined.
func invitable(tx *storage.Tx, email string) (memberRecord, error) {
	r, err := membersByEmail.Get(tx, storage.Key(nil).Str(email))
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return memberRecord{ID: newID("agt_"), Email: email}, nil
	case err == nil && !r.JoinedAt.IsZero():
		return r, ErrExists
	}
	return r, err
}

// mailInvitation has the URL sent to the member, if the node can.
func (m *Members) mailInvitation(tx *storage.Tx, i Invitation) error {
	if !i.Mailed {
		return nil
	}
	return m.mail.Enqueue(tx, mail.Letter{
		Kind: mail.Invite, To: i.Member.Email, Name: i.Member.Name, Expires: i.ExpiresAt,
		Fields: map[string]string{"url": i.URL, "role": string(i.Member.Role)},
	})
}

// Invited returns whom an invitation is for, without using it. ErrInvitation.
func (m *Members) Invited(ctx context.Context, t *tenant.Tenant, token string) (Member, error) {
	var r memberRecord
	err := m.store.View(ctx, t.Scope(), func(tx *storage.Tx) (err error) {
		r, err = invited(tx, token)
		return err
	})
	return r.member(), err
}

func invited(tx *storage.Tx, token string) (memberRecord, error) {
	hash, ok := hashSecret(token)
	if !ok {
		return memberRecord{}, ErrInvitation
	}
	r, err := membersByInvite.Get(tx, storage.Key(nil).Bytes(hash[:]))
	if errors.Is(err, storage.ErrNotFound) || err == nil && !time.Now().Before(r.InviteExpires) {
		return memberRecord{}, ErrInvitation
	}
	return r, err
}

// Acceptance is an invitation with the password that was chosen.
type Acceptance struct {
	Host            tenant.Host
	Token, Password string
	// Name, if not empty, is how the member wants to be called.
	Name string
	// Previous is the secret in the staff cookie, empty where there is none.
	Previous string
	Client   Client
}

// Accept uses an invitation: it sets the password and signs in. ErrInvitation; a FieldErrors.
func (m *Members) Accept(ctx context.Context, t *tenant.Tenant, a Acceptance) (Session, string, error) {
	who, err := m.Invited(ctx, t, a.Token)
	if err != nil {
		return Session{}, "", err
	}
	if err := checkPassword(a.Password, who.Email); err != nil {
		return Session{}, "", err
	}
	if a.Name != "" {
		if a.Name, err = ParseName(a.Name); err != nil {
			return Session{}, "", err
		}
	}
	hash, err := m.passwords.hash(ctx, a.Password)
	if err != nil {
		return Session{}, "", err
	}
	return m.enter(ctx, t, staffEntry{host: a.Host, previous: a.Previous, client: a.Client, action: "agent.joined"}, func(tx *storage.Tx) (memberRecord, error) {
		r, err := invited(tx, a.Token)
		if err != nil {
			return r, err
		}
		r.Name, r.Password, r.JoinedAt = cmp.Or(a.Name, r.Name), hash, now()
		r.Invite, r.InviteExpires = nil, time.Time{}
		return r, nil
	})
}

// staffEntry is what is common to the ways in which a member gets a session.
type staffEntry struct {
	host     tenant.Host
	previous string
	client   Client
	action   string
}

// enter stores the member that who returns and starts a session, in one transaction. The session of before ends.
func (m *Members) enter(ctx context.Context, t *tenant.Tenant, e staffEntry, who func(*storage.Tx) (memberRecord, error)) (Session, string, error) {
	secret := newSecret()
	var s Session
	err := m.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		r, err := who(tx)
		if err != nil {
			return err
		}
		r.SignedInAt = now()
		if err := members.Put(tx, &r); err != nil {
			return err
		}
		if _, err := m.sessions.end(tx, StaffSide, e.host, e.previous); err != nil {
			return err
		}
		started, err := start(tx, StaffSide, secret, sessionRecord{
			Level: Staff, User: r.ID, Email: r.Email, Name: r.Name, Host: e.host, IP: e.client.ip(), UserAgent: e.client.agent(),
		})
		if err != nil {
			return err
		}
		if s, err = open(tx, t, StaffSide, started); err != nil {
			return err
		}
		return tenant.Record(tx, tenant.Event{
			Actor: s.Identity().Actor(), Action: e.action, Object: r.Email, Detail: "at " + string(e.host), IP: e.client.ip(),
		})
	})
	if err != nil {
		return Session{}, "", err
	}
	return s, secret, nil
}

// PasswordLogin is a try to sign in.
type PasswordLogin struct {
	Host            tenant.Host
	Email, Password string
	// Previous is the secret in the staff cookie, empty where there is none.
	Previous string
	Client   Client
}

// How many tries there are. A member can be shut out from one address by somebody at that address only, unless so many
// guess from all over the world that somebody has to step in.
const (
	triesPerIP      = 30
	triesPerAccount = 10 // from one address
	triesFromAll    = 100
	triesPeriod     = 15 * time.Minute
)

// SignIn signs a member in and returns the session with its secret. ErrWrongPassword, whatever of the two is wrong;
// *limit.Error after too many tries.
func (m *Members) SignIn(ctx context.Context, t *tenant.Tenant, l PasswordLogin) (Session, string, error) {
	email, err := ParseEmail(l.Email)
	if err != nil {
		email = "" // counts, and has no account
	}
	if err := m.try(ctx, t, email, l.Client); err != nil {
		return Session{}, "", err
	}
	r, err := m.read(ctx, t, func(tx *storage.Tx) (memberRecord, error) {
		return membersByEmail.Get(tx, storage.Key(nil).Str(email))
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Session{}, "", err
	}
	good, err := m.passwords.matches(ctx, r.Password, l.Password)
	if err != nil {
		return Session{}, "", err
	}
	if !good {
		return Session{}, "", ErrWrongPassword
	}
	s, secret, err := m.enter(ctx, t, staffEntry{host: l.Host, previous: l.Previous, client: l.Client, action: "session.started"}, func(tx *storage.Tx) (memberRecord, error) {
		now, err := members.Get(tx, storage.Key(nil).Str(r.ID))
		if errors.Is(err, storage.ErrNotFound) || err == nil && now.Password != r.Password {
			return now, ErrWrongPassword // changed meanwhile
		}
		return now, err
	})
	if err == nil {
		m.forgive(ctx, t, email, l.Client)
	}
	return s, secret, err
}

// tries are the counts that one try goes to: that of the address, of the account from the address, and of the account.
func tries(t *tenant.Tenant, email string, c Client) ([]limit.Bucket, []string) {
	ip := limit.IP(c.IP)
	account := string(t.ID) + " " + email
	return []limit.Bucket{
		{Name: "password-ip", Limit: triesPerIP, Period: triesPeriod},
		{Name: "password-account-ip", Limit: triesPerAccount, Period: triesPeriod},
		{Name: "password-account", Limit: triesFromAll, Period: triesPeriod},
	}, []string{ip, account + " " + ip, account}
}

// try counts before the password is looked at, and on disk: a crash gives nobody more tries.
func (m *Members) try(ctx context.Context, t *tenant.Tenant, email string, c Client) error {
	buckets, keys := tries(t, email, c)
	for i, b := range buckets {
		s, err := m.limits.TakeDurably(ctx, b, keys[i])
		if err := errors.Join(s.Err(), err); err != nil {
			return err
		}
	}
	return nil
}

// forgive takes back the count of the account from the address: whoever knows the password is not guessing.
func (m *Members) forgive(ctx context.Context, t *tenant.Tenant, email string, c Client) {
	buckets, keys := tries(t, email, c)
	m.limits.Reset(ctx, buckets[1], keys[1])
}

// Find returns a member by ID, or ErrNotFound.
func (m *Members) Find(ctx context.Context, t *tenant.Tenant, id string) (Member, error) {
	r, err := m.read(ctx, t, func(tx *storage.Tx) (memberRecord, error) { return members.Get(tx, storage.Key(nil).Str(id)) })
	return r.member(), err
}

// ByEmail returns a member by address, or ErrNotFound.
func (m *Members) ByEmail(ctx context.Context, t *tenant.Tenant, email string) (Member, error) {
	email, err := ParseEmail(email)
	if err != nil {
		return Member{}, ErrNotFound
	}
	r, err := m.read(ctx, t, func(tx *storage.Tx) (memberRecord, error) {
		return membersByEmail.Get(tx, storage.Key(nil).Str(email))
	})
	return r.member(), err
}

func (m *Members) read(ctx context.Context, t *tenant.Tenant, get func(*storage.Tx) (memberRecord, error)) (memberRecord, error) {
	var r memberRecord
	err := m.store.View(ctx, t.Scope(), func(tx *storage.Tx) (err error) {
		r, err = get(tx)
		return err
	})
	return r, absent(err)
}

// List returns the tenant's staff by email.
func (m *Members) List(ctx context.Context, t *tenant.Tenant) ([]Member, error) {
	var all []Member
	err := m.store.View(ctx, t.Scope(), func(tx *storage.Tx) error {
		all = nil
		for r, err := range members.Scan(tx, storage.Range{}) {
			if err != nil {
				return err
			}
			all = append(all, r.member())
		}
		return nil
	})
	slices.SortFunc(all, func(a, b Member) int { return cmp.Compare(a.Email, b.Email) })
	return all, err
}

// Remove ends a membership, and with it every session of the member. ErrNotFound.
func (m *Members) Remove(ctx context.Context, t *tenant.Tenant, email, by string) error {
	email, err := ParseEmail(email)
	if err != nil {
		return ErrNotFound
	}
	return m.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		r, err := membersByEmail.Get(tx, storage.Key(nil).Str(email))
		if err != nil {
			return absent(err)
		}
		if err := members.Delete(tx, storage.Key(nil).Str(r.ID)); err != nil {
			return err
		}
		return tenant.Record(tx, tenant.Event{Actor: by, Action: "agent.removed", Object: r.Email})
	})
}
