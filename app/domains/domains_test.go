package domains

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/names"
	"github.com/ezscale/ezscale/tenants"
)

func selfSigned(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestACNAMEProvesAName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	name := "shop." + w.base
	d := w.add(w.a, strings.ToUpper(name)+".")
	if d.Domain.Domain != name || d.VerifiedAt != nil || w.served(name) || d.State(false) != "pending" {
		t.Fatalf("added: %+v", d)
	}
	if d = w.check(w.a, name); d.VerifiedAt != nil || w.served(name) || d.CheckError == nil {
		t.Fatalf("without a record: %+v", d)
	}
	if got, want := states(d), "owner waiting, address waiting, caa good, http waiting, certificate off, redirect off, hsts off"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	w.leads(name, w.b)
	if d = w.check(w.a, name); d.VerifiedAt != nil || d.Steps[0].State != Bad {
		t.Fatalf("the CNAME of another shop proves it: %+v", d)
	}
	w.leads(name, w.a)
	d = w.check(w.a, name)
	if d.VerifiedAt == nil || *d.Proof != tenants.ProofCNAME || d.Type != "primary" || d.CheckError != nil || !w.served(name) || !d.Live() {
		t.Fatalf("with its record: %+v", d)
	}
	if got, want := states(d), "owner good, address good, caa good, http good, certificate off, redirect off, hsts off"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	w.check(w.a, name)
	if said := w.announced(w.a, EventVerified); len(said) != 1 || !strings.Contains(said[0], name) {
		t.Errorf("announced: %q", said)
	}
	known, err := w.s.Find(t.Context(), w.a, name)
	if err != nil || states(known) != states(d) || known.VerifiedAt == nil {
		t.Errorf("stored: %+v, %v", known, err)
	}
}

func TestATokenBesideAnAddressProvesAName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	name := w.base
	d, other := w.add(w.a, name), w.add(w.b, name)
	if !d.Apex() || d.Token == other.Token || d.TXTName() != "_ezscale."+name {
		t.Fatal(d, other)
	}
	here, there := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.0.2.7")
	for _, tc := range []struct {
		txt    string
		addrs  []netip.Addr
		proven bool
		owner  string
	}{
		{"", nil, false, Waiting},
		{"", []netip.Addr{here}, false, Waiting},
		{"nonsense", []netip.Addr{here}, false, Bad},
		{other.Token, []netip.Addr{here}, false, Bad},
		{d.Token, nil, false, Good},
		{d.Token, []netip.Addr{there}, false, Good},
		{d.Token, []netip.Addr{here, there}, false, Good},
		{d.Token, []netip.Addr{here}, true, Good},
	} {
		w.zone.set(func(z *zone) {
			if z.addrs[name] = tc.addrs; tc.txt != "" {
				z.txt[d.TXTName()] = []string{"v=spf1 -all", tc.txt}
			}
		})
		got := w.check(w.a, name)
		if (got.VerifiedAt != nil) != tc.proven || got.Steps[0].State != tc.owner {
			t.Errorf("%+v: %s", tc, states(got))
		}
	}
	if _, err := w.s.Check(t.Context(), w.b, name, "test"); !fail.Is(err, fail.NotFound) {
		t.Errorf("the claim of the other shop is still there: %v", err)
	}
	if _, err := w.s.Add(t.Context(), w.b, "shop."+name, "test"); !fail.Is(err, fail.Conflict) {
		t.Errorf("a name below it: %v", err)
	}
}

// Whoever proves a name has it, however long another has waited for it.
func TestAProofBeatsAClaim(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	name := "shop." + w.base
	w.add(w.a, name)
	above := w.add(w.a, w.base)
	w.add(w.b, name)
	w.leads(name, w.b)
	if d := w.check(w.b, name); d.VerifiedAt == nil {
		t.Fatal("the owner did not get it")
	}
	for _, lost := range []string{name, above.Domain.Domain} {
		if _, err := w.s.Find(t.Context(), w.a, lost); !fail.Is(err, fail.NotFound) {
			t.Errorf("%s: %v", lost, err)
		}
		if _, err := w.s.Add(t.Context(), w.a, lost, "test"); !fail.Is(err, fail.Conflict) {
			t.Errorf("%s: %v", lost, err)
		}
		if _, err := w.s.Vouch(t.Context(), w.a, lost, "operator"); !fail.Is(err, fail.Conflict) {
			t.Errorf("%s: %v", lost, err)
		}
	}
}

func TestAClaimThatNobodyProvesEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.add(w.a, "shop."+w.base)
	w.passes(w.a, d, 6*24*time.Hour)
	if _, err := w.s.ByID(t.Context(), w.a, d.ID); err != nil {
		t.Fatal(err)
	}
	looks := w.zone.asked
	w.passes(w.a, d, 25*time.Hour)
	if _, err := w.s.ByID(t.Context(), w.a, d.ID); !fail.Is(err, fail.NotFound) || len(w.due(d)) != 0 {
		t.Errorf("it is still there: %v, due %v", err, w.due(d))
	}
	if looks == 0 || looks > 600 {
		t.Errorf("the name servers were asked %d times", looks)
	}
}

func TestANameThatLeavesIsWarnedAboutAndGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	name := "shop." + w.base
	d := w.add(w.a, name)
	second := w.add(w.a, "www."+w.base)
	w.leads(name, w.a)
	w.leads(second.Domain.Domain, w.a)
	d = w.check(w.a, name)
	w.check(w.a, second.Domain.Domain)
	w.passes(w.a, d, 50*time.Hour)
	w.zone.set(func(z *zone) { z.broken = true })
	w.passes(w.a, d, 50*time.Hour)
	if now, err := w.s.ByID(t.Context(), w.a, d.ID); err != nil || now.LapsedAt != nil || now.CheckError == nil {
		t.Fatalf("servers that do not answer say nothing about a name: %+v, %v", now, err)
	}
	w.zone.set(func(z *zone) { z.broken = false; delete(z.cname, name) })
	w.s.silent = time.Time{}
	w.passes(w.a, d, 25*time.Hour)
	now, err := w.s.ByID(t.Context(), w.a, d.ID)
	if err != nil || now.LapsedAt == nil || now.ReleaseAt.Sub(*now.LapsedAt) != GraceDays*24*time.Hour || !w.served(name) || now.State(false) != "lapsed" {
		t.Fatalf("it left: %+v, %v", now, err)
	}
	if said := w.announced(w.a, EventLapsed); len(said) != 1 || !strings.Contains(said[0], name) || !strings.Contains(said[0], "release_on") {
		t.Errorf("announced: %q", said)
	}
	w.leads(name, w.a)
	w.passes(w.a, d, 25*time.Hour)
	if now, err = w.s.ByID(t.Context(), w.a, d.ID); err != nil || now.LapsedAt != nil || now.ReleaseAt != nil {
		t.Fatalf("it came back: %+v, %v", now, err)
	}
	w.zone.set(func(z *zone) { delete(z.cname, name) })
	w.passes(w.a, d, 9*24*time.Hour)
	if _, err = w.s.ByID(t.Context(), w.a, d.ID); !fail.Is(err, fail.NotFound) || w.served(name) {
		t.Errorf("it is still there: %v", err)
	}
	if n := len(w.announced(w.a, EventRemoved)) + len(w.announced(w.a, EventReleased)); n != 2 {
		t.Errorf("%d announcements of its end, want one that it is removed and one for the owner", n)
	}
	if next, err := w.s.ByID(t.Context(), w.a, second.ID); err != nil || next.Type != "primary" || next.VerifiedAt == nil {
		t.Errorf("the other did not take its place: %+v, %v", next, err)
	}
	w.add(w.b, name)
}

func TestAVouchedNameStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	name := "shop." + w.base
	d, err := w.s.Vouch(t.Context(), w.a, name, "operator@example.com")
	if err != nil || d.VerifiedAt == nil || *d.Proof != tenants.ProofOperator || !w.served(name) {
		t.Fatal(d, err)
	}
	if d, err = w.s.Vouch(t.Context(), w.a, name, "operator@example.com"); err != nil || len(w.announced(w.a, EventVerified)) != 1 {
		t.Fatal("vouched for twice", err)
	}
	w.passes(w.a, d, 60*24*time.Hour)
	now, err := w.s.ByID(t.Context(), w.a, d.ID)
	if err != nil || now.LapsedAt != nil || now.CheckedAt == nil || now.Steps[0].State != Good || len(w.due(d)) != 1 {
		t.Errorf("two months later: %+v, %v, due %v", now, err, w.due(d))
	}
}

func TestPrimaryAndAliases(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	apex, www := w.base, "www."+w.base
	w.add(w.a, apex)
	w.add(w.a, www)
	if err := w.s.MakePrimary(t.Context(), w.a, www, "test"); !fail.Is(err, fail.Conflict) {
		t.Errorf("a name that is not proven: %v", err)
	}
	w.leads(www, w.a)
	if d := w.check(w.a, www); d.Type != "primary" {
		t.Errorf("the first proven name is %s", d.Type)
	}
	w.leads(apex, w.a)
	if d := w.check(w.a, apex); d.Type != "alias" {
		t.Errorf("the second proven name is %s", d.Type)
	}
	shop, _ := w.db.Registry().ByID(w.a.ID)
	if to, ok := shop.LeadsTo(apex); !ok || to != www {
		t.Errorf("the alias leads to %q, %v", to, ok)
	}
	if err := w.s.MakePrimary(t.Context(), w.a, apex, "test"); err != nil {
		t.Fatal(err)
	}
	shop, _ = w.db.Registry().ByID(w.a.ID)
	if to, ok := shop.LeadsTo(www); !ok || to != apex || shop.Host() != apex {
		t.Errorf("the alias leads to %q, %v", to, ok)
	}
	if err := w.s.MakePrimary(t.Context(), w.b, apex, "test"); !fail.Is(err, fail.NotFound) {
		t.Errorf("another shop's: %v", err)
	}
	if err := w.s.Remove(t.Context(), w.b, apex, "test"); !fail.Is(err, fail.NotFound) {
		t.Errorf("another shop's: %v", err)
	}
	if err := w.s.Remove(t.Context(), w.a, apex, "test"); err != nil {
		t.Fatal(err)
	}
	if list, err := w.s.List(t.Context(), w.a); err != nil || len(list) != 1 || list[0].Type != "primary" || w.served(apex) {
		t.Error(list, err)
	}
	if said := w.announced(w.a, EventRemoved); len(said) != 1 {
		t.Errorf("announced: %q", said)
	}
}

func TestTheWayOverHTTPS(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve(true)
	name := "shop." + w.base
	w.add(w.a, name)
	w.leads(name, w.a)
	d := w.check(w.a, name)
	if got, want := states(d), "owner good, address good, caa good, http good, certificate waiting, redirect waiting, hsts waiting"; got != want || d.State(true) != "verified" {
		t.Errorf("got %s, %s", got, d.State(true))
	}
	set := func(sql string) {
		t.Helper()
		if err := w.db.Central(t.Context(), func(tx tenants.CentralTx) error { _, err := tx.Exec(t.Context(), sql, name); return err }); err != nil {
			t.Fatal(err)
		}
	}
	set(`update central.tenant_domains set ssl_status = 'failed', ssl_error = 'The authority says no.' where domain = $1`)
	if d = w.check(w.a, name); d.Steps[4].Sentence != "The authority says no." || d.State(true) != "failed" {
		t.Errorf("got %s: %+v", states(d), d.Steps[4])
	}
	set(`update central.tenant_domains set ssl_status = 'active', ssl_expires_at = now() + interval '80 days' where domain = $1`)
	if d = w.check(w.a, name); !d.Live() || d.State(true) != "active" {
		t.Errorf("got %s: %+v", states(d), d.Steps)
	}
	w.zone.set(func(z *zone) { z.caa[name] = []names.CAA{{Tag: "issue", Value: "other.example"}} })
	if d = w.check(w.a, name); d.Steps[2].State != Bad || !strings.Contains(d.Steps[2].Sentence, "other.example") || d.VerifiedAt == nil {
		t.Errorf("got %+v", d.Steps[2])
	}
	w.s.HTTPPort = 1
	if d = w.check(w.a, name); d.Steps[3].State != Bad || d.Steps[5].State != Bad {
		t.Errorf("got %s", states(d))
	}
}

func TestBoundsOfAShop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range MaxDomains {
		w.add(w.a, strings.Repeat("a", i+1)+"."+w.base)
	}
	if _, err := w.s.Add(t.Context(), w.a, "more."+w.base, "test"); !fail.Is(err, fail.TooMany) {
		t.Errorf("one more: %v", err)
	}
	w.add(w.a, "a."+w.base) // has it already
	for range checksPerMin {
		w.s.mayAsk(w.a.ID)
	}
	if _, err := w.s.Check(t.Context(), w.a, "a."+w.base, "test"); !fail.Is(err, fail.TooMany) {
		t.Errorf("one check more: %v", err)
	}
	if _, err := w.s.Check(t.Context(), w.b, "a."+w.base, "test"); !fail.Is(err, fail.NotFound) {
		t.Errorf("another shop's: %v", err)
	}
	for _, name := range []string{"", "localhost", "127.0.0.1", "co.uk", "ezscale.test", "x.ezscale.test", "a b", "https://a.test", "*.a.test"} {
		if _, err := w.s.Add(t.Context(), w.a, name, "test"); !fail.Is(err, fail.Invalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
	closed := w.a
	closed.Status = tenants.Suspended
	if _, err := w.s.Add(t.Context(), closed, "later."+w.base, "test"); !fail.Is(err, fail.Conflict) {
		t.Errorf("a shop that is suspended: %v", err)
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, sub := range []string{"a", "b", "c", "xn--bcher-kva"} {
		w.add(w.a, sub+"."+w.base)
	}
	if _, err := w.s.Vouch(t.Context(), w.b, "vouched-"+w.base, "test"); err != nil {
		t.Fatal(err)
	}
	var seen []string
	f := Filter{Query: strings.ToUpper(w.base), Limit: 2}
	for {
		list, err := w.s.Search(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range list {
			seen = append(seen, d.Domain.Domain.Domain)
			f.After = Cursor{d.Domain.Domain.Domain, d.ID}
		}
		if len(list) < 2 {
			break
		}
	}
	if got, want := len(seen), 5; got != want {
		t.Errorf("found %v", seen)
	}
	for query, want := range map[string]int{"bücher." + w.base: 1, w.a.Slug: 4, w.b.Slug: 1, "%": 0, "_": 0} {
		list, err := w.s.Search(t.Context(), Filter{Query: query, Limit: 100})
		if err != nil || len(list) != want {
			t.Errorf("%q found %d, %v", query, len(list), err)
		}
	}
	list, err := w.s.Search(t.Context(), Filter{Query: w.base, State: Pending, Limit: 100})
	if err != nil || len(list) != 4 || list[0].Shop != "Northwind" {
		t.Error(list, err)
	}
	if Unicode("xn--bcher-kva.example") != "bücher.example" || Unicode("shop.example") != "" {
		t.Error("names of other scripts are not shown as people write them")
	}
}
