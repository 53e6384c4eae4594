package web

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/webhooks"
	"github.com/ezscale/ezscale/tenants"
)

// apiTells: what a customer's program does is told to the shop's own system, whole and
// in order of what happened, and to no other shop's.
func apiTells(t *testing.T, p *plant) {
	a, b := p.shop("told-a"), p.shop("told-b")
	var mu sync.Mutex
	heard := map[string][]object{}
	system := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		var m object
		_ = json.Unmarshal(raw, &m)
		mu.Lock()
		defer mu.Unlock()
		heard[r.URL.Path] = append(heard[r.URL.Path], m)
	}))
	t.Cleanup(system.Close)
	listen := func(to tenants.Tenant, path string, events ...string) {
		_, _, err := p.hooks.Add(t.Context(), to, "test", webhooks.Draft{URL: system.URL + path, Events: events})
		p.must(err)
	}
	all := []string{"customer.created", "workspace.ordered", "workspace.running", "session.opened", "session.closed", "block.charged"}
	listen(a, "/a", all...)
	listen(b, "/b", all...)
	ada := p.caller(a, "ada", accounts.Customer, "20.00")
	desk := ada.order(object{})
	p.pass(time.Minute)
	ada.post("stop_workspace", object{"workspace_id": desk}).want(t, 200)
	p.pass(time.Minute)

	counts := func(path string) map[string]int {
		mu.Lock()
		defer mu.Unlock()
		n := map[string]int{}
		for _, m := range heard[path] {
			n[m["type"].(string)]++
		}
		return n
	}
	if got := counts("/a"); len(got) != len(all) || got["session.closed"] != 1 || got["block.charged"] != 1 || got["customer.created"] != 1 {
		t.Errorf("heard %v", got)
	}
	if got := counts("/b"); len(got) != 0 {
		t.Errorf("another shop's system heard %v", got)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, m := range heard["/a"] {
		data := m["data"].(object)
		if data["user_id"] != ada.user.ID.String() || m["type"] == "session.closed" && (data["total_cost"] != "0.05" || data["currency"] != "USD" || data["workspace_id"] != desk) {
			t.Errorf("heard %v", m)
		}
	}
}
