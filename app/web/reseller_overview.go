package web

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v5"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/console"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/app/onboarding"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// shopFigures is what the overview is drawn from: the days of twelve months, and how
// many there are of what.
type shopFigures struct {
	days  []console.Day
	new   []console.Newcomers
	crowd console.Crowd
	sums  usageSums
}

func (s *server) figureQs(t tenants.Tenant, month billing.Cycle, f *shopFigures) []tenants.Query {
	from, until := firstMonth(t.Zone, s.Clock.Now()), s.Clock.Now().AddDate(0, 0, 1)
	return []tenants.Query{console.DaysQ(&f.days, from, until, t.Zone, t.Currency), console.NewcomersQ(&f.new, from, until, t.Zone), console.CrowdQ(&f.crowd, month.Start, month.End, t.Zone, t.Currency), f.sums.query()}
}

// of sums the days of a month up to a day of it; 31 is all of them.
func (f shopFigures) of(month time.Time, upTo int) (sum console.Figures) {
	for _, d := range f.days {
		if d.Date.Year() == month.Year() && d.Date.Month() == month.Month() && d.Date.Day() <= upTo {
			sum = sum.Plus(d.Figures)
		}
	}
	return sum
}

// came counts who came in a month, up to a day of it.
func (f shopFigures) came(month time.Time, upTo int) (n int64) {
	for _, d := range f.new {
		if d.Date.Year() == month.Year() && d.Date.Month() == month.Month() && d.Date.Day() <= upTo {
			n += d.Count
		}
	}
	return n
}

// resellerPage is the shop at a glance, in one round trip beside the sign-in's.
func (s *server) resellerPage(c *echo.Context) error {
	t, search := visitOf(c).tenant, searchOf(c, nil, peoplePage)
	var people []console.Customer
	var drawn shopFigures
	var steps onboarding.State
	q, err := console.CustomersQ(&people, search, t.Currency)
	if err != nil {
		return err
	}
	month := billing.CycleOf(t.Zone, s.Clock.Now())
	person, err := s.consoleRead(c, append(s.figureQs(t, month, &drawn), q, firstStepsQ(&steps, t))...)
	if err != nil {
		return err
	}
	s.keepUp(c, drawn.sums)
	page := s.atAGlance(c, month, drawn)
	page.FirstSteps, page.Query = checklistOf(c, steps), search.Text
	next := ""
	if len(people) > peoplePage {
		people = people[:peoplePage]
		next = console.Cursor(people[peoplePage-1].CreatedAt, people[peoplePage-1].ID)
	}
	list := listOfSearch("/reseller", search, next)
	page.Older, page.Newest, page.People = list.Older, list.First, consolePeople(c, people)
	return s.render(c, http.StatusOK, views.ConsolePage(s.consoleShell(c, "Overview", person), page))
}

func (s *server) atAGlance(c *echo.Context, month billing.Cycle, f shopFigures) views.Console {
	t, now := visitOf(c).tenant, s.Clock.Now().In(visitOf(c).tenant.Zone)
	page := views.Console{Shop: brandOf(t).CompanyName, State: string(t.Status), Billing: t.BillingStatus, Month: month.Name(), Trial: trialOf(t), Stats: overviewStats(t, f, now), Plots: overviewPlots(t, f, now)}
	for _, host := range t.Hosts {
		page.Hosts = append(page.Hosts, views.NavItem{Label: s.hostPort(c, host), Href: s.onHost(c, host, "/")})
	}
	return page
}

// overviewStats are the figures of the month, beside those of the month before on the
// same day.
func overviewStats(t tenants.Tenant, f shopFigures, now time.Time) []views.StatProps {
	this, then := f.of(now, 31), now.AddDate(0, 0, -now.Day())
	before := f.of(then, now.Day())
	amount := func(d decimal.Decimal) string { return money.Of(d, t.Currency).Format() }
	by := " by this day of " + then.Format("January")
	stats := []views.StatProps{
		{Label: "Revenue", Value: amount(this.Retail), Note: amount(before.Retail) + by},
		{Label: "Wholesale cost", Value: amount(this.Wholesale), Note: amount(before.Wholesale) + by},
		{Label: "Margin", Value: amount(this.Margin(t.Currency)), Note: amount(before.Margin(t.Currency)) + by},
		{Label: "Hours", Value: metering.HoursNumber(this.Seconds), Note: "by " + counted(f.crowd.Buyers, "customer")},
		{Label: "New customers", Value: grouped(f.came(now, 31)), Note: "of " + counted(f.crowd.Customers, "customer")},
		{Label: "Running now", Value: grouped(f.crowd.Running), Note: "of " + counted(f.crowd.Desktops, "desktop")},
	}
	if this.Retail.IsPositive() {
		stats[2].Note = strconv.Itoa(this.Percent(t.Currency)) + " % of the revenue, before our fees"
	}
	if before.Seconds == 0 {
		stats[0].Note, stats[1].Note = "before tax and discounts", "before our fees"
	}
	if this.Seconds == 0 {
		stats[3].Note = "nobody has used anything yet"
	}
	return stats
}

// overviewPlots draws the last 30 days and the last 12 months.
func overviewPlots(t tenants.Tenant, f shopFigures, now time.Time) []views.ConsolePlot {
	var months []time.Time
	var labels []string
	for m := firstMonth(t.Zone, now); !m.After(now); m = m.AddDate(0, 1, 0) {
		months, labels = append(months, m), append(labels, m.Format("January 2006"))
	}
	this := now.Format("January 2006")
	amounts := func(of func(console.Figures) decimal.Decimal) func(int) (int64, string) {
		return func(i int) (int64, string) {
			d := of(f.of(months[i], 31))
			return d.Shift(6).IntPart(), money.Of(d, t.Currency).Format()
		}
	}
	return []views.ConsolePlot{
		{Title: "Revenue, 30 days", Chart: dayPlot(t, f.days, now.AddDate(0, 0, -29), now, now)},
		{Title: "Revenue, 12 months", Chart: plotOf("Revenue by month", "Month", "Revenue", labels, this, amounts(func(f console.Figures) decimal.Decimal { return f.Retail }))},
		{Title: "Margin, 12 months", Chart: plotOf("Margin by month", "Month", "Margin", labels, this, amounts(func(f console.Figures) decimal.Decimal { return f.Margin(t.Currency) }))},
		{Title: "New customers, 12 months", Chart: plotOf("New customers by month", "Month", "Customers", labels, this, func(i int) (int64, string) {
			n := f.came(months[i], 31)
			return n, grouped(n)
		})},
	}
}

// grouped writes a number as people read long ones: 100,003.
func grouped(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10)
	}
	return grouped(n/1000) + "," + fmt.Sprintf("%03d", n%1000)
}

func counted(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return grouped(n) + " " + what + "s"
}

func trialOf(t tenants.Tenant) string {
	if t.Status != tenants.Trial || t.TrialEndsAt == nil {
		return ""
	}
	return "until " + t.TrialEndsAt.In(t.Zone).Format("January 2, 2006")
}

func consolePeople(c *echo.Context, people []console.Customer) []views.ConsolePerson {
	t, back := visitOf(c).tenant, c.Request().URL.RequestURI()
	out := make([]views.ConsolePerson, len(people))
	for i, p := range people {
		out[i] = views.ConsolePerson{ID: p.ID.String(), Name: p.Name, Email: p.Email, Unverified: !p.Confirmed, Since: p.CreatedAt.In(t.Zone).Format("Jan 2, 2006"),
			Credit: money.Of(p.Credit, t.Currency).Format(), Grant: grantOf(t, p.ID, p.Name, back)}
		if p.State != "active" {
			out[i].State = p.State
		}
	}
	return out
}
