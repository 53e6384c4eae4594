package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"
)

// What ends a run by itself, through the running program: rules by the command line
// and the public API, viewers by the simulator, days by the test clock.
func TestRulesOfARun(t *testing.T) {
	t.Parallel()
	p := newProgram(t, time.Date(2026, time.October, 5, 6, 0, 0, 0, time.UTC))
	ada := p.buyer(p.shop("rules", "Europe/Berlin"), "ada")
	id := ada.order("business_basic")
	p.clock(object{"advance": "2h"})
	if s := ada.status(id); s["stop_reason"] != nil {
		t.Errorf("no rule, and it stops: %v", s)
	}

	// The plan's rule is set while the desktop runs: nobody kept count until now.
	p.cli("plan", "set", "--tenant", "rules", "--type", "business_basic", "--idle-stop", "30", "--json")
	set := p.clock(object{"advance": "0s"})
	if s := ada.status(id); s["stop_reason"] != "idle" || !timeIn(t, s, "stops_at").Equal(set.Add(30*time.Minute)) {
		t.Fatalf("the plan's rule was set at %s: %v", set, s)
	}
	p.clock(object{"advance": "27m"})
	p.wantLetters(1)
	p.view(1)
	p.clock(object{"advance": "12h"})
	p.wantLetters(1)
	p.view(0)
	left := p.clock(object{"advance": "0s"})
	p.clock(object{"advance": "24h"})
	p.wantLetters(2)
	if s := ada.sessions()[0]; !timeIn(t, s, "stopped_at").Equal(left.Add(30 * time.Minute)) {
		t.Errorf("left at %s: %v", left, s)
	}

	// Until $0.15 is spent; and a rule that is taken away while it runs.
	p.cli("plan", "set", "--tenant", "rules", "--type", "business_basic", "--idle-stop", "60", "--json")
	ada.want(200, http.MethodPost, "start_workspace", object{"workspace_id": id, "run_budget": "0.15"})
	p.clock(object{"advance": "0s"})
	if s := ada.status(id); s["status"] != "running" || s["stop_reason"] != "limit" {
		t.Errorf("started with a budget: %v", s)
	}
	p.cli("plan", "set", "--tenant", "rules", "--type", "business_basic", "--idle-stop", "0", "--json")
	p.clock(object{"advance": "24h"})
	p.wantLetters(2)
	if s := ada.sessions()[0]; s["duration_seconds"] != 2700.0 || s["total_cost"] != "0.15" {
		t.Errorf("a budget of $0.15: %v", s)
	}
}

// view attaches people to the one desktop that runs.
func (p *program) view(viewers int) {
	p.t.Helper()
	var record struct {
		Runs []struct {
			ID string `json:"kasm_id"`
		} `json:"runs"`
	}
	if err := json.Unmarshal([]byte(p.do(http.MethodGet, p.sim+"/sim/record", "", nil, nil).text), &record); err != nil || len(record.Runs) == 0 {
		p.t.Fatalf("the simulator's record: %v", err)
	}
	body, err := json.Marshal(object{"kasm_id": record.Runs[len(record.Runs)-1].ID, "viewers": viewers})
	if err != nil {
		p.t.Fatal(err)
	}
	if a := p.do(http.MethodPost, p.sim+"/sim/view", "", nil, bytes.NewReader(body)); a.status != http.StatusOK {
		p.t.Fatalf("view: %d %s", a.status, a.text)
	}
}

// wantLetters counts the warnings that went out.
func (p *program) wantLetters(want int) {
	p.t.Helper()
	var got int
	p.reading(func(ctx context.Context, in *installation) error {
		return readOne(ctx, in, "rules", &got, `select count(*)::int from sent_mails where key like 'workspace.idle_warning:%'`)
	})
	if got != want {
		p.t.Errorf("%d warnings went out, want %d", got, want)
	}
}
