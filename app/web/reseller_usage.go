package web

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/console"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// topBuyers is how many customers the page of a month names; the file has all.
const topBuyers = 25

// turning changes how a customer stands, for a reason.
type turning func(ctx context.Context, t tenants.Tenant, actor string, id uuid.UUID, reason string) error

// usageSums is how far a shop's use is summed up.
type usageSums struct {
	rolled console.Rolled
	found  bool
}

func (u *usageSums) query() tenants.Query { return console.RolledQ(&u.rolled, &u.found) }

// keepUp has more days summed up, once a page found that they are not. The page is
// right without it, only slower.
func (s *server) keepUp(c *echo.Context, u usageSums) {
	if t := visitOf(c).tenant; u.rolled.Behind(u.found, s.Clock.Now(), t.Zone) {
		s.Console.KeepUp(c.Request().Context(), t, s.log)
	}
}

func (s *server) usageMonth(c *echo.Context) (billing.Cycle, error) {
	return monthOf(c.QueryParam("month"), visitOf(c).tenant.Zone, s.Clock.Now())
}

func (s *server) shopUsagePage(c *echo.Context) error {
	t := visitOf(c).tenant
	month, err := s.usageMonth(c)
	if err != nil {
		return err
	}
	var days []console.Day
	var plans, buyers []console.Part
	var sums usageSums
	person, err := s.consoleRead(c, console.DaysQ(&days, month.Start, month.End, t.Zone, t.Currency), console.PlansQ(&plans, month.Start, month.End, t.Zone, t.Currency),
		console.BuyersQ(&buyers, month.Start, month.End, t.Zone, t.Currency, topBuyers), sums.query())
	if err != nil {
		return err
	}
	s.keepUp(c, sums)
	var sum console.Figures
	for _, d := range days {
		sum = sum.Plus(d.Figures)
	}
	name := month.Month.Format("2006-01")
	at := func(add int) string {
		return "/reseller/usage?month=" + month.Month.AddDate(0, add, 0).Format("2006-01")
	}
	p := views.ConsoleUsage{Title: month.Name(), Month: name, Older: at(-1), CSV: "/reseller/usage.csv?by=day&month=" + name,
		CSVCustomers: "/reseller/usage.csv?by=customer&month=" + name, CSVPlans: "/reseller/usage.csv?by=plan&month=" + name, Stats: figureStats(t, sum)}
	if month.End.Before(s.Clock.Now()) {
		p.Newer = at(1)
	}
	p.Chart = dayPlot(t, days, month.Start, month.End, s.Clock.Now())
	p.Sections = []views.ReportSection{partSection(t, "By plan", "Plan", plans, false), partSection(t, "By customer", "Customer", buyers, true), daySection(t, days)}
	return s.render(c, http.StatusOK, views.ConsoleUsagePage(s.consoleShell(c, "Usage", person), p))
}

func figureStats(t tenants.Tenant, f console.Figures) []views.StatProps {
	amount := func(d decimal.Decimal) string { return money.Of(d, t.Currency).Format() }
	return []views.StatProps{{Label: "Revenue", Value: amount(f.Retail), Note: "before tax and discounts"}, {Label: "Wholesale cost", Value: amount(f.Wholesale), Note: "before fees"},
		{Label: "Margin", Value: amount(f.Margin(t.Currency))}, {Label: "Hours", Value: metering.HoursNumber(f.Seconds)}}
}

func figureCells(t tenants.Tenant, f console.Figures) []views.ReportCell {
	amount := func(d decimal.Decimal) views.ReportCell {
		return views.ReportCell{Text: money.Of(d, t.Currency).Format()}
	}
	return []views.ReportCell{{Text: metering.HoursNumber(f.Seconds)}, amount(f.Retail), amount(f.Wholesale), amount(f.Margin(t.Currency))}
}

func figureColumns(first string) []views.Column {
	return []views.Column{{Label: first}, {Label: "Hours", End: true}, {Label: "Revenue", End: true}, {Label: "Wholesale", End: true}, {Label: "Margin", End: true}}
}

func partSection(t tenants.Tenant, title, first string, parts []console.Part, link bool) views.ReportSection {
	section := views.ReportSection{Title: title, Columns: figureColumns(first), Empty: "Nothing was used."}
	for _, part := range parts {
		head := views.ReportCell{Text: part.Name, Below: part.Email}
		if link {
			head.Href = customerPath(part.ID)
		}
		section.Rows = append(section.Rows, views.ReportRow{Cells: append([]views.ReportCell{head}, figureCells(t, part.Figures)...)})
	}
	return section
}

func daySection(t tenants.Tenant, days []console.Day) views.ReportSection {
	section := views.ReportSection{Title: "Days", Columns: figureColumns("Day"), Empty: "Nothing was used."}
	for _, d := range days {
		section.Rows = append(section.Rows, views.ReportRow{Cells: append([]views.ReportCell{{Text: d.Date.Format("January 2")}}, figureCells(t, d.Figures)...)})
	}
	return section
}

// dayPlot draws what customers paid each day of a span.
func dayPlot(t tenants.Tenant, days []console.Day, from, to, now time.Time) views.ChartProps {
	of := map[string]decimal.Decimal{}
	for _, d := range days {
		of[d.Date.Format(time.DateOnly)] = d.Retail
	}
	var labels []string
	var values []decimal.Decimal
	today := now.In(t.Zone).Format("January 2")
	y, m, d := from.In(t.Zone).Date()
	for day := time.Date(y, m, d, 0, 0, 0, 0, t.Zone); day.Before(to); day = day.AddDate(0, 0, 1) {
		labels, values = append(labels, day.Format("January 2")), append(values, of[day.Format(time.DateOnly)])
	}
	return plotOf("Revenue by day", "Day", "Revenue", labels, today, func(i int) (int64, string) {
		return values[i].Shift(6).IntPart(), money.Of(values[i], t.Currency).Format()
	})
}

func plotOf(what, bars, valuesAre string, labels []string, hit string, value func(int) (int64, string)) views.ChartProps {
	p := views.ChartProps{Label: what + ", nothing yet", BarsAre: bars, ValuesAre: valuesAre}
	var best int64
	for i, label := range labels {
		n, text := value(i)
		p.Bars = append(p.Bars, views.Bar{Label: label, Value: n, Text: text, Hit: label == hit})
		if n > best {
			best, p.Top = n, text
			p.Label = what + ", highest " + text + " in " + label
		}
	}
	for i := 0; i < 5 && len(labels) > 0; i++ {
		p.Axis = append(p.Axis, shortDate(labels[i*(len(labels)-1)/4]))
	}
	return p
}

// shortDate makes "November 15" "Nov 15" and "November 2026" "Nov".
func shortDate(label string) string {
	month, rest, _ := strings.Cut(label, " ")
	if month = month[:min(3, len(month))]; len(rest) > 2 {
		return month
	}
	return strings.TrimSpace(month + " " + rest)
}

func (s *server) shopUsageCSV(c *echo.Context) error {
	t := visitOf(c).tenant
	month, err := s.usageMonth(c)
	if err != nil {
		return err
	}
	var days []console.Day
	var parts []console.Part
	by, q := c.QueryParam("by"), console.DaysQ(&days, month.Start, month.End, t.Zone, t.Currency)
	switch by {
	case "customer":
		q = console.BuyersQ(&parts, month.Start, month.End, t.Zone, t.Currency, 0)
	case "plan":
		q = console.PlansQ(&parts, month.Start, month.End, t.Zone, t.Currency)
	default:
		by = "day"
	}
	if _, err := s.consoleRead(c, q); err != nil {
		return err
	}
	cells := func(f console.Figures) []string {
		return []string{strconv.FormatInt(f.Seconds, 10), f.Retail.String(), f.Wholesale.String(), f.Retail.Sub(f.Wholesale).String(), t.Currency}
	}
	head := []string{by, "seconds", "revenue", "wholesale", "margin", "currency"}
	var rows [][]string
	for _, d := range days {
		rows = append(rows, append([]string{d.Date.Format(time.DateOnly)}, cells(d.Figures)...))
	}
	if by != "day" {
		head = append([]string{by + "_id", "name", "email"}, head[1:]...)
	}
	for _, p := range parts {
		rows = append(rows, append([]string{p.ID.String(), p.Name, p.Email}, cells(p.Figures)...))
	}
	return s.streamCSV(c, "usage-"+month.Month.Format("2006-01")+"-"+by, head, func(string) ([][]string, string, error) { return rows, "", nil })
}
