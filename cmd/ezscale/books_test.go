package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// booksOf connects to a shop's tables as the superuser, over the socket that the
// program on the data directory published.
func booksOf(t testing.TB, dir, shop string) *pgx.Conn {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "postgres.owner.lock"))
	if err != nil {
		t.Fatal(err)
	}
	at := url.URL{Scheme: "postgres", User: url.User("ezscale"), Path: "/ezscale",
		RawQuery: url.Values{"host": {strings.TrimSpace(string(text))}, "port": {"5432"}, "sslmode": {"disable"}, "timezone": {"UTC"}, "search_path": {"tenant_" + shop}}.Encode()}
	db, err := pgx.Connect(t.Context(), at.String())
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func one[T any](t testing.TB, db *pgx.Conn, sql string) T {
	t.Helper()
	var v T
	if err := db.QueryRow(t.Context(), sql).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func many[T any](t testing.TB, db *pgx.Conn, sql string) []T {
	t.Helper()
	rows, err := db.Query(t.Context(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[T])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return all
}

// sessionsIn reads a shop's books.
func sessionsIn(t testing.TB, db *pgx.Conn) []booked {
	t.Helper()
	return many[booked](t, db, `select s.id::text, kasm_workspace_id::text, desktop_id, started_at, last_proof_at, stopped_at,
			coalesce(duration_seconds, 0), coalesce(duration_billable_seconds, 0), coalesce(ended_by, ''), block_seconds,
			coalesce((select jsonb_agg(jsonb_build_object('No', block_no, 'Starts', starts_at, 'Seconds', seconds) order by block_no) from usage_blocks b where b.session_id = s.id), '[]')
		from kasm_usage_sessions s order by started_at`)
}

// recordOf asks a desktop host what truly ran.
func recordOf(t testing.TB, sim string) (now time.Time, runs []simRun) {
	t.Helper()
	res, err := http.Get(sim + "/sim/record")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var said struct {
		Now  time.Time `json:"now"`
		Runs []simRun  `json:"runs"`
	}
	if err := json.NewDecoder(res.Body).Decode(&said); err != nil {
		t.Fatal(err)
	}
	return said.Now, said.Runs
}

// wantLedger: balances are the sums of their entries, every transaction sums to
// zero, what a session cost is what its blocks cost, and nothing ended as a dead
// letter.
func wantLedger(t testing.TB, db *pgx.Conn) {
	t.Helper()
	for what, sql := range map[string]string{
		"dead letters": `select count(*)::int from central.dead_letters`,
		"balances that are not the sum of their entries": `select count(*)::int from ledger_accounts a
			where balance <> (select coalesce(sum(amount), 0) from ledger_entries e where e.account_id = a.id)`,
		"transactions that do not sum to zero": `select count(*)::int from (select cause from ledger_entries group by cause having sum(amount) <> 0) t`,
		"wrong totals": `select count(*)::int from kasm_usage_sessions s where stopped_at is not null
			and total_cost <> (select round(s.cost_per_hour * sum(b.seconds) / 3600, 10) from usage_blocks b where b.session_id = s.id)`,
	} {
		if n := one[int](t, db, sql); n != 0 {
			t.Errorf("%d %s", n, what)
		}
	}
	for _, reason := range many[struct{ Consumer, Subject, Reason string }](t, db, `select consumer, subject, reason from central.dead_letters limit 5`) {
		t.Errorf("dead letter: %+v", reason)
	}
}

// wantNoAlerts looks through what the program said.
func wantNoAlerts(t testing.TB, log string) {
	t.Helper()
	for line := range strings.Lines(log) {
		if strings.Contains(line, "alert:") || strings.Contains(line, "panic") {
			t.Errorf("the program said: %s", line)
		}
	}
}
