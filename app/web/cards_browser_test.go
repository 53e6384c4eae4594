package web

import (
	"testing"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/tenants"
)

// A real browser: our policy lets the form lead to the processor's page, the bank
// asks there, and the customer comes back signed in.
func TestACardIsSavedInTheBrowser(t *testing.T) {
	t.Parallel()
	w := newTill(t)
	w.connect(w.a)
	w.person(w.a, "ada@a.test", accounts.Customer)
	ada := w.at(w.a).signIn("", "ada@a.test")
	s := newScreen(t, w.world)
	*w.link = func(_ tenants.Tenant, path string) string { return s.address(ada.host, path) }
	s.wear(ada)
	s.Go(s.address(ada.host, "/settings/cards"))
	s.Press("Save a card")
	s.Reads("Test checkout")
	s.FillIn("input[name=number]", "4000 0025 0000 3155")
	s.Press("Save the card")
	s.Reads("Your bank asks")
	s.Press("Yes, confirm")
	s.Reads("The card is saved.", "Visa ···· 3155")
	s.Clean()
}
