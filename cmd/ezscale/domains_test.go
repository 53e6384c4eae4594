package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// stepsOf are the states of a domain's steps as a command printed them.
func stepsOf(t *testing.T, printed object) (line string) {
	t.Helper()
	steps, _ := printed["steps"].([]any)
	for _, s := range steps {
		one := s.(map[string]any)
		line += one["name"].(string) + " " + one["state"].(string) + "\n"
		if one["sentence"] == "" {
			t.Errorf("the step %s says nothing", one["name"])
		}
	}
	return line
}

const allGreen = "owner good\naddress good\ncaa good\nhttp good\ncertificate good\nredirect good\nhsts good\n"

// A reseller's name, from the first wish to the visitors of its alias, in the real
// program with a name system and an authority beside it.
func TestProgramFollowsANameFromItsRecordToItsVisitors(t *testing.T) {
	t.Parallel()
	e := newEdgeProgram(t)
	e.environ = append(e.environ, "EZSCALE_EDGE_HOST=edge.provider.test", "EZSCALE_EDGE_IPS=127.0.0.1")
	e.acme.DNS.Set(t, "shop.reseller.test", "A 192.0.2.9")
	e.acme.DNS.Set(t, "reseller.test", "A 127.0.0.1")
	e.serve()
	e.cli("tenant", "create", "--name", "North", "--slug", "north", "--email", "owner@north.test")
	e.cli("tenant", "create", "--name", "South", "--slug", "south", "--email", "owner@south.test")
	domain := func(verb, tenant, name string) object {
		return e.cli("tenant", "domain", verb, "--tenant", tenant, "--domain", name)
	}
	added := domain("add", "north", "shop.reseller.test")
	if added["verified_at"] != nil || added["cname_target"] != "north.edge.provider.test" || added["txt_name"] != "_ezscale.shop.reseller.test" {
		t.Fatalf("added: %v", added)
	}
	if got := stepsOf(t, domain("check", "north", "shop.reseller.test")); !strings.HasPrefix(got, "owner waiting\naddress bad\ncaa good\nhttp waiting\ncertificate waiting\n") {
		t.Errorf("before the record:\n%s", got)
	}
	e.acme.DNS.Set(t, "shop.reseller.test", "CNAME north.edge.provider.test.", `CAA 0 issue "other.example"`)
	checked := domain("check", "north", "shop.reseller.test")
	if checked["verified_at"] == nil || checked["proof"] != "cname" {
		t.Fatalf("with its record: %v", checked)
	}
	if got := stepsOf(t, checked); !strings.HasPrefix(got, "owner good\naddress good\ncaa bad\nhttp good\n") {
		t.Errorf("with a CAA record in the way:\n%s", got)
	}
	e.acme.DNS.Set(t, "shop.reseller.test", "CNAME north.edge.provider.test.")
	soon(t, "every step is green", 90*time.Second, func() bool {
		checked = domain("check", "north", "shop.reseller.test")
		return stepsOf(t, checked) == allGreen
	})
	if checked["state"] != "active" || checked["ssl_expires_at"] == nil {
		t.Errorf("live: %v", checked)
	}

	// The apex, by an address and a token; another shop's token is worth nothing.
	apex := domain("add", "north", "reseller.test")
	e.acme.DNS.Set(t, "_ezscale.reseller.test", `TXT "`+added["txt_value"].(string)+`"`)
	if got := domain("check", "north", "reseller.test"); got["verified_at"] != nil {
		t.Errorf("the token of another name proves it: %v", got)
	}
	e.acme.DNS.Set(t, "_ezscale.reseller.test", `TXT "`+apex["txt_value"].(string)+`"`)
	if got := domain("check", "north", "reseller.test"); got["verified_at"] == nil || got["proof"] != "txt" || got["type"] != "alias" {
		t.Errorf("its own does not: %v", got)
	}
	soon(t, "the alias leads to the primary name", 60*time.Second, func() bool {
		resp, err := e.client().Get(e.at("reseller.test", "/sign-in?next=%2Fusage"))
		if err != nil {
			return false
		}
		resp.Body.Close()
		to, err := url.Parse(resp.Header.Get("Location"))
		return err == nil && resp.StatusCode == http.StatusPermanentRedirect && to.Hostname() == "shop.reseller.test" && to.Scheme == "https" && to.RequestURI() == "/sign-in?next=%2Fusage"
	})
	if list, _ := e.cli("tenant", "domain", "list", "--tenant", "north")["domains"].([]any); len(list) != 2 {
		t.Errorf("the list: %v", list)
	}
	domain("remove", "north", "shop.reseller.test")
	if got := domain("check", "north", "reseller.test"); got["type"] != "primary" {
		t.Errorf("the alias does not take the place of the primary name: %v", got)
	}
	if got := domain("add", "south", "shop.south-seller.test"); got["cname_target"] != "south.edge.provider.test" {
		t.Errorf("the other shop: %v", got)
	}
}
