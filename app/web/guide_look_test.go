package web

import (
	"flag"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/assets"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

var pictures = flag.Bool("pictures", false, "draw the pictures of the guide again")

// The guide's chapters are all there, their pictures too, and the pages that the
// pictures show can be drawn. With -pictures they are drawn again.
func TestGuidePictures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	brand := tenants.Branding{PrimaryColor: "#0F766E", SecondaryColor: "#F59E0B", SupportEmail: "help@northwind.example"}
	if err := w.deps.DB.SetBranding(t.Context(), w.a.ID, brand); err != nil {
		t.Fatal(err)
	}
	d, ada, customer := w.ada(t)
	d.rich(ada)
	owner := w.person(w.a, "owner@northwind.example", accounts.Owner)
	console := w.at(w.a).signIn("/reseller", owner.Email)
	visitor := w.at(w.a)

	s := newScreen(t, w)
	s.emulate("light", 1280)
	for _, shown := range []struct {
		name, path string
		by         *browser
	}{
		{"shop", "/", visitor}, {"dashboard", "/", customer}, {"overview", "/reseller", console}, {"settlement", "/reseller/settlement", console},
	} {
		s.wear(shown.by)
		s.Go(s.address(shown.by.host, shown.path))
		s.check("guide-shows-" + shown.name)
		if *pictures {
			if err := s.Picture(filepath.Join("..", "..", "assets", "guide", "pictures", shown.name+".png")); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.wear(console)
	for _, chapter := range assets.GuideChapters() {
		for _, width := range []int64{390, 1280} {
			s.emulate("dark", width)
			s.Go(s.address(console.host, "/reseller/guide/"+chapter))
			if missing := s.Eval(`Array.from(document.querySelectorAll(".guide img")).map((i) => { i.loading = "eager"; return i.getAttribute("src") }).filter((a) => !/\.[0-9a-f]{12}\.png$/.test(a)).join(" ")`); strings.Trim(missing, `"`) != "" {
				t.Errorf("%s: pictures that the program does not have: %s", chapter, missing)
			}
			s.check("guide-" + chapter)
		}
	}
}

func TestTheGuideIsForTheResellersPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.person(w.a, "owner@example.com", accounts.Owner)
	w.person(w.a, "ada@example.com", accounts.Customer)
	desk := w.at(w.a).signIn("/reseller", "owner@example.com")
	page := desk.get("/reseller/guide").want(200).says("From the invitation to the first paid desktop", "Your own domain", "How billing works", "Who supports whom")
	for _, link := range page.all("a", "href", "") {
		if href, _ := attrOf(link, "href"); strings.HasPrefix(href, "/reseller/guide/") {
			desk.get(href).want(200)
		}
	}
	desk.get("/reseller/guide/none").want(404)
	w.at(w.a).signIn("", "ada@example.com").get("/reseller/guide").want(404)
}

// Every line of the consoles' navigation leads to a page that there is.
func TestNavigationLeadsToPages(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	for _, r := range Routes() {
		there[r.Method+" "+r.Path] = true
	}
	for _, group := range append(append([]views.NavGroup{}, consoleNav...), adminNav...) {
		for _, item := range group.Items {
			if !there["GET "+item.Href] {
				t.Errorf("%s leads to %s, which is no page", item.Label, item.Href)
			}
		}
	}
}
