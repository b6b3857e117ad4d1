package auth

import (
	"slices"

	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/auth/partner"
	"github.com/deskgate/deskgate/storage"
)

// Tables are the tables of this package and of those that it imports. Their numbers, with those of the packages beside it,
// are 64–127.
func Tables() []storage.Declared {
	return append(slices.Concat(limit.Tables(), partner.Tables()),
		users, requesterSessions, staffSessions, holdings, voids, usedTokens, tokens, credentials,
		codes, mailings, missed, devices, endings, widgetSessions, bearers, readings)
}
