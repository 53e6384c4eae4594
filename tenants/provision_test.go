package tenants_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

func fresh(t testing.TB, change ...func(*tenants.Config)) *tenants.DB {
	t.Helper()
	cfg := tenanttest.Fresh(t)
	for _, c := range change {
		c(&cfg)
	}
	db := open(t, cfg)
	if _, err := db.Migrate(t.Context(), tenants.MigrateOptions{}); err != nil {
		t.Fatal(err)
	}
	return db
}

func open(t testing.TB, cfg tenants.Config) *tenants.DB {
	t.Helper()
	db, err := tenants.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func owner(ctx context.Context, tx tenants.Tx) (uuid.UUID, error) {
	return tenants.Get[uuid.UUID](ctx, tx, "user", `-- make owner
		insert into users (email, password_hash, role, created_at) values ($1, 'x', 'owner', $2) returning id`, tx.Tenant().OwnerEmail, tx.Now())
}

func TestCreateOnceForTheSameOwner(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	n := tenants.NewTenant{Name: "Northwind Desktops", Email: "Ann@Northwind.example", OwnerName: "Ann", Domain: "Desk.Northwind.example", DomainVerified: true, TimeZone: "Europe/Berlin", Currency: "eur", TrialDays: 14}
	shop, created, err := db.Create(t.Context(), n, owner)
	if err != nil || !created {
		t.Fatal(created, err)
	}
	if shop.Slug != "northwind-desktops" || shop.Schema() != "tenant_northwind_desktops" || shop.Status != tenants.Trial || shop.Currency != "EUR" || shop.Zone.String() != "Europe/Berlin" ||
		!slices.Equal(shop.Hosts, []string{"desk.northwind.example", "northwind-desktops.ezscale.test"}) || shop.TrialEndsAt.Sub(shop.CreatedAt) != 14*24*time.Hour {
		t.Errorf("%+v", shop)
	}
	again, created, err := db.Create(t.Context(), n, owner)
	if err != nil || created || again.ID != shop.ID || !slices.Equal(again.Hosts, shop.Hosts) {
		t.Errorf("again: %v, %v, %+v", created, err, again)
	}
	n.Email = "bob@northwind.example"
	if _, _, err := db.Create(t.Context(), n, owner); fields(err)["slug"] == "" {
		t.Errorf("another owner: %v", err)
	}
	logins, err := tenants.OwnerList[string](t.Context(), db, `select email from central.reseller_logins where tenant_id = $1`, shop.ID)
	if err != nil || !slices.Equal(logins, []string{"ann@northwind.example"}) {
		t.Error(logins, err)
	}
	versions, err := tenants.OwnerList[int64](t.Context(), db, `select version_id from tenant_northwind_desktops.goose_db_version order by id`)
	if err != nil || versions[0] != 0 || versions[len(versions)-1] != shop.SchemaVersion {
		t.Error(versions, err)
	}
}

func fields(err error) map[string]string {
	var refusal *fail.Error
	if errors.As(err, &refusal) {
		return refusal.Fields
	}
	return nil
}

func TestCreateSaysEverythingThatIsWrong(t *testing.T) {
	t.Parallel()
	db := tenanttest.DB(t)
	_, _, err := db.Create(t.Context(), tenants.NewTenant{Name: " ", Email: "nobody", Slug: `x";drop schema central`, Domain: "com", TimeZone: "Mars/Base", Currency: "XXY", TrialDays: -1, Branding: tenants.Branding{PrimaryColor: "red"}}, nil)
	for _, field := range []string{"name", "email", "slug", "domain", "time_zone", "currency", "trial_days", "primary_color"} {
		if fields(err)[field] == "" {
			t.Errorf("nothing said about %s: %v", field, fields(err))
		}
	}
}

func TestCreateTheSameShopAtOnce(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	var all sync.WaitGroup
	ids := make([]uuid.UUID, 8)
	made := make([]bool, 8)
	for i := range ids {
		all.Go(func() {
			shop, created, err := db.Create(t.Context(), tenants.NewTenant{Name: "Same", Email: "a@a.example"}, owner)
			if err != nil {
				t.Error(err)
			}
			ids[i], made[i] = shop.ID, created
		})
	}
	all.Wait()
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) })
	if len(slices.Compact(ids)) != 1 || len(slices.DeleteFunc(made, func(b bool) bool { return !b })) != 1 {
		t.Error("more than one shop was made")
	}
}

func TestFailedCreateLeavesNothing(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	broken := errors.New("broken")
	n := tenants.NewTenant{Name: "Half made", Email: "a@a.example"}
	if _, _, err := db.Create(t.Context(), n, func(context.Context, tenants.Tx) (uuid.UUID, error) { return uuid.Nil, broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	left, err := tenants.OwnerList[string](t.Context(), db, `select slug from central.tenants union all select rolname::text from pg_roles where rolname = 'tenant_half_made' union all select nspname::text from pg_namespace where nspname = 'tenant_half_made'`)
	if err != nil || len(left) > 0 {
		t.Error(left, err)
	}
	denied := func(ctx context.Context, tx tenants.Tx) (uuid.UUID, error) {
		_, err := tx.Exec(ctx, `select id from central.tenants`)
		return uuid.Nil, err
	}
	if _, _, err := db.Create(t.Context(), n, denied); !tenants.IsDenied(err) {
		t.Errorf("what runs inside has more than the shop's rights: %v", err)
	}
	if _, created, err := db.Create(t.Context(), n, owner); err != nil || !created {
		t.Error(created, err)
	}
}

func TestSlugsThatMakeTheSameSchema(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	if _, _, err := db.Create(t.Context(), tenants.NewTenant{Name: "One", Email: "a@a.example", Slug: "one-two"}, nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.Create(t.Context(), tenants.NewTenant{Name: "House", Email: "a@a.example", House: true}, nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.Create(t.Context(), tenants.NewTenant{Name: "House too", Email: "a@a.example", House: true}, nil); !fail.Is(err, fail.Conflict) {
		t.Error(err)
	}
	house, central, ok := db.Registry().ByHost("EZSCALE.test:8080")
	if !ok || !central || !house.House || house.Host() != "ezscale.test" {
		t.Error(house.Slug, central, ok)
	}
}

func TestDomainsOfShops(t *testing.T) {
	t.Parallel()
	db, a := tenanttest.New(t)
	_, b := tenanttest.New(t)
	name := a.Slug + ".example"
	d, err := db.AddDomain(t.Context(), a, "www."+strings.ToUpper(name), false)
	if err != nil || d.Domain != "www."+name || d.VerifiedAt != nil || len(d.Token) < 32 || d.Type != "primary" {
		t.Fatal(d, err)
	}
	if _, _, ok := db.Registry().ByHost("www." + name); ok {
		t.Error("an unverified domain is served")
	}
	if claimed, err := db.AddDomain(t.Context(), b, "www."+name, false); err != nil || claimed.Token == d.Token {
		t.Errorf("nobody has proven it, so another may want it, with a token of its own: %v", err)
	}
	if d, err = db.AddDomain(t.Context(), a, "www."+name, true); err != nil || d.VerifiedAt == nil || *d.Proof != tenants.ProofOperator {
		t.Error(d, err)
	}
	if list, err := db.Domains(t.Context(), b.ID); err != nil || len(list) != 0 {
		t.Error("a claim outlives another's proof", list, err)
	}
	for _, taken := range []string{"www." + name, name, "deep.www." + name} {
		if _, err := db.AddDomain(t.Context(), b, taken, true); !fail.Is(err, fail.Conflict) {
			t.Errorf("%s: %v", taken, err)
		}
	}
	if _, err := db.AddDomain(t.Context(), b, "x"+name, true); err != nil {
		t.Errorf("a name that only ends alike: %v", err)
	}
	found, central, ok := db.Registry().ByHost("WWW." + name + ".:443")
	if !ok || central || found.ID != a.ID || found.Hosts[0] != "www."+name {
		t.Error(found, central, ok)
	}
	for _, host := range []string{name, "a.www." + name, "xwww." + name, "www." + name + ".evil.test", a.Slug + ".ezscale.test.evil.test", "x." + a.Slug + ".ezscale.test"} {
		if _, _, ok := db.Registry().ByHost(host); ok {
			t.Errorf("%s is served", host)
		}
	}
	if list, err := db.Domains(t.Context(), a.ID); err != nil || len(list) != 1 {
		t.Error(list, err)
	}
	if err := db.RemoveDomain(t.Context(), b, "www."+name); !fail.Is(err, fail.NotFound) {
		t.Error(err)
	}
	if err := db.RemoveDomain(t.Context(), a, "www."+name); err != nil {
		t.Error(err)
	}
	if _, _, ok := db.Registry().ByHost("www." + name); ok {
		t.Error("a removed domain is served")
	}
}

func TestStatusAndBranding(t *testing.T) {
	t.Parallel()
	db, shop := tenanttest.New(t)
	if err := db.SetStatus(t.Context(), shop.ID, tenants.Suspended, "unpaid"); err != nil {
		t.Fatal(err)
	}
	got, _, ok := db.Registry().ByHost(shop.Hosts[0])
	if !ok || got.Status != tenants.Suspended || got.SuspendedReason != "unpaid" || got.SuspendedAt == nil {
		t.Errorf("%+v", got)
	}
	if err := db.SetStatus(t.Context(), shop.ID, tenants.Active, "paid"); err != nil {
		t.Fatal(err)
	}
	if got, _ = db.Registry().ByID(shop.ID); got.Status != tenants.Active || got.SuspendedAt != nil || got.SuspendedReason != "" {
		t.Errorf("%+v", got)
	}
	if err := db.SetStatus(t.Context(), shop.ID, tenants.Closed, "gone"); err != nil {
		t.Fatal(err)
	}
	if err := db.SetStatus(t.Context(), shop.ID, tenants.Active, "back"); !fail.Is(err, fail.Conflict) {
		t.Error(err)
	}
	if err := db.SetStatus(t.Context(), uuid.New(), tenants.Active, ""); !fail.Is(err, fail.NotFound) {
		t.Error(err)
	}
	actions, err := tenants.OwnerList[string](t.Context(), db, `select action || ' ' || coalesce(detail->>'reason', '') from central.audit_log where tenant_id = $1 order by id`, shop.ID)
	if err != nil || strings.Join(actions, ", ") != "tenant.created , tenant.suspended unpaid, tenant.active paid, tenant.closed gone" {
		t.Error(actions, err)
	}
	if err := db.SetBranding(t.Context(), shop.ID, tenants.Branding{PrimaryColor: "#12345", SecondaryColor: "#000000"}); fields(err)["primary_color"] == "" {
		t.Error(err)
	}
	want := tenants.Branding{PrimaryColor: "#123456", SecondaryColor: "#abcdef", CompanyName: "Ä & Co", CustomCSS: "p{}"}
	if err := db.SetBranding(t.Context(), shop.ID, want); err != nil {
		t.Error(err)
	}
	if got, _ = db.Registry().ByID(shop.ID); got.Branding != want {
		t.Errorf("%+v", got.Branding)
	}
}

func TestWholesaleRates(t *testing.T) {
	t.Parallel()
	db, shop := tenanttest.New(t)
	rate := func(change string) string {
		if err := db.Owner(t.Context(), change, shop.ID); err != nil {
			t.Fatal(err)
		}
		if err := db.Registry().Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		now, _ := db.Registry().ByID(shop.ID)
		r, ok := now.WholesaleRate("developer_pro")
		if !ok {
			t.Fatal("no rate")
		}
		return r.String()
	}
	for change, want := range map[string]string{
		`update central.tenant_billing set plan_id = 'pro', wholesale_discount_percent = null where tenant_id = $1`:        "0.162",
		`update central.tenant_billing set wholesale_discount_percent = 0 where tenant_id = $1`:                            "0.18",
		`update central.tenant_billing set wholesale_discount_percent = 33.3333 where tenant_id = $1`:                      "0.12",
		`update central.tenant_billing set plan_id = 'basic', wholesale_discount_percent = 0.0025 where tenant_id = $1`:    "0.179996", // 0.1799955
		`update central.tenant_billing set plan_id = 'enterprise', wholesale_discount_percent = null where tenant_id = $1`: "0.144",
	} {
		if got := rate(change); got != want {
			t.Errorf("%s: got %s, want %s", change, got, want)
		}
	}
	if _, ok := shop.WholesaleRate("unknown"); ok {
		t.Error("an unknown plan has a rate")
	}
	if r, ok := (tenants.Tenant{}).WholesaleRate("developer_pro"); ok || !r.Equal(decimal.Zero) {
		t.Error("a Tenant of nobody has a rate")
	}
}

func TestRegistryFollowsOtherProcesses(t *testing.T) {
	t.Parallel()
	db, shop := tenanttest.New(t)
	other := open(t, tenanttest.Config(t))
	if err := db.SetStatus(t.Context(), shop.ID, tenants.Suspended, ""); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool {
		seen, _ := other.Registry().ByID(shop.ID)
		return seen.Status == tenants.Suspended
	})
}

// eventually looks every few milliseconds, for ten seconds.
func eventually(t testing.TB, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it did not happen within ten seconds")
		}
	}
}
