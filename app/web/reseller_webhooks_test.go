package web

import (
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/app/webhooks"
	"github.com/ezscale/ezscale/tenants"
)

// hooksOf calls public addresses only, as in production.
func hooksOf(t testing.TB, db *tenants.DB) *webhooks.Service {
	t.Helper()
	key, err := seal.New(strings.Repeat("k", 40))
	if err != nil {
		t.Fatal(err)
	}
	return webhooks.New(webhooks.Config{DB: db, Sealer: key, Clock: clock.NewMovable(noon, 0), Wall: time.Now, Log: slog.New(slog.DiscardHandler)})
}

func TestOwnersKeepWebhooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.person(w.a, "boss@example.com", accounts.Owner)
	w.person(w.a, "stan@example.com", accounts.Staff)
	w.person(w.b, "far@example.com", accounts.Owner)
	owner, far := w.at(w.a).signIn("/reseller", "boss@example.com"), w.at(w.b).signIn("/reseller", "far@example.com")
	w.at(w.a).signIn("/reseller", "stan@example.com").get("/reseller/webhooks").want(403)

	form := func(address string) url.Values {
		return url.Values{"url": {address}, "description": {"Accounting"}, "event.invoice.finalised": {"on"}, "event.customer.created": {"on"}}
	}
	for _, bad := range []string{"", "shop", "http://hooks.example.com/", "https://10.1.2.3/", "https://169.254.169.254/latest/meta-data/", "https://localhost/", "https://[::1]/x", "https://user:pass@hooks.example.com/"} {
		again := owner.post("/reseller/webhooks", form(bad)).want(422)
		if again.fieldError("url") == "" || again.value("url") != bad || again.value("description") != "Accounting" {
			t.Errorf("%q: said %q, kept %q and %q", bad, again.fieldError("url"), again.value("url"), again.value("description"))
		}
	}
	owner.post("/reseller/webhooks", url.Values{"url": {"https://hooks.example.com/"}}).want(422).says("Choose at least one event of the list.")
	owner.post("/reseller/webhooks", url.Values{"url": {"https://hooks.example.com/"}, "event.workspace.password": {"on"}}).want(422)

	made := owner.post("/reseller/webhooks", form("https://hooks.example.com/in?token=s3cret")).want(201).says("hooks.example.com", "Accounting")
	if made.header.Get("Cache-Control") != "no-store" || !strings.Contains(made.body, "whsec_") {
		t.Error("the secret is not shown, or may be kept on the way")
	}
	var list []webhooks.Endpoint
	if err := w.deps.DB.Read(t.Context(), w.a, webhooks.EndpointsQ(&list)); err != nil || len(list) != 1 {
		t.Fatalf("got %v, %v", list, err)
	}
	at := "/reseller/webhooks/" + list[0].ID.String()
	owner.get("/reseller/webhooks").want(200).says("hooks.example.com", "customer.created, invoice.finalised").hides("s3cret", "whsec_")
	if page := owner.get(at).want(200).says("Nothing was sent yet."); strings.Contains(page.body, "whsec_") {
		t.Error("the secret is shown twice")
	}
	owner.post(at+"/test", nil).goesTo(at)
	owner.get(at).want(200).says("webhook.test", "Waiting", "msg_")
	var log []webhooks.Delivery
	if err := w.deps.DB.Read(t.Context(), w.a, webhooks.DeliveriesQ(&log, list[0].ID, uuid.Nil, 9)); err != nil || len(log) != 1 {
		t.Fatalf("got %v, %v", log, err)
	}
	owner.post(at+"/again", url.Values{"delivery": {log[0].ID.String()}}).goesTo(at)
	owner.post(at+"/again", url.Values{"delivery": {uuid.NewString()}}).want(404)
	owner.post(at+"/secret", nil).want(201).says("The secret of hooks.example.com", "The secret before signs, too, until")
	owner.post(at, form("https://10.0.0.1/")).want(422)
	owner.post(at, form("https://new.example.com/")).goesTo(at)
	owner.post(at+"/pause", nil).goesTo(at)
	owner.get(at).says("new.example.com", "Switch on")
	owner.post(at+"/test", nil).want(409).says("This webhook is off.")
	owner.post(at+"/resume", nil).goesTo(at)

	far.get(at).want(404)
	for _, what := range []string{"", "/test", "/again", "/secret", "/pause", "/resume", "/remove"} {
		v := form("https://far.example.com/")
		v.Set("delivery", log[0].ID.String())
		far.post(at+what, v).want(404)
	}
	owner.get("/reseller/audit").want(200).hides("s3cret")
	for {
		if got := owner.post(at+"/test", nil); got.status != 303 {
			got.want(429).says("That were many tests.")
			break
		}
	}
	w.sent(list[0].ID, 30)
	page := owner.get(at).want(200).says("Older").says("webhook.test")
	links := page.all("a", "class", "btn btn-small")
	older, _ := attrOf(links[len(links)-1], "href")
	owner.get(older).want(200).says("Newer", "invoice.finalised", "410 in 12 ms", "<b>Gone</b>")
	owner.post(at+"/remove", nil).goesTo("/reseller/webhooks")
	owner.get(at).want(404)
	for range webhooks.MaxEndpoints {
		owner.post("/reseller/webhooks", form("https://hooks.example.com/")).want(201)
	}
	owner.post("/reseller/webhooks", form("https://hooks.example.com/")).want(409).says("There are 10 webhooks already.")
}

// sent notes messages that an endpoint refused, older than all others.
func (w *world) sent(endpoint uuid.UUID, n int) {
	w.t.Helper()
	err := w.deps.DB.In(w.t.Context(), w.a, func(tx tenants.Tx) error {
		_, err := tx.Exec(w.t.Context(), `insert into webhook_deliveries (id, endpoint_id, cause, event, body, status, tries, made_at, tried_at, answer, took_ms, said)
			select gen_random_uuid(), $1, 'event:' || n, 'invoice.finalised', '{}', 'failed', 10, $2::timestamptz - n * interval '1 day', $2, 410, 12, '<b>Gone</b> ' || repeat('x', 190)
			from generate_series(1, $3::int) n`, endpoint, noon, n)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}
