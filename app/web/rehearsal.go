package web

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v5"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

const (
	rehearsalPage  = 100             // invoices of one shop
	rehearsalShops = 20              // shops on one page of the provider
	rehearsalRows  = 10              // odd invoices of each of them
	rehearsalTime  = 5 * time.Second // after which such a page ends and another begins
)

// rehearsal shows the shop what closing its month would do.
func (s *server) rehearsal(c *echo.Context) error {
	v, ctx := visitOf(c), c.Request().Context()
	r, err := s.Billing.Rehearse(ctx, v.tenant, time.Time{})
	if err != nil {
		return err
	}
	page := rehearsalOf(r, pageFrom(c), rehearsalPage, "/reseller/rehearsal?")
	page.Issue = "/reseller/rehearsal"
	return s.render(c, 200, views.RehearsalPage(s.consoleShell(c, "Month-end rehearsal", v.person), page, views.NavItem{Label: "Your shop", Href: "/reseller"}))
}

// issueRehearsed issues exactly what the shop's people have looked at.
func (s *server) issueRehearsed(c *echo.Context) error {
	v := visitOf(c)
	tone, text, err := s.issue(c, v.tenant, "user:"+v.userID.String())
	if err != nil {
		return err
	}
	putNotice(c, s.deskOfReseller(c), tone, text)
	return seeOther(c, "/reseller/rehearsal")
}

func (s *server) adminIssueRehearsed(c *echo.Context) error {
	shop, known := s.Registry.BySlug(c.Param("shop"))
	if !known {
		return fail.Missing("shop")
	}
	tone, text, err := s.issue(c, shop, "operator:"+visitOf(c).operator.Email)
	if err != nil {
		return err
	}
	putNotice(c, s.doors.admin, tone, shop.Name+": "+text)
	return seeOther(c, "/admin/rehearsal?shop="+url.QueryEscape(shop.Slug))
}

// issue is told on the next page when it is refused because something changed.
func (s *server) issue(c *echo.Context, shop tenants.Tenant, actor string) (views.Tone, string, error) {
	form, err := posted(c)
	if err != nil {
		return "", "", err
	}
	made, err := s.Billing.Issue(c.Request().Context(), shop, time.Time{}, form.Get("token"), actor)
	if fail.Is(err, fail.Conflict) {
		return views.ToneWarn, err.Error(), nil
	}
	if err != nil {
		return "", "", err
	}
	s.log.Info("rehearsed invoices were issued", "tenant", shop.Slug, "invoices", len(made), "by", actor)
	return views.ToneGood, views.CountOf(len(made), "invoice") + " issued.", nil
}

// adminRehearsalPage shows one shop, or a page of all of them.
func (s *server) adminRehearsalPage(c *echo.Context) error {
	if slug := c.QueryParam("shop"); slug != "" {
		return s.adminRehearsalOf(c, slug)
	}
	ctx, shops := c.Request().Context(), s.openShops(c.QueryParam("after"))
	page, until := views.Rehearsals{}, time.Now().Add(rehearsalTime)
	for i, t := range shops {
		if i == rehearsalShops || i > 0 && time.Now().After(until) {
			page.Older = "/admin/rehearsal?after=" + url.QueryEscape(shops[i-1].Slug)
			break
		}
		page.Shops = append(page.Shops, s.shopRehearsal(ctx, t))
	}
	return s.render(c, 200, views.RehearsalsPage(s.adminShell(c, "Month-end rehearsal"), page))
}

// openShops are those after one of them, in the order of their short names.
func (s *server) openShops(after string) []tenants.Tenant {
	shops := slices.DeleteFunc(s.Registry.All(), func(t tenants.Tenant) bool { return t.Slug <= after || t.Status == tenants.Closed })
	slices.SortFunc(shops, func(a, b tenants.Tenant) int { return cmp.Compare(a.Slug, b.Slug) })
	return shops
}

// shopRehearsal shows a shop's figures and its odd invoices. One that fails does not
// hide the others.
func (s *server) shopRehearsal(ctx context.Context, t tenants.Tenant) views.Rehearsal {
	r, err := s.Billing.Rehearse(ctx, t, time.Time{})
	if err != nil {
		s.log.Warn("a rehearsal failed", "tenant", t.Slug, "error", err)
		return views.Rehearsal{Shop: t.Name, Href: shopHref(t), Failed: sentence(err)}
	}
	odd := r.Odd()
	page := rehearsalOf(r, 0, rehearsalRows, "")
	page.Rows = page.Rows[:min(len(page.Rows), odd)]
	page.Older, page.Shop, page.Href, page.Issue = "", t.Name, shopHref(t), "/admin/rehearsal/"+t.Slug+"/issue"
	return page
}

func shopHref(t tenants.Tenant) string { return "/admin/rehearsal?shop=" + url.QueryEscape(t.Slug) }

func (s *server) adminRehearsalOf(c *echo.Context, slug string) error {
	t, known := s.Registry.BySlug(slug)
	if !known {
		return fail.Missing("shop")
	}
	r, err := s.Billing.Rehearse(c.Request().Context(), t, time.Time{})
	if err != nil {
		return err
	}
	page := rehearsalOf(r, pageFrom(c), rehearsalPage, shopHref(t)+"&")
	page.Shop, page.Issue = t.Name, "/admin/rehearsal/"+t.Slug+"/issue"
	return s.render(c, 200, views.RehearsalPage(s.adminShell(c, "Month-end rehearsal"), page, views.NavItem{Label: "All shops", Href: "/admin/rehearsal"}))
}

func pageFrom(c *echo.Context) int {
	from, err := strconv.Atoi(c.QueryParam("from"))
	if err != nil || from < 0 {
		return 0
	}
	return from
}

// rehearsalOf draws up to most invoices from one on; more of them are at base.
func rehearsalOf(r billing.Rehearsal, from, most int, base string) views.Rehearsal {
	page := views.Rehearsal{Period: r.Period, Ended: r.Ended, Count: len(r.Rows), Odd: r.Odd(), Token: r.Token}
	page.Total, page.Due = sums(r.Rows)
	from = min(from, len(r.Rows))
	for _, row := range r.Rows[from:min(from+most, len(r.Rows))] {
		shown := views.RehearsalRow{Name: row.Name, Email: row.Email, Period: row.Period, Total: money.Of(row.Total, row.Currency).Format(), Due: money.Of(row.Due, row.Currency).Format(),
			LastNumber: row.LastNumber, Odd: row.Odd}
		if row.Last != nil {
			shown.Last = money.Of(*row.Last, row.Currency).Format()
		}
		page.Rows = append(page.Rows, shown)
	}
	if from > 0 {
		page.Newer = base + "from=" + strconv.Itoa(max(0, from-most))
	}
	if from+most < len(r.Rows) {
		page.Older = base + "from=" + strconv.Itoa(from+most)
	}
	return page
}

// sums adds up each currency by itself.
func sums(rows []billing.Rehearsed) (total, due string) {
	totals, dues := map[string]decimal.Decimal{}, map[string]decimal.Decimal{}
	for _, r := range rows {
		totals[r.Currency], dues[r.Currency] = totals[r.Currency].Add(r.Total), dues[r.Currency].Add(r.Due)
	}
	return wordSums(totals), wordSums(dues)
}

func wordSums(all map[string]decimal.Decimal) string {
	var parts []string
	for currency, sum := range all {
		parts = append(parts, money.Of(sum, currency).Format())
	}
	slices.Sort(parts)
	return strings.Join(parts, " + ")
}
