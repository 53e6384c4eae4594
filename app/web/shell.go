package web

import (
	"strings"

	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/branding"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// brandOf reads a shop's look from its row. A colour that does not parse, which
// the database refuses to store, falls back to the default.
func brandOf(t tenants.Tenant) branding.Brand {
	raw := t.Branding
	b := branding.Default(t.Name)
	if raw.CompanyName != "" {
		b.CompanyName = raw.CompanyName
	}
	if c, err := branding.ParseColour(raw.PrimaryColor); err == nil {
		b.Primary = c
	}
	if c, err := branding.ParseColour(raw.SecondaryColor); err == nil {
		b.Secondary = c
	}
	b.LogoURL, b.FaviconURL = raw.LogoURL, raw.FaviconURL
	b.SupportEmail, b.SupportPhone = raw.SupportEmail, raw.SupportPhone
	return b
}

// bareShell frames a page for a visitor nobody knows anything about. Without a
// tenant it names nobody.
func (s *server) bareShell(c *echo.Context, title string) views.Shell {
	v := visitOf(c)
	shell := views.Shell{Title: title, Scheme: schemeOf(c), Narrow: true}
	if v.tenant.Slug == "" {
		shell.Brand, shell.BrandCSSURL = branding.Default(""), ""
		return shell
	}
	shell.Brand, shell.BrandCSSURL = s.lookOf(v.tenant)
	return shell
}

// look is a brand with the address of its style sheet, which takes a while to
// work out and changes when the shop's colours do.
type look struct {
	name  string
	raw   tenants.Branding
	brand branding.Brand
	css   string

	rules   []byte // the shop's own
	rulesAt string // empty where there are none
}

func (s *server) lookOf(t tenants.Tenant) (branding.Brand, string) {
	l := s.lookAt(t)
	return l.brand, l.css
}

func (s *server) lookAt(t tenants.Tenant) look {
	if known, ok := s.looks.Load(t.ID); ok {
		if l := known.(look); l.name == t.Name && l.raw == t.Branding {
			return l
		}
	}
	brand := brandOf(t)
	l := look{name: t.Name, raw: t.Branding, brand: brand, css: "/brand.css?v=" + branding.Version(brand)}
	// What was put into the database by another way is left out when it may not stay.
	if rules, err := branding.Custom(t.Branding.CustomCSS); err == nil && len(rules) > 0 {
		l.rules, l.rulesAt = rules, "/brand-custom.css?v="+branding.HashOf(rules)
	}
	s.looks.Store(t.ID, l)
	return l
}

// doorShell frames the shop for somebody who is signed out.
func (s *server) doorShell(c *echo.Context, title string) views.Shell {
	shell := s.bareShell(c, title)
	shell.Doors = []views.NavItem{{Label: "Sign in", Href: "/sign-in"}, {Label: "Sign up", Href: "/sign-up"}}
	return shell
}

// deskNav is the customer's navigation.
var deskNav = []views.NavItem{{Label: "Desktops", Href: "/"}, {Label: "Sessions", Href: "/sessions"}, {Label: "Usage", Href: "/usage"},
	{Label: "Invoices", Href: "/invoices"}, {Label: "Billing", Href: "/billing"}, {Label: "Keys", Href: "/settings/keys"}}

func navAt(nav []views.NavItem, path string) []views.NavItem {
	out := make([]views.NavItem, len(nav))
	for i, item := range nav {
		item.Current = item.Href == path || item.Href != "/" && strings.HasPrefix(path, item.Href+"/") ||
			item.Href == "/" && (strings.HasPrefix(path, "/workspaces/") || path == "/kasm/order")
		out[i] = item
	}
	return out
}

// schemeOf is the visitor's own choice between light and dark, if they made one.
func schemeOf(c *echo.Context) string {
	cookie, err := c.Cookie("ez_scheme")
	if err != nil || cookie.Value != "light" && cookie.Value != "dark" {
		return ""
	}
	return cookie.Value
}

// consoleNav is the reseller's navigation. What only the owner may open is left
// out for staff.
var consoleNav = []views.NavGroup{
	{Items: []views.NavItem{{Label: "Overview", Href: "/reseller"}}},
	{Title: "Customers", Items: []views.NavItem{{Label: "Customers", Href: "/reseller/customers"}, {Label: "Desktops", Href: "/reseller/workspaces"},
		{Label: "Usage", Href: "/reseller/usage"}, {Label: "Parked accounts", Href: "/reseller/parked"}}},
	{Title: "Money", Items: []views.NavItem{{Label: "Invoices", Href: "/reseller/invoices"}, {Label: "Rehearsal", Href: "/reseller/rehearsal"},
		{Label: "Payments", Href: "/reseller/payments"}, {Label: "Coupons", Href: "/reseller/coupons"}, {Label: "Taxes", Href: "/reseller/taxes"}, {Label: "Terms", Href: "/reseller/billing"}}},
	{Title: "Shop", Items: []views.NavItem{{Label: "Pricing", Href: "/reseller/pricing"}, {Label: "Branding", Href: "/reseller/branding"}, {Label: "Domains", Href: "/reseller/domains"}}},
	{Title: "Company", Items: []views.NavItem{{Label: "Wholesale", Href: "/reseller/wholesale"}, {Label: "Settlement", Href: "/reseller/settlement"},
		{Label: "Staff", Href: "/reseller/staff"}, {Label: "API keys", Href: "/reseller/keys"}, {Label: "Webhooks", Href: "/reseller/webhooks"}, {Label: "Activity", Href: "/reseller/audit"}, {Label: "Your data", Href: exportPath}, {Label: "Guide", Href: "/reseller/guide"}}},
}

// ownersPages are the pages of the console that staff do not get.
var ownersPages = map[string]bool{"/reseller/payments": true, "/reseller/domains": true, "/reseller/wholesale": true,
	"/reseller/settlement": true, "/reseller/staff": true, "/reseller/webhooks": true, exportPath: true}

// adminNav is the operator's navigation.
var adminNav = []views.NavGroup{
	{Items: []views.NavItem{{Label: "Overview", Href: "/admin"}, {Label: "Attention", Href: "/admin/attention"}, {Label: "Parked accounts", Href: "/admin/parked"}}},
	{Title: "Resellers", Items: []views.NavItem{{Label: "Resellers", Href: "/admin/resellers"}, {Label: "Domains", Href: "/admin/domains"},
		{Label: "Tiers", Href: "/admin/tiers"}, {Label: "Catalogue", Href: "/admin/catalog"}}},
	{Title: "Money", Items: []views.NavItem{{Label: "Wholesale", Href: "/admin/wholesale"}, {Label: "Settlement", Href: "/admin/settlement"}, {Label: "Rehearsal", Href: "/admin/rehearsal"}}},
	{Title: "Installation", Items: []views.NavItem{{Label: "Desktop hosts", Href: "/admin/servers"}, {Label: "Jobs and timers", Href: "/admin/jobs"},
		{Label: "Audit log", Href: "/admin/audit"}, {Label: "Operators", Href: "/admin/operators"}, {Label: "Settings", Href: "/admin/settings"}}},
}

// sideAt marks the line of a console's navigation that path lies under, the
// longest one, and leaves out what hidden names.
func sideAt(groups []views.NavGroup, path string, hidden map[string]bool) []views.NavGroup {
	out, best := make([]views.NavGroup, 0, len(groups)), ""
	for _, group := range groups {
		for _, item := range group.Items {
			if (item.Href == path || strings.HasPrefix(path, item.Href+"/")) && len(item.Href) > len(best) {
				best = item.Href
			}
		}
	}
	for _, group := range groups {
		kept := views.NavGroup{Title: group.Title}
		for _, item := range group.Items {
			if !hidden[item.Href] {
				item.Current = item.Href == best
				kept.Items = append(kept.Items, item)
			}
		}
		if len(kept.Items) > 0 {
			out = append(out, kept)
		}
	}
	return out
}
