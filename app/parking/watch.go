package parking

import (
	"context"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
)

// DueBounds is the kind of due time at which a customer can have passed the blocks of
// a day at the earliest; its key is the customer's id.
const DueBounds = "bounds"

// OnRunning counts the blocks of a customer one of whose desktops begins to run
// (workspace.running).
func (s *Service) OnRunning(ctx context.Context, m *bus.Message) error {
	var about struct {
		UserID uuid.UUID `json:"user_id"`
	}
	if err := m.Decode(&about); err != nil {
		return err
	}
	return s.done(ctx, m, func(tx tenants.Tx) error { return s.rearm(ctx, tx, about.UserID) })
}

// OnDue counts again (bounds.due).
func (s *Service) OnDue(ctx context.Context, m *bus.Message) error {
	user, err := uuid.Parse(m.Key)
	if err != nil {
		return bus.Permanent(err)
	}
	return s.done(ctx, m, func(tx tenants.Tx) error { return s.rearm(ctx, tx, user) })
}

func (s *Service) done(ctx context.Context, m *bus.Message, fn func(tenants.Tx) error) error {
	return s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		if err := m.Done(ctx, tx); err != nil {
			return err
		}
		return fn(tx)
	})
}

// rearm parks a customer who has passed the blocks of a day, or asks to look again
// when that can happen at the earliest.
func (s *Service) rearm(ctx context.Context, tx tenants.Tx, user uuid.UUID) error {
	b, err := s.bounds(ctx, tx)
	if err != nil || b.BlocksPerDay == 0 {
		return err
	}
	zone := tx.Tenant().Zone
	d := days(zone, tx.Now())
	p, found, err := paceOf(ctx, tx, user, d.start)
	if err != nil || !found || p.Parked {
		return err
	}
	if p.Blocks > b.BlocksPerDay {
		return s.ParkIn(ctx, tx, user, Numbers{Bound: BlocksPerDay, Limit: strconv.FormatInt(b.BlocksPerDay, 10), Value: strconv.FormatInt(p.Blocks, 10)})
	}
	at, possible := earliest(p.Blocks, b.BlocksPerDay, p.PerHour, tx.Now(), d)
	if !possible {
		return nil
	}
	return bus.Due(ctx, tx, DueBounds, user.String(), at, nil)
}

// day is a civil day of a zone, [start, end).
type day struct{ start, end, after time.Time }

func days(zone *time.Location, now time.Time) day {
	y, m, d := now.In(zone).Date()
	at := func(plus int) time.Time { return time.Date(y, m, d+plus, 0, 0, 0, 0, zone) }
	return day{at(0), at(1), at(2)}
}

// earliest is when somebody who runs perHour blocks an hour has begun more than limit
// of them: today, or else tomorrow, when counting begins anew. Somebody whose pace
// does not lead there on any day is left alone until another desktop starts.
func earliest(blocks, limit int64, perHour decimal.Decimal, now time.Time, d day) (time.Time, bool) {
	if !perHour.IsPositive() {
		return time.Time{}, false
	}
	until := func(from time.Time, count int64) time.Time {
		seconds := decimal.NewFromInt(count*3600).DivRound(perHour, 3).Ceil().IntPart()
		return from.Add(time.Duration(max(seconds, 1)) * time.Second)
	}
	if at := until(now, limit+1-blocks); at.Before(d.end) {
		return at, true
	}
	if at := until(d.end, limit+1); at.Before(d.after) {
		return at, true
	}
	return time.Time{}, false
}

// OnTopUp counts a customer's top-ups of the last hour (payment.succeeded).
func (s *Service) OnTopUp(ctx context.Context, m *bus.Message) error {
	var about struct {
		UserID    uuid.UUID  `json:"user_id"`
		InvoiceID *uuid.UUID `json:"invoice_id"`
	}
	if err := m.Decode(&about); err != nil {
		return err
	}
	if about.InvoiceID != nil && *about.InvoiceID != uuid.Nil {
		return nil
	}
	return s.done(ctx, m, func(tx tenants.Tx) error {
		b, err := s.bounds(ctx, tx)
		if err != nil || b.TopUpsPerHour == 0 {
			return err
		}
		count, err := topUps(ctx, tx, about.UserID, tx.Now().Add(-time.Hour))
		if err != nil || count <= b.TopUpsPerHour {
			return err
		}
		return s.ParkIn(ctx, tx, about.UserID, Numbers{Bound: TopUpsPerHour, Limit: strconv.FormatInt(b.TopUpsPerHour, 10), Value: strconv.FormatInt(count, 10)})
	})
}

// OnFinalised parks the customer of an invoice that is far over the usual
// (invoice.finalised). Closing has held such an invoice back in its own transaction,
// so nothing has been collected in between.
func (s *Service) OnFinalised(ctx context.Context, m *bus.Message) error {
	var made struct {
		UserID    uuid.UUID `json:"user_id"`
		InvoiceID uuid.UUID `json:"invoice_id"`
		Total     string    `json:"total"`
		Currency  string    `json:"currency"`
	}
	if err := m.Decode(&made); err != nil {
		return err
	}
	total, err := decimal.NewFromString(made.Total)
	if err != nil {
		return bus.Permanent(err)
	}
	return s.done(ctx, m, func(tx tenants.Tx) error {
		b, err := s.bounds(ctx, tx)
		if err != nil || !b.Times.IsPositive() || total.LessThanOrEqual(b.Floor) {
			return err
		}
		inv, found, err := oddInvoice(ctx, tx, made.InvoiceID)
		if err != nil || !found {
			return err
		}
		limit := b.Limit(inv.Usual)
		n := Numbers{Bound: InvoiceTimes, Value: total.String(), Currency: made.Currency, Invoice: inv.Number}
		if inv.Usual != nil {
			n.Usual = inv.Usual.String()
		}
		if n.Limit = limit.String(); total.LessThanOrEqual(limit) {
			return nil
		}
		return s.ParkIn(ctx, tx, made.UserID, n)
	})
}

// bounds reads the shop's setting. One that cannot be read leaves the defaults.
func (s *Service) bounds(ctx context.Context, tx tenants.Tx) (Bounds, error) {
	text, err := settingOf(ctx, tx)
	if err != nil {
		return Bounds{}, err
	}
	b, wrong := BoundsOf(text, tx.Tenant().Currency)
	if wrong != nil && s.Log != nil {
		s.Log.WarnContext(ctx, "a shop's bounds cannot be read", "tenant", tx.Tenant().Slug, "error", wrong)
	}
	return b, nil
}
