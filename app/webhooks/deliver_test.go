package webhooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
)

// checked is a receiver's own check, written from the specification.
func signedBy(l letter, secret string) bool {
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(l.id + "." + l.stamp + "." + l.body))
	return slices.Contains(strings.Fields(l.signature), "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

func TestAnEventIsToldOnceToEachWhoAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works()
	money, desks := w.receiver(nil), w.receiver(nil)
	first, secret := w.add(money.URL, "invoice.finalised", "customer.created")
	_, other := w.add(desks.URL, "workspace.running")
	user, invoice := uuid.New(), uuid.New()
	w.happens("invoice.finalised", map[string]any{"user_id": user, "invoice_id": invoice, "number": "INV-1", "total": "12.50", "amount_due": "12.50", "currency": "USD", "password": "hunter2"})
	w.happens("workspace.running", map[string]any{"user_id": user, "workspace_id": uuid.New(), "service_id": uuid.New(), "run": 1, "access_url": "https://secret.test/x", "detail": "between us"})
	w.happens("payment.failed", map[string]any{"user_id": user})
	w.until("both are told", func() bool { return len(money.all()) == 1 && len(desks.all()) == 1 })

	told := money.all()[0]
	kind, data := told.data()
	if kind != "invoice.finalised" || data["total"] != "12.50" || data["number"] != "INV-1" || data["user_id"] != user.String() || data["invoice_id"] != invoice.String() {
		t.Errorf("told %s", told.body)
	}
	if !signedBy(told, secret) || signedBy(told, other) || !strings.HasPrefix(told.id, "msg_") {
		t.Errorf("%+v is not signed with its secret alone", told)
	}
	for _, l := range []letter{told, desks.all()[0]} {
		for _, hidden := range []string{"hunter2", "secret.test", "between us"} {
			if strings.Contains(l.body, hidden) {
				t.Errorf("%s goes out: %s", hidden, l.body)
			}
		}
	}
	w.until("it is noted", func() bool { return w.deliveries(first.ID)[0].Status == Sent })
	if d := w.deliveries(first.ID); len(d) != 1 || *d[0].Answer != 200 || d[0].Tries != 1 || d[0].NextAt != nil {
		t.Errorf("the log: %+v", d)
	}
	w.until("nothing is due any more", func() bool { return len(w.due()) == 0 })
}

func TestManyEventsComeOnceEachWhoeverSends(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works()
	rec := w.receiver(nil)
	e, _ := w.add(rec.URL, "session.opened")
	const many = 60
	for range many {
		w.happens("session.opened", map[string]any{"session_id": uuid.New()})
	}
	w.until("all are told", func() bool { return len(rec.ids()) == many })
	w.until("nothing is due any more", func() bool { return len(w.due()) == 0 })
	for id, n := range rec.ids() {
		if n != 1 {
			t.Errorf("%s came %d times", id, n)
		}
	}
	for _, d := range w.deliveries(e.ID) {
		if d.Status != Sent {
			t.Errorf("%+v", d)
		}
	}
}

func TestAMessageIsTriedAgainUnderItsIDForThreeDays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rec := w.receiver(answers(500))
	e, secret := w.add(rec.URL, "customer.created")
	w.must(w.Test(t.Context(), w.shop, e.ID))
	for tries := 1; ; tries++ {
		w.tries(e.ID)
		d := w.deliveries(e.ID)[0]
		if d.Tries != tries {
			t.Fatalf("try %d: %+v", tries, d)
		}
		if d.Status == Failed {
			if past := w.clock.Now().Sub(began); past < 72*time.Hour || past > 90*time.Hour || tries != 10 {
				t.Errorf("given up after %s and %d tries", past, tries)
			}
			break
		}
	}
	if ids := rec.ids(); len(ids) != 1 || !signedBy(rec.all()[9], secret) {
		t.Errorf("one message had the ids %v", ids)
	}
	if e = w.endpoint(e.ID); e.Status != Active || e.FailingSince == nil {
		t.Errorf("after three days: %+v", e)
	}
	if len(w.due()) != 0 {
		t.Errorf("still due: %v", w.due())
	}

	// Asked for again it comes under the same id, and what is taken ends the trouble.
	rec.mu.Lock()
	rec.how = nil
	rec.mu.Unlock()
	w.must(w.Again(t.Context(), w.shop, e.ID, w.deliveries(e.ID)[0].ID))
	w.tries(e.ID)
	if ids := rec.ids(); len(ids) != 1 || w.endpoint(e.ID).FailingSince != nil {
		t.Errorf("ids %v, %+v", ids, w.endpoint(e.ID))
	}
}

func TestAnEndpointThatTakesNothingForDaysIsSwitchedOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.owner()
	rec := w.receiver(func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		_, _ = w.Write([]byte("upstream\x00 is\n\naway \u202e<b>"))
	})
	e, _ := w.add(rec.URL, "customer.created")
	for day := range 6 {
		w.clock.Set(began.Add(time.Duration(day)*24*time.Hour), 0)
		w.must(w.Test(t.Context(), w.shop, e.ID))
		for range triesBeforeOff {
			w.tries(e.ID)
		}
	}
	if got := w.endpoint(e.ID); got.Status != Failing {
		t.Fatalf("after five days: %+v", got)
	}
	if told := w.told(EventSwitchedOff); len(told) != 1 || !strings.Contains(told[0], owner.String()) || !strings.Contains(told[0], "502 upstream is away <b>") {
		t.Errorf("the owner is told %v", told)
	}
	for _, d := range w.deliveries(e.ID) {
		if d.Status != Failed {
			t.Errorf("left behind: %+v", d)
		}
	}
	if len(w.due()) != 0 {
		t.Errorf("still due: %v", w.due())
	}
	if err := w.Test(t.Context(), w.shop, e.ID); err == nil {
		t.Error("a test goes to an endpoint that is off")
	}
	w.must(w.Resume(t.Context(), w.shop, "test", e.ID))
	if got := w.endpoint(e.ID); got.Status != Active || got.FailingSince != nil {
		t.Errorf("switched on again: %+v", got)
	}
}

func TestAReceiverThatIsGoneIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner()
	rec := w.receiver(answers(http.StatusGone))
	e, _ := w.add(rec.URL, "customer.created")
	w.must(w.Test(t.Context(), w.shop, e.ID))
	w.tries(e.ID)
	if got := w.endpoint(e.ID); got.Status != Failing || len(w.told(EventSwitchedOff)) != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestWhatAReceiverAsksForAndWhereItLeads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	elsewhere := w.receiver(nil)
	busy := w.receiver(func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7200")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	leads := w.receiver(func(_ int, w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	})
	one, _ := w.add(busy.URL, "customer.created")
	two, _ := w.add(leads.URL, "customer.created")
	for _, e := range []Endpoint{one, two} {
		w.must(w.Test(t.Context(), w.shop, e.ID))
		w.tries(e.ID)
	}
	if d := w.deliveries(one.ID)[0]; d.NextAt.Sub(w.clock.Now()) != 2*time.Hour {
		t.Errorf("asked to wait two hours: %+v", d)
	}
	if d := w.deliveries(two.ID)[0]; d.Status != Waiting || *d.Answer != 307 || len(elsewhere.all()) != 0 || !strings.Contains(d.Said, "not followed") && d.Said == "" {
		t.Errorf("led elsewhere: %+v, which got %d", d, len(elsewhere.all()))
	}
}

func TestASlowEndpointHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works()
	free := make(chan struct{})
	hangs := w.receiver(func(_ int, _ http.ResponseWriter, r *http.Request) {
		select {
		case <-free:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(free) })
	quick := w.receiver(nil)
	w.add(hangs.URL, "session.opened")
	w.add(quick.URL, "session.opened")
	for range 20 {
		w.happens("session.opened", map[string]any{"session_id": uuid.New()})
	}
	w.until("the quick one has all", func() bool { return len(quick.ids()) == 20 })
	if n := len(hangs.all()); n > 2 {
		t.Errorf("%d calls at a slow endpoint at once", n)
	}
}

func TestASuspendedShopTellsNothingUntilItIsOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works()
	rec := w.receiver(nil)
	e, _ := w.add(rec.URL, "invoice.finalised")
	w.must(w.db.SetStatus(t.Context(), w.shop.ID, tenants.Suspended, "not paid"))
	w.until("it is known", func() bool { s, _ := w.db.Registry().ByID(w.shop.ID); return s.Status == tenants.Suspended })
	w.happens("invoice.finalised", map[string]any{"number": "INV-1"})
	w.until("it waits for another hour", func() bool { return w.dueAfter(w.clock.Now()) })
	if len(rec.all()) != 0 || w.deliveries(e.ID)[0].Tries != 0 {
		t.Error("a suspended shop speaks")
	}
	w.must(w.db.SetStatus(t.Context(), w.shop.ID, tenants.Active, ""))
	w.until("it is known", func() bool { s, _ := w.db.Registry().ByID(w.shop.ID); return s.Status == tenants.Active })
	w.clock.Set(w.clock.Now().Add(time.Hour), 0)
	w.tries(e.ID)
	if len(rec.all()) != 1 {
		t.Error("what waited is not told")
	}
}

// Somebody is killed while sending: the message comes again, under its id.
func TestAMessageOutlivesItsSender(t *testing.T) {
	t.Parallel()
	wall := began
	w := newWorld(t, func(c *Config) { c.Wall = func() time.Time { return wall } })
	rec := w.receiver(nil)
	e, _ := w.add(rec.URL, "customer.created")
	w.must(w.Test(t.Context(), w.shop, e.ID))
	w.must(w.db.In(t.Context(), w.shop, func(tx tenants.Tx) error {
		_, err := claim(t.Context(), tx, e.ID, wall, wall.Add(leaseFor))
		return err
	}))
	w.tries(e.ID)
	if len(rec.all()) != 0 || len(w.due()) != 1 {
		t.Fatalf("two send to one endpoint at once, or nobody comes back: %v", w.due())
	}
	wall = wall.Add(leaseFor)
	w.clock.Set(w.clock.Now().Add(leaseFor), 0)
	w.tries(e.ID)
	if len(rec.all()) != 1 || len(w.due()) != 0 || w.deliveries(e.ID)[0].Status != Sent {
		t.Errorf("got %d, due %v, %+v", len(rec.all()), w.due(), w.deliveries(e.ID))
	}
}

func TestANewSecretSignsBesideTheOldOneForADay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rec := w.receiver(nil)
	e, old := w.add(rec.URL, "customer.created")
	fresh, err := w.Rotate(t.Context(), w.shop, "test", e.ID)
	w.must(err)
	for i, want := range []bool{true, false} {
		w.must(w.Test(t.Context(), w.shop, e.ID))
		w.tries(e.ID)
		if l := rec.all()[i]; !signedBy(l, fresh) || signedBy(l, old) != want {
			t.Errorf("message %d: %+v", i, l)
		}
		w.clock.Set(began.Add(overlap), 0)
	}
}

func (w *world) owner() (id uuid.UUID) {
	w.Helper()
	w.must(w.db.In(w.Context(), w.shop, func(tx tenants.Tx) (err error) {
		id, err = tenants.Get[uuid.UUID](w.Context(), tx, "user", `insert into users (id, email, name, password_hash, role, email_verified_at, created_at)
			values (gen_random_uuid(), 'boss@example.test', 'Boss', '', 'owner', $1, $1) returning id`, tx.Now())
		return err
	}))
	return id
}

func (w *world) told(subject string) (payloads []string) {
	w.Helper()
	w.must(w.db.CentralRead(w.Context(), tenants.ListQ(&payloads, `select payload::text from central.outbox where tenant_id = $1 and subject = $2`, w.shop.ID, subject)))
	return payloads
}

func (w *world) dueAfter(now time.Time) bool {
	var n int
	w.must(w.db.CentralRead(w.Context(), tenants.GetQ(&n, "count", `select count(*)::int from central.due where tenant_id = $1 and kind like 'webhook%' and due_at > $2`, w.shop.ID, now)))
	return n > 0
}

// tries handles what is due at an endpoint now, as the stream would.
func (w *world) tries(id uuid.UUID) {
	w.Helper()
	if d := w.deliveries(id); len(d) > 0 && d[0].NextAt != nil && d[0].NextAt.After(w.clock.Now()) {
		w.clock.Set(*d[0].NextAt, 0)
	}
	shop, _ := w.db.Registry().ByID(w.shop.ID)
	for _, lane := range w.due() {
		w.must(w.OnDue(w.Context(), &bus.Message{Name: lane + ".due", Key: id.String(), Tenant: shop}))
	}
}
