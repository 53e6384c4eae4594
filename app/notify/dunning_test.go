package notify

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/accounts"
)

func (w *world) unpaid() uuid.UUID {
	w.t.Helper()
	id := uuid.New()
	w.exec(`insert into invoices (id, user_id, number, status, cycle_start, period_start, period_end, currency, total, amount_due, description, due_date, created_at, finalised_at)
		values ($1, $2, 'NW-7', 'open', $3, $3, $3, 'USD', 25, 25, 'x', '2026-12-08', $3, $3)`, id, w.user.ID, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	return id
}

func TestDunningLettersGoOnceR18P50(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.unpaid()
	step := func(name, step, on string) {
		t.Helper()
		if err := w.OnDunning(t.Context(), w.event(name, map[string]any{"invoice_id": id, "step": step, "on": on})); err != nil {
			t.Fatal(err)
		}
	}
	step("dunning.reminded", "remind:1", "2026-12-18")
	step("dunning.reminded", "remind:1", "2026-12-18") // announced again after a crash: the key is the invoice and the step
	first := w.letters(1)[0]
	if first.Subject != "Reminder: invoice NW-7 is not paid yet" || !strings.Contains(first.Text, "You have no card saved") || !strings.Contains(first.Text, "Desktops stop on: 18 December 2026") {
		t.Errorf("%s\n%s", first.Subject, first.Text)
	}
	w.exec(`insert into payment_methods (user_id, processor_customer, processor_id, created_at) values ($1, 'c', 'm', now())`, w.user.ID)
	step("dunning.reminded", "remind:5", "")
	step("dunning.warned", "warn_suspend:3", "2026-12-18")
	step("dunning.suspended", "suspend:10", "2027-01-07")
	step("dunning.warned", "warn_terminate:7", "2027-01-07")
	got := w.letters(5)
	for i, subject := range []string{"Reminder: invoice NW-7 is not paid yet", "Your desktops stop on 18 December 2026", "Your desktops are suspended", "Your desktops are deleted on 7 January 2027"} {
		if got[i+1].Subject != subject || !strings.Contains(got[i+1].Text, "card that you saved") {
			t.Errorf("letter %d: %s\n%s", i+1, got[i+1].Subject, got[i+1].Text)
		}
	}
	w.exec(`update invoices set status = 'paid', amount_due = 0`)
	step("dunning.warned", "warn_terminate:2", "2027-01-07") // was paid while it waited
	w.letters(5)
	step("dunning.resumed", "resumed", "")
	if last := w.letters(6)[5]; last.Subject != "Thank you – your desktops work again" {
		t.Errorf("the last letter is %s", last.Subject)
	}
}

func TestParkedLettersGoToCustomerAndShop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner, _, err := w.accounts.Create(t.Context(), w.shop, accounts.NewUser{Email: "boss" + uuid.NewString()[:8] + "@example.test", Name: "Bo", Role: accounts.Owner, Password: "correct horse battery", Actor: "test"})
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]any{"customer_id": w.user.ID, "sentence": "9 blocks began in one day; the bound is 8.", "since": "20261201T100000"}
	for range 2 {
		if err := w.OnParked(t.Context(), w.event("account.parked", said)); err != nil {
			t.Fatal(err)
		}
	}
	notice := w.event("account.parked_notice", said)
	notice.Payload = []byte(strings.Replace(string(notice.Payload), `"user_id":"`+w.user.ID.String(), `"user_id":"`+owner.ID.String(), 1))
	if err := w.OnParked(t.Context(), notice); err != nil {
		t.Fatal(err)
	}
	if got := w.letters(1)[0]; got.Subject != "Your account is on hold while we take a look" || !strings.Contains(got.Text, "9 blocks") {
		t.Errorf("%s\n%s", got.Subject, got.Text)
	}
	if got := w.memory.To(owner.Email); len(got) != 1 || !strings.Contains(got[0].Subject, w.user.Email) || !strings.Contains(got[0].Text, "/reseller/parked") {
		t.Errorf("the shop was told %+v", got)
	}
	if err := w.OnParked(t.Context(), w.event("account.released", said)); err != nil {
		t.Fatal(err)
	}
	w.letters(2)
}

func TestTheProviderIsAlertedOfWhatNeedsAttention(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.OnAttention(t.Context(), w.event("attention.raised", map[string]any{"kind": "ledger"})); err != nil {
		t.Fatal("without an address there is nobody to tell:", err)
	}
	var posts atomic.Int64
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { posts.Add(1) }))
	defer hook.Close()
	var err error
	if w.discord, err = newDiscord(hook.URL); err != nil {
		t.Fatal(err)
	}
	m := w.event("attention.raised", map[string]any{"kind": "recompute", "subject": "INV-1", "summary": "INV-1 works out otherwise."})
	for range 2 {
		_ = w.OnAttention(t.Context(), m) // the second is one that was done
	}
	if posts.Load() != 1 {
		t.Errorf("told %d times", posts.Load())
	}
}
