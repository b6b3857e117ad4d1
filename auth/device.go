package auth

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// DeviceLife is how long a browser is remembered that nobody comes back with.
const DeviceLife = 90 * 24 * time.Hour

// Device is a browser that has once confirmed its user's address and is remembered for it, at one host.
type Device struct {
	// ID is the device's public name, for lists and for forgetting it. It opens nothing.
	ID        string
	Host      tenant.Host
	IP        string
	UserAgent string
	CreatedAt time.Time
	// SeenAt is when it last vouched for its user.
	SeenAt time.Time
	// EndsAt is when it is forgotten unless it is seen again.
	EndsAt time.Time
}

// deviceRecord is a device on disk. Its cookie holds the user's ID, a dot and the secret that Hash is of.
type deviceRecord struct {
	User      string      `cbor:"1,keyasint"`
	Hash      []byte      `cbor:"2,keyasint"`
	Email     string      `cbor:"3,keyasint"`
	Host      tenant.Host `cbor:"4,keyasint"`
	IP        string      `cbor:"5,keyasint,omitempty"`
	UserAgent string      `cbor:"6,keyasint,omitempty"`
	CreatedAt time.Time   `cbor:"7,keyasint"`
	SeenAt    time.Time   `cbor:"8,keyasint"`
}

var devices = storage.NewTable(storage.Declaration[deviceRecord]{
	ID: 78, Name: "remembered browsers",
	Key:     func(d *deviceRecord) storage.Key { return deviceKey(d.User, d.Hash) },
	Expires: func(d *deviceRecord) time.Time { return d.ends() },
})

func deviceKey(user string, hash []byte) storage.Key { return storage.Key(nil).Str(user).Bytes(hash) }

func (d *deviceRecord) ends() time.Time { return d.SeenAt.Add(DeviceLife) }

// DeviceID is the public name of the device whose cookie this is; empty: it is none's.
func DeviceID(cookie string) string {
	_, hash, ok := splitDevice(cookie)
	if !ok {
		return ""
	}
	return deviceID(hash[:])
}

func deviceID(hash []byte) string { return "dev_" + hex.EncodeToString(hash[:12]) }

func (d *deviceRecord) device() Device {
	return Device{
		ID: deviceID(d.Hash), Host: d.Host, IP: d.IP, UserAgent: d.UserAgent,
		CreatedAt: d.CreatedAt, SeenAt: d.SeenAt, EndsAt: d.ends(),
	}
}

// Devices keeps the browsers that requesters have had remembered. It is safe for concurrent use.
type Devices struct{ store *storage.Store }

// List returns the devices of a vouched requester, the one last seen first. Nobody else has any.
func (d *Devices) List(ctx context.Context, t *tenant.Tenant, who Identity) ([]Device, error) {
	all := []Device{}
	err := d.store.View(ctx, t.Scope(), func(tx *storage.Tx) error {
		rs, err := devicesOf(tx, who)
		all = all[:0]
		for i := range rs {
			all = append(all, rs[i].device())
		}
		return err
	})
	slices.SortStableFunc(all, func(a, b Device) int { return b.SeenAt.Compare(a.SeenAt) })
	return all, err
}

func devicesOf(tx *storage.Tx, who Identity) ([]deviceRecord, error) {
	const most = 200
	if who.Level != Vouched || who.ID == "" {
		return nil, nil
	}
	var rs []deviceRecord
	for r, err := range devices.Scan(tx, storage.Range{Prefix: storage.Key(nil).Str(who.ID), Limit: most}) {
		if err != nil {
			return nil, err
		}
		if time.Now().Before(r.ends()) {
			rs = append(rs, r)
		}
	}
	return rs, nil
}

// Revoke has one of the requester's devices forgotten by its public ID, or returns ErrNotFound.
func (d *Devices) Revoke(ctx context.Context, t *tenant.Tenant, who Identity, id string) error {
	return d.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		rs, err := devicesOf(tx, who)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(rs, func(r deviceRecord) bool { return r.device().ID == id })
		if i < 0 {
			return ErrNotFound
		}
		return devices.Delete(tx, deviceKey(rs[i].User, rs[i].Hash))
	})
}

// Forget has the device forgotten whose cookie this is. None is no error.
func (d *Devices) Forget(ctx context.Context, t *tenant.Tenant, cookie string) error {
	return d.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error { return forget(tx, cookie) })
}

// remember makes a device of the browser that a session is in, and returns what its cookie holds.
func remember(tx *storage.Tx, r *sessionRecord) (string, error) {
	secret := NewSecret()
	hash, _ := HashSecret(secret)
	return r.User + "." + secret, devices.Insert(tx, &deviceRecord{
		User: r.User, Hash: hash[:], Email: r.Email, Host: r.Host, IP: r.IP, UserAgent: r.UserAgent, CreatedAt: now(), SeenAt: now(),
	})
}

func forget(tx *storage.Tx, cookie string) error {
	user, hash, ok := splitDevice(cookie)
	if !ok {
		return nil
	}
	return devices.Delete(tx, deviceKey(user, hash[:]))
}

// forgetAll has all devices of a requester forgotten.
func forgetAll(tx *storage.Tx, who Identity) error {
	rs, err := devicesOf(tx, who)
	for i := range rs {
		if err == nil {
			err = devices.Delete(tx, deviceKey(rs[i].User, rs[i].Hash))
		}
	}
	return err
}

func splitDevice(cookie string) (user string, hash SecretHash, ok bool) {
	user, secret, _ := strings.Cut(cookie, ".")
	hash, ok = HashSecret(secret)
	return user, hash, ok && isID(user, "usr_")
}

// recall is the claim that an asserted one becomes in a browser that is remembered for its very address, else the claim as
// it is. What the claim says beside the address is worth nothing still: anybody can send the browser here with it.
func recall(tx *storage.Tx, c *Claim, a *Arrival) (*Claim, error) {
	user, hash, ok := splitDevice(a.Device)
	if !ok {
		return c, nil
	}
	d, err := devices.Get(tx, deviceKey(user, hash[:]))
	if errors.Is(err, storage.ErrNotFound) {
		return c, nil
	}
	if err != nil || d.Email != c.Email || d.Host != a.Host || !time.Now().Before(d.ends()) {
		return c, err
	}
	u, err := users.Get(tx, storage.Key(nil).Str(user))
	if errors.Is(err, storage.ErrNotFound) || err == nil && u.Email != d.Email {
		return c, nil // the user is gone, or has another address by now
	}
	if err != nil {
		return c, err
	}
	d.SeenAt, d.IP, d.UserAgent = now(), a.Client.Address(), a.Client.Device()
	vouched := *c
	vouched.Level, vouched.Door, vouched.Person = Vouched, doorDevice, Person{Email: u.Email, Name: u.Name}
	return &vouched, devices.Put(tx, &d)
}

// doorDevice is what the audit log calls a remembered browser.
const doorDevice = "remembered browser"
