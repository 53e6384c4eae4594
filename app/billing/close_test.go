package billing_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

func TestCloseMakesOneInvoiceWithItsStatement(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-01T00:00:05Z")
	ann := b.customer(t, "ann@example.test")
	b.customer(t, "idle@example.test")
	first := b.session(t, session{user: ann, start: at(t, "2026-09-03T10:00:00Z"), stop: at(t, "2026-09-03T11:05:00Z"), charged: -1})
	b.session(t, session{user: ann, start: at(t, "2026-09-30T23:50:00Z"), stop: at(t, "2026-10-01T00:20:00Z"), charged: 2}) // V18
	for range 3 {
		b.session(t, session{user: ann, plan: "developer_basic", rate: "0.15", start: at(t, "2026-09-05T10:00:00Z"), stop: at(t, "2026-09-05T10:15:00Z"), charged: -1}) // V12
	}
	made := b.close(t, "2026-10-01T00:00:00Z")
	if len(made) != 1 {
		t.Fatalf("want one invoice, got %d", len(made))
	}
	d := b.detail(t, ann, made[0].Number)
	inv := d.Invoice
	if inv.Number != "INV-2026-000001" || inv.Status != billing.Open || inv.DueDate.Format(time.DateOnly) != "2026-10-08" || inv.BillTo.Email != "ann@example.test" || inv.Seller.Name != "Acme Desktops" {
		t.Errorf("the head of the invoice: %+v", inv)
	}
	if len(d.Lines) != 2 || d.Lines[0].WorkspaceType != "business_basic" || d.Lines[0].Blocks != 6 || d.Lines[0].API() != "0.30" || d.Lines[1].API() != "0.11" || !d.Lines[1].Exact.Equal(dec("0.1125")) {
		t.Fatalf("want lines of 0.30 and 0.11, got %+v", d.Lines)
	}
	if inv.API(inv.Total) != "0.41" || !inv.AmountDue.Equal(inv.Total) || inv.Money(inv.Total) != "$0.41" {
		t.Errorf("want a total of 0.41, got %s, %s due", inv.Total, inv.AmountDue)
	}
	entries := d.Statement(d.Lines[0])
	if len(entries) != 2 || entries[0].SessionID != first || entries[0].Text(b.shop.Zone) != "Business Basic - Sep 03, 2026 (75 minutes @ $0.20/hour)" || entries[1].Text(b.shop.Zone) != "Business Basic - Sep 30, 2026 (15 minutes @ $0.20/hour)" {
		t.Errorf("the statement reads otherwise: %+v", entries)
	}
	if len(d.Statement(d.Lines[1])) != 3 || d.Statement(d.Lines[1])[0].Amount() != "0.0375" {
		t.Errorf("want three entries of 0.0375, got %+v", d.Statement(d.Lines[1]))
	}
	if e := entries[0]; e.StoppedAt == nil || e.PlanVersion != 1 || e.Blocks != 5 {
		t.Errorf("R20: the entry lacks its evidence: %+v", e)
	}
	b.right(t, inv.Number)
	if left := get[int](t, b, `select count(*) from usage_blocks where invoice_item_id is null`); left != 1 {
		t.Errorf("want October's block left for October, got %d", left)
	}
	events := get[int](t, b, `select count(*) from central.outbox where payload ->> 'invoice_id' = $1`, inv.ID.String())
	if events != 1 {
		t.Errorf("want one invoice.finalised, got %d", events)
	}
	var numbers []billing.SessionInvoice
	if err := b.db.Read(context.Background(), b.shop, billing.NumbersQ(&numbers, []uuid.UUID{first})); err != nil || len(numbers) != 1 || numbers[0].Number != inv.Number {
		t.Errorf("the session's invoices: %+v, %v", numbers, err)
	}
}

func TestV48TwiceAndInParallelR18(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-01T00:01:00Z")
	for i := range 5 {
		user := b.customer(t, string(rune('a'+i))+"@example.test")
		b.session(t, session{user: user, start: at(t, "2026-09-03T10:00:00Z"), stop: at(t, "2026-09-03T11:05:00Z"), charged: -1})
	}
	var wg sync.WaitGroup
	made := make([]int, 8)
	for i := range made {
		wg.Go(func() {
			invoices, err := b.CloseCycle(context.Background(), b.shop, at(t, "2026-10-01T00:00:00Z"))
			if err != nil {
				t.Error(err)
			}
			made[i] = len(invoices)
		})
	}
	wg.Wait()
	sum := 0
	for _, n := range made {
		sum += n
	}
	if sum != 5 {
		t.Errorf("want five invoices from all runs together, got %v", made)
	}
	if got := len(b.close(t, "2026-10-01T00:00:00Z")); got != 0 {
		t.Errorf("a second run made %d invoices", got)
	}
	type row struct{ Count, Least, Most int }
	got := get[row](t, b, `select count(*) as count, min(right(number, 6)::integer) as least, max(right(number, 6)::integer) as most from invoices`)
	if got != (row{5, 1, 5}) {
		t.Errorf("want the numbers 1 to 5 without a gap, got %+v", got)
	}
}

func TestNumbersHaveNoGapAfterAFailureR18(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-01T00:01:00Z")
	user := b.customer(t, "a@example.test")
	b.session(t, session{user: user, start: at(t, "2026-09-03T10:00:00Z"), stop: at(t, "2026-09-03T11:05:00Z"), charged: -1})
	dry, err := b.Bill(context.Background(), b.shop, time.Time{}, true)
	if err != nil || len(dry) != 1 || dry[0].Number != "" || dry[0].Created || dry[0].Total != "0.25" {
		t.Fatalf("the dry run: %+v, %v", dry, err)
	}
	if n := get[int](t, b, `select (select count(*) from invoices) + (select count(*) from billing_cycles) + (select value from counters where name = 'invoice')`); n != 0 {
		t.Errorf("a dry run wrote %d things", n)
	}
	made := b.close(t, "2026-10-01T00:00:00Z")
	if len(made) != 1 || made[0].Number != "INV-2026-000001" {
		t.Errorf("want the first number, got %+v", made)
	}
}

func TestLateUsageGoesOnTheNextInvoiceR19(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-01T00:01:00Z")
	user, other := b.customer(t, "a@example.test"), b.customer(t, "other@example.test")
	s := b.session(t, session{user: user, start: at(t, "2026-09-30T22:00:00Z"), stop: at(t, "2026-10-01T00:00:00Z"), charged: 6})
	september := b.close(t, "2026-10-01T00:00:00Z")
	b.charge(t, s, 6, 8)
	b.session(t, session{user: other, rate: "0.30", start: at(t, "2026-09-30T22:00:00Z"), stop: at(t, "2026-09-30T22:10:00Z"), charged: -1})
	b.session(t, session{user: user, rate: "0.40", start: at(t, "2026-10-05T22:00:00Z"), stop: at(t, "2026-10-05T22:10:00Z"), charged: -1})
	if got := b.close(t, "2026-10-01T00:00:00Z"); len(got) != 0 {
		t.Errorf("a closed month was billed again: %+v", got)
	}
	b.set(at(t, "2026-11-01T00:01:00Z"))
	october := b.close(t, "2026-11-01T00:00:00Z")
	if len(september) != 1 || len(october) != 2 {
		t.Fatalf("want 1 and 2 invoices, got %d and %d", len(september), len(october))
	}
	for _, inv := range october {
		d := b.detail(t, inv.UserID, inv.Number)
		if !d.Lines[0].PeriodStart.Equal(at(t, "2026-09-01T00:00:00Z")) || !inv.PeriodStart.Equal(at(t, "2026-10-01T00:00:00Z")) {
			t.Errorf("late usage lost its own period: %+v", d.Lines[0])
		}
		if inv.UserID == user && (len(d.Lines) != 2 || d.Lines[0].Blocks != 2 || d.Lines[0].API() != "0.10" || d.Lines[1].API() != "0.10" || inv.API(inv.Total) != "0.20") {
			t.Errorf("want two late blocks at their own price, then October, got %+v", d.Lines)
		}
		b.right(t, inv.Number)
	}
	b.right(t, september[0].Number)
}

func TestFinalisedDocumentsDoNotChangeR19(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-01T00:01:00Z")
	user := b.customer(t, "a@example.test")
	b.session(t, session{user: user, start: at(t, "2026-09-03T10:00:00Z"), stop: at(t, "2026-09-03T11:05:00Z"), charged: -1})
	id := b.close(t, "2026-10-01T00:00:00Z")[0].ID
	for _, sql := range []string{
		`update invoices set total = 0 where id = $1`, `update invoices set bill_to = '{}' where id = $1`, `update invoices set status = 'draft' where id = $1`,
		`delete from invoices where id = $1`,
		`insert into invoice_items (invoice_id, position, description, workspace_type, cost_per_hour, block_seconds, blocks, quantity, exact, amount, currency, period_start, period_end)
			values ($1, 9, '', '', 0, 900, 0, 0, 0, 0, 'USD', now(), now())`,
		`delete from invoice_items where invoice_id = $1`,
	} {
		err := b.db.In(context.Background(), b.shop, func(tx tenants.Tx) error {
			_, err := tx.Exec(context.Background(), sql, id)
			return err
		})
		if !tenants.IsRestricted(err) {
			t.Errorf("%.40s: want a refusal, got %v", sql, err)
		}
	}
	b.exec(t, `update invoices set status = 'paid', amount_due = 0, paid_at = $2 where id = $1`, id, *b.clock.Load())
}

func TestInvoiceDateInTheShopsZone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ zone, now, edge, due, number string }{
		{"Pacific/Kiritimati", "2026-12-31T10:00:01Z", "2026-12-31T10:00:00Z", "2027-01-08", "INV-2027-000001"},
		{"Pacific/Pago_Pago", "2027-01-01T11:00:01Z", "2027-01-01T11:00:00Z", "2027-01-08", "INV-2027-000001"},
	} {
		b := setup(t, c.zone, "USD", c.now)
		user := b.customer(t, "a@example.test")
		b.session(t, session{user: user, start: at(t, "2026-12-03T10:00:00Z"), stop: at(t, "2026-12-03T11:05:00Z"), charged: -1})
		made := b.close(t, c.edge)
		if len(made) != 1 || made[0].DueDate.Format(time.DateOnly) != c.due || made[0].Number != c.number {
			t.Errorf("%s: want %s due %s, got %+v", c.zone, c.number, c.due, made)
		}
	}
}

func TestV24DaylightSavingOnInvoices(t *testing.T) {
	t.Parallel()
	b := setup(t, "America/New_York", "USD", "2026-11-01T04:10:00Z")
	user := b.customer(t, "a@example.test")
	b.session(t, session{user: user, start: at(t, "2026-11-01T03:40:00Z"), stop: at(t, "2026-11-01T06:30:00Z"), charged: -1})
	october := b.close(t, "2026-11-01T04:00:00Z")
	b.set(at(t, "2026-12-01T05:01:00Z"))
	november := b.close(t, "2026-12-01T05:00:00Z")
	if len(october) != 1 || october[0].API(october[0].Total) != "0.10" || len(november) != 1 || november[0].API(november[0].Total) != "0.50" {
		t.Fatalf("want 0.10 and 0.50, got %+v and %+v", october, november)
	}
	b.right(t, october[0].Number)
	b.right(t, november[0].Number)
}

func TestTaxDiscountAndCurrenciesOnInvoices(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "JPY", "2026-10-01T00:01:00Z")
	user := b.customer(t, "a@example.test")
	b.exec(t, `insert into tax_rates (name, percent, inclusive) values ('VAT', 10, false)`)
	b.session(t, session{user: user, rate: "30", start: at(t, "2026-09-03T10:00:00Z"), stop: at(t, "2026-09-03T10:15:00Z"), charged: -1})
	b.session(t, session{user: user, rate: "30", currency: "USD", start: at(t, "2026-09-03T10:00:00Z"), stop: at(t, "2026-09-03T10:15:00Z"), charged: -1})
	made := b.close(t, "2026-10-01T00:00:00Z")
	if len(made) != 2 {
		t.Fatalf("want an invoice in each currency, got %+v", made)
	}
	for _, inv := range made {
		want := map[string]string{"JPY": "9", "USD": "8.25"}[inv.Currency] // 7.5 → 8 + 0.8 → 1; 7.50 + 0.75
		if inv.API(inv.Total) != want {
			t.Errorf("want %s %s, got %s", inv.Currency, want, inv.Total)
		}
		if d := b.detail(t, user, inv.Number); d.Lines[0].TaxName != "VAT" || !d.Lines[0].TaxPercent.Equal(dec("10")) {
			t.Errorf("the rate is not stored: %+v", d.Lines[0])
		}
		b.right(t, inv.Number)
	}
}

func TestNothingToPayIsPaid(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-01T00:01:00Z")
	user := b.customer(t, "a@example.test")
	b.session(t, session{user: user, rate: "0", start: at(t, "2026-09-03T10:00:00Z"), stop: at(t, "2026-09-03T10:15:00Z"), charged: -1})
	made := b.close(t, "2026-10-01T00:00:00Z")
	if len(made) != 1 || made[0].Status != billing.Paid || made[0].PaidAt == nil || !made[0].Total.IsZero() {
		t.Errorf("want a paid invoice of nothing, got %+v", made)
	}
}

func TestCloseRefusesWhatIsNoEdge(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-01T00:01:00Z")
	if _, err := b.CloseCycle(context.Background(), b.shop, at(t, "2026-09-15T00:00:00Z")); !fail.Is(err, fail.BadRequest) {
		t.Errorf("want a bad request, got %v", err)
	}
}

func TestListsAreNewestFirstAndOnesOwn(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-08-01T00:01:00Z")
	user, other := b.customer(t, "a@example.test"), b.customer(t, "b@example.test")
	for _, edge := range []string{"2026-08-01T00:00:00Z", "2026-09-01T00:00:00Z", "2026-10-01T00:00:00Z"} {
		end := at(t, edge)
		b.set(end.Add(time.Minute))
		b.session(t, session{user: user, start: end.Add(-time.Hour), stop: end.Add(-30 * time.Minute), charged: -1})
		b.close(t, edge)
	}
	var page, rest, foreign []billing.Invoice
	var lines []billing.Line
	ctx := context.Background()
	if err := b.db.Read(ctx, b.shop, billing.InvoicesQ(&page, user, "", 2), billing.LinesQ(&lines, user, "", 2), billing.InvoicesQ(&foreign, other, "", 9)); err != nil {
		t.Fatal(err)
	}
	if len(page) != 2 || page[0].Number != "INV-2026-000003" || len(lines) != 2 || lines[0].InvoiceID != page[0].ID || len(foreign) != 0 {
		t.Fatalf("want the newest two with their lines, got %+v, %+v", page, lines)
	}
	if err := b.db.Read(ctx, b.shop, billing.InvoicesQ(&rest, user, page[1].Number, 2)); err != nil || len(rest) != 1 || rest[0].Number != "INV-2026-000001" {
		t.Errorf("want the oldest last, got %+v, %v", rest, err)
	}
	var d billing.Detail
	if err := b.db.Read(ctx, b.shop, billing.DetailQs(&d, other, page[0].Number)...); !fail.Is(err, fail.NotFound) {
		t.Errorf("another customer's invoice: want not found, got %v", err)
	}
}
