package web

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
)

func (w *world) centrally(sql string, args ...any) {
	w.t.Helper()
	err := w.deps.DB.Central(context.Background(), func(tx tenants.CentralTx) error {
		_, err := tx.Exec(context.Background(), sql, args...)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestResellersAreFoundWithTheirFigures(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBus(t))
	w.person(w.a, "ada@example.com", accounts.Customer)
	desk := w.central().signIn("/admin", w.operator().Email)
	desk.get("/admin/resellers?q="+w.a.Slug).want(200).says(w.a.OwnerEmail, "1 shop").hides(w.b.Slug)
	desk.get("/admin/resellers?q=" + w.a.Slug + "&state=suspended").want(200).says("None is like this").hides(w.a.OwnerEmail + " ")
	desk.get("/admin/resellers?cursor=nobody").want(400)
	file := desk.get("/admin/resellers.csv?q=" + w.a.Slug).want(200).body
	if lines := strings.Split(strings.TrimSpace(file), "\n"); len(lines) != 2 || !strings.HasPrefix(lines[1], w.a.Slug+",") || !strings.HasSuffix(lines[1], ",0,0,USD") {
		t.Errorf("the file is %q", file)
	}
	desk.get("/admin/resellers/"+w.a.Slug).want(200).says("Schema", w.a.Schema(), "Hosts", "Support", "given by the reseller")
}

func TestTheAuditLogIsFilteredPageByPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBus(t))
	for n := range 53 {
		w.centrally(`insert into central.audit_log (at, actor, tenant_id, action, subject, detail) values ($1, $2, $3, 'test.made', $4, '{"why": "counting"}')`,
			time.Date(2026, 3, 1+n/30, 8, 0, n%60, 0, time.UTC), "Olga@"+w.a.Slug, w.a.ID, fmt.Sprint("line ", n))
	}
	desk := w.central().signIn("/admin", w.operator().Email)
	mine := "/admin/audit?shop=" + w.a.Slug + "&action=test"
	page := desk.get(mine).want(200).says("line 52", "line 3", "why counting").hides("line 2 ")
	older := page.find("a", "rel", "next")
	if older == nil {
		t.Fatal("there is no older page")
	}
	next, _ := attrOf(older, "href")
	desk.get(next).want(200).says("line 2", "line 0").hides("line 3 ")
	desk.get(mine + "&from=2026-03-02").want(200).says("line 30").hides("line 29 ")
	desk.get(mine + "&to=2026-03-01&q=olga@").want(200).says("line 29").hides("line 30 ")
	desk.get(mine + "&q=nobody").want(200).says("No line of the log is like this.")
	desk.get("/admin/audit?shop=" + w.b.Slug + "&action=test").want(200).hides("line 1")
	for _, wrong := range []string{"from=soon", "cursor=x", "cursor=-1"} {
		desk.get("/admin/audit?" + wrong).want(400)
	}
	if n := strings.Count(desk.get("/admin/audit.csv?shop="+w.a.Slug+"&action=test").want(200).body, "test.made"); n != 53 {
		t.Errorf("the file has %d lines", n)
	}
}

func TestFailedWorkIsPutAsideAndTimersRunEarlyWhereSafe(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBus(t))
	id := w.deadLetter(w.a, "the host said no")
	key := uuid.NewString()
	later := time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
	w.centrally(`insert into central.due (schema_name, tenant_id, kind, key, due_at) values ($1, $2, 'domain', $3, $4), ($1, $2, 'cycle', $3, $4)`, w.a.Schema(), w.a.ID, key, later)
	desk := w.central().signIn("/admin", w.operator().Email)
	desk.get("/admin/jobs").want(200).says("the host said no", "Timers by kind", "domain", "cycle", "Not sent yet")
	path := fmt.Sprintf("/admin/dead-letters/%d/discard", id)
	desk.post(path, nil).goesTo("/admin/jobs")
	desk.get("/admin/jobs").want(200).says("It is put aside.").hides("the host said no")
	desk.post(path, nil).goesTo("/admin/jobs")
	desk.get("/admin/jobs").want(200).says("dealt with already")
	desk.post("/admin/dead-letters/x/discard", nil).want(404)

	desk.post("/admin/timers/"+w.a.Slug+"/domain?key="+key, nil).goesTo("/admin/jobs")
	desk.post("/admin/timers/"+w.a.Slug+"/cycle?key="+key, nil).goesTo("/admin/jobs")
	desk.get("/admin/jobs").want(200).says("run at their time only")
	desk.post("/admin/timers/"+w.a.Slug+"/domain?key=none", nil).want(404)
	var timers []bus.Timer
	if err := w.deps.DB.CentralRead(t.Context(), bus.TimersQ(&timers, "", 10000)); err != nil {
		t.Fatal(err)
	}
	for _, timer := range timers {
		if timer.Key == key && (timer.Kind == "domain") == timer.DueAt.Equal(later) {
			t.Errorf("the %s timer is due at %v", timer.Kind, timer.DueAt)
		}
	}
	desk.get("/admin/audit?shop="+w.a.Slug).want(200).says("dead_letter.discarded", "timer.hurried")
}

// It changes what holds for every shop of the installation, so it runs alone and puts that back.
func TestSettingsHoldForNewResellers(t *testing.T) {
	w := newWorld(t, withBus(t))
	desk := w.central().signIn("/admin", w.operator().Email)
	before := desk.get("/admin/settings").want(200).says("Trial of a new reseller", "Tier of a new reseller")
	usual := url.Values{}
	for _, field := range []string{"trial_days", "trial_end", "default_tier", "min_customers", "support", "support_email", "domain_grace", "term_days", "suspend_days"} {
		usual.Set(field, fieldHolds(before.body, field))
	}
	t.Cleanup(func() { desk.post("/admin/settings", usual).goesTo("/admin/settings") })
	form := url.Values{"trial_days": {"21"}, "trial_end": {"active"}, "default_tier": {"pro"}, "min_customers": {"5"}, "support": {"provider"}, "support_email": {""}, "domain_grace": {"9"}, "term_days": {"30"}, "suspend_days": {"60"}}
	got := desk.post("/admin/settings", form).want(422)
	if got.fieldError("support_email") == "" || got.value("trial_days") != "21" {
		t.Errorf("the form says %q and keeps %q", got.fieldError("support_email"), got.value("trial_days"))
	}
	form.Set("support_email", "help@example.com")
	form.Set("term_days", "many")
	if got := desk.post("/admin/settings", form).want(422); got.fieldError("term_days") == "" {
		t.Error("a word is taken for a number of days")
	}
	form.Set("term_days", "30")
	desk.post("/admin/settings", form).goesTo("/admin/settings")
	if got := desk.get("/admin/settings").want(200).says("The settings are saved."); got.value("domain_grace") != "9" {
		t.Errorf("the grace of domains is %q", got.value("domain_grace"))
	}
	desk.get("/admin/audit?action=settings").want(200).says("settings.changed", "default tier basic → pro")

	name := "Tailwind " + w.a.Slug
	desk.post("/admin/resellers", url.Values{"name": {name}, "email": {"boss@tailwind.example"}}).goesTo("/admin/resellers")
	shop, ok := w.deps.Registry.BySlug("tailwind-" + w.a.Slug)
	if !ok || shop.Status != tenants.Trial || shop.TrialEndsAt.Sub(shop.CreatedAt) != 21*24*time.Hour {
		t.Fatalf("the shop is %+v", shop)
	}
	if terms, err := w.deps.Wholesale.Terms(t.Context(), shop); err != nil || terms.Tier != "pro" {
		t.Errorf("its tier is %q, %v", terms.Tier, err)
	}
	desk.get("/admin/resellers/"+shop.Slug).want(200).says("0 of the 5 that are asked for", "help@example.com")
	desk.post("/admin/resellers", url.Values{"name": {"Two " + name}, "email": {"boss@tailwind.example"}, "tier": {"enterprise"}, "trial_days": {"0"}}).goesTo("/admin/resellers")
	shop, _ = w.deps.Registry.BySlug("two-tailwind-" + w.a.Slug)
	if terms, err := w.deps.Wholesale.Terms(t.Context(), shop); err != nil || terms.Tier != "enterprise" || shop.Status != tenants.Active {
		t.Errorf("its tier is %q, its status %s, %v", terms.Tier, shop.Status, err)
	}
	if got := desk.post("/admin/resellers", url.Values{"name": {"Three"}, "email": {"a@b.example"}, "tier": {"gold"}}).want(422); got.fieldError("tier") == "" {
		t.Error("an unknown tier is not refused at its field")
	}
}

func TestMattersOfEveryKindAreOnOneList(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBus(t))
	now := w.deps.Clock.Now()
	w.deadLetter(w.a, "gone for good")
	w.centrally(`insert into central.tenant_domains (tenant_id, domain, type, verified_at, created_at, ssl_status, ssl_error, ssl_error_at, lapsed_at, release_at)
		values ($1, 'desks.'||$2||'.example', 'primary', $3, $3, 'failed', 'CAA forbids it', $3, $3, $3)`, w.a.ID, w.a.Slug, now)
	w.centrally(`update central.tenants set status = 'trial', trial_ends_at = $2 where id = $1`, w.a.ID, now.Add(48*time.Hour))
	desk := w.central().signIn("/admin", w.operator().Email)
	of := "/admin/attention?shop=" + w.a.Slug
	desk.get(of).want(200).says("gone for good", "CAA forbids it", "no longer points here", "The trial of")
	desk.get(of+"&kind=certificate").want(200).says("CAA forbids it").hides("gone for good", "The trial of")
	desk.get("/admin/attention?shop=" + w.b.Slug).want(200).hides("gone for good")
	if n := strings.Count(strings.TrimSpace(desk.get("/admin/attention.csv?shop="+w.a.Slug).want(200).body), "\n"); n != 4 {
		t.Errorf("the file has %d matters", n)
	}
}

func TestOperatorsAreCreatedResetAndRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBus(t))
	me := w.operator()
	desk := w.central().signIn("/admin", me.Email)
	email := "second-" + w.a.Slug + "@example.com"
	if got := desk.post("/admin/operators", url.Values{"email": {email}}).want(422); got.fieldError("password") == "" || got.value("email") != email {
		t.Error("an empty password is not refused at its field")
	}
	desk.post("/admin/operators", url.Values{"email": {email}, "name": {"Second"}, "password": {password}}).goesTo("/admin/operators")
	desk.get("/admin/operators").want(200).says("can sign in now", "Second", email, "You")
	second := w.central().signIn("/admin", email)
	all, err := w.deps.Accounts.Operators(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	id := ""
	for _, o := range all {
		if o.Email == email {
			id = o.ID.String()
		}
	}
	desk.post("/admin/operators/"+id+"/password", url.Values{"password": {"short"}}).want(422)
	desk.post("/admin/operators/"+id+"/password", url.Values{"password": {"quite another password"}}).goesTo("/admin/operators")
	second.get("/admin").goesTo("/admin/sign-in?next=%2Fadmin")
	desk.post("/admin/operators/"+me.ID.String()+"/remove", nil).goesTo("/admin/operators")
	desk.get("/admin/operators").want(200).says("cannot remove yourself")
	desk.post("/admin/operators/"+id+"/remove", nil).goesTo("/admin/operators")
	desk.get("/admin/operators").want(200).says(email + " can no longer sign in.")
	desk.post("/admin/operators/"+id+"/remove", nil).want(404)
	w.central().get("/admin/operators").goesTo("/admin/sign-in?next=%2Fadmin%2Foperators")
}

// fieldHolds is what a field of a form holds, be it typed or chosen.
func fieldHolds(body, field string) string {
	in := regexp.MustCompile(`(?s)<select[^>]* name="` + field + `".*?</select>`).FindString(body)
	if in == "" {
		in = regexp.MustCompile(`<input[^>]* name="` + field + `"[^>]*>`).FindString(body)
	} else {
		in = regexp.MustCompile(`<option[^>]* selected[^>]*>`).FindString(in)
	}
	if value := regexp.MustCompile(` value="([^"]*)"`).FindStringSubmatch(in); value != nil {
		return value[1]
	}
	return ""
}
