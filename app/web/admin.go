package web

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/attention"
	"github.com/ezscale/ezscale/app/branding"
	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/hosts"
	"github.com/ezscale/ezscale/app/oversight"
	"github.com/ezscale/ezscale/app/wholesale"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

func (s *server) adminDoor(next, email string) views.SignIn {
	return views.SignIn{Title: "Operator sign-in", Text: "For the people who run this installation.", Action: "/admin/sign-in",
		Next: localPath(next, ""), Email: email}
}

func (s *server) adminSignInPage(c *echo.Context) error {
	shell := s.cardShell(c, "Operator sign-in")
	shell.Notice = popNotice(c, s.doors.admin)
	return s.render(c, 200, views.SignInPage(shell, s.adminDoor(c.QueryParam("next"), "")))
}

func (s *server) adminSignIn(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	door := s.adminDoor(form.Get("next"), form.Get("email"))
	person, err := accounts.Operator{}, filledIn(door.Email, form.Get("password"))
	if err == nil {
		person, err = s.Accounts.SignInOperator(c.Request().Context(), door.Email, form.Get("password"), visitOf(c).ip)
	}
	if err != nil {
		return s.againAtDoor(c, err, door)
	}
	if err := enter(c, s.doors.admin, uuid.Nil, person.ID, person.SessionEpoch); err != nil {
		return err
	}
	return seeOther(c, localPath(door.Next, "/admin"))
}

func (s *server) adminSignOut(c *echo.Context) error {
	if err := s.Console.EndAll(c.Request().Context(), s.doors.admin.GetString(c.Request().Context(), keyActs)); err != nil {
		return err
	}
	if err := s.doors.admin.Destroy(c.Request().Context()); err != nil {
		return err
	}
	return seeOther(c, "/admin/sign-in")
}

func (s *server) adminShell(c *echo.Context, title string) views.Shell {
	v := visitOf(c)
	shell := s.bareShell(c, title)
	shell.Narrow, shell.Host, shell.HomeHref, shell.SignOutHref = false, views.HostOperator, "/admin", "/admin/sign-out"
	shell.Side = sideAt(adminNav, c.Request().URL.Path, nil)
	shell.User = &views.ShellUser{Name: v.operator.Name, Initials: branding.Initials(v.operator.Name), Email: v.operator.Email}
	shell.Notice = popNotice(c, s.doors.admin)
	return shell
}

// attentionLimit bounds how long the overview asks shops and hosts.
const attentionLimit = 4 * time.Second

func (s *server) adminPage(c *echo.Context) error {
	ctx, stop := context.WithTimeout(c.Request().Context(), attentionLimit)
	defer stop()
	letters, err := s.Bus.DeadLetters(ctx, true, 50)
	if err != nil {
		return err
	}
	machines, err := s.Hosts.List(ctx)
	if err != nil {
		return err
	}
	page := views.Overview{Healthy: true, Health: "The database, the event stream and every part of the program answer.",
		Statuses: statusStats(s.Registry.All()), Shops: unmigrated(s.Registry.All())}
	if err := s.readiness(ctx); err != nil {
		page.Healthy, page.Health = false, sentence(err)
	}
	for _, letter := range letters {
		page.Letters = append(page.Letters, s.letterRow(letter))
	}
	for _, h := range machines {
		if h.Status != hosts.Retired {
			page.Servers = append(page.Servers, serverRow(h))
		}
	}
	var matters []attention.Item
	if err := s.DB.CentralRead(ctx, attention.ListQ(&matters, "", attention.Cursor{}, attentionOverview)); err != nil {
		return err
	}
	page.Items = s.attentionItems(matters)
	troubles, err := s.Workspaces.Attention(ctx)
	if err != nil {
		s.log.Warn("not every shop could be asked for what needs attention", "error", err)
		page.Incomplete = "Not every shop answered in time, so desktops may be missing here."
	}
	for _, t := range troubles {
		if t.WorkspaceID != uuid.Nil {
			page.Desktops = append(page.Desktops, s.troubleRow(t))
		}
	}
	return s.render(c, 200, views.OverviewPage(s.adminShell(c, "Overview"), page))
}

// sentence is what may be said of an error to an operator.
func sentence(err error) string {
	if fail.KindOf(err) == fail.Internal {
		return "A part of the program does not answer; its log says which."
	}
	return err.Error()
}

func statusStats(all []tenants.Tenant) []views.StatProps {
	counts := map[tenants.Status]int{}
	for _, t := range all {
		counts[t.Status]++
	}
	stats := make([]views.StatProps, 0, 4)
	for _, status := range []tenants.Status{tenants.Active, tenants.Trial, tenants.Suspended, tenants.Closed} {
		stats = append(stats, views.StatProps{Label: views.StateOf(string(status)).Label, Value: strconv.Itoa(counts[status])})
	}
	return stats
}

func unmigrated(all []tenants.Tenant) (rows []views.AttentionRow) {
	for _, t := range all {
		if t.MigrationError != "" {
			rows = append(rows, views.AttentionRow{Title: t.Name + " could not be brought up to date", Text: t.MigrationError, Tone: views.ToneBad})
		}
	}
	return rows
}

func (s *server) troubleRow(t workspaces.Trouble) views.AttentionRow {
	row := views.AttentionRow{Title: "A desktop could not be made ready", Tone: views.ToneBad}
	if t.What != "failed" {
		row.Title, row.Tone = "A desktop is stuck", views.ToneWarn
		row.ID, row.Force = t.WorkspaceID.String(), "/admin/workspaces/"+t.Tenant+"/"+t.WorkspaceID.String()+"/force"
	}
	shop := t.Tenant
	if found, ok := s.Registry.BySlug(t.Tenant); ok {
		shop = found.Name
	}
	row.Text = strings.Join([]string{shop, "service " + t.ServiceID.String(), "since " + whenUTC(t.Since), t.Sentence}, " · ")
	return row
}

func (s *server) letterRow(d bus.DeadLetter) views.DeadLetterRow {
	row := views.DeadLetterRow{Title: d.Consumer + " gave up on " + d.Name, Shop: "no shop", Reason: d.Reason, At: whenUTC(d.CreatedAt),
		Retry: "/admin/dead-letters/" + strconv.FormatInt(d.ID, 10) + "/retry"}
	if t, ok := s.Registry.ByID(d.TenantID); ok {
		row.Shop = t.Name
	}
	return row
}

func serverRow(h hosts.Host) views.ServerRow {
	row := views.ServerRow{Name: h.Name, Href: serverPath(h.ID), URL: h.URL, State: h.Status, Simulator: h.Simulator, LastOK: "has not answered yet"}
	if h.LastOKAt != nil {
		row.LastOK = "answered " + whenUTC(*h.LastOKAt)
	}
	if h.LastError != nil && h.LastErrorAt != nil && (h.LastOKAt == nil || h.LastErrorAt.After(*h.LastOKAt)) {
		row.Error, row.ErrorAt = *h.LastError, whenUTC(*h.LastErrorAt)
	}
	return row
}

// whenUTC is a time as operators read it, whose shops live in many zones.
func whenUTC(t time.Time) string { return t.UTC().Format("Jan 2, 15:04 UTC") }

func (s *server) retryDeadLetter(c *echo.Context) error {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return fail.Missing("message")
	}
	tone, text := views.ToneGood, "It is being tried again."
	if err := s.Bus.RetryDeadLetter(c.Request().Context(), id); fail.Is(err, fail.Conflict) {
		tone, text = views.ToneWarn, err.Error()
	} else if err != nil {
		return err
	} else {
		s.log.Info("dead letter retried", "dead_letter", id, "operator", visitOf(c).operator.ID)
	}
	putNotice(c, s.doors.admin, tone, text)
	return seeOther(c, "/admin")
}

func (s *server) createReseller(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	page := views.NewReseller{Name: form.Get("name"), OwnerName: form.Get("owner_name"), Email: form.Get("email"), Domain: strings.TrimSpace(form.Get("domain")),
		Slug: strings.TrimSpace(form.Get("slug")), TimeZone: form.Get("time_zone"), Currency: form.Get("currency"), TrialDays: strings.TrimSpace(form.Get("trial_days")),
		Tier: strings.TrimSpace(form.Get("tier"))}
	shop, err := s.openShop(c.Request().Context(), visitOf(c).operator.Email, page)
	if wrong, status := wrongOf(err); status != 0 {
		page.Wrong = wrong
		list, err := s.resellersOf(c, page)
		if err != nil {
			return err
		}
		return s.render(c, status, views.ResellersPage(s.adminShell(c, "Resellers"), list))
	}
	if err != nil {
		return err
	}
	s.log.Info("reseller created", "tenant", shop.Slug, "operator", visitOf(c).operator.ID)
	text := shop.Name + " is open at " + s.addressOf(c, shop, "/") + " – " + shop.OwnerEmail + " gets a letter with a link to choose a password and the first steps."
	if page.Domain != "" {
		text += " " + page.Domain + " is served as soon as it is proved to be theirs."
	}
	putNotice(c, s.doors.admin, views.ToneGood, text)
	return seeOther(c, "/admin/resellers")
}

// openShop makes the shop that the form describes; one that is there is refused.
func (s *server) openShop(ctx context.Context, by string, form views.NewReseller) (tenants.Tenant, error) {
	n := tenants.NewTenant{Name: form.Name, Email: form.Email, OwnerName: form.OwnerName, Slug: form.Slug, Domain: form.Domain,
		TimeZone: form.TimeZone, Currency: form.Currency}
	var settings oversight.Settings
	var tiers []wholesale.Tier
	if err := s.DB.CentralRead(ctx, oversight.SettingsQ(&settings), wholesale.TiersQ(&tiers)); err != nil {
		return tenants.Tenant{}, err
	}
	if form.Tier != "" && !slices.ContainsFunc(tiers, func(t wholesale.Tier) bool { return t.ID == form.Tier }) {
		return tenants.Tenant{}, fail.Fields{"tier": "Choose one of the tiers."}.Err()
	}
	n.TrialDays = settings.TrialDays
	if form.TrialDays != "" {
		days, err := strconv.Atoi(form.TrialDays)
		if err != nil || days < 0 || days > 365 {
			return tenants.Tenant{}, fail.Fields{"trial_days": "Write the days of the trial as a number from 0 to 365."}.Err()
		}
		n.TrialDays = days
	}
	shop, created, err := s.Accounts.OpenShop(ctx, n, func(ctx context.Context, tx tenants.Tx) error {
		if err := s.Billing.EnsureCycleDue(ctx, tx); err != nil {
			return err
		}
		if err := s.Lifecycle.EnsureDue(ctx, tx); err != nil {
			return err
		}
		return s.Wholesale.EnsureDue(ctx, tx)
	})
	var refused *fail.Error
	if errors.As(err, &refused) && n.Slug == "" && refused.Fields["name"] != "" {
		delete(refused.Fields, "slug") // it is made from the name, which is what is wrong
	}
	if err == nil && !created {
		err = fail.Fields{"name": "This owner has a shop of this name already, at " + shop.Host() + "."}.Err()
	}
	if err == nil && form.Tier != "" && form.Tier != settings.DefaultTier {
		_, err = s.Wholesale.Agree(ctx, by, shop, wholesale.Change{Tier: &form.Tier})
	}
	return shop, err
}
