package web

import (
	"net/url"
	"testing"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/tenants"
)

func TestOperatorsKeepTheCatalogue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	op := w.central().signIn("/admin", w.operator().Email)
	boss := w.person(w.a, "boss@example.com", accounts.Owner)
	owner := w.at(w.a).signIn("/reseller", boss.Email)
	for _, path := range []string{"/admin/catalog", "/admin/tiers", "/admin/catalog/business_basic", "/admin/tiers/pro"} {
		op.get(path).want(200)
		w.at(w.a).get(path).want(404)
		w.central().get(path).goesTo("/admin/sign-in?next=" + url.QueryEscape(path))
	}
	op.get("/admin/catalog/nothing").want(404)
	op.get("/admin/catalog").says("Business Basic", "$0.12", "$0.20")

	id := "gpu_" + uuid.NewString()[:8]
	form := url.Values{"id": {id}, "name": {"Render " + id}, "workspace_type": {"developer"}, "vcpu": {"16"}, "ram_mb": {"65536"}, "wholesale_price_per_hour": {"1.10"}, "price_per_hour": {"dear"},
		"block_seconds": {"900"}, "minimum_block_seconds": {"600"}, "driver": {"kasm"}, "status": {"active"}, "in_new_shops": {"off"}, "tiers": {"basic, gold"}, "floor_price_per_hour": {"1.50"}}
	again := op.post("/admin/catalog", form).want(422).says("Enter a number such as")
	if again.value("vcpu") != "16" || again.value("tiers") != "basic, gold" {
		t.Error("input is lost")
	}
	form.Set("price_per_hour", "2.00")
	op.post("/admin/catalog", form).want(422).says("There is no tier gold.")
	form.Set("tiers", "basic")
	op.post("/admin/catalog", form).goesTo("/admin/catalog")
	op.post("/admin/catalog", form).want(422).says("has a shape with this id already")
	op.get("/admin/catalog").says("Render "+id, "16 vCPU, 64 GB", "$1.50", "for basic")

	// The reseller makes a plan of it, and is warned below the floor.
	owner.post("/reseller/pricing/plans", url.Values{"catalog_plan_id": {id}, "name": {"Render"}, "price_per_hour": {"1.40"}, "block_seconds": {"300"}}).want(422).says("The provider allows blocks from 10 minutes.")
	owner.post("/reseller/pricing/plans", url.Values{"catalog_plan_id": {id}, "name": {"Render"}, "price_per_hour": {"1.40"}, "block_seconds": {"900"}}).goesTo("/reseller/pricing")
	owner.get("/reseller/pricing").says("This is below the floor: we ask for at least $1.50 an hour.", "$1.10")

	// A new wholesale price counts at once; what is not offered any more is kept.
	form.Set("wholesale_price_per_hour", "1.45")
	form.Set("status", "deprecated")
	op.post("/admin/catalog/"+id, form).goesTo("/admin/catalog")
	owner.get("/reseller/pricing").says("This is below wholesale: every hour costs you $0.05.")
	owner.post("/reseller/pricing/retire", url.Values{"type": {"render"}}).goesTo("/reseller/pricing")
	owner.post("/reseller/pricing/restore", url.Values{"type": {"render"}}).want(409).says("does not offer what this plan is made from")
	form.Set("wholesale_price_per_hour", "")
	if op.post("/admin/catalog/"+id, form).want(422).value("floor_price_per_hour") != "1.50" {
		t.Error("input is lost")
	}
	var audit []string
	if err := w.deps.DB.CentralRead(t.Context(), tenants.ListQ(&audit, `select action from central.audit_log where subject = $1 order by id`, id)); err != nil || len(audit) != 2 {
		t.Errorf("the audit log has %v, %v", audit, err)
	}
}

// It changes what holds for every shop of the installation, so it runs alone and puts that back.
func TestAFloorThatIsInsistedOn(t *testing.T) {
	w := newWorld(t)
	op := w.central().signIn("/admin", w.operator().Email)
	t.Cleanup(func() {
		op.post("/admin/catalog/floor", url.Values{"minimum_markup": {"0"}, "below_floor": {"warn"}}).goesTo("/admin/catalog")
	})
	boss := w.person(w.a, "boss@example.com", accounts.Owner)
	owner := w.at(w.a).signIn("/reseller", boss.Email)
	id := "flr_" + uuid.NewString()[:8]
	op.post("/admin/catalog", url.Values{"id": {id}, "name": {"Floor " + id}, "workspace_type": {"business"}, "vcpu": {"1"}, "ram_mb": {"2048"}, "wholesale_price_per_hour": {"0.10"}, "price_per_hour": {"0.30"},
		"block_seconds": {"900"}, "minimum_block_seconds": {"60"}, "driver": {"kasm"}, "status": {"active"}, "in_new_shops": {"off"}, "minimum_markup_percent": {"50"}}).goesTo("/admin/catalog")
	owner.post("/reseller/pricing/plans", url.Values{"catalog_plan_id": {id}, "name": {"Floor"}, "block_seconds": {"900"}}).goesTo("/reseller/pricing")
	op.post("/admin/catalog/floor", url.Values{"minimum_markup": {"-1"}, "below_floor": {"refuse"}}).want(422)
	op.post("/admin/catalog/floor", url.Values{"minimum_markup": {"0"}, "below_floor": {"refuse"}}).goesTo("/admin/catalog")

	low := url.Values{"type": {"floor"}, "price_per_hour": {"0.14"}}
	owner.post("/reseller/pricing", low).want(422).says("The provider asks for at least $0.15 an hour.")
	owner.post("/reseller/plans", low).want(422).says("The provider asks for at least $0.15 an hour.")
	owner.post("/reseller/pricing/rules", url.Values{"target": {"plan:floor"}, "price_of": {"hour"}, "kind": {"percent"}, "value": {"20"}}).goesTo("/reseller/pricing#rules")
	preview := owner.get("/reseller/pricing/preview").want(200).says("below the floor of $0.15")
	seen, _ := attrOf(preview.find("button", "name", "seen"), "value")
	owner.post("/reseller/pricing/apply", url.Values{"seen": {seen}}).want(422).says("the provider asks for at least $0.15")
	owner.post("/reseller/pricing", url.Values{"type": {"floor"}, "price_per_hour": {"0.15"}}).goesTo("/reseller/pricing")
}

func TestOperatorsKeepTheTiers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	op := w.central().signIn("/admin", w.operator().Email)
	id := "t-" + uuid.NewString()[:8]
	form := url.Values{"id": {id}, "name": {"Partner " + id}, "fee": {"25"}, "discount": {"a lot"}, "commission": {"5"}}
	if op.post("/admin/tiers", form).want(422).value("fee") != "25" {
		t.Error("input is lost")
	}
	form.Set("discount", "50")
	op.post("/admin/tiers", form).goesTo("/admin/tiers")
	op.get("/admin/tiers").want(200).says("Partner "+id, "$25.00", "50 %", "Basic", "Enterprise")
	op.post("/admin/resellers/"+w.a.Slug+"/terms", url.Values{"tier": {id}}).want(303)
	op.post("/admin/tiers/"+id+"/remove", nil).want(409).says("There are resellers in this tier")
	form.Set("discount", "25")
	op.post("/admin/tiers/"+id, form).goesTo("/admin/tiers")
	w.person(w.a, "boss@example.com", accounts.Owner)
	w.at(w.a).signIn("/reseller", "boss@example.com").get("/reseller/pricing").want(200).says("$0.09")
	op.post("/admin/resellers/"+w.a.Slug+"/terms", url.Values{"tier": {"basic"}}).want(303)
	op.post("/admin/tiers/"+id+"/remove", nil).goesTo("/admin/tiers")
	op.get("/admin/tiers/" + id).want(404)
}
