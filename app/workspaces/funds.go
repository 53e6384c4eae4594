package workspaces

import (
	"context"
	"fmt"
	"sync"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
)

// Locks are taken in one order everywhere, so that starts, stops, reserves, proofs and
// bill runs never wait for each other in a circle: workspaces, their sessions, then the
// customer's row, then wallets, and of each kind by id.

// reserves gathers the workspaces of a shop whose next block is to be held, so that
// many of them take one transaction.
type reserves struct {
	mu    sync.Mutex
	shops map[uuid.UUID]*reserveQueue
}

type reserveQueue struct {
	working sync.Mutex // held while a batch of the shop is written
	next    *reserveBatch
}

type reserveBatch struct {
	ids  []uuid.UUID
	done chan struct{}
	err  error
}

// join puts a workspace into the shop's next batch; first says that the caller is to
// do the work.
func (r *reserves) join(shop, id uuid.UUID) (q *reserveQueue, b *reserveBatch, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.shops == nil {
		r.shops = map[uuid.UUID]*reserveQueue{}
	}
	if r.shops[shop] == nil {
		r.shops[shop] = &reserveQueue{}
	}
	q = r.shops[shop]
	first = q.next == nil
	if first {
		q.next = &reserveBatch{done: make(chan struct{})}
	}
	q.next.ids = append(q.next.ids, id)
	return q, q.next, first
}

func (r *reserves) close(q *reserveQueue) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q.next = nil
}

// OnReserveDue handles the time at which the next block of a running workspace is to
// be held (R14). Where that is refused, the stop at the edge of the last paid block is
// stored in the same transaction.
func (s *Service) OnReserveDue(ctx context.Context, m *bus.Message) error {
	id, err := uuid.Parse(m.Key)
	if err != nil {
		return bus.Permanent(fmt.Errorf("the due time's key is no workspace: %w", err))
	}
	q, b, first := s.reserves.join(m.Tenant.ID, id)
	if first {
		q.working.Lock()
		s.reserves.close(q)
		b.err = s.holdNext(context.WithoutCancel(ctx), m.Tenant, b.ids)
		q.working.Unlock()
		close(b.done)
	}
	select {
	case <-b.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if b.err == nil || len(b.ids) == 1 {
		return b.err
	}
	return s.holdNext(ctx, m.Tenant, []uuid.UUID{id}) // one must not keep the others from theirs
}

func (s *Service) holdNext(ctx context.Context, t tenants.Tenant, ids []uuid.UUID) error {
	return s.DB.In(ctx, t, func(tx tenants.Tx) error { return s.ReserveIn(ctx, tx, ids) })
}

// ReserveIn holds the next blocks of workspaces as far as that is due, stores the stops
// of those that are refused, and takes back the stops of those that are held again. A
// shop that may not sell holds nothing: its desktops end with the block they are in.
func (s *Service) ReserveIn(ctx context.Context, tx tenants.Tx, ids []uuid.UUID) error {
	rows, err := lockWorkspaces(ctx, tx, ids)
	if err != nil || !tx.Tenant().Status.Open() {
		return err
	}
	running := make([]uuid.UUID, 0, len(rows))
	byID := make(map[uuid.UUID]*liveRow, len(rows))
	for i := range rows {
		if rows[i].Status == Running {
			running = append(running, rows[i].ID)
			byID[rows[i].ID] = &rows[i]
		}
	}
	all, err := s.Meter.Reserve(ctx, tx, running)
	if err != nil {
		return err
	}
	for _, r := range all {
		if err := s.funded(ctx, tx, byID[r.WorkspaceID], r); err != nil {
			return err
		}
	}
	return nil
}

// funded writes on a running workspace where its money ends, if that changed.
func (s *Service) funded(ctx context.Context, tx tenants.Tx, row *liveRow, r Reserved) error {
	before := row.FundsStopAt
	switch {
	case r.StopAt.IsZero() && before == nil, !r.StopAt.IsZero() && before != nil && before.Equal(r.StopAt) && row.FundsStopBy == r.StopBy:
		return nil
	case r.StopAt.IsZero():
		row.FundsStopAt, row.FundsStopBy = nil, ""
	default:
		row.FundsStopAt, row.FundsStopBy = &r.StopAt, r.StopBy
	}
	if before == nil && !r.StopAt.IsZero() && r.StopAt.Before(tx.Now()) {
		return s.StopIn(ctx, tx, &row.Workspace, r.StopAt, r.StopBy) // nobody was there at the edge
	}
	if err := limitTimer(ctx, tx, row); err != nil {
		return err
	}
	return amended(ctx, tx, &row.Workspace, "system")
}

// credited is what the events say after which a customer may be able to pay again.
type credited struct {
	UserID uuid.UUID `json:"user_id"`
}

// OnFunds handles what changes what a customer can pay: credit was added, a cap or the
// way of paying changed. Stops that have not come yet are taken back where the next
// block can be held now.
func (s *Service) OnFunds(ctx context.Context, m *bus.Message) error {
	var c credited
	if err := m.Decode(&c); err != nil {
		return err
	}
	if c.UserID == uuid.Nil {
		return nil
	}
	return s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		ids, err := runningOf(ctx, tx, c.UserID)
		if err != nil {
			return err
		}
		if err := m.Done(ctx, tx); err != nil || len(ids) == 0 {
			return err
		}
		return s.ReserveIn(ctx, tx, ids)
	})
}
