package wholesale

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

func TestV44BothSidesOfFiveBlocksR24(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2026-09-01T00:00:00Z")
	user := w.customer(t)
	w.session(t, session{user: user, start: "2026-09-03T10:00:00Z", blocks: 5})
	w.set("2026-10-01T00:00:05Z")
	retail, err := w.retail.CloseCycle(context.Background(), w.shop, at("2026-10-01"))
	if err != nil || len(retail) != 1 || !retail[0].Total.Equal(dec("0.25")) {
		t.Fatalf("the customer's side: %+v, %v", retail, err)
	}
	made := w.bill(t)
	if len(made) != 1 || made[0].Total != "0.15" || made[0].Kind != "wholesale" || made[0].Customer != w.shop.OwnerEmail {
		t.Fatalf("the reseller's side: %+v", made)
	}
	inv, items := w.invoice(t, made[0].Number)
	if inv.Status != Open || !inv.UsageCharges.Equal(dec("0.15")) || !inv.PlatformFee.IsZero() || !inv.AmountDue.Equal(inv.Total) || inv.DueDate.Format(time.DateOnly) != "2026-10-15" {
		t.Errorf("the head of the invoice: %+v", inv)
	}
	if len(items) != 1 || items[0].Kind != KindUsage || items[0].Blocks != 5 || !items[0].Rate.Equal(dec("0.12")) || items[0].ServiceType != "business_basic" {
		t.Errorf("the line: %+v", items)
	}
	if margin := retail[0].Total.Sub(inv.Total); !margin.Equal(dec("0.10")) {
		t.Errorf("want a margin of 0.10, got %s", margin)
	}
	if n := get[int](t, w, `select count(*) from central.outbox where payload ->> 'invoice_id' = $1 and subject like '%wholesale.issued'`, inv.ID.String()); n != 1 {
		t.Errorf("want one wholesale.issued, got %d", n)
	}
}

func TestRoundsOnceALineAndKeepsPlansAndRatesApartR9(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2026-09-01T00:00:00Z")
	for range 3 { // 3 × 0.0225 = 0.0675
		w.session(t, session{plan: "developer_basic", rate: "0.15", wholesale: "0.09", start: "2026-09-05T10:00:00Z", blocks: 1})
	}
	w.session(t, session{start: "2026-09-05T10:00:00Z", blocks: 1}) // 0.03
	w.session(t, session{wholesale: "0.10", start: "2026-09-06T10:00:00Z", blocks: 1})
	w.set("2026-10-01T00:00:05Z")
	made := w.bill(t)
	_, items := w.invoice(t, made[0].Number)
	if len(items) != 3 || made[0].Total != "0.13" { // 0.07 + 0.03 + 0.03 (0.025 up)
		t.Fatalf("want three lines of 0.13 together, got %s, %+v", made[0].Total, items)
	}
}

func TestTwiceAndInParallelMakesOneR18(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2026-09-01T00:00:00Z")
	for range 5 {
		w.session(t, session{start: "2026-09-03T10:00:00Z", blocks: 4})
	}
	w.set("2026-10-01T00:00:05Z")
	var group sync.WaitGroup
	made := make([]int, 6)
	for i := range made {
		group.Go(func() {
			list, err := w.Bill(context.Background(), w.shop, time.Time{}, false)
			if err != nil {
				t.Error(err)
			}
			for _, b := range list {
				if b.Created {
					made[i]++
				}
			}
		})
	}
	group.Wait()
	sum := 0
	for _, n := range made {
		sum += n
	}
	var all []Invoice
	if err := w.DB.CentralRead(context.Background(), InvoicesQ(&all, w.shop.ID, 10)); err != nil {
		t.Fatal(err)
	}
	if sum != 1 || len(all) != 1 || len(w.bill(t)) != 0 {
		t.Errorf("want one invoice from all runs, got %d made, %d kept", sum, len(all))
	}
	if n := get[int](t, w, `select count(*) from central.outbox where payload ->> 'invoice_id' = $1`, all[0].ID.String()); n != 1 {
		t.Errorf("want one event, got %d", n)
	}
}

// TestCrashBetweenTheTwoSides stops after each of the three transactions that make
// an invoice; the next run finishes it, once.
func TestCrashBetweenTheTwoSides(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for name, after := range map[string]int{"drawn up": 1, "posted": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "2026-09-01T00:00:00Z")
			w.session(t, session{start: "2026-09-03T10:00:00Z", blocks: 5})
			w.set("2026-10-01T00:00:05Z")
			terms, err := w.Terms(ctx, w.shop)
			if err != nil {
				t.Fatal(err)
			}
			var drawn *drawing
			w.in(t, func(ctx context.Context, tx tenants.Tx) (err error) {
				drawn, _, err = closeNext(ctx, tx, terms, time.Time{})
				return err
			})
			number := ""
			if after == 2 {
				if err := w.DB.Central(ctx, func(tx tenants.CentralTx) (err error) {
					number, err = post(ctx, tx, w.shop, *drawn.docs[0], drawn.of(drawn.docs[0].ID), Party{}, Party{})
					return err
				}); err != nil {
					t.Fatal(err)
				}
			}
			made := w.bill(t)
			if len(made) != 1 || made[0].Total != "0.15" || number != "" && made[0].Number != number {
				t.Fatalf("want the invoice finished, got %+v (was %q)", made, number)
			}
			if again := w.bill(t); len(again) != 0 {
				t.Errorf("made again: %+v", again)
			}
			if n := get[int](t, w, `select count(*) from central.outbox where payload ->> 'invoice_id' = $1`, drawn.docs[0].ID.String()); n != 1 {
				t.Errorf("want one event, got %d", n)
			}
		})
	}
}

func TestNumbersHaveNoGaps(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t, "2026-09-01T00:00:00Z")
	d := Document{ID: uuid.New(), CycleStart: at("2026-09-01"), CycleEnd: at("2026-10-01"), Currency: "USD", Mode: ModeWholesale, Tier: "basic", CreatedAt: at("2026-10-01"), DueDate: at("2026-10-15")}
	before := counter(t, w)
	fails := fail.New(fail.Internal, "injected")
	if err := w.DB.Central(ctx, func(tx tenants.CentralTx) error {
		if _, err := post(ctx, tx, w.shop, d, nil, Party{}, Party{}); err != nil {
			return err
		}
		return fails
	}); err == nil {
		t.Fatal("the fault was not injected")
	}
	if after := counter(t, w); after < before {
		t.Errorf("the counter went from %d to %d", before, after)
	}
	gaps := []int64{}
	if err := w.DB.CentralRead(ctx, tenants.ListQ(&gaps, `select value - (select count(*) from central.wholesale_invoices where number is not null) from central.counters where name = 'wholesale'`)); err != nil {
		t.Fatal(err)
	}
	for _, g := range gaps {
		if g != 0 {
			t.Errorf("%d numbers are on no invoice", g)
		}
	}
}

func counter(t *testing.T, w *world) int64 {
	t.Helper()
	var list []int64
	if err := w.DB.CentralRead(context.Background(), tenants.ListQ(&list, `select value from central.counters where name = 'wholesale'`)); err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		return 0
	}
	return list[0]
}

func TestLateBlocksGoOnTheNextInvoiceWithTheirOwnPeriodR19(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2026-09-01T00:00:00Z")
	id := w.session(t, session{start: "2026-09-30T22:00:00Z", blocks: 4})
	w.set("2026-10-01T00:00:05Z")
	if made := w.bill(t); len(made) != 1 || made[0].Total != "0.12" {
		t.Fatalf("September: %+v", made)
	}
	w.charge(t, id, 4, 10) // 23:00 to 00:30: four in September, two in October
	w.set("2026-11-01T00:00:05Z")
	made := w.bill(t)
	if len(made) != 1 || made[0].Total != "0.18" {
		t.Fatalf("October: %+v", made)
	}
	_, items := w.invoice(t, made[0].Number)
	if len(items) != 2 || items[0].Blocks != 4 || !items[0].PeriodStart.Equal(at("2026-09-01")) || items[1].Blocks != 2 || !items[1].PeriodStart.Equal(at("2026-10-01")) {
		t.Errorf("want lines of September and October, got %+v", items)
	}
}

func TestFinalisedInvoicesStandFastR19(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t, "2026-09-01T00:00:00Z")
	id := w.session(t, session{start: "2026-09-03T10:00:00Z", blocks: 5})
	w.set("2026-10-01T00:00:05Z")
	number := w.bill(t)[0].Number
	inv, items := w.invoice(t, number)
	for name, sql := range map[string]string{
		"total":   `update central.wholesale_invoices set usage_charges = 1, total = 1 where number = '` + number + `'`,
		"due":     `update central.wholesale_invoices set due_date = due_date + 1 where number = '` + number + `'`,
		"draft":   `update central.wholesale_invoices set status = 'draft' where number = '` + number + `'`,
		"line":    `insert into central.wholesale_invoice_items (id, invoice_id, position, kind, description, exact, amount, currency, period_start, period_end) select gen_random_uuid(), id, 9, 'fee', 'x', 1, 1, 'USD', cycle_start, cycle_end from central.wholesale_invoices where number = '` + number + `'`,
		"removed": `delete from central.wholesale_invoices where number = '` + number + `'`,
	} {
		err := w.DB.Central(ctx, func(tx tenants.CentralTx) error { _, err := tx.Exec(ctx, sql); return err })
		if !tenants.IsRestricted(err) && !tenants.IsDenied(err) {
			t.Errorf("%s: want a refusal, got %v", name, err)
		}
	}
	for name, sql := range map[string]string{
		"another number": `update wholesale_documents set number = 'WS-1', issued_at = now()`,
		"a block twice":  `insert into wholesale_runs (session_id, first, last, item_id) values ('` + id.String() + `', 4, 6, '` + items[0].ID.String() + `')`,
	} {
		err := w.DB.In(ctx, w.shop, func(tx tenants.Tx) error { _, err := tx.Exec(ctx, sql); return err })
		if !tenants.IsRestricted(err) && !tenants.IsDenied(err) && !tenants.IsExclusion(err, "wholesale_block_once") {
			t.Errorf("%s: want a refusal, got %v", name, err)
		}
	}
	if _, err := w.MarkPaid(ctx, "an operator", inv.Number, "T-1"); err != nil {
		t.Error(err)
	}
}

func TestTheHouseGetsNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2026-09-01T00:00:00Z")
	house := w.shop
	house.House = true
	if list, err := w.Bill(context.Background(), house, time.Time{}, false); err != nil || len(list) != 0 {
		t.Errorf("the house: %+v, %v", list, err)
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t, "2026-09-01T00:00:00Z")
	w.session(t, session{start: "2026-09-03T10:00:00Z", blocks: 5})
	asOf := at("2026-10-01T00:00:00Z")
	list, err := w.Bill(ctx, w.shop, asOf, true)
	if err != nil || len(list) != 1 || list[0].Number != "" || list[0].Total != "0.15" || list[0].Created {
		t.Fatalf("the dry run: %+v, %v", list, err)
	}
	if n := get[int](t, w, `select count(*)::int from wholesale_cycles`); n != 0 {
		t.Errorf("the dry run closed %d cycles", n)
	}
	list, err = w.Bill(ctx, w.shop, asOf, false) // early, on an operator's word
	if err != nil || len(list) != 1 || !list[0].Created || !strings.HasPrefix(list[0].Number, "WS-2026-") {
		t.Errorf("the run after it: %+v, %v", list, err)
	}
}

func TestOneInvoiceACurrency(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2026-09-01T00:00:00Z")
	w.agree(t, Change{Fee: figure("30")})
	w.session(t, session{start: "2026-09-03T10:00:00Z", blocks: 5})
	w.session(t, session{start: "2026-09-03T10:00:00Z", blocks: 5, currency: "JPY", rate: "30", wholesale: "20"})
	w.set("2026-10-01T00:00:05Z")
	made := w.bill(t)
	if len(made) != 2 || made[0].Currency != "USD" || made[0].Total != "30.15" || made[1].Currency != "JPY" || made[1].Total != "25" {
		t.Errorf("want USD 30.15 and JPY 25, got %+v", made)
	}
}
