package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

// TestAPI holds the public API to its contract, through the whole product. The
// parts share one plant and its clock, so they come one after the other.
func TestAPI(t *testing.T) {
	t.Parallel()
	p := newPlant(t, time.Date(2026, time.October, 5, 10, 0, 0, 0, time.UTC))
	for _, part := range []struct {
		name string
		run  func(t *testing.T, p *plant)
	}{
		{"month", apiMonth}, // while nothing else runs that would be stepped through
		{"keys", apiKeys}, {"bodies", apiBodies}, {"create", apiCreates}, {"life", apiLife}, {"foreign", apiForeign}, {"staff", apiStaff},
		{"no room", apiNoRoom}, {"age", apiAge}, {"limits", apiLimits}, {"lists", apiLists}, {"repeats", apiRepeats}, {"repeats at once", apiRepeatsAtOnce},
		{"takeover", apiTakeover}, {"tells", apiTells}, {"suspended", apiSuspended},
	} {
		t.Run(part.name, func(t *testing.T) {
			p.t = t
			part.run(t, p)
		})
	}
}

// everyCall is one request to each address.
func everyCall() map[string]string {
	return map[string]string{
		"create_workspace": "POST", "start_workspace": "POST", "stop_workspace": "POST", "destroy_workspace": "POST",
		"workspace_status": "GET", "workspaces": "GET", "sessions": "GET", "usage": "GET", "invoices": "GET", "invoices/INV-1": "GET", "balance": "GET", "customers": "GET",
	}
}

func apiKeys(t *testing.T, p *plant) {
	a, b := p.shop("keys-a"), p.shop("keys-b")
	ada := p.caller(a, "ada", accounts.Customer, "")
	revoked := p.caller(a, "rita", accounts.Customer, "")
	keys, err := p.deps.Accounts.Keys(t.Context(), a, revoked.user.ID)
	p.must(err)
	p.must(p.deps.Accounts.RevokeKey(t.Context(), a, revoked.user.ID, keys[0].ID))
	for path, method := range everyCall() {
		for name, c := range map[string]*caller{
			"no key": ada.with("X-API-Key", ""), "no secret": ada.with("X-API-Secret", ""), "wrong secret": ada.with("X-API-Secret", "ezs_wrong"),
			"wrong key": ada.with("X-API-Key", "ezk_wrong"), "revoked": revoked,
			"another shop": ada.at(b.Slug + "." + tenanttest.Domain), "the house": ada.at(tenanttest.Domain),
		} {
			if got := c.send(method, "public/"+path, "{}"); got.status != 401 {
				t.Errorf("%s with %s: %d %s", path, name, got.status, got.text)
			} else {
				got.refused(t, 401, "unauthorised")
			}
		}
	}
	ada.send("GET", "public/create_workspace", nil).refused(t, 405, "method_not_allowed")
	ada.send("GET", "public/nothing", nil).refused(t, 404, "not_found")
	ada.at("nobody.ezscale.test").send("GET", "public/balance", nil).refused(t, 404, "not_found")
}

func apiBodies(t *testing.T, p *plant) {
	ada := p.caller(p.shop("bodies"), "ada", accounts.Customer, "20.00")
	for _, path := range []string{"create_workspace", "start_workspace", "stop_workspace", "destroy_workspace"} {
		for _, bad := range []string{"", "nonsense", "[]", "null", "{", `{"workspace_id":"x"} {}`, `"text"`, "7"} {
			ada.post(path, bad).refused(t, 400, "bad_request")
		}
		for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"} {
			ada.with("Content-Type", kind).post(path, "{}").refused(t, 415, "unsupported_type")
		}
		ada.post(path, `{"workspace_id":"`+strings.Repeat("x", 1<<20)+`"}`).refused(t, 413, "too_large")
	}
	ada.with("Content-Type", "application/json; charset=utf-8").post("start_workspace", "{}").refused(t, 422, "invalid", "workspace_id")
	ada.post("start_workspace", object{"workspace_id": ""}).refused(t, 422, "invalid", "workspace_id")
	ada.post("start_workspace", object{"workspace_id": 7}).refused(t, 422, "invalid", "workspace_id")
	ada.get("workspace_status").refused(t, 422, "invalid", "workspace_id")
	ada.post("create_workspace", object{}).refused(t, 422, "invalid", "workspace_type")
	ada.post("create_workspace", object{"workspace_type": "huge"}).refused(t, 422, "invalid", "workspace_type")
	ada.post("create_workspace", object{"workspace_type": 1}).refused(t, 422, "invalid", "workspace_type")
	ada.post("create_workspace", object{"workspace_type": "huge", "template": "Nothing"}).refused(t, 422, "invalid", "workspace_type", "template")
	ada.post("create_workspace", object{"workspace_type": "business_basic", "template": "Nothing"}).refused(t, 422, "invalid", "template")
	ada.post("create_workspace", object{"workspace_type": "business_basic", "session_duration": -1}).refused(t, 422, "invalid", "session_duration")
	ada.post("create_workspace", object{"workspace_type": "business_basic", "session_duration": "long"}).refused(t, 422, "invalid", "session_duration")
	ada.post("create_workspace", object{"workspace_type": "business_basic", "session_duration": 1.5}).refused(t, 422, "invalid", "session_duration")
	if n := len(list(t, ada.get("workspaces").want(t, 200), "workspaces")); n != 0 {
		t.Errorf("%d desktops came of refused orders", n)
	}
}

func apiCreates(t *testing.T, p *plant) {
	shop := p.shop("creates")
	ada := p.caller(shop, "ada", accounts.Customer, "20.00")
	made := ada.post("create_workspace", object{"workspace_type": "business_basic", "template": "browser and OFFICE"}).
		want(t, 201, "workspace_id", "access_url", "username", "password", "status")
	id := fmt.Sprint(made["workspace_id"])
	if _, err := uuid.Parse(id); err != nil || made["status"] != "running" || made["username"] == "" || len(fmt.Sprint(made["password"])) < 12 {
		t.Errorf("made %v", made)
	}
	if want := "http://" + shop.Host() + "/workspaces/" + id + "/launch"; made["access_url"] != want {
		t.Errorf("access_url %v, want %s", made["access_url"], want)
	}
	later := ada.post("create_workspace?wait=0", object{"workspace_type": "developer_pro"}).
		want(t, 202, "workspace_id", "access_url", "username", "password", "status")
	if later["status"] != "provisioning" {
		t.Errorf("later %v", later)
	}
	poor := p.caller(shop, "poor", accounts.Customer, "4.99")
	poor.post("create_workspace", object{"workspace_type": "business_basic"}).refused(t, 402, "payment_required")
	person, err := p.deps.Accounts.Register(t.Context(), shop, accounts.Registration{Name: "New", Email: "new@creates.test", Password: password}, "10.9.9.9")
	p.must(err)
	p.withKey(shop, person).post("create_workspace", object{"workspace_type": "business_basic"}).refused(t, 403, "email_unverified")
}

const statusFields = "workspace_id status uptime_seconds cpu_usage_percent ram_usage_mb cost_so_far paid_until"

func apiLife(t *testing.T, p *plant) {
	ada := p.caller(p.shop("life"), "ada", accounts.Customer, "20.00")
	id := ada.order(object{})
	began := p.clock.Now()
	p.pass(20 * time.Minute)
	status := ada.get("workspace_status?workspace_id="+id).want(t, 200, strings.Fields(statusFields)...)
	wantValues(t, status, object{"workspace_id": id, "status": "running", "uptime_seconds": 1200.0, "cpu_usage_percent": nil, "ram_usage_mb": nil,
		"cost_so_far": "0.10", "paid_until": began.Add(30 * time.Minute).Format(time.RFC3339Nano)})
	ref := object{"workspace_id": id}
	for _, step := range []struct{ path, status string }{
		{"start_workspace", "running"}, {"stop_workspace", "stopped"}, {"stop_workspace", "stopped"}, {"start_workspace", "provisioning"},
		{"start_workspace", "/running|provisioning/"}, {"destroy_workspace", "terminated"}, {"destroy_workspace", "terminated"},
	} {
		got := ada.post(step.path, ref).want(t, 200, strings.Fields(statusFields)...)
		if !strings.Contains(step.status, fmt.Sprint(got["status"])) {
			t.Errorf("%s: %v, want %s", step.path, got["status"], step.status)
		}
	}
	ada.post("start_workspace", ref).refused(t, 409, "conflict")
	ada.get("workspace_status?workspace_id="+id).want(t, 200)
	p.pass(time.Minute)
}

func apiForeign(t *testing.T, p *plant) {
	a, b := p.shop("foreign-a"), p.shop("foreign-b")
	ada, bob := p.caller(a, "ada", accounts.Customer, "20.00"), p.caller(a, "bob", accounts.Customer, "20.00")
	cai := p.caller(b, "cai", accounts.Customer, "20.00")
	id := ada.order(object{})
	for _, c := range []*caller{bob, cai} {
		for _, path := range []string{"start_workspace", "stop_workspace", "destroy_workspace"} {
			for _, ref := range []string{id, uuid.NewString(), "nonsense", strings.ReplaceAll(id, "-", ""), "{" + id + "}"} {
				c.post(path, object{"workspace_id": ref}).refused(t, 404, "not_found")
			}
		}
		c.get("workspace_status?workspace_id="+id).refused(t, 404, "not_found")
		for _, path := range []string{"sessions?workspace_id=" + id, "sessions"} {
			if n := len(list(t, c.get(path).want(t, 200), "sessions")); n != 0 {
				t.Errorf("%d foreign sessions by %s", n, path)
			}
		}
		if n := len(list(t, c.get("workspaces").want(t, 200), "workspaces")); n != 0 {
			t.Errorf("%d foreign desktops", n)
		}
	}
	if s := ada.get("workspace_status?workspace_id="+id).want(t, 200); s["status"] != "running" {
		t.Errorf("a stranger changed the desktop: %v", s)
	}
}

func apiStaff(t *testing.T, p *plant) {
	a, b := p.shop("staff-a"), p.shop("staff-b")
	ada, cai := p.caller(a, "ada", accounts.Customer, "20.00"), p.caller(b, "cai", accounts.Customer, "20.00")
	boss := p.caller(a, "boss", accounts.Staff, "")
	order := func(user string) object { return object{"workspace_type": "business_basic", "user_id": user} }
	ada.post("create_workspace", order(ada.user.ID.String())).refused(t, 403, "forbidden")
	ada.post("create_workspace", order(boss.user.ID.String())).refused(t, 403, "forbidden")
	boss.post("create_workspace", order(cai.user.ID.String())).refused(t, 422, "invalid", "user_id")
	boss.post("create_workspace", order("nonsense")).refused(t, 422, "invalid", "user_id")
	boss.post("create_workspace", object{"workspace_type": "business_basic"}).refused(t, 402, "payment_required")
	id := fmt.Sprint(boss.post("create_workspace", order(ada.user.ID.String())).want(t, 201)["workspace_id"])
	if mine := list(t, ada.get("workspaces").want(t, 200), "workspaces"); len(mine) != 1 || mine[0]["workspace_id"] != id {
		t.Errorf("the customer's desktops: %v", mine)
	}
	boss.get("workspace_status?workspace_id="+id).want(t, 200)
	if s := boss.post("stop_workspace", object{"workspace_id": id}).want(t, 200); s["status"] != "stopped" {
		t.Errorf("stopped by staff: %v", s)
	}
	apiStaffAsks(t, boss, ada, cai, id)
}

// apiStaffAsks: a key of staff asks about customers of its own shop only, one that may
// read does nothing else, and all of them end with the job.
func apiStaffAsks(t *testing.T, boss, ada, cai *caller, desk string) {
	p, of := boss.p, "?user_id="+ada.user.ID.String()
	for _, path := range []string{"workspaces", "sessions", "usage", "invoices", "balance"} {
		boss.get(path+of).want(t, 200)
		ada.get(path+of).refused(t, 403, "forbidden")
		for _, nobody := range []string{cai.user.ID.String(), "nonsense", ""} {
			boss.get(path+"?user_id="+nobody).refused(t, 404, "not_found")
		}
	}
	if theirs := list(t, boss.get("workspaces"+of).want(t, 200), "workspaces"); len(theirs) != 1 || theirs[0]["workspace_id"] != desk {
		t.Errorf("a customer's desktops: %v", theirs)
	}
	if own := list(t, boss.get("workspaces").want(t, 200), "workspaces"); len(own) != 0 {
		t.Errorf("the desktops of staff themselves: %v", own)
	}
	ada.get("customers").refused(t, 403, "forbidden")
	found := list(t, boss.get("customers?limit=1&q=ada").want(t, 200, "customers", "next_cursor"), "customers")
	if len(found) != 1 || found[0]["user_id"] != ada.user.ID.String() {
		t.Errorf("customers: %v", found)
	}
	boss.get("customers?cursor=%20!").refused(t, 422, "invalid", "cursor")

	key, secret, err := p.deps.Accounts.CreateScopedKey(t.Context(), boss.shop, boss.user.ID, "report", accounts.ScopeRead)
	p.must(err)
	reader := boss.with("X-API-Key", key.Key).with("X-API-Secret", secret)
	reader.get("workspace_status?workspace_id="+desk).want(t, 200)
	for path, method := range everyCall() {
		if method == "POST" {
			reader.post(path, object{"workspace_id": desk}).refused(t, 403, "forbidden")
		}
	}
	_, err = p.deps.Accounts.RemoveStaff(t.Context(), boss.shop, "test", boss.user.ID)
	p.must(err)
	boss.get("balance").refused(t, 401, "unauthorised")
	reader.get("balance").refused(t, 401, "unauthorised")

	// A key that a customer made does not grow with its maker.
	_, err = p.deps.Accounts.SetRole(t.Context(), ada.shop, "test", ada.user.ID, accounts.Staff)
	if err == nil {
		t.Error("a customer became staff without an invitation")
	}
	_, err = p.deps.Accounts.Invite(t.Context(), ada.shop, accounts.Invitation{Email: ada.user.Email, Role: accounts.Staff, Actor: "test", IP: "10.1.1.1"})
	p.must(err)
	ada.get("balance").want(t, 200)
	ada.get("customers").refused(t, 403, "forbidden")
}

func apiNoRoom(t *testing.T, p *plant) {
	ada := p.caller(p.shop("full"), "ada", accounts.Customer, "20.00")
	p.simSettings(object{"capacity": 0})
	ada.post("create_workspace", object{"workspace_type": "business_basic"}).refused(t, 503, "no_capacity")
	p.simSettings(object{"capacity": -1})
	if n := len(list(t, ada.get("sessions").want(t, 200), "sessions")); n != 0 {
		t.Errorf("%d sessions of a desktop that never was", n)
	}
	for range 9 {
		ada.order(object{})
	}
	got := ada.post("create_workspace", object{"workspace_type": "business_basic"})
	if got.status == 201 {
		got = ada.post("create_workspace", object{"workspace_type": "business_basic"})
	}
	got.refused(t, 409, "workspace_limit")
}

// An age that the order set ends the desktop at that second, whatever the blocks.
func apiAge(t *testing.T, p *plant) {
	ada := p.caller(p.shop("age"), "ada", accounts.Customer, "20.00")
	id := ada.order(object{"session_duration": 1234})
	began := p.clock.Now()
	p.pass(time.Hour)
	if s := ada.get("workspace_status?workspace_id="+id).want(t, 200); s["status"] != "stopped" {
		t.Errorf("after its age it is %v", s)
	}
	s := list(t, ada.get("sessions").want(t, 200), "sessions")[0]
	if s["duration_seconds"] != 1234.0 || s["blocks"] != 2.0 || s["stopped_at"] != began.Add(1234*time.Second).Format(time.RFC3339Nano) {
		t.Errorf("the session: %v", s)
	}
	// Started again, it has the same age before it.
	ada.post("start_workspace", object{"workspace_id": id}).want(t, 200)
	p.pass(time.Hour)
	if s := list(t, ada.get("sessions").want(t, 200), "sessions")[0]; s["duration_seconds"] != 1234.0 {
		t.Errorf("the second session: %v", s)
	}
}

func apiLists(t *testing.T, p *plant) {
	ada := p.caller(p.shop("lists"), "ada", accounts.Customer, "50.00")
	var made []string
	for range 5 {
		made = append([]string{ada.order(object{})}, made...)
		p.pass(time.Minute)
	}
	var seen []string
	for path := "workspaces?limit=2"; path != ""; {
		page := ada.get(path).want(t, 200, "workspaces", "next_cursor")
		rows := list(t, page, "workspaces")
		if len(rows) > 2 {
			t.Fatalf("%d rows on a page of 2", len(rows))
		}
		for _, w := range rows {
			wantFields(t, w, "workspace_id", "workspace_type", "status", "cost_per_hour", "vcpu", "ram_mb", "template")
			if w["cost_per_hour"] != "0.20" || w["vcpu"] != 2.0 || w["ram_mb"] != 4096.0 || w["workspace_type"] != "business_basic" || w["template"] == "" {
				t.Errorf("a desktop: %v", w)
			}
			seen = append(seen, fmt.Sprint(w["workspace_id"]))
		}
		path = ""
		if next, more := page["next_cursor"].(string); more {
			path = "workspaces?limit=2&cursor=" + next
		}
	}
	if fmt.Sprint(seen) != fmt.Sprint(made) {
		t.Errorf("newest first: %v, want %v", seen, made)
	}
	p.pass(10 * time.Minute)
	ada.post("stop_workspace", object{"workspace_id": made[0]}).want(t, 200)
	apiSessionPages(t, ada, made)
	for _, path := range []string{"workspaces", "sessions", "invoices"} {
		for _, bad := range []string{"0", "-1", "201", "many", "1e9"} {
			ada.get(path+"?limit="+bad).refused(t, 422, "invalid", "limit")
		}
		ada.get(path+"?cursor=%20!").refused(t, 422, "invalid", "cursor")
	}
	ada.get("workspaces?cursor=bm9uc2Vuc2U").refused(t, 422, "invalid", "cursor")
	ada.get("sessions?cursor=bm9uc2Vuc2U").refused(t, 422, "invalid", "cursor")
}

func apiSessionPages(t *testing.T, ada *caller, made []string) {
	var seen []string
	for path := "sessions?limit=3"; path != ""; {
		page := ada.get(path).want(t, 200, "sessions", "next_cursor")
		for _, s := range list(t, page, "sessions") {
			wantFields(t, s, "session_id", "workspace_id", "started_at", "stopped_at", "duration_seconds", "duration_billable_seconds", "blocks",
				"cost_per_hour", "total_cost", "invoice_numbers")
			seen = append(seen, fmt.Sprint(s["workspace_id"]))
			if start := fmt.Sprint(s["started_at"]); !strings.HasSuffix(start, "Z") || s["total_cost"] != "0.05" || s["duration_billable_seconds"] != 900.0 {
				t.Errorf("a session: %v", s)
			}
		}
		path = ""
		if next, more := page["next_cursor"].(string); more {
			path = "sessions?limit=3&cursor=" + next
		}
	}
	if fmt.Sprint(seen) != fmt.Sprint(made) {
		t.Errorf("newest first: %v, want %v", seen, made)
	}
	one := list(t, ada.get("sessions?workspace_id="+made[2]).want(t, 200), "sessions")
	if len(one) != 1 || one[0]["workspace_id"] != made[2] || one[0]["stopped_at"] != nil {
		t.Errorf("sessions of one desktop: %v", one)
	}
	ada.get("sessions?workspace_id=nonsense").refused(t, 404, "not_found")
}

func apiMonth(t *testing.T, p *plant) {
	ada, bob := p.caller(p.shop("month"), "ada", accounts.Customer, "20.00"), p.caller(p.shop("month-b"), "bob", accounts.Customer, "20.00")
	ada.get("balance").want(t, 200, "credit", "bonus", "held", "free", "currency", "pay_mode", "monthly_cap", "cap_used", "runs_until")
	id := ada.order(object{})
	p.pass(40 * time.Minute)
	ada.post("stop_workspace", object{"workspace_id": id}).want(t, 200)
	month := p.clock.Now().Format("2006-01")
	for _, path := range []string{"usage", "usage?month=" + month} {
		u := ada.get(path).want(t, 200, "month", "hours", "blocks", "cost", "currency")
		if u["month"] != month || u["hours"] != 0.75 || u["blocks"] != 3.0 || u["cost"] != "0.15" || u["currency"] != "USD" {
			t.Errorf("%s: %v", path, u)
		}
	}
	for _, bad := range []string{"2026-13", "2026-1", "2026", "october", "2026-10-05", "0001-01", "-1"} {
		ada.get("usage?month="+bad).refused(t, 422, "invalid", "month")
	}
	if u := ada.get("usage?month=2020-01").want(t, 200); u["blocks"] != 0.0 || u["cost"] != "0.00" || u["hours"] != 0.0 {
		t.Errorf("a month of nothing: %v", u)
	}
	p.pass(31 * 24 * time.Hour)
	page := ada.get("invoices").want(t, 200, "invoices", "next_cursor")
	inv := list(t, page, "invoices")[0]
	more := []string{"number", "status", "period_start", "period_end", "currency", "lines", "subtotal", "discount", "tax", "total", "credit_applied", "amount_due", "due_date", "paid_at",
		"kind", "issued_at", "voided_at", "taxes", "coupon_code", "prepaid_applied", "bonus_applied", "paid_amount", "credited", "credit_notes"}
	wantFields(t, inv, more...)
	number := fmt.Sprint(inv["number"])
	full := ada.get("invoices/"+number).want(t, 200, more...)
	line := list(t, full, "lines")[0]
	if line["workspace_type"] != "business_basic" || line["cost_per_hour"] != "0.20" || line["blocks"] != 3.0 || line["amount"] != "0.15" {
		t.Errorf("the line: %v", line)
	}
	entry := list(t, line, "statement")[0]
	wantFields(t, entry, "session_id", "text", "amount")
	if entry["text"] != "Business Basic - Oct 05, 2026 (45 minutes @ $0.20/hour)" || entry["amount"] != "0.15" {
		t.Errorf("the statement: %v", entry)
	}
	wantValues(t, full, object{"subtotal": "0.15", "discount": "0.00", "tax": "0.00", "total": "0.15", "currency": "USD", "status": "paid",
		"period_start": "2026-10-01T00:00:00Z", "period_end": "2026-11-01T00:00:00Z"})
	ada.get("invoices/INV-1999-99999").refused(t, 404, "not_found")
	bob.get("invoices/"+number).refused(t, 404, "not_found")
	if b := ada.get("balance").want(t, 200); b["credit"] != "19.85" || b["held"] != "0.00" || b["bonus"] != "0.00" || b["currency"] != "USD" {
		t.Errorf("the balance: %v", b)
	}
	if s := list(t, ada.get("sessions").want(t, 200), "sessions")[0]; fmt.Sprint(s["invoice_numbers"]) != "["+number+"]" {
		t.Errorf("the session's invoices: %v", s)
	}
}

func apiSuspended(t *testing.T, p *plant) {
	shop := p.shop("suspended")
	ada := p.caller(shop, "ada", accounts.Customer, "20.00")
	p.must(p.deps.DB.SetStatus(t.Context(), shop.ID, tenants.Suspended, "not paid"))
	for path, method := range everyCall() {
		got := ada.send(method, "public/"+path, "{}")
		got.refused(t, 503, "suspended")
		if got.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
	p.must(p.deps.DB.SetStatus(t.Context(), shop.ID, tenants.Closed, "gone"))
	ada.get("balance").refused(t, 404, "not_found")
}
