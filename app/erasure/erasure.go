// Package erasure forgets a person (GDPR, article 17). It is the one place that knows
// everything a shop keeps of somebody, whichever domain keeps it: who they are is
// replaced by a pseudonym, while what was used, booked and paid stays as it is, so
// that the books are equal before and after. Invoices and credit notes that were
// issued keep whom they were made out to, because the law wants them unchanged; they
// are all that still names the person.
//
// It takes two steps. Asking closes the account at once. A due time then destroys the
// desktops, takes the cards away, and waits for what has to end first: the month that
// is not invoiced, money that is under way. Only then is the person forgotten, which
// nobody can undo. Both steps bear repetition.
package erasure

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// DueErasure is the kind of due time that goes on with an erasure; its key is the
// person's id.
const DueErasure = "erasure"

// EventErased is announced when somebody is forgotten.
const EventErased = "user.erased"

// How long it waits before it looks again.
const (
	soon  = 10 * time.Minute // for desktops
	later = 6 * time.Hour    // for money
)

// Desktops are a customer's machines.
type Desktops interface {
	// TerminateCustomer destroys every desktop of a customer, disks included.
	TerminateCustomer(ctx context.Context, tx tenants.Tx, user uuid.UUID, why string) error
}

// Cards are what a customer saved to be charged.
type Cards interface {
	// RemoveCard takes a card away from charges, then from the processor.
	RemoveCard(ctx context.Context, t tenants.Tenant, user, id uuid.UUID) error
}

// Config is what the service is made of. Desktops and Cards are needed by OnDue only.
type Config struct {
	DB       *tenants.DB
	Desktops Desktops
	Cards    Cards
}

// Service forgets people.
type Service struct {
	Config
}

// New makes the service.
func New(c Config) *Service { return &Service{c} }

// Request asks for a person to be forgotten.
type Request struct {
	Actor       string
	User        uuid.UUID
	Email       string // typed again by whoever asks; must be the person's
	LeaveCredit bool   // credit that is left stays in the books and is nobody's
}

// Standing is how far an erasure has come.
type Standing struct {
	ID       uuid.UUID  `db:"id"`
	Email    string     `db:"email"`
	Name     string     `db:"name"`
	Role     string     `db:"role"`
	AskedAt  *time.Time `db:"erase_asked_at"`
	WaitsFor string     `db:"erase_waits_for"` // a sentence; empty when nothing holds it up
	ErasedAt *time.Time `db:"erased_at"`
}

// Ask closes somebody's account and lets the rest follow. Asking again changes
// nothing. Errors: NotFound; Invalid (email); Conflict for people who run the shop,
// for money that is owed, and for credit that is left, unless LeaveCredit.
func (s *Service) Ask(ctx context.Context, t tenants.Tenant, r Request) (Standing, error) {
	var now Standing
	err := s.DB.In(ctx, t, func(tx tenants.Tx) (err error) {
		if now, err = lock(ctx, tx, r.User); err != nil {
			return err
		}
		if now.AskedAt != nil {
			return nil
		}
		if err := s.refuse(ctx, tx, now, r); err != nil {
			return err
		}
		if err := closeAccount(ctx, tx, r.User); err != nil {
			return err
		}
		if err := record(ctx, tx, r.Actor, "user.erasure_asked", r.User); err != nil {
			return err
		}
		at := tx.Now()
		now.AskedAt = &at
		return bus.Due(ctx, tx, DueErasure, r.User.String(), at, nil)
	})
	return now, err
}

func (s *Service) refuse(ctx context.Context, tx tenants.Tx, now Standing, r Request) error {
	switch {
	case now.Role != "customer":
		return fail.New(fail.Conflict, "This person helps to run the shop. Take them off the team first.")
	case now.Email != r.Email:
		return fail.Fields{"erase_email": "Type the person's address as it is written above."}.Err()
	}
	m, err := moneyOf(ctx, tx, now.ID)
	if err != nil {
		return err
	}
	switch {
	case m.Owed > 0:
		return fail.New(fail.Conflict, "This person has %d open %s. Let it be paid, or void it, first.", m.Owed, plural(m.Owed, "invoice", "invoices"))
	case m.Credit && !r.LeaveCredit:
		return fail.Fields{"leave_credit": "There is credit left. Pay it back first, or leave it in the books as nobody's."}.Err()
	}
	return nil
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// OnDue goes on with an erasure: desktops and cards first, the person last.
func (s *Service) OnDue(ctx context.Context, m *bus.Message) error {
	id, err := uuid.Parse(m.Key)
	if err != nil {
		return bus.Permanent(err)
	}
	if err := s.empty(ctx, m.Tenant, id); err != nil {
		if fail.Is(err, fail.NotFound) {
			return bus.Permanent(err)
		}
		return err
	}
	return s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		if err := m.Done(ctx, tx); err != nil {
			return err
		}
		return s.finish(ctx, tx, id)
	})
}

func (s *Service) empty(ctx context.Context, t tenants.Tenant, id uuid.UUID) error {
	var cards []uuid.UUID
	err := s.DB.In(ctx, t, func(tx tenants.Tx) error {
		now, err := lock(ctx, tx, id)
		if err != nil || now.AskedAt == nil || now.ErasedAt != nil {
			return err
		}
		if cards, err = cardsOf(ctx, tx, id); err != nil {
			return err
		}
		return s.Desktops.TerminateCustomer(ctx, tx, id, "system")
	})
	for _, card := range cards {
		if err == nil {
			err = s.Cards.RemoveCard(ctx, t, id, card)
		}
	}
	return err
}

func (s *Service) finish(ctx context.Context, tx tenants.Tx, id uuid.UUID) error {
	now, err := lock(ctx, tx, id)
	if err != nil || now.AskedAt == nil || now.ErasedAt != nil {
		return err
	}
	left, err := leftOf(ctx, tx, id)
	if err != nil {
		return err
	}
	if why, again := left.waits(); why != "" {
		if err := waitFor(ctx, tx, id, why); err != nil {
			return err
		}
		return bus.Due(ctx, tx, DueErasure, id.String(), tx.Now().Add(again), nil)
	}
	if err := forget(ctx, tx, now); err != nil {
		return err
	}
	if err := record(ctx, tx, "system", "user.erased", id); err != nil {
		return err
	}
	return bus.Append(ctx, tx, EventErased, map[string]any{"user_id": id})
}

// OnErased takes the name out of what the provider keeps about the shop.
func (s *Service) OnErased(ctx context.Context, m *bus.Message) error {
	var erased struct {
		UserID uuid.UUID `json:"user_id"`
	}
	if err := m.Decode(&erased); err != nil {
		return err
	}
	return s.DB.Central(ctx, func(tx tenants.CentralTx) error { return forgetActing(ctx, tx, m.Tenant.ID, erased.UserID) })
}

// left is what has to end before a person can be forgotten.
type left struct {
	Desktops int `db:"desktops"`
	Unbilled int `db:"unbilled"`
	Monthly  int `db:"monthly"`
	Invoices int `db:"invoices"`
	Moving   int `db:"moving"`
}

func (l left) waits() (why string, again time.Duration) {
	switch {
	case l.Desktops > 0:
		return "Desktops are being destroyed.", soon
	case l.Moving > 0:
		return "A payment or a refund is under way.", later
	case l.Unbilled > 0 || l.Monthly > 0:
		return "What was used since the last invoice is invoiced at the end of the month.", later
	case l.Invoices > 0:
		return "An invoice is not paid yet.", later
	}
	return "", 0
}
