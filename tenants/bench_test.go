package tenants_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

func BenchmarkCreateTenant(b *testing.B) {
	db := fresh(b)
	for i := 0; b.Loop(); i++ {
		if _, _, err := db.Create(b.Context(), tenants.NewTenant{Name: fmt.Sprintf("Shop number %d", i), Email: "a@a.example"}, owner); err != nil {
			b.Fatal(err)
		}
	}
}

// thousand is a database of 1,000 shops.
func thousand(b *testing.B) (*tenants.DB, tenants.Config) {
	cfg := tenanttest.Fresh(b)
	db := open(b, cfg)
	if _, err := db.Migrate(b.Context(), tenants.MigrateOptions{}); err != nil {
		b.Fatal(err)
	}
	var all sync.WaitGroup
	for part := range 4 {
		all.Go(func() {
			for i := part; i < 1000; i += 4 {
				if _, _, err := db.Create(b.Context(), tenants.NewTenant{Name: fmt.Sprintf("Shop number %d", i), Email: "a@a.example"}, nil); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	return db, cfg
}

func BenchmarkMigrate1000(b *testing.B) {
	db, cfg := thousand(b)
	b.Run("nothing to do", func(b *testing.B) {
		for b.Loop() {
			if _, err := db.Migrate(b.Context(), tenants.MigrateOptions{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	more := map[string]string{}
	for _, workers := range []int{1, 2, 4, 8} {
		more[fmt.Sprintf("%d_more.sql", 9000+workers)] = fmt.Sprintf("alter table users add column extra_%d text;", workers)
		next := newer(b, cfg, 1, more)
		b.Run(fmt.Sprintf("one column, %d workers", workers), func(b *testing.B) {
			if b.N > 1 {
				b.Skip("a migration runs once")
			}
			report, err := next.Migrate(b.Context(), tenants.MigrateOptions{Workers: workers})
			if err != nil || report.Tenants != 1000 {
				b.Fatal(report, err)
			}
		})
	}
	b.Run("read all tenants", func(b *testing.B) {
		for b.Loop() {
			if err := db.Registry().Refresh(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkIn(b *testing.B) {
	db, shop := tenanttest.New(b)
	for b.Loop() {
		err := db.In(b.Context(), shop, func(tx tenants.Tx) error {
			_, err := tenants.Get[int64](b.Context(), tx, "counter", `select value from counters where name = $1`, "invoice")
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func page(into *struct {
	n    int64
	list []string
}) []tenants.Query {
	return []tenants.Query{
		tenants.GetQ(&into.n, "counter", `select value from counters where name = $1`, "invoice"),
		tenants.ListQ(&into.list, `select name from plans where status = $1 order by sort_order`, "active"),
		tenants.ListQ(&into.list, `select name from kasm_workspace_templates where status = $1 order by sort_order`, "active"),
		tenants.GetQ(&into.n, "count", `select count(*) from users where role = $1`, "customer"),
		tenants.GetQ(&into.n, "count", `select count(*) from invoices where status = $1`, "open"),
	}
}

func BenchmarkRead5Queries(b *testing.B) {
	db, first := tenanttest.New(b)
	list := []tenants.Tenant{first}
	for range 9 {
		_, shop := tenanttest.New(b)
		list = append(list, shop)
	}
	for _, count := range []int{1, 10} {
		b.Run(fmt.Sprintf("%d shops", count), func(b *testing.B) {
			var into struct {
				n    int64
				list []string
			}
			for i := 0; b.Loop(); i++ {
				if err := db.Read(context.Background(), list[i%count], page(&into)...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkByHost(b *testing.B) {
	db, shop := tenanttest.New(b)
	for name, host := range map[string]string{"as kept": shop.Hosts[0], "to be normalised": "T" + shop.Hosts[0][1:] + ":8080", "unknown": "nobody.example"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				db.Registry().ByHost(host)
			}
		})
	}
}
