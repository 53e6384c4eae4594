package webhooks

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

func TestOnlyPublicAddressesAreCalled(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"93.184.216.34": true, "2606:2800:220:1:248:1893:25c8:1946": true, "::ffff:93.184.216.34": true,
		"127.0.0.1": false, "127.9.9.9": false, "::1": false, "::ffff:127.0.0.1": false, "0.0.0.0": false, "::": false, "0.1.2.3": false,
		"10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false, "100.64.0.1": false, "::ffff:10.0.0.1": false,
		"169.254.169.254": false, "fe80::1": false, "fd00:ec2::254": false, "fc00::1": false, "fec0::1": false, "224.0.0.1": false, "ff02::1": false,
		"255.255.255.255": false, "240.0.0.1": false, "192.0.0.192": false, "198.18.0.1": false, "192.0.2.1": false, "203.0.113.7": false,
		"64:ff9b::7f00:1": false, "64:ff9b:1::a00:1": false, "2002:7f00:1::": false, "2001::1": false, "2001:db8::1": false, "::7f00:1": false,
	} {
		if got := public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is public: %v", text, got)
		}
	}
}

func TestNoAddressOfOursIsPublicHoweverWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		raw := [4]byte{rapid.SampledFrom([]byte{10, 127, 0, 240, 255}).Draw(t, "net"), rapid.Byte().Draw(t, "b"), rapid.Byte().Draw(t, "c"), rapid.Byte().Draw(t, "d")}
		a := netip.AddrFrom4(raw)
		mapped := netip.AddrFrom16(a.As16())
		for _, addr := range []netip.Addr{a, mapped, mapped.WithZone("eth0")} {
			if public(addr) {
				t.Fatalf("%s is public", addr)
			}
		}
	})
}

func TestAddressesThatAreTaken(t *testing.T) {
	t.Parallel()
	strict, home := New(Config{}), New(Config{Loopback: true})
	for text, want := range map[string][2]bool{
		"https://hooks.example.com/in?x=1": {true, true}, "https://hooks.example.com:8443": {true, true}, "https://93.184.216.34/": {true, true}, " https://xn--bcher-kva.example.com/ ": {true, true},
		"http://hooks.example.com/": {}, "ftp://hooks.example.com/": {}, "hooks.example.com": {}, "": {}, "https://": {}, "https://:443/": {}, "//hooks.example.com": {}, "https:hooks.example.com": {},
		"javascript:alert(1)": {}, "https://u:p@hooks.example.com/": {}, "https://hooks.example.com/#x": {}, "https://hooks.example.com:0/": {}, "https://hooks.example.com:70000/": {}, "https://hooks.example.com:/": {},
		"http://localhost:9/": {false, true}, "https://localhost/": {false, true}, "http://127.0.0.1:9": {false, true}, "http://[::1]:9/": {false, true}, "http://a.localhost/": {false, true},
		"https://10.0.0.1/": {}, "https://[::ffff:10.0.0.1]/": {}, "https://169.254.169.254/latest": {}, "https://[fd00:ec2::254]/": {}, "https://2130706433/": {}, "https://0x7f.1/": {}, "https://0177.0.0.1/": {}, "https://127.1/": {},
		"https://metadata.google.internal/": {}, "https://printer.local/": {}, "https://intranet/": {}, "https://hooks.example.com\r\nX: y/": {}, "https://hooks.example.com/" + strings.Repeat("x", 500): {},
	} {
		for i, s := range []*Service{strict, home} {
			clean, sentence := s.checkURL(text)
			if taken := sentence == ""; taken != want[i] || taken != (clean != "") {
				t.Errorf("%q (loopback %v): %q, %q", text, i == 1, clean, sentence)
			}
		}
	}
}

// What is typed never brings the check down, and whatever passes is https to a name or
// a public address, without a word that would be sent along.
func FuzzAddress(f *testing.F) {
	for _, text := range []string{"https://hooks.example.com/", "https://[::1]%25eth0/", "https://1.2.3.4.:1", "https://%31%32%37.1/", "http://\x00", "https://a@b@c/"} {
		f.Add(text)
	}
	s := New(Config{})
	f.Fuzz(func(t *testing.T, text string) {
		clean, sentence := s.checkURL(text)
		if sentence != "" {
			return
		}
		u, err := url.Parse(clean)
		if err != nil || u.Scheme != "https" || u.User != nil || u.Fragment != "" || u.Hostname() == "" {
			t.Fatalf("%q became %q, %v", text, clean, err)
		}
		if addr, err := netip.ParseAddr(u.Hostname()); err == nil && !public(addr) {
			t.Fatalf("%q leads to %s", text, addr)
		}
		if again, sentence := s.checkURL(clean); again != clean || sentence != "" {
			t.Fatalf("%q became %q and then %q, %q", text, clean, again, sentence)
		}
	})
}

// A name that was public when it was typed may lead to us when it is called.
func TestANameThatLeadsToUsIsNotCalled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.Loopback = false })
	called := false
	trap := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	t.Cleanup(trap.Close)
	port := trap.URL[strings.LastIndexByte(trap.URL, ':'):]
	for _, host := range []string{"localhost", "127.0.0.1", "[::ffff:127.0.0.1]"} {
		e, _ := w.add("https://hooks.example.com/", "customer.created")
		w.leads(e.ID, "https://"+host+port+"/")
		w.must(w.Test(t.Context(), w.shop, e.ID))
		w.tries(e.ID)
		d := w.deliveries(e.ID)[0]
		if called || d.Answer != nil || d.Said != "The name leads to an address that is not public." || strings.Contains(d.Said, "127.") {
			t.Errorf("%s: called %v, %+v", host, called, d)
		}
	}
}

func TestACertificateHasToBeRight(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	for name, trusted := range map[string]*x509.CertPool{"unknown": nil, "known": roots} {
		w := newWorld(t, func(c *Config) { c.Roots = trusted })
		e, _ := w.add(server.URL, "customer.created")
		w.must(w.Test(t.Context(), w.shop, e.ID))
		w.tries(e.ID)
		if d := w.deliveries(e.ID)[0]; (d.Status == Sent) != (trusted != nil) || trusted == nil && d.Said != "The certificate could not be verified." {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := httptest.NewServer(http.NotFoundHandler())
	e, _ := w.add(server.URL, "customer.created")
	server.Close()
	w.must(w.Test(t.Context(), w.shop, e.ID))
	w.must(w.Test(t.Context(), w.shop, e.ID))
	w.tries(e.ID)
	tried := 0
	for _, d := range w.deliveries(e.ID) {
		tried += d.Tries
		if d.Tries > 0 && (d.Answer != nil || d.Said != "The connection failed." || d.Status != Waiting) {
			t.Errorf("%+v", d)
		}
	}
	if tried != 1 || !w.dueAfter(w.clock.Now()) {
		t.Errorf("%d tries at somebody who is not there", tried)
	}
}

func TestAShopsWebhooksAreItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e, _ := w.add("https://hooks.example.com/", "customer.created")
	other := w.other()
	for what, err := range map[string]error{
		"read": w.db.Read(t.Context(), other, EndpointQ(new(Endpoint), e.ID)), "test": w.Test(t.Context(), other, e.ID), "pause": w.Pause(t.Context(), other, "test", e.ID),
		"remove": w.Remove(t.Context(), other, "test", e.ID), "again": w.Again(t.Context(), other, e.ID, uuid.New()),
	} {
		if !fail.Is(err, fail.NotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := w.Rotate(t.Context(), other, "test", e.ID); !fail.Is(err, fail.NotFound) {
		t.Errorf("rotate: %v", err)
	}
	var secret []byte
	w.must(w.db.Read(t.Context(), w.shop, tenants.GetQ(&secret, "secret", `select secret from webhook_endpoints where id = $1`, e.ID)))
	if strings.Contains(string(secret), secretPrefix) {
		t.Error("the secret is kept as it is")
	}
}

func TestFirstWords(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		said := firstWords(rapid.SliceOfN(rapid.Byte(), 0, 2000).Draw(t, "answer"))
		if len([]rune(said)) > keepAtMost+1 || strings.ContainsAny(said, "\x00\n\r\t\x1b") {
			t.Fatalf("kept %q", said)
		}
	})
}

func (w *world) leads(id uuid.UUID, to string) {
	w.Helper()
	w.must(w.db.In(w.Context(), w.shop, func(tx tenants.Tx) error {
		_, err := tx.Exec(w.Context(), `update webhook_endpoints set url = $2 where id = $1`, id, to)
		return err
	}))
}

func (w *world) other() tenants.Tenant {
	w.Helper()
	t, _, err := w.db.Create(w.Context(), tenants.NewTenant{Name: "Other", Email: "owner@other.test", Slug: "other"}, nil)
	w.must(err)
	return t
}
