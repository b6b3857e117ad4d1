package auth

import (
	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/storage"
)

// Tables are the tables of this package and of those that it imports. Their numbers, with those of the packages beside it,
// are 64–127.
func Tables() []storage.Declared {
	return append(limit.Tables(),
		users, requesterSessions, staffSessions, holdings, voids, usedTokens, spentProofs, tokens, credentials)
}
