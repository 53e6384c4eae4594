package billing_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/tenants"
)

func TestCreditNoteR19(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-09-01T00:00:00Z")
	if err := b.SetTax(t.Context(), b.shop, billing.TaxRate{Name: "VAT", Percent: dec("20")}, "owner"); err != nil {
		t.Fatal(err)
	}
	user, inv, _ := b.billed(t, 50, func(user uuid.UUID) { b.give(t, user, "10") })
	want(t, "due", inv.AmountDue, "2")
	line := b.detail(t, user, inv.Number).Lines[0]
	wish := billing.CreditWish{InvoiceID: inv.ID, Lines: []billing.CreditLine{{ItemID: line.ID, Amount: dec("5")}}, Reason: "Sorry.", Cause: "staff:1", By: "owner"}
	note, err := b.Credit(t.Context(), b.shop, wish)
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.Credit(t.Context(), b.shop, wish)
	if err != nil || again.ID != note.ID || note.Number != "CN-2026-000001" {
		t.Errorf("got %s and %s, %v", note.Number, again.Number, err)
	}
	want(t, "total", note.Total, "6")
	want(t, "tax", note.Tax, "1")
	want(t, "off the invoice", note.ToInvoice, "2")
	want(t, "to credit", note.ToCredit, "4")
	want(t, "credit", b.balance(t, user), "4")
	after := b.detail(t, user, inv.Number).Invoice
	if after.Status != billing.Paid || !after.Credited.Equal(dec("6")) {
		t.Errorf("the invoice is %s with %s credited", after.Status, after.Credited)
	}
	wish.Cause, wish.Lines = "staff:2", []billing.CreditLine{{ItemID: line.ID, Amount: dec("5.01")}}
	if _, err := b.Credit(t.Context(), b.shop, wish); !fail.Is(err, fail.Invalid) {
		t.Errorf("more than is left was given back: %v", err)
	}
	wish.Lines = nil
	if note, err = b.Credit(t.Context(), b.shop, wish); err != nil || note.Number != "CN-2026-000002" {
		t.Fatal(note, err)
	}
	want(t, "all of it", b.balance(t, user), "10")
	wish.Cause = "staff:3"
	if _, err := b.Credit(t.Context(), b.shop, wish); !fail.Is(err, fail.Conflict) {
		t.Errorf("nothing was left: %v", err)
	}
	if _, err := b.Credit(t.Context(), b.shop, billing.CreditWish{InvoiceID: uuid.New(), Reason: "x", Cause: "y"}); !fail.Is(err, fail.NotFound) {
		t.Errorf("an invoice of nobody: %v", err)
	}
	want(t, "announced", get[decimal.Decimal](t, b, `select count(*)::numeric from central.outbox where tenant_id = $1 and subject like '%credit_note.issued'`, b.shop.ID), "2")
	b.proved(t)
}

func TestVoidR19(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-09-01T00:00:00Z")
	user, inv, id := b.billed(t, 50, func(user uuid.UUID) { b.give(t, user, "4") })
	if err := b.Void(t.Context(), b.shop, inv.ID, "", "owner"); !fail.Is(err, fail.Invalid) {
		t.Errorf("void without a reason: %v", err)
	}
	for range 2 {
		if err := b.Void(t.Context(), b.shop, inv.ID, "Wrong customer.", "owner"); err != nil {
			t.Fatal(err)
		}
	}
	after := b.detail(t, user, inv.Number)
	if after.Invoice.Status != billing.Void || !after.Invoice.AmountDue.IsZero() || !after.Invoice.Total.Equal(inv.Total) || after.Invoice.VoidReason != "Wrong customer." {
		t.Errorf("got %+v", after.Invoice)
	}
	want(t, "credit is back", b.balance(t, user), "4")
	want(t, "its blocks stay", get[decimal.Decimal](t, b, `select count(*)::numeric from usage_blocks where session_id = $1 and invoice_item_id is not null`, id), "200")
	if _, err := b.Credit(t.Context(), b.shop, billing.CreditWish{InvoiceID: inv.ID, Reason: "x", Cause: "y"}); !fail.Is(err, fail.Conflict) {
		t.Errorf("a void invoice was credited: %v", err)
	}
	b.proved(t)
}

func TestMarkPaidInPartsAndTooMuch(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-09-01T00:00:00Z")
	user, inv, _ := b.billed(t, 50, nil)
	pay := func(amount, token string) error {
		a := dec(amount)
		return b.MarkPaid(t.Context(), b.shop, billing.ByHand{InvoiceID: inv.ID, Amount: &a, Method: billing.ByBank, Reference: "TR 1", Token: token, Actor: "owner"})
	}
	if err := b.MarkPaid(t.Context(), b.shop, billing.ByHand{InvoiceID: inv.ID, Method: billing.ByBank, Actor: "owner"}); !fail.Is(err, fail.Invalid) {
		t.Errorf("without a reference: %v", err)
	}
	for range 2 { // the same form, sent twice
		if err := pay("4", "one"); err != nil {
			t.Fatal(err)
		}
	}
	want(t, "still due", b.detail(t, user, inv.Number).Invoice.AmountDue, "6")
	if err := pay("7.50", "two"); err != nil {
		t.Fatal(err)
	}
	after := b.detail(t, user, inv.Number).Invoice
	if after.Status != billing.Paid {
		t.Errorf("it is %s", after.Status)
	}
	want(t, "paid", after.PaidAmount, "10")
	want(t, "the surplus is credit", b.balance(t, user), "1.50")
	if err := pay("1", "three"); !fail.Is(err, fail.Conflict) {
		t.Errorf("paid twice: %v", err)
	}
	if err := b.Void(t.Context(), b.shop, inv.ID, "x", "owner"); !fail.Is(err, fail.Conflict) {
		t.Errorf("a paid one was withdrawn: %v", err)
	}
	b.proved(t)
}

// giver remembers what is to go back to which payment.
type giver map[uuid.UUID]string

func (g giver) RefundIn(_ context.Context, _ tenants.Tx, payment uuid.UUID, amount decimal.Decimal, note *uuid.UUID, _, _ string) error {
	if note == nil {
		return fail.New(fail.Internal, "a refund without its credit note")
	}
	g[payment] = amount.String()
	return nil
}

// TestCreditNoteBackToTheCardR19: what a card paid goes back to it, the rest of the
// note becomes credit, and the books say so.
func TestCreditNoteBackToTheCardR19(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-09-01T00:00:00Z")
	user, inv, _ := b.billed(t, 50, func(user uuid.UUID) { b.give(t, user, "4") })
	back, payment := giver{}, uuid.New()
	b.RefundBy(back)
	b.exec(t, `insert into payments (id, user_id, kind, invoice_id, amount, currency, method, status, processor_id, idempotency_key, created_at, updated_at, succeeded_at)
		values ($1, $2, 'invoice', $3, 6, 'USD', 'card', 'succeeded', 'pi_1', 'key', $4, $4, $4)`, payment, user, inv.ID, *b.clock.Load())
	b.in(t, func(ctx context.Context, tx tenants.Tx) error {
		return billing.SettleIn(ctx, tx, inv.ID, billing.Receipt{Amount: dec("6"), Place: ledger.Cash, Cause: "payment:" + payment.String(), Actor: "card", At: tx.Now()})
	})
	note, err := b.Credit(t.Context(), b.shop, billing.CreditWish{InvoiceID: inv.ID, Reason: "Sorry.", Cause: "staff:1", By: "owner", Prefer: billing.ToPayment})
	if err != nil || back[payment] != "6" {
		t.Fatalf("%v went back, %v", back, err)
	}
	want(t, "to the card", note.ToPayment, "6")
	want(t, "to credit", note.ToCredit, "4")
	want(t, "credit", b.balance(t, user), "4")
	want(t, "nothing is earned", b.account(t, ledger.Revenue), "0")
	want(t, "nothing is at the processor", b.account(t, ledger.Cash), "0")
	b.proved(t)
}

func TestOverbilledGivesBackR19(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-09-01T00:00:00Z")
	user, inv, id := b.billed(t, 2, func(user uuid.UUID) { b.give(t, user, "5") })
	want(t, "billed", inv.Total, "0.40")
	report := func(from int) {
		b.in(t, func(ctx context.Context, tx tenants.Tx) error { return b.Overbilled(ctx, tx, id, from, "") })
	}
	report(5) // three of eight blocks
	report(5)
	want(t, "credit", b.balance(t, user), "4.75")
	report(3)
	want(t, "two more", b.balance(t, user), "4.85")
	causes := get[string](t, b, `select string_agg(cause || ' ' || total::text, ',' order by number) from credit_notes`)
	if causes != "overbilled:"+id.String()+" 0.150000,overbilled:"+id.String()+":2 0.100000" {
		t.Errorf("got %s", causes)
	}
	want(t, "the blocks stay", get[decimal.Decimal](t, b, `select count(*)::numeric from usage_blocks where session_id = $1`, id), "8")
	b.proved(t)
}

// TestOverbilledBeforeTheInvoiceR19: what is on no invoice yet comes back right behind
// the one that takes it, and a look finds what nobody reported.
func TestOverbilledBeforeTheInvoiceR19(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-09-01T00:00:00Z")
	user := b.customer(t, "a@x.test")
	b.give(t, user, "5")
	start := at(t, "2026-09-03T00:00:00Z")
	reported := b.session(t, session{user: user, start: start, stop: start.Add(time.Hour), charged: -1})
	silent := b.session(t, session{user: user, start: start, stop: start.Add(20 * time.Minute), charged: 4})
	b.in(t, func(ctx context.Context, tx tenants.Tx) error { return b.Overbilled(ctx, tx, reported, 2, "") })
	b.set(at(t, "2026-10-01T00:00:01Z"))
	made := b.close(t, "2026-10-01T00:00:00Z")
	want(t, "billed as charged", made[0].Total, "0.40")
	for range 2 {
		if err := b.OnBilled(t.Context(), message(b, fmt.Sprintf(`{"invoice_id": %q}`, made[0].ID))); err != nil {
			t.Fatal(err)
		}
	}
	want(t, "the reported one is back", b.balance(t, user), "4.70")
	for range 2 {
		if err := b.FindOverbilled(t.Context(), b.shop); err != nil {
			t.Fatal(err)
		}
	}
	want(t, "the silent one is back", b.balance(t, user), "4.80")
	want(t, "notes", get[decimal.Decimal](t, b, `select count(*)::numeric from credit_notes where cause in ('overbilled:' || $1::text, 'overbilled:' || $2::text)`, reported, silent), "2")
	b.proved(t)
}

func message(b bundle, body string) *bus.Message {
	return &bus.Message{Tenant: b.shop, Name: "invoice.finalised", OutboxID: rand.Int64N(1 << 60), Payload: []byte(body)}
}
