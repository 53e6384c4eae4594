package workspaces

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// reconcile applies to one shop what the hosts said.
func (r *Reconciler) reconcile(ctx context.Context, sh *shop, sightings []sighting) error {
	moving := false
	for _, g := range sightings {
		if g.err != nil {
			moving = moving || anyInTransition(sh.rows)
			continue
		}
		if err := r.apply(ctx, sh, g); err != nil {
			return err
		}
		if err := r.strays(ctx, sh, g); err != nil {
			return err
		}
	}
	var still bool
	if err := r.s.DB.Read(ctx, sh.tenant, inTransitionQ(&still)); err != nil {
		return err
	}
	r.setBusy(sh.tenant, moving || still)
	return nil
}

func anyInTransition(rows []liveRow) bool {
	for i := range rows {
		if rows[i].InTransition() {
			return true
		}
	}
	return false
}

// due is what a row needs, found without a lock. What changes a row is decided
// again under its lock.
type found struct {
	prove  []uuid.UUID
	used   []uuid.UUID // of those, somebody is connected and an idle rule is in force
	change []liveRow
}

func (r *Reconciler) sort(sh *shop, g sighting) found {
	var f found
	now := r.s.Clock.Now()
	for _, row := range sh.rows {
		if row.ServerID == nil || *row.ServerID != g.host.ID || row.DesktopID == nil {
			if row.DesktopID == nil && r.forgotten(row, now) {
				f.change = append(f.change, row)
			}
			continue
		}
		trial := row.Workspace
		e := trial.see(g.state(row), now, r.s.Patience)
		switch {
		case e.prove && !r.over(sh.tenant, row, g):
			f.prove = append(f.prove, row.ID)
			if !g.unused(row) && row.uses(g.at, row.PlanIdleStop) {
				f.used = append(f.used, row.ID)
			}
		case e != effect{}:
			f.change = append(f.change, row)
		}
	}
	return f
}

func (g sighting) state(row liveRow) string {
	if row.DesktopID == nil {
		return absent
	}
	return g.desktops[*row.DesktopID].State
}

// unused tells that the host says of a desktop that nobody is connected.
func (g sighting) unused(row liveRow) bool {
	return row.DesktopID != nil && g.desktops[*row.DesktopID].Use == Unused
}

// over tells that a running desktop should not simply go on: a rule of its run ends
// it, its customer is to be warned of that, or its shop may not sell more time.
func (r *Reconciler) over(t tenants.Tenant, row liveRow, g sighting) bool {
	unused := g.unused(row)
	return row.over(g.at, row.PlanIdleStop, unused).by != "" || unused && row.warns(g.at, row.PlanIdleStop) || !t.Status.Open()
}

// forgotten: a start that nobody works at, because the worker died before its
// message came again.
func (r *Reconciler) forgotten(row liveRow, now time.Time) bool {
	return row.Desired == WantRunning && row.age(now) >= settling && !r.leased(row)
}

func (r *Reconciler) leased(row liveRow) bool {
	return row.LeaseUntil != nil && row.LeaseUntil.After(r.s.Wall())
}

// apply writes what one host says about the shop's desktops in one transaction.
// When that fails, each workspace is done alone, so that one cannot keep the
// others from being proved or closed.
func (r *Reconciler) apply(ctx context.Context, sh *shop, g sighting) error {
	f := r.sort(sh, g)
	if len(f.prove) == 0 && len(f.change) == 0 {
		return nil
	}
	err := r.commit(ctx, sh, g, f)
	if err == nil || len(f.prove)+len(f.change) == 1 {
		return err
	}
	r.s.Log.ErrorContext(ctx, "a round is done one workspace at a time", "tenant", sh.tenant.Slug, "err", err)
	if len(f.prove) > 0 {
		err = r.commit(ctx, sh, g, found{prove: f.prove, used: f.used})
	} else {
		err = nil
	}
	for _, row := range f.change {
		if one := r.commit(ctx, sh, g, found{change: []liveRow{row}}); one != nil {
			r.s.Log.ErrorContext(ctx, "a workspace could not be reconciled", "tenant", sh.tenant.Slug, "workspace", row.ID, "err", one)
			err = one
		}
	}
	return err
}

func (r *Reconciler) commit(ctx context.Context, sh *shop, g sighting, f found) error {
	return r.s.DB.In(ctx, sh.tenant, func(tx tenants.Tx) error {
		if err := r.s.inUse(ctx, tx, f.used, g.at); err != nil {
			return err
		}
		if err := r.change(ctx, tx, g, f.change, f.prove); err != nil {
			return err
		}
		return r.s.Meter.Prove(ctx, tx, f.prove, g.at)
	})
}

// change applies what one host says to rows that change. prove are the workspaces that
// will be proved in the same transaction.
func (r *Reconciler) change(ctx context.Context, tx tenants.Tx, g sighting, snapshot []liveRow, prove []uuid.UUID) error {
	if len(snapshot) == 0 {
		return nil
	}
	ids, revision := make([]uuid.UUID, len(snapshot)), map[uuid.UUID]int64{}
	for i, row := range snapshot {
		ids[i], revision[row.ID] = row.ID, row.Revision
	}
	rows, err := lockWorkspaces(ctx, tx, ids)
	if err != nil {
		return err
	}
	if err := r.s.Meter.Lock(ctx, tx, ids, prove, g.at); err != nil {
		return err
	}
	for i := range rows {
		// A row that changed since it was read may be younger than what the host said.
		if rows[i].Revision != revision[rows[i].ID] {
			continue
		}
		if err := r.changeOne(ctx, tx, g, rows[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reconciler) changeOne(ctx context.Context, tx tenants.Tx, g sighting, row liveRow) error {
	w := &row.Workspace
	if w.DesktopID == nil {
		return bus.Due(ctx, tx, DueConverge, w.ID.String(), tx.Now(), nil)
	}
	e := w.see(g.state(row), tx.Now(), r.s.Patience)
	if e.prove {
		return r.finish(ctx, tx, row, g)
	}
	return r.s.carry(ctx, tx, &row, e, g.at)
}

// finish stops a desktop that has come to its end: exactly when the rule says that
// ended its run, or for a shop that may not sell more at the end of the last block
// that was paid.
func (r *Reconciler) finish(ctx context.Context, tx tenants.Tx, row liveRow, g sighting) error {
	w, at, unused := &row.Workspace, g.at, g.unused(row)
	if e := w.over(at, row.PlanIdleStop, unused); e.by != "" {
		return r.s.StopIn(ctx, tx, w, e.at, e.by)
	}
	if tx.Tenant().Status.Open() {
		if unused && w.warns(at, row.PlanIdleStop) {
			if err := r.s.warn(ctx, tx, &row); err != nil {
				return err
			}
		}
		return r.s.Meter.Prove(ctx, tx, []uuid.UUID{w.ID}, at)
	}
	all, err := r.s.Meter.Standings(ctx, tx, []uuid.UUID{w.ID})
	if err != nil {
		return err
	}
	st, open := all[w.ID]
	if open && !at.After(st.PaidUntil) {
		return r.s.Meter.Prove(ctx, tx, []uuid.UUID{w.ID}, at)
	}
	return r.s.StopIn(ctx, tx, w, st.PaidUntil, "system")
}

// carry writes a row that was seen anew, and everything that follows from it.
func (s *Service) carry(ctx context.Context, tx tenants.Tx, row *liveRow, e effect, at time.Time) error {
	w := &row.Workspace
	var err error
	switch {
	case e.open:
		err = s.opened(ctx, tx, row, e.first, at)
	case e.close != "":
		err = s.ended(ctx, tx, w, e.close)
	}
	if err == nil && e.changed {
		err = save(ctx, tx, w)
	}
	if err == nil && e.confirmed {
		err = s.announceOff(ctx, tx, w)
	}
	if err == nil && e.deadline {
		err = bus.Due(ctx, tx, DueDeadline, w.ID.String(), *w.DeadlineAt, nil)
	}
	if err == nil && e.converge {
		err = bus.Due(ctx, tx, DueConverge, w.ID.String(), tx.Now(), nil)
	}
	return err
}

// opened begins the charging of a desktop that is seen running for the first time
// in this run (R1).
func (s *Service) opened(ctx context.Context, tx tenants.Tx, row *liveRow, first bool, at time.Time) error {
	w := &row.Workspace
	if left, err := s.spend(ctx, tx, row, priceOf(tx, row), at); err != nil || !left {
		return s.unaffordable(ctx, tx, w, first, err)
	}
	started, err := s.Meter.Open(ctx, tx, openingOf(w), at)
	if fail.Is(err, fail.PaymentRequired) {
		return s.unpaid(ctx, tx, w, first, err)
	}
	if err != nil {
		return err
	}
	w.begins(started)
	if err := s.respend(ctx, tx, row); err != nil {
		return err
	}
	if err := undue(ctx, tx, w.ID, DueDeadline, DueConverge); err != nil {
		return err
	}
	if err := s.timers(ctx, tx, row); err != nil {
		return err
	}
	if err := setService(ctx, tx, w.ServiceID, "active", &at); err != nil {
		return err
	}
	h := by(w, w.StartedBy)
	h.First = first
	return bus.Append(ctx, tx, EventRunning, h)
}

// unaffordable ends a start whose budget buys no block any more, because the plan's
// price rose or an interrupted run has spent it.
func (s *Service) unaffordable(ctx context.Context, tx tenants.Tx, w *Workspace, first bool, err error) error {
	if err != nil {
		return err
	}
	if first {
		w.ProvisionedAt = nil
	}
	return s.fail(ctx, tx, w, CodeBudget, budgetSpent, "what is left of the run's budget buys no block")
}

// unpaid ends a start whose first block its customer cannot pay any more: its price
// rose, or an interrupted run has spent the credit.
func (s *Service) unpaid(ctx context.Context, tx tenants.Tx, w *Workspace, first bool, refusal error) error {
	if first {
		w.ProvisionedAt = nil
	}
	return s.fail(ctx, tx, w, CodeCredit, creditSpent, refusal.Error())
}

// keepaliveEvery is how often a desktop is kept alive whose blocks are longer.
const keepaliveEvery = 30 * time.Minute

func (s *Service) timers(ctx context.Context, tx tenants.Tx, row *liveRow) error {
	if err := limitTimer(ctx, tx, row); err != nil {
		return err
	}
	if err := idleTimer(ctx, tx, row); err != nil {
		return err
	}
	if time.Duration(row.BlockSeconds)*time.Second <= keepaliveEvery {
		return nil
	}
	return bus.Due(ctx, tx, DueKeepalive, row.ID.String(), row.LastStartedAt.Add(keepaliveEvery), nil)
}

// ended closes the books on a desktop that ended by itself, at the last proof
// that it ran (R6).
func (s *Service) ended(ctx context.Context, tx tenants.Tx, w *Workspace, who string) error {
	stopped, err := s.Meter.Close(ctx, tx, w.ID, time.Time{}, who)
	if err != nil {
		return err
	}
	if !stopped.IsZero() {
		w.LastStoppedAt = &stopped
	}
	if err := undue(ctx, tx, w.ID, DueLimit, DueIdle, DueKeepalive); err != nil {
		return err
	}
	h := by(w, "host")
	h.Code, h.Error = w.FailureCode, w.Failure
	return bus.Append(ctx, tx, EventStopped, h)
}
