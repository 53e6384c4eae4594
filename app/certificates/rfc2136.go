package certificates

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// rfc2136 writes records by dynamic updates (RFC 2136), signed where a key is given
// (RFC 8945): rfc2136://KEYNAME:SECRET@HOST:PORT/ZONE?algorithm=hmac-sha256. The
// secret is base64, the zone the central domain's when it is left out.
type rfc2136 struct {
	server, zone, key, secret, algorithm string
}

// recordTTL is short: the record is of use for a minute.
const recordTTL = 60

func newRFC2136(u *url.URL) (*rfc2136, error) {
	p := &rfc2136{server: u.Host, algorithm: dns.HmacSHA256}
	if u.Port() == "" {
		p.server = net.JoinHostPort(u.Hostname(), "53")
	}
	if zone := strings.Trim(u.Path, "/"); zone != "" {
		p.zone = dns.Fqdn(zone)
	}
	if u.User != nil {
		secret, _ := u.User.Password()
		if _, err := base64.StdEncoding.DecodeString(secret); err != nil || secret == "" {
			return nil, errors.New("EZSCALE_DNS01: the secret of the key is not base64; write + as %2B and / as %2F")
		}
		p.key, p.secret = dns.Fqdn(u.User.Username()), secret
	}
	if name := u.Query().Get("algorithm"); name != "" {
		p.algorithm = dns.Fqdn(strings.ToLower(name))
	}
	return p, nil
}

func (p *rfc2136) add(ctx context.Context, name, text string) error {
	return p.update(ctx, name, func(m *dns.Msg) { m.Insert([]dns.RR{txt(name, text)}) })
}

func (p *rfc2136) remove(ctx context.Context, name, text string) error {
	return p.update(ctx, name, func(m *dns.Msg) { m.Remove([]dns.RR{txt(name, text)}) })
}

func txt(name, text string) dns.RR {
	return &dns.TXT{Hdr: dns.RR_Header{Name: dns.Fqdn(name), Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: recordTTL}, Txt: []string{text}}
}

func (p *rfc2136) update(ctx context.Context, name string, change func(*dns.Msg)) error {
	m := new(dns.Msg)
	m.SetUpdate(p.zoneOf(name))
	change(m)
	client := &dns.Client{Net: "tcp", Timeout: 10 * time.Second}
	if p.key != "" {
		client.TsigSecret = map[string]string{p.key: p.secret}
		m.SetTsig(p.key, p.algorithm, 300, time.Now().Unix())
	}
	answer, _, err := client.ExchangeContext(ctx, m, p.server)
	if err != nil {
		return fmt.Errorf("ask the name server %s: %w", p.server, err)
	}
	if answer.Rcode != dns.RcodeSuccess {
		return fmt.Errorf("the name server %s refused the record: %s", p.server, dns.RcodeToString[answer.Rcode])
	}
	return nil
}

// zoneOf is the configured zone, else the domain that the challenge is about.
func (p *rfc2136) zoneOf(name string) string {
	if p.zone != "" {
		return p.zone
	}
	return dns.Fqdn(strings.TrimPrefix(name, "_acme-challenge."))
}
