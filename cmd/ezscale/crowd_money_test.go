package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

// Two hundred at once start, stop, top up and bill one customer with little credit
// (R14, R18; pitfalls 1, 10, 16, 20). Nothing is spent twice, nothing is billed
// twice, and the wallet never pays for what it does not hold.
func TestTwoHundredAtOnceR14R18(t *testing.T) {
	t.Parallel()
	p := newProgram(t, time.Date(2026, time.October, 31, 22, 0, 0, 0, time.UTC))
	c := &crowd{program: p, shop: p.shop("crowded", "UTC"), granted: decimal.RequireFromString("0.40")}
	p.reading(c.noMinimum)
	c.join()
	for range 6 {
		c.desks = append(c.desks, c.buyer.order("business_basic"))
	}
	for _, id := range c.desks { // so that each may be started, and not all can be paid for
		c.buyer.want(200, http.MethodPost, "stop_workspace", object{"workspace_id": id})
	}
	c.clock(object{"now": "2026-11-01T00:00:30Z"}) // October is over, so no block joins it while it is billed
	p.reading(func(ctx context.Context, in *installation) error { return c.rush(ctx, in, 200) })
	for _, id := range c.desks {
		c.buyer.stop(id)
	}
	for _, id := range c.desks { // one after the other, so that even a slow machine comes to the end of the credit
		c.press("start_workspace", id)
	}
	for _, id := range c.desks {
		c.buyer.stop(id)
	}
	c.clock(object{"now": "2026-11-01T03:00:00Z"})
	p.reading(c.compare)
}

// crowd is everybody who wants something of one customer at once.
type crowd struct {
	*program
	shop    string
	buyer   *buyer
	desks   []string
	mu      sync.Mutex
	granted decimal.Decimal // credit that was given in all
	refused int             // starts for which there was not enough
}

// noMinimum lets a customer start with whatever is there (R16).
func (c *crowd) noMinimum(ctx context.Context, in *installation) error {
	shop, err := in.tenantBySlug(c.shop)
	if err != nil {
		return err
	}
	return in.db.In(ctx, shop, func(tx tenants.Tx) error {
		_, err := tx.Exec(ctx, `insert into settings (key, value) values ('minimum_credit', '0') on conflict (key) do update set value = excluded.value`)
		return err
	})
}

func (c *crowd) join() {
	u := c.cli("user", "create", "--tenant", c.shop, "--email", "one@crowded.test", "--credit", c.granted.String(), "--api-key", "--json")
	c.buyer = &buyer{p: c.program, shop: c.shop, id: fmt.Sprint(u["id"]),
		header: http.Header{"X-Api-Key": {fmt.Sprint(u["api_key"])}, "X-Api-Secret": {fmt.Sprint(u["api_secret"])}, "Content-Type": {"application/json"}}}
}

// rush lets them all go at the same moment.
func (c *crowd) rush(ctx context.Context, in *installation, people int) error {
	shop, err := in.tenantBySlug(c.shop)
	if err != nil {
		return err
	}
	user, err := uuid.Parse(c.buyer.id)
	if err != nil {
		return err
	}
	gate := make(chan struct{})
	var all sync.WaitGroup
	for n := range people {
		desk := c.desks[n%len(c.desks)]
		all.Go(func() {
			<-gate
			switch n % 8 {
			case 0, 1, 2:
				c.press("start_workspace", desk)
			case 3, 4, 5:
				c.press("stop_workspace", desk)
			case 6:
				if err := in.ledger.Grant(ctx, shop, "test", user, decimal.RequireFromString("0.01"), "a cent", fmt.Sprint("crowd-", n/16)); err != nil {
					c.t.Errorf("grant: %v", err)
				}
			case 7:
				if _, err := in.billing.Bill(ctx, shop, at("2026-11-01 00:00:00"), false); err != nil {
					c.t.Errorf("bill: %v", err)
				}
			}
		})
	}
	close(gate)
	all.Wait()
	for cause := range (people-1)/16 + 1 { // each cause was asked for by several and counts once
		if cause*16+6 < people || cause*16+14 < people {
			c.granted = c.granted.Add(decimal.RequireFromString("0.01"))
		}
	}
	return nil
}

// press sends a request whose refusal is as good an answer as any but a crash.
func (c *crowd) press(what, desk string) {
	text, _ := json.Marshal(object{"workspace_id": desk})
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, "http://"+c.address+"/api/public/"+what, bytes.NewReader(text))
	if err != nil {
		c.t.Error(err)
		return
	}
	req.Host, req.Header = c.shop+".localhost", c.buyer.header
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Error(err)
		return
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	switch res.StatusCode {
	case http.StatusOK, http.StatusConflict, http.StatusTooManyRequests:
	case http.StatusPaymentRequired:
		c.mu.Lock()
		c.refused++
		c.mu.Unlock()
	default:
		c.t.Errorf("%s: %d %s", what, res.StatusCode, body)
	}
}

// compare holds the books against each other when all is quiet.
func (c *crowd) compare(ctx context.Context, in *installation) error {
	shop, err := in.tenantBySlug(c.shop)
	if err != nil {
		return err
	}
	off, err := in.ledger.Audit(ctx, shop)
	if err != nil || len(off) > 0 {
		c.t.Errorf("the ledger does not hold together: %v, %v", off, err)
	}
	figure := func(sql string) (d decimal.Decimal) {
		if err := readOne(ctx, in, c.shop, &d, "-- figure\n"+sql); err != nil {
			c.t.Errorf("%s: %v", sql, err)
		}
		return d
	}
	left := figure(`select coalesce(sum(balance), 0) from ledger_accounts where user_id is not null`)
	taken := figure(`select coalesce(sum(prepaid), 0) from usage_blocks`)
	if left.IsNegative() || !left.Add(taken).Equal(c.granted) {
		c.t.Errorf("given %s, taken for blocks %s, left %s", c.granted, taken, left)
	}
	if held := figure(`select coalesce(sum(held), 0) + (select count(*) from block_holds) from ledger_accounts`); !held.IsZero() {
		c.t.Errorf("%s is still held although nothing runs", held)
	}
	if cost := figure(`select coalesce(sum(rate * seconds) / 3600, 0) from usage_blocks`); !cost.Equal(taken) {
		c.t.Errorf("the blocks cost %s, and %s was taken for them", cost, taken)
	}
	if twice := figure(`select count(*) from (select user_id, cycle_start from invoices where cycle_start is not null group by 1, 2 having count(*) > 1) d`); !twice.IsZero() {
		c.t.Errorf("%s cycles were billed twice", twice)
	}
	if loose := figure(`select count(*) from usage_blocks where invoice_item_id is null and starts_at < '2026-11-01'`); !loose.IsZero() {
		c.t.Errorf("%s blocks of October are on no invoice", loose)
	}
	if c.refused == 0 {
		c.t.Error("no start was refused: there was enough credit for all of them")
	}
	c.t.Logf("%d starts were refused; given %s, taken %s, left %s", c.refused, c.granted, taken, left)
	return nil
}
