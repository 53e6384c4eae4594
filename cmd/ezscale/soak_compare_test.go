package main

import (
	"context"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// compare holds the books of every shop against the host's record.
func (s *soak) compare() {
	if s.t.Failed() {
		return
	}
	var sessions []booked
	wanted := map[string]bool{}
	for _, shop := range s.shops {
		db := booksOf(s.t, s.dir, shop)
		sessions = append(sessions, sessionsIn(s.t, db)...)
		s.wantWorkspaces(db, shop, wanted)
		wantLedger(s.t, db)
		_ = db.Close(s.t.Context())
	}
	now, runs := recordOf(s.t, s.host.server.URL)
	for _, problem := range promise(sessions, runs, now, s.host.outages()) {
		s.t.Error(problem)
	}
	for _, r := range runs {
		if r.To == nil && !wanted[plain(r.KasmID)] {
			s.t.Errorf("%s goes on for nobody", r)
		}
		if r.To == nil {
			delete(wanted, plain(r.KasmID))
		}
	}
	for id := range wanted {
		s.t.Errorf("desktop %s is believed to run and does not", id)
	}
	s.recompute()
	for _, p := range s.logs {
		wantNoAlerts(s.t, p.log.String())
	}
	s.say(sessions, runs)
}

// wantWorkspaces: each is as its customer left it, or says why not; those that run
// have one open session, the others none.
func (s *soak) wantWorkspaces(db *pgx.Conn, shop string, wanted map[string]bool) {
	s.t.Helper()
	type workspace struct {
		ID, Status, Observed, Failure, EndedBy string
		Desktop                                *string
		Open                                   int
	}
	all := map[string]workspace{}
	for _, w := range many[workspace](s.t, db, `select id::text, status, observed_state, failure,
			coalesce((select ended_by from kasm_usage_sessions s where s.kasm_workspace_id = w.id order by started_at desc limit 1), ''), kasm_workspace_id,
			(select count(*)::int from kasm_usage_sessions s where s.kasm_workspace_id = w.id and stopped_at is null) from kasm_workspaces w`) {
		all[w.ID] = w
		runs := w.Status == "running"
		if runs && w.Desktop != nil {
			wanted[plain(*w.Desktop)] = true
		}
		if runs != (w.Open == 1) || w.Open > 1 || runs && w.Desktop == nil {
			s.t.Errorf("%s: a workspace and its sessions differ: %+v", shop, w)
		}
	}
	orders := 0
	for _, d := range s.desks {
		if d.who.shop != shop {
			continue
		}
		orders += len(d.orders)
		for _, id := range d.orders {
			w := all[id]
			fine := w.Status == "terminated"
			if id == d.id && d.on {
				fine = w.Status == "running" || (w.Status == "stopped" || w.Status == "failed") && (w.Failure != "" || w.EndedBy == "limit")
			} else if id == d.id {
				fine = w.Status == "stopped" || w.Status == "failed"
			}
			if !fine {
				s.t.Errorf("%s: desktop %d is left as %+v; its customer wanted it: %t", shop, d.n, w, id == d.id && d.on)
			}
		}
	}
	if len(all) != orders {
		s.t.Errorf("%s: %d workspaces, %d were ordered", shop, len(all), orders)
	}
}

// recompute works every invoice out again from its sessions (R21).
func (s *soak) recompute() {
	s.t.Helper()
	checked := 0
	s.p.reading(func(ctx context.Context, in *installation) error {
		for _, shop := range s.shops {
			db := booksOf(s.t, s.dir, shop)
			numbers := many[struct{ Number string }](s.t, db, `select number from invoices where number is not null`)
			_ = db.Close(ctx)
			t, err := in.tenantBySlug(shop)
			if err != nil {
				return err
			}
			for _, n := range numbers {
				check, err := in.billing.Recompute(ctx, t, n.Number)
				if err != nil {
					return err
				}
				if !check.Right() {
					s.t.Errorf("%s: invoice %s differs from its sessions: %v", shop, n.Number, check.Differences)
				}
				checked++
			}
		}
		return nil
	})
	if checked < len(s.people) && s.now.After(time.Date(2026, time.November, 1, 12, 0, 0, 0, time.UTC)) {
		s.t.Errorf("%d invoices for %d customers", checked, len(s.people))
	}
	s.t.Logf("%d invoices worked out again", checked)
}

// say sums up what the test has seen.
func (s *soak) say(sessions []booked, runs []simRun) {
	blocks, ends, late := 0, map[string]int{}, []time.Duration{}
	from := map[string][]time.Time{}
	for _, r := range runs {
		from[plain(r.KasmID)] = append(from[plain(r.KasmID)], r.From)
	}
	for _, b := range sessions {
		blocks += len(b.Blocks)
		by := b.By
		if by == "" {
			by = "open"
		}
		ends[by]++
		begun := time.Time{}
		for _, f := range from[plain(b.Desktop)] {
			if !f.After(b.Started) && f.After(begun) {
				begun = f
			}
		}
		late = append(late, b.Started.Sub(begun))
	}
	s.t.Logf("%d sessions (%s) with %d blocks in %d runs of %d shops and %d customers", len(sessions), inOrder(ends), blocks, len(runs), len(s.shops), len(s.people))
	s.t.Logf("a session begins after its run, in simulated time: %s", spread(late))
	if len(sessions) < len(s.desks) {
		s.t.Errorf("only %d sessions: the soak shows too little", len(sessions))
	}
}

// usage is what this process has cost so far: its CPU, and its memory at most.
func usage() (cpu time.Duration, rss int64) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), int64(u.Maxrss) << 10
}
