package acmetest

import (
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// DNS is the name system of one test. Each has its own: a challenge server of one
// package for the whole process would answer one test with another's records. Every
// name leads to 127.0.0.1 until a test says otherwise.
type DNS struct {
	mu      sync.Mutex
	records map[string][]dns.RR // by name, as questions write it
}

// startDNS answers over UDP and TCP on one free port.
func startDNS(t testing.TB) (*DNS, string) {
	t.Helper()
	d := &DNS{records: map[string][]dns.RR{}}
	stream, packets := listenBoth(t)
	for _, srv := range []*dns.Server{{Listener: stream, Handler: d}, {PacketConn: packets, Handler: d}} {
		go func() { _ = srv.ActivateAndServe() }()
	}
	t.Cleanup(func() { _ = stream.Close(); _ = packets.Close() })
	return d, stream.Addr().String()
}

func listenBoth(t testing.TB) (net.Listener, net.PacketConn) {
	t.Helper()
	for range 20 {
		stream, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		packets, err := net.ListenPacket("udp", stream.Addr().String())
		if err == nil {
			return stream, packets
		}
		_ = stream.Close()
	}
	t.Fatal("no port was free for both TCP and UDP")
	return nil, nil
}

// Set gives a name its records, each in the words of a zone file: "A 127.0.0.2",
// "CNAME shop.edge.test.", `TXT "token"`, `CAA 0 issue "other.test"`. None at all
// makes a name that has no record.
func (d *DNS) Set(t testing.TB, name string, records ...string) {
	t.Helper()
	list := []dns.RR{}
	for _, text := range records {
		rr, err := dns.NewRR(dns.Fqdn(name) + " 0 IN " + text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, rr)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.records[strings.ToLower(dns.Fqdn(name))] = list
}

// Clear lets a name lead to 127.0.0.1 again.
func (d *DNS) Clear(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.records, strings.ToLower(dns.Fqdn(name)))
}

// ServeDNS answers one question, and follows aliases as a resolver does.
func (d *DNS) ServeDNS(w dns.ResponseWriter, m *dns.Msg) {
	answer := new(dns.Msg)
	answer.SetReply(m)
	if len(m.Question) == 1 {
		answer.Answer = d.find(m.Question[0].Name, m.Question[0].Qtype)
	}
	_ = w.WriteMsg(answer)
}

// aliasesDeep is how many aliases in a row are followed.
const aliasesDeep = 8

func (d *DNS) find(name string, kind uint16) (found []dns.RR) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for range aliasesDeep {
		list, known := d.records[strings.ToLower(name)]
		if !known && kind == dns.TypeA {
			return append(found, &dns.A{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(127, 0, 0, 1)})
		}
		alias := ""
		for _, rr := range list {
			if cname, ok := rr.(*dns.CNAME); ok && kind != dns.TypeCNAME {
				alias = cname.Target
			} else if rr.Header().Rrtype != kind {
				continue
			}
			found = append(found, rr)
		}
		if alias == "" {
			return found
		}
		name = alias
	}
	return found
}
