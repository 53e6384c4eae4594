package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/ezscale/tenants"
)

// The vectors that are about having and not having money, through the running
// program.
func TestVectorsOfMoney(t *testing.T) {
	t.Parallel()
	p := newProgram(t, time.Date(2026, time.September, 16, 9, 0, 0, 0, time.UTC))
	v := &vectors{program: p}
	for _, part := range []struct {
		name string
		run  func(t *testing.T)
	}{
		{"subscription's first part", v.firstPart}, {"hard stop", v.hardStop}, {"two starts on credit for one", v.twoStarts}, {"included time", v.includedTime}, {"billed twice at once", v.billedTwice},
	} {
		if !t.Run(part.name, part.run) {
			return
		}
	}
}

// poor is a customer with exactly so much credit, in a shop that asks for no minimum.
func (p *program) poor(shop, name, credit string) *buyer {
	p.t.Helper()
	p.reading(func(ctx context.Context, in *installation) error {
		t, err := in.tenantBySlug(shop)
		if err != nil {
			return err
		}
		return in.db.In(ctx, t, func(tx tenants.Tx) error {
			_, err := tx.Exec(ctx, `insert into settings (key, value) values ('minimum_credit', '0') on conflict (key) do update set value = excluded.value`)
			return err
		})
	})
	u := p.cli("user", "create", "--tenant", shop, "--email", name+"@"+shop+".test", "--credit", credit, "--api-key", "--json")
	return &buyer{p: p, shop: shop, id: fmt.Sprint(u["id"]),
		header: http.Header{"X-Api-Key": {fmt.Sprint(u["api_key"])}, "X-Api-Secret": {fmt.Sprint(u["api_secret"])}}}
}

func (b *buyer) wantBalance(credit, held string) {
	b.p.t.Helper()
	if got := b.get("balance"); got["credit"] != credit || got["held"] != held {
		b.p.t.Errorf("%s: balance %v, want credit %s, held %s", b.shop, got, credit, held)
	}
}

// Vector 53: ordered on the 16th of a month of 30 days, half of the price is due.
func (v *vectors) firstPart(t *testing.T) {
	v.on(t)
	shop := v.shop("monthly", "UTC")
	v.cli("plan", "set", "--tenant", shop, "--type", "business_pro", "--price", "30.00", "--json")
	b := v.buyer(shop, "v53")
	w := b.order("business_pro")
	b.stop(w)
	invoices := b.invoices()
	if len(invoices) != 1 || invoices[0]["total"] != "15.00" {
		t.Fatalf("invoices after the order: %v, want one of 15.00", invoices)
	}
}

// Vector 38: the desktop ends with its second block, because there is no credit for
// a third.
func (v *vectors) hardStop(t *testing.T) {
	v.on(t)
	b := v.poor(v.shop("hard", "UTC"), "v38", "0.12")
	start := v.clock(object{"advance": "1s"})
	w := b.order("business_basic")
	b.wantBalance("0.07", "0.00")
	v.until(start.Add(29*time.Minute + 30*time.Second))
	s := b.status(w)
	if s["status"] != "running" || s["stop_reason"] != "credit" {
		t.Errorf("half a minute before the edge: %v, want it running and to be stopped for credit", s)
	}
	v.until(start.Add(31 * time.Minute))
	if s := b.status(w); s["status"] != "stopped" {
		t.Errorf("after the edge: %v", s)
	}
	b.wantSessions("2 0.10")
	run := b.sessions()[0]
	if length := timeIn(t, run, "stopped_at").Sub(timeIn(t, run, "started_at")); length != 30*time.Minute {
		t.Errorf("it ran for %s, want 30 minutes to the microsecond", length)
	}
	b.wantBalance("0.02", "0.00")
}

// Vector 39: two starts at once on credit for one block.
func (v *vectors) twoStarts(t *testing.T) {
	v.on(t)
	b := v.poor(v.shop("race", "UTC"), "v39", "0.05")
	statuses := make([]int, 2)
	var both sync.WaitGroup
	for i := range statuses {
		both.Go(func() {
			a := b.p.send(http.MethodPost, b.shop+".localhost", "/api/public/create_workspace", b.header, object{"workspace_type": "business_basic"})
			statuses[i] = a.status
		})
	}
	both.Wait()
	if statuses[0]+statuses[1] != http.StatusCreated+http.StatusPaymentRequired {
		t.Errorf("the answers were %v, want one 201 and one 402", statuses)
	}
	b.wantBalance("0.00", "0.00")
}

// Vector 43: an hour is included, and the earliest blocks are in it.
func (v *vectors) includedTime(t *testing.T) {
	v.on(t)
	shop := v.shop("included", "UTC")
	v.cli("plan", "set", "--tenant", shop, "--type", "business_basic", "--included-hours", "1", "--json")
	b := v.buyer(shop, "v43")
	v.until(at("2026-09-29 08:00:00"))
	w := b.order("business_basic")
	v.until(at("2026-09-29 08:22:00"))
	b.stop(w)
	v.until(at("2026-09-29 09:00:00"))
	b.start(w)
	v.until(at("2026-09-29 09:40:00"))
	b.stop(w)
	v.until(at("2026-10-01 00:30:00"))
	inv := b.wantInvoices("2026-09 0.05")[0]
	text := fmt.Sprint(inv["lines"])
	if !strings.Contains(text, "blocks:1") || !strings.Contains(text, "blocks:4") {
		t.Errorf("the lines are %v, want 1 block to pay for and 4 that are included", inv["lines"])
	}
	b.wantBalance("999.95", "0.00")
}

// Vector 48: two bill runs of one cycle at the same moment make one invoice.
func (v *vectors) billedTwice(t *testing.T) {
	v.on(t)
	shop := v.shop("twice", "UTC")
	b := v.buyer(shop, "v48")
	v.until(at("2026-10-02 08:00:00"))
	w := b.order("business_basic")
	v.until(at("2026-10-02 08:20:00"))
	b.stop(w)
	made := make([]int, 4)
	p := v.program
	p.reading(func(ctx context.Context, in *installation) error {
		who, err := in.tenantBySlug(shop)
		if err != nil {
			return err
		}
		var all sync.WaitGroup
		for i := range made {
			all.Go(func() {
				list, err := in.billing.Bill(ctx, who, at("2026-11-01 00:00:00"), false)
				if err != nil {
					t.Errorf("bill: %v", err)
				}
				for _, l := range list {
					if l.Created {
						made[i]++
					}
				}
			})
		}
		all.Wait()
		return nil
	})
	if sum := made[0] + made[1] + made[2] + made[3]; sum != 1 {
		t.Errorf("the runs made %v invoices, want one in all", made)
	}
	b.wantInvoices("2026-10 0.10")
}
