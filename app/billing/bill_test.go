package billing_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/bus/bustest"
	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/tenants"
)

func (b bundle) bill(t testing.TB, asOf string) []billing.Billed {
	t.Helper()
	var when time.Time
	if asOf != "" {
		when = at(t, asOf)
	}
	list, err := b.Bill(context.Background(), b.shop, when, false)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestBillClosesEveryEndedMonthInOrder(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-08-15T00:00:00Z")
	user := b.customer(t, "a@example.test")
	for _, start := range []string{"2026-08-20T10:00:00Z", "2026-09-20T10:00:00Z", "2026-10-20T10:00:00Z"} {
		b.session(t, session{user: user, start: at(t, start), stop: at(t, start).Add(10 * time.Minute), charged: -1})
	}
	b.set(at(t, "2026-10-21T00:00:00Z"))
	first := b.bill(t, "")
	if len(first) != 2 || !first[0].Created || first[0].Number != "INV-2026-000001" || first[1].Number != "INV-2026-000002" || first[0].Customer != "a@example.test" || first[0].Total != "0.05" || first[0].Kind != "customer" {
		t.Fatalf("want August and September, got %+v", first)
	}
	second := b.bill(t, "")
	if len(second) != 2 || second[0].Created || second[0].Number != first[0].Number || second[1].Created {
		t.Errorf("a second run: want the same two, not created, got %+v", second)
	}
	if dry, err := b.Bill(context.Background(), b.shop, at(t, "2026-11-02T00:00:00Z"), true); err != nil || len(dry) != 3 || dry[2].Number != "" || dry[0].Number == "" {
		t.Errorf("a dry run for November: %+v, %v", dry, err)
	}
	early := b.bill(t, "2026-11-02T00:00:00Z")
	if len(early) != 3 || !early[2].Created || early[2].Number != "INV-2026-000003" {
		t.Errorf("October on the operator's word: %+v", early)
	}
	if got := b.bill(t, "2026-09-15T00:00:00Z"); len(got) != 1 {
		t.Errorf("as of September: want August's alone, got %+v", got)
	}
}

func TestBillTakesUsageOlderThanTheShop(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-15T00:00:00Z")
	user := b.customer(t, "a@example.test")
	b.session(t, session{user: user, start: at(t, "2026-07-20T10:00:00Z"), stop: at(t, "2026-07-20T10:10:00Z"), charged: -1})
	if got := b.bill(t, ""); len(got) != 1 || !got[0].Created {
		t.Errorf("want July's invoice, got %+v", got)
	}
}

func (b bundle) due(t testing.TB, key string) error {
	t.Helper()
	return b.OnCycleDue(context.Background(), &bus.Message{Tenant: b.shop, Name: "cycle.due", Key: key})
}

func (b bundle) dueTimes(t testing.TB) (keys []string) {
	t.Helper()
	if err := b.db.Read(context.Background(), b.shop, tenants.ListQ(&keys, `select key || ' at ' || to_char(due_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI') from central.due where kind = 'cycle' order by key`)); err != nil {
		t.Fatal(err)
	}
	return keys
}

func later(err error) bool { return err != nil && strings.HasPrefix(err.Error(), "later:") }

func TestCycleWaitsForProofsR3(t *testing.T) {
	t.Parallel()
	b := setup(t, "America/New_York", "USD", "2026-09-15T00:00:00Z")
	b.in(t, b.EnsureCycleDue)
	if got := b.dueTimes(t); len(got) != 1 || got[0] != "2026-10-01 at 2026-10-01T04:00" {
		t.Fatalf("want one due time at the edge, got %v", got)
	}
	user := b.customer(t, "a@example.test")
	s := b.session(t, session{user: user, start: at(t, "2026-10-01T03:00:00Z"), charged: 3})
	b.set(at(t, "2026-10-01T03:59:59Z"))
	if err := b.due(t, "2026-10-01"); !later(err) {
		t.Errorf("before the edge: want later, got %v", err)
	}
	b.set(at(t, "2026-10-01T04:00:01Z"))
	if err := b.due(t, "2026-10-01"); !later(err) {
		t.Errorf("a block from before the edge waits for its proof: want later, got %v", err)
	}
	if got := b.bill(t, ""); len(got) != 0 {
		t.Errorf("bill did not wait: %+v", got)
	}
	b.charge(t, s, 3, 4)
	if err := b.due(t, "2026-10-01"); err != nil {
		t.Fatalf("all proved: %v", err)
	}
	if got := b.dueTimes(t); len(got) != 1 || got[0] != "2026-11-01 at 2026-11-01T04:00" {
		t.Errorf("want the next due time alone, got %v", got)
	}
	if got := b.bill(t, ""); len(got) != 1 || got[0].Total != "0.20" || got[0].Created {
		t.Errorf("want four blocks of the open session, got %+v", got)
	}
	if err := b.due(t, "October"); err == nil || later(err) {
		t.Errorf("a key that is none: %v", err)
	}
}

func TestCycleWaitsTenMinutesAtMostR3(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-09-15T00:00:00Z")
	b.in(t, b.EnsureCycleDue)
	user := b.customer(t, "a@example.test")
	b.session(t, session{user: user, start: at(t, "2026-09-30T23:00:00Z"), charged: 2})
	b.set(at(t, "2026-10-01T00:09:59Z"))
	if err := b.due(t, "2026-10-01"); !later(err) {
		t.Errorf("within ten minutes: want later, got %v", err)
	}
	b.set(at(t, "2026-10-01T00:10:00Z"))
	if err := b.due(t, "2026-10-01"); err != nil {
		t.Fatal(err)
	}
	if got := b.bill(t, ""); len(got) != 1 || got[0].Total != "0.10" {
		t.Errorf("want the two proved blocks, got %+v", got)
	}
}

func TestCycleDueAfterBillStillLeadsToTheNext(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-09-15T00:00:00Z")
	b.in(t, b.EnsureCycleDue)
	b.set(at(t, "2026-10-01T00:00:01Z"))
	b.bill(t, "")
	if err := b.due(t, "2026-10-01"); err != nil {
		t.Fatal(err)
	}
	b.in(t, b.EnsureCycleDue)
	if got := b.dueTimes(t); len(got) != 1 || got[0] != "2026-11-01 at 2026-11-01T00:00" {
		t.Errorf("want November's edge alone, got %v", got)
	}
	if err := b.due(t, "2026-10-01"); err != bus.ErrAlreadyDone {
		t.Errorf("the same due time again: %v", err)
	}
}

func TestV44MarginFromBlocksR24(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-15T00:00:00Z")
	user := b.customer(t, "a@example.test")
	b.session(t, session{user: user, start: at(t, "2026-10-03T10:00:00Z"), stop: at(t, "2026-10-03T11:05:00Z"), charged: -1})
	b.session(t, session{user: user, start: at(t, "2026-09-03T10:00:00Z"), stop: at(t, "2026-09-03T11:05:00Z"), charged: -1})
	got, err := b.Margin(context.Background(), b.shop, at(t, "2026-10-15T00:00:00Z"))
	if err != nil || len(got) != 1 {
		t.Fatalf("want one plan, got %+v, %v", got, err)
	}
	if p := got[0]; p.PlanName != "Business Basic" || p.Retail.Round().API() != "0.25" || p.Wholesale.Round().API() != "0.15" || p.Margin().API() != "0.10" {
		t.Errorf("want 0.25, 0.15 and 0.10, got %+v", p)
	}
}

func TestRecomputeRaisesTheAlarmR21(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-01T00:11:00Z")
	user := b.customer(t, "a@example.test")
	b.session(t, session{user: user, start: at(t, "2026-09-03T10:00:00Z"), stop: at(t, "2026-09-03T11:05:00Z"), charged: 4}) // one block was lost
	made := b.close(t, "2026-10-01T00:00:00Z")
	check, err := b.Recompute(context.Background(), b.shop, made[0].Number)
	if err != nil || check.Right() || !check.Derived.Total.Equal(dec("0.25")) || !check.Stored.Total.Equal(dec("0.20")) {
		t.Errorf("want a lost block to be found, got %+v, %v", check, err)
	}
	if _, err := b.Recompute(context.Background(), b.shop, "INV-0"); err == nil {
		t.Error("an unknown number was worked out")
	}
}

func TestCyclesFollowTheBus(t *testing.T) {
	t.Parallel()
	now := clock.NewMovable(at(t, "2026-08-15T00:00:00Z"), 0)
	db, shop := bustest.Fresh(t, now.Now)
	var held atomic.Pointer[time.Time]
	b := bundle{billing.New(db), ledger.New(db), db, shop, &held}
	b.set(now.Now())
	b.in(t, b.EnsureCycleDue)
	user := b.customer(t, "a@example.test")
	open := b.session(t, session{user: user, start: at(t, "2026-08-31T23:00:00Z"), charged: 3})
	b.session(t, session{user: user, start: at(t, "2026-09-20T10:00:00Z"), stop: at(t, "2026-09-20T10:10:00Z"), charged: -1})
	carrier, _ := bustest.Start(t, bus.Options{DB: db, Clock: now}, bus.Consumer{Name: "billing-cycle", Names: []string{"cycle.due"}, Handle: b.OnCycleDue},
		bus.Consumer{Name: "billing-recompute", Names: []string{"recompute.due"}, Handle: b.OnRecomputeDue})
	advance := func(to string) {
		t.Helper()
		now.Set(at(t, to), 0)
		carrier.WakeDue()
		bustest.Settle(t, carrier, now.Now())
	}
	count := func() int { return get[int](t, b, `select count(*) from invoices where status <> 'draft'`) }
	advance("2026-09-01T00:00:00Z")
	if n := count(); n != 0 {
		t.Fatalf("a block waits for its proof: want no invoice, got %d", n)
	}
	b.charge(t, open, 3, 4)
	advance("2026-09-01T00:00:30Z")
	if n := count(); n != 1 {
		t.Fatalf("want August's invoice, got %d", n)
	}
	advance("2026-12-01T00:10:00Z")
	if n := count(); n != 2 {
		t.Fatalf("want September's too and none for empty months, got %d", n)
	}
	if got := b.dueTimes(t); len(got) != 1 || got[0] != "2027-01-01 at 2027-01-01T00:00" {
		t.Errorf("want the end of December next, got %v", got)
	}
}

func TestANewShopKnowsItsFirstEdge(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-09-15T00:00:00Z")
	slug := "n" + uuid.NewString()[:8]
	shop, _, err := b.db.Create(context.Background(), tenants.NewTenant{Name: "New", Email: "owner@" + slug + ".test", Slug: slug, TimeZone: "Asia/Tokyo", Currency: "JPY"},
		func(ctx context.Context, tx tenants.Tx) (uuid.UUID, error) {
			return uuid.Nil, b.EnsureCycleDue(ctx, tx)
		})
	if err != nil {
		t.Fatal(err)
	}
	b.shop = shop
	if got := b.dueTimes(t); len(got) != 1 || got[0] != "2026-10-01 at 2026-09-30T15:00" {
		t.Errorf("want Tokyo's edge, got %v", got)
	}
}
