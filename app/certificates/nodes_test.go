package certificates_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/certificates"
	"github.com/ezscale/ezscale/app/certificates/acmetest"
	"github.com/ezscale/ezscale/tenants"
)

func TestTwoNodesMakeOneOrder(t *testing.T) {
	t.Parallel()
	w, plain, secure := newWorld(t, acmetest.Options{})
	// The authority looks at the first node only; the orders come from both.
	first, second := w.node(plain, secure, nil), w.node(listen(t), listen(t), nil)
	w.add(w.shop, "shop.both.test")
	var all sync.WaitGroup
	for i := range 20 {
		n := []*node{first, second}[i%2]
		all.Go(func() {
			if _, _, err := n.get("shop.both.test"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := w.acme.Orders(); got != 1 {
		t.Errorf("%d orders", got)
	}
	w.add(w.shop, "shop.second.test")
	if err := second.Obtain(w.ctx, "shop.second.test"); err != nil {
		t.Fatalf("the second node orders, the first is looked at: %v", err)
	}
}

func TestOrderOfADeadNodeIsTakenOver(t *testing.T) {
	t.Parallel()
	w, plain, secure := newWorld(t, acmetest.Options{})
	n := w.node(plain, secure, nil)
	w.add(w.shop, "shop.dead.test")
	err := w.db.Central(w.ctx, func(tx tenants.CentralTx) error {
		_, err := tx.Exec(w.ctx, `-- the lock of a node that was killed
			insert into central.certificate_locks (name, holder, expires_at) values ('issue_cert_shop.dead.test', gen_random_uuid(), clock_timestamp() + interval '2 seconds')`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := n.Obtain(w.ctx, "shop.dead.test"); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 1500*time.Millisecond || took > 8*time.Second {
		t.Errorf("taken over after %s, the lease ended after 2 s", took)
	}
}

func TestOtherNodesServeWhatOneObtained(t *testing.T) {
	t.Parallel()
	w, plain, secure := newWorld(t, acmetest.Options{})
	first, second := w.node(plain, secure, nil), w.node(listen(t), listen(t), nil)
	second.run()
	w.add(w.shop, "shop.shared.test")
	if err := first.Obtain(w.ctx, "shop.shared.test"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, _, err := second.get("shop.shared.test"); err != nil || time.Since(began) > time.Second {
		t.Errorf("the other node: %v after %s", err, time.Since(began))
	}
	if err := w.db.RemoveDomain(w.ctx, w.shop, "shop.shared.test"); err != nil {
		t.Fatal(err)
	}
	if err := first.Remove(w.ctx, "shop.shared.test"); err != nil {
		t.Fatal(err)
	}
	for _, n := range []*node{first, second} {
		if _, _, err := n.get("shop.shared.test"); err == nil {
			t.Error("a removed name is served")
		}
	}
	// Given to another shop the name begins anew: its old certificate is gone.
	other := w.newShop("south")
	before := w.acme.Orders()
	w.add(other, "shop.shared.test")
	w.until("the other shop's certificate", 5*time.Second, func() bool { _, _, err := second.get("shop.shared.test"); return err == nil })
	if got := w.acme.Orders() - before; got != 1 {
		t.Errorf("%d orders for the new owner", got)
	}
}

func TestCertificatesAreRenewedInTime(t *testing.T) {
	t.Parallel()
	w, plain, secure := newWorld(t, acmetest.Options{Seconds: 9})
	n := w.node(plain, secure, func(c *certificates.Config) { c.CheckEvery = 300 * time.Millisecond })
	follower := w.node(listen(t), listen(t), nil)
	n.run()
	follower.run()
	w.add(w.shop, "shop.renewed.test")
	if err := n.Obtain(w.ctx, "shop.renewed.test"); err != nil {
		t.Fatal(err)
	}
	serial := func(n *node) string {
		_, state, err := n.get("shop.renewed.test")
		if err != nil {
			t.Errorf("a handshake failed while certificates are renewed: %v", err)
			return ""
		}
		return state.PeerCertificates[0].SerialNumber.String()
	}
	old := serial(n)
	if got := serial(follower); got != old {
		t.Fatalf("the nodes serve different certificates at first")
	}
	w.until("a new certificate is served", 15*time.Second, func() bool { return serial(n) != old })
	now := serial(n)
	w.until("by the other node too", 2*time.Second, func() bool { s := serial(follower); return s != old && (s == now || s == serial(n)) })
	if w.acme.Replacing() == 0 {
		t.Error("no renewal named the certificate that it replaces, so the authority counts it against its limits")
	}
	// Suspended shops keep what they have.
	if err := w.db.SetStatus(w.ctx, w.shop.ID, tenants.Suspended, "test"); err != nil {
		t.Fatal(err)
	}
	before := w.domain("shop.renewed.test")
	if before.SSLRenewals < 1 {
		t.Errorf("the renewals are not counted: %+v", before)
	}
	w.until("renewed while suspended", 15*time.Second, func() bool { return w.domain("shop.renewed.test").SSLRenewals > before.SSLRenewals })
	// Closed ones do not.
	if err := w.db.SetStatus(w.ctx, w.shop.ID, tenants.Closed, "test"); err != nil {
		t.Fatal(err)
	}
	last := w.domain("shop.renewed.test").SSLRenewals
	w.until("expired unrenewed", 20*time.Second, func() bool {
		d := w.domain("shop.renewed.test")
		return d.SSLExpiresAt.Before(time.Now()) && d.SSLRenewals <= last+1
	})
}

func TestUntrustedAuthorityGivesNothing(t *testing.T) {
	t.Parallel()
	w, plain, secure := newWorld(t, acmetest.Options{})
	other := acmetest.Start(t, acmetest.Options{})
	n := w.node(plain, secure, func(c *certificates.Config) { c.CARoot = other.RootFile })
	w.add(w.shop, "shop.trust.test")
	err := n.Obtain(w.ctx, "shop.trust.test")
	if err == nil || strings.Contains(err.Error(), "x509") {
		t.Errorf("an authority that is not trusted: %v", err)
	}
	if w.acme.Orders() != 0 {
		t.Error("an order went to it")
	}
	if d := w.domain("shop.trust.test"); d.SSLStatus != "failed" || d.SSLError == nil || *d.SSLError != err.Error() {
		t.Errorf("the row says %+v", d)
	}
	good := w.node(listen(t), listen(t), nil)
	if err := good.Obtain(w.ctx, "shop.trust.test"); err != nil {
		t.Fatalf("trusted again: %v", err)
	}
	if d := w.domain("shop.trust.test"); d.SSLStatus != "active" || d.SSLError != nil || d.SSLFailures != 0 {
		t.Errorf("the row says %+v after a good end", d)
	}
	w.acme.Roots = other.Roots // the authority's root is taken out of browsers
	if _, _, err := good.get("shop.trust.test"); err == nil {
		t.Error("a visitor who does not trust the authority got in")
	}
}
