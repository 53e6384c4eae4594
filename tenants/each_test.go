package tenants_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

func TestOneFailingShopDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	list := shops(t, db, 6)
	var mu sync.Mutex
	seen := map[string]string{}
	err := db.Each(t.Context(), func(ctx context.Context, shop tenants.Tenant) error {
		switch shop.ID {
		case list[1].ID:
			return errors.New("refused")
		case list[2].ID:
			panic("broken")
		}
		return db.In(ctx, shop, func(tx tenants.Tx) error {
			path, err := tenants.Get[string](ctx, tx, "path", `select current_schema()::text`)
			mu.Lock()
			defer mu.Unlock()
			seen[shop.Slug] = path
			return err
		})
	})
	if err == nil || !strings.Contains(err.Error(), "tenant "+list[1].Slug+": refused") || !strings.Contains(err.Error(), "tenant "+list[2].Slug+": panic: broken") {
		t.Error(err)
	}
	if len(seen) != 4 {
		t.Errorf("%v", seen)
	}
	for slug, path := range seen {
		if path != "tenant_"+strings.ReplaceAll(slug, "-", "_") {
			t.Errorf("%s ran in %s", slug, path)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Each(ended, func(context.Context, tenants.Tenant) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestListenConnectsAgain(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	ctx, cancel := context.WithCancel(t.Context())
	heard := make(chan string, 16)
	ended := make(chan error)
	go func() { ended <- db.Listen(ctx, "a channel", func(payload string) { heard <- payload }) }()
	expect := func(want string) {
		t.Helper()
		if got := <-heard; got != want {
			t.Errorf("heard %q, not %q", got, want)
		}
	}
	say := func(word string) {
		t.Helper()
		if err := db.Owner(t.Context(), `select pg_notify('a channel', $1)`, word); err != nil {
			t.Fatal(err)
		}
	}
	expect("")
	say("one")
	expect("one")
	if err := db.Owner(t.Context(), `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'ezscale listener' and datname = current_database()`); err != nil {
		t.Fatal(err)
	}
	expect("")
	say("two")
	expect("two")
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestShopsOfTestsAreGoneAfterwards(t *testing.T) {
	t.Setenv("KEEP", "")
	var gone tenants.Tenant
	t.Run("a test", func(t *testing.T) { _, gone = tenanttest.New(t) })
	db := tenanttest.DB(t)
	left, err := tenants.OwnerList[string](t.Context(), db, `select rolname::text from pg_roles where rolname = $1
		union all select nspname::text from pg_namespace where nspname = $1 union all select slug from central.tenants where schema_name = $1`, gone.Schema())
	if err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}
