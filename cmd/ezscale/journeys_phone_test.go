package main

import (
	"context"
	"flag"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ezscale/ezscale/tenants"
)

var shots = flag.String("shots", "", "a folder for pictures of the journeys")

// onPhone looks at what a customer uses most, on a phone, in light and dark, under
// three brands of which one is as loud as brands get.
func onPhone(t *testing.T, s *site) {
	loud := &program{t: t, dir: s.dir, environ: s.environ}
	loud.shop("yellow", "Pacific/Kiritimati")
	loud.cli("user", "create", "--tenant", "yellow", "--email", "yui@yellow.test", "--name", "Yui Gold", "--password", demoPassword, "--credit", "20.00", "--json")
	loud.reading(func(ctx context.Context, in *installation) error {
		shop, err := in.tenantBySlug("yellow")
		if err != nil {
			return err
		}
		return in.db.SetBranding(ctx, shop.ID, tenants.Branding{PrimaryColor: "#ffff00", SecondaryColor: "#ffffcc", CompanyName: "A company whose name is rather longer than most"})
	})
	for _, c := range []struct{ shop, email string }{{"northwind", "mei@northwind.test"}, {"atelier", "ida@atelier.test"}, {"yellow", "yui@yellow.test"}} {
		t.Run(c.shop, func(t *testing.T) { s.phone(t, c.shop, c.email) })
	}
}

func (s *site) phone(t *testing.T, shop, email string) {
	p := s.person(t)
	p.Size(390, 844)
	p.signIn(s.shop(shop, "/sign-in"), email)
	p.looks(t, shop+"-empty")
	p.Press("Order a desktop")
	p.At("/kasm/order")
	p.looks(t, shop+"-order")
	p.Press("Business Pro")
	p.Press("Full office suite")
	p.Press("Order and start")
	p.See("the desktop running", running)
	p.looks(t, shop+"-workspace")
	for _, page := range []string{"/", "/usage", "/sessions"} {
		p.Go(s.shop(shop, page))
		p.looks(t, shop+strings.ReplaceAll(page, "/", "-"))
	}
	p.Go(s.shop(shop, "/"))
	p.Press("Stop Business Pro") // or it would be counted through every night to the month's end
	p.See("the card at rest", `document.querySelector('[aria-label="Start Business Pro"]')`)
	p.Clean()
}

// looks looks at the page in light and in dark.
func (p person) looks(t *testing.T, name string) {
	t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		p.Scheme(scheme)
		p.looksRight(t, name+" in "+scheme)
		if *shots != "" {
			if err := p.Picture(filepath.Join(*shots, name+"-"+scheme+".png")); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// looksRight fails the test for whatever is wrong with the page on the screen.
func (p person) looksRight(t *testing.T, name string) {
	t.Helper()
	if wrong := p.Wrong(); wrong != "" {
		t.Errorf("%s:\n%s", name, wrong)
	}
}
