package certificates

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// attempt is the longest that one order takes; the authority's own patience is shorter.
const attempt = 3 * time.Minute

// Obtain makes sure that the host has a certificate that is served from now on: the
// stored one, or by one order, which also a page that waits may make. Where that
// fails the error is one sentence with the authority's reason, and the row of the
// domain says the same. Errors: fail.NotFound for a host that no shop has proven,
// fail.Conflict for a shop that may order none, fail.TooMany for a limit or a name
// that has to wait, fail.Unavailable for the authority's refusal, and on an
// installation without HTTPS, whose Authority is nil.
func (a *Authority) Obtain(ctx context.Context, domain string) error {
	if a == nil {
		return fail.New(fail.Unavailable, "This installation does not serve HTTPS itself: EZSCALE_HTTPS_ADDR is not set.")
	}
	name, err := tenants.NormalHost(domain)
	if err != nil {
		return fail.Missing("domain")
	}
	o, ok := a.owner(name)
	if !ok {
		if err := a.cfg.DB.Registry().Refresh(ctx); err != nil {
			return err
		}
		if o, ok = a.owner(name); !ok {
			return fail.New(fail.NotFound, "No shop has proven that it owns %s.", name)
		}
	}
	subject := a.subject(name)
	done := a.obtains.DoChan(subject, func() (any, error) { return nil, a.obtain(ctx, subject, o) })
	select {
	case result := <-done:
		return result.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// obtain goes on when the first who asked has left, for the others.
func (a *Authority) obtain(ctx context.Context, subject string, o owner) error {
	ctx, cancel := background(ctx, attempt)
	defer cancel()
	switch err := a.load(ctx, subject); {
	case err == nil:
		return a.served(ctx, subject)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := o.mayOrder(false); err != nil {
		return err
	}
	if err := a.configFor(subject).ObtainCertSync(ctx, subject); err != nil {
		return a.explain(subject, err)
	}
	a.waits.clear(subject)
	return a.load(ctx, subject)
}

// load takes a stored certificate into service, in place of an older one; without
// one the error is fs.ErrNotExist.
func (a *Authority) load(ctx context.Context, subject string) error {
	_, err, _ := a.loads.Do(subject, func() (any, error) {
		ctx, cancel := background(ctx, 10*time.Second)
		defer cancel()
		now, err := a.configFor(subject).CacheManagedCertificate(ctx, subject)
		if err != nil {
			return nil, err
		}
		var older []string
		for _, c := range a.cache.AllMatchingCertificates(subject) {
			if len(c.Names) > 0 && c.Names[0] == subject && c.Hash() != now.Hash() {
				older = append(older, c.Hash())
			}
		}
		a.cache.Remove(older)
		return nil, nil
	})
	return err
}

// explain turns the library's error into one sentence for people.
func (a *Authority) explain(subject string, err error) error {
	var known *fail.Error
	if errors.As(err, &known) {
		return known
	}
	return fail.Wrap(fmt.Errorf("order a certificate for %s: %w", subject, err), fail.Unavailable, "%s", reason(err))
}

// reason is what the authority, or the way to it, says is wrong.
func reason(err error) string {
	var problem acme.Problem
	var network *net.OpError
	switch {
	case errors.As(err, &problem):
		detail := problem.Detail
		if len(problem.Subproblems) > 0 {
			detail = problem.Subproblems[0].Detail
		}
		return "The certificate authority says: " + sentence(detail)
	case errors.Is(err, context.DeadlineExceeded):
		return "The certificate authority took too long to answer. We try again by ourselves."
	case errors.As(err, &network):
		return "The certificate authority cannot be reached at the moment. We try again by ourselves."
	}
	return "No certificate could be obtained. We try again by ourselves."
}

// sentence makes foreign words safe to show: one line, ended, not too long.
func sentence(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:300], "") + "…"
	}
	return strings.TrimRight(s, ".") + "."
}
