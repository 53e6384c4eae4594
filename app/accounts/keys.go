package accounts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// MaxKeys is how many API keys a person may have at once.
const MaxKeys = 20

const (
	keyPrefix    = "ezk_"
	secretPrefix = "ezs_"
	touchEvery   = time.Minute
)

// Scope is what a key may do at all.
type Scope string

// The scopes: to look, and to do whatever the person may.
const (
	ScopeRead    Scope = "read"
	ScopeOperate Scope = "operate"
)

// APIKey lets a program act for a person. Its secret is shown once and never
// kept.
type APIKey struct {
	ID         uuid.UUID
	UserID     uuid.UUID
	Name       string
	Key        string
	Staff      bool // acts for the shop's customers, too
	Scope      Scope
	CreatedAt  time.Time
	LastUsedAt *time.Time
	RevokedAt  *time.Time
}

// crockford is base32 without letters that look like digits.
func crockford(bytes int) string {
	raw := make([]byte, bytes)
	rand.Read(raw)
	return base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding).EncodeToString(raw)
}

// newPassword is 20 characters with 100 bits of chance, in four groups.
func newPassword() string {
	text := crockford(13)
	return strings.Join([]string{text[:5], text[5:10], text[10:15], text[15:20]}, "-")
}

// hashSecret: a secret has 256 bits of chance, so a plain hash cannot be turned
// round, and a slow one would only cost every call.
func hashSecret(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// wellFormedKey is the key, or nothing when it cannot be one.
func wellFormedKey(key string) string {
	if len(key) > 64 || !strings.HasPrefix(key, keyPrefix) || strings.ContainsFunc(key, outsideASCII) {
		return ""
	}
	return key
}

// Keys gives a person's keys that still work, the newest first.
func (s *Service) Keys(ctx context.Context, t tenants.Tenant, user uuid.UUID) ([]APIKey, error) {
	var keys []APIKey
	err := s.db.Read(ctx, t, keysQ(&keys, user))
	return keys, err
}

// KeysQ is Keys as a part of a Read.
func KeysQ(dst *[]APIKey, user uuid.UUID) tenants.Query { return keysQ(dst, user) }

// CreateKey makes a key that may do what the person may; secret is to be shown now
// and never again. That of an owner or of staff acts for the shop's customers, too.
// Errors: Invalid with the field name, Conflict at MaxKeys.
func (s *Service) CreateKey(ctx context.Context, t tenants.Tenant, user uuid.UUID, name string) (key APIKey, secret string, err error) {
	return s.CreateScopedKey(ctx, t, user, name, ScopeOperate)
}

// CreateScopedKey is CreateKey for a key of this scope. Errors: likewise, and Invalid
// with the field scope.
func (s *Service) CreateScopedKey(ctx context.Context, t tenants.Tenant, user uuid.UUID, name string, scope Scope) (key APIKey, secret string, err error) {
	wrong := fail.Fields{}
	var named *fail.Error
	if err := checked(&name, nil, nil); errors.As(err, &named) {
		wrong = named.Fields
	}
	if scope != ScopeRead && scope != ScopeOperate {
		wrong.Add("scope", "Choose what the key may do.")
	}
	if err := wrong.Err(); err != nil {
		return APIKey{}, "", err
	}
	secret = secretPrefix + crockford(32)
	err = s.db.In(ctx, t, func(tx tenants.Tx) error {
		person, err := lockUser(ctx, tx, user)
		if err != nil {
			return err
		}
		n, err := countKeys(ctx, tx, user)
		if err != nil {
			return err
		}
		if n >= MaxKeys {
			return fail.New(fail.Conflict, "You have %d keys already. Revoke one that you no longer use.", MaxKeys)
		}
		if key, err = insertKey(ctx, tx, APIKey{UserID: user, Name: name, Key: keyPrefix + crockford(10), Staff: person.Runs(), Scope: scope}, hashSecret(secret)); err != nil {
			return err
		}
		return record(ctx, tx, "user:"+user.String(), "key.create", key.Key)
	})
	if err != nil {
		return APIKey{}, "", err
	}
	return key, secret, nil
}

// RevokeKey ends a key of this person at once. Any other id is NotFound.
func (s *Service) RevokeKey(ctx context.Context, t tenants.Tenant, user, id uuid.UUID) error {
	return s.db.In(ctx, t, func(tx tenants.Tx) error {
		key, err := revokeKey(ctx, tx, user, id)
		if err != nil {
			return err
		}
		return record(ctx, tx, "user:"+user.String(), "key.revoke", key.Key)
	})
}

// RevokeStaffKey ends a key of anybody who runs the shop. Any other id is NotFound.
func (s *Service) RevokeStaffKey(ctx context.Context, t tenants.Tenant, actor string, id uuid.UUID) error {
	return s.db.In(ctx, t, func(tx tenants.Tx) error {
		key, err := revokeStaffKey(ctx, tx, id)
		if err != nil {
			return err
		}
		return record(ctx, tx, actor, "key.revoke", key.Key)
	})
}

// Credential is a key with the person it acts for, before its secret is checked.
type Credential struct {
	KeyID      uuid.UUID
	SecretHash []byte
	LastUsedAt *time.Time
	KeyStaff   bool
	Scope      Scope
	User
}

// Program is a key that was shown with its secret, and whom it acts for.
type Program struct {
	User
	Staff bool // acts for the shop's customers, too
	Scope Scope
}

// Check gives the person when the secret is the key's. found is what KeyQ said.
// Errors: Unauthorised with one sentence for an unknown key and a wrong secret;
// Forbidden for a suspended account.
func (c Credential) Check(found bool, secret string) (User, error) {
	want := c.SecretHash
	if !found {
		want = make([]byte, sha256.Size)
	}
	if subtle.ConstantTimeCompare(hashSecret(secret), want) != 1 || !found {
		return User{}, fail.Coded(fail.Unauthorised, "unauthorised", "The API key or its secret is wrong.")
	}
	return admitted(c.User, nil)
}

// Touch notes that a key was used, at most once a minute.
func (s *Service) Touch(ctx context.Context, t tenants.Tenant, c Credential) error {
	if c.LastUsedAt != nil && s.clock.Now().Sub(*c.LastUsedAt) < touchEvery {
		return nil
	}
	return s.db.In(ctx, t, func(tx tenants.Tx) error {
		return touchKey(ctx, tx, c.KeyID, tx.Now().Add(-touchEvery))
	})
}

// Authenticate finds the person whom a program acts for, and asks also in the same
// reading. Errors are those of Credential.Check.
func (s *Service) Authenticate(ctx context.Context, t tenants.Tenant, key, secret string, also ...tenants.Query) (Program, error) {
	var c Credential
	var found bool
	if err := s.db.Read(ctx, t, append([]tenants.Query{KeyQ(&c, &found, key)}, also...)...); err != nil {
		return Program{}, err
	}
	user, err := c.Check(found, secret)
	if err != nil {
		return Program{}, err
	}
	return Program{User: user, Staff: c.KeyStaff && user.Runs(), Scope: c.Scope}, s.Touch(ctx, t, c)
}
