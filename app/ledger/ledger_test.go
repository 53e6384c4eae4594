package ledger_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

var noon = time.Date(2026, 9, 16, 12, 0, 0, 0, time.UTC)

func dec(text string) decimal.Decimal { return decimal.RequireFromString(text) }

// till is a shop's books with customers who have desktops.
type till struct {
	testing.TB
	db    *tenants.DB
	shop  tenants.Tenant
	clock *clock.Movable
	books *ledger.Service
}

func newTill(t testing.TB) *till {
	t.Helper()
	c := clock.NewMovable(noon, 0)
	db, shop := tenanttest.New(t, tenanttest.WithClock(c.Now))
	return &till{t, db, shop, c, ledger.New(db)}
}

func (w *till) in(fn func(ctx context.Context, tx tenants.Tx) error) error {
	ctx := context.Background()
	return w.db.In(ctx, w.shop, func(tx tenants.Tx) error { return fn(ctx, tx) })
}

func (w *till) must(fn func(ctx context.Context, tx tenants.Tx) error) {
	w.Helper()
	if err := w.in(fn); err != nil {
		w.Fatal(err)
	}
}

func (w *till) exec(sql string, args ...any) {
	w.Helper()
	w.must(func(ctx context.Context, tx tenants.Tx) error { _, err := tx.Exec(ctx, sql, args...); return err })
}

func (w *till) count(sql string, args ...any) (n int) {
	w.Helper()
	w.must(func(ctx context.Context, tx tenants.Tx) (err error) {
		n, err = tenants.Get[int](ctx, tx, "count", sql, args...)
		return err
	})
	return n
}

func (w *till) customer() uuid.UUID {
	w.Helper()
	id := uuid.New()
	w.exec(`insert into users (id, email, password_hash, email_verified_at, created_at) values ($1, $2, 'x', $3, $3)`, id, id.String()+"@example.com", noon)
	return id
}

// desktop makes the rows that a hold refers to.
func (w *till) desktop(user uuid.UUID) uuid.UUID {
	w.Helper()
	id, service := uuid.New(), uuid.New()
	w.exec(`insert into services (id, user_id, plan_id, service_type, created_at) select $1, $2, id, service_type, $3 from plans where service_type = 'business_basic'`, service, user, noon)
	w.exec(`insert into kasm_workspaces (id, user_id, service_id, plan_id, template_id, workspace_type, template_name, vcpu, ram_mb, desired_state, status, changed_at, created_at)
select $1, $2, $3, p.id, t.id, 'business_basic', t.name, 2, 4096, 'running', 'running', $4, $4 from plans p, (select id, name from kasm_workspace_templates order by sort_order limit 1) t
where p.service_type = 'business_basic'`, id, user, service, noon)
	return id
}

func (w *till) block(user, desk uuid.UUID, no int) ledger.Block {
	return ledger.Block{WorkspaceID: desk, Run: 1, No: no, UserID: user, StartsAt: noon.Add(time.Duration(no) * 15 * time.Minute), Rate: dec("0.20"), Seconds: 900, Currency: "USD", TaxClass: "standard"}
}

func (w *till) grant(user uuid.UUID, amount string) {
	w.Helper()
	if err := w.books.Grant(context.Background(), w.shop, "staff", user, dec(amount), "welcome", ""); err != nil {
		w.Fatal(err)
	}
}

func (w *till) bonus(user uuid.UUID, amount, cause string, expires *time.Time) {
	w.Helper()
	w.must(func(ctx context.Context, tx tenants.Tx) error {
		return ledger.AddBonus(ctx, tx, user, dec(amount), "USD", expires, "welcome", cause, "staff")
	})
}

func (w *till) hold(blocks ...ledger.Block) (verdicts []ledger.Verdict) {
	w.Helper()
	w.must(func(ctx context.Context, tx tenants.Tx) (err error) {
		verdicts, err = w.books.Hold(ctx, tx, blocks)
		return err
	})
	return verdicts
}

func (w *till) capture(blocks ...ledger.Block) (took []ledger.Captured) {
	w.Helper()
	w.must(func(ctx context.Context, tx tenants.Tx) (err error) {
		took, err = w.books.Capture(ctx, tx, blocks, make([]string, len(blocks)))
		return err
	})
	return took
}

func (w *till) wants(user uuid.UUID, credit, bonus, held string) {
	w.Helper()
	var f ledger.Funds
	if err := w.db.Read(context.Background(), w.shop, ledger.FundsQ(&f, w.shop, user, w.clock.Now())); err != nil {
		w.Fatal(err)
	}
	if !f.Credit.Equal(dec(credit)) || !f.Bonus.Equal(dec(bonus)) || !f.Held.Equal(dec(held)) {
		w.Errorf("credit %s, bonus %s, held %s; want %s, %s, %s", f.Credit, f.Bonus, f.Held, credit, bonus, held)
	}
}

// proved checks that the books hold together (R13).
func (w *till) proved() {
	w.Helper()
	off, err := w.books.Audit(context.Background(), w.shop)
	if err != nil || len(off) > 0 {
		w.Errorf("the ledger does not hold together: %v, %v", off, err)
	}
	if n := w.count(`select count(*)::int from ledger_accounts a where a.held <> coalesce((
		select sum(case a.kind when 'bonus' then h.bonus else h.credit end) from block_holds h where h.user_id = a.user_id and h.currency = a.currency), 0)
		and a.kind in ('bonus', 'credit')`); n != 0 {
		w.Errorf("R14: on %d accounts is held what no hold says", n)
	}
}

func TestBonusIsSpentBeforePaidCreditR11(t *testing.T) {
	t.Parallel()
	w := newTill(t)
	user := w.customer()
	desk := w.desktop(user)
	w.grant(user, "0.10")
	w.bonus(user, "0.07", "a", nil)
	w.bonus(user, "0.07", "a", nil) // the same gift
	w.hold(w.block(user, desk, 0), w.block(user, desk, 1))
	w.wants(user, "0.10", "0.07", "0.10")
	session := uuid.New()
	first := w.block(user, desk, 0)
	first.SessionID = session
	if took := w.capture(first); len(took) != 1 || !took[0].Price.Equal(dec("0.05")) {
		t.Errorf("took %v", took)
	}
	w.wants(user, "0.10", "0.02", "0.05")
	if v := w.hold(w.block(user, desk, 2), w.block(user, desk, 3)); !v[0].OK || v[1].OK || v[1].By != "credit" {
		t.Errorf("with 0.07 free two blocks: %+v", v)
	}
	w.must(func(ctx context.Context, tx tenants.Tx) error { return w.books.Release(ctx, tx, []uuid.UUID{desk}) })
	w.wants(user, "0.10", "0.02", "0")
	w.proved()
}

func TestTaxIsHeldWithTheBlockR13(t *testing.T) {
	t.Parallel()
	w := newTill(t)
	user, exempt := w.customer(), w.customer()
	w.exec(`insert into tax_rates (name, percent, country) values ('VAT', 19, 'DE'), ('VAT', 10, '')`)
	w.exec(`update users set country = 'DE' where id = $1`, user)
	w.exec(`update users set tax_exempt = true where id = $1`, exempt)
	for _, u := range []uuid.UUID{user, exempt} {
		w.grant(u, "1.00")
		w.hold(w.block(u, w.desktop(u), 0))
	}
	w.wants(user, "1.00", "0", "0.0595")
	w.wants(exempt, "1.00", "0", "0.05")
	w.proved()
}

func TestBonusExpiresWhatExpiresFirstIsSpentFirst(t *testing.T) {
	t.Parallel()
	soon, late := noon.Add(time.Hour), noon.Add(48*time.Hour)
	for _, c := range []struct {
		name         string
		blocks       int // captured before the first end
		after, later string
	}{
		{"nothing spent", 0, "0.30", "0"},
		{"a part of the first", 2, "0.30", "0"},
		{"all of the first and a part of the second", 6, "0.20", "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newTill(t)
			user := w.customer()
			desk := w.desktop(user)
			w.bonus(user, "0.30", "late", &late) // given first, expires last
			w.bonus(user, "0.20", "soon", &soon)
			for no := range c.blocks {
				b := w.block(user, desk, no)
				b.SessionID = uuid.New()
				w.hold(b2(b))
				w.capture(b)
			}
			w.expire("soon", soon)
			w.wants(user, "0", c.after, "0")
			w.expire("soon", soon) // nothing is left of it
			w.wants(user, "0", c.after, "0")
			w.expire("late", late)
			w.wants(user, "0", c.later, "0")
			w.proved()
		})
	}
}

// b2 is the block without its session, which a hold would refer to.
func b2(b ledger.Block) ledger.Block { b.SessionID = uuid.Nil; return b }

func (w *till) expire(cause string, at time.Time) {
	w.Helper()
	w.clock.Set(at, 0)
	w.must(func(ctx context.Context, tx tenants.Tx) error { return ledger.ExpireBonus(ctx, tx, cause) })
}

func TestMayStartR16(t *testing.T) {
	t.Parallel()
	w := newTill(t)
	user := w.customer()
	may := func() error {
		return w.in(func(ctx context.Context, tx tenants.Tx) error { return w.books.MayStart(ctx, tx, user) })
	}
	wants := func(when string, kind fail.Kind) {
		t.Helper()
		if err := may(); !fail.Is(err, kind) {
			t.Errorf("%s: got %v", when, err)
		}
	}
	wants("without credit", fail.PaymentRequired)
	w.grant(user, "4.99")
	wants("a cent short", fail.PaymentRequired)
	w.exec(`insert into payment_methods (user_id, processor_customer, processor_id, created_at) values ($1, 'cus', 'pm', $2)`, user, noon)
	if err := may(); err != nil {
		t.Errorf("with a card: %v", err)
	}
	w.exec(`update users set suspended_for = 'invoice' where id = $1`, user)
	wants("suspended", fail.Forbidden)
	w.exec(`update users set suspended_for = '', parked_at = $2 where id = $1`, user, noon)
	wants("parked", fail.Forbidden)
}

func TestRunsUntil(t *testing.T) {
	t.Parallel()
	left := dec("0.11")
	for _, c := range []struct {
		free    string
		left    *decimal.Decimal
		rate    string
		tax     string
		minutes int
		limited bool
	}{
		{"0.07", nil, "0.20", "0", 15, true},
		{"0.049999", nil, "0.20", "0", 0, true},
		{"5", &left, "0.20", "0", 30, true},
		{"0.10", nil, "0.20", "19", 15, true},
		{"-1", nil, "0.20", "0", 0, true},
		{"5", nil, "0", "0", 0, false},
	} {
		at, limited := ledger.RunsUntil(dec(c.free), c.left, dec(c.rate), 900, dec(c.tax), noon)
		if limited != c.limited || limited && at.Sub(noon) != time.Duration(c.minutes)*time.Minute {
			t.Errorf("%+v: %s, %v", c, at.Sub(noon), limited)
		}
	}
}

// Many at once hold, take and give back on one customer's credit: never more than there
// is, and never two for one (R14).
func TestNobodyHoldsMoreThanThereIs(t *testing.T) {
	t.Parallel()
	w := newTill(t)
	user := w.customer()
	desks := make([]uuid.UUID, 40)
	for i := range desks {
		desks[i] = w.desktop(user)
	}
	w.grant(user, "1.00") // for twenty
	var wg sync.WaitGroup
	var mu sync.Mutex
	held := 0
	for i, desk := range desks {
		wg.Go(func() {
			err := w.in(func(ctx context.Context, tx tenants.Tx) error {
				v, err := w.books.Hold(ctx, tx, []ledger.Block{w.block(user, desk, 0)})
				if err == nil && v[0].OK {
					mu.Lock()
					held++
					mu.Unlock()
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
			if i%4 == 0 {
				w.bonus(user, "0.05", fmt.Sprint("gift", i), nil)
			}
		})
	}
	wg.Wait()
	if held < 20 || held > 30 {
		t.Errorf("%d of 40 were held, want 20, and at most one more for each gift", held)
	}
	w.proved()
}
