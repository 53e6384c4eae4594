package metering

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/tenants"
)

// prepaid is a bench whose blocks are held before they begin.
func prepaid(t *testing.T) (*bench, *ledger.Service) {
	t.Helper()
	b := setup(t)
	books := ledger.New(b.db)
	b.meter = NewService(slog.New(slog.DiscardHandler)).PaidFrom(books)
	return b, books
}

func (b *bench) try(fn func(tenants.Tx) error) error { return b.db.In(b.ctx, b.shop, fn) }

func (b *bench) sum(sql string, args ...any) (d decimal.Decimal) {
	b.Helper()
	if err := b.db.Read(b.ctx, b.shop, tenants.GetQ(&d, "sum", sql, args...)); err != nil {
		b.Fatal(err)
	}
	return d
}

// Whatever is started, stopped, paid in and repriced: the ledger comes to zero, no
// balance falls below what is held of it, what is deferred is what the blocks took,
// and each block took the price that its session locked (R4, R13, R14).
func TestPrepaidHistoriesHoldTogetherR13R14(t *testing.T) {
	t.Parallel()
	b, books := prepaid(t)
	rapid.Check(t, func(r *rapid.T) {
		b.user = b.newUser()
		desks := []uuid.UUID{b.workspace(), b.workspace()}
		runs := map[uuid.UUID]int{}
		given := decimal.Zero
		if rapid.Bool().Draw(r, "capped") {
			b.exec(`update users set monthly_cap = 0.90, low_credit = 0.10 where id = $1`, b.user)
		}
		for i := range rapid.IntRange(4, 14).Draw(r, "steps") {
			desk := rapid.SampledFrom(desks).Draw(r, "desk")
			b.clock.Set(b.clock.Now().Add(time.Duration(rapid.IntRange(0, 40).Draw(r, "minutes"))*time.Minute), 0)
			now := b.clock.Now()
			var err error
			switch step := rapid.SampledFrom([]string{"grant", "start", "start", "prove", "reserve", "stop", "price"}).Draw(r, "step"); step {
			case "grant":
				amount := decimal.New(int64(rapid.IntRange(1, 60).Draw(r, "cents")), -2)
				given = given.Add(amount)
				err = books.Grant(b.ctx, b.shop, "staff", b.user, amount, "top-up", fmt.Sprint(b.user, i))
			case "start":
				runs[desk]++
				err = b.try(func(tx tenants.Tx) error { return b.startNow(tx, desk, runs[desk]) })
				if fail.Is(err, fail.PaymentRequired) {
					err = nil
				}
			case "prove":
				err = b.try(func(tx tenants.Tx) error { return b.meter.Prove(b.ctx, tx, desks, now) })
			case "reserve":
				err = b.try(func(tx tenants.Tx) error { _, err := b.meter.Reserve(b.ctx, tx, desks); return err })
			case "stop":
				err = b.try(func(tx tenants.Tx) error {
					_, err := b.meter.Close(b.ctx, tx, desk, now, ByCustomer)
					return err
				})
			case "price":
				b.exec(`update plans set price_per_hour = $2 where id = $1`, b.plan, rapid.SampledFrom([]string{"0.20", "0.15", "0.67"}).Draw(r, "price"))
			}
			if err != nil {
				r.Fatal(err)
			}
		}
		b.holdsTogether(r, books, given)
	})
}

func (b *bench) startNow(tx tenants.Tx, desk uuid.UUID, run int) error {
	if _, running, err := openSession(b.ctx, tx, desk); err != nil || running {
		return err
	}
	o := Opening{WorkspaceID: desk, UserID: b.user, PlanID: b.plan, Run: run, DesktopID: "d", StartedBy: ByCustomer}
	if err := b.meter.HoldStart(b.ctx, tx, o); err != nil {
		return err
	}
	_, err := b.meter.Open(b.ctx, tx, o, tx.Now())
	return err
}

func (b *bench) holdsTogether(r *rapid.T, books *ledger.Service, given decimal.Decimal) {
	for name, audit := range map[string]func() ([]string, error){
		"sums":  func() ([]string, error) { return books.Audit(b.ctx, b.shop) },
		"holds": func() ([]string, error) { return books.AuditPrepaid(b.ctx, b.shop) },
	} {
		if off, err := audit(); err != nil || len(off) > 0 {
			r.Fatalf("the %s do not hold together: %v, %v", name, off, err)
		}
	}
	took := b.sum(`select coalesce(sum(prepaid), 0) from usage_blocks where user_id = $1`, b.user)
	left := b.sum(`select coalesce(sum(balance), 0) from ledger_accounts where user_id = $1`, b.user)
	if !given.Equal(took.Add(left)) || left.IsNegative() {
		r.Fatalf("given %s, taken %s, left %s", given, took, left)
	}
	if n := b.sum(`select count(*)::numeric from usage_blocks b join kasm_usage_sessions s on s.id = b.session_id
		where b.user_id = $1 and (b.rate <> s.cost_per_hour or b.prepaid <> round(s.cost_per_hour * b.seconds / 3600, 6))`, b.user); !n.IsZero() {
		r.Fatalf("%s blocks took another price than their session's", n)
	}
	if used := b.sum(`select coalesce(sum(prepaid), 0) from usage_blocks b join users u on u.id = b.user_id and u.monthly_cap is not null
		where u.id = $1 and starts_at < '2026-10-01'`, b.user); used.GreaterThan(decimal.RequireFromString("0.90")) {
		r.Fatalf("R15: %s used of a cap of 0.90", used)
	}
}
