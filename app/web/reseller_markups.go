package web

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/app/pricing"
	"github.com/ezscale/ezscale/views"
)

// setRule writes a mark-up down. Prices change when it is applied.
func (s *server) setRule(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	f := figures{form, fail.Fields{}}
	n := pricing.NewRule{PriceOf: form.Get("price_of"), Kind: form.Get("kind"), Actor: consoleActor(c)}
	n.Scope, n.Target, _ = strings.Cut(form.Get("target"), ":")
	if value := f.decimal("value"); value != nil {
		n.Value = *value
	} else {
		f.wrong.Add("value", "Enter a number such as 40 or 0.10.")
	}
	if step := f.decimal("round_to"); step != nil {
		n.RoundTo = *step
	}
	if err = f.wrong.Err(); err == nil {
		_, err = s.Pricing.SetRule(c.Request().Context(), visitOf(c).tenant, n)
	}
	if wrong, status := wrongOf(err); status != 0 {
		return s.pricingAs(c, status, func(page *views.Pricing) { page.Rule = typed(form, wrong) })
	}
	if err != nil {
		return err
	}
	return s.consoleDone(c, "The mark-up is noted. No price has changed yet: look at the preview, then apply it.", "/reseller/pricing#rules")
}

func (s *server) pricingPreview(c *echo.Context) error {
	return s.previewAs(c, http.StatusOK, "")
}

// previewAs shows what the mark-ups would do, with a sentence about why they did not.
func (s *server) previewAs(c *echo.Context, status int, problem string) error {
	v := visitOf(c)
	board, err := s.Pricing.Board(c.Request().Context(), v.tenant)
	if err != nil {
		return err
	}
	page := pricesPreview(board)
	if problem != "" {
		page.Notice = &views.Notice{Tone: views.ToneWarn, Text: problem}
	}
	return s.render(c, status, views.ReportPage(s.consoleShell(c, "Preview of the mark-ups", v.person), page))
}

func pricesPreview(b pricing.Board) views.Report {
	page := views.Report{Title: "Preview of the mark-ups", Text: "Desktops that run keep the price they began with.", Back: views.NavItem{Label: "Pricing", Href: "/reseller/pricing"}}
	changes := b.Changes()
	section := views.ReportSection{Title: "New prices", Empty: "The mark-ups change no price.",
		Columns: []views.Column{{Label: "Plan"}, {Label: "Wholesale", End: true}, {Label: "Now", End: true}, {Label: "Then", End: true}, {Label: "Margin", End: true}}}
	for _, p := range changes {
		section.Rows = append(section.Rows, previewRow(p))
		if p.Then.Loss || p.Then.Least.IsPositive() {
			page.Notice = &views.Notice{Tone: views.ToneWarn, Text: "Some of these prices are below wholesale or below the floor. They are marked."}
		}
	}
	page.Sections = []views.ReportSection{section}
	if len(changes) > 0 {
		page.Actions = []views.ReportAction{{Label: "Apply " + views.CountOf(len(changes), "price"), Action: "/reseller/pricing/apply", Name: "seen", Value: b.Seen(), Kind: views.Primary}}
	}
	return page
}

func previewRow(p pricing.Priced) views.ReportRow {
	margin := money.Rate(p.Then.Margin, p.Currency) + " (" + p.Then.Percent.String() + " %)"
	row := views.ReportRow{Cells: []views.ReportCell{{Text: p.Name}, {Text: money.Rate(p.Then.Cost, p.Currency)}, {Text: money.Rate(p.PricePerHour, p.Currency)},
		{Text: money.Rate(p.Next, p.Currency)}, {Text: margin}}}
	if p.Rule != nil {
		row.Cells[0].Below = "by the mark-up for " + p.Rule.Scope
		if p.Rule.Scope != pricing.ForAll {
			row.Cells[0].Below = "by the mark-up for " + p.Rule.Target
		}
	}
	if p.MonthRule != nil && p.NextMonth != nil && p.HasMonth() {
		row.Cells[2].Below = money.Of(*p.Price, p.Currency).Format() + " a month"
		row.Cells[3].Below = money.Of(*p.NextMonth, p.Currency).Format() + " a month"
	}
	switch {
	case p.Then.Loss:
		row.Cells[4].Below = "below wholesale"
	case p.Then.Least.IsPositive():
		row.Cells[4].Below = "below the floor of " + money.Rate(p.Then.Least, p.Currency)
	}
	return row
}

// applyRules writes the prices that somebody has looked at.
func (s *server) applyRules(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	changed, err := s.Pricing.Apply(c.Request().Context(), visitOf(c).tenant, consoleActor(c), form.Get("seen"))
	if wrong, status := wrongOf(err); status != 0 {
		return s.previewAs(c, status, wrong.Whole)
	}
	if err != nil {
		return err
	}
	said := "Your prices are those already."
	if changed > 0 {
		said = "New prices are in force for " + views.CountOf(changed, "plan") + "."
	}
	return s.consoleDone(c, said, "/reseller/pricing")
}
