package payments

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/tenants"
)

// Method is a saved card.
type Method struct {
	ID                uuid.UUID
	ProcessorCustomer string
	ProcessorID       string
	Brand             string
	Last4             string `db:"last4"`
	ExpMonth          *int
	ExpYear           *int
	IsDefault         bool
	CreatedAt         time.Time
}

// setup is a customer on the way to save a card.
type setup struct {
	ID          uuid.UUID
	UserID      uuid.UUID
	Status      string
	CheckoutID  string
	CheckoutURL string `db:"checkout_url"`
	CreatedAt   time.Time
}

// HasMethod says whether a customer has a saved card that can be charged.
func (s *Service) HasMethod(ctx context.Context, tx tenants.Tx, user uuid.UUID) (bool, error) {
	_, found, err := defaultMethod(ctx, tx, user)
	return found, err
}

// SaveCard begins the saving of a card on the processor's page. The token comes with
// the form: sent twice it leads to the same page.
func (s *Service) SaveCard(ctx context.Context, t tenants.Tenant, user uuid.UUID, token string) (Visit, error) {
	at, err := s.at(ctx, t)
	if err != nil {
		return Visit{}, err
	}
	customer, err := s.customer(ctx, t, at, user)
	if err != nil {
		return Visit{}, err
	}
	var kept setup
	id := rowOf(user, "card:"+token)
	err = s.DB.In(ctx, t, func(tx tenants.Tx) error {
		if err := insertSetup(ctx, tx, id, user); err != nil {
			return err
		}
		if kept, err = findSetup(ctx, tx, id); err != nil {
			return err
		}
		return bus.Due(ctx, tx, kindSetup, id.String(), tx.Now().Add(hourly), nil)
	})
	if err != nil || kept.Status != "open" {
		return Visit{}, err
	}
	if kept.CheckoutURL != "" {
		return Visit{URL: kept.CheckoutURL}, nil
	}
	meta := map[string]string{"setup_id": id.String(), "shop_id": t.ID.String()}
	opened, err := at.saveCard(ctx, "card:"+id.String(), customer, meta, s.Links(t, "/settings/cards/done"+sessionMark), s.Links(t, "/settings/cards"))
	if err != nil {
		return Visit{}, s.sorry(ctx, t, "open the page to save a card", err)
	}
	return Visit{URL: opened.URL}, s.DB.In(ctx, t, func(tx tenants.Tx) error { return updateSetup(ctx, tx, id, opened) })
}

// CardSaved applies what came of the page on which a customer saved a card. A
// session that is not theirs is NotFound, and nothing is applied. Saved is false
// when they left without one.
func (s *Service) CardSaved(ctx context.Context, t tenants.Tenant, user uuid.UUID, checkout string) (saved bool, err error) {
	var kept setup
	err = s.DB.In(ctx, t, func(tx tenants.Tx) error {
		found := false
		kept, found, err = setupOfCheckout(ctx, tx, checkout)
		if err == nil && (!found || kept.UserID != user || checkout == "") {
			err = fail.Missing("card")
		}
		return err
	})
	if err != nil || kept.Status == "done" {
		return err == nil, err
	}
	if _, err := s.refreshSetup(ctx, t, kept.ID); err != nil {
		return false, err
	}
	err = s.DB.In(ctx, t, func(tx tenants.Tx) error { kept, err = findSetup(ctx, tx, kept.ID); return err })
	return kept.Status == "done", err
}

// setupLife is how long the processor's page can be used; a little more than a day.
const setupLife = 25 * time.Hour

// refreshSetup asks what came of a card that was being saved; again says that its
// page is still open.
func (s *Service) refreshSetup(ctx context.Context, t tenants.Tenant, id uuid.UUID) (again bool, err error) {
	var kept setup
	if err := s.DB.In(ctx, t, func(tx tenants.Tx) error { kept, err = findSetup(ctx, tx, id); return err }); err != nil {
		return false, ignoreMissing(err)
	}
	if kept.Status != "open" {
		return false, nil
	}
	var got session
	if kept.CheckoutID != "" {
		at, err := s.at(ctx, t)
		if err != nil {
			return false, err
		}
		if got, err = at.session(ctx, kept.CheckoutID); err != nil && judge(err) != missing {
			return true, s.sorry(ctx, t, "look at a card", err)
		}
	}
	err = s.DB.In(ctx, t, func(tx tenants.Tx) error {
		again, err = s.applySetup(ctx, tx, kept, got)
		return err
	})
	return again, err
}

func ignoreMissing(err error) error {
	if fail.Is(err, fail.NotFound) {
		return nil
	}
	return err
}

// applySetup keeps the card that a customer saved. The first one makes them pay
// afterwards, where the shop allows that and they have not chosen otherwise.
func (s *Service) applySetup(ctx context.Context, tx tenants.Tx, kept setup, got session) (again bool, err error) {
	switch {
	case got.Card != nil:
	case got.Status == "open" || got.Status == "complete" || kept.CheckoutID == "" && tx.Now().Before(kept.CreatedAt.Add(setupLife)):
		return true, nil
	default:
		return false, endSetup(ctx, tx, kept.ID, "expired")
	}
	if err := endSetup(ctx, tx, kept.ID, "done"); err != nil {
		return false, err
	}
	first, err := insertMethod(ctx, tx, kept.UserID, *got.Card)
	if err != nil || !first {
		return false, err
	}
	allowed, err := ledger.Setting(ctx, tx, "postpaid_allowed", "true")
	if err != nil || allowed == "false" || allowed == "off" {
		return false, err
	}
	return false, payAfterwards(ctx, tx, kept.UserID)
}

// RemoveCard takes a saved card away from charges, then from the processor. Another
// one becomes the default; without any the customer pays in advance again. Somebody
// else's is NotFound.
func (s *Service) RemoveCard(ctx context.Context, t tenants.Tenant, user, id uuid.UUID) error {
	var m Method
	err := s.DB.In(ctx, t, func(tx tenants.Tx) (err error) {
		if m, err = lockMethod(ctx, tx, user, id); err != nil {
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
	})
	if err != nil {
		return err
	}
	at, err := s.at(ctx, t)
	if NoCards(err) {
		return nil
	}
	if err == nil {
		err = at.detach(ctx, m.ProcessorID)
	}
	if err != nil { // it is charged no more; that it is still known over there harms nobody
		code, text := said(err)
		s.Log.WarnContext(ctx, "a removed card is still known to the processor", "tenant", t.Slug, "card", m.ID, "code", code, "err", text)
	}
	return ctx.Err()
}

// MakeDefault makes a saved card the one that is charged. Somebody else's is NotFound.
func (s *Service) MakeDefault(ctx context.Context, t tenants.Tenant, user, id uuid.UUID) error {
	return s.DB.In(ctx, t, func(tx tenants.Tx) error {
		if _, err := lockMethod(ctx, tx, user, id); err != nil {
			return err
		}
		return makeDefault(ctx, tx, user, id)
	})
}
