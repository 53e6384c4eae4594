// Package names asks the domain name system what a name says: where it leads, what
// its owner has written beside it, and which authorities may make certificates for
// it. A name or a record that is not there is no error but nothing found.
package names

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Resolver asks one name server, or the machine's own in their order. It is safe
// for use at once by many.
type Resolver struct {
	servers []string // host:port
	wait    time.Duration
}

// CAA is a line that says which authority may make certificates (RFC 8659).
type CAA struct {
	Critical   bool
	Tag, Value string // such as issue, letsencrypt.org
}

// answerWithin is how long one server may take for one question.
const answerWithin = 3 * time.Second

// ErrNoAnswer is wrapped by errors about name servers that do not answer, or answer
// that they cannot: nothing is known about the name.
var ErrNoAnswer = errors.New("the name servers did not answer")

// New makes a resolver that asks server ("host:port"), or the machine's own name
// servers when it is empty: those of /etc/resolv.conf, without it one on this
// machine.
func New(server string) (*Resolver, error) {
	if server != "" {
		if _, _, err := net.SplitHostPort(server); err != nil {
			return nil, fmt.Errorf("name server %q: %w", server, err)
		}
		return &Resolver{servers: []string{server}, wait: answerWithin}, nil
	}
	r := &Resolver{wait: answerWithin}
	if config, err := dns.ClientConfigFromFile("/etc/resolv.conf"); err == nil {
		for _, s := range config.Servers {
			r.servers = append(r.servers, net.JoinHostPort(s, config.Port))
		}
	}
	if len(r.servers) == 0 {
		r.servers = []string{"127.0.0.1:53"}
	}
	return r, nil
}

// CNAME is the name that name is another name of, in small letters and without the
// last dot; empty when it is none.
func (r *Resolver) CNAME(ctx context.Context, name string) (string, error) {
	answers, err := r.ask(ctx, name, dns.TypeCNAME)
	for _, a := range answers {
		if c, ok := a.(*dns.CNAME); ok && strings.EqualFold(c.Hdr.Name, dns.Fqdn(name)) {
			return plain(c.Target), err
		}
	}
	return "", err
}

// TXT is every text of the name, its parts put together.
func (r *Resolver) TXT(ctx context.Context, name string) (texts []string, err error) {
	answers, err := r.ask(ctx, name, dns.TypeTXT)
	for _, a := range answers {
		if t, ok := a.(*dns.TXT); ok {
			texts = append(texts, strings.Join(t.Txt, ""))
		}
	}
	return texts, err
}

// Addrs are the name's addresses, followed through its aliases.
func (r *Resolver) Addrs(ctx context.Context, name string) (addrs []netip.Addr, err error) {
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		answers, failed := r.ask(ctx, name, kind)
		err = errors.Join(err, failed)
		for _, a := range answers {
			var ip net.IP
			switch a := a.(type) {
			case *dns.A:
				ip = a.A
			case *dns.AAAA:
				ip = a.AAAA
			}
			if addr, ok := netip.AddrFromSlice(ip); ok {
				addrs = append(addrs, addr.Unmap())
			}
		}
	}
	if len(addrs) > 0 {
		return addrs, nil
	}
	return nil, err
}

// CAA are the lines that count for a name: its own, or else those of the nearest
// name above it that has any (RFC 8659, section 3).
func (r *Resolver) CAA(ctx context.Context, name string) (lines []CAA, err error) {
	for at := name; at != ""; {
		answers, err := r.ask(ctx, at, dns.TypeCAA)
		if err != nil {
			return nil, err
		}
		for _, a := range answers {
			if c, ok := a.(*dns.CAA); ok {
				lines = append(lines, CAA{Critical: c.Flag&128 != 0, Tag: strings.ToLower(c.Tag), Value: c.Value})
			}
		}
		if len(lines) > 0 {
			return lines, nil
		}
		_, at, _ = strings.Cut(at, ".")
	}
	return nil, nil
}

// MX are the hosts that take mail for the name.
func (r *Resolver) MX(ctx context.Context, name string) (hosts []string, err error) {
	answers, err := r.ask(ctx, name, dns.TypeMX)
	for _, a := range answers {
		if m, ok := a.(*dns.MX); ok {
			hosts = append(hosts, plain(m.Mx))
		}
	}
	return hosts, err
}

func plain(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// ask puts one question to the servers in their order, until one answers.
func (r *Resolver) ask(ctx context.Context, name string, kind uint16) ([]dns.RR, error) {
	if _, ok := dns.IsDomainName(name); !ok || name == "" {
		return nil, fmt.Errorf("%q is not a name", name)
	}
	question := new(dns.Msg)
	question.SetQuestion(dns.Fqdn(name), kind)
	question.SetEdns0(1232, false)
	var last error
	for _, server := range r.servers {
		answer, err := r.exchange(ctx, question, server)
		switch {
		case err != nil:
			last = err
		case answer.Rcode == dns.RcodeSuccess, answer.Rcode == dns.RcodeNameError:
			return answer.Answer, nil
		case answer.Rcode == dns.RcodeNotImplemented: // a server that does not know this kind of record has none
			return nil, nil
		default:
			last = fmt.Errorf("%s", dns.RcodeToString[answer.Rcode])
		}
	}
	return nil, fmt.Errorf("%w about %s: %w", ErrNoAnswer, name, last)
}

// exchange asks by UDP, and by TCP when the answer did not fit.
func (r *Resolver) exchange(ctx context.Context, question *dns.Msg, server string) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, r.wait)
	defer cancel()
	answer, _, err := (&dns.Client{Net: "udp", UDPSize: 1232}).ExchangeContext(ctx, question, server)
	if err == nil && answer.Truncated {
		answer, _, err = (&dns.Client{Net: "tcp"}).ExchangeContext(ctx, question, server)
	}
	return answer, err
}
