package certificates_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/ezscale/ezscale/app/certificates"
	"github.com/ezscale/ezscale/app/certificates/acmetest"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

// zone is a name server for one zone that takes signed updates and answers the
// authority; every name leads to this machine.
type zone struct {
	mu      sync.Mutex
	texts   map[string][]string
	changes int
}

const (
	zoneKey    = "ezscale."
	zoneSecret = "c2VjcmV0IG9mIHRoZSB6b25lIGZvciB0ZXN0cw=="
)

func startZone(t *testing.T) (*zone, string) {
	t.Helper()
	z, address := &zone{texts: map[string][]string{}}, acmetest.FreeAddress(t)
	up := make(chan struct{})
	srv := &dns.Server{Addr: address, Net: "tcp", Handler: z, TsigSecret: map[string]string{zoneKey: zoneSecret}, NotifyStartedFunc: func() { close(up) },
		MsgAcceptFunc: func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }}
	go func() { _ = srv.ListenAndServe() }()
	<-up
	t.Cleanup(func() { _ = srv.Shutdown() })
	return z, address
}

func (z *zone) ServeDNS(w dns.ResponseWriter, m *dns.Msg) {
	z.mu.Lock()
	defer z.mu.Unlock()
	answer := new(dns.Msg)
	answer.SetReply(m)
	switch {
	case m.Opcode == dns.OpcodeUpdate && (m.IsTsig() == nil || w.TsigStatus() != nil):
		answer.Rcode = dns.RcodeRefused
	case m.Opcode == dns.OpcodeUpdate && m.Question[0].Name != tenanttest.Domain+".":
		answer.Rcode = dns.RcodeNotZone
	case m.Opcode == dns.OpcodeUpdate:
		z.change(m.Ns)
		answer.SetTsig(zoneKey, dns.HmacSHA256, 300, time.Now().Unix())
	default:
		q := m.Question[0]
		head := dns.RR_Header{Name: q.Name, Rrtype: q.Qtype, Class: dns.ClassINET}
		if q.Qtype == dns.TypeA {
			answer.Answer = append(answer.Answer, &dns.A{Hdr: head, A: []byte{127, 0, 0, 1}})
		}
		for _, text := range z.texts[strings.ToLower(q.Name)] {
			if q.Qtype == dns.TypeTXT {
				answer.Answer = append(answer.Answer, &dns.TXT{Hdr: head, Txt: []string{text}})
			}
		}
	}
	_ = w.WriteMsg(answer)
}

func (z *zone) change(records []dns.RR) {
	for _, rr := range records {
		z.changes++
		record, ok := rr.(*dns.TXT)
		if !ok {
			continue
		}
		name := strings.ToLower(record.Hdr.Name)
		if record.Hdr.Class == dns.ClassINET {
			z.texts[name] = append(z.texts[name], record.Txt...)
		} else {
			delete(z.texts, name)
		}
	}
}

func (z *zone) left() int {
	z.mu.Lock()
	defer z.mu.Unlock()
	return len(z.texts)
}

func TestOneWildcardServesAllShops(t *testing.T) {
	t.Parallel()
	z, address := startZone(t)
	w, plain, secure := newWorld(t, acmetest.Options{Resolver: address})
	n := w.node(plain, secure, func(c *certificates.Config) {
		c.DNS01 = "rfc2136://ezscale:" + zoneSecret + "@" + address + "/" + tenanttest.Domain + "?wait=0s"
	})
	n.run()
	w.newShop("south")
	w.until("both of the installation's certificates", 10*time.Second, func() bool { return w.acme.Orders() == 2 && z.left() == 0 })
	for _, host := range []string{"north." + tenanttest.Domain, "south." + tenanttest.Domain, tenanttest.Domain} {
		var names []string
		w.until(host+" is served", 5*time.Second, func() bool {
			_, state, err := n.get(host)
			if err == nil {
				names = state.PeerCertificates[0].DNSNames
			}
			return err == nil
		})
		if wild := names[0] == "*."+tenanttest.Domain; wild == (host == tenanttest.Domain) {
			t.Errorf("%s is served with the certificate of %v", host, names)
		}
	}
	for _, host := range []string{"nobody." + tenanttest.Domain, "a.north." + tenanttest.Domain} {
		if _, _, err := n.get(host); err == nil {
			t.Errorf("%s is no shop and is served", host)
		}
	}
	if got := w.acme.Orders(); got != 2 {
		t.Errorf("%d orders", got)
	}
}

func TestDNS01SettingsAreChecked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ setting, complaint string }{
		{"rfc2136://key:%25%25@127.0.0.1", "base64"},
		{"rfc2136://127.0.0.1?wait=soon", "wait"},
		{"cloudflare://zone", "TOKEN@ZONEID"},
		{"route53://key@zone", "must begin"},
	} {
		_, err := certificates.New(certificates.Config{DB: tenanttest.DB(t), Domain: tenanttest.Domain, DNS01: c.setting})
		if err == nil || !strings.Contains(err.Error(), c.complaint) {
			t.Errorf("%s: %v", c.setting, err)
		}
	}
}

func TestCloudflareRecordsComeAndGo(t *testing.T) {
	t.Parallel()
	z := &zone{texts: map[string][]string{}}
	var mu sync.Mutex
	var seen []string
	api := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r.Method+" "+r.URL.Path)
		if r.Header.Get("Authorization") != "Bearer token" {
			out.WriteHeader(http.StatusForbidden)
			_, _ = out.Write([]byte(`{"success":false,"errors":[{"message":"wrong token"}]}`))
			return
		}
		z.cloudflare(out, r)
	}))
	t.Cleanup(api.Close)
	w, plain, secure := newWorld(t, acmetest.Options{})
	n := w.node(plain, secure, func(c *certificates.Config) {
		c.DNS01 = "cloudflare://token@zone1?wait=0s&api=" + api.URL
	})
	// The authority asks its own DNS, which does not know these records: what counts
	// is that they came, and that they went in spite of the refusal.
	err := n.Obtain(w.ctx, "north."+tenanttest.Domain)
	if err == nil || !strings.HasPrefix(err.Error(), "The certificate authority says: ") {
		t.Errorf("%v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	want := "POST /zones/zone1/dns_records GET /zones/zone1/dns_records DELETE /zones/zone1/dns_records/7"
	if got := strings.Join(seen, " "); got != want || z.left() != 0 {
		t.Errorf("the provider saw %s, %d records left", got, z.left())
	}
}

// cloudflare is the part of the API that is used.
func (z *zone) cloudflare(out http.ResponseWriter, r *http.Request) {
	z.mu.Lock()
	defer z.mu.Unlock()
	answer := map[string]any{"success": true, "errors": []any{}, "result": nil}
	switch r.Method {
	case http.MethodPost:
		var record struct{ Name, Content string }
		_ = json.NewDecoder(r.Body).Decode(&record)
		z.texts[record.Name] = []string{record.Content}
	case http.MethodGet:
		list := []any{}
		for name, texts := range z.texts {
			if name == r.URL.Query().Get("name") {
				list = append(list, map[string]any{"id": "7", "type": "TXT", "name": name, "content": texts[0]})
			}
		}
		answer["result"] = list
	case http.MethodDelete:
		clear(z.texts)
	}
	_ = json.NewEncoder(out).Encode(answer)
}
