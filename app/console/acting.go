package console

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// How long one works in another's name, and how long the way over is open; wall time.
const (
	ActingLasts = 30 * time.Minute
	TicketLasts = time.Minute
)

// By is who really works: a person of the shop, or of the provider. Door is the
// sign-in that it ends with.
type By struct {
	Kind  string // user or operator
	ID    uuid.UUID
	Name  string
	Epoch int
	Door  string
}

// Acting is one stay in another person's name.
type Acting struct {
	ID        uuid.UUID `db:"id"`
	TenantID  uuid.UUID `db:"tenant_id"`
	UserID    uuid.UUID `db:"user_id"`
	AsName    string    `db:"as_name"`
	ByKind    string    `db:"by_kind"`
	ByID      uuid.UUID `db:"by_id"`
	ByName    string    `db:"by_name"`
	ByEpoch   int       `db:"by_epoch"`
	Reason    string    `db:"reason"`
	ExpiresAt time.Time `db:"expires_at"`
}

// Begin gives a ticket of one use for a customer's pages, or for an operator also
// for those of the shop's people; both audit logs say who, whom and why. Errors:
// Invalid (reason), NotFound, Conflict for somebody who may not sign in, or whom
// this person may not be.
func (s *Service) Begin(ctx context.Context, t tenants.Tenant, by By, user uuid.UUID, reason string) (ticket string, err error) {
	reason, err = CheckReason(reason)
	if err != nil {
		return "", err
	}
	var as standing
	var name string
	err = s.DB.In(ctx, t, func(tx tenants.Tx) error {
		if as, err = lockCustomer(ctx, tx, user); err != nil {
			return err
		}
		if as.Status != "active" || by.Kind == "user" && as.Role != "customer" {
			return fail.New(fail.Conflict, "Nobody can log in as this person at the moment.")
		}
		if name, err = nameOf(ctx, tx, user); err != nil {
			return err
		}
		return audit(ctx, tx, by.Kind+":"+by.ID.String(), "acting.began", user, map[string]string{"by": by.Name, "as": name, "reason": reason})
	})
	if err != nil {
		return "", err
	}
	ticket = secret()
	return ticket, s.DB.Central(ctx, func(tx tenants.CentralTx) error {
		return insertActing(ctx, tx, t.ID, user, name, by, reason, hash(ticket), s.Wall())
	})
}

// Enter changes a ticket into the token that the browser keeps. Errors: NotFound for
// a ticket that is used, old, or another shop's.
func (s *Service) Enter(ctx context.Context, t tenants.Tenant, ticket string) (token string, a Acting, err error) {
	token = secret()
	err = s.DB.Central(ctx, func(tx tenants.CentralTx) error {
		a, err = enterActing(ctx, tx, t.ID, hash(ticket), hash(token), s.Wall())
		return err
	})
	return token, a, err
}

// Find tells whether a token still counts in a shop.
func (s *Service) Find(ctx context.Context, t tenants.Tenant, token string) (a Acting, found bool, err error) {
	err = s.DB.CentralRead(ctx, actingQ(&a, &found, t.ID, hash(token), s.Wall()))
	return a, found, err
}

// End ends one stay.
func (s *Service) End(ctx context.Context, t tenants.Tenant, a Acting) error {
	if err := s.DB.Central(ctx, func(tx tenants.CentralTx) error { return endActing(ctx, tx, a.ID, s.Wall()) }); err != nil {
		return err
	}
	return s.DB.In(ctx, t, func(tx tenants.Tx) error {
		return audit(ctx, tx, a.ByKind+":"+a.ByID.String(), "acting.ended", a.UserID, map[string]string{"by": a.ByName, "as": a.AsName})
	})
}

// Did writes down in the shop's log what is being changed in another person's name.
func (s *Service) Did(ctx context.Context, t tenants.Tenant, a Acting, what string) error {
	return s.DB.In(ctx, t, func(tx tenants.Tx) error {
		return audit(ctx, tx, a.ByKind+":"+a.ByID.String(), "acting.did", a.UserID, map[string]string{"by": a.ByName, "as": a.AsName, "what": what})
	})
}

// EndAll ends whatever was begun from a sign-in.
func (s *Service) EndAll(ctx context.Context, door string) error {
	if door == "" {
		return nil
	}
	var open []Acting
	if err := s.DB.CentralRead(ctx, fromDoorQ(&open, door, s.Wall())); err != nil {
		return err
	}
	for _, a := range open {
		t, ok := s.DB.Registry().ByID(a.TenantID)
		if !ok || t.Gone() {
			continue
		}
		if err := s.End(ctx, t, a); err != nil {
			return err
		}
	}
	return s.DB.Central(ctx, func(tx tenants.CentralTx) error { return endDoor(ctx, tx, door, s.Wall()) })
}

// Door makes the mark of a sign-in that stays are bound to.
func Door() string { return secret() }

func secret() string {
	raw := make([]byte, 32)
	rand.Read(raw)
	return base64.RawURLEncoding.EncodeToString(raw)
}

func hash(raw string) []byte {
	sum := sha256.Sum256([]byte(raw))
	return sum[:]
}
