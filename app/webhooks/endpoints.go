package webhooks

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/tenants"
)

// Draft is an endpoint as its owner gives it.
type Draft struct {
	URL         string
	Description string
	Events      []string
}

func (s *Service) checked(d Draft) (Draft, error) {
	wrong := fail.Fields{}
	clean, sentence := s.checkURL(d.URL)
	if sentence != "" {
		wrong["url"] = sentence
	}
	d.URL, d.Description = clean, strings.TrimSpace(d.Description)
	if len(d.Description) > longestText || strings.ContainsFunc(d.Description, func(r rune) bool { return r < ' ' }) {
		wrong.Add("description", "Use at most 80 characters in one line.")
	}
	d.Events = slices.Compact(slices.Sorted(slices.Values(d.Events)))
	if len(d.Events) == 0 || slices.ContainsFunc(d.Events, func(name string) bool { return !isPublic(name) }) {
		wrong.Add("events", "Choose at least one event of the list.")
	}
	return d, wrong.Err()
}

// Add makes an endpoint; secret is to be shown now and never again. Errors: Invalid
// (url, description, events), Conflict at MaxEndpoints.
func (s *Service) Add(ctx context.Context, t tenants.Tenant, actor string, d Draft) (e Endpoint, secret string, err error) {
	if d, err = s.checked(d); err != nil {
		return Endpoint{}, "", err
	}
	secret = newSecret()
	err = s.DB.In(ctx, t, func(tx tenants.Tx) error {
		if err := tx.Lock(ctx, "webhooks"); err != nil {
			return err
		}
		n, err := countEndpoints(ctx, tx)
		if err != nil {
			return err
		}
		if n >= MaxEndpoints {
			return fail.New(fail.Conflict, "There are %d webhooks already. Remove one that you no longer use.", MaxEndpoints)
		}
		if e, err = insertEndpoint(ctx, tx, d, s.hide(t, secret)); err != nil {
			return err
		}
		return audit(ctx, tx, actor, "webhook.added", placeOf(e))
	})
	if err != nil {
		return Endpoint{}, "", err
	}
	return e, secret, nil
}

func (s *Service) hide(t tenants.Tenant, secret string) []byte {
	return s.Sealer.Seal([]byte(secret), seal.Context(t.ID, purpose))
}

// placeOf names an endpoint in the audit log without what its address may carry as a
// secret.
func placeOf(e Endpoint) string {
	return e.Host() + " " + e.ID.String()
}

// Host is whose system the endpoint is.
func (e Endpoint) Host() string {
	u, err := url.Parse(e.URL)
	if err != nil {
		return ""
	}
	return u.Host
}

// Change gives an endpoint another address or other events. Errors: as Add's; NotFound.
func (s *Service) Change(ctx context.Context, t tenants.Tenant, actor string, id uuid.UUID, d Draft) (e Endpoint, err error) {
	if d, err = s.checked(d); err != nil {
		return Endpoint{}, err
	}
	err = s.on(ctx, t, actor, "webhook.changed", func(tx tenants.Tx) (Endpoint, error) {
		e, err = updateEndpoint(ctx, tx, id, d)
		return e, err
	})
	return e, err
}

// on does something to an endpoint and notes it.
func (s *Service) on(ctx context.Context, t tenants.Tenant, actor, action string, do func(tx tenants.Tx) (Endpoint, error)) error {
	return s.DB.In(ctx, t, func(tx tenants.Tx) error {
		e, err := do(tx)
		if err != nil {
			return err
		}
		return audit(ctx, tx, actor, action, placeOf(e))
	})
}

// Rotate makes a new secret, to be shown now and never again; the one before signs
// beside it for a day. Errors: NotFound.
func (s *Service) Rotate(ctx context.Context, t tenants.Tenant, actor string, id uuid.UUID) (secret string, err error) {
	secret = newSecret()
	err = s.on(ctx, t, actor, "webhook.secret_renewed", func(tx tenants.Tx) (Endpoint, error) {
		return rotate(ctx, tx, id, s.hide(t, secret), tx.Now().Add(overlap))
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

// Pause keeps messages from an endpoint; those that wait stay, and no new ones are made.
// Errors: NotFound.
func (s *Service) Pause(ctx context.Context, t tenants.Tenant, actor string, id uuid.UUID) error {
	return s.on(ctx, t, actor, "webhook.paused", func(tx tenants.Tx) (Endpoint, error) { return setStatus(ctx, tx, id, Paused) })
}

// Resume sends to an endpoint again, first what waits. Errors: NotFound.
func (s *Service) Resume(ctx context.Context, t tenants.Tenant, actor string, id uuid.UUID) error {
	return s.on(ctx, t, actor, "webhook.resumed", func(tx tenants.Tx) (Endpoint, error) {
		e, err := setStatus(ctx, tx, id, Active)
		if err != nil {
			return e, err
		}
		return e, wake(ctx, tx, e, tx.Now())
	})
}

// Remove forgets an endpoint with all that was sent to it. Errors: NotFound.
func (s *Service) Remove(ctx context.Context, t tenants.Tenant, actor string, id uuid.UUID) error {
	return s.on(ctx, t, actor, "webhook.removed", func(tx tenants.Tx) (Endpoint, error) {
		e, err := removeEndpoint(ctx, tx, id)
		if err != nil {
			return e, err
		}
		return e, rest(ctx, tx, id)
	})
}

// Test sends a message about nothing. Errors: NotFound, Conflict for an endpoint that is
// off, TooMany.
func (s *Service) Test(ctx context.Context, t tenants.Tenant, id uuid.UUID) error {
	return s.DB.In(ctx, t, func(tx tenants.Tx) error {
		e, err := onDuty(ctx, tx, id)
		if err != nil {
			return err
		}
		n, err := testsSince(ctx, tx, tx.Now().Add(-time.Hour))
		if err != nil {
			return err
		}
		if n >= maxTestsAnHour {
			return fail.New(fail.TooMany, "That were many tests. Wait an hour and try again.")
		}
		body, err := message(TestEvent, tx.Now(), map[string]string{"webhook_id": id.String()})
		if err != nil {
			return err
		}
		if err := insertDelivery(ctx, tx, id, "test:"+uuid.NewString(), TestEvent, body); err != nil {
			return err
		}
		return wake(ctx, tx, e, tx.Now())
	})
}

// Again sends a message once more, under the same id. Errors: NotFound, Conflict.
func (s *Service) Again(ctx context.Context, t tenants.Tenant, id, delivery uuid.UUID) error {
	return s.DB.In(ctx, t, func(tx tenants.Tx) error {
		e, err := onDuty(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := sendAgain(ctx, tx, id, delivery); err != nil {
			return err
		}
		return wake(ctx, tx, e, tx.Now())
	})
}

func onDuty(ctx context.Context, tx tenants.Tx, id uuid.UUID) (Endpoint, error) {
	e, err := lockEndpoint(ctx, tx, id)
	if err == nil && e.Status != Active {
		err = fail.New(fail.Conflict, "This webhook is off. Switch it on first.")
	}
	return e, err
}

// The kinds of due times at which an endpoint is sent to; the key is its id. Endpoints
// that fail or are slow have a lane of their own, so that the others do not queue
// behind them.
const (
	dueFast = "webhook"
	dueSlow = "webhook_slow"
	slow    = 2000 // milliseconds
)

func laneOf(e Endpoint) (lane, other string) {
	if e.FailingSince != nil || e.LastMs > slow {
		return dueSlow, dueFast
	}
	return dueFast, dueSlow
}

// wake has an endpoint looked at.
func wake(ctx context.Context, tx tenants.Tx, e Endpoint, at time.Time) error {
	lane, other := laneOf(e)
	if err := bus.Undue(ctx, tx, other, e.ID.String()); err != nil {
		return err
	}
	return bus.Due(ctx, tx, lane, e.ID.String(), at, nil)
}

// rest calls both lanes off.
func rest(ctx context.Context, tx tenants.Tx, id uuid.UUID) error {
	if err := bus.Undue(ctx, tx, dueFast, id.String()); err != nil {
		return err
	}
	return bus.Undue(ctx, tx, dueSlow, id.String())
}
