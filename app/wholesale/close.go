package wholesale

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// grace is how long after its end a cycle waits for proofs that are late (R3), and
// look is how often it looks meanwhile.
const (
	grace = 10 * time.Minute
	look  = 30 * time.Second
)

// drawing is a closed cycle: its documents, and all lines, those on no document
// included.
type drawing struct {
	cycle Cycle
	docs  []*Document
	items []*Item
}

// firstOpen is the cycle after the newest closed one; of a reseller that has closed
// none, the one in which it came or its oldest usage lies.
func firstOpen(ctx context.Context, tx tenants.Tx, t Terms) (Cycle, []Cycle, error) {
	past, err := closed(ctx, tx)
	if err != nil {
		return Cycle{}, nil, err
	}
	zone := t.Zone()
	if len(past) > 0 {
		return cycleFrom(zone, past[len(past)-1].End, t.CycleDay), past, nil
	}
	began := t.CreatedAt
	first, err := oldest(ctx, tx)
	if err != nil {
		return Cycle{}, nil, err
	}
	if first != nil && first.Before(began) {
		began = *first
	}
	return cycleFrom(zone, begins(zone, civil(zone, began)), t.CycleDay), nil, nil
}

// over says that a closed reseller has nothing more to come after this cycle: its
// desktops are gone, and late usage has had a month.
func (t Terms) over(c Cycle) bool {
	return t.ClosedAt != nil && c.Start.After(t.ClosedAt.AddDate(0, 2, 0))
}

// closeNext closes the first open cycle if it has ended and may close, else says
// how long to wait. The zero asOf is the present.
func closeNext(ctx context.Context, tx tenants.Tx, t Terms, asOf time.Time) (made *drawing, wait time.Duration, err error) {
	if err := lock(ctx, tx); err != nil {
		return nil, 0, err
	}
	c, past, err := firstOpen(ctx, tx, t)
	if err != nil {
		return nil, 0, err
	}
	now := asOf
	if now.IsZero() {
		now = tx.Now()
	}
	if wait, err := notYet(ctx, tx, c, now); err != nil || wait > 0 {
		return nil, wait, err
	}
	made, err = closeCycle(ctx, tx, t, c, past)
	return made, 0, err
}

func notYet(ctx context.Context, tx tenants.Tx, c Cycle, now time.Time) (time.Duration, error) {
	if now.Before(c.End) {
		return c.End.Sub(now), nil
	}
	if !now.Before(c.End.Add(grace)) {
		return 0, nil
	}
	if open, err := unready(ctx, tx, c.End); err != nil || !open {
		return 0, err
	}
	return min(look, c.End.Add(grace).Sub(now)), nil
}

// closeCycle draws up everything that began before the cycle's end and is on no
// wholesale line: usage that came too late for its own cycle too (R19).
func closeCycle(ctx context.Context, tx tenants.Tx, t Terms, c Cycle, past []Cycle) (*drawing, error) {
	if first, err := claim(ctx, tx, t, c); err != nil || !first {
		return nil, err
	}
	s := supply{cycle: c, periods: append(past, c)}
	var err error
	if s.charges, err = unbilled(ctx, tx, c.End, s.periods); err != nil {
		return nil, err
	}
	if s.monthly, err = unmatched(ctx, tx, c.End); err != nil {
		return nil, err
	}
	if t.Mode == ModeCommission {
		if s.receipts, err = received(ctx, tx, c); err != nil {
			return nil, err
		}
	}
	made := &drawing{cycle: c, items: draw(t, tx.Tenant().Zone, s)}
	at := tx.Now()
	if at.Before(c.End) {
		at = c.End
	}
	made.docs = documents(t, c, at, made.items)
	if err := insertDocuments(ctx, tx, made.docs); err != nil {
		return nil, err
	}
	if err := insertItems(ctx, tx, c, made.items); err != nil {
		return nil, err
	}
	return made, insertDrawn(ctx, tx, made.items)
}

func (d *drawing) of(document uuid.UUID) (items []Item) {
	for _, i := range d.items {
		if i.DocumentID != nil && *i.DocumentID == document {
			items = append(items, *i)
		}
	}
	return items
}
