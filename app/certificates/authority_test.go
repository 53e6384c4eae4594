package certificates_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/certificates"
	"github.com/ezscale/ezscale/app/certificates/acmetest"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

func TestNewNameIsServedOnItsFirstRequest(t *testing.T) {
	t.Parallel()
	w, plain, secure := newWorld(t, acmetest.Options{})
	n := w.node(plain, secure, nil)
	w.add(w.shop, "shop.first.test")
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if body, state, err := n.get("shop.first.test"); err != nil || !strings.Contains(body, "HTTP/2.0") || state.Version < 0x0303 {
				t.Errorf("%q, %v", body, err)
			}
		})
	}
	all.Wait()
	if got := w.acme.Orders(); got != 1 {
		t.Errorf("%d orders for one name", got)
	}
	d := w.domain("shop.first.test")
	if d.SSLStatus != "active" || d.SSLIssuedAt == nil || d.SSLExpiresAt == nil || d.SSLExpiresAt.Before(time.Now()) || d.SSLRenewals != 0 {
		t.Errorf("the domain is %+v", d)
	}
	if _, _, err := n.get("north." + tenanttest.Domain); err != nil {
		t.Errorf("a shop below the central domain: %v", err)
	}
	if _, _, err := n.get(tenanttest.Domain); err != nil {
		t.Errorf("the central domain: %v", err)
	}
}

func TestNameIsServedSoonAfterItIsProven(t *testing.T) {
	t.Parallel()
	w, plain, secure := newWorld(t, acmetest.Options{})
	n := w.node(plain, secure, nil)
	n.run()
	if _, err := w.db.AddDomain(w.ctx, w.shop, "shop.soon.test", true); err != nil {
		t.Fatal(err)
	}
	w.until("served after it was proven", 2*time.Second, func() bool { return w.domain("shop.soon.test").SSLStatus == "active" })
	before := w.acme.Orders()
	if _, _, err := n.get("shop.soon.test"); err != nil {
		t.Fatal(err)
	}
	if w.acme.Orders() != before {
		t.Error("the first visitor made an order")
	}
}

func TestStrangersCauseNoOrder(t *testing.T) {
	t.Parallel()
	w, plain, secure := newWorld(t, acmetest.Options{})
	n := w.node(plain, secure, nil)
	if _, err := w.db.AddDomain(w.ctx, w.shop, "waiting.test", false); err != nil {
		t.Fatal(err)
	}
	w.add(w.shop, "left.test")
	if err := w.db.RemoveDomain(w.ctx, w.shop, "left.test"); err != nil {
		t.Fatal(err)
	}
	names := []string{"waiting.test", "left.test", "www.north." + tenanttest.Domain, "nobody." + tenanttest.Domain, "localhost", "*.test", "a_b.test", "127.0.0.1", strings.Repeat("a.", 126) + "test"}
	for i := len(names); i < 1000; i++ {
		names = append(names, fmt.Sprintf("h%d.hostile.test", i))
	}
	began := time.Now()
	var all sync.WaitGroup
	queue := make(chan string)
	for range 20 {
		all.Go(func() {
			for name := range queue {
				if _, _, err := n.get(name); err == nil {
					t.Errorf("%s was served", name)
				}
			}
		})
	}
	for _, name := range names {
		queue <- name
	}
	close(queue)
	all.Wait()
	t.Logf("1,000 strangers in %s", time.Since(began))
	if got := w.acme.Orders(); got != 0 {
		t.Errorf("%d orders", got)
	}
	if err := n.Obtain(w.ctx, "h1.hostile.test"); !fail.Is(err, fail.NotFound) {
		t.Errorf("an order that somebody asks for: %v", err)
	}
	w.add(w.shop, "shop.friend.test")
	if _, _, err := n.get("shop.friend.test"); err != nil {
		t.Errorf("a proven name among strangers: %v", err)
	}
}

func TestSuspendedAndClosedShopsOrderNothingNew(t *testing.T) {
	t.Parallel()
	w, plain, secure := newWorld(t, acmetest.Options{})
	n := w.node(plain, secure, nil)
	w.add(w.shop, "had.test")
	if err := n.Obtain(w.ctx, "had.test"); err != nil {
		t.Fatal(err)
	}
	w.add(w.shop, "late.test")
	for _, status := range []tenants.Status{tenants.Suspended, tenants.Closed} {
		if err := w.db.SetStatus(w.ctx, w.shop.ID, status, "test"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := n.get("late.test"); err == nil {
			t.Errorf("a %s shop was served under a new name", status)
		}
		if err := n.Obtain(w.ctx, "late.test"); !fail.Is(err, fail.Conflict) {
			t.Errorf("a %s shop: %v", status, err)
		}
		if _, _, err := n.get("had.test"); err != nil {
			t.Errorf("a %s shop is not served under the name it had: %v", status, err)
		}
	}
	if got := w.acme.Orders(); got != 1 {
		t.Errorf("%d orders", got)
	}
}

func TestBrokenNameIsRefusedQuicklyWithItsReason(t *testing.T) {
	t.Parallel()
	w, plain, secure := newWorld(t, acmetest.Options{})
	n := w.node(plain, secure, nil)
	w.add(w.shop, "broken.test")
	w.acme.DNS.Set(t, "broken.test", "A 127.9.9.9")
	began := time.Now()
	if _, _, err := n.get("broken.test"); err == nil {
		t.Fatal("a broken name was served")
	}
	if took := time.Since(began); took > 11*time.Second {
		t.Errorf("the first visitor hung for %s", took)
	}
	w.until("the failure is kept", 20*time.Second, func() bool { return w.domain("broken.test").SSLStatus == "failed" })
	orders := w.acme.Orders()
	for range 50 {
		if _, _, err := n.get("broken.test"); err == nil {
			t.Fatal("served")
		}
	}
	if w.acme.Orders() != orders {
		t.Errorf("%d more orders of a name that failed", w.acme.Orders()-orders)
	}
	d := w.domain("broken.test")
	if d.SSLFailures != 1 || d.SSLError == nil || !strings.HasPrefix(*d.SSLError, "The certificate authority says: ") || d.SSLErrorAt == nil {
		t.Errorf("the row says %+v", d)
	}
	began = time.Now()
	err := n.Obtain(w.ctx, "broken.test")
	if !fail.Is(err, fail.Unavailable) || !strings.HasPrefix(err.Error(), "The certificate authority says: ") {
		t.Errorf("asked again: %v", err)
	}
	t.Logf("asked again: %v after %s", err, time.Since(began))
	if err := n.Obtain(w.ctx, "broken.test"); !fail.Is(err, fail.TooMany) {
		t.Errorf("a third try within the hour: %v", err)
	}
	w.acme.DNS.Clear("broken.test")
	w.add(w.shop, "sound.test")
	if err := n.Obtain(w.ctx, "sound.test"); err != nil {
		t.Errorf("a sound name of the same shop: %v", err)
	}
}

func TestHandshakeNeverHangs(t *testing.T) {
	t.Parallel()
	w, plain, secure := newWorld(t, acmetest.Options{})
	n := w.node(plain, secure, nil)
	w.add(w.shop, "slow.test")
	release := w.acme.Hang()
	defer release()
	began := time.Now()
	if _, _, err := n.get("slow.test"); err == nil {
		t.Fatal("served without a certificate")
	}
	if took := time.Since(began); took < 9*time.Second || took > 12*time.Second {
		t.Errorf("the visitor waited %s", took)
	}
	release()
	w.until("the order went on", 10*time.Second, func() bool { _, _, err := n.get("slow.test"); return err == nil })
	if got := w.acme.Orders(); got != 1 {
		t.Errorf("%d orders", got)
	}
}

func TestOneShopDoesNotUseUpTheOthersOrders(t *testing.T) {
	t.Parallel()
	w, plain, secure := newWorld(t, acmetest.Options{})
	n := w.node(plain, secure, func(c *certificates.Config) { c.Limits = certificates.Limits{TenantHour: 2, Hour: 3, FailedHour: 3} })
	other := w.newShop("south")
	third := w.newShop("east")
	for i, c := range []struct {
		shop tenants.Tenant
		ok   bool
	}{{w.shop, true}, {w.shop, true}, {w.shop, false}, {other, true}, {third, false}} {
		name := fmt.Sprintf("n%d.limits.test", i)
		w.add(c.shop, name)
		err := n.Obtain(w.ctx, name)
		if c.ok && err != nil || !c.ok && !fail.Is(err, fail.TooMany) {
			t.Errorf("%s: %v", name, err)
		}
		if d := w.domain(name); !c.ok && (d.SSLFailures != 0 || d.SSLStatus != "pending") {
			t.Errorf("a limit counts as a failure: %+v", d)
		}
	}
	if got := w.acme.Orders(); got != 3 {
		t.Errorf("%d orders", got)
	}
}

func TestPlainRequestsAreLedToHTTPS(t *testing.T) {
	t.Parallel()
	w, plain, secure := newWorld(t, acmetest.Options{})
	n := w.node(plain, secure, nil)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	at := func(host, path string) *http.Response {
		req, err := http.NewRequestWithContext(w.ctx, http.MethodGet, "http://"+n.plain.Addr().String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	host := "north." + tenanttest.Domain
	want := fmt.Sprintf("https://%s:%d/plans?a=b%%2Fc", host, portOf(secure))
	if resp := at(host+":8080", "/plans?a=b%2Fc"); resp.StatusCode != http.StatusPermanentRedirect || resp.Header.Get("Location") != want {
		t.Errorf("%d to %s", resp.StatusCode, resp.Header.Get("Location"))
	}
	for _, c := range [][2]string{{"evil.test", "/"}, {host, "/healthz"}, {host, "/.well-known/ezscale/token"}, {host, "/.well-known/acme-challenge/nothing"}} {
		if resp := at(c[0], c[1]); resp.StatusCode != http.StatusOK {
			t.Errorf("%s%s: %d", c[0], c[1], resp.StatusCode)
		}
	}
}
