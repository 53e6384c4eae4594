package accounts

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/alexedwards/argon2id"
)

// hasher makes and checks password hashes, a few at once: each takes 19 MiB of
// memory and a core for some hundredths of a second, so that a flood of
// sign-ins waits here and does not exhaust the machine.
type hasher struct {
	slots  chan struct{}
	params argon2id.Params
	dummy  string // compared with when there is no such person, which takes as long
}

// newHasher takes the parameters that OWASP's password storage cheat sheet
// gives for argon2id: 19 MiB of memory, two passes, one lane.
func newHasher(atOnce int) (*hasher, error) {
	h := &hasher{
		slots:  make(chan struct{}, max(atOnce, 1)),
		params: argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32},
	}
	dummy, err := argon2id.CreateHash(rand.Text(), &h.params)
	h.dummy = dummy
	return h, err
}

func (h *hasher) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait to check a password: %w", ctx.Err())
	}
}

func (h *hasher) leave() { <-h.slots }

// hash makes the hash of a password, with a salt of its own.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	return argon2id.CreateHash(password, &h.params)
}

// matches takes the same time whether or not there is a hash to compare with. A
// person who never chose a password has none.
func (h *hasher) matches(ctx context.Context, password, hash string) (bool, error) {
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()
	if hash == "" {
		_, err := argon2id.ComparePasswordAndHash(password, h.dummy)
		return false, err
	}
	ok, err := argon2id.ComparePasswordAndHash(password, hash)
	if err != nil {
		return false, fmt.Errorf("a stored password hash cannot be read: %w", err)
	}
	return ok, nil
}
