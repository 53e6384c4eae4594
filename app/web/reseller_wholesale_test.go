package web

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/wholesale"
	"github.com/ezscale/ezscale/tenants"
)

// billed makes a shop's use of October, five blocks, and its wholesale invoice.
func (w *world) billed(t tenants.Tenant, email string) (inv wholesale.Invoice, items []wholesale.Item) {
	w.t.Helper()
	ctx := w.t.Context()
	user := w.person(t, email, accounts.Customer)
	start := time.Date(2026, time.October, 5, 10, 0, 0, 0, time.UTC)
	err := w.deps.DB.In(ctx, t, func(tx tenants.Tx) error { return useBlocks(ctx, tx, user.ID, start) })
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.deps.Billing.Bill(ctx, t, noon, false); err != nil {
		w.t.Fatal(err)
	}
	list, err := w.deps.Wholesale.Bill(ctx, t, noon, false)
	if err != nil || len(list) != 1 || list[0].Total != "0.15" {
		w.t.Fatalf("the wholesale bill: %+v, %v", list, err)
	}
	if err := w.deps.DB.CentralRead(ctx, wholesale.InvoiceQ(&inv, t.ID, list[0].Number), wholesale.ItemsQ(&items, list[0].Number)); err != nil {
		w.t.Fatal(err)
	}
	return inv, items
}

// useBlocks is 75 minutes of a Business Basic desktop at 0.20, for 0.12.
func useBlocks(ctx context.Context, tx tenants.Tx, user uuid.UUID, start time.Time) error {
	service, workspace, session := uuid.New(), uuid.New(), uuid.New()
	for _, s := range []struct {
		sql  string
		args []any
	}{
		{`insert into services (id, user_id, plan_id, service_type, created_at) select $1, $2, id, service_type, $3 from plans where service_type = 'business_basic'`, []any{service, user, start}},
		{`insert into kasm_workspaces (id, user_id, service_id, plan_id, template_id, workspace_type, template_name, vcpu, ram_mb, desired_state, status, changed_at, created_at)
			select $1, $2, $3, p.id, (select id from kasm_workspace_templates limit 1), p.service_type, 't', 2, 4096, 'stopped', 'stopped', $4, $4
			from plans p where p.service_type = 'business_basic'`, []any{workspace, user, service, start}},
		{`insert into kasm_usage_sessions (id, kasm_workspace_id, user_id, run, desktop_id, plan_id, plan_version, plan_name, service_type, cost_per_hour,
			wholesale_cost_per_hour, block_seconds, currency, started_at, last_proof_at, stopped_at, created_at)
			select $1, $2, $3, 1, 'd', p.id, 1, p.name, p.service_type, 0.20, 0.12, 900, 'USD', $4, $5, $5, $4 from plans p where p.service_type = 'business_basic'`, []any{session, workspace, user, start, start.Add(75 * time.Minute)}},
		{`insert into usage_blocks (session_id, block_no, user_id, starts_at, seconds, rate, wholesale_rate, currency, proof_at, charged_at)
			select s.id, k, s.user_id, s.started_at + k * interval '15 minutes', 900, s.cost_per_hour, s.wholesale_cost_per_hour, s.currency, s.last_proof_at, s.started_at
			from kasm_usage_sessions s, generate_series(0, 4) k where s.id = $1`, []any{session}},
	} {
		if _, err := tx.Exec(ctx, s.sql, s.args...); err != nil {
			return err
		}
	}
	return nil
}

func TestAResellerSeesItsOwnWholesaleInvoicesOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mine, lines := w.billed(w.a, "ada@example.com")
	theirs, foreign := w.billed(w.b, "eve@example.com")
	w.person(w.a, "owner@example.com", accounts.Owner)
	owner := w.at(w.a).signIn("/reseller", "owner@example.com")
	owner.get("/reseller/wholesale").want(200).says(mine.Number, "$0.15", "basic").hides(theirs.Number)
	owner.get("/reseller/wholesale/"+mine.Number).want(200).says("Business Basic at $0.12/hour", "$0.15", "Northwind Desktops")
	owner.get("/reseller/wholesale/" + theirs.Number).want(404).hides("Contoso Cloud")
	owner.get("/reseller/wholesale/lines/"+lines[0].ID.String()).want(200).says("ada@example.com", "Your customers' lines", "5")
	owner.get("/reseller/wholesale/lines/" + foreign[0].ID.String()).want(404)
	owner.get("/reseller/wholesale/lines/nonsense").want(404)
	page := owner.get("/reseller/settlement?month=2026-10").want(200).says("Settlement of October 2026", "Business Basic", "$0.25", "$0.15", "$0.10", "Proved")
	page.hides("Contoso Cloud")
	owner.get("/reseller/settlement?month=October").want(400)
	var retail []wholesale.Mirror
	if err := w.deps.DB.Read(t.Context(), w.a, wholesale.RetailOfQ(&retail, lines[0].ID, 10)); err != nil || len(retail) != 1 || retail[0].ItemID == nil {
		t.Fatalf("the mirror: %+v, %v", retail, err)
	}
	owner.get("/reseller/settlement/lines/"+retail[0].ItemID.String()).want(200).says(mine.Number, "ada@example.com")
	customer := w.at(w.a).signIn("", "ada@example.com")
	customer.get("/reseller/wholesale").want(404)
}

func TestOperatorsSeeAndSettleWholesaleInvoices(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inv, lines := w.billed(w.a, "ada@example.com")
	w.person(w.a, "owner@example.com", accounts.Owner)
	op := w.central().signIn("/admin", w.operator().Email)
	op.get("/admin/wholesale").want(200).says(inv.Number, "Northwind Desktops", "Billed, USD")
	op.get("/admin/wholesale/rehearsal?as_of=2026-12-01").want(200).says("Rehearsal")
	op.get("/admin/wholesale/rehearsal?as_of=soon").want(400)
	op.get("/admin/wholesale/lines/" + w.a.Slug + "/" + lines[0].ID.String()).want(200).says("ada@example.com")
	op.get("/admin/settlement?month=2026-10&tenant="+w.a.Slug).want(200).says("Northwind Desktops", "$0.10")
	at := "/admin/wholesale/" + inv.Number
	op.get(at).want(200).says("Mark as paid", "Suspend")
	op.post(at+"/step", url.Values{"step": {"suspend"}}).goesTo(at)
	shop := w.at(w.a)
	shop.get("/").want(503).says("closed for the moment")
	shop.signIn("/reseller", "owner@example.com").get("/reseller/wholesale").want(200).says("Your shop is suspended", inv.Number)
	op.post(at+"/paid", url.Values{"reference": {" "}}).want(422).says("Write the reference")
	op.post(at+"/paid", url.Values{"reference": {"transfer 17"}}).goesTo(at)
	w.at(w.a).get("/").want(200)
	op.get(at).want(200).says("Paid", "transfer 17").hides("Mark as paid")
	op.post(at+"/paid", url.Values{"reference": {"transfer 18"}}).want(409)
	op.get("/admin/wholesale/WS-1999-000001").want(404)
}

func TestOperatorsChangeTerms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	op := w.central().signIn("/admin", w.operator().Email)
	at := "/admin/resellers/" + w.a.Slug
	op.get(at).want(200).says("Northwind Desktops", "What it pays", "Change the terms")
	op.post(at+"/terms", url.Values{"tier": {"pro"}, "mode": {"commission"}, "cycle_day": {"5"}, "discount": {"12.5"}, "fee": {""}, "commission": {"7"}, "currency": {"USD"}}).goesTo(at)
	terms, err := w.deps.Wholesale.Terms(t.Context(), w.a)
	if err != nil || terms.Tier != "pro" || terms.Mode != "commission" || terms.CycleDay != 5 || terms.Discount.String() != "12.5" || terms.Fee.String() != "49" || terms.OwnFee {
		t.Errorf("the terms: %+v, %v", terms, err)
	}
	wrong := op.post(at+"/terms", url.Values{"tier": {"pro"}, "cycle_day": {"31"}, "discount": {"x"}}).want(422)
	if wrong.value("cycle_day") != "31" || !strings.Contains(wrong.fieldError("discount"), "number") {
		t.Error("the form forgets what was typed, or what is wrong")
	}
	op.get("/admin/resellers/nobody").want(404)
	op.get("/admin/resellers/" + w.house.Slug).want(200)
}
