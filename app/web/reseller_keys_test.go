package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/ezscale/ezscale/app/accounts"
)

// asks sends a call to the public API with what a page showed.
func (w *world) asks(b *browser, path string, made *answer) *answer {
	r := httptest.NewRequest(http.MethodGet, "http://placeholder.test"+path, nil)
	r.Host, r.RemoteAddr = b.host, w.ip
	for _, in := range made.all("input") {
		value, _ := attrOf(in, "value")
		switch id, _ := attrOf(in, "id"); id {
		case "made-key":
			r.Header.Set("X-API-Key", value)
		case "made-secret":
			r.Header.Set("X-API-Secret", value)
		}
	}
	return b.do(r)
}

func TestStaffMakeKeysForTheirSystems(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss, stan, far := w.person(w.a, "boss@example.com", accounts.Owner), w.person(w.a, "stan@example.com", accounts.Staff), w.person(w.b, "far@example.com", accounts.Staff)
	w.person(w.a, "ada@example.com", accounts.Customer)
	owner, staff := w.at(w.a).signIn("/reseller", boss.Email), w.at(w.a).signIn("/reseller", stan.Email)
	w.at(w.a).signIn("", "ada@example.com").get("/reseller/keys").want(404)

	form := func(name, scope string) url.Values { return url.Values{"name": {name}, "scope": {scope}} }
	again := staff.post("/reseller/keys", form("", "everything")).want(422)
	if again.fieldError("name") == "" || !strings.Contains(again.body, "Choose what the key may do.") {
		t.Error("nothing is said about the name and the scope")
	}
	made := staff.post("/reseller/keys", form("Ticket desk", "read")).want(201).says("Ticket desk", "ezk_", "ezs_", "read")
	ownersOwn := owner.post("/reseller/keys", form("Warehouse", "operate")).want(201).says("Warehouse", "Ticket desk", "read and operate")
	staff.get("/reseller/keys").want(200).says("Ticket desk").hides("Warehouse", "Copy the secret now")
	w.asks(w.at(w.a), "/api/public/customers", made).want(200).says("ada@example.com").hides("boss@example.com", "far@example.com")
	w.asks(w.at(w.b), "/api/public/customers", made).want(401)

	var keys []accounts.StaffKey
	if err := w.deps.DB.Read(t.Context(), w.a, accounts.StaffKeysQ(&keys, nil)); err != nil || len(keys) != 2 {
		t.Fatalf("got %v, %v", keys, err)
	}
	revoke := func(i int) string { return "/reseller/keys/" + keys[i].ID.String() + "/revoke" }
	staff.post(revoke(0), nil).want(404) // the owner's
	foreign, _, err := w.deps.Accounts.CreateKey(t.Context(), w.b, far.ID, "far")
	if err != nil {
		t.Fatal(err)
	}
	owner.post("/reseller/keys/"+foreign.ID.String()+"/revoke", nil).want(404)
	owner.post("/reseller/keys/x/revoke", nil).want(404)
	owner.post(revoke(1), nil).goesTo("/reseller/keys")
	w.asks(w.at(w.a), "/api/public/customers", made).want(401)
	w.asks(w.at(w.a), "/api/public/customers", ownersOwn).want(200)
	for range accounts.MaxKeys - 1 {
		owner.post("/reseller/keys", form("more", "read")).want(201)
	}
	owner.post("/reseller/keys", form("one too many", "read")).want(409).says("You have 20 keys already.")
}
