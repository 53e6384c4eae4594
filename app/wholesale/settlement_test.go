package wholesale

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/money"
)

// TestSettlementProvesBothSidesR24 makes a random history of sessions at changing
// prices, late blocks and cycles of both sides on days of their own; both sides of
// every month are the sum of their parts at every moment, and retail − wholesale is
// the margin.
func TestSettlementProvesBothSidesR24(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		chance := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(t, "2026-08-03T00:00:00Z")
		w.agree(t, Change{CycleDay: ptr(1 + chance.IntN(28)), Fee: figure("10")})
		users := []uuid.UUID{w.customer(t), w.customer(t)}
		var late []uuid.UUID
		for day := range 80 {
			now := at("2026-08-03").AddDate(0, 0, day)
			w.set(now.Format(time.RFC3339))
			if chance.IntN(4) == 0 {
				id := w.session(t, session{user: users[chance.IntN(2)], rate: []string{"0.15", "0.67", "0.333333"}[chance.IntN(3)], wholesale: []string{"0.09", "0.0777"}[chance.IntN(2)],
					start: now.Add(-time.Duration(chance.IntN(240)) * time.Minute).Format(time.RFC3339), blocks: 1 + chance.IntN(9)})
				late = append(late, id)
			}
			if len(late) > 0 && chance.IntN(12) == 0 {
				id := late[chance.IntN(len(late))]
				n := get[int](t, w, `select count(*)::int from usage_blocks where session_id = $1`, id)
				w.charge(t, id, n, n+1+chance.IntN(3))
			}
			if chance.IntN(6) == 0 {
				w.bill(t)
				if _, err := w.retail.Bill(context.Background(), w.shop, time.Time{}, false); err != nil {
					t.Fatal(err)
				}
			}
			if chance.IntN(20) == 0 {
				w.proved(t, fmt.Sprintf("seed %d, day %d", seed, day))
			}
		}
		w.proved(t, fmt.Sprintf("seed %d, at the end", seed))
	}
}

func (w *world) proved(t *testing.T, when string) {
	t.Helper()
	for _, month := range []string{"2026-08-15", "2026-09-15", "2026-10-15"} {
		all, err := w.Settlement(context.Background(), w.shop, at(month))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			if !s.Proved() {
				t.Errorf("%s, %s: the parts are not the whole: %+v", when, month, s)
			}
			retail, supplier := money.Nothing(s.Currency), money.Nothing(s.Currency)
			for _, r := range s.Rows {
				retail, supplier = retail.Add(r.Retail()), supplier.Add(r.Wholesale())
			}
			if want := retail.Round().D.Sub(supplier.Round().D); !s.Margin().D.Equal(want) {
				t.Errorf("%s, %s: margin %s, want %s", when, month, s.Margin(), want)
			}
		}
	}
	sums := get[string](t, w, `select concat_ws(' ', coalesce(sum(b.wholesale_rate * b.seconds), 0) = coalesce((
			select sum(l.rate * l.seconds) from wholesale_items l where l.kind = 'usage'), 0) + coalesce(sum(b.wholesale_rate * b.seconds) filter (
			where not exists (select from wholesale_runs r where r.session_id = b.session_id and b.block_no between r.first and r.last)), 0))
		from usage_blocks b`)
	if sums != "t" {
		t.Errorf("%s: invoiced and not yet invoiced are not all blocks", when)
	}
}

func TestMirrorLinesOpenBothWays(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t, "2026-09-01T00:00:00Z")
	ann := w.customer(t)
	w.session(t, session{user: ann, start: "2026-09-03T10:00:00Z", blocks: 5})
	w.agree(t, Change{CycleDay: ptr(5)})
	w.session(t, session{user: ann, start: "2026-10-02T10:00:00Z", blocks: 3}) // on the reseller's invoice before the customer's
	w.set("2026-10-05T00:00:05Z")
	retail, err := w.retail.CloseCycle(ctx, w.shop, at("2026-10-01"))
	if err != nil || len(retail) != 1 {
		t.Fatalf("the customer's side: %+v, %v", retail, err)
	}
	made := w.bill(t)
	var lines []uuid.UUID
	for _, b := range made {
		_, items := w.invoice(t, b.Number)
		for _, i := range items {
			lines = append(lines, i.ID)
		}
	}
	var mirror []Mirror
	for _, id := range lines {
		var part []Mirror
		var stretches []Stretch
		var number string
		if err := w.DB.Read(ctx, w.shop, RetailOfQ(&part, id, 100), StretchesQ(&stretches, id, 100), NumberQ(&number, id)); err != nil {
			t.Fatal(err)
		}
		if len(stretches) == 0 || number == "" {
			t.Errorf("line %s opens to nothing", id)
		}
		mirror = append(mirror, part...)
	}
	numbers, blocks := map[string]int64{}, int64(0)
	for _, m := range mirror {
		numbers[m.Number] += m.Blocks
		blocks += m.Blocks
	}
	if blocks != 8 || numbers[retail[0].Number] != 5 || numbers[""] != 3 {
		t.Errorf("want five invoiced and three open blocks, got %v", numbers)
	}
	for _, m := range mirror {
		if m.ItemID == nil {
			continue
		}
		var back []Mirror
		if err := w.DB.Read(ctx, w.shop, WholesaleOfQ(&back, *m.ItemID, 100)); err != nil || len(back) != 1 || back[0].Blocks != 5 || back[0].Number == "" {
			t.Errorf("back from the customer's line: %+v, %v", back, err)
		}
	}
}
