package web

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
)

// A call with a key that was used gets the first answer, and does nothing.
func apiRepeats(t *testing.T, p *plant) {
	shop := p.shop("repeats")
	ada, bob := p.caller(shop, "ada", accounts.Customer, "20.00"), p.caller(shop, "bob", accounts.Customer, "20.00")
	once := ada.with("Idempotency-Key", "order-1")
	body := object{"workspace_type": "business_basic"}
	first := once.post("create_workspace", body)
	first.want(t, 201)
	again := once.post("create_workspace", body)
	if again.status != 201 || again.text != first.text && fmt.Sprint(again.body) != fmt.Sprint(first.body) {
		t.Errorf("replayed %d %s, want %s", again.status, again.text, first.text)
	}
	once.post("create_workspace", object{"workspace_type": "business_pro"}).refused(t, 409, "idempotency_mismatch")
	once.post("stop_workspace", object{"workspace_id": first.body["workspace_id"]}).refused(t, 409, "idempotency_mismatch")
	if other := bob.with("Idempotency-Key", "order-1").post("create_workspace", body).want(t, 201); other["workspace_id"] == first.body["workspace_id"] {
		t.Error("one customer's key gave another's desktop")
	}
	if n := len(list(t, ada.get("workspaces").want(t, 200), "workspaces")); n != 1 {
		t.Errorf("%d desktops of one order", n)
	}
	stop := ada.with("Idempotency-Key", "stop-1")
	stopped := stop.post("stop_workspace", object{"workspace_id": first.body["workspace_id"]}).want(t, 200)
	ada.post("start_workspace", object{"workspace_id": first.body["workspace_id"]}).want(t, 200)
	if replay := stop.post("stop_workspace", object{"workspace_id": first.body["workspace_id"]}).want(t, 200); fmt.Sprint(replay) != fmt.Sprint(stopped) {
		t.Errorf("the stop's replay: %v, want %v", replay, stopped)
	}
	if s := ada.get("workspace_status?workspace_id="+fmt.Sprint(first.body["workspace_id"])).want(t, 200); s["status"] == "stopped" {
		t.Error("a replay stopped the desktop again")
	}

	// A refusal is not remembered: what was wrong is mended, the key sent again.
	poor := p.caller(shop, "poor", accounts.Customer, "").with("Idempotency-Key", "order-2")
	poor.post("create_workspace", body).refused(t, 402, "payment_required")
	poor.post("create_workspace", object{"workspace_type": "none"}).refused(t, 422, "invalid", "workspace_type")
	ada.with("Idempotency-Key", strings.Repeat("k", 256)).post("create_workspace", body).refused(t, 422, "invalid", "Idempotency-Key")
}

// Twenty identical orders at the same moment are one order.
func apiRepeatsAtOnce(t *testing.T, p *plant) {
	ada := p.caller(p.shop("at-once"), "ada", accounts.Customer, "20.00")
	once := ada.with("Idempotency-Key", uuid.NewString())
	answers := make([]reply, 20)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = once.post("create_workspace", object{"workspace_type": "business_basic"}) })
	}
	all.Wait()
	for _, a := range answers {
		if a.status != 201 || a.body["workspace_id"] != answers[0].body["workspace_id"] || a.body["password"] != answers[0].body["password"] {
			t.Errorf("answered %d %s, want %s", a.status, a.text, answers[0].text)
		}
	}
	if n := len(list(t, ada.get("workspaces").want(t, 200), "workspaces")); n != 1 {
		t.Errorf("%d desktops of one order", n)
	}
}

// A call that died before or after its order is taken over, and orders nothing
// twice.
func apiTakeover(t *testing.T, p *plant) {
	shop := p.shop("takeover")
	ada := p.caller(shop, "ada", accounts.Customer, "20.00")
	body, err := json.Marshal(object{"workspace_type": "business_basic"})
	p.must(err)
	for _, ordered := range []bool{false, true} {
		key := uuid.NewString()
		id := p.die(ada, key, body)
		if ordered {
			_, err := p.deps.Workspaces.Order(t.Context(), shop, workspaces.Order{ID: id, UserID: ada.user.ID, PlanType: "business_basic", StartedBy: byAPI})
			p.must(err)
		}
		got := ada.with("Idempotency-Key", key).post("create_workspace", string(body)).want(t, 201)
		if got["workspace_id"] != id.String() {
			t.Errorf("taken over: %v, want %s", got, id)
		}
	}
	if n := len(list(t, ada.get("workspaces").want(t, 200), "workspaces")); n != 2 {
		t.Errorf("%d desktops of two orders", n)
	}
}

// die leaves a key as a call does that died a while ago.
func (p *plant) die(c *caller, key string, body []byte) (intent uuid.UUID) {
	p.t.Helper()
	hash := sha256.Sum256(append([]byte("/api/public/create_workspace\n"), body...))
	p.must(p.deps.DB.In(p.t.Context(), c.shop, func(tx tenants.Tx) (err error) {
		intent, err = tenants.Get[uuid.UUID](p.t.Context(), tx, "key", `-- test dead call
			insert into idempotency_keys (user_id, key, request_hash, created_at) values ($1, $2, $3, $4) returning intent`, c.user.ID, key, hash[:], time.Now().Add(-time.Minute))
		return err
	}))
	return intent
}
