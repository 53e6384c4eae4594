package certificates

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
)

// Limits keep the installation within what authorities allow, and one shop from
// taking the others' part. Renewals count for nobody.
type Limits struct {
	TenantHour int64 // new orders of a shop in an hour
	Hour       int64 // new orders of the installation in an hour
	FailedHour int64 // failed orders of one name in an hour
}

// DefaultLimits stay below Let's Encrypt's: 300 new orders in 3 hours, 5 failed
// validations of a name in an hour, of which an order makes two, one for each challenge.
var DefaultLimits = Limits{TenantHour: 20, Hour: 90, FailedHour: 2}

// backoff is how long a name waits by itself after so many failures in a row.
func backoff(failures int64) time.Duration {
	steps := [...]time.Duration{0, time.Minute, 10 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour}
	return steps[min(failures, int64(len(steps)-1))]
}

func (l Limits) room(used spent, renewal bool) error {
	switch {
	case used.Failures >= l.FailedHour:
		return fail.New(fail.TooMany, "This name failed %d times within an hour. Put its records right, then try again an hour later.", used.Failures)
	case renewal:
		return nil
	case used.Tenant >= l.TenantHour:
		return fail.New(fail.TooMany, "This shop has ordered %d certificates within an hour, which is all it may. We go on by ourselves.", used.Tenant)
	case used.All >= l.Hour:
		return fail.New(fail.TooMany, "Very many certificates are being ordered at the moment. We go on by ourselves.")
	}
	return nil
}

// onEvent stands before and behind every order that the library makes, first ones
// and renewals alike: an error before it means that no order is made.
func (a *Authority) onEvent(ctx context.Context, event string, data map[string]any) error {
	name, _ := data["identifier"].(string)
	renewal, _ := data["renewal"].(bool)
	switch event {
	case "cert_obtaining":
		return a.beforeOrder(ctx, name, renewal)
	case "cert_obtained":
		path, _ := data["certificate_path"].(string)
		return a.noted(a.afterOrder(ctx, name, renewal, path))
	case "cert_failed":
		err, _ := data["error"].(error)
		return a.noted(a.afterFailure(ctx, name, err))
	}
	return nil
}

func (a *Authority) noted(err error) error {
	if err != nil {
		a.log.Error("the end of a certificate order was not recorded", "error", err)
	}
	return err
}

func (a *Authority) beforeOrder(ctx context.Context, name string, renewal bool) error {
	o, ok := a.owner(name)
	if !ok {
		return certmagic.ErrNoRetry{Err: fail.New(fail.NotFound, "No shop has proven that it owns %s.", name)}
	}
	if err := o.mayOrder(renewal); err != nil {
		return certmagic.ErrNoRetry{Err: err}
	}
	var tenant *uuid.UUID
	if !o.central {
		tenant = &o.tenant.ID
	}
	id, err := beginOrder(ctx, a.cfg.DB, tenant, name, renewal, func(used spent) error { return a.cfg.Limits.room(used, renewal) })
	if err != nil {
		if fail.Is(err, fail.TooMany) {
			a.waits.set(name, a.cfg.Now().Add(time.Minute), err)
		}
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.orders[name] = id
	return nil
}

// taken ends the entry of an order that this node made.
func (a *Authority) taken(name string) int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	id := a.orders[name]
	delete(a.orders, name)
	return id
}

func (a *Authority) afterOrder(ctx context.Context, name string, renewal bool, path string) error {
	ctx, cancel := background(ctx, 10*time.Second)
	defer cancel()
	chain, err := a.storage.Load(ctx, path)
	if err != nil {
		return err
	}
	leaf, err := leafOf(chain)
	if err != nil {
		return fmt.Errorf("read the certificate of %s: %w", name, err)
	}
	a.log.Info("certificate obtained", "domain", name, "renewal", renewal, "expires", leaf.NotAfter)
	return orderDone(ctx, a.cfg.DB, a.taken(name), name, renewal, leaf.NotBefore, leaf.NotAfter)
}

func (a *Authority) afterFailure(ctx context.Context, name string, why error) error {
	ctx, cancel := background(ctx, 10*time.Second)
	defer cancel()
	a.log.Warn("a certificate was not obtained", "domain", name, "error", why)
	if err := orderFailed(ctx, a.cfg.DB, a.taken(name), name, reason(why)); err != nil {
		return err
	}
	_ = a.mayTry(ctx, name) // remembers until when to wait
	return nil
}

// mayTry says whether a name may be tried without somebody asking for it, and why not.
func (a *Authority) mayTry(ctx context.Context, subject string) error {
	if why := a.waits.reason(subject); why != nil {
		return why
	}
	r, err := recordOf(ctx, a.cfg.DB, subject)
	if err != nil || r.Last == nil {
		return err
	}
	until := r.Last.Add(backoff(r.Failures))
	if !a.cfg.Now().Before(until) {
		return nil
	}
	said := "The last order of a certificate failed. We try again by ourselves."
	if r.Error != nil {
		said = *r.Error
	}
	why := fail.New(fail.TooMany, "%s", said)
	a.waits.set(subject, until, why)
	return why
}

// served records a certificate that was found stored.
func (a *Authority) served(ctx context.Context, subject string) error {
	for _, c := range a.cache.AllMatchingCertificates(subject) {
		if c.Leaf != nil && len(c.Names) > 0 && c.Names[0] == subject {
			return markActive(ctx, a.cfg.DB, subject, c.Leaf.NotBefore, c.Leaf.NotAfter)
		}
	}
	return nil
}

func leafOf(chain []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(chain)
	if block == nil {
		return nil, errors.New("it is not PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}
