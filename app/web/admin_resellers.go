package web

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v5"
	"github.com/shopspring/decimal"
	"golang.org/x/sync/errgroup"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/app/oversight"
	"github.com/ezscale/ezscale/app/wholesale"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// figuresAtOnce is how many shops are asked beside each other for their figures.
const figuresAtOnce = 4

var shopStates = []views.Option{{Value: "", Label: "All"}, {Value: "active", Label: "Active"}, {Value: "trial", Label: "Trial"}, {Value: "past_due", Label: "Past due"},
	{Value: "suspended", Label: "Suspended"}, {Value: "closed", Label: "Closed"}} // read only

// shopSearch is what the list of resellers is asked for; after is the slug above.
type shopSearch struct{ text, state, after string }

func shopSearchOf(c *echo.Context) shopSearch {
	f := shopSearch{text: strings.TrimSpace(c.QueryParam("q")), after: c.QueryParam("cursor")}
	for _, o := range shopStates {
		if o.Value == c.QueryParam("state") {
			f.state = o.Value
		}
	}
	return f
}

func (f shopSearch) takes(t tenants.Tenant) bool {
	switch {
	case f.state == "past_due" && t.BillingStatus != "past_due", f.state != "" && f.state != "past_due" && f.state != string(t.Status):
		return false
	case f.text == "":
		return true
	}
	text := strings.ToLower(f.text)
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), text) }
	return has(t.Name) || has(t.Slug) || has(t.OwnerEmail) || has(t.OwnerName) || slices.ContainsFunc(t.Hosts, has)
}

// found are the shops that the search leaves, the newest first. They are all in
// memory, where a few thousand cost less than a question to the database.
func (s *server) found(f shopSearch) []tenants.Tenant {
	all := slices.DeleteFunc(s.Registry.All(), func(t tenants.Tenant) bool { return !f.takes(t) })
	slices.SortFunc(all, func(a, b tenants.Tenant) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), strings.Compare(a.Slug, b.Slug))
	})
	return all
}

// page cuts the shops after the cursor; one that no list gave is refused.
func (f shopSearch) page(all []tenants.Tenant, limit int) (rows []tenants.Tenant, more bool, err error) {
	if f.after != "" {
		at := slices.IndexFunc(all, func(t tenants.Tenant) bool { return t.Slug == f.after })
		if at < 0 {
			return nil, false, fail.New(fail.BadRequest, "This page of the list is not known. Start from the first one.")
		}
		all = all[at+1:]
	}
	if len(all) > limit {
		return all[:limit], true, nil
	}
	return all, false, nil
}

func (f shopSearch) query(cursor string) string {
	at := url.Values{}
	for name, value := range map[string]string{"q": f.text, "state": f.state, "cursor": cursor} {
		if value != "" {
			at.Set(name, value)
		}
	}
	return at.Encode()
}

func (s *server) resellersPage(c *echo.Context) error {
	page, err := s.resellersOf(c, views.NewReseller{})
	if err != nil {
		return err
	}
	return s.render(c, http.StatusOK, views.ResellersPage(s.adminShell(c, "Resellers"), page))
}

func (s *server) resellersOf(c *echo.Context, form views.NewReseller) (views.Resellers, error) {
	f := shopSearchOf(c)
	all := s.found(f)
	rows, more, err := f.page(all, linesOnPage)
	if err != nil {
		return views.Resellers{}, err
	}
	form.Central = s.centralHost()
	var settings oversight.Settings
	var tiers []wholesale.Tier
	if err := s.DB.CentralRead(c.Request().Context(), oversight.SettingsQ(&settings), wholesale.TiersQ(&tiers)); err != nil {
		return views.Resellers{}, err
	}
	form.DefaultDays = strconv.Itoa(settings.TrialDays)
	form.Tier = cmp.Or(form.Tier, settings.DefaultTier)
	for _, t := range tiers {
		form.Tiers = append(form.Tiers, views.Option{Value: t.ID, Label: t.Name})
	}
	page := views.Resellers{Form: form, Found: len(all), Query: f.text, State: f.state, States: shopStates, CSV: pathWithQuery("/admin/resellers.csv", f.query(""))}
	if f.after != "" {
		page.First = pathWithQuery("/admin/resellers", f.query(""))
	}
	if more {
		page.Older = pathWithQuery("/admin/resellers", f.query(rows[len(rows)-1].Slug))
	}
	figures := s.figuresOf(c.Request().Context(), rows)
	for i, t := range rows {
		page.Rows = append(page.Rows, s.resellerRow(c, t, figures[i]))
	}
	return page, nil
}

func pathWithQuery(path, query string) string {
	if query == "" {
		return path
	}
	return path + "?" + query
}

func (s *server) resellerRow(c *echo.Context, t tenants.Tenant, f *oversight.Figures) views.ResellerRow {
	row := views.ResellerRow{Name: t.Name, Slug: t.Slug, Host: views.NavItem{Label: s.hostPort(c, t.Host()), Href: s.addressOf(c, t, "/")},
		More: len(t.Hosts) - 1, State: string(t.Status), Billing: t.BillingStatus, House: t.House, Owner: t.OwnerName, OwnerEmail: t.OwnerEmail,
		Created: civilDay(t.CreatedAt), Trial: trialOf(t), Problem: t.MigrationError, Customers: "–", Running: "–", Month: "–"}
	if f != nil {
		row.Customers, row.Running = strconv.Itoa(f.Customers), strconv.Itoa(f.Running)
		if sum, err := decimal.NewFromString(f.Wholesale); err == nil {
			row.Month = money.Of(sum, t.Currency).Format()
		}
	}
	return row
}

// figuresOf asks the shops of a page for their figures; nil for one that cannot
// answer, such as one that is not up to date.
func (s *server) figuresOf(ctx context.Context, rows []tenants.Tenant) []*oversight.Figures {
	out := make([]*oversight.Figures, len(rows))
	now := s.Clock.Now().UTC()
	since := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	var group errgroup.Group
	group.SetLimit(figuresAtOnce)
	for i, t := range rows {
		group.Go(func() error {
			var f oversight.Figures
			if err := s.DB.Read(ctx, t, oversight.FiguresQ(&f, since, t.Currency)); err != nil {
				s.log.Warn("a shop did not give its figures", "tenant", t.Slug, "error", err)
				return nil
			}
			out[i] = &f
			return nil
		})
	}
	_ = group.Wait() // each says for itself what went wrong
	return out
}

func (s *server) resellersCSV(c *echo.Context) error {
	f := shopSearchOf(c)
	all := s.found(f)
	head := []string{"slug", "name", "status", "billing", "owner", "owner_email", "hosts", "created_at", "trial_ends_at", "customers", "running", "month_wholesale", "currency"}
	return s.streamCSV(c, "resellers", head, func(cursor string) ([][]string, string, error) {
		f.after = cursor
		rows, more, err := f.page(all, 10*linesOnPage)
		if err != nil {
			return nil, "", err
		}
		out, figures := make([][]string, len(rows)), s.figuresOf(c.Request().Context(), rows)
		for i, t := range rows {
			out[i] = []string{t.Slug, t.Name, string(t.Status), t.BillingStatus, t.OwnerName, t.OwnerEmail, strings.Join(t.Hosts, " "), t.CreatedAt.UTC().Format(time.RFC3339), "", "", "", "", t.Currency}
			if t.TrialEndsAt != nil {
				out[i][8] = t.TrialEndsAt.UTC().Format(time.RFC3339)
			}
			if x := figures[i]; x != nil {
				out[i][9], out[i][10], out[i][11] = strconv.Itoa(x.Customers), strconv.Itoa(x.Running), x.Wholesale
			}
		}
		if more {
			return out, rows[len(rows)-1].Slug, nil
		}
		return out, "", nil
	})
}
