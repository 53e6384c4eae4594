// Package onboarding says how far a new shop has come: what its owner has done of
// what stands between an invitation and the first paid desktop.
package onboarding

import (
	"context"
	"strings"

	"github.com/ezscale/ezscale/tenants"
)

// State is what a shop's own books say about its first steps. What its name and
// its look are is known without asking.
type State struct {
	Prices   bool // a price was set, or the suggested ones were looked at and kept
	Payment  bool // customers can pay by card
	Customer bool // somebody has signed up
	Desktop  bool // somebody has ordered
	Hidden   bool // the owner has put the list away
}

// Step is one thing to do, in the order in which it helps.
type Step struct {
	Key       string // brand, prices, domain, payment, customer, desktop
	Done      bool
	OwnerOnly bool // staff cannot do it
}

// Steps are the first steps of a shop. Every step can be done at any time; what
// is done stays done only while it is so.
func Steps(t tenants.Tenant, s State) []Step {
	return []Step{
		{Key: "brand", Done: branded(t)},
		{Key: "prices", Done: s.Prices},
		{Key: "domain", Done: ownDomain(t), OwnerOnly: true},
		{Key: "payment", Done: s.Payment, OwnerOnly: true},
		{Key: "customer", Done: s.Customer},
		{Key: "desktop", Done: s.Desktop},
	}
}

// Finished says that nothing is left to do.
func Finished(steps []Step) bool {
	for _, s := range steps {
		if !s.Done {
			return false
		}
	}
	return true
}

// unchosen is the colour of shops that have chosen none.
const unchosen = "#3B82F6"

// branded: one own thing is enough to tell a shop from the next.
func branded(t tenants.Tenant) bool {
	plain := t.Branding
	return plain.LogoURL != "" || plain.CompanyName != "" || plain.SupportEmail != "" || plain.CustomCSS != "" ||
		plain.PrimaryColor != "" && !strings.EqualFold(plain.PrimaryColor, unchosen)
}

// ownDomain: the shop answers under a name that is not made from its short name.
func ownDomain(t tenants.Tenant) bool {
	for _, host := range t.Hosts {
		if !strings.HasPrefix(host, t.Slug+".") {
			return true
		}
	}
	return false
}

// Service keeps what the owner has said about the list itself.
type Service struct{ db *tenants.DB }

// New makes the service.
func New(db *tenants.DB) *Service { return &Service{db: db} }

// KeepPrices notes that the suggested prices are wanted as they are.
func (s *Service) KeepPrices(ctx context.Context, t tenants.Tenant, actor string) error {
	return s.note(ctx, t, actor, keyPrices, "pricing.kept")
}

// Hide puts the list away.
func (s *Service) Hide(ctx context.Context, t tenants.Tenant, actor string) error {
	return s.note(ctx, t, actor, keyHidden, "onboarding.hidden")
}

func (s *Service) note(ctx context.Context, t tenants.Tenant, actor, key, action string) error {
	return s.db.In(ctx, t, func(tx tenants.Tx) error {
		first, err := setOnce(ctx, tx, key)
		if err != nil || !first {
			return err
		}
		return record(ctx, tx, actor, action)
	})
}
