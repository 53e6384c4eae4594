package billing_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/tenants"
)

// lineOfKind is the only line of a kind on an invoice.
func lineOfKind(t testing.TB, d billing.Detail, kind billing.LineKind) billing.Line {
	t.Helper()
	var found []billing.Line
	for _, l := range d.Lines {
		if l.Kind == kind {
			found = append(found, l)
		}
	}
	if len(found) != 1 {
		t.Fatalf("want one line of %s, got %+v", kind, d.Lines)
	}
	return found[0]
}

// subscribe makes a subscription with included hours, without billing it.
func (b bundle) subscribe(t testing.TB, user uuid.UUID, plan string, hours int, from, until string) {
	t.Helper()
	var ended *time.Time
	if until != "" {
		at := at(t, until)
		ended = &at
	}
	b.exec(t, `with s as (insert into services (user_id, plan_id, service_type, created_at) select $1, id, service_type, $4 from plans where service_type = $2 returning id, plan_id)
		insert into subscriptions (user_id, plan_id, service_id, service_type, plan_name, status, price, currency, included_hours, started_at, billed_until, ends_at, ended_at)
		select $1, s.plan_id, s.id, $2, 'p', case when $5::timestamptz is null then 'active' else 'ended' end, 30, 'USD', $3, $4, '2030-01-01', $5, $5 from s`,
		user, plan, hours, at(t, from), ended)
}

func (b bundle) includedLeft(t testing.TB, user uuid.UUID, plan, when string) (left time.Duration) {
	t.Helper()
	id := get[uuid.UUID](t, b, `select id from plans where service_type = $1`, plan)
	b.in(t, func(ctx context.Context, tx tenants.Tx) (err error) {
		left, err = billing.IncludedLeft(ctx, tx, user, id, at(t, when))
		return err
	})
	return left
}

func TestV43IncludedTimeR25(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-01T00:10:05Z")
	b.exec(t, `update plans set included_hours = 1 where service_type = 'business_basic'`)
	ann := b.customer(t, "ann@example.test")
	if left := b.includedLeft(t, ann, "business_basic", "2026-09-03T10:00:00Z"); left != time.Hour {
		t.Errorf("want an hour before anything ran, got %s", left)
	}
	first := b.session(t, session{user: ann, start: at(t, "2026-09-03T10:00:00Z"), stop: at(t, "2026-09-03T10:22:00Z"), charged: -1})
	second := b.session(t, session{user: ann, start: at(t, "2026-09-03T10:05:00Z"), stop: at(t, "2026-09-03T10:45:00Z"), charged: -1})
	if left := b.includedLeft(t, ann, "business_basic", "2026-09-03T11:00:00Z"); left != 0 {
		t.Errorf("want nothing left, got %s", left)
	}
	if left := b.includedLeft(t, ann, "business_basic", "2026-10-01T00:00:00Z"); left != time.Hour {
		t.Errorf("want a new hour in October, got %s", left)
	}
	inv := b.close(t, "2026-10-01T00:00:00Z")[0]
	d := b.detail(t, ann, inv.Number)
	free, paid := lineOfKind(t, d, billing.IncludedLine), lineOfKind(t, d, billing.UsageLine)
	if free.Blocks != 4 || !free.Amount.IsZero() || !free.Exact.IsZero() || paid.Blocks != 1 || paid.API() != "0.05" || inv.API(inv.Total) != "0.05" {
		t.Errorf("want 4 blocks for nothing and one for 0.05, got %+v and %+v", free, paid)
	}
	// The blocks began 10:00, 10:05, 10:15, 10:20, 10:35: the last is the one that costs.
	under, rest := d.Statement(free), d.Statement(paid)
	if len(under) != 2 || under[0].SessionID != first || under[0].Blocks != 2 || under[1].Blocks != 2 || len(rest) != 1 || rest[0].SessionID != second || rest[0].Blocks != 1 {
		t.Errorf("the statements: %+v and %+v", under, rest)
	}
	if under[0].Amount() != "0.00" || rest[0].Amount() != "0.05" {
		t.Errorf("the entries come to %s and %s", under[0].Amount(), rest[0].Amount())
	}
	b.right(t, inv.Number)
}

func TestAllowancesOfSubscriptionsAddUpR25(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-01T00:10:05Z")
	b.exec(t, `update plans set included_hours = 9, price = 30 where service_type = 'business_basic'`)
	ann, other := b.customer(t, "ann@example.test"), b.customer(t, "other@example.test")
	b.subscribe(t, ann, "business_basic", 1, "2026-09-20T00:00:00Z", "")
	b.subscribe(t, ann, "business_basic", 2, "2026-08-01T00:00:00Z", "")
	b.subscribe(t, ann, "business_basic", 4, "2026-08-01T00:00:00Z", "2026-09-01T00:00:00Z")
	b.subscribe(t, ann, "developer_basic", 8, "2026-08-01T00:00:00Z", "")
	for _, user := range []uuid.UUID{ann, other} {
		b.session(t, session{user: user, start: at(t, "2026-09-25T10:00:00Z"), stop: at(t, "2026-09-25T14:00:00Z"), charged: -1})
	}
	for _, inv := range b.close(t, "2026-10-01T00:00:00Z") {
		want := map[uuid.UUID]string{ann: "0.20", other: "0.80"}[inv.UserID]
		if inv.API(inv.Total) != want {
			t.Errorf("want %s (three hours of two live subscriptions, none without one), got %s", want, inv.Total)
		}
		b.right(t, inv.Number)
	}
}

func TestLateUsageTakesItsOwnMonthsAllowanceR19R25(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-01T00:10:05Z")
	b.exec(t, `update plans set included_hours = 1 where service_type = 'business_basic'`)
	ann := b.customer(t, "ann@example.test")
	s := b.session(t, session{user: ann, start: at(t, "2026-09-30T10:00:00Z"), stop: at(t, "2026-09-30T12:00:00Z"), charged: 3})
	september := b.close(t, "2026-10-01T00:00:00Z")[0]
	if september.Status != billing.Paid || !september.Total.IsZero() {
		t.Errorf("want an invoice of nothing, got %+v", september)
	}
	b.charge(t, s, 3, 8)
	b.set(at(t, "2026-11-01T00:10:05Z"))
	october := b.close(t, "2026-11-01T00:00:00Z")[0]
	if october.API(october.Total) != "0.20" {
		t.Errorf("want one late block in September's hour and four to pay, got %s", october.Total)
	}
	b.right(t, september.Number)
	b.right(t, october.Number)
}

func TestIncludedTimePaidForComesBackR13R25(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-01T00:10:05Z")
	b.exec(t, `update plans set included_hours = 1 where service_type = 'business_basic'`)
	ann := b.customer(t, "ann@example.test")
	b.give(t, ann, "10.00")
	b.prepay(t, b.session(t, session{user: ann, start: at(t, "2026-09-03T10:00:00Z"), stop: at(t, "2026-09-03T11:15:00Z")}), 0, 5, "0.05")
	inv := b.close(t, "2026-10-01T00:00:00Z")[0]
	if inv.API(inv.Total) != "0.05" || inv.Status != billing.Paid || !b.account(t, ledger.Credit).Equal(dec("9.95")) || !b.account(t, ledger.Deferred).IsZero() {
		t.Errorf("want 0.05 paid and 0.20 back, got %s, credit %s", inv.Total, b.account(t, ledger.Credit))
	}
	b.proved(t)
	b.right(t, inv.Number)
}

// TestFreeRestartsWorkOutAgainR21 bills a session whose first block costs nothing.
func TestFreeRestartsWorkOutAgainR21(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-01T00:10:05Z")
	b.exec(t, `update plans set included_hours = 1 where service_type = 'developer_basic'`)
	ann := b.customer(t, "ann@example.test")
	for _, plan := range []string{"business_basic", "developer_basic"} {
		s := b.session(t, session{user: ann, plan: plan, start: at(t, "2026-09-03T10:00:00Z"), stop: at(t, "2026-09-03T11:30:00Z")})
		b.exec(t, `update kasm_usage_sessions set free_blocks = 1 where id = $1`, s)
		b.exec(t, `insert into usage_blocks (session_id, block_no, user_id, starts_at, seconds, rate, wholesale_rate, currency, proof_at, charged_at)
			select id, 0, user_id, started_at, 900, 0, wholesale_cost_per_hour, currency, started_at, started_at from kasm_usage_sessions where id = $1`, s)
		b.charge(t, s, 1, 6)
	}
	inv := b.close(t, "2026-10-01T00:00:00Z")[0]
	// Five blocks of the one; of the other, four of five are included: the free one is no part of them.
	if inv.API(inv.Total) != "0.30" {
		t.Errorf("want 0.25 and 0.05, got %s", inv.Total)
	}
	b.right(t, inv.Number)
}

// TestIncludedTimeIsTheEarliestR25 holds the closing's split against the one that is
// worked out from sessions, over random desktops side by side.
func TestIncludedTimeIsTheEarliestR25(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-01T00:10:05Z")
	b.exec(t, `update plans set included_hours = 2 where service_type = 'business_basic'`)
	edge, month := at(t, "2026-10-01T00:00:00Z"), 0
	rapid.Check(t, func(r *rapid.T) {
		if month++; month > 10 {
			return
		}
		b.set(edge.Add(11 * time.Minute))
		user := b.customer(t, edge.Format("200601")+"@example.test")
		want := int64(0)
		for range rapid.IntRange(1, 5).Draw(r, "desktops") {
			start := edge.Add(-time.Duration(rapid.IntRange(10*3600, 12*3600).Draw(r, "ago")) * time.Second)
			n := rapid.IntRange(1, 6).Draw(r, "blocks")
			b.session(t, session{user: user, start: start, stop: start.Add(time.Duration(n) * 15 * time.Minute), charged: -1})
			want += int64(n)
		}
		inv := b.close(t, edge.Format(time.RFC3339))[0]
		var free, paid int64
		for _, l := range b.detail(t, user, inv.Number).Lines {
			if l.Kind == billing.IncludedLine {
				free += l.Blocks
			} else {
				paid += l.Blocks
			}
		}
		if free != min(want, 8) || free+paid != want {
			t.Errorf("want %d blocks, 8 of them included, got %d and %d", want, free, paid)
		}
		b.right(t, inv.Number)
		edge = billing.CycleOf(time.UTC, edge).End
	})
}
