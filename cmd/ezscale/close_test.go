package main

import (
	"context"
	"net/http"
	"testing"
	"time"
)

// A closed shop cannot be reached any more, so nothing may run on for it: its
// desktops are destroyed and their sessions end with it.
func TestClosingAShopDestroysItsDesktops(t *testing.T) {
	t.Parallel()
	p := newProgram(t, time.Date(2026, 9, 14, 10, 0, 0, 0, time.UTC))
	b := p.buyer(p.shop("leaving", "UTC"), "ann")
	stays := p.buyer(p.shop("staying", "UTC"), "bob")
	b.order("business_basic")
	stays.order("business_basic")
	p.clock(object{"advance": "20m"})

	p.cli("tenant", "close", "leaving", "--json")
	p.clock(object{"advance": "5m"})

	p.reading(func(ctx context.Context, in *installation) error {
		var open, blocks int
		if err := readOne(ctx, in, "leaving", &open, `select count(*) from kasm_usage_sessions where stopped_at is null`); err != nil {
			return err
		}
		if err := readOne(ctx, in, "leaving", &blocks, `select count(*) from usage_blocks`); err != nil {
			return err
		}
		if open != 0 || blocks != 2 {
			t.Errorf("%d sessions are open and %d blocks charged, want none and 2", open, blocks)
		}
		return nil
	})
	record := p.do(http.MethodGet, p.sim+"/sim/record", "", nil, nil)
	running := 0
	for _, run := range objects(record.body["runs"]) {
		if run["running_to"] == nil {
			running++
		}
	}
	if running != 1 {
		t.Errorf("%d desktops run, want that of the other shop alone:\n%s", running, record.text)
	}
}
