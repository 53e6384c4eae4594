package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/mail"
	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

// world is one shop with a customer, and a Service whose letters stay in memory.
type world struct {
	*Service
	t        testing.TB
	shop     tenants.Tenant
	accounts *accounts.Service
	memory   *mail.Memory
	key      *seal.Key
	user     accounts.User
}

func newWorld(t testing.TB) *world {
	t.Helper()
	db, shop := tenanttest.New(t, tenanttest.WithName("Northwind"))
	people, err := accounts.New(db, clock.Wall{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	key, err := seal.New(strings.Repeat("k", seal.MinSecret))
	if err != nil {
		t.Fatal(err)
	}
	memory := new(mail.Memory)
	w := &world{t: t, shop: shop, accounts: people, memory: memory, key: key}
	w.Service, err = New(Config{
		DB: db, Accounts: people, Sender: memory, Key: key, Log: slog.New(slog.DiscardHandler),
		Links: func(t tenants.Tenant, path string) string { return "https://" + t.Host() + path },
	})
	if err != nil {
		t.Fatal(err)
	}
	w.user, err = people.Register(t.Context(), shop, accounts.Registration{Name: "Ada", Email: "ada" + uuid.NewString() + "@example.test", Password: "correct horse battery"}, "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// event is a message as the bus hands it over for the first time.
func (w *world) event(name string, payload map[string]any) *bus.Message {
	w.t.Helper()
	if payload == nil {
		payload = map[string]any{}
	}
	payload["user_id"] = w.user.ID
	raw, err := json.Marshal(payload)
	if err != nil {
		w.t.Fatal(err)
	}
	return &bus.Message{Tenant: w.shop, Name: name, OutboxID: 1<<40 + rand.Int64N(1<<40), Payload: raw, Try: 1}
}

func (w *world) letters(want int) []mail.Message {
	w.t.Helper()
	got := w.memory.To(w.user.Email)
	if len(got) != want {
		w.t.Fatalf("got %d letters, want %d", len(got), want)
	}
	return got
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	err := w.DB.In(w.t.Context(), w.shop, func(tx tenants.Tx) error {
		_, err := tx.Exec(w.t.Context(), sql, args...)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// desktop puts a desktop of the customer into the database.
func (w *world) desktop() (workspace, service uuid.UUID) {
	w.t.Helper()
	workspace, service = uuid.New(), uuid.New()
	now := time.Now()
	w.exec(`-- service
		insert into services (id, user_id, plan_id, service_type, created_at)
		select $1, $2, id, service_type, $3 from plans where service_type = 'developer_basic'`, service, w.user.ID, now)
	w.exec(`-- workspace
		insert into kasm_workspaces (id, user_id, service_id, plan_id, template_id, workspace_type, template_name, vcpu, ram_mb, username, password_encrypted, desired_state, status, changed_at, created_at)
		select $1, $2, $3, p.id, t.id, p.service_type, t.name, 2, 4096, 'nw-ada', $4, 'running', 'running', $5, $5
		from plans p, (select id, name from kasm_workspace_templates order by sort_order, name limit 1) t where p.service_type = 'developer_basic'`,
		workspace, w.user.ID, service, w.key.Seal([]byte("p<a>ss"), seal.Context(w.shop.ID, seal.DesktopPassword)), now)
	return workspace, service
}

func TestEachLetterOfAnAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	home := "https://" + w.shop.Host()
	for i, c := range []struct{ event, subject, link string }{
		{"user.registered", "Confirm your e-mail address", home + `/verify/[A-Za-z0-9_-]{43}\b`},
		{"user.verification_requested", "Confirm your e-mail address", home + `/verify/[A-Za-z0-9_-]{43}\b`},
		{"user.register_repeated", "You already have an account", home + `/sign-in`},
		{"user.reset_requested", "Choose a new password", home + `/reset/[A-Za-z0-9_-]{43}\b`},
		{"tenant.created", "Your shop Northwind is ready", home + `/reset/[A-Za-z0-9_-]{43}\b`},
		{"user.invited", "You were invited to Northwind", home + `/reset/[A-Za-z0-9_-]{43}\b`},
	} {
		m := w.event(c.event, nil)
		if err := w.OnAccount(t.Context(), m); err != nil {
			t.Fatalf("%s: %v", c.event, err)
		}
		got := w.letters(i + 1)[i]
		link := regexp.MustCompile(c.link)
		if got.Subject != c.subject || !link.MatchString(got.Text) || !link.MatchString(got.HTML) {
			t.Errorf("%s: got %q\n%s", c.event, got.Subject, got.Text)
		}
		if got.From != "no-reply@"+w.shop.Host() || got.FromName != "Northwind" || got.Key != fmt.Sprintf("%s/%s:%d", w.shop.ID, c.event, m.OutboxID) {
			t.Errorf("%s: got from %s <%s>, key %s", c.event, got.FromName, got.From, got.Key)
		}
	}
}

func TestTheLinkInALetterWorks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.OnAccount(t.Context(), w.event("user.registered", nil)); err != nil {
		t.Fatal(err)
	}
	raw := regexp.MustCompile(`/verify/(\S+)`).FindStringSubmatch(w.letters(1)[0].Text)[1]
	if user, err := w.accounts.Verify(t.Context(), w.shop, raw); err != nil || user.ID != w.user.ID {
		t.Errorf("got %+v, %v", user, err)
	}
	if err := w.OnAccount(t.Context(), w.event("user.verification_requested", nil)); err != nil {
		t.Fatal(err)
	}
	w.letters(1) // nothing is left to confirm
}

func TestALetterGoesOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.event("user.registered", nil)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			again := *m
			if err := w.OnAccount(t.Context(), &again); err != nil && !errors.Is(err, bus.ErrAlreadyDone) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	w.letters(1)
}

func TestTheReadyLetterGoesOnceForAService(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	workspace, service := w.desktop()
	payload := map[string]any{"workspace_id": workspace, "service_id": service, "first": true}
	for range 2 { // two starts, two events
		if err := w.OnWorkspace(t.Context(), w.event("workspace.running", payload)); err != nil {
			t.Fatal(err)
		}
	}
	got := w.letters(1)[0]
	for _, part := range []string{"https://" + w.shop.Host() + "/workspaces/" + workspace.String() + "/launch", "User name: nw-ada", "Password: p<a>ss", "Developer Basic"} {
		if !strings.Contains(got.Text, part) {
			t.Errorf("%q is missing in\n%s", part, got.Text)
		}
	}
	if strings.Contains(got.HTML, "p<a>ss") {
		t.Error("the password became markup")
	}
}

func TestASecretUnderAnotherKeyIsNotGuessedAt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	workspace, service := w.desktop()
	other, err := seal.New(strings.Repeat("o", seal.MinSecret))
	if err != nil {
		t.Fatal(err)
	}
	w.Key = other
	err = w.OnWorkspace(t.Context(), w.event("workspace.running", map[string]any{"workspace_id": workspace, "service_id": service}))
	if !errors.Is(err, seal.ErrOtherKey) {
		t.Errorf("got %v, want the reason", err)
	}
	w.letters(0)
}

func TestLettersAboutTheEndOfADesktop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	workspace, service := w.desktop()
	send := func(name string, extra map[string]any) {
		t.Helper()
		extra["workspace_id"], extra["service_id"] = workspace, service
		if err := w.OnWorkspace(t.Context(), w.event(name, extra)); err != nil {
			t.Fatal(err)
		}
	}
	send("workspace.failed", map[string]any{"error": "No desktop host has room right now.", "detail": "secret detail of the host"})
	got := w.letters(1)[0]
	if got.Subject != "Your desktop could not be started" || !strings.Contains(got.Text, "No desktop host has room right now.") || strings.Contains(got.Text, "secret detail") {
		t.Errorf("got %s\n%s", got.Subject, got.Text)
	}
	for _, by := range []string{"customer", "staff", "api", "limit", "request"} {
		send("workspace.stopped", map[string]any{"by": by})
	}
	w.letters(1)
	send("workspace.stopped", map[string]any{"by": "host"})
	if got := w.letters(2)[1]; got.Subject != "Your desktop has stopped" {
		t.Errorf("got %s", got.Subject)
	}
}

func TestLettersAboutTheRulesOfADesktop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	workspace, service := w.desktop()
	stops := time.Date(2026, 11, 23, 13, 30, 0, 0, time.UTC)
	send := func(name string, extra map[string]any) {
		t.Helper()
		extra["workspace_id"], extra["service_id"] = workspace, service
		if err := w.OnWorkspace(t.Context(), w.event(name, extra)); err != nil {
			t.Fatal(err)
		}
	}
	send("workspace.idle_warning", map[string]any{"stops_at": stops})
	w.letters(0) // somebody connected meanwhile
	w.exec(`-- warned
		update kasm_workspaces set idle_warned_at = $2 where id = $1`, workspace, stops.Add(-5*time.Minute))
	send("workspace.idle_warning", map[string]any{"stops_at": stops})
	first := w.letters(1)[0]
	for _, part := range []string{"13:30 on 23 November 2026 (UTC)", "another 15 minutes", "/workspaces/" + workspace.String(), "Developer Basic"} {
		if !strings.Contains(first.Text, part) {
			t.Errorf("%q is missing in\n%s", part, first.Text)
		}
	}
	w.exec(`-- schedule
		insert into workspace_schedules (workspace_id, start_minute, weekdays, time_zone, changed_at) values ($1, 540, 31, 'Europe/Berlin', $2)`, workspace, stops)
	send("workspace.idle_warning", map[string]any{"stops_at": stops})
	if got := w.letters(2)[1]; !strings.Contains(got.Text, "14:30 on 23 November 2026 (Europe/Berlin)") {
		t.Errorf("not in the zone of the schedule:\n%s", got.Text)
	}
	send("workspace.schedule_refused", map[string]any{"by": "schedule", "error": "Add credits or a payment method first."})
	if got := w.letters(3)[2]; got.Subject != "Your desktop was not started by its schedule" || !strings.Contains(got.Text, "Add credits or a payment method first.") {
		t.Errorf("got %s\n%s", got.Subject, got.Text)
	}
}

func TestTheInvoiceLetter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := uuid.New()
	month := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	w.exec(`-- invoice
		insert into invoices (id, user_id, number, status, period_start, period_end, currency, subtotal, total, credit_applied, amount_due, due_date, created_at, finalised_at)
		values ($1, $2, 'NW-0001', 'open', $3, $4, 'USD', 12.35, 12.35, 10, 2.35, '2026-11-15', $4, $4)`, id, w.user.ID, month, month.AddDate(0, 1, 0))
	for range 2 { // announced twice, sent once
		if err := w.OnInvoice(t.Context(), w.event("invoice.finalised", map[string]any{"invoice_id": id})); err != nil {
			t.Fatal(err)
		}
	}
	got := w.letters(1)[0]
	for _, part := range []string{"Number: NW-0001", "Total: $12.35", "To pay: $2.35", "Due: 15 November 2026", "1 to 31 October 2026", "/invoices/NW-0001"} {
		if !strings.Contains(got.Text, part) {
			t.Errorf("%q is missing in\n%s", part, got.Text)
		}
	}
}

func TestPeriods(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := func(text string) time.Time {
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	for _, c := range []struct {
		start, end, want string
		zone             *time.Location
	}{
		{"2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z", "1 to 31 October 2026", time.UTC},
		{"2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z", "1 to 31 October 2026", berlin},
		{"2026-10-15T00:00:00Z", "2026-11-15T00:00:00Z", "15 October to 14 November 2026", time.UTC},
		{"2026-12-15T00:00:00Z", "2027-01-15T00:00:00Z", "15 December 2026 to 14 January 2027", nil},
		{"2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z", "1 October 2026", time.UTC},
		{"2026-10-01T00:00:00Z", "2026-10-01T00:00:00Z", "1 October 2026", time.UTC},
	} {
		if got := period(at(c.start), at(c.end), c.zone); got != c.want {
			t.Errorf("%s to %s: got %q, want %q", c.start, c.end, got, c.want)
		}
	}
}

func TestTroubleWithTheMailServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.event("user.registered", nil)

	w.memory.Refuse(func(mail.Message) error { return errors.New("connection refused") })
	if err := w.OnAccount(t.Context(), m); err == nil || !strings.HasPrefix(err.Error(), "later: ") {
		t.Errorf("got %v, want to wait", err)
	}
	w.memory.Refuse(func(mail.Message) error { return fmt.Errorf("%w: no such user", mail.ErrRefused) })
	if err := w.OnAccount(t.Context(), m); err != nil {
		t.Errorf("an address that nobody proved: got %v, want it given up in peace", err)
	}
	w.exec(`-- proved
		update users set email_verified_at = now() where id = $1`, w.user.ID)
	if err := w.OnAccount(t.Context(), w.event("user.reset_requested", nil)); !mail.Refused(err) {
		t.Errorf("a proved address: got %v, want the refusal", err)
	}
	w.memory.Refuse(nil)
	w.letters(0)
	if err := w.OnAccount(t.Context(), w.event("user.reset_requested", nil)); err != nil {
		t.Error(err)
	}
	w.letters(1)
}

func TestClosedAccountsGetNoMail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.accounts.SetStatus(t.Context(), w.shop, "staff", w.user.ID, accounts.Closed); err != nil {
		t.Fatal(err)
	}
	if err := w.OnAccount(t.Context(), w.event("user.reset_requested", nil)); err != nil {
		t.Error(err)
	}
	w.letters(0)
}

func TestARegistrationReachesItsLetterThroughTheBus(t *testing.T) {
	t.Parallel()
	w := newWorld(t) // the registration is in the outbox
	arrived := make(chan struct{}, 16)
	w.memory.Refuse(func(mail.Message) error {
		arrived <- struct{}{}
		return nil
	})
	b, err := bus.Open(t.Context(), bus.Options{DB: w.DB, Dir: t.TempDir(), Clock: clock.Wall{}, OnDeadLetter: w.OnDeadLetter})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	ended := make(chan error, 1)
	go func() {
		ended <- b.Run(ctx, []bus.Consumer{{Name: "notify-account", Names: []string{"user.registered"}, Handle: w.OnAccount}})
	}()
	for len(w.memory.To(w.user.Email)) == 0 && ctx.Err() == nil {
		select {
		case <-arrived:
		case <-b.Handled():
		case <-ctx.Done():
			t.Error("no letter arrived")
		}
	}
	cancel()
	<-ended
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	w.letters(1)
}
