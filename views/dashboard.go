package views

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/app/workspaces"
)

// Dashboard is what a customer sees first: what runs, what it costs, what it
// has cost.
type Dashboard struct {
	When
	Name     string
	Desks    []Desk
	Month    MonthProps
	Recent   []metering.Session
	Verified bool
	MayStart bool   // the credit is enough to order or start
	Minimum  string // the least credit for that, "$5.00"
	Support  string // the shop's mail address, or ""
	Wallet   Wallet
}

func (p Dashboard) title() string {
	first, _, _ := strings.Cut(strings.TrimSpace(p.Name), " ")
	if first == "" {
		return p.Greeting()
	}
	return p.Greeting() + ", " + first
}

// active are the desktops at the top: those that run, then those on their way.
func (p Dashboard) active() []Desk {
	all := p.those(true)
	slices.SortStableFunc(all, func(a, b Desk) int { return order(a) - order(b) })
	return all
}

func order(d Desk) int {
	if d.Status == workspaces.Running {
		return 0
	}
	return 1
}

func (p Dashboard) resting() []Desk { return p.those(false) }

func (p Dashboard) those(active bool) (out []Desk) {
	for _, d := range p.Desks {
		if d.Active() == active {
			out = append(out, d)
		}
	}
	return out
}

// Summary is the state of everything in a sentence or two.
func (p Dashboard) Summary() string {
	running, coming, rate := 0, 0, decimal.Zero
	for _, d := range p.Desks {
		switch {
		case d.running():
			running, rate = running+1, rate.Add(d.Session.CostPerHour)
		case d.Status == workspaces.Provisioning:
			coming++
		}
	}
	cost := money.Rate(rate, p.Month.Currency) + " an hour."
	switch {
	case len(p.Desks) == 0:
		return "You have no desktop yet. The first one is ready in about 20 seconds."
	case running == 1:
		return "One desktop is running. It costs " + cost + p.Wallet.lasts() + also(coming)
	case running > 1:
		return strconv.Itoa(running) + " desktops are running. Together they cost " + cost + p.Wallet.lasts() + also(coming)
	case coming == 1:
		return "One desktop is getting ready. Nothing is charged until it runs."
	case coming > 1:
		return strconv.Itoa(coming) + " desktops are getting ready. Nothing is charged until they run."
	}
	return "Nothing is running, so nothing is being charged."
}

func also(coming int) string {
	switch coming {
	case 0:
		return ""
	case 1:
		return " Another one is getting ready."
	}
	return " " + strconv.Itoa(coming) + " more are getting ready."
}

// used says that there is something to draw.
func (p Dashboard) used() bool { return p.Month.Usage.Blocks > 0 || len(p.Recent) > 0 }

// hurdles are what stands between this customer and a running desktop.
func (p Dashboard) hurdles() (out []Notice) {
	out = p.Wallet.Standing()
	if !p.MayStart {
		out = append(out, creditNotice(p.Minimum, p.Support))
	}
	return out
}

// creditNotice says how somebody without credit gets some.
func creditNotice(minimum, support string) Notice {
	n := Notice{Tone: ToneInfo, Title: "Add credits or a payment method first.", Text: "Desktops can be ordered and started with at least " + minimum + " of credit."}
	if support != "" {
		n.Text += " Questions? Write to " + support + "."
	}
	n.Action = addCredit()
	return n
}

// MonthProps is what a month has cost up to now, by the day.
type MonthProps struct {
	When
	Cycle    billing.Cycle
	Usage    metering.Usage
	Days     []metering.Day
	Currency string
	Cap      *MeterProps // how much of the month's cap is used, where there is one
}

func (m MonthProps) cost() string { return money.Of(m.Usage.Cost, m.Currency).Round().Format() }

// present says that the month is not over.
func (m MonthProps) present() bool { return !m.Now.Before(m.Cycle.Start) && m.Now.Before(m.Cycle.End) }

func (m MonthProps) monthLive() Live {
	return Live{ID: "month", URL: "/usage/total", Events: []string{"cost"}}
}

func (m MonthProps) sentence() string { return m.Usage.Sentence(m.Currency) }

// pace is the average of the days of a month, or of those so far.
func (m MonthProps) pace() string {
	days := len(m.Days)
	if m.present() {
		days = m.Now.In(m.Zone).Day()
	}
	if !m.Usage.Cost.IsPositive() || days < 2 {
		return ""
	}
	mean := m.Usage.Cost.DivRound(decimal.NewFromInt(int64(days)), 10)
	shown := money.Of(mean, m.Currency).Round()
	if shown.D.IsZero() {
		return ""
	}
	return shown.Format() + " a day on average"
}

// chart is the cost of each day of the month as bars.
func (m MonthProps) chart() ChartProps {
	p := ChartProps{BarsAre: "Day", ValuesAre: "Cost"}
	today := ""
	if m.present() {
		today = m.Now.In(m.Zone).Format(time.DateOnly)
	}
	var best metering.Day
	for _, d := range m.Days {
		if d.Cost.GreaterThan(best.Cost) {
			best = d
		}
		p.Bars = append(p.Bars, Bar{
			Label: d.Date.Format("January 2"), Value: d.Cost.Shift(6).IntPart(),
			Text: money.Of(d.Cost, m.Currency).Round().Format(), Hit: today == d.Date.Format(time.DateOnly),
		})
	}
	p.Axis = axis(m.Days)
	p.Label = "Cost a day in " + m.Cycle.Name() + ", nothing yet"
	if best.Cost.IsPositive() {
		p.Top = money.Of(best.Cost, m.Currency).Round().Format()
		p.Label = "Cost a day in " + m.Cycle.Name() + ", highest " + p.Top + " on " + best.Date.Format("January 2")
	}
	return p
}

// axis names the first, the last and a few days between.
func axis(days []metering.Day) (out []string) {
	const marks = 6
	last := len(days) - 1
	for i := 0; i < marks && last >= 0; i++ {
		out = append(out, days[i*last/(marks-1)].Date.Format("2"))
	}
	return out
}

// hint is the line under the figure.
func (m MonthProps) hint() string {
	if m.Usage.Blocks == 0 {
		return "Nothing used yet"
	}
	return m.Usage.Hours()
}
