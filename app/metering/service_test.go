package metering

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

// noon is where every test's clock begins.
var noon = time.Date(2026, 9, 16, 12, 0, 0, 0, time.UTC)

type bench struct {
	testing.TB
	ctx   context.Context
	db    *tenants.DB
	shop  tenants.Tenant
	clock *clock.Movable
	meter *Service
	user  uuid.UUID
	plan  uuid.UUID
}

func setup(t testing.TB) *bench {
	t.Helper()
	c := clock.NewMovable(noon, 0)
	db, shop := tenanttest.New(t, tenanttest.WithClock(c.Now))
	b := &bench{TB: t, ctx: context.Background(), db: db, shop: shop, clock: c, meter: NewService(slog.New(slog.DiscardHandler))}
	b.user = b.newUser()
	b.in(func(tx tenants.Tx) (err error) {
		b.plan, err = tenants.Get[uuid.UUID](b.ctx, tx, "plan", `-- plan
select id from plans where service_type = 'business_basic'`)
		return err
	})
	return b
}

func (b *bench) in(fn func(tenants.Tx) error) {
	b.Helper()
	if err := b.db.In(b.ctx, b.shop, fn); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) exec(sql string, args ...any) {
	b.Helper()
	b.in(func(tx tenants.Tx) error { _, err := tx.Exec(b.ctx, sql, args...); return err })
}

func (b *bench) newUser() uuid.UUID {
	b.Helper()
	id := uuid.New()
	b.exec(`insert into users (id, email, password_hash, email_verified_at, created_at) values ($1, $2, 'x', $3, $3)`, id, id.String()+"@example.com", noon)
	return id
}

// workspace makes the rows that a session hangs on.
func (b *bench) workspace() uuid.UUID {
	b.Helper()
	id, service := uuid.New(), uuid.New()
	b.exec(`insert into services (id, user_id, plan_id, service_type, created_at) values ($1, $2, $3, 'business_basic', $4)`, service, b.user, b.plan, noon)
	b.exec(`insert into kasm_workspaces (id, user_id, service_id, plan_id, template_id, workspace_type, template_name, vcpu, ram_mb, desired_state, status, changed_at, created_at)
select $1, $2, $3, $4, t.id, 'business_basic', t.name, 2, 4096, 'running', 'running', $5, $5 from kasm_workspace_templates t order by sort_order limit 1`, id, b.user, service, b.plan, noon)
	return id
}

func (b *bench) open(ws uuid.UUID, run int, after time.Duration) time.Time {
	b.Helper()
	b.reach(after)
	var started time.Time
	b.in(func(tx tenants.Tx) (err error) {
		started, err = b.meter.Open(b.ctx, tx, Opening{WorkspaceID: ws, UserID: b.user, PlanID: b.plan, Run: run, DesktopID: "d", StartedBy: ByCustomer}, noon.Add(after))
		return err
	})
	return started
}

// reach moves the clock on to at least so long after noon.
func (b *bench) reach(after time.Duration) {
	if to := noon.Add(after); to.After(b.clock.Now()) {
		b.clock.Set(to, 0)
	}
}

func (b *bench) prove(ws uuid.UUID, after time.Duration) {
	b.Helper()
	b.reach(after)
	b.in(func(tx tenants.Tx) error { return b.meter.Prove(b.ctx, tx, []uuid.UUID{ws}, noon.Add(after)) })
}

func (b *bench) close(ws uuid.UUID, at time.Time, by string) time.Time {
	b.Helper()
	if at.After(b.clock.Now()) {
		b.clock.Set(at, 0)
	}
	var stopped time.Time
	b.in(func(tx tenants.Tx) (err error) {
		stopped, err = b.meter.Close(b.ctx, tx, ws, at, by)
		return err
	})
	return stopped
}

func (b *bench) sessions(ws uuid.UUID) []Session {
	b.Helper()
	var list []Session
	if err := b.db.Read(b.ctx, b.shop, SessionsQ(&list, b.user, Page{Limit: 50, WorkspaceID: ws})); err != nil {
		b.Fatal(err)
	}
	return list
}

func (b *bench) numbers(session uuid.UUID) (list []int) {
	b.Helper()
	if err := b.db.Read(b.ctx, b.shop, tenants.ListQ(&list, `select block_no from usage_blocks where session_id = $1 order by block_no`, session)); err != nil {
		b.Fatal(err)
	}
	return list
}

func (b *bench) due(session uuid.UUID) (at time.Time, found bool) {
	b.Helper()
	if err := b.db.CentralRead(b.ctx, tenants.FindQ(&at, &found, `select due_at from central.due where kind = 'block' and key = $1`, session.String())); err != nil {
		b.Fatal(err)
	}
	return at, found
}

func (b *bench) events(name string) (n int) {
	b.Helper()
	if err := b.db.CentralRead(b.ctx, tenants.GetQ(&n, "count", `select count(*) from central.outbox where schema_name = $1 and subject like '%' || $2`, b.shop.Schema(), name)); err != nil {
		b.Fatal(err)
	}
	return n
}

// check holds what every session promises: blocks 0 … n-1, n = ceil(length / size).
func (b *bench) check(s Session) {
	b.Helper()
	numbers := b.numbers(s.ID)
	for i, n := range numbers {
		if n != i {
			b.Fatalf("the blocks are numbered %v", numbers)
		}
	}
	if s.StoppedAt == nil {
		return
	}
	want := Blocks(s.StartedAt, *s.StoppedAt, s.BlockSeconds)
	if len(numbers) != want || s.Charged != want {
		b.Fatalf("%d blocks (%d in the list), want %d for %s", len(numbers), s.Charged, want, s.StoppedAt.Sub(s.StartedAt))
	}
	if got := Cost(s.CostPerHour, want, s.BlockSeconds); !s.TotalCost.Equal(got) {
		b.Fatalf("the session costs %s, want %s", s.TotalCost, got)
	}
	if got := int64(want * s.BlockSeconds); *s.DurationBillableSeconds != got {
		b.Fatalf("%d billable seconds, want %d", *s.DurationBillableSeconds, got)
	}
	if got := (*s.DurationSeconds + int64(s.BlockSeconds) - 1) / int64(s.BlockSeconds); got != int64(want) {
		b.Fatalf("%d seconds make %d blocks, want %d", *s.DurationSeconds, got, want)
	}
}

func TestASessionFromFirstProofToStop(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ws := b.workspace()
	b.open(ws, 1, 0)
	if again := b.open(ws, 1, time.Minute); !again.Equal(noon) {
		t.Errorf("opening twice starts at %s, want %s", again, noon)
	}
	s := b.sessions(ws)[0]
	if s.Charged != 1 || !s.Running() || s.BlocksAt(noon) != 1 {
		t.Fatalf("after the first observation: %+v", s)
	}
	if !s.CostPerHour.Equal(decimal.RequireFromString("0.2")) || !s.WholesaleCostPerHour.Equal(decimal.RequireFromString("0.12")) {
		t.Errorf("locked at %s and %s, want 0.20 and 0.12", s.CostPerHour, s.WholesaleCostPerHour)
	}
	if due, _ := b.due(s.ID); !due.Equal(noon.Add(15*time.Minute + time.Millisecond)) {
		t.Errorf("the next proof is due at %s", due)
	}
	b.prove(ws, 15*time.Minute)
	if n := b.numbers(s.ID); len(n) != 1 {
		t.Errorf("V6: a proof at the edge charges %v", n)
	}
	b.prove(ws, 15*time.Minute+time.Millisecond)
	if n := b.numbers(s.ID); len(n) != 2 {
		t.Errorf("V7: a proof after the edge charges %v", n)
	}
	b.exec(`update plans set price_per_hour = 9 where id = $1`, b.plan)
	stopped := b.close(ws, noon.Add(22*time.Minute), ByCustomer)
	if !stopped.Equal(noon.Add(22 * time.Minute)) {
		t.Errorf("stopped at %s", stopped)
	}
	s = b.sessions(ws)[0]
	b.check(s)
	if s.TotalCost.String() != "0.1" || *s.EndedBy != ByCustomer {
		t.Errorf("V2: costs %s, ended by %s", s.TotalCost, *s.EndedBy)
	}
	if _, there := b.due(s.ID); there {
		t.Error("a closed session still has a due block")
	}
	if at := b.close(ws, noon.Add(time.Hour), ByGone); !at.IsZero() {
		t.Errorf("closing twice ends at %s", at)
	}
	b.check(b.sessions(ws)[0])
	if o, c, e := b.events("session.opened"), b.events("block.charged"), b.events("session.closed"); o != 1 || c != 2 || e != 1 {
		t.Errorf("announced %d opened, %d charged, %d closed; want 1, 2, 1", o, c, e)
	}
}

func TestV36UnreachableButRunning(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ws := b.workspace()
	b.open(ws, 1, 0)
	b.prove(ws, 20*time.Minute)
	id := b.sessions(ws)[0].ID
	if n := b.numbers(id); len(n) != 2 {
		t.Fatalf("blocks %v before the gap", n)
	}
	b.prove(ws, 65*time.Minute)
	if n := b.numbers(id); len(n) != 5 {
		t.Errorf("blocks %v after the gap, want five", n)
	}
	if due, _ := b.due(id); !due.Equal(noon.Add(75*time.Minute + time.Millisecond)) {
		t.Errorf("the next proof is due at %s", due)
	}
}

func TestFoundGoneItEndsAtItsLastProof(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ws := b.workspace()
	b.open(ws, 1, 0)
	b.prove(ws, 20*time.Minute)
	b.reach(2 * time.Hour)
	b.close(ws, time.Time{}, ByGone)
	s := b.sessions(ws)[0]
	b.check(s)
	if !s.StoppedAt.Equal(noon.Add(20*time.Minute)) || s.Charged != 2 {
		t.Errorf("ended at %s with %d blocks", s.StoppedAt, s.Charged)
	}
	// Seen once and never again: it ran, so it has a length.
	short := b.workspace()
	b.open(short, 1, 2*time.Hour)
	b.close(short, time.Time{}, ByGone)
	s = b.sessions(short)[0]
	b.check(s)
	if s.StoppedAt.Sub(s.StartedAt) != time.Microsecond || s.Charged != 1 || *s.DurationSeconds != 1 {
		t.Errorf("a glimpse has %s, %d blocks", s.StoppedAt.Sub(s.StartedAt), s.Charged)
	}
}

func TestProofsThatLieOutsideAreIgnored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ws := b.workspace()
	b.open(ws, 1, time.Hour)
	id := b.sessions(ws)[0].ID
	b.prove(ws, 0)
	b.in(func(tx tenants.Tx) error { return b.meter.Prove(b.ctx, tx, []uuid.UUID{ws}, noon.Add(9*time.Hour)) })
	if n := b.numbers(id); len(n) != 1 {
		t.Errorf("R7: blocks %v, want the first alone", n)
	}
	if got := b.sessions(ws)[0].LastProofAt; !got.Equal(noon.Add(time.Hour)) {
		t.Errorf("R7: last proof %s", got)
	}
	b.in(func(tx tenants.Tx) error { return b.meter.Prove(b.ctx, tx, nil, noon) })
}

func TestStartedAgainAtTheSameMoment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ws := b.workspace()
	b.open(ws, 1, 0)
	stopped := b.close(ws, noon, ByCustomer)
	if started := b.open(ws, 2, 0); started.Before(stopped) {
		t.Errorf("the second run starts at %s, before the first ended at %s", started, stopped)
	}
	b.close(ws, noon.Add(time.Minute), ByCustomer)
	for _, s := range b.sessions(ws) {
		b.check(s)
	}
}

func TestAPlanWithoutAWholesaleRateIsNotOpened(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ws := b.workspace()
	b.exec(`update plans set catalog_plan_id = 'nothing_such' where id = $1`, b.plan)
	err := b.db.In(b.ctx, b.shop, func(tx tenants.Tx) error {
		_, err := b.meter.Open(b.ctx, tx, Opening{WorkspaceID: ws, UserID: b.user, PlanID: b.plan, Run: 1, DesktopID: "d"}, noon)
		return err
	})
	if err == nil {
		t.Fatal("R4: a session was opened without a wholesale rate")
	}
}

func TestSumsByMonthAndDay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ws := b.workspace()
	b.open(ws, 1, 11*time.Hour+50*time.Minute) // 23:50
	b.close(ws, noon.Add(12*time.Hour+20*time.Minute), ByStaff)
	from, to := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	var month, shop Usage
	var days []Day
	var recent, open []Session
	var one Session
	var running bool
	err := b.db.Read(b.ctx, b.shop, UsageQ(&month, b.user, from, to), ShopUsageQ(&shop, from, to), DailyQ(&days, b.user, from, to, time.UTC),
		RecentQ(&recent, b.user, 5), OpenSessionsQ(&open, b.user), OpenSessionQ(&one, &running, ws))
	if err != nil {
		t.Fatal(err)
	}
	if month.Blocks != 2 || month.Seconds != 1800 || month.Cost.String() != "0.1" || shop != month && !shop.Cost.Equal(month.Cost) {
		t.Errorf("month %+v, shop %+v", month, shop)
	}
	if len(days) != 30 || days[15].Blocks != 1 || days[16].Blocks != 1 || days[0].Blocks != 0 {
		t.Errorf("days %+v", days)
	}
	if len(recent) != 1 || len(open) != 0 || running {
		t.Errorf("recent %d, open %d", len(recent), len(open))
	}
	var next []Session
	after := CursorOf(recent[0])
	if err := b.db.Read(b.ctx, b.shop, SessionsQ(&next, b.user, Page{Limit: 5, After: &after})); err != nil || len(next) != 0 {
		t.Errorf("after the last one: %d, %v", len(next), err)
	}
}

func TestStandings(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ws, other := b.workspace(), b.workspace()
	b.open(ws, 1, 0)
	b.prove(ws, 16*time.Minute)
	b.in(func(tx tenants.Tx) error {
		all, err := b.meter.Standings(b.ctx, tx, []uuid.UUID{ws, other})
		if st, ok := all[ws]; len(all) != 1 || !ok || !st.PaidUntil.Equal(noon.Add(30*time.Minute)) || !st.LastProofAt.Equal(noon.Add(16*time.Minute)) {
			t.Errorf("standings %+v", all)
		}
		return err
	})
}

// Whatever the order, number and duplication of proofs: the rows are 0 … n-1 with
// n = ceil(length / block), and the same as without any proof but the first.
func TestProofsInAnyOrderChargeTheSame(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rapid.Check(t, func(r *rapid.T) {
		size := rapid.SampledFrom([]int{300, 900}).Draw(r, "block")
		b.exec(`update plans set block_seconds = $2 where id = $1`, b.plan, size)
		b.clock.Set(noon.Add(48*time.Hour), 0)
		ws := b.workspace()
		b.in(func(tx tenants.Tx) error {
			_, err := b.meter.Open(b.ctx, tx, Opening{WorkspaceID: ws, UserID: b.user, PlanID: b.plan, Run: 1, DesktopID: "d"}, noon)
			return err
		})
		length := time.Duration(rapid.Int64Range(0, int64(4*time.Hour/time.Millisecond)).Draw(r, "length")) * time.Millisecond
		proofs := rapid.SliceOfN(rapid.Int64Range(0, int64(length/time.Millisecond)), 0, 5).Draw(r, "proofs")
		for _, p := range append(proofs, proofs...) {
			b.prove(ws, time.Duration(p)*time.Millisecond)
		}
		b.close(ws, noon.Add(length), ByCustomer)
		s := b.sessions(ws)[0]
		b.check(s)
		if want := max(1, Blocks(noon, noon.Add(length), size)); s.Charged != want {
			r.Fatalf("%d blocks, want %d", s.Charged, want)
		}
	})
}
