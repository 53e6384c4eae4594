package billing_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/tenants"
)

// prepay charges the blocks [from, to) of a session and takes each from credit.
func (b bundle) prepay(t testing.TB, id uuid.UUID, from, to int, price string) {
	t.Helper()
	b.exec(t, `insert into usage_blocks (session_id, block_no, user_id, starts_at, seconds, rate, wholesale_rate, currency, proof_at, charged_at, prepaid)
		select s.id, k, s.user_id, s.started_at + k * s.block_seconds * interval '1 second', s.block_seconds, s.cost_per_hour, s.wholesale_cost_per_hour, s.currency, s.last_proof_at, s.started_at, $4::text::numeric
		from kasm_usage_sessions s, generate_series($2::integer, $3::integer - 1) k where s.id = $1`, id, from, to, price)
	type row struct {
		UserID   uuid.UUID
		Currency string
	}
	s := get[row](t, b, `select user_id, currency from kasm_usage_sessions where id = $1`, id)
	b.in(t, func(ctx context.Context, tx tenants.Tx) error {
		wallet, err := ledger.Wallet(ctx, tx, s.UserID, ledger.Credit, s.Currency)
		if err != nil {
			return err
		}
		deferred, err := ledger.Shop(ctx, tx, ledger.Deferred, s.Currency)
		if err != nil {
			return err
		}
		var entries []ledger.Entry
		for k := from; k < to; k++ {
			cause := fmt.Sprintf("block:%s:%d", id, k)
			entries = append(entries, ledger.Entry{Cause: cause, AccountID: wallet, Amount: dec(price).Neg()}, ledger.Entry{Cause: cause, AccountID: deferred, Amount: dec(price)})
		}
		return ledger.Post(ctx, tx, entries)
	})
}

func (b bundle) give(t testing.TB, user uuid.UUID, amount string) {
	t.Helper()
	if err := b.books.Grant(context.Background(), b.shop, "staff", user, dec(amount), "a start", ""); err != nil {
		t.Fatal(err)
	}
}

// account is what the entries on a kind of account come to.
func (b bundle) account(t testing.TB, kind string) decimal.Decimal {
	t.Helper()
	return get[decimal.Decimal](t, b, `select coalesce(sum(e.amount), 0) from ledger_entries e join ledger_accounts a on a.id = e.account_id where a.kind = $1`, kind)
}

func TestPrepaidBlocksPayTheirInvoiceR13(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-01T00:10:05Z")
	ann := b.customer(t, "ann@example.test")
	b.give(t, ann, "10.00")
	for day := range 3 {
		start := at(t, "2026-09-03T10:00:00Z").AddDate(0, 0, day)
		b.prepay(t, b.session(t, session{user: ann, rate: "0.15", start: start, stop: start.Add(15 * time.Minute)}), 0, 1, "0.0375") // V12
	}
	inv := b.close(t, "2026-10-01T00:00:00Z")[0]
	if inv.Status != billing.Paid || !inv.PrepaidApplied.Equal(dec("0.11")) || !inv.AmountDue.IsZero() || !inv.CreditApplied.IsZero() || inv.PaidAt == nil {
		t.Errorf("want 0.11 prepaid and nothing taken again, got %+v", inv)
	}
	for kind, want := range map[string]string{ledger.Credit: "9.8875", ledger.Deferred: "0", ledger.Revenue: "0.11", ledger.Rounding: "0.0025"} {
		if got := b.account(t, kind); !got.Equal(dec(want)) {
			t.Errorf("%s: want %s, got %s", kind, want, got)
		}
	}
	if d := b.detail(t, ann, inv.Number); !d.Invoice.PrepaidApplied.Equal(dec("0.11")) || d.Invoice.Kind != billing.CycleKind {
		t.Errorf("it is stored otherwise: %+v", d.Invoice)
	}
	b.proved(t)
	b.right(t, inv.Number)
}

func TestCreditPaysWhatBlocksDidNotR11(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-01T00:10:05Z")
	ann := b.customer(t, "ann@example.test")
	b.give(t, ann, "1.00")
	s := b.session(t, session{user: ann, start: at(t, "2026-09-03T10:00:00Z"), stop: at(t, "2026-09-04T10:00:00Z")})
	b.prepay(t, s, 0, 10, "0.05")
	b.charge(t, s, 10, 96)
	inv := b.close(t, "2026-10-01T00:00:00Z")[0]
	if !inv.PrepaidApplied.Equal(dec("0.50")) || !inv.CreditApplied.Equal(dec("0.50")) || !inv.AmountDue.Equal(dec("3.80")) || inv.Status != billing.Open {
		t.Errorf("want 0.50 prepaid, 0.50 credit, 3.80 due, got %s, %s, %s", inv.PrepaidApplied, inv.CreditApplied, inv.AmountDue)
	}
	b.proved(t)
	b.right(t, inv.Number)
}

func TestParkedCustomersAreNotCharged(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-01T00:10:05Z")
	ann := b.customer(t, "ann@example.test")
	b.give(t, ann, "1.00")
	b.exec(t, `update users set parked_at = now() where id = $1`, ann)
	b.session(t, session{user: ann, start: at(t, "2026-09-03T10:00:00Z"), stop: at(t, "2026-09-03T11:00:00Z"), charged: -1})
	inv := b.close(t, "2026-10-01T00:00:00Z")[0]
	if inv.HeldFor != "parked" || !inv.AmountDue.Equal(dec("0.20")) || !inv.CreditApplied.IsZero() {
		t.Errorf("want an invoice that nobody charges, got %+v", inv)
	}
	if got := get[string](t, b, `select held_for from invoices`); got != "parked" {
		t.Errorf("want it held, got %q", got)
	}
	for range 2 {
		b.in(t, func(ctx context.Context, tx tenants.Tx) error { return billing.ReleaseIn(ctx, tx, inv.ID) })
	}
	d := b.detail(t, ann, inv.Number).Invoice
	if d.Status != billing.Paid || !d.CreditApplied.Equal(dec("0.20")) || d.HeldFor != "" || d.PaidAt == nil {
		t.Errorf("want it paid from credit once released, got %+v", d)
	}
	b.proved(t)
}

func TestFinalPartsOfADocumentR19(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-01T00:10:05Z")
	ann := b.customer(t, "ann@example.test")
	b.session(t, session{user: ann, start: at(t, "2026-09-03T10:00:00Z"), stop: at(t, "2026-09-03T11:00:00Z"), charged: -1})
	b.close(t, "2026-10-01T00:00:00Z")
	for _, sql := range []string{
		`update invoices set kind = 'manual'`, `update invoices set prepaid_applied = 1`, `update invoices set bonus_applied = 1`, `update invoices set coupon_code = 'X'`,
		`update usage_blocks set invoice_item_id = null`, `update usage_blocks set invoice_item_id = gen_random_uuid()`,
	} {
		err := b.db.In(context.Background(), b.shop, func(tx tenants.Tx) error {
			_, err := tx.Exec(context.Background(), sql)
			return err
		})
		if !tenants.IsRestricted(err) {
			t.Errorf("%s: want a refusal, got %v", sql, err)
		}
	}
	b.session(t, session{user: ann, start: at(t, "2026-09-04T10:00:00Z"), stop: at(t, "2026-09-04T11:00:00Z"), charged: -1})
	err := b.db.In(context.Background(), b.shop, func(tx tenants.Tx) error {
		_, err := tx.Exec(context.Background(), `update usage_blocks set invoice_item_id = gen_random_uuid() where invoice_item_id is null`)
		return err
	})
	if !tenants.IsForeignKey(err, "") {
		t.Errorf("blocks on a line that is not there: %v", err)
	}
}

func TestSeveralCurrenciesR8(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ currency, rate, block, total, prepaid, rounding string }{
		{"JPY", "30", "7.5", "23", "23", "-0.5"},
		{"KWD", "0.0615", "0.015375", "0.046", "0.046", "0.000125"},
		{"EUR", "0.19", "0.0475", "0.14", "0.14", "0.0025"},
	} {
		b := setup(t, "UTC", c.currency, "2026-10-01T00:10:05Z")
		ann := b.customer(t, "ann@example.test")
		b.give(t, ann, "100")
		b.prepay(t, b.session(t, session{user: ann, rate: c.rate, start: at(t, "2026-09-03T10:00:00Z"), stop: at(t, "2026-09-03T10:45:00Z")}), 0, 3, c.block)
		inv := b.close(t, "2026-10-01T00:00:00Z")[0]
		if inv.Currency != c.currency || !inv.Total.Equal(dec(c.total)) || !inv.PrepaidApplied.Equal(dec(c.prepaid)) || inv.Status != billing.Paid {
			t.Errorf("%s: want %s, got %s, %s prepaid", c.currency, c.total, inv.Total, inv.PrepaidApplied)
		}
		if got := b.account(t, ledger.Rounding); !got.Equal(dec(c.rounding)) {
			t.Errorf("%s: want %s left by rounding, got %s", c.currency, c.rounding, got)
		}
		b.proved(t)
		b.right(t, inv.Number)
	}
}

// TestRandomMonthsR13R20R21 closes random histories: every block is on one line, the
// books come to zero, and every invoice works out again.
func TestRandomMonthsR13R20R21(t *testing.T) {
	t.Parallel()
	b := setup(t, "America/New_York", "USD", "2026-10-01T04:10:05Z")
	b.exec(t, `update plans set included_hours = 1 where service_type = 'developer_basic'`)
	edge, month := at(t, "2026-10-01T04:00:00Z"), 0
	rapid.Check(t, func(r *rapid.T) {
		if month++; month > 12 {
			return
		}
		b.set(edge.Add(11 * time.Minute))
		for i := range rapid.IntRange(1, 3).Draw(r, "customers") {
			user := b.customer(t, fmt.Sprintf("c%d-%d@example.test", month, i))
			b.give(t, user, "500.00")
			for range rapid.IntRange(1, 4).Draw(r, "sessions") {
				start := edge.Add(-time.Duration(rapid.IntRange(60, 40*24*3600).Draw(r, "ago")) * time.Second)
				n := rapid.IntRange(1, 30).Draw(r, "blocks")
				s := b.session(t, session{user: user, plan: rapid.SampledFrom([]string{"business_basic", "developer_basic"}).Draw(r, "plan"),
					rate: rapid.SampledFrom([]string{"0.20", "0.15", "0.67", "0.333333"}).Draw(r, "rate"), start: start, stop: start.Add(time.Duration(n) * 15 * time.Minute)})
				paid := rapid.IntRange(0, n).Draw(r, "prepaid")
				rate := get[decimal.Decimal](t, b, `select cost_per_hour from kasm_usage_sessions where id = $1`, s)
				b.prepay(t, s, 0, paid, rate.Div(decimal.NewFromInt(4)).Round(6).String())
				b.charge(t, s, paid, n)
			}
		}
		for _, inv := range b.close(t, edge.Format(time.RFC3339)) {
			b.right(t, inv.Number)
		}
		edge = billing.CycleOf(b.shop.Zone, edge).End
	})
	b.proved(t)
	type row struct{ Said, Marked int64 }
	if got := get[row](t, b, `select coalesce(sum(i.blocks), 0)::bigint as said, (select count(*) from usage_blocks where invoice_item_id is not null) as marked from invoice_items i`); got.Said != got.Marked {
		t.Errorf("lines say %d blocks, %d are on them", got.Said, got.Marked)
	}
	off := get[int](t, b, `select count(*) from (select i.id from invoice_items i join usage_blocks b on b.invoice_item_id = i.id where i.kind = 'usage'
		group by i.id having i.amount <> round(sum(b.rate * b.seconds) / 3600, 2)) wrong`)
	if off != 0 {
		t.Errorf("%d lines are not the sum of their blocks, rounded once", off)
	}
	deferred := get[decimal.Decimal](t, b, `select coalesce(sum(prepaid), 0) from usage_blocks where invoice_item_id is null`)
	if got := b.account(t, ledger.Deferred); !got.Equal(deferred) {
		t.Errorf("want %s deferred, for blocks on no invoice, got %s", deferred, got)
	}
}
