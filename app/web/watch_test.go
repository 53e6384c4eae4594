package web

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/attention"
	"github.com/ezscale/ezscale/app/parking"
	"github.com/ezscale/ezscale/tenants"
)

func (w *world) in(t tenants.Tenant, fn func(ctx context.Context, tx tenants.Tx) error) {
	w.t.Helper()
	ctx := context.Background()
	if err := w.deps.DB.In(ctx, t, func(tx tenants.Tx) error { return fn(ctx, tx) }); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) park(t tenants.Tenant, user uuid.UUID) {
	w.t.Helper()
	w.in(t, func(ctx context.Context, tx tenants.Tx) error {
		return w.deps.Parking.ParkIn(ctx, tx, user, parking.Numbers{Bound: parking.BlocksPerDay, Limit: "8", Value: "9"})
	})
}

func TestReleasingAParkedCustomer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBus(t))
	w.person(w.a, "owner@example.com", accounts.Owner)
	ada, far := w.person(w.a, "ada@example.com", accounts.Customer), w.person(w.b, "far@example.com", accounts.Customer)
	w.park(w.a, ada.ID)
	w.park(w.b, far.ID)
	desk := w.at(w.a).signIn("/reseller", "owner@example.com")
	desk.get("/reseller/parked").want(200).says("ada@example.com", "9 blocks began in one day; the bound is 8.").hides("far@example.com")
	path := "/reseller/parked/" + ada.ID.String() + "/release"
	w.at(w.a).post(path, url.Values{"reason": {"x"}}).goesTo("/sign-in")
	w.at(w.a).signIn("", "ada@example.com").post(path, url.Values{"reason": {"x"}}).want(404)
	desk.post(path, url.Values{"reason": {" "}}).want(422).says("Say why, in a few words.")
	for _, id := range []string{far.ID.String(), uuid.NewString(), "x"} {
		desk.post("/reseller/parked/"+id+"/release", url.Values{"reason": {"x"}}).want(404)
	}
	desk.post(path, url.Values{"reason": {"Agreed by phone"}}).goesTo("/reseller/parked")
	desk.get("/reseller/parked").want(200).says("The account is released.", "Nobody is parked")
	desk.post(path, url.Values{"reason": {"again"}}).want(409).says("Nobody is parked")

	admin := w.central().signIn("/admin", w.operator().Email)
	admin.get("/admin/parked").want(200).says("far@example.com", "Contoso Cloud", "9 blocks began").hides("ada@example.com")
	admin.get("/admin").want(200).says("An account is parked", "far@example.com")
	there := "/admin/parked/" + w.b.Slug + "/" + far.ID.String() + "/release"
	w.central().post(there, url.Values{"reason": {"x"}}).goesTo("/admin/sign-in")
	admin.post("/admin/parked/"+w.a.Slug+"/"+far.ID.String()+"/release", url.Values{"reason": {"x"}}).want(404)
	admin.post("/admin/parked/nobody/"+far.ID.String()+"/release", url.Values{"reason": {"x"}}).want(404)
	admin.post(there, url.Values{"reason": {""}}).want(422).says("Say why, in a few words.")
	admin.post(there, url.Values{"reason": {"A render farm"}}).goesTo("/admin/parked")
	admin.get("/admin/parked").want(200).says("The account is released.").hides("far@example.com")
}

func TestMattersAreSettledOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBus(t))
	ada := w.person(w.a, "ada@example.com", accounts.Customer)
	w.park(w.a, ada.ID)
	words := "INV-7 works out otherwise at " + w.a.Slug
	w.in(w.a, func(ctx context.Context, tx tenants.Tx) error {
		for range 2 {
			if _, err := attention.Raise(ctx, tx, "recompute", "INV-7", words, map[string]any{"stored": "5.00", "derived": "5.05"}); err != nil {
				return err
			}
		}
		return nil
	})
	admin := w.central().signIn("/admin", w.operator().Email)
	page := admin.get("/admin/attention").want(200).says("An invoice works out otherwise", "Northwind Desktops", words, "derived 5.05 · stored 5.00")
	if n := strings.Count(page.text(), words); n != 1 {
		t.Errorf("it stands there %d times", n)
	}
	var items []attention.Item
	if err := w.deps.DB.CentralRead(t.Context(), attention.ListQ(&items, "", attention.Cursor{}, 1000)); err != nil {
		t.Fatal(err)
	}
	for _, item := range items {
		if item.TenantID != w.a.ID {
			continue
		}
		path := "/admin/attention/" + item.ID.String() + "/settle"
		if item.Kind == parking.Kind { // a release settles it, nothing else
			admin.post(path, nil).want(404)
			continue
		}
		w.central().post(path, nil).goesTo("/admin/sign-in")
		admin.post(path, nil).goesTo("/admin/attention")
		admin.post(path, nil).want(404)
	}
	admin.get("/admin/attention").want(200).says("It is off the list.").hides(words)
	admin.post("/admin/attention/x/settle", nil).want(404)
	admin.get("/admin/attention?cursor=nonsense").want(400)
}

// used gives a customer one block in October 2026, which is over at noon.
func (w *world) used(t tenants.Tenant, user uuid.UUID, start string) {
	w.t.Helper()
	id, workspace, service := uuid.New(), uuid.New(), uuid.New()
	w.in(t, func(ctx context.Context, tx tenants.Tx) error {
		for _, step := range []struct {
			sql  string
			args []any
		}{
			{`insert into services (id, user_id, plan_id, service_type, created_at) select $1, $2, id, service_type, $3::text::timestamptz from plans where service_type = 'business_basic'`, []any{service, user, start}},
			{`insert into kasm_workspaces (id, user_id, service_id, plan_id, template_id, workspace_type, template_name, vcpu, ram_mb, desired_state, status, changed_at, created_at)
				select $1, $2, $3, p.id, (select id from kasm_workspace_templates limit 1), p.service_type, 't', 2, 4096, 'stopped', 'stopped', $4::text::timestamptz, $4::text::timestamptz from plans p where p.service_type = 'business_basic'`, []any{workspace, user, service, start}},
			{`insert into kasm_usage_sessions (id, kasm_workspace_id, user_id, run, desktop_id, plan_id, plan_version, plan_name, service_type, cost_per_hour, wholesale_cost_per_hour, block_seconds, currency, started_at, last_proof_at, stopped_at, created_at)
				select $1, $2, $3, 1, 'd', p.id, 1, p.name, p.service_type, 20, 10, 900, 'USD', $4::text::timestamptz, $4::text::timestamptz, $4::text::timestamptz + interval '15 minutes', $4::text::timestamptz from plans p where p.service_type = 'business_basic'`, []any{id, workspace, user, start}},
			{`insert into usage_blocks (session_id, block_no, user_id, starts_at, seconds, rate, wholesale_rate, currency, proof_at, charged_at)
				values ($1, 0, $2, $3::text::timestamptz, 900, 20, 10, 'USD', $3::text::timestamptz, $3::text::timestamptz)`, []any{id, user, start}},
		} {
			if _, err := tx.Exec(ctx, step.sql, step.args...); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestRehearsingAndIssuingAMonth(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBus(t))
	w.person(w.a, "owner@example.com", accounts.Owner)
	ada, far := w.person(w.a, "ada@example.com", accounts.Customer), w.person(w.b, "far@example.com", accounts.Customer)
	w.used(w.a, ada.ID, "2026-10-10 10:00+00")
	w.used(w.b, far.ID, "2026-10-11 10:00+00")
	desk := w.at(w.a).signIn("/reseller", "owner@example.com")
	page := desk.get("/reseller/rehearsal").want(200).says("ada@example.com", "October 2026", "$5.00", "first invoice", "no payment method, and not enough credit", "Issue them").hides("far@example.com")
	token := page.value("token")
	customer := w.at(w.a).signIn("", "ada@example.com")
	customer.get("/reseller/rehearsal").want(404)
	customer.post("/reseller/rehearsal", url.Values{"token": {token}}).want(404)
	w.at(w.a).post("/reseller/rehearsal", url.Values{"token": {token}}).goesTo("/sign-in")
	w.used(w.a, ada.ID, "2026-10-12 10:00+00")
	desk.post("/reseller/rehearsal", url.Values{"token": {token}}).goesTo("/reseller/rehearsal")
	token = desk.get("/reseller/rehearsal").want(200).says("Something has changed since the rehearsal", "$10.00").value("token")
	desk.post("/reseller/rehearsal", url.Values{"token": {token}}).goesTo("/reseller/rehearsal")
	desk.get("/reseller/rehearsal").want(200).says("1 invoice issued.", "The month has not ended").hides("Issue them")
	desk.post("/reseller/rehearsal", url.Values{"token": {token}}).goesTo("/reseller/rehearsal")
	desk.get("/reseller/rehearsal").says("No month is waiting to be closed")

	admin := w.central().signIn("/admin", w.operator().Email)
	w.central().get("/admin/rehearsal").goesTo("/admin/sign-in?next=%2Fadmin%2Frehearsal")
	all := admin.get("/admin/rehearsal?after=" + w.b.Slug[:len(w.b.Slug)-1]).want(200)
	if !strings.Contains(all.text(), "Contoso Cloud") {
		t.Error("the shop is not among those of the page")
	}
	one := admin.get("/admin/rehearsal?shop="+w.b.Slug).want(200).says("Rehearsal of Contoso Cloud", "far@example.com", "$5.00")
	admin.get("/admin/rehearsal?shop=nobody").want(404)
	admin.post("/admin/rehearsal/nobody/issue", nil).want(404)
	admin.post("/admin/rehearsal/"+w.b.Slug+"/issue", url.Values{"token": {one.value("token")}}).goesTo("/admin/rehearsal?shop=" + w.b.Slug)
	admin.get("/admin/rehearsal?shop=" + w.b.Slug).want(200).says("Contoso Cloud: 1 invoice issued.").hides("Issue them")
}
