package web

import (
	"fmt"
	"net/url"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/app/wholesale"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// monthAsked is the calendar month that a page is asked for, as 2026-10, in a
// shop's zone; the present one when none is. It answers with its first moment.
func (s *server) monthAsked(c *echo.Context, zone *time.Location) (billing.Cycle, error) {
	text := c.QueryParam("month")
	if text == "" {
		return billing.CycleOf(zone, s.Clock.Now()), nil
	}
	month, err := time.Parse("2006-01", text)
	if err != nil || month.Year() < 2000 || month.Year() > 2200 {
		return billing.Cycle{}, fail.New(fail.BadRequest, "Write the month as in 2026-10.")
	}
	return billing.CycleOf(zone, time.Date(month.Year(), month.Month(), 15, 12, 0, 0, 0, zone)), nil
}

// resellerSettlement proves both sides of a month to the shop's people.
func (s *server) resellerSettlement(c *echo.Context) error {
	v := visitOf(c)
	page, err := s.settlementOf(c, v.tenant, "/reseller/settlement", "")
	if err != nil {
		return err
	}
	page.Links = append(page.Links, views.NavItem{Label: "Wholesale invoices", Href: "/reseller/wholesale"})
	return s.render(c, 200, views.ReportPage(s.consoleShell(c, "Settlement", visitOf(c).person), page))
}

// settlementOf draws a shop's month; more is what its links carry besides.
func (s *server) settlementOf(c *echo.Context, t tenants.Tenant, path, more string) (views.Report, error) {
	month, err := s.monthAsked(c, t.Zone)
	if err != nil {
		return views.Report{}, err
	}
	all, err := s.Wholesale.Settlement(c.Request().Context(), t, month.Start)
	if err != nil {
		return views.Report{}, err
	}
	at := func(m time.Time) string { return path + "?month=" + m.Format("2006-01") + more }
	page := views.Report{Title: "Settlement of " + month.Name(), Text: "Both sides of the same blocks, counted by their start in " + t.Zone.String() + ", whenever they are invoiced.",
		Links: []views.NavItem{{Label: "← " + month.Month.AddDate(0, -1, 0).Format("January"), Href: at(month.Month.AddDate(0, -1, 0))}, {Label: month.Month.AddDate(0, 1, 0).Format("January") + " →", Href: at(month.Month.AddDate(0, 1, 0))}}}
	if len(all) == 0 {
		page.Sections = []views.ReportSection{{Title: month.Name(), Empty: "Nothing ran in this month."}}
	}
	for _, one := range all {
		page.Sections = append(page.Sections, settlementSections(one)...)
		if !one.Proved() {
			page.Notice = &views.Notice{Tone: views.ToneBad, Title: "The two sides do not add up", Text: "At least one line is not the sum of its blocks. The differences are named below."}
		}
	}
	if page.Notice == nil && len(all) > 0 {
		page.Notice = &views.Notice{Tone: views.ToneGood, Text: "Proved: on both sides, what is invoiced and what is not yet are together all blocks, and every line is the sum of its blocks."}
	}
	return page, nil
}

func settlementSections(s wholesale.Settlement) []views.ReportSection {
	plans := views.ReportSection{Title: "By plan and rate, " + s.Currency, Columns: []views.Column{{Label: "Plan"}, {Label: "Retail rate", End: true}, {Label: "Wholesale rate", End: true},
		{Label: "Blocks", End: true}, {Label: "Retail", End: true}, {Label: "Wholesale", End: true}, {Label: "Margin", End: true}}}
	blocks := int64(0)
	for _, r := range s.Rows {
		blocks += r.Blocks
		plans.Rows = append(plans.Rows, views.ReportRow{Cells: []views.ReportCell{{Text: r.PlanName, Below: r.ServiceType}, {Text: money.Rate(r.Rate, r.Currency)}, {Text: money.Rate(r.WholesaleRate, r.Currency)},
			{Text: fmt.Sprint(r.Blocks)}, {Text: r.Retail().Format()}, {Text: r.Wholesale().Format()}, {Text: r.Margin().Format()}}})
	}
	plans.Rows = append(plans.Rows, views.ReportRow{Total: true, Cells: []views.ReportCell{{Text: "All"}, {}, {}, {Text: fmt.Sprint(blocks)}, {Text: s.Retail.Total.Round().Format()}, {Text: s.Wholesale.Total.Round().Format()}, {Text: s.Margin().Format()}}})
	return []views.ReportSection{plans, sidesSection(s), differencesSection(s)}
}

// sidesSection shows the parts of each side: they add up to all blocks, exactly.
func sidesSection(s wholesale.Settlement) views.ReportSection {
	row := func(label, below string, retail, supplier money.Exact, total bool) views.ReportRow {
		return views.ReportRow{Total: total, Cells: []views.ReportCell{{Text: label, Below: below}, {Text: retail.API()}, {Text: supplier.API()}}}
	}
	return views.ReportSection{Title: "Where the blocks stand, " + s.Currency, Columns: []views.Column{{Label: "Blocks"}, {Label: "Retail", End: true}, {Label: "Wholesale", End: true}},
		Rows: []views.ReportRow{row("Invoiced", "on finalised lines", s.Retail.Invoiced, s.Wholesale.Invoiced, false),
			row("Included", "paid by a monthly price, or by a commission", s.Retail.Included, s.Wholesale.Included, false),
			row("Not yet invoiced", "", s.Retail.Open, s.Wholesale.Open, false), row("All blocks", "before rounding", s.Retail.Total, s.Wholesale.Total, true)}}
}

// differencesSection names whatever lies between blocks and invoices.
func differencesSection(s wholesale.Settlement) views.ReportSection {
	m := func(d decimal.Decimal) string { return money.API(d, s.Currency) }
	row := func(label, below, retail, supplier string) views.ReportRow {
		return views.ReportRow{Cells: []views.ReportCell{{Text: label, Below: below}, {Text: retail}, {Text: supplier}}}
	}
	return views.ReportSection{Title: "Between blocks and invoices, " + s.Currency, Columns: []views.Column{{Label: "What"}, {Label: "Retail", End: true}, {Label: "Wholesale", End: true}},
		Rows: []views.ReportRow{
			row("Lines", "those that the month's blocks stand on, other months' blocks on them included", fmt.Sprint(s.RetailDoc.Count), fmt.Sprint(s.WholeDoc.Count)),
			row("Their amounts", "each rounded once", m(s.RetailDoc.Amount), m(s.WholeDoc.Amount)),
			row("Rounding", "amounts less exact sums", m(s.RetailDoc.Rounding()), m(s.WholeDoc.Rounding())),
			row("Lines that are not the sum of their blocks", "", fmt.Sprint(s.RetailDoc.Wrong), fmt.Sprint(s.WholeDoc.Wrong)),
			row("Discounts", "coupons on these lines", m(s.Named.Discounts), "-"), row("Credited", "by credit notes on these lines", m(s.Named.Credited), "-"),
			row("Written off", "blocks that ran while we were down; they are on neither side", m(s.Named.WrittenOff), m(s.Named.WrittenOffSupplier))}}
}

// resellerSettlementLine opens a customer's line to the reseller's own lines for
// the same blocks.
func (s *server) resellerSettlementLine(c *echo.Context) error {
	v := visitOf(c)
	id, err := uuid.Parse(c.Param("id"))
	if err != nil {
		return fail.Missing("line")
	}
	var line wholesale.RetailLine
	var mirror []wholesale.Mirror
	if err := s.DB.Read(c.Request().Context(), v.tenant, wholesale.RetailLineQ(&line, id), wholesale.WholesaleOfQ(&mirror, id, mirrorListed)); err != nil {
		return err
	}
	page := views.Report{Title: line.Description, Text: "A line of " + line.Who + " on invoice " + line.Number + ", " + money.Of(line.Amount, line.Currency).Format() + ".",
		Back: views.NavItem{Label: "Settlement", Href: "/reseller/settlement"}}
	page.Sections = []views.ReportSection{mirrorTable("Your wholesale lines for the same blocks", mirror, "not invoiced yet", func(m wholesale.Mirror) string { return "/reseller/wholesale/lines/" + m.ItemID.String() })}
	return s.render(c, 200, views.ReportPage(s.consoleShell(c, line.Description, visitOf(c).person), page))
}

// adminSettlement shows a month of all resellers, or of the one that is asked for.
func (s *server) adminSettlement(c *echo.Context) error {
	if slug := c.QueryParam("tenant"); slug != "" {
		t, ok := s.Registry.BySlug(slug)
		if !ok {
			return fail.Missing("shop")
		}
		page, err := s.settlementOf(c, t, "/admin/settlement", "&tenant="+url.QueryEscape(slug))
		if err != nil {
			return err
		}
		page.Back = views.NavItem{Label: "All resellers", Href: "/admin/settlement?month=" + url.QueryEscape(c.QueryParam("month"))}
		page.Text = t.Name + ": " + page.Text
		return s.render(c, 200, views.ReportPage(s.adminShell(c, "Settlement"), page))
	}
	return s.adminSettlements(c)
}

func (s *server) adminSettlements(c *echo.Context) error {
	month, err := s.monthAsked(c, time.UTC)
	if err != nil {
		return err
	}
	name := month.Month.Format("2006-01")
	section := views.ReportSection{Title: month.Name(), Empty: "Nothing ran in this month.", Columns: []views.Column{{Label: "Reseller"}, {Label: "Blocks", End: true}, {Label: "Retail", End: true},
		{Label: "Wholesale", End: true}, {Label: "Margin", End: true}, {Label: "Not yet invoiced", End: true}, {Label: "Proof"}}}
	for _, t := range s.Registry.All() {
		own, err := s.monthAsked(c, t.Zone)
		if err != nil {
			return err
		}
		all, err := s.Wholesale.Settlement(c.Request().Context(), t, own.Start)
		if err != nil {
			return err
		}
		for _, one := range all {
			section.Rows = append(section.Rows, settlementRow(t, one, "/admin/settlement?month="+name+"&tenant="+url.QueryEscape(t.Slug)))
		}
	}
	at := func(m time.Time) string { return "/admin/settlement?month=" + m.Format("2006-01") }
	page := views.Report{Title: "Settlement of " + month.Name(), Text: "Both sides of every block, each shop's month in its own zone.", Sections: []views.ReportSection{section},
		Links: []views.NavItem{{Label: "← " + month.Month.AddDate(0, -1, 0).Format("January"), Href: at(month.Month.AddDate(0, -1, 0))}, {Label: month.Month.AddDate(0, 1, 0).Format("January") + " →", Href: at(month.Month.AddDate(0, 1, 0))}}}
	return s.render(c, 200, views.ReportPage(s.adminShell(c, "Settlement"), page))
}

func settlementRow(t tenants.Tenant, s wholesale.Settlement, href string) views.ReportRow {
	blocks := int64(0)
	for _, r := range s.Rows {
		blocks += r.Blocks
	}
	proof := "both sides add up"
	if !s.Proved() {
		proof = "does not add up"
	}
	return views.ReportRow{Cells: []views.ReportCell{{Text: t.Name, Below: s.Currency, Href: href}, {Text: fmt.Sprint(blocks)}, {Text: s.Retail.Total.Round().Format()}, {Text: s.Wholesale.Total.Round().Format()},
		{Text: s.Margin().Format()}, {Text: s.Retail.Open.Format(), Below: "wholesale " + s.Wholesale.Open.Format()}, {Text: proof}}}
}
