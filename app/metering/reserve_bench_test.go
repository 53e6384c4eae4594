package metering

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"golang.org/x/sync/errgroup"

	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/tenants"
)

// benchDesks is how many desktops of how many customers reserve.
const benchDesks = 128

// BenchmarkReserve holds the next block of running desktops, all goroutines together:
// each alone in a transaction of its own, and sixteen or 64 at a time, as due times of
// one moment are handled. ns/op is for one block.
func BenchmarkReserve(b *testing.B) {
	for name, size := range map[string]int{"alone": 1, "sixteen": 16, "sixty-four": 64} {
		b.Run(name, func(b *testing.B) { benchReserve(b, size) })
	}
}

func benchReserve(b *testing.B, size int) {
	w := setup(b)
	books := ledger.New(w.db)
	w.meter = w.meter.PaidFrom(books)
	var desks []uuid.UUID
	for n := range benchDesks {
		if n%2 == 0 {
			w.user = w.newUser()
			if err := books.Grant(w.ctx, w.shop, "staff", w.user, decimal.NewFromInt(1_000_000), "welcome", ""); err != nil {
				b.Fatal(err)
			}
		}
		desk := w.workspace()
		w.in(func(tx tenants.Tx) error { return w.startNow(tx, desk, 1) })
		desks = append(desks, desk)
	}
	w.exec(`analyze`)
	b.ResetTimer()
	for done := 0; done < b.N; {
		w.clock.Set(w.clock.Now().Add(15*time.Minute), 0)
		var g errgroup.Group
		g.SetLimit(6)
		for at := 0; at < len(desks) && done < b.N; at += size {
			batch := desks[at:min(at+size, len(desks))]
			done += len(batch)
			g.Go(func() error {
				return w.try(func(tx tenants.Tx) error { _, err := w.meter.Reserve(w.ctx, tx, batch); return err })
			})
		}
		if err := g.Wait(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "blocks/s")
}
