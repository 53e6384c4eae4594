package pricing

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

func newShop(t *testing.T) (*Service, *tenants.DB, tenants.Tenant) {
	t.Helper()
	db, shop := tenanttest.New(t)
	return New(db), db, shop
}

func (b Board) price(t *testing.T, kind string) string {
	t.Helper()
	p, ok := b.Plan(kind)
	if !ok {
		t.Fatalf("there is no plan %s", kind)
	}
	return p.PricePerHour.String()
}

func fieldsOf(err error) fail.Fields {
	var refused *fail.Error
	if errors.As(err, &refused) {
		return refused.Fields
	}
	return nil
}

// own gives a shape of the test's own to the catalogue, which all tests share.
func own(t *testing.T, s *Service, change func(*Shape)) Shape {
	t.Helper()
	shape := Shape{ID: "test_" + uuid.NewString()[:8], Name: "Workstation", WorkspaceType: "developer", VCPU: 16, RAMMB: 32768, Suggested: dec("1.20"), Wholesale: dec("0.80"),
		BlockSeconds: 900, MinimumBlock: 60, Driver: "kasm", Status: billing.PlanActive}
	change(&shape)
	if err := s.AddShape(t.Context(), "op@ezscale.test", shape); err != nil {
		t.Fatal(err)
	}
	return shape
}

func TestRulesArePreviewedThenApplied(t *testing.T) {
	t.Parallel()
	s, db, shop := newShop(t)
	ctx := t.Context()
	for _, n := range []NewRule{{Scope: ForAll, Kind: Percent, Value: dec("50")}, {Scope: ForType, Target: "business", Kind: Percent, Value: dec("100"), RoundTo: dec("0.05")},
		{Scope: ForPlan, Target: "developer_pro", Kind: Amount, Value: dec("0.2")}, {Scope: ForPlan, Target: "developer_pro", Kind: Amount, Value: dec("0.22")}} {
		n.Actor = "user:boss"
		if _, err := s.SetRule(ctx, shop, n); err != nil {
			t.Fatal(err)
		}
	}
	b, err := s.Board(ctx, shop)
	if err != nil || len(b.Rules) != 3 || len(b.Changes()) != 6 || b.price(t, "business_basic") != "0.2" {
		t.Fatalf("rules change prices before they are applied: %d rules, %d changes, %v", len(b.Rules), len(b.Changes()), err)
	}
	if _, err := s.Apply(ctx, shop, "user:boss", "something else"); !fail.Is(err, fail.Conflict) {
		t.Errorf("what nobody has looked at is applied: %v", err)
	}
	if n, err := s.Apply(ctx, shop, "user:boss", b.Seen()); err != nil || n != 6 {
		t.Fatalf("got %d, %v", n, err)
	}
	after, err := s.Board(ctx, shop)
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[string]string{"developer_basic": "0.135", "developer_pro": "0.4", "developer_enterprise": "0.54", "business_basic": "0.25", "business_pro": "0.5", "business_enterprise": "1"} {
		if got := after.price(t, kind); got != want {
			t.Errorf("%s costs %s, want %s", kind, got, want)
		}
	}
	if n, err := s.Apply(ctx, shop, "user:boss", b.Seen()); err != nil || n != 0 {
		t.Errorf("applying twice changed %d plans, %v", n, err)
	}
	again, _ := s.Board(ctx, shop)
	if p, _ := again.Plan("business_pro"); p.Version != 2 {
		t.Errorf("the plan is at version %d", p.Version)
	}
	var audit []string
	err = db.Read(ctx, shop, tenants.ListQ(&audit, `select action from audit_log where actor = 'user:boss' order by id`))
	if want := "[pricing.rule_set pricing.rule_set pricing.rule_set pricing.rule_set plan.changed plan.changed plan.changed plan.changed plan.changed plan.changed pricing.applied]"; err != nil || len(audit) != 11 {
		t.Errorf("the audit log has %v, want %s", audit, want)
	}
	if err := s.RemoveRule(ctx, shop, "user:boss", b.Rules[0].ID); err != nil {
		t.Error(err)
	}
	if err := s.RemoveRule(ctx, shop, "user:boss", b.Rules[0].ID); !fail.Is(err, fail.NotFound) {
		t.Errorf("got %v", err)
	}
}

// Two people apply at once: one of them does it, the other changes nothing or is
// told to look again, and no price is written twice.
func TestTwoWhoApplyAtOnce(t *testing.T) {
	t.Parallel()
	s, _, shop := newShop(t)
	if _, err := s.SetRule(t.Context(), shop, NewRule{Scope: ForAll, Kind: Percent, Value: dec("70"), Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	b, err := s.Board(t.Context(), shop)
	if err != nil {
		t.Fatal(err)
	}
	errs := make(chan error, 4)
	for range cap(errs) {
		go func() {
			_, err := s.Apply(context.Background(), shop, "test", b.Seen())
			errs <- err
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil && !fail.Is(err, fail.Conflict) {
			t.Error(err)
		}
	}
	after, err := s.Board(t.Context(), shop)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range after.Plans {
		if p.Version != 2 || p.Changes() {
			t.Errorf("%s is at version %d with %s", p.Type, p.Version, p.PricePerHour)
		}
	}
}

func TestMonthsHaveRulesOfTheirOwn(t *testing.T) {
	t.Parallel()
	s, _, shop := newShop(t)
	shape := own(t, s, func(n *Shape) {
		month, cost := dec("300"), dec("200")
		n.SuggestedMonth, n.WholesaleMonth = &month, &cost
	})
	month := dec("250")
	plan, err := s.AddPlan(t.Context(), shop, NewPlan{CatalogPlanID: shape.ID, Name: "Workstation", Price: &month, Actor: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetRule(t.Context(), shop, NewRule{Scope: ForAll, PriceOf: Month, Kind: Percent, Value: dec("45"), RoundTo: dec("9"), Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	b, err := s.Board(t.Context(), shop)
	if err != nil || len(b.Changes()) != 1 {
		t.Fatalf("plans without a month's price are given one: %d, %v", len(b.Changes()), err)
	}
	if _, err := s.Apply(t.Context(), shop, "test", b.Seen()); err != nil {
		t.Fatal(err)
	}
	b, _ = s.Board(t.Context(), shop)
	if p, _ := b.Plan(plan.Type); p.Price == nil || p.Price.String() != "297" || p.PricePerHour.String() != "1.2" { // 200 + 45 % is 290, and 33 × 9 is the next step
		t.Errorf("got %+v", p.Plan)
	}
}

func TestWrongRulesAreRefused(t *testing.T) {
	t.Parallel()
	s, _, shop := newShop(t)
	for field, n := range map[string]NewRule{
		"target": {Scope: ForPlan, Target: "nothing", Kind: Percent, Value: dec("1")}, "kind": {Scope: ForAll, Kind: "half", Value: dec("1")},
		"value": {Scope: ForAll, Kind: Percent, Value: dec("-1")}, "price_of": {Scope: ForAll, PriceOf: "week", Kind: Percent, Value: dec("1")},
		"round_to": {Scope: ForAll, Kind: Percent, Value: dec("1"), RoundTo: dec("-0.01")}} {
		if _, err := s.SetRule(t.Context(), shop, n); fieldsOf(err)[field] == "" {
			t.Errorf("%s: got %v", field, err)
		}
	}
	for _, n := range []NewRule{{Scope: ForType, Target: "gaming", Kind: Percent}, {Scope: "some", Kind: Percent}, {Scope: ForAll, Kind: Percent, Value: dec("10001")}, {Scope: ForAll, Kind: Amount, Value: decimal.New(1, -7)}} {
		if _, err := s.SetRule(t.Context(), shop, n); len(fieldsOf(err)) == 0 {
			t.Errorf("%+v: got %v", n, err)
		}
	}
}

func TestPlansAreMadeWithinWhatTheProviderAllows(t *testing.T) {
	t.Parallel()
	s, _, shop := newShop(t)
	ctx := t.Context()
	shape := own(t, s, func(n *Shape) { n.MinimumBlock = 600 })
	block := 300
	if _, err := s.AddPlan(ctx, shop, NewPlan{CatalogPlanID: shape.ID, Name: "Studio", BlockSeconds: &block}); fieldsOf(err)["block_seconds"] == "" {
		t.Errorf("too short a block: %v", err)
	}
	if _, err := s.AddPlan(ctx, shop, NewPlan{CatalogPlanID: "nothing", Name: "Studio"}); fieldsOf(err)["catalog_plan_id"] == "" {
		t.Errorf("no such shape: %v", err)
	}
	if _, err := s.AddPlan(ctx, shop, NewPlan{CatalogPlanID: shape.ID, Name: " "}); fieldsOf(err)["name"] == "" {
		t.Errorf("no name: %v", err)
	}
	plan, err := s.AddPlan(ctx, shop, NewPlan{CatalogPlanID: shape.ID, Name: " Studio Night ", Actor: "user:boss"})
	if err != nil || plan.Type != "studio_night" || plan.Name != "Studio Night" || plan.PricePerHour.String() != "1.2" || plan.VCPU != 16 || plan.BlockSeconds != 900 || plan.Version != 1 || plan.Currency != shop.Currency {
		t.Fatalf("got %+v, %v", plan, err)
	}
	second, err := s.AddPlan(ctx, shop, NewPlan{CatalogPlanID: shape.ID, Name: "Studio Night", Actor: "user:boss"})
	if err != nil || second.Type != "studio_night_2" {
		t.Errorf("got %+v, %v", second, err)
	}
	retired, active := billing.PlanRetired, billing.PlanActive
	if _, err := s.ChangePlan(ctx, shop, billing.PlanChange{Type: plan.Type, Status: &retired, Actor: "user:boss"}); err != nil {
		t.Fatal(err)
	}
	b, _ := s.Board(ctx, shop)
	if _, sold := b.Plan(plan.Type); sold || len(b.Old) != 1 {
		t.Error("a retired plan is sold")
	}
	if _, err := s.ChangePlan(ctx, shop, billing.PlanChange{Type: plan.Type, Status: &active, Actor: "user:boss"}); err != nil {
		t.Error(err)
	}
	shape.Status = billing.PlanRetired
	if err := s.SetShape(ctx, "op@ezscale.test", shape); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddPlan(ctx, shop, NewPlan{CatalogPlanID: shape.ID, Name: "Late"}); fieldsOf(err)["catalog_plan_id"] == "" {
		t.Errorf("a plan of what is not offered any more: %v", err)
	}
	if _, err := s.ChangePlan(ctx, shop, billing.PlanChange{Type: plan.Type, Status: &retired}); err != nil {
		t.Error(err)
	}
	if _, err := s.ChangePlan(ctx, shop, billing.PlanChange{Type: plan.Type, Status: &active}); !fail.Is(err, fail.Conflict) {
		t.Errorf("a plan is sold again whose shape is not: %v", err)
	}
}

func TestShapesForSomeTiersOnly(t *testing.T) {
	t.Parallel()
	s, _, shop := newShop(t)
	shape := own(t, s, func(n *Shape) { n.Tiers = []string{"enterprise"} })
	b, err := s.Board(t.Context(), shop)
	if _, offered := b.Shape(shape.ID); offered || err != nil || b.Deal.Tier != "basic" {
		t.Errorf("tier %s is offered what is for enterprise, %v", b.Deal.Tier, err)
	}
	shape.Tiers = []string{"basic"}
	if err := s.SetShape(t.Context(), "op@ezscale.test", shape); err != nil {
		t.Fatal(err)
	}
	b, _ = s.Board(t.Context(), shop)
	if _, offered := b.Shape(shape.ID); !offered {
		t.Error("what is for basic is not offered to it")
	}
}

func TestFloorsWarnAndWithAFloorThatIsInsistedOnRefuse(t *testing.T) {
	t.Parallel()
	s, _, shop := newShop(t)
	shape := own(t, s, func(n *Shape) { floor := dec("1"); n.FloorPrice = &floor })
	plan, err := s.AddPlan(t.Context(), shop, NewPlan{CatalogPlanID: shape.ID, Name: "Studio", Actor: "test"})
	if err != nil {
		t.Fatal(err)
	}
	low := dec("0.90")
	if _, err := s.ChangePlan(t.Context(), shop, billing.PlanChange{Type: plan.Type, PricePerHour: &low, Actor: "test"}); err != nil {
		t.Errorf("a warning refuses: %v", err)
	}
	b, _ := s.Board(t.Context(), shop)
	if p, _ := b.Plan(plan.Type); !p.Verdict.Least.Equal(dec("1")) || p.Verdict.Loss {
		t.Errorf("nobody warns: %+v", p.Verdict)
	}
	// What is insisted on is a setting of all shops, so it is tried on the rule itself.
	policy := Policy{MinimumMarkup: dec("50"), Refuse: true}
	floor := policy.floorOf(shop, shape)
	wrong := fail.Fields{}
	b.refuseBelow(wrong, dec("1.19"), dec("0.80"), floor, "USD")
	if want := "The provider asks for at least $1.20 an hour."; wrong["price_per_hour"] != want {
		t.Errorf("got %q, want %q", wrong["price_per_hour"], want)
	}
	b.refuseBelow(fail.Fields{}, dec("1.20"), dec("0.80"), floor, "USD")
	shop.House = true
	if got := policy.floorOf(shop, shape); got.Refuse || !got.Least(dec("1")).IsZero() {
		t.Errorf("the provider has a floor of its own: %+v", got)
	}
}

func TestTheCatalogueIsChecked(t *testing.T) {
	t.Parallel()
	s, _, _ := newShop(t)
	shape := own(t, s, func(*Shape) {})
	if err := s.AddShape(t.Context(), "op", shape); fieldsOf(err)["id"] == "" {
		t.Errorf("the same id twice: %v", err)
	}
	for field, change := range map[string]func(*Shape){
		"id": func(n *Shape) { n.ID = "Big" }, "name": func(n *Shape) { n.Name = "" }, "wholesale_price_per_hour": func(n *Shape) { n.Wholesale = dec("-1") },
		"vcpu": func(n *Shape) { n.VCPU = 0 }, "ram_mb": func(n *Shape) { n.RAMMB = 1 }, "workspace_type": func(n *Shape) { n.WorkspaceType = "gaming" },
		"block_seconds": func(n *Shape) { n.BlockSeconds = 7 }, "minimum_block_seconds": func(n *Shape) { n.MinimumBlock = 7 },
		"driver": func(n *Shape) { n.Driver = "vm" }, "status": func(n *Shape) { n.Status = "gone" },
		"minimum_markup_percent": func(n *Shape) { m := dec("10001"); n.MinimumMarkup = &m }} {
		wrong := shape
		change(&wrong)
		if err := s.AddShape(t.Context(), "op", wrong); fieldsOf(err)[field] == "" {
			t.Errorf("%s: got %v", field, err)
		}
	}
	shape.ID = "test_nothing"
	if err := s.SetShape(t.Context(), "op", shape); !fail.Is(err, fail.NotFound) {
		t.Errorf("got %v", err)
	}
}
