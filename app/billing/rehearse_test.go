package billing_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
)

func (b bundle) rehearse(t testing.TB) billing.Rehearsal {
	t.Helper()
	r, err := b.Rehearse(context.Background(), b.shop, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// ran is a session of so many hours at 1.00 an hour.
func (b bundle) ran(t testing.TB, user uuid.UUID, start string, hours int) {
	t.Helper()
	b.session(t, session{user: user, rate: "1.00", start: at(t, start), stop: at(t, start).Add(time.Duration(hours) * time.Hour), charged: -1})
}

func TestRehearsalPutsTheOddOnesOnTop(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-09-15T00:00:00Z")
	usual, grown, fresh, exempt, parked := b.customer(t, "usual@x.test"), b.customer(t, "grown@x.test"), b.customer(t, "fresh@x.test"), b.customer(t, "exempt@x.test"), b.customer(t, "parked@x.test")
	for _, u := range []uuid.UUID{usual, grown, exempt, parked} {
		b.exec(t, `insert into payment_methods (user_id, processor_customer, processor_id, created_at) values ($1, 'c', $2, $3)`, u, u.String(), *b.clock.Load())
		b.ran(t, u, "2026-09-20T00:00:00Z", 10)
	}
	b.set(at(t, "2026-10-01T00:11:00Z"))
	b.bill(t, "")
	b.exec(t, `update users set tax_exempt = true where id = $1`, exempt)
	b.exec(t, `update users set parked_at = $2 where id = $1`, parked, *b.clock.Load())
	b.ran(t, usual, "2026-10-05T00:00:00Z", 30)
	b.ran(t, grown, "2026-10-05T00:00:00Z", 31)
	b.ran(t, fresh, "2026-10-05T00:00:00Z", 2)
	b.ran(t, exempt, "2026-10-05T00:00:00Z", 10)
	b.ran(t, parked, "2026-10-05T00:00:00Z", 10)

	b.set(at(t, "2026-10-20T00:00:00Z"))
	preview := b.rehearse(t)
	if preview.Ended || preview.Period != "October 2026" || len(preview.Rows) != 5 {
		t.Fatalf("a preview of the running month: %+v", preview)
	}
	if _, err := b.Issue(context.Background(), b.shop, time.Time{}, preview.Token, "user:x"); !fail.Is(err, fail.Conflict) {
		t.Errorf("issued a month that has not ended: %v", err)
	}
	if n := get[int](t, b, `select count(*)::integer from invoices where status = 'draft' or cycle_start > '2026-09-02'`); n != 0 {
		t.Fatalf("a rehearsal left %d invoices", n)
	}

	b.set(at(t, "2026-11-01T00:11:00Z"))
	r := b.rehearse(t)
	if !r.Ended || r.Odd() != 4 {
		t.Fatalf("%+v", r)
	}
	want := map[string]string{
		"grown@x.test": "over three times the last one, which was $10.00", "fresh@x.test": "no payment method, and not enough credit",
		"exempt@x.test": "tax exempt, but without a tax id", "parked@x.test": "the customer is parked, so it will not be collected", "usual@x.test": "",
	}
	for _, row := range r.Rows {
		if got := strings.Join(row.Odd, "; "); got != want[row.Email] {
			t.Errorf("%s: %q, want %q", row.Email, got, want[row.Email])
		}
	}
	if last := r.Rows[len(r.Rows)-1]; last.Email != "usual@x.test" || !last.Total.Equal(dec("30.00")) || !last.Last.Equal(dec("10.00")) || last.LastNumber == "" {
		t.Errorf("the usual one is %+v", last)
	}
}

func TestIssueMakesExactlyWhatWasRehearsedR18(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-15T00:00:00Z")
	ada := b.customer(t, "ada@x.test")
	b.ran(t, ada, "2026-10-16T00:00:00Z", 3)
	b.set(at(t, "2026-11-01T00:11:00Z"))
	first := b.rehearse(t)
	if again := b.rehearse(t); again.Token != first.Token {
		t.Error("two rehearsals of the same figures differ")
	}
	b.ran(t, ada, "2026-10-20T00:00:00Z", 1) // came in meanwhile
	if _, err := b.Issue(context.Background(), b.shop, time.Time{}, first.Token, "user:x"); !fail.Is(err, fail.Conflict) || !strings.Contains(err.Error(), "changed since the rehearsal") {
		t.Fatalf("issued other figures than were rehearsed: %v", err)
	}
	if n := get[int](t, b, `select count(*)::integer from invoices`); n != 0 {
		t.Fatalf("%d invoices were made", n)
	}
	made, err := b.Issue(context.Background(), b.shop, time.Time{}, b.rehearse(t).Token, "user:x")
	if err != nil || len(made) != 1 || !made[0].Total.Equal(dec("4.00")) || made[0].Number != "INV-2026-000001" {
		t.Fatalf("%+v, %v", made, err)
	}
	if got := get[string](t, b, `select actor from audit_log where action = 'invoices.issued'`); got != "user:x" {
		t.Errorf("the audit log names %q", got)
	}
	if _, err := b.Issue(context.Background(), b.shop, time.Time{}, first.Token, "user:x"); !fail.Is(err, fail.Conflict) {
		t.Errorf("issued twice: %v", err)
	}
}

func TestAnInvoiceOutOfBoundsIsHeldAsItIsMade(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-15T00:00:00Z")
	b.exec(t, `insert into settings (key, value) values ('bounds', '{"invoice_times": 3, "invoice_floor": "20"}')`)
	steady, wild := b.customer(t, "steady@x.test"), b.customer(t, "wild@x.test")
	for _, u := range []uuid.UUID{steady, wild} {
		b.ran(t, u, "2026-10-16T00:00:00Z", 10)
	}
	b.set(at(t, "2026-11-01T00:11:00Z"))
	b.bill(t, "")
	if err := b.books.Grant(context.Background(), b.shop, "test", wild, dec("500"), "x", "g"); err != nil {
		t.Fatal(err)
	}
	b.ran(t, steady, "2026-11-05T00:00:00Z", 30)
	b.ran(t, wild, "2026-11-05T00:00:00Z", 31)
	b.set(at(t, "2026-12-01T00:11:00Z"))
	b.bill(t, "")
	if got := get[string](t, b, `select string_agg(u.email || ' ' || i.held_for || ' ' || i.amount_due::text, ', ' order by u.email) from invoices i join users u on u.id = i.user_id where i.cycle_start > '2026-10-15'`); got != "steady@x.test  30.000000, wild@x.test parked 31.000000" {
		t.Errorf("want one held and its customer's credit left alone, got %s", got)
	}
}

func (b bundle) nightly(t testing.TB) {
	t.Helper()
	if err := b.OnRecomputeDue(context.Background(), &bus.Message{Tenant: b.shop, Name: "recompute.due", Key: "nightly"}); err != nil {
		t.Fatal(err)
	}
}

func TestTheNightlyCheckRaisesTheAlarmOnceR13R21(t *testing.T) {
	t.Parallel()
	b := setup(t, "Europe/Berlin", "USD", "2026-10-15T00:00:00Z")
	b.in(t, b.EnsureCycleDue)
	if got := get[string](t, b, `select to_char(due_at at time zone 'UTC', 'DD HH24:MI') from central.due where kind = 'recompute'`); got != "15 01:00" {
		t.Errorf("the first check comes at %s, want three in Berlin", got)
	}
	user := b.customer(t, "a@example.test")
	b.session(t, session{user: user, start: at(t, "2026-10-16T10:00:00Z"), stop: at(t, "2026-10-16T11:05:00Z"), charged: 4}) // one block was lost
	b.set(at(t, "2026-11-01T00:00:00Z"))
	b.bill(t, "")
	b.set(at(t, "2026-11-02T02:00:00Z"))
	b.nightly(t)
	b.nightly(t)
	open := func() string {
		return get[string](t, b, `select coalesce(string_agg(kind || ' ' || subject, ', ' order by kind), '') from central.attention where settled_at is null`)
	}
	if got := open(); got != "recompute INV-2026-000001" {
		t.Fatalf("the list has %q", got)
	}
	if n := get[int](t, b, `select count(*)::integer from central.outbox where subject like '%attention.raised'`); n != 1 {
		t.Errorf("alarmed %d times", n)
	}
	b.exec(t, `insert into ledger_accounts (user_id, kind, currency, balance) values ($1, 'credit', 'USD', 3)`, user)
	b.nightly(t)
	if got := open(); !strings.HasPrefix(got, "ledger nightly, recompute") {
		t.Errorf("the list has %q", got)
	}
	proof, err := b.Prove(context.Background(), b.shop)
	if err != nil || proof.Right() || proof.Invoices != 1 || len(proof.Wrong) != 1 || len(proof.Ledger) != 1 {
		t.Errorf("%+v, %v", proof, err)
	}
	b.exec(t, `update ledger_accounts set balance = 0`)
	b.nightly(t)
	if got := open(); got != "recompute INV-2026-000001" {
		t.Errorf("a ledger that adds up again is still on the list: %q", got)
	}
	if got := get[string](t, b, `select to_char(due_at at time zone 'UTC', 'DD HH24:MI') from central.due where kind = 'recompute'`); got != "03 02:00" {
		t.Errorf("the next check comes at %s", got)
	}
}

func TestThePrepaidAuditNamesWhatIsOffR14(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-15T00:00:00Z")
	user := b.customer(t, "a@example.test")
	b.exec(t, `insert into ledger_accounts (user_id, kind, currency, balance, held) values ($1, 'credit', 'USD', 5, 2)`, user)
	off, err := b.books.AuditPrepaid(context.Background(), b.shop)
	if err != nil || len(off) != 1 || !strings.HasPrefix(off[0], "held on credit of ") {
		t.Errorf("%v, %v", off, err)
	}
}
