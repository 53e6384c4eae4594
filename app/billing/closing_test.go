package billing_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/tenants"
)

// run is a session of a vector: from a start, so long, with all of its blocks charged.
type run struct {
	start   string
	length  time.Duration
	rate    string
	seconds int
}

// TestVectorsOfClosing takes the vectors of lines and edges through the whole closing:
// each month's total, in order, empty for no invoice.
func TestVectorsOfClosing(t *testing.T) {
	t.Parallel()
	m, many := time.Minute, func(n int, r run) (all []run) {
		for i := range n {
			again := r
			again.start = at(t, r.start).Add(time.Duration(i) * time.Hour).Format(time.RFC3339)
			all = append(all, again)
		}
		return all
	}
	september, october := "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"
	for _, c := range []struct {
		name  string
		runs  []run
		edges []string
		want  []string
	}{
		{"V11", []run{{"2026-09-03T10:00:00Z", 15 * m, "0.15", 900}}, []string{september}, []string{"0.04"}},
		{"V12", many(3, run{"2026-09-03T10:00:00Z", 15 * m, "0.15", 900}), []string{september}, []string{"0.11"}},
		{"V13", many(100, run{"2026-09-03T10:00:00Z", 15 * m, "0.15", 900}), []string{september}, []string{"3.75"}},
		{"V14", many(2, run{"2026-09-03T10:00:00Z", 15 * m, "0.25", 900}), []string{september}, []string{"0.13"}},
		{"V15", []run{{"2026-09-03T10:00:00Z", 90 * m, "0.67", 900}}, []string{september}, []string{"1.01"}},
		{"V18", []run{{"2026-09-30T23:50:00Z", 30 * m, "0.20", 900}}, []string{september, october}, []string{"0.05", "0.05"}},
		{"V19", []run{{"2026-09-30T23:59:30Z", 330 * time.Second, "0.20", 900}}, []string{september, october}, []string{"0.05", ""}},
		{"V20", []run{{"2026-09-30T22:00:00Z", 2 * time.Hour, "0.20", 900}}, []string{september, october}, []string{"0.40", ""}},
		{"V22", []run{{"2027-01-31T23:59:30Z", 28*24*time.Hour + m, "0.20", 900}}, []string{"2027-02-01T00:00:00Z", "2027-03-01T00:00:00Z", "2027-04-01T00:00:00Z"}, []string{"0.05", "134.40", ""}},
		{"V25", []run{{"2026-09-03T10:00:00Z", 40 * m, "0.20", 900}, {"2026-09-03T10:41:00Z", 5 * m, "0.30", 900}}, []string{september}, []string{"0.23"}},
		{"V54", many(3, run{"2026-09-03T10:00:00Z", 10 * m, "0.20", 600}), []string{september}, []string{"0.10"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, "UTC", "USD", "2026-09-01T00:00:00Z")
			user := b.customer(t, "a@example.test")
			for _, r := range c.runs {
				b.session(t, session{user: user, rate: r.rate, seconds: r.seconds, start: at(t, r.start), stop: at(t, r.start).Add(r.length), charged: -1})
			}
			for i, edge := range c.edges {
				b.set(at(t, edge).Add(11 * time.Minute))
				made, total := b.close(t, edge), ""
				if len(made) == 1 {
					total = made[0].API(made[0].Total)
					b.right(t, made[0].Number)
				}
				if len(made) > 1 || total != c.want[i] {
					t.Errorf("month %d: want %q, got %d invoices, %q", i+1, c.want[i], len(made), total)
				}
			}
		})
	}
}

func TestV28V29TaxAndCouponAtClosing(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-01T00:11:00Z")
	b.exec(t, `insert into tax_rates (name, percent) values ('VAT', 20)`)
	ten, off, off2 := dec("10"), b.customer(t, "v28@example.test"), b.customer(t, "prepaid@example.test")
	three, exempt := b.customer(t, "v29@example.test"), b.customer(t, "exempt@example.test")
	b.exec(t, `update users set tax_exempt = true, vat_number = 'ATU12345678', country = 'AT' where id = $1`, exempt)
	if _, err := b.CreateCoupon(t.Context(), b.shop, billing.NewCoupon{Code: "TEN", Name: "Ten", Percent: &ten, Actor: "staff"}); err != nil {
		t.Fatal(err)
	}
	for _, user := range []uuid.UUID{off, off2} {
		if err := b.AssignCoupon(t.Context(), b.shop, user, "TEN", "staff"); err != nil {
			t.Fatal(err)
		}
	}
	b.session(t, session{user: off, rate: "10", start: at(t, "2026-09-03T10:00:00Z"), stop: at(t, "2026-09-03T11:00:00Z"), charged: -1})
	b.give(t, off2, "12.00")
	b.prepay(t, b.session(t, session{user: off2, rate: "10", start: at(t, "2026-09-03T10:00:00Z"), stop: at(t, "2026-09-03T11:00:00Z")}), 0, 4, "3.00")
	for i, plan := range []string{"business_basic", "developer_basic", "developer_pro"} {
		b.session(t, session{user: three, plan: plan, rate: "0.33", start: at(t, "2026-09-03T10:00:00Z").AddDate(0, 0, i), stop: at(t, "2026-09-03T11:00:00Z").AddDate(0, 0, i), charged: -1})
	}
	b.session(t, session{user: exempt, rate: "10", start: at(t, "2026-09-03T10:00:00Z"), stop: at(t, "2026-09-03T11:00:00Z"), charged: -1})
	for _, inv := range b.close(t, "2026-10-01T00:00:00Z") {
		want := map[uuid.UUID][3]string{off: {"1.80", "10.80", "TEN"}, off2: {"1.80", "10.80", "TEN"}, three: {"0.20", "1.19", ""}, exempt: {"0.00", "10.00", ""}}[inv.UserID]
		if got := [3]string{inv.API(inv.Tax), inv.API(inv.Total), inv.CouponCode}; got != want {
			t.Errorf("want tax, total, coupon %v, got %v", want, got)
		}
		if inv.UserID == exempt && inv.BillTo.VATNumber != "ATU12345678" {
			t.Errorf("the document names no VAT number: %+v", inv.BillTo)
		}
		b.right(t, inv.Number)
	}
	if got := b.balance(t, off2); !got.Equal(dec("1.20")) || !b.account(t, ledger.Deferred).IsZero() {
		t.Errorf("want what the coupon took off back, got %s", got)
	}
	b.proved(t)
}

func TestHeldBlocksHoldTheCycleBackR3(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-01T00:00:30Z")
	user := b.customer(t, "a@example.test")
	s := b.session(t, session{user: user, start: at(t, "2026-09-30T23:00:00Z"), stop: at(t, "2026-09-30T23:15:00Z"), charged: -1})
	b.exec(t, `insert into block_holds (workspace_id, run, block_no, session_id, user_id, starts_at, price, credit, currency, created_at)
		select kasm_workspace_id, 1, 1, id, user_id, '2026-09-30T23:58:00Z', 0.05, 0.05, 'USD', '2026-09-30T23:57:00Z' from kasm_usage_sessions where id = $1`, s)
	if err := b.due(t, "2026-10-01"); !later(err) {
		t.Errorf("a held block from before the edge: want later, got %v", err)
	}
	if got := b.bill(t, ""); len(got) != 0 {
		t.Errorf("bill did not wait: %+v", got)
	}
	b.set(at(t, "2026-10-01T00:10:00Z"))
	if got := b.bill(t, ""); len(got) != 1 {
		t.Errorf("ten minutes later: want the invoice, got %+v", got)
	}
}

func TestIssueOutsideOfACycle(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-09-16T10:00:00Z")
	b.exec(t, `insert into tax_rates (name, percent, country) values ('VAT', 19, 'DE')`)
	user := b.customer(t, "a@example.test")
	b.exec(t, `update users set country = 'DE' where id = $1`, user)
	b.give(t, user, "5.00")
	var inv billing.Invoice
	b.in(t, func(ctx context.Context, tx tenants.Tx) (err error) {
		inv, err = billing.IssueNow(ctx, tx, billing.ManualKind, user, "USD", "Setting up", []billing.Line{
			{Kind: billing.ManualLine, Description: "An hour of work", Exact: dec("10.005"), TaxClass: "standard", PeriodStart: tx.Now(), PeriodEnd: tx.Now()}})
		return err
	})
	d := b.detail(t, user, inv.Number)
	if inv.Number != "INV-2026-000001" || d.Invoice.Kind != "manual" || inv.API(inv.Total) != "11.91" || inv.API(inv.CreditApplied) != "5.00" || inv.API(inv.AmountDue) != "6.91" || inv.Status != billing.Open {
		t.Errorf("want 10.01 and 19 %%, 5.00 of it from credit, got %+v", inv)
	}
	if len(d.Lines) != 1 || d.Lines[0].TaxName != "VAT" || d.Lines[0].Position != 1 || d.Lines[0].Kind != billing.ManualLine {
		t.Errorf("the line: %+v", d.Lines)
	}
	if n := get[int](t, b, `select count(*) from central.outbox where payload ->> 'invoice_id' = $1`, inv.ID.String()); n != 1 {
		t.Errorf("want it announced once, got %d", n)
	}
	b.right(t, inv.Number)
	b.proved(t)
	// The cycle's invoice of the same month is another document with the next number.
	b.session(t, session{user: user, start: at(t, "2026-09-03T10:00:00Z"), stop: at(t, "2026-09-03T11:00:00Z"), charged: -1})
	b.set(at(t, "2026-10-01T00:11:00Z"))
	if made := b.close(t, "2026-10-01T00:00:00Z"); len(made) != 1 || made[0].Number != "INV-2026-000002" || made[0].Kind != billing.CycleKind {
		t.Errorf("the month's own: %+v", made)
	}
}

// TestCreditNotesDoNotChangeAnInvoiceR19R21 shortens a session that was invoiced: the
// invoice still works out, and with its credit note it is what ran.
func TestCreditNotesDoNotChangeAnInvoiceR19R21(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-11-01T00:11:00Z")
	user := b.customer(t, "a@example.test")
	s := b.session(t, session{user: user, start: at(t, "2026-09-30T23:00:00Z"), stop: at(t, "2026-10-01T01:00:00Z"), charged: -1})
	september, october := b.close(t, "2026-10-01T00:00:00Z")[0], b.close(t, "2026-11-01T00:00:00Z")[0]
	b.exec(t, `update kasm_usage_sessions set last_proof_at = $2, stopped_at = $2 where id = $1`, s, at(t, "2026-09-30T23:20:00Z"))
	b.in(t, func(ctx context.Context, tx tenants.Tx) error { return b.Overbilled(ctx, tx, s, 2, "") })
	b.right(t, september.Number)
	b.right(t, october.Number)
	if got := get[string](t, b, `select (select sum(total) from invoices) - (select sum(total) from credit_notes) || ''`); !dec(got).Equal(dec("0.10")) {
		t.Errorf("invoices less credit notes: want two blocks, 0.10, got %s", got)
	}
	b.proved(t)
}
