package staff

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The cost of a password: what OWASP asks for, in the choice that suits a node which has 256 MiB for everything. The
// parameters stand in each hash, so that they can grow.
const (
	passwordTime    = 2
	passwordMemory  = 19 << 10 // KiB
	passwordThreads = 1
	passwordKey     = 32
	passwordSalt    = 16
	// passwordsAtOnce bounds the memory that sign-ins can take together.
	passwordsAtOnce = 2

	maxPassword = 256 // bytes
)

// passwords makes and checks argon2id hashes, few at a time.
type passwords struct{ turn chan struct{} }

func newPasswords() *passwords { return &passwords{turn: make(chan struct{}, passwordsAtOnce)} }

// hash returns the password's hash with its parameters and salt. An error: ctx ended before it was its turn.
func (p *passwords) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, passwordSalt)
	_, _ = rand.Read(salt) // it never fails
	sum, err := p.derive(ctx, password, salt, passwordTime, passwordMemory, passwordThreads)
	if err != nil {
		return "", err
	}
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, passwordMemory, passwordTime, passwordThreads,
		enc.EncodeToString(salt), enc.EncodeToString(sum)), nil
}

var errPasswordHash = errors.New("not a password hash")

// matches says whether the password is the one that was hashed. With an empty hash it says no, after the same work.
func (p *passwords) matches(ctx context.Context, hash, password string) (bool, error) {
	if hash == "" || len(password) > maxPassword {
		_, err := p.derive(ctx, "", make([]byte, passwordSalt), passwordTime, passwordMemory, passwordThreads)
		return false, err
	}
	var (
		version, memory, times int
		threads                uint8
	)
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, errPasswordHash
	}
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &times, &threads); err != nil || version != argon2.Version {
		return false, errPasswordHash
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	want, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err := errors.Join(err1, err2); err != nil {
		return false, fmt.Errorf("%w: %w", errPasswordHash, err)
	}
	got, err := p.derive(ctx, password, salt, uint32(times), uint32(memory), threads)
	return err == nil && subtle.ConstantTimeCompare(got, want) == 1, err
}

func (p *passwords) derive(ctx context.Context, password string, salt []byte, times, memory uint32, threads uint8) ([]byte, error) {
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-p.turn }()
	return argon2.IDKey([]byte(password), salt, times, memory, threads, passwordKey), nil
}
