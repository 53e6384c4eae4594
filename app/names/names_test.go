package names

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// zone is a name server of a few lines, as zone files write them.
func zone(t *testing.T, lines ...string) *Resolver {
	t.Helper()
	records := map[uint16][]dns.RR{}
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		records[rr.Header().Rrtype] = append(records[rr.Header().Rrtype], rr)
	}
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		asked := q.Question[0]
		if strings.HasPrefix(asked.Name, "broken.") {
			m.Rcode = dns.RcodeServerFailure
		}
		for _, rr := range records[asked.Qtype] {
			if strings.EqualFold(rr.Header().Name, asked.Name) {
				m.Answer = append(m.Answer, rr)
			}
		}
		_ = w.WriteMsg(m)
	})
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: conn, Handler: handler}
	go func() { _ = server.ActivateAndServe() }()
	t.Cleanup(func() { _ = server.Shutdown() })
	r, err := New(conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWhatANameSays(t *testing.T) {
	t.Parallel()
	r := zone(t, "shop.example.com. 60 IN CNAME Acme.Edge.Test.", `_ezscale.example.com. 60 IN TXT "one" "two"`, "example.com. 60 IN A 192.0.2.7",
		"example.com. 60 IN AAAA 2001:db8::7", `example.com. 60 IN CAA 128 Issue "ca.test"`, "example.com. 60 IN MX 10 mail.example.com.")
	ctx := t.Context()
	if got, err := r.CNAME(ctx, "shop.example.com"); got != "acme.edge.test" || err != nil {
		t.Errorf("CNAME: %q, %v", got, err)
	}
	if got, err := r.TXT(ctx, "_ezscale.example.com"); len(got) != 1 || got[0] != "onetwo" || err != nil {
		t.Errorf("TXT: %q, %v", got, err)
	}
	if got, err := r.Addrs(ctx, "example.com"); len(got) != 2 || err != nil {
		t.Errorf("Addrs: %v, %v", got, err)
	}
	if got, err := r.CAA(ctx, "deep.shop.example.com"); len(got) != 1 || got[0] != (CAA{true, "issue", "ca.test"}) || err != nil {
		t.Errorf("CAA of a name below: %v, %v", got, err)
	}
	if got, err := r.MX(ctx, "example.com"); len(got) != 1 || got[0] != "mail.example.com" || err != nil {
		t.Errorf("MX: %v, %v", got, err)
	}
}

func TestNothingFoundIsNoError(t *testing.T) {
	t.Parallel()
	r := zone(t)
	if cname, err := r.CNAME(t.Context(), "nobody.example"); cname != "" || err != nil {
		t.Errorf("CNAME: %q, %v", cname, err)
	}
	if addrs, err := r.Addrs(t.Context(), "nobody.example"); addrs != nil || err != nil {
		t.Errorf("Addrs: %v, %v", addrs, err)
	}
}

func TestServersThatCannotAnswerAreNoAnswer(t *testing.T) {
	t.Parallel()
	if _, err := zone(t).TXT(t.Context(), "broken.example"); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("a broken server: %v", err)
	}
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	r := &Resolver{servers: []string{silent.LocalAddr().String()}, wait: 50 * time.Millisecond}
	if _, err := r.CNAME(context.Background(), "example.com"); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("a silent server: %v", err)
	}
}

func TestWhatIsNoNameIsNotAsked(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "..", strings.Repeat("a", 64) + ".test"} {
		if _, err := zone(t).CNAME(t.Context(), name); err == nil {
			t.Errorf("%q was asked", name)
		}
	}
}
