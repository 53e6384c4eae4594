package payments

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/bus/bustest"
	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/payments/stripefake"
	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/tenants"
)

const (
	secret  = "sk_test_acme"
	signing = "whsec_acme"
)

var noon = time.Date(2026, time.November, 20, 12, 0, 0, 0, time.UTC)

func dec(text string) decimal.Decimal { return decimal.RequireFromString(text) }

// world is a shop with an account at a Stripe of its own, and the bus that carries
// what happens.
type world struct {
	*Service
	t     testing.TB
	db    *tenants.DB
	shop  tenants.Tenant
	fake  *stripefake.Fake
	clock *clock.Movable
	bus   *bus.Bus
	wall  time.Duration // how far the wall has been moved
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewMovable(noon, 0), fake: stripefake.New(time.Now)}
	w.db, w.shop = bustest.Fresh(t, w.clock.Now)
	server := httptest.NewServer(w.fake)
	t.Cleanup(server.Close)
	w.fake.At(server.URL)
	w.Service = w.service(server.URL)
	w.keys(w.shop, secret, signing)
	w.bus, _ = bustest.Start(t, bus.Options{DB: w.db, Clock: w.clock}, rows(w.Service)...)
	return w
}

func (w *world) service(base string) *Service {
	key, err := seal.New("0123456789abcdef0123456789abcdef")
	if err != nil {
		w.t.Fatal(err)
	}
	return New(Config{DB: w.db, Clock: w.clock, Wall: func() time.Time { return time.Now().Add(w.wall) }, Ledger: ledger.New(w.db), Billing: billing.New(w.db), Sealer: key, APIBase: base,
		Links: func(t tenants.Tenant, path string) string { return "https://" + t.Host() + path }, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
}

// rows are the consumers, as the worker's table has them.
func rows(s *Service) []bus.Consumer {
	return []bus.Consumer{
		{Name: "payments-invoice", Names: []string{"invoice.finalised"}, Handle: s.OnInvoice},
		{Name: "payments-announced", Names: []string{"processor.announced"}, Handle: s.OnAnnounced},
		{Name: "payments-credit", Names: []string{"balance.low", "block.charged", "invoice.paid"}, Handle: s.OnCredit},
		{Name: "payments-sweep", Names: []string{"payment_sweep.due"}, Handle: s.OnSweepDue},
		{Name: "payments-cards", Names: []string{"card_sweep.due"}, Handle: s.OnSetupDue},
		{Name: "payments-refund", Names: []string{"refund.due"}, Handle: s.OnRefundDue},
		{Name: "payments-topup", Names: []string{"auto_topup.due"}, Handle: s.OnTopUpDue},
	}
}

func (w *world) keys(t tenants.Tenant, secret, signing string) {
	w.t.Helper()
	if _, err := w.SetKeys(w.t.Context(), t, "test", Keys{Secret: secret, Webhook: signing}); err != nil {
		w.t.Fatal(err)
	}
}

// settle waits until everything that is due has had its effect.
func (w *world) settle() { w.t.Helper(); bustest.Settle(w.t, w.bus, w.clock.Now()) }

// pass lets business time pass.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	w.clock.Set(w.clock.Now().Add(d), 0)
	w.settle()
}

func (w *world) in(t tenants.Tenant, fn func(ctx context.Context, tx tenants.Tx) error) {
	w.t.Helper()
	ctx := context.Background()
	if err := w.db.In(ctx, t, func(tx tenants.Tx) error { return fn(ctx, tx) }); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	w.in(w.shop, func(ctx context.Context, tx tenants.Tx) error { _, err := tx.Exec(ctx, sql, args...); return err })
}

func value[T any](w *world, sql string, args ...any) (v T) {
	w.t.Helper()
	if err := w.db.Read(context.Background(), w.shop, tenants.GetQ(&v, "row", sql, args...)); err != nil {
		w.t.Fatal(err)
	}
	return v
}

func (w *world) customer() uuid.UUID { return w.customerOf(w.shop) }

func (w *world) customerOf(t tenants.Tenant) uuid.UUID {
	w.t.Helper()
	id := uuid.New()
	w.in(t, func(ctx context.Context, tx tenants.Tx) error {
		_, err := tx.Exec(ctx, `insert into users (id, email, name, password_hash, created_at) values ($1, $2, 'Ada', '', $3)`, id, id.String()+"@a.test", noon)
		return err
	})
	return id
}

// card saves a card as a customer does.
func (w *world) card(user uuid.UUID, number string) uuid.UUID {
	w.t.Helper()
	v, err := w.SaveCard(w.t.Context(), w.shop, user, uuid.NewString())
	if err != nil {
		w.t.Fatal(err)
	}
	if _, ok := w.fake.Visit(sessionOf(v.URL), number, true); !ok {
		w.t.Fatalf("the card %s was not saved", number)
	}
	if saved, err := w.CardSaved(w.t.Context(), w.shop, user, sessionOf(v.URL)); err != nil || !saved {
		w.t.Fatalf("saved %v, %v", saved, err)
	}
	return value[uuid.UUID](w, `select id from payment_methods where user_id = $1 and is_default`, user)
}

func sessionOf(url string) string {
	for i := len(url) - 1; i >= 0; i-- {
		if url[i] == '/' {
			return url[i+1:]
		}
	}
	return url
}

// invoice makes an open invoice; it is not announced.
func (w *world) invoice(user uuid.UUID, due string) uuid.UUID { return w.invoiceIn(w.shop, user, due) }

func (w *world) invoiceIn(t tenants.Tenant, user uuid.UUID, due string) uuid.UUID {
	w.t.Helper()
	id := uuid.New()
	w.in(t, func(ctx context.Context, tx tenants.Tx) error {
		_, err := tx.Exec(ctx, `insert into invoices (id, user_id, number, status, cycle_start, period_start, period_end, currency, subtotal, total, amount_due, due_date, created_at, finalised_at)
			values ($1, $2, $3, 'open', $4::timestamptz, $4, $4, 'USD', $5::text::numeric, $5::text::numeric, $5::text::numeric, ($4::timestamptz)::date, $4, $4)`,
			id, user, "INV-"+id.String()[:8], noon.Add(time.Duration(time.Now().UnixNano()%1e9)*time.Microsecond), due)
		return err
	})
	return id
}

func (w *world) number(invoice uuid.UUID) string {
	return value[string](w, `select number from invoices where id = $1`, invoice)
}

func (w *world) charge(invoice uuid.UUID) Outcome {
	w.t.Helper()
	out, err := w.ChargeInvoice(w.t.Context(), w.shop, invoice)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// send delivers announcements to the shop.
func (w *world) send(events ...stripefake.Event) {
	w.t.Helper()
	for _, e := range events {
		if err := w.Announce(w.t.Context(), w.shop, e.Body, stripefake.Sign(e.Body, signing, time.Now())); err != nil {
			w.t.Fatal(err)
		}
	}
	w.settle()
}

func (w *world) credit(user uuid.UUID) string {
	return value[decimal.Decimal](w, `select coalesce(sum(balance), 0) from ledger_accounts where user_id = $1`, user).String()
}

func (w *world) events(name string) int {
	return value[int](w, `select count(*) from central.outbox where subject = $1 and tenant_id = $2`, name, w.shop.ID)
}

// sound checks that the books come to zero and that ours and the processor's agree.
func (w *world) sound() {
	w.t.Helper()
	off, err := w.Ledger.Audit(w.t.Context(), w.shop)
	if err != nil || len(off) > 0 {
		w.t.Errorf("the ledger is off: %v, %v", off, err)
	}
	ours := value[decimal.Decimal](w, `select coalesce(-sum(e.amount), 0) from ledger_entries e join ledger_accounts a on a.id = e.account_id where a.kind = 'cash' and a.currency = 'USD'`)
	books := w.fake.Books(secret)
	if theirs := decimal.New(books.Charged["usd"]-books.Refunded["usd"], -2); !ours.Equal(theirs) {
		w.t.Errorf("we have %s in cash, the processor %s: %s", ours, theirs, fmt.Sprint(books.Payments))
	}
}
