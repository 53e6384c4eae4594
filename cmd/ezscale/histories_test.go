package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/lifecycle"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/wholesale"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

// Whatever happens in whatever order – runs, price changes, months that end, coupons,
// credit, refunds, credit notes –, the books agree: the ledger comes to zero (R13),
// every block is on one invoice (R20), every invoice is what its sessions come to
// (R21), no more is given back than was billed (R19), no wallet goes below nothing
// (R14), and both sides of the blocks are proved with the margin between them (R24).
func TestBooksAgreeAfterAnyHistory(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, time.September, 10, 8, 0, 0, 0, time.UTC)
	now := clock.NewMovable(began, 0)
	db := tenanttest.DB(t, tenanttest.WithClock(now.Now))
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue { // each is a shop of its own; more on demand
		if err := f.Value.Set("25"); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		h := newHistory(t, r, db, now)
		for range rapid.IntRange(6, 20).Draw(r, "events") {
			h.something()
		}
		h.end()
		h.agree()
	})
}

// history is one shop's life, made of chances.
type history struct {
	*rapid.T
	ctx    context.Context
	db     *tenants.DB
	shop   tenants.Tenant
	clock  *clock.Movable
	books  *ledger.Service
	bills  *billing.Service
	whole  *wholesale.Service
	meter  *metering.Service
	people []uuid.UUID
	desks  []historyDesk
	plan   uuid.UUID
	made   int
}

type historyDesk struct {
	id, user uuid.UUID
	run      int
}

func newHistory(t *testing.T, r *rapid.T, db *tenants.DB, now *clock.Movable) *history {
	slug := "h" + uuid.NewString()[:8]
	now.Set(time.Date(2026, time.September, 10, 8, 0, 0, 0, time.UTC), 0)
	zone := rapid.SampledFrom([]string{"UTC", "America/New_York", "Pacific/Kiritimati"}).Draw(r, "zone")
	shop, _, err := db.Create(t.Context(), tenants.NewTenant{Name: "History", Slug: slug, Email: "owner@" + slug + ".test", TimeZone: zone}, nil)
	if err != nil {
		r.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	h := &history{T: r, ctx: t.Context(), db: db, shop: shop, clock: now, books: ledger.New(db), bills: billing.New(db),
		whole: wholesale.New(wholesale.Config{DB: db, Shops: lifecycle.New(lifecycle.Config{DB: db, Clock: now, Log: quiet}), Clock: now, Log: quiet})}
	h.meter = metering.NewService(quiet).Reporting(h.bills).PaidFrom(h.books)
	h.in(func(tx tenants.Tx) error {
		h.plan, err = tenants.Get[uuid.UUID](h.ctx, tx, "plan", "-- plan\nselect id from plans where service_type = 'business_basic'")
		return err
	})
	for range 2 {
		h.join()
	}
	return h
}

// in is a transaction that may be refused for want of credit, and for nothing else.
func (h *history) in(fn func(tenants.Tx) error) bool {
	err := h.db.In(h.ctx, h.shop, fn)
	if err != nil && !fail.Is(err, fail.PaymentRequired) && !fail.Is(err, fail.Invalid) && !fail.Is(err, fail.Conflict) {
		h.Fatal(err)
	}
	return err == nil
}

func (h *history) exec(sql string, args ...any) {
	h.in(func(tx tenants.Tx) error { _, err := tx.Exec(h.ctx, sql, args...); return err })
}

// join makes a customer, prepaid or not, with two desktops.
func (h *history) join() {
	user := uuid.New()
	mode := rapid.SampledFrom([]string{"prepaid", "postpaid"}).Draw(h.T, "mode")
	h.exec(`insert into users (id, email, password_hash, email_verified_at, created_at, pay_mode) values ($1, $2, 'x', $3, $3, $4)`, user, user.String()+"@example.test", h.clock.Now(), mode)
	h.people = append(h.people, user)
	for range 2 {
		id, service := uuid.New(), uuid.New()
		h.exec(`insert into services (id, user_id, plan_id, service_type, created_at) values ($1, $2, $3, 'business_basic', $4)`, service, user, h.plan, h.clock.Now())
		h.exec(`insert into kasm_workspaces (id, user_id, service_id, plan_id, template_id, workspace_type, template_name, vcpu, ram_mb, desired_state, status, changed_at, created_at)
			select $1, $2, $3, $4, t.id, 'business_basic', t.name, 2, 4096, 'running', 'running', $5, $5 from kasm_workspace_templates t order by sort_order limit 1`, id, user, service, h.plan, h.clock.Now())
		h.desks = append(h.desks, historyDesk{id: id, user: user})
	}
}

// something is any event of a shop's life.
func (h *history) something() {
	h.made++
	switch rapid.SampledFrom([]string{"time", "time", "start", "start", "stop", "gone", "price", "credit", "bonus", "coupon", "note", "refund", "tax"}).Draw(h.T, "event") {
	case "time":
		h.pass(time.Duration(h.number(1, 20_000)) * time.Minute)
	case "start":
		h.start()
	case "stop":
		h.stop(h.clock.Now())
	case "gone":
		h.stop(time.Time{})
	case "price":
		price := decimal.New(int64(h.number(0, 999_999)), -6)
		h.must(second(h.bills.SetPlan(h.ctx, h.shop, billing.PlanChange{Type: "business_basic", PricePerHour: &price, Actor: "test"})))
	case "credit":
		h.must(h.books.Grant(h.ctx, h.shop, "test", h.anybody(), h.cents(5_000), "credit", ""))
	case "bonus":
		until := h.clock.Now().Add(time.Duration(h.number(1, 90)) * 24 * time.Hour)
		h.in(func(tx tenants.Tx) error {
			return ledger.AddBonus(h.ctx, tx, h.anybody(), h.cents(500), "USD", &until, "bonus", uuid.NewString(), "test")
		})
	case "coupon":
		h.coupon()
	case "note":
		h.note()
	case "refund":
		h.in(func(tx tenants.Tx) error {
			return second(ledger.PayBack(h.ctx, tx, ledger.Money{UserID: h.anybody(), Amount: h.cents(300), Currency: "USD", Place: ledger.Bank, Cause: "refund:" + uuid.NewString(), Actor: "test"}))
		})
	case "tax":
		percent := decimal.NewFromInt(int64(h.number(0, 25)))
		h.must(h.bills.SetTax(h.ctx, h.shop, billing.TaxRate{Name: "VAT", Class: "standard", Percent: percent, Inclusive: h.number(0, 1) == 1}, "test"))
	}
}

func second[T any](_ T, err error) error { return err }

func (h *history) must(err error) {
	if err != nil && !fail.Is(err, fail.PaymentRequired) && !fail.Is(err, fail.Invalid) && !fail.Is(err, fail.Conflict) {
		h.Fatal(err)
	}
}

func (h *history) number(from, to int) int { return rapid.IntRange(from, to).Draw(h.T, "number") }

func (h *history) cents(most int) decimal.Decimal {
	return decimal.New(int64(h.number(1, most)), -2)
}

func (h *history) anybody() uuid.UUID { return rapid.SampledFrom(h.people).Draw(h.T, "who") }

// pass lets time go by as the program does: block by block, with a proof and the next
// hold for each, and the bills of the months that end.
func (h *history) pass(d time.Duration) {
	end := h.clock.Now().Add(d)
	for step := 0; h.clock.Now().Before(end) && step < 12; step++ {
		next := h.clock.Now().Add(15 * time.Minute)
		if step == 11 || next.After(end) {
			next = end
		}
		h.clock.Set(next, 0)
		h.prove()
	}
	h.must(second(h.bills.Bill(h.ctx, h.shop, time.Time{}, false)))
	h.must(second(h.whole.Bill(h.ctx, h.shop, time.Time{}, false)))
}

func (h *history) prove() {
	var ids []uuid.UUID
	for _, d := range h.desks {
		ids = append(ids, d.id)
	}
	h.in(func(tx tenants.Tx) error {
		if err := h.meter.Lock(h.ctx, tx, ids, ids, tx.Now()); err != nil {
			return err
		}
		if err := h.meter.Prove(h.ctx, tx, ids, tx.Now()); err != nil {
			return err
		}
		return second(h.meter.Reserve(h.ctx, tx, ids))
	})
}

func (h *history) start() {
	i := h.number(0, len(h.desks)-1)
	d := &h.desks[i]
	h.in(func(tx tenants.Tx) error {
		open, err := tenants.Get[bool](h.ctx, tx, "answer", `-- is it open
			select exists (select from kasm_usage_sessions where kasm_workspace_id = $1 and stopped_at is null)`, d.id)
		if err != nil || open {
			return err
		}
		d.run++
		o := metering.Opening{WorkspaceID: d.id, UserID: d.user, PlanID: h.plan, Run: d.run, DesktopID: uuid.NewString(), StartedBy: "customer"}
		if err := h.meter.HoldStart(h.ctx, tx, o); err != nil {
			return err
		}
		return second(h.meter.Open(h.ctx, tx, o, tx.Now()))
	})
}

func (h *history) stop(at time.Time) {
	d := h.desks[h.number(0, len(h.desks)-1)]
	h.in(func(tx tenants.Tx) error { return second(h.meter.Close(h.ctx, tx, d.id, at, "customer")) })
}

func (h *history) coupon() {
	code := fmt.Sprintf("C%d", h.made)
	n := billing.NewCoupon{Code: code, Name: code, Actor: "test"}
	if h.number(0, 1) == 0 {
		percent := decimal.NewFromInt(int64(h.number(1, 100)))
		n.Percent = &percent
	} else {
		amount := h.cents(1_000)
		n.Amount = &amount
	}
	h.must(second(h.bills.CreateCoupon(h.ctx, h.shop, n)))
	h.must(h.bills.Redeem(h.ctx, h.shop, h.anybody(), code))
}

// note gives a part of any line of any invoice back.
func (h *history) note() {
	h.in(func(tx tenants.Tx) error {
		type line struct {
			ID        uuid.UUID       `db:"id"`
			InvoiceID uuid.UUID       `db:"invoice_id"`
			Amount    decimal.Decimal `db:"amount"`
		}
		lines, err := tenants.List[line](h.ctx, tx, `-- lines
			select l.id, l.invoice_id, l.amount from invoice_items l join invoices i on i.id = l.invoice_id where l.amount > 0 and i.status <> 'void' order by i.number, l.position`)
		if err != nil || len(lines) == 0 {
			return err
		}
		l := lines[h.number(0, len(lines)-1)]
		part := decimal.Min(l.Amount, h.cents(200))
		return second(billing.CreditIn(h.ctx, tx, billing.CreditWish{InvoiceID: l.InvoiceID, Reason: "kindness", Cause: "staff:" + uuid.NewString(), By: "test",
			Lines: []billing.CreditLine{{ItemID: l.ID, Amount: part}}}))
	})
}

// end closes whatever is open and bills the month in which it was.
func (h *history) end() {
	for _, d := range h.desks {
		h.in(func(tx tenants.Tx) error { return second(h.meter.Close(h.ctx, tx, d.id, tx.Now(), "customer")) })
		h.in(func(tx tenants.Tx) error { return h.meter.Release(h.ctx, tx, []uuid.UUID{d.id}) })
	}
	edge := billing.CycleOf(h.shop.Zone, h.clock.Now()).End
	h.clock.Set(edge.Add(time.Hour), 0)
	h.must(second(h.bills.Bill(h.ctx, h.shop, time.Time{}, false)))
	h.must(second(h.whole.Bill(h.ctx, h.shop, time.Time{}, false)))
}

func (h *history) agree() {
	off, err := h.books.Audit(h.ctx, h.shop)
	if err != nil || len(off) > 0 {
		h.Fatalf("the ledger does not hold together: %v, %v", off, err)
	}
	for what, sql := range map[string]string{
		"blocks on no invoice":               `select count(*) from usage_blocks where invoice_item_id is null`,
		"lines that are not their blocks":    `select count(*) from invoice_items l where l.kind = 'usage' and l.amount <> (select round(sum(b.rate * b.seconds) / 3600, 2) from usage_blocks b where b.invoice_item_id = l.id)`,
		"invoices that are not their lines":  `select count(*) from invoices i where i.subtotal <> (select sum(l.amount) from invoice_items l where l.invoice_id = i.id)`,
		"invoices with more given back":      `select count(*) from invoices i where i.total < (select coalesce(sum(n.total), 0) from credit_notes n where n.invoice_id = i.id)`,
		"wallets below nothing":              `select count(*) from ledger_accounts where balance < 0 or held <> 0`,
		"holds that were left":               `select count(*) from block_holds`,
		"prepaid of blocks left in deferred": `select count(*) from (select a.currency from ledger_entries e join ledger_accounts a on a.id = e.account_id where a.kind = 'deferred' group by 1 having sum(e.amount) <> 0) d`,
		"sessions whose blocks have gaps":    `select count(*) from (select session_id from usage_blocks group by 1 having max(block_no) + 1 <> count(*)) d`,
		"sessions that are not their length": `select count(*) from kasm_usage_sessions s where s.duration_billable_seconds <> (select coalesce(sum(b.seconds), 0) from usage_blocks b where b.session_id = s.id)`,
		"one cycle's invoice made twice":     `select count(*) from (select 1 from invoices where cycle_start is not null group by user_id, cycle_start, currency having count(*) > 1) d`,
		"gaps in the numbers":                `select coalesce(max(right(number, 6)::int), 0) - count(*) from invoices`,
	} {
		var n int
		if err := h.db.Read(h.ctx, h.shop, tenants.GetQ(&n, "count", "-- "+what+"\n"+sql)); err != nil || n != 0 {
			h.Fatalf("%s: %d, %v", what, n, err)
		}
	}
	h.recompute()
	h.settled()
}

func (h *history) recompute() {
	var numbers []string
	if err := h.db.Read(h.ctx, h.shop, tenants.ListQ(&numbers, "-- numbers\nselect number from invoices order by number")); err != nil {
		h.Fatal(err)
	}
	for _, number := range numbers {
		c, err := h.bills.Recompute(h.ctx, h.shop, number)
		if err == nil && !c.Right() {
			err = errors.New(fmt.Sprint(c.Differences))
		}
		if err != nil {
			h.Fatalf("invoice %s: %v", number, err)
		}
	}
}

func (h *history) settled() {
	for month := time.Date(2026, time.September, 15, 0, 0, 0, 0, time.UTC); month.Before(h.clock.Now()); month = month.AddDate(0, 1, 0) {
		all, err := h.whole.Settlement(h.ctx, h.shop, month)
		if err != nil {
			h.Fatal(err)
		}
		for _, s := range all {
			margin := s.Retail.Total.Round().D.Sub(s.Wholesale.Total.Round().D)
			if !s.Proved() || !s.Margin().D.Equal(margin) {
				h.Fatalf("the settlement of %s is not proved: %+v", month.Format("2006-01"), s)
			}
		}
	}
}
