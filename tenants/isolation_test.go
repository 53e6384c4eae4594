package tenants_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

const (
	putMark = `-- put mark
		insert into settings (key, value) values ('mark', to_jsonb($1::text))`
	getMark = `-- get mark
		select value #>> '{}' from settings where key = 'mark'`
)

// pair is two shops whose one difference is their mark, over a small pool.
func pair(t testing.TB, conns int32) (*tenants.DB, []tenants.Tenant) {
	t.Helper()
	_, a := tenanttest.New(t)
	_, b := tenanttest.New(t)
	cfg := tenanttest.Config(t)
	cfg.MaxConns = conns
	db, err := tenants.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	for _, shop := range []tenants.Tenant{a, b} {
		if err := db.In(context.Background(), shop, func(tx tenants.Tx) error {
			_, err := tx.Exec(context.Background(), putMark, shop.Slug)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	return db, []tenants.Tenant{a, b}
}

// mark reads a shop's mark by one of the two ways in.
func mark(ctx context.Context, db *tenants.DB, shop tenants.Tenant, way int) (got string, err error) {
	if way == 0 {
		err = db.Read(ctx, shop, tenants.GetQ(&got, "mark", getMark))
		return got, err
	}
	err = db.In(ctx, shop, func(tx tenants.Tx) error {
		got, err = tenants.Get[string](ctx, tx, "mark", getMark)
		return err
	})
	return got, err
}

// crowd makes n requests, 64 at once, and gives each its number.
func crowd(n int, request func(i int)) {
	var all sync.WaitGroup
	numbers := make(chan int)
	for range 64 {
		all.Go(func() {
			for i := range numbers {
				request(i)
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	all.Wait()
}

func TestEveryRequestSeesItsOwnShop(t *testing.T) {
	t.Parallel()
	db, shops := pair(t, 2)
	crowd(10_000, func(i int) {
		shop := shops[rand.IntN(2)]
		if got, err := mark(t.Context(), db, shop, i%2); err != nil || got != shop.Slug {
			t.Errorf("request %d of %s got %q, %v", i, shop.Slug, got, err)
		}
	})
}

func TestCancelledRequestsLeaveNothing(t *testing.T) {
	t.Parallel()
	db, shops := pair(t, 2)
	crowd(4_000, func(i int) {
		shop := shops[rand.IntN(2)]
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if i%5 == 0 {
			time.AfterFunc(time.Duration(rand.IntN(3000))*time.Microsecond, cancel)
		}
		got, err := mark(ctx, db, shop, i%2)
		if err != nil && ctx.Err() == nil || err == nil && got != shop.Slug {
			t.Errorf("request %d of %s got %q, %v", i, shop.Slug, got, err)
		}
	})
	clean(t, db, shops)
}

func TestPanicLeavesNothing(t *testing.T) {
	t.Parallel()
	db, shops := pair(t, 2)
	crowd(2_000, func(i int) {
		shop := shops[rand.IntN(2)]
		if i%10 != 0 {
			if got, err := mark(t.Context(), db, shop, i%2); err != nil || got != shop.Slug {
				t.Errorf("request %d of %s got %q, %v", i, shop.Slug, got, err)
			}
			return
		}
		defer func() {
			if recover() != "handler" {
				t.Error("the panic must reach the caller")
			}
		}()
		_ = db.In(t.Context(), shop, func(tx tenants.Tx) error {
			if _, err := tx.Exec(t.Context(), `insert into settings (key, value) values ($1, '1')`, fmt.Sprint("lost", i)); err != nil {
				t.Error(err)
			}
			panic("handler")
		})
	})
	clean(t, db, shops)
}

// clean checks that no connection is in use, none is in a transaction, and that
// nothing but the mark was written.
func clean(t *testing.T, db *tenants.DB, shops []tenants.Tenant) {
	t.Helper()
	// A connection that a panic has left is closed beside the caller, so the last
	// of them may still be on its way out.
	total, used := db.Idle()
	for end := time.Now().Add(30 * time.Second); used != 0 && time.Now().Before(end); total, used = db.Idle() {
		runtime.Gosched()
	}
	if used != 0 || total > 2 {
		t.Errorf("%d connections, %d in use", total, used)
	}
	for _, shop := range shops {
		var keys []string
		if err := db.Read(t.Context(), shop, tenants.ListQ(&keys, `select key from settings`)); err != nil || len(keys) != 1 {
			t.Errorf("settings of %s: %v, %v", shop.Slug, keys, err)
		}
	}
	for range 20 {
		if err := db.Bare(t.Context(), `select key from settings`); !tenants.IsDenied(err) {
			t.Errorf("a connection that serves nobody: %v", err)
		}
	}
}

func TestTimeoutsStayWithTheirShop(t *testing.T) {
	t.Parallel()
	db, shops := pair(t, 2)
	a, b := shops[0], shops[1]
	slow := db.In(t.Context(), a, func(tx tenants.Tx) error {
		if _, err := tx.Exec(t.Context(), `set local statement_timeout = '20ms'`); err != nil {
			return err
		}
		_, err := tx.Exec(t.Context(), `select pg_sleep(5)`)
		return err
	})
	if !fail.Is(slow, fail.Unavailable) {
		t.Errorf("statement timeout: %v", slow)
	}
	err := db.In(t.Context(), a, func(holder tenants.Tx) error {
		if _, err := holder.Exec(t.Context(), `update settings set value = value where key = 'mark'`); err != nil {
			return err
		}
		waited := make(chan error)
		go func() {
			waited <- db.In(t.Context(), a, func(tx tenants.Tx) error {
				if _, err := tx.Exec(t.Context(), `set local lock_timeout = '20ms'`); err != nil {
					return err
				}
				_, err := tx.Exec(t.Context(), `update settings set value = value where key = 'mark'`)
				return err
			})
		}()
		if err := <-waited; !fail.Is(err, fail.Unavailable) {
			t.Errorf("lock timeout: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for i := range 1_000 {
		if got, err := mark(t.Context(), db, b, i%2); err != nil || got != b.Slug {
			t.Fatalf("request %d got %q, %v", i, got, err)
		}
	}
}

func TestForgottenTenantIsRefused(t *testing.T) {
	t.Parallel()
	db, shop := tenanttest.New(t)
	for _, sql := range []string{
		`select id from users`,
		`insert into settings (key, value) values ('a', '1')`,
		`select id from central.tenants`,
		`select id from ` + shop.Schema() + `.users`,
		`create table here (id int)`,
		`create temporary table here (id int)`,
		`create table public.here (id int)`,
	} {
		if err := db.Bare(t.Context(), sql); !tenants.IsDenied(err) {
			t.Errorf("%s: %v", sql, err)
		}
	}
	if err := db.In(t.Context(), tenants.Tenant{Slug: shop.Slug}, func(tenants.Tx) error { return nil }); err == nil {
		t.Error("a Tenant that nobody looked up was accepted")
	}
}

func TestRoleIsWalledIn(t *testing.T) {
	t.Parallel()
	db, a := tenanttest.New(t)
	_, b := tenanttest.New(t)
	for _, sql := range []string{
		`select id from ` + b.Schema() + `.users`,
		`insert into ` + b.Schema() + `.settings (key, value) values ('a', '1')`,
		`select id from guard.users`,
		`select id from central.tenants`,
		`select id from central.operators`,
		`select token from central.sessions`,
		`select nextval((select oid from pg_class where relname = 'audit_log_id_seq' and relnamespace::regnamespace::text = '` + b.Schema() + `')::regclass)`,
		`create table mine (id int)`,
		`create temporary table mine (id int)`,
		`create table public.mine (id int)`,
		`create function public.mine() returns int language sql as 'select 1'`,
		`create function ` + a.Schema() + `.mine() returns int language sql as 'select 1'`,
		`create type public.mine as enum ('a')`,
		`create operator public.=== (leftarg = int, rightarg = int, function = int4eq)`,
		`create role mine`,
		`create schema mine`,
		`alter table users add column extra int`,
		`drop table settings`,
		`update ledger_entries set amount = 1`,
		`delete from usage_blocks`,
	} {
		err := db.In(t.Context(), a, func(tx tenants.Tx) error {
			_, err := tx.Exec(t.Context(), sql)
			return err
		})
		if !tenants.IsDenied(err) {
			t.Errorf("%s: %v", sql, err)
		}
	}
	member, err := tenants.OwnerList[bool](t.Context(), db, `select pg_has_role($1, $2, 'member') or pg_has_role($1, 'ezscale_central', 'member')`, a.Schema(), b.Schema())
	if err != nil || member[0] {
		t.Errorf("the role of one shop may become another: %v, %v", member, err)
	}
}

func TestNumbersOfOneShopDoNotMoveAnothers(t *testing.T) {
	t.Parallel()
	db, a := tenanttest.New(t)
	_, b := tenanttest.New(t)
	const add = `-- add audit
		insert into audit_log (at, actor, action) values ($1, 'test', 'test') returning id`
	next := func(shop tenants.Tenant) (id int64) {
		err := db.In(t.Context(), shop, func(tx tenants.Tx) (err error) {
			id, err = tenants.Get[int64](t.Context(), tx, "audit", add, tx.Now())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	first := next(b)
	for range 100 {
		next(a)
	}
	if got := next(b); got != first+1 {
		t.Errorf("got %d after %d", got, first)
	}
}

func TestLocksAreOfOneShop(t *testing.T) {
	t.Parallel()
	db, a := tenanttest.New(t)
	_, b := tenanttest.New(t)
	err := db.In(t.Context(), a, func(held tenants.Tx) error {
		if err := held.Lock(t.Context(), "invoice run"); err != nil {
			return err
		}
		beside := func(shop tenants.Tenant) error {
			tried := make(chan error)
			go func() {
				tried <- db.In(t.Context(), shop, func(tx tenants.Tx) error {
					if _, err := tx.Exec(t.Context(), `set local lock_timeout = '50ms'`); err != nil {
						return err
					}
					return tx.Lock(t.Context(), "invoice run")
				})
			}()
			return <-tried
		}
		if err := beside(b); err != nil {
			t.Errorf("the other shop's own lock: %v", err)
		}
		if err := beside(a); !fail.Is(err, fail.Unavailable) {
			t.Errorf("a lock that is held: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestNoFunctionRunsWithItsOwnersRights(t *testing.T) {
	t.Parallel()
	db, shop := tenanttest.New(t)
	names, err := tenants.OwnerList[string](t.Context(), db, `select p.oid::regprocedure::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace
		where n.nspname not in ('pg_catalog', 'information_schema') and p.prosecdef`)
	if err != nil || len(names) > 0 {
		t.Errorf("%v, %v", names, err)
	}
	objects, err := tenants.OwnerList[string](t.Context(), db, `select proname::text from pg_proc where pronamespace = $1::regnamespace
		union all select typname::text from pg_type where typnamespace = $1::regnamespace and typtype in ('e', 'd')`, shop.Schema())
	if err != nil || len(objects) > 0 {
		t.Errorf("functions and types of a shop: %v, %v", objects, err)
	}
}

func TestEventsAreBehindTheirOwnRows(t *testing.T) {
	t.Parallel()
	db, a := tenanttest.New(t)
	_, b := tenanttest.New(t)
	insert := func(as, of tenants.Tenant) error {
		return db.In(t.Context(), as, func(tx tenants.Tx) error {
			if _, err := tx.Exec(t.Context(), `insert into central.outbox (schema_name, tenant_id, subject) values ($1, $2, 'ez.x.a.b')`, of.Schema(), of.ID); err != nil {
				return err
			}
			_, err := tx.Exec(t.Context(), `insert into central.due (schema_name, tenant_id, kind, key, due_at) values ($1, $2, 'k', $3, $4)`, of.Schema(), of.ID, uuid.NewString(), tx.Now())
			return err
		})
	}
	if err := errors.Join(insert(a, a), insert(b, b)); err != nil {
		t.Fatal(err)
	}
	if err := insert(a, b); !tenants.IsDenied(err) {
		t.Errorf("an event in another's name: %v", err)
	}
	for _, table := range []string{"outbox", "due"} {
		var owners []string
		if err := db.Read(t.Context(), a, tenants.ListQ(&owners, `select distinct schema_name from central.`+table)); err != nil || strings.Join(owners, " ") != a.Schema() {
			t.Errorf("%s shows the rows of %v, %v", table, owners, err)
		}
	}
	err := db.In(t.Context(), a, func(tx tenants.Tx) error {
		if _, err := tx.Exec(t.Context(), `select id from central.outbox`); err != nil {
			return err
		}
		n, err := tx.Exec(t.Context(), `delete from central.outbox where schema_name = $1`, b.Schema())
		if err == nil && n != 0 {
			err = fmt.Errorf("removed %d rows of another shop", n)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
