// Package views draws the product in HTML: the frame of every page, the parts
// it is made of, and the pages themselves. It takes values and fetches nothing.
package views

import (
	"github.com/a-h/templ"

	"github.com/ezscale/ezscale/app/branding"
)

// HostKind says whose page this is, because the same parts serve a shop, its
// staff, and the people who run the installation.
type HostKind int

// The kinds of host. A shop's own rules (/brand-custom.css) reach only HostShop.
const (
	HostShop HostKind = iota
	HostReseller
	HostOperator
)

// NavItem is a link of a navigation or a menu.
type NavItem struct {
	Label, Href string
	Current     bool
}

// NavGroup is a part of a console's navigation: what belongs together, under its name.
type NavGroup struct {
	Title string // "" for the first
	Items []NavItem
}

// Acting says that somebody of the staff works in another person's name, in a bar
// above every page.
type Acting struct {
	As        string // whose pages these are
	By        string // who it is really
	Reason    string
	Until     string // "14:35"
	EndAction string // the form that ends it
}

// ShellUser is who is signed in.
type ShellUser struct{ Name, Initials, Email string }

// Shell is all that the frame around a page needs. Only Title and Brand must
// be given; BrandCSSURL is "/brand.css?v=" + branding.Version(brand).
type Shell struct {
	Title        string
	Description  string // for search engines; pages without one ask not to be listed
	Brand        branding.Brand
	BrandCSSURL  string
	CustomCSSURL string // the shop's own rules, or ""
	HomeHref     string // "" means "/"
	Host         HostKind
	Nav          []NavItem
	Side         []NavGroup // of a console: beside the page, or behind a button on a phone
	Acting       *Acting
	User         *ShellUser
	Menu         []NavItem // further lines of the account menu
	Credit       string    // "$12.40", or "" to show none
	CreditHref   string
	SignOutHref  string    // "" means "/sign-out"
	Doors        []NavItem // links for those who are signed out; the last is a button
	Scheme       string    // "", "light" or "dark"
	Notice       *Notice
	Footer       []NavItem
	Live         bool // listen to /events and redraw what changes
	Narrow       bool // a page of one column: a form, an error
	Flush        bool // a page that draws its own bands from edge to edge
}

// PageTitle is the document's title, the page first.
func (s Shell) PageTitle() string {
	switch {
	case s.Title == "":
		return s.Brand.CompanyName
	case s.Brand.CompanyName == "":
		return s.Title
	}
	return s.Title + " · " + s.Brand.CompanyName
}

// AreaName marks the pages that customers never see.
func (s Shell) AreaName() string {
	return map[HostKind]string{HostReseller: "Console", HostOperator: "Operator"}[s.Host]
}

func (s Shell) home() templ.SafeURL { return templ.URL(or(s.HomeHref, "/")) }

func (s Shell) signOut() templ.SafeURL { return templ.URL(or(s.SignOutHref, "/sign-out")) }

func (s Shell) favicon() string { return or(s.Brand.FaviconURL, "/favicon.svg") }

func (s Shell) bodyClass(door bool) string {
	class := ""
	if s.Host == HostShop {
		class = "shop"
	}
	if len(s.Side) > 0 {
		class += " sided"
	}
	if door {
		class += " door"
		if s.Narrow {
			class += " door-wide"
		}
	}
	return class
}

func (s Shell) mainClass() string {
	switch {
	case s.Flush:
		return "main main-flush"
	case s.Narrow:
		return "main main-narrow"
	}
	return "main"
}

// htmxConfig switches off what the policy of the pages forbids or what nobody
// uses: page snapshots, and extensions other than the stream.
func htmxConfig() string { return `{"history":false,"includeIndicatorCSS":false,"extensions":"sse"}` }

// whereabouts is the label of the page that the navigation says one is on.
func (s Shell) whereabouts() string {
	for _, group := range s.Side {
		for _, item := range group.Items {
			if item.Current {
				return item.Label
			}
		}
	}
	return "Menu"
}

func or(text, fallback string) string {
	if text == "" {
		return fallback
	}
	return text
}
