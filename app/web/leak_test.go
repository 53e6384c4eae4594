package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
)

// belongings are what a customer has whose ids others may try.
type belongings struct {
	user, service, workspace, key uuid.UUID
	session                       uuid.UUID
	subscription                  uuid.UUID
	invoice                       string
	keyID, keySecret              string
}

// marker stands in everything that belongs to somebody, so that a leak shows
// whatever its shape.
func (w *world) belongingsOf(t tenants.Tenant, email, marker string) belongings {
	w.t.Helper()
	ctx := w.t.Context()
	user := w.person(t, email, accounts.Customer)
	w.endow(t, user.ID)
	desk, err := w.deps.Workspaces.Order(ctx, t, workspaces.Order{UserID: user.ID, PlanType: "developer_basic", StartedBy: "customer"})
	if err != nil {
		w.t.Fatal(err)
	}
	key, secret, err := w.deps.Accounts.CreateKey(ctx, t, user.ID, marker)
	if err != nil {
		w.t.Fatal(err)
	}
	number, session, subscription := marker+"-INV", uuid.Nil, uuid.New()
	err = w.deps.DB.In(ctx, t, func(tx tenants.Tx) error {
		if _, err := tx.Exec(ctx, `update kasm_workspaces set template_name = $2 where id = $1`, desk.ID, marker); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `insert into subscriptions (id, user_id, plan_id, service_id, service_type, plan_name, status, price, currency, started_at)
			select $1, $2, plan_id, service_id, workspace_type, $4, 'active', 9, 'USD', $5 from kasm_workspaces where id = $3`, subscription, user.ID, desk.ID, marker, noon); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `insert into invoices (user_id, number, status, cycle_start, period_start, period_end, currency, description, due_date, created_at, finalised_at)
			values ($1, $2, 'open', $3::timestamptz, $3, $3, 'USD', $4, ($3::timestamptz)::date, $3, $3)`, user.ID, number, noon, marker)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `insert into credit_notes (number, invoice_id, user_id, cause, reason, currency, net, tax, total, to_credit, created_at)
			select number, id, user_id, number, $2, 'USD', 1, 0, 1, 1, created_at from invoices where number = $1`, number, marker)
		if err != nil {
			return err
		}
		session, err = tenants.Get[uuid.UUID](ctx, tx, "session", `insert into kasm_usage_sessions (kasm_workspace_id, user_id, run, desktop_id, plan_id, plan_version, plan_name, service_type,
				cost_per_hour, wholesale_cost_per_hour, block_seconds, currency, started_at, last_proof_at, created_at)
			select w.id, w.user_id, 1, $2, w.plan_id, 1, $2, 'developer_basic', 1, 1, 900, 'USD', $3, $3, $3 from kasm_workspaces w where w.id = $1 returning id`, desk.ID, marker, noon)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return belongings{user.ID, desk.ServiceID, desk.ID, key.ID, session, subscription, number, key.Key, secret}
}

// endow gives a customer what they need to order.
func (w *world) endow(t tenants.Tenant, user uuid.UUID) {
	w.t.Helper()
	if err := w.deps.Ledger.Grant(w.t.Context(), t, "test", user, decimal.RequireFromString("20"), "test", uuid.NewString()); err != nil {
		w.t.Fatal(err)
	}
}

// foreign fills a route's parameters with somebody else's ids. A route with a
// parameter that it does not know fails the walk: say here what it means.
func foreign(r Route, o belongings) (path string, known bool) {
	fill := func(id string) string {
		path := strings.ReplaceAll(r.Path, ":id", id)
		path = strings.ReplaceAll(path, ":number", id)
		path = strings.ReplaceAll(path, ":position", "1")
		path = strings.ReplaceAll(path, ":chapter", "nobodys")
		path = strings.ReplaceAll(path, ":name", "nobodys.png")
		path = strings.ReplaceAll(path, ":ticket", id)
		return strings.ReplaceAll(path, ":token", id)
	}
	switch {
	case !strings.Contains(r.Path, ":"):
		return r.Path, true
	case strings.HasPrefix(r.Path, "/services/"):
		return fill(o.service.String()), true
	case strings.HasPrefix(r.Path, "/workspaces/"):
		return fill(o.workspace.String()), true
	case strings.HasPrefix(r.Path, desktopPrefix):
		return strings.TrimSuffix(fill(o.workspace.String()), "*"), true
	case strings.HasPrefix(r.Path, "/payments/"), strings.HasPrefix(r.Path, "/reseller/payments/"), strings.HasPrefix(r.Path, "/settings/cards/"):
		return fill(o.workspace.String()), true
	case strings.HasPrefix(r.Path, "/reseller/invoices/"):
		return fill(o.invoice), true
	case strings.HasPrefix(r.Path, "/settings/keys/"), strings.HasPrefix(r.Path, "/reseller/keys/"):
		return fill(o.key.String()), true
	case strings.HasPrefix(r.Path, "/billing/subscriptions/"):
		return fill(o.subscription.String()), true
	case strings.HasPrefix(r.Path, "/reseller/workspaces/"):
		return fill(o.workspace.String()), true
	case strings.HasPrefix(r.Path, "/reseller/staff/"), strings.HasPrefix(r.Path, "/reseller/domains/"), strings.HasPrefix(r.Path, "/reseller/webhooks/"), strings.HasPrefix(r.Path, "/reseller/pricing/rules/"):
		return fill(o.user.String()), true
	case strings.HasPrefix(r.Path, "/reseller/customers/"), strings.HasPrefix(r.Path, "/reseller/parked/"):
		return fill(o.user.String()), true
	case strings.HasPrefix(r.Path, "/sessions/"):
		return fill(o.session.String()), true
	case strings.HasPrefix(r.Path, "/credit-notes/"), strings.HasPrefix(r.Path, "/invoices/"), strings.HasPrefix(r.Path, "/api/public/invoices/"):
		return fill(o.invoice), true
	case strings.HasPrefix(r.Path, "/reseller/wholesale/"), strings.HasPrefix(r.Path, "/reseller/settlement/"):
		return fill(o.user.String()), true
	case strings.HasPrefix(r.Path, "/reseller/guide/"), strings.HasPrefix(r.Path, "/verify/"), strings.HasPrefix(r.Path, "/reset/"),
		strings.HasPrefix(r.Path, "/acting/"), strings.HasPrefix(r.Path, "/brand/"), strings.HasPrefix(r.Path, "/.well-known/"):
		return fill("no-such-token"), true
	case strings.HasPrefix(r.Path, "/admin/"), strings.HasPrefix(r.Path, "/demo/"):
		return fill("1"), true
	}
	return "", false
}

// TestNoRouteGivesAwayWhatIsSomebodyElses walks the route table: every route that
// takes an id is tried with the ids of another shop's customer and of a neighbour
// in the same shop, as a customer, as staff and as a program. The table is data,
// so a new route is walked without being asked for.
func TestNoRouteGivesAwayWhatIsSomebodyElses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mine := w.belongingsOf(w.a, "me@a.test", "MARKMINE")
	next := w.belongingsOf(w.a, "next@a.test", "MARKNEXT")
	far := w.belongingsOf(w.b, "far@b.test", "MARKFAR")
	w.person(w.a, "staff@a.test", accounts.Staff)
	customer, staff := w.at(w.a).signIn("", "me@a.test"), w.at(w.a).signIn("", "staff@a.test")

	for _, r := range Routes() {
		if r.Path == "/events" || r.Path == "/assets/*" || strings.HasSuffix(r.Path, "/sign-out") { // a stream without end, files for everybody, the end of the walk
			continue
		}
		for _, o := range []struct {
			who    string
			theirs belongings
			marks  []string
		}{{"neighbour", next, []string{"MARKNEXT", next.workspace.String()}}, {"other shop", far, []string{"MARKFAR", far.workspace.String(), far.user.String()}}} {
			path, known := foreign(r, o.theirs)
			if !known {
				t.Errorf("%s %s: say in foreign() what its parameter is", r.Method, r.Path)
				continue
			}
			checkWalk(t, r, o.who+", customer", w.walk(customer, r, path, mine, o.theirs), o.marks)
			if o.who == "other shop" {
				checkWalk(t, r, "other shop, staff", w.walk(staff, r, path, mine, o.theirs), o.marks)
			}
		}
	}
}

// walk makes one request; programs send their key, and the id in question where
// the public API takes it.
func (w *world) walk(b *browser, r Route, path string, mine, theirs belongings) *answer {
	if r.Method == echo.RouteAny {
		r.Method = http.MethodGet
	}
	if !strings.HasPrefix(r.Path, "/api/") {
		return b.send(r.Method, path, url.Values{"amount": {"5"}, "reason": {"walk"}, "name": {"walk"}}, nil)
	}
	body := `{"workspace_id": "` + theirs.workspace.String() + `", "workspace_type": "developer_basic", "user_id": "` + theirs.user.String() + `"}`
	req := httptest.NewRequest(r.Method, "http://placeholder.test"+path+"?workspace_id="+theirs.workspace.String(), strings.NewReader(body))
	req.Host, req.RemoteAddr = b.host, w.ip
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-API-Key", mine.keyID)
	req.Header.Set("X-API-Secret", mine.keySecret)
	return b.do(req)
}

func checkWalk(t *testing.T, r Route, who string, got *answer, marks []string) {
	t.Helper()
	if strings.Contains(r.Path, ":") && got.status < 400 && !strings.HasPrefix(r.Path, "/verify/") && !strings.HasPrefix(r.Path, "/reset/") {
		if location := got.header.Get("Location"); !strings.HasSuffix(location, "sign-in") && !strings.Contains(location, "sign-in?") {
			t.Errorf("%s %s (%s): status %d, want 404", r.Method, r.Path, who, got.status)
		}
	}
	if got.status >= 500 && got.status != http.StatusServiceUnavailable {
		t.Errorf("%s %s (%s): status %d", r.Method, r.Path, who, got.status)
	}
	for _, mark := range marks {
		if strings.Contains(got.body, mark) && !echoesOnly(got.body, mark) {
			t.Errorf("%s %s (%s): gives away %s", r.Method, r.Path, who, mark)
		}
	}
}

// echoesOnly allows the address that was asked for to stand in a sign-in link.
func echoesOnly(body, mark string) bool {
	return strings.Count(body, mark) == strings.Count(body, "next="+mark)
}

// TestAKeyOfAnotherShopIsNobodys tries a program's key where it was not made.
func TestAKeyOfAnotherShopIsNobodys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	far := w.belongingsOf(w.b, "far@b.test", "MARKFAR")
	for _, r := range Routes() {
		if r.guard != apiKey {
			continue
		}
		path, _ := foreign(r, far)
		got := w.walk(w.at(w.a), r, path, far, far)
		unknown := w.walk(w.at(w.a), r, path, belongings{keyID: "ezk_unknown", keySecret: "ezs_unknown"}, far)
		if got.status != http.StatusUnauthorized || unknown.status != http.StatusUnauthorized {
			t.Errorf("%s %s: status %d and %d, want 401", r.Method, r.Path, got.status, unknown.status)
		}
		if strings.Contains(got.body, "MARKFAR") {
			t.Errorf("%s %s gives away MARKFAR", r.Method, r.Path)
		}
	}
}
