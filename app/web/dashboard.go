package web

import (
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/branding"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// recentSessions is how many sessions the dashboard shows.
const recentSessions = 5

// deskShell frames the pages of somebody who is signed in.
func (s *server) deskShell(c *echo.Context, title string, person accounts.User, balance ledger.Balance) views.Shell {
	shell := s.bareShell(c, title)
	name := person.Name
	if name == "" {
		name = person.Email
	}
	shell.Narrow, shell.Live = false, true
	if wearsRules(c) {
		shell.CustomCSSURL = s.lookAt(visitOf(c).tenant).rulesAt
	}
	shell.Acting = s.actingOf(c)
	shell.Nav = navAt(deskNav, c.Request().URL.Path)
	shell.User = &views.ShellUser{Name: name, Initials: branding.Initials(name), Email: person.Email}
	shell.Menu = []views.NavItem{{Label: "API keys", Href: "/settings/keys"}}
	if person.Runs() {
		shell.Menu = append(shell.Menu, views.NavItem{Label: "Run this shop", Href: "/reseller"})
	}
	shell.Credit, shell.CreditHref = balance.Money(balance.Credit.Add(balance.Bonus)), "/billing"
	shell.Notice = popNotice(c, s.doors.shop)
	return shell
}

// readOwn reads what a fragment is drawn from together with the person, who must
// still be welcome.
func (s *server) readOwn(c *echo.Context, part ...tenants.Query) error {
	v := visitOf(c)
	var person accounts.User
	err := s.DB.Read(c.Request().Context(), v.tenant, append([]tenants.Query{accounts.UserQ(&person, v.userID)}, part...)...)
	switch {
	case err != nil && person.ID == uuid.Nil:
		return signedOutIfMissing(err)
	case err != nil:
		return err
	}
	return welcome(v, person)
}

// when words times as people of this shop read them.
func (s *server) when(c *echo.Context) views.When {
	return views.When{Zone: visitOf(c).tenant.Zone, Now: s.Clock.Now()}
}

// overview is all that the dashboard and its fragments are drawn from.
type overview struct {
	cards   []workspaces.Card
	latest  []metering.Session // and all that run
	days    []metering.Day
	minimum decimal.Decimal
	owed    billing.Owed
	spending
}

func (o *overview) queries(t tenants.Tenant, user uuid.UUID, month billing.Cycle, now time.Time) []tenants.Query {
	return append(o.spending.queries(t, user, now),
		workspaces.DesksQ(&o.cards, user), metering.LatestQ(&o.latest, user, recentSessions), billing.OwedQ(&o.owed, user, t.Currency),
		metering.UsedDaysQ(&o.days, user, month.Start, month.End, t.Zone), ledger.MinimumQ(&o.minimum))
}

// dashboard is the first page of somebody who is signed in: their session is one
// question to the database, everything on the page a second one.
func (s *server) dashboard(c *echo.Context) error {
	v, when := visitOf(c), s.when(c)
	month := billing.CycleOf(v.tenant.Zone, when.Now)
	var all overview
	shell, person, balance, err := s.deskWithCredit(c, "Desktops", all.queries(v.tenant, v.userID, month, when.Now)...)
	if err != nil {
		return err
	}
	page := s.overviewOf(c, when, month, all)
	page.Name, page.Verified, page.MayStart = person.Name, person.Verified(), balance.Enough(all.minimum) || all.funds.HasMethod
	page.Minimum, page.Support = money.Of(all.minimum, v.tenant.Currency).Format(), shell.Brand.SupportEmail
	page.Wallet.Support, page.Wallet.Owed = page.Support, all.owed
	return s.render(c, 200, views.DashboardPage(shell, page))
}

func (s *server) overviewOf(c *echo.Context, when views.When, month billing.Cycle, all overview) views.Dashboard {
	currency := visitOf(c).tenant.Currency
	page := views.Dashboard{When: when, Month: monthProps(when, month, all.days, metering.Open(all.latest), currency)}
	page.Recent, _ = cut(all.latest, recentSessions)
	all.open = onlyOpen(all.latest)
	page.Wallet = views.Wallet{When: when, Funds: all.funds}
	page.Wallet.Runs, _ = runways(all.funds, all.held, all.open, month.End, when.Now)
	page.Month.Cap = page.Wallet.Cap()
	for _, card := range all.cards {
		desk := s.deskOf(c, when, card, openOf(card.ID, all.latest), "/")
		all.upon(&desk)
		page.Desks = append(page.Desks, desk)
	}
	return page
}

func monthProps(when views.When, month billing.Cycle, days []metering.Day, open []metering.Session, currency string) views.MonthProps {
	days = metering.WithBegun(metering.EveryDay(days, month.Start, month.End, when.Zone), open, when.Zone, when.Now)
	return views.MonthProps{When: when, Cycle: month, Days: days, Usage: metering.Sum(days), Currency: currency}
}

// deskOf is a desktop as its card shows it. A session belongs to the card only
// while the desktop runs.
func (s *server) deskOf(c *echo.Context, when views.When, card workspaces.Card, session *metering.Session, next string) views.Desk {
	desk := views.Desk{Card: card, When: when, Session: session, Shop: visitOf(c).tenant.Name, Next: next}
	if progress, waits := s.Workspaces.Preparing(c.Request().Context(), card.Workspace); waits {
		desk.Preparing = &progress
	}
	return desk
}

func openOf(workspace uuid.UUID, open []metering.Session) *metering.Session {
	for i := range open {
		if open[i].WorkspaceID == workspace && open[i].Running() {
			return &open[i]
		}
	}
	return nil
}

// usageTotal answers what on the dashboard follows the meter: the month, or with
// ?show= the summary or the latest sessions.
func (s *server) usageTotal(c *echo.Context) error {
	v, when := visitOf(c), s.when(c)
	month := billing.CycleOf(v.tenant.Zone, when.Now)
	var all overview
	if err := s.readOwn(c, all.queries(v.tenant, v.userID, month, when.Now)...); err != nil {
		return err
	}
	page := s.overviewOf(c, when, month, all)
	switch c.QueryParam("show") {
	case "":
		return s.render(c, 200, views.MonthCard(page.Month))
	case "summary":
		return s.render(c, 200, views.DashboardSummary(page))
	case "latest":
		return s.render(c, 200, views.LatestCard(when, page.Recent, c.QueryParam("half") != ""))
	}
	return fail.Missing("part of this page")
}
