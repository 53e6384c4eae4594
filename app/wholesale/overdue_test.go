package wholesale

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// pass lets business time pass up to a moment, from due time to due time.
func (w *world) pass(t *testing.T, to string) {
	t.Helper()
	end := at(to)
	for range 50 {
		var next []struct {
			Key   string    `db:"key"`
			DueAt time.Time `db:"due_at"`
		}
		if err := w.DB.CentralRead(context.Background(), tenants.ListQ(&next, `select key, due_at from central.due where kind = 'wholesale' and schema_name = $1 and due_at <= $2 order by due_at limit 1`, w.shop.Schema(), end)); err != nil {
			t.Fatal(err)
		}
		if len(next) == 0 {
			w.set(to)
			return
		}
		if next[0].DueAt.After(w.clock.Now()) {
			w.set(next[0].DueAt.Format(time.RFC3339))
		}
		shop, _ := w.DB.Registry().ByID(w.shop.ID)
		if err := w.OnDue(context.Background(), &bus.Message{Name: "wholesale.due", Key: next[0].Key, Tenant: shop}); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the due times never end")
}

// standing is what everybody sees of the reseller.
func (w *world) standing() string {
	shop, _ := w.DB.Registry().ByID(w.shop.ID)
	return string(shop.Status) + "/" + shop.BillingStatus
}

func (w *world) told(t *testing.T) []string {
	t.Helper()
	var names []string
	if err := w.DB.Read(context.Background(), w.shop, tenants.ListQ(&names, `select substring(subject from 'wholesale[.].*') from central.outbox where schema_name = current_schema() and subject like '%wholesale.%' order by id`)); err != nil {
		t.Fatal(err)
	}
	return slices.Compact(names)
}

func TestNotPaidPastDueSuspendedPaidResumedR24(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t, "2026-09-01T00:00:00Z")
	w.in(t, func(ctx context.Context, tx tenants.Tx) error { return w.EnsureDue(ctx, tx) })
	w.session(t, session{start: "2026-09-03T10:00:00Z", blocks: 5})
	for _, step := range []struct{ at, standing string }{
		{"2026-10-01T01:00:00Z", "active/active"},
		{"2026-10-15T23:00:00Z", "active/active"},
		{"2026-10-16T01:00:00Z", "active/past_due"},
		{"2026-10-29T23:00:00Z", "active/past_due"},
		{"2026-10-30T01:00:00Z", "suspended/past_due"},
	} {
		w.pass(t, step.at)
		if got := w.standing(); got != step.standing {
			t.Fatalf("%s: want %s, got %s", step.at, step.standing, got)
		}
	}
	want := []string{EventIssued, EventReminder, EventPastDue, EventSuspended}
	if got := w.told(t); !slices.Equal(got, want) {
		t.Errorf("want %v told, got %v", want, got)
	}
	var all []Invoice
	if err := w.DB.CentralRead(ctx, InvoicesQ(&all, w.shop.ID, 10)); err != nil || len(all) != 1 || all[0].State() != "past_due" {
		t.Fatalf("the invoice: %+v, %v", all, err)
	}
	inv, err := w.MarkPaid(ctx, "an operator", all[0].Number, "transfer 17")
	if err != nil || inv.Status != Paid {
		t.Fatalf("paid: %+v, %v", inv, err)
	}
	if got := w.standing(); got != "active/active" {
		t.Errorf("after the payment: %s", got)
	}
	if _, err := w.MarkPaid(ctx, "an operator", all[0].Number, "transfer 17"); err != nil {
		t.Errorf("the same payment again: %v", err)
	}
	if _, err := w.MarkPaid(ctx, "an operator", all[0].Number, "transfer 18"); !fail.Is(err, fail.Conflict) {
		t.Errorf("another payment: want a conflict, got %v", err)
	}
	if _, err := w.MarkPaid(ctx, "an operator", "WS-1999-000001", ""); !fail.Is(err, fail.NotFound) {
		t.Errorf("an unknown number: %v", err)
	}
	w.pass(t, "2026-10-31T00:00:00Z")
	if got := w.standing(); got != "active/active" {
		t.Errorf("later: %s", got)
	}
}

func TestSuspendedForAnotherReasonStaysSo(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t, "2026-09-01T00:00:00Z")
	w.session(t, session{start: "2026-09-03T10:00:00Z", blocks: 5})
	w.set("2026-10-01T00:00:05Z")
	number := w.bill(t)[0].Number
	if err := w.DB.SetStatus(ctx, w.shop.ID, tenants.Suspended, "spam"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.MarkPaid(ctx, "an operator", number, ""); err != nil {
		t.Fatal(err)
	}
	if got := w.standing(); got != "suspended/active" {
		t.Errorf("want it suspended still, got %s", got)
	}
}

func TestStepsByHand(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t, "2026-09-01T00:00:00Z")
	w.session(t, session{start: "2026-09-03T10:00:00Z", blocks: 5})
	w.set("2026-10-01T00:00:05Z")
	number := w.bill(t)[0].Number
	for _, step := range []struct{ take, standing string }{
		{StepPastDue, "active/past_due"}, {StepSuspend, "suspended/past_due"}, {StepResume, "active/past_due"},
	} {
		if _, err := w.Take(ctx, "an operator", number, step.take); err != nil {
			t.Fatal(err)
		}
		if got := w.standing(); got != step.standing {
			t.Errorf("%s: want %s, got %s", step.take, step.standing, got)
		}
	}
	if _, err := w.Take(ctx, "an operator", number, "forget"); !fail.Is(err, fail.BadRequest) {
		t.Errorf("a step that is none: %v", err)
	}
}

// TestACrashWithinAStepIsMadeGood does only the first of a step's transactions.
func TestACrashWithinAStepIsMadeGood(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2026-09-01T00:00:00Z")
	w.session(t, session{start: "2026-09-03T10:00:00Z", blocks: 5})
	w.set("2026-10-01T00:00:05Z")
	number := w.bill(t)[0].Number
	w.set("2026-10-16T00:00:00Z")
	w.central(t, `update central.wholesale_invoices set past_due_at = $2 where number = $1`, number, w.clock.Now())
	w.pass(t, "2026-10-16T00:00:01Z")
	if got := w.standing(); got != "active/past_due" {
		t.Errorf("want the step finished, got %s", got)
	}
	w.central(t, `update central.wholesale_invoices set status = 'paid', amount_due = 0, paid_at = $2 where number = $1`, number, w.clock.Now())
	w.pass(t, "2026-11-16T00:00:00Z")
	if got := w.standing(); got != "active/active" {
		t.Errorf("want the payment to count, got %s", got)
	}
}
