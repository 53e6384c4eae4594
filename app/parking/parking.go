// Package parking takes customers out of traffic whose figures pass a bound that
// nobody passes by living as usual: too many blocks in a day, an invoice far over
// the usual, too many top-ups in an hour. A parked customer is charged nothing and
// starts nothing until a person has looked at the numbers and released them.
//
// The bounds cost next to nothing to watch. When a desktop begins to run, its
// customer's blocks of the day are counted once, and from what is running it is
// worked out when at the earliest the bound can be passed; it is counted again then,
// and never for somebody who cannot get there.
package parking

import (
	"context"
	"log/slog"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/attention"
	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// Desktops stops what a parked customer runs at the end of its paid block.
type Desktops interface {
	SuspendCustomer(ctx context.Context, tx tenants.Tx, user uuid.UUID, why string) error
	ResumeCustomer(ctx context.Context, tx tenants.Tx, user uuid.UUID) error
}

// Config is what the service is made of.
type Config struct {
	DB       *tenants.DB
	Clock    clock.Clock // business time
	Desktops Desktops
	Log      *slog.Logger
}

// Service watches the bounds.
type Service struct {
	Config
}

// New makes the service.
func New(c Config) *Service { return &Service{Config: c} }

// What this package announces: to the customer, to each of the shop's owners, and to
// whatever waits for a released customer.
const (
	EventParked   = "account.parked"
	EventNotice   = "account.parked_notice" // user_id is an owner
	EventReleased = "account.released"
)

// Announced is the payload of every event of this package.
type Announced struct {
	UserID   uuid.UUID `json:"user_id"` // whom a letter goes to
	Customer uuid.UUID `json:"customer_id"`
	Sentence string    `json:"sentence"`
	Since    string    `json:"since"` // tells one parking of a customer from the next
}

// Kind is what central.attention calls a parked account; its subject is the
// customer's id.
const Kind = "parked"

const why = "parked"

// ParkIn parks a customer in the caller's transaction: desktops stop at the end of
// the block that is paid, open invoices wait, the customer, the shop and the provider
// are told. Whoever is parked already stays so for the first reason. An unknown
// customer is fail.NotFound.
func (s *Service) ParkIn(ctx context.Context, tx tenants.Tx, user uuid.UUID, n Numbers) error {
	person, err := park(ctx, tx, user, n)
	if err != nil || person == nil {
		return err
	}
	if err := hold(ctx, tx, user); err != nil {
		return err
	}
	if s.Desktops != nil {
		if err := s.Desktops.SuspendCustomer(ctx, tx, user, why); err != nil {
			return err
		}
	}
	if err := audit(ctx, tx, "customer.parked", "parking", user, n.Sentence()); err != nil {
		return err
	}
	detail := map[string]any{"user_id": user, "name": person.Name, "email": person.Email, "bound": n.Bound, "limit": n.Limit, "value": n.Value,
		"usual": n.Usual, "currency": n.Currency, "invoice": n.Invoice}
	if _, err := attention.Raise(ctx, tx, Kind, user.String(), person.Name+" ("+person.Email+") is parked: "+n.Sentence(), detail); err != nil {
		return err
	}
	told := Announced{UserID: user, Customer: user, Sentence: n.Sentence(), Since: tx.Now().UTC().Format("20060102T150405.000000")}
	if err := bus.Append(ctx, tx, EventParked, told); err != nil {
		return err
	}
	owners, err := ownersOf(ctx, tx)
	if err != nil {
		return err
	}
	notices := make([]Announced, len(owners))
	for i, id := range owners {
		notices[i] = Announced{UserID: id, Customer: user, Sentence: told.Sentence, Since: told.Since}
	}
	return bus.AppendAll(ctx, tx, EventNotice, notices)
}

// Release lets a parked customer go on: what was held is collected, desktops may
// start, and the figures count anew from here. by is who decided, reason is why, in
// their words. Errors: NotFound, Conflict when the customer is not parked, Invalid
// (reason).
func (s *Service) Release(ctx context.Context, t tenants.Tenant, user uuid.UUID, by, reason string) error {
	reason = strings.TrimSpace(reason)
	if n := utf8.RuneCountInString(reason); n == 0 || n > 300 || !utf8.ValidString(reason) || strings.ContainsRune(reason, 0) {
		return fail.Fields{"reason": "Say why, in a few words."}.Err()
	}
	return s.DB.In(ctx, t, func(tx tenants.Tx) error {
		state, err := release(ctx, tx, user)
		if err != nil {
			return err
		}
		if !state.Released {
			return fail.New(fail.Conflict, "This customer is not parked any more.")
		}
		if err := letGo(ctx, tx, user); err != nil {
			return err
		}
		if state.SuspendedFor == "" && s.Desktops != nil {
			if err := s.Desktops.ResumeCustomer(ctx, tx, user); err != nil {
				return err
			}
		}
		if err := audit(ctx, tx, "customer.released", by, user, reason); err != nil {
			return err
		}
		if err := attention.Clear(ctx, tx, Kind, user.String(), by); err != nil {
			return err
		}
		if err := bus.Undue(ctx, tx, DueBounds, user.String()); err != nil {
			return err
		}
		if err := bus.Append(ctx, tx, EventReleased, Announced{UserID: user, Customer: user, Since: tx.Now().UTC().Format("20060102T150405.000000")}); err != nil {
			return err
		}
		return s.rearm(ctx, tx, user)
	})
}

// letGo lets the invoices be paid that waited: from credit as far as it goes, and the
// rest by whoever hears of the release.
func letGo(ctx context.Context, tx tenants.Tx, user uuid.UUID) error {
	held, err := heldOf(ctx, tx, user)
	if err != nil {
		return err
	}
	for _, id := range held {
		if err := billing.ReleaseIn(ctx, tx, id); err != nil {
			return err
		}
	}
	return nil
}
