package payments

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// AutoTopUp is a customer's wish to have credit bought before it runs out (R17), in
// the shop's currency: when less than Threshold is free, as many Steps are bought at
// once as bring it back there, and at most DailyCeiling in a day of the shop's zone.
type AutoTopUp struct {
	Enabled      bool
	Threshold    decimal.Decimal
	Step         decimal.Decimal
	DailyCeiling decimal.Decimal
	InFlight     *uuid.UUID // the charge under way
	Failures     int        // declines in a row
	RetryAt      *time.Time // when a decline may be tried again
	RefusedOn    *time.Time
}

// kindTopUp is the due time at which a customer's credit is looked at again; its key
// is the customer.
const kindTopUp = "auto_topup"

// mostDaily is the highest daily ceiling that a customer may set, unless the shop's
// setting auto_topup_ceiling says otherwise, in the shop's currency.
const mostDaily = "500"

// SetAutoTopUp keeps a customer's rule, or ends it. A rule that could not do what it
// says is refused on the spot, so that no wallet runs dry in silence (P18). Errors:
// Invalid (enabled, threshold, step, daily_ceiling).
func (s *Service) SetAutoTopUp(ctx context.Context, t tenants.Tenant, user uuid.UUID, rule AutoTopUp) error {
	return s.DB.In(ctx, t, func(tx tenants.Tx) error {
		if !rule.Enabled {
			return switchOffTopUp(ctx, tx, user)
		}
		if err := s.checkRule(ctx, tx, user, rule); err != nil {
			return err
		}
		if err := upsertTopUp(ctx, tx, user, rule); err != nil {
			return err
		}
		return bus.Due(ctx, tx, kindTopUp, user.String(), tx.Now(), nil)
	})
}

func (s *Service) checkRule(ctx context.Context, tx tenants.Tx, user uuid.UUID, rule AutoTopUp) error {
	text, err := ledger.Setting(ctx, tx, "auto_topup_ceiling", mostDaily)
	if err != nil {
		return err
	}
	most, err := decimal.NewFromString(text)
	if err != nil {
		return err
	}
	saved, err := s.HasMethod(ctx, tx, user)
	if err != nil {
		return err
	}
	currency, wrong := tx.Tenant().Currency, fail.Fields{}
	if !saved {
		wrong.Add("enabled", "Save a card first: credit is bought with it.")
	}
	if rule.Threshold.IsNegative() || !rule.Threshold.Equal(money.Round(rule.Threshold, currency)) || rule.Threshold.GreaterThan(most) {
		wrong.Add("threshold", "Enter an amount from %s to %s.", money.Zero(currency).Format(), money.Of(most, currency).Format())
	}
	if err := mayBuy("step", rule.Step, currency); err != nil {
		wrong.Add("step", "%s", err.Error())
	}
	switch {
	case rule.DailyCeiling.GreaterThan(most):
		wrong.Add("daily_ceiling", "Enter at most %s.", money.Of(most, currency).Format())
	case rule.DailyCeiling.LessThan(rule.Step):
		wrong.Add("daily_ceiling", "Allow at least one step a day.")
	case rule.Step.IsPositive() && rule.DailyCeiling.LessThan(rule.size(decimal.Zero)):
		wrong.Add("daily_ceiling", "Filling up an empty account takes %s. Allow that much a day, or choose less above.", money.Of(rule.size(decimal.Zero), currency).Format())
	case !rule.DailyCeiling.Equal(money.Round(rule.DailyCeiling, currency)):
		wrong.Add("daily_ceiling", "The smallest amount in %s is %s.", currency, money.API(money.Unit(currency), currency))
	}
	return wrong.Err()
}

// size is what is bought when so much is free: the gap, in whole steps, and one step
// at least.
func (r AutoTopUp) size(free decimal.Decimal) decimal.Decimal {
	steps := r.Threshold.Sub(free).Div(r.Step).Ceil()
	return decimal.Max(steps, decimal.NewFromInt(1)).Mul(r.Step)
}

// OnCredit looks whether credit is to be bought: balance.low, block.charged and
// invoice.paid say that it went down.
func (s *Service) OnCredit(ctx context.Context, m *bus.Message) error {
	var of struct {
		UserID uuid.UUID `json:"user_id"`
	}
	if err := m.Decode(&of); err != nil {
		return err
	}
	return s.topUp(ctx, m.Tenant, of.UserID)
}

// OnTopUpDue looks again: after a decline, or on the day after a ceiling.
func (s *Service) OnTopUpDue(ctx context.Context, m *bus.Message) error {
	user, err := uuid.Parse(m.Key)
	if err != nil {
		return bus.Permanent(err)
	}
	if err := s.topUp(ctx, m.Tenant, user); err != nil {
		return err
	}
	// A time that was set anew meanwhile stays.
	return s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error { return m.Done(ctx, tx) })
}

// topUp buys credit if the customer's rule says so. One charge is under way at a
// time, whoever asks (P17).
func (s *Service) topUp(ctx context.Context, t tenants.Tenant, user uuid.UUID) error {
	var rule AutoTopUp
	var found bool
	if err := s.DB.Read(ctx, t, AutoTopUpQ(&rule, &found, user)); err != nil || !found || !rule.Enabled {
		return err
	}
	at, err := s.at(ctx, t)
	if NoCards(err) {
		return nil
	}
	if err != nil {
		return err
	}
	p, err := s.prepareTopUp(ctx, t, user)
	if err != nil || p.ID == uuid.Nil {
		return err
	}
	_, err = s.follow(ctx, t, at, p)
	return err
}

func (s *Service) prepareTopUp(ctx context.Context, t tenants.Tenant, user uuid.UUID) (p payment, err error) {
	err = s.DB.In(ctx, t, func(tx tenants.Tx) error {
		rule, found, err := lockTopUp(ctx, tx, user)
		if err != nil || !found || !rule.Enabled || rule.InFlight != nil || rule.RetryAt != nil && tx.Now().Before(*rule.RetryAt) {
			return err
		}
		free, err := freeCredit(ctx, tx, user)
		if err != nil || !free.LessThan(rule.Threshold) {
			return err
		}
		who, err := findPayer(ctx, tx, user)
		if err != nil || who.Parked {
			return err
		}
		m, saved, err := defaultMethod(ctx, tx, user)
		if err != nil {
			return err
		}
		if !saved {
			return s.refuseTopUp(ctx, tx, user, rule, "There is no saved card any more.")
		}
		amount, err := s.allowedToday(ctx, tx, user, rule, free)
		if err != nil || !amount.IsPositive() {
			return err
		}
		p, err = s.beginTopUp(ctx, tx, user, amount, m)
		return err
	})
	return p, err
}

// allowedToday is what the day's ceiling leaves of the gap, in whole steps. Nothing
// left is said once a day, and looked at again when the next day begins.
func (s *Service) allowedToday(ctx context.Context, tx tenants.Tx, user uuid.UUID, rule AutoTopUp, free decimal.Decimal) (decimal.Decimal, error) {
	day := startOfDay(tx)
	spent, err := boughtSince(ctx, tx, user, day)
	if err != nil {
		return decimal.Zero, err
	}
	left := rule.DailyCeiling.Sub(spent).Div(rule.Step).Floor().Mul(rule.Step)
	if amount := decimal.Min(rule.size(free), left); amount.IsPositive() {
		return amount, nil
	}
	if err := bus.Due(ctx, tx, kindTopUp, user.String(), day.AddDate(0, 0, 1), nil); err != nil {
		return decimal.Zero, err
	}
	ceiling := money.Of(rule.DailyCeiling, tx.Tenant().Currency).Format()
	return decimal.Zero, s.refuseTopUp(ctx, tx, user, rule, "The day's ceiling of "+ceiling+" is reached.")
}

func startOfDay(tx tenants.Tx) time.Time {
	zone := tx.Tenant().Zone
	if zone == nil {
		zone = time.UTC
	}
	y, m, d := tx.Now().In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, zone)
}

// Refused is the payload of topup.refused.
type Refused struct {
	UserID  uuid.UUID `json:"user_id"`
	Failure string    `json:"failure"` // for people
	Day     string    `json:"day"`
}

func (s *Service) refuseTopUp(ctx context.Context, tx tenants.Tx, user uuid.UUID, rule AutoTopUp, why string) error {
	today := startOfDay(tx).Format(time.DateOnly)
	if rule.RefusedOn != nil && rule.RefusedOn.Format(time.DateOnly) == today {
		return nil
	}
	if err := noteRefused(ctx, tx, user, today); err != nil {
		return err
	}
	return bus.Append(ctx, tx, "topup.refused", Refused{user, why, today})
}

func (s *Service) beginTopUp(ctx context.Context, tx tenants.Tx, user uuid.UUID, amount decimal.Decimal, m Method) (payment, error) {
	id := uuid.New()
	p := payment{ID: id, UserID: user, Kind: ForTopUp, Amount: amount, Currency: tx.Tenant().Currency, Method: byCard, Automatic: true, Status: Pending,
		IdempotencyKey: "topup:" + id.String(), Epoch: 1, PaymentMethodID: &m.ID, Customer: m.ProcessorCustomer, Description: "Credit at " + tx.Tenant().Name,
		AskedAt: new(s.Wall()), shop: tx.Tenant().ID}
	if _, err := insertPayment(ctx, tx, p, "auto_topup"); err != nil {
		return p, err
	}
	if err := claimTopUp(ctx, tx, user, id); err != nil {
		return p, err
	}
	return p, s.watch(ctx, tx, p, soon)
}

// The pause after a decline, doubled with each in a row (R17).
const (
	firstPause = time.Hour
	mostPauses = 8 // the last pause is over five days
)

// landed ends a customer's charge under way: the next may come at once after one that
// went well, and after a pause otherwise.
func (s *Service) landed(ctx context.Context, tx tenants.Tx, p payment) error {
	if p.Kind != ForTopUp {
		return nil
	}
	rule, found, err := lockTopUp(ctx, tx, p.UserID)
	if err != nil || !found {
		return err
	}
	if p.Status == Succeeded {
		return releaseTopUp(ctx, tx, p, 0, nil)
	}
	if rule.InFlight == nil || *rule.InFlight != p.ID {
		return nil
	}
	failures := min(rule.Failures+1, mostPauses)
	retry := tx.Now().Add(firstPause << (failures - 1))
	if err := releaseTopUp(ctx, tx, p, failures, &retry); err != nil {
		return err
	}
	return bus.Due(ctx, tx, kindTopUp, p.UserID.String(), retry, nil)
}
