package domain

import (
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// The tables are the node's: a host crosses tenants. Several tenants may claim one, each in a record of its own.
var (
	domainTable = storage.NewTable(storage.Declaration[Domain]{
		ID: 34, Name: "domains", Key: func(d *Domain) storage.Key { return domainKey(d.Host, d.Tenant) }, // 32 had one a host
	})
	byTenant = storage.NewIndex(domainTable, 1,
		func(d *Domain) []storage.Key { return []storage.Key{storage.Key(nil).Str(string(d.Tenant))} },
		func(*Domain) storage.Bare { return storage.Bare{} })
	// dueChecks keeps apart those that could not be asked lately, so that they don't delay the others. Every domain is in it, and what a
	// census has to know of each stands behind the time: see standing. (2 was without that.)
	dueChecks = storage.NewIndex(domainTable, 4, checkKeys, func(*Domain) storage.Bare { return storage.Bare{} })
	// dueCertificates keeps first attempts and renewals apart from repeated attempts, for the same reason.
	dueCertificates = storage.NewIndex(domainTable, 3, certificateKeys, func(d *Domain) dueRow { return dueRow{d.Tenant} })

	formerTable = storage.NewTable(storage.Declaration[former]{
		ID: 33, Name: "former domains", Key: func(f *former) storage.Key { return hostKey(f.Host) },
	})
	// formerByTenant has what a tenant had, by when it was taken away.
	formerByTenant = storage.NewIndex(formerTable, 1,
		func(f *former) []storage.Key {
			return []storage.Key{storage.Key(nil).Str(string(f.Tenant)).Time(f.RemovedAt)}
		},
		func(*former) storage.Bare { return storage.Bare{} })
)

// Tables are the tables of this package.
func Tables() []storage.Declared {
	return []storage.Declared{domainTable, formerTable, ownCertificates, eventTable}
}

type dueRow struct {
	Tenant tenant.ID `cbor:"1,keyasint"`
}

const (
	laneAnswered = iota
	laneSilent
	lanes
)

func checkKeys(d *Domain) []storage.Key {
	return []storage.Key{standingOf(d).key(storage.Key(nil).Uint(uint64(d.lane())).Time(d.NextCheck))}
}

const (
	firstAttempts = iota
	repeatedAttempts
	attemptClasses
)

func certificateKeys(d *Domain) []storage.Key {
	if d.Certificate.NextAttempt.IsZero() || d.Status != Verified && d.Status != Active {
		return nil
	}
	class := firstAttempts
	if d.Certificate.Attempts > 0 {
		class = repeatedAttempts
	}
	return []storage.Key{storage.Key(nil).Uint(uint64(class)).Time(d.Certificate.NextAttempt)}
}

func domainKey(h tenant.Host, id tenant.ID) storage.Key { return hostKey(h).Str(string(id)) }

func hostKey(h tenant.Host) storage.Key { return storage.Key(nil).Str(string(h)) }
