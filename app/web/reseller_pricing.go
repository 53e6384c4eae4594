package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/app/onboarding"
	"github.com/ezscale/ezscale/app/pricing"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

func (s *server) pricingPage(c *echo.Context) error {
	return s.pricingAs(c, http.StatusOK, func(*views.Pricing) {})
}

// pricingAs draws the prices; how puts in what was typed and what was wrong with it.
func (s *server) pricingAs(c *echo.Context, status int, how func(*views.Pricing)) error {
	v := visitOf(c)
	var steps onboarding.State
	board, err := s.Pricing.Board(c.Request().Context(), v.tenant, firstStepsQ(&steps, v.tenant))
	if err != nil {
		return err
	}
	page := pricingOf(v.tenant, board)
	page.Fresh = !steps.Prices
	how(&page)
	return s.render(c, status, views.PricingPage(s.consoleShell(c, "Pricing", v.person), page))
}

func pricingOf(t tenants.Tenant, b pricing.Board) views.Pricing {
	page := views.Pricing{Currency: t.Currency, Changes: len(b.Changes()), Rule: views.TermsForm{Values: map[string]string{"target": pricing.ForAll, "round_to": "0"}}}
	if b.Deal.Share() {
		page.Share = b.Deal.Commission.String() + " %"
	}
	page.Targets = []views.Option{{Value: pricing.ForAll, Label: "all plans"}, {Value: "type:developer", Label: "developer desktops"}, {Value: "type:business", Label: "business desktops"}}
	for _, p := range b.Plans {
		page.Plans = append(page.Plans, pricedPlan(b, p))
		page.Targets = append(page.Targets, views.Option{Value: "plan:" + p.Type, Label: p.Name})
	}
	for _, p := range b.Old {
		old := pricedPlan(b, p)
		_, old.Again = b.Shape(p.CatalogPlanID)
		page.Old = append(page.Old, old)
	}
	for _, r := range b.Rules {
		page.Rules = append(page.Rules, ruleRow(t, b, r))
	}
	for _, shape := range b.Shapes {
		page.Shapes = append(page.Shapes, views.Option{Value: shape.ID, Label: shape.Name + ": " + sizeOf(shape.VCPU, shape.RAMMB) + ", " + money.Rate(shape.Cost, t.Currency) + " wholesale, " +
			money.Rate(shape.Suggested, t.Currency) + " suggested"})
	}
	return page
}

func sizeOf(vcpu, ram int) string {
	return strconv.Itoa(vcpu) + " vCPU, " + decimal.NewFromInt(int64(ram)).DivRound(decimal.NewFromInt(1024), 1).String() + " GB"
}

func pricedPlan(b pricing.Board, p pricing.Priced) views.PricedPlan {
	month := ""
	if p.HasMonth() {
		month = money.API(*p.Price, p.Currency)
	}
	return views.PricedPlan{Type: p.Type, Name: p.Name, Spec: sizeOf(p.VCPU, p.RAMMB) + " · " + p.Type, Symbol: strings.TrimSpace(money.Symbol(p.Currency)),
		Margin: marginOf(b, p, p.PricePerHour, p.Price),
		Form: views.TermsForm{Values: map[string]string{"price_per_hour": money.API(p.PricePerHour, p.Currency), "price": month,
			"name": p.Name, "description": p.Description}}}
}

// marginOf says what a price of an hour, and one of a month, would leave.
func marginOf(b pricing.Board, p pricing.Priced, hour decimal.Decimal, month *decimal.Decimal) views.Margin {
	verdict := b.Deal.Judge(hour, p.Wholesale, p.Floor)
	paid := "Wholesale"
	if b.Deal.Share() {
		paid = "Your share to us"
	}
	m := views.Margin{Type: p.Type, Items: []views.Item{{Term: paid, Text: money.Rate(verdict.Cost, p.Currency)}, {Term: "Your margin", Text: money.Rate(verdict.Margin, p.Currency)},
		{Term: "Of the price", Text: verdict.Percent.String() + " %"}, {Term: "Mark-up", Text: verdict.Markup.String() + " %"}}}
	if month != nil && month.IsPositive() {
		left := b.Deal.Judge(*month, p.Monthly, pricing.Floor{})
		m.Items = append(m.Items, views.Item{Term: "Margin of a month", Text: money.Of(left.Margin, p.Currency).Format() + " (" + left.Percent.String() + " %)"})
	}
	m.Notice = floorNotice(p, verdict)
	return m
}

func floorNotice(p pricing.Priced, v pricing.Verdict) *views.Notice {
	switch {
	case v.Loss:
		return &views.Notice{Tone: views.ToneBad, Text: "This is below wholesale: every hour costs you " + money.Rate(v.Margin.Neg(), p.Currency) + "."}
	case v.Least.IsPositive() && p.Floor.Refuse:
		return &views.Notice{Tone: views.ToneBad, Text: "This is below the floor: a new price has to be at least " + money.Rate(v.Least, p.Currency) + "."}
	case v.Least.IsPositive():
		return &views.Notice{Tone: views.ToneWarn, Text: "This is below the floor: we ask for at least " + money.Rate(v.Least, p.Currency) + " an hour."}
	}
	return nil
}

func ruleRow(t tenants.Tenant, b pricing.Board, r pricing.Rule) views.PriceRule {
	row := views.PriceRule{ID: r.ID.String(), About: "All plans", PriceOf: "of an " + r.PriceOf, Adds: r.Value.String() + " %", Rounds: "not"}
	switch r.Scope {
	case pricing.ForType:
		row.About = strings.ToUpper(r.Target[:1]) + r.Target[1:] + " desktops"
	case pricing.ForPlan:
		row.About = r.Target
		if p, ok := b.Plan(r.Target); ok {
			row.About = p.Name
		}
	}
	if r.PriceOf == pricing.Month {
		row.PriceOf = "of a month"
	}
	if r.Kind == pricing.Amount {
		row.Adds = money.Rate(r.Value, t.Currency)
	}
	if r.RoundTo.IsPositive() {
		row.Rounds = "up to " + money.Rate(r.RoundTo, t.Currency)
	}
	return row
}

// marginPart answers while a price is typed; what is no price yet keeps the one in force.
func (s *server) marginPart(c *echo.Context) error {
	v, form := visitOf(c), c.QueryParams()
	board, err := s.Pricing.Board(c.Request().Context(), v.tenant)
	if err != nil {
		return err
	}
	p, ok := board.Plan(form.Get("type"))
	if !ok {
		return fail.Missing("plan")
	}
	f := figures{form, fail.Fields{}}
	hour, month := f.decimal("price_per_hour"), f.decimal("price")
	if check := (billing.PlanChange{PricePerHour: hour, Price: month}); check.Check() != nil || f.wrong.Err() != nil || hour == nil {
		hour, month = &p.PricePerHour, p.Price
	}
	return s.render(c, http.StatusOK, views.MarginPart(marginOf(board, p, *hour, month)))
}

// setPrice changes what a plan is called and what it costs.
func (s *server) setPrice(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	change, err := pricedOf(form)
	if err == nil {
		change.Actor = consoleActor(c)
		_, err = s.Pricing.ChangePlan(c.Request().Context(), visitOf(c).tenant, change)
	}
	if wrong, status := wrongOf(err); status != 0 {
		return s.pricingAs(c, status, func(page *views.Pricing) {
			for i := range page.Plans {
				if page.Plans[i].Type == change.Type {
					page.Plans[i].Form = typed(form, wrong)
				}
			}
		})
	}
	if err != nil {
		return err
	}
	return s.consoleDone(c, "The price is set.", "/reseller/pricing")
}

// pricedOf reads the form of one plan. A price of a month that is emptied is none.
func pricedOf(form url.Values) (billing.PlanChange, error) {
	f := figures{form, fail.Fields{}}
	change := billing.PlanChange{Type: form.Get("type"), PricePerHour: f.decimal("price_per_hour"), Price: f.decimal("price")}
	if form.Has("price_per_hour") && strings.TrimSpace(form.Get("price_per_hour")) == "" {
		f.wrong.Add("price_per_hour", "Enter a price such as 0.25.")
	}
	if form.Has("price") && strings.TrimSpace(form.Get("price")) == "" {
		change.Price = &decimal.Zero
	}
	for name, to := range map[string]**string{"name": &change.Name, "description": &change.Description} {
		if text := strings.TrimSpace(form.Get(name)); form.Has(name) {
			*to = &text
		}
	}
	return change, f.wrong.Err()
}

func (s *server) retirePlan(c *echo.Context) error {
	return s.offerPlan(c, billing.PlanRetired, "Nobody can order this plan any more.")
}

func (s *server) restorePlan(c *echo.Context) error {
	return s.offerPlan(c, billing.PlanActive, "The plan is for sale again.")
}

func (s *server) offerPlan(c *echo.Context, state, said string) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	_, err = s.Pricing.ChangePlan(c.Request().Context(), visitOf(c).tenant, billing.PlanChange{Type: form.Get("type"), Status: &state, Actor: consoleActor(c)})
	if wrong, status := wrongOf(err); status != 0 {
		return s.pricingAs(c, status, func(page *views.Pricing) { page.Problem = wrong.Whole })
	}
	if err != nil {
		return err
	}
	return s.consoleDone(c, said, "/reseller/pricing")
}

func (s *server) addPlan(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	f := figures{form, fail.Fields{}}
	n := pricing.NewPlan{CatalogPlanID: form.Get("catalog_plan_id"), Name: form.Get("name"), Description: form.Get("description"), PricePerHour: f.decimal("price_per_hour"),
		Price: f.decimal("price"), BlockSeconds: f.whole("block_seconds"), IncludedHours: f.whole("included_hours"), TrialDays: f.whole("trial_days"), Actor: consoleActor(c)}
	if err = f.wrong.Err(); err == nil {
		_, err = s.Pricing.AddPlan(c.Request().Context(), visitOf(c).tenant, n)
	}
	if wrong, status := wrongOf(err); status != 0 {
		return s.pricingAs(c, status, func(page *views.Pricing) { page.Make = typed(form, wrong) })
	}
	if err != nil {
		return err
	}
	return s.consoleDone(c, "The plan is for sale.", "/reseller/pricing")
}

func (s *server) removeRule(c *echo.Context) error {
	id, err := uuid.Parse(c.Param("id"))
	if err != nil {
		return fail.Missing("rule")
	}
	if err := s.Pricing.RemoveRule(c.Request().Context(), visitOf(c).tenant, consoleActor(c), id); err != nil {
		return err
	}
	return s.consoleDone(c, "The mark-up is gone. Prices stay as they are.", "/reseller/pricing#rules")
}
