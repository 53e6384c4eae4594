package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
)

// compare waits until nothing is under way any more and holds the books against
// the record of the desktop host.
func (k *killing) compare() {
	db := booksOf(k.t, k.dir, killShop)
	defer db.Close(context.Background())
	k.awaitQuiet(db)
	sessions := sessionsIn(k.t, db)
	now, runs := recordOf(k.t, k.simAt)
	for _, problem := range promise(sessions, runs, now, k.outages.past) {
		k.t.Error(problem)
	}
	k.wantWorkspaces(db, runs)
	k.wantLedger(db)
	k.wantNoAlerts()
	k.say(sessions, runs)
}

// awaitQuiet waits until every event has had its effect, nothing is due, nobody
// holds a lease, and the host has ended what nobody wants any more.
func (k *killing) awaitQuiet(db *pgx.Conn) {
	began := time.Now()
	var left string
	defer func() {
		if k.t.Failed() {
			k.t.Logf("left to do: %s", left)
		}
	}()
	soon(k.t, "nothing is left to do", quietWithin, func() bool {
		left = one[string](k.t, db, `select concat_ws(', ',
			(select 'events: ' || string_agg(id || ' ' || subject || ' published ' || coalesce(published_at::text, 'never') || ', done by ' || coalesce((select string_agg(r.consumer, '+') from central.outbox_receipts r where r.outbox_id = o.id), 'nobody'), ', ') from central.outbox o where done_at is null),
			(select 'due: ' || string_agg(kind || ' ' || key || ' of ' || due_at, ', ') from central.due where due_at < now() - interval '2 seconds' or kind in ('converge', 'deadline')),
			(select 'workspaces: ' || string_agg(id || ' ' || desired_state || '/' || observed_state, ', ') from kasm_workspaces
			 where observed_state in ('requested', 'starting', 'stopping') or status = 'provisioning' or desired_state <> 'running' and observed_state = 'running' or lease_until > now()))`)
		if left != "" {
			return false
		}
		_, runs := recordOf(k.t, k.simAt)
		live := 0
		for _, r := range runs {
			if r.To == nil {
				live++
			}
		}
		wanted := one[int](k.t, db, `select count(*)::int from kasm_workspaces where status = 'running'`)
		left = fmt.Sprintf("%d desktops run, %d are wanted", live, wanted)
		return live == wanted
	})
	k.t.Logf("quiet after %s", time.Since(began).Round(time.Millisecond))
}

// wantWorkspaces: each is as its customer left it, those that run have one desktop
// and one open session, and no desktop runs for nobody.
func (k *killing) wantWorkspaces(db *pgx.Conn, runs []simRun) {
	type workspace struct {
		ID, Status, Observed, Failure string
		Desktop                       *string
		Open                          int
	}
	all := map[string]workspace{}
	wanted := map[string]bool{}
	for _, w := range many[workspace](k.t, db, `select id::text, status, observed_state, failure, kasm_workspace_id,
			(select count(*)::int from kasm_usage_sessions s where s.kasm_workspace_id = w.id and stopped_at is null) from kasm_workspaces w`) {
		all[w.ID] = w
		if w.Status == "running" && w.Desktop != nil {
			wanted[plain(*w.Desktop)] = true
		}
	}
	for _, d := range k.desks {
		w := all[d.id]
		open, ok := 0, w.Status == "stopped" || w.Status == "failed"
		if d.n%2 == 0 {
			open, ok = 1, w.Status == "running" && w.Desktop != nil
		}
		if !ok || w.Open != open {
			k.t.Errorf("desktop %d ended as %+v", d.n, w)
		}
	}
	if len(all) != killDesks {
		k.t.Errorf("%d workspaces, %d were ordered", len(all), killDesks)
	}
	for _, r := range runs {
		if r.To == nil && !wanted[plain(r.KasmID)] {
			k.t.Errorf("%s goes on for nobody", r)
		}
	}
}

// wantLedger: the ledger holds, everybody has what was granted once less what their
// blocks took (R13, R14), and every request was answered.
func (k *killing) wantLedger(db *pgx.Conn) {
	wantLedger(k.t, db)
	for what, sql := range map[string]string{
		"customers without one grant": `select count(*)::int from users u where role = 'customer' and (
			select count(*) from ledger_accounts a join ledger_entries e on e.account_id = a.id where a.user_id = u.id and e.cause like 'grant:%' and e.amount = 500) <> 1`,
		"customers whose credit is not what their blocks left": `select count(*)::int from users u where role = 'customer' and 500 <> (
			select sum(a.balance) from ledger_accounts a where a.user_id = u.id) + (select coalesce(sum(b.prepaid), 0) from usage_blocks b where b.user_id = u.id)`,
		"customers of whose credit is held what no hold says": `select count(*)::int from users u where role = 'customer' and (
			select sum(a.held) from ledger_accounts a where a.user_id = u.id) <> (select coalesce(sum(h.price), 0) from block_holds h where h.user_id = u.id)`,
		"requests without an answer": `select count(*)::int from idempotency_keys where status is null`,
	} {
		if n := one[int](k.t, db, sql); n != 0 {
			k.t.Errorf("%d %s", n, what)
		}
	}
}

// wantNoAlerts: a kill is no fault of the books, and nothing panics.
func (k *killing) wantNoAlerts() {
	text, err := os.ReadFile(k.logFile())
	if err != nil {
		k.t.Fatal(err)
	}
	wantNoAlerts(k.t, string(text))
}

// say sums up what the test has seen.
func (k *killing) say(sessions []booked, runs []simRun) {
	long, blocks, repeated := 0, 0, 0
	var slowest time.Duration
	for _, s := range sessions {
		blocks += len(s.Blocks)
		if len(s.Blocks) > 1 {
			long++
		}
	}
	for _, d := range k.desks {
		repeated += d.repeated
		slowest = max(slowest, d.slowest)
	}
	k.t.Logf("%d sessions, %d of several blocks, %d blocks; %d runs; %d requests repeated, the slowest answer after %s", len(sessions), long, blocks, len(runs), repeated, slowest.Round(time.Millisecond))
	if long < 5 {
		k.t.Errorf("only %d sessions have several blocks: the test shows too little", long)
	}
}
