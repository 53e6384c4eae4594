package certificates

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

// provider writes and removes one text record where the world looks for it.
type provider interface {
	add(ctx context.Context, name, text string) error
	remove(ctx context.Context, name, text string) error
}

// solver proves the right to a wildcard by a record (RFC 8555, 8.4).
type solver struct {
	at   provider
	wait time.Duration // until every name server of the zone has the record
}

// defaultWait suits name servers that tell each other at once; ?wait=1m in the
// address changes it.
const defaultWait = 15 * time.Second

var _ acmez.Waiter = solver{}

// newSolver reads where the records are kept.
func newSolver(address string) (acmez.Solver, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("EZSCALE_DNS01 is no address of a DNS provider")
	}
	wait := defaultWait
	if text := u.Query().Get("wait"); text != "" {
		if wait, err = time.ParseDuration(text); err != nil || wait < 0 || wait > 5*time.Minute {
			return nil, fmt.Errorf("EZSCALE_DNS01: wait must be a time such as 30s, at most 5m")
		}
	}
	switch u.Scheme {
	case "rfc2136":
		p, err := newRFC2136(u)
		return solver{p, wait}, err
	case "cloudflare":
		p, err := newCloudflare(u)
		return solver{p, wait}, err
	}
	return nil, fmt.Errorf("EZSCALE_DNS01 must begin with rfc2136:// or cloudflare://")
}

// Present publishes the record.
func (s solver) Present(ctx context.Context, c acme.Challenge) error {
	if err := s.at.add(ctx, recordName(c), c.DNS01KeyAuthorization()); err != nil {
		return fmt.Errorf("write the record %s: %w", recordName(c), err)
	}
	return nil
}

// Wait lets the zone's name servers learn the record before the authority asks them.
func (s solver) Wait(ctx context.Context, _ acme.Challenge) error { return pause(ctx, s.wait) }

// CleanUp removes it.
func (s solver) CleanUp(ctx context.Context, c acme.Challenge) error {
	return s.at.remove(ctx, recordName(c), c.DNS01KeyAuthorization())
}

// recordName is without the final dot.
func recordName(c acme.Challenge) string { return strings.TrimSuffix(c.DNS01TXTRecordName(), ".") }
