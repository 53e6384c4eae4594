package web

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/workspaces"
)

// apiLimits is about runs that end by themselves.
func apiLimits(t *testing.T, p *plant) {
	ada := p.caller(p.shop("limits"), "ada", accounts.Customer, "20.00")
	for name, c := range map[string]struct {
		body  object
		field string
	}{
		"no minutes":        {object{"run_for": 0}, "run_for"},
		"too many":          {object{"run_for": 527_041}, "run_for"},
		"words":             {object{"run_for": "long"}, "run_for"},
		"both":              {object{"run_for": 5, "run_budget": "1.00"}, "run_for"},
		"too little":        {object{"run_budget": "0.04"}, "run_budget"},
		"no amount":         {object{"run_budget": "much"}, "run_budget"},
		"nothing":           {object{"run_budget": "0.00"}, "run_budget"},
		"an endless number": {object{"run_budget": "1e999999999"}, "run_budget"},
		"a number":          {object{"run_budget": 0.15}, "run_budget"},
	} {
		t.Run(name, func(t *testing.T) {
			c.body["workspace_type"] = "business_basic"
			ada.post("create_workspace", c.body).refused(t, 422, "invalid", c.field)
		})
	}
	id := ada.order(object{"run_for": 45})
	began := p.clock.Now()
	status := "workspace_status?workspace_id=" + id
	got := ada.get(status).want(t, 200)
	wantValues(t, got, object{"stops_at": began.Add(45 * time.Minute).Format(time.RFC3339Nano), "stop_reason": "limit"})
	p.pass(2 * time.Hour)
	if got := ada.get(status).want(t, 200); got["status"] != "stopped" || got["cost_so_far"] != "0.15" || got["stops_at"] != nil {
		t.Errorf("after its time: %v", got)
	}
	ada.post("start_workspace", object{"workspace_id": id, "run_budget": "0.01"}).refused(t, 422, "invalid", "run_budget")
	ada.post("start_workspace", object{"workspace_id": id, "run_budget": "0.15"}).want(t, 200)
	p.pass(2 * time.Hour)
	for _, s := range list(t, ada.get("sessions").want(t, 200), "sessions") {
		if s["duration_seconds"] != 2700.0 || s["blocks"] != 3.0 || s["total_cost"] != "0.15" {
			t.Errorf("the session: %v", s)
		}
	}
	// Without a limit again, but with a schedule.
	ada.post("start_workspace", object{"workspace_id": id}).want(t, 200)
	p.pass(time.Minute)
	wantFields(t, ada.get(status).want(t, 200), "workspace_id", "status", "uptime_seconds", "cpu_usage_percent", "ram_usage_mb", "cost_so_far", "paid_until")
	at := p.clock.Now().Add(3 * time.Hour).UTC()
	schedule, err := workspaces.ParseSchedule("", at.Format("15:04"), []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}, "UTC")
	p.must(err)
	ws := uuid.MustParse(id)
	p.must(p.deps.Workspaces.SetSchedule(t.Context(), ada.shop, workspaces.Who{UserID: ada.user.ID}, ws, schedule))
	wantValues(t, ada.get(status).want(t, 200), object{"stop_reason": "schedule", "stops_at": at.Truncate(time.Minute).Format(time.RFC3339Nano)})
	idle := 20
	_, err = p.deps.Workspaces.SetIdleStop(t.Context(), ada.shop, workspaces.Who{UserID: ada.user.ID}, ws, &idle)
	p.must(err)
	set := p.clock.Now()
	wantValues(t, ada.get(status).want(t, 200), object{"stop_reason": "idle", "stops_at": set.Add(20 * time.Minute).Format(time.RFC3339Nano)})
	p.pass(24 * time.Hour)
	if s := list(t, ada.get("sessions").want(t, 200), "sessions")[0]; s["stopped_at"] != set.Add(20*time.Minute).Format(time.RFC3339Nano) {
		t.Errorf("left alone: %v", s)
	}
	ada.post("destroy_workspace", object{"workspace_id": id}).want(t, 200)
}
