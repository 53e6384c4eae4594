package tenants_test

import (
	"strings"
	"testing"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

func TestOneTransactionAtATime(t *testing.T) {
	t.Parallel()
	db, a := tenanttest.New(t)
	nothing := func(tenants.Tx) error { return nil }
	err := db.In(t.Context(), a, func(tenants.Tx) error {
		if db.In(t.Context(), a, nothing) == nil || db.Central(t.Context(), func(tenants.CentralTx) error { return nil }) == nil {
			t.Error("a transaction inside a transaction was allowed")
		}
		beside := make(chan error)
		go func() { beside <- db.In(t.Context(), a, nothing) }()
		return <-beside
	})
	if err != nil {
		t.Error(err)
	}
}

func TestReadWritesNothing(t *testing.T) {
	t.Parallel()
	db, a := tenanttest.New(t)
	for range 2 {
		var keys []string
		err := db.Read(t.Context(), a, tenants.ListQ(&keys, `insert into settings (key, value) values ('x', '1') returning key`))
		if err == nil {
			t.Error("a read wrote")
		}
	}
}

func TestReadReportsTheRightQuestion(t *testing.T) {
	t.Parallel()
	db, a := tenanttest.New(t)
	var n int
	var list []int
	for range 2 {
		err := db.Read(t.Context(), a,
			tenants.GetQ(&n, "number", `-- fine
				select 7`),
			tenants.ListQ(&list, `-- broken
				select 1/(value - value)::int from counters`),
			tenants.GetQ(&n, "number", `-- never
				select 8`))
		if err == nil || !strings.HasPrefix(err.Error(), "broken: ") || n != 7 {
			t.Errorf("%v, n = %d", err, n)
		}
	}
	err := db.Read(t.Context(), a, tenants.GetQ(&n, "user", `select 1 where false`))
	if !fail.Is(err, fail.NotFound) || err.Error() != "There is no such user." {
		t.Error(err)
	}
	found := true
	if err := db.Read(t.Context(), a, tenants.FindQ(&n, &found, `select 1 where false`)); err != nil || found {
		t.Error(err, found)
	}
}

// A failed read makes the driver forget what it had prepared; what follows on the
// same connection must not notice, also where it names tables of the provider.
func TestReadAfterAFailedRead(t *testing.T) {
	t.Parallel()
	db, shops := pair(t, 1)
	for i := range 12 {
		shop := shops[i%2]
		var subjects, slugs []string
		var n int
		broken := db.Read(t.Context(), shop,
			tenants.ListQ(&subjects, `select subject from central.outbox where tenant_id = $1`, shop.ID),
			tenants.GetQ(&n, "number", `select 1 / $1::int`, i%3))
		if (broken == nil) != (i%3 != 0) {
			t.Errorf("round %d: %v", i, broken)
		}
		if err := db.Read(t.Context(), shop, tenants.ListQ(&subjects, `select subject from central.outbox where tenant_id = $1`, shop.ID)); err != nil {
			t.Errorf("round %d: %v", i, err)
		}
		failed := db.CentralRead(t.Context(), tenants.ListQ(&slugs, `select slug from tenants where id = $1`, shop.ID), tenants.GetQ(&n, "number", `select 1 / $1::int`, 0))
		if failed == nil {
			t.Error("a division by nothing")
		}
		if err := db.CentralRead(t.Context(), tenants.ListQ(&slugs, `select slug from tenants where id = $1`, shop.ID)); err != nil || len(slugs) != 1 || slugs[0] != shop.Slug {
			t.Errorf("round %d: %v, %v", i, slugs, err)
		}
	}
}

// A statement that sets the path or the role for the whole session must not reach
// the next shop on that connection.
func TestCarelessSettingsDoNotLast(t *testing.T) {
	t.Parallel()
	db, shops := pair(t, 1)
	for i := range 8 {
		careless, other := shops[i%2], shops[(i+1)%2]
		err := db.In(t.Context(), careless, func(tx tenants.Tx) error {
			_, err := tx.Exec(t.Context(), `set search_path to `+careless.Schema())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for way := range 2 {
			if got, err := mark(t.Context(), db, other, way); err != nil || got != other.Slug {
				t.Errorf("round %d: got %q, %v", i, got, err)
			}
		}
		if err := db.Bare(t.Context(), `select key from settings`); err == nil {
			t.Errorf("round %d: a connection that serves nobody sees rows", i)
		}
	}
}
