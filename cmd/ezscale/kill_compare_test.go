package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// compare waits until nothing is under way any more and holds the books against
// the record of the desktop host.
func (k *killing) compare() {
	db := k.database()
	defer db.Close(context.Background())
	k.awaitQuiet(db)
	sessions := k.sessions(db)
	now, runs := k.record()
	for _, problem := range promise(sessions, runs, now, k.outages.past) {
		k.t.Error(problem)
	}
	k.wantWorkspaces(db, runs)
	k.wantLedger(db)
	k.wantNoAlerts()
	k.say(sessions, runs)
}

// database connects as the superuser, over the socket that the program published.
func (k *killing) database() *pgx.Conn {
	text, err := os.ReadFile(filepath.Join(k.dir, "postgres.owner.lock"))
	if err != nil {
		k.t.Fatal(err)
	}
	at := url.URL{Scheme: "postgres", User: url.User("ezscale"), Path: "/ezscale",
		RawQuery: url.Values{"host": {strings.TrimSpace(string(text))}, "port": {"5432"}, "sslmode": {"disable"}, "timezone": {"UTC"}, "search_path": {"tenant_" + killShop}}.Encode()}
	db, err := pgx.Connect(k.t.Context(), at.String())
	if err != nil {
		k.t.Fatal(err)
	}
	return db
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
		left = one[string](k, db, `select concat_ws(', ',
			(select 'events: ' || string_agg(id || ' ' || subject, ', ') from central.outbox where done_at is null),
			(select 'due: ' || string_agg(kind || ' ' || key || ' of ' || due_at, ', ') from central.due where due_at < now() - interval '2 seconds' or kind in ('converge', 'deadline')),
			(select 'workspaces: ' || string_agg(id || ' ' || desired_state || '/' || observed_state, ', ') from kasm_workspaces
			 where observed_state in ('requested', 'starting', 'stopping') or status = 'provisioning' or desired_state <> 'running' and observed_state = 'running' or lease_until > now()))`)
		if left != "" {
			return false
		}
		_, runs := k.record()
		live := 0
		for _, r := range runs {
			if r.To == nil {
				live++
			}
		}
		wanted := one[int](k, db, `select count(*)::int from kasm_workspaces where status = 'running'`)
		left = fmt.Sprintf("%d desktops run, %d are wanted", live, wanted)
		return live == wanted
	})
	k.t.Logf("quiet after %s", time.Since(began).Round(time.Millisecond))
}

func one[T any](k *killing, db *pgx.Conn, sql string) T {
	k.t.Helper()
	var v T
	if err := db.QueryRow(k.t.Context(), sql).Scan(&v); err != nil {
		k.t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func many[T any](k *killing, db *pgx.Conn, sql string) []T {
	k.t.Helper()
	rows, err := db.Query(k.t.Context(), sql)
	if err != nil {
		k.t.Fatalf("%s: %v", sql, err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[T])
	if err != nil {
		k.t.Fatalf("%s: %v", sql, err)
	}
	return all
}

// sessions reads the books.
func (k *killing) sessions(db *pgx.Conn) []booked {
	return many[booked](k, db, `select s.id::text, kasm_workspace_id::text, desktop_id, started_at, last_proof_at, stopped_at,
			coalesce(duration_seconds, 0), coalesce(duration_billable_seconds, 0), coalesce(ended_by, ''),
			coalesce((select jsonb_agg(jsonb_build_object('No', block_no, 'Starts', starts_at, 'Seconds', seconds) order by block_no) from usage_blocks b where b.session_id = s.id), '[]')
		from kasm_usage_sessions s order by started_at`)
}

// record asks the desktop host what truly ran.
func (k *killing) record() (now time.Time, runs []simRun) {
	k.t.Helper()
	res, err := http.Get(k.simAt + "/sim/record")
	if err != nil {
		k.t.Fatal(err)
	}
	defer res.Body.Close()
	var said struct {
		Now  time.Time `json:"now"`
		Runs []simRun  `json:"runs"`
	}
	if err := json.NewDecoder(res.Body).Decode(&said); err != nil {
		k.t.Fatal(err)
	}
	return said.Now, said.Runs
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
	for _, w := range many[workspace](k, db, `select id::text, status, observed_state, failure, kasm_workspace_id,
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

// wantLedger: balances are the sums of their entries, every transaction sums to
// zero, nothing is held for what does not run, and nothing ended as a dead letter.
func (k *killing) wantLedger(db *pgx.Conn) {
	for what, sql := range map[string]string{
		"dead letters": `select count(*)::int from central.dead_letters`,
		"balances that are not the sum of their entries": `select count(*)::int from ledger_accounts a
			where balance <> (select coalesce(sum(amount), 0) from ledger_entries e where e.account_id = a.id)`,
		"transactions that do not sum to zero": `select count(*)::int from (select cause from ledger_entries group by cause having sum(amount) <> 0) t`,
		"customers without one grant":          `select count(*)::int from users u where role = 'customer' and (select count(*) from ledger_accounts a where a.user_id = u.id and balance = 500) <> 1`,
		"wrong totals": `select count(*)::int from kasm_usage_sessions s where stopped_at is not null
			and total_cost <> (select round(s.cost_per_hour * sum(b.seconds) / 3600, 10) from usage_blocks b where b.session_id = s.id)`,
		"requests without an answer": `select count(*)::int from idempotency_keys where status is null`,
	} {
		if n := one[int](k, db, sql); n != 0 {
			k.t.Errorf("%d %s", n, what)
		}
	}
	for _, reason := range many[struct{ Consumer, Subject, Reason string }](k, db, `select consumer, subject, reason from central.dead_letters limit 5`) {
		k.t.Errorf("dead letter: %+v", reason)
	}
}

// wantNoAlerts: a kill is no fault of the books, and nothing panics.
func (k *killing) wantNoAlerts() {
	text, err := os.ReadFile(k.logFile())
	if err != nil {
		k.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "alert:") || strings.Contains(line, "panic") {
			k.t.Errorf("the program said: %s", line)
		}
	}
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
