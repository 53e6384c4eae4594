package billing

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// closeCycle is CloseCycle inside the caller's transaction. Everything charged
// before the cycle's end and on no invoice yet goes on one: usage that came too
// late for its own cycle too (R19). The subscriptions of the next cycle go on it
// too, in advance (R25).
func closeCycle(ctx context.Context, tx tenants.Tx, c Cycle) ([]Invoice, error) {
	if err := lock(ctx, tx); err != nil {
		return nil, err
	}
	if first, err := claim(ctx, tx, c); err != nil || !first {
		return nil, err
	}
	months, all, err := gather(ctx, tx, c)
	if err != nil {
		return nil, err
	}
	ahead, err := advances(ctx, tx, c.Next(tx.Tenant().Zone))
	if err != nil || len(all)+len(ahead) == 0 {
		return nil, err
	}
	return issue(ctx, tx, batchOf(tx, c), draw(all, months, ahead))
}

func batchOf(tx tenants.Tx, c Cycle) batch {
	return batch{kind: CycleKind, cycle: &c.Start, start: c.Start, end: c.End, at: issuedAt(tx, c), description: "Usage of " + c.Name()}
}

// gather adds up what is to be billed, with the months it belongs to: from that of
// the oldest block up to the cycle itself.
func gather(ctx context.Context, tx tenants.Tx, c Cycle) ([]Cycle, []usage, error) {
	oldest, found, err := oldestUnbilled(ctx, tx, c.End)
	if err != nil || !found {
		return nil, nil, err
	}
	zone := tx.Tenant().Zone
	var months []Cycle
	for m := CycleOf(zone, oldest); m.Start.Before(c.End); m = m.Next(zone) {
		months = append(months, m)
	}
	left, err := allowances(ctx, tx, c.End, months)
	if err != nil {
		return nil, nil, err
	}
	all, err := unbilled(ctx, tx, c.End, months, left)
	for _, u := range all {
		if u.Month < 1 {
			return nil, nil, errMoved
		}
	}
	return months, merged(all), err
}

// issuedAt is now, but never before the cycle's end: a month may be closed early
// on an operator's word.
func issuedAt(tx tenants.Tx, c Cycle) time.Time {
	if now := tx.Now(); now.After(c.End) {
		return now
	}
	return c.End
}

// peopleOf reads who the documents are made out to.
func peopleOf(ctx context.Context, tx tenants.Tx, docs []document) (map[uuid.UUID]customer, error) {
	people, err := customers(ctx, tx, userIDs(docs))
	if err != nil {
		return nil, err
	}
	byID := make(map[uuid.UUID]customer, len(people))
	for _, p := range people {
		byID[p.ID] = p
	}
	return byID, nil
}

func (c customer) party() Party {
	return Party{Name: c.Name, Email: c.Email, Company: c.Company, Address: c.Address, Country: c.Country, VATNumber: c.VATNumber}
}

func userIDs(docs []document) []uuid.UUID {
	ids := make([]uuid.UUID, len(docs))
	for i, d := range docs {
		ids[i] = d.userID
	}
	return ids
}
