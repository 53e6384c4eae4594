package web

import (
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

// counting opens the database once more, over connections whose round trips are
// counted.
func counting(t testing.TB, trips *atomic.Int64) func(*Deps) {
	return func(d *Deps) {
		cfg := tenanttest.Config(t)
		cfg.RoundTrip = func() { trips.Add(1) }
		db, err := tenants.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.Close)
		d.DB, d.Registry = db, db.Registry()
	}
}

// The dashboard is two round trips: who comes, and everything that they see.
func TestDashboardIsTwoRoundTrips(t *testing.T) {
	t.Parallel()
	twoRoundTrips(t, "/")
}

// What a customer has, owes and has chosen is as many.
func TestBillingIsTwoRoundTrips(t *testing.T) {
	t.Parallel()
	twoRoundTrips(t, "/billing")
}

func twoRoundTrips(t *testing.T, path string) {
	t.Helper()
	var trips atomic.Int64
	w := newWorld(t, counting(t, &trips))
	d, ada, b := w.ada(t)
	d.busy(ada)
	// A connection looks up each statement's types once, before it first asks it.
	for range 20 {
		b.get(path).want(200)
	}
	// The registry asks, too, whenever a shop is made, as other tests do beside this
	// one: of several counts the least is the pages' own.
	const times = 10
	least := int64(math.MaxInt64)
	for range 5 {
		before := trips.Load()
		for range times {
			b.get(path).want(200)
		}
		least = min(least, trips.Load()-before)
	}
	if least != 2*times {
		t.Errorf("%s: %d round trips for %d pages, want 2 each", path, least, times)
	}
}

// crowd is a customer with three desktops, one of which runs, and 200 sessions.
func crowd(b *testing.B) (*world, *browser) {
	w := newWorld(b)
	d := desksIn(w, w.a)
	ada := w.person(w.a, "ada@example.com", accounts.Customer)
	d.credit(ada, "500.00")
	desks := []workspaces.Workspace{d.order(ada, "developer_basic"), d.order(ada, "business_pro"), d.order(ada, "developer_pro")}
	from := noon.AddDate(0, 0, -70)
	for n := range 200 {
		d.ran(desks[n%3], from, 40*time.Minute)
		from = from.Add(8 * time.Hour)
	}
	d.runs(desks[0], at(9, 23), at(11, 53))
	d.exec(`analyze`)
	return w, w.at(w.a).signIn("", "ada@example.com")
}

func BenchmarkDashboard(b *testing.B) {
	w, visitor := crowd(b)
	request := func() *http.Request {
		r := httptest.NewRequest("GET", "http://placeholder.test/", nil)
		r.Host, r.RemoteAddr = visitor.host, w.ip
		for _, c := range visitor.cookies {
			r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
		}
		return r
	}
	b.Run("handler", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(4)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				rec := httptest.NewRecorder()
				w.handler.ServeHTTP(rec, request())
				if rec.Code != http.StatusOK {
					b.Errorf("status %d", rec.Code)
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	})
	b.Run("server", func(b *testing.B) {
		server := httptest.NewServer(w.handler)
		defer server.Close()
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}}
		b.SetParallelism(4)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				r := request()
				r.RequestURI, r.URL.Scheme, r.URL.Host = "", "http", server.Listener.Addr().String()
				res, err := client.Do(r)
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	})
}
