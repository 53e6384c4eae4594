package billing

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ezscale/ezscale/app/attention"
	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/tenants"
)

const (
	// kindRecompute is the due time of a shop's nightly check; it has one key.
	kindRecompute = "recompute"
	nightlyKey    = "nightly"
	// nightHour is when it comes, in the shop's zone: after the months have closed.
	nightHour = 3
	// nightlyPage is how many invoices are looked up at once.
	nightlyPage = 200
)

// What central.attention calls a difference: an invoice by its number, or the shop's
// ledger.
const (
	AttentionRecompute = "recompute"
	AttentionLedger    = "ledger"
)

// ensureNightly sets the due time of the next check.
func ensureNightly(ctx context.Context, tx tenants.Tx) error {
	return bus.Due(ctx, tx, kindRecompute, nightlyKey, nextNight(tx.Tenant().Zone, tx.Now()), nil)
}

// nextNight is the first check after a moment.
func nextNight(zone *time.Location, now time.Time) time.Time {
	y, m, d := now.In(zone).Date()
	for plus := 0; ; plus++ {
		if at := time.Date(y, m, d+plus, nightHour, 0, 0, 0, zone); at.After(now) {
			return at
		}
	}
}

// Proof is what checking a shop's books came to.
type Proof struct {
	Tenant   string   // the slug
	Invoices int      // that were worked out again
	Wrong    []Check  // those that differ from what is stored
	Ledger   []string // what in the ledger does not add up, in words
}

// Right says that nothing differs.
func (p Proof) Right() bool { return len(p.Wrong)+len(p.Ledger) == 0 }

// Prove works the invoices of the last two closed months out again from sessions and
// proves the ledger (R13, R21). It writes nothing.
func (s *Service) Prove(ctx context.Context, t tenants.Tenant) (Proof, error) {
	p := Proof{Tenant: t.Slug, Wrong: []Check{}, Ledger: []string{}}
	for after := ""; ; {
		var numbers []string
		err := s.db.In(ctx, t, func(tx tenants.Tx) (err error) {
			numbers, err = closedNumbers(ctx, tx, after, nightlyPage)
			return err
		})
		if err != nil {
			return p, err
		}
		for _, number := range numbers {
			check, err := s.Recompute(ctx, t, number)
			if err != nil {
				return p, fmt.Errorf("work out %s again: %w", number, err)
			}
			if p.Invoices++; !check.Right() {
				p.Wrong = append(p.Wrong, check)
			}
			after = number
		}
		if len(numbers) < nightlyPage {
			break
		}
	}
	books := ledger.New(s.db)
	for _, prove := range []func(context.Context, tenants.Tenant) ([]string, error){books.Audit, books.AuditPrepaid} {
		off, err := prove(ctx, t)
		if err != nil {
			return p, err
		}
		p.Ledger = append(p.Ledger, off...)
	}
	return p, nil
}

// OnRecomputeDue checks a shop's books by night. What was charged beyond the end of a
// session is given back first. What differs goes onto the list of
// what needs a person, once until it is settled; what is right again leaves it.
func (s *Service) OnRecomputeDue(ctx context.Context, m *bus.Message) error {
	if err := s.FindOverbilled(ctx, m.Tenant); err != nil {
		return err
	}
	proof, err := s.Prove(ctx, m.Tenant)
	if err != nil {
		return err
	}
	return s.db.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		if err := m.Done(ctx, tx); err != nil {
			return err
		}
		if err := alarm(ctx, tx, proof); err != nil {
			return err
		}
		return ensureNightly(ctx, tx)
	})
}

func alarm(ctx context.Context, tx tenants.Tx, p Proof) error {
	for _, c := range p.Wrong {
		summary := "Invoice " + c.Number + " works out otherwise: " + strings.Join(c.Differences, "; ") + "."
		if _, err := attention.Raise(ctx, tx, AttentionRecompute, c.Number, summary, map[string]any{"differences": c.Differences}); err != nil {
			return err
		}
	}
	if len(p.Ledger) == 0 {
		return attention.Clear(ctx, tx, AttentionLedger, nightlyKey, "nightly check")
	}
	summary := "The ledger does not add up: " + strings.Join(p.Ledger[:min(len(p.Ledger), 5)], "; ") + "."
	_, err := attention.Raise(ctx, tx, AttentionLedger, nightlyKey, summary, map[string]any{"differences": p.Ledger[:min(len(p.Ledger), 200)]})
	return err
}
