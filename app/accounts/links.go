package accounts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// What a mailed link is for. PurposeWelcome is a reset link that lasts a week,
// for people who have no password yet.
const (
	PurposeVerify  = "verify"
	PurposeReset   = "reset"
	PurposeWelcome = "welcome"
)

// How long links last.
const (
	VerifyLasts  = 48 * time.Hour
	ResetLasts   = time.Hour
	WelcomeLasts = 7 * 24 * time.Hour
)

const tokenBytes = 32

func linkEnded() error {
	return fail.Coded(fail.NotFound, "link_ended", "This link has been used or has expired. Please ask for a new one.")
}

// NewToken makes the secret part of a mailed link, in the caller's transaction.
// Only its hash is kept. A new reset link ends the person's earlier ones.
func (s *Service) NewToken(ctx context.Context, tx tenants.Tx, user uuid.UUID, purpose string) (raw string, err error) {
	kept, lasts := purpose, VerifyLasts
	switch purpose {
	case PurposeVerify:
	case PurposeReset:
		lasts = ResetLasts
	case PurposeWelcome:
		kept, lasts = PurposeReset, WelcomeLasts
	default:
		return "", errors.New("a link for " + purpose + " is not known")
	}
	if _, err := lockUser(ctx, tx, user); err != nil {
		return "", err
	}
	if kept == PurposeReset {
		err = endTokens(ctx, tx, user, PurposeReset)
	} else {
		err = clearTokens(ctx, tx, user, s.wall())
	}
	if err != nil {
		return "", err
	}
	secret := make([]byte, tokenBytes)
	rand.Read(secret)
	raw = base64.RawURLEncoding.EncodeToString(secret)
	return raw, insertToken(ctx, tx, hashToken(raw), user, kept, s.wall().Add(lasts))
}

// hashToken: the secret has 256 bits, so a plain hash cannot be turned round.
func hashToken(raw string) []byte {
	sum := sha256.Sum256([]byte(raw))
	return sum[:]
}

// Verify marks the address of the link's person as confirmed (user.verified).
// A link works once and only in its own shop; any other is NotFound.
func (s *Service) Verify(ctx context.Context, t tenants.Tenant, raw string) (User, error) {
	var user User
	err := s.db.In(ctx, t, func(tx tenants.Tx) error {
		id, err := s.use(ctx, tx, raw, PurposeVerify)
		if err != nil {
			return err
		}
		user, err = s.verified(ctx, tx, id)
		return err
	})
	return user, err
}

func (s *Service) use(ctx context.Context, tx tenants.Tx, raw, purpose string) (uuid.UUID, error) {
	hash := hashToken(raw)
	found, err := lockTokenUser(ctx, tx, hash)
	if err != nil {
		return uuid.Nil, err
	}
	if !found {
		return uuid.Nil, linkEnded()
	}
	id, ok, err := useToken(ctx, tx, hash, purpose, s.wall())
	if err == nil && !ok {
		err = linkEnded()
	}
	return id, err
}

func (s *Service) verified(ctx context.Context, tx tenants.Tx, id uuid.UUID) (User, error) {
	before, err := lockUser(ctx, tx, id)
	if err != nil || before.Verified() {
		return before, err
	}
	user, err := setVerified(ctx, tx, id)
	if err != nil {
		return User{}, err
	}
	return user, announce(ctx, tx, "user.verified", id)
}

// Forgot has a reset link mailed to the address (user.reset_requested). An
// address that nobody has gets the same answer: none. Errors: Invalid with the
// field email, TooMany.
func (s *Service) Forgot(ctx context.Context, t tenants.Tenant, email, ip string) error {
	if err := checked(nil, &email, nil); err != nil {
		return err
	}
	if err := s.spend(ctx, s.limits.forgot, t.ID.String(), email, ip); err != nil {
		return err
	}
	return s.db.In(ctx, t, func(tx tenants.Tx) error {
		id, active, err := activeID(ctx, tx, email)
		if err != nil || !active {
			return err
		}
		return announce(ctx, tx, "user.reset_requested", id)
	})
}

// CheckReset says whether a reset link still works, before its form is shown.
// Errors: NotFound.
func (s *Service) CheckReset(ctx context.Context, t tenants.Tenant, raw string) error {
	var user uuid.UUID
	var found bool
	err := s.db.Read(ctx, t, tokenUserQ(&user, &found, hashToken(raw), PurposeReset, s.wall()))
	if err == nil && !found {
		err = linkEnded()
	}
	return err
}

// Reset sets a new password by a mailed link. It ends all of the person's
// sign-ins and other reset links, forgives failed tries, and confirms the
// address, which the link has proved. Errors: Invalid with the field password,
// NotFound for a link that was used, has expired or is another shop's.
func (s *Service) Reset(ctx context.Context, t tenants.Tenant, raw, password string) (User, error) {
	if err := s.CheckReset(ctx, t, raw); err != nil {
		return User{}, err
	}
	if err := checked(nil, nil, &password); err != nil {
		return User{}, err
	}
	hash, err := s.hashes.hash(ctx, password)
	if err != nil {
		return User{}, err
	}
	var user User
	err = s.db.In(ctx, t, func(tx tenants.Tx) error {
		id, err := s.use(ctx, tx, raw, PurposeReset)
		if err != nil {
			return err
		}
		if _, err := s.verified(ctx, tx, id); err != nil {
			return err
		}
		if err := endTokens(ctx, tx, id, PurposeReset); err != nil {
			return err
		}
		if user, err = setPassword(ctx, tx, id, hash); err != nil {
			return err
		}
		return record(ctx, tx, "user:"+id.String(), "user.reset_password", id.String())
	})
	if err != nil {
		return User{}, err
	}
	return user, s.forgiven(ctx, t, user)
}

// forgiven opens the doors that failed tries had shut.
func (s *Service) forgiven(ctx context.Context, t tenants.Tenant, user User) error {
	return s.db.Central(ctx, func(tx tenants.CentralTx) error {
		for _, door := range []string{resellerDoor, t.ID.String()} {
			b := s.limits.signIn.buckets(door, user.Email, "")
			if err := forgive(ctx, tx, "", b[1].name); err != nil {
				return err
			}
		}
		return nil
	})
}
