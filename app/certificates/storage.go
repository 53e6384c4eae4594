package certificates

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"github.com/caddyserver/certmagic"
	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/tenants"
)

// storage keeps keys and certificates in Postgres, where every node finds them. All
// values are sealed: among them are private keys and the account with the authority.
type storage struct {
	db    *tenants.DB
	key   *seal.Key
	locks *locks
}

// Both are what the library asks of a storage; the second spares it waiting for
// what another node does already.
var (
	_ certmagic.Storage   = (*storage)(nil)
	_ certmagic.TryLocker = (*storage)(nil)
)

// purpose binds a sealed value to its key: one that is put under another does not open.
func purpose(key string) []byte { return seal.Context(uuid.Nil, "certificate "+key) }

// Store keeps a value.
func (s *storage) Store(ctx context.Context, key string, value []byte) error {
	return storeValue(ctx, s.db, key, s.key.Seal(value, purpose(key)))
}

// Load gives a value back; fs.ErrNotExist where there is none.
func (s *storage) Load(ctx context.Context, key string) ([]byte, error) {
	sealed, found, err := loadValue(ctx, s.db, key)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("%s: %w", key, fs.ErrNotExist)
	}
	plain, err := s.key.Open(sealed, purpose(key))
	if err != nil {
		return nil, fmt.Errorf("open the stored %s: %w", key, err)
	}
	return plain, nil
}

// Delete forgets a key and everything below it; none is no error.
func (s *storage) Delete(ctx context.Context, key string) error {
	return deleteValues(ctx, s.db, key)
}

// Exists says whether there is a value at the key or below it.
func (s *storage) Exists(ctx context.Context, key string) bool {
	_, err := s.Stat(ctx, key)
	return err == nil
}

// List names what lies below a path: all of it, or the next part of each.
func (s *storage) List(ctx context.Context, path string, recursive bool) ([]string, error) {
	path = strings.Trim(path, "/")
	entries, err := entriesBelow(ctx, s.db, path)
	if err != nil {
		return nil, err
	}
	prefix := path + "/"
	if path == "" {
		prefix = ""
	}
	var keys []string
	for _, e := range entries {
		key := e.Key
		if !recursive {
			next, _, _ := strings.Cut(strings.TrimPrefix(key, prefix), "/")
			key = prefix + next
		}
		if len(keys) == 0 || keys[len(keys)-1] != key {
			keys = append(keys, key)
		}
	}
	if keys == nil {
		return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	return keys, nil
}

// Stat describes a value, or a path with values below it; else fs.ErrNotExist.
func (s *storage) Stat(ctx context.Context, key string) (certmagic.KeyInfo, error) {
	e, found, err := findEntry(ctx, s.db, key)
	if err != nil {
		return certmagic.KeyInfo{}, err
	}
	if found {
		return certmagic.KeyInfo{Key: key, Modified: e.Modified, Size: e.Size, IsTerminal: true}, nil
	}
	if under, err := entriesBelow(ctx, s.db, key); err != nil {
		return certmagic.KeyInfo{}, err
	} else if len(under) == 0 {
		return certmagic.KeyInfo{}, fmt.Errorf("%s: %w", key, fs.ErrNotExist)
	}
	return certmagic.KeyInfo{Key: key}, nil
}

// Lock waits until nobody else works on the name.
func (s *storage) Lock(ctx context.Context, name string) error { return s.locks.lock(ctx, name) }

// TryLock takes the lock if it is free.
func (s *storage) TryLock(ctx context.Context, name string) (bool, error) {
	return s.locks.tryLock(ctx, name)
}

// Unlock lets others work on the name.
func (s *storage) Unlock(ctx context.Context, name string) error {
	return s.locks.unlock(ctx, name)
}
