package payments

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// MaxAnnouncement is the largest body of an announcement that is read, in bytes.
// Stripe's hold one object each, a few kilobytes.
const MaxAnnouncement = 64 << 10

// tolerance is how old a signature may be, by the wall: what is sent again is signed
// anew, so that an old one is somebody else's copy.
const tolerance = 5 * time.Minute

// announced is the payload of processor.announced: the object of the processor that
// is to be fetched.
type announced struct {
	EventID  string `json:"event_id"`
	Type     string `json:"type"`
	ObjectID string `json:"object_id"`
}

// Announce takes an announcement of the processor: its signature is checked over the
// bytes that came, it is kept once by its id, and answered before anything is done
// about it (R22). Errors: BadRequest for what the shop's own secret did not sign,
// NotFound where the shop takes no cards.
func (s *Service) Announce(ctx context.Context, t tenants.Tenant, body []byte, signature string) error {
	keys, _, err := s.keys(ctx, t)
	if NoCards(err) || err == nil && keys.Webhook == "" {
		return fail.New(fail.NotFound, "This shop takes no announcements.")
	}
	if err != nil {
		return err
	}
	e, err := webhook.ConstructEventWithOptions(body, signature, keys.Webhook, webhook.ConstructEventOptions{Tolerance: tolerance, IgnoreAPIVersionMismatch: true})
	if err != nil {
		return fail.Wrap(errors.New("the announcement was not signed for this shop"), fail.BadRequest, "The signature is not right.")
	}
	a := announced{EventID: e.ID, Type: string(e.Type), ObjectID: objectOf(e)}
	if !a.plausible() {
		return fail.New(fail.BadRequest, "This is no announcement.")
	}
	return s.DB.In(ctx, t, func(tx tenants.Tx) error {
		first, err := insertEvent(ctx, tx, a)
		if err != nil || !first || !concerns(a.Type) {
			return err
		}
		return bus.Append(ctx, tx, "processor.announced", a)
	})
}

func (a announced) plausible() bool {
	for _, text := range []string{a.EventID, a.Type, a.ObjectID} {
		if len(text) > 255 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			return false
		}
	}
	return a.EventID != "" && a.Type != ""
}

func objectOf(e stripe.Event) string {
	var object struct {
		ID string `json:"id"`
	}
	if e.Data == nil || json.Unmarshal(e.Data.Raw, &object) != nil {
		return ""
	}
	return object.ID
}

// concerns tells the announcements that something of ours may follow from.
func concerns(kind string) bool {
	for _, prefix := range []string{"payment_intent.", "checkout.session.", "refund.", "charge.dispute.", "charge.refund.updated", "payment_method.detached"} {
		if strings.HasPrefix(kind, prefix) {
			return true
		}
	}
	return false
}

// OnAnnounced fetches the object that an announcement is about and applies it. What
// is not ours, or not in this shop's account, changes nothing.
func (s *Service) OnAnnounced(ctx context.Context, m *bus.Message) error {
	var a announced
	if err := m.Decode(&a); err != nil {
		return err
	}
	err := s.heed(ctx, m.Tenant, a)
	switch {
	case NoCards(err), judge(err) == missing, judge(err) == refused, fail.Is(err, fail.NotFound):
		s.Log.InfoContext(ctx, "an announcement of the processor is about nothing here", "tenant", m.Tenant.Slug, "type", a.Type, "object", a.ObjectID)
	case err != nil:
		return err
	}
	return s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		if err := m.Done(ctx, tx); err != nil {
			return err
		}
		return endEvent(ctx, tx, a.EventID)
	})
}

func (s *Service) heed(ctx context.Context, t tenants.Tenant, a announced) error {
	at, err := s.at(ctx, t)
	if err != nil {
		return err
	}
	switch kind := a.Type; {
	case a.ObjectID == "":
		return nil
	case strings.HasPrefix(kind, "payment_intent."):
		return s.heedIntent(ctx, t, at, a.ObjectID)
	case strings.HasPrefix(kind, "checkout.session."):
		return s.heedSession(ctx, t, at, a.ObjectID)
	case strings.HasPrefix(kind, "charge.dispute."):
		return s.heedDispute(ctx, t, at, a.ObjectID)
	case kind == "payment_method.detached":
		return s.DB.In(ctx, t, func(tx tenants.Tx) error { return s.detached(ctx, tx, a.ObjectID) })
	case strings.HasPrefix(a.ObjectID, "re_"), strings.HasPrefix(a.ObjectID, "pyr_"):
		return s.heedRefund(ctx, t, at, a.ObjectID)
	}
	return nil
}

func (s *Service) heedIntent(ctx context.Context, t tenants.Tenant, at *processor, id string) error {
	in, err := at.intent(ctx, id)
	if err != nil {
		return err
	}
	if in.Shop != uuid.Nil && in.Shop != t.ID {
		return fail.Missing("payment")
	}
	if in.Wholesale != uuid.Nil {
		return s.heedWholesale(ctx, t, in)
	}
	return s.DB.In(ctx, t, func(tx tenants.Tx) error {
		p, found, err := paymentOfIntent(ctx, tx, in.ID, in.Payment)
		if err != nil || !found {
			return err
		}
		_, err = s.apply(ctx, tx, p.ID, in)
		return err
	})
}

// heedWholesale applies the payment of a reseller, which comes to the provider's own
// shop and to no other.
func (s *Service) heedWholesale(ctx context.Context, t tenants.Tenant, in intent) error {
	if !t.House {
		return nil
	}
	_, err := s.applyWholesale(ctx, in)
	return err
}

func (s *Service) heedSession(ctx context.Context, t tenants.Tenant, at *processor, id string) error {
	var p payment
	var kept setup
	var pays, saves bool
	err := s.DB.In(ctx, t, func(tx tenants.Tx) (err error) {
		if p, pays, err = paymentOfCheckout(ctx, tx, id); err != nil || pays {
			return err
		}
		kept, saves, err = setupOfCheckout(ctx, tx, id)
		return err
	})
	switch {
	case err != nil:
		return err
	case pays && p.Open():
		_, err = s.look(ctx, t, at, p)
	case saves:
		_, err = s.refreshSetup(ctx, t, kept.ID)
	case !pays:
		err = s.strayed(ctx, t, at, id)
	}
	return err
}

// strayed is a page whose name we never learned, because the answer that brought it
// was lost: its metadata says what it was for.
func (s *Service) strayed(ctx context.Context, t tenants.Tenant, at *processor, id string) error {
	got, err := at.session(ctx, id)
	if err != nil {
		return err
	}
	if got.Intent != nil && got.Intent.Wholesale != uuid.Nil {
		return s.heedWholesale(ctx, t, *got.Intent)
	}
	return s.DB.In(ctx, t, func(tx tenants.Tx) error {
		if got.Intent != nil && (got.Intent.Shop == uuid.Nil || got.Intent.Shop == t.ID) {
			p, found, err := paymentOfIntent(ctx, tx, got.Intent.ID, got.Intent.Payment)
			if err != nil || !found {
				return err
			}
			_, err = s.apply(ctx, tx, p.ID, *got.Intent)
			return err
		}
		if got.Card == nil || got.Setup == uuid.Nil {
			return nil
		}
		kept, err := findSetup(ctx, tx, got.Setup)
		if err != nil || kept.Status == "done" {
			return ignoreMissing(err)
		}
		_, err = s.applySetup(ctx, tx, kept, got)
		return err
	})
}

// detached is a card that was taken away over there.
func (s *Service) detached(ctx context.Context, tx tenants.Tx, method string) error {
	user, id, found, err := methodAt(ctx, tx, method)
	if err != nil || !found {
		return err
	}
	if err := removeMethod(ctx, tx, user, id); err != nil {
		return err
	}
	left, err := s.HasMethod(ctx, tx, user)
	if err != nil || left {
		return err
	}
	return payBefore(ctx, tx, user)
}

func (s *Service) heedDispute(ctx context.Context, t tenants.Tenant, at *processor, id string) error {
	q, err := at.dispute(ctx, id)
	if err != nil || q.Intent == "" {
		return err
	}
	return s.DB.In(ctx, t, func(tx tenants.Tx) error {
		p, found, err := paymentOfIntent(ctx, tx, q.Intent, uuid.Nil)
		if err != nil || !found {
			return err
		}
		return s.noteDispute(ctx, tx, p, q)
	})
}

// noteDispute marks a payment that its payer disputes and tells the provider, once.
// What is to be done about it, a person decides.
func (s *Service) noteDispute(ctx context.Context, tx tenants.Tx, p payment, q quarrel) error {
	first, err := updateDisputed(ctx, tx, p.ID)
	if err != nil || !first {
		return err
	}
	summary := "A payment of " + p.Money() + " at " + tx.Tenant().Name + " is disputed"
	if err := attend(ctx, tx, "dispute", p.ID.String(), summary, map[string]string{"dispute": q.ID, "reason": q.Reason, "status": q.Status, "amount": p.Money()}); err != nil {
		return err
	}
	e := p.event()
	e.Failure = q.Reason
	return bus.Append(ctx, tx, "payment.disputed", e)
}
