package main

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants/pgserver/pgtest"
)

// A desktop is kept alive once for each of its blocks, and its status, which ends
// the customer's link, is asked for by launches alone.
func TestWhatTheHostIsAsked(t *testing.T) {
	t.Parallel()
	host := newSoakHost(t)
	host.set(object{"start_delay_ms": 0, "stop_delay_ms": 0})
	p := startProgram(t, pgtest.Dir(t), time.Date(2026, time.October, 5, 9, 0, 0, 0, time.UTC), host.environ()...)
	p.clock(object{"rate": 0})
	shop := p.shop("calls", "UTC")
	b := p.buyer(shop, "ada")
	var desks []string
	for _, plan := range []string{"business_basic", "developer_basic", "business_pro"} {
		desks = append(desks, b.order(plan))
		p.clock(object{"advance": "1m"})
	}
	p.clock(object{"advance": "50m"})
	b.stop(desks[0])
	p.clock(object{"advance": "20m"})
	b.start(desks[0])
	p.clock(object{"advance": "20m"})

	books := booksOf(t, p.dir, shop)
	defer books.Close(context.WithoutCancel(t.Context()))
	blocks := map[string]int{}
	for _, s := range sessionsIn(t, books) {
		blocks[plain(s.Desktop)] += len(s.Blocks)
	}
	kept := host.keptAlive()
	for id, n := range blocks {
		if kept[id] != n {
			t.Errorf("desktop %s has %d blocks and was kept alive %d times", id, n, kept[id])
		}
	}
	if len(blocks) != 3 || len(kept) != 3 {
		t.Errorf("%d desktops have blocks, %d were kept alive, want 3", len(blocks), len(kept))
	}
	if n := host.called("get_kasm_status"); n != 0 {
		t.Errorf("get_kasm_status was asked %d times, and nobody launched", n)
	}
	p.reading(func(ctx context.Context, in *installation) error {
		of, err := in.tenantBySlug(shop)
		if err != nil {
			return err
		}
		desktops := (&console{ctx: ctx, log: slog.New(slog.DiscardHandler)}).desktops(in)
		_, err = desktops.Launch(ctx, of, workspaces.Who{UserID: uuid.MustParse(b.id)}, uuid.MustParse(desks[1]))
		return err
	})
	if n := host.called("get_kasm_status"); n != 1 {
		t.Errorf("get_kasm_status was asked %d times by one launch", n)
	}
}
