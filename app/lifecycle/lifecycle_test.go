package lifecycle

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

var noon = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// world is a reseller with a clock of its own.
type world struct {
	*Service
	t    testing.TB
	shop tenants.Tenant
	mu   sync.Mutex
	at   time.Time

	destroyed int
	stubborn  error // of the desktops
}

func (w *world) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *world) DestroyAll(context.Context, tenants.Tenant, string) error {
	w.destroyed++
	return w.stubborn
}

func newWorld(t testing.TB, trialDays int) *world {
	t.Helper()
	w := &world{t: t, at: noon}
	db := tenanttest.DB(t, tenanttest.WithClock(w.Now))
	w.Service = New(Config{DB: db, Clock: w, Desktops: w, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	slug := "l" + uuid.NewString()[:8]
	shop, _, err := db.Create(context.Background(), tenants.NewTenant{Name: "Leaf", Email: "o@" + slug + ".test", Slug: slug, Domain: "desk." + slug + ".test", DomainVerified: true, TrialDays: trialDays},
		func(ctx context.Context, tx tenants.Tx) (uuid.UUID, error) { return uuid.New(), w.EnsureDue(ctx, tx) })
	if err != nil {
		t.Fatal(err)
	}
	w.shop = shop
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) now() tenants.Tenant {
	t, _ := w.DB.Registry().ByID(w.shop.ID)
	return t
}

func (w *world) wants(status tenants.Status, cause string) {
	w.t.Helper()
	if t := w.now(); t.Status != status || t.SuspendedFor != cause {
		w.t.Errorf("the shop is %s for %q, want %s for %q", t.Status, t.SuspendedFor, status, cause)
	}
}

func (w *world) central(sql string, args ...any) {
	w.t.Helper()
	w.must(w.DB.Central(context.Background(), func(tx tenants.CentralTx) error {
		_, err := tx.Exec(context.Background(), sql, args...)
		return err
	}))
}

func (w *world) list(sql string) (rows []string) {
	w.t.Helper()
	w.must(w.DB.CentralRead(context.Background(), tenants.ListQ(&rows, "-- test\n"+sql, w.shop.ID)))
	return rows
}

func (w *world) due() []string {
	w.t.Helper()
	return w.list(`select key from central.due where tenant_id = $1 and kind = 'lifecycle' order by due_at, key`)
}

func (w *world) told() []string {
	w.t.Helper()
	return w.list(`select subject from central.outbox where tenant_id = $1 order by id`)
}

// pass lets business time pass, from due time to due time.
func (w *world) pass(to time.Time) {
	w.t.Helper()
	for range 60 {
		var next []struct {
			Key   string    `db:"key"`
			DueAt time.Time `db:"due_at"`
		}
		w.must(w.DB.CentralRead(context.Background(), tenants.ListQ(&next, `select key, due_at from central.due where kind = 'lifecycle' and tenant_id = $1 and due_at <= $2 order by due_at limit 1`, w.shop.ID, to)))
		if len(next) == 0 {
			w.set(to)
			return
		}
		if next[0].DueAt.After(w.Now()) {
			w.set(next[0].DueAt)
		}
		err := w.OnDue(context.Background(), &bus.Message{Name: "lifecycle.due", Key: next[0].Key, Tenant: w.now()})
		if err != nil && strings.HasPrefix(err.Error(), "later: ") {
			w.central(`update central.due set due_at = $2 where tenant_id = $1 and kind = 'lifecycle' and key = $3`, w.shop.ID, w.Now().Add(24*time.Hour), next[0].Key)
			continue
		}
		w.must(err)
	}
	w.t.Fatal("the due times never end")
}

func (w *world) set(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = at
}

func because(why string) Decision { return Decision{Actor: "op@test", Reason: why} }

func TestTrialsEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		days    int
		prepare func(*world)
		status  tenants.Status
		cause   string
		told    []string
	}{
		"no way to pay": {14, func(*world) {}, tenants.Suspended, tenants.ForTrial, []string{EventTrialEnding, EventTrialEnding, EventTrialEnded, EventSuspended}},
		"by invoice": {14, func(w *world) {
			w.must(w.SetPaysByInvoice(context.Background(), w.shop, "op@test", true))
		}, tenants.Active, "", []string{EventTrialEnding, EventTrialEnding, EventTrialEnded}},
		"by a card": {14, func(w *world) {
			w.central(`insert into central.reseller_cards (tenant_id, account, customer_id, method_id, updated_at) values ($1, 'a', 'c', 'm', $2)`, w.shop.ID, noon)
		}, tenants.Active, "", []string{EventTrialEnding, EventTrialEnding, EventTrialEnded}},
		"three days": {3, func(*world) {}, tenants.Suspended, tenants.ForTrial, []string{EventTrialEnding, EventTrialEnded, EventSuspended}},
		"no trial":   {0, func(*world) {}, tenants.Active, "", nil},
		"moved meanwhile": {14, func(w *world) {
			w.must(w.SetTrial(context.Background(), w.shop, "op@test", noon.AddDate(0, 0, 60)))
		}, tenants.Trial, "", []string{EventTrialSet}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.days)
			c.prepare(w)
			w.pass(noon.AddDate(0, 0, 30))
			w.wants(c.status, c.cause)
			if told := w.told(); !slices.Equal(told, c.told) {
				t.Errorf("it was told %q, want %q", told, c.told)
			}
		})
	}
}

func TestATrialThatIsGivenAgainOpensTheShop(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t, 7)
	w.pass(noon.AddDate(0, 0, 8))
	w.wants(tenants.Suspended, tenants.ForTrial)
	w.must(w.SetTrial(ctx, w.now(), "op@test", w.Now().AddDate(0, 0, 10)))
	w.wants(tenants.Trial, "")
	w.pass(w.Now().AddDate(0, 0, 11))
	w.wants(tenants.Suspended, tenants.ForTrial)
	w.must(w.SetPaysByInvoice(ctx, w.now(), "op@test", true))
	w.wants(tenants.Active, "")
}

func TestWhatOpensASuspendedShop(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t, 0)
	w.must(w.SuspendUnpaid(ctx, w.shop.ID, "WS-1"))
	w.must(w.SuspendUnpaid(ctx, w.shop.ID, "WS-1"))
	w.wants(tenants.Suspended, tenants.ForUnpaid)
	w.must(w.Paid(ctx, w.shop.ID))
	w.wants(tenants.Active, "")
	w.must(w.SuspendUnpaid(ctx, w.shop.ID, "WS-2"))
	w.must(w.Suspend(ctx, w.shop, because("spam"))) // a person's word outweighs the unpaid invoice
	w.must(w.Paid(ctx, w.shop.ID))
	w.wants(tenants.Suspended, tenants.ForOperator)
	w.must(w.Resume(ctx, w.shop, because("sorry")))
	w.must(w.Resume(ctx, w.shop, because("sorry")))
	w.wants(tenants.Active, "")
	want := []string{EventSuspended, EventResumed, EventSuspended, EventSuspended, EventResumed}
	if told := w.told(); !slices.Equal(told, want) {
		t.Errorf("it was told %q, want %q", told, want)
	}
	if audit := w.list(`select actor || ' ' || action from central.audit_log where tenant_id = $1 and action like 'tenant.%' order by id`); len(audit) != 6 {
		t.Errorf("the audit log says %q", audit)
	}
	if err := w.Suspend(ctx, w.shop, because(" ")); !fail.Is(err, fail.Invalid) {
		t.Errorf("without a reason: %v", err)
	}
}

func TestTheHouseStaysOpen(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t, 0)
	w.central(`update central.tenants set house = true where id = $1`, w.shop.ID)
	w.must(w.DB.Registry().Refresh(ctx))
	for name, err := range map[string]error{"suspend": w.Suspend(ctx, w.now(), because("no")), "close": w.Close(ctx, w.now(), because("no")), "trial": w.SetTrial(ctx, w.now(), "op@test", noon.AddDate(0, 0, 9))} {
		if !fail.Is(err, fail.Conflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.wants(tenants.Active, "")
	w.central(`update central.tenants set house = false where id = $1`, w.shop.ID)
}

func TestClosedReleasedRemoved(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t, 30)
	w.stubborn = errors.New("the host is away")
	w.must(w.Close(ctx, w.shop, because("they left")))
	w.must(w.Close(ctx, w.shop, because("they left")))
	w.wants(tenants.Closed, "")
	if due := w.due(); !slices.Equal(due, []string{keyRelease, keyRemoval, keyRemove}) {
		t.Fatalf("due is %q", due)
	}
	w.stubborn = nil
	w.must(w.OnClosing(ctx, &bus.Message{Name: EventClosing, Tenant: w.now()}))
	if w.destroyed != 3 {
		t.Errorf("the desktops were destroyed %d times", w.destroyed)
	}
	if err := w.Resume(ctx, w.now(), because("back")); !fail.Is(err, fail.Conflict) {
		t.Errorf("resume a closed shop: %v", err)
	}
	w.central(`delete from central.due where tenant_id = $1`, w.shop.ID) // as one that was closed before there were times
	w.must(w.EnsureAll(ctx))
	w.pass(noon.AddDate(0, 0, ReleaseDays-1))
	if now := w.now(); now.ReleasedAt != nil || len(now.Hosts) != 2 {
		t.Errorf("released too early: %+v", now.Hosts)
	}
	w.pass(noon.AddDate(0, 0, ReleaseDays))
	if now := w.now(); now.ReleasedAt == nil || len(now.Hosts) != 1 {
		t.Errorf("not released: %+v", now.Hosts)
	}
	w.pass(noon.AddDate(0, 0, RemoveDays-1))
	if told, want := w.told(), []string{EventClosing, EventDomainRemoved, EventReleased, EventRemoval}; !slices.Equal(told, want) {
		t.Errorf("it was told %q, want %q", told, want)
	}
	w.must(w.DB.Drop(ctx, newWorldClosed(t, w), "test")) // another one does not take this one along
	w.must(w.DB.In(ctx, w.now(), func(tenants.Tx) error { return nil }))
	w.pass(noon.AddDate(0, 0, RemoveDays))
	now := w.now()
	if !now.Gone() || slices.ContainsFunc(w.DB.Registry().All(), func(t tenants.Tenant) bool { return t.ID == now.ID }) {
		t.Errorf("the data is not removed: %+v", now)
	}
	if err := w.DB.In(ctx, now, func(tenants.Tx) error { return nil }); !fail.Is(err, fail.NotFound) {
		t.Errorf("a transaction in a removed shop: %v", err)
	}
	if left := w.list(`select schema_name from central.due where tenant_id = $1 union all select schema_name from central.outbox where tenant_id = $1 union all select email from central.reseller_logins where tenant_id = $1`); len(left) != 0 {
		t.Errorf("left over: %q", left)
	}
	if roles := w.list(`select rolname::text from pg_roles r join central.tenants t on t.schema_name = r.rolname where t.id = $1`); len(roles) != 0 {
		t.Errorf("the role is left: %q", roles)
	}
	w.must(w.DB.Drop(ctx, now.ID, "test"))
	w.must(w.EnsureAll(ctx))
	report, err := w.DB.Migrate(ctx, tenants.MigrateOptions{})
	if err != nil || len(report.Failed) > 0 {
		t.Errorf("migrate beside a removed shop: %+v %v", report, err)
	}
}

// newWorldClosed makes one more closed shop in the same database.
func newWorldClosed(t testing.TB, w *world) uuid.UUID {
	t.Helper()
	slug := "c" + uuid.NewString()[:8]
	shop, _, err := w.DB.Create(context.Background(), tenants.NewTenant{Name: "Other", Email: "o@" + slug + ".test", Slug: slug}, nil)
	w.must(err)
	if err := w.DB.Drop(context.Background(), shop.ID, "test"); !fail.Is(err, fail.Conflict) {
		t.Errorf("removed while it is open: %v", err)
	}
	w.must(w.Close(context.Background(), shop, because("they left")))
	return shop.ID
}

// A run that nobody saw end keeps the data of a closed shop, for some weeks at most.
func TestWhatIsNotSettledKeepsTheData(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t, 0)
	w.must(w.DB.In(ctx, w.shop, func(tx tenants.Tx) error {
		user, service, desktop := uuid.New(), uuid.New(), uuid.New()
		for _, row := range []struct {
			sql  string
			args []any
		}{
			{`insert into users (id, email, name, password_hash, created_at) values ($1, 'a@leaf.test', 'Ann', '', $2)`, []any{user, noon}},
			{`insert into services (id, user_id, plan_id, service_type, created_at) select $1, $2, id, service_type, $3 from plans where service_type = 'business_basic'`, []any{service, user, noon}},
			{`insert into kasm_workspaces (id, user_id, service_id, plan_id, template_id, workspace_type, template_name, vcpu, ram_mb, desired_state, status, changed_at, created_at)
				select $1, $2, $3, p.id, (select id from kasm_workspace_templates limit 1), p.service_type, 't', 2, 4096, 'stopped', 'stopped', $4, $4 from plans p where p.service_type = 'business_basic'`, []any{desktop, user, service, noon}},
			{`insert into kasm_usage_sessions (id, kasm_workspace_id, user_id, run, desktop_id, plan_id, plan_version, plan_name, service_type, cost_per_hour, wholesale_cost_per_hour, block_seconds, currency, started_at, last_proof_at, created_at)
				select gen_random_uuid(), $1, $2, 1, 'd', p.id, 1, p.name, p.service_type, 0.2, 0.12, 900, 'USD', $3, $3, $3 from plans p where p.service_type = 'business_basic'`, []any{desktop, user, noon}},
		} {
			if _, err := tx.Exec(ctx, row.sql, row.args...); err != nil {
				return err
			}
		}
		return nil
	}))
	w.must(w.Close(ctx, w.shop, because("they left")))
	w.pass(noon.AddDate(0, 0, RemoveDays+5))
	if w.now().Gone() {
		t.Error("the data is removed while a run is open")
	}
	w.pass(noon.AddDate(0, 0, RemoveDays+patienceDays+2))
	if !w.now().Gone() {
		t.Error("the data is never removed")
	}
}

// However the steps follow each other, a shop that is closed stays closed, one that
// sells has no reason against it, and each change is told once.
func TestAnyOrderOfSteps(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t, 0)
	rapid.Check(t, func(r *rapid.T) {
		slug := "r" + uuid.NewString()[:8]
		shop, _, err := w.DB.Create(ctx, tenants.NewTenant{Name: "Any", Email: "o@" + slug + ".test", Slug: slug}, nil)
		if err != nil {
			r.Fatal(err)
		}
		closed := false
		for _, step := range rapid.SliceOfN(rapid.SampledFrom([]string{"suspend", "unpaid", "paid", "resume", "close", "trial"}), 1, 8).Draw(r, "steps") {
			now, _ := w.DB.Registry().ByID(shop.ID)
			err := w.take(ctx, now, step)
			if err != nil && !fail.Is(err, fail.Conflict) {
				r.Fatalf("%s: %v", step, err)
			}
			closed = closed || step == "close"
			now, _ = w.DB.Registry().ByID(shop.ID)
			if closed != (now.Status == tenants.Closed) || (now.Status == tenants.Suspended) != (now.SuspendedFor != "") {
				r.Fatalf("after %s it is %s for %q", step, now.Status, now.SuspendedFor)
			}
		}
	})
}

func (w *world) take(ctx context.Context, t tenants.Tenant, step string) error {
	switch step {
	case "suspend":
		return w.Suspend(ctx, t, because("so"))
	case "unpaid":
		return w.SuspendUnpaid(ctx, t.ID, "WS-1")
	case "paid":
		return w.Paid(ctx, t.ID)
	case "resume":
		return w.Resume(ctx, t, because("so"))
	case "close":
		return w.Close(ctx, t, because("so"))
	}
	return w.SetTrial(ctx, t, "op@test", w.Now().AddDate(0, 0, 5))
}
